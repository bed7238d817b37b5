//! `windows/rich-routes`: routes and neighbours.
//!
//! ```text
//! {"DestinationPrefix":"0.0.0.0/0","NextHop":"192.0.2.1","InterfaceIndex":12,
//!  "InterfaceAlias":"Ethernet","RouteMetric":0,"InterfaceMetric":25,"Protocol":3,"Store":1}
//! {"IPAddress":"192.0.2.1","LinkLayerAddress":"00-00-5E-00-53-01","InterfaceIndex":12,
//!  "InterfaceAlias":"Ethernet","State":5}
//! ```
//! Rows of `routes` and `neighbours`. A next hop of `0.0.0.0` or `::`: the destination is on the
//! link. What decides between routes is the sum of both metrics, as `route print` shows it; where the
//! metric of the interface is not told, that of the route is not either. Store 0 is what is kept for
//! the next boot, which says nothing about now: routes of the table `persistent`.
//!
//! Source: `MSFT_NetRoute` (`Protocol`: `NL_ROUTE_PROTOCOL`), `MSFT_NetNeighbor` (`NL_NEIGHBOR_STATE`).

use std::net::IpAddr;

use crate::model::parsed::{Reader, Row, Sink, Span};
use crate::model::route::{Neighbour, NextHop, Route, RouteKind};
use crate::model::socket::Family;
use crate::model::text::HostText;
use crate::probe::address::hardware_address;
use crate::probe::json::Fields;
use crate::probe::windows::rich::answer::{self, Member, Read};
use crate::probe::windows::rich::fields::{address, member, raw, tells, whole, word};

const ROUTES: &[&str] = &[
    "DestinationPrefix",
    "NextHop",
    "InterfaceIndex",
    "InterfaceAlias",
    "RouteMetric",
    "InterfaceMetric",
    "Protocol",
    "Store",
];
const NEIGHBOURS: &[&str] =
    &["IPAddress", "LinkLayerAddress", "InterfaceIndex", "InterfaceAlias", "State"];

const MEMBERS: &[Member] = &[
    Member { name: "routes", read: Read::Rows(ROUTES, route) },
    Member { name: "neighbours", read: Read::Rows(NEIGHBOURS, neighbour) },
];

const PROTOCOLS: &[(u64, &str, &[u8])] = &[
    (1, "Other", b"other"),
    (2, "Local", b"local"),
    (3, "NetMgmt", b"netmgmt"),
    (4, "Icmp", b"icmp"),
    (5, "Egp", b"egp"),
    (6, "Ggp", b"ggp"),
    (7, "Hello", b"hello"),
    (8, "Rip", b"rip"),
    (9, "IsIs", b"isis"),
    (10, "EsIs", b"esis"),
    (11, "Igrp", b"igrp"),
    (12, "Bbn", b"bbn"),
    (13, "Ospf", b"ospf"),
    (14, "Bgp", b"bgp"),
    (15, "Idpr", b"idpr"),
    (16, "Eigrp", b"eigrp"),
    (17, "Dvmrp", b"dvmrp"),
    (18, "Rpl", b"rpl"),
    (19, "Dhcp", b"dhcp"),
];

/// True for what is only kept for the next boot.
const STORES: &[(u64, &str, bool)] = &[(0, "PersistentStore", true), (1, "ActiveStore", false)];

const STATES: &[(u64, &str, &[u8])] = &[
    (0, "Unreachable", b"unreachable"),
    (1, "Incomplete", b"incomplete"),
    (2, "Probe", b"probe"),
    (3, "Delay", b"delay"),
    (4, "Stale", b"stale"),
    (5, "Reachable", b"reachable"),
    (6, "Permanent", b"permanent"),
];

/// A reader of the answer.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    answer::reader(MEMBERS)
}

fn route(span: Span, fields: &Fields, sink: &mut dyn Sink) -> Result<(), &'static str> {
    let kept = member(fields.get("Store"), STORES) == Some(true);
    let (destination, prefix) = destination(fields).ok_or("expected a destination prefix")?;
    let hop = fields.get("NextHop").filter(|value| !value.is_null());
    let via = match hop {
        None => None,
        hop => Some(address(hop).ok_or("expected the address of a next hop")?.0),
    };
    let family = if destination.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 };
    let metric = |name| whole::<u64>(fields, name);
    sink.row(
        span,
        Row::Route(Route {
            family,
            table: HostText::new(if kept { b"persistent" } else { b"main" }),
            destination,
            prefix,
            kind: RouteKind::Unicast,
            next_hops: vec![NextHop {
                via: via.filter(|via| !via.is_unspecified()),
                device: word(fields, "InterfaceAlias"),
                weight: None,
            }],
            source: None,
            metric: metric("RouteMetric")
                .zip(metric("InterfaceMetric"))
                .and_then(|(route, interface)| route.checked_add(interface)),
            protocol: word_of(fields, "Protocol", PROTOCOLS),
            scope: None,
            mtu: None,
            flags: Vec::new(),
            expires_seconds: None,
        }),
    );
    Ok(())
}

fn destination(fields: &Fields) -> Option<(IpAddr, u8)> {
    let text = fields.get("DestinationPrefix")?.as_str()?.trim();
    let (network, prefix) = text.split_once('/')?;
    let network: serde_json::Value = network.into();
    let (network, _) = address(Some(&network))?;
    let bits = if network.is_ipv4() { 32 } else { 128 };
    let plain = !prefix.starts_with('+');
    let prefix: u8 = prefix.parse().ok().filter(|prefix| plain && *prefix <= bits)?;
    Some((network, prefix))
}

/// What a number stands for, or the number.
fn word_of(
    fields: &Fields,
    name: &str,
    names: &[(u64, &str, &'static [u8])],
) -> Option<HostText<'static>> {
    let value = fields.get(name);
    member(value, names).map(HostText::new).or_else(|| raw(value))
}

fn neighbour(span: Span, fields: &Fields, sink: &mut dyn Sink) -> Result<(), &'static str> {
    let (address, _) = address(fields.get("IPAddress")).ok_or("expected an address")?;
    if !tells(fields, "State") {
        return Err("expected the state of a neighbour");
    }
    // An entry that is not resolved is printed with zeros.
    let resolved = |mac: &HostText<'_>| mac.bytes().iter().any(|byte| !matches!(byte, b'0' | b'-'));
    let mac = word(fields, "LinkLayerAddress").filter(resolved);
    sink.row(
        span,
        Row::Neighbour(Neighbour {
            address,
            device: word(fields, "InterfaceAlias"),
            mac: mac.map(|mac| hardware_address(mac.bytes()).unwrap_or(mac)),
            states: word_of(fields, "State", STATES).into_iter().collect(),
            router: None,
        }),
    );
    Ok(())
}
