//! Whom we trust is whom OpenSSH trusts: the same decisions over generated files of host keys.
//!
//! `files` makes the files, `krl` lists of revoked keys, `keygen` asks `ssh-keygen -F` about 10,000 of them, `client` has the
//! real `ssh` and our transport visit the same servers with the same files. `FILES=n` sets how
//! many files `client` tries; `tests/soak.sh` tries all 10,000. What we decide otherwise than
//! OpenSSH is the table in docs/decisions/0015-host-certificates.md, and is counted here.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, prints its figures and starts real programs"
)]

#[path = "../lab/mod.rs"]
mod lab;

mod client;
mod files;
mod keygen;
mod krl;
mod server;
