//! The command standard of Windows.

pub mod rich;

use crate::model::host::Platform;
use crate::model::snapshot::View;
use crate::probe::command::windows_arguments;
use crate::probe::table::Probe;
use crate::probe::unix::date;

/// The probes of Windows.
pub static PROBES: &[Probe] = &[
    Probe::of(
        Platform::Windows,
        "windows/clock",
        &rich::POWERSHELL,
        windows_arguments(&["-NoProfile"]),
        date::reader,
    )
    .reads("The host's clock.", "date(1)")
    .serves(&[], View::ALL),
    rich::RICH_SOCKETS,
    rich::RICH_PROCESSES,
    rich::RICH_INTERFACES,
    rich::RICH_ROUTES,
    rich::RICH_HOST,
];
