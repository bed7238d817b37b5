//! The binary: hands over to [`fleetstat::cli`] and returns its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    fleetstat::cli::main()
}
