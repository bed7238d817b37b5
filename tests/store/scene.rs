//! Small fleets whose sockets come and go, with whole, partial and failed sections, for tests of
//! what a store concludes.

use std::time::Duration;

use fleetstat::model::capture::{ControllerClock, Header, Mandate};
use fleetstat::model::digest::Sha256;
use fleetstat::model::host::Asset;
use fleetstat::model::id::{HostName, Label, Pass, ProbeId, RunId};
use fleetstat::model::parsed::Coverage;
use fleetstat::model::process::Process;
use fleetstat::model::record::{Records, Source, Sourced};
use fleetstat::model::snapshot::{
    EvidenceFile, Outcome, SectionResult, SectionStatus, Snapshot, View,
};
use fleetstat::model::socket::{Direction, Endpoint, Owner, Scope, Socket, State, Transport};
use fleetstat::model::text::HostText;
use fleetstat::model::time::Utc;
use fleetstat::store::RunStart;

/// Midnight before the first night.
pub(crate) fn start() -> Utc {
    Utc::parse("2026-11-01T00:00:00Z").unwrap()
}

/// The time of a night's run, from 0.
pub(crate) fn night(number: u32) -> Utc {
    start().plus(Duration::from_hours(u64::from(number) * 24))
}

/// The run of a night.
pub(crate) fn run(number: u32) -> RunId {
    RunId::new(night(number), number)
}

/// How a run of a night begins.
pub(crate) fn run_start(number: u32) -> RunStart {
    RunStart {
        run: run(number),
        playbook: "nightly-snapshot".into(),
        purpose: "routine".into(),
        operator: "noc".into(),
        change: Some("CHG-1".into()),
        started: night(number),
        folder: format!("runs/{}", run(number)),
    }
}

/// A host's name.
pub(crate) fn host(name: &str) -> HostName {
    HostName::new(name).unwrap()
}

fn header(name: &str, at: Utc, run: RunId) -> Header {
    Header {
        run,
        pass: Pass::FIRST,
        asset: Asset {
            role: Some(Label::new("role", "db").unwrap()),
            ..Asset::new(host(name), "192.0.2.1".into(), 22)
        },
        peer: None,
        account: "audit".into(),
        os: None,
        views: View::ALL.to_vec(),
        mandate: Mandate {
            playbook: "nightly-snapshot".into(),
            purpose: "routine".into(),
            operator: "noc".into(),
            change: Some("CHG-1".into()),
            tool_version: "0.1.0".into(),
        },
        started: at,
        ended: at.plus(Duration::from_secs(2)),
        clock: None,
        controller_clock: ControllerClock { synchronized: Some(true), error_us: Some(10) },
        surroundings: fleetstat::model::attribute::Surroundings::default(),
        negotiated: None,
        faults: vec![],
    }
}

/// A section of sockets: probe number 1 is `linux/ss-inet4`, 2 is `linux/ss-inet6`, 3 the fallback.
pub(crate) fn section(number: u16, status: SectionStatus) -> SectionResult {
    let probe = match number {
        1 => "linux/ss-inet4",
        2 => "linux/ss-inet6",
        _ => "linux/proc-net",
    };
    SectionResult {
        number,
        probe: ProbeId::parse(probe).unwrap(),
        views: vec![View::Listeners, View::Sessions],
        status,
        coverage: Coverage::default(),
        limitations: vec![],
        faults: vec![],
    }
}

/// A host's snapshot with these sections, and no sockets yet.
pub(crate) fn visit(name: &str, number: u32, sections: Vec<SectionResult>) -> Snapshot {
    let header = header(name, night(number).plus(Duration::from_secs(1)), run(number));
    let key = format!("{name} {number}");
    Snapshot {
        evidence: EvidenceFile {
            name: header.file_name(),
            sha256: Sha256::of(key.as_bytes()),
            bytes: 4_096,
        },
        header,
        outcome: Outcome::Complete,
        sections,
        records: Records::default(),
    }
}

/// A host's snapshot whose two sections are whole.
pub(crate) fn whole(name: &str, number: u32) -> Snapshot {
    let status = SectionStatus::Complete;
    visit(name, number, vec![section(1, status), section(2, status)])
}

fn end(address: &str, port: u16) -> Endpoint<'static> {
    Endpoint { address: address.parse().unwrap(), port: Some(port), zone: None }
}

fn add(snapshot: &mut Snapshot, from: u16, mut socket: Socket<'static>, owner: Option<&str>) {
    let start = 100 * u64::try_from(snapshot.records.sockets.len()).unwrap();
    let pid = 1_000 + u32::try_from(start).unwrap();
    if let Some(name) = owner {
        let name = HostText::owned(name.into());
        socket.owners.push(Owner { pid, fd: Some(3), tid: None, name: name.clone() });
        let process = Process {
            pid,
            parent_pid: Some(1),
            name: name.clone(),
            executable: None,
            command_line: None,
            uid: Some(0),
            user: None,
            started_at: None,
            cgroup: None,
            service: Some(HostText::owned([name.bytes(), b".service"].concat())),
        };
        let source = Source { section: from, start, end: start + 100 };
        snapshot.records.processes.push(Sourced::one(process, source));
    }
    socket.uid = Some(0);
    let source = Source { section: from, start, end: start + 100 };
    snapshot.records.sockets.push(Sourced::one(socket, source));
}

/// Adds a TCP listener on every IPv4 address.
pub(crate) fn listens(snapshot: &mut Snapshot, from: u16, port: u16, owner: &str) {
    let mut socket = Socket::new(Transport::Tcp, end("0.0.0.0", port), None, State::Listen);
    socket.direction = Direction::Listener;
    socket.bind_scope = Scope::Wildcard;
    add(snapshot, from, socket, Some(owner));
}

/// Adds a conversation that this host opened.
pub(crate) fn talks(snapshot: &mut Snapshot, from: u16, peer: &str, port: u16, state: State) {
    let ephemeral = 40_000 + u16::try_from(snapshot.records.sockets.len()).unwrap();
    let local = end("192.0.2.1", ephemeral);
    let mut socket = Socket::new(Transport::Tcp, local, Some(end(peer, port)), state);
    socket.direction = Direction::Outbound;
    add(snapshot, from, socket, Some("client"));
}
