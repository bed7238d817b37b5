//! Parse: text of one command to records, without host, run or store. Streams: nothing is held
//! but the current row.

mod writing;
#[cfg(test)]
mod tests;

use std::io::{self, Read, Write};

use crate::model::id::{HostName, ProbeId};
use crate::model::parsed::{Counting, Coverage, Reader};
use crate::report::envelope::Context;
use crate::report::rows::{Format, Layout};
use crate::workflow::parse::writing::Writing;

/// A text, as its records cite it.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    /// The reader.
    pub probe: &'a ProbeId,
    /// The file.
    pub name: &'a str,
    /// The host that it is from, where that was said.
    pub host: Option<&'a HostName>,
}

/// Bytes read at a time.
const CHUNK: usize = 256 << 10;

/// Why a text was not read to its end.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// The text.
    #[error("{0}")]
    Read(io::Error),
    /// The records.
    #[error("{0}")]
    Write(io::Error),
}

/// Reads `input` to its end and writes its records. Returns how much was understood.
///
/// NDJSON and JSON hold records and issues in the order of the text; JSON is one array. A table and
/// CSV have one kind of columns, so each kind of records is one of its own, with a blank line between.
/// After tables the issues follow as one more; beside CSV they are told in the log. Beyond the
/// most, one issue at the end says how many more there are.
///
/// # Errors
/// When reading or writing fails.
pub fn parse(
    input: impl Read,
    reader: Box<dyn Reader>,
    text: Text<'_>,
    layout: Layout,
    out: &mut dyn Write,
) -> Result<Coverage, ParseError> {
    let context = Context::of_text(text.name, text.probe, text.host);
    if layout.format != Format::Json {
        return stream(input, reader, Writing::new(layout, &context, out));
    }
    // One array of all kinds: the lines of NDJSON, joined.
    let lines = Layout { format: Format::Ndjson, ..layout };
    let mut array = Array::new(out);
    let coverage = stream(input, reader, Writing::new(lines, &context, &mut array))?;
    array.end().map_err(ParseError::Write)?;
    Ok(coverage)
}

fn stream(
    mut input: impl Read,
    mut reader: Box<dyn Reader>,
    mut sink: Writing<'_>,
) -> Result<Coverage, ParseError> {
    let failed = sink.failed.clone();
    let mut counting = Counting::new(&mut sink);
    let mut chunk = vec![0; CHUNK];
    // An input without end must not go on being read when nobody takes the records.
    while !failed.get() {
        let read = match input.read(&mut chunk) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read.map_err(ParseError::Read)?,
        };
        let Some(bytes) = chunk.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        reader.push(bytes, &mut counting);
    }
    reader.finish(&mut counting);
    let coverage = counting.coverage;
    sink.end().map_err(ParseError::Write)?;
    Ok(coverage)
}

/// Lines of JSON to one array, without holding any.
struct Array<'a> {
    out: &'a mut dyn Write,
    begun: bool,
    line_ended: bool,
}

impl<'a> Array<'a> {
    fn new(out: &'a mut dyn Write) -> Self {
        Self { out, begun: false, line_ended: false }
    }

    fn end(self) -> io::Result<()> {
        self.out.write_all(if self.begun { b"\n]\n" } else { b"[]\n" })
    }
}

impl Write for Array<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            if !self.begun {
                self.out.write_all(b"[\n")?;
                self.begun = true;
            } else if self.line_ended {
                self.out.write_all(b",\n")?;
            }
            let text = line.strip_suffix(b"\n");
            self.line_ended = text.is_some();
            self.out.write_all(text.unwrap_or(line))?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
