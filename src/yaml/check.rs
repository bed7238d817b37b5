//! Compares a tree with its table and reports every difference.
//!
//! After [`check`] the caller takes out what it needs with [`Node::get`], [`Node::text`] and so on;
//! where those give `None` although the key is there, the defect is already reported.

use crate::yaml::defect::{Defects, quoted};
use crate::yaml::node::{Core, Entry, Node, Place, Value};
use crate::yaml::shape::{Record, Shape};
use crate::yaml::suggest::{did_you_mean, nearest};

/// Codes of the four faults a table can show, one set for each kind of file.
#[derive(Clone, Copy, Debug)]
pub struct Codes {
    /// A key the table does not have.
    pub unknown_key: &'static str,
    /// A required key that is not there.
    pub missing_key: &'static str,
    /// A value of another type.
    pub wrong_type: &'static str,
    /// A value of the right type that is out of range or none of the words.
    pub bad_value: &'static str,
}

/// Keys under which people put secrets by mistake: what stands there is never shown.
const NEVER_SHOWN: &[&str] = &["passphrase", "password", "secret", "token"];

/// Checks a whole file against its top record.
pub fn check(node: &Node, record: &'static Record, codes: &Codes, defects: &mut Defects) {
    let top = Here { key: None, record: record.name, name: None };
    let mut checker = Checker { codes, defects };
    match &node.value {
        Value::Mapping(entries) => checker.record(node.place, entries, record, top),
        Value::Scalar(_) | Value::Sequence(_) => {
            checker.wrong_type(node, &Shape::Record(record), top);
        }
    }
}

/// Where the checker is, for messages.
#[derive(Clone, Copy)]
struct Here<'a> {
    /// The key whose value is looked at. `None` at the top.
    key: Option<&'a str>,
    /// What the enclosing record describes.
    record: &'static str,
    /// Its name, when it stands in a mapping with free keys.
    name: Option<&'a str>,
}

impl Here<'_> {
    /// ``host `web-1` ``, or the bare word of the record.
    fn owner(&self) -> String {
        match self.name {
            Some(name) => format!("{} {}", self.record, quoted(name)),
            None => format!("the {}", self.record),
        }
    }

    /// `` `port` of host `web-1` ``.
    fn subject(&self) -> String {
        match self.key {
            Some(key) => format!("{} of {}", quoted(key), self.owner()),
            None => self.owner(),
        }
    }
}

struct Checker<'a> {
    codes: &'a Codes,
    defects: &'a mut Defects,
}

impl Checker<'_> {
    fn shape(&mut self, node: &Node, shape: &'static Shape, here: Here<'_>) {
        match shape {
            Shape::Flag if node.flag().is_some() => {}
            Shape::Integer { min, max } => self.integer(node, *min, *max, here),
            Shape::Word(words) => self.word(node, words, shape, here),
            Shape::Text(_) if node.text().is_some() => {}
            Shape::Verbatim(_) if node.verbatim().is_some() => {}
            Shape::List { of, least } => self.list(node, (of, *least), shape, here),
            Shape::Map { of, .. } => match &node.value {
                Value::Mapping(entries) => self.map(entries, of, here),
                Value::Scalar(_) | Value::Sequence(_) => self.wrong_type(node, shape, here),
            },
            Shape::Record(record) => match &node.value {
                Value::Mapping(entries) => self.record(node.place, entries, record, here),
                Value::Scalar(_) | Value::Sequence(_) => self.wrong_type(node, shape, here),
            },
            Shape::OrNothing(_) if node.is_null() => {}
            Shape::OrNothing(shape) => self.shape(node, shape, here),
            Shape::OneOf(shapes) => match shapes.iter().find(|shape| fits(node, shape)) {
                Some(shape) => self.shape(node, shape, here),
                None => self.wrong_type(node, shape, here),
            },
            Shape::Flag | Shape::Text(_) | Shape::Verbatim(_) => self.wrong_type(node, shape, here),
        }
    }

    fn integer(&mut self, node: &Node, min: i64, max: i64, here: Here<'_>) {
        let shape = &Shape::Integer { min, max };
        match node.integer() {
            Some(number) if (min..=max).contains(&number) => {}
            Some(number) => {
                let message =
                    format!("{} is {number}, expected {}", here.subject(), shape.expects());
                self.defects.report(self.codes.bad_value, node.place, message, None);
            }
            None => self.wrong_type(node, shape, here),
        }
    }

    fn word(
        &mut self,
        node: &Node,
        words: &'static [&'static str],
        shape: &'static Shape,
        here: Here<'_>,
    ) {
        match node.text() {
            Some(text) if words.contains(&text) => {}
            Some(text) => {
                let expects = shape.expects();
                let message = format!("{} is {}, expected {expects}", here.subject(), quoted(text));
                let help = did_you_mean(text, words.iter().copied());
                self.defects.report(self.codes.bad_value, node.place, message, help);
            }
            None => self.wrong_type(node, shape, here),
        }
    }

    fn list(
        &mut self,
        node: &Node,
        (of, least): (&'static Shape, usize),
        shape: &'static Shape,
        here: Here<'_>,
    ) {
        let Value::Sequence(items) = &node.value else {
            return self.wrong_type(node, shape, here);
        };
        if items.len() < least {
            let message = format!("{} is empty, expected at least {least} item", here.subject());
            self.defects.report(self.codes.bad_value, node.place, message, None);
        }
        for item in items {
            self.shape(item, of, here);
        }
    }

    fn map(&mut self, entries: &[Entry], of: &'static Shape, here: Here<'_>) {
        for entry in entries {
            let inner = match of {
                Shape::Record(record) | Shape::OrNothing(Shape::Record(record)) => {
                    Here { key: None, record: record.name, name: Some(&entry.key) }
                }
                _ => Here { key: Some(&entry.key), ..here },
            };
            self.shape(&entry.value, of, inner);
        }
    }

    fn record(&mut self, place: Place, entries: &[Entry], record: &'static Record, here: Here<'_>) {
        // A record inside a named one keeps the name: "passphrase of account `nightly`".
        for entry in entries {
            match record.fields.iter().find(|field| field.name == &*entry.key) {
                Some(field) => {
                    let inner = Here { key: Some(&entry.key), ..here };
                    self.shape(&entry.value, &field.shape, inner);
                }
                None => self.unknown_key(entry, record, here),
            }
        }
        for field in record.fields.iter().filter(|field| field.required) {
            if !entries.iter().any(|entry| &*entry.key == field.name) {
                let message = format!("{} has no `{}`", here.subject(), field.name);
                let help = format!("add `{}:` {}", field.name, field.shape.expects());
                self.defects.report(self.codes.missing_key, place, message, Some(help));
            }
        }
    }

    fn unknown_key(&mut self, entry: &Entry, record: &'static Record, here: Here<'_>) {
        let key = &*entry.key;
        let hint = record.hints.iter().find(|(word, _)| *word == key);
        let near = nearest(key, record.keys());
        let help = match (hint, near) {
            (Some((_, hint)), _) => (*hint).to_owned(),
            (None, Some(near)) => format!("did you mean `{near}`?"),
            (None, None) => {
                let keys: Vec<&str> = record.keys().collect();
                format!("the keys are {}", keys.join(", "))
            }
        };
        let message = format!("unknown key {} for {}", quoted(key), here.subject());
        self.defects.report(self.codes.unknown_key, entry.place, message, Some(help));
    }

    fn wrong_type(&mut self, node: &Node, shape: &Shape, here: Here<'_>) {
        let secret = here.key.is_some_and(|key| NEVER_SHOWN.contains(&key));
        let found = if secret { "something that is not shown".into() } else { node.described() };
        let expects = shape.expects();
        let message = format!("{} is {found}, expected {expects}", here.subject());
        let help = match node.core() {
            Some(Core::Text(_)) if secret => {
                Some("secrets never stand in such a file: name where it comes from".to_owned())
            }
            Some(Core::Null) => Some("give a value, or leave the key out".to_owned()),
            Some(Core::Integer(_) | Core::Float(_) | Core::Flag(_)) if takes_text(shape) => {
                Some("put the value in quotes to make it text".to_owned())
            }
            Some(Core::Text(_)) if matches!(shape, Shape::List { .. }) => {
                Some("put the value in brackets: `[value]`".to_owned())
            }
            Some(Core::Text("yes" | "on" | "no" | "off")) if matches!(shape, Shape::Flag) => {
                Some("YAML 1.2 knows only `true` and `false`".to_owned())
            }
            _ => None,
        };
        self.defects.report(self.codes.wrong_type, node.place, message, help);
    }
}

/// Whether a number in quotes could be right. Quotes do not help where a unit is missing.
fn takes_text(shape: &Shape) -> bool {
    match shape {
        Shape::Text(format) => !format.example.starts_with(|c: char| c.is_ascii_digit()),
        _ => matches!(shape, Shape::Verbatim(_) | Shape::Word(_)),
    }
}

/// Whether a value is of the kind of a shape; what is inside does not count.
fn fits(node: &Node, shape: &Shape) -> bool {
    match shape {
        Shape::Flag => node.flag().is_some(),
        Shape::Integer { .. } => node.integer().is_some(),
        Shape::Word(words) => node.text().is_some_and(|text| words.contains(&text)),
        Shape::Text(_) => node.text().is_some(),
        Shape::Verbatim(_) => node.verbatim().is_some(),
        Shape::List { .. } => matches!(node.value, Value::Sequence(_)),
        Shape::Map { .. } | Shape::Record(_) => matches!(node.value, Value::Mapping(_)),
        Shape::OrNothing(shape) => node.is_null() || fits(node, shape),
        Shape::OneOf(shapes) => shapes.iter().any(|shape| fits(node, shape)),
    }
}
