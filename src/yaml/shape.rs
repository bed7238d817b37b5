//! The words for tables that describe a file: which keys, of which type, required or not.
//!
//! A table is a `const`; the checker, the JSON Schema and the reference page all read it, so they
//! cannot disagree. A reader of a new file writes one [`Record`] and is done.
//!
//! ```
//! use fleetstat::yaml::shape::{Field, Format, Record, Shape};
//!
//! const NAME: Format = Format { expects: "a name", pattern: Some("^[a-z]+$"), example: "ss" };
//! const PROBE: Record = Record {
//!     name: "probe",
//!     doc: "One probe of a site.",
//!     fields: &[
//!         Field { name: "name", doc: "Its name.", shape: Shape::Text(&NAME), required: true },
//!         Field { name: "fragile", doc: "Alone.", shape: Shape::Flag, required: false },
//!     ],
//!     hints: &[("title", "the key is called `name`")],
//! };
//! # assert_eq!(PROBE.fields.len(), 2);
//! ```

/// A mapping with known keys.
#[derive(Debug)]
pub struct Record {
    /// What it describes, one word for messages: `host`, `playbook`.
    pub name: &'static str,
    /// One sentence for the reference and the schema.
    pub doc: &'static str,
    /// The keys, in the order of the reference.
    pub fields: &'static [Field],
    /// Keys that people write instead, and what to tell them.
    pub hints: &'static [(&'static str, &'static str)],
}

/// One key of a record.
#[derive(Debug)]
pub struct Field {
    /// The key.
    pub name: &'static str,
    /// One or two sentences: meaning, unit, default.
    pub doc: &'static str,
    /// What stands there.
    pub shape: Shape,
    /// Whether it must be there.
    pub required: bool,
}

/// What a value may be.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// `true` or `false`.
    Flag,
    /// A whole number of a range, both ends included.
    Integer {
        /// Least.
        min: i64,
        /// Greatest.
        max: i64,
    },
    /// One of these words.
    Word(&'static [&'static str]),
    /// Text of a form. The checker sees only that it is text; the form is for the schema and the
    /// messages, and the caller's own type decides.
    Text(&'static Format),
    /// Any scalar, taken letter by letter as it was written: `-4` and `0.10` stay what they are.
    Verbatim(&'static Format),
    /// A list.
    List {
        /// What each item is.
        of: &'static Shape,
        /// Fewest items.
        least: usize,
    },
    /// A mapping with free keys.
    Map {
        /// Form of the keys; decided by the caller like [`Shape::Text`].
        keys: &'static Format,
        /// What each value is.
        of: &'static Shape,
    },
    /// A mapping with known keys.
    Record(&'static Record),
    /// The shape, or nothing at all (`web-1:` with no value).
    OrNothing(&'static Shape),
    /// The first of these that the value fits.
    OneOf(&'static [Shape]),
}

/// A form of text.
#[derive(Debug)]
pub struct Format {
    /// What it is, with its article, for messages: `a DNS name or IP address`.
    pub expects: &'static str,
    /// ECMA 262 regular expression for the schema, anchored. `None`: no simple one exists.
    pub pattern: Option<&'static str>,
    /// A value that is right.
    pub example: &'static str,
}

impl Record {
    /// The names of all keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &'static str> {
        self.fields.iter().map(|field| field.name)
    }
}

impl Shape {
    /// What is expected, for messages: `a list`, `true or false`.
    #[must_use]
    pub fn expects(&self) -> String {
        match self {
            Self::Flag => "true or false".into(),
            Self::Integer { min: i64::MIN, max: i64::MAX } => "a whole number".into(),
            Self::Integer { min, max } => format!("a whole number from {min} to {max}"),
            Self::Word(words) => match words {
                [word] => format!("`{word}`"),
                _ => format!("one of {}", words.join(", ")),
            },
            Self::Text(format) | Self::Verbatim(format) => {
                format!("{} such as `{}`", format.expects, format.example)
            }
            Self::List { .. } => "a list such as `[a, b]`".into(),
            Self::Map { .. } => "a mapping".into(),
            Self::Record(record) => {
                let keys: Vec<&str> = record.keys().take(4).collect();
                format!("a mapping with keys such as {}", keys.join(", "))
            }
            Self::OrNothing(shape) => shape.expects(),
            Self::OneOf(shapes) => {
                let all: Vec<String> = shapes.iter().map(Self::expects).collect();
                all.join(", or ")
            }
        }
    }
}
