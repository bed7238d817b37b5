//! Rows as CSV, RFC 4180: CRLF, quotes doubled, the field list's order.
//!
//! Comes in: a row. Goes out: one line. A text that a spreadsheet would run as a formula gets a
//! leading `'` (`=cmd|...` is chosen by whoever names a process). `null` is an empty cell, an empty
//! text is `""`; lists are JSON in one cell. Programs that need the exact text take JSON.

use crate::report::envelope::Recorded;
use crate::report::field::{Field, Kind};
use crate::report::json::{Members, Times, push_address, write_value};
use crate::report::text::shown;
use crate::report::value::Value;

/// How the rows of a kind are written.
pub struct Csv<K: Kind> {
    fields: Vec<(&'static Field<K>, Members)>,
    cells: Cells,
}

/// What cells of one table share.
#[derive(Default)]
struct Cells {
    times: Times,
    /// A list as JSON, before its quotes are doubled.
    list: Vec<u8>,
}

impl<K: Kind> Csv<K> {
    /// Adds the line with the columns' names.
    pub fn start(out: &mut Vec<u8>) -> Self {
        for (at, field) in K::FIELDS.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            out.extend_from_slice(field.path.as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        let fields = K::FIELDS.iter().map(|field| (field, Members::of(field.of))).collect();
        Self { fields, cells: Cells::default() }
    }

    /// Adds the line of a row.
    pub fn write(&mut self, row: Recorded<'_, K::Body<'_>>, out: &mut Vec<u8>) {
        for (at, (field, members)) in self.fields.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            self.cells.push(&(field.get)(row), members, out);
        }
        out.extend_from_slice(b"\r\n");
    }
}

impl Cells {
    fn push(&mut self, value: &Value<'_>, members: &Members, out: &mut Vec<u8>) {
        match value {
            Value::Null => {}
            Value::Word(word) => out.extend_from_slice(word.as_bytes()),
            Value::Text(text) => push_text(text, out),
            Value::Hex(number) => push_text(&format!("{number:x}"), out),
            Value::Address(address) => push_address(*address, out),
            Value::Time(time) => out.extend_from_slice(self.times.text(*time).as_bytes()),
            // Numbers keep their sign: they come from numeric fields and cannot be formulas.
            Value::Bool(_) | Value::U64(_) | Value::I64(_) | Value::Thousandths(_) => {
                write_value(value, members, &mut self.times, out);
            }
            Value::List(_) | Value::Objects(_) => {
                self.list.clear();
                write_value(value, members, &mut self.times, &mut self.list);
                push_quoted(&self.list, out);
            }
        }
    }
}

/// True for the first character of what a spreadsheet takes for a formula. The full-width forms
/// count in East Asian locales. Source: OWASP, CSV injection.
const fn starts_formula(character: char) -> bool {
    matches!(
        character,
        '=' | '+' | '-' | '@' | '\t' | '\r' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}'
    )
}

fn push_text(text: &str, out: &mut Vec<u8>) {
    let formula = text.starts_with(starts_formula);
    let text = shown(text);
    let plain = |byte: u8| !matches!(byte, b'"' | b',');
    if !formula && !text.is_empty() && text.trim() == text && text.bytes().all(plain) {
        out.extend_from_slice(text.as_bytes());
    } else if formula {
        push_quoted(format!("'{text}").as_bytes(), out);
    } else {
        push_quoted(text.as_bytes(), out);
    }
}

fn push_quoted(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text {
        if *byte == b'"' {
            out.push(b'"');
        }
        out.push(*byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::value::Type;

    fn cell(value: &Value<'_>) -> String {
        let mut out = Vec::new();
        Cells::default().push(value, &Members::of(Type::Text), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn formulas_are_disarmed_and_numbers_stay_numbers() {
        for start in ["=", "+", "-", "@", "\t", "\r", "＝"] {
            let written = cell(&Value::from(format!("{start}1+1")));
            assert!(written.starts_with("\"'"), "{written}");
        }
        assert_eq!(cell(&Value::I64(-1)), "-1");
        assert_eq!(cell(&Value::from("sshd")), "sshd");
    }

    #[test]
    fn null_and_empty_differ_and_quotes_are_doubled() {
        assert_eq!(cell(&Value::Null), "");
        assert_eq!(cell(&Value::from("")), "\"\"");
        assert_eq!(cell(&Value::from("a\"b,c")), "\"a\"\"b,c\"");
        assert_eq!(cell(&Value::list(["a", "b"])), "\"[\"\"a\"\",\"\"b\"\"]\"");
    }
}
