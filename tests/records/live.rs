//! The kernel's own truth: sockets in every state, read by every tool and from `/proc/net` at one
//! moment.

use std::net::IpAddr;
use std::path::Path;
use std::process::Command;

use fleetstat::model::socket::{
    Attribution, Endpoint, Family, Owner, Socket, State, Timer, TimerKind, Transport,
};
use fleetstat::model::text::HostText;
use fleetstat::probe::by_id;
use fleetstat::probe::gap::Gap;
use serde_json::Value;

use crate::cannot::{Whole, forget, is_long, lists};
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
    assert!(
        status.success(),
        "sockets.py failed: needs root, /dev/net/tun, python3, iproute2, \
         net-tools, busybox and lsof"
    );
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
    let lost = state == State::TimeWait || (number(&row["uid"]), socket.inode) == (0, Some(0));
    socket.uid = (!lost).then(|| small(&row["uid"]));
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

/// Everything that is true of the socket, whichever tool can print it.
fn whole(row: &Value) -> Whole {
    let mut socket = from_proc(row);
    let known = &row["known"];
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
    let mut owners: Vec<&Value> = row["owners"].as_array().unwrap().iter().collect();
    owners.sort_by_key(|owner| (number(&owner["pid"]), number(&owner["fd"])));
    for owner in &owners {
        socket.owners.push(Owner {
            pid: small(&owner["pid"]),
            fd: Some(small(&owner["fd"])),
            tid: None,
            name: HostText::owned(bytes(&owner["name"])),
        });
    }
    if !socket.owners.is_empty() {
        socket.attribution = Attribution::Owned;
    }
    Whole { socket, argv0: owners.iter().map(|owner| bytes(&owner["argv0"])).collect() }
}

/// Bytes written as hexadecimal digits.
fn bytes(value: &Value) -> Vec<u8> {
    let digits = value.as_str().unwrap();
    let pairs = (0..digits.len()).step_by(2).map(|at| &digits[at..at + 2]);
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
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

/// A tool: its probes, each with the file that holds its answer.
type Tool = &'static [(&'static str, &'static str)];

const TOOLS: [Tool; 6] = [
    &[("linux/ss-inet4", "ss4"), ("linux/ss-inet6", "ss6")],
    &[
        ("linux/proc-net-tcp", "tcp"),
        ("linux/proc-net-tcp6", "tcp6"),
        ("linux/proc-net-udp", "udp"),
        ("linux/proc-net-udp6", "udp6"),
        ("linux/proc-net-raw", "raw"),
        ("linux/proc-net-raw6", "raw6"),
    ],
    &[("linux/netstat-wide", "netstat-wide")],
    &[("linux/netstat-narrow", "netstat-narrow")],
    &[("linux/busybox-netstat", "busybox")],
    &[("linux/lsof", "lsof")],
];

/// Reads what a tool printed; also how many lines could not be read.
fn answer(tool: Tool, folder: &Path) -> (Vec<Socket<'static>>, usize) {
    let (mut sockets, mut unparsed) = (Vec::new(), 0);
    for (id, name) in tool {
        let probe = by_id(id).expect("a probe");
        let collected = read((probe.reader)(), &file(folder, &format!("{name}.txt")));
        unparsed += collected.unparsed().len();
        sockets.extend(collected.sockets);
    }
    (merged(sockets), unparsed)
}

/// Rows of one socket and different owners, as lsof prints them, become one, as `normalize` does.
fn merged(sockets: Vec<Socket<'static>>) -> Vec<Socket<'static>> {
    let mut merged: Vec<Socket<'static>> = Vec::new();
    for socket in sockets {
        let same = |known: &&mut Socket<'_>| {
            known.inode == socket.inode && socket.inode.is_some_and(|inode| inode != 0)
        };
        match merged.iter_mut().find(same) {
            Some(known) => known.owners.extend(socket.owners),
            None => merged.push(socket),
        }
    }
    for socket in &mut merged {
        socket.owners.sort_by_key(|owner| (owner.pid, owner.fd));
    }
    merged
}

#[test]
fn records_of_every_tool_equal_the_truth_of_the_kernel_but_for_what_the_tool_cannot_say() {
    let folder = capture();
    let folder = folder.path();
    let truth: Vec<Value> = serde_json::from_slice(&file(folder, "truth.json")).unwrap();
    let truth: Vec<Whole> = truth.iter().map(whole).collect();
    for state in State::ALL {
        let in_kernel = !matches!(
            state,
            State::Closed | State::Bound | State::Idle | State::DeleteTcb | State::Unknown
        );
        assert_eq!(truth.iter().any(|whole| whole.socket.state == *state), in_kernel, "{state}");
    }
    for tool in TOOLS {
        let (name, _) = tool[0];
        let gaps = by_id(name).expect("a probe").cannot_say;
        let (mut actual, unparsed) = answer(tool, folder);
        let listed = truth.iter().filter(|whole| lists(gaps, &whole.socket));
        let mut expected: Vec<_> = listed.map(|whole| forget(gaps, whole)).collect();
        if gaps.contains(&Gap::LongAddresses) {
            // What may be cut is flagged or an issue, and nothing else is.
            let all = expected.len();
            let cut = actual.iter().filter(|socket| socket.flags.truncated && !is_long(socket));
            let cut = cut.count();
            let doubted = actual.len() + unparsed;
            assert_eq!(doubted, all, "{name}: rows are lost");
            expected.retain(|socket| !is_long(socket));
            actual.retain(|socket| !is_long(socket) && !socket.flags.truncated);
            let whole = all - expected.len();
            assert!(cut + unparsed <= whole, "{name}: {cut} and {unparsed} of {whole}");
        } else {
            assert_eq!(unparsed, 0, "{name}");
        }
        assert_equal(name, actual, expected);
    }
}

fn assert_equal(name: &str, actual: Vec<Socket<'static>>, expected: Vec<Socket<'static>>) {
    let (actual, mut expected) = (sorted(actual), sorted(expected));
    let lines = |sockets: &[Socket<'_>]| sockets.iter().map(describe).collect::<Vec<_>>();
    assert_eq!(
        actual.len(),
        expected.len(),
        "{name}: {:#?}\n{:#?}",
        lines(&actual),
        lines(&expected)
    );
    for (expected, actual) in expected.iter_mut().zip(&actual) {
        align(expected, actual);
    }
    for (actual, expected) in lines(&actual).iter().zip(lines(&expected)) {
        assert_eq!(*actual, expected, "{name}");
    }
    assert_eq!(actual, expected, "{name}");
}
