//! Owners of sockets, processes and facts of FreeBSD: rows of its command standard.
//!
//! Source: sockstat(1), ps(1), sysctl(8), `security.bsd` in security(7) and `mac_seeotheruids(4)`. An
//! account sees the sockets of all others only while no setting hides them; whether one does is
//! asked, and said only where nothing hides. A name that a release does not have is named on
//! standard error, and sysctl exits with 1. Without `-w` addresses are cut to 21 characters.

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
    "kern.hostuuid",
    "kern.boottime",
    "security.mac.seeotheruids.enabled",
    "security.bsd.see_jail_proc",
    "security.bsd.see_other_gids",
    "security.bsd.see_other_uids",
    "net.inet.ip.portrange.first",
    "net.inet.ip.portrange.last",
    "kern.maxfiles",
    "kern.openfiles",
    "kern.ipc.soacceptqueue",
    "kern.ipc.maxsockets",
    "kern.ipc.numopensockets",
    "kern.ipc.maxsockbuf",
    "net.inet.tcp.msl",
]);

const SETTINGS: Settings = &[
    ("kern.ostype", Setting::Os),
    ("kern.osrelease", Setting::OsVersion),
    ("kern.hostname", Setting::Hostname),
    ("kern.hostuuid", Setting::MachineId),
    ("kern.boottime", Setting::Boot),
    ("security.mac.seeotheruids.enabled", Setting::Hides(1)),
    ("security.bsd.see_jail_proc", Setting::Hides(0)),
    ("security.bsd.see_other_gids", Setting::ShowsAll(1)),
    ("security.bsd.see_other_uids", Setting::ShowsAll(1)),
    ("net.inet.ip.portrange.first", Setting::FirstPort),
    ("net.inet.ip.portrange.last", Setting::LastPort),
    ("kern.maxfiles", Setting::Limit),
    ("kern.openfiles", Setting::Limit),
    ("kern.ipc.soacceptqueue", Setting::Limit),
    ("kern.ipc.maxsockets", Setting::Limit),
    ("kern.ipc.numopensockets", Setting::Limit),
    ("kern.ipc.maxsockbuf", Setting::Limit),
    ("net.inet.tcp.msl", Setting::Limit),
];

/// Owners of sockets.
pub(in crate::probe) const SOCKSTAT_PROBE: Probe = Probe::of(
    Platform::Freebsd,
    "freebsd/sockstat",
    &SOCKSTAT,
    arguments(&["-4", "-6", "-s", "-w"]),
    sockstat::freebsd_reader,
)
.reads("Sockets of both families with the processes that hold them.", "sockstat(1)")
.serves(&[], SOCKETS)
.with_owners()
.names(Naming::HeldSockets)
.optional();

/// Names and parents of processes.
pub(in crate::probe) const PROCESSES: Probe = Probe::of(
    Platform::Freebsd,
    "freebsd/processes",
    &PS,
    arguments(&["-A", "-ww", "-o", "pid=", "-o", "ppid=", "-o", "uid=", "-o", "comm="]),
    ps::uid_reader,
)
.reads("Parent, user and name of every process.", "ps(1)")
.serves(&[], SOCKETS)
.optional();

/// Facts of the kernel.
pub(in crate::probe) const SYSCTL_PROBE: Probe =
    Probe::of(Platform::Freebsd, "freebsd/sysctl", &SYSCTL, NAMES, || settings::reader(SETTINGS))
        .reads("System, time of the last boot, ephemeral ports, limits.", "sysctl(8)")
        .serves(&[View::Host], SOCKETS)
        .usable(&[0, 1]);
