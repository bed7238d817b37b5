//! The command standard of FreeBSD: what is asked, in the order of a visit.
//!
//! JSON through libxo(3) where a tool has it, else its text, which every version has. `-W` prints addresses and names in full. Sockets that serve
//! both families are told by the command for IPv6.

pub mod tools;
pub mod libxo;
pub mod host;

use crate::model::host::Platform;
use crate::model::parsed::Reader;
use crate::model::snapshot::View;
use crate::model::socket::Family;
use crate::probe::bsd::{arp, interfaces, ndp, routes, sockets};
use crate::probe::command::{Arguments, arguments};
use crate::probe::fallback::{Condition, Fallback};
use crate::probe::gap::Gap;
use crate::probe::table::{MakeReader, Probe, Usage, Verified};
use crate::probe::tool::Tool;
use crate::probe::unix::{account, date, uname};

const SOCKETS: &[View] = &[View::Listeners, View::Sessions];

/// netstat(1) knows sockets, not who holds them.
const NETSTAT: &[Gap] = &[
    Gap::Owners,
    Gap::BindDevice,
    Gap::Backlog,
    Gap::BacklogLimit,
    Gap::Timer,
    Gap::Drops,
    Gap::Inode,
    Gap::Cookie,
    Gap::SocketUser,
    Gap::ControlGroup,
];

const INTERFACES: &[Gap] = &[Gap::LinkErrorKinds, Gap::CounterWidth, Gap::AddressPeer];

const fn probe(
    id: &'static str,
    tool: &'static Tool,
    words: Arguments,
    reader: MakeReader,
) -> Probe {
    Probe::of(Platform::Freebsd, id, tool, words, reader)
}

const fn routes(id: &'static str, words: Arguments, reader: MakeReader) -> Probe {
    probe(id, &tools::NETSTAT, words, reader)
        .serves(&[View::Routes], &[])
        .may_be_empty()
        .lacks(&[Gap::OtherTables, Gap::JoinedHops])
}

/// Before FreeBSD 11, and for some tools later still, there is no `--libxo`.
const fn instead(probes: &'static [&'static str]) -> Fallback {
    Fallback { on: &[Condition::UsageError], probes }
}

/// A reader of sockets from text alone.
#[must_use]
pub fn sockets_reader() -> Box<dyn Reader> {
    sockets::reader(sockets::Setup::AUTO.numbered())
}

fn wide(family: Family) -> Box<dyn Reader> {
    sockets::reader(sockets::Setup::wide(family).numbered())
}

/// The probes of FreeBSD.
pub static PROBES: &[Probe] = &[
    probe("freebsd/clock", &tools::DATE, arguments(&["-u", "+%s"]), date::reader)
        .reads("The host's clock, in seconds since 1970.", "date(1)")
        .serves(&[], View::ALL),
    libxo::NETSTAT_INET4.or(instead(&["freebsd/netstat-inet4"])),
    libxo::NETSTAT_INET6.or(instead(&["freebsd/netstat-inet6"])),
    probe(
        "freebsd/netstat-inet4",
        &tools::NETSTAT,
        arguments(&["-a", "-n", "-W", "-f", "inet"]),
        || wide(Family::Ipv4),
    )
    .reads("IPv4 sockets of TCP, UDP and raw IP, with queues.", "netstat(1)")
    .only(Usage::Fallback)
    .serves(SOCKETS, &[])
    .lacks(NETSTAT),
    probe(
        "freebsd/netstat-inet6",
        &tools::NETSTAT,
        arguments(&["-a", "-n", "-W", "-f", "inet6"]),
        || wide(Family::Ipv6),
    )
    .reads("IPv6 sockets of TCP, UDP and raw IP, with queues.", "netstat(1)")
    .only(Usage::Fallback)
    .serves(SOCKETS, &[])
    .lacks(NETSTAT),
    // In front of sockstat, which cuts names to ten bytes.
    host::PROCESSES,
    libxo::SOCKSTAT.with_owners().optional().or(instead(&["freebsd/sockstat"])),
    host::SOCKSTAT_PROBE,
    libxo::ARP.may_be_empty().or(instead(&["freebsd/arp"])),
    libxo::NDP.may_be_empty().or(instead(&["freebsd/ndp"])),
    probe("freebsd/arp", &tools::ARP, arguments(&["-a", "-n"]), arp::reader)
        .only(Usage::Fallback)
        .reads("The ARP table.", "arp(8)")
        .proved(Verified::Recorded)
        .serves(&[View::Routes], &[])
        .may_be_empty()
        .lacks(&[Gap::NeighbourState]),
    probe("freebsd/ndp", &tools::NDP, arguments(&["-a", "-n"]), ndp::reader)
        .only(Usage::Fallback)
        .reads("The neighbour-discovery table.", "ndp(8)")
        .serves(&[View::Routes], &[])
        .may_be_empty(),
    libxo::INTERFACES.or(instead(&["freebsd/netstat-interfaces"])),
    probe(
        "freebsd/netstat-interfaces",
        &tools::NETSTAT,
        arguments(&["-i", "-b", "-d", "-n", "-W"]),
        || interfaces::reader(true),
    )
    .only(Usage::Fallback)
    .reads("Interfaces with addresses and counters.", "netstat(1)")
    .serves(&[View::Interfaces], SOCKETS)
    .lacks(INTERFACES),
    libxo::ROUTES
        .may_be_empty()
        .or(instead(&["freebsd/netstat-routes4", "freebsd/netstat-routes6"])),
    routes("freebsd/netstat-routes4", arguments(&["-r", "-n", "-W", "-f", "inet"]), || {
        routes::reader(Some(Family::Ipv4))
    })
    .only(Usage::Fallback)
    .reads("IPv4 routes.", "netstat(1)"),
    routes("freebsd/netstat-routes6", arguments(&["-r", "-n", "-W", "-f", "inet6"]), || {
        routes::reader(Some(Family::Ipv6))
    })
    .only(Usage::Fallback)
    .reads("IPv6 routes.", "netstat(1)"),
    host::SYSCTL_PROBE,
    probe("freebsd/account", &tools::ID, arguments(&[]), account::reader)
        .reads("The account's user id, name and groups.", "id(1)")
        .serves(&[View::Host], SOCKETS),
    probe("freebsd/kernel", &tools::UNAME, arguments(&["-s", "-n", "-r", "-m"]), uname::reader)
        .reads(
            "Kernel name and release, architecture, and the name the host gives itself.",
            "uname(1)",
        )
        .serves(&[View::Host], SOCKETS),
    probe("freebsd/tools", &tools::LS, tools::ARGUMENTS, tools::reader)
        .reads("Which of the tools' candidate paths exist.", "ls(1)")
        .only(Usage::FindTools)
        .usable(&[0, 1, 2]),
];
