//! What every reader keeps, whatever a host sends: no panic, every byte that is not blank in a
//! row, a header or an issue, no place outside the text, rows no more than bytes, and chunks make
//! no difference.
//!
//! In: a reader and a text. Out: what was broken, as a sentence. Shared by the property tests and
//! the fuzz targets, so that both hold the readers to the same.

use fleetstat::model::parsed::{Issue, Reader, Row, Severity, Sink, Span};

/// One thing that a reader handed out, borrowing nothing.
#[derive(Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "most events are rows")]
pub(crate) enum Event {
    /// A row and where it stands.
    Row(Span, Row<'static>),
    /// A known line without a row.
    Header(Span),
    /// An issue.
    Issue(Issue),
}

/// Everything that a reader handed out, in order.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Events(pub(crate) Vec<Event>);

/// A copy of a row that borrows nothing.
pub(crate) fn owned(row: Row<'_>) -> Row<'static> {
    match row {
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
    }
}

impl Sink for Events {
    fn row(&mut self, span: Span, row: Row<'_>) {
        self.0.push(Event::Row(span, owned(row)));
    }

    fn header(&mut self, span: Span) {
        self.0.push(Event::Header(span));
    }

    fn issue(&mut self, issue: Issue) {
        self.0.push(Event::Issue(issue));
    }
}

/// Reads a text in chunks of one size.
pub(crate) fn read(mut reader: Box<dyn Reader>, text: &[u8], chunk: usize) -> Events {
    let mut events = Events::default();
    text.chunks(chunk.max(1)).for_each(|chunk| reader.push(chunk, &mut events));
    reader.finish(&mut events);
    events
}

/// Reads a text whole and in chunks.
///
/// # Errors
/// What of the contract was broken.
pub(crate) fn keep(
    make: &dyn Fn() -> Box<dyn Reader>,
    text: &[u8],
    chunk: usize,
) -> Result<(), String> {
    let whole = read(make(), text, text.len());
    let cut = read(make(), text, chunk);
    if whole != cut {
        let pairs = whole.0.iter().zip(&cut.0);
        let first = pairs.enumerate().find(|(_, (one, other))| one != other);
        return Err(format!("chunks of {chunk} bytes make a difference: {first:?}"));
    }
    let mut rows = 0;
    let mut seen = vec![None; text.len()];
    let mut row_before = None;
    for (number, event) in whole.0.iter().enumerate() {
        let span = match event {
            Event::Row(span, _) => {
                rows += 1;
                // Several rows may stand on one line, one behind the other.
                if row_before == Some(*span) {
                    continue;
                }
                row_before = Some(*span);
                span
            }
            Event::Header(span) => span,
            Event::Issue(issue) if issue.severity == Severity::Unparsed => &issue.span,
            Event::Issue(_) => continue,
        };
        take(&mut seen, *span, number)?;
    }
    if rows > text.len() {
        return Err(format!("{rows} rows of {} bytes", text.len()));
    }
    let lost = text
        .iter()
        .zip(&seen)
        .position(|(byte, seen)| seen.is_none() && !byte.is_ascii_whitespace());
    lost.map_or(Ok(()), |at| Err(format!("byte {at} is in no row, header or issue")))
}

/// Marks the bytes of an event. No byte may be counted twice.
fn take(seen: &mut [Option<usize>], span: Span, number: usize) -> Result<(), String> {
    let range = usize::try_from(span.start).ok().zip(usize::try_from(span.end).ok());
    let bytes = range.and_then(|(start, end)| seen.get_mut(start..end));
    let Some(bytes) = bytes else {
        return Err(format!("event {number} stands outside the text: {span:?}"));
    };
    if let Some(other) = bytes.iter().flatten().next() {
        return Err(format!("events {other} and {number} have bytes in common: {span:?}"));
    }
    bytes.fill(Some(number));
    Ok(())
}
