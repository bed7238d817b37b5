//! `sockstat`: internet sockets as the processes hold them, of FreeBSD and NetBSD.
//!
//! ```text
//! USER     COMMAND    PID   FD  PROTO  LOCAL ADDRESS         FOREIGN ADDRESS       PATH STATE   CONN STATE
//! www      my server   4711 6   tcp4   192.0.2.1:80          198.51.100.7:50122                 ESTABLISHED
//! root     sshd        812  4   tcp46  *:22                  *:*                                LISTEN
//! ?        ?          ?     ?   tcp4   192.0.2.1:80          198.51.100.9:40000                 TIME_WAIT
//! www      httpd      4711  3 tcp6   2001:db8::1.443       *.*
//! ```
//! One row for each descriptor. FreeBSD writes `ADDRESS:PORT` without brackets, NetBSD
//! `ADDRESS.PORT` (the last row). FreeBSD's protocol ends in the families that the socket serves
//! (`tcp46`; up to FreeBSD 10 `tcp4 6`); `-s` adds the state, of SCTP in front of it that of the
//! path. What a socket has no value for is blank or, since FreeBSD 15, `??`. Source:
//! `usr.bin/sockstat` of both systems, sockstat(1).
//!
//! Decisions:
//! - One row with one owner for each descriptor; `normalize` joins them to the list of sockets.
//! - `?` as owner says that no process was seen, not that there is none (a jail or
//!   `security.bsd.see_other_uids` may hide it), so what that means is left to `normalize`.
//! - A command is cut to ten bytes. One that is as long goes out as a statement about the process,
//!   where the whole name of another probe comes first, and the owner's name stays empty.
//! - A user that is longer than its column runs together with the command in old versions, and moves
//!   a command of ten bytes up to the process id in all of FreeBSD's. In the first case neither can be
//!   told: the owner has its id and no name, which another probe may tell, and a note says so.
//! - A command may hold blanks and newlines. Its end is found by what must follow it: two numbers,
//!   a protocol and two ends, which ten bytes cannot forge. Lines are joined while that is missing.
//! - A command such as `x 1 2 seq` can forge the start of a row that is not in the schema, which has no
//!   ends. So a line is read as an internet socket wherever it can be, and a note says that it fits
//!   another reading too.
//! - The path of a Unix-domain socket may hold newlines, and behind one what looks like a row. What
//!   could lie inside the path of a row above is an issue and no socket. The probes list no such rows
//!   (`-4 -6`), so that costs no socket of theirs.
//! - Further addresses of an SCTP association stand in rows that begin with blanks: each pair is a
//!   row of the same owner.
//! - Without a state (NetBSD, or no `-s`) the state of TCP is unknown: a bound socket looks like a
//!   listener. Unix-domain and divert sockets are known rows that the records have no place for.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::process::ProcessFact;
use crate::model::socket::{Endpoint, Family, Owner, Socket, State, Transport};
use crate::model::text::HostText;
use crate::probe::address::{ipv6, unmap};
use crate::probe::bsd::endpoint;
use crate::probe::bsd::held_row::{self, HeldRows, RowParser};
use crate::probe::cursor::Cursor;
use crate::probe::lines::Lines;

/// Bytes of a command that are printed.
const COMMAND_BYTES: usize = 10;

/// Longest path of a Unix-domain socket: `sun_path` has 104 bytes (`sys/un.h` of both systems).
const PATH_BYTES_MAX: u64 = 104;

/// Width of the column of users, in all versions with fixed columns.
const USER_BYTES: usize = 8;

const RUN_TOGETHER: &str = "user and command run together, so neither is told";
const TWO_READINGS: &str =
    "a command that looks like columns: read as an internet socket, and not as another one";
const QUARANTINE: &str = "a socket where the path of a Unix-domain socket may go on: perhaps part of \
                          it, so it is not believed; run sockstat with -4 -6";

/// A reader of FreeBSD's answer.
#[must_use]
pub(in crate::probe) fn freebsd_reader() -> Box<dyn Reader> {
    Box::new(Lines::new(HeldRows::new(Sockstat { dotted: false, last: None, path_end: 0 })))
}

/// A reader of NetBSD's answer.
#[must_use]
pub(in crate::probe) fn netbsd_reader() -> Box<dyn Reader> {
    Box::new(Lines::new(HeldRows::new(Sockstat { dotted: true, last: None, path_end: 0 })))
}

struct Sockstat {
    /// A port stands behind a dot, not a colon.
    dotted: bool,
    /// Owner of the last row of SCTP, for rows with further addresses.
    last: Option<(u32, u32, Vec<u8>)>,
    /// Byte of the answer where the path of the last Unix-domain socket ends at the latest.
    path_end: u64,
}

/// A protocol column.
#[derive(Clone, Copy)]
enum Protocol {
    /// Divert sockets and those of further families.
    Other,
    /// Unix-domain sockets, with a path.
    Unix,
    Internet {
        transport: Transport,
        family: Family,
        both: bool,
        raw: Option<u8>,
    },
}

impl RowParser for Sockstat {
    const EXPECTED: &'static str = "expected USER COMMAND PID FD PROTO LOCAL FOREIGN";

    fn is_title(&self, line: &[u8]) -> bool {
        line.starts_with(b"USER ") && memchr::memmem::find(line, b"COMMAND").is_some()
    }

    fn row(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) -> bool {
        if line.starts_with(b"          ") {
            return self.more_addresses(span, line, sink);
        }
        let other = held_row::split(line, COMMAND_BYTES, |rest| self.other(rest));
        let widths = (USER_BYTES, COMMAND_BYTES);
        let internet = held_row::split(line, COMMAND_BYTES, |rest| self.columns(rest))
            .or_else(|| held_row::split_run_together(line, widths, |rest| self.columns(rest)));
        let Some((prefix, (descriptor, mut socket))) = internet else {
            let Some((_, path)) = other else { return false };
            self.last = None;
            if let Some(behind) = path {
                let path = line.len().saturating_sub(behind) as u64;
                // The end of the last line of it is not its own.
                self.path_end = span.start.saturating_add(path + PATH_BYTES_MAX + 1);
            }
            sink.header(span);
            return true;
        };
        self.last = None;
        if span.end <= self.path_end {
            sink.issue(Issue::unparsed(span, QUARANTINE, line));
            return true;
        }
        if other.is_some() {
            sink.issue(Issue::note(span, TWO_READINGS, line));
        }
        if let (Some(pid), Some(fd)) = (prefix.pid, descriptor) {
            let whole = prefix.name.len() < COMMAND_BYTES;
            let name = if whole { HostText::new(prefix.name) } else { HostText::new(b"") };
            held_row::own(&mut socket, Owner { pid, fd: Some(fd), tid: None, name }, prefix.name);
            if prefix.user.is_empty() {
                sink.row(span, Row::Socket(socket));
                sink.issue(Issue::note(span, RUN_TOGETHER, line));
                return true;
            }
            if socket.transport == Transport::Sctp {
                self.last = Some((pid, fd, prefix.name.to_vec()));
            }
            sink.row(span, Row::Socket(socket));
            if !whole {
                let name = HostText::owned(prefix.name.to_vec());
                sink.row(span, Row::Process(pid, ProcessFact::Name(name)));
            }
            sink.row(span, Row::Process(pid, held_row::user(prefix.user)));
        } else {
            sink.row(span, Row::Socket(socket));
        }
        true
    }
}

/// The descriptor, and the socket of an internet protocol.
type Columns<'a> = (Option<u32>, Socket<'a>);

impl Sockstat {
    /// Descriptor and protocol.
    fn head(&self, rest: &mut Cursor<'_>) -> Option<(Option<u32>, Protocol)> {
        rest.blanks();
        let descriptor = match rest.token() {
            b"?" | b"??" => None,
            word => Some(held_row::number(word)?),
        };
        rest.blanks();
        let word = rest.token();
        let protocol = if self.dotted { netbsd_protocol(word)? } else { protocol(word)? };
        rest.blanks();
        Some((descriptor, protocol))
    }

    /// A row that is not in the schema; of a Unix-domain socket, how many bytes from its path on.
    #[expect(
        clippy::option_option,
        reason = "no such row is another thing than one without a path"
    )]
    fn other(&self, rest: &mut Cursor<'_>) -> Option<Option<usize>> {
        match self.head(rest)?.1 {
            Protocol::Unix => Some(Some(rest.rest.len())),
            Protocol::Other => Some(None),
            // A socket of NetBSD that has no ends yet.
            Protocol::Internet { .. } => (self.dotted && rest.token() == b"-").then_some(None),
        }
    }

    /// What follows the process id: descriptor, protocol, ends, state.
    fn columns<'a>(&self, rest: &mut Cursor<'a>) -> Option<Columns<'a>> {
        let (descriptor, mut protocol) = self.head(rest)?;
        if let Protocol::Internet { both, .. } = &mut protocol
            && rest.eat(b"6 ")
        {
            *both = true;
            rest.blanks();
        }
        let local = rest.token();
        rest.blanks();
        let remote = rest.token();
        rest.blanks();
        let socket = self.socket(protocol, local, remote, rest.rest)?;
        Some((descriptor, socket))
    }

    fn socket<'a>(
        &self,
        protocol: Protocol,
        local: &'a [u8],
        remote: &'a [u8],
        states: &'a [u8],
    ) -> Option<Socket<'a>> {
        let Protocol::Internet { transport, family, both, raw } = protocol else { return None };
        let end =
            |word| if self.dotted { endpoint::endpoint(word, family) } else { end(word, family) };
        let mut local = end(local)?;
        let remote = match remote {
            b"??" => None,
            word => Some(end(word)?),
        };
        let mut remote = remote.filter(|end| end.port.is_some() || !end.address.is_unspecified());
        let mut nobody: IpAddr = Ipv6Addr::UNSPECIFIED.into();
        let there = remote.as_mut().map_or(&mut nobody, |end| &mut end.address);
        let v4_mapped = unmap(&mut local.address, there);
        let (state, state_raw) = state(transport, remote.is_some(), states);
        let wildcard = local.address.is_unspecified();
        if both && wildcard {
            local.address = Ipv6Addr::UNSPECIFIED.into();
        }
        let mut socket = Socket::new(transport, local, remote, state);
        socket.flags.v4_mapped = v4_mapped;
        socket.state_raw = state_raw.map(HostText::new);
        socket.raw_protocol = raw;
        socket.dual_stack = (both && wildcard).then_some(true);
        Some(socket)
    }

    /// A row of nothing but two more ends of the association above it.
    fn more_addresses(&self, span: Span, line: &[u8], sink: &mut dyn Sink) -> bool {
        let Some((pid, fd, name)) = &self.last else { return false };
        let mut rest = Cursor::new(line);
        rest.blanks();
        let local = rest.token();
        rest.blanks();
        let remote = rest.token();
        let family =
            if memchr::memchr(b'.', local).is_some() { Family::Ipv4 } else { Family::Ipv6 };
        let transport = Transport::Sctp;
        let protocol = Protocol::Internet { transport, family, both: false, raw: None };
        let Some(mut socket) = self.socket(protocol, local, remote, rest.rest) else {
            return false;
        };
        let owner = Owner { pid: *pid, fd: Some(*fd), tid: None, name: HostText::new(name) };
        held_row::own(&mut socket, owner, name);
        sink.row(span, Row::Socket(socket));
        true
    }
}

/// FreeBSD's protocols: a name and the families.
fn protocol(word: &[u8]) -> Option<Protocol> {
    let name_end = word.iter().position(u8::is_ascii_digit).unwrap_or(word.len());
    let (name, families) = word.split_at_checked(name_end)?;
    let (family, both) = match families {
        b"4" => (Family::Ipv4, false),
        b"6" => (Family::Ipv6, false),
        b"46" => (Family::Ipv6, true),
        b"" => return other(name),
        _ => return None,
    };
    let transport = match name {
        // `toe`: TCP that the network card does.
        b"tcp" | b"toe" => Transport::Tcp,
        b"udp" => Transport::Udp,
        b"udplite" => Transport::Udplite,
        b"sctp" => Transport::Sctp,
        b"div" | b"divert" => return Some(Protocol::Other),
        _ => return None,
    };
    Some(Protocol::Internet { transport, family, both, raw: None })
}

fn other(name: &[u8]) -> Option<Protocol> {
    match name {
        b"stream" | b"dgram" | b"seqpac" | b"seqpack" | b"seq" | b"rdm" => Some(Protocol::Unix),
        b"div" => Some(Protocol::Other),
        _ => None,
    }
}

/// NetBSD's protocols: a name, of another protocol `FAMILY/NUMBER`, of another family three
/// numbers. 2 is IPv4, 24 IPv6.
fn netbsd_protocol(word: &[u8]) -> Option<Protocol> {
    let (v4, v6) = (Family::Ipv4, Family::Ipv6);
    let (transport, family, raw) = match word {
        b"tcp" => (Transport::Tcp, v4, None),
        b"tcp6" => (Transport::Tcp, v6, None),
        b"udp" => (Transport::Udp, v4, None),
        b"udp6" => (Transport::Udp, v6, None),
        b"raw" => (Transport::Raw, v4, Some(255)),
        b"raw6" => (Transport::Raw, v6, Some(255)),
        _ => {
            let mut numbers = word.split(|byte| *byte == b'/').map(held_row::number);
            let (Some(Some(first)), Some(Some(second))) = (numbers.next(), numbers.next()) else {
                return other(word);
            };
            let family = match first {
                2 => v4,
                24 => v6,
                _ => return Some(Protocol::Other),
            };
            let raw = u8::try_from(second).ok().filter(|_| numbers.next().is_none())?;
            (Transport::Raw, family, Some(raw))
        }
    };
    Some(Protocol::Internet { transport, family, both: false, raw })
}

/// One end as FreeBSD writes it: the port stands behind the last colon, an IPv6 address has no
/// brackets.
fn end(word: &[u8], family: Family) -> Option<Endpoint<'_>> {
    let colon = memchr::memrchr(b':', word)?;
    let (host, port) = (word.get(..colon)?, word.get(colon + 1..)?);
    let port = endpoint::port(port)?;
    let host = host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]")).unwrap_or(host);
    if host == b"*" {
        let address = match family {
            Family::Ipv4 => Ipv4Addr::UNSPECIFIED.into(),
            Family::Ipv6 => Ipv6Addr::UNSPECIFIED.into(),
        };
        return Some(Endpoint { address, port, zone: None });
    }
    let mut v4 = Cursor::new(host);
    if let Some(address) = v4.ipv4().filter(|_| v4.rest.is_empty()) {
        return Some(Endpoint { address: address.into(), port, zone: None });
    }
    let (address, zone) = match memchr::memchr(b'%', host) {
        Some(at) => (host.get(..at)?, host.get(at + 1..)),
        None => (host, None),
    };
    let zone = zone.filter(|zone| !zone.is_empty()).map(HostText::new);
    Some(Endpoint { address: ipv6(address)?.into(), port, zone })
}

/// The state among the last columns. Columns of other options are passed over: they hold numbers,
/// names of stacks and `??`.
fn state(transport: Transport, peer: bool, columns: &[u8]) -> (State, Option<&[u8]>) {
    let words = columns.split(u8::is_ascii_whitespace);
    match transport {
        Transport::Tcp => {
            let found = words.rev().find_map(tcp_state);
            (found.unwrap_or(State::Unknown), None)
        }
        Transport::Sctp => words.rev().find_map(sctp_state).unwrap_or((State::Unknown, None)),
        _ if peer => (State::Established, None),
        _ => (State::Unconnected, None),
    }
}

/// FreeBSD's `tcp_fsm.h`.
fn tcp_state(word: &[u8]) -> Option<State> {
    Some(match word {
        b"CLOSED" => State::Closed,
        b"LISTEN" => State::Listen,
        b"SYN_SENT" => State::SynSent,
        b"SYN_RCVD" => State::SynReceived,
        b"ESTABLISHED" => State::Established,
        b"CLOSE_WAIT" => State::CloseWait,
        b"FIN_WAIT_1" => State::FinWait1,
        b"CLOSING" => State::Closing,
        b"LAST_ACK" => State::LastAck,
        b"FIN_WAIT_2" => State::FinWait2,
        b"TIME_WAIT" => State::TimeWait,
        _ => return None,
    })
}

/// States of an association; those that TCP does not have keep their word.
fn sctp_state(word: &[u8]) -> Option<(State, Option<&[u8]>)> {
    Some(match word {
        b"CLOSED" => (State::Closed, None),
        b"BOUND" => (State::Bound, None),
        b"LISTEN" => (State::Listen, None),
        b"ESTABLISHED" => (State::Established, None),
        b"COOKIE_WAIT" | b"COOKIE_ECHOED" | b"SHUTDOWN_SENT" | b"SHUTDOWN_RECEIVED"
        | b"SHUTDOWN_ACK_SENT" | b"SHUTDOWN_PENDING" | b"UNKNOWN" => (State::Unknown, Some(word)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
