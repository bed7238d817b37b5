//! Host facts: single statements a probe reads, and the host record they add up to.

use std::net::IpAddr;

use crate::model::text::HostText;
use crate::model::time::Utc;

/// One statement about a host, as one line of a probe's answer gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// `ID` of os-release: `debian`.
    OsId(HostText<'static>),
    /// `PRETTY_NAME` of os-release.
    OsName(HostText<'static>),
    /// `VERSION_ID` of os-release.
    OsVersion(HostText<'static>),
    /// Kernel name: `Linux`.
    KernelName(HostText<'static>),
    /// Kernel release: `6.1.0-18-amd64`.
    KernelRelease(HostText<'static>),
    /// Machine architecture: `x86_64`.
    Architecture(HostText<'static>),
    /// What the host calls itself.
    Hostname(HostText<'static>),
    /// `/etc/machine-id`.
    MachineId(HostText<'static>),
    /// Changes with each boot.
    BootId(HostText<'static>),
    /// Time of the last boot by the host's own clock.
    BootTime(Utc),
    /// The host's clock when it was asked, and the resolution of the answer.
    Clock {
        /// Time the host gave.
        remote: Utc,
        /// Unit: microseconds. 1 for `%N`, 1,000,000 for whole seconds.
        resolution_us: u64,
    },
    /// Whether a time service says that the clock is synchronized.
    ClockSynchronized(bool),
    /// Effective user id of the account.
    EffectiveUid(u32),
    /// Name of the account on the host.
    AccountName(HostText<'static>),
    /// Group names of the account, in the host's order.
    AccountGroups(Vec<HostText<'static>>),
    /// Effective capabilities of the account, as the kernel's bit mask.
    EffectiveCapabilities(u64),
    /// Whether the OS shows this account the owners of every socket.
    SeesAllOwners(bool),
    /// First and last port of the ephemeral range, inclusive.
    EphemeralRange(u16, u16),
    /// Ports taken out of the ephemeral range, as inclusive ranges.
    ReservedPorts(Vec<(u16, u16)>),
    /// A limit of the kernel: its sysctl name and value.
    Limit(HostText<'static>, i64),
    /// A tool found on the host: its name and absolute path.
    Tool(&'static str, HostText<'static>),
    /// Version of a tool: its name and what it says.
    ToolVersion(&'static str, HostText<'static>),
    /// First port of the ephemeral range, where another answer tells the last.
    EphemeralFirst(u16),
    /// Last port of the ephemeral range, where another answer tells the first.
    EphemeralLast(u16),
    /// What the account may run as somebody else: the rules of one line of sudo(8).
    SudoRules(Vec<SudoRule>),
    /// Privileges of the account's token on Windows, enabled or not: `SeDebugPrivilege`.
    AccountPrivileges(Vec<HostText<'static>>),
}

/// A command that an account may run as somebody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SudoRule {
    /// As whom, as sudo(8) shows it: `root`, `ALL : ALL`.
    pub runas: HostText<'static>,
    /// Whether a password is asked for.
    pub password: bool,
    /// The command with its arguments, escaped as in sudoers(5); `ALL`: any.
    pub command: HostText<'static>,
}

/// The clock of a host against the controller's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockReading {
    /// The host's own time.
    pub remote: Utc,
    /// `remote - (t0 + t1) / 2`, microseconds; positive when the host is ahead.
    pub offset_us: i64,
    /// Half the round trip plus the resolution of the answer, microseconds: the offset is known
    /// only within this.
    pub error_us: u64,
    /// Whether the host's time service says it is synchronized.
    pub synchronized: Option<bool>,
}

/// The account as the host sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountView {
    /// Name on the host.
    pub name: Option<HostText<'static>>,
    /// Effective user id.
    pub uid: Option<u32>,
    /// Group names.
    pub groups: Vec<HostText<'static>>,
    /// Effective capabilities, bit mask.
    pub capabilities: Option<u64>,
    /// Whether the account can see the owners of every socket: as the OS says; else effective uid 0,
    /// or both `CAP_SYS_PTRACE` and `CAP_DAC_READ_SEARCH`. `None`: not known.
    pub sees_all_owners: Option<bool>,
}

/// What is known of a host at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostFacts {
    /// What the host calls itself.
    pub hostname: Option<HostText<'static>>,
    /// Addresses of its interfaces, sorted, loopback left out.
    pub addresses: Vec<IpAddr>,
    /// OS id, e.g. `debian`.
    pub os_id: Option<HostText<'static>>,
    /// OS name for people.
    pub os_name: Option<HostText<'static>>,
    /// OS version.
    pub os_version: Option<HostText<'static>>,
    /// Kernel name.
    pub kernel_name: Option<HostText<'static>>,
    /// Kernel release.
    pub kernel_release: Option<HostText<'static>>,
    /// Machine architecture.
    pub architecture: Option<HostText<'static>>,
    /// Machine id.
    pub machine_id: Option<HostText<'static>>,
    /// Boot id.
    pub boot_id: Option<HostText<'static>>,
    /// Time of the last boot, by the host's own clock.
    pub boot_time: Option<Utc>,
    /// Clock.
    pub clock: Option<ClockReading>,
    /// Account.
    pub account: AccountView,
    /// Ephemeral ports, first and last.
    pub ephemeral: Option<(u16, u16)>,
    /// Ports taken out of that range.
    pub reserved_ports: Vec<(u16, u16)>,
    /// Kernel limits by sysctl name, sorted.
    pub limits: Vec<(HostText<'static>, i64)>,
    /// Tools by name with the path found, sorted.
    pub tools: Vec<(String, HostText<'static>)>,
}
