//! Read it: from the rows that readers hand out to the records of one snapshot.
//!
//! In: the evidence file's header and sections, and for each section the [`Rows`] that its reader
//! pushed. Out: a [`Snapshot`]: canonical records with their sources, what each section is worth,
//! and how much of the plan was answered. Pure: no file, no clock, no transport.
//!
//! A caller reads each section's standard output in chunks:
//!
//! ```
//! use fleetstat::model::parsed::Reader;
//! use fleetstat::normalize::Rows;
//! use fleetstat::probe::linux::ss;
//!
//! let mut rows = Rows::new(1);
//! let mut reader = ss::reader(None);
//! for chunk in [&b"tcp LISTEN 0 128 0.0.0.0:2"[..], b"2 0.0.0.0:*\n"] {
//!     reader.push(chunk, &mut rows);
//! }
//! reader.finish(&mut rows);
//! assert_eq!(rows.coverage().rows, 1);
//! ```
//!
//! and hands all of them to [`snapshot()`]. What could not be read is never taken for absent: a
//! section that failed or was cut says so in its [`SectionResult`](crate::model::snapshot), and the
//! outcome follows.

mod rows;
mod snapshot;
mod section;
mod sockets;
mod merge;
mod links;
mod neighbours;
mod host;
mod byte_order;
mod devices;
mod beside;
mod pairs;
mod routes;
mod processes;
mod disputes;
mod owners;
mod namespaces;
mod held;
mod key;

pub use host::clock_reading;
pub use key::record_key;
pub use rows::{HOST_ROWS_MAX, Rows};
pub use section::ReadSection;
pub use snapshot::snapshot;
pub use sockets::alone;
