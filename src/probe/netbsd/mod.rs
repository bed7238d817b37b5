//! The command standard of NetBSD: what is asked, in the order of a visit.
//!
//! `-v` prints addresses and names in full. Without `-b` there are packets, with it bytes: two commands.

pub mod tools;
pub mod host;

use crate::model::host::Platform;
use crate::model::parsed::Reader;
use crate::model::snapshot::View;
use crate::model::socket::Family;
use crate::probe::bsd::{arp, interfaces, ndp, routes, sockets};
use crate::probe::command::{Arguments, arguments};
use crate::probe::gap::Gap;
use crate::probe::table::{MakeReader, Probe, Usage};
use crate::probe::tool::Tool;
use crate::probe::unix::{account, date, uname};

const SOCKETS: &[View] = &[View::Listeners, View::Sessions];

/// netstat(1) knows sockets, not who holds them.
const NETSTAT: &[Gap] = &[
    Gap::Owners,
    Gap::BindDevice,
    Gap::DualStack,
    Gap::Backlog,
    Gap::BacklogLimit,
    Gap::Timer,
    Gap::Drops,
    Gap::Inode,
    Gap::Cookie,
    Gap::SocketUser,
    Gap::ControlGroup,
];

const INTERFACES: &[Gap] =
    &[Gap::LinkIndex, Gap::LinkErrorKinds, Gap::CounterWidth, Gap::AddressPeer];

const fn probe(
    id: &'static str,
    tool: &'static Tool,
    words: Arguments,
    reader: MakeReader,
) -> Probe {
    Probe::of(Platform::Netbsd, id, tool, words, reader)
}

const fn routes(id: &'static str, words: Arguments, reader: MakeReader) -> Probe {
    probe(id, &tools::NETSTAT, words, reader)
        .serves(&[View::Routes], &[])
        .may_be_empty()
        .lacks(&[Gap::OtherTables, Gap::JoinedHops])
}

/// A reader of sockets from text alone.
#[must_use]
pub fn sockets_reader() -> Box<dyn Reader> {
    sockets::reader(sockets::Setup::AUTO)
}

fn wide(family: Family) -> Box<dyn Reader> {
    sockets::reader(sockets::Setup::wide(family))
}

/// The probes of NetBSD.
pub static PROBES: &[Probe] = &[
    probe("netbsd/clock", &tools::DATE, arguments(&["-u", "+%s"]), date::reader)
        .reads("The host's clock, in seconds since 1970.", "date(1)")
        .serves(&[], View::ALL),
    probe(
        "netbsd/netstat-inet4",
        &tools::NETSTAT,
        arguments(&["-a", "-n", "-v", "-f", "inet"]),
        || wide(Family::Ipv4),
    )
    .reads("IPv4 sockets of TCP, UDP and raw IP, with queues.", "netstat(1)")
    .serves(SOCKETS, &[])
    .lacks(NETSTAT),
    probe(
        "netbsd/netstat-inet6",
        &tools::NETSTAT,
        arguments(&["-a", "-n", "-v", "-f", "inet6"]),
        || wide(Family::Ipv6),
    )
    .reads("IPv6 sockets of TCP, UDP and raw IP, with queues.", "netstat(1)")
    .serves(SOCKETS, &[])
    .lacks(NETSTAT),
    // In front of sockstat, which cuts names to ten bytes.
    host::PROCESSES,
    host::SOCKSTAT_PROBE,
    probe("netbsd/arp", &tools::ARP, arguments(&["-a", "-n"]), arp::reader)
        .reads("The ARP table.", "arp(8)")
        .serves(&[View::Routes], &[])
        .may_be_empty()
        .lacks(&[Gap::NeighbourState]),
    probe("netbsd/ndp", &tools::NDP, arguments(&["-a", "-n"]), ndp::reader)
        .reads("The neighbour-discovery table.", "ndp(8)")
        .serves(&[View::Routes], &[])
        .may_be_empty(),
    probe("netbsd/netstat-bytes", &tools::NETSTAT, arguments(&["-i", "-n", "-v", "-b"]), || {
        interfaces::reader(true)
    })
    .reads("Interfaces with addresses and bytes.", "netstat(1)")
    .serves(&[View::Interfaces], SOCKETS)
    .lacks(INTERFACES),
    probe(
        "netbsd/netstat-interfaces",
        &tools::NETSTAT,
        arguments(&["-i", "-n", "-v", "-d"]),
        || interfaces::reader(true),
    )
    .reads("Interfaces with addresses and counts of packets.", "netstat(1)")
    .serves(&[View::Interfaces], SOCKETS)
    .lacks(INTERFACES),
    routes("netbsd/netstat-routes4", arguments(&["-r", "-n", "-f", "inet"]), || {
        routes::reader(Some(Family::Ipv4))
    })
    .reads("IPv4 routes, and neighbours among them.", "netstat(1)"),
    routes("netbsd/netstat-routes6", arguments(&["-r", "-n", "-f", "inet6"]), || {
        routes::reader(Some(Family::Ipv6))
    })
    .reads("IPv6 routes, and neighbours among them.", "netstat(1)"),
    host::SYSCTL_PROBE,
    probe("netbsd/account", &tools::ID, arguments(&[]), account::reader)
        .reads("The account's user id, name and groups.", "id(1)")
        .serves(&[View::Host], SOCKETS),
    probe("netbsd/kernel", &tools::UNAME, arguments(&["-s", "-n", "-r", "-m"]), uname::reader)
        .reads(
            "Kernel name and release, architecture, and the name the host gives itself.",
            "uname(1)",
        )
        .serves(&[View::Host], SOCKETS),
    probe("netbsd/tools", &tools::LS, tools::ARGUMENTS, tools::reader)
        .reads("Which of the tools' candidate paths exist.", "ls(1)")
        .only(Usage::FindTools)
        .usable(&[0, 1, 2]),
];
