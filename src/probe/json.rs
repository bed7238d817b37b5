//! `ip -j`: a JSON array of objects, read one element at a time.
//!
//! ```text
//! [{"ifindex":1,"ifname":"lo","flags":["LOOPBACK","UP"],"mtu":65536},{},{"ifindex":2, ...}]
//! ```
//! Comes in: bytes in any chunks. Goes out: each element of the outer array with its byte range, so
//! one that cannot be read costs no other. Nothing is held but the current element. Old versions
//! print `{}` for what a filter left out, and nothing at all for an empty list.
//!
//! iproute2 escapes quotes and backslashes but prints other bytes as they are, and a name may hold
//! any (an interface can be called `e` ESC `[1m` 0xff). [`repair`] makes such text JSON again
//! without losing a byte.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::net::IpAddr;

use serde_json::Value;

use crate::model::parsed::{Issue, Reader, Sink, Span};
use crate::model::text::HostText;

/// Most bytes of one element: 4 MiB. An interface with 4,096 addresses takes 0.9 MiB.
pub const ELEMENT_BYTES_MAX: usize = 4 << 20;

/// The members of one element, in the order of the text.
#[derive(Debug, Default)]
pub struct Fields(Vec<(String, Value)>);

/// A parser of elements.
pub trait ElementParser {
    /// Hands out what the element says. `{}` never comes here.
    ///
    /// # Errors
    /// What was expected, as a fragment, when it cannot be read.
    fn element(
        &mut self,
        span: Span,
        fields: &Fields,
        sink: &mut dyn Sink,
    ) -> Result<(), &'static str>;
}

/// Turns an [`ElementParser`] into a [`Reader`].
#[derive(Debug)]
pub struct Elements<P> {
    parser: P,
    state: State,
    /// The current element or stray line, cut at the cap.
    held: Vec<u8>,
    /// Where that began, and where the next byte stands.
    start: u64,
    at: u64,
    depth: u32,
    in_string: bool,
    escaped: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before `[` or after `]`.
    Outside,
    /// A line that is no JSON array.
    Stray,
    /// Between two elements.
    Between,
    /// Inside an element.
    Element,
}

impl<P: ElementParser> Elements<P> {
    /// A reader in front of `parser`.
    pub const fn new(parser: P) -> Self {
        Self {
            parser,
            state: State::Outside,
            held: Vec::new(),
            start: 0,
            at: 0,
            depth: 0,
            in_string: false,
            escaped: false,
        }
    }

    fn byte(&mut self, byte: u8, sink: &mut dyn Sink) {
        match self.state {
            State::Outside if byte == b'[' => self.bracket(State::Between, sink),
            State::Outside if !byte.is_ascii_whitespace() => self.begin(State::Stray, byte),
            State::Stray if byte == b'\n' => self.stray(sink),
            State::Stray => self.hold(byte),
            State::Between if byte == b']' => self.bracket(State::Outside, sink),
            State::Between if byte == b',' => self.bracket(State::Between, sink),
            State::Between if !byte.is_ascii_whitespace() => {
                self.begin(State::Element, byte);
                self.follow(byte, sink);
            }
            State::Outside | State::Between => {}
            State::Element => {
                let ends = self.depth == 0 && !self.in_string && matches!(byte, b',' | b']');
                if ends {
                    self.element(self.at, sink);
                    return self.byte(byte, sink);
                }
                self.hold(byte);
                self.follow(byte, sink);
            }
        }
    }

    /// A byte of structure: known, and no row.
    fn bracket(&mut self, next: State, sink: &mut dyn Sink) {
        sink.header(Span { line: 0, start: self.at, end: self.at + 1 });
        self.state = next;
    }

    fn begin(&mut self, state: State, byte: u8) {
        self.state = state;
        self.start = self.at;
        self.held.clear();
        self.hold(byte);
        self.depth = 0;
        self.in_string = false;
        self.escaped = false;
    }

    fn hold(&mut self, byte: u8) {
        if self.held.len() <= ELEMENT_BYTES_MAX {
            self.held.push(byte);
        }
    }

    /// Follows strings and nesting to find where an element ends.
    fn follow(&mut self, byte: u8, sink: &mut dyn Sink) {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth = self.depth.saturating_add(1),
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 {
                    self.element(self.at + 1, sink);
                }
            }
            _ => {}
        }
    }

    fn element(&mut self, end: u64, sink: &mut dyn Sink) {
        self.state = State::Between;
        let span = Span { line: 0, start: self.start, end };
        let held = std::mem::take(&mut self.held);
        let outcome = if held.len() > ELEMENT_BYTES_MAX {
            Err("element is longer than 4 MiB")
        } else {
            self.parse(span, &held, sink)
        };
        if let Err(expected) = outcome {
            sink.issue(Issue::unparsed(span, expected, &held));
        }
        self.held = held;
    }

    fn parse(&mut self, span: Span, text: &[u8], sink: &mut dyn Sink) -> Result<(), &'static str> {
        let fields: Fields =
            serde_json::from_slice(&repair(text)).map_err(|_| "expected a JSON object")?;
        if fields.0.is_empty() {
            sink.header(span);
            return Ok(());
        }
        self.parser.element(span, &fields, sink)
    }

    fn stray(&mut self, sink: &mut dyn Sink) {
        self.state = State::Outside;
        let span = Span { line: 0, start: self.start, end: self.at };
        sink.issue(Issue::unparsed(span, "expected a JSON array", &self.held));
    }
}

impl<P: ElementParser> Reader for Elements<P> {
    fn push(&mut self, chunk: &[u8], sink: &mut dyn Sink) {
        for byte in chunk {
            self.byte(*byte, sink);
            self.at += 1;
        }
    }

    fn finish(&mut self, sink: &mut dyn Sink) {
        match self.state {
            State::Outside => {}
            State::Stray => self.stray(sink),
            State::Between | State::Element => {
                let start = if self.state == State::Element { self.start } else { self.at };
                let text = if self.state == State::Element { self.held.as_slice() } else { b"" };
                let span = Span { line: 0, start, end: self.at };
                sink.issue(Issue::unparsed(span, "the answer ends inside its JSON array", text));
                self.state = State::Outside;
            }
        }
    }
}

impl<'de> serde::Deserialize<'de> for Fields {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> serde::de::Visitor<'de> for Members {
            type Value = Fields;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(member) = map.next_entry()? {
                    fields.push(member);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

impl Fields {
    /// The first member of this name. `None`: there is none.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The members of an object that stands inside an element.
    #[must_use]
    pub fn of(object: &serde_json::Map<String, Value>) -> Self {
        Self(object.iter().map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    /// True for `{}`.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All members, in order; a name can come more than once.
    pub fn members(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }
}

/// A string's bytes. `None` for anything but a string.
#[must_use]
pub fn text(value: Option<&Value>) -> Option<HostText<'static>> {
    value?.as_str().map(original)
}

/// A whole number, also one that stands in a string (older versions quote some).
#[must_use]
pub fn number(value: Option<&Value>) -> Option<u64> {
    let value = value?;
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// An address. `None` for anything else.
#[must_use]
pub fn address(value: Option<&Value>) -> Option<IpAddr> {
    value?.as_str()?.parse().ok()
}

/// The strings of an array, sorted. Empty for anything else.
#[must_use]
pub fn sorted_words(value: Option<&Value>) -> Vec<HostText<'static>> {
    let items = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut words: Vec<_> = items.iter().filter_map(|item| text(Some(item))).collect();
    words.sort();
    words
}

/// First of the 128 private-use characters that stand for bytes 0x80 to 0xff.
const BYTE_BASE: u32 = 0xf700;

/// Makes what iproute2 printed JSON: control characters become `\u00XX`, an escape that JSON does
/// not know loses its backslash (`\'`), and bytes that are no UTF-8 become private-use characters
/// that [`original`] turns back. Borrowed when nothing had to be done.
#[must_use]
pub fn repair(text: &[u8]) -> Cow<'_, [u8]> {
    let odd_escape = |pair: &[u8]| matches!(pair, [b'\\', next] if !matches!(next, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' | b'u'));
    // U+F780 to U+F7FF begin with these two bytes; a name may hold them itself.
    let stand_in = |pair: &[u8]| matches!(pair, [0xef, 0x9e | 0x9f]);
    let clean = text.iter().all(|byte| *byte >= b' ')
        && std::str::from_utf8(text).is_ok()
        && !text.windows(2).any(|pair| odd_escape(pair) || stand_in(pair));
    if clean {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let (mut in_string, mut escaped) = (false, false);
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            repair_character(character, &mut in_string, &mut escaped, &mut out);
        }
        if escaped && !chunk.invalid().is_empty() {
            out.push('\\');
            escaped = false;
        }
        out.extend(chunk.invalid().iter().map(|byte| stand_in_for(*byte)));
    }
    Cow::Owned(out.into_bytes())
}

fn repair_character(character: char, in_string: &mut bool, escaped: &mut bool, out: &mut String) {
    if !*in_string {
        *in_string = character == '"';
        return out.push(character);
    }
    if std::mem::take(escaped) {
        if matches!(character, '"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't' | 'u') {
            out.push('\\');
            return out.push(character);
        }
        if character != '\'' {
            out.push_str("\\\\");
        }
    } else if character == '\\' {
        *escaped = true;
        return;
    }
    match character {
        '"' => {
            *in_string = false;
            out.push('"');
        }
        control if control < ' ' => {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\u{:04x}", u32::from(control));
        }
        '\u{f780}'..='\u{f7ff}' => {
            let mut buffer = [0; 4];
            let bytes = character.encode_utf8(&mut buffer).bytes();
            out.extend(bytes.map(stand_in_for));
        }
        other => out.push(other),
    }
}

fn stand_in_for(byte: u8) -> char {
    // Every byte from 0x80 gives a character of the private-use area.
    char::from_u32(BYTE_BASE + u32::from(byte)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// The bytes that the host sent for this string: the reverse of [`repair`].
fn original(text: &str) -> HostText<'static> {
    let mut bytes = Vec::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\u{f780}'..='\u{f7ff}' => {
                bytes.extend(u8::try_from(u32::from(character) - BYTE_BASE));
            }
            other => bytes.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    HostText::owned(bytes)
}
