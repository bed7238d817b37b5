//! One row as one JSON object.
//!
//! Comes in: a row. Goes out: bytes of one line, keys sorted at every level. The nesting is worked
//! out once per field list: what stands between two values is then a fixed piece of text, and a
//! row costs little more than copying it.

use std::io::Write as _;
use std::net::IpAddr;

use crate::model::time::Utc;
use crate::report::envelope::Recorded;
use crate::report::field::{Field, Kind};
use crate::report::text::{is_hidden, is_printable_ascii};
use crate::report::value::{Member, Type, Value};

/// How the objects of a kind are written.
pub struct Plan<K: Kind> {
    steps: Vec<Step<K>>,
    /// What stands after the last value.
    tail: String,
    times: Times,
}

struct Step<K: Kind> {
    /// What stands before the value: end of inner objects, comma, keys.
    before: Piece,
    /// The same with `null`: half of a socket's fields are not reported.
    before_null: Piece,
    field: &'static Field<K>,
    members: Members,
}

/// A fixed piece of text. Kept in a block of one size, because copying a size that the compiler
/// knows is a few instructions where any other is a call: measured, a sixth of the time of a row.
struct Piece {
    block: [u8; Self::BLOCK],
    length: usize,
    /// The text where it does not fit the block.
    long: Option<String>,
}

impl Piece {
    /// Longer than the keys between any two fields of a socket.
    const BLOCK: usize = 48;

    fn new(text: &str) -> Self {
        let mut block = [0; Self::BLOCK];
        for (slot, byte) in block.iter_mut().zip(text.bytes()) {
            *slot = byte;
        }
        let long = (text.len() > Self::BLOCK).then(|| text.to_owned());
        Self { block, length: text.len(), long }
    }

    fn push(&self, out: &mut Vec<u8>) {
        if let Some(text) = &self.long {
            out.extend_from_slice(text.as_bytes());
        } else {
            let end = out.len() + self.length;
            out.extend_from_slice(&self.block);
            out.truncate(end);
        }
    }
}

/// The keys of objects in a list, sorted, each with the text before its value.
pub struct Members {
    keys: Vec<(usize, Piece)>,
    width: usize,
}

impl Members {
    /// The keys of a field; none unless it holds objects.
    #[must_use]
    pub fn of(kind: Type) -> Self {
        let members: &[Member] = match kind {
            Type::Objects(members) => members,
            _ => &[],
        };
        let mut order: Vec<_> = members.iter().map(|member| member.name).enumerate().collect();
        order.sort_unstable_by_key(|(_, name)| *name);
        let keys = order.into_iter().enumerate().map(|(at, (index, name))| {
            let comma = if at == 0 { "" } else { "," };
            (index, Piece::new(&format!("{comma}\"{name}\":")))
        });
        Self { keys: keys.collect(), width: members.len().max(1) }
    }
}

/// The text of the last time written: the records of one snapshot share theirs.
#[derive(Default)]
pub struct Times {
    last: Option<Utc>,
    text: String,
}

impl Times {
    /// The text of a time.
    pub fn text(&mut self, time: Utc) -> &str {
        if self.last != Some(time) {
            self.last = Some(time);
            self.text = time.to_string();
        }
        &self.text
    }
}

impl<K: Kind> Plan<K> {
    /// Works out the nesting of a field list.
    #[must_use]
    pub fn new() -> Self {
        let mut fields: Vec<&'static Field<K>> = K::FIELDS.iter().collect();
        fields.sort_by(|a, b| a.path.split('.').cmp(b.path.split('.')));
        let mut open: Vec<&str> = Vec::new();
        let mut first = true;
        let mut steps = Vec::with_capacity(fields.len());
        for field in fields {
            let (parents, key) = match field.path.rsplit_once('.') {
                Some((parents, key)) => (parents.split('.').collect(), key),
                None => (Vec::new(), field.path),
            };
            let before = between(&open, &parents, std::mem::take(&mut first)) + &quoted_key(key);
            open = parents;
            let (before, before_null) =
                (Piece::new(&before), Piece::new(&(before.clone() + "null")));
            steps.push(Step { before, before_null, field, members: Members::of(field.of) });
        }
        let mut tail = "}".repeat(open.len() + 1);
        if first {
            tail.insert(0, '{');
        }
        Self { steps, tail, times: Times::default() }
    }

    /// Adds the row's object to `out`, without a line end.
    pub fn write(&mut self, row: Recorded<'_, K::Body<'_>>, out: &mut Vec<u8>) {
        let Self { steps, tail, times } = self;
        for step in steps.iter() {
            match (step.field.get)(row) {
                Value::Null => step.before_null.push(out),
                value => {
                    step.before.push(out);
                    write_value(&value, &step.members, times, out);
                }
            }
        }
        out.extend_from_slice(tail.as_bytes());
    }
}

impl<K: Kind> Default for Plan<K> {
    fn default() -> Self {
        Self::new()
    }
}

fn quoted_key(key: &str) -> String {
    format!("\"{key}\":")
}

/// What closes the objects in `open` and opens those in `wanted`, common ones left open.
fn between(open: &[&str], wanted: &[&str], first: bool) -> String {
    let common = open.iter().zip(wanted).take_while(|(a, b)| a == b).count();
    let mut text = if first { "{".to_owned() } else { "}".repeat(open.len() - common) };
    if !first {
        text.push(',');
    }
    for key in wanted.iter().skip(common) {
        text += &quoted_key(key);
        text.push('{');
    }
    text
}

/// Writes one value alone, for instance a list into a CSV cell.
pub fn write_value(value: &Value<'_>, members: &Members, times: &mut Times, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::U64(number) => push_number(*number, out),
        Value::I64(number) => {
            if *number < 0 {
                out.push(b'-');
            }
            push_number(number.unsigned_abs(), out);
        }
        Value::Thousandths(number) => out.extend_from_slice(decimal(*number).as_bytes()),
        // Writing to a Vec cannot fail, here and below.
        Value::Hex(number) => {
            let _ = write!(out, "\"{number:x}\"");
        }
        Value::Word(word) => {
            out.push(b'"');
            out.extend_from_slice(word.as_bytes());
            out.push(b'"');
        }
        Value::Text(text) => push_text(text, out),
        Value::Address(address) => {
            out.push(b'"');
            push_address(*address, out);
            out.push(b'"');
        }
        Value::Time(time) => {
            out.push(b'"');
            out.extend_from_slice(times.text(*time).as_bytes());
            out.push(b'"');
        }
        Value::List(values) => {
            out.push(b'[');
            for (at, value) in values.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write_value(value, members, times, out);
            }
            out.push(b']');
        }
        Value::Objects(values) => write_objects(values, members, times, out),
    }
}

fn write_objects(values: &[Value<'_>], members: &Members, times: &mut Times, out: &mut Vec<u8>) {
    out.push(b'[');
    for (at, object) in values.chunks(members.width).enumerate() {
        out.extend_from_slice(if at == 0 { b"{" } else { b",{" });
        for (index, before) in &members.keys {
            before.push(out);
            write_value(object.get(*index).unwrap_or(&Value::Null), members, times, out);
        }
        out.push(b'}');
    }
    out.push(b']');
}

/// Thousandths as a decimal number without trailing zeros: `12.5`, `3`.
#[must_use]
pub fn decimal(thousandths: u64) -> String {
    let (whole, rest) = (thousandths / 1_000, thousandths % 1_000);
    if rest == 0 {
        return whole.to_string();
    }
    let digits = format!("{rest:03}");
    format!("{whole}.{}", digits.trim_end_matches('0'))
}

/// Decimal digits.
pub fn push_number(mut number: u64, out: &mut Vec<u8>) {
    // 20 digits hold u64::MAX; filled from the end.
    let mut digits = [b'0'; 20];
    let mut used = 0;
    for slot in digits.iter_mut().rev() {
        // The remainder is a single digit.
        *slot = b'0' + (number % 10) as u8;
        number /= 10;
        used += 1;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(digits.len() - used..).unwrap_or_default());
}

/// An address in the form of RFC 5952.
pub fn push_address(address: IpAddr, out: &mut Vec<u8>) {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            push_number(a.into(), out);
            for octet in [b, c, d] {
                out.push(b'.');
                push_number(octet.into(), out);
            }
        }
        IpAddr::V6(address) => {
            // Writing to a Vec cannot fail.
            let _ = write!(out, "{address}");
        }
    }
}

/// A JSON string. Everything hidden is written as `\uXXXX`, so a reader gets the exact text and a
/// terminal gets nothing to obey.
fn push_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let safe = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
    // All bytes are looked at, without a way out: the loop becomes a few wide instructions.
    if text.bytes().fold(true, |all, byte| all & safe(byte)) {
        out.extend_from_slice(text.as_bytes());
    } else if is_printable_ascii(text) {
        for byte in text.bytes() {
            if !safe(byte) {
                out.push(b'\\');
            }
            out.push(byte);
        }
    } else {
        text.chars().for_each(|character| push_character(character, out));
    }
    out.push(b'"');
}

fn push_character(character: char, out: &mut Vec<u8>) {
    if matches!(character, '"' | '\\') {
        out.push(b'\\');
    }
    if is_hidden(character) {
        let mut units = [0; 2];
        for unit in character.encode_utf16(&mut units) {
            // Writing to a Vec cannot fail.
            let _ = write!(out, "\\u{unit:04x}");
        }
    } else {
        let mut buffer = [0; 4];
        out.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn alone(value: &Value<'_>) -> String {
        let mut out = Vec::new();
        write_value(value, &Members::of(Type::Text), &mut Times::default(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn objects_are_closed_and_opened_between_keys() {
        assert_eq!(between(&[], &["a", "b"], true), r#"{"a":{"b":{"#);
        assert_eq!(between(&["a", "b"], &["a", "c"], false), r#"},"c":{"#);
        assert_eq!(between(&["a", "b"], &[], false), "}},");
    }

    #[test]
    fn numbers_are_exact_at_the_ends_of_their_range() {
        assert_eq!(alone(&Value::U64(0)), "0");
        assert_eq!(alone(&Value::U64(u64::MAX)), "18446744073709551615");
        assert_eq!(alone(&Value::I64(i64::MIN)), "-9223372036854775808");
        assert_eq!(alone(&Value::Hex(u64::MAX)), "\"ffffffffffffffff\"");
    }

    proptest! {
        #[test]
        fn a_reader_gets_the_exact_text_and_a_terminal_no_control(text in any::<String>()) {
            let written = alone(&Value::from(&text));
            prop_assert!(!written.chars().any(is_hidden));
            prop_assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
        }
    }
}
