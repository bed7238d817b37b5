//! From an evidence file to a snapshot: the one path for live runs and for `rebuild`.

use std::io::{self, Read};
use std::path::Path;

use crate::evidence::read::{EvidenceReader, Output, ReadError};
use crate::model::capture::Section;
use crate::model::snapshot::{EvidenceFile, Snapshot};
use crate::normalize::{HOST_ROWS_MAX, ReadSection, Rows};

/// Bytes read at a time.
const CHUNK: usize = 64 << 10;

/// Bytes of standard error that are looked at for why there is no answer: 16 KiB. A message of
/// `PowerShell` takes 2 with its wrapping; progress may stand before it.
const STDERR_HEAD: u64 = 16 << 10;

/// Name of the reader of what is only kept as evidence.
pub const TEXT: &str = "text";

/// Why an evidence file gave no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum RereadError {
    /// It is not what fleetstat wrote.
    #[error(transparent)]
    Evidence(#[from] ReadError),
    /// It could not be read to its end.
    #[error("evidence file `{0}`: {1}")]
    Io(String, io::Error),
    /// It was read by something this fleetstat does not know.
    #[error(
        "evidence file `{file}` section {section}: no reader `{reader}`: use a newer fleetstat"
    )]
    Reader {
        /// The file.
        file: String,
        /// The section.
        section: u16,
        /// The reader that it names.
        reader: String,
    },
}

/// Reads an evidence file and makes its records.
///
/// # Errors
/// When the file is damaged, or names a reader that is not known.
pub fn snapshot(folder: &Path, evidence: &EvidenceFile) -> Result<Snapshot, RereadError> {
    of_file(&EvidenceReader::open(&folder.join(&evidence.name))?, evidence, Unknown::Refuse)
}

/// What to do with a section whose reader this fleetstat does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// Fail: a store made without it would lack records and not say so.
    Refuse,
    /// Keep its output as text, without records.
    KeepAsText,
}

/// Makes the records of an open evidence file.
///
/// # Errors
/// When the file is damaged, or names a reader that is not known and may not be left out.
pub fn of_file(
    file: &EvidenceReader,
    evidence: &EvidenceFile,
    unknown: Unknown,
) -> Result<Snapshot, RereadError> {
    let mut sections = Vec::with_capacity(file.sections().len());
    let mut room = HOST_ROWS_MAX;
    for section in file.sections() {
        let known = crate::probe::reader_for(&section.reader).is_some();
        let as_text = !known && unknown == Unknown::KeepAsText;
        let section = read(file, &evidence.name, section, (room, as_text))?;
        room -= section.rows.as_ref().map_or(0, |rows| rows.coverage().rows.min(room));
        sections.push(section);
    }
    let header = file.header().clone();
    let planned = header.views.clone();
    Ok(crate::normalize::snapshot(header, evidence.clone(), sections, &planned))
}

fn read(
    file: &EvidenceReader,
    name: &str,
    section: &Section,
    (room, as_text): (u64, bool),
) -> Result<ReadSection, RereadError> {
    let rows = match section.reader.as_str() {
        TEXT => None,
        _ if as_text => None,
        reader => Some(rows(file, name, section, Rows::at_most(section.number, room), reader)?),
    };
    let probe = crate::probe::by_id(section.probe.as_str());
    let mut stderr = Vec::new();
    if section.stderr.bytes > 0 {
        let stream = file.stream(section.number, Output::Stderr)?;
        let read = stream.take(STDERR_HEAD).read_to_end(&mut stderr);
        read.map_err(|error| RereadError::Io(name.to_owned(), error))?;
    }
    Ok(ReadSection {
        section: section.clone(),
        views: section.views.clone(),
        expects_output: probe.is_some_and(|probe| probe.expects_output),
        acceptable_exit: probe.map_or(&[0], |probe| probe.usable_exits),
        rows,
        stderr,
    })
}

fn rows(
    file: &EvidenceReader,
    name: &str,
    section: &Section,
    mut rows: Rows,
    reader: &str,
) -> Result<Rows, RereadError> {
    let unknown = || RereadError::Reader {
        file: name.to_owned(),
        section: section.number,
        reader: reader.to_owned(),
    };
    let mut reader = crate::probe::reader_for(reader).ok_or_else(unknown)?;
    let mut stream = file.stream(section.number, Output::Stdout)?;
    let mut chunk = vec![0; CHUNK.min(usize::try_from(section.stdout.bytes).unwrap_or(CHUNK))];
    loop {
        let read = stream.read(&mut chunk).map_err(|e| RereadError::Io(name.to_owned(), e))?;
        let Some(bytes) = chunk.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        reader.push(bytes, &mut rows);
    }
    reader.finish(&mut rows);
    Ok(rows)
}
