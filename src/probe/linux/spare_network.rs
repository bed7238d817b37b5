//! Probes that stand in where `ip -j` gives no answer: the text forms of `ip`, then the tables of
//! `/proc/net`; and what each leaves out.
//!
//! Where busybox answers to the name `ip`, its lists of routes and rules are wrong, not only short:
//! 1.35 leaves `not` out of a rule and the ways out of a multipath route. So these are
//! asked with `-s`, which changes nothing in iproute2 and which busybox does not know. Its
//! addresses and neighbours are right and are taken.

use crate::model::parsed::Reader;
use crate::model::snapshot::View;
use crate::model::socket::Family;
use crate::probe::command::{Arguments, arguments};
use crate::probe::fallback::{Condition, Fallback};
use crate::probe::gap::Gap;
use crate::probe::linux::{SOCKETS, ip_text, proc_tables, tools};
use crate::probe::table::{MakeReader, Probe, Usage};

const fn instead(probes: &'static [&'static str]) -> Fallback {
    Fallback { on: &[Condition::ToolMissing, Condition::UsageError], probes }
}

/// In place of `linux/ip-link`.
pub(super) const LINK: Fallback = instead(&["linux/ip-link-text"]);
/// In place of `linux/ip-addr`.
pub(super) const ADDRESS: Fallback = instead(&["linux/ip-address-text"]);
/// In place of `linux/ip-route4`.
pub(super) const ROUTE4: Fallback = instead(&["linux/ip-route4-text"]);
/// In place of `linux/ip-route6`.
pub(super) const ROUTE6: Fallback = instead(&["linux/ip-route6-text"]);
/// In place of `linux/ip-rule4`.
pub(super) const RULE4: Fallback = instead(&["linux/ip-rule4-text"]);
/// In place of `linux/ip-rule6`.
pub(super) const RULE6: Fallback = instead(&["linux/ip-rule6-text"]);
/// In place of `linux/ip-neigh`.
pub(super) const NEIGH: Fallback = instead(&["linux/ip-neigh-text"]);

const fn text(id: &'static str, arguments: Arguments, reader: MakeReader) -> Probe {
    Probe::linux(id, &tools::IP, arguments, reader).only(Usage::Fallback)
}

/// One file of `/proc/net`, read by [`tools::CAT`].
const fn table(id: &'static str, path: Arguments, reader: MakeReader) -> Probe {
    Probe::linux(id, &tools::CAT, path, reader).only(Usage::Fallback)
}

/// `ip` as text, before iproute2 4.13.
pub(super) const IP_LINK_TEXT: Probe =
    text("linux/ip-link-text", arguments(&["-o", "-s", "-s", "-d", "link"]), ip_text::link_reader)
        .reads("Interfaces with kind, state and counters, one a line.", "ip-link(8)")
        .serves(&[View::Interfaces], &[])
        .lacks(&[Gap::CounterWidth])
        .or(instead(&["linux/proc-net-dev"]));

/// The kernel's list of interfaces.
pub(super) const PROC_NET_DEV: Probe =
    table("linux/proc-net-dev", arguments(&["/proc/net/dev"]), proc_tables::device_reader)
        .reads("Traffic counters of the interfaces.", "proc_pid_net(5)")
        .serves(&[View::Interfaces], &[])
        .lacks(&[Gap::LinkIndex, Gap::LinkDetails, Gap::LinkErrorKinds, Gap::CounterWidth]);

/// Addresses as text, of iproute2 or busybox.
pub(super) const IP_ADDRESS_TEXT: Probe =
    text("linux/ip-address-text", arguments(&["-o", "addr", "show"]), ip_text::address_reader)
        .reads("Addresses of the interfaces, one a line.", "ip-address(8)")
        .serves(&[View::Interfaces], SOCKETS)
        .lacks(&[Gap::LinkDetails, Gap::BareLinks])
        .or(instead(&["linux/proc-net-if-inet6"]));

/// The kernel's list of IPv6 addresses.
pub(super) const PROC_NET_IF_INET6: Probe = table(
    "linux/proc-net-if-inet6",
    arguments(&["/proc/net/if_inet6"]),
    proc_tables::if_inet6_reader,
)
.reads("IPv6 addresses of the interfaces.", "proc_pid_net(5)")
.serves(&[View::Interfaces], SOCKETS)
.may_be_empty()
.lacks(&[Gap::LinkDetails, Gap::BareLinks, Gap::Ipv4Addresses, Gap::AddressPeer]);

/// IPv4 routes as text.
pub(super) const IP_ROUTE4_TEXT: Probe = text(
    "linux/ip-route4-text",
    arguments(&["-o", "-s", "-4", "route", "show", "table", "all"]),
    route4,
)
.reads("IPv4 routes of every table, one a line.", "ip-route(8)")
.serves(&[View::Routes], &[])
.may_be_empty()
.or(instead(&["linux/proc-net-route"]));

/// IPv6 routes as text.
pub(super) const IP_ROUTE6_TEXT: Probe = text(
    "linux/ip-route6-text",
    arguments(&["-o", "-s", "-6", "route", "show", "table", "all"]),
    route6,
)
.reads("IPv6 routes of every table, one a line.", "ip-route(8)")
.serves(&[View::Routes], &[])
.may_be_empty()
.or(instead(&["linux/proc-net-ipv6-route"]));

/// The kernel's IPv4 routes.
pub(super) const PROC_NET_ROUTE: Probe =
    table("linux/proc-net-route", arguments(&["/proc/net/route"]), proc_tables::route_reader)
        .reads("IPv4 routes of the table main.", "proc_pid_net(5)")
        .serves(&[View::Routes], &[])
        .lacks(&[
            Gap::OtherTables,
            Gap::OtherHops,
            Gap::ForeignGateways,
            Gap::DiscardKind,
            Gap::RouteDetails,
        ]);

/// The kernel's IPv6 routes.
pub(super) const PROC_NET_IPV6_ROUTE: Probe = table(
    "linux/proc-net-ipv6-route",
    arguments(&["/proc/net/ipv6_route"]),
    proc_tables::ipv6_route_reader,
)
.reads("IPv6 routes of every table, without the table.", "proc_pid_net(5)")
.serves(&[View::Routes], &[])
.may_be_empty()
.lacks(&[Gap::RouteTable, Gap::JoinedHops, Gap::DiscardKind, Gap::RouteDetails]);

/// IPv4 rules as text.
pub(super) const IP_RULE4_TEXT: Probe =
    text("linux/ip-rule4-text", arguments(&["-s", "-4", "rule", "show"]), rule4)
        .reads("IPv4 policy-routing rules, one a line.", "ip-rule(8)")
        .serves(&[View::Routes], &[])
        .may_be_empty();

/// IPv6 rules as text.
pub(super) const IP_RULE6_TEXT: Probe =
    text("linux/ip-rule6-text", arguments(&["-s", "-6", "rule", "show"]), rule6)
        .reads("IPv6 policy-routing rules, one a line.", "ip-rule(8)")
        .serves(&[View::Routes], &[])
        .may_be_empty();

/// Neighbours as text, of iproute2 or busybox.
pub(super) const IP_NEIGH_TEXT: Probe =
    text("linux/ip-neigh-text", arguments(&["neigh", "show"]), ip_text::neigh_reader)
        .reads("The ARP and neighbour-discovery tables, one entry a line.", "ip-neighbour(8)")
        .serves(&[View::Routes], &[])
        .may_be_empty()
        .or(instead(&["linux/proc-net-arp"]));

/// The kernel's ARP table.
pub(super) const PROC_NET_ARP: Probe =
    table("linux/proc-net-arp", arguments(&["/proc/net/arp"]), proc_tables::arp_reader)
        .reads("The ARP table.", "proc_pid_net(5)")
        .serves(&[View::Routes], &[])
        .lacks(&[Gap::NeighbourState, Gap::Ipv6Neighbours]);

fn route4() -> Box<dyn Reader> {
    ip_text::route_reader(Some(Family::Ipv4))
}

fn route6() -> Box<dyn Reader> {
    ip_text::route_reader(Some(Family::Ipv6))
}

fn rule4() -> Box<dyn Reader> {
    ip_text::rule_reader(Family::Ipv4)
}

fn rule6() -> Box<dyn Reader> {
    ip_text::rule_reader(Family::Ipv6)
}
