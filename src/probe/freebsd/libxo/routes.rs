//! `netstat --libxo json -r -n -W`: routes.
//!
//! ```text
//! {"statistics":{"route-information":{"route-table":{"rt-family":[{"address-family":"Internet",
//!  "rt-entry":[{"destination":"default","gateway":"192.0.2.1","flags":"UGS",
//!   "flags_pretty":["up","gateway","static"],"nhop":3,"mtu":1500,"interface-name":"em0"},...]}]}}}}
//! ```
//! `default` has the family that stands before the list; anything else tells its own. A host has
//! flag `H` and no prefix length. A gateway `link#2` or a hardware address: the destination is on the
//! link. A zone belongs to the interface that is named. Ways out of one multipath route are rows of
//! their own, with a weight and the number of their group. `fib` is told of a table other than the
//! first. Flags are letters, as netstat(1) explains them.
//!
//! Source: usr.bin/netstat/route.c and `route_netlink.c`, FreeBSD 11 to 15.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::Value;

use crate::model::parsed::{Reader, Row, Sink};
use crate::model::route::{NextHop, Route, RouteKind};
use crate::model::socket::Family;
use crate::model::text::HostText;
use crate::probe::bsd::endpoint::address;
use crate::probe::freebsd::libxo::{Document, whole, word};
use crate::probe::json::Fields;
use crate::probe::json_tree::Place;

const MEMBERS: &[&str] = &[
    "destination",
    "gateway",
    "flags",
    "flags_pretty",
    "refs",
    "use",
    "nhop",
    "mtu",
    "interface-name",
    "expire-time",
    "weight",
    "nhop-kidx",
    "nhop-uidx",
    "nhg-kidx",
    "nhg-uidx",
];

const FAMILY: &str = "statistics/route-information/route-table/rt-family/address-family";
const FIB: &str = "statistics/route-information/fib";

/// What stands before the routes.
#[derive(Debug, Default)]
struct Table {
    family: Option<Family>,
    fib: Option<u64>,
}

/// A reader of the answer.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    let list = "statistics/route-information/route-table/rt-family/rt-entry";
    let values = &[FAMILY, FIB];
    Document { list, members: MEMBERS, values, keep, read: row, kept: Table::default() }.reader()
}

fn keep(table: &mut Table, path: &str, value: &Value) {
    match path {
        FAMILY => {
            table.family = match value.as_str().map(str::trim) {
                Some("Internet") => Some(Family::Ipv4),
                Some("Internet6") => Some(Family::Ipv6),
                _ => None,
            }
        }
        FIB => table.fib = whole(Some(value)),
        _ => {}
    }
}

fn row(
    table: &mut Table,
    place: Place<'_>,
    fields: &Fields,
    sink: &mut dyn Sink,
) -> Result<(), &'static str> {
    let flags = word(fields.get("flags")).unwrap_or_else(|| HostText::new(b""));
    let has = |flag| flags.bytes().contains(&flag);
    let text = word(fields.get("destination")).ok_or("expected a route with its destination")?;
    let (destination, prefix) =
        destination(text.bytes(), table.family, has(b'H')).ok_or("expected a destination")?;
    let gateway = word(fields.get("gateway")).ok_or("expected a route with its gateway")?;
    let via = via(gateway.bytes()).ok_or("expected the address of a gateway or a link")?;
    let several = fields.get("nhg-kidx").is_some();
    let kind = match () {
        () if has(b'B') => RouteKind::Blackhole,
        () if has(b'R') => RouteKind::Unreachable,
        () if has(b'b') => RouteKind::Broadcast,
        () => RouteKind::Unicast,
    };
    let mut letters: Vec<u8> = flags.bytes().to_vec();
    letters.sort_unstable();
    let fib = table.fib.map(|fib| HostText::owned(fib.to_string().into_bytes()));
    sink.row(
        place.span,
        Row::Route(Route {
            family: if destination.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 },
            table: fib.unwrap_or_else(|| HostText::new(b"main")),
            destination,
            prefix,
            kind,
            next_hops: vec![NextHop {
                via,
                device: word(fields.get("interface-name")).filter(|name| name.bytes() != b"---"),
                weight: whole(fields.get("weight")).filter(|_| several),
            }],
            source: None,
            metric: None,
            protocol: None,
            scope: None,
            mtu: whole(fields.get("mtu")),
            flags: letters.iter().map(|letter| HostText::owned(vec![*letter])).collect(),
            expires_seconds: whole(fields.get("expire-time")),
        }),
    );
    Ok(())
}

/// A destination with its prefix length: `default`, `192.0.2.0/24`, `fe80::%em0/64`, or a host.
fn destination(text: &[u8], family: Option<Family>, host: bool) -> Option<(IpAddr, u8)> {
    if text == b"default" {
        return match family? {
            Family::Ipv4 => Some((Ipv4Addr::UNSPECIFIED.into(), 0)),
            Family::Ipv6 => Some((Ipv6Addr::UNSPECIFIED.into(), 0)),
        };
    }
    let mut parts = text.splitn(2, |byte| *byte == b'/');
    let network = address_of(parts.next()?)?;
    let bits = if network.is_ipv4() { 32 } else { 128 };
    let prefix = match parts.next() {
        Some(digits) => length(digits)?,
        None if host => bits,
        None => return None,
    };
    (prefix <= bits).then_some((network, prefix))
}

/// A prefix length: one to three digits.
pub(super) fn length(digits: &[u8]) -> Option<u8> {
    let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    plain.then(|| std::str::from_utf8(digits).ok()?.parse().ok()).flatten()
}

/// An address without its zone.
pub(super) fn address_of(text: &[u8]) -> Option<IpAddr> {
    let family = if text.contains(&b':') { Family::Ipv6 } else { Family::Ipv4 };
    // `*` is for ends of sockets alone.
    address(text, family).filter(|_| text != b"*").map(|(address, _)| address)
}

/// The address of a gateway; `Some(None)` for a link.
#[expect(clippy::option_option, reason = "no gateway is another thing than none that can be read")]
fn via(text: &[u8]) -> Option<Option<IpAddr>> {
    if let Some(number) = text.strip_prefix(b"link#") {
        let plain = !number.is_empty() && number.iter().all(u8::is_ascii_digit);
        return plain.then_some(None);
    }
    if is_mac(text) {
        return Some(None);
    }
    address_of(text).map(Some)
}

/// True for a hardware address: six or twenty pairs of hexadecimal digits, leading zeros left out
/// at times. Eight would be an IPv6 address as well.
fn is_mac(text: &[u8]) -> bool {
    let pair = |part: &[u8]| matches!(part.len(), 1 | 2) && part.iter().all(u8::is_ascii_hexdigit);
    let parts = text.split(|byte| *byte == b':');
    parts.clone().all(pair) && matches!(parts.count(), 6 | 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_and_gateways_in_every_form() {
        let v4 = Some(Family::Ipv4);
        let read = |text: &str, host| {
            destination(text.as_bytes(), v4, host)
                .map(|(address, prefix)| format!("{address}/{prefix}"))
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(read("default", false), some("0.0.0.0/0"));
        assert_eq!(read("192.0.2.0/24", false), some("192.0.2.0/24"));
        assert_eq!(read("192.0.2.1", true), some("192.0.2.1/32"));
        assert_eq!(read("fe80::%lo0/64", false), some("fe80::/64"));
        assert_eq!(read("fe80::1%lo0", true), some("fe80::1/128"));
        for text in ["192.0.2.1", "192.0.2.0/33", "192.0.2.0/", "10&0xff00ff00", "*", "null", ""] {
            assert_eq!(read(text, false), None, "{text}");
        }
        assert_eq!(destination(b"default", None, false), None);
        assert_eq!(via(b"link#2"), Some(None));
        assert_eq!(via(b"0:0:5e:0:53:1"), Some(None));
        assert_eq!(via(b"fe80::1%em0"), Some(Some("fe80::1".parse().unwrap())));
        assert_eq!(
            via(b"2001:db8:1:2:3:4:5:6"),
            Some(Some("2001:db8:1:2:3:4:5:6".parse().unwrap()))
        );
        assert_eq!(via(b"link#"), None);
        assert_eq!(via(b"web-1"), None);
    }
}
