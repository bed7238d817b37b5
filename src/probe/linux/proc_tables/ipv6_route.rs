//! `/proc/net/ipv6_route`: the IPv6 routes of every table, without the table.
//!
//! ```text
//! 20010db8005000000000000000000000 30 000...000 00 20010db8000100000000000000000003 00000400 00000002 00000000 00000003       v0
//! 00000000000000000000000000000000 00 000...000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
//! ```
//! Destination, its prefix, source and its prefix, gateway, metric, references, use, flags
//! (`ipv6_route.h`), interface; all hexadecimal. A source is kept as the flag `from`, with a note. Each way out of several has a row of its own. A
//! local address says so in its flags and stands in the table local; of any other route the table is
//! not told, and is given as `unspec`, the name of table 0. A route that discards says only that,
//! so its kind is `unknown`; the last row of each table, which discards what nothing else takes, is
//! no route of anyone's and counts as a header.

use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::route::{FROM_SOME, NextHop, Route, RouteKind};
use crate::model::socket::Family;
use crate::model::text::HostText;
use crate::probe::cursor::Cursor;
use crate::probe::lines::{LineParser, Lines};
use crate::probe::linux::proc_tables::hexadecimal::{ipv6, number, owned, word};

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
    Box::new(Lines::new(Routes))
}

struct Routes;

impl LineParser for Routes {
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        if line.trim_ascii().is_empty() {
            return;
        }
        let Some(route) = route(line) else {
            let expected = "expected a row of /proc/net/ipv6_route";
            return sink.issue(Issue::unparsed(span, expected, line));
        };
        if route.kind == RouteKind::Unknown && route.metric == Some(LAST) {
            return sink.header(span);
        }
        let note = route.is_of_some_sources();
        sink.row(span, Row::Route(route));
        if note {
            sink.issue(Issue::note(span, FROM_SOME, line));
        }
    }

    fn end(&mut self, _: &mut dyn Sink) {}
}

fn route(line: &[u8]) -> Option<Route> {
    let mut cursor = Cursor::new(line);
    let destination = ipv6(&mut cursor)?;
    let prefix = number(&mut cursor).filter(|&prefix| prefix <= 128)?;
    let source = ipv6(&mut cursor)?;
    let source_prefix = number(&mut cursor).filter(|&prefix| prefix <= 128)?;
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
        flags: match u8::try_from(source_prefix).ok()? {
            0 => Vec::new(),
            prefix => vec![Route::from_flag(source.into(), prefix)],
        },
        expires_seconds: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{read, rows};

    #[test]
    fn a_route_of_some_sources_says_so_in_its_flags_and_in_a_note() {
        let any = "0".repeat(32);
        let row = format!(
            "{any} 00 20010db8000100000000000000000000 40 fe80{:028} 00000400 00000001 00000000 \
             00000003       v0\n",
            1
        );
        let seen = read(reader(), row.as_bytes());
        let Some(Row::Route(route)) = rows(&seen).pop() else { panic!("{seen:?}") };
        assert_eq!(route.flags, [HostText::new(b"from 2001:db8:1::/64")]);
        let notes: Vec<_> = seen.issues.iter().map(|issue| issue.message.as_str()).collect();
        assert_eq!(notes, [FROM_SOME]);
    }
}
