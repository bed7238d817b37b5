//! Owners of sockets, processes and facts of NetBSD: rows of its command standard.
//!
//! Source: sockstat(1), ps(1), sysctl(7), sysctl(8), `secmodel_extensions(9)`. An account sees the
//! sockets of all others unless `security.curtain` is set. `ucomm` is the kernel's name of a command;
//! `comm` would be `argv[0]`, which the process chose.

use crate::model::host::Platform;
use crate::model::snapshot::View;
use crate::probe::bsd::sockstat;
use crate::probe::command::{Arguments, arguments};
use crate::probe::table::{Naming, Probe};
use crate::probe::tool::Tool;
use crate::probe::unix::ps;
use crate::probe::unix::settings::{self, Setting, Settings};

/// sockstat(1).
pub static SOCKSTAT: Tool = Tool::new("sockstat", &["/usr/bin/sockstat"]);
/// ps(1).
pub static PS: Tool = Tool::new("ps", &["/bin/ps"]);
/// sysctl(8).
pub static SYSCTL: Tool = Tool::new("sysctl", &["/sbin/sysctl"]);

const SOCKETS: &[View] = &[View::Listeners, View::Sessions];

/// What sysctl is asked.
const NAMES: Arguments = arguments(&[
    "kern.ostype",
    "kern.osrelease",
    "kern.hostname",
    "kern.boottime",
    "security.curtain",
    "net.inet.ip.anonportmin",
    "net.inet.ip.anonportmax",
    "kern.maxfiles",
    "kern.somaxconn",
    "kern.sbmax",
]);

const SETTINGS: Settings = &[
    ("kern.ostype", Setting::Os),
    ("kern.osrelease", Setting::OsVersion),
    ("kern.hostname", Setting::Hostname),
    ("kern.boottime", Setting::Boot),
    ("security.curtain", Setting::ShowsAll(0)),
    ("net.inet.ip.anonportmin", Setting::FirstPort),
    ("net.inet.ip.anonportmax", Setting::LastPort),
    ("kern.maxfiles", Setting::Limit),
    ("kern.somaxconn", Setting::Limit),
    ("kern.sbmax", Setting::Limit),
];

/// Owners of sockets.
pub(in crate::probe) const SOCKSTAT_PROBE: Probe = Probe::of(
    Platform::Netbsd,
    "netbsd/sockstat",
    &SOCKSTAT,
    arguments(&["-4", "-6", "-n"]),
    sockstat::netbsd_reader,
)
.reads("Sockets of both families with the processes that hold them, without states.", "sockstat(1)")
.serves(&[], SOCKETS)
.with_owners()
.names(Naming::HeldSockets)
.optional();

/// Names and parents of processes.
pub(in crate::probe) const PROCESSES: Probe = Probe::of(
    Platform::Netbsd,
    "netbsd/processes",
    &PS,
    arguments(&["-A", "-ww", "-o", "pid=", "-o", "ppid=", "-o", "uid=", "-o", "ucomm="]),
    ps::uid_reader,
)
.reads("Parent, user and name of every process.", "ps(1)")
.serves(&[], SOCKETS)
.optional();

/// Facts of the kernel.
pub(in crate::probe) const SYSCTL_PROBE: Probe =
    Probe::of(Platform::Netbsd, "netbsd/sysctl", &SYSCTL, NAMES, || settings::reader(SETTINGS))
        .reads("System, time of the last boot, ephemeral ports, limits.", "sysctl(8)")
        .serves(&[View::Host], SOCKETS)
        .usable(&[0, 1]);
