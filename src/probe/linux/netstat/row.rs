//! One row: its columns, and what they mean together.
//!
//! In: a line, or several that a newline in a name had parted. Out: a socket that borrows from it.

use std::net::IpAddr;

use crate::model::parsed::Row;
use crate::model::socket::{Endpoint, Socket, State, Transport};
use crate::model::text::HostText;
use crate::probe::address::unmap;
use crate::probe::cursor::Cursor;
use crate::probe::linux::netstat::Width;
use crate::probe::linux::netstat::endpoint::{self, Fault, Fit, Spelled};
use crate::probe::linux::netstat::tail::{self, Columns, Trouble};
use crate::probe::linux::netstat::words::{self, Line};

/// Whose output it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::probe::linux) enum Dialect {
    /// net-tools.
    NetTools,
    /// busybox: no `6` behind the protocol, and `%` before a number that is left over in memory.
    Busybox,
}

/// What a line is.
pub(super) enum Reading {
    /// A row; whether an address in it may be cut.
    Socket {
        /// A field fills its column, and nothing shows that columns grow.
        doubtful: bool,
        /// The column of programs holds none that can be.
        odd: bool,
    },
    /// A row whose program name goes on in the next line.
    Open,
    /// A title, a header, a row of another section, a remark.
    Header,
    /// None of these: what was expected.
    Bad(&'static str),
}

/// How the command prints: learnt from the header and from rows.
#[derive(Clone)]
pub(super) struct Layout {
    pub(super) dialect: Dialect,
    pub(super) width: Width,
    columns: Option<Columns>,
    section: Section,
}

/// What the last title announced.
#[derive(Clone, Copy)]
enum Section {
    /// Sockets, or nothing yet.
    Sockets,
    /// Sockets of other families.
    Others,
    /// No sockets: what was expected instead.
    Table(&'static str),
}

impl Layout {
    pub(super) const fn new(dialect: Dialect, width: Width) -> Self {
        Self { dialect, width, columns: None, section: Section::Sockets }
    }

    /// True when an end that fills its column may be cut.
    fn doubts(&mut self, ends: [&Spelled<'_>; 2]) -> bool {
        if self.width == Width::Auto && ends.iter().any(|end| end.fit == Fit::Over) {
            self.width = Width::Wide;
        }
        // Busybox gives IPv6 a column of 51 characters where it was built to.
        self.width != Width::Wide && ends.iter().any(|end| end.fit == Fit::Exact)
    }
}

/// Reads a line. A socket is built in `out`, because it is large and moving it takes longer than
/// reading it.
pub(super) fn read<'a>(line: &'a [u8], layout: &mut Layout, out: &mut Option<Row<'a>>) -> Reading {
    let mut cursor = Cursor::new(line);
    let Some((transport, v6)) = protocol(cursor.token()) else {
        return header(line, layout);
    };
    let Some(queues) = queues(&mut cursor) else {
        return Reading::Bad("expected two numbers, Recv-Q and Send-Q");
    };
    let ends = endpoint::read(&mut cursor, v6).and_then(|local| {
        let remote = endpoint::read(&mut cursor, v6)?;
        Ok((local, remote))
    });
    let (local, remote) = match ends {
        Ok(ends) => ends,
        Err(Fault::Cut) => {
            return Reading::Bad("an address is cut to its column: run netstat with -W");
        }
        Err(Fault::Other) => {
            return Reading::Bad("expected two ends as address:port; run netstat with -n");
        }
    };
    let doubtful = layout.doubts([&local, &remote]);
    cursor.blanks();
    let Some((state, word)) = state(&mut cursor, transport) else {
        return Reading::Bad("expected a state, such as LISTEN");
    };
    let busybox = layout.dialect == Dialect::Busybox;
    let Some(socket) = ends_of(transport, state, (local, remote), v6) else {
        return Reading::Bad("expected a protocol number where a raw socket has its port");
    };
    let Row::Socket(socket) = out.insert(Row::Socket(socket)) else {
        return Reading::Bad("expected a socket");
    };
    if busybox {
        socket.local.zone = None;
        socket.remote.iter_mut().for_each(|remote| remote.zone = None);
    }
    if state == State::Listen {
        socket.backlog_current = Some(queues.0);
    } else if state != State::Unknown || socket.remote.is_some() {
        (socket.recv_queue_bytes, socket.send_queue_bytes) = (Some(queues.0), Some(queues.1));
    }
    if state == State::Unknown {
        // Without a peer it may be a listener in a language that is not known.
        socket.state_raw = Some(HostText::new(word));
    }
    let columns = layout.columns.unwrap_or_else(|| Columns::guess(cursor.rest));
    match tail::read(cursor.rest, columns, socket) {
        Ok(()) => Reading::Socket { doubtful, odd: false },
        // The row is whole but for its program, which the header announced.
        Err(Trouble::Program) if layout.columns.is_some() => {
            Reading::Socket { doubtful, odd: true }
        }
        Err(trouble) => {
            *out = None;
            match trouble {
                Trouble::Open => Reading::Open,
                Trouble::Program => Reading::Bad("expected `pid/name` or `-`"),
                Trouble::Bad(expected) => Reading::Bad(expected),
            }
        }
    }
}

/// The protocol, and whether its name says IPv6.
#[inline]
const fn protocol(word: &[u8]) -> Option<(Transport, bool)> {
    Some(match word {
        b"tcp" => (Transport::Tcp, false),
        b"tcp6" => (Transport::Tcp, true),
        b"udp" => (Transport::Udp, false),
        b"udp6" => (Transport::Udp, true),
        b"raw" => (Transport::Raw, false),
        b"raw6" => (Transport::Raw, true),
        b"udpl" | b"udplite" => (Transport::Udplite, false),
        b"udpl6" | b"udplite6" => (Transport::Udplite, true),
        b"sctp" => (Transport::Sctp, false),
        b"sctp6" => (Transport::Sctp, true),
        _ => return None,
    })
}

/// `unix  2      [ ACC ]     STREAM     LISTENING     17344    1/systemd   /run/a`: references, flags,
/// type, perhaps a state, which is translated, and an inode.
fn is_unix(line: &[u8]) -> bool {
    let is_number = |word: &&[u8]| word.iter().all(u8::is_ascii_digit);
    let mut words = line.split(|byte| *byte == b' ').filter(|word| !word.is_empty()).skip(1);
    let flags = words.next().is_some_and(|word| is_number(&word)) && words.next() == Some(b"[");
    flags
        && words.by_ref().take(4).any(|word| word == b"]")
        && words.next().is_some_and(|word| word.iter().all(u8::is_ascii_uppercase))
        && words.take(6).any(|word| is_number(&word))
}

/// Titles, headers and rows of other families, and the remarks of `-p`.
#[cold]
fn header(line: &[u8], layout: &mut Layout) -> Reading {
    if line.starts_with(b"Proto Recv-Q Send-Q ") {
        // In another language its columns are told by each row.
        layout.columns = Columns::of(line);
        layout.section = Section::Sockets;
        return Reading::Header;
    }
    match words::line(line) {
        Some(Line::Known) if line.starts_with(b"unix  ") && !is_unix(line) => {
            return Reading::Bad("expected a row of unix-domain sockets");
        }
        Some(Line::Known) => {
            let rows = [b"unix  ".as_slice(), b"IPX   ", b"l2cap  ", b"rfcomm "];
            if !rows.iter().any(|start| line.starts_with(start)) {
                layout.section = Section::Sockets;
                if line.starts_with(b"Proto") {
                    layout.columns = None;
                }
            }
            return Reading::Header;
        }
        Some(Line::Others) => {
            layout.section = Section::Others;
            return Reading::Header;
        }
        Some(Line::Table(expected)) => layout.section = Section::Table(expected),
        None => {}
    }
    match layout.section {
        Section::Sockets => Reading::Bad("expected a row of netstat"),
        Section::Others => Reading::Header,
        Section::Table(expected) => Reading::Bad(expected),
    }
}

#[inline]
fn queues(cursor: &mut Cursor<'_>) -> Option<(u64, u64)> {
    cursor.blanks();
    let received = cursor.decimal().filter(|_| cursor.at_word_end())?;
    cursor.blanks();
    let sent = cursor.decimal().filter(|_| cursor.at_word_end())?;
    Some((received, sent))
}

/// Takes the state, where one is printed, and gives the word too.
#[inline]
fn state<'a>(cursor: &mut Cursor<'a>, transport: Transport) -> Option<(State, &'a [u8])> {
    let start = *cursor;
    let word = cursor.token();
    let state = match words::state(word) {
        Some(state) => {
            if word.starts_with(b"POSLEDN") {
                // `POSLEDNÍ ACK`.
                cursor.after(b" ACK")?;
            }
            state
        }
        // The peer tells it, see `ends_of`; here the number is only passed over.
        None if transport == Transport::Raw && word.iter().all(u8::is_ascii_digit) => {
            State::Unconnected
        }
        None if matches!(transport, Transport::Tcp | Transport::Sctp) => {
            if !words::may_be_state(word) {
                return None;
            }
            State::Unknown
        }
        None => {
            *cursor = start;
            State::Unconnected
        }
    };
    Some((state, word))
}

/// The socket with its two ends. `None`: a raw socket without the number of a protocol.
#[inline]
fn ends_of<'a>(
    transport: Transport,
    state: State,
    (local, remote): (Spelled<'a>, Spelled<'a>),
    v6: bool,
) -> Option<Socket<'a>> {
    let raw = transport == Transport::Raw;
    let (mut here, mut there) = (local.address, remote.address);
    if v6 {
        // net-tools takes the `::ffff:` off.
        for end in [&mut here, &mut there] {
            if let IpAddr::V4(address) = end {
                *end = address.to_ipv6_mapped().into();
            }
        }
    }
    let v4_mapped = unmap(&mut here, &mut there);
    let peer = !there.is_unspecified() || (remote.port.is_some() && !raw);
    let end = |address, end: &Spelled<'a>| Endpoint {
        address,
        port: end.port.filter(|&port| !raw && port != 0),
        zone: end.zone.map(HostText::new),
    };
    let state = match (state, transport, peer) {
        (State::Unconnected | State::Closed, Transport::Tcp | Transport::Sctp, _) => State::Closed,
        (State::Unconnected, Transport::Raw, true) => State::Established,
        (State::Closed, ..) => State::Unconnected,
        (state, ..) => state,
    };
    let other = peer.then(|| end(there, &remote));
    let mut socket = Socket::new(transport, end(here, &local), other, state);
    socket.flags.v4_mapped = v4_mapped;
    if raw {
        socket.raw_protocol = Some(match local.port {
            // Protocol 0 is printed as `*`, like a port.
            None => 0,
            Some(number) => u8::try_from(number).ok()?,
        });
    }
    Some(socket)
}
