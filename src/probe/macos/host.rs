//! Owners of sockets, processes and facts of macOS: rows of its command standard.
//!
//! Source: lsof(8), ps(1), sysctl(8), `sw_vers(1)` of macOS. The names of sysctl are those of macOS
//! 10.9 to 15; one that a release does not have is named on standard error, and sysctl exits with 1.

use crate::model::host::Platform;
use crate::model::snapshot::View;
use crate::probe::command::{Arguments, arguments};
use crate::probe::macos::version;
use crate::probe::table::{Naming, Probe};
use crate::probe::tool::Tool;
use crate::probe::unix::settings::{self, Setting, Settings};
use crate::probe::unix::{lsof, ps};

/// lsof(8).
pub static LSOF: Tool = Tool::new("lsof", &["/usr/sbin/lsof"]);
/// ps(1).
pub static PS: Tool = Tool::new("ps", &["/bin/ps"]);
/// `sw_vers(1)`.
pub static SW_VERS: Tool = Tool::new("sw_vers", &["/usr/bin/sw_vers"]);
/// sysctl(8).
pub static SYSCTL: Tool = Tool::new("sysctl", &["/usr/sbin/sysctl", "/sbin/sysctl"]);

const SOCKETS: &[View] = &[View::Listeners, View::Sessions];

/// What sysctl is asked.
const NAMES: Arguments = arguments(&[
    "kern.boottime",
    "kern.bootsessionuuid",
    "kern.hostname",
    "net.inet.ip.portrange.first",
    "net.inet.ip.portrange.last",
    "kern.maxfiles",
    "kern.num_files",
    "kern.ipc.somaxconn",
    "kern.ipc.maxsockbuf",
    "net.inet.tcp.msl",
]);

const SETTINGS: Settings = &[
    ("kern.boottime", Setting::Boot),
    ("kern.bootsessionuuid", Setting::BootId),
    ("kern.hostname", Setting::Hostname),
    ("net.inet.ip.portrange.first", Setting::FirstPort),
    ("net.inet.ip.portrange.last", Setting::LastPort),
    ("kern.maxfiles", Setting::Limit),
    ("kern.num_files", Setting::Limit),
    ("kern.ipc.somaxconn", Setting::Limit),
    ("kern.ipc.maxsockbuf", Setting::Limit),
    ("net.inet.tcp.msl", Setting::Limit),
];

/// Every owner of a socket, beside the last one that netstat names.
pub(in crate::probe) const LSOF_PROBE: Probe = Probe::of(
    Platform::Macos,
    "macos/lsof",
    &LSOF,
    arguments(&["+c0", "-w", "-n", "-P", "-i", "-F0pcuLRftPndT"]),
    lsof::plain_reader,
)
.reads("Sockets that a visible process holds, with every owner.", "lsof(8)")
.serves(&[], SOCKETS)
.with_owners()
.names(Naming::HeldSockets)
// lsof exits with 1 when it found nothing, and when anything could not be looked at.
.usable(&[0, 1])
.may_be_empty()
.optional();

/// Names and parents of processes.
pub(in crate::probe) const PROCESSES: Probe = Probe::of(
    Platform::Macos,
    "macos/processes",
    &PS,
    arguments(&["-A", "-ww", "-o", "pid=", "-o", "ppid=", "-o", "uid=", "-o", "comm="]),
    ps::uid_reader,
)
.reads("Parent, user and name of every process.", "ps(1)")
.serves(&[], SOCKETS)
.optional();

/// Name and version of the system.
pub(in crate::probe) const VERSION: Probe =
    Probe::of(Platform::Macos, "macos/version", &SW_VERS, arguments(&[]), version::reader)
        .reads("Name and version of the system.", "sw_vers(1)")
        .serves(&[View::Host], SOCKETS);

/// Facts of the kernel.
pub(in crate::probe) const SYSCTL_PROBE: Probe =
    Probe::of(Platform::Macos, "macos/sysctl", &SYSCTL, NAMES, || settings::reader(SETTINGS))
        .reads("Time of the last boot, host name, ephemeral ports and limits.", "sysctl(8)")
        .serves(&[View::Host], SOCKETS)
        .usable(&[0, 1]);
