//! The field lists of routes, policy rules and neighbours.

use crate::model::route::{Neighbour, NextHop, Route, RouteKind, Rule};
use crate::model::socket::Family;
use crate::report::envelope::with_envelope;
use crate::report::field::{Column, Field, Kind};
use crate::report::value::{Member, Type, Value, words_of};

/// The kind `route`.
#[derive(Clone, Copy, Debug)]
pub struct Routes;

/// The kind `rule`.
#[derive(Clone, Copy, Debug)]
pub struct Rules;

/// The kind `neighbour`.
#[derive(Clone, Copy, Debug)]
pub struct Neighbours;

const NEXT_HOPS: &[Member] = &[
    Member::reported("via", Type::Address, "Gateway. `null`: the destination is on the link."),
    Member::reported(
        "dev",
        Type::Text,
        "Interface: its name; from one answer of Windows alone its number or its IPv4 address, as printed.",
    ),
    Member::reported("weight", Type::Integer, "Share among several ways."),
];

fn next_hops(hops: &[NextHop]) -> Value<'_> {
    Value::objects(
        hops.iter().map(|hop| [hop.via.into(), hop.device.as_ref().into(), hop.weight.into()]),
    )
}

/// The way out of a route that has one only.
fn only_hop(route: &Route) -> Option<&NextHop> {
    match route.next_hops.as_slice() {
        [hop] => Some(hop),
        _ => None,
    }
}

impl Kind for Routes {
    type Body<'x> = Route;

    const NAME: &'static str = "route";

    const DOC: &'static str = "One route of one table.";

    const FIELDS: &'static [Field<Self>] = with_envelope![
        Field::always("family", words_of!(Family), "Family of the destination.", |row| {
            Value::Word(row.record.family.as_str())
        }),
        Field::always("table", Type::Text, "Routing table, by name or number.", |row| {
            (&row.record.table).into()
        }),
        Field::always(
            "destination",
            Type::Text,
            "Destination as address/prefix; the default route is `0.0.0.0/0` or `::/0`.",
            |row| format!("{}/{}", row.record.destination, row.record.prefix).into(),
        ),
        Field::always("type", words_of!(RouteKind), "What happens to packets.", |row| {
            Value::Word(row.record.kind.as_str())
        }),
        Field::reported(
            "gateway",
            Type::Address,
            "Gateway of a route with one way out. `null`: on the link, several ways, or none.",
            |row| only_hop(row.record).and_then(|hop| hop.via).into(),
        ),
        Field::reported(
            "interface",
            Type::Text,
            "Interface of a route with one way out. `null`: several ways, or none.",
            |row| only_hop(row.record).and_then(|hop| hop.device.as_ref()).into(),
        ),
        Field::always(
            "nexthops",
            Type::Objects(NEXT_HOPS),
            "Ways out: one, several for multipath, none for a blackhole.",
            |row| next_hops(&row.record.next_hops),
        ),
        Field::reported("preferred_source", Type::Address, "Preferred source address.", |row| {
            row.record.source.into()
        }),
        Field::reported("metric", Type::Integer, "Lower wins.", |row| row.record.metric.into()),
        Field::reported(
            "protocol",
            Type::Text,
            "Who installed it: `kernel`, `static`, `dhcp`, `bgp` and others.",
            |row| row.record.protocol.as_ref().into(),
        ),
        Field::reported("scope", Type::Text, "`link`, `host`, `global` and others.", |row| {
            row.record.scope.as_ref().into()
        }),
        Field::reported("mtu", Type::Integer, "Largest packet, in bytes.", |row| {
            row.record.mtu.into()
        }),
        Field::always("flags", Type::Texts, "Flag words, sorted.", |row| {
            Value::list(&row.record.flags)
        }),
        Field::reported(
            "expires_seconds",
            Type::Integer,
            "Seconds until a learned route expires.",
            |row| row.record.expires_seconds.into(),
        ),
    ];

    const COLUMNS: &'static [Column] = &[
        Column::of("TABLE", "table"),
        Column::of("DESTINATION", "destination"),
        Column::of("TYPE", "type"),
        Column::items("VIA", "nexthops", &["via", "dev"]),
        Column::of("SOURCE", "preferred_source"),
        Column::of("METRIC", "metric"),
        Column::of("PROTOCOL", "protocol"),
    ];
}

impl Kind for Rules {
    type Body<'x> = Rule;

    const NAME: &'static str = "rule";

    const DOC: &'static str = "One policy-routing rule: which packets ask which table.";

    const FIELDS: &'static [Field<Self>] = with_envelope![
        Field::always("family", words_of!(Family), "Address family.", |row| {
            Value::Word(row.record.family.as_str())
        }),
        Field::always("priority", Type::Integer, "Lower is asked first.", |row| {
            row.record.priority.into()
        }),
        Field::always(
            "text",
            Type::Text,
            "What the rule matches and does, as `key value` words in the tool's order.",
            |row| (&row.record.text).into(),
        ),
        Field::reported("table", Type::Text, "Table it leads to.", |row| {
            row.record.table.as_ref().into()
        }),
    ];

    const COLUMNS: &'static [Column] = &[
        Column::of("FAMILY", "family"),
        Column::of("PRIORITY", "priority"),
        Column::of("RULE", "text"),
        Column::of("TABLE", "table"),
    ];
}

impl Kind for Neighbours {
    type Body<'x> = Neighbour;

    const NAME: &'static str = "neighbour";

    const DOC: &'static str = "One entry of the ARP or neighbour-discovery table.";

    const FIELDS: &'static [Field<Self>] = with_envelope![
        Field::always("address", Type::Address, "Its address.", |row| row.record.address.into()),
        Field::reported(
            "interface",
            Type::Text,
            "Interface it was seen on, named as in routes.",
            |row| { row.record.device.as_ref().into() }
        ),
        Field::reported(
            "mac",
            Type::Text,
            "Link-layer address, as `00:00:5e:00:53:01`. `null`: not resolved.",
            |row| { row.record.mac.as_ref().into() }
        ),
        Field::always("states", Type::Texts, "State words such as `reachable`, sorted.", |row| {
            Value::list(&row.record.states)
        }),
        Field::reported("router", Type::Bool, "The neighbour is a router.", |row| {
            row.record.router.into()
        }),
    ];

    const COLUMNS: &'static [Column] = &[
        Column::of("ADDRESS", "address"),
        Column::of("INTERFACE", "interface"),
        Column::of("MAC", "mac"),
        Column::of("STATES", "states"),
    ];
}
