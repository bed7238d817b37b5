//! The field list of a kind of row: the one description that every output is made from.
//!
//! Comes in: nothing but types. Goes out: [`Kind`], which JSON, CSV, tables and the reference page
//! read. A field that is in no list is in no output; one that is in the list is in all of them.

use crate::report::envelope::Recorded;
use crate::report::value::{Type, Value};

/// A kind of row: a record kind, or an answer of the store.
pub trait Kind: Copy + Sized + 'static {
    /// What a row is about. The lifetime is that of text it borrows: a socket that was just parsed
    /// borrows from the line.
    type Body<'x>;

    /// The word in the field `kind`.
    const NAME: &'static str;

    /// What one row stands for, as one or two sentences.
    const DOC: &'static str;

    /// Every field, in the order of the CSV columns. JSON sorts by path.
    const FIELDS: &'static [Field<Self>];

    /// What a table for people shows, from left to right.
    const COLUMNS: &'static [Column];
}

/// How a field is read from a row.
pub type Get<K> = for<'r, 'x> fn(Recorded<'r, <K as Kind>::Body<'x>>) -> Value<'r>;

/// One field of a kind.
pub struct Field<K: Kind> {
    /// Canonical name; the dots are levels of the JSON object: `network.connection.state`.
    pub path: &'static str,
    /// What it holds.
    pub of: Type,
    /// Whether it can be `null`: the source did not report it.
    pub nullable: bool,
    /// What it means: unit, range, meaning of `null`, as one or two sentences.
    pub doc: &'static str,
    /// Reads it.
    pub get: Get<K>,
}

impl<K: Kind> Field<K> {
    /// A field that every row has.
    #[must_use]
    pub const fn always(path: &'static str, of: Type, doc: &'static str, get: Get<K>) -> Self {
        Self { path, of, nullable: false, doc, get }
    }

    /// A field that is `null` where the source does not report it.
    #[must_use]
    pub const fn reported(path: &'static str, of: Type, doc: &'static str, get: Get<K>) -> Self {
        Self { path, of, nullable: true, doc, get }
    }
}

/// One column of a table for people.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Title, upper case.
    pub title: &'static str,
    /// What stands in it.
    pub cell: Cell,
}

/// What stands in a cell, by the paths of fields.
#[derive(Clone, Copy, Debug)]
pub enum Cell {
    /// One field.
    Path(&'static str),
    /// Address, zone and port below this path, as `10.0.0.1:22` or `[fe80::1%eth0]:22`.
    Endpoint(&'static str),
    /// The first few texts of a list, and how many more there are.
    Sample(&'static str),
    /// Objects of a list by some of their members, joined by `/` as netstat does: `sshd/812`.
    Items {
        /// The list's path.
        path: &'static str,
        /// The members.
        members: &'static [&'static str],
        /// Field shown in parentheses when the list is empty.
        otherwise: Option<&'static str>,
    },
}

impl Column {
    /// A column with one field.
    #[must_use]
    pub const fn of(title: &'static str, path: &'static str) -> Self {
        Self { title, cell: Cell::Path(path) }
    }

    /// A column with an address and its port.
    #[must_use]
    pub const fn endpoint(title: &'static str, path: &'static str) -> Self {
        Self { title, cell: Cell::Endpoint(path) }
    }

    /// A column with the first few texts of a list.
    #[must_use]
    pub const fn sample(title: &'static str, path: &'static str) -> Self {
        Self { title, cell: Cell::Sample(path) }
    }

    /// A column with the objects of a list.
    #[must_use]
    pub const fn items(
        title: &'static str,
        path: &'static str,
        members: &'static [&'static str],
    ) -> Self {
        Self { title, cell: Cell::Items { path, members, otherwise: None } }
    }
}
