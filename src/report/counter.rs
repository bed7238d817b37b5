//! The field list of protocol counters.

use crate::model::counter::Counter;
use crate::report::envelope::with_envelope;
use crate::report::field::{Column, Field, Kind};
use crate::report::value::{Type, Value};

/// The kind `counter`.
#[derive(Clone, Copy, Debug)]
pub struct Counters;

impl Kind for Counters {
    type Body<'x> = Counter;

    const NAME: &'static str = "counter";

    const DOC: &'static str = "One counter of a protocol, since boot.";

    const FIELDS: &'static [Field<Self>] = with_envelope![
        Field::always("protocol", Type::Text, "Protocol group as the kernel names it.", |row| {
            (&row.record.protocol).into()
        }),
        Field::always("name", Type::Text, "Counter as the kernel names it.", |row| {
            (&row.record.name).into()
        }),
        Field::always(
            "value",
            Type::Integer,
            "Value; can be negative. Text if it needs more than 64 bits.",
            |row| Value::number(row.record.value),
        ),
    ];

    const COLUMNS: &'static [Column] = &[
        Column::of("PROTOCOL", "protocol"),
        Column::of("NAME", "name"),
        Column::of("VALUE", "value"),
    ];
}
