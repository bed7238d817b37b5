//! Follows the brackets, names and values of a document, byte by byte.
//!
//! In: the bytes of an answer as UTF-8, with their places. Out: rows, values, headers and issues; see
//! the module above for what becomes of what. Two bounded buffers: the current name and the current
//! value. No recursion over the document: open brackets stand in a list.

use std::borrow::Cow;

use serde_json::Value;

use crate::model::parsed::{ISSUE_TEXT_MAX, Issue, Sink, Span};
use crate::probe::json::{Fields, repair};
use crate::probe::json_tree::encoding::Unit;
use crate::probe::json_tree::surrogates::mend;
use crate::probe::json_tree::{DEPTH_MAX, HELD_BYTES_MAX, Kind, Place, TreeParser};

/// Longest name of a member that a path holds: 256 bytes. The longest known has 30.
const NAME_BYTES_MAX: usize = 256;

/// Members that are not known and told of: 32 names, each once.
const NOTES_MAX: usize = 32;

#[derive(Debug)]
pub(super) struct Walker<P> {
    parser: P,
    state: State,
    /// Open objects and arrays, outermost first.
    frames: Vec<Frame>,
    /// Path of the innermost.
    path: String,
    /// Name of the member that is read, at most one byte more than the cap.
    name: Vec<u8>,
    /// Text of the current value or stray line, at most one byte more than the cap.
    held: Vec<u8>,
    /// First byte of the current member, value or line.
    start: u64,
    /// The current character's first byte and the byte after it.
    at: u64,
    next: u64,
    depth: u32,
    in_string: bool,
    escaped: bool,
    /// True when nothing was read of the document but its first bracket.
    fresh: bool,
    /// Members that are not known and were told of.
    told: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    /// Rows that an array holds. `None`: objects that are walked.
    rows: Option<&'static [&'static str]>,
    array: bool,
    /// Length of the path outside.
    outside: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before a document or behind it.
    Outside,
    /// A line that is no document.
    Stray,
    /// In a walked object, before a name.
    Members,
    /// In a name.
    Name,
    /// Behind a name.
    Colon,
    /// Behind a colon.
    Before,
    /// In an array.
    Items,
    /// In something that is held until it is whole.
    Held(What),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Row(&'static [&'static str]),
    Value,
    /// Neither: what was expected in its place. `null` may stand where rows are expected.
    Other {
        expected: &'static str,
        null: bool,
    },
}

const UNKNOWN: What = What::Other { expected: "a member that is not known", null: false };
const NOT_ROWS: What =
    What::Other { expected: "expected an object or an array of them", null: true };
const NULL: &str = "`null` stands where rows are expected: perhaps none could be told";
const NO_NAME: What = What::Other { expected: "expected a member of an object", null: false };

impl<P: TreeParser> Walker<P> {
    pub(super) const fn new(parser: P) -> Self {
        Self {
            parser,
            state: State::Outside,
            frames: Vec::new(),
            path: String::new(),
            name: Vec::new(),
            held: Vec::new(),
            start: 0,
            at: 0,
            next: 0,
            depth: 0,
            in_string: false,
            escaped: false,
            fresh: false,
            told: Vec::new(),
        }
    }

    pub(super) fn unit(&mut self, unit: &Unit, sink: &mut dyn Sink) {
        (self.at, self.next) = (unit.start, unit.end);
        if unit.mark {
            return self.header(unit.start, sink);
        }
        for byte in unit.bytes() {
            self.byte(*byte, sink);
        }
    }

    fn byte(&mut self, byte: u8, sink: &mut dyn Sink) {
        match self.state {
            State::Name => self.name(byte),
            State::Held(what) => self.inside(what, byte, sink),
            State::Stray if byte == b'\n' => {
                self.stray(sink);
                self.blank(sink);
            }
            State::Stray => self.hold(byte),
            _ if byte.is_ascii_whitespace() => self.blank(sink),
            State::Outside => self.outside(byte, sink),
            State::Members => self.members(byte, sink),
            State::Colon if byte == b':' => self.state = State::Before,
            State::Colon => self.incomplete("expected a colon behind a name", byte, sink),
            State::Before => self.before(byte, sink),
            State::Items => self.items(byte, sink),
        }
    }

    /// A blank between two things. In UTF-16 one of its two bytes is no white space, so that it is
    /// counted.
    fn blank(&self, sink: &mut dyn Sink) {
        if self.next - self.at > 1 && !matches!(self.state, State::Colon | State::Before) {
            self.header(self.at, sink);
        }
    }

    /// Known bytes that are no row, up to here.
    fn header(&self, start: u64, sink: &mut dyn Sink) {
        sink.header(Span { line: 0, start, end: self.next });
    }

    /// The current byte alone stands where nothing of the kind can.
    fn misplaced(&self, byte: u8, sink: &mut dyn Sink) {
        let span = Span { line: 0, start: self.at, end: self.next };
        sink.issue(Issue::unparsed(span, "a bracket that closes nothing", &[byte]));
    }

    fn outside(&mut self, byte: u8, sink: &mut dyn Sink) {
        self.start = self.at;
        match byte {
            b'{' | b'[' => {
                self.fresh = true;
                self.open(byte, None, sink);
            }
            _ => {
                self.held.clear();
                self.hold(byte);
                self.state = State::Stray;
            }
        }
    }

    /// Goes into an object or an array that began at `start`.
    fn open(&mut self, byte: u8, rows: Option<&'static [&'static str]>, sink: &mut dyn Sink) {
        let outside = self.path.len();
        if !self.name.is_empty() {
            if !self.path.is_empty() {
                self.path.push('/');
            }
            // `classify` took the name for text before.
            self.path.push_str(&String::from_utf8_lossy(&self.name));
            self.name.clear();
        }
        let array = byte == b'[';
        self.frames.push(Frame { rows, array, outside });
        self.header(self.start, sink);
        self.state = if array { State::Items } else { State::Members };
    }

    fn close(&mut self, sink: &mut dyn Sink) {
        self.header(self.at, sink);
        if let Some(frame) = self.frames.pop() {
            self.path.truncate(frame.outside);
        }
        self.settle();
        if self.frames.is_empty() {
            let span = Span { line: 0, start: self.at, end: self.next };
            self.parser.document_ended(span, sink);
        }
    }

    /// The state behind a value.
    fn settle(&mut self) {
        self.state = match self.frames.last() {
            None => State::Outside,
            Some(frame) if frame.array => State::Items,
            Some(_) => State::Members,
        };
    }

    fn members(&mut self, byte: u8, sink: &mut dyn Sink) {
        let fresh = std::mem::take(&mut self.fresh);
        self.start = self.at;
        match byte {
            b'"' => {
                self.state = State::Name;
                self.name.clear();
                self.escaped = false;
            }
            b'}' => self.close(sink),
            b',' => self.header(self.at, sink),
            b']' => self.misplaced(byte, sink),
            // The bracket before it was the start of a line that is no document.
            b'{' if fresh => {
                self.frames.clear();
                self.path.clear();
                self.outside(byte, sink);
            }
            _ => {
                self.fresh = fresh;
                self.begin(NO_NAME, byte, sink);
            }
        }
    }

    fn name(&mut self, byte: u8) {
        match byte {
            b'"' if !self.escaped => self.state = State::Colon,
            _ => {
                self.escaped = byte == b'\\' && !self.escaped;
                if self.name.len() <= NAME_BYTES_MAX {
                    self.name.push(byte);
                }
            }
        }
    }

    /// A member that lacks its colon or its value.
    fn incomplete(&mut self, expected: &'static str, byte: u8, sink: &mut dyn Sink) {
        let span = Span { line: 0, start: self.start, end: self.at };
        sink.issue(Issue::unparsed(span, expected, &self.name));
        self.name.clear();
        self.state = State::Members;
        self.members(byte, sink);
    }

    /// What stands at the path of the current member.
    fn classify(&mut self) -> Kind {
        let plain = self.name.len() <= NAME_BYTES_MAX && !self.name.contains(&b'\\');
        match std::str::from_utf8(&self.name) {
            Ok(name) if plain && !name.is_empty() && !name.contains('/') => {
                let path = below(&self.path, name);
                let kind = self.parser.kind(&path);
                if matches!(kind, Kind::Rows(_) | Kind::Value) {
                    self.parser.begun(&path);
                }
                kind
            }
            _ => Kind::Unknown,
        }
    }

    fn before(&mut self, byte: u8, sink: &mut dyn Sink) {
        if matches!(byte, b',' | b'}' | b']') {
            return self.incomplete("expected a value behind a colon", byte, sink);
        }
        let deep = self.frames.len() >= DEPTH_MAX;
        match (self.classify(), byte) {
            (Kind::Walk, b'{' | b'[') if !deep => self.open(byte, None, sink),
            (Kind::Rows(members), b'[') if !deep => self.open(byte, Some(members), sink),
            (Kind::Rows(members), b'{') => self.begin(What::Row(members), byte, sink),
            (Kind::Walk | Kind::Rows(_), _) => self.begin(NOT_ROWS, byte, sink),
            (Kind::Value, _) => self.begin(What::Value, byte, sink),
            (Kind::Unknown, _) => self.begin(UNKNOWN, byte, sink),
        }
    }

    fn items(&mut self, byte: u8, sink: &mut dyn Sink) {
        self.start = self.at;
        self.fresh = false;
        let rows = self.frames.last().and_then(|frame| frame.rows);
        match (byte, rows) {
            (b']', _) => self.close(sink),
            (b',', _) => self.header(self.at, sink),
            (b'}', _) => self.misplaced(byte, sink),
            (b'{', Some(members)) => self.begin(What::Row(members), byte, sink),
            (b'{', None) if self.frames.len() < DEPTH_MAX => self.open(byte, None, sink),
            _ => self.begin(NOT_ROWS, byte, sink),
        }
    }

    /// Begins to hold a value, which is whole when its brackets and quotes are closed.
    fn begin(&mut self, what: What, byte: u8, sink: &mut dyn Sink) {
        self.state = State::Held(what);
        self.held.clear();
        self.depth = 0;
        self.in_string = false;
        self.escaped = false;
        self.inside(what, byte, sink);
    }

    fn hold(&mut self, byte: u8) {
        if self.held.len() <= HELD_BYTES_MAX {
            self.held.push(byte);
        }
    }

    fn inside(&mut self, what: What, byte: u8, sink: &mut dyn Sink) {
        if self.in_string {
            self.hold(byte);
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => {
                    self.in_string = false;
                    if self.depth == 0 {
                        self.whole(what, self.next, sink);
                    }
                }
                _ => {}
            }
            return;
        }
        // A number, a word or nonsense ends before what separates it from the next.
        if self.depth == 0 && matches!(byte, b',' | b'}' | b']' | b'\n') {
            self.whole(what, self.at, sink);
            return self.byte(byte, sink);
        }
        self.hold(byte);
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth = self.depth.saturating_add(1),
            b'}' | b']' => {
                self.depth -= 1;
                if self.depth == 0 {
                    self.whole(what, self.next, sink);
                }
            }
            _ => {}
        }
    }

    fn whole(&mut self, what: What, end: u64, sink: &mut dyn Sink) {
        let span = Span { line: 0, start: self.start, end };
        let held = std::mem::take(&mut self.held);
        let name = std::mem::take(&mut self.name);
        let outcome = if held.len() > HELD_BYTES_MAX {
            Err("a value is longer than 4 MiB")
        } else {
            self.take(what, span, (&name, &held), sink)
        };
        if let Err(expected) = outcome {
            let shown = held.get(..ISSUE_TEXT_MAX).unwrap_or(&held);
            let text = match what {
                What::Value | What::Other { .. } if !name.is_empty() => {
                    [&name, b":".as_slice(), shown].concat()
                }
                _ => shown.to_vec(),
            };
            sink.issue(Issue::unparsed(span, expected, &text));
        }
        self.held = held;
        self.name = name;
        self.name.clear();
        self.settle();
    }

    fn take(
        &mut self,
        what: What,
        span: Span,
        (name, held): (&[u8], &[u8]),
        sink: &mut dyn Sink,
    ) -> Result<(), &'static str> {
        if let What::Other { expected, null } = what {
            if !(null && held.trim_ascii() == b"null") {
                return Err(expected);
            }
            sink.header(span);
            // One among rows is a row that is not there.
            if !name.is_empty() {
                sink.issue(Issue::note(span, NULL, name));
            }
            return Ok(());
        }
        let path = below(&self.path, std::str::from_utf8(name).unwrap_or_default()).into_owned();
        let place = Place { path: &path, span };
        if let What::Row(members) = what {
            return self.row(place, members, held, sink);
        }
        let value: Value =
            serde_json::from_slice(&repair(&mend(held))).map_err(|_| "expected a JSON value")?;
        self.parser.value(place, &value, sink)
    }

    fn row(
        &mut self,
        place: Place<'_>,
        members: &'static [&'static str],
        held: &[u8],
        sink: &mut dyn Sink,
    ) -> Result<(), &'static str> {
        let fields: Fields =
            serde_json::from_slice(&repair(&mend(held))).map_err(|_| "expected a JSON object")?;
        let items = wrapped(&fields);
        let items = items.unwrap_or_else(|| vec![fields]);
        let empty = items.iter().all(Fields::is_empty);
        if empty {
            sink.header(place.span);
        }
        let mut outcome = Ok(());
        for fields in items.iter().filter(|fields| !fields.is_empty()) {
            self.note(place, members, fields, sink);
            outcome = outcome.and(self.parser.row(place, fields, sink));
        }
        outcome
    }

    /// Tells of members that the parser does not know, of each once.
    fn note(
        &mut self,
        place: Place<'_>,
        members: &'static [&'static str],
        fields: &Fields,
        sink: &mut dyn Sink,
    ) {
        for (name, _) in fields.members().filter(|(name, _)| !members.contains(name)) {
            if self.told.len() >= NOTES_MAX || name.len() > NAME_BYTES_MAX {
                continue;
            }
            let told = format!("{}/{name}", place.path);
            if !self.told.contains(&told) {
                sink.issue(Issue::note(place.span, "a member that is not known", name.as_bytes()));
                self.told.push(told);
            }
        }
    }

    fn stray(&mut self, sink: &mut dyn Sink) {
        self.state = State::Outside;
        let span = Span { line: 0, start: self.start, end: self.at };
        sink.issue(Issue::unparsed(span, "expected a JSON document", &self.held));
    }

    pub(super) fn finish(&mut self, sink: &mut dyn Sink) {
        self.at = self.next;
        match self.state {
            State::Outside => return,
            State::Stray => return self.stray(sink),
            State::Members | State::Items => self.start = self.next,
            State::Name | State::Colon | State::Before => self.held.clone_from(&self.name),
            State::Held(_) => {}
        }
        let span = Span { line: 0, start: self.start, end: self.next };
        let text = if span.start == span.end { b"" } else { self.held.as_slice() };
        sink.issue(Issue::unparsed(span, "the answer ends inside its JSON document", text));
        self.frames.clear();
        self.path.clear();
        self.state = State::Outside;
    }
}

/// The path of a member; of no name, the path itself.
fn below<'a>(path: &'a str, name: &'a str) -> Cow<'a, str> {
    match (path, name) {
        (path, "") => Cow::Borrowed(path),
        ("", name) => Cow::Borrowed(name),
        (path, name) => Cow::Owned(format!("{path}/{name}")),
    }
}

/// The objects of an array that PowerShell 5.1 printed as `{"value":[...],"Count":2}`.
fn wrapped(fields: &Fields) -> Option<Vec<Fields>> {
    let known = |(name, _): (&str, &Value)| matches!(name, "value" | "Count");
    let items = fields.get("value").and_then(Value::as_array)?;
    let counted = fields.get("Count").is_some_and(Value::is_number);
    if !counted || !fields.members().all(known) {
        return None;
    }
    items.iter().map(|item| item.as_object().map(Fields::of)).collect()
}
