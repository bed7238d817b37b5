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

use crate::model::id::{HostName, RunId};
use crate::model::query::{HostOutcome, Listening, Peering, RunSummary};
use crate::model::snapshot::{Snapshot, View};
use crate::model::time::Utc;

pub use crate::store::error::Error;
pub use crate::store::imports::Imports;
pub use crate::store::query::{
    ExportKind, IngestReport, ListenerQuery, Partner, PeerQuery, RunEnd, RunStart, SnapshotKey,
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

    /// Prints all rows of a kind, one JSON object per line without its end, sorted, without row
    /// ids: two stores that know the same print the same.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn export(&self, kind: ExportKind, line: &mut dyn FnMut(&str)) -> Result<(), Error>;
}

/// Opens the store at a path: the embedded one, a SQLite file.
///
/// # Errors
/// When there is none ([`Mode::Read`]), when it cannot be created, when the file is something else,
/// is damaged or comes from a later version, or when it lies on a network filesystem.
pub fn open(path: &Path, mode: Mode) -> Result<Box<dyn Store>, Error> {
    Ok(Box::new(sqlite::Sqlite::open(path, mode)?))
}
