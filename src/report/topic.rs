//! The field list of an explanation: what a code, a fault or an exit code means.

use crate::model::query::Topic;
use crate::report::answer::answer;
use crate::report::field::{Column, Field, Kind};
use crate::report::value::Type;

/// The kind `topic`.
#[derive(Clone, Copy, Debug)]
pub struct Topics;

impl Kind for Topics {
    type Body<'x> = Topic;

    const NAME: &'static str = "topic";

    const DOC: &'static str = "What a code, a fault or an exit code means, and what to do.";

    const FIELDS: &'static [Field<Self>] = answer![
        Field::always("name", Type::Text, "The code or word.", |row| (&row.record.name).into()),
        Field::always("about", Type::Text, "What it belongs to.", |row| {
            (&row.record.about).into()
        }),
        Field::always("meaning", Type::Text, "What it means.", |row| {
            (&row.record.meaning).into()
        }),
        Field::reported(
            "exit",
            Type::Integer,
            "Exit code of a command that ends with it.",
            |row| { row.record.exit.into() }
        ),
        Field::reported("remedy", Type::Text, "What to do.", |row| {
            row.record.remedy.as_ref().into()
        }),
        Field::reported("wrong", Type::Text, "A file that shows it.", |row| {
            row.record.wrong.as_ref().into()
        }),
        Field::reported("right", Type::Text, "The same file, mended.", |row| {
            row.record.right.as_ref().into()
        }),
    ];

    const COLUMNS: &'static [Column] = &[
        Column::of("NAME", "name"),
        Column::of("EXIT", "exit"),
        Column::of("ABOUT", "about"),
        Column::of("MEANING", "meaning"),
    ];
}
