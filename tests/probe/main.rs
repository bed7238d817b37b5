//! The command standard against the real world: fixtures, shells, the kernel's view of what each
//! command does, and the reference page.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test that cannot go on says why, and its bounds can be set from outside"
)]
#![expect(clippy::print_stdout, reason = "a long proof says what it did")]

#[path = "../../fuzz/src/contract.rs"]
mod contract;
#[path = "../../fuzz/src/family.rs"]
mod family;
mod codes;
mod golden;
mod keeping;
mod properties;
mod readonly;
mod reference;
mod shells;
mod windows_shells;
mod sink;
mod worst;

use std::path::{Path, PathBuf};

/// A path below the package.
fn path(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(relative)
}

/// True for the readers of `ss` and of the kernel's socket tables, which `tests/records` tests.
fn is_tested_with_records(id: &str) -> bool {
    let tables = ["tcp", "udp", "raw"].map(|table| format!("linux/proc-net-{table}"));
    id.starts_with("linux/ss") || tables.iter().any(|table| id.starts_with(table))
}

/// Compares a file with what it should hold, or rewrites it when `UPDATE_REFERENCE` is set.
fn assert_file(file: &Path, expected: &str) {
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        std::fs::write(file, expected).expect("the file can be written");
        return;
    }
    let found = std::fs::read_to_string(file).unwrap_or_default();
    assert!(
        found == expected,
        "{} is not what the code prints: look at what changed, then run \
         `UPDATE_REFERENCE=1 cargo test reference` and read the difference",
        file.display()
    );
}
