//! `netstat --libxo json -i -b -d -n -W`: interfaces and their addresses.
//!
//! ```text
//! {"name":"em0","flags":"0x8863","mtu":1500,"network":"<Link#1>","address":"00:00:5e:00:53:01",
//!  "received-packets":10,"received-errors":0,"dropped-packets":1,"received-bytes":1000,
//!  "sent-packets":9,"send-errors":0,"sent-bytes":900,"collisions":0,"dropped-packets":2}
//! {"name":"em0","flags":"0x8863","network":"192.0.2.0/24","address":"192.0.2.10",
//!  "received-packets":7,"received-bytes":700,"sent-packets":6,"sent-bytes":600}
//! ```
//! Rows of `statistics/interface`, one for the link and one for each address. `dropped-packets` comes
//! twice in the first: received, and sent. Counters of an address are its own and not taken. A link
//! without a hardware address prints none, or its name. Flags are the bits of ifnet(9). Whether
//! an interface that is up has a carrier is not told.
//!
//! Source: usr.bin/netstat/if.c, sys/net/if.h.

use crate::model::link::{Interface, InterfaceAddress, LinkCounters};
use crate::model::parsed::{Reader, Row, Sink};
use crate::model::text::HostText;
use crate::probe::address::hardware_address;
use crate::probe::freebsd::libxo::routes::{address_of, length};
use crate::probe::freebsd::libxo::{Document, keep_none, whole, word};
use crate::probe::json::Fields;
use crate::probe::json_tree::Place;

const MEMBERS: &[&str] = &[
    "name",
    "flags",
    "mtu",
    "network",
    "address",
    "received-packets",
    "received-errors",
    "dropped-packets",
    "received-bytes",
    "sent-packets",
    "send-errors",
    "sent-bytes",
    "collisions",
    "multicast-address",
];

/// Bit and name of each flag, as ifconfig(8) prints them.
const FLAGS: &[(u64, &[u8])] = &[
    (0x1, b"UP"),
    (0x2, b"BROADCAST"),
    (0x4, b"DEBUG"),
    (0x8, b"LOOPBACK"),
    (0x10, b"POINTOPOINT"),
    (0x40, b"RUNNING"),
    (0x80, b"NOARP"),
    (0x100, b"PROMISC"),
    (0x200, b"ALLMULTI"),
    (0x400, b"OACTIVE"),
    (0x800, b"SIMPLEX"),
    (0x1000, b"LINK0"),
    (0x2000, b"LINK1"),
    (0x4000, b"LINK2"),
    (0x8000, b"MULTICAST"),
];
const UP: u64 = 0x1;
const LOOPBACK: u64 = 0x8;

/// A reader of the answer.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    let list = "statistics/interface";
    Document { list, members: MEMBERS, values: &[], keep: keep_none, read: row, kept: () }.reader()
}

fn row(
    (): &mut (),
    place: Place<'_>,
    fields: &Fields,
    sink: &mut dyn Sink,
) -> Result<(), &'static str> {
    let name = word(fields.get("name")).ok_or("expected an interface with its name")?;
    let network = word(fields.get("network")).ok_or("expected an interface with its network")?;
    let mut interface = Interface::named(name);
    match network.bytes().strip_prefix(b"<Link#").and_then(|rest| rest.strip_suffix(b">")) {
        Some(index) => link(fields, index, &mut interface)?,
        None if network.bytes() == b"none" => {}
        None => interface.addresses.push(interface_address(fields, network.bytes())?),
    }
    sink.row(place.span, Row::Interface(interface));
    Ok(())
}

fn link(fields: &Fields, index: &[u8], interface: &mut Interface) -> Result<(), &'static str> {
    let index = std::str::from_utf8(index).ok().and_then(|digits| digits.parse().ok());
    interface.index = Some(index.ok_or("expected the index of a link")?);
    interface.mac = word(fields.get("address")).and_then(|word| hardware_address(word.bytes()));
    interface.mtu = whole(fields.get("mtu"));
    if let Some(flags) = word(fields.get("flags")) {
        let bits = std::str::from_utf8(flags.bytes()).ok();
        let bits = bits.and_then(|text| u64::from_str_radix(text.strip_prefix("0x")?, 16).ok());
        let bits = bits.ok_or("expected flags as a hexadecimal number")?;
        let set = FLAGS.iter().filter(|(bit, _)| bits & bit != 0);
        interface.flags = set.map(|(_, name)| HostText::new(name)).collect();
        interface.flags.sort();
        interface.oper_state = (bits & UP == 0).then(|| HostText::new(b"down"));
        interface.kind = (bits & LOOPBACK != 0).then(|| HostText::new(b"loopback"));
    }
    let mut dropped = fields.members().filter(|(name, _)| *name == "dropped-packets");
    let mut next_dropped = || whole(dropped.next().map(|(_, value)| value));
    let one = |name: &str| whole(fields.get(name));
    interface.rx = LinkCounters {
        bytes: one("received-bytes"),
        packets: one("received-packets"),
        errors: one("received-errors"),
        dropped: next_dropped(),
        overruns: None,
        multicast: None,
    };
    interface.tx = LinkCounters {
        bytes: one("sent-bytes"),
        packets: one("sent-packets"),
        errors: one("send-errors"),
        dropped: next_dropped(),
        overruns: None,
        multicast: None,
    };
    interface.collisions = one("collisions");
    interface.counter_width = Some(64);
    Ok(())
}

fn interface_address(fields: &Fields, network: &[u8]) -> Result<InterfaceAddress, &'static str> {
    let text = word(fields.get("address")).ok_or("expected an address")?;
    let address = address_of(text.bytes()).ok_or("expected an address")?;
    let prefix =
        network.rsplit(|byte| *byte == b'/').next().filter(|end| end.len() < network.len());
    let bits = if address.is_ipv4() { 32 } else { 128 };
    let prefix = prefix.and_then(length).filter(|prefix| *prefix <= bits);
    let prefix = prefix.ok_or("expected a network with its prefix length")?;
    Ok(InterfaceAddress { address, prefix: Some(prefix), scope: None, peer: None })
}
