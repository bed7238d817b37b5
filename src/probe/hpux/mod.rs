//! The command standard of HP-UX: what is asked, in the order of a visit.

pub mod host;

use crate::model::host::Platform;
use crate::model::snapshot::View;
use crate::probe::command::{Arguments, arguments};
use crate::probe::table::Probe;
use crate::probe::tool::Tool;
use crate::probe::unix::date;

/// date(1).
pub static DATE: Tool = Tool::new("date", &["/usr/bin/date"]);

const CLOCK: Arguments = arguments(&["-u", "+%Y-%m-%dT%H:%M:%SZ"]);

/// The probes of HP-UX.
pub static PROBES: &[Probe] = &[
    Probe::of(Platform::Hpux, "hpux/clock", &DATE, CLOCK, date::reader)
        .reads("The host's clock, in whole seconds.", "date(1)")
        .serves(&[], View::ALL),
    host::LSOF_PROBE,
    host::BOOT,
    host::PORTS,
    host::LAST_PORT,
];
