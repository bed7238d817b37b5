//! `ip -j -4 route show table all` and `-6`: routes.
//!
//! ```text
//! [{"dst":"default","gateway":"10.1.0.2","dev":"v0","flags":[]},
//!  {"dst":"10.50.0.0/16","flags":[],"nexthops":[{"gateway":"10.1.0.3","dev":"v0","weight":2}]},
//!  {"type":"blackhole","dst":"10.66.0.0/16","table":"100","metrics":[{"mtu":1400}]},
//!  {"dst":"10.71.0.0/16","via":{"family":"inet6","host":"fe80::1"},"dev":"v0"}]
//! ```
//! `type` is left out for unicast, `table` for main; a host route has no `/`. IPv6 gives a
//! discarding route the device `lo`, which says nothing and is left out. Source: ip-route(8),
//! iproute2 `iproute.c`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::Value;

use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::route::{FROM_SOME, NextHop, Route, RouteKind};
use crate::model::socket::Family;
use crate::model::text::HostText;
use crate::probe::json::{ElementParser, Elements, Fields, address, number, sorted_words, text};

/// A reader of one family's routes.
#[must_use]
pub fn reader(family: Family) -> Box<dyn Reader> {
    Box::new(Elements::new(Routes { family }))
}

struct Routes {
    family: Family,
}

impl ElementParser for Routes {
    fn element(
        &mut self,
        span: Span,
        fields: &Fields,
        sink: &mut dyn Sink,
    ) -> Result<(), &'static str> {
        let route = route(self.family, fields)?;
        if route.kind == RouteKind::Unknown {
            let word = text(fields.get("type")).unwrap_or_default();
            sink.issue(Issue::note(span, "expected a known route type", word.bytes()));
        }
        let from = route.is_of_some_sources().then(|| text(fields.get("from")).unwrap_or_default());
        sink.row(span, Row::Route(route));
        if let Some(from) = from {
            sink.issue(Issue::note(span, FROM_SOME, from.bytes()));
        }
        Ok(())
    }
}

fn route(family: Family, fields: &Fields) -> Result<Route, &'static str> {
    let (destination, prefix) = fields
        .get("dst")
        .and_then(Value::as_str)
        .and_then(|text| destination_of(family, text))
        .ok_or("expected a route with `dst` of the family that was asked for")?;
    let kind = fields.get("type").and_then(Value::as_str).map_or(RouteKind::Unicast, kind);
    let mut flags = sorted_words(fields.get("flags"));
    if let Some(from) = fields.get("from") {
        let (address, prefix) = from
            .as_str()
            .and_then(|text| destination_of(family, text))
            .ok_or("expected `from` to be a network of the family that was asked for")?;
        if prefix > 0 {
            flags.push(Route::from_flag(address, prefix));
            flags.sort_unstable();
        }
    }
    let metric = match fields.get("metric") {
        None => None,
        some => Some(number(some).ok_or("expected `metric` to be a number from 0")?),
    };
    Ok(Route {
        family,
        table: word_or_number(fields.get("table")).unwrap_or(HostText::new(b"main")),
        destination,
        prefix,
        kind,
        next_hops: next_hops(kind, fields)?,
        source: address(fields.get("prefsrc")),
        metric,
        protocol: word_or_number(fields.get("protocol")),
        scope: word_or_number(fields.get("scope")),
        mtu: mtu(fields.get("metrics")),
        flags,
        expires_seconds: seconds(fields.get("expires")),
    })
}

/// `default`, a network, or an address alone.
fn destination_of(family: Family, text: &str) -> Option<(IpAddr, u8)> {
    let (any, bits) = match family {
        Family::Ipv4 => (IpAddr::V4(Ipv4Addr::UNSPECIFIED), 32),
        Family::Ipv6 => (IpAddr::V6(Ipv6Addr::UNSPECIFIED), 128),
    };
    if matches!(text, "default" | "all") {
        return Some((any, 0));
    }
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, prefix.parse().ok()?),
        None => (text, bits),
    };
    let address: IpAddr = address.parse().ok()?;
    (address.is_ipv4() == any.is_ipv4() && prefix <= bits).then_some((address, prefix))
}

/// The kernel's route types; iproute2 prints an unknown one as a number, and with `-N` all of them.
fn kind(word: &str) -> RouteKind {
    match word {
        "xresolve" => RouteKind::Unknown,
        _ => RouteKind::parse(word).or(numbered_kind(word)).unwrap_or(RouteKind::Unknown),
    }
}

/// A type as the kernel numbers it (`rtnetlink.h`, `RTN_UNICAST` and those after it).
pub(super) fn numbered_kind(word: &str) -> Option<RouteKind> {
    Some(match word {
        "1" => RouteKind::Unicast,
        "2" => RouteKind::Local,
        "3" => RouteKind::Broadcast,
        "4" => RouteKind::Anycast,
        "5" => RouteKind::Multicast,
        "6" => RouteKind::Blackhole,
        "7" => RouteKind::Unreachable,
        "8" => RouteKind::Prohibit,
        "9" => RouteKind::Throw,
        _ => return None,
    })
}

fn next_hops(kind: RouteKind, fields: &Fields) -> Result<Vec<NextHop>, &'static str> {
    let discards = matches!(
        kind,
        RouteKind::Blackhole | RouteKind::Unreachable | RouteKind::Prohibit | RouteKind::Throw
    );
    if discards {
        return Ok(Vec::new());
    }
    let Some(several) = fields.get("nexthops") else {
        let alone = next_hop(|name| fields.get(name))?;
        let says_nothing = alone.via.is_none() && alone.device.is_none();
        return Ok(if says_nothing { Vec::new() } else { vec![alone] });
    };
    let several = several.as_array().ok_or("expected `nexthops` to be an array")?;
    several.iter().map(|hop| next_hop(|name| hop.get(name))).collect()
}

/// One way out. A gateway that cannot be read makes the whole route an issue: a route without its
/// gateway would be a wrong one.
fn next_hop<'a>(get: impl Fn(&str) -> Option<&'a Value>) -> Result<NextHop, &'static str> {
    let gateway = get("gateway").or_else(|| get("via").and_then(|via| via.get("host")));
    let via = match gateway {
        None if get("via").is_some() => return Err("expected `via` with `host`"),
        None => None,
        some => Some(address(some).ok_or("expected the gateway to be an address")?),
    };
    let weight = number(get("weight")).and_then(|weight| u32::try_from(weight).ok());
    Ok(NextHop { via, device: text(get("dev")), weight })
}

/// A name, or the number that stands where the host has no name for it.
fn word_or_number(value: Option<&Value>) -> Option<HostText<'static>> {
    let as_number = || number(value).map(|n| HostText::owned(n.to_string().into_bytes()));
    text(value).or_else(as_number)
}

fn mtu(metrics: Option<&Value>) -> Option<u64> {
    metrics?.as_array()?.iter().find_map(|set| number(set.get("mtu")))
}

/// A number of seconds, or text such as `297sec`.
fn seconds(value: Option<&Value>) -> Option<u64> {
    number(value).or_else(|| value?.as_str()?.strip_suffix("sec")?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{read, rows};

    #[test]
    fn an_ipv6_gateway_of_an_ipv4_route_a_numbered_table_and_a_quoted_time_are_read() {
        let text = br#"[{"dst":"10.71.0.0/16","via":{"family":"inet6","host":"fe80::1"},"dev":"v0",
            "table":300,"protocol":186,"metrics":[{"advmss":9},{"mtu":1400}],"expires":"297sec",
            "flags":["pervasive","onlink"],"type":"anycast"}]"#;
        let expected = Route {
            family: Family::Ipv4,
            table: HostText::new(b"300"),
            destination: "10.71.0.0".parse().unwrap(),
            prefix: 16,
            kind: RouteKind::Anycast,
            next_hops: vec![NextHop {
                via: Some("fe80::1".parse().unwrap()),
                device: Some(HostText::new(b"v0")),
                weight: None,
            }],
            source: None,
            metric: None,
            protocol: Some(HostText::new(b"186")),
            scope: None,
            mtu: Some(1400),
            flags: vec![HostText::new(b"onlink"), HostText::new(b"pervasive")],
            expires_seconds: Some(297),
        };
        assert_eq!(rows(&read(reader(Family::Ipv4), text)), [Row::Route(expected)]);
    }

    #[test]
    fn a_route_of_some_sources_says_so_in_its_flags_and_in_a_note() {
        let text = br#"[{"dst":"default","from":"2001:db8:1::/64","dev":"v0","flags":["onlink"]},
            {"dst":"default","from":"all","dev":"v0","flags":[]}]"#;
        let seen = read(reader(Family::Ipv6), text);
        let flags: Vec<_> = rows(&seen)
            .into_iter()
            .map(|row| if let Row::Route(route) = row { route.flags } else { Vec::new() })
            .collect();
        let expected = vec![HostText::new(b"from 2001:db8:1::/64"), HostText::new(b"onlink")];
        assert_eq!(flags, [expected, vec![]]);
        let notes: Vec<_> =
            seen.issues.iter().map(|issue| (issue.message.as_str(), issue.text.bytes())).collect();
        assert_eq!(notes, [(FROM_SOME, b"2001:db8:1::/64".as_slice())]);
    }

    #[test]
    fn a_route_that_would_be_wrong_is_an_issue() {
        for text in [
            r#"[{"dst":"::/0"}]"#,
            r#"[{"dst":"10.0.0.0/33"}]"#,
            r#"[{"gateway":"10.0.0.1"}]"#,
            r#"[{"dst":"default","gateway":"nexthop"}]"#,
            r#"[{"dst":"default","via":{"family":"inet6"}}]"#,
            r#"[{"dst":"default","nexthops":[{"gateway":1}]}]"#,
            r#"[{"dst":"default","metric":-1}]"#,
            r#"[{"dst":"default","from":"web-1"}]"#,
        ] {
            let seen = read(reader(Family::Ipv4), text.as_bytes());
            assert_eq!((seen.rows.len(), seen.issues.len()), (0, 1), "{text}");
        }
    }
}
