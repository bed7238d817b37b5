//! Rebuild: the store made again from evidence.
//!
//! Folders of runs are read in the order of their ids, which is the order of their starts. A run
//! whose manifest is missing was interrupted: its evidence counts all the same.

use std::io;
use std::path::{Path, PathBuf};

use crate::evidence::manifest::{MANIFEST_FILE, Manifest, ManifestError};
use crate::evidence::read::EvidenceReader;
use crate::model::capture::{Header, Mandate};
use crate::model::digest::Sha256;
use crate::model::id::{Pass, RunId};
use crate::model::query::HostOutcome;
use crate::model::snapshot::EvidenceFile;
use crate::model::time::Utc;
use crate::store::{Error as StoreError, RunEnd, RunStart, Store};
use crate::workflow::reread::{self, RereadError};

/// Snapshots in one transaction.
const BATCH: usize = 256;

/// What a rebuild did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// Runs read.
    pub runs: u64,
    /// Snapshots stored.
    pub snapshots: u64,
    /// Files that could not be read, with the reason.
    pub unreadable: Vec<String>,
}

/// Why a rebuild stopped.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// A folder.
    #[error("cannot read `{0}`: {1}")]
    Folder(String, io::Error),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Reads all runs below `evidence` into an empty store.
///
/// # Errors
/// When a folder cannot be listed or the store cannot be written. A file that cannot be read is
/// named in the result, and the rest goes on.
pub fn rebuild(evidence: &Path, store: &mut dyn Store) -> Result<Rebuilt, RebuildError> {
    let mut rebuilt = Rebuilt::default();
    for (run, folder) in runs(evidence)? {
        rebuild_run(&run, &folder, store, &mut rebuilt)?;
        rebuilt.runs += 1;
    }
    Ok(rebuilt)
}

/// Folders of runs, sorted by id.
fn runs(evidence: &Path) -> Result<Vec<(RunId, PathBuf)>, RebuildError> {
    let mut runs = Vec::new();
    for path in listed(evidence)? {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if let Ok(run) = RunId::parse(name) {
            runs.push((run, path));
        }
    }
    runs.sort();
    Ok(runs)
}

fn listed(folder: &Path) -> Result<Vec<PathBuf>, RebuildError> {
    let failed = |error| RebuildError::Folder(folder.display().to_string(), error);
    let entries = std::fs::read_dir(folder).map_err(failed)?;
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(failed)).collect()
}

fn rebuild_run(
    run: &RunId,
    folder: &Path,
    store: &mut dyn Store,
    rebuilt: &mut Rebuilt,
) -> Result<(), RebuildError> {
    let manifest = match manifest(folder) {
        Ok(manifest) => manifest,
        Err(reason) => {
            rebuilt.unreadable.push(format!("{}: {reason}", folder.display()));
            None
        }
    };
    let files = evidence_files(folder, manifest.as_ref().map(|(manifest, _)| manifest), rebuilt)?;
    let start = match &manifest {
        Some((manifest, _)) => Some((manifest.mandate.clone(), manifest.started)),
        None => first_header(folder, &files).map(|header| (header.mandate, header.started)),
    };
    // Neither manifest nor evidence: there is nothing to know of the run.
    let Some((mandate, started)) = start else { return Ok(()) };
    store.begin_run(&run_start(run, mandate, started, folder))?;
    ingest(folder, &files, store, rebuilt)?;
    if let Some((manifest, digest)) = manifest {
        store.record_outcomes(&outcomes(&manifest))?;
        let end = RunEnd { run: run.clone(), ended: manifest.ended, manifest: Some(digest) };
        store.end_run(&end)?;
    }
    Ok(())
}

/// The manifest with its digest. `None`: the run did not end.
pub(super) fn manifest(folder: &Path) -> Result<Option<(Manifest, Sha256)>, String> {
    let bytes = match std::fs::read(folder.join(MANIFEST_FILE)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        result => result.map_err(|error| error.to_string())?,
    };
    let manifest = Manifest::parse(&bytes).map_err(|error: ManifestError| error.to_string())?;
    Ok(Some((manifest, Sha256::of(&bytes))))
}

/// What the manifest lists, or what is there when there is none; sorted by name.
pub(super) fn evidence_files(
    folder: &Path,
    manifest: Option<&Manifest>,
    rebuilt: &mut Rebuilt,
) -> Result<Vec<EvidenceFile>, RebuildError> {
    if let Some(manifest) = manifest {
        let files = manifest.files().map(|(_, file)| EvidenceFile {
            name: file.name.clone(),
            sha256: file.sha256,
            bytes: file.bytes,
        });
        return Ok(files.collect());
    }
    let mut files = Vec::new();
    for path in listed(folder)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !name.ends_with("-netstat.txt") {
            continue;
        }
        match digest(&path) {
            Ok((sha256, bytes)) => files.push(EvidenceFile { name, sha256, bytes }),
            Err(error) => rebuilt.unreadable.push(format!("{}: {error}", path.display())),
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

/// Digest and size of a file.
///
/// # Errors
/// When it cannot be read.
pub fn digest(path: &Path) -> io::Result<(Sha256, u64)> {
    use std::io::Read as _;
    let mut file = std::fs::File::open(path)?;
    let (mut hasher, mut bytes) = (crate::model::digest::Hasher::default(), 0);
    let mut chunk = vec![0; 256 << 10];
    loop {
        let read = file.read(&mut chunk)?;
        let Some(part) = chunk.get(..read).filter(|part| !part.is_empty()) else { break };
        hasher.update(part);
        bytes += part.len() as u64;
    }
    Ok((hasher.finish(), bytes))
}

fn first_header(folder: &Path, files: &[EvidenceFile]) -> Option<Header> {
    let open = |file: &EvidenceFile| EvidenceReader::open(&folder.join(&file.name)).ok();
    files.iter().filter_map(open).map(|file| file.header().clone()).min_by_key(|h| h.started)
}

/// A folder as the store keeps it: the next question may be asked in another working folder.
pub(super) fn absolute(folder: &Path) -> String {
    let whole = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    whole.to_string_lossy().into_owned()
}

fn run_start(run: &RunId, mandate: Mandate, started: Utc, folder: &Path) -> RunStart {
    RunStart {
        run: run.clone(),
        playbook: mandate.playbook,
        purpose: mandate.purpose,
        operator: mandate.operator,
        change: mandate.change,
        started,
        folder: absolute(folder),
    }
}

fn ingest(
    folder: &Path,
    files: &[EvidenceFile],
    store: &mut dyn Store,
    rebuilt: &mut Rebuilt,
) -> Result<(), RebuildError> {
    for batch in files.chunks(BATCH) {
        let mut snapshots = Vec::with_capacity(batch.len());
        for file in batch {
            match reread::snapshot(folder, file) {
                Ok(snapshot) => snapshots.push(snapshot),
                Err(error) => unreadable(folder, file, &error, rebuilt),
            }
        }
        rebuilt.snapshots += store.ingest(&snapshots)?.added;
    }
    Ok(())
}

fn unreadable(folder: &Path, file: &EvidenceFile, error: &RereadError, rebuilt: &mut Rebuilt) {
    let path = folder.join(&file.name);
    rebuilt.unreadable.push(format!("{}: {error}", path.display()));
}

/// Hosts without evidence, as the run recorded them.
fn outcomes(manifest: &Manifest) -> Vec<HostOutcome> {
    let without = manifest.hosts.iter().filter(|host| host.files.is_empty());
    let outcome = |host: &crate::evidence::manifest::HostEntry| HostOutcome {
        run: manifest.run.clone(),
        host: host.name.clone(),
        pass: Pass::FIRST,
        at: host.at,
        outcome: host.outcome,
        faults: host.faults.clone(),
        evidence: None,
    };
    without.map(outcome).collect()
}
