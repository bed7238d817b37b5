//! Processes and facts of Solaris and illumos: rows of their command standards.
//!
//! Source: ps(1), kstat(1M), ipadm(1M), ndd(1M). Solaris 10 has no ipadm; its ndd prints the
//! same two numbers.

use crate::model::host::Platform;
use crate::model::snapshot::View;
use crate::probe::command::{Arguments, arguments};
use crate::probe::fallback::{Condition, Fallback};

use crate::probe::solaris::release;
use crate::probe::solaris::tools::KSTAT;
use crate::probe::table::{Probe, Usage};
use crate::probe::tool::Tool;
use crate::probe::unix::settings::{self, Setting, Settings};
use crate::probe::unix::{anon_port, ps};

/// cat(1).
pub static CAT: Tool = Tool::new("cat", &["/usr/bin/cat", "/bin/cat"]);
/// ipadm(1M).
pub static IPADM: Tool = Tool::new("ipadm", &["/usr/sbin/ipadm", "/sbin/ipadm"]);
/// ndd(1M).
pub static NDD: Tool = Tool::new("ndd", &["/usr/sbin/ndd"]);
/// ps(1).
pub static PS: Tool = Tool::new("ps", &["/usr/bin/ps", "/bin/ps"]);

const SOCKETS: &[View] = &[View::Listeners, View::Sessions];

const BOOT: Settings = &[("unix:0:system_misc:boot_time", Setting::Boot)];
const PORTS: Settings =
    &[("smallest_anon_port", Setting::FirstPort), ("largest_anon_port", Setting::LastPort)];

const BOOT_ARGUMENTS: Arguments = arguments(&["-p", "unix:0:system_misc:boot_time"]);
const PORTS_ARGUMENTS: Arguments = arguments(&[
    "show-prop",
    "-c",
    "-o",
    "property,current",
    "-p",
    "smallest_anon_port,largest_anon_port",
    "tcp",
]);
const PROCESS_ARGUMENTS: Arguments =
    arguments(&["-A", "-o", "pid=", "-o", "ppid=", "-o", "uid=", "-o", "comm="]);

/// Names and parents of processes.
pub(in crate::probe) const SOLARIS_PROCESSES: Probe =
    processes(Platform::Solaris, "solaris/processes");
/// Names and parents of processes.
pub(in crate::probe) const ILLUMOS_PROCESSES: Probe =
    processes(Platform::Illumos, "illumos/processes");

/// Time of the last boot.
pub(in crate::probe) const SOLARIS_BOOT: Probe = boot(Platform::Solaris, "solaris/boot");
/// Time of the last boot.
pub(in crate::probe) const ILLUMOS_BOOT: Probe = boot(Platform::Illumos, "illumos/boot");

/// The ephemeral range.
pub(in crate::probe) const SOLARIS_PORTS: Probe =
    ports(Platform::Solaris, "solaris/ports").or(Fallback {
        on: &[Condition::ToolMissing, Condition::UsageError],
        probes: &["solaris/ports-ndd"],
    });
/// The ephemeral range.
pub(in crate::probe) const ILLUMOS_PORTS: Probe = ports(Platform::Illumos, "illumos/ports");

/// The ephemeral range of Solaris 10.
pub(in crate::probe) const SOLARIS_PORTS_NDD: Probe = Probe::of(
    Platform::Solaris,
    "solaris/ports-ndd",
    &NDD,
    arguments(&["/dev/tcp", "tcp_smallest_anon_port", "tcp_largest_anon_port"]),
    anon_port::both_reader,
)
.reads("The ephemeral range of TCP where there is no ipadm.", "ndd(1M)")
.serves(&[], SOCKETS)
.only(Usage::Fallback);

/// Name and version of the system.
pub(in crate::probe) const SOLARIS_RELEASE: Probe = release(Platform::Solaris, "solaris/release");
/// Name and version of the system.
pub(in crate::probe) const ILLUMOS_RELEASE: Probe = release(Platform::Illumos, "illumos/release");

const fn processes(platform: Platform, id: &'static str) -> Probe {
    Probe::of(platform, id, &PS, PROCESS_ARGUMENTS, ps::uid_reader)
        .reads("Parent, user and name (`argv[0]`) of every process.", "ps(1)")
        .serves(&[], SOCKETS)
        .optional()
}

const fn boot(platform: Platform, id: &'static str) -> Probe {
    Probe::of(platform, id, &KSTAT, BOOT_ARGUMENTS, || settings::reader(BOOT))
        .reads("Time of the last boot.", "kstat(1M)")
        .serves(&[View::Host], SOCKETS)
}

const fn ports(platform: Platform, id: &'static str) -> Probe {
    Probe::of(platform, id, &IPADM, PORTS_ARGUMENTS, || settings::reader(PORTS))
        .reads("The ephemeral range of TCP.", "ipadm(1M)")
        .serves(&[View::Host], SOCKETS)
}

const fn release(platform: Platform, id: &'static str) -> Probe {
    Probe::of(platform, id, &CAT, arguments(&["/etc/release"]), release::reader)
        .reads("Name and version of the system.", "the file /etc/release")
        .serves(&[View::Host], SOCKETS)
}
