//! JSON exports: an array of objects, one object a line, or what `ServiceNow` wraps them in
//! (`{"result": [...]}`, `{"records": [...]}`).
//!
//! `serde_json` reads each object; where it begins is found beforehand by counting brackets
//! outside strings, because its values carry no lines.

use std::rc::Rc;

use serde_json::Value;
use serde_json::value::Map;

use crate::enrich::record::{Cell, Fault, Record, Records};
use crate::model::text::escape;

/// Names of the members that hold the rows, as `ServiceNow`'s interfaces write them.
const WRAPPERS: [&str; 2] = ["result", "records"];

/// Reads the rows.
pub(crate) fn read(text: &str, records: &mut Records<'_>) {
    if let Some(fault) = defect(text) {
        records.faults.push(fault);
        return;
    }
    let mut scan = Scan { text, at: 0, line: 1 };
    while scan.skip_blank().is_some() {
        if !rows(&mut scan, records, 0) {
            break;
        }
    }
}

/// What is no JSON, with its line.
fn defect(text: &str) -> Option<Fault> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<serde::de::IgnoredAny>();
    values.find_map(Result::err).map(|error| {
        let message = format!("not JSON: {error}");
        Fault::new(error.line() as u64, escape(message.as_bytes()))
    })
}

/// The rows in the next value. False: there are too many.
fn rows(scan: &mut Scan<'_>, records: &mut Records<'_>, depth: u8) -> bool {
    match scan.skip_blank() {
        Some(b'[') => {
            scan.at += 1;
            while scan.skip_blank().is_some_and(|byte| byte != b']') {
                if !row(scan, records) {
                    return false;
                }
                scan.pass(b',');
            }
            scan.pass(b']');
            true
        }
        Some(b'{') if depth == 0 => match scan.wrapped() {
            Some(mut inside) => {
                scan.value();
                rows(&mut inside, records, depth + 1)
            }
            None => row(scan, records),
        },
        _ => row(scan, records),
    }
}

fn row(scan: &mut Scan<'_>, records: &mut Records<'_>) -> bool {
    let line = scan.line;
    let text = scan.value();
    let object: Map<String, Value> = match serde_json::from_str(text) {
        Ok(Value::Object(object)) => object,
        Ok(_) => {
            records.faults.push(Fault::new(line, "a row is not an object: write `{\"key\": ...}`"));
            return true;
        }
        Err(error) => {
            let message = escape(format!("not JSON: {error}").as_bytes());
            records.faults.push(Fault::new(line, message));
            return true;
        }
    };
    let mut cells = Vec::with_capacity(object.len());
    for (title, value) in object {
        let Some(cell) = cell(value) else {
            let title = escape(title.as_bytes());
            let message = format!("`{title}` holds objects or lists in lists: expected texts");
            records.faults.push(Fault::new(line, message));
            return true;
        };
        cells.push((Rc::from(title), cell));
    }
    records.push(Record { line, cells })
}

/// `None`: a value that has no place in a row.
fn cell(value: Value) -> Option<Cell> {
    match value {
        Value::Array(values) => values.into_iter().map(text).collect::<Option<_>>().map(Cell::List),
        Value::Object(object) => pair(object),
        other => text(other).map(Cell::Text),
    }
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text),
        Value::Object(object) => pair(object).map(|cell| cell.line()),
        Value::Array(_) => None,
    }
}

/// A reference or a value with its display form, with or without a link.
fn pair(mut object: Map<String, Value>) -> Option<Cell> {
    let mut member = |name: &str| object.remove(name).and_then(text);
    let (shown, value) = (member("display_value"), member("value"));
    match (shown, value) {
        (Some(shown), Some(value)) => Some(Cell::Pair { shown, value }),
        (Some(only), None) | (None, Some(only)) => Some(Cell::Text(only)),
        (None, None) => None,
    }
}

/// Goes through text that is known to be JSON.
struct Scan<'a> {
    text: &'a str,
    at: usize,
    line: u64,
}

impl<'a> Scan<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn step(&mut self) {
        self.line += u64::from(self.peek() == Some(b'\n'));
        self.at += 1;
    }

    /// Passes over blanks; the byte after them.
    fn skip_blank(&mut self) -> Option<u8> {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.step();
        }
        self.peek()
    }

    fn pass(&mut self, wanted: u8) {
        if self.skip_blank() == Some(wanted) {
            self.at += 1;
        }
    }

    /// The next value, whole.
    fn value(&mut self) -> &'a str {
        let (start, mut depth) = (self.at, 0_u32);
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => self.string(),
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                // Ends a number or word inside something.
                b'}' | b']' | b',' if depth == 0 => break,
                b'}' | b']' => {
                    depth -= 1;
                    self.at += 1;
                }
                _ if depth == 0 && byte.is_ascii_whitespace() => break,
                _ => self.step(),
            }
            if depth == 0 && matches!(byte, b'"' | b'}' | b']') {
                break;
            }
        }
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn string(&mut self) {
        self.at += 1;
        while let Some(byte) = self.peek() {
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == b'"' {
                return;
            }
        }
    }

    /// The rows of an object that wraps them. `None`: it is a row itself.
    fn wrapped(&self) -> Option<Self> {
        let mut inside = Scan { text: self.text, at: self.at + 1, line: self.line };
        while inside.skip_blank() == Some(b'"') {
            let key = inside.value().trim_matches('"');
            inside.pass(b':');
            let holds_rows = matches!(inside.skip_blank(), Some(b'[' | b'{'));
            if WRAPPERS.contains(&key) && holds_rows {
                return Some(inside);
            }
            inside.value();
            inside.pass(b',');
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows_of(text: &str) -> Vec<(u64, Vec<(String, Cell)>)> {
        let (rows, faults) = Records::all(|records| read(text, records));
        assert_eq!(faults, []);
        let cells = |row: Record| {
            (row.line, row.cells.into_iter().map(|(key, cell)| (key.to_string(), cell)).collect())
        };
        rows.into_iter().map(cells).collect()
    }

    fn one(key: &str, cell: Cell) -> Vec<(String, Cell)> {
        vec![(key.to_owned(), cell)]
    }

    #[test]
    fn arrays_lines_and_wrappers_give_rows_with_their_lines() {
        let text = |text: &str| one("a", Cell::Text(text.to_owned()));
        let two = [(1, text("1")), (2, text("]}"))];
        assert_eq!(rows_of("[{\"a\": 1},\n {\"a\": \"]}\"}]"), two);
        assert_eq!(rows_of("{\"a\": 1}\n{\"a\": \"]}\"}\n"), two);
        assert_eq!(
            rows_of("{\"count\": 2, \"x\": {\"result\": 1}, \"result\":\n[{\"a\": null}]}"),
            [(2, text(""))]
        );
        assert_eq!(rows_of("{\"records\": [\n\n{\"a\": true}]}"), [(3, text("true"))]);
        assert_eq!(rows_of("{\"result\": {\"a\": 2}}"), [(1, text("2"))]);
        assert_eq!(rows_of(" [] "), []);
    }

    #[test]
    fn references_have_two_forms() {
        let text = r#"[{"a": {"display_value": "web1", "link": "https://x/y", "value": "0f"}},
            {"a": [{"display_value": "web1"}, "web2"]}]"#;
        let pair = Cell::Pair { shown: "web1".into(), value: "0f".into() };
        let list = Cell::List(vec!["web1".into(), "web2".into()]);
        assert_eq!(rows_of(text), [(1, one("a", pair)), (2, one("a", list))]);
    }

    #[test]
    fn what_is_no_row_is_named_by_its_line() {
        let faults = |text: &str| -> Vec<(u64, String)> {
            let (_, faults) = Records::all(|records| read(text, records));
            faults.into_iter().map(|fault| (fault.line, fault.message)).collect()
        };
        let row = "a row is not an object: write `{\"key\": ...}`";
        assert_eq!(faults("[{},\n7,\n\"x\"]"), [(2, row.into()), (3, row.into())]);
        let nested = "`a` holds objects or lists in lists: expected texts";
        assert_eq!(faults("[{\"a\": {\"b\": 1}}]"), [(1, nested.into())]);
        let cut = faults("[{\"a\": 1},\n {\"a\": ");
        assert_eq!(cut.len(), 1);
        assert!(cut[0].0 == 2 && cut[0].1.starts_with("not JSON: EOF while"), "{cut:?}");
    }
}
