//! The command standard of AIX: what is asked, in the order of a visit.
//!
//! Everything is asked of tools of the base system, by any account. Owners of sockets are not told
//! by any of them: `rmsock` would, but it removes a socket that no process holds, so it is never
//! run.

pub mod device_statistics;
pub mod routes;
pub mod services;
pub mod tools;
pub mod host;
pub mod version;
pub mod uname;

use crate::model::host::Platform;
use crate::model::parsed::Reader;
use crate::model::snapshot::View;
use crate::model::socket::Family;
use crate::probe::bsd::plain_rows::System;
use crate::probe::bsd::{plain_arp, plain_counters, plain_ifconfig, plain_interfaces, plain_rows};
use crate::probe::command::{Arguments, arguments};
use crate::probe::fallback::{Condition, Fallback};
use crate::probe::gap::Gap;
use crate::probe::table::{MakeReader, Probe, Usage, Verified};
use crate::probe::tool::Tool;
use crate::probe::unix::{account, date};

const SOCKETS: &[View] = &[View::Listeners, View::Sessions];

/// netstat without `-o`, and no netstat of AIX lists raw sockets.
const NETSTAT: &[Gap] = &[
    Gap::Owners,
    Gap::RawSockets,
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
const INTERFACES: &[Gap] =
    &[Gap::LinkBytes, Gap::LinkErrorKinds, Gap::CounterWidth, Gap::AddressPeer, Gap::AddressPrefix];
const ROUTES: &[Gap] = &[Gap::RouteDetails];
const NEIGHBOURS: &[Gap] = &[Gap::NeighbourState];

/// The clock in whole seconds: date(1) of AIX knows no fraction.
const CLOCK: Arguments = arguments(&["-u", "+%Y-%m-%dT%H:%M:%SZ"]);

/// The same without dropped packets, which old releases do not count.
const WITHOUT_DROPS: Fallback =
    Fallback { on: &[Condition::UsageError], probes: &["aix/interfaces-plain"] };

/// A reader of every form of `netstat -an`.
#[must_use]
pub fn netstat() -> Box<dyn Reader> {
    plain_rows::reader(System::Aix, None)
}

/// The probes of AIX.
pub static PROBES: &[Probe] = &[
    probe("aix/clock", &tools::DATE, CLOCK, date::reader)
        .reads("The host's clock, in whole seconds.", "IBM, AIX commands, date")
        .serves(&[], View::ALL),
    // Both families at once: a socket that serves both would be listed under each of them.
    probe("aix/netstat", &tools::NETSTAT, arguments(&["-a", "-n"]), netstat)
        .reads("Sockets of TCP and UDP, IPv4 and IPv6, with queues.", "IBM, AIX commands, netstat")
        .serves(SOCKETS, &[])
        .lacks(NETSTAT),
    host::PROCESSES,
    probe("aix/services", &tools::LSSRC, arguments(&["-a"]), services::reader)
        .reads(
            "Which processes the System Resource Controller runs as which subsystems.",
            "IBM, AIX commands, lssrc",
        )
        .serves(&[], SOCKETS)
        .optional(),
    // In one word: after `-a` alone arp takes a word for the name of a kernel.
    probe("aix/neighbours", &tools::ARP, arguments(&["-an"]), || plain_arp::reader(Family::Ipv4))
        .reads("The ARP table.", "IBM, AIX commands, arp")
        .serves(&[View::Routes], &[])
        .may_be_empty()
        .proved(Verified::Recorded)
        .lacks(NEIGHBOURS),
    probe("aix/neighbours-inet6", &tools::NDP, arguments(&["-n", "-a"]), || {
        plain_arp::reader(Family::Ipv6)
    })
    .reads("The table of neighbour discovery.", "IBM, AIX commands, ndp")
    .serves(&[View::Routes], &[])
    .may_be_empty()
    .optional()
    .lacks(NEIGHBOURS),
    probe("aix/counters", &tools::NETSTAT, arguments(&["-s"]), plain_counters::reader)
        .reads("Protocol counters since boot, IPv4 and IPv6.", "IBM, AIX commands, netstat")
        .serves(&[View::Counters], &[])
        .proved(Verified::Recorded),
    // entstat opens the adapter, which may need root: then nothing is printed.
    probe("aix/device-statistics", &tools::NETSTAT, arguments(&["-v"]), device_statistics::reader)
        .reads(
            "Adapters with bytes, errors, speed and hardware address.",
            "IBM, AIX commands, netstat and entstat",
        )
        .serves(&[View::Interfaces], &[])
        .may_be_empty()
        .optional(),
    probe(
        "aix/interfaces",
        &tools::NETSTAT,
        arguments(&["-i", "-d", "-n"]),
        plain_interfaces::reader,
    )
    .reads(
        "Interfaces with index, hardware address, addresses, packets, errors and drops.",
        "IBM, AIX commands, netstat",
    )
    .serves(&[View::Interfaces], SOCKETS)
    .proved(Verified::Recorded)
    .lacks(INTERFACES)
    .or(WITHOUT_DROPS),
    probe(
        "aix/interfaces-plain",
        &tools::NETSTAT,
        arguments(&["-i", "-n"]),
        plain_interfaces::reader,
    )
    .reads(
        "Interfaces with index, hardware address, addresses, packets and errors.",
        "IBM, AIX commands, netstat",
    )
    .serves(&[View::Interfaces], SOCKETS)
    .only(Usage::Fallback)
    .proved(Verified::Recorded)
    .lacks(INTERFACES),
    probe("aix/addresses", &tools::IFCONFIG, arguments(&["-a"]), plain_ifconfig::reader)
        .reads("Addresses and flags of the interfaces.", "IBM, AIX commands, ifconfig")
        .serves(&[View::Interfaces], SOCKETS)
        .proved(Verified::Recorded),
    probe("aix/routes-inet4", &tools::NETSTAT, arguments(&["-r", "-n", "-f", "inet"]), || {
        routes::reader(Some(Family::Ipv4))
    })
    .reads("IPv4 routes.", "IBM, AIX commands, netstat")
    .serves(&[View::Routes], &[])
    .proved(Verified::Recorded)
    .lacks(ROUTES),
    probe("aix/routes-inet6", &tools::NETSTAT, arguments(&["-r", "-n", "-f", "inet6"]), || {
        routes::reader(Some(Family::Ipv6))
    })
    .reads("IPv6 routes.", "IBM, AIX commands, netstat")
    .serves(&[View::Routes], &[])
    .may_be_empty()
    .lacks(ROUTES),
    host::BOOT,
    host::PORTS,
    host::VERSION,
    probe("aix/account", &tools::ID, arguments(&[]), account::reader)
        .reads("The account's user id, name and groups.", "IBM, AIX commands, id")
        .serves(&[View::Host], SOCKETS),
    probe("aix/kernel", &tools::UNAME, arguments(&["-s", "-n", "-r", "-v", "-m"]), uname::reader)
        .reads(
            "Name and release of the system, and the name the host gives itself.",
            "IBM, AIX commands, uname",
        )
        .serves(&[View::Host], SOCKETS),
    probe("aix/tools", &tools::LS, tools::ARGUMENTS, tools::reader)
        .reads("Which of the tools' candidate paths exist.", "IBM, AIX commands, ls")
        .only(Usage::FindTools)
        .usable(&[0, 1, 2]),
];

const fn probe(
    id: &'static str,
    tool: &'static Tool,
    arguments: Arguments,
    reader: MakeReader,
) -> Probe {
    Probe::of(Platform::Aix, id, tool, arguments, reader)
}
