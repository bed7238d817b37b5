//! When: runs a plan within its limits, and hands out one report per planned host.
//!
//! Every visit is a task of its own, so one host can neither hold nor bring down the run. What
//! happens is told as [`event::RunEvent`]s; what hosts said leaves as [`visit::VisitReport`]s
//! through a bounded channel, so a slow disk slows the visits and memory stays flat.

mod ending;
pub mod event;
pub mod guard;
pub mod run;
pub mod schedule;
pub mod stop;
pub mod visit;
