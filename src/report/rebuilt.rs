//! The field list of what a rebuild did.

use crate::report::answer::answer;
use crate::report::field::{Column, Field, Kind};
use crate::report::value::{Type, Value};

/// What a rebuild did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RebuiltRow {
    /// Runs read.
    pub runs: u64,
    /// Snapshots stored.
    pub snapshots: u64,
    /// The store's file.
    pub store: String,
    /// Files that could not be read, with the reason.
    pub unreadable: Vec<String>,
}

/// The kind `rebuilt`.
#[derive(Clone, Copy, Debug)]
pub struct RebuiltStores;

impl Kind for RebuiltStores {
    type Body<'x> = RebuiltRow;

    const NAME: &'static str = "rebuilt";

    const DOC: &'static str = "A store that was made again from evidence.";

    const FIELDS: &'static [Field<Self>] = answer![
        Field::always("runs", Type::Integer, "Runs read.", |row| row.record.runs.into()),
        Field::always("snapshots", Type::Integer, "Snapshots stored.", |row| {
            row.record.snapshots.into()
        }),
        Field::always("store", Type::Text, "The store's file.", |row| (&row.record.store).into()),
        Field::always(
            "unreadable",
            Type::Texts,
            "Files that could not be read, with the reason.",
            |row| Value::list(&row.record.unreadable),
        ),
    ];

    const COLUMNS: &'static [Column] = &[
        Column::of("RUNS", "runs"),
        Column::of("SNAPSHOTS", "snapshots"),
        Column::of("STORE", "store"),
        Column::sample("UNREADABLE", "unreadable"),
    ];
}
