//! The field list of host attributes.

use crate::model::attribute::AttributeVersion;
use crate::model::host::{Asset, Criticality, Exposure};
use crate::model::id::{HostName, Label};
use crate::report::answer::answer;
use crate::report::field::{Column, Field, Kind};
use crate::report::value::Type;

/// The kind `attribute`.
#[derive(Clone, Copy, Debug)]
pub struct Attributes;

/// An attribute on its way out.
#[derive(Clone, Debug)]
pub struct AttributeRow<'a> {
    /// The host that it belongs to. `None`: no known host is meant, or several could be.
    pub host: Option<HostName>,
    /// The attribute.
    pub version: &'a AttributeVersion,
    /// What the inventory says instead. `None`: the same, or nothing.
    pub inventory: Option<String>,
}

/// What the inventory says of this key, when it says something else. The inventory decides what
/// fleetstat does; the difference is for people.
#[must_use]
pub fn contradicts(asset: &Asset, key: &str, value: &str) -> Option<String> {
    let label = |label: &Option<Label>| label.as_ref().map(ToString::to_string);
    let own = match key {
        "owner" => asset.owner.clone(),
        "role" => label(&asset.role),
        "environment" => label(&asset.environment),
        "segment" => label(&asset.segment),
        "site" => label(&asset.site),
        "criticality" => asset.criticality.map(Criticality::as_str).map(str::to_owned),
        "exposure" => asset.exposure.map(Exposure::as_str).map(str::to_owned),
        "platform" => Some(asset.platform.as_str().to_owned()),
        "timezone" => asset.timezone.clone(),
        _ => None,
    };
    own.filter(|own| !own.eq_ignore_ascii_case(value))
}

impl Kind for Attributes {
    type Body<'x> = AttributeRow<'x>;

    const NAME: &'static str = "attribute";

    const DOC: &'static str = "One attribute of one host, as an asset list has it.";

    const FIELDS: &'static [Field<Self>] = answer![
        Field::reported(
            "host_id",
            Type::Text,
            "The host. `null`: the name means no known host, or could mean several.",
            |row| row.record.host.as_ref().map(HostName::as_str).into(),
        ),
        Field::always("item", Type::Text, "What the list calls it.", |row| {
            row.record.version.said.item.as_str().into()
        }),
        Field::always("key", Type::Text, "The attribute.", |row| {
            row.record.version.said.key.as_str().into()
        }),
        Field::reported("value", Type::Text, "Its value. `null`: it was taken away.", |row| {
            row.record.version.said.value.as_ref().into()
        }),
        Field::reported(
            "inventory",
            Type::Text,
            "What the inventory says instead, which is what counts. `null`: no contradiction.",
            |row| row.record.inventory.as_ref().into(),
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
    ];

    const COLUMNS: &'static [Column] = &[
        Column::of("HOST", "host_id"),
        Column::of("ITEM", "item"),
        Column::of("ATTRIBUTE", "key"),
        Column::of("VALUE", "value"),
        Column::of("INVENTORY", "inventory"),
        Column::of("IMPORTED", "imported_at"),
        Column::of("FROM", "imported_from"),
    ];
}
