//! Processes and facts of AIX: rows of its command standard.
//!
//! Source: ps, oslevel, no, who of the AIX commands reference.
//! `-X` keeps ps from cutting names of users to eight characters. `no -o NAME` without a value only
//! prints. The time of the last boot is told without its year, so it tells boots apart and no more
//! (`unix/boot`).

use crate::model::host::Platform;
use crate::model::snapshot::View;
use crate::probe::aix::version;
use crate::probe::command::arguments;
use crate::probe::gap::Gap;
use crate::probe::table::Probe;
use crate::probe::tool::Tool;
use crate::probe::unix::settings::{self, Setting, Settings};
use crate::probe::unix::{boot, ps};

/// no.
pub static NO: Tool = Tool::new("no", &["/usr/sbin/no"]);
/// oslevel.
pub static OSLEVEL: Tool = Tool::new("oslevel", &["/usr/bin/oslevel"]);
/// ps.
pub static PS: Tool = Tool::new("ps", &["/usr/bin/ps", "/bin/ps"]);
/// who.
pub static WHO: Tool = Tool::new("who", &["/usr/bin/who", "/bin/who"]);

const SOCKETS: &[View] = &[View::Listeners, View::Sessions];

const PORTS_SETTINGS: Settings =
    &[("tcp_ephemeral_low", Setting::FirstPort), ("tcp_ephemeral_high", Setting::LastPort)];

/// Names and parents of processes.
pub(in crate::probe) const PROCESSES: Probe = Probe::of(
    Platform::Aix,
    "aix/processes",
    &PS,
    arguments(&["-A", "-X", "-o", "pid=", "-o", "ppid=", "-o", "user=", "-o", "comm="]),
    ps::user_reader,
)
.reads("Parent, user and name of every process.", "ps, AIX commands reference")
.serves(&[], SOCKETS)
.optional();

/// What tells one boot from another.
pub(in crate::probe) const BOOT: Probe =
    Probe::of(Platform::Aix, "aix/boot", &WHO, arguments(&["-b"]), boot::reader)
        .reads("Date of the last boot, without its year.", "who, AIX commands reference")
        .lacks(&[Gap::BootTime])
        .serves(&[View::Host], SOCKETS);

/// Version of the system.
pub(in crate::probe) const VERSION: Probe =
    Probe::of(Platform::Aix, "aix/version", &OSLEVEL, arguments(&["-s"]), version::reader)
        .reads("Version, technology level and service pack.", "oslevel, AIX commands reference")
        .serves(&[View::Host], SOCKETS);

/// The ephemeral range.
pub(in crate::probe) const PORTS: Probe = Probe::of(
    Platform::Aix,
    "aix/ports",
    &NO,
    arguments(&["-o", "tcp_ephemeral_low", "-o", "tcp_ephemeral_high"]),
    || settings::reader(PORTS_SETTINGS),
)
.reads("The ephemeral range of TCP.", "no, AIX commands reference")
.serves(&[View::Host], SOCKETS);
