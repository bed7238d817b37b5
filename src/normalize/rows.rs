//! Collects what a reader hands out for one section, owned and with its source.

use crate::model::counter::Counter;
use crate::model::fact::Fact;
use crate::model::link::Interface;
use crate::model::parsed::{Coverage, Issue, Row, Severity, Sink, Span};
use crate::model::process::{Holder, NamespaceMember, ProcessFact};
use crate::model::record::{SectionIssue, Source, Sourced};
use crate::model::route::{Neighbour, Route, Rule};
use crate::model::socket::Socket;
use crate::probe::lines::UNTERMINATED;

/// Most issues kept of one section: 1000. A host that prints nonsense without end must not fill the
/// controller's memory; every line is counted, and stands in the evidence.
pub(super) const ISSUES_MAX: usize = 1000;

/// Most rows kept of one host: 500,000, about 300 MB. A host with 300,000 sockets stays below; one
/// that prints more is cut, and its sections say so.
pub const HOST_ROWS_MAX: u64 = 500_000;

/// The rows of one section.
#[derive(Debug, Default)]
pub struct Rows {
    section: u16,
    most: u64,
    coverage: Coverage,
    last_row: Option<Span>,
    /// A row came beyond the most.
    full: bool,
    /// Where the text ends, if its last line has no end.
    pub(super) unterminated: Option<u64>,
    /// A socket was flagged `truncated`.
    pub(super) cut_fields: bool,
    pub(super) sockets: Vec<Sourced<Socket<'static>>>,
    pub(super) interfaces: Vec<Sourced<Interface>>,
    pub(super) routes: Vec<Sourced<Route>>,
    pub(super) rules: Vec<Sourced<Rule>>,
    pub(super) neighbours: Vec<Sourced<Neighbour>>,
    pub(super) counters: Vec<Sourced<Counter>>,
    pub(super) facts: Vec<Sourced<Fact>>,
    pub(super) holders: Vec<(Holder, Source)>,
    pub(super) members: Vec<(NamespaceMember, Source)>,
    pub(super) process_facts: Vec<(u32, ProcessFact, Source)>,
    pub(super) issues: Vec<SectionIssue>,
}

impl Rows {
    /// An empty collection for the section with this number.
    #[must_use]
    pub fn new(section: u16) -> Self {
        Self::at_most(section, HOST_ROWS_MAX)
    }

    /// An empty collection that keeps at most so many rows: what the host's other sections left.
    #[must_use]
    pub fn at_most(section: u16, most: u64) -> Self {
        Self { section, most, ..Self::default() }
    }

    /// How much of the section was understood so far.
    #[must_use]
    pub const fn coverage(&self) -> Coverage {
        self.coverage
    }

    /// Counts a row beyond the most. One issue tells of all: a host that prints without end must not
    /// crowd out what else is to be said of it.
    fn over(&mut self, span: Span) {
        if self.full {
            self.coverage.unparsed += 1;
            self.coverage.unparsed_bytes += span.end.saturating_sub(span.start);
            return;
        }
        self.full = true;
        let message = "a host has at most 500,000 rows: this one and those that follow are only in \
                       the evidence";
        self.issue(Issue::unparsed(span, message, b""));
    }

    /// Takes out what the last line of a section that was cut says: what looks whole may have lost
    /// digits.
    pub(super) fn drop_cut_rows(&mut self) {
        let Some(end) = self.unterminated else { return };
        let mut first = end;
        let mut rows = 0_u64;
        while let Some(start) = cut(&mut self.sockets, end, sourced)
            .or_else(|| cut(&mut self.interfaces, end, sourced))
            .or_else(|| cut(&mut self.routes, end, sourced))
            .or_else(|| cut(&mut self.rules, end, sourced))
            .or_else(|| cut(&mut self.neighbours, end, sourced))
            .or_else(|| cut(&mut self.counters, end, sourced))
            .or_else(|| cut(&mut self.facts, end, sourced))
            .or_else(|| cut(&mut self.holders, end, |(_, source)| Some(*source)))
            .or_else(|| cut(&mut self.members, end, |(_, source)| Some(*source)))
            .or_else(|| cut(&mut self.process_facts, end, |(.., source)| Some(*source)))
        {
            (first, rows) = (first.min(start), rows + 1);
        }
        if rows == 0 {
            return;
        }
        self.coverage.rows = self.coverage.rows.saturating_sub(rows);
        self.coverage.row_bytes = self.coverage.row_bytes.saturating_sub(end - first);
        let span = Span { line: 0, start: first, end };
        let message = "the output was cut in this row, so it is left out";
        self.issue(Issue::unparsed(span, message, b""));
    }
}

/// Takes out the last item if it stands up to the end of the text. Its first byte, if it did.
fn cut<T>(kept: &mut Vec<T>, end: u64, of: impl Fn(&T) -> Option<Source>) -> Option<u64> {
    let place = |item: &T| of(item).filter(|source| source.end >= end);
    let start = kept.last().and_then(place)?.start;
    kept.pop();
    Some(start)
}

fn sourced<T>(item: &Sourced<T>) -> Option<Source> {
    item.sources.last().copied()
}

impl Sink for Rows {
    fn row(&mut self, span: Span, row: Row<'_>) {
        if self.coverage.rows >= self.most {
            return self.over(span);
        }
        self.coverage.rows += 1;
        // Several rows may stand on one line; its bytes count once.
        if self.last_row != Some(span) {
            self.coverage.row_bytes += span.end.saturating_sub(span.start);
            self.last_row = Some(span);
        }
        if let Row::Socket(socket) = &row {
            self.cut_fields |= socket.flags.truncated;
        }
        let source = Source { section: self.section, start: span.start, end: span.end };
        match row {
            Row::Socket(row) => self.sockets.push(Sourced::one(row.into_owned(), source)),
            Row::Interface(row) => self.interfaces.push(Sourced::one(row, source)),
            Row::Route(row) => self.routes.push(Sourced::one(row, source)),
            Row::Rule(row) => self.rules.push(Sourced::one(row, source)),
            Row::Neighbour(row) => self.neighbours.push(Sourced::one(row, source)),
            Row::Counter(row) => self.counters.push(Sourced::one(row, source)),
            Row::Fact(row) => self.facts.push(Sourced::one(row, source)),
            Row::Holder(row) => self.holders.push((row, source)),
            Row::Member(row) => self.members.push((row, source)),
            Row::Process(pid, row) => self.process_facts.push((pid, row, source)),
        }
    }

    fn header(&mut self, span: Span) {
        self.coverage.header_bytes += span.end.saturating_sub(span.start);
    }

    fn issue(&mut self, issue: Issue) {
        if issue.severity == Severity::Unparsed {
            self.coverage.unparsed += 1;
            self.coverage.unparsed_bytes += issue.span.end.saturating_sub(issue.span.start);
        }
        if issue.message == UNTERMINATED {
            self.unterminated = Some(issue.span.end);
        }
        let issue = match self.issues.len() {
            kept if kept < ISSUES_MAX => issue,
            ISSUES_MAX => {
                let message = "more issues follow: they are counted, and stand in the evidence";
                Issue::note(issue.span, message, b"")
            }
            _ => return,
        };
        self.issues.push(SectionIssue { section: self.section, issue });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_without_end_are_cut_and_the_section_says_so() {
        let mut rows = Rows::at_most(1, 100);
        for line in 1..=105 {
            let span = Span { line, start: line * 2 - 2, end: line * 2 };
            rows.row(span, Row::Fact(Fact::EffectiveUid(0)));
        }
        let coverage = rows.coverage();
        assert_eq!((coverage.rows, coverage.unparsed), (100, 5));
        assert_eq!(rows.facts.len(), 100);
        assert!(!coverage.is_whole());
    }

    #[test]
    fn what_the_last_line_of_a_cut_section_says_is_left_out_and_nothing_else() {
        let mut rows = Rows::new(1);
        let mut reader = crate::probe::reader_for("linux/proc-net-arp").unwrap();
        let text =
            b"10.0.0.1 0x1 0x2 02:00:00:00:00:01 * eth0\n10.0.0.2 0x1 0x2 02:00:00:00:00:02 * eth";
        crate::model::parsed::Reader::push(reader.as_mut(), text, &mut rows);
        reader.finish(&mut rows);
        assert_eq!((rows.neighbours.len(), rows.coverage().rows, rows.issues.len()), (2, 2, 1));
        rows.drop_cut_rows();
        let coverage = rows.coverage();
        assert_eq!((rows.neighbours.len(), coverage.rows, coverage.unparsed), (1, 1, 1));
        assert_eq!(coverage.row_bytes + coverage.unparsed_bytes, text.len() as u64);
        let last = &rows.issues.last().unwrap().issue;
        assert_eq!((last.span.start, last.span.end), (42, text.len() as u64));
        // A text that ends where a line ends loses nothing, cut or not.
        rows.unterminated = None;
        rows.drop_cut_rows();
        assert_eq!(rows.neighbours.len(), 1);
    }

    #[test]
    fn issues_without_end_are_counted_and_only_the_first_are_kept() {
        let mut rows = Rows::new(2);
        for line in 1..=5000 {
            let span = Span { line, start: line * 2 - 2, end: line * 2 };
            rows.issue(Issue::unparsed(span, "expected a row", b"y"));
        }
        assert_eq!(rows.coverage().unparsed, 5000);
        assert_eq!(rows.coverage().unparsed_bytes, 10_000);
        assert_eq!(rows.issues.len(), ISSUES_MAX + 1);
        let last = rows.issues.last().unwrap();
        assert_eq!((last.issue.severity, last.issue.span.line), (Severity::Note, 1001));
    }
}
