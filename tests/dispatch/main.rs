//! The dispatcher under paused time, over scripted hosts: limits, guards, fallbacks, stops.
//!
//! Real hosts are in `tests/flow`; here time is tokio's, so that every window can be checked.

#[cfg(test)]
mod edges;
#[cfg(test)]
mod hosts;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod stops;
#[cfg(test)]
mod tools;
#[cfg(test)]
mod waves;
