//! The field list of changes between two snapshots, with what could not be compared.

use std::net::IpAddr;

use crate::analyse::diff::{Change, ChangeKind, Diff, Incomparable, Subject};
use crate::model::change::ChangeNote;
use crate::model::id::HostName;
use crate::model::snapshot::{Snapshot, View};
use crate::model::socket::{Direction, Transport};
use crate::model::time::Utc;
use crate::report::answer::answer;
use crate::report::field::{Column, Field, Kind};
use crate::report::value::{Type, Value, words_of};

/// The kind `change`.
#[derive(Clone, Copy, Debug)]
pub struct Changes;

/// A change, or a gap in the comparison, on its way out.
#[derive(Clone, Copy, Debug)]
pub struct ChangeRow<'a> {
    /// The host, of the newer snapshot.
    pub host: &'a HostName,
    /// Time of the older snapshot.
    pub from: Utc,
    /// Time of the newer snapshot.
    pub to: Utc,
    /// What is told.
    pub told: Told<'a>,
    /// Change requests that were at work on the host between the two snapshots. `None`: none were
    /// ever imported.
    pub during: Option<&'a [ChangeNote]>,
}

/// What a row tells.
#[derive(Clone, Copy, Debug)]
pub enum Told<'a> {
    /// Something changed.
    Change(&'a Change),
    /// Something could not be compared.
    Incomparable(&'a Incomparable),
}

/// The rows of a diff: what could not be compared first, because it limits all that follows.
#[must_use]
pub fn rows<'a>(diff: &'a Diff, from: &'a Snapshot, to: &'a Snapshot) -> Vec<ChangeRow<'a>> {
    let host = &to.header.asset.name;
    let (from, to) = (from.header.started, to.header.started);
    let gaps = diff.incomparable.iter().map(Told::Incomparable);
    let changes = diff.changes.iter().map(Told::Change);
    gaps.chain(changes).map(|told| ChangeRow { host, from, to, told, during: None }).collect()
}

impl<'a> ChangeRow<'a> {
    const fn view(&self) -> View {
        match self.told {
            Told::Change(change) => change.view,
            Told::Incomparable(gap) => gap.view,
        }
    }

    const fn change(&self) -> Option<&'a Change> {
        match self.told {
            Told::Change(change) => Some(change),
            Told::Incomparable(_) => None,
        }
    }

    fn word(&self) -> &'static str {
        self.change().map_or("incomparable", |change| change.kind.as_str())
    }

    /// The change requests, for a row that tells of a change.
    fn explained(&self) -> Option<&'a [ChangeNote]> {
        self.change().and(self.during)
    }

    fn subject(&self) -> Option<&'a Subject> {
        self.change().map(|change| &change.subject)
    }

    fn direction(&self) -> Option<Direction> {
        match self.subject()? {
            Subject::Peer { direction, .. } => Some(*direction),
            _ => None,
        }
    }

    fn transport(&self) -> Option<Transport> {
        match self.subject()? {
            Subject::Listener { transport, .. } | Subject::Peer { transport, .. } => {
                Some(*transport)
            }
            _ => None,
        }
    }

    fn port(&self) -> Option<u16> {
        match self.subject()? {
            Subject::Listener { port, .. } => *port,
            Subject::Peer { service_port, .. } => *service_port,
            _ => None,
        }
    }

    fn address(&self) -> Option<IpAddr> {
        match self.subject()? {
            Subject::Listener { address, .. } => *address,
            Subject::Peer { address, .. } => Some(*address),
            Subject::Route { destination, .. } => Some(*destination),
            Subject::Interface(_) | Subject::Rule { .. } | Subject::Fact(_) => None,
        }
    }
}

/// What changed, as people say it. Text from the host escaped.
#[must_use]
pub fn describe(subject: &Subject) -> String {
    let port = |port: &Option<u16>| port.map_or("*".to_owned(), |port| port.to_string());
    match subject {
        Subject::Listener { transport, port: number, address, namespace } => {
            let on = address.map(|address| format!(" on {address}")).unwrap_or_default();
            let inside = namespace.as_ref().map(|name| format!(" in {}", name.escaped()));
            format!("{transport} port {}{on}{}", port(number), inside.unwrap_or_default())
        }
        Subject::Peer { direction, transport, service_port, address } => {
            format!("{direction} {address}, {transport} port {}", port(service_port))
        }
        Subject::Interface(name) | Subject::Fact(name) => name.escaped().into_owned(),
        Subject::Route { table, destination, prefix } => {
            format!("{destination}/{prefix} in table {}", table.escaped())
        }
        Subject::Rule { priority, text } => format!("{priority}: {}", text.escaped()),
    }
}

/// `within change CHG1, CHG2`, or `no change recorded`.
fn during(notes: &[ChangeNote]) -> String {
    let numbers: Vec<&str> = notes.iter().map(|note| note.number.as_str()).collect();
    match numbers.as_slice() {
        [] => "no change recorded".to_owned(),
        numbers => format!("within change {}", numbers.join(", ")),
    }
}

impl Kind for Changes {
    type Body<'x> = ChangeRow<'x>;

    const NAME: &'static str = "change";

    const DOC: &'static str = "One change between two snapshots, or one thing that could not be \
                               compared. What a partial answer does not show is never reported as \
                               gone.";

    const FIELDS: &'static [Field<Self>] = answer![
        Field::always("host_id", Type::Text, "The host of the newer snapshot.", |row| {
            row.record.host.as_str().into()
        }),
        Field::always("from", Type::Time, "Time of the older snapshot.", |row| row
            .record
            .from
            .into()),
        Field::always("to", Type::Time, "Time of the newer snapshot.", |row| row.record.to.into()),
        Field::always("view", words_of!(View), "The view it belongs to.", |row| {
            Value::Word(row.record.view().as_str())
        }),
        Field::always(
            "change",
            Type::Word(|| {
                let kinds = ChangeKind::ALL.iter().map(|kind| kind.as_str());
                kinds.chain(["incomparable"]).collect()
            }),
            "What kind of change it is; `incomparable`: it could not be told, see `reason`.",
            |row| row.record.word().into(),
        ),
        Field::reported("subject", Type::Text, "What changed, in words.", |row| {
            row.record.subject().map(describe).into()
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
            "Address of a listener or peer; destination of a route.",
            |row| row.record.address().into(),
        ),
        Field::reported("before", Type::Text, "How it was. `null`: it was not there.", |row| {
            row.record.change().and_then(|change| change.before.as_ref()).into()
        }),
        Field::reported("after", Type::Text, "How it is. `null`: it is not there.", |row| {
            row.record.change().and_then(|change| change.after.as_ref()).into()
        }),
        Field::reported("reason", Type::Text, "Why it could not be compared.", |row| {
            match row.record.told {
                Told::Change(_) => Value::Null,
                Told::Incomparable(gap) => (&gap.reason).into(),
            }
        }),
        Field::reported(
            "during",
            Type::Text,
            "`within change NUMBER` when change requests were at work on the host between the two \
             snapshots, else `no change recorded`. `null`: none were ever imported.",
            |row| row.record.explained().map(during).into(),
        ),
        Field::reported("change_requests", Type::Texts, "Their numbers.", |row| {
            row.record.explained().map_or(Value::Null, |notes| {
                Value::list(notes.iter().map(|note| note.number.as_str()))
            })
        }),
    ];

    const COLUMNS: &'static [Column] = &[
        Column::of("VIEW", "view"),
        Column::of("CHANGE", "change"),
        Column::of("SUBJECT", "subject"),
        Column::of("BEFORE", "before"),
        Column::of("AFTER", "after"),
        Column::of("REASON", "reason"),
        Column::of("DURING", "during"),
    ];
}
