//! The field lists of what an inventory and a plan say: hosts, the origin of their values, and the
//! commands that would be sent.

use crate::model::host::{Asset, Criticality, Exposure, Platform, TransportKind};
use crate::model::id::Label;
use crate::model::query::{Explanation, PlannedAction, PlannedCommand};
use crate::report::answer::answer;
use crate::report::field::{Column, Field, Kind};
use crate::report::value::{Type, Value, words_of};

/// The kind `asset`: a host as the inventory has it.
#[derive(Clone, Copy, Debug)]
pub struct Assets;

/// The kind `origin`: where one value of a host comes from.
#[derive(Clone, Copy, Debug)]
pub struct Origins;

/// The kind `command`: one line of a plan.
#[derive(Clone, Copy, Debug)]
pub struct Commands;

fn labels(labels: &[Label]) -> Value<'_> {
    Value::list(labels.iter().map(Label::as_str))
}

impl Kind for Assets {
    type Body<'x> = Asset;

    const NAME: &'static str = "asset";

    const DOC: &'static str = "One host, as the inventory has it.";

    const FIELDS: &'static [Field<Self>] = answer![
        Field::always("host_id", Type::Text, "Its name.", |row| row.record.name.as_str().into()),
        Field::always("address", Type::Text, "Where to connect.", |row| {
            (&row.record.address).into()
        }),
        Field::always("port", Type::Integer, "TCP port.", |row| row.record.port.into()),
        Field::always("platform", words_of!(Platform), "Operating system family.", |row| {
            Value::Word(row.record.platform.as_str())
        }),
        Field::always("transport", words_of!(TransportKind), "Road to the host.", |row| {
            Value::Word(row.record.transport.as_str())
        }),
        Field::reported("role", Type::Text, "What it is for.", |row| {
            row.record.role.as_ref().map(Label::as_str).into()
        }),
        Field::reported("environment", Type::Text, "Production, test or another stage.", |row| {
            row.record.environment.as_ref().map(Label::as_str).into()
        }),
        Field::reported("segment", Type::Text, "Network segment.", |row| {
            row.record.segment.as_ref().map(Label::as_str).into()
        }),
        Field::reported("site", Type::Text, "Location.", |row| {
            row.record.site.as_ref().map(Label::as_str).into()
        }),
        Field::reported("criticality", words_of!(Criticality), "Business weight.", |row| {
            row.record.criticality.map(Criticality::as_str).map_or(Value::Null, Value::Word)
        }),
        Field::reported("exposure", words_of!(Exposure), "From where it is reached.", |row| {
            row.record.exposure.map(Exposure::as_str).map_or(Value::Null, Value::Word)
        }),
        Field::reported("owner", Type::Text, "Who answers for it.", |row| {
            row.record.owner.as_ref().into()
        }),
        Field::always("tags", Type::Texts, "Tags, sorted.", |row| { labels(&row.record.tags) }),
        Field::always("services", Type::Texts, "Services it offers.", |row| {
            labels(&row.record.services)
        }),
        Field::reported("timezone", Type::Text, "IANA time zone.", |row| {
            row.record.timezone.as_ref().into()
        }),
    ];

    const COLUMNS: &'static [Column] = &[
        Column::of("HOST", "host_id"),
        Column::of("ADDRESS", "address"),
        Column::of("PORT", "port"),
        Column::of("PLATFORM", "platform"),
        Column::of("BY", "transport"),
        Column::of("ROLE", "role"),
        Column::of("ENV", "environment"),
        Column::of("SEGMENT", "segment"),
        Column::of("SITE", "site"),
        Column::of("TAGS", "tags"),
    ];
}

impl Kind for Origins {
    type Body<'x> = Explanation;

    const NAME: &'static str = "origin";

    const DOC: &'static str = "One value of a host, and where it comes from.";

    const FIELDS: &'static [Field<Self>] = answer![
        Field::always("key", Type::Text, "The key in the inventory.", |row| {
            (&row.record.key).into()
        }),
        Field::always("value", Type::Text, "The value.", |row| (&row.record.value).into()),
        Field::always("origin", Type::Text, "File, line and level, or `default`.", |row| {
            (&row.record.origin).into()
        }),
    ];

    const COLUMNS: &'static [Column] =
        &[Column::of("KEY", "key"), Column::of("VALUE", "value"), Column::of("FROM", "origin")];
}

impl Kind for Commands {
    type Body<'x> = PlannedCommand;

    const NAME: &'static str = "command";

    const DOC: &'static str =
        "One command that a plan may send to one host, or a host it leaves out.";

    const FIELDS: &'static [Field<Self>] = answer![
        Field::always("host_id", Type::Text, "The host.", |row| row.record.host.as_str().into()),
        Field::always("address", Type::Text, "Where to connect.", |row| {
            (&row.record.address).into()
        }),
        Field::always("port", Type::Integer, "TCP port.", |row| row.record.port.into()),
        Field::reported("account", Type::Text, "Login name on the host.", |row| {
            row.record.account.as_ref().into()
        }),
        Field::reported("via", Type::Text, "Jump hosts on the way, outermost first.", |row| {
            row.record.via.as_ref().into()
        }),
        Field::always("action", words_of!(PlannedAction), "When it is sent.", |row| {
            Value::Word(row.record.action.as_str())
        }),
        Field::reported(
            "condition",
            Type::Text,
            "Condition of a fallback, or why the host is left out.",
            |row| { row.record.condition.as_ref().into() }
        ),
        Field::reported("probe", Type::Text, "The probe.", |row| {
            row.record.probe.as_ref().map(crate::model::id::ProbeId::as_str).into()
        }),
        Field::reported("sent", Type::Text, "The exact bytes.", |row| {
            row.record.sent.as_ref().into()
        }),
        Field::always("privileged", Type::Bool, "Whether it goes through sudo.", |row| {
            row.record.privileged.into()
        }),
        Field::reported("first_byte_ms", Type::Integer, "Longest wait for output.", |row| {
            row.record.first_byte_ms.into()
        }),
        Field::reported("total_ms", Type::Integer, "Longest time in all.", |row| {
            row.record.total_ms.into()
        }),
    ];

    const COLUMNS: &'static [Column] = &[
        Column::of("HOST", "host_id"),
        Column::of("ACTION", "action"),
        Column::of("PROBE", "probe"),
        Column::of("SENT", "sent"),
    ];
}
