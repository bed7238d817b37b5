//! The command standard of Linux: what is asked, in the order of a visit.
//!
//! The clock first, because its error is the round trip of an idle connection. Then what changes
//! fastest: sockets, neighbours, counters, links, routes. Facts last.

pub mod tools;
pub mod ss;
pub mod proc_net;
pub mod netstat;
pub mod busybox_netstat;
pub mod ip_link;
pub mod ip_route;
pub mod ip_rule;
pub mod ip_neigh;
pub mod ip_text;
pub mod proc_tables;
pub mod files;
pub mod counters;
pub mod limits;
pub mod host;
mod spare_sockets;
mod spare_network;
pub mod owners;
pub mod netns;
pub mod process;

use crate::model::snapshot::View;
use crate::model::socket::Family;
use crate::probe::command::{Arguments, arguments};
use crate::probe::fallback::{Condition, Fallback};
use crate::probe::follow::{Each, Pick};
use crate::probe::linux::proc_net::Table;
use crate::probe::table::{MakeReader, Probe, Usage};
use crate::probe::unix::{account, date, sudo, uname};

const SOCKETS: &[View] = &[View::Listeners, View::Sessions];

const SS4: Arguments = arguments(&["-4", "-n", "-a", "-t", "-u", "-w", "-e", "-o", "-p"]);
const SS6: Arguments = arguments(&["-6", "-n", "-a", "-t", "-u", "-w", "-e", "-o", "-p"]);

/// Without `ss`, or with one that does not know these options, the kernel's own tables. And with one
/// whose output is over the cap: it pads each row to the width of the widest, so whoever holds one socket
/// often enough makes the list too long, and these tables not.
const NO_SS: &[Condition] = &[Condition::ToolMissing, Condition::UsageError, Condition::OutputCut];
const PROC4: Fallback = Fallback {
    on: NO_SS,
    probes: &[
        "linux/proc-net-tcp",
        "linux/proc-net-udp",
        "linux/proc-net-raw",
        "linux/proc-net-udplite",
    ],
};
const PROC6: Fallback = Fallback {
    on: NO_SS,
    probes: &[
        "linux/proc-net-tcp6",
        "linux/proc-net-udp6",
        "linux/proc-net-raw6",
        "linux/proc-net-udplite6",
    ],
};

/// Lists of sockets that need the owner map.
const LISTS_WITHOUT_OWNERS: &[&str] = &[
    "linux/proc-net-tcp",
    "linux/proc-net-tcp6",
    "linux/proc-net-udp",
    "linux/proc-net-udp6",
    NAMESPACE_SOCKETS,
];

/// The probe that lists the sockets of another network namespace.
pub const NAMESPACE_SOCKETS: &str = "linux/namespace-sockets";

/// The probe that lists who holds which socket.
pub const OWNER_MAP: &str = "linux/owners";

/// Network namespaces that are looked into: 64. A host with more says so in its records.
const NAMESPACES: Each =
    Each { pick: Pick::Namespaces, files: process::NAMESPACE_FILES, per_command: 1, commands: 64 };

/// Processes whose name, parent, user and unit are read: 1024, 128 in one command of 6 KiB.
const OWNERS: Each =
    Each { pick: Pick::Owners, files: process::OWNER_FILES, per_command: 128, commands: 8 };

/// The probes of Linux.
pub static PROBES: &[Probe] = &[
    Probe::linux("linux/clock", &tools::DATE, arguments(&["-u", "+%s.%N"]), date::reader)
        .reads("The host's clock, in seconds since 1970 with nanoseconds.", "date(1)")
        .serves(&[], View::ALL),
    Probe::linux("linux/ss-inet4", &tools::SS, SS4, || ss::reader(Some(Family::Ipv4)))
        .reads("IPv4 sockets of TCP, UDP and raw IP, with queues, timers and owners.", "ss(8)")
        .serves(SOCKETS, &[])
        .with_owners()
        .lacks(spare_sockets::SS)
        .or(PROC4),
    Probe::linux("linux/ss-inet6", &tools::SS, SS6, || ss::reader(Some(Family::Ipv6)))
        .reads("IPv6 sockets of TCP, UDP and raw IP, with queues, timers and owners.", "ss(8)")
        .serves(SOCKETS, &[])
        .with_owners()
        .lacks(spare_sockets::SS)
        .or(PROC6),
    proc_net("linux/proc-net-tcp", arguments(&["/proc/net/tcp"]), || table(Table::Tcp))
        .or(spare_sockets::NO_PROC),
    lacking("linux/proc-net-tcp6", arguments(&["/proc/net/tcp6"]), || table(Table::Tcp6)),
    proc_net("linux/proc-net-udp", arguments(&["/proc/net/udp"]), || table(Table::Udp)),
    lacking("linux/proc-net-udp6", arguments(&["/proc/net/udp6"]), || table(Table::Udp6)),
    proc_net("linux/proc-net-raw", arguments(&["/proc/net/raw"]), || table(Table::Raw)),
    lacking("linux/proc-net-raw6", arguments(&["/proc/net/raw6"]), || table(Table::Raw6)),
    lacking("linux/proc-net-udplite", arguments(&["/proc/net/udplite"]), || table(Table::Udplite)),
    lacking("linux/proc-net-udplite6", arguments(&["/proc/net/udplite6"]), || {
        table(Table::Udplite6)
    }),
    spare_sockets::NETSTAT_WIDE,
    spare_sockets::NETSTAT_NOTRIM,
    spare_sockets::NETSTAT_NARROW_PROBE,
    spare_sockets::BUSYBOX_NETSTAT_OWNERS,
    spare_sockets::BUSYBOX_NETSTAT,
    spare_sockets::LSOF_PROBE,
    Probe::linux("linux/network-namespaces", &tools::FIND, netns::ARGUMENTS, netns::reader)
        .reads("Which process is in which network namespace.", "find(1), network_namespaces(7)")
        .serves(&[], SOCKETS)
        .usable(&[0, 1])
        .may_be_empty()
        .of_containers(),
    Probe::linux(
        NAMESPACE_SOCKETS,
        &tools::GREP,
        process::NAMESPACE_ARGUMENTS,
        process::reader,
    )
    .reads(
        "Sockets and control groups of another network namespace, such as a container's.",
        "proc(5)",
    )
    .serves(SOCKETS, &[])
    .after(&["linux/network-namespaces"])
    .about_each(NAMESPACES)
    .usable(&[0, 2])
    .may_be_empty()
    .of_containers(),
    Probe::linux(OWNER_MAP, &tools::FIND, owners::ARGUMENTS, owners::reader)
        .reads("Which process holds which socket, for lists of sockets that do not tell.", "find(1), proc(5)")
        .serves(&[], SOCKETS)
        .after(LISTS_WITHOUT_OWNERS)
        .with_owners()
        .usable(&[0, 1])
        .may_be_empty()
        .optional(),
    Probe::linux("linux/processes", &tools::GREP, process::OWNER_ARGUMENTS, process::reader)
        .reads("Name, parent, user and control groups of processes that hold sockets.", "proc(5)")
        .serves(&[], SOCKETS)
        .about_each(OWNERS)
        .usable(&[0, 1, 2])
        .may_be_empty()
        .optional(),
    Probe::linux(
        "linux/ip-neigh",
        &tools::IP,
        arguments(&["-j", "neigh", "show"]),
        ip_neigh::reader,
    )
    .reads("The ARP and neighbour-discovery tables.", "ip-neighbour(8)")
    .serves(&[View::Routes], &[])
    .may_be_empty()
    .or(spare_network::NEIGH),
    spare_network::IP_NEIGH_TEXT,
    spare_network::PROC_NET_ARP,
    Probe::linux("linux/counters", &tools::GREP, counters::ARGUMENTS, counters::reader)
        .reads("Protocol counters since boot, IPv4 and IPv6, and sockets in use.", "proc(5)")
        .serves(&[View::Counters], &[])
        .usable(&[0, 2]),
    // Without `show`: with any word after `link` ip(8) first asks the kernel, by an empty
    // RTM_NEWLINK, whether it could change one.
    Probe::linux(
        "linux/ip-link",
        &tools::IP,
        arguments(&["-j", "-s", "-s", "-d", "link"]),
        ip_link::reader,
    )
    .reads("Interfaces with kind, state and counters.", "ip-link(8)")
    .serves(&[View::Interfaces], &[])
    .or(spare_network::LINK),
    spare_network::IP_LINK_TEXT,
    spare_network::PROC_NET_DEV,
    Probe::linux(
        "linux/ip-addr",
        &tools::IP,
        arguments(&["-j", "addr", "show"]),
        ip_link::address_reader,
    )
    .reads("Addresses of the interfaces.", "ip-address(8)")
    .serves(&[View::Interfaces], SOCKETS)
    .or(spare_network::ADDRESS),
    spare_network::IP_ADDRESS_TEXT,
    spare_network::PROC_NET_IF_INET6,
    Probe::linux(
        "linux/ip-route4",
        &tools::IP,
        arguments(&["-j", "-4", "route", "show", "table", "all"]),
        || ip_route::reader(Family::Ipv4),
    )
    .reads("IPv4 routes of every table.", "ip-route(8)")
    .serves(&[View::Routes], &[])
    .may_be_empty()
    .or(spare_network::ROUTE4),
    spare_network::IP_ROUTE4_TEXT,
    spare_network::PROC_NET_ROUTE,
    Probe::linux(
        "linux/ip-route6",
        &tools::IP,
        arguments(&["-j", "-6", "route", "show", "table", "all"]),
        || ip_route::reader(Family::Ipv6),
    )
    .reads("IPv6 routes of every table.", "ip-route(8)")
    .serves(&[View::Routes], &[])
    .may_be_empty()
    .or(spare_network::ROUTE6),
    spare_network::IP_ROUTE6_TEXT,
    spare_network::PROC_NET_IPV6_ROUTE,
    Probe::linux(
        "linux/ip-rule4",
        &tools::IP,
        arguments(&["-j", "-4", "rule", "show"]),
        || ip_rule::reader(Family::Ipv4),
    )
    .reads("IPv4 policy-routing rules.", "ip-rule(8)")
    .serves(&[View::Routes], &[])
    .may_be_empty()
    .or(spare_network::RULE4),
    spare_network::IP_RULE4_TEXT,
    Probe::linux(
        "linux/ip-rule6",
        &tools::IP,
        arguments(&["-j", "-6", "rule", "show"]),
        || ip_rule::reader(Family::Ipv6),
    )
    .reads("IPv6 policy-routing rules.", "ip-rule(8)")
    .serves(&[View::Routes], &[])
    .may_be_empty()
    .or(spare_network::RULE6),
    spare_network::IP_RULE6_TEXT,
    Probe::linux(
        "linux/status",
        &tools::GREP,
        arguments(&[
            "-H",
            "-e",
            "btime",
            "-e",
            "Uid",
            "-e",
            "Gid",
            "-e",
            "Cap",
            "/proc/stat",
            "/proc/self/status",
        ]),
        host::status_reader,
    )
    .reads("Time of the last boot, and user id and capabilities of the account.", "proc(5)")
    .serves(&[View::Host], SOCKETS)
    .usable(&[0, 2]),
    Probe::linux("linux/account", &tools::ID, arguments(&[]), account::reader)
        .reads("The account's user id, name and groups.", "id(1)")
        .serves(&[View::Host], SOCKETS),
    Probe::linux("linux/sudo-rules", &tools::SUDO, arguments(&["-n", "-l"]), sudo::reader)
        .reads("What the account may run as somebody else, without asking for a password.", "sudo(8)")
        .only(Usage::Check)
        .usable(&[0, 1])
        .may_be_empty()
        .optional(),
    Probe::linux("linux/limits", &tools::GREP, limits::ARGUMENTS, limits::reader)
        .reads("Ephemeral and reserved ports, backlog, connection-tracking and file limits.", "ip-sysctl, proc(5)")
        .serves(&[View::Host], SOCKETS)
        .usable(&[0, 2]),
    Probe::linux("linux/kernel", &tools::UNAME, arguments(&["-s", "-n", "-r", "-m"]), uname::reader)
        .reads("Kernel name and release, architecture, and the name the host gives itself.", "uname(1)")
        .serves(&[View::Host], SOCKETS),
    Probe::linux("linux/host", &tools::GREP, host::ARGUMENTS, host::reader)
        .reads("Distribution, machine id, boot id and host name.", "os-release(5), machine-id(5), proc(5)")
        .serves(&[View::Host], SOCKETS)
        .usable(&[0, 2]),
    Probe::linux("linux/tools", &tools::LS, tools::ARGUMENTS, tools::reader)
        .reads("Which of the tools' candidate paths exist, and whether the time service says that the clock is synchronized.", "ls(1), systemd-timesyncd.service(8)")
        .only(Usage::FindTools)
        .usable(&[0, 1, 2]),
];

/// One of the kernel's socket tables. It has no owners, so the account needs nothing.
const fn proc_net(id: &'static str, path: Arguments, reader: MakeReader) -> Probe {
    Probe::linux(id, &tools::CAT, path, reader)
        .reads(
            "One of the kernel's socket tables, with inodes and user ids, without owners.",
            "proc(5)",
        )
        .serves(SOCKETS, &[])
        .only(Usage::Fallback)
        .covered_by(spare_sockets::ALL_SOCKETS)
        .lacks(spare_sockets::PROC_NET)
}

/// A table that a kernel may lack: one without IPv6 or UDP-Lite. Then cat(1) says so with 1.
const fn lacking(id: &'static str, path: Arguments, reader: MakeReader) -> Probe {
    proc_net(id, path, reader).usable(&[0, 1]).may_be_empty()
}

fn table(table: Table) -> Box<dyn crate::model::parsed::Reader> {
    proc_net::reader(table)
}
