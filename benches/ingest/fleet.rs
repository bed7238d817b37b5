//! A made-up fleet whose sockets behave as real ones do: services stay, conversations stay or go,
//! most connections are new every night and with them ephemeral port, inode and cookie.
//!
//! Only what tonight's output depends on is held: about 40 bytes per socket.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use fleetstat::model::digest::Sha256;
use fleetstat::model::id::{HostName, ProbeId, RunId};
use fleetstat::model::parsed::Coverage;
use fleetstat::model::process::Process;
use fleetstat::model::record::{Records, Source, Sourced};
use fleetstat::model::snapshot::{
    EvidenceFile, Outcome, SectionResult, SectionStatus, Snapshot, View,
};
use fleetstat::model::socket::{
    Attribution, Direction, Endpoint, Family, Owner, Scope, Socket, State, Timer, TimerKind,
    Transport,
};
use fleetstat::model::text::HostText;
use fleetstat::model::time::Utc;
use fleetstat::store::RunStart;

use crate::surroundings::{facts, header, links};

type Text = HostText<'static>;

/// Sockets per host: 24 wait, the rest talk.
pub(crate) const SOCKETS: usize = 200;
const WAITING: usize = 24;
const ROLES: u64 = 20;
/// Programs of a role that talk to others.
const PROGRAMS: u64 = 12;
/// What listens on every host, by which program.
const EVERYWHERE: [(u16, &str); 12] = [
    (22, "sshd"),
    (25, "master"),
    (53, "unbound"),
    (68, "dhclient"),
    (111, "rpcbind"),
    (123, "chronyd"),
    (161, "snmpd"),
    (443, "nginx"),
    (2_049, "rpc.nfsd"),
    (5_666, "nrpe"),
    (9_100, "node_exporter"),
    (10_050, "zabbix_agentd"),
];
/// Of 1,000 sockets, those whose shape or partner is another than the night before.
const CHURN: u64 = 30;
/// Of 1,000 conversations that stay, those that a new connection carries on.
const RECONNECTED: u64 = 600;
/// Of 1,000 hosts, those that were restarted since the night before.
const RESTARTED: u64 = 20;

/// `SplitMix64`: small, seeded, good enough to make data up.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below a bound.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.number() % bound
    }

    fn of_thousand(&mut self, share: u64) -> bool {
        self.below(1_000) < share
    }

    fn short(&mut self, from: u16, count: u16) -> u16 {
        from + u16::try_from(self.below(u64::from(count))).unwrap_or(0)
    }
}

/// A connection or listening socket of one host.
#[derive(Clone)]
struct Slot {
    /// Which of the role's programs.
    program: u64,
    port: u16,
    peer: Option<IpAddr>,
    inbound: bool,
    state: State,
    ephemeral: u16,
    inode: u64,
    cookie: Option<u64>,
    fd: u32,
}

/// One host.
pub(crate) struct Host {
    pub(crate) role: u64,
    slots: Vec<Slot>,
    inodes: u64,
    cookies: u64,
    pub(crate) boot: u32,
}

/// The fleet.
pub(crate) struct Fleet {
    hosts: Vec<Host>,
    dice: Dice,
}

/// Address of a host by its place.
pub(crate) fn address(host: u64) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 | u32::try_from(host + 256).unwrap_or(0)))
}

/// Name of a host by its place.
pub(crate) fn name(host: usize) -> HostName {
    let text = format!("srv-{host:05}");
    HostName::new(&text).unwrap_or_else(|error| unreachable!("{error}"))
}

/// The run of a night, from 0.
pub(crate) fn run(night: u32) -> RunStart {
    let started = midnight(night);
    let run = RunId::new(started, night);
    RunStart {
        folder: format!("runs/{run}"),
        run,
        playbook: "nightly-snapshot".into(),
        purpose: "routine".into(),
        operator: "noc-automation".into(),
        change: Some(format!("CHG-{}", 40_000 + night)),
        started,
    }
}

fn midnight(night: u32) -> Utc {
    let day = Duration::from_hours(24) * night;
    Utc::from_seconds(1_793_491_200).unwrap_or(Utc::EPOCH).plus(day)
}

impl Fleet {
    /// A fleet of so many hosts, the same for the same seed.
    pub(crate) fn new(hosts: usize, seed: u64) -> Self {
        let mut dice = Dice(seed);
        let count = u64::try_from(hosts).unwrap_or(1);
        let hosts = (0..count)
            .map(|_| {
                let mut host = Host {
                    role: dice.below(ROLES),
                    slots: Vec::new(),
                    inodes: 20_000,
                    cookies: 1,
                    boot: 0,
                };
                for place in 0..SOCKETS {
                    let slot = fresh_slot(&mut dice, place, count);
                    host.slots.push(slot);
                }
                host
            })
            .collect();
        Self { hosts, dice }
    }

    /// A night passes on one host; this is what it shows then.
    pub(crate) fn visit(&mut self, host: usize, night: u32) -> Snapshot {
        let count = u64::try_from(self.hosts.len()).unwrap_or(1);
        let dice = &mut self.dice;
        let Some(state) = self.hosts.get_mut(host) else { unreachable!("no such host") };
        let restarted = dice.of_thousand(RESTARTED);
        state.boot += u32::from(restarted);
        let since = state.inodes;
        state.inodes += 400_000 + dice.below(1_600_000);
        for (place, slot) in state.slots.iter_mut().enumerate() {
            let churned = dice.of_thousand(CHURN);
            if churned {
                *slot = fresh_slot(dice, place, count);
            }
            let reconnected = place >= WAITING && dice.of_thousand(RECONNECTED);
            if churned || restarted || reconnected || night == 0 {
                slot.ephemeral = dice.short(32_768, 28_231);
                slot.inode = since + dice.below(state.inodes - since);
                slot.fd = 3 + u32::try_from(dice.below(200)).unwrap_or(0);
                slot.cookie = None;
            }
        }
        // The kernel gives a socket its cookie when it is first listed: in the order of listing.
        for slot in &mut state.slots {
            let next = &mut state.cookies;
            slot.cookie.get_or_insert_with(|| {
                *next += 1;
                *next
            });
        }
        snapshot(dice, host, state, night)
    }

    /// The port of a random listener, and the partner of a random conversation.
    pub(crate) fn sample(&mut self) -> (u16, IpAddr) {
        let host = usize::try_from(self.dice.below(self.hosts.len() as u64)).unwrap_or(0);
        let waiting = usize::try_from(self.dice.below(WAITING as u64)).unwrap_or(0);
        let talking = WAITING + usize::try_from(self.dice.below(100)).unwrap_or(0);
        let slots = self.hosts.get(host).map(|host| &host.slots);
        let slot = |place| slots.and_then(|slots: &Vec<Slot>| slots.get(place));
        let port = slot(waiting).map_or(22, |slot| slot.port);
        let peer = slot(talking).and_then(|slot| slot.peer);
        (port, peer.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)))
    }
}

/// A new shape with a new partner. The first half of the listeners are the same everywhere.
fn fresh_slot(dice: &mut Dice, place: usize, hosts: u64) -> Slot {
    let program = dice.below(PROGRAMS);
    let mut slot = Slot {
        program,
        port: 0,
        peer: None,
        inbound: false,
        state: State::Listen,
        ephemeral: 0,
        inode: 0,
        cookie: None,
        fd: 3,
    };
    if place < WAITING {
        let own = dice.short(8_000, 120);
        slot.port = EVERYWHERE.get(place).map_or(own, |(port, _)| *port);
        if place < EVERYWHERE.len() {
            slot.program = 0;
        }
        return slot;
    }
    slot.inbound = dice.below(2) == 0;
    slot.port = dice.short(5_000, 12) + u16::try_from(program).unwrap_or(0) * 20;
    slot.state = match dice.below(20) {
        0..=2 => State::TimeWait,
        3 => State::CloseWait,
        _ => State::Established,
    };
    // A few partners are everyone's (name service, monitoring), most are some host of the fleet,
    // some are outside or speak IPv6.
    slot.peer = Some(match dice.below(100) {
        0..=9 => address(dice.below(8)),
        10..=84 => address(dice.below(hosts)),
        85..=92 => IpAddr::V4(Ipv4Addr::from_bits(
            0xc633_6400 | u32::try_from(dice.below(256)).unwrap_or(0),
        )),
        _ => IpAddr::V6(Ipv6Addr::from_bits(0x2001_0db8 << 96 | u128::from(dice.below(hosts)))),
    });
    slot
}

struct Places {
    next: [u64; 2],
}

impl Places {
    /// The next line of a section: lines of `ss` with owner and timer take 170 to 230 bytes.
    fn line(&mut self, dice: &mut Dice, section: u16) -> Source {
        let start = self.next.get_mut(usize::from(section) - 1);
        let Some(start) = start else { unreachable!("two sections") };
        let source = Source { section, start: *start, end: *start + 170 + dice.below(60) };
        *start = source.end;
        source
    }
}

fn process_name(role: u64, program: u64, port: u16) -> Text {
    let everywhere = EVERYWHERE.iter().find(|(known, _)| *known == port);
    let text = everywhere
        .map_or_else(|| format!("app{role:02}-{program:02}"), |(_, name)| (*name).to_owned());
    HostText::owned(text.into_bytes())
}

fn socket(dice: &mut Dice, host: usize, state: &Host, slot: &Slot) -> Socket<'static> {
    let own = match slot.peer {
        Some(IpAddr::V6(_)) => IpAddr::V6(Ipv6Addr::from_bits(0x2001_0db8 << 96 | host as u128)),
        Some(IpAddr::V4(_)) => address(host as u64),
        None => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    };
    let udp = matches!(slot.port, 53 | 68 | 123 | 161);
    let transport = if udp { Transport::Udp } else { Transport::Tcp };
    let (near, far) =
        if slot.inbound { (slot.port, slot.ephemeral) } else { (slot.ephemeral, slot.port) };
    let local_port = if slot.peer.is_none() { slot.port } else { near };
    let local = Endpoint { address: own, port: Some(local_port), zone: None };
    let remote = slot.peer.map(|peer| Endpoint { address: peer, port: Some(far), zone: None });
    let word = if udp { State::Unconnected } else { slot.state };
    let mut socket = Socket::new(transport, local, remote, word);
    socket.family = if own.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 };
    socket.direction = match (slot.peer, slot.inbound) {
        (None, _) => Direction::Listener,
        (_, true) => Direction::Inbound,
        (_, false) => Direction::Outbound,
    };
    socket.bind_scope = if slot.peer.is_none() { Scope::Wildcard } else { Scope::Specific };
    socket.attribution = Attribution::Kernel;
    if slot.state == State::TimeWait {
        let expires_ms = Some(dice.below(60_000));
        socket.timer = Some(Timer { kind: TimerKind::TimeWait, expires_ms, retransmits: Some(0) });
        socket.inode = Some(0);
        return socket;
    }
    let name = process_name(state.role, slot.program, slot.port);
    socket.cgroup = Some(HostText::owned([b"/system.slice/", name.bytes(), b".service"].concat()));
    socket.owners.push(Owner { pid: pid(state, slot), fd: Some(slot.fd), tid: None, name });
    socket.attribution = Attribution::Owned;
    socket.uid = Some(u32::try_from(slot.program).unwrap_or(0) * 3);
    socket.inode = Some(slot.inode);
    socket.cookie = slot.cookie;
    let queue = |dice: &mut Dice| if dice.of_thousand(30) { dice.below(4_000) } else { 0 };
    if slot.peer.is_none() {
        socket.backlog_current = Some(0);
        socket.backlog_max = Some(if slot.port == 22 { 128 } else { 4_096 });
    } else {
        socket.recv_queue_bytes = Some(queue(dice));
        socket.send_queue_bytes = Some(queue(dice));
        if slot.state == State::Established && dice.below(2) == 0 {
            let expires_ms = Some(dice.below(7_200_000));
            socket.timer =
                Some(Timer { kind: TimerKind::Keepalive, expires_ms, retransmits: Some(0) });
        }
    }
    socket
}

fn pid(host: &Host, slot: &Slot) -> u32 {
    let program = u32::try_from(slot.program).unwrap_or(0);
    700 + host.boot * 41 + program * 137 + u32::from(slot.port == 22)
}

fn snapshot(dice: &mut Dice, host: usize, state: &Host, night: u32) -> Snapshot {
    let mut places = Places { next: [120, 120] };
    let mut records = Records::default();
    for (section, family) in [(1, Family::Ipv4), (2, Family::Ipv6)] {
        for slot in &state.slots {
            let record = socket(dice, host, state, slot);
            if record.family == family {
                records.sockets.push(Sourced::one(record, places.line(dice, section)));
            }
        }
    }
    processes(&mut records, state);
    links(dice, &mut records, host);
    let header = header(dice, host, state, night);
    records.host = Some(Sourced::one(
        facts(dice, host, state, header.started),
        Source { section: 5, start: 0, end: 900 },
    ));
    let section = |number: u16, probe: &'static str, views: &[View], rows: u64| SectionResult {
        number,
        probe: ProbeId::builtin(probe),
        views: views.to_vec(),
        status: SectionStatus::Complete,
        coverage: Coverage {
            row_bytes: rows * 203,
            header_bytes: 120,
            rows,
            ..Coverage::default()
        },
        limitations: vec![],
        faults: vec![],
    };
    let sockets = [View::Listeners, View::Sessions];
    let key = format!("{host} {night}");
    Snapshot {
        evidence: EvidenceFile {
            name: header.file_name(),
            sha256: Sha256::of(key.as_bytes()),
            bytes: 60_000 + dice.below(9_000),
        },
        header,
        outcome: Outcome::Complete,
        sections: vec![
            section(1, "linux/ss-inet4", &sockets, 186),
            section(2, "linux/ss-inet6", &sockets, 14),
            section(3, "linux/ip-link", &[View::Interfaces], 3),
            section(4, "linux/ip-route", &[View::Routes], 6),
            section(5, "linux/host", &[View::Host], 21),
        ],
        records,
    }
}

fn processes(records: &mut Records, state: &Host) {
    for program in 0..PROGRAMS {
        let name = process_name(state.role, program, 0);
        let service = HostText::owned([name.bytes(), b".service"].concat());
        let uid = u32::try_from(program).ok().map(|program| program * 3);
        let pid = 700 + state.boot * 41 + u32::try_from(program).unwrap_or(0) * 137;
        let process = Process {
            pid,
            parent_pid: None,
            cgroup: Some(HostText::owned([b"/system.slice/", service.bytes()].concat())),
            name,
            executable: None,
            command_line: None,
            uid,
            user: None,
            started_at: None,
            service: Some(service),
        };
        records.processes.push(Sourced::one(process, Source { section: 1, start: 0, end: 200 }));
    }
}
