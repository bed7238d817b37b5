//! Remember: snapshots go in, answers about the fleet come out.
//!
//! [`Store`] is the contract, in the words of the domain; [`open`] chooses the backend. A store is a
//! projection of the evidence: it can be thrown away and built again, and two stores built from the
//! same evidence export the same lines. What was imported ([`imports`]) is made again from the kept
//! files in the same way. Must not know probes, transports or how answers are shown.
//!
//! A snapshot is kept twice: exactly, as compressed columns (`blob`), and as *facts*, intervals
//! without ephemeral ports and process ids (`fact`, `timeline`), which answer the questions that
//! span hosts and nights. The record that a remote command gave is stored exactly once; the command
//! itself may have run more than once.

mod blob;
mod error;
mod fact;
mod hash;
pub mod imports;
mod query;
mod sqlite;
mod timeline;

use std::path::Path;
use std::sync::Arc;

use crate::model::fact::HostFacts;
use crate::model::host::Asset;
use crate::model::id::{HostName, RunId};
use crate::model::query::{HostOutcome, Listening, Peering, RunSummary};
use crate::model::route::{Route, Rule};
use crate::model::seen::{Answered, Span, Taken};
use crate::model::snapshot::{Snapshot, View};
use crate::model::time::Utc;

pub use crate::store::error::Error;
pub use crate::store::imports::Imports;
pub use crate::store::query::{
    AnsweredQuery, ExportKind, IngestReport, ListenerQuery, Partner, PeerQuery, RunEnd, RunStart,
    SnapshotKey, SpanQuery,
};

/// Whether a store may be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Create it if need be, bring its schema up to date, write. One writer at a time; a second one
    /// waits up to 30 s for each of its transactions.
    Write,
    /// Read an existing store. Any number of readers, also beside a writer.
    Read,
}

/// A store of snapshots.
///
/// What a method that writes returned `Ok` for survives a crash of the process and of the machine;
/// a call that did not return left all of its work or none. Every method that reads sees whole
/// batches only.
pub trait Store: Imports + Send {
    /// Makes a run known. Nothing else of a run is accepted before. Doing it again with the same
    /// statement changes nothing.
    ///
    /// # Errors
    /// [`Error::RunDiffers`] when the run is known with another statement.
    fn begin_run(&mut self, run: &RunStart) -> Result<(), Error>;

    /// Takes snapshots, all in one transaction. The key is (run, host, pass, attempt): a snapshot
    /// that is already there is left as it is, so a retry is free, and a second pass is kept.
    /// Snapshots may come in any order and at any time; the result is the same.
    ///
    /// # Errors
    /// [`Error::UnknownRun`], [`Error::TooLarge`], or when the store cannot be written; nothing of
    /// the batch is kept then.
    fn ingest(&mut self, snapshots: &[Snapshot]) -> Result<IngestReport, Error>;

    /// Notes what came of hosts that left no snapshot. A known key is left as it is; a snapshot
    /// with the same key takes precedence, whichever comes first. Returns how many were new.
    ///
    /// # Errors
    /// [`Error::UnknownRun`], or when the store cannot be written.
    fn record_outcomes(&mut self, outcomes: &[HostOutcome]) -> Result<u64, Error>;

    /// Notes the end of a run. Doing it again with the same statement changes nothing.
    ///
    /// # Errors
    /// [`Error::UnknownRun`]; [`Error::RunDiffers`] when the run has ended otherwise.
    fn end_run(&mut self, end: &RunEnd) -> Result<(), Error>;

    /// All runs, the latest first. A host counts by the outcome of its last pass and attempt.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn runs(&self) -> Result<Vec<RunSummary>, Error>;

    /// What came of each host in a run, sorted by host, pass and attempt.
    ///
    /// # Errors
    /// [`Error::UnknownRun`], or when the store cannot be read.
    fn outcomes(&self, run: &RunId) -> Result<Vec<HostOutcome>, Error>;

    /// All hosts that the store has heard of, sorted.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn hosts(&self) -> Result<Vec<HostName>, Error>;

    /// The latest snapshot of a host that started at or before `at`, exactly as it was taken in.
    /// `at` `None`: the latest of all. `None`: there is none.
    ///
    /// # Errors
    /// [`Error::Damaged`] when its stored bytes are not what was written.
    fn snapshot(&self, host: &HostName, at: Option<Utc>) -> Result<Option<Snapshot>, Error>;

    /// Like [`Store::snapshot`], but the latest in which every section that serves `view` is
    /// complete. Its age is for the caller to tell.
    ///
    /// # Errors
    /// [`Error::Damaged`] when its stored bytes are not what was written.
    fn last_good(
        &self,
        host: &HostName,
        view: View,
        at: Option<Utc>,
    ) -> Result<Option<Snapshot>, Error>;

    /// Who listens, sorted by host, port, transport, address, process.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn listeners(&self, query: &ListenerQuery) -> Result<Vec<Listening>, Error>;

    /// Who talked to whom, sorted by host, peer, port, transport, process.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn peers(&self, query: &PeerQuery) -> Result<Vec<Peering>, Error>;

    /// The hosts as the inventory had them at their latest snapshot that started at or before
    /// `at`, sorted by name. `at` `None`: the latest of all.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn assets(&self, at: Option<Utc>) -> Result<Vec<Asset>, Error>;

    /// How well each host answered a view, sorted by host: also hosts that never did.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn answered(&self, query: &AnsweredQuery) -> Result<Vec<Answered>, Error>;

    /// Intervals of listeners and partners that began or ended between two times, or of which it is
    /// not known, sorted by host and sight. Conversations inside a host are left out.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn spans(&self, query: &SpanQuery) -> Result<Vec<Span>, Error>;

    /// The snapshot with this key, exactly as it was taken in. `None`: there is none.
    ///
    /// # Errors
    /// [`Error::Damaged`] when its stored bytes are not what was written.
    fn taken(&self, key: &SnapshotKey) -> Result<Option<Snapshot>, Error>;

    /// Calls `each` for every snapshot of a host that answered `view` whole and started at or
    /// before `until`, the latest first, until it says `false`. Nothing else of them is read.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn each_good(
        &self,
        host: &HostName,
        view: View,
        until: Option<Utc>,
        each: &mut dyn FnMut(Taken) -> bool,
    ) -> Result<(), Error>;

    /// Routes and rules of these snapshots, in their order. Tables that several share are read
    /// once. An empty table stands for a snapshot that is not there.
    ///
    /// # Errors
    /// [`Error::Damaged`] when stored bytes are not what was written.
    fn route_tables(&self, keys: &[SnapshotKey]) -> Result<Vec<Arc<RouteTable>>, Error>;

    /// What hosts said of themselves in the last snapshot at or before `at` that had it whole,
    /// sorted by host; only what does not change with every visit. Hosts without are left out.
    ///
    /// # Errors
    /// [`Error::Damaged`] when stored bytes are not what was written.
    fn host_facts(
        &self,
        hosts: Option<&[HostName]>,
        at: Option<Utc>,
    ) -> Result<Vec<(HostName, Arc<HostFacts>)>, Error>;

    /// When the first snapshot of all was taken. `None`: there is none.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn begins(&self) -> Result<Option<Utc>, Error>;

    /// Prints all rows of a kind, one JSON object per line without its end, sorted, without row
    /// ids: two stores that know the same print the same.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn export(&self, kind: ExportKind, line: &mut dyn FnMut(&str)) -> Result<(), Error>;
}

/// Routes and policy rules of one snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteTable {
    /// Routes, in the order of the evidence.
    pub routes: Vec<Route>,
    /// Rules, in the order of the evidence.
    pub rules: Vec<Rule>,
}

/// Opens the store at a path: the embedded one, a SQLite file.
///
/// # Errors
/// When there is none ([`Mode::Read`]), when it cannot be created, when the file is something else,
/// is damaged or comes from a later version, or when it lies on a network filesystem.
pub fn open(path: &Path, mode: Mode) -> Result<Box<dyn Store>, Error> {
    Ok(Box::new(sqlite::Sqlite::open(path, mode)?))
}
