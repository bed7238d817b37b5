//! The command standard of Windows: what is asked, in the order of a visit.
//!
//! Programs of the system, in the language of the system: their words are not looked at, only
//! digits, addresses and places. No account needs to be an administrator. Source: the Windows commands
//! reference.

pub mod tools;
pub mod rich;
pub mod host;
pub mod short;
pub mod whoami;
pub mod privileges;
pub mod wmic;
pub mod standard_error;
mod text;
mod words;
pub mod netstat;
pub mod tasklist;
pub mod arp;
pub mod counters;
pub mod interface_totals;
pub mod route_print;

use crate::model::host::Platform;
use crate::model::privilege::Grant;
use crate::model::snapshot::View;
use crate::probe::command::{Arguments, windows_arguments};
use crate::probe::fallback::{Condition, Fallback};
use crate::probe::gap::Gap;
use crate::probe::table::{MakeReader, Naming, Probe, Usage, Verified};
use crate::probe::tool::Tool;

const SOCKETS: &[View] = &[View::Listeners, View::Sessions];

/// Where another manual is cited, its page is named.
const MANUAL: &str = "Windows commands reference";

/// What `netstat -a -n -o` leaves out.
const NETSTAT: &[Gap] = &[
    Gap::OwnerName,
    Gap::OwnerDescriptor,
    Gap::OtherOwners,
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

/// Without `-o`.
const NETSTAT_WITHOUT_OWNERS: &[Gap] = &[
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

const ROUTE_PRINT: &[Gap] = &[
    Gap::RouteDetails,
    Gap::LinkDetails,
    Gap::LinkBytes,
    Gap::LinkErrorKinds,
    Gap::CounterWidth,
    Gap::Ipv4Addresses,
];

const PLAIN_TASKLIST: Fallback =
    Fallback { on: &[Condition::UsageError], probes: &["windows/tasklist"] };

/// What most programs need: they ask the kernel, not WMI.
const SHELL: &[Grant] = &[Grant::Shell];

/// tasklist.exe asks WMI.
const TASKLIST: &[Grant] = &[Grant::Shell, Grant::Cimv2];
const TASKLIST_SERVICES: &[Grant] = &[Grant::Shell, Grant::Cimv2, Grant::Services];
const TASKLIST_USERS: &[Grant] = &[Grant::Shell, Grant::Cimv2, Grant::Administrator];

/// The probes of Windows.
pub static PROBES: &[Probe] = &[
    host::CLOCK,
    windows(
        "windows/netstat-tcp-udp",
        &tools::NETSTAT,
        windows_arguments(&["-a", "-n", "-o"]),
        netstat::reader,
    )
    .reads("IPv4 and IPv6 sockets of TCP and UDP, with the ids of their processes.", MANUAL)
    .serves(SOCKETS, &[])
    .granted(SHELL)
    .names(Naming::InRows)
    .lacks(NETSTAT)
    .proved(Verified::Recorded)
    .or(Fallback { on: &[Condition::UsageError], probes: &["windows/netstat-without-owners"] }),
    windows(
        "windows/netstat-without-owners",
        &tools::NETSTAT,
        windows_arguments(&["-a", "-n"]),
        netstat::reader,
    )
    .reads("IPv4 and IPv6 sockets of TCP and UDP, where netstat knows no -o.", MANUAL)
    .serves(SOCKETS, &[])
    .granted(SHELL)
    .only(Usage::Fallback)
    .lacks(NETSTAT_WITHOUT_OWNERS),
    windows(
        "windows/tasklist-services",
        &tools::TASKLIST,
        windows_arguments(&["/svc", "/fo", "csv", "/nh"]),
        tasklist::reader,
    )
    .reads("Names of processes, and the services that run in each.", MANUAL)
    .serves(&[], SOCKETS)
    .granted(TASKLIST_SERVICES)
    .names(Naming::Processes)
    .optional()
    .or(PLAIN_TASKLIST),
    windows(
        "windows/tasklist-users",
        &tools::TASKLIST,
        windows_arguments(&["/v", "/fo", "csv", "/nh"]),
        tasklist::reader,
    )
    .reads("Names of processes, and the users that they run as.", MANUAL)
    .serves(&[], SOCKETS)
    .granted(TASKLIST_USERS)
    .names(Naming::Processes)
    .optional(),
    windows(
        "windows/tasklist",
        &tools::TASKLIST,
        windows_arguments(&["/fo", "csv", "/nh"]),
        tasklist::reader,
    )
    .reads("Names of processes.", MANUAL)
    .serves(&[], SOCKETS)
    .granted(TASKLIST)
    .optional()
    .names(Naming::Processes)
    .only(Usage::Fallback),
    windows("windows/arp", &tools::ARP, windows_arguments(&["-a"]), arp::reader)
        .reads("The ARP table of each interface.", MANUAL)
        .serves(&[View::Routes], &[])
        .granted(SHELL)
        .usable(&[0, 1])
        .lacks(&[Gap::NeighbourState, Gap::Ipv6Neighbours]),
    windows(
        "windows/netstat-counters",
        &tools::NETSTAT,
        windows_arguments(&["-s"]),
        counters::reader,
    )
    .reads("Counters of IP, ICMP, TCP and UDP since the system started, of IPv4 and IPv6.", MANUAL)
    .serves(&[View::Counters], &[])
    .granted(SHELL),
    windows(
        "windows/netstat-interfaces",
        &tools::NETSTAT,
        windows_arguments(&["-e"]),
        interface_totals::reader,
    )
    .reads("What all interfaces together received and sent.", MANUAL)
    .serves(&[View::Counters], &[])
    .granted(SHELL),
    windows(
        "windows/route-print",
        &tools::ROUTE,
        windows_arguments(&["print"]),
        route_print::reader,
    )
    .reads(
        "Interfaces with their numbers and MAC addresses, IPv4 and IPv6 routes in force.",
        MANUAL,
    )
    .serves(&[View::Interfaces, View::Routes], &[])
    .granted(SHELL)
    .lacks(ROUTE_PRINT)
    .or(Fallback { on: &[Condition::ToolMissing], probes: &["windows/netstat-routes"] }),
    windows(
        "windows/netstat-routes",
        &tools::NETSTAT,
        windows_arguments(&["-r"]),
        route_print::reader,
    )
    .reads("The same as route print, where that program is missing.", MANUAL)
    .serves(&[View::Interfaces, View::Routes], &[])
    .granted(SHELL)
    .only(Usage::Fallback)
    .lacks(ROUTE_PRINT),
    host::ACCOUNT,
    host::GROUPS,
    privileges::PRIVILEGES,
    host::PORTS,
    host::VERSION,
    host::NAME,
    host::SYSTEM,
    rich::RICH_SOCKETS,
    rich::RICH_PROCESSES,
    rich::RICH_INTERFACES,
    rich::RICH_ROUTES,
    rich::RICH_HOST,
];

/// A planned probe of Windows.
const fn windows(
    id: &'static str,
    tool: &'static Tool,
    arguments: Arguments,
    reader: MakeReader,
) -> Probe {
    Probe::of(Platform::Windows, id, tool, arguments, reader)
}
