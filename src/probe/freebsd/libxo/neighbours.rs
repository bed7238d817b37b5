//! `arp --libxo json -a -n` and `ndp --libxo json -a -n`: neighbours.
//!
//! ```text
//! {"hostname":"?","ip-address":"192.0.2.1","mac-address":"00:00:5e:00:53:01","interface":"em0",
//!  "expires":1180,"type":"ethernet"}
//! {"address":"fe80::1%em0","mac-address":"(incomplete)","interface":"em0","permanent":true,
//!  "neighbor-state":"R","nd-flags":"R"}
//! ```
//! Rows of `arp/arp-cache` and `ndp/neighbor-cache`. Of ARP the states are the members that are
//! `true`: `incomplete`, `permanent`, `expired`, `published`. Of neighbour discovery the state is a
//! letter, and `R` among the flags is a router. A zone is the interface, which is named.
//!
//! Source: usr.sbin/arp/arp.c and `arp_netlink.c`, usr.sbin/ndp/ndp.c and `ndp_netlink.c`.

use crate::model::parsed::{Reader, Row, Sink};
use crate::model::route::Neighbour;
use crate::model::text::HostText;
use crate::probe::address::hardware_address;
use crate::probe::freebsd::libxo::routes::address_of;
use crate::probe::freebsd::libxo::{Document, keep_none, word};
use crate::probe::json::Fields;
use crate::probe::json_tree::Place;

const ARP: &[&str] = &[
    "hostname",
    "ip-address",
    "mac-address",
    "interface",
    "expires",
    "type",
    "incomplete",
    "permanent",
    "expired",
    "published",
];
const NDP: &[&str] = &[
    "address",
    "mac-address",
    "interface",
    "expires_sec",
    "permanent",
    "neighbor-state",
    "nd-flags",
];

/// States that are members of their own.
const MARKS: &[&str] = &["expired", "incomplete", "permanent", "published"];

/// Letters of neighbour discovery.
const LETTERS: &[(&[u8], &[u8])] = &[
    (b"N", b"nostate"),
    (b"W", b"waitdelete"),
    (b"I", b"incomplete"),
    (b"R", b"reachable"),
    (b"S", b"stale"),
    (b"D", b"delay"),
    (b"P", b"probe"),
    (b"F", b"failed"),
];

/// A reader of the ARP table.
#[must_use]
pub fn arp_reader() -> Box<dyn Reader> {
    let list = "arp/arp-cache";
    Document { list, members: ARP, values: &[], keep: keep_none, read: arp, kept: () }.reader()
}

/// A reader of the table of neighbour discovery.
#[must_use]
pub fn ndp_reader() -> Box<dyn Reader> {
    let list = "ndp/neighbor-cache";
    Document { list, members: NDP, values: &[], keep: keep_none, read: ndp, kept: () }.reader()
}

fn arp(
    (): &mut (),
    place: Place<'_>,
    fields: &Fields,
    sink: &mut dyn Sink,
) -> Result<(), &'static str> {
    row(place, "ip-address", None, fields, sink)
}

fn ndp(
    (): &mut (),
    place: Place<'_>,
    fields: &Fields,
    sink: &mut dyn Sink,
) -> Result<(), &'static str> {
    let router = word(fields.get("nd-flags")).is_some_and(|flags| flags.bytes().contains(&b'R'));
    row(place, "address", Some(router), fields, sink)
}

fn row(
    place: Place<'_>,
    address: &str,
    router: Option<bool>,
    fields: &Fields,
    sink: &mut dyn Sink,
) -> Result<(), &'static str> {
    let address = word(fields.get(address)).ok_or("expected a neighbour with its address")?;
    let address = address_of(address.bytes()).ok_or("expected an address")?;
    let marked = |mark: &&&str| fields.get(mark).is_some_and(|value| value.as_bool() == Some(true));
    let marks = MARKS.iter().filter(marked).map(|mark| HostText::new(mark.as_bytes()));
    let letter = word(fields.get("neighbor-state"));
    let state = letter.map(|letter| {
        let known = LETTERS.iter().find(|(known, _)| *known == letter.bytes());
        known.map_or(letter, |(_, state)| HostText::new(state))
    });
    let mut states: Vec<HostText<'static>> = marks.chain(state).collect();
    states.sort();
    states.dedup();
    let mac = word(fields.get("mac-address")).filter(|mac| !mac.bytes().starts_with(b"("));
    let mac = mac.map(|mac| hardware_address(mac.bytes()).unwrap_or(mac));
    let device = word(fields.get("interface"));
    sink.row(place.span, Row::Neighbour(Neighbour { address, device, mac, states, router }));
    Ok(())
}
