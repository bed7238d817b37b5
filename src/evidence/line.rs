//! One line of an evidence file: `key: value`, escaped so that a value never breaks the line.
//!
//! An absent value is `-`; an empty text is `""`; a text that would read as one of these two is
//! escaped byte by byte. So each value has one form, and each form one value.

use std::fmt::{Display, Write as _};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::canonical;
use crate::model::text::{HostText, escape};

/// Longest line of a head. An argument vector of Linux stays below (`MAX_ARG_STRLEN`, 128 KiB).
pub(super) const LINE_BYTES_MAX: usize = 1 << 20;

/// Stands for a value that is absent.
const ABSENT: &str = "-";
const EMPTY: &str = "\"\"";

/// A head that is being written.
#[derive(Debug, Default)]
pub(super) struct Lines(pub(super) String);

impl Lines {
    pub(super) fn add(&mut self, key: &str, value: impl Display) -> &mut Self {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "{key}: {value}");
        self
    }

    pub(super) fn text(&mut self, key: &str, value: &str) -> &mut Self {
        let value = match value {
            "" => EMPTY.to_owned(),
            ABSENT => r"\x2d".to_owned(),
            EMPTY => r"\x22\x22".to_owned(),
            _ => escape(value.as_bytes()),
        };
        self.add(key, value)
    }

    pub(super) fn option(&mut self, key: &str, value: Option<impl AsRef<str>>) -> &mut Self {
        match value {
            Some(value) => self.text(key, value.as_ref()),
            None => self.add(key, ABSENT),
        }
    }

    /// A value with parts, as JSON on one line.
    pub(super) fn json(&mut self, key: &str, value: &impl Serialize) -> &mut Self {
        // The model's types have string keys only, so the error cannot occur; if it ever did, the
        // line would be refused by the reader, which the writer asks before it writes.
        self.add(key, canonical::to_line(value).unwrap_or_default())
    }

    pub(super) fn json_option(&mut self, key: &str, value: Option<&impl Serialize>) -> &mut Self {
        match value {
            Some(value) => self.json(key, value),
            None => self.add(key, ABSENT),
        }
    }
}

/// What a line should have been.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Expected {
    /// Byte offset of the line in the head.
    pub(super) at: usize,
    /// What was expected there.
    pub(super) what: String,
}

/// A head that is being read: each line must be the next key.
#[derive(Debug)]
pub(super) struct Values<'a> {
    head: &'a str,
    at: usize,
}

impl<'a> Values<'a> {
    pub(super) const fn new(head: &'a str) -> Self {
        Self { head, at: 0 }
    }

    /// The whole next line, read by `parse`.
    pub(super) fn whole<T>(
        &mut self,
        what: &str,
        parse: impl FnOnce(&'a str) -> Option<T>,
    ) -> Result<T, Expected> {
        let at = self.at;
        let line = self.head.get(at..).and_then(|rest| rest.split_once('\n')).map(|(line, _)| line);
        self.at += line.map_or(0, |line| line.len() + 1);
        line.and_then(parse).ok_or_else(|| Expected { at, what: what.to_owned() })
    }

    /// The value of the next line, which must have this key.
    pub(super) fn read<T>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&'a str) -> Option<T>,
    ) -> Result<T, Expected> {
        self.whole(&format!("`{key}: ` and its value"), |line| {
            parse(line.strip_prefix(key)?.strip_prefix(": ")?)
        })
    }

    /// True when the next line has this key. It is not read.
    pub(super) fn next_is(&self, key: &str) -> bool {
        let rest = self.head.get(self.at..).unwrap_or_default();
        rest.strip_prefix(key).is_some_and(|rest| rest.starts_with(": "))
    }

    pub(super) fn parse<T: std::str::FromStr>(&mut self, key: &str) -> Result<T, Expected> {
        self.read(key, |value| value.parse().ok())
    }

    pub(super) fn text(&mut self, key: &str) -> Result<String, Expected> {
        self.read(key, unescape)
    }

    /// An optional text, read by `parse`.
    pub(super) fn option<T>(
        &mut self,
        key: &str,
        parse: impl FnOnce(String) -> Option<T>,
    ) -> Result<Option<T>, Expected> {
        self.read(key, |value| match value {
            ABSENT => Some(None),
            _ => unescape(value).and_then(parse).map(Some),
        })
    }

    pub(super) fn json<T: DeserializeOwned>(&mut self, key: &str) -> Result<T, Expected> {
        self.read(key, |value| serde_json::from_str(value).ok())
    }

    pub(super) fn json_option<T: DeserializeOwned>(
        &mut self,
        key: &str,
    ) -> Result<Option<T>, Expected> {
        self.read(key, |value| match value {
            ABSENT => Some(None),
            _ => serde_json::from_str(value).ok().map(Some),
        })
    }
}

fn unescape(value: &str) -> Option<String> {
    match value {
        ABSENT => None,
        EMPTY => Some(String::new()),
        _ => String::from_utf8(HostText::from_escaped(value)?.bytes().to_vec()).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_is_one_line_and_comes_back(text in prop_oneof![
            ".*", Just(String::new()), Just("-".to_owned()), Just("\"\"".to_owned()),
            Just("a\nb: c\u{202e}".to_owned())
        ]) {
            let mut lines = Lines::default();
            lines.text("a", &text).option("b", Some(&text)).option("c", None::<&str>);
            prop_assert_eq!(lines.0.lines().count(), 3);
            let mut values = Values::new(&lines.0);
            prop_assert_eq!(values.text("a"), Ok(text.clone()));
            prop_assert_eq!(values.option("b", Some), Ok(Some(text)));
            prop_assert_eq!(values.option("c", Some), Ok(None));
        }
    }
}
