//! Log lines on standard error, as many as `-v` asks for.

use tracing_subscriber::EnvFilter;

/// Starts logging: warnings; with `-v` what is done, `-vv` details, `-vvv` everything, libraries
/// included. `--quiet` leaves errors.
pub(super) fn start(verbose: u8, quiet: bool) {
    let filter = match (quiet, verbose) {
        (true, _) => "error",
        (false, 0) => "warn",
        (false, 1) => "warn,fleetstat=info",
        (false, 2) => "info,fleetstat=debug",
        (false, _) => "trace",
    };
    // The library that seals WinRM prints what it seals, and at the last level its keys.
    let filter = format!("{filter},sspi=off");
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(std::io::stderr)
        .with_target(verbose > 1)
        .with_ansi(crate::cli::color::on());
    // Fails only when a subscriber is already there, as in tests: that one stays.
    let _ = builder.try_init();
}
