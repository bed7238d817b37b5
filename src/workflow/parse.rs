//! Parse: text of one command to records, without host, run or store. Streams: nothing is held
//! but the current row.

use std::cell::{Cell, RefCell};
use std::io::{self, Read, Write};
use std::rc::Rc;

use crate::model::id::ProbeId;
use crate::model::parsed::{Counting, Coverage, Issue, Reader, Row, Sink, Span};
use crate::model::process::{Dispute, Process, ProcessFact};
use crate::model::record::Source;
use crate::model::text::HostText;
use crate::normalize::alone;
use crate::report::counter::Counters;
use crate::report::envelope::{Context, Recorded};
use crate::report::fact::Facts;
use crate::report::field::Kind;
use crate::report::issue::{IssueRow, Issues};
use crate::report::link::Interfaces;
use crate::report::process::Processes;
use crate::report::route::{Neighbours, Routes, Rules};
use crate::report::rows::{Format, Layout, Rows};
use crate::report::socket::Sockets;

/// Most issues written among records, or listed after a table: a text of a gigabyte that is no answer
/// at all must not give ten of issues. All of them are counted.
const ISSUES_MAX: u64 = 10_000;

/// Most issues told in the log beside CSV. All of them are counted.
const ISSUES_TOLD: u64 = 100;

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

/// Reads `input` to its end and writes its records. `named`: the reader and the text, as records
/// cite them. Returns how much was understood.
///
/// NDJSON and JSON hold records and issues in the order of the text; JSON is one array. After a
/// table the issues follow as one of their own. CSV has one kind of columns, so issues are told in
/// the log instead. Beyond the most, one issue at the end says how many more there are.
///
/// # Errors
/// When reading or writing fails.
pub fn parse(
    input: impl Read,
    reader: Box<dyn Reader>,
    named: (&ProbeId, &str),
    layout: Layout,
    out: &mut dyn Write,
) -> Result<Coverage, ParseError> {
    let context = Context::of_text(named.1, named.0);
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

/// A sink that writes rows as they come, up to the first error.
struct Writing<'a> {
    layout: Layout,
    context: &'a Context<'a>,
    out: Shared<'a>,
    open: Open<'a>,
    /// The process that the rows before were about, and where they stand: one record for what
    /// follows each other about one process.
    process: Option<(Process, Source)>,
    issues: Vec<Issue>,
    /// Issues so far.
    seen: u64,
    error: Option<io::Error>,
    failed: Rc<Cell<bool>>,
}

/// The writer of the kind that came last.
enum Open<'a> {
    Nothing,
    Sockets(Rows<Sockets, Shared<'a>>),
    Interfaces(Rows<Interfaces, Shared<'a>>),
    Routes(Rows<Routes, Shared<'a>>),
    Rules(Rows<Rules, Shared<'a>>),
    Neighbours(Rows<Neighbours, Shared<'a>>),
    Counters(Rows<Counters, Shared<'a>>),
    Facts(Rows<Facts, Shared<'a>>),
    Processes(Rows<Processes, Shared<'a>>),
}

/// One output, used by one writer after the other.
#[derive(Clone)]
struct Shared<'a>(Rc<RefCell<&'a mut dyn Write>>);

impl Write for Shared<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.borrow_mut().flush()
    }
}

impl<'a> Writing<'a> {
    fn new(layout: Layout, context: &'a Context<'a>, out: &'a mut dyn Write) -> Self {
        Self {
            layout,
            context,
            out: Shared(Rc::new(RefCell::new(out))),
            open: Open::Nothing,
            process: None,
            issues: Vec::new(),
            seen: 0,
            error: None,
            failed: Rc::default(),
        }
    }

    fn rows<K: Kind>(&self, kind: K) -> Rows<K, Shared<'a>> {
        Rows::new(self.out.clone(), self.layout, kind)
    }

    fn close(&mut self) -> io::Result<()> {
        match std::mem::replace(&mut self.open, Open::Nothing) {
            Open::Nothing => Ok(0),
            Open::Sockets(rows) => rows.finish(),
            Open::Interfaces(rows) => rows.finish(),
            Open::Routes(rows) => rows.finish(),
            Open::Rules(rows) => rows.finish(),
            Open::Neighbours(rows) => rows.finish(),
            Open::Counters(rows) => rows.finish(),
            Open::Facts(rows) => rows.finish(),
            Open::Processes(rows) => rows.finish(),
        }
        .map(drop)
    }

    fn issue_row(&mut self, issue: &Issue) -> io::Result<()> {
        self.close()?;
        let mut rows = self.rows(Issues);
        rows.push(IssueRow::new(1, issue).recorded(self.context))?;
        rows.finish().map(drop)
    }

    fn end(&mut self) -> io::Result<()> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        self.end_process()?;
        self.say_rest();
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        self.close()?;
        if self.issues.is_empty() {
            return Ok(());
        }
        let mut rows = self.rows(Issues);
        for issue in &self.issues {
            rows.push(IssueRow::new(1, issue).recorded(self.context))?;
        }
        rows.finish().map(drop)
    }

    fn write(&mut self, source: &[Source; 1], row: &Row<'_>) -> io::Result<()> {
        macro_rules! push {
            ($variant:ident, $kind:expr, $record:expr) => {{
                if !matches!(self.open, Open::$variant(_)) {
                    self.close()?;
                    self.open = Open::$variant(self.rows($kind));
                }
                if let Open::$variant(rows) = &mut self.open {
                    rows.push(Recorded {
                        context: self.context,
                        record: $record,
                        sources: source,
                    })?;
                }
            }};
        }
        match row {
            Row::Socket(record) => push!(Sockets, Sockets, record),
            Row::Interface(record) => push!(Interfaces, Interfaces, record),
            Row::Route(record) => push!(Routes, Routes, record),
            Row::Rule(record) => push!(Rules, Rules, record),
            Row::Neighbour(record) => push!(Neighbours, Neighbours, record),
            Row::Counter(record) => push!(Counters, Counters, record),
            Row::Fact(record) => push!(Facts, Facts, record),
            // Parts of records: they are joined with the sockets of other answers.
            Row::Holder(_) | Row::Member(_) => {}
            Row::Process(pid, fact) => self.about(*pid, fact, source)?,
        }
        Ok(())
    }

    /// Takes what a row says of a process; writes the one before it.
    fn about(&mut self, pid: u32, fact: &ProcessFact, [at]: &[Source; 1]) -> io::Result<()> {
        if self.process.as_ref().is_some_and(|(process, _)| process.pid != pid) {
            self.end_process()?;
        }
        let nameless = || Process::named(pid, HostText::new(b""));
        let (process, source) = self.process.get_or_insert_with(|| (nameless(), *at));
        source.end = at.end;
        if let Some(dispute) = process.add(fact) {
            let span = Span { line: 0, start: at.start, end: at.end };
            self.issue(Issue::note(span, Dispute::MESSAGE, &dispute.text(pid)));
        }
        Ok(())
    }

    /// Writes the process that the rows before were about.
    fn end_process(&mut self) -> io::Result<()> {
        let Some((process, source)) = self.process.take() else { return Ok(()) };
        if !matches!(self.open, Open::Processes(_)) {
            self.close()?;
            self.open = Open::Processes(self.rows(Processes));
        }
        let Open::Processes(rows) = &mut self.open else { return Ok(()) };
        rows.push(Recorded { context: self.context, record: &process, sources: &[source] })
    }
}

impl Writing<'_> {
    fn keep(&mut self, written: io::Result<()>) {
        self.error = self.error.take().or(written.err());
        self.failed.set(self.error.is_some());
    }

    /// Most issues of this format.
    const fn most(&self) -> u64 {
        match self.layout.format {
            Format::Csv => ISSUES_TOLD,
            Format::Ndjson | Format::Json | Format::Table => ISSUES_MAX,
        }
    }

    /// Says how many issues are not listed.
    fn say_rest(&mut self) {
        let rest = self.seen.saturating_sub(self.most());
        if rest > 0 {
            let message = format!("{rest} more issues: they are counted, and not listed");
            self.list(Issue::note(Span::default(), message, b""));
        }
    }

    fn list(&mut self, issue: Issue) {
        match self.layout.format {
            Format::Ndjson | Format::Json if self.error.is_none() => {
                // As they come: a text of a million bad lines is not held.
                let written = self.issue_row(&issue);
                self.keep(written);
            }
            Format::Table => self.issues.push(issue),
            Format::Csv => self.tell(&issue),
            Format::Ndjson | Format::Json => {}
        }
    }

    /// Says in the log what has no place among the columns.
    fn tell(&self, issue: &Issue) {
        let (file, line) = (self.context.file, issue.span.line);
        let (message, text) = (&issue.message, issue.text.escaped());
        tracing::warn!("{file}:{line}: {message}: {text}");
    }
}

impl Sink for Writing<'_> {
    fn row(&mut self, span: Span, mut row: Row<'_>) {
        if self.error.is_some() {
            return;
        }
        if let Row::Socket(socket) = &mut row {
            alone(socket);
        }
        let source = [Source { section: 1, start: span.start, end: span.end }];
        let before = if matches!(row, Row::Process(..)) { Ok(()) } else { self.end_process() };
        let written = before.and_then(|()| self.write(&source, &row));
        self.keep(written);
    }

    fn header(&mut self, _: Span) {}

    fn issue(&mut self, issue: Issue) {
        self.seen += 1;
        if self.seen <= self.most() {
            self.list(issue);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A writer that takes so many bytes and then fails.
    struct Full(usize);

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(self.0);
            self.0 -= taken;
            if taken == 0 { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(taken) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    const SOCKET: &[u8] = b"tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:*\n";

    fn parsed(format: Format, text: &[u8]) -> (String, Coverage) {
        let probe = ProbeId::builtin("linux/ss");
        let reader = crate::probe::reader_for("linux/ss").unwrap();
        let mut out = Vec::new();
        let layout = Layout { format, width: None };
        let coverage = parse(text, reader, (&probe, "-"), layout, &mut out).unwrap();
        (String::from_utf8(out).unwrap(), coverage)
    }

    #[test]
    fn an_array_is_its_lines_joined_however_they_are_cut() {
        for cut in 1..12 {
            let mut out = Vec::new();
            let mut array = Array::new(&mut out);
            for part in b"{1}\n{22}\n{3}\n".chunks(cut) {
                array.write_all(part).unwrap();
            }
            array.end().unwrap();
            assert_eq!(out, b"[\n{1},\n{22},\n{3}\n]\n", "{cut}");
        }
        let mut out = Vec::new();
        Array::new(&mut out).end().unwrap();
        assert_eq!(out, b"[]\n");
    }

    #[test]
    fn what_the_kernel_alone_keeps_is_the_kernels_without_a_host_too() {
        let attributions = |reader: &str, text: &str| -> Vec<String> {
            let probe = ProbeId::parse(reader).unwrap();
            let layout = Layout { format: Format::Ndjson, width: None };
            let mut out = Vec::new();
            let of = crate::probe::reader_for(reader).unwrap();
            parse(text.as_bytes(), of, (&probe, "-"), layout, &mut out).unwrap();
            let lines = String::from_utf8(out).unwrap();
            let word = |line: &str| {
                let rest = line.split_once("\"attribution\":\"")?.1;
                rest.split('"').next().map(str::to_owned)
            };
            lines.lines().filter_map(word).collect()
        };
        let (ends, kernel, other) = ("192.0.2.1:22 192.0.2.9:40000", "kernel", "unsupported");
        let ss = format!(
            "tcp TIME-WAIT 0 0 {ends}\ntcp FIN-WAIT-2 0 0 {ends} ino:0 sk:1\n\
             tcp FIN-WAIT-2 0 0 {ends}\ntcp ESTAB 0 0 {ends}\n"
        );
        assert_eq!(attributions("linux/ss", &ss), [kernel, kernel, other, other]);
        let netstat = format!(
            "Proto Recv-Q Send-Q Local Address Foreign Address State PID/Program name\n\
             tcp 0 0 {ends} TIME_WAIT -\ntcp 0 0 {ends} ESTABLISHED -\n"
        );
        assert_eq!(attributions("linux/netstat", &netstat), [kernel, other]);
        let sockstat = "? ? ? ? tcp4 192.0.2.1:22 192.0.2.9:40000 TIME_WAIT\n";
        assert_eq!(attributions("freebsd/sockstat", sockstat), [kernel]);
        let bsd = "tcp4 0 0 192.0.2.1.22 192.0.2.9.40000 TIME_WAIT\n";
        for reader in ["macos/netstat", "aix/netstat", "openbsd/netstat"] {
            assert_eq!(attributions(reader, bsd), [kernel], "{reader}");
        }
    }

    #[test]
    fn rows_and_issues_keep_their_order_and_are_counted() {
        let text = [SOCKET, b"what is this\n", SOCKET].concat();
        let (lines, coverage) = parsed(Format::Ndjson, &text);
        let kinds: Vec<_> = lines.lines().map(|line| line.contains("\"kind\":\"issue\"")).collect();
        assert_eq!(kinds, [false, true, false]);
        assert_eq!((coverage.rows, coverage.unparsed), (2, 1));
        let (array, _) = parsed(Format::Json, &text);
        assert_eq!(array, format!("[\n{}\n]\n", lines.trim_end().replace('\n', ",\n")));
        let (cells, coverage) = parsed(Format::Csv, &text);
        assert_eq!((cells.lines().count(), coverage.unparsed), (3, 1));
    }

    #[test]
    fn issues_without_end_are_counted_and_only_the_first_are_written() {
        let text = [b"what is this\n".repeat(10_005), SOCKET.to_vec()].concat();
        let (lines, coverage) = parsed(Format::Ndjson, &text);
        let rest = "\"message\":\"5 more issues: they are counted, and not listed\"";
        assert_eq!(lines.lines().count(), 10_002);
        assert!(lines.lines().last().unwrap().contains(rest), "{:?}", lines.lines().last());
        assert!(lines.lines().nth(10_000).unwrap().contains("\"kind\":\"socket\""));
        assert_eq!((coverage.rows, coverage.unparsed), (1, 10_005));
        let (array, _) = parsed(Format::Json, &text);
        assert_eq!(array, format!("[\n{}\n]\n", lines.trim_end().replace('\n', ",\n")));
        let (cells, coverage) = parsed(Format::Table, &text);
        assert!(cells.contains("5 more issues"));
        assert_eq!(coverage.unparsed, 10_005);
    }

    #[test]
    fn an_input_without_end_is_left_when_the_records_cannot_be_written() {
        let mut given = 0_u64;
        let mut endless = std::iter::repeat_with(|| {
            given += 1;
            assert!(given < 100_000, "the input is still read");
            Ok(SOCKET)
        });
        let input = Chunks(&mut endless);
        let probe = ProbeId::builtin("linux/ss");
        let reader = crate::probe::reader_for("linux/ss").unwrap();
        let layout = Layout { format: Format::Ndjson, width: None };
        let ended = parse(input, reader, (&probe, "-"), layout, &mut Full(1_000));
        assert!(matches!(ended, Err(ParseError::Write(_))), "{ended:?}");
    }

    #[test]
    fn a_failing_input_is_told_apart_from_a_failing_output() {
        let mut chunks = [Ok(SOCKET), Err(io::ErrorKind::ConnectionReset.into())].into_iter();
        let probe = ProbeId::builtin("linux/ss");
        let reader = crate::probe::reader_for("linux/ss").unwrap();
        let layout = Layout { format: Format::Ndjson, width: None };
        let ended = parse(Chunks(&mut chunks), reader, (&probe, "-"), layout, &mut Vec::new());
        assert!(matches!(ended, Err(ParseError::Read(_))), "{ended:?}");
    }

    /// Gives one item for each read.
    struct Chunks<'a>(&'a mut dyn Iterator<Item = io::Result<&'static [u8]>>);

    impl Read for Chunks<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            match self.0.next() {
                Some(Ok(bytes)) => {
                    into[..bytes.len()].copy_from_slice(bytes);
                    Ok(bytes.len())
                }
                Some(Err(error)) => Err(error),
                None => Ok(0),
            }
        }
    }
}
