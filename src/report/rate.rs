//! The field list of interfaces with what they carried.

use crate::analyse::rates::{LinkRate, NoRate, Rates};
use crate::model::time::Utc;
use crate::report::answer::answer;
use crate::report::field::{Column, Field, Kind};
use crate::report::state::age_seconds;
use crate::report::value::{Type, Value, words_of};

/// The kind `interface_rate`.
#[derive(Clone, Copy, Debug)]
pub struct LinkRates;

/// One interface on its way out.
#[derive(Clone, Debug)]
pub struct LinkRateRow {
    /// The interface and its rates.
    pub rate: LinkRate,
    /// The time asked for.
    pub asked: Utc,
}

/// A rate of one direction.
macro_rules! rate {
    ($path:literal, $side:ident, $figure:ident, $doc:literal) => {
        Field::reported($path, Type::Decimal, $doc, |row| {
            let Rates { $figure, .. } = row.record.rate.$side;
            $figure.map_or(Value::Null, Value::Thousandths)
        })
    };
}

impl Kind for LinkRates {
    type Body<'x> = LinkRateRow;

    const NAME: &'static str = "interface_rate";

    const DOC: &'static str = "One interface of one host, and what it carried between two whole \
                               answers. Rates are `null` where `no_rate` says why.";

    const FIELDS: &'static [Field<Self>] = answer![
        Field::always("host_id", Type::Text, "The inventory's name of the host.", |row| {
            row.record.rate.host.as_str().into()
        }),
        Field::always("name", Type::Text, "Name of the interface.", |row| {
            (&row.record.rate.interface.name).into()
        }),
        Field::reported("index", Type::Integer, "Kernel index.", |row| {
            row.record.rate.interface.index.into()
        }),
        Field::reported(
            "oper_state",
            Type::Text,
            "`up`, `down`, `unknown` and other words of the tool.",
            |row| { row.record.rate.interface.oper_state.as_ref().into() }
        ),
        Field::reported("mtu", Type::Integer, "Unit: bytes.", |row| {
            row.record.rate.interface.mtu.into()
        }),
        Field::reported("speed_bps", Type::Integer, "Unit: bits per second.", |row| {
            row.record.rate.interface.speed_bps.into()
        }),
        Field::reported("mac", Type::Text, "Link-layer address.", |row| {
            row.record.rate.interface.mac.as_ref().into()
        }),
        Field::always("addresses", Type::Texts, "Addresses with prefix, sorted.", |row| {
            let addresses = row.record.rate.interface.addresses.iter();
            Value::list(addresses.map(ToString::to_string))
        }),
        Field::always("as_of", Type::Time, "Time of the later answer.", |row| {
            row.record.rate.to.into()
        }),
        Field::always("age_seconds", Type::Integer, "Its age at the time asked for.", |row| {
            age_seconds(row.record.rate.to, row.record.asked).into()
        }),
        Field::reported("from", Type::Time, "Time of the earlier answer.", |row| {
            row.record.rate.from.into()
        }),
        Field::reported("gap_seconds", Type::Integer, "Time between the two.", |row| {
            let LinkRate { from, to, .. } = row.record.rate;
            from.map(|from| age_seconds(from, to)).into()
        }),
        rate!("rx.bytes_per_second", rx, bytes, "Bytes received per second."),
        rate!("rx.packets_per_second", rx, packets, "Packets received per second."),
        rate!("rx.errors_per_second", rx, errors, "Packets received with errors per second."),
        rate!("rx.dropped_per_second", rx, dropped, "Packets dropped when receiving per second."),
        rate!("tx.bytes_per_second", tx, bytes, "Bytes sent per second."),
        rate!("tx.packets_per_second", tx, packets, "Packets sent per second."),
        rate!("tx.errors_per_second", tx, errors, "Packets sent with errors per second."),
        rate!("tx.dropped_per_second", tx, dropped, "Packets dropped when sending per second."),
        Field::reported("no_rate", words_of!(NoRate), "Why some or all rates are `null`.", |row| {
            row.record.rate.reason.map(NoRate::as_str).into()
        }),
    ];

    const COLUMNS: &'static [Column] = &[
        Column::of("HOST", "host_id"),
        Column::of("NAME", "name"),
        Column::of("STATE", "oper_state"),
        Column::of("MTU", "mtu"),
        Column::sample("ADDRESSES", "addresses"),
        Column::of("AS-OF", "as_of"),
        Column::of("GAP-S", "gap_seconds"),
        Column::of("RX-B/S", "rx.bytes_per_second"),
        Column::of("TX-B/S", "tx.bytes_per_second"),
        Column::of("RX-P/S", "rx.packets_per_second"),
        Column::of("TX-P/S", "tx.packets_per_second"),
        Column::of("RX-ERR/S", "rx.errors_per_second"),
        Column::of("TX-ERR/S", "tx.errors_per_second"),
        Column::of("RX-DROP/S", "rx.dropped_per_second"),
        Column::of("TX-DROP/S", "tx.dropped_per_second"),
        Column::of("NO-RATE", "no_rate"),
    ];
}
