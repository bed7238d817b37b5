//! The field list of issues: what could not be read, or was read with a doubt.

use crate::model::issue_code::IssueCode;
use crate::model::parsed::{Issue, Severity};
use crate::model::record::{SectionIssue, Source};
use crate::report::envelope::{Context, Recorded, with_envelope};
use crate::report::field::{Column, Field, Kind};
use crate::report::value::{Type, Value};

/// The kind `issue`.
#[derive(Clone, Copy, Debug)]
pub struct Issues;

/// An issue with its place, which stands in the issue itself and not in a list of sources.
#[derive(Clone, Copy, Debug)]
pub struct IssueRow<'a> {
    /// The issue.
    pub issue: &'a Issue,
    source: [Source; 1],
}

impl<'a> IssueRow<'a> {
    /// An issue of a section; 1 for a text alone, 0 for a snapshot as a whole.
    #[must_use]
    pub const fn new(section: u16, issue: &'a Issue) -> Self {
        let source = [Source { section, start: issue.span.start, end: issue.span.end }];
        Self { issue, source }
    }

    /// An issue of a snapshot's records.
    #[must_use]
    pub const fn of(issue: &'a SectionIssue) -> Self {
        Self::new(issue.section, &issue.issue)
    }

    /// As a row. An issue of the snapshot as a whole has no source.
    #[must_use]
    pub fn recorded<'r>(&'r self, context: &'r Context<'r>) -> Recorded<'r, Self> {
        let whole = self.source.iter().any(|source| source.section == 0);
        let sources: &[Source] = if whole { &[] } else { &self.source };
        Recorded { context, record: self, sources }
    }
}

/// The word for a severity.
#[must_use]
pub const fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "note",
        Severity::Unparsed => "unparsed",
    }
}

impl Kind for Issues {
    type Body<'x> = IssueRow<'x>;

    const NAME: &'static str = "issue";

    const DOC: &'static str =
        "Something that could not be read, or a doubt. The whole text stands in the evidence.";

    const FIELDS: &'static [Field<Self>] = with_envelope![
        Field::always(
            "severity",
            Type::Word(|| vec!["note", "unparsed"]),
            "`unparsed`: the facts of the line are missing from the records.",
            |row| severity_word(row.record.issue.severity).into(),
        ),
        Field::always(
            "code",
            Type::Word(|| IssueCode::WORDS.to_vec()),
            "What kind of issue it is, in a word that does not change.",
            |row| row.record.issue.code().as_str().into(),
        ),
        Field::reported(
            "line",
            Type::Integer,
            "Line in the section, from 1. `null` where the format has no lines.",
            |row| match row.record.issue.span.line {
                0 => Value::Null,
                line => line.into(),
            },
        ),
        Field::always("message", Type::Text, "What was expected.", |row| {
            (&row.record.issue.message).into()
        }),
        Field::always("text", Type::Text, "The text, at most 256 bytes of it, escaped.", |row| {
            (&row.record.issue.text).into()
        }),
    ];

    const COLUMNS: &'static [Column] = &[
        Column::of("SEVERITY", "severity"),
        Column::of("PROBE", "probes"),
        Column::of("LINE", "line"),
        Column::of("MESSAGE", "message"),
        Column::of("TEXT", "text"),
    ];
}
