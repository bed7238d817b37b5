//! `lsof -nP -i -F0...`: internet sockets as the processes hold them.
//!
//! ```text
//! p204 NUL R1 NUL cmy server NUL u33 NUL Lwww-data NUL
//! f6 NUL tIPv6 NUL d422987 NUL PTCP NUL n[::1]:8080->[::1]:39962 NUL TST=ESTABLISHED NUL TQR=4096 NUL TQS=0 NUL
//! f7 NUL tIPv4 NUL d421849 NUL PUDP NUL n*:68 NUL TQR=0 NUL TQS=0 NUL
//! ```
//! Each field is a letter and a text, ended by NUL; each set of fields is ended by a newline. A set
//! that begins with `p` names a process: pid, parent, command, user id, login. A set that begins
//! with `f` names one of its files: descriptor, type, inode, protocol, ends, then what TCP knows:
//! state, bytes to read (listeners: connections waiting) and to send. Source: lsof(8), "OUTPUT FOR
//! OTHER PROGRAMS"; Linux, lsof 4.89 to 4.99; for other systems lsof's `dialects` and lsof(8).
//!
//! Decisions:
//! - One row for each descriptor, with one owner. Rows of one socket have the same inode, by which
//!   `normalize` makes one record with several owners of them. Nothing is held but the process.
//! - `*` is `0.0.0.0` or `::` as the type says; an IPv4 address in an IPv6 file is a v4-mapped one.
//! - The user is the process's, not that which created the socket, so `uid` stays `None`.
//! - Names: lsof writes `\\`, `\n`, `\t`, `\xff` and so on, which are read back. It writes other
//!   control characters as `^[`, which could be those two characters: they stay as they are. It
//!   pairs parentheses: `a)b` is cut to `a`, and a process named `a(b` is not listed at all.
//! - Other systems: states have the names of their kernel (`SYN_RCVD`, `FIN_WAIT_1`; Solaris knows
//!   `IDLE` and `BOUND`), old HP-UX says `inet` for IPv4, the device is an address and
//!   no inode, and the bytes to read of a listener are always 0 (its queue is not in them).
//!   macOS prints sockets of ICMP and further protocols (`PICMP`), whose ends may have no port, and
//!   the interface
//!   of a link-local address inside it as its kernel does: `fe80:4::1` is `fe80::1` in zone 4 (no
//!   such address can be on a wire, RFC 4291, 2.5.6).
//! - What is no internet socket (`t` of other types) is a known set and counts as a header. Fields of
//!   unknown letters are passed over.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::socket::{Attribution, Endpoint, Owner, Socket, State, Transport};
use crate::model::text::HostText;
use crate::probe::address::{ipv6, unmap};
use crate::probe::cursor::Cursor;
use crate::probe::lines::{LineParser, Lines};

/// A reader of field output of Linux, where a listener's bytes to read are connections that wait.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    Box::new(Lines::new(Lsof { process: None, backlog: true }))
}

/// A reader of field output of other systems, whose listeners have no such number.
#[must_use]
pub fn plain_reader() -> Box<dyn Reader> {
    Box::new(Lines::new(Lsof { process: None, backlog: false }))
}

struct Lsof {
    process: Option<Process>,
    /// The bytes to read of a listener are connections that wait.
    backlog: bool,
}

struct Process {
    pid: u32,
    name: Vec<u8>,
}

impl LineParser for Lsof {
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        match line.first() {
            None => {}
            Some(b'p') => {
                self.process = process(line);
                if self.process.is_some() {
                    sink.header(span);
                } else {
                    sink.issue(Issue::unparsed(span, "expected a process, `pPID`", line));
                }
            }
            Some(b'f') => self.file(span, line, sink),
            Some(_) if line.trim_ascii().is_empty() => {}
            Some(_) => {
                let expected = "expected a set of fields that begins with `p` or `f`";
                sink.issue(Issue::unparsed(span, expected, line));
            }
        }
    }

    fn end(&mut self, _: &mut dyn Sink) {}
}

impl Lsof {
    fn file(&self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        let Some(process) = &self.process else {
            let expected = "expected a process before its files";
            return sink.issue(Issue::unparsed(span, expected, line));
        };
        let file = File::read(line);
        if !matches!(file.kind, b"IPv4" | b"IPv6" | b"inet" | b"inet6") {
            return match file.kind {
                b"" => sink.issue(Issue::unparsed(span, "expected a file with its type", line)),
                _ => sink.header(span),
            };
        }
        let mut row = None;
        if let Err(expected) = socket(&file, process, &mut row) {
            return sink.issue(Issue::unparsed(span, expected, line));
        }
        if let Some(Row::Socket(socket)) = &mut row {
            socket.backlog_current = socket.backlog_current.filter(|_| self.backlog);
        }
        if let Some(row) = row {
            sink.row(span, row);
        }
    }
}

/// The process set: pid first, then the command among others.
fn process(line: &[u8]) -> Option<Process> {
    let mut fields = line.split(|&byte| byte == 0);
    let mut first = Cursor::new(fields.next()?.strip_prefix(b"p")?);
    let pid = first.number().filter(|_| first.rest.is_empty())?;
    let name = fields.find_map(|field| field.strip_prefix(b"c")).unwrap_or_default();
    Some(Process { pid, name: unescape(name) })
}

/// Reads back what lsof escapes (lsof `misc.c`, `safepup`).
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        let (out, after) = match (byte, tail) {
            (b'\\', [b'\\', after @ ..]) => (b'\\', after),
            (b'\\', [b'n', after @ ..]) => (b'\n', after),
            (b'\\', [b'r', after @ ..]) => (b'\r', after),
            (b'\\', [b't', after @ ..]) => (b'\t', after),
            (b'\\', [b'b', after @ ..]) => (0x08, after),
            (b'\\', [b'f', after @ ..]) => (0x0c, after),
            (b'\\', [b'x', after @ ..]) => {
                let mut cursor = Cursor::new(after);
                match cursor.hex_digits::<2>().and_then(|value| u8::try_from(value).ok()) {
                    Some(value) => (value, cursor.rest),
                    None => (byte, tail),
                }
            }
            _ => (byte, tail),
        };
        bytes.push(out);
        rest = after;
    }
    bytes
}

/// The fields of a file that matter here.
#[derive(Default)]
struct File<'a> {
    descriptor: &'a [u8],
    kind: &'a [u8],
    inode: &'a [u8],
    protocol: &'a [u8],
    name: &'a [u8],
    state: Option<&'a [u8]>,
    received: Option<u64>,
    sent: Option<u64>,
}

impl<'a> File<'a> {
    #[inline]
    fn read(line: &'a [u8]) -> Self {
        let mut file = Self::default();
        let mut rest = line;
        while !rest.is_empty() {
            let end = memchr::memchr(0, rest).unwrap_or(rest.len());
            let (field, tail) = rest.split_at(end);
            rest = tail.get(1..).unwrap_or_default();
            match field {
                [b'f', text @ ..] => file.descriptor = text,
                [b't', text @ ..] => file.kind = text,
                [b'd', text @ ..] => file.inode = text,
                [b'P', text @ ..] => file.protocol = text,
                [b'n', text @ ..] => file.name = text,
                [b'T', b'S', b'T', b'=', text @ ..] => file.state = Some(text),
                [b'T', b'Q', b'R', b'=', text @ ..] => file.received = number(text),
                [b'T', b'Q', b'S', b'=', text @ ..] => file.sent = number(text),
                _ => {}
            }
        }
        file
    }
}

/// A number that is the whole text.
fn number<T: TryFrom<u64>>(text: &[u8]) -> Option<T> {
    let mut cursor = Cursor::new(text);
    cursor.number().filter(|_| cursor.rest.is_empty())
}

fn socket<'a>(
    file: &File<'a>,
    process: &'a Process,
    out: &mut Option<Row<'a>>,
) -> Result<(), &'static str> {
    let transport = match file.protocol {
        b"TCP" => Transport::Tcp,
        b"UDP" => Transport::Udp,
        b"UDPLITE" => Transport::Udplite,
        b"SCTP" => Transport::Sctp,
        b"DCCP" => Transport::Dccp,
        word if raw_protocol(word).is_some() => Transport::Raw,
        _ => return Err("expected a protocol such as `PTCP`"),
    };
    let v6 = matches!(file.kind, b"IPv6" | b"inet6");
    let ported = transport != Transport::Raw;
    let ends =
        ends(file.name, (v6, ported)).ok_or("expected `address:port` or two of them with `->`")?;
    let ((mut here, local_port), peer) = ends;
    let any: IpAddr = if v6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
    let (mut there, peer_port) = peer.unwrap_or((any, None));
    let v4_mapped = unmap(&mut here, &mut there);
    let zone = zone(&mut there);
    let remote = peer.map(|_| Endpoint { address: there, port: peer_port, zone });
    let state = state(file.state, transport, remote.is_some());
    let zone = self::zone(&mut here);
    let local = Endpoint { address: here, port: local_port, zone };
    let row = out.insert(Row::Socket(Socket::new(transport, local, remote, state)));
    let Row::Socket(socket) = row else { return Err("expected a socket") };
    socket.flags.v4_mapped = v4_mapped;
    socket.raw_protocol = raw_protocol(file.protocol);
    if state == State::Unknown {
        socket.state_raw = file.state.map(HostText::new);
    }
    if state == State::Listen {
        socket.backlog_current = file.received;
    } else {
        (socket.recv_queue_bytes, socket.send_queue_bytes) = (file.received, file.sent);
    }
    socket.inode = number(file.inode);
    let name = HostText::new(&process.name);
    let plain = process.name.iter().all(|byte| matches!(byte, b' '..=b'~'));
    socket.flags.name_has_control = !plain && name.has_control();
    socket.owners.push(Owner { pid: process.pid, fd: number(file.descriptor), tid: None, name });
    socket.attribution = Attribution::Owned;
    Ok(())
}

/// Number of an IP protocol that is no transport: lsof's `printiproto` prints its name, or the number
/// where it has none for it.
fn raw_protocol(word: &[u8]) -> Option<u8> {
    Some(match word {
        b"IP" => 0,
        b"ICMP" => 1,
        b"IGMP" => 2,
        b"GGP" => 3,
        b"IPV4" | b"IPIP" => 4,
        b"EGP" => 8,
        b"PUP" => 12,
        b"IDP" => 22,
        b"TP" => 29,
        b"IPV6" => 41,
        b"ROUTING" => 43,
        b"FRAGMNT" => 44,
        b"RSVP" => 46,
        b"GRE" => 47,
        b"ESP" => 50,
        b"AH" => 51,
        b"ICMPV6" => 58,
        b"NONE" => 59,
        b"DSTOPTS" => 60,
        b"OSPF" | b"OSPFIGP" => 89,
        b"PIM" => 103,
        b"RAW" => 255,
        digits => return number(digits),
    })
}

fn state(word: Option<&[u8]>, transport: Transport, peer: bool) -> State {
    match (word, transport) {
        (_, Transport::Udp | Transport::Udplite | Transport::Raw) if peer => State::Established,
        (_, Transport::Udp | Transport::Udplite | Transport::Raw) => State::Unconnected,
        (Some(b"ESTABLISHED"), _) => State::Established,
        (Some(b"LISTEN"), _) => State::Listen,
        (Some(b"CLOSE_WAIT"), _) => State::CloseWait,
        (Some(b"FIN_WAIT1" | b"FIN_WAIT_1"), _) => State::FinWait1,
        (Some(b"FIN_WAIT2" | b"FIN_WAIT_2"), _) => State::FinWait2,
        (Some(b"SYN_SENT"), _) => State::SynSent,
        (Some(b"SYN_RECV" | b"SYN_RCVD"), _) => State::SynReceived,
        (Some(b"LAST_ACK"), _) => State::LastAck,
        (Some(b"CLOSING"), _) => State::Closing,
        (Some(b"TIME_WAIT"), _) => State::TimeWait,
        (Some(b"CLOSE" | b"CLOSED"), _) => State::Closed,
        (Some(b"BOUND"), _) => State::Bound,
        (Some(b"IDLE"), _) => State::Idle,
        _ => State::Unknown,
    }
}

/// Takes the interface out of a link-local address where the kernel keeps it in the second group.
fn zone(address: &mut IpAddr) -> Option<HostText<'static>> {
    let IpAddr::V6(v6) = address else { return None };
    let mut segments = v6.segments();
    let [0xfe80, second, ..] = &mut segments else { return None };
    let index = std::mem::take(second);
    if index == 0 {
        return None;
    }
    *v6 = segments.into();
    Some(HostText::owned(index.to_string().into_bytes()))
}

type End = (IpAddr, Option<u16>);

/// `local` or `local->remote`. `how`: IPv6, and ports that must be there.
#[inline]
fn ends(text: &[u8], how: (bool, bool)) -> Option<(End, Option<End>)> {
    let mut cursor = Cursor::new(text);
    let local = end(&mut cursor, how)?;
    let remote = if cursor.eat(b"->") { Some(end(&mut cursor, how)?) } else { None };
    cursor.rest.is_empty().then_some((local, remote))
}

#[inline]
fn end(cursor: &mut Cursor<'_>, (v6, ported): (bool, bool)) -> Option<End> {
    let address = if cursor.eat(b"*") {
        if v6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() }
    } else if cursor.eat(b"[") {
        // The longest address has 45 characters.
        let end = cursor.rest.iter().take(46).position(|&byte| byte == b']')?;
        let (address, tail) = cursor.rest.split_at(end);
        cursor.rest = tail.get(1..)?;
        IpAddr::V6(ipv6(address)?)
    } else {
        let address = cursor.ipv4()?;
        if v6 { address.to_ipv6_mapped().into() } else { IpAddr::V4(address) }
    };
    if !cursor.eat(b":") {
        return (!ported).then_some((address, None));
    }
    let port = if cursor.eat(b"*") { None } else { Some(cursor.number()?) };
    Some((address, port.filter(|&port| port != 0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{read, rows};

    fn socket(transport: Transport, local: &str, state: State) -> Socket<'static> {
        let local: std::net::SocketAddr = local.parse().unwrap();
        let local = Endpoint { address: local.ip(), port: Some(local.port()), zone: None };
        let mut socket = Socket::new(transport, local, None, state);
        let name = HostText::new(b"my server");
        socket.owners.push(Owner { pid: 7, fd: Some(3), tid: None, name });
        socket.attribution = Attribution::Owned;
        socket
    }

    fn one(file: &str) -> Row<'static> {
        let text = format!("p7\0cmy server\0u0\0\n{file}\n").replace("\\0", "\0");
        let mut rows = rows(&read(plain_reader(), text.as_bytes()));
        assert_eq!(rows.len(), 1, "{file}");
        rows.remove(0)
    }

    #[test]
    fn states_of_other_kernels_are_read() {
        for (word, state) in [
            ("SYN_RCVD", State::SynReceived),
            ("FIN_WAIT_1", State::FinWait1),
            ("FIN_WAIT_2", State::FinWait2),
            ("BOUND", State::Bound),
            ("IDLE", State::Idle),
        ] {
            let file = format!("f3\0tIPv4\0d0xf1000e0001\0PTCP\0n192.0.2.1:22\0TST={word}\0");
            assert_eq!(one(&file), Row::Socket(socket(Transport::Tcp, "192.0.2.1:22", state)));
        }
    }

    #[test]
    fn a_listener_has_a_backlog_on_linux_alone() {
        let text =
            b"p7\0cmy server\0\nf3\0tIPv4\0PTCP\0n192.0.2.1:22\0TST=LISTEN\0TQR=5\0TQS=0\0\n";
        let mut listener = socket(Transport::Tcp, "192.0.2.1:22", State::Listen);
        assert_eq!(rows(&read(plain_reader(), text)), [Row::Socket(listener.clone())]);
        listener.backlog_current = Some(5);
        assert_eq!(rows(&read(reader(), text)), [Row::Socket(listener)]);
    }

    #[test]
    fn old_hp_ux_and_sockets_of_icmp_are_not_passed_over() {
        let udp = socket(Transport::Udp, "192.0.2.1:53", State::Unconnected);
        assert_eq!(one("f3\0tinet\0PUDP\0n192.0.2.1:53\0"), Row::Socket(udp));
        let mut raw = socket(Transport::Raw, "[::]:1", State::Unconnected);
        raw.local.port = None;
        raw.raw_protocol = Some(58);
        assert_eq!(one("f3\0tIPv6\0PICMPV6\0n*:*\0"), Row::Socket(raw));
    }

    #[test]
    fn sockets_of_other_protocols_are_read_with_one_end_and_with_two() {
        let raw = |protocol, remote: Option<&str>| {
            let mut raw = socket(Transport::Raw, "192.0.2.1:1", State::Unconnected);
            raw.local.port = None;
            raw.raw_protocol = Some(protocol);
            if let Some(address) = remote {
                let address = address.parse().unwrap();
                raw.remote = Some(Endpoint { address, port: None, zone: None });
                raw.state = State::Established;
            }
            Row::Socket(raw)
        };
        let far = Some("198.51.100.7");
        for (fields, expected) in [
            ("PICMP\0n192.0.2.1:*->198.51.100.7:*", raw(1, far)),
            ("PICMP\0n192.0.2.1->198.51.100.7", raw(1, far)),
            ("PIGMP\0n192.0.2.1", raw(2, None)),
            ("P112\0n192.0.2.1:*", raw(112, None)),
        ] {
            assert_eq!(one(&format!("f3\0tIPv4\0{fields}\0")), expected, "{fields}");
        }
        for fields in ["PUDP\0n192.0.2.1", "P256\0n192.0.2.1:*", "PFROB\0n192.0.2.1:*"] {
            let text = format!("p7\0cmy server\0\nf3\0tIPv4\0{fields}\0\n");
            let seen = read(plain_reader(), text.as_bytes());
            assert_eq!((seen.rows.len(), seen.issues.len()), (0, 1), "{fields}");
        }
    }

    #[test]
    fn an_interface_inside_a_link_local_address_is_its_zone() {
        let mut udp = socket(Transport::Udp, "[fe80::1]:546", State::Unconnected);
        udp.local.zone = Some(HostText::new(b"14"));
        assert_eq!(one("f3\0tIPv6\0PUDP\0n[fe80:e::1]:546\0"), Row::Socket(udp));
    }
}
