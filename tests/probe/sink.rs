//! A sink that keeps everything.

use fleetstat::model::parsed::{Issue, Reader, Row, Sink, Span};

/// What a reader handed out, rows as text.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Seen {
    pub(crate) rows: Vec<(Span, String)>,
    pub(crate) headers: Vec<Span>,
    pub(crate) issues: Vec<Issue>,
}

impl Sink for Seen {
    fn row(&mut self, span: Span, row: Row<'_>) {
        self.rows.push((span, format!("{row:?}")));
    }

    fn header(&mut self, span: Span) {
        self.headers.push(span);
    }

    fn issue(&mut self, issue: Issue) {
        self.issues.push(issue);
    }
}

/// Reads a text in chunks of one size.
pub(crate) fn read(mut reader: Box<dyn Reader>, text: &[u8], size: usize) -> Seen {
    let mut seen = Seen::default();
    text.chunks(size.max(1)).for_each(|chunk| reader.push(chunk, &mut seen));
    reader.finish(&mut seen);
    seen
}
