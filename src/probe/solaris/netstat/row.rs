//! One row: its columns, and what they mean together.
//!
//! In: a line, or several that belong together. Out: a socket that borrows from it.

use std::net::IpAddr;

use crate::model::socket::{Attribution, Endpoint, Family, Owner, Socket, State, Transport};
use crate::model::text::HostText;
use crate::probe::address::{ipv6, unmap};
use crate::probe::bsd::endpoint::endpoint;
use crate::probe::cursor::Cursor;
use crate::probe::solaris::netstat::section::{Layout, Section};
use crate::probe::solaris::netstat::tail::{self, Named, Tail};
use crate::probe::solaris::words::{number, words};

/// What a line is.
pub(super) enum Reading<'a> {
    /// A row.
    Row {
        socket: Box<Socket<'a>>,
        named: Option<Named<'a>>,
        /// State and numbers stand where they can only stand behind the owner.
        genuine: bool,
    },
    /// The beginning of a row that goes on in the next line.
    Open,
    /// A line that belongs to the row before it and has no place in a record.
    Extra,
    /// None of these: what was expected.
    Bad(&'static str),
}

const EXPECTED_ENDS: &str = "expected ends as address.port; run netstat with -n";
const EXPECTED_TAIL: &str = "expected Swind Send-Q Rwind Recv-Q and a state";
const EXPECTED_OWNER: &str = "expected user, pid and command before the numbers or the state";

/// Reads a line of a section.
pub(super) fn read<'a>(line: &'a [u8], layout: &Layout) -> Reading<'a> {
    let read = match layout.section {
        Section::None => return Reading::Bad("expected a title such as `TCP: IPv4`"),
        Section::Unix => return Reading::Extra,
        Section::Sctp if is_more_addresses(line) => return Reading::Extra,
        _ if layout.arguments => return Reading::Bad("expected netstat -u without -v"),
        Section::Sctp => sctp(line, layout),
        Section::Inet(Transport::Udp, family) => udp(line, layout, family),
        Section::Inet(_, family) => tcp(line, layout, family),
    };
    read.unwrap_or_else(|reading| reading)
}

type Outcome<'a> = Result<Reading<'a>, Reading<'a>>;

/// `\t<Remote: 192.0.2.1, (192.0.2.2)>` behind a row of SCTP.
fn is_more_addresses(line: &[u8]) -> bool {
    let text = line.trim_ascii();
    (text.starts_with(b"<Remote: ") || text.starts_with(b"<Local: ")) && text.ends_with(b">")
}

fn tcp<'a>(line: &'a [u8], layout: &Layout, family: Family) -> Outcome<'a> {
    let (local, rest) = end(line, family)?;
    if rest.trim_ascii().is_empty() {
        return Err(Reading::Open);
    }
    let (remote, rest) = end(rest, family)?;
    let v6 = family == Family::Ipv6;
    let read = match words(rest).nth(7) {
        _ if layout.owners => tail::tcp(rest, v6),
        Some(_) => tail::tcp_verbose(rest, v6).or_else(|| tail::tcp(rest, v6)),
        None => tail::tcp(rest, v6),
    };
    let Some(tail) = read else { return Err(unfinished(rest, EXPECTED_TAIL)) };
    let peer = !(remote.address.is_unspecified() && remote.port.is_none());
    let socket = socket(Transport::Tcp, (local, peer.then_some(remote)), &tail);
    owned(socket, tail.before, line.len() - (rest.len() - tail.before.len()), layout)
}

fn udp<'a>(line: &'a [u8], layout: &Layout, family: Family) -> Outcome<'a> {
    let (local, rest) = end(line, family)?;
    if rest.trim_ascii().is_empty() {
        return Err(Reading::Open);
    }
    let (remote, rest) = match end(rest, family) {
        Ok((remote, rest)) => (Some(remote), rest),
        Err(_) => (None, rest),
    };
    let expected = "expected a state: Idle, Unbound or Connected";
    let Some(tail) = tail::udp(rest, family == Family::Ipv6) else {
        return Err(unfinished(rest, expected));
    };
    if tail.state == State::Unknown && tail::owner(rest).is_some_and(|named| named.is_some()) {
        return Err(Reading::Open);
    }
    let remote = remote.filter(|end| !(end.address.is_unspecified() && end.port.is_none()));
    let socket = socket(Transport::Udp, (local, remote), &tail);
    owned(socket, tail.before, line.len() - (rest.len() - tail.before.len()), layout)
}

fn sctp<'a>(line: &'a [u8], layout: &Layout) -> Outcome<'a> {
    let (local, rest) = word(line);
    let (remote, rest) = word(rest);
    let family = if [local, remote].iter().any(|end| end.contains(&b':')) {
        Family::Ipv6
    } else {
        Family::Ipv4
    };
    let (Some(local), Some(remote)) = (sctp_end(local, family), sctp_end(remote, family)) else {
        return Err(Reading::Bad(EXPECTED_ENDS));
    };
    let Some((tail, behind)) = tail::sctp(rest) else {
        return Err(Reading::Bad("expected Swind Send-Q Rwind Recv-Q StrsI/O and a state"));
    };
    let peer = !(remote.address.is_unspecified() && remote.port.is_none());
    let socket = socket(Transport::Sctp, (local, peer.then_some(remote)), &tail);
    owned(socket, tail.before, line.len() - behind, layout)
}

/// An end of SCTP: without a port where it has none.
fn sctp_end(word: &[u8], family: Family) -> Option<Endpoint<'_>> {
    if let Some(end) = endpoint(word, family) {
        return Some(end);
    }
    let address = match family {
        Family::Ipv4 => {
            let mut cursor = Cursor::new(word);
            IpAddr::V4(cursor.ipv4().filter(|_| cursor.rest.is_empty())?)
        }
        Family::Ipv6 => IpAddr::V6(ipv6(word)?),
    };
    Some(Endpoint { address, port: None, zone: None })
}

fn word(line: &[u8]) -> (&[u8], &[u8]) {
    let mut cursor = Cursor::new(line);
    cursor.blanks();
    (cursor.token(), cursor.rest)
}

fn end(text: &[u8], family: Family) -> Result<(Endpoint<'_>, &[u8]), Reading<'_>> {
    let (word, rest) = word(text);
    let end = endpoint(word, family).ok_or(Reading::Bad(EXPECTED_ENDS))?;
    Ok((end, rest))
}

/// A row that shows no state: only its ends, or an owner whose name goes on in the next line.
fn unfinished<'a>(rest: &[u8], expected: &'static str) -> Reading<'a> {
    match tail::owner(rest) {
        Some(_) => Reading::Open,
        None => Reading::Bad(expected),
    }
}

fn socket<'a>(
    transport: Transport,
    (local, remote): (Endpoint<'a>, Option<Endpoint<'a>>),
    tail: &Tail<'a>,
) -> Socket<'a> {
    let mut socket = Socket::new(transport, local, remote, tail.state);
    if let Some(device) = tail.device {
        socket.bind_device = Some(HostText::new(device));
        for end in std::iter::once(&mut socket.local).chain(&mut socket.remote) {
            if end.zone.is_none() && is_link_local(end.address) {
                end.zone = Some(HostText::new(device));
            }
        }
    }
    let mut other = socket.remote.as_ref().map_or(socket.local.address, |end| end.address);
    if unmap(&mut socket.local.address, &mut other) {
        socket.flags.v4_mapped = true;
        socket.family = Family::Ipv4;
        socket.remote.iter_mut().for_each(|end| end.address = other);
    }
    socket.state_raw = tail.state_raw.map(HostText::new);
    if tail.state != State::Listen {
        (socket.send_queue_bytes, socket.recv_queue_bytes) = tail.queues.unzip();
    }
    socket.drops = tail.drops;
    socket
}

const fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.segments()[0] & 0xffc0 == 0xfe80)
}

/// The row with its owner. `text` is where the columns of an owner are, `behind` where what follows
/// them begins.
fn owned<'a>(
    mut socket: Socket<'a>,
    text: &'a [u8],
    behind: usize,
    layout: &Layout,
) -> Outcome<'a> {
    let Some(named) = tail::owner(text) else { return Err(Reading::Bad(EXPECTED_OWNER)) };
    let genuine = layout.is_behind_owner(behind);
    if let Some(named) = named {
        if named.pid == 0 {
            // Process 0 is the kernel's scheduler.
            socket.attribution = Attribution::Kernel;
        } else {
            let name = HostText::new(named.command);
            socket.flags.name_has_control = name.has_control();
            socket.flags.truncated = layout.command_width == Some(named.command.len());
            let owner = Owner { pid: named.pid, fd: None, tid: None, name };
            socket.owners.push(owner);
            socket.attribution = Attribution::Owned;
        }
    }
    Ok(Reading::Row { socket: Box::new(socket), named, genuine })
}

/// The id of a user without a name: illumos prints `(1234)`.
pub(super) fn user_id(user: &[u8]) -> Option<u32> {
    let inner = user.strip_prefix(b"(")?.strip_suffix(b")")?;
    u32::try_from(number(inner)?).ok()
}
