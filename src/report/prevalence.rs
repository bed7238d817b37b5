//! The field list of how common listeners are.

use crate::analyse::prevalence::Prevalence;
use crate::model::id::HostName;
use crate::model::socket::{Scope, Transport};
use crate::report::answer::answer;
use crate::report::field::{Column, Field, Kind};
use crate::report::value::{Type, Value, words_of};

/// The kind `prevalence`.
#[derive(Clone, Copy, Debug)]
pub struct Prevalences;

impl Kind for Prevalences {
    type Body<'x> = Prevalence;

    const NAME: &'static str = "prevalence";

    const DOC: &'static str = "One kind of listener and how many hosts have it, of those that \
                               answered whole. The rarest stand first.";

    const FIELDS: &'static [Field<Self>] = answer![
        Field::always("network.transport", words_of!(Transport), "Transport protocol.", |row| {
            Value::Word(row.record.answer.transport.as_str())
        }),
        Field::reported(
            "local.port",
            Type::Integer,
            "Local port; 0 for protocols without ports. `null`: UDP ports of the ephemeral range.",
            |row| row.record.answer.port.into(),
        ),
        Field::always("bind.scope", words_of!(Scope), "How far it reaches.", |row| {
            Value::Word(row.record.answer.scope.as_str())
        }),
        Field::reported(
            "local.address",
            Type::Address,
            "Local address. `null`: an address of each host's own.",
            |row| row.record.answer.address.into(),
        ),
        Field::reported("process.name", Type::Text, "Process. `null`: not known.", |row| {
            row.record.answer.process.as_ref().into()
        }),
        Field::reported("service", Type::Text, "Service or unit. `null`: not known.", |row| {
            row.record.answer.service.as_ref().into()
        }),
        Field::always(
            "contained",
            Type::Bool,
            "In a network namespace that is not the host's own.",
            |row| row.record.answer.contained.into()
        ),
        Field::always("host_count", Type::Integer, "Hosts that have it.", |row| {
            u64::try_from(row.record.hosts.len()).unwrap_or(u64::MAX).into()
        }),
        Field::always("of_hosts", Type::Integer, "Hosts that answered whole.", |row| {
            row.record.of.into()
        }),
        Field::always("share_percent", Type::Decimal, "Share of them, cut, not rounded.", |row| {
            Value::Thousandths(row.record.share())
        }),
        Field::always("first_seen", Type::Time, "The earliest sighting.", |row| {
            row.record.first_seen.into()
        }),
        Field::always("last_seen", Type::Time, "The latest good sighting.", |row| {
            row.record.last_seen.into()
        }),
        Field::always("hosts", Type::Texts, "The hosts, sorted.", |row| {
            Value::list(row.record.hosts.iter().map(HostName::as_str))
        }),
    ];

    const COLUMNS: &'static [Column] = &[
        Column::of("HOSTS", "host_count"),
        Column::of("OF", "of_hosts"),
        Column::of("SHARE-%", "share_percent"),
        Column::of("PROTO", "network.transport"),
        Column::of("PORT", "local.port"),
        Column::of("SCOPE", "bind.scope"),
        Column::of("ADDRESS", "local.address"),
        Column::of("PROCESS", "process.name"),
        Column::of("SERVICE", "service"),
        Column::of("CONTAINED", "contained"),
        Column::of("FIRST-SEEN", "first_seen"),
        Column::of("LAST-SEEN", "last_seen"),
        Column::sample("NAMES", "hosts"),
    ];
}
