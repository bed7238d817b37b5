//! Judge: what records mean, beside each other.
//!
//! Comes in: snapshots. Goes out: statements about them. No clock, no files, no store.

pub mod diff;
pub mod changed;
pub mod prevalence;
pub mod states;
pub mod rates;
pub mod routing;
mod listeners;
mod peers;
pub mod network;
mod host;

#[cfg(test)]
pub(crate) mod sample;

#[cfg(test)]
mod diff_tests;
