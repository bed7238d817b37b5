//! Values of an INI inventory: Python literals where they are ones, text otherwise.
//!
//! Source: Ansible's ini inventory plugin, which hands each value to Python's `ast.literal_eval`,
//! and "Literals" in Python's language reference. So `true` is text and `True` a flag, `80,443` a
//! list, `0640` text, and `5 # five` the number 5. Complex numbers stay text.

use serde_json::{Map, Number};

use crate::inventory::ansible::world::Json;

/// Most brackets inside each other.
const DEPTH_MAX: usize = 32;

/// What the text means.
pub(super) fn value(text: &str) -> Json {
    let mut reader = Reader { text, at: 0 };
    let whole = |reader: &mut Reader<'_>| {
        let value = reader.tuple(0, None)?;
        reader.blanks(true);
        (reader.at == text.len()).then_some(value)
    };
    // A value that begins with a line end would be Python's fault of indentation.
    whole(&mut reader).unwrap_or_else(|| Json::String(text.to_owned()))
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self, word: &str) -> bool {
        let there = self.rest().starts_with(word);
        if there {
            self.at += word.len();
        }
        there
    }

    /// Skips blanks and comments; line ends only inside brackets or at the end.
    fn blanks(&mut self, lines: bool) {
        while let Some(character) = self.peek() {
            match character {
                ' ' | '\t' | '\u{c}' => self.at += 1,
                '\n' | '\r' if lines => self.at += 1,
                '#' => self.at += self.rest().find('\n').unwrap_or(self.rest().len()),
                _ => return,
            }
        }
    }

    /// One value, or several with commas: a tuple, which Ansible makes a list. Up to `end`.
    fn tuple(&mut self, depth: usize, end: Option<char>) -> Option<Json> {
        let lines = end.is_some();
        self.blanks(lines);
        if end.is_some() && self.peek() == end {
            return Some(Json::Array(Vec::new()));
        }
        let first = self.one(depth)?;
        self.blanks(lines);
        if !self.take(",") {
            return Some(first);
        }
        let mut items = vec![first];
        loop {
            self.blanks(lines);
            if self.peek() == end {
                return Some(Json::Array(items));
            }
            items.push(self.one(depth)?);
            self.blanks(lines);
            if !self.take(",") {
                return Some(Json::Array(items));
            }
        }
    }

    fn one(&mut self, depth: usize) -> Option<Json> {
        if depth > DEPTH_MAX {
            return None;
        }
        match self.peek()? {
            '[' => self.list(depth),
            '(' => {
                self.at += 1;
                let value = self.tuple(depth + 1, Some(')'))?;
                self.blanks(true);
                self.take(")").then_some(value)
            }
            '{' => self.braces(depth),
            '\'' | '"' | 'r' | 'R' | 'b' | 'B' | 'u' | 'U' => self.strings(),
            '+' | '-' | '.' | '0'..='9' => self.number(),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Option<Json> {
        let length = self.rest().find(|c: char| !(c.is_alphanumeric() || c == '_'));
        let word = self.rest().get(..length.unwrap_or(self.rest().len()))?;
        let value = match word {
            "True" => Json::Bool(true),
            "False" => Json::Bool(false),
            "None" => Json::Null,
            _ => return None,
        };
        self.at += word.len();
        Some(value)
    }

    fn list(&mut self, depth: usize) -> Option<Json> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.blanks(true);
            if self.peek() == Some(']') {
                break;
            }
            items.push(self.one(depth + 1)?);
            self.blanks(true);
            if !self.take(",") {
                break;
            }
        }
        self.blanks(true);
        self.take("]").then_some(Json::Array(items))
    }

    /// A dictionary, or a set, which Ansible makes a list. Nothing is read twice: nested braces cost
    /// their length.
    fn braces(&mut self, depth: usize) -> Option<Json> {
        self.at += 1;
        let mut map = Map::new();
        let mut items = Vec::new();
        loop {
            self.blanks(true);
            if self.peek() == Some('}') {
                break;
            }
            let key = self.one(depth + 1)?;
            // Python finds no place for lists and dictionaries here.
            let name = key_text(&key)?;
            self.blanks(true);
            if items.is_empty() && self.take(":") {
                self.blanks(true);
                map.insert(name, self.one(depth + 1)?);
            } else if map.is_empty() {
                items.push(key);
            } else {
                return None;
            }
            self.blanks(true);
            if !self.take(",") {
                break;
            }
        }
        if !self.take("}") {
            return None;
        }
        Some(if items.is_empty() { Json::Object(map) } else { Json::Array(items) })
    }

    /// Strings one after the other are one.
    fn strings(&mut self) -> Option<Json> {
        let mut all = String::new();
        let mut any = false;
        loop {
            let start = self.at;
            let rest = self.rest();
            let prefix = rest.find(['\'', '"']).filter(|length| *length <= 2);
            let word = prefix.and_then(|length| rest.get(..length));
            let raw = match word.map(str::to_ascii_lowercase).as_deref() {
                Some("" | "u" | "b") => false,
                Some("r" | "br" | "rb") => true,
                _ if any => return Some(Json::String(all)),
                _ => return None,
            };
            self.at += word.map_or(0, str::len);
            self.string(raw, &mut all)?;
            any = true;
            self.blanks(false);
            if start == self.at {
                return None;
            }
        }
    }

    fn string(&mut self, raw: bool, all: &mut String) -> Option<()> {
        let quote = self.peek()?;
        let triple: String = std::iter::repeat_n(quote, 3).collect();
        let end = if self.rest().starts_with(&triple) { triple } else { quote.to_string() };
        self.at += end.len();
        loop {
            if self.take(&end) {
                return Some(());
            }
            let character = self.peek()?;
            self.at += character.len_utf8();
            match character {
                '\n' if end.len() == 1 => return None,
                '\\' if raw => {
                    let next = self.peek()?;
                    self.at += next.len_utf8();
                    all.push('\\');
                    all.push(next);
                }
                '\\' => self.escape(all)?,
                other => all.push(other),
            }
        }
    }

    fn escape(&mut self, all: &mut String) -> Option<()> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        let simple = match next {
            '\n' => return Some(()),
            '\\' | '\'' | '"' => next,
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            'x' => self.digits(2, 16)?,
            'u' => self.digits(4, 16)?,
            'U' => self.digits(8, 16)?,
            'N' => return None,
            '0'..='7' => {
                self.at -= 1;
                let octal = self.rest().bytes().take(3).take_while(|b| (b'0'..=b'7').contains(b));
                let length = octal.count();
                self.digits(length, 8)?
            }
            other => {
                all.push('\\');
                other
            }
        };
        all.push(simple);
        Some(())
    }

    fn digits(&mut self, length: usize, radix: u32) -> Option<char> {
        let digits = self.rest().get(..length)?;
        if !digits.chars().all(|c| c.is_digit(radix)) {
            return None;
        }
        self.at += length;
        char::from_u32(u32::from_str_radix(digits, radix).ok()?)
    }

    fn number(&mut self) -> Option<Json> {
        let mut negative = false;
        while let Some(sign) = self.peek().filter(|c| "+-".contains(*c)) {
            negative ^= sign == '-';
            self.at += 1;
            self.blanks(false);
        }
        if self.take("...") {
            return (!negative).then(|| Json::String("...".to_owned()));
        }
        let rest = self.rest();
        let mut length = 0;
        for (at, character) in rest.char_indices() {
            let exponent = "+-".contains(character)
                && rest.get(..at).is_some_and(|head| {
                    head.ends_with(['e', 'E']) && !head.starts_with("0x") && !head.starts_with("0X")
                });
            if !(character.is_alphanumeric() || "_.".contains(character) || exponent) {
                break;
            }
            length = at + character.len_utf8();
        }
        let word = rest.get(..length)?;
        let value = number(word, negative)?;
        self.at += length;
        Some(value)
    }
}

/// A Python number without its sign.
fn number(word: &str, negative: bool) -> Option<Json> {
    let underscored = word.starts_with('_') || word.ends_with('_') || word.contains("__");
    let beside = ["_.", "._", "_e", "e_", "_E", "E_"].iter().any(|pair| word.contains(pair));
    if underscored || beside && !word.starts_with("0x") && !word.starts_with("0X") {
        return None;
    }
    let word = word.replace('_', "");
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        let upper = prefix.to_ascii_uppercase();
        if let Some(digits) = word.strip_prefix(prefix).or_else(|| word.strip_prefix(&*upper)) {
            return whole(i128::from_str_radix(digits, radix).ok()?, negative);
        }
    }
    if word.bytes().all(|byte| byte.is_ascii_digit()) {
        // Python knows no leading zeros but in zero itself.
        if word.starts_with('0') && word.bytes().any(|byte| byte != b'0') {
            return None;
        }
        return whole(word.parse().ok()?, negative);
    }
    let float = word.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
    let value: f64 = word.parse().ok().filter(|_| float && !word.is_empty())?;
    Number::from_f64(if negative { -value } else { value }).map(Json::Number)
}

fn whole(value: i128, negative: bool) -> Option<Json> {
    let value = if negative { -value } else { value };
    let small = i64::try_from(value).map(Number::from);
    let number = small.or_else(|_| u64::try_from(value).map(Number::from)).ok()?;
    Some(Json::Number(number))
}

/// A key as Python's `json` writes it.
fn key_text(key: &Json) -> Option<String> {
    match key {
        Json::String(text) => Some(text.clone()),
        Json::Number(_) | Json::Bool(_) | Json::Null => Some(key.to_string()),
        Json::Array(_) | Json::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_those_of_literal_eval() {
        let cases = [
            ("80", json!(80)),
            ("-5", json!(-5)),
            ("0640", json!("0640")),
            ("00", json!(0)),
            ("1_000", json!(1000)),
            ("0x1F", json!(31)),
            ("0o17", json!(15)),
            ("1.5", json!(1.5)),
            (".5", json!(0.5)),
            ("1e3", json!(1000.0)),
            ("1-2", json!("1-2")),
            ("10.0.0.1", json!("10.0.0.1")),
            ("true", json!("true")),
            ("True", json!(true)),
            ("None", json!(null)),
            ("'quoted'", json!("quoted")),
            (r#""a\tb""#, json!("a\tb")),
            (r"r'a\tb'", json!(r"a\tb")),
            ("'a' 'b'", json!("ab")),
            ("'a' b", json!("'a' b")),
            ("[1, 'a', [True]]", json!([1, "a", [true]])),
            ("{'a': 1, 2: [3]}", json!({"a": 1, "2": [3]})),
            ("{}", json!({})),
            ("(1, 2)", json!([1, 2])),
            ("80,443", json!([80, 443])),
            ("()", json!([])),
            ("5 # five", json!(5)),
            ("five # 5", json!("five # 5")),
            ("", json!("")),
            ("a=b", json!("a=b")),
            ("[1, a]", json!("[1, a]")),
            ("99999999999999999999999", json!("99999999999999999999999")),
            ("...", json!("...")),
            ("rb", json!("rb")),
            ("'open", json!("'open")),
        ];
        for (text, expected) in cases {
            assert_eq!(value(text), expected, "{text}");
        }
        assert_eq!(value("{1, 'a'}"), json!([1, "a"]));
        let deep = ["[".repeat(5_000), format!("{}1{}", "{".repeat(30), "}".repeat(30))];
        for deep in deep {
            assert_eq!(value(&deep), Json::String(deep.clone()));
        }
    }
}
