//! The field lists of sockets by state: per host, and per state over many hosts.

use crate::analyse::states::{HostStates, StateTotal};
use crate::model::socket::State;
use crate::model::time::Utc;
use crate::report::answer::answer;
use crate::report::field::{Column, Field, Kind};
use crate::report::value::{Member, Type, Value, words_of};

/// The kind `host_states`.
#[derive(Clone, Copy, Debug)]
pub struct HostStateRows;

/// One host on its way out.
#[derive(Clone, Debug)]
pub struct HostStateRow {
    /// The figures.
    pub states: HostStates,
    /// The time asked for.
    pub asked: Utc,
}

/// Whole seconds between a sighting and the time asked for; 0 when it is later.
#[must_use]
pub fn age_seconds(seen: Utc, asked: Utc) -> u64 {
    u64::try_from(asked.micros_since(seen) / 1_000_000).unwrap_or(0)
}

macro_rules! count {
    ($path:literal, $state:ident, $doc:literal) => {
        Field::always($path, Type::Integer, $doc, |row| {
            row.record.states.count(State::$state).into()
        })
    };
}

impl Kind for HostStateRows {
    type Body<'x> = HostStateRow;

    const NAME: &'static str = "host_states";

    const DOC: &'static str = "TCP sockets of one host by state, from its last whole answer.";

    const FIELDS: &'static [Field<Self>] = answer![
        Field::always("host_id", Type::Text, "The inventory's name of the host.", |row| {
            row.record.states.host.as_str().into()
        }),
        Field::always("as_of", Type::Time, "When it was seen.", |row| row.record.states.at.into()),
        Field::always("age_seconds", Type::Integer, "Age at the time asked for.", |row| {
            age_seconds(row.record.states.at, row.record.asked).into()
        }),
        count!("tcp.listen", Listen, "Sockets in `listen`."),
        count!("tcp.established", Established, "Sockets in `established`."),
        count!("tcp.syn_sent", SynSent, "Sockets in `syn_sent`."),
        count!("tcp.syn_received", SynReceived, "Sockets in `syn_received`."),
        count!("tcp.fin_wait_1", FinWait1, "Sockets in `fin_wait_1`."),
        count!("tcp.fin_wait_2", FinWait2, "Sockets in `fin_wait_2`."),
        count!("tcp.close_wait", CloseWait, "Sockets in `close_wait`."),
        count!("tcp.closing", Closing, "Sockets in `closing`."),
        count!("tcp.last_ack", LastAck, "Sockets in `last_ack`."),
        count!("tcp.time_wait", TimeWait, "Sockets in `time_wait`."),
        Field::always("tcp.other", Type::Integer, "Sockets in any other state.", |row| {
            row.record.other().into()
        }),
        Field::reported(
            "time_wait.sockets",
            Type::Integer,
            "Sockets in `time_wait` from one local to one remote address and port, the most.",
            |row| row.record.states.busiest.map(|busiest| busiest.sockets).into(),
        ),
        Field::reported("time_wait.local", Type::Address, "Local address of these.", |row| {
            row.record.states.busiest.map(|busiest| busiest.local).into()
        }),
        Field::reported("time_wait.remote", Type::Address, "Remote address of these.", |row| {
            row.record.states.busiest.map(|busiest| busiest.remote).into()
        }),
        Field::reported("time_wait.port", Type::Integer, "Remote port of these.", |row| {
            row.record.states.busiest.map(|busiest| busiest.port).into()
        }),
        Field::reported(
            "time_wait.share_percent",
            Type::Decimal,
            "Share of the ephemeral ports that these take. `null`: the range is not known.",
            |row| { row.record.states.time_wait_share().map_or(Value::Null, Value::Thousandths) },
        ),
        Field::reported(
            "ephemeral_ports",
            Type::Integer,
            "Ports of the ephemeral range, without reserved ones. `null`: not known.",
            |row| row.record.states.ephemeral.into(),
        ),
        Field::always(
            "accept_queue.known",
            Type::Integer,
            "Listeners whose queue and limit are known.",
            |row| row.record.states.queues.known.into(),
        ),
        Field::always(
            "accept_queue.full",
            Type::Integer,
            "Of these, listeners whose queue is at its limit or beyond.",
            |row| row.record.states.queues.full.into(),
        ),
        Field::reported(
            "accept_queue.fullest_percent",
            Type::Decimal,
            "Fill of the fullest queue by its limit. `null`: none is known.",
            |row| row.record.states.queues.fullest.map_or(Value::Null, Value::Thousandths),
        ),
        Field::reported("accept_queue.port", Type::Integer, "Port of the fullest queue.", |row| {
            row.record.states.queues.port.into()
        }),
    ];

    const COLUMNS: &'static [Column] = &[
        Column::of("HOST", "host_id"),
        Column::of("AS-OF", "as_of"),
        Column::of("LISTEN", "tcp.listen"),
        Column::of("ESTABLISHED", "tcp.established"),
        Column::of("SYN-SENT", "tcp.syn_sent"),
        Column::of("SYN-RECEIVED", "tcp.syn_received"),
        Column::of("CLOSE-WAIT", "tcp.close_wait"),
        Column::of("TIME-WAIT", "tcp.time_wait"),
        Column::of("TW-SHARE-%", "time_wait.share_percent"),
        Column::of("QUEUES-FULL", "accept_queue.full"),
        Column::of("FULLEST-%", "accept_queue.fullest_percent"),
    ];
}

impl HostStateRow {
    /// Sockets in states that have no field of their own.
    fn other(&self) -> u64 {
        let named = [
            State::Listen,
            State::Established,
            State::SynSent,
            State::SynReceived,
            State::FinWait1,
            State::FinWait2,
            State::CloseWait,
            State::Closing,
            State::LastAck,
            State::TimeWait,
        ];
        let other = self.states.counts.iter().filter(|(state, _)| !named.contains(state));
        other.map(|(_, count)| count).sum()
    }
}

/// The kind `state`.
#[derive(Clone, Copy, Debug)]
pub struct StateTotals;

const TOP: &[Member] = &[
    Member::always("host_id", Type::Text, "The host."),
    Member::always("sockets", Type::Integer, "Its sockets in the state."),
];

impl Kind for StateTotals {
    type Body<'x> = StateTotal;

    const NAME: &'static str = "state";

    const DOC: &'static str = "One TCP state over many hosts, with the hosts that have most.";

    const FIELDS: &'static [Field<Self>] = answer![
        Field::always("state", words_of!(State), "The state.", |row| {
            Value::Word(row.record.state.as_str())
        }),
        Field::always("sockets", Type::Integer, "TCP sockets in it on all hosts.", |row| {
            row.record.sockets.into()
        }),
        Field::always("host_count", Type::Integer, "Hosts that have any.", |row| {
            row.record.hosts.into()
        }),
        Field::always("of_hosts", Type::Integer, "Hosts that answered whole.", |row| {
            row.record.of.into()
        }),
        Field::always("top", Type::Objects(TOP), "Hosts with most of them, at most five.", |row| {
            let top = row.record.top.iter();
            Value::objects(top.map(|(host, sockets)| [host.as_str().into(), (*sockets).into()]))
        }),
    ];

    const COLUMNS: &'static [Column] = &[
        Column::of("STATE", "state"),
        Column::of("SOCKETS", "sockets"),
        Column::of("HOSTS", "host_count"),
        Column::of("OF", "of_hosts"),
        Column::items("TOP", "top", &["host_id", "sockets"]),
    ];
}
