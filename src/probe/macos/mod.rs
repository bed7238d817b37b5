//! The command standard of macOS: what is asked, in the order of a visit.
//!
//! netstat(1) tells the process that last used each socket, other users' included, to every account: so
//! no privilege is asked for. Sources: Apple's `network_cmds`, of macOS 10.11 to 26.

pub mod tools;
pub mod host;
pub mod version;

use crate::model::host::Platform;
use crate::model::parsed::Reader;
use crate::model::snapshot::View;
use crate::model::socket::Family;
use crate::probe::bsd::{arp, interfaces, ndp, routes, sockets};
use crate::probe::command::{Arguments, arguments};
use crate::probe::fallback::{Condition, Fallback};
use crate::probe::gap::Gap;
use crate::probe::table::{MakeReader, Naming, Probe, Usage, Verified};
use crate::probe::tool::Tool;
use crate::probe::unix::{account, date, uname};

const SOCKETS: &[View] = &[View::Listeners, View::Sessions];

/// One owner of each socket: the last process that used it. Before macOS 15 without its name, before
/// 10.14 none.
const NETSTAT: &[Gap] = &[
    Gap::OtherOwners,
    Gap::OwnerDescriptor,
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

const fn instead(probes: &'static [&'static str]) -> Fallback {
    Fallback { on: &[Condition::UsageError], probes }
}

const fn probe(
    id: &'static str,
    tool: &'static Tool,
    words: Arguments,
    reader: MakeReader,
) -> Probe {
    Probe::of(Platform::Macos, id, tool, words, reader)
}

/// `-l` prints IPv6 addresses in full, and so does `-W` in versions that know it.
const fn netstat(id: &'static str, words: Arguments, reader: MakeReader) -> Probe {
    probe(id, &tools::NETSTAT, words, reader)
        .serves(SOCKETS, &[])
        .names(Naming::InRows)
        .lacks(NETSTAT)
}

/// A reader of sockets from text alone.
#[must_use]
pub fn sockets_reader() -> Box<dyn Reader> {
    sockets::reader(sockets::Setup::AUTO.numbered())
}

fn wide(family: Family) -> Box<dyn Reader> {
    sockets::reader(sockets::Setup::wide(family).numbered())
}

/// The probes of macOS.
pub static PROBES: &[Probe] = &[
    probe("macos/clock", &tools::DATE, arguments(&["-u", "+%s"]), date::reader)
        .reads("The host's clock, in seconds since 1970.", "date(1)")
        .serves(&[], View::ALL),
    netstat(
        "macos/netstat-inet4",
        arguments(&["-a", "-n", "-v", "-l", "-W", "-f", "inet"]),
        || wide(Family::Ipv4),
    )
    .reads("IPv4 sockets of TCP, UDP and raw IP, with queues and the last process.", "netstat(1)")
    .or(instead(&["macos/netstat-inet4-old"])),
    netstat("macos/netstat-inet4-old", arguments(&["-a", "-n", "-v", "-l", "-f", "inet"]), || {
        wide(Family::Ipv4)
    })
    .reads("The same where netstat does not know -W.", "netstat(1)")
    .only(Usage::Fallback),
    netstat(
        "macos/netstat-inet6",
        arguments(&["-a", "-n", "-v", "-l", "-W", "-f", "inet6"]),
        || wide(Family::Ipv6),
    )
    .reads(
        "IPv6 sockets, and those that serve both families, with queues and the last process.",
        "netstat(1)",
    )
    .or(instead(&["macos/netstat-inet6-old"])),
    netstat("macos/netstat-inet6-old", arguments(&["-a", "-n", "-v", "-l", "-f", "inet6"]), || {
        wide(Family::Ipv6)
    })
    .reads("The same where netstat does not know -W.", "netstat(1)")
    .only(Usage::Fallback),
    host::LSOF_PROBE,
    host::PROCESSES,
    probe("macos/arp", &tools::ARP, arguments(&["-a", "-n"]), arp::reader)
        .reads("The ARP table.", "arp(8)")
        .proved(Verified::Recorded)
        .serves(&[View::Routes], &[])
        .may_be_empty()
        .lacks(&[Gap::NeighbourState]),
    probe("macos/ndp", &tools::NDP, arguments(&["-a", "-n"]), ndp::reader)
        .reads("The neighbour-discovery table.", "ndp(8)")
        .serves(&[View::Routes], &[])
        .may_be_empty(),
    probe(
        "macos/netstat-interfaces",
        &tools::NETSTAT,
        arguments(&["-i", "-b", "-d", "-n", "-l", "-W"]),
        || interfaces::reader(false),
    )
    .reads("Interfaces with addresses and counters.", "netstat(1)")
    .serves(&[View::Interfaces], SOCKETS)
    .lacks(INTERFACES)
    .or(instead(&["macos/netstat-interfaces-old"])),
    probe(
        "macos/netstat-interfaces-old",
        &tools::NETSTAT,
        arguments(&["-i", "-b", "-d", "-n", "-l"]),
        || interfaces::reader(false),
    )
    .reads("The same where netstat does not know -W.", "netstat(1)")
    .proved(Verified::Recorded)
    .serves(&[View::Interfaces], SOCKETS)
    .only(Usage::Fallback)
    .lacks(INTERFACES_CUT),
    routes("macos/netstat-routes4", arguments(&["-r", "-n", "-l", "-f", "inet"]), || {
        routes::reader(Some(Family::Ipv4))
    })
    .reads("IPv4 routes, and neighbours that were in use.", "netstat(1)"),
    routes("macos/netstat-routes6", arguments(&["-r", "-n", "-l", "-f", "inet6"]), || {
        routes::reader(Some(Family::Ipv6))
    })
    .reads("IPv6 routes, and neighbours that were in use.", "netstat(1)"),
    host::SYSCTL_PROBE,
    host::VERSION,
    probe("macos/account", &tools::ID, arguments(&[]), account::reader)
        .reads("The account's user id, name and groups.", "id(1)")
        .serves(&[View::Host], SOCKETS),
    probe("macos/kernel", &tools::UNAME, arguments(&["-s", "-n", "-r", "-m"]), uname::reader)
        .reads(
            "Kernel name and release, architecture, and the name the host gives itself.",
            "uname(1)",
        )
        .serves(&[View::Host], SOCKETS),
    probe("macos/tools", &tools::LS, tools::ARGUMENTS, tools::reader)
        .reads("Which of the tools' candidate paths exist.", "ls(1)")
        .only(Usage::FindTools)
        .usable(&[0, 1, 2]),
];

const INTERFACES: &[Gap] = &[Gap::LinkErrorKinds, Gap::CounterWidth, Gap::AddressPeer];
/// Without `-W` most IPv6 addresses are cut: each is an issue.
const INTERFACES_CUT: &[Gap] =
    &[Gap::LinkErrorKinds, Gap::CounterWidth, Gap::AddressPeer, Gap::LongAddresses];

const fn routes(id: &'static str, words: Arguments, reader: MakeReader) -> Probe {
    probe(id, &tools::NETSTAT, words, reader)
        .serves(&[View::Routes], &[])
        .may_be_empty()
        .lacks(&[Gap::JoinedHops])
}
