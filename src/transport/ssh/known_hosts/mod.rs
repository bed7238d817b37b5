//! Which host keys are trusted: `known_hosts` files with OpenSSH's semantics, read once per run.
//!
//! In: files, and later a host's name and the key that it showed. Out: a [`Decision`]. Never
//! decides to trust something new; that is [`enroll`], and a person.
//!
//! The rules are those of `sshd(8)`, "`SSH_KNOWN_HOSTS` FILE FORMAT", and the decisions those of
//! OpenSSH's client. The differences, all on the strict side, are listed in
//! docs/decisions/0015-host-certificates.md, and tested.

mod certificate;
mod decide;
pub mod enroll;
mod file;
mod krl;
mod line;
mod name;
mod pattern;
mod revoked;

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use decide::{Objection, Shown, Verdict};
use file::read_bounded;
use line::{Line, Marker, Names};
pub use name::LookupName;
use revoked::RevokedKeys;

/// Lines with hashed names that are tried to learn which key types a host is known with. Each
/// costs two SHA-1 runs (0.5 us), so 32,768 lines cost 16 ms per host; beyond that the order of
/// preference stays as it is.
const HASHED_LINES_SCANNED_MAX: usize = 32_768;

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: Arc<Path>,
    /// The line, from 1; 0 for a file that has none.
    pub line: u32,
}

/// `file:line`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}", self.file.display()),
            line => write!(f, "{}:{line}", self.file.display()),
        }
    }
}

/// What is to be thought of a key that a host showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The line that names this key for this host.
    Trusted(Place),
    /// No line names the host.
    Unknown,
    /// Lines name other keys for the host, and none this one.
    Changed(Vec<Place>),
    /// A `@revoked` line names this key for the host, whatever else is there.
    Revoked(Place),
}

/// A line that could not be used. It trusts nothing; the other lines count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct LineNote {
    /// Where.
    pub place: Place,
    /// Why; text from the file is escaped.
    pub reason: String,
}

/// Why a file could not be read. Not the same as a file without keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("known_hosts file `{path}` cannot be read ({reason}); {remedy}")]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// The system's reason.
    pub reason: String,
    /// What to do.
    pub remedy: &'static str,
}

#[derive(Debug)]
struct Entry {
    place: Place,
    line: Line,
}

/// Indexed contents of `known_hosts` files.
#[derive(Debug, Default)]
pub struct KnownHosts {
    entries: Vec<Entry>,
    /// Lower-case names without wildcards or negation, and the lines that hold them.
    plain: HashMap<Box<[u8]>, Vec<u32>>,
    /// Lines with wildcards or negation.
    patterns: Vec<u32>,
    /// Lines with a hashed name.
    hashed: Vec<u32>,
    /// Those of them that revoke or name an authority.
    hashed_marked: Vec<u32>,
    /// The same by key: the line of the key shown is found without hashing for every line.
    hashed_by_key: HashMap<Box<[u8]>, Vec<u32>>,
    /// Files of revoked keys.
    revoked: Vec<RevokedKeys>,
    warnings: Vec<String>,
    faults: Vec<LineNote>,
    /// Those among the faults that begin with a marker.
    broken_markers: Vec<LineNote>,
}

/// What some editors put before the first line. It is part of the first name then, as OpenSSH has
/// it, unless the line revokes something.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A line that cannot be read and begins with a marker, other than that of an authority.
fn may_revoke(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    text.starts_with(b"@") && !text.starts_with(b"@cert-authority")
}

impl KnownHosts {
    /// Reads files, in order. All of them must be readable.
    ///
    /// # Errors
    /// When a file is missing or unreadable.
    pub fn read(paths: &[PathBuf]) -> Result<Self, FileError> {
        let mut known = Self::default();
        for path in paths {
            let content = known.read_file(path).map_err(|error| FileError {
                path: path.clone(),
                reason: error.to_string(),
                remedy: match error.kind() {
                    std::io::ErrorKind::NotFound => "make it with `fleetstat enroll`",
                    _ => "check its owner, mode and size",
                },
            })?;
            known.add(path, &content);
        }
        known.refuse_broken_markers()?;
        Ok(known)
    }

    fn read_file(&mut self, path: &Path) -> std::io::Result<Vec<u8>> {
        let (content, warning) = read_bounded(path)?;
        self.warnings.extend(warning);
        Ok(content)
    }

    /// A line that was to revoke something and cannot be read would be left out in silence, and the
    /// key trusted: that is an error of the whole, not of the line.
    fn refuse_broken_markers(&self) -> Result<(), FileError> {
        let Some(line) = self.broken_markers.first() else { return Ok(()) };
        Err(FileError {
            path: line.place.file.to_path_buf(),
            reason: format!("line {}: {}", line.place.line, line.reason),
            remedy: "mend the line, or remove it: a line with a marker may revoke a key",
        })
    }

    /// Adds the content of a file; `path` is what messages call it.
    pub fn add(&mut self, path: &Path, content: &[u8]) {
        let file: Arc<Path> = path.into();
        let without_mark = content.strip_prefix(BYTE_ORDER_MARK);
        let content = without_mark.filter(|rest| rest.starts_with(b"@")).unwrap_or(content);
        for (number, text) in (1..).zip(content.split(|&byte| byte == b'\n')) {
            let place = || Place { file: Arc::clone(&file), line: number };
            match line::parse(text) {
                Ok(None) => {}
                Ok(Some(line)) => self.index(Entry { place: place(), line }),
                Err(reason) => {
                    let note = LineNote { place: place(), reason };
                    if may_revoke(text) {
                        self.broken_markers.push(note.clone());
                    }
                    self.faults.push(note);
                }
            }
        }
    }

    fn index(&mut self, entry: Entry) {
        // More than 4 billion lines do not fit into memory.
        let number = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        match &entry.line.names {
            Names::Hashed { .. } => {
                self.hashed.push(number);
                if entry.line.marker != Marker::Key {
                    self.hashed_marked.push(number);
                }
                self.hashed_by_key.entry(entry.line.key.clone()).or_default().push(number);
            }
            Names::Patterns(list) if pattern::is_plain(list) => {
                for name in list.split(|&byte| byte == b',') {
                    let name = name.to_ascii_lowercase().into_boxed_slice();
                    self.plain.entry(name).or_default().push(number);
                }
            }
            Names::Patterns(_) => self.patterns.push(number),
        }
        self.entries.push(entry);
    }

    /// Lines that are neither comment nor key: each was left out, and may have been meant to
    /// revoke something, so they should be shown.
    #[must_use]
    pub fn faults(&self) -> &[LineNote] {
        &self.faults
    }

    /// Files that others than the operator and root can write to, and so decide whom to trust: one
    /// sentence each, with a remedy.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Lines with a key.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True when no line has a key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Key types that the host is known with, as in `ssh-ed25519`. Empty when it is not known, or
    /// when there are too many hashed lines to look through.
    pub(super) fn key_types<'a>(&'a self, name: &'a LookupName) -> Vec<&'a [u8]> {
        let name = name.as_str().as_bytes();
        let few = self.hashed.len() <= HASHED_LINES_SCANNED_MAX;
        let hashed = if few { self.hashed.as_slice() } else { &[] };
        self.open_lines(name)
            .chain(self.hashed_lines(hashed, name))
            .filter(|entry| entry.line.marker == Marker::Key && !entry.line.certificate)
            .filter_map(|entry| line::key_type(&entry.line.key))
            .collect()
    }

    /// Whether to ask the host for a certificate: some authority is trusted for it, or something is
    /// revoked, which may be its certificate or the authority of that.
    pub(super) fn wants_certificate(&self, name: &LookupName) -> bool {
        let marked = |name: &LookupName| {
            let name = name.as_str().as_bytes();
            self.open_lines(name)
                .chain(self.hashed_lines(&self.hashed_marked, name))
                .any(|entry| entry.line.marker != Marker::Key)
        };
        !self.revoked.is_empty()
            || marked(name)
            || name.without_port().is_some_and(|bare| marked(&bare))
    }

    /// Lines whose names can be read and include this one.
    fn open_lines<'a>(&'a self, name: &'a [u8]) -> impl Iterator<Item = &'a Entry> {
        let plain = self.plain.get(name).into_iter().flatten();
        let wild = self.patterns.iter();
        plain.filter_map(|&at| self.entry(at)).chain(wild.filter_map(|&at| self.entry(at)).filter(
            move |entry| match &entry.line.names {
                Names::Patterns(list) => pattern::list_matches(list, name),
                Names::Hashed { .. } => false,
            },
        ))
    }

    /// Those of the given lines whose hashed name is this one.
    fn hashed_lines<'a>(
        &'a self,
        lines: impl IntoIterator<Item = &'a u32>,
        name: &'a [u8],
    ) -> impl Iterator<Item = &'a Entry> {
        lines.into_iter().filter_map(|&at| self.entry(at)).filter(move |entry| {
            match &entry.line.names {
                Names::Hashed { salt, hash } => pattern::hash_matches(salt, hash, name),
                Names::Patterns(_) => false,
            }
        })
    }

    fn entry(&self, at: u32) -> Option<&Entry> {
        self.entries.get(usize::try_from(at).ok()?)
    }
}

#[cfg(test)]
mod tests;
