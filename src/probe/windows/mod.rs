//! The command standard of Windows: what is asked, in the order of a visit.

pub mod host;
pub mod short;
pub mod whoami;
pub mod wmic;

use crate::probe::table::Probe;

/// The probes of Windows.
pub static PROBES: &[Probe] = &[
    host::CLOCK,
    host::ACCOUNT,
    host::GROUPS,
    host::PORTS,
    host::VERSION,
    host::NAME,
    host::SYSTEM,
];
