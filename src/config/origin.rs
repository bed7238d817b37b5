//! Where a value came from, in words.

use std::fmt;
use std::sync::Arc;

/// The place that decided a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Built in.
    Default,
    /// A file, with the line of the value, from 1.
    File(Arc<str>, u32),
    /// A variable of the environment, by name.
    Variable(&'static str),
    /// An option of the command line, as it is written.
    Option(&'static str),
}

/// `default`, `FILE:LINE`, `$NAME` or `option --name`.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(file, line) => write!(f, "{file}:{line}"),
            Self::Variable(name) => write!(f, "${name}"),
            Self::Option(option) => write!(f, "option {option}"),
        }
    }
}

/// A value and its origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen<T> {
    /// The value.
    pub value: T,
    /// Where it came from.
    pub origin: Origin,
}

impl<T> Chosen<T> {
    /// A built-in value.
    pub const fn default(value: T) -> Self {
        Self { value, origin: Origin::Default }
    }
}
