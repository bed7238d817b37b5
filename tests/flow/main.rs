//! The product end to end: the real program against real sshd, in a network of its own.
//!
//! Each test runs in network, mount and process namespaces that it makes itself, so every address
//! of 127/8 is a host, ports are free, and nothing outlives it. Needs root and the Debian packages
//! openssh-server, openssh-client, sudo, iproute2, mount, procps and util-linux; perl-base is
//! everywhere.

#![expect(
    clippy::unwrap_used,
    clippy::format_push_string,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, prints its figures, measures time and starts real programs"
)]

#[path = "../lab/mod.rs"]
mod lab;

mod accounts;
mod certificates;
mod changes;
mod channels;
mod containers;
mod disks;
mod enrolment;
mod fleet;
mod floods;
mod ground;
mod hostile;
mod rebuilds;
mod refusals;
mod roads;
mod secrets;
mod selection;
mod signals;
mod systems;
mod tools;
mod windows;
