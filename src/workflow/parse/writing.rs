//! Rows as they come, to records in any format.
//!
//! In: what a reader hands out. Out: bytes. NDJSON keeps the order of the text, whatever the kinds; a
//! table and CSV have one kind of columns, so each kind is a table of its own: the first is written as
//! it comes, the others wait in a spool and follow it.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io::{self, Seek as _, Write};
use std::rc::Rc;

use tempfile::SpooledTempFile;

use crate::model::parsed::{Issue, Row, Sink, Span};
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

/// Bytes of a kind that waits, in memory; beyond that on disk.
const SPOOL_BYTES: usize = 256 << 10;

/// Most processes that are remembered, so that one that holds many sockets is one row of a table.
const PROCESSES_MAX: usize = 65_536;

/// A sink that writes rows as they come, up to the first error.
pub(super) struct Writing<'a> {
    layout: Layout,
    context: &'a Context<'a>,
    out: Shared<'a>,
    /// The writers of the kinds that came: of NDJSON the last one's alone.
    open: Vec<Open<'a>>,
    /// Where kinds wait that are not the first.
    spools: Vec<Spool>,
    /// The processes that stand in a table.
    told: HashMap<u32, Process>,
    /// The process that the rows before were about, and where they stand: one record for what
    /// follows each other about one process.
    process: Option<(Process, Source)>,
    issues: Vec<Issue>,
    /// Issues so far.
    seen: u64,
    error: Option<io::Error>,
    /// True from the first error on.
    pub(super) failed: Rc<Cell<bool>>,
}

/// The writer of a kind.
enum Open<'a> {
    Sockets(Rows<Sockets, Target<'a>>),
    Interfaces(Rows<Interfaces, Target<'a>>),
    Routes(Rows<Routes, Target<'a>>),
    Rules(Rows<Rules, Target<'a>>),
    Neighbours(Rows<Neighbours, Target<'a>>),
    Counters(Rows<Counters, Target<'a>>),
    Facts(Rows<Facts, Target<'a>>),
    Processes(Rows<Processes, Target<'a>>),
}

type Spool = Rc<RefCell<SpooledTempFile>>;

/// Where a kind is written.
enum Target<'a> {
    Out(Shared<'a>),
    Spool(Spool),
}

impl Write for Target<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Out(out) => out.write(bytes),
            Self::Spool(spool) => spool.borrow_mut().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Out(out) => out.flush(),
            Self::Spool(_) => Ok(()),
        }
    }
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
    pub(super) fn new(layout: Layout, context: &'a Context<'a>, out: &'a mut dyn Write) -> Self {
        Self {
            layout,
            context,
            out: Shared(Rc::new(RefCell::new(out))),
            open: Vec::new(),
            spools: Vec::new(),
            told: HashMap::new(),
            process: None,
            issues: Vec::new(),
            seen: 0,
            error: None,
            failed: Rc::default(),
        }
    }

    /// The writer of a kind that is new: the first writes to the output. With one object a line there
    /// is no other, because what came before is closed.
    fn rows<K: Kind>(&mut self, kind: K) -> io::Result<Rows<K, Target<'a>>> {
        if matches!(self.layout.format, Format::Ndjson | Format::Json) {
            self.close()?;
        }
        let target = if self.open.is_empty() {
            Target::Out(self.out.clone())
        } else {
            let spool = Rc::new(RefCell::new(SpooledTempFile::new(SPOOL_BYTES)));
            self.spools.push(Rc::clone(&spool));
            Target::Spool(spool)
        };
        Ok(Rows::new(target, self.layout, kind))
    }

    /// Ends every kind; those that waited follow the first, each behind a blank line.
    fn close(&mut self) -> io::Result<()> {
        for open in std::mem::take(&mut self.open) {
            match open {
                Open::Sockets(rows) => rows.finish(),
                Open::Interfaces(rows) => rows.finish(),
                Open::Routes(rows) => rows.finish(),
                Open::Rules(rows) => rows.finish(),
                Open::Neighbours(rows) => rows.finish(),
                Open::Counters(rows) => rows.finish(),
                Open::Facts(rows) => rows.finish(),
                Open::Processes(rows) => rows.finish(),
            }?;
        }
        for spool in std::mem::take(&mut self.spools) {
            self.out.write_all(b"\n")?;
            let mut spool = spool.borrow_mut();
            spool.rewind()?;
            io::copy(&mut *spool, &mut self.out)?;
        }
        Ok(())
    }

    fn issue_row(&mut self, issue: &Issue) -> io::Result<()> {
        self.close()?;
        let mut rows = self.rows(Issues)?;
        rows.push(IssueRow::new(1, issue).recorded(self.context))?;
        rows.finish().map(drop)
    }

    /// Ends the records, then lists the issues of a table.
    pub(super) fn end(&mut self) -> io::Result<()> {
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
        let mut rows = self.rows(Issues)?;
        for issue in &self.issues {
            rows.push(IssueRow::new(1, issue).recorded(self.context))?;
        }
        rows.finish().map(drop)
    }

    fn write(&mut self, source: &[Source; 1], row: &Row<'_>) -> io::Result<()> {
        macro_rules! push {
            ($variant:ident, $kind:expr, $record:expr) => {{
                if !self.open.iter().any(|open| matches!(open, Open::$variant(_))) {
                    let rows = self.rows($kind)?;
                    self.open.push(Open::$variant(rows));
                }
                let record = Recorded { context: self.context, record: $record, sources: source };
                for open in &mut self.open {
                    if let Open::$variant(rows) = open {
                        rows.push(record)?;
                    }
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
        let lists = matches!(self.layout.format, Format::Table | Format::Csv);
        if lists && self.told.get(&process.pid) == Some(&process) {
            return Ok(());
        }
        if !self.open.iter().any(|open| matches!(open, Open::Processes(_))) {
            let rows = self.rows(Processes)?;
            self.open.push(Open::Processes(rows));
        }
        let record = Recorded { context: self.context, record: &process, sources: &[source] };
        for open in &mut self.open {
            if let Open::Processes(rows) = open {
                rows.push(record)?;
            }
        }
        if lists && self.told.len() < PROCESSES_MAX {
            self.told.insert(process.pid, process);
        }
        Ok(())
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
