//! Judge: what records mean, beside each other.
//!
//! Comes in: snapshots. Goes out: statements about them. No clock, no files, no store.

pub mod diff;
mod listeners;
mod peers;
mod network;
mod host;

#[cfg(test)]
pub(crate) mod sample;

#[cfg(test)]
mod diff_tests;
