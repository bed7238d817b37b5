//! The field list of routes over many hosts, and of where hosts would send packets.

use crate::analyse::routing::{Network, Routed, Way};
use crate::model::route::{NextHop, RouteKind};
use crate::model::time::Utc;
use crate::report::answer::answer;
use crate::report::field::{Column, Field, Kind};
use crate::report::state::age_seconds;
use crate::report::value::{Type, Value, words_of};

/// The kind `routed`.
#[derive(Clone, Copy, Debug)]
pub struct RoutedRows;

/// One answer on its way out.
#[derive(Clone, Debug)]
pub struct RoutedRow {
    /// The answer with its hosts.
    pub routed: Routed,
    /// The destination asked for. `None`: the tables were asked for.
    pub to: Option<Network>,
    /// The time asked for.
    pub asked: Utc,
}

fn prefixed((address, prefix): Network) -> String {
    format!("{address}/{prefix}")
}

/// `10.0.0.1 dev eth0`; `dev eth0` when the destination is on the link.
fn hop(hop: &NextHop) -> String {
    let via = hop.via.map(|via| format!("via {via}"));
    let device = hop.device.as_ref().map(|device| format!("dev {}", device.escaped()));
    let weight = hop.weight.map(|weight| format!("weight {weight}"));
    [via, device, weight].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

impl RoutedRow {
    const fn way(&self) -> &Way {
        &self.routed.way
    }

    /// What happens, in a word: also where no route leads.
    fn outcome(&self) -> &str {
        let way = self.way();
        match (&way.refused, way.kind) {
            (Some(refused), _) => refused,
            (None, Some(kind)) => kind.as_str(),
            (None, None) => "no_route",
        }
    }

    fn oldest(&self) -> Utc {
        self.routed.hosts.iter().map(|(_, at)| *at).min().unwrap_or(self.asked)
    }
}

impl Kind for RoutedRows {
    type Body<'x> = RoutedRow;

    const NAME: &'static str = "routed";

    const DOC: &'static str = "One route, or the decision for one destination, with the hosts that have it. Decided by \
         the policy rules in their order, then the longest prefix, then the lowest metric; rules \
         that ask for more than the destination are not considered and named.";

    const FIELDS: &'static [Field<Self>] = answer![
        Field::reported("to", Type::Text, "The destination asked for.", |row| {
            row.record.to.map(prefixed).into()
        }),
        Field::always(
            "outcome",
            Type::Word(|| {
                let kinds = RouteKind::ALL.iter().map(|kind| kind.as_str());
                kinds.chain(["no_route"]).collect()
            }),
            "What happens to packets; `no_route`: no table that was considered has one.",
            |row| row.record.outcome().into(),
        ),
        Field::reported("table", Type::Text, "Routing table.", |row| {
            row.record.way().table.as_ref().into()
        }),
        Field::reported("destination", Type::Text, "Destination of the route.", |row| {
            row.record.way().destination.map(prefixed).into()
        }),
        Field::reported("route_kind", words_of!(RouteKind), "Kind of the route.", |row| {
            row.record.way().kind.map(RouteKind::as_str).into()
        }),
        Field::always("next_hops", Type::Texts, "Ways out, sorted.", |row| {
            Value::list(row.record.way().next_hops.iter().map(hop))
        }),
        Field::reported("metric", Type::Integer, "Lower wins.", |row| {
            row.record.way().metric.into()
        }),
        Field::reported("protocol", Type::Text, "Who installed it.", |row| {
            row.record.way().protocol.as_ref().into()
        }),
        Field::reported("rule", Type::Integer, "Priority of the rule that led there.", |row| {
            row.record.way().rule.into()
        }),
        Field::always(
            "rules_not_considered",
            Type::Texts,
            "Priorities of rules that ask for more than the destination.",
            |row| Value::list(row.record.way().passed_over.iter().map(u64::to_string)),
        ),
        Field::always(
            "more_specific",
            Type::Integer,
            "Routes of the table inside the destination: parts of it take another way.",
            |row| row.record.way().more_specific.into(),
        ),
        Field::always("host_count", Type::Integer, "Hosts that have it.", |row| {
            u64::try_from(row.record.routed.hosts.len()).unwrap_or(u64::MAX).into()
        }),
        Field::always("hosts", Type::Texts, "The hosts, sorted.", |row| {
            Value::list(row.record.routed.hosts.iter().map(|(host, _)| host.as_str()))
        }),
        Field::always("as_of", Type::Time, "The oldest of their whole answers.", |row| {
            row.record.oldest().into()
        }),
        Field::always("age_seconds", Type::Integer, "Its age at the time asked for.", |row| {
            age_seconds(row.record.oldest(), row.record.asked).into()
        }),
    ];

    const COLUMNS: &'static [Column] = &[
        Column::of("OUTCOME", "outcome"),
        Column::of("TABLE", "table"),
        Column::of("DESTINATION", "destination"),
        Column::sample("BY", "next_hops"),
        Column::of("METRIC", "metric"),
        Column::of("PROTOCOL", "protocol"),
        Column::of("RULE", "rule"),
        Column::sample("NOT-CONSIDERED", "rules_not_considered"),
        Column::of("AS-OF", "as_of"),
        Column::of("HOSTS", "host_count"),
        Column::sample("NAMES", "hosts"),
    ];
}
