//! The command standard of Oracle Solaris 10 and 11: what is asked, in the order of a visit.
//!
//! The readers serve illumos too, whose tools have the same ancestor; see [`crate::probe::illumos`].

pub mod tools;
pub mod host;
pub mod release;
pub mod netstat;
pub mod routes;
pub mod interfaces;
pub mod neighbours;
pub mod link_counters;
pub mod counters;
pub mod addresses;
pub mod services;
mod words;

use crate::model::host::Platform;
use crate::model::snapshot::View;
use crate::probe::command::{Arguments, arguments};
use crate::probe::fallback::{Condition, Fallback};
use crate::probe::gap::Gap;
use crate::probe::solaris::netstat::{Dialect, Part};
use crate::probe::table::{MakeReader, Naming, Probe, Usage, Verified};
use crate::probe::unix::{account, date, uname};

const SOCKETS: &[View] = &[View::Listeners, View::Sessions];

/// `netstat -u` of 11.2 and later: one owner, its name cut.
const OWNED: &[Gap] = &[
    Gap::OtherOwners,
    Gap::OwnerDescriptor,
    Gap::DualStack,
    Gap::Backlog,
    Gap::BacklogLimit,
    Gap::RawSockets,
    Gap::Timer,
    Gap::Inode,
    Gap::Cookie,
    Gap::SocketUser,
    Gap::ControlGroup,
];
/// `netstat` without `-u`.
pub(in crate::probe) const BARE: &[Gap] = &[
    Gap::Owners,
    Gap::DualStack,
    Gap::Backlog,
    Gap::BacklogLimit,
    Gap::RawSockets,
    Gap::Timer,
    Gap::Drops,
    Gap::Inode,
    Gap::Cookie,
    Gap::SocketUser,
    Gap::ControlGroup,
];
/// `netstat -i`.
pub(in crate::probe) const PACKETS: &[Gap] = &[
    Gap::LinkIndex,
    Gap::LinkDetails,
    Gap::LinkBytes,
    Gap::BareLinks,
    Gap::CounterWidth,
    Gap::AddressPrefix,
];

pub(in crate::probe) const OWNED4: Arguments = arguments(&["-a", "-n", "-u", "-f", "inet"]);
pub(in crate::probe) const OWNED6: Arguments = arguments(&["-a", "-n", "-u", "-f", "inet6"]);
pub(in crate::probe) const BARE4: Arguments = arguments(&["-a", "-n", "-f", "inet"]);
pub(in crate::probe) const BARE6: Arguments = arguments(&["-a", "-n", "-f", "inet6"]);
pub(in crate::probe) const CLOCK: Arguments = arguments(&["-u", "+%Y-%m-%dT%H:%M:%SZ"]);
pub(in crate::probe) const ROUTES: Arguments = arguments(&["-r", "-n", "-a", "-v"]);
pub(in crate::probe) const NEIGHBOURS: Arguments = arguments(&["-p", "-n"]);
pub(in crate::probe) const LINKS: Arguments = arguments(&["-p", "-c", "net"]);
pub(in crate::probe) const INTERFACES: Arguments = arguments(&["-i", "-n"]);
pub(in crate::probe) const SERVICES: Arguments = arguments(&["-H", "-p"]);

/// Without `-u`, where netstat does not know it.
const NO_U: &[Condition] = &[Condition::UsageError];
/// Where kstat is not there.
pub(in crate::probe) const NO_KSTAT: &[Condition] = &[Condition::ToolMissing];

/// The probes of Solaris.
pub static PROBES: &[Probe] = &[
    probe("solaris/clock", &tools::DATE, CLOCK, date::reader)
        .reads("The host's clock, in whole seconds.", "date(1)")
        .serves(&[], View::ALL),
    probe("solaris/netstat-inet4", &tools::NETSTAT, OWNED4, || reader(Part::Ipv4))
        .reads("IPv4 sockets of TCP, UDP and SCTP, with queues and an owner.", "netstat(8)")
        .serves(SOCKETS, &[])
        .with_owners()
        .names(Naming::InRows)
        .lacks(OWNED)
        .or(Fallback { on: NO_U, probes: &["solaris/netstat-inet4-plain"] }),
    probe("solaris/netstat-inet4-plain", &tools::NETSTAT, BARE4, || reader(Part::Ipv4))
        .reads("IPv4 sockets of TCP, UDP and SCTP, with queues, without owners.", "netstat(1M)")
        .serves(SOCKETS, &[])
        .only(Usage::Fallback)
        .lacks(BARE),
    probe("solaris/netstat-inet6", &tools::NETSTAT, OWNED6, || reader(Part::Ipv6))
        .reads("IPv6 sockets of TCP, UDP and SCTP, with queues and an owner.", "netstat(8)")
        .serves(SOCKETS, &[])
        .with_owners()
        .names(Naming::InRows)
        .may_be_empty()
        .lacks(OWNED)
        .or(Fallback { on: NO_U, probes: &["solaris/netstat-inet6-plain"] }),
    probe("solaris/netstat-inet6-plain", &tools::NETSTAT, BARE6, || reader(Part::Ipv6))
        .reads("IPv6 sockets of TCP, UDP and SCTP, with queues, without owners.", "netstat(1M)")
        .serves(SOCKETS, &[])
        .only(Usage::Fallback)
        .may_be_empty()
        .lacks(BARE),
    probe("solaris/services", &tools::SVCS, SERVICES, services::reader)
        .reads(SERVICES_READ, "svcs(1)")
        .serves(&[], SOCKETS)
        .with_owners()
        .usable(&[0, 1])
        .may_be_empty()
        .optional(),
    host::SOLARIS_PROCESSES,
    probe("solaris/neighbours", &tools::NETSTAT, NEIGHBOURS, neighbours::reader)
        .reads(NEIGHBOURS_READ, "netstat(8)")
        .serves(&[View::Routes], &[])
        .may_be_empty(),
    probe("solaris/counters", &tools::NETSTAT, arguments(&["-s"]), counters::reader)
        .reads(COUNTERS_READ, "netstat(8)")
        .serves(&[View::Counters], &[]),
    probe("solaris/link-counters", &tools::KSTAT, LINKS, link_counters::reader)
        .reads(LINKS_READ, "kstat(8)")
        .serves(&[View::Interfaces], &[])
        .or(Fallback { on: NO_KSTAT, probes: &["solaris/interfaces"] }),
    probe("solaris/interfaces", &tools::NETSTAT, INTERFACES, interfaces::reader)
        .reads(INTERFACES_READ, "netstat(8)")
        .serves(&[View::Interfaces], &[])
        .only(Usage::Fallback)
        .lacks(PACKETS),
    probe("solaris/addresses", &tools::IFCONFIG, arguments(&["-a"]), addresses::reader)
        .reads(ADDRESSES_READ, "ifconfig(8)")
        .proved(Verified::Recorded)
        .serves(&[View::Interfaces], SOCKETS),
    probe("solaris/routes", &tools::NETSTAT, ROUTES, routes::reader)
        .reads(ROUTES_READ, "netstat(8)")
        .serves(&[View::Routes], &[])
        .lacks(&[Gap::JoinedHops]),
    host::SOLARIS_BOOT,
    host::SOLARIS_PORTS,
    host::SOLARIS_PORTS_NDD,
    host::SOLARIS_RELEASE,
    probe("solaris/account", &tools::ID, ACCOUNT, account::reader)
        .reads(ACCOUNT_READ, "id(1)")
        .serves(&[View::Host], SOCKETS),
    probe("solaris/kernel", &tools::UNAME, KERNEL, uname::reader)
        .reads(KERNEL_READ, "uname(1)")
        .serves(&[View::Host], SOCKETS),
    probe("solaris/tools", &tools::LS, tools::ARGUMENTS, tools::reader)
        .reads(TOOLS_READ, "ls(1)")
        .only(Usage::FindTools)
        .usable(&[0, 1, 2]),
];

/// Without `-a` id prints the primary group alone.
pub(in crate::probe) const ACCOUNT: Arguments = arguments(&["-a"]);
pub(in crate::probe) const KERNEL: Arguments = arguments(&["-s", "-n", "-r", "-m"]);
pub(in crate::probe) const SERVICES_READ: &str =
    "Which SMF service runs which process, and the names of these processes.";
pub(in crate::probe) const NEIGHBOURS_READ: &str = "The ARP and neighbour-discovery tables.";
pub(in crate::probe) const COUNTERS_READ: &str = "Protocol counters since boot, IPv4 and IPv6.";
pub(in crate::probe) const LINKS_READ: &str = "Links with state, speed and counters of 64 bits.";
pub(in crate::probe) const INTERFACES_READ: &str =
    "Interfaces with MTU, packets and errors, for hosts without kstat.";
pub(in crate::probe) const ADDRESSES_READ: &str =
    "Interfaces with flags and addresses; to root, those of the link layer too.";
pub(in crate::probe) const ROUTES_READ: &str = "IPv4 and IPv6 routes, with masks.";
pub(in crate::probe) const ACCOUNT_READ: &str = "The account's user id, name and groups.";
pub(in crate::probe) const KERNEL_READ: &str =
    "Kernel name and release, architecture, and the name the host gives itself.";
pub(in crate::probe) const TOOLS_READ: &str = "Which of the tools' candidate paths exist.";

const fn probe(
    id: &'static str,
    tool: &'static crate::probe::tool::Tool,
    arguments: Arguments,
    reader: MakeReader,
) -> Probe {
    Probe::of(Platform::Solaris, id, tool, arguments, reader)
}

fn reader(part: Part) -> Box<dyn crate::model::parsed::Reader> {
    netstat::reader(Dialect::Solaris, part)
}
