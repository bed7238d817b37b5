//! The command standard of FreeBSD.

pub mod libxo;
pub mod tools;

use crate::model::host::Platform;
use crate::model::snapshot::View;
use crate::probe::command::arguments;
use crate::probe::table::Probe;
use crate::probe::unix::date;

/// The probes of FreeBSD.
pub static PROBES: &[Probe] = &[
    Probe::of(
        Platform::Freebsd,
        "freebsd/clock",
        &tools::DATE,
        arguments(&["-u", "+%s"]),
        date::reader,
    )
    .reads("The host's clock, in seconds since 1970.", "date(1)")
    .serves(&[], View::ALL),
    libxo::NETSTAT_INET4,
    libxo::NETSTAT_INET6,
    libxo::SOCKSTAT,
    libxo::ARP,
    libxo::NDP,
    libxo::INTERFACES,
    libxo::ROUTES,
];
