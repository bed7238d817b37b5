//! Snapshots of every shape the types allow, from a seed: empty lists, largest numbers, hostile
//! bytes. Nothing here is realistic; `scene` is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fleetstat::model::capture::{ClockOffset, ControllerClock, Header, Mandate, Negotiated};
use fleetstat::model::counter::Counter;
use fleetstat::model::digest::Sha256;
use fleetstat::model::fact::{AccountView, ClockReading, HostFacts};
use fleetstat::model::fault::{Fault, FaultKind};
use fleetstat::model::host::{Asset, Criticality, Exposure, Platform, TransportKind};
use fleetstat::model::id::{HostName, Label, Pass, ProbeId, RunId};
use fleetstat::model::link::{Interface, InterfaceAddress, LinkCounters};
use fleetstat::model::parsed::{Coverage, Issue, Severity, Span};
use fleetstat::model::process::Process;
use fleetstat::model::record::{Records, SectionIssue, Source, Sourced};
use fleetstat::model::route::{Neighbour, NextHop, Route, RouteKind, Rule};
use fleetstat::model::snapshot::{
    EvidenceFile, Limitation, Outcome, SectionResult, SectionStatus, Snapshot, View,
};
use fleetstat::model::socket::{
    Attribution, Direction, Endpoint, Family, Owner, Scope, Socket, SocketFlags, State, Timer,
    TimerKind, Transport,
};
use fleetstat::model::text::HostText;
use fleetstat::model::time::Utc;

type Text = HostText<'static>;

/// A source of made-up values (`SplitMix64`).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// The next number.
    pub(crate) fn number(&mut self) -> u64 {
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

    /// True once in so many times.
    pub(crate) fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// One of these.
    pub(crate) fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[usize::try_from(self.below(items.len() as u64)).unwrap()]
    }

    fn wide(&mut self) -> u64 {
        match self.below(5) {
            0 => 0,
            1 => u64::MAX,
            2 => self.number(),
            _ => self.below(300),
        }
    }

    fn small(&mut self) -> u32 {
        if self.once_in(9) { u32::MAX } else { u32::try_from(self.below(70_000)).unwrap() }
    }

    fn short(&mut self) -> u16 {
        if self.once_in(9) { u16::MAX } else { u16::try_from(self.below(4)).unwrap() }
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (!self.once_in(3)).then(|| make(self))
    }

    fn list<T>(&mut self, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let count = if self.once_in(40) { 30 + self.below(200) } else { self.below(4) };
        (0..count).map(|_| make(self)).collect()
    }

    fn bytes(&mut self) -> Text {
        let length = self.below(6);
        HostText::owned(
            (0..length).map(|_| self.pick(b"ab\n\x1b\\\xff\0\xe2\x80\xae users:((")).collect(),
        )
    }

    fn string(&mut self) -> String {
        self.bytes().escaped().into_owned()
    }

    fn label(&mut self) -> Label {
        Label::new("label", self.pick(&["db", "web", "edge-1"])).unwrap()
    }

    /// An address of any kind, also v4-mapped.
    pub(crate) fn address(&mut self) -> IpAddr {
        let host = u32::try_from(self.below(3)).unwrap();
        match self.below(4) {
            0 => IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + host)),
            1 => IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(self.below(1 << 32)).unwrap())),
            2 => IpAddr::V6(Ipv4Addr::from_bits(0x0a00_0000 + host).to_ipv6_mapped()),
            _ => {
                IpAddr::V6(Ipv6Addr::from_bits(u128::from(self.number()) << 64 | u128::from(host)))
            }
        }
    }

    fn time(&mut self) -> Utc {
        let micros = i64::try_from(self.below(4_000_000_000_000_000)).unwrap();
        Utc::from_micros(micros - 1_000_000).unwrap()
    }

    fn fault(&mut self) -> Fault {
        // Those of page version 1, so that the frozen pages stay what they are.
        let kind = self.pick(FaultKind::ALL.split_at(25).0);
        Fault::new(kind, self.string())
    }

    fn end(&mut self) -> Endpoint<'static> {
        let port = self.maybe(|d| if d.once_in(5) { u16::MAX } else { d.short() });
        Endpoint { address: self.address(), port, zone: self.maybe(Self::bytes) }
    }

    fn socket(&mut self) -> Socket<'static> {
        let (transport, local) = (self.pick(Transport::ALL), self.end());
        let remote = self.maybe(Self::end);
        let mut socket = Socket::new(transport, local, remote, self.pick(State::ALL));
        socket.family = self.pick(Family::ALL);
        socket.raw_protocol = self.maybe(|d| d.pick(&[0, 1, 255]));
        socket.bind_device = self.maybe(Self::bytes);
        socket.bind_scope = self.pick(Scope::ALL);
        socket.dual_stack = self.maybe(|d| d.once_in(2));
        socket.state_raw = self.maybe(Self::bytes);
        socket.direction = self.pick(Direction::ALL);
        socket.recv_queue_bytes = self.maybe(Self::wide);
        socket.send_queue_bytes = self.maybe(Self::wide);
        socket.backlog_current = self.maybe(Self::wide);
        socket.backlog_max = self.maybe(Self::wide);
        socket.timer = self.maybe(|d| Timer {
            kind: d.pick(TimerKind::ALL),
            expires_ms: d.maybe(Self::wide),
            retransmits: d.maybe(Self::small),
        });
        socket.drops = self.maybe(Self::wide);
        socket.inode = self.maybe(Self::wide);
        socket.cookie = self.maybe(Self::wide);
        socket.uid = self.maybe(Self::small);
        socket.cgroup = self.maybe(Self::bytes);
        let owners = self.list(|d| Owner {
            pid: d.small(),
            fd: d.maybe(Self::small),
            tid: d.maybe(Self::small),
            name: d.bytes(),
        });
        socket.owners = owners.into_iter().collect();
        socket.attribution = self.pick(Attribution::ALL);
        socket.flags = SocketFlags {
            v4_mapped: self.once_in(2),
            truncated: self.once_in(2),
            name_has_control: self.once_in(2),
            duplicate: self.once_in(2),
        };
        socket
    }

    fn sourced<T>(&mut self, record: T) -> Sourced<T> {
        let sources = self.list(|d| Source { section: d.short(), start: d.wide(), end: d.wide() });
        Sourced { record, sources: sources.into_iter().collect() }
    }

    fn records<T>(&mut self, make: impl Fn(&mut Self) -> T) -> Vec<Sourced<T>> {
        self.list(|d| {
            let record = make(d);
            d.sourced(record)
        })
    }

    fn link_counters(&mut self) -> LinkCounters {
        LinkCounters {
            bytes: self.maybe(Self::wide),
            packets: self.maybe(Self::wide),
            errors: self.maybe(Self::wide),
            dropped: self.maybe(Self::wide),
            overruns: self.maybe(Self::wide),
            multicast: self.maybe(Self::wide),
        }
    }

    fn interface(&mut self) -> Interface {
        let mut interface = Interface::named(self.bytes());
        interface.index = self.maybe(Self::small);
        interface.mac = self.maybe(Self::bytes);
        interface.mtu = self.maybe(Self::wide);
        interface.oper_state = self.maybe(Self::bytes);
        interface.kind = self.maybe(Self::bytes);
        interface.flags = self.list(Self::bytes);
        interface.speed_bps = self.maybe(Self::wide);
        interface.master = self.maybe(Self::bytes);
        interface.addresses = self.list(|d| InterfaceAddress {
            address: d.address(),
            prefix: Some(d.pick(&[0, 24, 128, 255])).filter(|&prefix| prefix != 255),
            scope: d.maybe(Self::bytes),
            peer: d.maybe(Self::address),
        });
        interface.rx = self.link_counters();
        interface.tx = self.link_counters();
        interface.carrier_errors = interface.tx.overruns.take();
        interface.collisions = self.maybe(Self::wide);
        // `fifo_errors` stays out: pages without it are what they were, which `damage.rs` holds.
        interface.counter_width = self.maybe(|d| d.pick(&[32, 64, 255]));
        interface
    }

    fn route(&mut self) -> Route {
        Route {
            family: self.pick(Family::ALL),
            table: self.bytes(),
            destination: self.address(),
            prefix: self.pick(&[0, 8, 128]),
            kind: self.pick(RouteKind::ALL),
            next_hops: self.list(|d| NextHop {
                via: d.maybe(Self::address),
                device: d.maybe(Self::bytes),
                weight: d.maybe(Self::small),
            }),
            source: self.maybe(Self::address),
            metric: self.maybe(Self::wide),
            protocol: self.maybe(Self::bytes),
            scope: self.maybe(Self::bytes),
            mtu: self.maybe(Self::wide),
            flags: self.list(Self::bytes),
            expires_seconds: self.maybe(Self::wide),
        }
    }

    fn rule(&mut self) -> Rule {
        Rule {
            family: self.pick(Family::ALL),
            priority: self.wide(),
            text: self.bytes(),
            table: self.maybe(Self::bytes),
        }
    }

    fn neighbour(&mut self) -> Neighbour {
        Neighbour {
            address: self.address(),
            device: self.maybe(Self::bytes),
            mac: self.maybe(Self::bytes),
            states: self.list(Self::bytes),
            router: self.maybe(|d| d.once_in(2)),
        }
    }

    fn counter(&mut self) -> Counter {
        let value = match self.below(4) {
            0 => -1,
            1 => i128::MIN,
            2 => i128::MAX,
            _ => i128::from(self.number()),
        };
        Counter { protocol: self.bytes(), name: self.bytes(), value }
    }

    fn process(&mut self) -> Process {
        Process {
            pid: self.small(),
            parent_pid: self.maybe(Self::small),
            name: self.bytes(),
            executable: self.maybe(Self::bytes),
            command_line: self.maybe(Self::bytes),
            uid: self.maybe(Self::small),
            // Not of page version 1: the frozen pages stay what they are.
            user: None,
            started_at: self.maybe(Self::time),
            cgroup: self.maybe(Self::bytes),
            service: self.maybe(Self::bytes),
        }
    }

    fn facts(&mut self) -> HostFacts {
        HostFacts {
            hostname: self.maybe(Self::bytes),
            addresses: self.list(Self::address),
            os_id: self.maybe(Self::bytes),
            os_name: self.maybe(Self::bytes),
            os_version: self.maybe(Self::bytes),
            kernel_name: self.maybe(Self::bytes),
            kernel_release: self.maybe(Self::bytes),
            architecture: self.maybe(Self::bytes),
            machine_id: self.maybe(Self::bytes),
            boot_id: self.maybe(Self::bytes),
            boot_time: self.maybe(Self::time),
            clock: self.maybe(|d| ClockReading {
                remote: d.time(),
                offset_us: d.wide().cast_signed(),
                error_us: d.wide(),
                synchronized: d.maybe(|d| d.once_in(2)),
            }),
            account: AccountView {
                name: self.maybe(Self::bytes),
                uid: self.maybe(Self::small),
                groups: self.list(Self::bytes),
                capabilities: self.maybe(Self::wide),
                sees_all_owners: self.maybe(|d| d.once_in(2)),
            },
            ephemeral: self.maybe(|d| (d.short(), d.short())),
            reserved_ports: self.list(|d| (d.short(), d.short())),
            limits: self.list(|d| (d.bytes(), d.wide().cast_signed())),
            tools: self.list(|d| (d.string(), d.bytes())),
        }
    }

    fn section(&mut self) -> SectionResult {
        SectionResult {
            number: self.short(),
            probe: ProbeId::parse(self.pick(&["linux/ss-inet4", "site/own"])).unwrap(),
            views: self.list(|d| d.pick(View::ALL)),
            status: self.pick(SectionStatus::ALL),
            coverage: Coverage {
                row_bytes: self.wide(),
                header_bytes: self.wide(),
                unparsed_bytes: self.wide(),
                rows: self.wide(),
                unparsed: self.wide(),
            },
            limitations: self.list(|d| d.pick(Limitation::ALL.get(..7).unwrap_or(Limitation::ALL))),
            faults: self.list(Self::fault),
        }
    }

    fn issue(&mut self) -> SectionIssue {
        let issue = Issue {
            span: Span { line: self.wide(), start: self.wide(), end: self.wide() },
            severity: self.pick(&[Severity::Note, Severity::Unparsed]),
            message: self.string(),
            text: self.bytes(),
        };
        SectionIssue { section: self.short(), issue }
    }

    fn asset(&mut self, name: &HostName) -> Asset {
        Asset {
            name: name.clone(),
            address: self.string(),
            port: self.short(),
            platform: self.pick(Platform::ALL),
            transport: self.pick(&[TransportKind::Ssh, TransportKind::Local]),
            role: self.maybe(Self::label),
            environment: self.maybe(Self::label),
            segment: self.maybe(Self::label),
            site: self.maybe(Self::label),
            criticality: self.maybe(|d| d.pick(Criticality::ALL)),
            exposure: self.maybe(|d| d.pick(Exposure::ALL)),
            owner: self.maybe(Self::string),
            tags: self.list(Self::label),
            timezone: self.maybe(Self::string),
            services: self.list(Self::label),
        }
    }

    fn header(&mut self, run: &RunId, host: &HostName) -> Header {
        Header {
            run: run.clone(),
            pass: Pass { pass: self.short(), attempt: self.short() },
            asset: self.asset(host),
            peer: self.maybe(Self::address),
            account: self.string(),
            os: self.maybe(Self::string),
            views: vec![View::Listeners, View::Host],
            mandate: Mandate {
                playbook: self.string(),
                purpose: self.string(),
                operator: self.string(),
                change: self.maybe(Self::string),
                tool_version: self.string(),
            },
            started: self.time(),
            ended: self.time(),
            clock: self
                .maybe(|d| ClockOffset { offset_us: d.wide().cast_signed(), error_us: d.wide() }),
            controller_clock: ControllerClock {
                synchronized: self.maybe(|d| d.once_in(2)),
                error_us: self.maybe(Self::wide),
            },
            surroundings: fleetstat::model::attribute::Surroundings::default(),
            negotiated: self.maybe(|d| Negotiated {
                server: d.string(),
                host_key: d.string(),
                host_key_algorithm: d.string(),
                kex: d.string(),
                cipher: d.string(),
                mac: d.string(),
                strict_kex: d.once_in(2),
                identity: d.string(),
                jumps: Vec::new(),
                legacy: None,
                // Not of page version 1: the frozen pages stay what they are.
                host_certificate: None,
            }),
            faults: self.list(Self::fault),
        }
    }

    /// A snapshot.
    pub(crate) fn snapshot(&mut self, run: &RunId, host: &HostName) -> Snapshot {
        let records = Records {
            sockets: self.records(Self::socket),
            interfaces: self.records(Self::interface),
            routes: self.records(Self::route),
            rules: self.records(Self::rule),
            neighbours: self.records(Self::neighbour),
            counters: self.records(Self::counter),
            processes: self.records(Self::process),
            host: self.maybe(|d| {
                let facts = d.facts();
                d.sourced(facts)
            }),
            issues: self.list(Self::issue),
        };
        let sha256 = Sha256::of(&self.number().to_le_bytes());
        Snapshot {
            header: self.header(run, host),
            evidence: EvidenceFile { name: self.string(), sha256, bytes: self.wide() },
            outcome: self.pick(Outcome::ALL),
            sections: self.list(Self::section),
            records,
        }
    }
}
