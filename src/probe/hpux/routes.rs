//! `netstat -rnv` of HP-UX.
//!
//! ```text
//! Routing tables
//! Dest/Netmask                    Gateway        Flags   Refs Interface  Pmtu
//! 192.0.2.10/255.255.255.255      192.0.2.10     UH        0  lan0       4136
//! 192.0.2.0/255.255.255.0         192.0.2.10     U         2  lan0       1500
//! default/0.0.0.0                 192.0.2.1      UG        0  lan0          0
//! ```
//! 11.00 and early 11i have a column `Use` behind `Refs`, and begin a new line where destination
//! and mask do not fit their column. With `-f inet6` there is a length in place of the mask.
//! Sources: HP-UX netstat(1), routing(7).
//!
//! Decisions: without flag `G` the gateway is the address of the interface, so there is none. A
//! path MTU of 0 is none. Without `-v` only a host (flag `H`) and the default have a prefix that
//! can be told; another row is an issue. Each way out of several has a row, and a route, of its
//! own.

use smallvec::SmallVec;

use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::route::{NextHop, Route};
use crate::model::socket::Family;
use crate::probe::bsd::endpoint::address;
use crate::probe::bsd::plain_words::{are_flags, decimal, destination, owned, route, words};
use crate::probe::cursor::is_blank;
use crate::probe::lines::{LineParser, Lines};

/// A reader of the answer. `family` is what was asked; addresses tell it too.
#[must_use]
pub fn reader(family: Option<Family>) -> Box<dyn Reader> {
    Box::new(Lines::new(Routes { family: family.unwrap_or(Family::Ipv4), held: None }))
}

struct Routes {
    family: Family,
    /// A destination whose row goes on in the next line.
    held: Option<(Span, Vec<u8>)>,
}

/// Longest destination with its mask: an IPv6 address with `/128` has 43 bytes.
const DESTINATION_BYTES_MAX: usize = 128;

impl LineParser for Routes {
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        if line.trim_ascii().is_empty() {
            return self.end(sink);
        }
        let goes_on = line.first().is_some_and(|&byte| is_blank(byte));
        if !goes_on {
            self.end(sink);
        }
        if let Some((from, mut bytes)) = self.held.take() {
            bytes.push(b' ');
            bytes.extend_from_slice(line);
            return self.row(Span { end: span.end, ..from }, &bytes, sink);
        }
        let alone = words(line).nth(1).is_none() && line.len() <= DESTINATION_BYTES_MAX;
        if alone && line.contains(&b'/') && !goes_on {
            self.held = Some((span, line.to_vec()));
        } else if is_title(line) {
            sink.header(span);
        } else {
            self.row(span, line, sink);
        }
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        if let Some((span, bytes)) = self.held.take() {
            let expected = "expected the rest of the route in the next line";
            sink.issue(Issue::unparsed(span, expected, &bytes));
        }
    }
}

fn is_title(line: &[u8]) -> bool {
    let titles: [&[u8]; 5] =
        [b"Routing table", b"Dest/", b"Destination", b"IPv4 Routing", b"IPv6 Routing"];
    titles.iter().any(|title| line.starts_with(title))
        || matches!(line.trim_ascii(), b"IPv4:" | b"IPv6:")
}

impl Routes {
    fn row(&self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        match self.route(line) {
            Ok(route) => sink.row(span, Row::Route(route)),
            Err(expected) => sink.issue(Issue::unparsed(span, expected, line)),
        }
    }

    fn route(&self, line: &[u8]) -> Result<Route, &'static str> {
        const EXPECTED: &str = "expected DESTINATION/MASK GATEWAY FLAGS REFS [USE] INTERFACE PMTU";
        let words: SmallVec<[&[u8]; 8]> = words(line).take(8).collect();
        let (target, gateway, flags, counts, device, path_mtu) = match words.as_slice() {
            [target, gateway, flags, refs, device, path_mtu] => {
                (*target, *gateway, *flags, [*refs, b"0"], *device, *path_mtu)
            }
            [target, gateway, flags, refs, used, device, path_mtu] => {
                (*target, *gateway, *flags, [*refs, *used], *device, *path_mtu)
            }
            _ => return Err(EXPECTED),
        };
        let counted = counts.into_iter().all(|count| decimal(count).is_some());
        let path_mtu = decimal(path_mtu).filter(|_| counted && are_flags(flags)).ok_or(EXPECTED)?;
        let colon = target.contains(&b':') || gateway.contains(&b':');
        let family = if colon { Family::Ipv6 } else { self.family };
        let target = destination(target, family, flags.contains(&b'H'))?;
        let (via, _) = address(gateway, family).ok_or("expected an address as gateway")?;
        let via = flags.contains(&b'G').then_some(via);
        let hop = NextHop { via, device: Some(owned(device)), weight: None };
        let mut route = route(family, target, hop, flags);
        route.mtu = (path_mtu > 0).then_some(path_mtu);
        Ok(route)
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
        target: (&str, u8),
        via: Option<&str>,
        flags: &str,
        mtu: Option<u64>,
    ) -> Row<'static> {
        let address: std::net::IpAddr = target.0.parse().unwrap();
        let family = if address.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 };
        let via = via.map(|via| via.parse().unwrap());
        let hop = NextHop { via, device: Some(owned(b"lan0")), weight: None };
        let mut expected = route(family, (address, target.1), hop, flags.as_bytes());
        expected.mtu = mtu;
        Row::Route(expected)
    }

    #[test]
    fn rows_with_and_without_use_and_in_two_lines_are_read() {
        let seen = read(
            "Routing tables\nDest/Netmask                    Gateway        Flags   Refs Interface  Pmtu\n\
             192.0.2.0/255.255.255.0         192.0.2.10     U         2  lan0       1500\n\
             default/0.0.0.0                 192.0.2.1      UG        0  lan0          0\n\
             Dest/Netmask          Gateway        Flags   Refs      Use  Interface  Pmtu\n\
             192.0.2.10/255.255.255.255\n\
             \x20                     192.0.2.10     UH        1        39 lan0       4608\n\
             2001:db8::/32         fe80::1        UG        0         0 lan0       1500\n\
             default               192.0.2.1      UG        0         0 lan0       1500\n",
        );
        assert_eq!(
            rows(&seen),
            [
                expect(("192.0.2.0", 24), None, "U", Some(1500)),
                expect(("0.0.0.0", 0), Some("192.0.2.1"), "UG", None),
                expect(("192.0.2.10", 32), None, "UH", Some(4608)),
                expect(("2001:db8::", 32), Some("fe80::1"), "UG", Some(1500)),
                expect(("0.0.0.0", 0), Some("192.0.2.1"), "UG", Some(1500)),
            ]
        );
        assert_eq!((seen.headers.len(), seen.issues.len()), (3, 0));
    }

    #[test]
    fn anything_else_is_an_issue() {
        for (text, issues) in [
            ("192.0.2.0 192.0.2.10 U 2 lan0 1500\n", 1),
            ("192.0.2.10/255.255.255.255\n", 1),
            ("192.0.2.10/255.255.255.255\ndefault web-1 UG 1 lan0 0\n", 2),
            ("192.0.2.10/255.255.255.255\n   192.0.2.10 UH 1 39 lan0", 1),
            ("default 192.0.2.1 UG 1 lan0 x\n", 1),
            ("  192.0.2.10 UH 1 39 lan0 4608\n", 1),
        ] {
            let seen = read(text);
            assert_eq!((seen.rows.len(), seen.issues.len()), (0, issues), "{text}");
        }
    }
}
