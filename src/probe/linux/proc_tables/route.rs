//! `/proc/net/route`: the IPv4 routes of the table main.
//!
//! ```text
//! Iface   Destination     Gateway         Flags   RefCnt  Use     Metric  Mask            MTU     Window  IRTT
//! v0      00000000        0200010A        0003    0       0       0       00000000        0       0       0
//! *       0000420A        00000000        0001    0       0       0       0000FFFF        0       0       0
//! ```
//! Addresses are numbers of the host's byte order. A mask is ones from the left, so it tells the order of
//! its own row, but for the masks of no and of all ones: those rows are read as of a little-endian
//! host, and `normalize` sets them right where the same visit tells another. A gateway of the other family is not told, so such
//! a route is an issue. Only the first way out of several is told. A
//! route that discards has `*` for its interface, whatever it does, so its kind is `unknown`.
//! `MTU` is in truth the MSS and 40; protocol, scope, source and flags are not told.

use std::net::Ipv4Addr;

use crate::model::parsed::{Reader, Row};
use crate::model::route::{NextHop, Route, RouteKind};
use crate::model::socket::Family;
use crate::model::text::HostText;
use crate::probe::cursor::Cursor;
use crate::probe::linux::proc_tables::hexadecimal::{decimal, ipv4, number, owned, word};
use crate::probe::whole;

/// `RTF_GATEWAY`.
const GATEWAY: u64 = 0x2;

/// A reader of the file.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    whole::reader(|line| match route(line) {
        Some(route) => Ok(Some(Row::Route(route))),
        None if line.starts_with(b"Iface\tDestination\t") => Ok(None),
        None => Err("expected a row of /proc/net/route with its gateway"),
    })
}

fn route(line: &[u8]) -> Option<Route> {
    let mut cursor = Cursor::new(line);
    let device = word(&mut cursor)?;
    let mut destination = ipv4(&mut cursor)?;
    let mut gateway = ipv4(&mut cursor)?;
    let flags = number(&mut cursor)?;
    // A gateway of the other family is left out, and without it the route would be a wrong one.
    (flags & GATEWAY == 0 || !gateway.is_unspecified()).then_some(())?;
    decimal(&mut cursor)?;
    decimal(&mut cursor)?;
    // Printed signed: a metric of DHCP clients can pass 2 to the 31st.
    let metric = signed(&mut cursor)?;
    let mask = ipv4(&mut cursor)?.to_bits();
    let prefix = match ones(mask) {
        Some(prefix) => prefix,
        None => {
            let swapped = |address: Ipv4Addr| Ipv4Addr::from_bits(address.to_bits().swap_bytes());
            (destination, gateway) = (swapped(destination), swapped(gateway));
            ones(mask.swap_bytes())?
        }
    };
    let discards = device == b"*";
    let hop = NextHop {
        via: (!gateway.is_unspecified()).then_some(gateway.into()),
        device: Some(owned(device)),
        weight: None,
    };
    Some(Route {
        family: Family::Ipv4,
        table: HostText::new(b"main"),
        destination: destination.into(),
        prefix: u8::try_from(prefix).ok()?,
        kind: if discards { RouteKind::Unknown } else { RouteKind::Unicast },
        next_hops: if discards { Vec::new() } else { vec![hop] },
        source: None,
        metric: (metric != 0).then_some(metric.into()),
        protocol: None,
        scope: None,
        mtu: None,
        flags: Vec::new(),
        expires_seconds: None,
    })
}

/// How many ones a mask has, if they all stand on the left.
fn ones(mask: u32) -> Option<u32> {
    let prefix = mask.leading_ones();
    (mask.checked_shl(prefix).unwrap_or(0) == 0).then_some(prefix)
}

fn signed(cursor: &mut Cursor<'_>) -> Option<u32> {
    cursor.blanks();
    let negative = cursor.eat(b"-");
    let value = u32::try_from(decimal(cursor)?).ok()?;
    Some(if negative { value.wrapping_neg() } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{read, rows};

    #[test]
    fn a_large_metric_is_not_negative_and_a_mask_with_holes_is_an_issue() {
        let text = b"v0\t0000010A\t00000000\t0001\t0\t0\t-16769024\t00FFFFFF\t0\t0\t0\n\
            v0\t0000010A\t00000000\t0001\t0\t0\t0\tFF00FFFF\t0\t0\t0\n";
        let seen = read(reader(), text);
        let metrics: Vec<_> = rows(&seen)
            .into_iter()
            .map(|row| if let Row::Route(route) = row { route.metric } else { None })
            .collect();
        assert_eq!(metrics, [Some(4_278_198_272)]);
        assert_eq!(seen.issues.len(), 1);
    }

    #[test]
    fn a_mask_tells_the_byte_order_of_its_row() {
        let text = b"e0\t0A010000\t0A010002\t0003\t0\t0\t0\tFFFFFF00\t0\t0\t0\n\
            e0\t0000010A\t0200010A\t0003\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
        let seen = read(reader(), text);
        let routes: Vec<_> = rows(&seen)
            .into_iter()
            .map(|row| match row {
                Row::Route(route) => (route.destination, route.prefix, route.next_hops[0].via),
                other => panic!("{other:?}"),
            })
            .collect();
        let expected = ("10.1.0.0".parse().unwrap(), 24, "10.1.0.2".parse().ok());
        assert_eq!(routes, [expected, expected]);
    }
}
