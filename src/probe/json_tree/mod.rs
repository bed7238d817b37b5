//! Rows inside a nested JSON document, handed out one at a time.
//!
//! ```text
//! {"__version":"1","statistics":{"socket":[{"protocol":"tcp4 ",...},{...}]}}
//! {"v":1,"tcp":[{"LocalPort":22,...}],"udp":{"LocalPort":53},"errors":[]}
//! ```
//! Comes in: bytes in any chunks, UTF-8 or UTF-16LE with or without a byte-order mark, or UTF-16BE with one. Goes out: each
//! object of an array that the parser asks for, with the names of the members that lead to it joined
//! by `/` (`statistics/socket`) and its byte range; single values that it asks for; and an issue for
//! everything else. Nothing is held but the current row or value, cut at [`HELD_BYTES_MAX`].
//!
//! - An object where rows are expected is one row: PowerShell 5.1 prints one row so. `null` is none,
//!   and an object of `value` and `Count` is an array that 5.1 wrapped.
//! - Brackets, commas, names of known members and single values are headers.
//! - A line outside of a document (a warning, a record of progress) is an issue, as is a member, an
//!   array of arrays or a value that the parser does not know. What stands behind is read.
//! - A document that ends in the middle is an issue; the rows before it are kept.
//! - Depth is bounded without recursion: walked objects nest at most [`DEPTH_MAX`] deep, and a row
//!   that nests deeper than `serde_json` allows is an issue.
//!
//! Source: RFC 8259.

mod encoding;
mod surrogates;
mod walker;
#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::model::parsed::{Reader, Sink, Span};
use crate::probe::json::Fields;
use crate::probe::json_tree::encoding::Decoder;
use crate::probe::json_tree::walker::Walker;

/// Most bytes of one row or value: 4 MiB, as for an element of [`crate::probe::json`].
pub const HELD_BYTES_MAX: usize = crate::probe::json::ELEMENT_BYTES_MAX;

/// Deepest nesting of objects and arrays that are walked: 32. The deepest known answer has 8.
pub const DEPTH_MAX: usize = 32;

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An object whose members are looked at one by one, or an array of such objects.
    Walk,
    /// Rows, with the names of the members that they may have.
    Rows(&'static [&'static str]),
    /// A single value, given whole.
    Value,
    /// Nothing that is known.
    Unknown,
}

/// Where a row or a value stands.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Names of the members that lead to it, joined by `/`. Empty: the document itself.
    pub path: &'a str,
    /// Its bytes.
    pub span: Span,
}

/// A parser of rows.
pub trait TreeParser {
    /// Says what stands at a path.
    fn kind(&self, path: &str) -> Kind;

    /// A member of [`Kind::Rows`] or [`Kind::Value`] begins, whatever comes of it.
    fn begun(&mut self, path: &str) {
        let _ = path;
    }

    /// Hands out what a row says, or says that it is a known header. `{}` never comes here.
    ///
    /// # Errors
    /// What was expected, as a fragment, when it cannot be read.
    fn row(
        &mut self,
        place: Place<'_>,
        fields: &Fields,
        sink: &mut dyn Sink,
    ) -> Result<(), &'static str>;

    /// Hands out what a value of a path of [`Kind::Value`] says, or says that it is a known header.
    ///
    /// # Errors
    /// What was expected, as a fragment, when it cannot be read.
    fn value(
        &mut self,
        place: Place<'_>,
        value: &Value,
        sink: &mut dyn Sink,
    ) -> Result<(), &'static str>;

    /// A document has ended whole; `span` is its last byte.
    fn document_ended(&mut self, span: Span, sink: &mut dyn Sink) {
        let _ = (span, sink);
    }
}

/// Turns a [`TreeParser`] into a [`Reader`].
#[derive(Debug)]
pub struct Tree<P> {
    decoder: Decoder,
    walker: Walker<P>,
}

impl<P: TreeParser> Tree<P> {
    /// A reader in front of `parser`.
    pub const fn new(parser: P) -> Self {
        Self { decoder: Decoder::new(), walker: Walker::new(parser) }
    }
}

impl<P: TreeParser> Reader for Tree<P> {
    fn push(&mut self, chunk: &[u8], sink: &mut dyn Sink) {
        let Self { decoder, walker } = self;
        decoder.push(chunk, &mut |unit| walker.unit(&unit, sink));
    }

    fn finish(&mut self, sink: &mut dyn Sink) {
        let Self { decoder, walker } = self;
        decoder.finish(&mut |unit| walker.unit(&unit, sink));
        walker.finish(sink);
    }
}
