//! Writes sockets as `ss` (iproute2 6.1, `-n -a -t -u -w -e -o -p`) and `/proc/net` print them,
//! and makes any sockets to write.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fleetstat::model::socket::{
    Attribution, Endpoint, Family, Owner, Socket, State, Timer, TimerKind, Transport,
};
use fleetstat::model::text::HostText;
use fleetstat::probe::linux::proc_net::Table;
use proptest::prelude::*;

/// A socket and what only its row in `ss` shows.
#[derive(Clone, Debug)]
pub(crate) struct Printed {
    pub(crate) socket: Socket<'static>,
    v6only: bool,
    padding: usize,
}

const CONNECTED: [State; 10] = [
    State::Established,
    State::SynSent,
    State::SynReceived,
    State::FinWait1,
    State::FinWait2,
    State::CloseWait,
    State::Closing,
    State::LastAck,
    State::TimeWait,
    State::Established,
];

fn v6() -> impl Strategy<Value = Ipv6Addr> {
    let bits = prop_oneof![
        Just(0),
        Just(1),
        any::<u128>(),
        (any::<u128>(), any::<u128>()).prop_map(|(bits, keep)| bits & keep & (keep << 9)),
        any::<u64>().prop_map(|low| 0xfe80 << 112 | u128::from(low)),
        any::<u64>().prop_map(|low| 0xff02 << 112 | u128::from(low)),
    ];
    bits.prop_map(Ipv6Addr::from).prop_filter("mapped", |v6| v6.to_ipv4_mapped().is_none())
}

fn address(v4: bool) -> BoxedStrategy<IpAddr> {
    if v4 {
        prop_oneof![Just(Ipv4Addr::UNSPECIFIED), any::<u32>().prop_map(Ipv4Addr::from)]
            .prop_map(IpAddr::V4)
            .boxed()
    } else {
        v6().prop_map(IpAddr::V6).boxed()
    }
}

/// A name of at most 15 bytes, often one that imitates `ss`.
fn name() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"\",pid=1,fd=2)".to_vec()),
        Just(b"\",1,2)".to_vec()),
        Just(b"users:((\"".to_vec()),
        Just(b"))".to_vec()),
        Just(b",(\"".to_vec()),
        Just(b"\"".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"\r".to_vec()),
        Just(b"\t".to_vec()),
        Just(b" ".to_vec()),
        Just(b"tcp ESTAB 0 0 ".to_vec()),
        "[a-z/:-]{1,6}".prop_map(String::into_bytes),
        proptest::collection::vec(1_u8.., 1..4),
    ];
    proptest::collection::vec(piece, 0..6).prop_map(|pieces| {
        let mut name = pieces.concat();
        name.truncate(15);
        name
    })
}

fn owner() -> impl Strategy<Value = Owner<'static>> {
    (1..=4_194_304_u32, 0..=0x7fff_ffff_u32, name()).prop_map(|(pid, fd, name)| Owner {
        pid,
        fd: Some(fd),
        tid: None,
        name: HostText::owned(name),
    })
}

fn timer() -> impl Strategy<Value = Timer> {
    let kinds = [TimerKind::On, TimerKind::Keepalive, TimerKind::TimeWait, TimerKind::Persist];
    // Times that `ss` prints without loss, in whole hundredths of a second.
    let times = prop_oneof![
        (0_u64..1000).prop_map(|hundredths| hundredths * 10),
        (10_u64..600).prop_map(|seconds| seconds * 1000),
        (10_u64..5000).prop_map(|minutes| minutes * 60_000),
    ];
    (proptest::sample::select(kinds.to_vec()), times, any::<u32>()).prop_map(|(kind, ms, count)| {
        Timer { kind, expires_ms: Some(ms), retransmits: Some(count) }
    })
}

#[derive(Clone, Debug)]
struct Rest {
    port: u16,
    numbers: (u32, u32, u64, u64, u32),
    timer: Option<Timer>,
    owners: Vec<Owner<'static>>,
    cgroup: Option<String>,
    device: Option<String>,
    v6only: bool,
    padding: usize,
}

fn rest() -> impl Strategy<Value = Rest> {
    let numbers = (any::<u32>(), any::<u32>(), 1..u64::from(u32::MAX), any::<u64>(), any::<u32>());
    let cgroup = "/[ -~]{0,20}".prop_filter("field", |path| !path.contains("v6only:"));
    (
        1_u16..,
        numbers,
        proptest::option::of(timer()),
        proptest::collection::vec(owner(), 0..4),
        proptest::option::of(cgroup),
        proptest::option::of("[a-z][a-z0-9.@-]{0,10}"),
        any::<bool>(),
        0..40_usize,
    )
        .prop_map(|(port, numbers, timer, owners, cgroup, device, v6only, padding)| Rest {
            port,
            numbers,
            timer,
            owners,
            cgroup,
            device,
            v6only,
            padding,
        })
}

/// Any socket that the kernel could list.
pub(crate) fn printed() -> impl Strategy<Value = Printed> {
    let kind = (0_usize..4, any::<bool>(), any::<bool>(), 0..CONNECTED.len());
    kind.prop_flat_map(|(kind, v4, mapped, state)| {
        let remote = address(v4 || mapped).prop_map(|address| match address {
            IpAddr::V4(any) if any.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(any) if any.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            other => other,
        });
        (address(v4 || mapped), remote, 1_u16.., rest()).prop_map(
            move |(local, remote, remote_port, rest)| {
                let remote = Endpoint { address: remote, port: Some(remote_port), zone: None };
                let (transport, state, remote) = match kind {
                    0 => (Transport::Tcp, State::Listen, None),
                    1 => (Transport::Tcp, CONNECTED[state], Some(remote)),
                    2 if state == 0 => (Transport::Udp, State::Established, Some(remote)),
                    2 => (Transport::Udp, State::Unconnected, None),
                    _ => (Transport::Raw, State::Unconnected, None),
                };
                build((transport, state), local, remote, (mapped && !v4, rest))
            },
        )
    })
}

fn build(
    (transport, state): (Transport, State),
    address: IpAddr,
    remote: Option<Endpoint<'static>>,
    (mapped, rest): (bool, Rest),
) -> Printed {
    let raw = transport == Transport::Raw;
    let local = Endpoint { address, port: (!raw).then_some(rest.port), zone: None };
    let mut socket = Socket::new(transport, local, remote, state);
    socket.flags.v4_mapped = mapped;
    socket.raw_protocol = raw.then_some(rest.port.to_be_bytes()[1]);
    let device = rest.device.map(|device| HostText::owned(device.into_bytes()));
    match address {
        IpAddr::V6(a) if a.is_unicast_link_local() || a.is_multicast() => {
            socket.local.zone = device;
        }
        _ => socket.bind_device = device,
    }
    let (received, sent, inode, cookie, uid) = rest.numbers;
    if state == State::Listen {
        socket.backlog_current = Some(received.into());
        socket.backlog_max = Some(sent.into());
    } else {
        socket.recv_queue_bytes = Some(received.into());
        socket.send_queue_bytes = Some(sent.into());
    }
    socket.timer = rest.timer;
    let gone = matches!(state, State::TimeWait | State::SynReceived);
    socket.inode = Some(if gone { 0 } else { inode });
    socket.cookie = Some(cookie);
    socket.uid = (state != State::TimeWait && !(gone && uid == 0)).then_some(uid);
    if !gone {
        socket.cgroup = rest.cgroup.map(|path| HostText::owned(path.into_bytes()));
    }
    socket.flags.name_has_control = rest.owners.iter().any(|owner| owner.name.has_control());
    if !rest.owners.is_empty() {
        socket.attribution = Attribution::Owned;
    }
    socket.owners = rest.owners.into();
    if !raw && waits(&socket) && address.is_unspecified() && address.is_ipv6() {
        socket.dual_stack = Some(!rest.v6only);
    }
    Printed { socket, v6only: rest.v6only, padding: rest.padding }
}

fn waits(socket: &Socket<'_>) -> bool {
    matches!(socket.state, State::Listen | State::Unconnected)
}

fn is_v6(socket: &Socket<'_>) -> bool {
    socket.family == Family::Ipv6 || socket.flags.v4_mapped
}

/// One row of `ss`, with its newline.
pub(crate) fn ss_row(out: &mut Vec<u8>, printed: &Printed) {
    let socket = &printed.socket;
    let state = match socket.state {
        State::Established => "ESTAB",
        State::Unconnected => "UNCONN",
        State::SynReceived => "SYN-RECV",
        other => &other.as_str().to_uppercase().replace('_', "-"),
    };
    let first = socket.backlog_current.or(socket.recv_queue_bytes).unwrap();
    let second = socket.backlog_max.or(socket.send_queue_bytes).unwrap();
    let device = socket.bind_device.as_ref().or(socket.local.zone.as_ref());
    let device = device.map(|d| format!("%{}", d.escaped())).unwrap_or_default();
    let star = is_v6(socket) && !printed.v6only;
    let local = host(socket, socket.local.address, star);
    let port = socket.local.port.or(socket.raw_protocol.map(u16::from)).unwrap();
    let peer = match &socket.remote {
        Some(remote) => format!("{}:{}", host(socket, remote.address, star), remote.port.unwrap()),
        None if !is_v6(socket) => "0.0.0.0:*".to_owned(),
        None => format!("{}:*", if star { "*" } else { "[::]" }),
    };
    let mut text = format!(
        "{:<5} {state:<10} {first:<6} {second:<6} {local:>20}{device}:{port:<5} {peer:>24} ",
        socket.transport.as_str()
    )
    .into_bytes();
    for (index, owner) in socket.owners.iter().enumerate() {
        text.extend_from_slice(if index == 0 { b" users:((\"" } else { b",(\"" });
        text.extend_from_slice(owner.name.bytes());
        text.extend_from_slice(
            format!("\",pid={},fd={})", owner.pid, owner.fd.unwrap()).as_bytes(),
        );
    }
    text.extend_from_slice(if socket.owners.is_empty() { b"" } else { b")" });
    text.extend_from_slice(details(printed).as_bytes());
    text.extend(std::iter::repeat_n(b' ', printed.padding));
    text.push(b'\n');
    out.extend_from_slice(&text);
}

fn details(printed: &Printed) -> String {
    let socket = &printed.socket;
    let mut out = String::new();
    if let Some(timer) = socket.timer {
        let kind = timer.kind.as_str().replace('_', "");
        let time = time(timer.expires_ms.unwrap());
        write!(out, " timer:({kind},{time},{})", timer.retransmits.unwrap()).unwrap();
    }
    if let Some(uid) = socket.uid.filter(|uid| *uid != 0) {
        write!(out, " uid:{uid}").unwrap();
    }
    write!(out, " ino:{} sk:{:x}", socket.inode.unwrap(), socket.cookie.unwrap()).unwrap();
    if let Some(path) = &socket.cgroup {
        write!(out, " cgroup:{}", std::str::from_utf8(path.bytes()).unwrap()).unwrap();
    }
    if is_v6(socket) && waits(socket) {
        write!(out, " v6only:{}", u8::from(printed.v6only)).unwrap();
    }
    if !matches!(socket.state, State::TimeWait | State::SynReceived) {
        out.push_str(" <->");
    }
    out
}

fn host(socket: &Socket<'_>, address: IpAddr, star: bool) -> String {
    match address {
        IpAddr::V4(address) if socket.flags.v4_mapped => format!("[{}]", address.to_ipv6_mapped()),
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) if address.is_unspecified() && star => "*".to_owned(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

/// As `ss` prints a timer's time.
fn time(ms: u64) -> String {
    let (minutes, seconds, millis) = (ms / 60_000, ms / 1000 % 60, ms % 1000);
    match (minutes, seconds) {
        (10.., _) | (1.., 0) => format!("{minutes}min"),
        (1.., _) => format!("{minutes}min{seconds}sec"),
        (0, 0) if millis == 0 => String::new(),
        (0, 0) => format!("{millis:03}ms"),
        (0, 1..=9) if millis > 0 => format!("{seconds}.{millis:03}ms"),
        (0, _) => format!("{seconds}sec"),
    }
}

/// What `/proc/net` keeps of a socket.
pub(crate) fn proc_facts(printed: &Printed) -> Socket<'static> {
    let mut socket = printed.socket.clone();
    socket.bind_device = None;
    socket.local.zone = None;
    socket.dual_stack = None;
    socket.backlog_max = None;
    socket.cookie = None;
    socket.cgroup = None;
    socket.owners.clear();
    socket.attribution = Attribution::Unsupported;
    socket.flags.name_has_control = false;
    if socket.transport != Transport::Tcp {
        socket.drops = Some(u64::from(u32::MAX) + 9);
    }
    socket
}

/// The table that lists a socket.
pub(crate) fn table(socket: &Socket<'_>) -> Table {
    match (socket.transport, is_v6(socket)) {
        (Transport::Tcp, false) => Table::Tcp,
        (Transport::Tcp, true) => Table::Tcp6,
        (Transport::Udp, false) => Table::Udp,
        (Transport::Udp, true) => Table::Udp6,
        (_, false) => Table::Raw,
        (_, true) => Table::Raw6,
    }
}

/// One row of `/proc/net`, with its newline, for a little-endian host.
pub(crate) fn proc_row(socket: &Socket<'_>) -> String {
    let code = match socket.state {
        State::Established => 1,
        State::SynSent => 2,
        State::SynReceived => 3,
        State::FinWait1 => 4,
        State::FinWait2 => 5,
        State::TimeWait => 6,
        State::Unconnected => 7,
        State::CloseWait => 8,
        State::LastAck => 9,
        State::Listen => 10,
        State::Closing => 11,
        other => panic!("not in the table: {other}"),
    };
    let (kind, when, count) = socket.timer.map_or((0, 0, 0), |timer| {
        let kind = match timer.kind {
            TimerKind::On => 1,
            TimerKind::Keepalive => 2,
            TimerKind::TimeWait => 3,
            _ => 4,
        };
        (kind, timer.expires_ms.unwrap() / 10, timer.retransmits.unwrap())
    });
    let (retransmits, probes) = if matches!(kind, 2 | 4) { (0, count) } else { (count, 0) };
    let port = socket.local.port.or(socket.raw_protocol.map(u16::from)).unwrap();
    let remote = socket.remote.as_ref();
    let any = if socket.local.address.is_ipv4() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED)
    } else {
        IpAddr::V6(Ipv6Addr::UNSPECIFIED)
    };
    let drops = socket.drops.map(|drops| format!(" {drops}")).unwrap_or_default();
    format!(
        "  12: {}:{port:04X} {}:{:04X} {code:02X} {:08X}:{:08X} {kind:02X}:{when:08X} \
         {retransmits:08X} {:5} {probes:8} {} 1 00000000c15d4cd3{drops}   \n",
        words(socket, socket.local.address),
        words(socket, remote.map_or(any, |end| end.address)),
        remote.and_then(|end| end.port).unwrap_or(0),
        socket.send_queue_bytes.unwrap_or(0),
        socket.backlog_current.or(socket.recv_queue_bytes).unwrap(),
        socket.uid.unwrap_or(0),
        socket.inode.unwrap(),
    )
}

fn words(socket: &Socket<'_>, address: IpAddr) -> String {
    let bytes = match address {
        IpAddr::V4(v4) if is_v6(socket) => v4.to_ipv6_mapped().octets().to_vec(),
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    };
    let words = bytes.chunks(4).map(|word| u32::from_le_bytes(word.try_into().unwrap()));
    words.map(|word| format!("{word:08X}")).collect::<Vec<_>>().concat()
}

/// One row of `netstat -n -e -e -o -p -W`, with its newline, of a socket as netstat knows it.
pub(crate) fn netstat_row(out: &mut Vec<u8>, socket: &Socket<'_>) {
    let state = match (socket.transport, socket.state) {
        (Transport::Raw, _) => "7".to_owned(),
        (_, State::Unconnected) => String::new(),
        (_, State::SynReceived) => "SYN_RECV".to_owned(),
        (_, State::FinWait1) => "FIN_WAIT1".to_owned(),
        (_, State::FinWait2) => "FIN_WAIT2".to_owned(),
        (_, other) => other.as_str().to_uppercase(),
    };
    let proto = format!("{}{}", socket.transport, if is_v6(socket) { "6" } else { "" });
    let end = |address: IpAddr, port: Option<u16>| {
        let port = port.map_or_else(|| "*".to_owned(), |port| port.to_string());
        format!("{address}:{port}")
    };
    let number = socket.raw_protocol.map(u16::from).filter(|number| *number != 0);
    let local = end(socket.local.address, socket.local.port.or(number));
    let any = if is_v6(socket) { ":::*" } else { "0.0.0.0:*" };
    let remote = socket.remote.as_ref();
    let remote = remote.map_or_else(|| any.to_owned(), |remote| end(remote.address, remote.port));
    let first = socket.backlog_current.or(socket.recv_queue_bytes).unwrap();
    let second = socket.send_queue_bytes.unwrap_or(0);
    let uid = socket.uid.unwrap_or(0);
    let inode = socket.inode.unwrap();
    let mut text = format!(
        "{proto:<4}  {first:6} {second:6} {local:<23} {remote:<23} {state:<11} {uid:<10} {inode:<10} "
    )
    .into_bytes();
    let start = text.len();
    match socket.owners.first() {
        None => text.push(b'-'),
        Some(owner) => {
            text.extend(format!("{}/", owner.pid).bytes());
            text.extend_from_slice(owner.name.bytes());
        }
    }
    text.resize(text.len().max(start + 20), b' ');
    text.extend(timer_text(socket.timer).bytes());
    text.push(b'\n');
    out.extend_from_slice(&text);
}

/// As net-tools prints a timer.
fn timer_text(timer: Option<Timer>) -> String {
    let Some(timer) = timer else { return " off (0.00/0/0)".to_owned() };
    let (ms, count) = (timer.expires_ms.unwrap(), timer.retransmits.unwrap());
    let (word, retransmits, probes) = match timer.kind {
        TimerKind::Keepalive => ("keepalive", 0, count),
        TimerKind::TimeWait => ("timewait", count, 0),
        TimerKind::Persist => ("probe", 0, count),
        _ => ("on", count, 0),
    };
    format!(" {word} ({}.{:02}/{retransmits}/{probes})", ms / 1000, ms % 1000 / 10)
}
