//! One row: its columns, and what they mean together.
//!
//! In: a line, or several that a newline in a name had parted. Out: a socket that borrows from it.

use std::net::{IpAddr, Ipv6Addr};

use crate::model::parsed::Row;
use crate::model::socket::{Endpoint, Family, Socket, State, Transport};
use crate::model::text::HostText;
use crate::probe::address::unmap;
use crate::probe::bsd::endpoint::endpoint;
use crate::probe::bsd::network::{number, without_index};
use crate::probe::bsd::sockets::Setup;
use crate::probe::bsd::sockets::header::{Columns, Tail};
use crate::probe::bsd::sockets::protocol::{self, Protocol, Version, Word};
use crate::probe::bsd::sockets::tail::{self, Trouble};
use crate::probe::cursor::Cursor;

/// Characters that an IPv6 address is cut to.
const CUT: usize = 16;
/// The same with `-A` on NetBSD.
const CUT_SHORT: usize = 12;
/// Columns of an end from here on hold every end.
const ROOMY: usize = 45;

const NUMBERS: &str = "expected the numbers in front of the local end that the header names";
const ENDS: &str = "expected two ends as address.port in numbers: run netstat with -n";
const CUT_END: &str =
    "an end is cut to its column: run netstat with -l (macOS), -W (FreeBSD) or -v, and without -A";

/// What a line is.
#[derive(Debug)]
pub(super) enum Reading {
    /// A row; whether an address in it may be cut.
    Socket {
        /// It is as long as what an address is cut to.
        doubtful: bool,
    },
    /// A row whose process name goes on in the next line.
    Open,
    /// A row of a socket that is not in the schema.
    Known,
    /// A socket that the answer for the other family tells.
    Elsewhere,
    /// A UNIX-domain socket.
    Unix,
    /// Its first word is no protocol.
    Nothing,
    /// What was expected.
    Bad(&'static str),
}

/// How the command prints: learnt from header, title and rows.
pub(super) struct Layout {
    pub(super) setup: Setup,
    pub(super) columns: Option<Columns>,
    /// The family in the title of the section, where it says one.
    pub(super) title: Option<Family>,
}

/// What stands in front of the ends.
struct Front {
    protocol: Protocol,
    queues: Option<(u64, u64)>,
    backlog: Option<(u64, u64)>,
    /// The row begins with the kernel's addresses.
    addressed: bool,
}

/// Reads a line. A socket is built in `out`, because it is large and moving it takes longer than
/// reading it.
pub(super) fn read<'a>(line: &'a [u8], layout: &mut Layout, out: &mut Option<Row<'a>>) -> Reading {
    let mut cursor = Cursor::new(line);
    let front = match front(&mut cursor, layout.columns.as_ref()) {
        Ok(front) => front,
        Err(reading) => return reading,
    };
    cursor.blanks();
    let local = cursor.token();
    cursor.blanks();
    let alone =
        front.backlog.is_some() || layout.columns.as_ref().is_some_and(|seen| !seen.foreign);
    let start = cursor;
    let mut foreign = if alone { b"*.*".as_slice() } else { cursor.token() };
    if front.protocol.transport == Transport::Sctp && known_state(foreign).is_some() {
        // A listener of SCTP has a blank remote end.
        (foreign, cursor) = (b"*.*", start);
    }
    layout.setup.numbered |= matches!(front.protocol.version, Version::V4 | Version::Both);
    let family = family(front.protocol.version, [local, foreign], layout);
    let ends = (end(local, family, &front, layout), end(foreign, family, &front, layout));
    let ((local, one), (foreign, other)) = match ends {
        (Ok(local), Ok(foreign)) => (local, foreign),
        (Err(expected), _) | (_, Err(expected)) => return Reading::Bad(expected),
    };
    if front.protocol.version == Version::Both && layout.setup.family == Some(Family::Ipv4) {
        return Reading::Elsewhere;
    }
    let (state, raw) = match state(&mut cursor, &front, layout.columns.as_ref()) {
        Ok(state) => state,
        Err(expected) => return Reading::Bad(expected),
    };
    let row =
        out.insert(Row::Socket(socket(&front, (local, foreign), state, layout.setup.numbered)));
    let Row::Socket(socket) = row else { return Reading::Bad("expected a socket") };
    socket.state_raw = raw.map(HostText::new);
    let read = match &layout.columns {
        _ if front.protocol.transport == Transport::Raw && raw_number(cursor.rest, socket) => {
            Ok(())
        }
        Some(columns) => tail::read(cursor.rest, &columns.tail, socket),
        None => tail::guess(cursor.rest, socket),
    };
    match read {
        Ok(()) => Reading::Socket { doubtful: (one || other) && !layout.setup.wide },
        Err(trouble) => {
            *out = None;
            match trouble {
                Trouble::Open => Reading::Open,
                Trouble::Bad(expected) => Reading::Bad(expected),
            }
        }
    }
}

/// Reads everything in front of the local end.
#[inline]
fn front(cursor: &mut Cursor<'_>, columns: Option<&Columns>) -> Result<Front, Reading> {
    let (word, skipped) = first_word(cursor, columns.map(|columns| columns.before))?;
    let (mut protocol, bare) = match word {
        Word::Socket(protocol) => (protocol, false),
        Word::Ip(protocol) => (protocol, true),
        Word::Other => return Err(Reading::Known),
        Word::Unix => return Err(Reading::Unix),
    };
    let mut numbers = [0_u64; 8];
    let mut count = 0;
    let mut backlog = None;
    loop {
        cursor.blanks();
        let start = *cursor;
        let word = cursor.token();
        if let Some(slot) = numbers.get_mut(count)
            && let Some(value) = number(word)
        {
            (*slot, count) = (value, count + 1);
            continue;
        }
        match queue_sizes(word) {
            Some(sizes) => backlog = Some(sizes),
            None if matches!(word, b"1to1" | b"1toN") => {}
            None => *cursor = start,
        }
        break;
    }
    let expected = match columns {
        Some(columns) => columns.numbers,
        None if backlog.is_some() => 0,
        None => 2,
    };
    let mut numbers = numbers.get(..count).unwrap_or_default();
    if bare && count == expected + 1 {
        // The family's number stands apart: `ip 4`.
        let (number, rest) = numbers.split_first().unwrap_or((&0, &[]));
        let number = number.to_string();
        protocol.version = protocol::version(number.as_bytes()).ok_or(Reading::Bad(NUMBERS))?;
        numbers = rest;
    }
    let queues = columns.map_or(Some((0, 1)), |columns| columns.queues);
    let kind = columns.is_some_and(|columns| columns.kind);
    let listen = columns.is_some_and(|columns| columns.listen);
    // `-T` leaves its columns blank for what is not TCP.
    let blank = numbers.is_empty() && queues.is_none() && protocol.transport != Transport::Tcp;
    if (numbers.len() != expected && !blank && !kind) || (listen && backlog.is_none()) {
        return Err(Reading::Bad(NUMBERS));
    }
    let value = |at: usize| numbers.get(at).copied();
    let queues = queues.and_then(|(received, sent)| value(received).zip(value(sent)));
    Ok(Front { protocol, queues, backlog, addressed: skipped > 0 })
}

/// Takes the protocol, behind the kernel's addresses if there are any.
#[inline]
fn first_word(cursor: &mut Cursor<'_>, before: Option<usize>) -> Result<(Word, usize), Reading> {
    let most = before.unwrap_or(2);
    for skipped in 0..=most {
        cursor.blanks();
        let word = cursor.token();
        if before.is_none_or(|before| before == skipped)
            && let Some(protocol) = protocol::read(word)
        {
            return Ok((protocol, skipped));
        }
        let digits = word.strip_prefix(b"0x").unwrap_or(word);
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(Reading::Nothing);
        }
    }
    Err(Reading::Nothing)
}

/// `qlen/incqlen/maxqlen`: connections waiting, and their limit.
fn queue_sizes(word: &[u8]) -> Option<(u64, u64)> {
    let mut parts = word.split(|&byte| byte == b'/');
    let sizes = (number(parts.next()?)?, number::<u64>(parts.next()?)?, number(parts.next()?)?);
    parts.next().is_none().then_some((sizes.0, sizes.2))
}

/// The family of the ends.
#[inline]
fn family(version: Version, ends: [&[u8]; 2], layout: &Layout) -> Family {
    let colon = || ends.iter().any(|end| memchr::memchr(b':', end).is_some());
    match version {
        Version::V6 => Family::Ipv6,
        Version::Both | Version::Plain if colon() => Family::Ipv6,
        Version::Both if ends.iter().all(|end| end.starts_with(b"*.")) => Family::Ipv6,
        Version::Plain => layout.title.or(layout.setup.family).unwrap_or(Family::Ipv4),
        Version::V4 | Version::Both => Family::Ipv4,
    }
}

/// Reads one end; whether its address may be cut.
#[inline]
fn end<'a>(
    word: &'a [u8],
    family: Family,
    front: &Front,
    layout: &mut Layout,
) -> Result<(Endpoint<'a>, bool), &'static str> {
    let host = memchr::memrchr(b'.', word).unwrap_or(word.len());
    let digits = word.len().saturating_sub(host + 1);
    let v6 = family == Family::Ipv6;
    if v6 && host > CUT {
        layout.setup.wide = true;
    }
    let wide = layout.setup.wide;
    let width = match &layout.columns {
        Some(columns) if columns.width > 0 => columns.width,
        _ if front.addressed => 18,
        _ => ROOMY,
    };
    let address_cut = v6 && !wide && (host == CUT || (front.addressed && host == CUT_SHORT));
    let port_cut =
        front.addressed && width < ROOMY && word.len() >= width && digits < 5 && !(v6 && wide);
    if port_cut {
        return Err(CUT_END);
    }
    let mut end = endpoint(word, family).ok_or_else(|| {
        // A wider row elsewhere does not make a name of it.
        let number = |byte: &u8| byte.is_ascii_hexdigit() || *byte == b':';
        let address = word.get(..host).is_some_and(|host| host.iter().all(number));
        if address_cut || (v6 && host == CUT && address) { CUT_END } else { ENDS }
    })?;
    if let IpAddr::V6(address) = &mut end.address {
        *address = without_index(*address);
    }
    Ok((end, address_cut))
}

/// A state, and the word where it can say more.
type Told<'a> = (Option<State>, Option<&'a [u8]>);

/// Takes the state, where one is printed.
#[inline]
fn state<'a>(
    cursor: &mut Cursor<'a>,
    front: &Front,
    columns: Option<&Columns>,
) -> Result<Told<'a>, &'static str> {
    let stateful = matches!(front.protocol.transport, Transport::Tcp | Transport::Sctp);
    if front.backlog.is_some() {
        return Ok((Some(State::Listen), None));
    }
    if !stateful || columns.is_some_and(|columns| !columns.state) {
        return Ok((None, None));
    }
    cursor.blanks();
    let word = cursor.token();
    // FreeBSD marks states of T/TCP with a star.
    let name = word.strip_suffix(b"*").unwrap_or(word);
    match known_state(name) {
        Some(state) => Ok((Some(state), (name != word).then_some(word))),
        None if word.is_empty() || columns.is_none() => Err("expected a state, such as LISTEN"),
        None => Ok((Some(State::Unknown), Some(word))),
    }
}

/// The words of every system; NetBSD has short ones with `-A`.
#[inline]
const fn known_state(word: &[u8]) -> Option<State> {
    Some(match word {
        b"ESTABLISHED" | b"ESTABL" => State::Established,
        b"LISTEN" => State::Listen,
        b"TIME_WAIT" | b"TMWAIT" => State::TimeWait,
        b"CLOSE_WAIT" | b"CLWAIT" => State::CloseWait,
        b"FIN_WAIT_1" | b"FWAIT1" => State::FinWait1,
        b"FIN_WAIT_2" | b"FWAIT2" => State::FinWait2,
        b"SYN_SENT" | b"SYNSEN" => State::SynSent,
        b"SYN_RCVD" | b"SYN_RECEIVED" | b"SYSRCV" => State::SynReceived,
        b"LAST_ACK" | b"LASTAK" => State::LastAck,
        b"CLOSING" | b"CLOSNG" => State::Closing,
        b"CLOSED" => State::Closed,
        b"BOUND" => State::Bound,
        _ => return None,
    })
}

/// OpenBSD ends a row of a raw socket with its protocol.
fn raw_number(rest: &[u8], socket: &mut Socket<'_>) -> bool {
    let number = number::<u8>(rest.trim_ascii());
    if number.is_some() {
        socket.raw_protocol = number;
    }
    number.is_some()
}

/// The socket with its two ends.
#[inline]
fn socket<'a>(
    front: &Front,
    (local, foreign): (Endpoint<'a>, Endpoint<'a>),
    state: Option<State>,
    numbered: bool,
) -> Socket<'a> {
    let Protocol { transport, raw, version } = front.protocol;
    let (mut here, mut there) = (local.address, foreign.address);
    let both = version == Version::Both;
    let mapped = unmap(&mut here, &mut there) || (both && here.is_ipv4());
    let peer = !there.is_unspecified() || foreign.port.is_some();
    let state = state.unwrap_or(match transport {
        Transport::Tcp | Transport::Sctp => State::Unknown,
        _ if peer => State::Established,
        _ => State::Unconnected,
    });
    let any = here == IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    let local = Endpoint { address: here, ..local };
    let remote = peer.then_some(Endpoint { address: there, ..foreign });
    let mut socket = Socket::new(transport, local, remote, state);
    socket.flags.v4_mapped = mapped;
    socket.raw_protocol = raw;
    // Where a socket that serves both says so, `6` alone says that it does not.
    socket.dual_stack = (any && (both || numbered)).then_some(both);
    match (front.backlog, front.queues) {
        (Some((current, most)), _) => {
            (socket.backlog_current, socket.backlog_max) = (Some(current), Some(most));
        }
        (None, Some((received, sent))) if state != State::Listen => {
            (socket.recv_queue_bytes, socket.send_queue_bytes) = (Some(received), Some(sent));
        }
        _ => {}
    }
    socket
}

impl Layout {
    pub(super) const fn new(setup: Setup) -> Self {
        Self { setup, columns: None, title: None }
    }

    /// True where the header has `process:pid`, so that a row may be parted.
    pub(super) fn names_processes(&self) -> bool {
        self.columns.as_ref().is_none_or(|columns| matches!(columns.tail, Tail::Named(..)))
    }
}
