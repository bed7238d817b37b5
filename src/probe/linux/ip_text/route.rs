//! `ip -o -4 route show table all` and `-6`: routes, with or without `-o`.
//!
//! ```text
//! default via 10.1.0.2 dev v0
//! 10.70.0.0/16 via 10.1.0.5 dev v0 table 100 metric 77 mtu 1400
//! blackhole 10.66.0.0/16
//! 10.50.0.0/16 proto bgp \       nexthop via 10.1.0.3 dev v0 weight 2 \  nexthop dev v1 weight 1
//! ```
//! A type other than unicast stands first. Several ways out follow as `nexthop`, behind a backslash
//! or, without `-o`, on lines of their own that begin with a TAB, as lines of statistics begin with
//! blanks: a route is held until the next line that does neither. `via inet6 ADDRESS` is a gateway of the other family. IPv6 gives a
//! discarding route the device `lo`, which says nothing and is left out. `from 2001:db8:1::/64` is kept
//! as a flag, with a note.

use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::route::{FROM_SOME, NextHop, Route, RouteKind};
use crate::model::socket::Family;
use crate::model::text::HostText;
use crate::probe::lines::{LineParser, Lines};
use crate::probe::linux::ip_route::numbered_kind;
use crate::probe::linux::ip_text::words::{Words, address, any, network, number, owned};

/// A reader of one family's routes, or, with `None`, of those of both in one text.
#[must_use]
pub fn reader(family: Option<Family>) -> Box<dyn Reader> {
    let asked = family;
    Box::new(Lines::new(Routes { asked, family, held: None }))
}

struct Routes {
    asked: Option<Family>,
    /// The one that was asked for, or that of the route before.
    family: Option<Family>,
    /// A route that lines with TABs may go on.
    held: Option<(Span, Route)>,
}

/// What is remarked of a route besides [`FROM_SOME`].
const ANY_FAMILY: &str = "the family is not told and IPv4 is taken: run ip with -4 or -6";

impl LineParser for Routes {
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        if line.trim_ascii().is_empty() {
            return;
        }
        if let ([b'\t' | b' ', ..], Some((held, route))) = (line, &mut self.held)
            && held.end == span.start
        {
            held.end = span.end;
            if let Err(expected) = next_hops(line, route) {
                // Without one of its ways out it would be a wrong route.
                sink.issue(Issue::unparsed(*held, expected, line));
                self.held = None;
            }
            return;
        }
        self.end(sink);
        if self.asked.is_none() {
            self.family = family_of(line).or(self.family);
        }
        if self.family.is_none() && route(Family::Ipv4, line).is_ok() {
            sink.issue(Issue::note(span, ANY_FAMILY, line));
        }
        match route(self.family.unwrap_or(Family::Ipv4), line) {
            Ok(route) => self.held = Some((span, route)),
            Err(expected) => sink.issue(Issue::unparsed(span, expected, line)),
        }
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        if let Some((span, route)) = self.held.take() {
            let note = route.is_of_some_sources().then(|| {
                let from = route.flags.iter().find(|flag| flag.bytes().starts_with(b"from "));
                Issue::note(span, FROM_SOME, from.map_or(b"", |flag| flag.bytes()))
            });
            sink.row(span, Row::Route(route));
            if let Some(note) = note {
                sink.issue(note);
            }
        }
    }
}

/// Words that stand alone and that the JSON form lists as flags.
const FLAGS: &[&[u8]] = &[
    b"dead",
    b"onlink",
    b"pervasive",
    b"offload",
    b"offload_failed",
    b"trap",
    b"notify",
    b"linkdown",
    b"unresolved",
    b"rt_offload",
    b"rt_offload_failed",
    b"rt_trap",
];

/// The family that the first address in a line tells. A default route on a device has none, and is
/// taken for one of the same family as the route before. IPv6 alone discards on `lo` and has a
/// `pref`, and IPv4 alone a `scope`.
fn family_of(line: &[u8]) -> Option<Family> {
    let has = |wanted: &[&[u8]]| {
        let mut words = Words::new(line);
        std::iter::from_fn(|| words.next()).any(|word| wanted.contains(&word))
    };
    if Words::new(line).find_map(network).is_none() {
        let discards = Words::new(line).peek().and_then(kind).is_some_and(discards);
        let v6 = has(&[b"pref"]) || (discards && has(&[b"lo"]));
        return match (v6, has(&[b"scope"])) {
            (true, _) => Some(Family::Ipv6),
            (false, true) => Some(Family::Ipv4),
            (false, false) => None,
        };
    }
    let (address, _) = Words::new(line).find_map(network)?;
    Some(if address.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 })
}

fn route(family: Family, line: &[u8]) -> Result<Route, &'static str> {
    let mut segments = line.split(|&byte| byte == b'\\');
    let mut words = Words::new(segments.next().unwrap_or_default());
    let kind = words.peek().and_then(kind);
    if kind.is_some() {
        words.next();
    }
    let (destination, prefix) = match words.next() {
        Some(b"default") => (any(family), 0),
        Some(word) => network(word)
            .filter(|(address, _)| address.is_ipv4() == (family == Family::Ipv4))
            .ok_or("expected a route that begins with its destination")?,
        None => return Err("expected a destination behind the route's type"),
    };
    let mut route = Route {
        family,
        table: HostText::new(b"main"),
        destination,
        prefix,
        kind: kind.unwrap_or(RouteKind::Unicast),
        next_hops: Vec::new(),
        source: None,
        metric: None,
        protocol: None,
        scope: None,
        mtu: None,
        flags: Vec::new(),
        expires_seconds: None,
    };
    let mut hop = NextHop { via: None, device: None, weight: None };
    fields(&mut words, &mut route, &mut hop)?;
    route.flags.sort_unstable();
    if discards(route.kind) {
        return Ok(route);
    }
    if hop.via.is_some() || hop.device.is_some() {
        route.next_hops.push(hop);
    }
    for segment in segments {
        next_hops(segment, &mut route)?;
    }
    Ok(route)
}

const fn discards(kind: RouteKind) -> bool {
    matches!(
        kind,
        RouteKind::Blackhole | RouteKind::Unreachable | RouteKind::Prohibit | RouteKind::Throw
    )
}

/// A type by its name, or with `-N` by its number.
fn kind(word: &[u8]) -> Option<RouteKind> {
    let word = std::str::from_utf8(word).ok().filter(|&word| word != "unknown")?;
    RouteKind::parse(word).or_else(|| numbered_kind(word))
}

fn fields(words: &mut Words<'_>, route: &mut Route, hop: &mut NextHop) -> Result<(), &'static str> {
    while let Some(word) = words.next() {
        match word {
            b"via" => hop.via = Some(via(words, route.family)?),
            b"dev" => hop.device = words.next().map(owned),
            b"table" => route.table = words.next().map(owned).ok_or("expected a table's name")?,
            b"proto" => route.protocol = words.next().map(owned),
            b"scope" => route.scope = words.next().map(owned),
            b"from" => {
                let word = words.next().unwrap_or_default();
                let some = |(address, prefix)| Route::from_flag(address, prefix);
                let all = matches!(word, b"all" | b"default" | b"::/0" | b"0/0");
                if !all {
                    let from =
                        network(word).map(some).ok_or("expected the source to be a network")?;
                    route.flags.push(from);
                }
            }
            b"src" => route.source = words.next().and_then(address),
            b"metric" => route.metric = words.next().and_then(number),
            b"expires" => {
                let text = words.next().unwrap_or_default();
                route.expires_seconds = number(text.strip_suffix(b"sec").unwrap_or(text));
            }
            b"mtu" => {
                if words.peek() == Some(b"lock") {
                    words.next();
                }
                route.mtu = words.next().and_then(number);
            }
            // Headers of tunnels have words of their own, of which some are also a route's.
            b"encap" => skip_encap(words),
            b"cache" => {}
            _ if FLAGS.contains(&word) => route.flags.push(owned(word)),
            _ if word.starts_with(b"<") => {}
            _ => drop(words.next()),
        }
    }
    Ok(())
}

/// A gateway that cannot be read makes the whole route an issue: a route without its gateway would
/// be a wrong one. So does one of the other family without the word that announces it: it is the
/// gateway of a route of that family.
fn via(words: &mut Words<'_>, family: Family) -> Result<std::net::IpAddr, &'static str> {
    let mut word = words.next();
    let announced = matches!(word, Some(b"inet" | b"inet6"));
    if announced {
        word = words.next();
    }
    let address = word.and_then(address).ok_or("expected the gateway to be an address")?;
    if announced || address.is_ipv4() == (family == Family::Ipv4) {
        Ok(address)
    } else {
        Err("expected a gateway of the family that was asked for")
    }
}

fn skip_encap(words: &mut Words<'_>) {
    while words.peek().is_some_and(|word| {
        !matches!(word, b"via" | b"dev" | b"nhid" | b"proto" | b"scope" | b"metric" | b"table")
    }) {
        words.next();
    }
}

/// `nexthop via 10.1.0.3 dev v0 weight 2 onlink`.
fn next_hops(segment: &[u8], route: &mut Route) -> Result<(), &'static str> {
    let mut words = Words::new(segment);
    if words.peek() != Some(b"nexthop") {
        // Statistics of a cached route, which no table lists.
        return Ok(());
    }
    words.next();
    let mut hop = NextHop { via: None, device: None, weight: None };
    while let Some(word) = words.next() {
        match word {
            b"via" => hop.via = Some(via(&mut words, route.family)?),
            b"dev" => hop.device = words.next().map(owned),
            b"weight" => hop.weight = words.next().and_then(number),
            b"encap" => skip_encap(&mut words),
            _ => {}
        }
    }
    route.next_hops.push(hop);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::parsed::Severity;
    use crate::probe::testing::{read, rows};

    #[test]
    fn ways_out_behind_backslashes_and_on_lines_of_their_own_are_the_same_route() {
        let one = b"10.50.0.0/16 proto 186 metric 5 mtu lock 1400 onlink \\\tnexthop via 10.1.0.3 dev v0 \
            weight 2 \\\tnexthop via inet6 fe80::1 dev v1 weight 1 dead \n";
        let several =
            b"10.50.0.0/16 proto 186 metric 5 mtu lock 1400 onlink \n\tnexthop via 10.1.0.3 \
            dev v0 weight 2 \n\tnexthop via inet6 fe80::1 dev v1 weight 1 dead \n";
        let hop = |via: &str, device: &'static [u8], weight| NextHop {
            via: Some(via.parse().unwrap()),
            device: Some(HostText::new(device)),
            weight: Some(weight),
        };
        let expected = Route {
            family: Family::Ipv4,
            table: HostText::new(b"main"),
            destination: "10.50.0.0".parse().unwrap(),
            prefix: 16,
            kind: RouteKind::Unicast,
            next_hops: vec![hop("10.1.0.3", b"v0", 2), hop("fe80::1", b"v1", 1)],
            source: None,
            metric: Some(5),
            protocol: Some(HostText::new(b"186")),
            scope: None,
            mtu: Some(1400),
            flags: vec![HostText::new(b"onlink")],
            expires_seconds: None,
        };
        for text in [one.as_slice(), several] {
            let seen = read(reader(Some(Family::Ipv4)), text);
            assert_eq!(rows(&seen), [Row::Route(expected.clone())]);
            assert_eq!(seen.issues, []);
        }
    }

    #[test]
    fn types_are_numbers_with_the_option_for_numbers() {
        let text = b"6 192.0.2.0/24 \n7 198.51.100.0/24 metric 4278198272 \n2 192.0.2.1 dev v0 table 255\n";
        let seen = read(reader(Some(Family::Ipv4)), text);
        let kinds: Vec<_> =
            rows(&seen)
                .into_iter()
                .map(|row| {
                    if let Row::Route(route) = row {
                        Some((route.kind, route.metric))
                    } else {
                        None
                    }
                })
                .collect();
        assert_eq!(
            kinds,
            [
                Some((RouteKind::Blackhole, None)),
                Some((RouteKind::Unreachable, Some(4_278_198_272))),
                Some((RouteKind::Local, None)),
            ]
        );
        assert_eq!(seen.issues, []);
    }

    #[test]
    fn routes_of_both_families_in_one_text_are_told_by_their_addresses() {
        let text = b"default dev tun0 scope link\n192.0.2.0/24 dev v0\ndefault via fe80::1 dev v0\n\
            unreachable default dev lo metric 4294967295 error -101\ndefault via 192.0.2.1 dev v0\n";
        let seen = read(reader(None), text);
        let families: Vec<_> = rows(&seen)
            .into_iter()
            .map(|row| if let Row::Route(route) = row { Some(route.family) } else { None })
            .collect();
        let (v4, v6) = (Some(Family::Ipv4), Some(Family::Ipv6));
        assert_eq!(families, [v4, v4, v6, v6, v4]);
        assert_eq!(seen.issues, []);
    }

    #[test]
    fn a_route_of_some_sources_says_so_in_its_flags_and_in_a_note() {
        let text = b"default from 2001:db8:1::/64 via fe80::1 dev v0 metric 1024 onlink\n\
            default from all via fe80::2 dev v0\ndefault from 2001:db8::5 dev v0\n\
            default from web-1 dev v0\n";
        let seen = read(reader(Some(Family::Ipv6)), text);
        let flags = |row| {
            let Row::Route(route) = row else { panic!("{row:?}") };
            route.flags.iter().map(|flag| flag.escaped().into_owned()).collect::<Vec<_>>().join(",")
        };
        let found: Vec<String> = rows(&seen).into_iter().map(flags).collect();
        assert_eq!(found, ["from 2001:db8:1::/64,onlink", "", "from 2001:db8::5/128"]);
        let issues: Vec<_> =
            seen.issues.iter().map(|issue| (issue.severity, issue.span.line)).collect();
        assert_eq!(issues, [(Severity::Note, 1), (Severity::Note, 3), (Severity::Unparsed, 4)]);
    }

    #[test]
    fn a_first_route_without_an_address_tells_its_family_by_its_words_or_is_noted() {
        for (line, family, notes) in [
            ("unreachable default dev lo table unspec metric 4294967295", Family::Ipv6, 0),
            ("default dev tun0 metric 1024 pref medium", Family::Ipv6, 0),
            ("local default dev lo table 100 scope host", Family::Ipv4, 0),
            ("unreachable default", Family::Ipv4, 1),
            ("default dev tun0", Family::Ipv4, 1),
        ] {
            let seen = read(reader(None), format!("{line}\n").as_bytes());
            let Some(Row::Route(route)) = rows(&seen).pop() else { panic!("{seen:?}") };
            assert_eq!((route.family, seen.issues.len()), (family, notes), "{line}");
        }
    }

    #[test]
    fn the_header_of_a_tunnel_lends_the_route_nothing() {
        let text =
            b"10.9.0.0/16 encap ip id 1 src 1.1.1.1 dst 2.2.2.2 ttl 0 tos 0 via 10.1.0.3 dev t0 \n";
        let seen = read(reader(Some(Family::Ipv4)), text);
        let Some(Row::Route(route)) = rows(&seen).pop() else { panic!("{seen:?}") };
        assert_eq!(route.source, None);
        assert_eq!(route.next_hops[0].via, "10.1.0.3".parse().ok());
    }

    #[test]
    fn a_route_that_would_be_wrong_is_an_issue() {
        for text in [
            "::/0",
            "10.0.0.0/33",
            "via 10.0.0.1",
            "default via nexthop",
            "default via fe80::1 dev v0",
            "unicast",
            "\tx",
        ] {
            let seen = read(reader(Some(Family::Ipv4)), format!("{text}\n").as_bytes());
            assert_eq!((seen.rows.len(), seen.issues.len()), (0, 1), "{text}");
        }
    }
}
