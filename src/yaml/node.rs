//! The tree a file is read into: every key and value with its place.
//!
//! Values stay as they were written; what a plain word means (number, flag, nothing, text) is
//! decided when it is asked for, by the YAML 1.2 core schema.

use std::sync::Arc;

/// Where something stands in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Line, from 1. 0: the file as a whole.
    pub line: u32,
    /// Column in characters, from 1. 0: the line as a whole.
    pub column: u32,
}

/// A value with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Its first character. For a value that came through an alias: where the anchor stands.
    pub place: Place,
}

/// What a node holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A word, number or text.
    Scalar(Scalar),
    /// Keys and values, in the order of the file, each key once.
    Mapping(Vec<Entry>),
    /// A list.
    Sequence(Vec<Node>),
}

/// One key of a mapping with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key, always as text: `22:` is the key `22`.
    pub key: Arc<str>,
    /// Where the key stands.
    pub place: Place,
    /// The value.
    pub value: Node,
}

/// A scalar as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scalar {
    /// The text, escapes and folding resolved.
    pub text: Arc<str>,
    /// True for a word without quotes that is no block text: only such a word can be a number, a
    /// flag or nothing.
    pub plain: bool,
}

/// What a scalar means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Core<'a> {
    /// Nothing, `null`, `~`.
    Null,
    /// `true` or `false` (also `True`, `TRUE`).
    Flag(bool),
    /// Decimal, `0o` octal or `0x` hexadecimal, within 64 bits.
    Integer(i64),
    /// Any other number.
    Float(&'a str),
    /// Everything else, `yes`, `no`, `on` and `off` included.
    Text(&'a str),
}

impl Scalar {
    /// The meaning. Source: YAML 1.2.2, section 10.3.2 (tag resolution of the core schema).
    #[must_use]
    pub fn core(&self) -> Core<'_> {
        let text = &*self.text;
        if !self.plain {
            return Core::Text(text);
        }
        match text {
            "" | "~" | "null" | "Null" | "NULL" => return Core::Null,
            "true" | "True" | "TRUE" => return Core::Flag(true),
            "false" | "False" | "FALSE" => return Core::Flag(false),
            _ => {}
        }
        // Most words are names: their first character says that they are no number.
        if !text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) {
            return Core::Text(text);
        }
        integer(text).unwrap_or(if is_float(text) { Core::Float(text) } else { Core::Text(text) })
    }
}

fn integer(text: &str) -> Option<Core<'_>> {
    let (digits, radix) = match (text.strip_prefix("0o"), text.strip_prefix("0x")) {
        (Some(octal), _) => (octal, 8),
        (_, Some(hexadecimal)) => (hexadecimal, 16),
        _ => (text.strip_prefix(['+', '-']).unwrap_or(text), 10),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let parsed = if radix == 10 { text.parse() } else { i64::from_str_radix(digits, radix) };
    // Too large for 64 bits is a number all the same, never text.
    Some(parsed.map_or(Core::Float(text), Core::Integer))
}

/// `[-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`, `.inf`, `.nan`.
fn is_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => {
            (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
        }
        None => (unsigned, None),
    };
    if exponent.is_some_and(|e| e.is_empty() || !digits(e)) {
        return false;
    }
    match mantissa.split_once('.') {
        Some((whole, fraction)) => {
            digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty())
        }
        None => !mantissa.is_empty() && digits(mantissa),
    }
}

impl Node {
    /// The meaning of a scalar. `None` for mappings and lists.
    #[must_use]
    pub fn core(&self) -> Option<Core<'_>> {
        match &self.value {
            Value::Scalar(scalar) => Some(scalar.core()),
            Value::Mapping(_) | Value::Sequence(_) => None,
        }
    }

    /// The text of a scalar that is text. `None` for a number, a flag, nothing and the rest.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self.core() {
            Some(Core::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// A scalar letter by letter, whatever it means. `None` for mappings, lists and nothing.
    #[must_use]
    pub fn verbatim(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(scalar) if !self.is_null() => Some(&scalar.text),
            Value::Scalar(_) | Value::Mapping(_) | Value::Sequence(_) => None,
        }
    }

    /// The integer. `None` for all else, `"22"` in quotes included.
    #[must_use]
    pub fn integer(&self) -> Option<i64> {
        match self.core() {
            Some(Core::Integer(number)) => Some(number),
            _ => None,
        }
    }

    /// `true` or `false`. `None` for all else.
    #[must_use]
    pub fn flag(&self) -> Option<bool> {
        match self.core() {
            Some(Core::Flag(flag)) => Some(flag),
            _ => None,
        }
    }

    /// True for nothing, `null` and `~`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self.core(), Some(Core::Null))
    }

    /// The entries of a mapping, in the order of the file. Empty for all else.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Mapping(entries) => entries,
            Value::Scalar(_) | Value::Sequence(_) => &[],
        }
    }

    /// The items of a list. Empty for all else.
    #[must_use]
    pub fn items(&self) -> &[Self] {
        match &self.value {
            Value::Sequence(items) => items,
            Value::Scalar(_) | Value::Mapping(_) => &[],
        }
    }

    /// The value of a key. `None` when there is no such key or this is no mapping. Linear: meant
    /// for records, not for mappings of thousands.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|entry| &*entry.key == key).map(|entry| &entry.value)
    }

    /// What stands here, for messages: `a mapping`, ``the text `web` ``, ``the number `22` ``.
    #[must_use]
    pub fn described(&self) -> String {
        use crate::yaml::defect::quoted;
        match &self.value {
            Value::Mapping(_) => "a mapping".into(),
            Value::Sequence(_) => "a list".into(),
            Value::Scalar(scalar) => match scalar.core() {
                Core::Null => "nothing".into(),
                Core::Flag(flag) => format!("the flag `{flag}`"),
                Core::Integer(_) | Core::Float(_) => {
                    format!("the number {}", quoted(&scalar.text))
                }
                Core::Text(text) => format!("the text {}", quoted(text)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn core(text: &str) -> Core<'_> {
        // Leaked so that the table below can be written in one line each.
        Box::leak(Box::new(Scalar { text: text.into(), plain: true })).core()
    }

    #[test]
    fn plain_words_mean_what_the_core_schema_says() {
        for text in [
            "no", "yes", "on", "off", "NO", "1:30", "0b1", "1_000", "-", "+", ".", "1.2.3",
            "10.0.0.5", "0x", "0o8", "1e", "e5", "-0x1", "Nan", "tRUE",
        ] {
            assert_eq!(core(text), Core::Text(text), "{text}");
        }
        for (text, number) in
            [("22", 22), ("-1", -1), ("+7", 7), ("0o17", 15), ("0xfF", 255), ("017", 17)]
        {
            assert_eq!(core(text), Core::Integer(number), "{text}");
        }
        for text in [
            "1.5",
            ".5",
            "5.",
            "1e5",
            "-1.5E-3",
            ".inf",
            "-.INF",
            ".nan",
            "10.1",
            "99999999999999999999",
        ] {
            assert_eq!(core(text), Core::Float(text), "{text}");
        }
        for text in ["", "~", "null"] {
            assert_eq!(core(text), Core::Null);
        }
        assert_eq!(core("true"), Core::Flag(true));
        let quoted = Scalar { text: "22".into(), plain: false };
        assert_eq!(quoted.core(), Core::Text("22"));
    }
}
