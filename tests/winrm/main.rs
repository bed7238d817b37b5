//! WinRM against a service that shares no code with the client: see `tests/lab/winrm`.
//!
//! The hosts are addresses of 127/8, each test has a service of its own.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::format_push_string,
    reason = "a test fails by panicking and starts real programs"
)]

#[path = "../lab/winrm/mod.rs"]
mod lab;
#[path = "../lab/mod.rs"]
mod ssh_lab;

mod accounts;
mod broken_off;
mod encodings;
mod endings;
mod fleet;
mod ground;
mod hostile;
mod kerberos;
mod login;
mod many;
mod mixed;
mod matrix;
mod profile;
mod showing;
