//! A realistic snapshot for the tests of this module and of `report`: a small web server.
//!
//! Hand-made after the grammar of ss(8) and ip(8) on Debian 12; no real host stands behind it.

use std::net::IpAddr;

use smallvec::smallvec;

use crate::model::capture::{ClockOffset, ControllerClock, Header, Mandate};
use crate::model::digest::Sha256;
use crate::model::fact::{AccountView, ClockReading, HostFacts};
use crate::model::fault::{Fault, FaultKind};
use crate::model::host::{Asset, Criticality, Exposure, Platform, TransportKind};
use crate::model::id::{HostName, Label, Pass, ProbeId, RunId};
use crate::model::link::{Interface, InterfaceAddress, LinkCounters};
use crate::model::parsed::{Coverage, Issue, Span};
use crate::model::process::Process;
use crate::model::record::{Records, SectionIssue, Source, Sourced};
use crate::model::route::{Neighbour, NextHop, Route, RouteKind, Rule};
use crate::model::snapshot::{EvidenceFile, Outcome, SectionResult, SectionStatus, Snapshot, View};
use crate::model::socket::{
    Attribution, Direction, Endpoint, Family, Owner, Scope, Socket, State, Transport,
};
use crate::model::text::HostText;
use crate::model::time::Utc;

/// Text as a host would send it.
pub(crate) fn text(text: &str) -> HostText<'static> {
    HostText::owned(text.as_bytes().to_vec())
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn end(address: &str, port: u16) -> Endpoint<'static> {
    Endpoint { address: ip(address), port: Some(port), zone: None }
}

fn label(text: &str) -> Label {
    Label::new("label", text).unwrap()
}

/// A TCP listener with one owner.
pub(crate) fn listener(
    address: &str,
    port: u16,
    scope: Scope,
    owner: (&str, u32),
) -> Socket<'static> {
    let mut socket = Socket::new(Transport::Tcp, end(address, port), None, State::Listen);
    socket.direction = Direction::Listener;
    socket.bind_scope = scope;
    socket.backlog_current = Some(0);
    socket.backlog_max = Some(511);
    socket.inode = Some(20_000 + u64::from(port));
    socket.cookie = Some(0x1a);
    socket.uid = Some(0);
    own(&mut socket, owner);
    socket
}

fn own(socket: &mut Socket<'static>, (name, pid): (&str, u32)) {
    socket.attribution = Attribution::Owned;
    socket.owners = smallvec![Owner { pid, fd: Some(6), tid: None, name: text(name) }];
}

/// A TCP connection; the owner is not visible.
pub(crate) fn connection(
    direction: Direction,
    local: (&str, u16),
    remote: (&str, u16),
    state: State,
) -> Socket<'static> {
    let remote = Some(end(remote.0, remote.1));
    let mut socket = Socket::new(Transport::Tcp, end(local.0, local.1), remote, state);
    socket.direction = direction;
    socket.bind_scope = Scope::Specific;
    socket.recv_queue_bytes = Some(0);
    socket.send_queue_bytes = Some(36);
    socket.attribution = Attribution::Denied;
    socket
}

/// A record that stands somewhere in a section.
pub(crate) fn sourced<T>(section: u16, record: T) -> Sourced<T> {
    Sourced::one(record, Source { section, start: 120, end: 240 })
}

fn sockets() -> Vec<Sourced<Socket<'static>>> {
    let mut hostile = listener("::1", 6010, Scope::Loopback, ("a\n\x1b[2J", 999));
    hostile.flags.name_has_control = true;
    let mut udp = Socket::new(Transport::Udp, end("0.0.0.0", 68), None, State::Unconnected);
    udp.direction = Direction::Listener;
    udp.bind_scope = Scope::Wildcard;
    udp.bind_device = Some(text("eth0"));
    udp.attribution = Attribution::Denied;
    let sockets = [
        listener("0.0.0.0", 22, Scope::Wildcard, ("sshd", 612)),
        listener("127.0.0.1", 8080, Scope::Loopback, ("nginx", 812)),
        hostile,
        udp,
        connection(Direction::Inbound, ("10.0.0.5", 22), ("10.0.0.9", 51514), State::Established),
        connection(Direction::Inbound, ("10.0.0.5", 22), ("10.0.0.9", 51515), State::CloseWait),
        connection(
            Direction::Outbound,
            ("10.0.0.5", 40022),
            ("10.0.0.7", 5432),
            State::Established,
        ),
    ];
    sockets.into_iter().map(|socket| sourced(1, socket)).collect()
}

fn interface() -> Interface {
    let mut interface = Interface::named(text("eth0"));
    interface.index = Some(2);
    interface.mac = Some(text("52:54:00:12:34:56"));
    interface.mtu = Some(1500);
    interface.oper_state = Some(text("up"));
    interface.flags = vec![text("BROADCAST"), text("UP")];
    let scope = Some(text("global"));
    interface.addresses =
        vec![InterfaceAddress { address: ip("10.0.0.5"), prefix: Some(24), scope, peer: None }];
    interface.rx = LinkCounters { bytes: Some(1_234_567), dropped: Some(3), ..Default::default() };
    interface.tx = LinkCounters { bytes: Some(890), errors: Some(0), ..Default::default() };
    interface.counter_width = Some(64);
    interface
}

/// A route of table `main`.
pub(crate) fn route(destination: &str, prefix: u8, via: Option<&str>) -> Route {
    let via = via.map(ip);
    Route {
        family: Family::Ipv4,
        table: text("main"),
        destination: ip(destination),
        prefix,
        kind: RouteKind::Unicast,
        next_hops: vec![NextHop { via, device: Some(text("eth0")), weight: None }],
        source: None,
        metric: Some(100),
        protocol: Some(text("dhcp")),
        scope: None,
        mtu: None,
        flags: Vec::new(),
        expires_seconds: None,
    }
}

fn facts() -> HostFacts {
    HostFacts {
        hostname: Some(text("web-1")),
        addresses: vec![ip("10.0.0.5")],
        os_id: Some(text("debian")),
        os_name: Some(text("Debian GNU/Linux 12 (bookworm)")),
        os_version: Some(text("12")),
        kernel_name: Some(text("Linux")),
        kernel_release: Some(text("6.1.0-18-amd64")),
        architecture: Some(text("x86_64")),
        machine_id: Some(text("0123456789abcdef0123456789abcdef")),
        boot_id: Some(text("b0070000-0000-4000-8000-000000000001")),
        boot_time: Utc::from_seconds(1_795_400_000),
        clock: Some(ClockReading {
            remote: Utc::from_seconds(1_795_484_521).unwrap(),
            offset_us: 1_250_000,
            error_us: 3_000,
            synchronized: Some(true),
        }),
        account: AccountView {
            name: Some(text("collector")),
            uid: Some(998),
            groups: vec![text("collector")],
            capabilities: Some(0),
            sees_all_owners: Some(false),
        },
        ephemeral: Some((32_768, 60_999)),
        reserved_ports: Vec::new(),
        limits: vec![(text("net.core.somaxconn"), 4096)],
        tools: vec![("ss".to_owned(), text("/usr/bin/ss"))],
    }
}

fn records() -> Records {
    let hop = |via| sourced(3, via);
    let process = Process {
        pid: 812,
        parent_pid: Some(1),
        name: text("nginx"),
        executable: Some(text("/usr/sbin/nginx")),
        command_line: None,
        uid: Some(33),
        user: None,
        started_at: None,
        cgroup: None,
        service: Some(text("nginx.service")),
    };
    let rule = Rule {
        family: Family::Ipv4,
        priority: 32_766,
        text: text("from all"),
        table: Some(text("main")),
    };
    let neighbour = Neighbour {
        address: ip("10.0.0.1"),
        device: Some(text("eth0")),
        mac: Some(text("52:54:00:00:00:01")),
        states: vec![text("reachable")],
        router: None,
    };
    let span = Span { line: 9, start: 900, end: 930 };
    let issue = Issue::unparsed(span, "expected 6 columns", b"=HYPERLINK(\"x\")\x07");
    Records {
        sockets: sockets(),
        interfaces: vec![sourced(2, interface())],
        routes: vec![hop(route("0.0.0.0", 0, Some("10.0.0.1"))), hop(route("10.0.0.0", 24, None))],
        rules: vec![sourced(4, rule)],
        neighbours: vec![sourced(4, neighbour)],
        counters: vec![sourced(
            4,
            crate::model::counter::Counter {
                protocol: text("Tcp"),
                name: text("MaxConn"),
                value: -1,
            },
        )],
        processes: vec![sourced(1, process)],
        host: Some(sourced(5, facts())),
        issues: vec![SectionIssue { section: 1, issue }],
    }
}

fn section(number: u16, probe: &'static str, views: &[View]) -> SectionResult {
    SectionResult {
        number,
        probe: ProbeId::builtin(probe),
        views: views.to_vec(),
        status: SectionStatus::Complete,
        coverage: Coverage::default(),
        limitations: Vec::new(),
        faults: Vec::new(),
    }
}

/// The sections of [`snapshot`], all whole.
fn sections() -> Vec<SectionResult> {
    vec![
        section(1, "linux/ss-inet4", &[View::Listeners, View::Sessions]),
        section(2, "linux/ip-link", &[View::Interfaces]),
        section(3, "linux/ip-route4", &[View::Routes]),
        section(4, "linux/ip-rule4", &[View::Routes]),
        section(5, "linux/os-release", &[View::Host]),
    ]
}

fn asset() -> Asset {
    Asset {
        name: HostName::new("web-1").unwrap(),
        address: "web-1.example".to_owned(),
        port: 22,
        platform: Platform::Linux,
        transport: TransportKind::Ssh,
        role: Some(label("web")),
        environment: Some(label("prod")),
        segment: Some(label("dmz")),
        site: None,
        criticality: Some(Criticality::High),
        exposure: Some(Exposure::Internet),
        owner: Some("Web team".to_owned()),
        tags: vec![label("pci")],
        timezone: None,
        services: vec![label("https")],
    }
}

/// The web server, everything answered.
pub(crate) fn snapshot() -> Snapshot {
    let started = Utc::parse("2026-11-24T01:42:00.25Z").unwrap();
    let header = Header {
        run: RunId::new(started, 0xab_cdef),
        pass: Pass::FIRST,
        asset: asset(),
        peer: Some(ip("10.0.0.5")),
        account: "collector".to_owned(),
        os: Some("Debian GNU/Linux 12 (bookworm)".to_owned()),
        views: View::ALL.to_vec(),
        mandate: Mandate {
            playbook: "nightly-snapshot".to_owned(),
            purpose: "routine".to_owned(),
            operator: "alice".to_owned(),
            change: Some("CHG-1".to_owned()),
            tool_version: "0.1.0".to_owned(),
        },
        started,
        ended: started.plus(std::time::Duration::from_millis(1_530)),
        clock: Some(ClockOffset { offset_us: 1_250_000, error_us: 3_000 }),
        controller_clock: ControllerClock { synchronized: Some(true), error_us: Some(500) },
        surroundings: crate::model::attribute::Surroundings::default(),
        negotiated: None,
        faults: Vec::new(),
    };
    let name = header.file_name();
    let evidence = EvidenceFile { name, sha256: Sha256::of(b"evidence"), bytes: 4_096 };
    let (outcome, sections) = (Outcome::Complete, sections());
    Snapshot { header, evidence, outcome, sections, records: records() }
}

/// The same with the sockets' section cut, and a fault that says so.
pub(crate) fn cut_snapshot() -> Snapshot {
    let mut snapshot = snapshot();
    snapshot.outcome = Outcome::Partial;
    let section = &mut snapshot.sections[0];
    section.status = SectionStatus::Partial;
    section.limitations = vec![
        crate::model::snapshot::Limitation::Truncated,
        crate::model::snapshot::Limitation::NoOwner,
    ];
    section.faults = vec![Fault::new(FaultKind::Truncated, "output cut at 256 MiB")];
    snapshot
}
