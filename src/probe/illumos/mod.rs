//! The command standard of illumos: what is asked, in the order of a visit.

use crate::model::host::Platform;
use crate::model::snapshot::View;
use crate::probe::command::{Arguments, arguments};
use crate::probe::solaris::host;
use crate::probe::table::Probe;
use crate::probe::tool::Tool;
use crate::probe::unix::date;

/// date(1).
pub static DATE: Tool = Tool::new("date", &["/usr/bin/date"]);

const CLOCK: Arguments = arguments(&["-u", "+%Y-%m-%dT%H:%M:%SZ"]);

/// The probes of illumos.
pub static PROBES: &[Probe] = &[
    Probe::of(Platform::Illumos, "illumos/clock", &DATE, CLOCK, date::reader)
        .reads("The host's clock, in whole seconds.", "date(1)")
        .serves(&[], View::ALL),
    host::ILLUMOS_PROCESSES,
    host::ILLUMOS_BOOT,
    host::ILLUMOS_PORTS,
    host::ILLUMOS_RELEASE,
];
