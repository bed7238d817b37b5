//! From lines to rows: sockets, and what `-b` prints below each as its owner's name and as statements
//! about its process.
//!
//! In: lines. Out: sockets, processes, headers, issues; each line with text in exactly one of them.
//! Holds nothing between lines but a row whose program may come, and a title, the name of a service,
//! or a program's name that is not closed.

use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::process::ProcessFact;
use crate::model::text::HostText;
use crate::probe::windows::netstat::row::{self, Reading};
use crate::probe::windows::text::{self, Line, TextParser, is_blank};

/// Most bytes of a program's name that is waited for: a file's name has at most 255 characters, of
/// at most three bytes each in UTF-8.
const NAME_BYTES_MAX: usize = 255 * 3 + 2;

const NO_PROCESS: &str = "expected a process id to say this program of: run netstat with -o";
const NOT_CLOSED: &str = "expected a program in brackets";
const IMITATION: &str = "a program's name over several lines that could be rows";
const NO_ROW: &str = "expected a row of netstat";
const NO_COLUMNS: &str = "expected the columns of netstat below a title";

/// See [`crate::probe::windows::netstat::reader`].
pub(super) fn reader() -> Box<dyn Reader> {
    text::reader(Netstat {
        place: Place::Outside,
        held: Held::Nothing,
        row: Vec::new(),
        row_place: None,
        pid: None,
        words: Vec::new(),
    })
}

struct Netstat {
    place: Place,
    held: Held,
    /// The last row, until it is told.
    row: Vec<u8>,
    /// Its place. `None`: it was told.
    row_place: Option<Span>,
    /// Process of the last row that was told.
    pid: Option<u32>,
    /// Words for states that are not known, each once.
    words: Vec<Vec<u8>>,
}

/// Most words for states that are told: TCP has 12 states.
const WORDS_MAX: usize = 32;

const UNKNOWN_WORD: &str = "a word for a state that is not known: the records with it keep it";
const MORE_WORDS: &str =
    "more words for states are not known: only the records with them keep them";

/// Where the next line stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before rows, or behind a blank line.
    Outside,
    /// Below the columns.
    Columns,
    /// Below a row.
    Row,
}

/// Lines that are not yet told.
enum Held {
    Nothing,
    /// Perhaps a title.
    Title(Kept),
    /// Perhaps the service that opened the socket above.
    Word(Kept),
    /// A program's name that is not closed, and how many bytes it has.
    Open(Vec<Kept>, usize),
}

/// A line that is kept.
struct Kept {
    span: Span,
    bytes: Vec<u8>,
}

impl Kept {
    fn of(line: Line<'_>) -> Self {
        Self { span: line.span, bytes: line.bytes.to_vec() }
    }

    fn issue(&self, expected: &str, sink: &mut dyn Sink) {
        sink.issue(Issue::unparsed(self.span, expected, &self.bytes));
    }
}

impl TextParser for Netstat {
    #[inline]
    fn line(&mut self, line: Line<'_>, sink: &mut dyn Sink) {
        if matches!(self.held, Held::Open(..)) {
            return self.go_on(line, sink);
        }
        self.fresh(line, true, sink);
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        if let Held::Open(lines, _) = &mut self.held {
            let lines = std::mem::take(lines);
            self.give_up(&lines, sink);
        }
        self.tell(None, sink);
        self.settle(None, sink);
    }
}

impl Netstat {
    /// Reads a line that continues nothing. `may_open`: a program's name may begin here.
    #[inline]
    fn fresh(&mut self, line: Line<'_>, may_open: bool, sink: &mut dyn Sink) {
        if !row::begins(line.bytes) {
            return self.other(line, may_open, sink);
        }
        self.tell(None, sink);
        if !matches!(self.held, Held::Nothing) {
            self.settle(Some(line.bytes), sink);
        }
        self.place = Place::Row;
        self.row.clear();
        self.row.extend_from_slice(line.bytes);
        self.row_place = Some(line.span);
    }

    /// Tells the last row, with the program that was printed below it.
    #[inline]
    fn tell(&mut self, program: Option<&[u8]>, sink: &mut dyn Sink) {
        let Some(span) = self.row_place.take() else { return };
        let mut out = None;
        match row::read(&self.row, &mut out) {
            Reading::Socket(pid) => {
                self.pid = pid;
                let word = unknown_word(out.as_ref());
                emit(out, span, program, sink);
                if let Some(word) = word {
                    self.tell_word(span, word, sink);
                }
            }
            Reading::Bad(expected) => {
                self.pid = None;
                sink.issue(Issue::unparsed(span, expected, &self.row));
            }
            Reading::Other => sink.issue(Issue::unparsed(span, NO_ROW, &self.row)),
        }
    }

    /// Tells of a word for a state that is not known, once.
    #[cold]
    fn tell_word(&mut self, span: Span, word: Vec<u8>, sink: &mut dyn Sink) {
        if self.words.len() > WORDS_MAX || self.words.contains(&word) {
            return;
        }
        let message = if self.words.len() < WORDS_MAX { UNKNOWN_WORD } else { MORE_WORDS };
        sink.issue(Issue::note(span, message, &word));
        self.words.push(word);
    }

    /// Reads a line that is no row.
    #[cold]
    fn other(&mut self, line: Line<'_>, may_open: bool, sink: &mut dyn Sink) {
        let columns = is_columns(line.bytes);
        let indented = line.bytes.first().is_some_and(u8::is_ascii_whitespace);
        if self.place == Place::Row && indented && !columns && !is_blank(line.bytes) {
            return self.below(line, may_open, sink);
        }
        self.tell(None, sink);
        if is_blank(line.bytes) {
            // Between a title and the columns stands a blank line.
            if !matches!(self.held, Held::Title(_)) {
                self.settle(None, sink);
            }
            self.place = Place::Outside;
        } else if columns {
            self.settle(Some(line.bytes), sink);
            self.place = Place::Columns;
            sink.header(line.span);
        } else if has_digit(line.bytes) {
            self.settle(None, sink);
            sink.issue(Issue::unparsed(line.span, NO_ROW, line.bytes));
        } else {
            self.settle(None, sink);
            self.place = Place::Outside;
            self.held = Held::Title(Kept::of(line));
        }
    }

    /// Reads a line that `-b` prints below a row.
    fn below(&mut self, line: Line<'_>, may_open: bool, sink: &mut dyn Sink) {
        let trimmed = line.bytes.trim_ascii();
        if let Some(inside) = trimmed.strip_prefix(b"[") {
            return match inside.strip_suffix(b"]") {
                Some(name) if !name.is_empty() => self.program(line.span, name, sink),
                None if may_open => {
                    self.settle(None, sink);
                    self.held = Held::Open(vec![Kept::of(line)], line.bytes.len());
                }
                _ => {
                    self.settle(None, sink);
                    sink.issue(Issue::unparsed(line.span, NOT_CLOSED, line.bytes));
                }
            };
        }
        self.settle(None, sink);
        let one_word = !trimmed.iter().any(u8::is_ascii_whitespace);
        if one_word {
            self.held = Held::Word(Kept::of(line));
        } else if !has_digit(trimmed) || trimmed.contains(&b'\\') {
            sink.header(line.span);
        } else {
            sink.issue(Issue::unparsed(line.span, NO_ROW, line.bytes));
        }
    }

    /// Tells a program, and the service above it.
    fn program(&mut self, span: Span, name: &[u8], sink: &mut dyn Sink) {
        self.tell(Some(name), sink);
        let pid = self.pid;
        let said = |text: &[u8]| HostText::owned(text.to_vec());
        match (std::mem::replace(&mut self.held, Held::Nothing), pid) {
            (Held::Word(word), Some(pid)) if !word.bytes.contains(&b'\\') => {
                let service = said(word.bytes.trim_ascii());
                sink.row(word.span, Row::Process(pid, ProcessFact::Service(service)));
            }
            (Held::Word(word), None) if !word.bytes.contains(&b'\\') => {
                word.issue(NO_PROCESS, sink);
            }
            (Held::Word(word), _) => sink.header(word.span),
            (Held::Nothing | Held::Title(_) | Held::Open(..), _) => {}
        }
        match pid {
            Some(pid) => sink.row(span, Row::Process(pid, ProcessFact::Name(said(name)))),
            None => sink.issue(Issue::unparsed(span, NO_PROCESS, name)),
        }
    }

    /// Takes a line while a program's name is open.
    #[cold]
    fn go_on(&mut self, line: Line<'_>, sink: &mut dyn Sink) {
        let Held::Open(lines, size) = &mut self.held else { return };
        if is_blank(line.bytes) {
            let lines = std::mem::take(lines);
            self.give_up(&lines, sink);
            return self.fresh(line, true, sink);
        }
        lines.push(Kept::of(line));
        *size += 1 + line.bytes.len();
        let fits = *size <= NAME_BYTES_MAX;
        let closed = line.bytes.trim_ascii_end().ends_with(b"]");
        if fits && !closed {
            return;
        }
        let lines = std::mem::take(lines);
        self.held = Held::Nothing;
        if !fits {
            return self.give_up(&lines, sink);
        }
        let Some(first) = lines.first() else { return };
        let span = Span { end: line.span.end, ..first.span };
        let text = lines.iter().map(|line| line.bytes.as_slice()).collect::<Vec<_>>().join(&b'\n');
        if lines.iter().skip(1).any(|line| row::begins(&line.bytes)) {
            return sink.issue(Issue::unparsed(span, IMITATION, &text));
        }
        let name = text.trim_ascii();
        let name = name.strip_prefix(b"[").and_then(|name| name.strip_suffix(b"]"));
        self.program(span, name.unwrap_or_default(), sink);
    }

    /// The name was not closed: its first line is told as such, the others are read again.
    fn give_up(&mut self, lines: &[Kept], sink: &mut dyn Sink) {
        self.held = Held::Nothing;
        for (index, kept) in lines.iter().enumerate() {
            if index == 0 {
                kept.issue(NOT_CLOSED, sink);
            } else {
                let line = Line { span: kept.span, bytes: &kept.bytes };
                self.fresh(line, false, sink);
            }
        }
    }

    /// Tells what was held, before a row or columns, or before nothing that belongs to it.
    #[cold]
    fn settle(&mut self, next: Option<&[u8]>, sink: &mut dyn Sink) {
        match std::mem::replace(&mut self.held, Held::Nothing) {
            Held::Nothing | Held::Open(..) => {}
            Held::Title(title) if next.is_some() => sink.header(title.span),
            Held::Title(title) => title.issue(NO_COLUMNS, sink),
            // A library, or a sentence of one word as in Chinese.
            Held::Word(word) if !has_digit(&word.bytes) || word.bytes.contains(&b'\\') => {
                sink.header(word.span);
            }
            Held::Word(word) => word.issue(NO_ROW, sink),
        }
    }
}

/// Hands out a row, with what was found only after it was read.
#[inline]
fn emit<'a>(row: Option<Row<'a>>, span: Span, program: Option<&'a [u8]>, sink: &mut dyn Sink) {
    let Some(mut row) = row else { return };
    if let (Some(name), Row::Socket(socket)) = (program, &mut row)
        && let Some(owner) = socket.owners.first_mut()
    {
        owner.name = HostText::new(name);
        socket.flags.name_has_control = owner.name.has_control();
    }
    sink.row(span, row);
}

/// The word for the state of a socket, where it is not known.
#[inline]
fn unknown_word(row: Option<&Row<'_>>) -> Option<Vec<u8>> {
    match row {
        Some(Row::Socket(socket)) => socket.state_raw.as_ref().map(|word| word.bytes().to_vec()),
        _ => None,
    }
}

fn has_digit(bytes: &[u8]) -> bool {
    bytes.iter().any(u8::is_ascii_digit)
}

/// True for the names of columns: three or more, with two blanks or more between them, and no digit.
fn is_columns(line: &[u8]) -> bool {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let words = line.trim_ascii();
    let runs = words.chunk_by(|one, other| blank(one) == blank(other));
    let gaps = runs.filter(|run| run.len() > 1 && run.iter().all(blank)).count();
    gaps >= 2 && !has_digit(line)
}
