//! Writes one evidence file under its temporary name.
//!
//! What comes in: the header and the spooled answers of one visit. What goes out: a [`Written`],
//! whose bytes are complete but not yet safe from a power cut; [`super::commit`] makes it so. The
//! bytes of a stream are copied as they came; memory stays flat whatever their size.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;

use rustix::fs::{AtFlags, Mode, OFlags};

use super::folder::{RunFolder, remedy, temporary};
use super::line::LINE_BYTES_MAX;
use super::spool::Spool;
use super::{header, section};
use crate::model::capture::{End, FallbackOf, Header, Section, Stream};
use crate::model::digest::{Hasher, Sha256};
use crate::model::fault::Fault;
use crate::model::id::ProbeId;
use crate::model::snapshot::View;
use crate::model::time::Utc;

/// Mode of evidence files: the operator's account writes, its group reads.
pub const FILE_MODE: u32 = 0o640;

/// Longest file name that a file system must offer (POSIX calls the limit `NAME_MAX`; 255 on all
/// that hold evidence).
const NAME_BYTES_MAX: usize = 255;

/// Why a file was not written. Whatever the cause, nothing of the file is visible afterwards.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A file of this name exists. Evidence is never replaced.
    #[error(
        "evidence file `{0}` exists already and is not replaced: a second attempt must carry its \
         own `-a` number"
    )]
    Exists(String),
    /// Another process is writing it, or one was killed while it did.
    #[error(
        "evidence file `{0}` is being written by another process, or was when it was killed: make \
         sure that no other fleetstat works on this run"
    )]
    Busy(String),
    /// The description would make a line that no reader accepts.
    #[error("evidence file `{file}`: {what} cannot be written: {remedy}")]
    Unwritable {
        /// The file.
        file: String,
        /// What of it.
        what: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The system refused.
    #[error("evidence file `{file}`: cannot {doing}: {source}: {}", remedy(.source))]
    Io {
        /// The file.
        file: String,
        /// What was tried, e.g. `sync it`.
        doing: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// The commit thread has ended.
    #[error("evidence file `{0}` was not committed: the run was stopped; run again")]
    Stopped(String),
}

/// One command's answer, to become a section.
#[derive(Debug)]
pub struct SectionDraft {
    /// The probe that asked.
    pub probe: ProbeId,
    /// Digest of the probe's command.
    pub digest: Sha256,
    /// Name of the reader that makes records of the output; `text` when it is only kept.
    pub reader: String,
    /// Views the answer serves, of those that were asked for.
    pub views: Vec<View>,
    /// The argument vector.
    pub argv: Vec<String>,
    /// The exact bytes sent.
    pub sent: String,
    /// Set when this command ran in place of another.
    pub fallback_of: Option<FallbackOf>,
    /// Controller's time just before the command was sent.
    pub started: Utc,
    /// Controller's time just after the end was seen.
    pub ended: Utc,
    /// Time between the two by the monotonic clock. Unit: microseconds.
    pub elapsed_us: u64,
    /// How it ended.
    pub end: End,
    /// Doubts.
    pub faults: Vec<Fault>,
    /// Standard output.
    pub stdout: Spool,
    /// Standard error.
    pub stderr: Spool,
}

/// A complete file under its temporary name. Dropped, it removes the file.
#[derive(Debug)]
pub struct Written {
    temporary: Temporary,
    description: Description,
}

/// What a manifest says of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Name in the run's folder.
    pub name: String,
    /// Size. Unit: bytes.
    pub bytes: u64,
    /// Digest of the whole file.
    pub sha256: Sha256,
    /// The sections, with the places of their streams.
    pub sections: Vec<Section>,
}

impl Written {
    /// The file as it will be known.
    #[must_use]
    pub const fn description(&self) -> &Description {
        &self.description
    }

    pub(super) fn into_parts(self) -> (Temporary, Description) {
        (self.temporary, self.description)
    }
}

/// Writes an evidence file. Blocks on the disk.
///
/// # Errors
/// When the temporary name is taken, a text is too long for a line, or the system refuses, for
/// instance on a full disk. The temporary file is removed.
pub fn write(
    folder: &Arc<RunFolder>,
    header: &Header,
    drafts: Vec<SectionDraft>,
) -> Result<Written, WriteError> {
    let name = header.file_name();
    let count = u16::try_from(drafts.len()).map_err(|_| WriteError::Unwritable {
        file: name.clone(),
        what: format!("{} sections", drafts.len()),
        remedy: "collect fewer views at once",
    })?;
    let temporary = Temporary::create(folder, &name)?;
    let mut out = Output::new(&temporary);
    let head = header::encode(header, count);
    out.head("the header", &head, header::decode(&head).is_ok())?;
    let mut sections = Vec::with_capacity(drafts.len());
    for (number, draft) in (1..=count).zip(drafts) {
        sections.push(out.section(number, draft)?);
    }
    out.bytes(section::TRAILER.as_bytes())?;
    let (bytes, sha256) = out.end()?;
    Ok(Written { temporary, description: Description { name, bytes, sha256, sections } })
}

/// An open file under a temporary name, removed when dropped.
#[derive(Debug)]
pub(super) struct Temporary {
    folder: Arc<RunFolder>,
    name: String,
    file: File,
    present: bool,
}

impl Temporary {
    pub(super) fn create(folder: &Arc<RunFolder>, name: &str) -> Result<Self, WriteError> {
        if temporary(name).len() > NAME_BYTES_MAX {
            return Err(WriteError::Unwritable {
                file: name.to_owned(),
                what: "a name this long".to_owned(),
                remedy: "shorten the host's name or role in the inventory",
            });
        }
        let failed = |doing| move |errno| io_error(name, doing, errno);
        let exists = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).is_ok();
        if exists {
            // Seen again, and then for good, by the rename; this only saves the work.
            return Err(WriteError::Exists(name.to_owned()));
        }
        let flags =
            OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::WRONLY | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(FILE_MODE);
        let file = match rustix::fs::openat(folder, temporary(name), flags, mode) {
            Err(rustix::io::Errno::EXIST) => return Err(WriteError::Busy(name.to_owned())),
            result => result.map_err(failed("create it"))?,
        };
        let created = Self {
            folder: Arc::clone(folder),
            name: name.to_owned(),
            file: file.into(),
            present: true,
        };
        rustix::fs::fchmod(&created.file, mode).map_err(failed("set its mode to 0640"))?;
        Ok(created)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) const fn folder(&self) -> &Arc<RunFolder> {
        &self.folder
    }

    pub(super) const fn file(&self) -> &File {
        &self.file
    }

    /// Called once the temporary name is gone.
    pub(super) const fn renamed(&mut self) {
        self.present = false;
    }

    pub(super) fn failed(&self, doing: &'static str) -> impl Fn(rustix::io::Errno) -> WriteError {
        move |errno| io_error(&self.name, doing, errno)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if self.present {
            // Lost on failure: only a temporary name stays, which the sweep removes.
            let _ = rustix::fs::unlinkat(&self.folder, temporary(&self.name), AtFlags::empty());
        }
    }
}

fn io_error(file: &str, doing: &'static str, errno: rustix::io::Errno) -> WriteError {
    WriteError::Io { file: file.to_owned(), doing, source: errno.into() }
}

/// Counts and hashes what goes into a file.
pub(super) struct Output<'a> {
    name: &'a str,
    out: BufWriter<Hashing<'a>>,
    at: u64,
}

struct Hashing<'a> {
    file: &'a File,
    hasher: Hasher,
}

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut file = self.file;
        let written = file.write(bytes)?;
        self.hasher.update(bytes.get(..written).unwrap_or(bytes));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> Output<'a> {
    pub(super) fn new(temporary: &'a Temporary) -> Self {
        let hashing = Hashing { file: &temporary.file, hasher: Hasher::default() };
        let out = BufWriter::with_capacity(128 << 10, hashing);
        Self { name: &temporary.name, out, at: 0 }
    }

    /// Writes a head that the reader will accept.
    fn head(&mut self, what: &str, head: &str, readable: bool) -> Result<(), WriteError> {
        if let Some(line) = head.lines().find(|line| line.len() > LINE_BYTES_MAX) {
            let key = line.split(':').next().unwrap_or_default();
            let what = format!("`{key}` of {what}, {} bytes long,", line.len());
            return Err(self.unwritable(what, "shorten it to at most 1 MiB"));
        }
        if !readable {
            return Err(self.unwritable(what.to_owned(), "this is a defect: please report it"));
        }
        self.bytes(head.as_bytes())
    }

    fn section(&mut self, number: u16, draft: SectionDraft) -> Result<Section, WriteError> {
        let SectionDraft { mut stdout, mut stderr, .. } = draft;
        let stream = |spool: &Spool| Stream {
            offset: 0,
            bytes: spool.bytes(),
            sha256: spool.sha256(),
            dropped: spool.dropped(),
        };
        let mut section = Section {
            number,
            probe: draft.probe,
            digest: draft.digest,
            reader: draft.reader,
            views: draft.views,
            argv: draft.argv,
            sent: draft.sent,
            fallback_of: draft.fallback_of,
            started: draft.started,
            ended: draft.ended,
            elapsed_us: draft.elapsed_us,
            end: draft.end,
            faults: draft.faults,
            stdout: stream(&stdout),
            stderr: stream(&stderr),
        };
        let head = section::encode(&section);
        let readable = section::decode(&head, number).is_ok();
        self.head(&format!("section {number}"), &head, readable)?;
        section.stdout.offset = self.stream(&mut stdout)?;
        self.bytes(section::stream_line("stderr", &section.stderr).as_bytes())?;
        section.stderr.offset = self.stream(&mut stderr)?;
        Ok(section)
    }

    /// Copies a stream and returns the offset of its first byte.
    fn stream(&mut self, spool: &mut Spool) -> Result<u64, WriteError> {
        let offset = self.at;
        let mut checked = Checked { out: &mut self.out, hasher: Hasher::default() };
        let result = spool.copy_to(&mut checked);
        // The spool was on disk: what came back must be what went in.
        let same = checked.hasher.finish() == spool.sha256();
        self.done("copy output to it", result)?;
        if !same {
            let changed = io::Error::other("the output changed on its way through the disk");
            return self.done("copy output to it", Err(changed)).map(|()| offset);
        }
        self.at += spool.bytes();
        self.bytes(b"\n")?;
        Ok(offset)
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        let result = self.out.write_all(bytes);
        self.done("write it", result)?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    /// Lets `content` write; the count of bytes in [`Output::end`] leaves these out.
    pub(super) fn with(
        &mut self,
        content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), WriteError> {
        let result = content(&mut self.out);
        self.done("write it", result)
    }

    /// Hands the last bytes to the system; returns size and digest of the whole.
    pub(super) fn end(mut self) -> Result<(u64, Sha256), WriteError> {
        let result = self.out.flush();
        self.done("write it", result)?;
        Ok((self.at, self.out.get_ref().hasher.clone().finish()))
    }

    fn done(&self, doing: &'static str, result: io::Result<()>) -> Result<(), WriteError> {
        result.map_err(|source| WriteError::Io { file: self.name.to_owned(), doing, source })
    }

    fn unwritable(&self, what: String, remedy: &'static str) -> WriteError {
        WriteError::Unwritable { file: self.name.to_owned(), what, remedy }
    }
}

/// Hashes once more what is copied from a spool.
struct Checked<'a, W> {
    out: &'a mut W,
    hasher: Hasher,
}

impl<W: Write> Write for Checked<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hasher.update(bytes.get(..written).unwrap_or(bytes));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
