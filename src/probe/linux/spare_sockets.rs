//! Probes that stand in where `ss` gives no answer: net-tools, busybox and lsof; and what each tool
//! for sockets leaves out.
//!
//! Each says in `cannot_say` what its tool leaves out. Which of them takes whose place is said by
//! the rows of [`crate::probe::linux::PROBES`]; here stand only the edges inside one tool.

use crate::probe::command::arguments;
use crate::probe::fallback::{Condition, Fallback};
use crate::probe::gap::Gap;
use crate::probe::linux::netstat::Width;
use crate::probe::linux::{SOCKETS, busybox_netstat, netstat, tools};
use crate::probe::table::{Probe, Usage, Verified};
use crate::probe::unix::lsof;

/// `ss` before 7.0, on a kernel without `raw_diag`.
pub(super) const SS: &[Gap] = &[Gap::OwnerNameEnd, Gap::RawDetails, Gap::Drops];
/// The kernel's own socket tables.
pub(super) const PROC_NET: &[Gap] = &[
    Gap::Owners,
    Gap::BindDevice,
    Gap::Zone,
    Gap::DualStack,
    Gap::BacklogLimit,
    Gap::Cookie,
    Gap::ControlGroup,
];
/// net-tools names one owner of several, by its argv[0].
const NETSTAT: &[Gap] = &[
    Gap::OtherOwners,
    Gap::OwnerDescriptor,
    Gap::OwnerComm,
    Gap::BindDevice,
    Gap::Zone,
    Gap::DualStack,
    Gap::BacklogLimit,
    Gap::Drops,
    Gap::Cookie,
    Gap::ControlGroup,
];
const NETSTAT_NARROW: &[Gap] = &[
    Gap::OtherOwners,
    Gap::OwnerDescriptor,
    Gap::OwnerComm,
    Gap::BindDevice,
    Gap::Zone,
    Gap::DualStack,
    Gap::BacklogLimit,
    Gap::Drops,
    Gap::Cookie,
    Gap::ControlGroup,
    Gap::LongAddresses,
];
const BUSYBOX_OWNERS: &[Gap] = &[
    Gap::OtherOwners,
    Gap::OwnerDescriptor,
    Gap::OwnerComm,
    Gap::BindDevice,
    Gap::Zone,
    Gap::DualStack,
    Gap::BacklogLimit,
    Gap::Timer,
    Gap::Drops,
    Gap::Inode,
    Gap::Cookie,
    Gap::SocketUser,
    Gap::ControlGroup,
];
const BUSYBOX: &[Gap] = &[
    Gap::Owners,
    Gap::BindDevice,
    Gap::Zone,
    Gap::DualStack,
    Gap::BacklogLimit,
    Gap::Timer,
    Gap::Drops,
    Gap::Inode,
    Gap::Cookie,
    Gap::SocketUser,
    Gap::ControlGroup,
    Gap::LongAddresses,
];
const LSOF: &[Gap] = &[
    Gap::UnpairedNames,
    Gap::OwnerNameControls,
    Gap::UnownedSockets,
    Gap::RawSockets,
    Gap::BindDevice,
    Gap::Zone,
    Gap::DualStack,
    Gap::BacklogLimit,
    Gap::Timer,
    Gap::Drops,
    Gap::Cookie,
    Gap::SocketUser,
    Gap::ControlGroup,
];

/// The next tool of the chain: `/proc` tables, net-tools, busybox, lsof. A tool that the host is
/// known not to have is passed over without a command.
const fn or_next(probes: &'static [&'static str]) -> Fallback {
    Fallback { on: &[Condition::ToolMissing, Condition::UsageError], probes }
}

/// What takes the place of `/proc/net/tcp` where it cannot be read. One command asks for every
/// table, so only this table has it.
pub(super) const NO_PROC: Fallback = Fallback {
    on: &[Condition::ToolMissing, Condition::FileMissing],
    probes: &["linux/netstat-wide"],
};

/// One answer of these tells of every socket table at once.
pub(super) const ALL_SOCKETS: &[&str] = &[
    "linux/netstat-wide",
    "linux/netstat-notrim",
    "linux/netstat-narrow",
    "linux/busybox-netstat-owners",
    "linux/busybox-netstat",
    "linux/lsof",
];

/// net-tools, told not to cut addresses.
pub(super) const NETSTAT_WIDE: Probe = Probe::linux(
    "linux/netstat-wide",
    &tools::NETSTAT,
    arguments(&["-n", "-a", "-t", "-u", "-w", "-e", "-e", "-o", "-p", "-W"]),
    || netstat::reader(Width::Wide),
)
.reads(
    "Sockets of both families with queues, timers and one owner each, by net-tools.",
    "netstat(8)",
)
.serves(SOCKETS, &[])
.with_owners()
.only(Usage::Fallback)
.lacks(NETSTAT)
.or(or_next(&["linux/netstat-notrim"]));

/// The same for net-tools 1.60 as Red Hat patched it.
pub(super) const NETSTAT_NOTRIM: Probe = Probe::linux(
    "linux/netstat-notrim",
    &tools::NETSTAT,
    arguments(&["-n", "-a", "-t", "-u", "-w", "-e", "-e", "-o", "-p", "--notrim"]),
    || netstat::reader(Width::Wide),
)
.reads("The same with the option that net-tools 1.60 of Red Hat has for it.", "netstat(8)")
.serves(SOCKETS, &[])
.with_owners()
.only(Usage::Fallback)
.proved(Verified::Grammar)
.lacks(NETSTAT)
.or(or_next(&["linux/netstat-narrow"]));

/// net-tools that cuts long addresses.
pub(super) const NETSTAT_NARROW_PROBE: Probe = Probe::linux(
    "linux/netstat-narrow",
    &tools::NETSTAT,
    arguments(&["-n", "-a", "-t", "-u", "-w", "-e", "-e", "-o", "-p"]),
    || netstat::reader(Width::Narrow),
)
.reads(
    "The same where addresses are cut to their column; what may be cut is flagged.",
    "netstat(8)",
)
.serves(SOCKETS, &[])
.with_owners()
.only(Usage::Fallback)
.lacks(NETSTAT_NARROW)
.or(or_next(&["linux/busybox-netstat-owners"]));

/// busybox that was built with owners and wide columns.
pub(super) const BUSYBOX_NETSTAT_OWNERS: Probe = Probe::linux(
    "linux/busybox-netstat-owners",
    &tools::BUSYBOX,
    arguments(&["netstat", "-t", "-u", "-w", "-a", "-n", "-p", "-W"]),
    || busybox_netstat::reader(Width::Wide),
)
.reads("Sockets of both families with queues and one owner each, by busybox.", "busybox(1)")
.serves(SOCKETS, &[])
.with_owners()
.only(Usage::Fallback)
.proved(Verified::Grammar)
.lacks(BUSYBOX_OWNERS)
.or(or_next(&["linux/busybox-netstat"]));

/// busybox as every distribution builds it.
pub(super) const BUSYBOX_NETSTAT: Probe = Probe::linux(
    "linux/busybox-netstat",
    &tools::BUSYBOX,
    arguments(&["netstat", "-t", "-u", "-w", "-a", "-n"]),
    || busybox_netstat::reader(Width::Auto),
)
.reads("Sockets of both families with queues, without owners, by busybox.", "busybox(1)")
.serves(SOCKETS, &[])
.only(Usage::Fallback)
.lacks(BUSYBOX)
.or(or_next(&["linux/lsof"]));

/// lsof(8): the last, because it sees only what has an owner.
pub(super) const LSOF_PROBE: Probe = Probe::linux(
    "linux/lsof",
    &tools::LSOF,
    arguments(&["+c0", "-w", "-n", "-P", "-i", "-F0pcuLRftPndT"]),
    lsof::reader,
)
.reads("Sockets of both families that a visible process holds, with every owner.", "lsof(8)")
.serves(SOCKETS, &[])
.with_owners()
.only(Usage::Fallback)
// lsof exits with 1 when it found nothing, and when anything could not be looked at.
.usable(&[0, 1])
.may_be_empty()
.lacks(LSOF);
