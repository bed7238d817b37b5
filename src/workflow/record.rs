//! Records one visit: evidence first, then records made from it.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::dispatch::visit::VisitReport;
use crate::evidence::commit::Committer;
use crate::evidence::folder::RunFolder;
use crate::evidence::manifest::{FileEntry, HostEntry};
use crate::evidence::write::{Description, WriteError};
use crate::model::capture::Header;
use crate::model::fault::{Fault, FaultKind};
use crate::model::query::HostOutcome;
use crate::model::snapshot::{EvidenceFile, Snapshot};
use crate::workflow::draft::{RunFacts, draft};
use crate::workflow::keep::Item;
use crate::workflow::reread;

/// What came of one visit.
pub struct Recorded {
    /// Its way into manifest and store.
    pub item: Item,
    /// Why its evidence could not be written.
    pub fault: Option<String>,
}

/// Records the visits of a run. Shared by its recorders.
pub struct Recorder {
    facts: RunFacts,
    folder: Arc<RunFolder>,
    committer: Committer,
    /// Answers that may be held as records at once. Unit: [`ROOM_UNIT`].
    room: Arc<Semaphore>,
}

/// Output that may be held as records at once: 32 MiB. A row of 60 to 130 bytes becomes a record of
/// about 600, so this is 150 to 300 MB at the most; a host with more output has the room to itself.
const ROOM: u32 = 512;

/// What one permit stands for: 64 KiB, the output of an ordinary host.
const ROOM_UNIT: u64 = 64 << 10;

impl Recorder {
    /// A recorder for one run.
    #[must_use]
    pub fn new(facts: RunFacts, folder: Arc<RunFolder>, committer: Committer) -> Self {
        let room = Arc::new(Semaphore::new(ROOM as usize));
        Self { facts, folder, committer, room }
    }

    /// Writes, syncs and reads back what a host said. Never fails: what went wrong is recorded.
    pub async fn record(self: &Arc<Self>, report: VisitReport) -> Recorded {
        if report.captured.is_empty() {
            let host = &report.visit.host.asset.name;
            let item =
                Item::without_evidence(&self.facts.run, host, report.ended, report.faults.clone());
            return Recorded { item, fault: None };
        }
        let (header, drafts) = draft(&self.facts, report);
        let (answer, committed) = oneshot::channel();
        let (this, head) = (self.clone(), header.clone());
        let writing = tokio::task::spawn_blocking(move || {
            match crate::evidence::write::write(&this.folder, &head, drafts) {
                Ok(written) => this.committer.submit(
                    written,
                    // The receiver waits below, whatever happens.
                    Box::new(move |result| drop(answer.send(result))),
                ),
                Err(error) => drop(answer.send(Err(error))),
            }
        });
        if let Err(panic) = writing.await {
            return self.defect(&header, &panic);
        }
        let stopped = || Err(WriteError::Stopped(header.file_name()));
        match committed.await.unwrap_or_else(|_| stopped()) {
            Ok(description) => self.read_back(header, description).await,
            Err(error) => self.unwritten(&header, &error),
        }
    }

    async fn read_back(self: &Arc<Self>, header: Header, file: Description) -> Recorded {
        let room = self.take_room(file.bytes).await;
        let this = self.clone();
        let (entry, evidence) = (FileEntry::new(header.pass, &file), evidence_file(&file));
        let read =
            tokio::task::spawn_blocking(move || reread::snapshot(this.folder.path(), &evidence));
        // The file is there and in the manifest; only its records can be missing.
        let mut recorded = match read.await {
            Ok(Ok(snapshot)) => return Recorded { item: item(snapshot, entry, room), fault: None },
            Ok(Err(error)) => {
                let detail = format!("evidence written, but not read back: {error}");
                let item = self.failed(&header, Fault::new(FaultKind::Internal, detail));
                Recorded { item, fault: None }
            }
            Err(panic) => self.defect(&header, &panic),
        };
        recorded.item.outcome.evidence = Some(entry.name.clone());
        recorded.item.entry.files.push(entry);
        recorded
    }

    /// Waits until there is room for the records of so many bytes. It is given back when the
    /// snapshot is stored.
    async fn take_room(&self, bytes: u64) -> Option<OwnedSemaphorePermit> {
        let units = u32::try_from(bytes / ROOM_UNIT + 1).unwrap_or(ROOM).min(ROOM);
        // `None` only when the semaphore is closed, and nobody closes it.
        self.room.clone().acquire_many_owned(units).await.ok()
    }

    /// A panic while one host's answers were handled is that host's fault, not the run's end.
    fn defect(&self, header: &Header, panic: &tokio::task::JoinError) -> Recorded {
        tracing::error!(host = %header.asset.name, %panic, "a recorder panicked");
        let fault = Fault::new(FaultKind::Internal, "its answers could not be handled: a defect");
        Recorded { item: self.failed(header, fault), fault: None }
    }

    fn unwritten(&self, header: &Header, error: &WriteError) -> Recorded {
        let detail = format!("evidence could not be written: {error}");
        let item = self.failed(header, Fault::new(FaultKind::Internal, detail.clone()));
        Recorded { item, fault: Some(detail) }
    }

    fn failed(&self, header: &Header, fault: Fault) -> Item {
        let mut faults = vec![fault];
        faults.extend(header.faults.iter().cloned());
        Item::without_evidence(&self.facts.run, &header.asset.name, header.ended, faults)
    }
}

fn evidence_file(file: &Description) -> EvidenceFile {
    EvidenceFile { name: file.name.clone(), sha256: file.sha256, bytes: file.bytes }
}

/// A snapshot with its entry in the manifest.
fn item(snapshot: Snapshot, file: FileEntry, room: Option<OwnedSemaphorePermit>) -> Item {
    let faults = snapshot.faults();
    let header = &snapshot.header;
    let outcome = HostOutcome {
        run: header.run.clone(),
        host: header.asset.name.clone(),
        pass: header.pass,
        at: header.ended,
        outcome: snapshot.outcome,
        faults: faults.clone(),
        evidence: Some(snapshot.evidence.name.clone()),
    };
    let entry = HostEntry {
        name: header.asset.name.clone(),
        at: header.ended,
        outcome: snapshot.outcome,
        faults,
        reason: None,
        files: vec![file],
    };
    Item { entry, outcome, snapshot: Some(Box::new(snapshot)), room }
}
