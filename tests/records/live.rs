//! The kernel's own truth: sockets in every state, read by `ss` and from `/proc/net` at one moment.

use std::net::IpAddr;
use std::path::Path;
use std::process::Command;

use fleetstat::model::socket::{
    Attribution, Endpoint, Family, Owner, Socket, State, Timer, TimerKind, Transport,
};
use fleetstat::model::text::HostText;
use fleetstat::probe::linux::proc_net::{self, Table};
use fleetstat::probe::linux::ss;
use serde_json::Value;

use crate::collect::{describe, read};

/// Runs `sockets.py` in a network namespace of its own; returns the folder it filled.
#[expect(clippy::disallowed_methods, reason = "the test needs real programs")]
fn capture() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/records/sockets.py");
    let status = Command::new("unshare")
        .args(["-n", "python3", script])
        .arg(folder.path())
        .status()
        .expect("needs `unshare` of util-linux");
    assert!(status.success(), "sockets.py failed: needs root, /dev/net/tun, python3 and iproute2");
    folder
}

fn file(folder: &Path, name: &str) -> Vec<u8> {
    std::fs::read(folder.join(name)).unwrap()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

fn small(value: &Value) -> u32 {
    u32::try_from(number(value)).unwrap()
}

fn end(value: &Value) -> (IpAddr, u16) {
    let address = value[0].as_str().unwrap().parse().unwrap();
    (address, u16::try_from(number(&value[1])).unwrap())
}

fn state(code: u64, transport: Transport) -> State {
    match code {
        1 => State::Established,
        2 => State::SynSent,
        3 => State::SynReceived,
        4 => State::FinWait1,
        5 => State::FinWait2,
        6 => State::TimeWait,
        7 if transport == Transport::Tcp => State::Closed,
        7 => State::Unconnected,
        8 => State::CloseWait,
        9 => State::LastAck,
        10 => State::Listen,
        11 => State::Closing,
        other => panic!("state {other}"),
    }
}

/// The socket as `/proc/net` has it.
fn from_proc(row: &Value) -> Socket<'static> {
    let table = row["table"].as_str().unwrap();
    let transport = Transport::parse(table.trim_end_matches('6')).unwrap();
    let ((mut here, local_port), (mut there, peer_port)) =
        (end(&row["local"]), end(&row["remote"]));
    let mapped = matches!(here, IpAddr::V6(address) if address.to_ipv4_mapped().is_some());
    (here, there) = (here.to_canonical(), there.to_canonical());
    let raw = transport == Transport::Raw;
    let local = Endpoint { address: here, port: (!raw).then_some(local_port), zone: None };
    let remote =
        (peer_port != 0).then_some(Endpoint { address: there, port: Some(peer_port), zone: None });
    let state = state(number(&row["state"]), transport);
    let mut socket = Socket::new(transport, local, remote, state);
    socket.raw_protocol = raw.then(|| u8::try_from(local_port).unwrap());
    socket.flags.v4_mapped = mapped;
    if state == State::Listen {
        socket.backlog_current = Some(number(&row["rx"]));
    } else {
        socket.recv_queue_bytes = Some(number(&row["rx"]));
        socket.send_queue_bytes = Some(number(&row["tx"]));
    }
    socket.timer = timer(row);
    socket.drops = row["drops"].as_u64();
    socket.inode = Some(number(&row["inode"]));
    socket.uid = (state != State::TimeWait).then(|| small(&row["uid"]));
    socket
}

fn timer(row: &Value) -> Option<Timer> {
    let (kind, count) = match number(&row["timer"]) {
        0 => return None,
        1 => (TimerKind::On, "retransmits"),
        2 => (TimerKind::Keepalive, "probes"),
        3 => (TimerKind::TimeWait, "retransmits"),
        4 => (TimerKind::Persist, "probes"),
        other => panic!("timer {other}"),
    };
    let retransmits = Some(small(&row[count]));
    Some(Timer { kind, expires_ms: Some(number(&row["expires_ms"])), retransmits })
}

/// The socket as `ss -e -o -p` must show it: all of the above, and what it alone can print.
fn from_all(row: &Value) -> Socket<'static> {
    let mut socket = from_proc(row);
    let known = &row["known"];
    socket.drops = None;
    socket.cookie = known["cookie"].as_u64();
    socket.backlog_max = known["backlog"].as_u64();
    let device = known["device"].as_str().map(|name| HostText::owned(name.as_bytes().to_vec()));
    match socket.local.address {
        IpAddr::V6(address) if address.is_unicast_link_local() => socket.local.zone = device,
        _ => socket.bind_device = device,
    }
    let waits = matches!(socket.state, State::Listen | State::Unconnected);
    if socket.family == Family::Ipv6 && socket.local.address.is_unspecified() && waits {
        socket.dual_stack = known["v6only"].as_u64().map(|v6only| v6only == 0);
    }
    if known["raw"] == true {
        // Without the kernel's raw_diag, `ss` reads /proc and prints no details.
        (socket.inode, socket.uid) = (None, None);
    }
    for owner in row["owners"].as_array().unwrap() {
        let name = owner["name"].as_str().unwrap();
        let hex = (0..name.len()).step_by(2).map(|at| &name[at..at + 2]);
        let mut name: Vec<u8> = hex.map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect();
        // `ss` before 7.0 reads the name up to its first parenthesis.
        name.truncate(name.iter().position(|&byte| byte == b')').unwrap_or(name.len()));
        socket.owners.push(Owner {
            pid: small(&owner["pid"]),
            fd: Some(small(&owner["fd"])),
            tid: None,
            name: HostText::owned(name),
        });
    }
    if !socket.owners.is_empty() {
        socket.attribution = Attribution::Owned;
    }
    socket.flags.name_has_control = socket.owners.iter().any(|owner| owner.name.has_control());
    socket
}

/// Sorts, so that two lists of the same sockets are equal.
fn sorted(mut sockets: Vec<Socket<'static>>) -> Vec<Socket<'static>> {
    sockets.sort_by_key(|socket| {
        let remote = socket.remote.as_ref().map(|remote| (remote.address, remote.port));
        let raw = socket.raw_protocol;
        (
            socket.transport,
            socket.local.address,
            socket.local.port,
            remote,
            raw,
            socket.flags.v4_mapped,
        )
    });
    sockets
}

/// Takes over what cannot agree between two readings: the time a timer has left, within 1.5 s
/// (`ss` drops milliseconds above ten seconds), the cookie of a socket without a file, and the
/// control group, which /proc/net does not know.
fn align(expected: &mut Socket<'static>, actual: &Socket<'static>) {
    if let (Some(one), Some(other)) = (&mut expected.timer, &actual.timer) {
        let (left, right) = (one.expires_ms.unwrap(), other.expires_ms.unwrap());
        assert!(left.abs_diff(right) <= 1_500, "{left} {right}");
        one.expires_ms = other.expires_ms;
    }
    if expected.cookie.is_none() {
        expected.cookie = actual.cookie;
    }
    expected.cgroup.clone_from(&actual.cgroup);
}

#[test]
fn records_of_every_tcp_state_equal_the_truth_of_the_kernel() {
    let folder = capture();
    let folder = folder.path();
    let truth: Vec<Value> = serde_json::from_slice(&file(folder, "truth.json")).unwrap();

    let tables = [
        ("tcp", Table::Tcp),
        ("tcp6", Table::Tcp6),
        ("udp", Table::Udp),
        ("udp6", Table::Udp6),
        ("raw", Table::Raw),
        ("raw6", Table::Raw6),
    ];
    for (name, table) in tables {
        let text = file(folder, &format!("{name}.txt"));
        let collected = read(proc_net::reader(table), &text);
        assert_eq!(collected.issues, []);
        let expected: Vec<_> =
            truth.iter().filter(|row| row["table"] == name).map(from_proc).collect();
        assert_eq!(collected.sockets, expected, "{name}");
    }

    let mut actual = Vec::new();
    for (name, family) in [("ss4.txt", Family::Ipv4), ("ss6.txt", Family::Ipv6)] {
        let collected = read(ss::reader(Some(family)), &file(folder, name));
        assert_eq!(collected.issues, []);
        actual.extend(collected.sockets);
    }
    let (actual, mut expected) = (sorted(actual), sorted(truth.iter().map(from_all).collect()));
    let lines = |sockets: &[Socket<'_>]| sockets.iter().map(describe).collect::<Vec<_>>();
    assert_eq!(actual.len(), expected.len(), "{:#?}\n{:#?}", lines(&actual), lines(&expected));
    for (expected, actual) in expected.iter_mut().zip(&actual) {
        align(expected, actual);
    }
    assert_eq!(lines(&actual), lines(&expected));
    assert_eq!(actual, expected);
    for state in State::ALL {
        let in_kernel = !matches!(
            state,
            State::Closed | State::Bound | State::Idle | State::DeleteTcb | State::Unknown
        );
        assert_eq!(actual.iter().any(|socket| socket.state == *state), in_kernel, "{state}");
    }
}
