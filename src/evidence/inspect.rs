//! Compares one evidence file with what the manifest says of it, reading it once.

use std::fs::File;
use std::io::{self, Read as _};

use super::manifest::{FileEntry, SectionEntry};
use super::read::{EvidenceReader, Output};
use crate::model::digest::{Hasher, Sha256};
use crate::model::id::{HostName, RunId};

/// Bytes read at once: large enough that the system call is a minor part.
const READ_BYTES: usize = 256 << 10;

/// What the manifest says of a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim<'a> {
    pub(super) run: &'a RunId,
    pub(super) host: &'a HostName,
    pub(super) file: &'a FileEntry,
}

/// One stream inside a file.
struct Part {
    what: String,
    start: u64,
    end: u64,
    sha256: Sha256,
    hasher: Hasher,
}

/// All that is wrong with the file; empty when it is as claimed. Each is a fragment of a message.
pub(super) fn inspect(file: File, claim: Claim<'_>) -> io::Result<Vec<String>> {
    let mut problems = Vec::new();
    let size = file.metadata()?.len();
    if size != claim.file.bytes {
        problems.push(format!("has {size} bytes, the manifest says {}", claim.file.bytes));
    }
    let mut parts = parts(&claim.file.sections);
    let overlap = parts.windows(2).any(|pair| matches!(pair, [a, b] if a.end > b.start));
    if overlap || parts.last().is_some_and(|part| part.end > claim.file.bytes) {
        return Ok(vec!["the manifest's places of its sections contradict each other".to_owned()]);
    }
    let whole = hash(&file, &mut parts)?;
    for part in parts {
        if part.hasher.finish() != part.sha256 {
            problems.push(format!("{} is not what the manifest says", part.what));
        }
    }
    if whole == claim.file.sha256 {
        problems.extend(compare_structure(file, claim));
    } else if problems.is_empty() {
        problems.push("bytes outside the output (header or a section's head) changed".to_owned());
    }
    Ok(problems)
}

/// The digest of a whole file.
pub(super) fn digest(file: &File) -> io::Result<Sha256> {
    hash(file, &mut [])
}

fn parts(sections: &[SectionEntry]) -> Vec<Part> {
    let part = |section: &SectionEntry, output: Output| {
        let stream = match output {
            Output::Stdout => section.stdout,
            Output::Stderr => section.stderr,
        };
        Part {
            what: format!("{} of section {} ({})", output.as_str(), section.number, section.probe),
            start: stream.offset,
            end: stream.offset.saturating_add(stream.bytes),
            sha256: stream.sha256,
            hasher: Hasher::default(),
        }
    };
    let both = |section| [part(section, Output::Stdout), part(section, Output::Stderr)];
    sections.iter().flat_map(both).collect()
}

/// Reads the file once; each byte goes into the whole digest and into its part's.
fn hash(mut file: &File, parts: &mut [Part]) -> io::Result<Sha256> {
    let mut whole = Hasher::default();
    let size = usize::try_from(file.metadata()?.len()).unwrap_or(READ_BYTES);
    let mut buffer = vec![0; size.clamp(1, READ_BYTES)];
    let (mut at, mut done) = (0_u64, 0);
    loop {
        let read = file.read(&mut buffer)?;
        let bytes = buffer.get(..read).unwrap_or_default();
        if bytes.is_empty() {
            return Ok(whole.finish());
        }
        whole.update(bytes);
        let end = at + read as u64;
        for part in parts.iter_mut().skip(done) {
            if part.start >= end {
                break;
            }
            part.hasher.update(overlap(bytes, at, part));
            done += usize::from(part.end <= end);
        }
        at = end;
    }
}

/// The bytes of a chunk at offset `at` that belong to a part.
fn overlap<'a>(bytes: &'a [u8], at: u64, part: &Part) -> &'a [u8] {
    let place = |offset: u64| usize::try_from(offset.saturating_sub(at)).unwrap_or(usize::MAX);
    let end = place(part.end).min(bytes.len());
    bytes.get(place(part.start)..end).unwrap_or_default()
}

/// The bytes are those that the manifest names; does it also describe them rightly?
fn compare_structure(file: File, claim: Claim<'_>) -> Option<String> {
    let reader = match reopen(file, &claim.file.name) {
        Ok(reader) => reader,
        Err(error) => return Some(error),
    };
    let header = reader.header();
    let described: Vec<_> = reader.sections().iter().map(SectionEntry::from).collect();
    let wrong = if header.run != *claim.run {
        format!("belongs to run {}", header.run)
    } else if header.asset.name != *claim.host {
        format!("belongs to host {}", header.asset.name)
    } else if header.pass != claim.file.pass || header.file_name() != claim.file.name {
        format!("says that its name is {}", header.file_name())
    } else if described != claim.file.sections {
        "has other sections than the manifest says".to_owned()
    } else {
        return None;
    };
    Some(wrong)
}

fn reopen(mut file: File, name: &str) -> Result<EvidenceReader, String> {
    use std::io::Seek as _;
    file.rewind().map_err(|error| format!("cannot be read: {error}"))?;
    EvidenceReader::from_file(name.to_owned(), file).map_err(|error| error.to_string())
}
