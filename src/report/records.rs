//! The records of a snapshot in any format.
//!
//! Comes in: a snapshot, or records and their context. Goes out: rows of one kind.

use std::io::{self, Write};

use crate::model::record::{RecordKind, Records, Sourced};
use crate::model::snapshot::Snapshot;
use crate::report::counter::Counters;
use crate::report::envelope::{Context, Recorded};
use crate::report::host::Hosts;
use crate::report::issue::{IssueRow, Issues};
use crate::report::link::Interfaces;
use crate::report::process::Processes;
use crate::report::route::{Neighbours, Routes, Rules};
use crate::report::rows::{Layout, write_rows};
use crate::report::socket::Sockets;

/// The rows of records, in their order.
pub fn rows<'a, T>(
    context: &'a Context<'a>,
    records: &'a [Sourced<T>],
) -> impl Iterator<Item = Recorded<'a, T>> {
    records.iter().map(|record| Recorded::new(context, record))
}

/// Writes all records of one kind and returns their number.
///
/// # Errors
/// When the writer fails.
pub fn write_records(
    out: impl Write,
    layout: Layout,
    snapshot: &Snapshot,
    kind: RecordKind,
) -> io::Result<u64> {
    let context = &Context::of(snapshot);
    let records: &Records = &snapshot.records;
    match kind {
        RecordKind::Socket => write_rows(out, layout, Sockets, rows(context, &records.sockets)),
        RecordKind::Interface => {
            write_rows(out, layout, Interfaces, rows(context, &records.interfaces))
        }
        RecordKind::Route => write_rows(out, layout, Routes, rows(context, &records.routes)),
        RecordKind::Rule => write_rows(out, layout, Rules, rows(context, &records.rules)),
        RecordKind::Neighbour => {
            write_rows(out, layout, Neighbours, rows(context, &records.neighbours))
        }
        RecordKind::Counter => write_rows(out, layout, Counters, rows(context, &records.counters)),
        RecordKind::Process => {
            write_rows(out, layout, Processes, rows(context, &records.processes))
        }
        RecordKind::Host => write_rows(out, layout, Hosts, rows(context, records.host.as_slice())),
        RecordKind::Issue => {
            let issues: Vec<_> = records.issues.iter().map(IssueRow::of).collect();
            write_rows(out, layout, Issues, issues.iter().map(|issue| issue.recorded(context)))
        }
    }
}
