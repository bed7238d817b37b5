//! What all answers of the rich profile have in common: a version, lists, and the errors that the
//! commands met.
//!
//! In: the document of one script. Out: what the readers of its lists make of it, and an issue for
//! each thing that it should say and does not: an answer without a list is not an empty list.

use serde_json::Value;

use crate::model::parsed::{Issue, Reader, Sink, Span};
use crate::probe::json::Fields;
use crate::probe::json_tree::{Kind, Place, Tree, TreeParser};
use crate::probe::windows::standard_error::says_denied;

/// Version of what the scripts print.
const VERSION: u64 = 1;

/// A member that must come, and how it is read.
pub(super) struct Member {
    /// Its name.
    pub(super) name: &'static str,
    /// How.
    pub(super) read: Read,
}

/// How a member is read.
#[derive(Clone, Copy)]
pub(super) enum Read {
    /// Rows with these members, by this function.
    Rows(&'static [&'static str], ReadRow),
    /// A single value.
    Value(ReadValue),
}

/// Reads one row.
pub(super) type ReadRow = fn(Span, &Fields, &mut dyn Sink) -> Result<(), &'static str>;

/// Reads a single value.
pub(super) type ReadValue = fn(Span, &Value, &mut dyn Sink) -> Result<(), &'static str>;

/// A reader of an answer with these members.
pub(super) fn reader(members: &'static [Member]) -> Box<dyn Reader> {
    Box::new(Tree::new(Answer { members, seen: Vec::new() }))
}

struct Answer {
    members: &'static [Member],
    /// Names of the members of this document that came.
    seen: Vec<&'static str>,
}

impl Answer {
    fn member(&self, path: &str) -> Option<&'static Member> {
        self.members.iter().find(|member| member.name == path)
    }

    fn came(&mut self, name: &'static str) {
        if !self.seen.contains(&name) {
            self.seen.push(name);
        }
    }
}

impl TreeParser for Answer {
    fn kind(&self, path: &str) -> Kind {
        match (path, self.member(path)) {
            ("v" | "errors", _) | (_, Some(Member { read: Read::Value(_), .. })) => Kind::Value,
            (_, Some(Member { read: Read::Rows(members, _), .. })) => Kind::Rows(members),
            (_, None) => Kind::Unknown,
        }
    }

    fn begun(&mut self, path: &str) {
        if let Some(member) = self.member(path) {
            self.came(member.name);
        }
    }

    fn row(
        &mut self,
        place: Place<'_>,
        fields: &Fields,
        sink: &mut dyn Sink,
    ) -> Result<(), &'static str> {
        match self.member(place.path) {
            Some(Member { read: Read::Rows(_, read), .. }) => read(place.span, fields, sink),
            _ => Err("expected rows of a known list"),
        }
    }

    fn value(
        &mut self,
        place: Place<'_>,
        value: &Value,
        sink: &mut dyn Sink,
    ) -> Result<(), &'static str> {
        match (place.path, self.member(place.path)) {
            ("v", _) => {
                self.came("v");
                if value.as_u64() != Some(VERSION) {
                    return Err("expected version 1 of this answer");
                }
                sink.header(place.span);
                Ok(())
            }
            ("errors", _) => {
                self.came("errors");
                errors(place.span, value, sink)
            }
            (_, Some(Member { read: Read::Value(read), .. })) => read(place.span, value, sink),
            _ => Err("expected a known value"),
        }
    }

    fn document_ended(&mut self, span: Span, sink: &mut dyn Sink) {
        let seen = std::mem::take(&mut self.seen);
        let wanted = ["v", "errors"].into_iter().chain(self.members.iter().map(|m| m.name));
        for name in wanted.filter(|name| !seen.contains(name)) {
            // Its bytes are the document's last, which are counted as a header.
            let nothing = Span { start: span.end, ..span };
            let expected = format!("expected the member `{name}`: what it tells is missing");
            sink.issue(Issue::unparsed(nothing, expected, b""));
        }
    }
}

/// What the commands could not do: text in the language of the host.
fn errors(span: Span, value: &Value, sink: &mut dyn Sink) -> Result<(), &'static str> {
    let listed = match value {
        Value::Null => &[],
        Value::Array(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    for item in listed {
        let text = item.as_str().map_or_else(|| item.to_string(), str::to_owned);
        let message = if says_denied(text.as_bytes()) {
            "the account may not ask what a command of the script asks"
        } else {
            "a command of the script met an error"
        };
        sink.issue(Issue::note(span, message, text.as_bytes()));
    }
    if !listed.is_empty() {
        return Err("the script met errors, so rows may be missing");
    }
    sink.header(span);
    Ok(())
}
