//! Reads an evidence file: by its lengths, never by searching, and without trust.
//!
//! What comes in: a file, perhaps from another machine. What goes out: its header, its sections,
//! and each stream's exact bytes. Whatever is not as the writer would have written it is an error
//! with its offset. The live run reads its own files here too, so a record never comes from bytes
//! that are not in evidence.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use super::header::{self, HEADER_LINES_MAX, LAST_KEY};
use super::line::{Expected, LINE_BYTES_MAX};
use super::section::{self, HEAD_LINES, TRAILER};
use crate::model::capture::{Header, Section, Stream};
use crate::model::digest::{Hasher, Sha256};
use crate::model::text::escape;

/// Most bytes of a damaged line that a message shows.
const SHOWN_BYTES: usize = 60;

/// Why a file is not a whole evidence file.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A part is not as it should be. All text in it is printable.
    #[error("evidence file `{file}`, byte {offset}: expected {expected}, found {found}")]
    Format {
        /// The file.
        file: String,
        /// Byte offset, from 0.
        offset: u64,
        /// What should be there.
        expected: String,
        /// What is there.
        found: String,
    },
    /// No such section.
    #[error("evidence file `{file}` has no section {number}: it has {count}")]
    NoSection {
        /// The file.
        file: String,
        /// Asked for.
        number: u16,
        /// How many there are.
        count: usize,
    },
    /// The system refused.
    #[error("evidence file `{file}`: cannot read it: {source}")]
    Io {
        /// The file.
        file: String,
        /// The system's answer.
        source: io::Error,
    },
}

/// One of a command's two streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl Output {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }

    /// This stream of a section.
    #[must_use]
    pub const fn of(self, section: &Section) -> &Stream {
        match self {
            Self::Stdout => &section.stdout,
            Self::Stderr => &section.stderr,
        }
    }
}

/// An open evidence file whose structure was found right.
#[derive(Debug)]
pub struct EvidenceReader {
    name: String,
    file: File,
    bytes: u64,
    header: Header,
    sections: Vec<Section>,
}

impl EvidenceReader {
    /// Opens a file and reads all but the streams. A symbolic link is refused.
    ///
    /// # Errors
    /// When it cannot be read, or its structure deviates anywhere.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        let name =
            path.file_name().map_or_else(String::new, |name| escape(name.as_encoded_bytes()));
        // Not blocking, so that a named pipe in its place cannot hold us.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        match rustix::fs::open(path, flags, Mode::empty()) {
            Ok(file) => Self::from_file(name, file.into()),
            Err(errno) => Err(ReadError::Io { file: name, source: errno.into() }),
        }
    }

    /// Reads an open file; `name` stands in messages.
    ///
    /// # Errors
    /// As for [`EvidenceReader::open`].
    pub fn from_file(name: String, file: File) -> Result<Self, ReadError> {
        let failed = |source| ReadError::Io { file: name.clone(), source };
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(failed(io::Error::other("not a regular file")));
        }
        let bytes = metadata.len();
        let mut cursor = Cursor { name: &name, reader: BufReader::new(&file), at: 0, bytes };
        let (header, count) = cursor.header()?;
        let mut sections = Vec::new();
        for number in 1..=count {
            sections.push(cursor.section(number)?);
        }
        cursor.trailer()?;
        Ok(Self { name, file, bytes, header, sections })
    }

    /// The header.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The sections, in order; number N is at N - 1.
    #[must_use]
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// Size of the file.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The exact bytes of one stream. Streams may be read at the same time. The read that meets
    /// the end fails when the bytes do not have the digest that the section states.
    ///
    /// # Errors
    /// When there is no such section.
    pub fn stream(&self, number: u16, output: Output) -> Result<StreamReader<'_>, ReadError> {
        let section = usize::from(number).checked_sub(1).and_then(|at| self.sections.get(at));
        let section = section.ok_or_else(|| ReadError::NoSection {
            file: self.name.clone(),
            number,
            count: self.sections.len(),
        })?;
        let stream = output.of(section);
        Ok(StreamReader {
            reader: self,
            number,
            output,
            at: stream.offset,
            left: stream.bytes,
            sha256: stream.sha256,
            hasher: Some(Hasher::default()),
        })
    }

    /// Reads every stream and compares its digest.
    ///
    /// # Errors
    /// At the first stream that is not what its section states.
    pub fn check_streams(&self) -> Result<(), ReadError> {
        for section in &self.sections {
            for output in [Output::Stdout, Output::Stderr] {
                let mut stream = self.stream(section.number, output)?;
                let failed = |source| ReadError::Io { file: self.name.clone(), source };
                io::copy(&mut stream, &mut io::sink()).map_err(failed)?;
            }
        }
        Ok(())
    }
}

/// The bytes of one stream.
#[derive(Debug)]
pub struct StreamReader<'a> {
    reader: &'a EvidenceReader,
    number: u16,
    output: Output,
    at: u64,
    left: u64,
    sha256: Sha256,
    /// `None` once the digest was compared.
    hasher: Option<Hasher>,
}

impl Read for StreamReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if self.left == 0 {
            return self.compare().map(|()| 0);
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let part = buffer.get_mut(..most).unwrap_or_default();
        let read = self.reader.file.read_at(part, self.at)?;
        if read == 0 {
            return Err(self.damaged("ends too early"));
        }
        if let Some(hasher) = &mut self.hasher {
            hasher.update(part.get(..read).unwrap_or_default());
        }
        self.at += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}

impl StreamReader<'_> {
    fn compare(&mut self) -> io::Result<()> {
        let digest = self.hasher.take().map(Hasher::finish);
        if digest.is_some_and(|digest| digest != self.sha256) {
            return Err(self.damaged("does not have the digest that its section states"));
        }
        Ok(())
    }

    fn damaged(&self, how: &str) -> io::Error {
        let (number, output) = (self.number, self.output.as_str());
        let text = format!("{output} of section {number} {how}: run `fleetstat verify`");
        io::Error::new(io::ErrorKind::InvalidData, text)
    }
}

/// Goes through a file once, from start to end.
struct Cursor<'a> {
    name: &'a str,
    reader: BufReader<&'a File>,
    at: u64,
    bytes: u64,
}

impl Cursor<'_> {
    fn header(&mut self) -> Result<(Header, u16), ReadError> {
        let (start, head) = self.head()?;
        let (header, count) =
            header::decode(&head).map_err(|expected| self.unexpected(start, &head, &expected))?;
        self.same(start, &head, &header::encode(&header, count))?;
        Ok((header, count))
    }

    /// All lines of the header: to the one that tells the number of sections.
    fn head(&mut self) -> Result<(u64, String), ReadError> {
        let (start, mut head) = self.lines(1)?;
        for _ in 1..HEADER_LINES_MAX {
            let (_, line) = self.lines(1)?;
            head.push_str(&line);
            if line.strip_prefix(LAST_KEY).is_some_and(|rest| rest.starts_with(": ")) {
                break;
            }
        }
        Ok((start, head))
    }

    fn section(&mut self, number: u16) -> Result<Section, ReadError> {
        let (start, head) = self.lines(HEAD_LINES)?;
        let mut section = section::decode(&head, number)
            .map_err(|expected| self.unexpected(start, &head, &expected))?;
        self.same(start, &head, &section::encode(&section))?;
        section.stdout.offset = self.skip(section.stdout.bytes)?;
        let (start, line) = self.lines(1)?;
        section.stderr = section::decode_stderr(&line)
            .map_err(|expected| self.unexpected(start, &line, &expected))?;
        self.same(start, &line, &section::stream_line("stderr", &section.stderr))?;
        section.stderr.offset = self.skip(section.stderr.bytes)?;
        Ok(section)
    }

    fn trailer(&mut self) -> Result<(), ReadError> {
        let (start, line) = self.lines(TRAILER.lines().count())?;
        self.same(start, &line, TRAILER)?;
        if self.at == self.bytes {
            return Ok(());
        }
        let more = format!("{} bytes more", self.bytes - self.at);
        Err(self.format(self.at, "the end of the file", more))
    }

    /// The next `count` lines, each with its line feed, and the offset of the first.
    fn lines(&mut self, count: usize) -> Result<(u64, String), ReadError> {
        let (start, mut head) = (self.at, Vec::new());
        for _ in 0..count {
            let before = head.len();
            let limit = LINE_BYTES_MAX as u64 + 1;
            let read = (&mut self.reader).take(limit).read_until(b'\n', &mut head);
            let read = read.map_err(|source| self.io(source))?;
            self.at += read as u64;
            if head.last() != Some(&b'\n') || read == 0 {
                let line = head.get(before..).unwrap_or_default();
                let found = format!("`{}` and then no line end", shown(line));
                return Err(self.format(start + before as u64, "a line", found));
            }
        }
        match String::from_utf8(head) {
            Ok(head) => Ok((start, head)),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let found = shown(error.as_bytes().get(at..).unwrap_or_default());
                Err(self.format(start + at as u64, "UTF-8 text", format!("`{found}`")))
            }
        }
    }

    /// Passes over a stream and the line feed after it; returns the stream's offset.
    fn skip(&mut self, bytes: u64) -> Result<u64, ReadError> {
        let offset = self.at;
        let left = self.bytes.saturating_sub(self.at);
        if left <= bytes {
            let expected = format!("{bytes} bytes of output and a line end");
            return Err(self.format(offset, &expected, format!("the end after {left} bytes")));
        }
        let jump = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.reader.seek_relative(jump).map_err(|source| self.io(source))?;
        let mut end = [0];
        self.reader.read_exact(&mut end).map_err(|source| self.io(source))?;
        self.at += bytes + 1;
        if end == *b"\n" {
            return Ok(offset);
        }
        let found = format!("`{}`", shown(&end));
        Err(self.format(self.at - 1, "a line end after the output", found))
    }

    /// Refuses a head that the writer would have written otherwise.
    fn same(&self, start: u64, head: &str, canonical: &str) -> Result<(), ReadError> {
        let same = head.bytes().zip(canonical.bytes()).take_while(|(a, b)| a == b).count();
        if same == head.len() && same == canonical.len() {
            return Ok(());
        }
        let rest = |text: &str| match text.as_bytes().get(same..).unwrap_or_default() {
            [] => "nothing".to_owned(),
            bytes => format!("`{}`", shown(bytes)),
        };
        Err(self.format(start + same as u64, &rest(canonical), rest(head)))
    }

    fn unexpected(&self, start: u64, head: &str, expected: &Expected) -> ReadError {
        let found = head.get(expected.at..).and_then(|rest| rest.lines().next());
        let found = format!("`{}`", shown(found.unwrap_or_default().as_bytes()));
        self.format(start + expected.at as u64, &expected.what, found)
    }

    fn format(&self, offset: u64, expected: &str, found: String) -> ReadError {
        let (file, expected) = (self.name.to_owned(), expected.to_owned());
        ReadError::Format { file, offset, expected, found }
    }

    fn io(&self, source: io::Error) -> ReadError {
        ReadError::Io { file: self.name.to_owned(), source }
    }
}

fn shown(bytes: &[u8]) -> String {
    escape(bytes.get(..SHOWN_BYTES).unwrap_or(bytes))
}
