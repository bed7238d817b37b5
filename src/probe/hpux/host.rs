//! Facts of HP-UX: rows of its command standard.
//!
//! Source: ndd(1M), who(1). ndd tells one name for each question,
//! so two questions tell the ephemeral range. The time of the last boot is told without its
//! year (`unix/boot`). ps knows `-o` only where `UNIX95` is in the environment, which no command has,
//! so names and parents of processes are not asked for.

use crate::model::host::Platform;
use crate::model::snapshot::View;
use crate::probe::command::arguments;

use crate::probe::gap::Gap;
use crate::probe::table::Probe;
use crate::probe::tool::Tool;
use crate::probe::unix::{anon_port, boot};

/// ndd(1M).
pub static NDD: Tool = Tool::new("ndd", &["/usr/bin/ndd", "/usr/sbin/ndd"]);
/// who(1).
pub static WHO: Tool = Tool::new("who", &["/usr/bin/who"]);

const SOCKETS: &[View] = &[View::Listeners, View::Sessions];

/// What tells one boot from another.
pub(in crate::probe) const BOOT: Probe =
    Probe::of(Platform::Hpux, "hpux/boot", &WHO, arguments(&["-b"]), boot::reader)
        .reads("Date of the last boot, without its year.", "who(1)")
        .lacks(&[Gap::BootTime])
        .serves(&[View::Host], SOCKETS);

/// First port of the ephemeral range.
pub(in crate::probe) const PORTS: Probe = Probe::of(
    Platform::Hpux,
    "hpux/ports",
    &NDD,
    arguments(&["-get", "/dev/tcp", "tcp_smallest_anon_port"]),
    anon_port::smallest_reader,
)
.reads("First ephemeral port of TCP.", "ndd(1M)")
.serves(&[View::Host], SOCKETS);

/// Last port of the ephemeral range.
pub(in crate::probe) const LAST_PORT: Probe = Probe::of(
    Platform::Hpux,
    "hpux/last-port",
    &NDD,
    arguments(&["-get", "/dev/tcp", "tcp_largest_anon_port"]),
    anon_port::largest_reader,
)
.reads("Last ephemeral port of TCP.", "ndd(1M)")
.serves(&[View::Host], SOCKETS);
