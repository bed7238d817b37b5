//! `/proc/net/ipv6_route`: the IPv6 routes of every table, without the table.
//!
//! ```text
//! 20010db8005000000000000000000000 30 000...000 00 20010db8000100000000000000000003 00000400 00000002 00000000 00000003       v0
//! 00000000000000000000000000000000 00 000...000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
//! ```
//! Destination, its prefix, source and its prefix, gateway, metric, references, use, flags
//! (`ipv6_route.h`), interface; all hexadecimal. Each way out of several has a row of its own. A
//! local address says so in its flags and stands in the table local; of any other route the table is
//! not told, and is given as `unspec`, the name of table 0. A route that discards says only that,
//! so its kind is `unknown`; the last row of each table, which discards what nothing else takes, is
//! no route of anyone's and counts as a header.

use crate::model::parsed::{Reader, Row};
use crate::model::route::{NextHop, Route, RouteKind};
use crate::model::socket::Family;
use crate::model::text::HostText;
use crate::probe::cursor::Cursor;
use crate::probe::linux::proc_tables::hexadecimal::{ipv6, number, owned, word};
use crate::probe::whole;

/// `RTF_REJECT`: discards.
const REJECT: u64 = 0x200;
/// `RTF_ANYCAST`.
const ANYCAST: u64 = 0x0010_0000;
/// `RTF_LOCAL`.
const LOCAL: u64 = 0x8000_0000;
/// Metric of the row that ends each table.
const LAST: u64 = 0xffff_ffff;

/// A reader of the file.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    whole::reader(|line| match route(line) {
        Some(route) if route.kind == RouteKind::Unknown && route.metric == Some(LAST) => Ok(None),
        Some(route) => Ok(Some(Row::Route(route))),
        None => Err("expected a row of /proc/net/ipv6_route"),
    })
}

fn route(line: &[u8]) -> Option<Route> {
    let mut cursor = Cursor::new(line);
    let destination = ipv6(&mut cursor)?;
    let prefix = number(&mut cursor).filter(|&prefix| prefix <= 128)?;
    ipv6(&mut cursor)?;
    number(&mut cursor)?;
    let gateway = ipv6(&mut cursor)?;
    let metric = number(&mut cursor)?;
    number(&mut cursor)?;
    number(&mut cursor)?;
    let flags = number(&mut cursor)?;
    let device = word(&mut cursor)?;
    let kind = match flags {
        _ if flags & REJECT != 0 && device == b"lo" && flags & LOCAL == 0 => RouteKind::Unknown,
        _ if flags & LOCAL != 0 => RouteKind::Local,
        _ if flags & ANYCAST != 0 => RouteKind::Anycast,
        _ if destination.is_multicast() => RouteKind::Multicast,
        _ => RouteKind::Unicast,
    };
    let table: &[u8] = match kind {
        RouteKind::Local | RouteKind::Anycast => b"local",
        _ => b"unspec",
    };
    let hop = NextHop {
        via: (!gateway.is_unspecified()).then_some(gateway.into()),
        device: Some(owned(device)),
        weight: None,
    };
    Some(Route {
        family: Family::Ipv6,
        table: HostText::owned(table.to_vec()),
        destination: destination.into(),
        prefix: u8::try_from(prefix).ok()?,
        kind,
        next_hops: if kind == RouteKind::Unknown { Vec::new() } else { vec![hop] },
        source: None,
        metric: Some(metric),
        protocol: None,
        scope: None,
        mtu: None,
        flags: Vec::new(),
        expires_seconds: None,
    })
}
