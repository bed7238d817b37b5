//! The command standard of HP-UX: what is asked, in the order of a visit.
//!
//! Everything is asked of tools of the base system, by any account. Releases before 11i v2 may lack
//! IPv6, so questions about it are optional. Written from manual pages of 11i v1 to v3; owners of
//! sockets are not told by any of these tools. `ifconfig` wants the name of an interface in every
//! release (`-a` is in no manual page), so addresses come from `netstat -in`, without prefix.

pub mod ndp;
pub mod routes;
pub mod tools;
pub mod host;

use crate::model::host::Platform;
use crate::model::parsed::Reader;
use crate::model::snapshot::View;
use crate::model::socket::Family;
use crate::probe::bsd::plain_rows::System;
use crate::probe::bsd::{plain_arp, plain_counters, plain_interfaces, plain_rows};
use crate::probe::command::{Arguments, arguments};
use crate::probe::gap::Gap;
use crate::probe::table::{MakeReader, Probe, Usage};
use crate::probe::tool::Tool;
use crate::probe::unix::{account, date, uname};

const SOCKETS: &[View] = &[View::Listeners, View::Sessions];

/// Queues are printed as 0, and raw sockets are not listed.
const NETSTAT: &[Gap] = &[
    Gap::Owners,
    Gap::RawSockets,
    Gap::BindDevice,
    Gap::DualStack,
    Gap::Queues,
    Gap::Backlog,
    Gap::BacklogLimit,
    Gap::Timer,
    Gap::Drops,
    Gap::Inode,
    Gap::Cookie,
    Gap::SocketUser,
    Gap::ControlGroup,
];
const INTERFACES: &[Gap] = &[
    Gap::LinkIndex,
    Gap::LinkDetails,
    Gap::LinkBytes,
    Gap::LinkErrorKinds,
    Gap::CounterWidth,
    Gap::AddressPeer,
    Gap::AddressPrefix,
];
const INTERFACES6: &[Gap] = &[
    Gap::LinkIndex,
    Gap::LinkDetails,
    Gap::LinkBytes,
    Gap::LinkErrorKinds,
    Gap::CounterWidth,
    Gap::AddressPeer,
];
const ROUTES: &[Gap] = &[Gap::JoinedHops, Gap::RouteDetails];

/// The clock in whole seconds: date(1) of HP-UX knows no fraction.
const CLOCK: Arguments = arguments(&["-u", "+%Y-%m-%dT%H:%M:%SZ"]);

const SOCKETS4: Arguments = arguments(&["-a", "-n", "-f", "inet"]);
const SOCKETS6: Arguments = arguments(&["-a", "-n", "-f", "inet6"]);
const ROUTES4: Arguments = arguments(&["-r", "-n", "-v", "-f", "inet"]);
const ROUTES6: Arguments = arguments(&["-r", "-n", "-v", "-f", "inet6"]);
const UNAME: Arguments = arguments(&["-s", "-n", "-r", "-m"]);

/// A reader of every form of `netstat -an`. Where an address does not tell its family, it is IPv4.
#[must_use]
pub fn netstat() -> Box<dyn Reader> {
    plain_rows::reader(System::Hpux, None)
}

fn sockets(family: Family) -> Box<dyn Reader> {
    plain_rows::reader(System::Hpux, Some(family))
}

/// The probes of HP-UX.
pub static PROBES: &[Probe] = &[
    probe("hpux/clock", &tools::DATE, CLOCK, date::reader)
        .reads("The host's clock, in whole seconds.", "HP-UX date(1)")
        .serves(&[], View::ALL),
    probe("hpux/netstat-inet4", &tools::NETSTAT, SOCKETS4, || sockets(Family::Ipv4))
        .reads("IPv4 sockets of TCP and UDP.", "HP-UX netstat(1)")
        .serves(SOCKETS, &[])
        .lacks(NETSTAT),
    probe("hpux/netstat-inet6", &tools::NETSTAT, SOCKETS6, || sockets(Family::Ipv6))
        .reads("IPv6 sockets of TCP and UDP.", "HP-UX netstat(1)")
        .serves(SOCKETS, &[])
        .may_be_empty()
        .optional()
        .lacks(NETSTAT),
    // In one word: after `-a` alone arp takes a word for the name of a kernel.
    probe("hpux/neighbours", &tools::ARP, arguments(&["-an"]), || plain_arp::reader(Family::Ipv4))
        .reads("The ARP table.", "HP-UX arp(1M)")
        .serves(&[View::Routes], &[])
        .may_be_empty()
        .lacks(&[Gap::NeighbourState]),
    probe("hpux/neighbours-inet6", &tools::NDP, arguments(&["-a", "-n"]), ndp::reader)
        .reads("The table of neighbour discovery.", "HP-UX ndp(1M)")
        .serves(&[View::Routes], &[])
        .may_be_empty()
        .optional(),
    probe("hpux/counters", &tools::NETSTAT, arguments(&["-s"]), plain_counters::reader)
        .reads("Protocol counters since boot.", "HP-UX netstat(1)")
        .serves(&[View::Counters], &[]),
    probe("hpux/interfaces", &tools::NETSTAT, arguments(&["-i", "-n"]), plain_interfaces::reader)
        .reads(
            "Interfaces with their IPv4 addresses, packets and, except on PA-RISC, errors.",
            "HP-UX netstat(1)",
        )
        .serves(&[View::Interfaces], SOCKETS)
        .lacks(INTERFACES),
    probe(
        "hpux/interfaces-inet6",
        &tools::NETSTAT,
        arguments(&["-i", "-n", "-f", "inet6"]),
        plain_interfaces::reader,
    )
    .reads("Interfaces with their IPv6 addresses.", "HP-UX netstat(1)")
    .serves(&[View::Interfaces], SOCKETS)
    .may_be_empty()
    .optional()
    .lacks(INTERFACES6),
    probe("hpux/routes-inet4", &tools::NETSTAT, ROUTES4, || routes::reader(Some(Family::Ipv4)))
        .reads("IPv4 routes with their masks and path MTU.", "HP-UX netstat(1)")
        .serves(&[View::Routes], &[])
        .lacks(ROUTES),
    probe("hpux/routes-inet6", &tools::NETSTAT, ROUTES6, || routes::reader(Some(Family::Ipv6)))
        .reads("IPv6 routes with their prefixes and path MTU.", "HP-UX netstat(1)")
        .serves(&[View::Routes], &[])
        .may_be_empty()
        .optional()
        .lacks(ROUTES),
    host::BOOT,
    host::PORTS,
    host::LAST_PORT,
    probe("hpux/account", &tools::ID, arguments(&[]), account::reader)
        .reads("The account's user id, name and groups.", "HP-UX id(1)")
        .serves(&[View::Host], SOCKETS),
    probe("hpux/kernel", &tools::UNAME, UNAME, uname::reader)
        .reads(
            "Kernel name and release, architecture, and the name the host gives itself.",
            "HP-UX uname(1)",
        )
        .serves(&[View::Host], SOCKETS),
    probe("hpux/tools", &tools::LS, tools::ARGUMENTS, tools::reader)
        .reads("Which of the tools' candidate paths exist.", "HP-UX ls(1)")
        .only(Usage::FindTools)
        .usable(&[0, 1, 2]),
];

const fn probe(
    id: &'static str,
    tool: &'static Tool,
    arguments: Arguments,
    reader: MakeReader,
) -> Probe {
    Probe::of(Platform::Hpux, id, tool, arguments, reader)
}
