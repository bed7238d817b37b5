//! What tests of readers share: a sink that keeps everything, and short ways to
//! read a text with one.

use crate::model::fact::Fact;
use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::probe::lines::UNTERMINATED;

/// Everything that a reader handed out, in order.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Seen {
    /// Rows, borrowing nothing.
    pub(crate) rows: Vec<(Span, Row<'static>)>,
    /// Headers.
    pub(crate) headers: Vec<Span>,
    /// Issues.
    pub(crate) issues: Vec<Issue>,
    /// It was said that the last line has no end, which is no trait of one reader.
    pub(crate) unterminated: bool,
}

impl Sink for Seen {
    fn row(&mut self, span: Span, row: Row<'_>) {
        let row = match row {
            Row::Socket(socket) => Row::Socket(socket.into_owned()),
            Row::Interface(interface) => Row::Interface(interface),
            Row::Route(route) => Row::Route(route),
            Row::Rule(rule) => Row::Rule(rule),
            Row::Neighbour(neighbour) => Row::Neighbour(neighbour),
            Row::Counter(counter) => Row::Counter(counter),
            Row::Fact(fact) => Row::Fact(fact),
            Row::Holder(holder) => Row::Holder(holder),
            Row::Member(member) => Row::Member(member),
            Row::Process(pid, fact) => Row::Process(pid, fact),
        };
        self.rows.push((span, row));
    }

    fn header(&mut self, span: Span) {
        self.headers.push(span);
    }

    fn issue(&mut self, issue: Issue) {
        if issue.message == UNTERMINATED {
            self.unterminated = true;
        } else {
            self.issues.push(issue);
        }
    }
}

/// Reads a whole text.
pub(crate) fn read(mut reader: Box<dyn Reader>, text: &[u8]) -> Seen {
    let mut seen = Seen::default();
    reader.push(text, &mut seen);
    reader.finish(&mut seen);
    seen
}

/// The rows without their places.
pub(crate) fn rows(seen: &Seen) -> Vec<Row<'static>> {
    seen.rows.iter().map(|(_, row)| row.clone()).collect()
}

/// The facts among the rows.
pub(crate) fn facts(seen: &Seen) -> Vec<Fact> {
    let fact = |row| match row {
        Row::Fact(fact) => Some(fact),
        _ => None,
    };
    rows(seen).into_iter().filter_map(fact).collect()
}
