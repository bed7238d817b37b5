//! Owners of sockets, processes and facts of OpenBSD: rows of its command standard.
//!
//! Source: fstat(1), ps(1), sysctl(8), sysctl(2). Every account sees the files of all processes; only
//! kernel addresses are hidden from it. A socket that is bound to no port takes one between
//! `portfirst` and `portlast`; `porthifirst` and `porthilast` are for programs that ask for them.

use crate::model::host::Platform;
use crate::model::snapshot::View;
use crate::probe::command::{Arguments, arguments};
use crate::probe::openbsd::fstat;
use crate::probe::table::{Naming, Probe};
use crate::probe::tool::Tool;
use crate::probe::unix::ps;
use crate::probe::unix::settings::{self, Setting, Settings};

/// fstat(1).
pub static FSTAT: Tool = Tool::new("fstat", &["/usr/bin/fstat"]);
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
    "net.inet.ip.portfirst",
    "net.inet.ip.portlast",
    "net.inet.ip.porthifirst",
    "net.inet.ip.porthilast",
    "kern.maxfiles",
    "kern.nfiles",
    "kern.somaxconn",
    "kern.sominconn",
]);

const SETTINGS: Settings = &[
    ("kern.ostype", Setting::Os),
    ("kern.osrelease", Setting::OsVersion),
    ("kern.hostname", Setting::Hostname),
    ("kern.boottime", Setting::Boot),
    ("net.inet.ip.portfirst", Setting::FirstPort),
    ("net.inet.ip.portlast", Setting::LastPort),
    ("net.inet.ip.porthifirst", Setting::Limit),
    ("net.inet.ip.porthilast", Setting::Limit),
    ("kern.maxfiles", Setting::Limit),
    ("kern.nfiles", Setting::Limit),
    ("kern.somaxconn", Setting::Limit),
    ("kern.sominconn", Setting::Limit),
];

/// Owners of sockets.
pub(in crate::probe) const FSTAT_PROBE: Probe =
    Probe::of(Platform::Openbsd, "openbsd/fstat", &FSTAT, arguments(&["-n"]), fstat::reader)
        .reads(
            "Sockets of both families with the processes that hold them, without states.",
            "fstat(1)",
        )
        .serves(&[], SOCKETS)
        .names(Naming::HeldSockets)
        .optional();

/// Names and parents of processes.
pub(in crate::probe) const PROCESSES: Probe = Probe::of(
    Platform::Openbsd,
    "openbsd/processes",
    &PS,
    arguments(&["-A", "-ww", "-o", "pid=", "-o", "ppid=", "-o", "uid=", "-o", "comm="]),
    ps::uid_reader,
)
.reads("Parent, user and name of every process.", "ps(1)")
.serves(&[], SOCKETS)
.optional();

/// Facts of the kernel.
pub(in crate::probe) const SYSCTL_PROBE: Probe =
    Probe::of(Platform::Openbsd, "openbsd/sysctl", &SYSCTL, NAMES, || settings::reader(SETTINGS))
        .reads("System, time of the last boot, ephemeral ports, limits.", "sysctl(8)")
        .serves(&[View::Host], SOCKETS)
        .usable(&[0, 1]);
