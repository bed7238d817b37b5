//! The embedded store: one SQLite file in WAL mode.
//!
//! One writer, any number of readers. Every commit is synced before it is acknowledged
//! (`synchronous=FULL`): a batch of snapshots is acknowledged evidence.

mod ask;
mod conversion;
mod export;
mod found;
mod history;
mod identity;
mod imported;
mod imports;
mod ingest;
mod lookup;
mod names;
mod open;
mod past;
mod read;
mod runs;
mod seen;
mod spans;
mod statements;
mod visits;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use crate::model::attribute::{AttributeStatement, AttributeVersion};
use crate::model::change::{ChangeStatement, ChangeVersion, ItemName};
use crate::model::fact::HostFacts;
use crate::model::host::Asset;
use crate::model::id::{HostName, RunId};
use crate::model::import::{Identity, Import, Imported};
use crate::model::query::{HostOutcome, Listening, Peering, RunSummary};
use crate::model::seen::{Answered, Span, Taken};
use crate::model::snapshot::{Snapshot, View};
use crate::model::time::Utc;
use crate::store::blob::Packer;
use crate::store::imports::{ChangeQuery, Imports, Versions};
use crate::store::sqlite::names::Names;
use crate::store::sqlite::statements::Statements;
use crate::store::{
    AnsweredQuery, Error, ExportKind, IngestReport, ListenerQuery, Mode, PeerQuery, RouteTable,
    RunEnd, RunStart, SnapshotKey, SpanQuery, Store,
};

/// A store in a SQLite file.
pub(crate) struct Sqlite {
    connection: Connection,
    names: Names,
    packer: Packer,
}

impl Sqlite {
    /// Opens the file; see [`crate::store::open`].
    pub(crate) fn open(path: &Path, mode: Mode) -> Result<Self, Error> {
        let connection = open::open(path, mode)?;
        let packer = Packer::new().map_err(|source| Error::Io {
            path: path.to_owned(),
            action: "start a compressor for",
            source,
        })?;
        Ok(Self { connection, names: Names::default(), packer })
    }

    /// Runs `work` in one transaction that is kept whole or not at all. Gives its result and the
    /// number of rows written.
    fn write<T>(
        &mut self,
        doing: &'static str,
        work: impl FnOnce(&mut Writing<'_>) -> Result<T, Error>,
    ) -> Result<(T, u64), Error> {
        let before = self.connection.total_changes();
        let behavior = TransactionBehavior::Immediate;
        let transaction =
            self.connection.transaction_with_behavior(behavior).map_err(engine(doing))?;
        let mut writing = Writing {
            sql: Statements::new(&transaction),
            names: &mut self.names,
            packer: &mut self.packer,
        };
        let result = work(&mut writing);
        drop(writing);
        let rows = transaction.total_changes().saturating_sub(before);
        let result = result.and_then(|value| {
            transaction.commit().map_err(engine(doing))?;
            Ok((value, rows))
        });
        if result.is_err() {
            // The numbers given out in this transaction are void.
            self.names = Names::default();
        }
        result
    }

    /// Runs `work` on one state of the store: what a writer commits meanwhile is not seen.
    fn read<T>(
        &self,
        work: impl FnOnce(&mut Statements<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if !self.connection.is_autocommit() {
            // Asked by a caller of `export` for every line: the state is held already.
            return work(&mut Statements::new(&self.connection));
        }
        let failed = engine("begin to read");
        let transaction = self.connection.unchecked_transaction().map_err(&failed)?;
        let result = work(&mut Statements::new(&transaction));
        transaction.finish().map_err(&failed)?;
        result
    }
}

/// What a transaction works with.
struct Writing<'c> {
    sql: Statements<'c>,
    names: &'c mut Names,
    packer: &'c mut Packer,
}

/// Turns an error of the engine into one of the store.
fn engine(doing: &'static str) -> impl Fn(rusqlite::Error) -> Error {
    move |error| match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::Busy { doing },
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            Error::Damaged { what: "the database file".into(), reason: error.to_string() }
        }
        _ => Error::Engine { doing, source: Box::new(error) },
    }
}

impl Store for Sqlite {
    fn begin_run(&mut self, run: &RunStart) -> Result<(), Error> {
        self.write("begin a run", |writing| runs::begin(writing, run)).map(|_| ())
    }

    fn ingest(&mut self, snapshots: &[Snapshot]) -> Result<IngestReport, Error> {
        let (report, rows_written) =
            self.write("take in snapshots", |writing| ingest::ingest(writing, snapshots))?;
        Ok(IngestReport { rows_written, ..report })
    }

    fn record_outcomes(&mut self, outcomes: &[HostOutcome]) -> Result<u64, Error> {
        let (new, _) =
            self.write("note outcomes", |writing| runs::record_outcomes(writing, outcomes))?;
        Ok(new)
    }

    fn end_run(&mut self, end: &RunEnd) -> Result<(), Error> {
        self.write("end a run", |writing| runs::end(writing, end)).map(|_| ())
    }

    fn runs(&self) -> Result<Vec<RunSummary>, Error> {
        self.read(runs::list)
    }

    fn outcomes(&self, run: &RunId) -> Result<Vec<HostOutcome>, Error> {
        self.read(|sql| runs::outcomes(sql, run))
    }

    fn hosts(&self) -> Result<Vec<HostName>, Error> {
        self.read(read::hosts)
    }

    fn snapshot(&self, host: &HostName, at: Option<Utc>) -> Result<Option<Snapshot>, Error> {
        self.read(|sql| read::latest(sql, host, None, at))
    }

    fn last_good(
        &self,
        host: &HostName,
        view: View,
        at: Option<Utc>,
    ) -> Result<Option<Snapshot>, Error> {
        self.read(|sql| read::latest(sql, host, Some(view), at))
    }

    fn listeners(&self, query: &ListenerQuery) -> Result<Vec<Listening>, Error> {
        self.read(|sql| ask::listeners(sql, query))
    }

    fn peers(&self, query: &PeerQuery) -> Result<Vec<Peering>, Error> {
        self.read(|sql| ask::peers(sql, query))
    }

    fn assets(&self, at: Option<Utc>) -> Result<Vec<Asset>, Error> {
        self.read(|sql| seen::assets(sql, at))
    }

    fn answered(&self, query: &AnsweredQuery) -> Result<Vec<Answered>, Error> {
        self.read(|sql| seen::answered(sql, query))
    }

    fn spans(&self, query: &SpanQuery) -> Result<Vec<Span>, Error> {
        self.read(|sql| spans::spans(sql, query))
    }

    fn taken(&self, key: &SnapshotKey) -> Result<Option<Snapshot>, Error> {
        self.read(|sql| read::taken(sql, key))
    }

    fn each_good(
        &self,
        host: &HostName,
        view: View,
        until: Option<Utc>,
        each: &mut dyn FnMut(Taken) -> bool,
    ) -> Result<(), Error> {
        self.read(|sql| seen::each_good(sql, (host, view), until, each))
    }

    fn route_tables(&self, keys: &[SnapshotKey]) -> Result<Vec<Arc<RouteTable>>, Error> {
        self.read(|sql| seen::route_tables(sql, keys))
    }

    fn host_facts(
        &self,
        hosts: Option<&[HostName]>,
        at: Option<Utc>,
    ) -> Result<Vec<(HostName, Arc<HostFacts>)>, Error> {
        self.read(|sql| seen::host_facts(sql, hosts, at))
    }

    fn begins(&self) -> Result<Option<Utc>, Error> {
        self.read(seen::begins)
    }

    fn export(&self, kind: ExportKind, line: &mut dyn FnMut(&str)) -> Result<(), Error> {
        self.read(|sql| export::export(sql, kind, line))
    }
}

impl Imports for Sqlite {
    fn weigh_changes(&self, statements: &[ChangeStatement]) -> Result<Imported, Error> {
        self.read(|sql| imports::weigh_changes(sql, statements))
    }

    fn weigh_attributes(&self, statements: &[AttributeStatement]) -> Result<Imported, Error> {
        self.read(|sql| imports::weigh_attributes(sql, statements))
    }

    fn import_changes(
        &mut self,
        import: &Import,
        statements: &[ChangeStatement],
    ) -> Result<Imported, Error> {
        let work = |writing: &mut Writing<'_>| imports::import_changes(writing, import, statements);
        self.write("import change requests", work).map(|(imported, _)| imported)
    }

    fn import_attributes(
        &mut self,
        import: &Import,
        statements: &[AttributeStatement],
    ) -> Result<Imported, Error> {
        let work =
            |writing: &mut Writing<'_>| imports::import_attributes(writing, import, statements);
        self.write("import attributes", work).map(|(imported, _)| imported)
    }

    fn imports(&self) -> Result<Vec<Import>, Error> {
        self.read(imported::imports)
    }

    fn changes(&self, query: &ChangeQuery) -> Result<Vec<ChangeVersion>, Error> {
        self.read(|sql| imported::changes(sql, query))
    }

    fn attributes(
        &self,
        items: Option<&[ItemName]>,
        versions: Versions,
    ) -> Result<Vec<AttributeVersion>, Error> {
        self.read(|sql| imported::attributes(sql, items, versions))
    }

    fn items(&self, keys: Option<&[ItemName]>) -> Result<Vec<ItemName>, Error> {
        self.read(|sql| imported::items(sql, keys))
    }

    fn identities(&self, keys: Option<&[ItemName]>) -> Result<Vec<Identity>, Error> {
        self.read(|sql| identity::identities(sql, keys))
    }
}
