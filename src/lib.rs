//! fleetstat: an agentless, fleet-wide collector for netstat-type data.
//!
//! The modules stand in the order in which data passes through them; a module names only earlier
//! ones (`tests/architecture.rs` holds the table). ARCHITECTURE.md tells the path in one page.

pub mod model;
pub mod yaml;
pub mod inventory;
pub mod probe;
pub mod secret;
pub mod privilege;
pub mod evidence;
pub mod plan;
pub mod transport;
pub mod dispatch;
pub mod normalize;
pub mod enrich;
pub mod store;
pub mod analyse;
pub mod report;
pub mod config;
pub mod workflow;
pub mod cli;
