//! Imported files, kept as they came: what they brought can be made again from them.
//!
//! ```text
//! imports/20261124T081500.123456Z-changes.import   the operator's file, byte for byte
//! imports/20261124T081500.123456Z-changes.json     who, when, its digest, how it was read
//! ```
//! The record is written last: a file without one is an import that never happened.

use std::collections::BTreeSet;
use std::fs::DirBuilder;
use std::io::{self, Read as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{Mode, OFlags};

use super::canonical;
use super::commit::commit_alone;
use super::folder::{FOLDER_MODE, FolderError, RunFolder, is_temporary};
use super::verify::{Finding, FindingKind, VerifyReport};
use super::write::{Output, Temporary, WriteError};
use crate::model::digest::Sha256;
use crate::model::import::Import;
use crate::model::text::escape;

/// Name of the folder, below the data folder.
pub const FOLDER: &str = "imports";

const FILE_END: &str = ".import";
const RECORD_END: &str = ".json";

/// Version of the record.
const VERSION: u32 = 1;

/// Largest record: a few options and names.
const RECORD_BYTES_MAX: u64 = 1 << 20;

/// Why a file was not kept.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The file or its record.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The folder could not be made.
    #[error("cannot make `{0}`: {1}")]
    Make(String, io::Error),
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    version: u32,
    import: Import,
}

/// Keeps a file and its record, each synced and never replacing another. Blocks on the disk.
///
/// # Errors
/// When the folder is writable by everybody or foreign, an import of this time is there already, or
/// the system refuses.
pub fn keep(folder: &Path, import: &Import, bytes: &[u8]) -> Result<(), KeepError> {
    let made = DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder);
    made.map_err(|error| KeepError::Make(folder.display().to_string(), error))?;
    let folder = Arc::new(RunFolder::open(folder)?);
    write(&folder, &format!("{}{FILE_END}", import.stem()), bytes)?;
    let record = record(import);
    write(&folder, &format!("{}{RECORD_END}", import.stem()), record.as_bytes())?;
    Ok(())
}

fn write(folder: &Arc<RunFolder>, name: &str, bytes: &[u8]) -> Result<(), WriteError> {
    let file = Temporary::create(folder, name)?;
    let mut out = Output::new(&file);
    out.bytes(bytes)?;
    out.end()?;
    commit_alone(file)
}

/// The one form of a record.
fn record(import: &Import) -> String {
    let record = Record { version: VERSION, import: import.clone() };
    // Names, numbers and texts: they always have a JSON form.
    let mut line = canonical::to_line(&record).unwrap_or_default();
    line.push('\n');
    line
}

/// A kept import, or why it cannot be read.
pub type Kept = Result<Import, Finding>;

/// All kept imports, by time. A folder that is not there holds none.
///
/// # Errors
/// When the folder cannot be listed.
pub fn list(folder: &Path) -> io::Result<Vec<Kept>> {
    let mut kept = Vec::new();
    for name in names(folder)? {
        if let Some(stem) = name.strip_suffix(RECORD_END) {
            kept.push(read_record(folder, stem));
        }
    }
    Ok(kept)
}

/// Names in the folder, sorted.
fn names(folder: &Path) -> io::Result<BTreeSet<String>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        result => result?,
    };
    let name = |entry: io::Result<std::fs::DirEntry>| {
        entry.map(|entry| entry.file_name().to_string_lossy().into_owned())
    };
    entries.map(name).collect()
}

fn finding(file: &str, kind: FindingKind, detail: impl Into<String>) -> Finding {
    Finding { host: None, file: escape(file.as_bytes()), kind, detail: detail.into() }
}

fn read_record(folder: &Path, stem: &str) -> Kept {
    let name = format!("{stem}{RECORD_END}");
    let bytes = read_file(folder, &name, RECORD_BYTES_MAX)?;
    let changed = |detail: &str| finding(&name, FindingKind::Changed, detail);
    let read: Record = serde_json::from_slice(&bytes)
        .map_err(|error| changed(&escape(format!("is no record: {error}").as_bytes())))?;
    if read.version != VERSION {
        return Err(changed("comes from a newer fleetstat"));
    }
    if record(&read.import).as_bytes() != bytes.as_slice() {
        return Err(changed("is not in the form in which it was written"));
    }
    if read.import.stem() != stem {
        return Err(finding(&name, FindingKind::Renamed, "does not have the name of its time"));
    }
    Ok(read.import)
}

/// Reads a file of the folder that is no link, up to a size.
fn read_file(folder: &Path, name: &str, most: u64) -> Result<Vec<u8>, Finding> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = match rustix::fs::open(folder.join(name), flags, Mode::empty()) {
        Err(rustix::io::Errno::NOENT) => {
            return Err(finding(name, FindingKind::Missing, "restore it from a copy"));
        }
        Err(errno) => {
            let detail = format!("cannot be opened: {}", io::Error::from(errno));
            return Err(finding(name, FindingKind::Unreadable, detail));
        }
        Ok(file) => std::fs::File::from(file),
    };
    if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Err(finding(name, FindingKind::NotAFile, "is no regular file"));
    }
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(|error| {
        finding(name, FindingKind::Unreadable, format!("cannot be read: {error}"))
    })?;
    Ok(bytes)
}

/// The bytes of a kept file.
///
/// # Errors
/// When it is missing, cannot be read, or is not what was imported.
pub fn read(folder: &Path, import: &Import) -> Result<Vec<u8>, Finding> {
    let name = format!("{}{FILE_END}", import.stem());
    let bytes = read_file(folder, &name, import.bytes)?;
    if bytes.len() as u64 != import.bytes || Sha256::of(&bytes) != import.sha256 {
        let detail = format!("does not have the digest {} of its record", import.sha256);
        return Err(finding(&name, FindingKind::Changed, detail));
    }
    Ok(bytes)
}

/// Verifies all kept files. `known`: the imports that the store has noted, by time; `None` when
/// there is no store, then the folder is checked by itself.
///
/// # Errors
/// When the folder cannot be listed.
pub fn verify(folder: &Path, known: Option<&[Import]>) -> io::Result<VerifyReport> {
    let mut report = VerifyReport::default();
    let mut unlisted = names(folder)?;
    let mut records = Vec::new();
    for kept in list(folder)? {
        match kept {
            Ok(import) => {
                for end in [FILE_END, RECORD_END] {
                    unlisted.remove(&format!("{}{end}", import.stem()));
                }
                report.files += 1;
                match read(folder, &import) {
                    Ok(bytes) => report.bytes += bytes.len() as u64,
                    Err(finding) => report.findings.push(finding),
                }
                records.push(import);
            }
            Err(found) => {
                unlisted.remove(&found.file);
                report.findings.push(found);
            }
        }
    }
    for name in unlisted {
        let (kind, detail) = if is_temporary(&name) || name.ends_with(FILE_END) {
            (FindingKind::Temporary, "an interrupted import left it: it proves nothing")
        } else {
            (FindingKind::Extra, "no import wrote it: move it elsewhere")
        };
        report.findings.push(finding(&name, kind, detail));
    }
    if let Some(known) = known {
        report.findings.extend(against_store(known, &records));
    }
    report.findings.sort_by(|a, b| a.file.cmp(&b.file));
    Ok(report)
}

/// What the store noted otherwise than the folder has it.
fn against_store(known: &[Import], records: &[Import]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for import in known {
        let name = format!("{}{RECORD_END}", import.stem());
        match records.iter().find(|record| record.at == import.at) {
            Some(record) if record == import => {}
            Some(_) => {
                findings.push(finding(&name, FindingKind::Changed, "the store notes it otherwise"));
            }
            None => {
                let detail = "the store notes it: restore it from a copy";
                findings.push(finding(&name, FindingKind::Missing, detail));
            }
        }
    }
    for record in records.iter().filter(|record| known.iter().all(|k| k.at != record.at)) {
        let name = format!("{}{RECORD_END}", record.stem());
        let detail = "is kept and not in the store: the next import or `rebuild` takes it in";
        findings.push(finding(&name, FindingKind::Unfinished, detail));
    }
    findings
}
