//! The field lists of a store's answers: runs, outcomes of hosts, listeners, peers.

use crate::model::fault::{Fault, FaultKind, Stage};
use crate::model::id::Label;
use crate::model::query::{HostOutcome, Listening, Peering, RunSummary};
use crate::model::snapshot::Outcome;
use crate::model::socket::{Direction, Scope, Transport};
use crate::report::field::{Column, Field, Kind};
use crate::report::value::{Member, Type, Value, words_of};

/// Name and version of the answers' schema.
pub const ANSWER_SCHEMA: &str = "fleetstat.answer/1";

/// The kind `run`.
#[derive(Clone, Copy, Debug)]
pub struct Runs;

/// The kind `outcome`.
#[derive(Clone, Copy, Debug)]
pub struct Outcomes;

/// The kind `listener`.
#[derive(Clone, Copy, Debug)]
pub struct Listeners;

/// The kind `peer`.
#[derive(Clone, Copy, Debug)]
pub struct Peers;

/// The first fields of every answer, then the kind's own.
macro_rules! answer {
    ($($field:expr),* $(,)?) => {
        &[
            $crate::report::field::Field::always(
                "schema",
                $crate::report::value::Type::Text,
                "Name and version of this schema.",
                |_| $crate::report::value::Value::Word($crate::report::answer::ANSWER_SCHEMA),
            ),
            $crate::report::field::Field::always(
                "kind",
                $crate::report::value::Type::Text,
                "What the row is about.",
                |_| $crate::report::value::Value::Word(Self::NAME),
            ),
            $($field),*
        ]
    };
}
pub(crate) use answer;

impl Kind for Runs {
    type Body<'x> = RunSummary;

    const NAME: &'static str = "run";

    const DOC: &'static str = "One run of a playbook, with the hosts per outcome.";

    const FIELDS: &'static [Field<Self>] = answer![
        Field::always("run_id", Type::Text, "The run. Sorts by start.", |row| {
            row.record.run.as_str().into()
        }),
        Field::always("playbook", Type::Text, "Name of the playbook.", |row| {
            (&row.record.playbook).into()
        }),
        Field::always("purpose", Type::Text, "Purpose the playbook states.", |row| {
            (&row.record.purpose).into()
        }),
        Field::always("operator", Type::Text, "Who answers for it.", |row| {
            (&row.record.operator).into()
        }),
        Field::reported("change", Type::Text, "Change or ticket reference.", |row| {
            row.record.change.as_ref().into()
        }),
        Field::always("started", Type::Time, "Start.", |row| row.record.started.into()),
        Field::reported(
            "ended",
            Type::Time,
            "End. `null`: it has not ended, or its end was not recorded.",
            |row| row.record.ended.into(),
        ),
        Field::always("hosts.complete", Type::Integer, "Hosts that answered all.", |row| {
            row.record.counts.complete.into()
        }),
        Field::always("hosts.partial", Type::Integer, "Hosts with something missing.", |row| {
            row.record.counts.partial.into()
        }),
        Field::always("hosts.failed", Type::Integer, "Hosts without usable answer.", |row| {
            row.record.counts.failed.into()
        }),
        Field::always("hosts.skipped", Type::Integer, "Hosts not visited.", |row| {
            row.record.counts.skipped.into()
        }),
        Field::always("folder", Type::Text, "Folder that holds the evidence.", |row| {
            (&row.record.folder).into()
        }),
        Field::reported(
            "manifest_sha256",
            Type::Text,
            "Digest of the manifest. `null` while it is not written.",
            |row| row.record.manifest.map(|digest| digest.to_string()).into(),
        ),
    ];

    const COLUMNS: &'static [Column] = &[
        Column::of("RUN", "run_id"),
        Column::of("PLAYBOOK", "playbook"),
        Column::of("STARTED", "started"),
        Column::of("ENDED", "ended"),
        Column::of("COMPLETE", "hosts.complete"),
        Column::of("PARTIAL", "hosts.partial"),
        Column::of("FAILED", "hosts.failed"),
        Column::of("SKIPPED", "hosts.skipped"),
        Column::of("OPERATOR", "operator"),
        Column::of("CHANGE", "change"),
    ];
}

const FAULTS: &[Member] = &[
    Member::always("kind", words_of!(FaultKind), "Class of the fault."),
    Member::always("detail", Type::Text, "What happened."),
    Member::always("remedy", Type::Text, "What can be done about it."),
    Member::reported("stage", words_of!(Stage), "How far a visit over WinRM had come."),
    Member::reported("http_status", Type::Integer, "HTTP status of a WinRM service's answer."),
    Member::reported("wsman_code", Type::Integer, "Number of a WSManFault."),
    Member::reported("wmi_code", Type::Integer, "Number that WMI or a provider gave."),
    Member::reported("subcode", Type::Text, "Subcode of a SOAP fault, without its prefix."),
];

fn faults(faults: &[Fault]) -> Value<'_> {
    Value::objects(faults.iter().map(|fault| {
        let codes = fault.codes.as_deref();
        [
            fault.kind.as_str().into(),
            (&fault.detail).into(),
            fault.kind.remedy().into(),
            codes.map(|codes| codes.stage.as_str()).into(),
            codes.and_then(|codes| codes.http_status).into(),
            codes.and_then(|codes| codes.wsman_code).into(),
            codes.and_then(|codes| codes.wmi_code).into(),
            codes.and_then(|codes| codes.subcode.as_ref()).into(),
        ]
    }))
}

impl Kind for Outcomes {
    type Body<'x> = HostOutcome;

    const NAME: &'static str = "outcome";

    const DOC: &'static str = "What came of one host in one run, also when it said nothing.";

    const FIELDS: &'static [Field<Self>] = answer![
        Field::always("run_id", Type::Text, "The run.", |row| row.record.run.as_str().into()),
        Field::always("host_id", Type::Text, "The inventory's name of the host.", |row| {
            row.record.host.as_str().into()
        }),
        Field::always("pass", Type::Integer, "Planned repetition in the run, from 1.", |row| {
            row.record.pass.pass.into()
        }),
        Field::always("attempt", Type::Integer, "Retry of the pass, from 1.", |row| {
            row.record.pass.attempt.into()
        }),
        Field::always("at", Type::Time, "When the visit ended, or was given up.", |row| {
            row.record.at.into()
        }),
        Field::always("outcome", words_of!(Outcome), "How much was answered.", |row| {
            Value::Word(row.record.outcome.as_str())
        }),
        Field::always("faults", Type::Objects(FAULTS), "Faults, in order.", |row| {
            faults(&row.record.faults)
        }),
        Field::reported(
            "evidence",
            Type::Text,
            "Evidence file in the run's folder. `null`: the host said nothing.",
            |row| row.record.evidence.as_ref().into(),
        ),
    ];

    const COLUMNS: &'static [Column] = &[
        Column::of("HOST", "host_id"),
        Column::of("RUN", "run_id"),
        Column::of("AT", "at"),
        Column::of("OUTCOME", "outcome"),
        Column::items("FAULTS", "faults", &["kind"]),
        Column::of("EVIDENCE", "evidence"),
    ];
}

fn label(label: Option<&Label>) -> Value<'_> {
    label.map(Label::as_str).into()
}

impl Kind for Listeners {
    type Body<'x> = Listening;

    const NAME: &'static str = "listener";

    const DOC: &'static str = "One listener of one host, with the interval in which it was seen.";

    const FIELDS: &'static [Field<Self>] = answer![
        Field::always("host_id", Type::Text, "The inventory's name of the host.", |row| {
            row.record.host.as_str().into()
        }),
        Field::reported("role", Type::Text, "Role at the last sighting.", |row| {
            label(row.record.role.as_ref())
        }),
        Field::always("network.transport", words_of!(Transport), "Transport protocol.", |row| {
            Value::Word(row.record.transport.as_str())
        }),
        Field::always("local.address", Type::Address, "Local address.", |row| row
            .record
            .address
            .into()),
        Field::always(
            "local.port",
            Type::Integer,
            "Local port; 0 for protocols without ports.",
            |row| row.record.port.into(),
        ),
        Field::always("bind.scope", words_of!(Scope), "How far it reaches.", |row| {
            Value::Word(row.record.scope.as_str())
        }),
        Field::reported("process.name", Type::Text, "Process. `null`: not known.", |row| {
            row.record.process.as_ref().into()
        }),
        Field::reported("socket.uid", Type::Integer, "User id that created it.", |row| {
            row.record.uid.into()
        }),
        Field::reported("service", Type::Text, "Service or unit. `null`: not known.", |row| {
            row.record.service.as_ref().into()
        }),
        Field::reported(
            "namespace",
            Type::Text,
            "Network namespace: a container, pod, machine or unit. `null`: the host's own.",
            |row| row.record.namespace.as_ref().into(),
        ),
        Field::always("first_seen", Type::Time, "First snapshot that showed it.", |row| {
            row.record.first_seen.into()
        }),
        Field::always("last_seen", Type::Time, "Last good snapshot that showed it.", |row| {
            row.record.last_seen.into()
        }),
        Field::always(
            "open",
            Type::Bool,
            "`false` when a later good snapshot did not show it.",
            |row| row.record.open.into(),
        ),
        Field::always("count", Type::Integer, "Most such sockets in one snapshot.", |row| {
            row.record.count.into()
        }),
    ];

    const COLUMNS: &'static [Column] = &[
        Column::of("HOST", "host_id"),
        Column::of("ROLE", "role"),
        Column::of("PROTO", "network.transport"),
        Column::of("ADDRESS", "local.address"),
        Column::of("PORT", "local.port"),
        Column::of("SCOPE", "bind.scope"),
        Column::of("PROCESS", "process.name"),
        Column::of("SERVICE", "service"),
        Column::of("NAMESPACE", "namespace"),
        Column::of("UID", "socket.uid"),
        Column::of("FIRST-SEEN", "first_seen"),
        Column::of("LAST-SEEN", "last_seen"),
        Column::of("OPEN", "open"),
    ];
}

impl Kind for Peers {
    type Body<'x> = Peering;

    const NAME: &'static str = "peer";

    const DOC: &'static str =
        "One conversation partner of one host, with the interval in which it was seen.";

    const FIELDS: &'static [Field<Self>] = answer![
        Field::always("host_id", Type::Text, "The inventory's name of the host.", |row| {
            row.record.host.as_str().into()
        }),
        Field::reported("role", Type::Text, "Role at the last sighting.", |row| {
            label(row.record.role.as_ref())
        }),
        Field::always("direction", words_of!(Direction), "Who opened it.", |row| {
            Value::Word(row.record.direction.as_str())
        }),
        Field::always("network.transport", words_of!(Transport), "Transport protocol.", |row| {
            Value::Word(row.record.transport.as_str())
        }),
        Field::always(
            "service_port",
            Type::Integer,
            "Port that names the service: the local one of an inbound, the remote one of an \
             outbound conversation.",
            |row| row.record.service_port.into(),
        ),
        Field::always("remote.address", Type::Address, "The partner.", |row| row
            .record
            .peer
            .into()),
        Field::reported("process.name", Type::Text, "Process. `null`: not known.", |row| {
            row.record.process.as_ref().into()
        }),
        Field::reported("socket.uid", Type::Integer, "User id. `null`: not known.", |row| {
            row.record.uid.into()
        }),
        Field::always("first_seen", Type::Time, "First snapshot that showed it.", |row| {
            row.record.first_seen.into()
        }),
        Field::always("last_seen", Type::Time, "Last good snapshot that showed it.", |row| {
            row.record.last_seen.into()
        }),
        Field::always(
            "open",
            Type::Bool,
            "`false` when a later good snapshot did not show it.",
            |row| row.record.open.into(),
        ),
        Field::always("count", Type::Integer, "Most such sockets in one snapshot.", |row| {
            row.record.count.into()
        }),
    ];

    const COLUMNS: &'static [Column] = &[
        Column::of("HOST", "host_id"),
        Column::of("ROLE", "role"),
        Column::of("DIRECTION", "direction"),
        Column::of("PROTO", "network.transport"),
        Column::of("PEER", "remote.address"),
        Column::of("PORT", "service_port"),
        Column::of("PROCESS", "process.name"),
        Column::of("UID", "socket.uid"),
        Column::of("FIRST-SEEN", "first_seen"),
        Column::of("LAST-SEEN", "last_seen"),
        Column::of("OPEN", "open"),
        Column::of("COUNT", "count"),
    ];
}
