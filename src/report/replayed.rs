//! The field lists of a replay: one row per evidence file, and one per difference.

use crate::model::id::{HostName, RunId};
use crate::model::seen::ReplayChange;
use crate::model::snapshot::Outcome;
use crate::report::answer::answer;
use crate::report::field::{Column, Field, Kind};
use crate::report::value::{Type, Value, words_of};

/// What came of one evidence file. Of each pair, the first is what the store has; `None`: it has
/// nothing of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// The host.
    pub host: HostName,
    /// The run.
    pub run: RunId,
    /// The evidence file.
    pub file: String,
    /// Whether the store had something to compare with.
    pub compared: bool,
    /// How much of the plan was answered.
    pub outcomes: (Option<Outcome>, Outcome),
    /// Records, without issues.
    pub records: (Option<u64>, u64),
    /// Issues.
    pub issues: (Option<u64>, u64),
    /// Bytes of lines that were not understood.
    pub unparsed_bytes: (Option<u64>, u64),
    /// Differences of the kind `added`.
    pub added: u64,
    /// Differences of the kind `removed`.
    pub removed: u64,
    /// Differences of the kind `changed`.
    pub changed: u64,
    /// Sections whose reader or command is not that of then.
    pub remarks: Vec<String>,
}

/// One record that today's readers read otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The host.
    pub host: HostName,
    /// The evidence file.
    pub file: String,
    /// Kind of the record, `section` for what came of a section, `snapshot` for the whole.
    pub kind: String,
    /// What is other.
    pub change: ReplayChange,
    /// Section of the record. `None`: the snapshot as a whole.
    pub section: Option<u64>,
    /// First byte in the section. `None`: the snapshot as a whole.
    pub start: Option<u64>,
    /// Fields that differ, `path: before -> after`.
    pub fields: Vec<String>,
    /// What the store has, as JSON.
    pub before: Option<String>,
    /// What today's readers make, as JSON.
    pub after: Option<String>,
}

/// The kind `replayed`.
#[derive(Clone, Copy, Debug)]
pub struct ReplayedFiles;

impl Kind for ReplayedFiles {
    type Body<'x> = Replayed;

    const NAME: &'static str = "replayed";

    const DOC: &'static str = "One evidence file, read with today's readers and compared with what \
                               the store has of it.";

    const FIELDS: &'static [Field<Self>] = answer![
        Field::always("host_id", Type::Text, "The inventory's name of the host.", |row| {
            row.record.host.as_str().into()
        }),
        Field::always("run_id", Type::Text, "The run.", |row| row.record.run.as_str().into()),
        Field::always("evidence", Type::Text, "The evidence file.", |row| {
            (&row.record.file).into()
        }),
        Field::always("compared", Type::Bool, "Whether the store had something of it.", |row| {
            row.record.compared.into()
        }),
        Field::reported("outcome.before", words_of!(Outcome), "Outcome in the store.", |row| {
            row.record.outcomes.0.map(Outcome::as_str).into()
        }),
        Field::always("outcome.after", words_of!(Outcome), "Outcome today.", |row| {
            Value::Word(row.record.outcomes.1.as_str())
        }),
        Field::reported("records.before", Type::Integer, "Records in the store.", |row| {
            row.record.records.0.into()
        }),
        Field::always("records.after", Type::Integer, "Records today, without issues.", |row| {
            row.record.records.1.into()
        }),
        Field::reported("issues.before", Type::Integer, "Issues in the store.", |row| {
            row.record.issues.0.into()
        }),
        Field::always("issues.after", Type::Integer, "Issues today.", |row| {
            row.record.issues.1.into()
        }),
        Field::reported(
            "unparsed_bytes.before",
            Type::Integer,
            "Bytes of lines that were not understood, in the store.",
            |row| row.record.unparsed_bytes.0.into(),
        ),
        Field::always(
            "unparsed_bytes.after",
            Type::Integer,
            "Bytes of lines that are not understood today.",
            |row| row.record.unparsed_bytes.1.into(),
        ),
        Field::always("added", Type::Integer, "Records that only today's readers make.", |row| {
            row.record.added.into()
        }),
        Field::always("removed", Type::Integer, "Records that only the store has.", |row| {
            row.record.removed.into()
        }),
        Field::always("changed", Type::Integer, "Records that differ.", |row| {
            row.record.changed.into()
        }),
        Field::always(
            "remarks",
            Type::Texts,
            "Sections whose reader or command is not that of then.",
            |row| Value::list(&row.record.remarks),
        ),
    ];

    const COLUMNS: &'static [Column] = &[
        Column::of("HOST", "host_id"),
        Column::of("EVIDENCE", "evidence"),
        Column::of("COMPARED", "compared"),
        Column::of("RECORDS", "records.after"),
        Column::of("ADDED", "added"),
        Column::of("REMOVED", "removed"),
        Column::of("CHANGED", "changed"),
        Column::of("ISSUES", "issues.after"),
        Column::of("UNPARSED", "unparsed_bytes.after"),
        Column::of("OUTCOME", "outcome.after"),
        Column::sample("REMARKS", "remarks"),
    ];
}

/// The kind `difference`.
#[derive(Clone, Copy, Debug)]
pub struct Differences;

impl Kind for Differences {
    type Body<'x> = Difference;

    const NAME: &'static str = "difference";

    const DOC: &'static str =
        "One record that today's readers read otherwise than the store has it.";

    const FIELDS: &'static [Field<Self>] = answer![
        Field::always("host_id", Type::Text, "The inventory's name of the host.", |row| {
            row.record.host.as_str().into()
        }),
        Field::always("evidence", Type::Text, "The evidence file.", |row| {
            (&row.record.file).into()
        }),
        Field::always("change", words_of!(ReplayChange), "What is other.", |row| {
            Value::Word(row.record.change.as_str())
        }),
        Field::always(
            "record",
            Type::Text,
            "Kind of the record; `section`: what came of a section; `snapshot`: the whole.",
            |row| (&row.record.kind).into(),
        ),
        Field::reported("section", Type::Integer, "Section of the record, from 1.", |row| {
            row.record.section.into()
        }),
        Field::reported("start", Type::Integer, "Its first byte in the section.", |row| {
            row.record.start.into()
        }),
        Field::always("fields", Type::Texts, "What differs, `path: before -> after`.", |row| {
            Value::list(&row.record.fields)
        }),
        Field::reported("before", Type::Text, "What the store has, as JSON.", |row| {
            row.record.before.as_ref().into()
        }),
        Field::reported("after", Type::Text, "What today's readers make, as JSON.", |row| {
            row.record.after.as_ref().into()
        }),
    ];

    const COLUMNS: &'static [Column] = &[
        Column::of("HOST", "host_id"),
        Column::of("CHANGE", "change"),
        Column::of("RECORD", "record"),
        Column::of("SECTION", "section"),
        Column::of("START", "start"),
        Column::sample("FIELDS", "fields"),
        Column::of("BEFORE", "before"),
        Column::of("AFTER", "after"),
    ];
}
