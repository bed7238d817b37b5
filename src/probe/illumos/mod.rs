//! The command standard of illumos and what is made of it: what is asked, in the
//! order of a visit.
//!
//! The commands and the grammar are those of Solaris, and so are the readers. `netstat -u`, since
//! 2019, names every owner of a socket, in a row for each; it looks into `/proc` for them, so without
//! privileges it names those of the account's own processes.

use crate::model::host::Platform;
use crate::model::snapshot::View;
use crate::probe::command::{Arguments, arguments};
use crate::probe::fallback::{Condition, Fallback};
use crate::probe::gap::Gap;
use crate::probe::solaris::netstat::{Dialect, Part};
use crate::probe::solaris::{
    ACCOUNT, ACCOUNT_READ, ADDRESSES_READ, BARE, BARE4, BARE6, CLOCK, COUNTERS_READ, INTERFACES,
    INTERFACES_READ, KERNEL, KERNEL_READ, LINKS, LINKS_READ, NEIGHBOURS, NEIGHBOURS_READ, NO_KSTAT,
    OWNED4, OWNED6, PACKETS, ROUTES, ROUTES_READ, SERVICES, SERVICES_READ, TOOLS_READ, addresses,
    counters, host, interfaces, link_counters, neighbours, netstat, routes, services, tools,
};
use crate::probe::table::{MakeReader, Naming, Probe, Usage};
use crate::probe::unix::{account, date, uname};

const SOCKETS: &[View] = &[View::Listeners, View::Sessions];

const OWNED: &[Gap] = &[
    Gap::OwnerDescriptor,
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

/// Without `-u`, where netstat does not know it.
const NO_U: &[Condition] = &[Condition::UsageError];

/// The probes of illumos.
pub static PROBES: &[Probe] = &[
    probe("illumos/clock", &tools::DATE, CLOCK, date::reader)
        .reads("The host's clock, in whole seconds.", "date(1)")
        .serves(&[], View::ALL),
    probe("illumos/netstat-inet4", &tools::NETSTAT, OWNED4, || reader(Part::Ipv4))
        .reads("IPv4 sockets of TCP, UDP and SCTP, with queues and owners.", "netstat(8)")
        .serves(SOCKETS, &[])
        .with_owners()
        .names(Naming::InRows)
        .lacks(OWNED)
        .or(Fallback { on: NO_U, probes: &["illumos/netstat-inet4-plain"] }),
    probe("illumos/netstat-inet4-plain", &tools::NETSTAT, BARE4, || reader(Part::Ipv4))
        .reads("IPv4 sockets of TCP, UDP and SCTP, with queues, without owners.", "netstat(8)")
        .serves(SOCKETS, &[])
        .only(Usage::Fallback)
        .lacks(BARE),
    probe("illumos/netstat-inet6", &tools::NETSTAT, OWNED6, || reader(Part::Ipv6))
        .reads("IPv6 sockets of TCP, UDP and SCTP, with queues and owners.", "netstat(8)")
        .serves(SOCKETS, &[])
        .with_owners()
        .names(Naming::InRows)
        .may_be_empty()
        .lacks(OWNED)
        .or(Fallback { on: NO_U, probes: &["illumos/netstat-inet6-plain"] }),
    probe("illumos/netstat-inet6-plain", &tools::NETSTAT, BARE6, || reader(Part::Ipv6))
        .reads("IPv6 sockets of TCP, UDP and SCTP, with queues, without owners.", "netstat(8)")
        .serves(SOCKETS, &[])
        .only(Usage::Fallback)
        .may_be_empty()
        .lacks(BARE),
    probe("illumos/services", &tools::SVCS, SERVICES, services::reader)
        .reads(SERVICES_READ, "svcs(1)")
        .serves(&[], SOCKETS)
        .with_owners()
        .usable(&[0, 1])
        .may_be_empty()
        .optional(),
    host::ILLUMOS_PROCESSES,
    probe("illumos/neighbours", &tools::NETSTAT, NEIGHBOURS, neighbours::reader)
        .reads(NEIGHBOURS_READ, "netstat(8)")
        .serves(&[View::Routes], &[])
        .may_be_empty(),
    probe("illumos/counters", &tools::NETSTAT, arguments(&["-s"]), counters::reader)
        .reads(COUNTERS_READ, "netstat(8)")
        .serves(&[View::Counters], &[]),
    probe("illumos/link-counters", &tools::KSTAT, LINKS, link_counters::reader)
        .reads(LINKS_READ, "kstat(8)")
        .serves(&[View::Interfaces], &[])
        .or(Fallback { on: NO_KSTAT, probes: &["illumos/interfaces"] }),
    probe("illumos/interfaces", &tools::NETSTAT, INTERFACES, interfaces::reader)
        .reads(INTERFACES_READ, "netstat(8)")
        .serves(&[View::Interfaces], &[])
        .only(Usage::Fallback)
        .lacks(PACKETS),
    probe("illumos/addresses", &tools::IFCONFIG, arguments(&["-a"]), addresses::reader)
        .reads(ADDRESSES_READ, "ifconfig(8)")
        .serves(&[View::Interfaces], SOCKETS),
    probe("illumos/routes", &tools::NETSTAT, ROUTES, routes::reader)
        .reads(ROUTES_READ, "netstat(8)")
        .serves(&[View::Routes], &[])
        .lacks(&[Gap::JoinedHops]),
    host::ILLUMOS_BOOT,
    host::ILLUMOS_PORTS,
    host::ILLUMOS_RELEASE,
    probe("illumos/account", &tools::ID, ACCOUNT, account::reader)
        .reads(ACCOUNT_READ, "id(1)")
        .serves(&[View::Host], SOCKETS),
    probe("illumos/kernel", &tools::UNAME, KERNEL, uname::reader)
        .reads(KERNEL_READ, "uname(1)")
        .serves(&[View::Host], SOCKETS),
    probe("illumos/tools", &tools::LS, tools::ARGUMENTS, tools::reader)
        .reads(TOOLS_READ, "ls(1)")
        .only(Usage::FindTools)
        .usable(&[0, 1, 2]),
];

const fn probe(
    id: &'static str,
    tool: &'static crate::probe::tool::Tool,
    arguments: Arguments,
    reader: MakeReader,
) -> Probe {
    Probe::of(Platform::Illumos, id, tool, arguments, reader)
}

fn reader(part: Part) -> Box<dyn crate::model::parsed::Reader> {
    netstat::reader(Dialect::Illumos, part)
}
