//! The nouns: what a host, a capture, a record and a fault *are*.
//!
//! Everything here is plain data: no I/O, no clock, no async. Every other module speaks in these
//! types, and only in these, so stages need not know each other.

pub mod time;
pub mod text;
pub mod id;
pub mod digest;
pub mod host;
pub mod deadline;
pub mod edge;
pub mod fault;
pub mod socket;
pub mod link;
pub mod route;
pub mod counter;
pub mod privilege;
pub mod process;
pub mod fact;
pub mod change;
pub mod attribute;
pub mod import;
pub mod parsed;
pub mod issue_code;
pub mod capture;
pub mod record;
pub mod snapshot;
pub mod query;
pub mod seen;
