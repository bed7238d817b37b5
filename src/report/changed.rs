//! The field list of what changed on hosts between two times.

use std::net::IpAddr;

use crate::analyse::changed::{ChangedKind, Folded, Side};
use crate::analyse::diff::Subject;
use crate::model::id::HostName;
use crate::model::seen::Taken;
use crate::model::snapshot::View;
use crate::model::socket::{Direction, Transport};
use crate::model::time::Utc;
use crate::report::answer::answer;
use crate::report::change::describe;
use crate::report::field::{Column, Field, Kind};
use crate::report::value::{Member, Type, Value, words_of};

/// The kind `changed`.
#[derive(Clone, Copy, Debug)]
pub struct ChangedHosts;

/// A change of one or more hosts, on its way out.
#[derive(Clone, Debug)]
pub struct ChangedRow {
    /// The change.
    pub folded: Folded,
    /// The earlier time.
    pub since: Utc,
    /// The later time.
    pub until: Utc,
}

/// The members of a proof.
pub const TAKEN: &[Member] = &[
    Member::always("run_id", Type::Text, "The run."),
    Member::always("at", Type::Time, "When the snapshot was taken."),
    Member::always("evidence", Type::Text, "Evidence file in the run's folder."),
];

/// A snapshot as an object; no object for none.
#[must_use]
pub fn taken(taken: Option<&Taken>) -> Value<'_> {
    Value::objects(
        taken
            .into_iter()
            .map(|taken| [taken.run.as_str().into(), taken.at.into(), (&taken.evidence).into()]),
    )
}

fn text(side: &Side) -> String {
    match side {
        Side::Text(text) => text.clone(),
        Side::Bind { address, scope, process, uid } => {
            let address = address.map_or_else(|| "own address".into(), |a| a.to_string());
            let process = process.as_ref().map_or_else(
                || "owner not known".to_owned(),
                |process| process.escaped().into_owned(),
            );
            let uid = uid.map_or_else(String::new, |uid| format!(", uid {uid}"));
            format!("{address} ({scope}, {process}{uid})")
        }
    }
}

impl ChangedRow {
    fn transport(&self) -> Option<Transport> {
        match &self.folded.change.subject {
            Subject::Listener { transport, .. } | Subject::Peer { transport, .. } => {
                Some(*transport)
            }
            _ => None,
        }
    }

    fn direction(&self) -> Option<Direction> {
        match &self.folded.change.subject {
            Subject::Peer { direction, .. } => Some(*direction),
            _ => None,
        }
    }

    fn port(&self) -> Option<u16> {
        match &self.folded.change.subject {
            Subject::Listener { port, .. } => *port,
            Subject::Peer { service_port, .. } => *service_port,
            _ => None,
        }
    }

    fn address(&self) -> Option<IpAddr> {
        match &self.folded.change.subject {
            Subject::Listener { address, .. } => *address,
            Subject::Peer { address, .. } => Some(*address),
            Subject::Route { destination, .. } => Some(*destination),
            Subject::Interface(_) | Subject::Rule { .. } | Subject::Fact(_) => None,
        }
    }

    /// A proof names one snapshot, so only a change of one host has one.
    fn proof<'r>(&self, proof: Option<&'r Taken>) -> Value<'r> {
        taken(proof.filter(|_| self.folded.hosts.len() == 1))
    }
}

impl Kind for ChangedHosts {
    type Body<'x> = ChangedRow;

    const NAME: &'static str = "changed";

    const DOC: &'static str = "One change between two times, with the hosts that share it. What a \
                               partial answer does not show is never reported as vanished, and \
                               ephemeral ports are never looked at.";

    const FIELDS: &'static [Field<Self>] = answer![
        Field::always("since", Type::Time, "The earlier time.", |row| row.record.since.into()),
        Field::always("until", Type::Time, "The later time.", |row| row.record.until.into()),
        Field::always("view", words_of!(View), "The view it belongs to.", |row| {
            Value::Word(row.record.folded.change.view.as_str())
        }),
        Field::always("change", words_of!(ChangedKind), "How it is other than before.", |row| {
            Value::Word(row.record.folded.change.kind.as_str())
        }),
        Field::always("subject", Type::Text, "What changed, in words.", |row| {
            describe(&row.record.folded.change.subject).into()
        }),
        Field::reported("direction", words_of!(Direction), "Who opened it; only peers.", |row| {
            row.record.direction().map(Direction::as_str).into()
        }),
        Field::reported(
            "network.transport",
            words_of!(Transport),
            "Transport protocol of a listener or peer.",
            |row| row.record.transport().map(Transport::as_str).into(),
        ),
        Field::reported(
            "port",
            Type::Integer,
            "Port of a listener; port that names the service of a peer.",
            |row| row.record.port().into(),
        ),
        Field::reported(
            "address",
            Type::Address,
            "Address of a listener or peer, destination of a route. `null`: each host has a \
             listener on an address of its own.",
            |row| row.record.address().into(),
        ),
        Field::reported(
            "before",
            Type::Text,
            "How it was; what came and went: how it was in between. `null`: it was not there.",
            |row| row.record.folded.change.before.as_ref().map(text).into(),
        ),
        Field::reported("after", Type::Text, "How it is. `null`: it is not there.", |row| {
            row.record.folded.change.after.as_ref().map(text).into()
        }),
        Field::reported(
            "first_seen",
            Type::Time,
            "First snapshot that showed it, the earliest of the hosts. `null`: not known.",
            |row| row.record.folded.first_seen.into(),
        ),
        Field::reported(
            "last_seen",
            Type::Time,
            "Last good snapshot that showed it, the latest of the hosts. `null`: not known.",
            |row| row.record.folded.last_seen.into(),
        ),
        Field::always("host_count", Type::Integer, "Hosts that share the change.", |row| {
            u64::try_from(row.record.folded.hosts.len()).unwrap_or(u64::MAX).into()
        }),
        Field::always("hosts", Type::Texts, "Their names, sorted.", |row| {
            Value::list(row.record.folded.hosts.iter().map(HostName::as_str))
        }),
        Field::always(
            "proof_before",
            Type::Objects(TAKEN),
            "Snapshot on the earlier side that proves it. Empty with several hosts, or when there \
             is none.",
            |row| row.record.proof(row.record.folded.change.proof_before.as_ref()),
        ),
        Field::always(
            "proof_after",
            Type::Objects(TAKEN),
            "Snapshot on the later side that proves it. Empty with several hosts.",
            |row| row.record.proof(row.record.folded.change.proof_after.as_ref()),
        ),
    ];

    const COLUMNS: &'static [Column] = &[
        Column::of("CHANGE", "change"),
        Column::of("SUBJECT", "subject"),
        Column::of("BEFORE", "before"),
        Column::of("AFTER", "after"),
        Column::of("FIRST-SEEN", "first_seen"),
        Column::of("LAST-SEEN", "last_seen"),
        Column::of("HOSTS", "host_count"),
        Column::sample("NAMES", "hosts"),
    ];
}
