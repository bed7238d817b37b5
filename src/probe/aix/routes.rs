//! `netstat -rn` of AIX.
//!
//! ```text
//! Routing tables
//! Destination        Gateway           Flags   Refs     Use  If   Exp  Groups
//!
//! Route Tree for Protocol Family 2 (Internet):
//! default            192.0.2.1         UG        1     12696 en0      -      -   =>
//! default            192.0.2.2         UG        1     12696 en1      -      -
//! 192.0.2.0          192.0.2.40        UHSb      0         0 en0      -      -   =>
//! 192.0.2/24         192.0.2.40        U         0       639 en0      -      -
//! ```
//! Before 5.1 a column `PMTU` stands behind `If`. Source: IBM, AIX commands, `netstat`.
//!
//! Decisions:
//! - `=>` says that the next row has the same address, perhaps with another mask. Rows of the same
//!   destination, prefix, and flags are ways out of one route; others are routes of their own.
//! - Without flag `G` the gateway is the address of the interface, so there is none.
//! - The row of a host's own link-local address has an empty gateway (AIX 7.3).
//! - Flag `b` is a broadcast address, `m` a multicast one, `l` a local one, `R` answers that nothing
//!   is there. What the rest means is in the flags, one letter each.
//! - A destination without `/` and without flag `H` has no prefix that could be told: an issue.
//! - The unit of `Exp` is not documented: it is left out.

use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::route::{NextHop, Route, RouteKind};
use crate::model::socket::Family;
use crate::probe::bsd::endpoint::address;
use crate::probe::bsd::plain_words::{are_flags, decimal, destination, owned, route, words};
use crate::probe::lines::{LineParser, Lines};

/// A reader of the answer. `family` holds until a title says another.
#[must_use]
pub fn reader(family: Option<Family>) -> Box<dyn Reader> {
    let family = family.unwrap_or(Family::Ipv4);
    Box::new(Lines::new(Routes { family, known: true, path_mtu: false, held: None }))
}

struct Routes {
    family: Family,
    /// The family of the tree is one of ours.
    known: bool,
    /// The column `PMTU` is there.
    path_mtu: bool,
    /// A route that more ways out may follow.
    held: Option<(Span, Route)>,
}

/// Ways out that are put in one route; more than any host has.
const HOPS_MAX: usize = 64;

impl LineParser for Routes {
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        if line.trim_ascii().is_empty() {
            return self.end(sink);
        }
        if self.is_title(line) {
            self.end(sink);
            return sink.header(span);
        }
        let read =
            if self.known { self.route(line) } else { Err("expected a tree of IPv4 or IPv6") };
        let (route, more) = match read {
            Ok(read) => read,
            Err(expected) => {
                self.end(sink);
                return sink.issue(Issue::unparsed(span, expected, line));
            }
        };
        let joined = match self.held.take() {
            Some((from, first)) => {
                if is_same(&first, &route) && first.next_hops.len() < HOPS_MAX {
                    let mut whole = first;
                    whole.next_hops.extend(route.next_hops);
                    (Span { end: span.end, ..from }, whole)
                } else {
                    sink.row(from, Row::Route(first));
                    (span, route)
                }
            }
            None => (span, route),
        };
        self.held = Some(joined);
        if !more {
            self.end(sink);
        }
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        if let Some((span, route)) = self.held.take() {
            sink.row(span, Row::Route(route));
        }
    }
}

/// True for two ways out of one route.
fn is_same(one: &Route, other: &Route) -> bool {
    let of = |route: &Route| (route.destination, route.prefix, route.kind);
    of(one) == of(other) && one.flags == other.flags && one.mtu == other.mtu
}

impl Routes {
    fn is_title(&mut self, line: &[u8]) -> bool {
        if line.starts_with(b"Destination ") {
            self.path_mtu = words(line).any(|word| word == b"PMTU");
            return true;
        }
        let tree = line.strip_prefix(b"Route Tree for Protocol Family ");
        let tree = tree.or_else(|| line.strip_prefix(b"Route tree for Protocol Family "));
        let Some(tree) = tree else {
            // Masks of the tree, which AIX 4 lists.
            return line.starts_with(b"Routing tables")
                || line.starts_with(b"Netmasks:")
                || line.starts_with(b"(root node)")
                || line.starts_with(b"(0) ");
        };
        let number = words(tree).next();
        let number = number.and_then(|word| decimal(word.strip_suffix(b":").unwrap_or(word)));
        self.known = true;
        match number {
            Some(2) => self.family = Family::Ipv4,
            Some(24) => self.family = Family::Ipv6,
            _ => self.known = false,
        }
        true
    }

    /// A route, and whether more of its address follows.
    fn route(&self, line: &[u8]) -> Result<(Route, bool), &'static str> {
        const EXPECTED: &str = "expected DESTINATION GATEWAY FLAGS REFS USE IF EXP GROUPS";
        let mut words = words(line);
        let mut word = || words.next().ok_or(EXPECTED);
        let (target, second, third) = (word()?, word()?, word()?);
        // The row of a host's own link-local address has no gateway: the references are third.
        let (gateway, flags, refs) = if decimal(third).is_some() {
            (None, second, third)
        } else {
            (Some(second), third, word()?)
        };
        let (used, device) = (word()?, word()?);
        let path_mtu = if self.path_mtu { Some(word()?) } else { None };
        // Expiry and groups.
        let (_, _) = (word()?, word()?);
        let more = match (words.next(), words.next()) {
            (None, None) => false,
            (Some(b"=>"), None) => true,
            _ => return Err(EXPECTED),
        };
        if !are_flags(flags) || decimal(refs).is_none() || decimal(used).is_none() {
            return Err(EXPECTED);
        }
        let has = |flag: u8| flags.contains(&flag);
        let target = destination(target, self.family, has(b'H'))?;
        let via = if has(b'G') {
            let via = gateway.and_then(|gateway| address(gateway, self.family));
            Some(via.ok_or("expected an address as gateway")?.0)
        } else {
            None
        };
        let hop = NextHop { via, device: Some(owned(device)), weight: None };
        let mut route = route(self.family, target, hop, flags);
        route.mtu = path_mtu.and_then(decimal).filter(|&mtu| mtu > 0);
        route.kind = match () {
            () if has(b'R') => RouteKind::Unreachable,
            () if has(b'b') => RouteKind::Broadcast,
            () if has(b'm') => RouteKind::Multicast,
            () if has(b'l') => RouteKind::Local,
            () => RouteKind::Unicast,
        };
        if route.kind == RouteKind::Unreachable {
            route.next_hops.clear();
        }
        Ok((route, more))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{Seen, rows};

    fn read(text: &str) -> Seen {
        crate::probe::testing::read(reader(None), text.as_bytes())
    }

    fn expect(
        (target, prefix): (&str, u8),
        hops: &[(Option<&str>, &str)],
        flags: &str,
        kind: RouteKind,
    ) -> Row<'static> {
        let target: std::net::IpAddr = target.parse().unwrap();
        let family = if target.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 };
        let hop = |&(via, device): &(Option<&str>, &str)| NextHop {
            via: via.map(|via| via.parse().unwrap()),
            device: Some(owned(device.as_bytes())),
            weight: None,
        };
        let none = NextHop { via: None, device: None, weight: None };
        let mut expected = route(family, (target, prefix), none, flags.as_bytes());
        expected.next_hops = hops.iter().map(hop).collect();
        expected.kind = kind;
        Row::Route(expected)
    }

    #[test]
    fn an_arrow_joins_only_ways_out_of_the_same_destination() {
        use RouteKind::{Broadcast, Unicast, Unreachable};
        let seen = read(
            "Routing tables\nDestination        Gateway           Flags   Refs     Use  If   Exp  Groups\n\n\
             Route Tree for Protocol Family 2 (Internet):\n\
             default            192.0.2.1         UG        1     12696 en0      -      -   =>\n\
             default            192.0.2.2         UG        1         7 en1      -      -\n\
             192.0.2.0          192.0.2.40        UHSb      0         0 en0      -      -   =>\n\
             192.0.2/24         192.0.2.40        U         0       639 en0      -      -\n\
             198.51.100/24      192.0.2.3         UGSR      0         0 en0      -      -\n\n\
             Route Tree for Protocol Family 24 (Internet v6):\n\
             ::1%1              ::1%1             UH        2       798 lo0      -      -\n\
             default            fe80::1           UG        2       798 en0      -      -",
        );
        let two = [(Some("192.0.2.1"), "en0"), (Some("192.0.2.2"), "en1")];
        assert_eq!(
            rows(&seen),
            [
                expect(("0.0.0.0", 0), &two, "UG", Unicast),
                expect(("192.0.2.0", 32), &[(None, "en0")], "UHSb", Broadcast),
                expect(("192.0.2.0", 24), &[(None, "en0")], "U", Unicast),
                expect(("198.51.100.0", 24), &[], "UGSR", Unreachable),
                expect(("::1", 128), &[(None, "lo0")], "UH", Unicast),
                expect(("::", 0), &[(Some("fe80::1"), "en0")], "UG", Unicast),
            ]
        );
        assert_eq!((seen.headers.len(), seen.issues.len()), (4, 0));
    }

    #[test]
    fn a_row_without_a_gateway_is_read_and_one_that_needs_it_is_an_issue() {
        let seen = read(
            "Route Tree for Protocol Family 24 (Internet v6):\n\
             fe80::80de:eff:fe65:c1a                   UHXLWl    4         0 lo0      -      -\n\
             default                                   UG        4         0 en0      -      -\n",
        );
        let own = ("fe80::80de:eff:fe65:c1a", 128);
        assert_eq!(rows(&seen), [expect(own, &[(None, "lo0")], "UHXLWl", RouteKind::Local)]);
        assert_eq!(seen.issues.len(), 1);
    }

    #[test]
    fn a_column_of_old_releases_is_the_mtu() {
        let seen = read(
            "Destination      Gateway           Flags   Refs     Use  If   PMTU  Exp  Groups\n\
             10.1/16          192.0.2.1         UGc       0         0  tr0  1492   -    -\n",
        );
        let Row::Route(mut expected) =
            expect(("10.1.0.0", 16), &[(Some("192.0.2.1"), "tr0")], "UGc", RouteKind::Unicast)
        else {
            panic!("a route");
        };
        expected.mtu = Some(1492);
        assert_eq!(rows(&seen), [Row::Route(expected)]);
    }

    #[test]
    fn anything_else_is_an_issue_and_costs_no_route() {
        let seen = read(
            "default 192.0.2.1 UG 1 1 en0 - - =>\nnonsense\n192.0.2.0 192.0.2.40 U 0 0 en0 - -\n\
             default web-1 UG 1 1 en0 - -\ndefault 192.0.2.1 UG 1 1 en0 - - more\n\
             Route Tree for Protocol Family 6:\n1:2 3:4 U 1 1 xn0 - -\ndefault 192.0.2.1 UG",
        );
        assert_eq!((seen.rows.len(), seen.headers.len(), seen.issues.len()), (1, 1, 6));
    }
}
