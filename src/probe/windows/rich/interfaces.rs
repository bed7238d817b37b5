//! `windows/rich-interfaces`: adapters, their counters, and addresses.
//!
//! ```text
//! {"Name":"Ethernet","InterfaceIndex":12,"MacAddress":"00-00-5E-00-53-01","MtuSize":1500,
//!  "OperState":1,"Type":6,"Speed":1000000000}
//! {"Name":"Ethernet","ReceivedBytes":1000,"ReceivedUnicastPackets":10,...}
//! {"IPAddress":"192.0.2.10","PrefixLength":24,"InterfaceIndex":12,"InterfaceAlias":"Ethernet"}
//! ```
//! Rows of `adapters`, `statistics` and `addresses`. Each is a part of an interface; the parts have
//! its name in common. Loopback and tunnels are no adapters: only their addresses are told. Packets
//! are the sum of unicast, multicast and broadcast, and not told unless all three are. Counters have
//! 64 bits.
//!
//! Source: `MSFT_NetAdapter` (`InterfaceOperationalStatus`, `InterfaceType`: `IF_OPER_STATUS` and the
//! numbers of IANA), `MSFT_NetAdapterStatisticsSettingData`, `MSFT_NetIPAddress`.

use crate::model::link::{Interface, InterfaceAddress, LinkCounters};
use crate::model::parsed::{Reader, Row, Sink, Span};
use crate::model::text::HostText;
use crate::probe::address::hardware_address;
use crate::probe::json::Fields;
use crate::probe::windows::rich::answer::{self, Member, Read};
use crate::probe::windows::rich::fields::{address, member, raw, whole, word};

const ADAPTERS: &[&str] =
    &["Name", "InterfaceIndex", "MacAddress", "MtuSize", "OperState", "Type", "Speed"];
const STATISTICS: &[&str] = &[
    "Name",
    "ReceivedBytes",
    "ReceivedUnicastPackets",
    "ReceivedMulticastPackets",
    "ReceivedBroadcastPackets",
    "ReceivedDiscardedPackets",
    "ReceivedPacketErrors",
    "SentBytes",
    "SentUnicastPackets",
    "SentMulticastPackets",
    "SentBroadcastPackets",
    "OutboundDiscardedPackets",
    "OutboundPacketErrors",
];
const ADDRESSES: &[&str] = &["IPAddress", "PrefixLength", "InterfaceIndex", "InterfaceAlias"];

const MEMBERS: &[Member] = &[
    Member { name: "adapters", read: Read::Rows(ADAPTERS, adapter) },
    Member { name: "statistics", read: Read::Rows(STATISTICS, statistics) },
    Member { name: "addresses", read: Read::Rows(ADDRESSES, interface_address) },
];

const STATES: &[(u64, &str, &[u8])] = &[
    (1, "Up", b"up"),
    (2, "Down", b"down"),
    (3, "Testing", b"testing"),
    (4, "Unknown", b"unknown"),
    (5, "Dormant", b"dormant"),
    (6, "NotPresent", b"notpresent"),
    (7, "LowerLayerDown", b"lowerlayerdown"),
];

const KINDS: &[(u64, &str, &[u8])] = &[
    (6, "ethernetCsmacd", b"ether"),
    (23, "ppp", b"ppp"),
    (24, "softwareLoopback", b"loopback"),
    (53, "propVirtual", b"virtual"),
    (71, "ieee80211", b"wlan"),
    (131, "tunnel", b"tunnel"),
    (243, "wwanPP", b"wwan"),
    (244, "wwanPP2", b"wwan"),
];

/// A reader of the answer.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    answer::reader(MEMBERS)
}

fn adapter(span: Span, fields: &Fields, sink: &mut dyn Sink) -> Result<(), &'static str> {
    let name = word(fields, "Name").ok_or("expected an adapter with its name")?;
    let mut interface = Interface::named(name);
    interface.index = whole(fields, "InterfaceIndex");
    let mac = word(fields, "MacAddress").filter(|mac| !mac.bytes().is_empty());
    interface.mac = mac.map(|mac| hardware_address(mac.bytes()).unwrap_or(mac));
    interface.mtu = whole(fields, "MtuSize");
    interface.oper_state = meaning(fields, "OperState", STATES);
    interface.kind = meaning(fields, "Type", KINDS);
    // All ones: not known.
    interface.speed_bps = whole(fields, "Speed").filter(|speed| *speed != u64::MAX);
    sink.row(span, Row::Interface(interface));
    Ok(())
}

/// What a number stands for, or the number.
fn meaning(
    fields: &Fields,
    name: &str,
    names: &[(u64, &str, &'static [u8])],
) -> Option<HostText<'static>> {
    let value = fields.get(name);
    member(value, names).map(HostText::new).or_else(|| raw(value))
}

fn statistics(span: Span, fields: &Fields, sink: &mut dyn Sink) -> Result<(), &'static str> {
    let name = word(fields, "Name").ok_or("expected counters with the name of their adapter")?;
    let mut interface = Interface::named(name);
    let sum = |names: [&str; 3]| {
        names.iter().try_fold(0_u64, |sum, name| sum.checked_add(whole(fields, name)?))
    };
    interface.rx = LinkCounters {
        bytes: whole(fields, "ReceivedBytes"),
        packets: sum([
            "ReceivedUnicastPackets",
            "ReceivedMulticastPackets",
            "ReceivedBroadcastPackets",
        ]),
        errors: whole(fields, "ReceivedPacketErrors"),
        dropped: whole(fields, "ReceivedDiscardedPackets"),
        overruns: None,
        multicast: whole(fields, "ReceivedMulticastPackets"),
    };
    interface.tx = LinkCounters {
        bytes: whole(fields, "SentBytes"),
        packets: sum(["SentUnicastPackets", "SentMulticastPackets", "SentBroadcastPackets"]),
        errors: whole(fields, "OutboundPacketErrors"),
        dropped: whole(fields, "OutboundDiscardedPackets"),
        overruns: None,
        multicast: None,
    };
    interface.counter_width = Some(64);
    sink.row(span, Row::Interface(interface));
    Ok(())
}

fn interface_address(span: Span, fields: &Fields, sink: &mut dyn Sink) -> Result<(), &'static str> {
    let name = word(fields, "InterfaceAlias").ok_or("expected an address with its interface")?;
    let (address, _) = address(fields.get("IPAddress")).ok_or("expected an address")?;
    let bits = if address.is_ipv4() { 32 } else { 128 };
    let prefix: Option<u8> = whole(fields, "PrefixLength").filter(|prefix| *prefix <= bits);
    let prefix = prefix.ok_or("expected a prefix length")?;
    let mut interface = Interface::named(name);
    interface.index = whole(fields, "InterfaceIndex");
    interface.addresses =
        vec![InterfaceAddress { address, prefix: Some(prefix), scope: None, peer: None }];
    sink.row(span, Row::Interface(interface));
    Ok(())
}
