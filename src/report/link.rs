//! The field list of interfaces.

use crate::model::link::{Interface, InterfaceAddress};
use crate::report::envelope::with_envelope;
use crate::report::field::{Column, Field, Kind};
use crate::report::value::{Member, Type, Value};

/// The kind `interface`.
#[derive(Clone, Copy, Debug)]
pub struct Interfaces;

const ADDRESSES: &[Member] = &[
    Member::always("ip", Type::Address, "The address."),
    Member::reported("prefix", Type::Integer, "Prefix length in bits, where the tool tells it."),
    Member::reported("scope", Type::Text, "`global`, `link`, `host` or another word."),
    Member::reported("peer", Type::Address, "Peer of a point-to-point link."),
];

fn addresses(addresses: &[InterfaceAddress]) -> Value<'_> {
    Value::objects(addresses.iter().map(|item| {
        [item.address.into(), item.prefix.into(), item.scope.as_ref().into(), item.peer.into()]
    }))
}

impl Kind for Interfaces {
    type Body<'x> = Interface;

    const NAME: &'static str = "interface";

    const DOC: &'static str =
        "One network interface with its addresses and its counters since they were last reset.";

    const FIELDS: &'static [Field<Self>] = with_envelope![
        Field::always("name", Type::Text, "Name, such as `eth0`.", |row| {
            (&row.record.name).into()
        }),
        Field::reported("index", Type::Integer, "Kernel index.", |row| row.record.index.into()),
        Field::reported("mac", Type::Text, "Link-layer address, as `00:00:5e:00:53:01`.", |row| {
            row.record.mac.as_ref().into()
        }),
        Field::reported("mtu", Type::Integer, "Largest packet, in bytes.", |row| {
            row.record.mtu.into()
        }),
        Field::reported("oper_state", Type::Text, "`up`, `down`, `unknown` and others.", |row| {
            row.record.oper_state.as_ref().into()
        }),
        Field::reported(
            "type",
            Type::Text,
            "`loopback`, `ether`, `veth`, `vlan`, `bridge` and others.",
            |row| row.record.kind.as_ref().into(),
        ),
        Field::always("flags", Type::Texts, "Flag words, sorted.", |row| {
            Value::list(&row.record.flags)
        }),
        Field::reported("speed_bps", Type::Integer, "Speed, in bits per second.", |row| {
            row.record.speed_bps.into()
        }),
        Field::reported("master", Type::Text, "Bond, bridge or VRF it belongs to.", |row| {
            row.record.master.as_ref().into()
        }),
        Field::always("addresses", Type::Objects(ADDRESSES), "Addresses, sorted.", |row| {
            addresses(&row.record.addresses)
        }),
        Field::reported("rx.bytes", Type::Integer, "Bytes received.", |row| {
            row.record.rx.bytes.into()
        }),
        Field::reported("rx.packets", Type::Integer, "Packets received.", |row| {
            row.record.rx.packets.into()
        }),
        Field::reported("rx.errors", Type::Integer, "Packets received with errors.", |row| {
            row.record.rx.errors.into()
        }),
        Field::reported("rx.dropped", Type::Integer, "Received packets dropped.", |row| {
            row.record.rx.dropped.into()
        }),
        Field::reported(
            "rx.overruns",
            Type::Integer,
            "Received packets lost because the device's buffer was full.",
            |row| { row.record.rx.overruns.into() }
        ),
        Field::reported("rx.multicast", Type::Integer, "Multicast packets received.", |row| {
            row.record.rx.multicast.into()
        }),
        Field::reported("tx.bytes", Type::Integer, "Bytes sent.", |row| {
            row.record.tx.bytes.into()
        }),
        Field::reported("tx.packets", Type::Integer, "Packets sent.", |row| {
            row.record.tx.packets.into()
        }),
        Field::reported("tx.errors", Type::Integer, "Packets not sent for errors.", |row| {
            row.record.tx.errors.into()
        }),
        Field::reported("tx.dropped", Type::Integer, "Packets dropped before sending.", |row| {
            row.record.tx.dropped.into()
        }),
        Field::reported(
            "tx.carrier_errors",
            Type::Integer,
            "Times that the carrier was lost while sending.",
            |row| row.record.carrier_errors.into(),
        ),
        Field::reported(
            "tx.fifo_errors",
            Type::Integer,
            "Packets not sent because the device's own queue ran empty or full.",
            |row| row.record.fifo_errors.into(),
        ),
        Field::reported("collisions", Type::Integer, "Collisions.", |row| {
            row.record.collisions.into()
        }),
        Field::reported("counter_width", Type::Integer, "Bits of the counters: 32 or 64.", |row| {
            row.record.counter_width.into()
        }),
    ];

    const COLUMNS: &'static [Column] = &[
        Column::of("NAME", "name"),
        Column::of("STATE", "oper_state"),
        Column::of("MTU", "mtu"),
        Column::items("ADDRESSES", "addresses", &["ip", "prefix"]),
        Column::of("RX-BYTES", "rx.bytes"),
        Column::of("TX-BYTES", "tx.bytes"),
        Column::of("RX-ERR", "rx.errors"),
        Column::of("TX-ERR", "tx.errors"),
        Column::of("MAC", "mac"),
    ];
}
