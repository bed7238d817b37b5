//! The field list of change requests.

use crate::model::change::{ChangeVersion, ItemName, Window};
use crate::model::id::HostName;
use crate::report::answer::answer;
use crate::report::field::{Column, Field, Kind};
use crate::report::value::{Type, Value};

/// The kind `change_request`.
#[derive(Clone, Copy, Debug)]
pub struct ChangeRequests;

/// A change request on its way out.
#[derive(Clone, Debug)]
pub struct ChangeRequestRow<'a> {
    /// The change.
    pub version: &'a ChangeVersion,
    /// Hosts that it touches, sorted.
    pub hosts: Vec<HostName>,
    /// Names in it that mean no known host.
    pub unknown: Vec<&'a ItemName>,
    /// Names in it that could mean several.
    pub ambiguous: Vec<&'a ItemName>,
}

impl ChangeRequestRow<'_> {
    fn window(&self) -> Option<Window> {
        self.version.request.window()
    }
}

fn names<'r>(items: impl IntoIterator<Item = &'r ItemName>) -> Value<'r> {
    Value::list(items.into_iter().map(ItemName::as_str))
}

impl Kind for ChangeRequests {
    type Body<'x> = ChangeRequestRow<'x>;

    const NAME: &'static str = "change_request";

    const DOC: &'static str = "One change request, as an import brought it.";

    const FIELDS: &'static [Field<Self>] = answer![
        Field::always("number", Type::Text, "Its number, in upper case.", |row| {
            row.record.version.request.number.as_str().into()
        }),
        Field::reported("title", Type::Text, "What is to be done, one line.", |row| {
            row.record.version.request.title.as_ref().into()
        }),
        Field::reported("type", Type::Text, "For instance `normal` or `emergency`.", |row| {
            row.record.version.request.kind.as_ref().into()
        }),
        Field::reported(
            "state",
            Type::Text,
            "For instance `scheduled`, `closed` or `canceled`; lower case.",
            |row| row.record.version.request.state.as_ref().into(),
        ),
        Field::reported("requested_by", Type::Text, "Who wants it.", |row| {
            row.record.version.request.requested_by.as_ref().into()
        }),
        Field::reported("assigned_to", Type::Text, "Who does it.", |row| {
            row.record.version.request.assigned_to.as_ref().into()
        }),
        Field::reported("planned.start", Type::Time, "Planned start.", |row| {
            row.record.version.request.planned.start.into()
        }),
        Field::reported("planned.end", Type::Time, "Planned end.", |row| {
            row.record.version.request.planned.end.into()
        }),
        Field::reported("actual.start", Type::Time, "Actual start, as the ticket says.", |row| {
            row.record.version.request.actual.start.into()
        }),
        Field::reported("actual.end", Type::Time, "Actual end, as the ticket says.", |row| {
            row.record.version.request.actual.end.into()
        }),
        Field::reported(
            "window.start",
            Type::Time,
            "When it may have begun to work: the actual start, else the planned one.",
            |row| row.record.window().map(|window| window.start).into(),
        ),
        Field::reported(
            "window.end",
            Type::Time,
            "When it was over: the actual end, else the planned one, else its start.",
            |row| row.record.window().map(|window| window.end).into(),
        ),
        Field::always("hosts", Type::Texts, "Known hosts that it touches.", |row| {
            Value::list(row.record.hosts.iter().map(HostName::as_str))
        }),
        Field::always("items", Type::Texts, "Names of all that it touches.", |row| {
            names(row.record.version.request.touched())
        }),
        Field::always("unknown", Type::Texts, "Those of them that mean no known host.", |row| {
            names(row.record.unknown.iter().copied())
        }),
        Field::always("ambiguous", Type::Texts, "Those that could mean several.", |row| {
            names(row.record.ambiguous.iter().copied())
        }),
        Field::reported(
            "updated",
            Type::Time,
            "When the ticket system last changed it. `null`: the export does not say.",
            |row| row.record.version.request.updated.into(),
        ),
        Field::always("imported_at", Type::Time, "When it was imported so.", |row| {
            row.record.version.imported.into()
        }),
        Field::always("imported_by", Type::Text, "Who imported it.", |row| {
            (&row.record.version.by).into()
        }),
        Field::always("imported_from", Type::Text, "Name of the file.", |row| {
            (&row.record.version.file).into()
        }),
        Field::reported(
            "replaced_at",
            Type::Time,
            "When another version was imported. `null`: this is the present one.",
            |row| row.record.version.replaced.into(),
        ),
    ];

    const COLUMNS: &'static [Column] = &[
        Column::of("NUMBER", "number"),
        Column::of("STATE", "state"),
        Column::of("TYPE", "type"),
        Column::of("START", "window.start"),
        Column::of("END", "window.end"),
        Column::of("HOSTS", "hosts"),
        Column::of("UNKNOWN", "unknown"),
        Column::of("AMBIGUOUS", "ambiguous"),
        Column::of("TITLE", "title"),
        Column::of("IMPORTED", "imported_at"),
        Column::of("REPLACED", "replaced_at"),
    ];
}
