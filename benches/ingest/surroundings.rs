//! What a made-up host shows beside its sockets: links, routes, neighbours, facts, and the header of
//! its evidence.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use fleetstat::model::capture::{ClockOffset, ControllerClock, Header, Mandate, Negotiated};
use fleetstat::model::digest::Sha256;
use fleetstat::model::fact::{AccountView, ClockReading, HostFacts};
use fleetstat::model::host::{Asset, Platform, TransportKind};
use fleetstat::model::id::{Label, Pass};
use fleetstat::model::link::{Interface, InterfaceAddress, LinkCounters};
use fleetstat::model::record::{Records, Source, Sourced};
use fleetstat::model::route::{Neighbour, NextHop, Route, RouteKind};
use fleetstat::model::snapshot::View;
use fleetstat::model::socket::Family;
use fleetstat::model::text::HostText;
use fleetstat::model::time::Utc;

use crate::fleet::{Dice, Host, address, name, run};

type Text = HostText<'static>;

fn text(value: &str) -> Text {
    HostText::owned(value.as_bytes().to_vec())
}

/// Made-up links.
pub(crate) fn links(dice: &mut Dice, records: &mut Records, host: usize) {
    for (index, name) in ["lo", "eth0", "eth1"].into_iter().enumerate() {
        let mut counters = || LinkCounters {
            bytes: Some(dice.below(1 << 42)),
            packets: Some(dice.below(1 << 32)),
            errors: Some(0),
            dropped: Some(dice.below(9)),
            overruns: Some(0),
            multicast: None,
        };
        let mut interface = Interface::named(text(name));
        (interface.rx, interface.tx) = (counters(), counters());
        interface.carrier_errors = interface.tx.overruns.take();
        interface.index = u32::try_from(index + 1).ok();
        interface.mac =
            Some(text(&format!("52:54:00:{:02x}:{index:02x}:{:02x}", host / 256, host % 256)));
        interface.mtu = Some(1_500);
        interface.oper_state = Some(text("up"));
        interface.flags = vec![text("BROADCAST"), text("LOWER_UP"), text("UP")];
        let address = InterfaceAddress {
            address: address(host as u64),
            prefix: Some(20),
            scope: Some(text("global")),
            peer: None,
        };
        interface.addresses = vec![address];
        interface.counter_width = Some(64);
        let source =
            Source { section: 3, start: index as u64 * 600, end: index as u64 * 600 + 600 };
        records.interfaces.push(Sourced::one(interface, source));
    }
    for index in 0..6_u64 {
        let hop = NextHop { via: Some(address(index)), device: Some(text("eth0")), weight: None };
        let route = Route {
            family: Family::Ipv4,
            table: text("main"),
            destination: IpAddr::V4(Ipv4Addr::from_bits(
                0x0a10_0000 + u32::try_from(index << 16).unwrap_or(0),
            )),
            prefix: 16,
            kind: RouteKind::Unicast,
            next_hops: vec![hop],
            source: None,
            metric: Some(100),
            protocol: Some(text("static")),
            scope: None,
            mtu: None,
            flags: vec![],
            expires_seconds: None,
        };
        let source = Source { section: 4, start: index * 90, end: index * 90 + 90 };
        records.routes.push(Sourced::one(route, source));
    }
    for index in 0..5_u64 {
        let state = if dice.below(2) == 0 { "reachable" } else { "stale" };
        let neighbour = Neighbour {
            address: address(host as u64 / 16 * 16 + index),
            device: Some(text("eth0")),
            mac: Some(text(&format!("52:54:00:00:00:{index:02x}"))),
            states: vec![text(state)],
            router: None,
        };
        let source = Source { section: 4, start: 900 + index * 70, end: 970 + index * 70 };
        records.neighbours.push(Sourced::one(neighbour, source));
    }
}

/// Made-up facts.
pub(crate) fn facts(dice: &mut Dice, host: usize, state: &Host, at: Utc) -> HostFacts {
    HostFacts {
        hostname: Some(text(name(host).as_str())),
        addresses: vec![address(host as u64)],
        os_id: Some(text("debian")),
        os_name: Some(text("Debian GNU/Linux 12 (bookworm)")),
        os_version: Some(text("12")),
        kernel_name: Some(text("Linux")),
        kernel_release: Some(text("6.1.0-18-amd64")),
        architecture: Some(text("x86_64")),
        machine_id: Some(text(&Sha256::of(&host.to_le_bytes()).to_string()[..32])),
        boot_id: Some(text(&Sha256::of(&state.boot.to_le_bytes()).to_string()[..32])),
        boot_time: Utc::from_seconds(1_790_000_000 + i64::from(state.boot)),
        clock: Some(ClockReading {
            remote: at,
            offset_us: i64::try_from(dice.below(4_000)).unwrap_or(0) - 2_000,
            error_us: 500 + dice.below(1_000),
            synchronized: Some(true),
        }),
        account: AccountView {
            name: Some(text("fleetstat")),
            uid: Some(990),
            groups: vec![text("fleetstat")],
            capabilities: Some(0),
            sees_all_owners: Some(true),
        },
        ephemeral: Some((32_768, 60_999)),
        reserved_ports: vec![],
        limits: vec![(text("net.core.somaxconn"), 4_096)],
        tools: vec![("ss".into(), text("/usr/bin/ss")), ("ip".into(), text("/usr/sbin/ip"))],
    }
}

/// Made-up header of the evidence.
pub(crate) fn header(dice: &mut Dice, host: usize, state: &Host, night: u32) -> Header {
    let run = run(night);
    let started =
        run.started.plus(Duration::from_micros(host as u64 * 30_000 + dice.below(30_000)));
    let label = |text: String| Label::new("label", &text).ok();
    Header {
        run: run.run,
        pass: Pass::FIRST,
        asset: Asset {
            name: name(host),
            address: address(host as u64).to_string(),
            port: 22,
            platform: Platform::Linux,
            transport: TransportKind::Ssh,
            role: label(format!("role-{:02}", state.role)),
            environment: label("prod".into()),
            segment: label(format!("seg-{}", host % 8)),
            site: label("fra1".into()),
            criticality: None,
            exposure: None,
            owner: Some("platform team".into()),
            tags: vec![],
            timezone: None,
            services: vec![],
        },
        peer: Some(address(host as u64)),
        account: "fleetstat".into(),
        os: Some("Debian GNU/Linux 12 (bookworm)".into()),
        views: View::ALL.to_vec(),
        mandate: Mandate {
            playbook: run.playbook,
            purpose: run.purpose,
            operator: run.operator,
            change: run.change,
            tool_version: "0.1.0".into(),
        },
        started,
        ended: started.plus(Duration::from_micros(300_000 + dice.below(200_000))),
        clock: Some(ClockOffset { offset_us: 12, error_us: 500 + dice.below(1_000) }),
        controller_clock: ControllerClock { synchronized: Some(true), error_us: Some(1_500) },
        surroundings: fleetstat::model::attribute::Surroundings::default(),
        negotiated: Some(Negotiated {
            server: "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3".into(),
            host_key: format!("SHA256:{:.43}", Sha256::of(&host.to_le_bytes()).to_string()),
            host_key_algorithm: "ssh-ed25519".into(),
            kex: "mlkem768x25519-sha256".into(),
            cipher: "chacha20-poly1305@openssh.com".into(),
            mac: String::new(),
            strict_kex: true,
            identity: "ed25519 SHA256:0123456789abcdef0123456789abcdef0123456789a (agent)".into(),
            jumps: Vec::new(),
            legacy: None,
            host_certificate: None,
        }),
        faults: vec![],
    }
}
