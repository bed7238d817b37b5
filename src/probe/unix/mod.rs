//! What the Unix systems have in common: commands that POSIX fixes, and tools that run on all of
//! them.
//!
//! In: the answer of one command. Out: facts and sockets, the same for every system. The probes
//! that ask stand with each system.

pub mod account;
pub mod date;
pub mod lsof;
pub mod tools;
pub mod uname;
pub mod anon_port;
pub mod boot;
pub mod ps;
pub mod settings;
pub mod sudo;
