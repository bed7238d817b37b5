//! One row of `netstat -an` as AIX and HP-UX print it.
//!
//! In: a line. Out: a socket that borrows from it. Columns and decisions: see
//! [`crate::probe::bsd::plain_rows`].

use crate::model::parsed::Row;
use crate::model::socket::{Endpoint, Family, Socket, State, Transport};
use crate::model::text::HostText;
use crate::probe::address::unmap;
use crate::probe::bsd::endpoint::endpoint;
use crate::probe::bsd::plain_words::is_kernel_address;
use crate::probe::cursor::Cursor;

/// Whose output it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::probe) enum System {
    /// AIX: the protocol's name tells the family, and queues are counted.
    Aix,
    /// HP-UX: the question tells the family, and queues are printed as 0.
    Hpux,
}

/// How the command prints: what was asked, and what was learnt from the header and from rows.
pub(super) struct Layout {
    pub(super) system: System,
    /// The family that was asked for.
    pub(super) family: Option<Family>,
    /// Words in front of the protocol, as the header names them.
    pub(super) lead: usize,
    /// A row told no family, and IPv4 was taken.
    pub(super) guessed: bool,
    /// An address of more than 16 characters was seen, so none is cut there.
    long_host: bool,
    /// An end of more than 22 characters was seen, so columns grow.
    long_end: bool,
}

impl Layout {
    pub(super) const fn new(system: System, family: Option<Family>) -> Self {
        Self { system, family, lead: 0, guessed: false, long_host: false, long_end: false }
    }
}

/// What a line is.
pub(super) enum Reading {
    /// A row, and whether an address in it may be cut.
    Socket(bool),
    /// The beginning of a row whose rest stands in the next line.
    Open,
    /// No row of internet sockets.
    Other,
    /// A row that cannot be read: what was expected.
    Bad(&'static str),
}

/// What the protocol's name tells of the family.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spelled {
    Plain,
    V4,
    V6,
}

/// Words and their places after the queues.
struct Columns<'a> {
    local: &'a [u8],
    foreign: &'a [u8],
    state: &'a [u8],
    /// From the start of the local end to that of the foreign one, and from there to the state's:
    /// width of the column and the blank behind it.
    pitches: [usize; 2],
}

/// Reads a line. A socket is built in `out`, because it is large.
pub(super) fn read<'a>(line: &'a [u8], layout: &mut Layout, out: &mut Option<Row<'a>>) -> Reading {
    let mut cursor = Cursor::new(line);
    let Some((transport, spelled)) = leading(&mut cursor, layout.lead) else {
        return Reading::Other;
    };
    cursor.blanks();
    let received = cursor.decimal().filter(|_| cursor.at_word_end());
    cursor.blanks();
    let sent = cursor.decimal().filter(|_| cursor.at_word_end());
    let (Some(received), Some(sent)) = (received, sent) else {
        return Reading::Bad("expected two numbers, Recv-Q and Send-Q");
    };
    let columns = match columns(&mut cursor) {
        Some(columns) if cursor.rest.trim_ascii().is_empty() => columns,
        Some(_) => return Reading::Bad("expected nothing behind the state"),
        None => return Reading::Open,
    };
    let columns = parted(columns, spelled);
    if columns.foreign.is_empty() || (transport == Transport::Tcp && columns.state.is_empty()) {
        return Reading::Open;
    }
    let told = family(&columns, spelled, layout);
    layout.guessed |= told.is_none();
    let family = told.unwrap_or(Family::Ipv4);
    let doubtful = doubtful(&columns, family, layout);
    if port_may_be_cut(&columns, family, layout) {
        return Reading::Bad(CUT_END);
    }
    let ends = endpoint(columns.local, family).zip(endpoint(columns.foreign, family));
    let Some((local, foreign)) = ends else {
        return Reading::Bad("expected two ends as address.port: run netstat with -n");
    };
    let Some(mut socket) = socket(transport, (local, foreign), &columns) else {
        return Reading::Bad("expected a state, such as LISTEN");
    };
    if layout.system == System::Aix {
        set_stacks(&mut socket, spelled, family);
    }
    if socket.state != State::Listen {
        // On HP-UX 0 stands there whatever waits.
        let told = |count: u64| (layout.system == System::Aix || count > 0).then_some(count);
        (socket.recv_queue_bytes, socket.send_queue_bytes) = (told(received), told(sent));
    }
    *out = Some(Row::Socket(socket));
    Reading::Socket(doubtful)
}

/// Passes over what stands in front of the protocol (the address of a control block, the name of
/// a workload partition), and takes the protocol.
fn leading(cursor: &mut Cursor<'_>, lead: usize) -> Option<(Transport, Spelled)> {
    let most = lead.max(1);
    for skipped in 0..=most {
        let word = cursor.token();
        if let Some(protocol) = protocol(word) {
            return Some(protocol);
        }
        if skipped == most || word.is_empty() || (lead == 0 && !is_kernel_address(word)) {
            return None;
        }
        cursor.blanks();
    }
    None
}

const fn protocol(word: &[u8]) -> Option<(Transport, Spelled)> {
    Some(match word {
        b"tcp" => (Transport::Tcp, Spelled::Plain),
        b"tcp4" => (Transport::Tcp, Spelled::V4),
        b"tcp6" => (Transport::Tcp, Spelled::V6),
        b"udp" => (Transport::Udp, Spelled::Plain),
        b"udp4" => (Transport::Udp, Spelled::V4),
        b"udp6" => (Transport::Udp, Spelled::V6),
        _ => return None,
    })
}

/// Takes both ends and the state, as far as they are there. `None`: not even one end.
fn columns<'a>(cursor: &mut Cursor<'a>) -> Option<Columns<'a>> {
    let mut word = || {
        cursor.blanks();
        let left = cursor.rest.len();
        (left, cursor.token())
    };
    let [(from, local), (middle, foreign), (to, state)] = [word(), word(), word()];
    let pitches = [from - middle, middle - to];
    (!local.is_empty()).then_some(Columns { local, foreign, state, pitches })
}

/// Longest pair of ends that is parted: two IPv6 addresses with zones and ports.
const FUSED_BYTES_MAX: usize = 128;

/// Parts two ends that stand without a blank between them, where there is only one way to.
fn parted(columns: Columns<'_>, spelled: Spelled) -> Columns<'_> {
    let family = if spelled == Spelled::V4 { Family::Ipv4 } else { Family::Ipv6 };
    let whole = columns.local;
    let fused = columns.state.is_empty() && !columns.foreign.contains(&b'.');
    let fused = fused && whole.len() <= FUSED_BYTES_MAX;
    if !fused || endpoint(whole, family).is_some() || endpoint(whole, Family::Ipv4).is_some() {
        return columns;
    }
    let ways = (1..whole.len()).filter_map(|at| whole.split_at_checked(at));
    let mut ways = ways.filter(|(local, foreign)| {
        endpoint(local, family).is_some() && endpoint(foreign, family).is_some()
    });
    match (ways.next(), ways.next()) {
        (Some((local, foreign)), None) => {
            Columns { local, foreign, state: columns.foreign, pitches: [0; 2] }
        }
        _ => columns,
    }
}

/// The family of a row: what the protocol says, else what its addresses are, else what was asked.
fn family(columns: &Columns<'_>, spelled: Spelled, layout: &Layout) -> Option<Family> {
    let has = |byte: u8| columns.local.contains(&byte) || columns.foreign.contains(&byte);
    Some(match spelled {
        Spelled::V4 => Family::Ipv4,
        Spelled::V6 => Family::Ipv6,
        Spelled::Plain if has(b':') => Family::Ipv6,
        Spelled::Plain if is_dotted(columns.local) || is_dotted(columns.foreign) => Family::Ipv4,
        Spelled::Plain if layout.system == System::Aix => Family::Ipv6,
        Spelled::Plain => return layout.family,
    })
}

/// True for an IPv4 address with a port.
fn is_dotted(word: &[u8]) -> bool {
    memchr::memchr_iter(b'.', word).count() == 4
}

/// Puts a socket together. `None`: a state that is none.
fn socket<'a>(
    transport: Transport,
    (mut local, mut foreign): (Endpoint<'a>, Endpoint<'a>),
    columns: &Columns<'a>,
) -> Option<Socket<'a>> {
    let v4_mapped = unmap(&mut local.address, &mut foreign.address);
    let peer = !foreign.address.is_unspecified() || foreign.port.is_some();
    let state = match (transport, columns.state) {
        (Transport::Tcp, word) => state(word)?,
        (_, []) if peer => State::Established,
        (_, []) => State::Unconnected,
        _ => return None,
    };
    let mut socket = Socket::new(transport, local, peer.then_some(foreign), state);
    socket.flags.v4_mapped = v4_mapped;
    if state == State::Unknown {
        socket.state_raw = Some(HostText::new(columns.state));
    }
    Some(socket)
}

/// The state of a connection. `None`: the word is none.
fn state(word: &[u8]) -> Option<State> {
    Some(match word {
        b"LISTEN" => State::Listen,
        b"ESTABLISHED" => State::Established,
        b"SYN_SENT" => State::SynSent,
        b"SYN_RCVD" | b"SYN_RECV" | b"SYN_RECEIVED" => State::SynReceived,
        b"FIN_WAIT_1" | b"FIN_WAIT1" => State::FinWait1,
        b"FIN_WAIT_2" | b"FIN_WAIT2" => State::FinWait2,
        b"CLOSE_WAIT" => State::CloseWait,
        b"CLOSING" => State::Closing,
        b"LAST_ACK" => State::LastAck,
        b"TIME_WAIT" => State::TimeWait,
        b"CLOSED" | b"CLOSE" => State::Closed,
        b"BOUND" => State::Bound,
        b"IDLE" => State::Idle,
        _ => {
            let plain = |byte: &u8| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-');
            return (!word.is_empty() && word.iter().all(plain)).then_some(State::Unknown);
        }
    })
}

/// What the name of the protocol says of a socket of AIX beside the family.
fn set_stacks(socket: &mut Socket<'_>, spelled: Spelled, family: Family) {
    match (spelled, family) {
        (Spelled::Plain, Family::Ipv6) => socket.dual_stack = Some(true),
        (Spelled::Plain, Family::Ipv4) => socket.flags.v4_mapped = true,
        (Spelled::V6, _) if !socket.flags.v4_mapped => socket.dual_stack = Some(false),
        (Spelled::V4 | Spelled::V6, _) => {}
    }
    if socket.flags.v4_mapped {
        socket.dual_stack = None;
    }
}

const CUT_END: &str =
    "an end fills its column of 18 characters, and its port may be cut: run netstat without -A";

/// Ends with the width of their columns and the blank behind it.
fn ends<'a>(columns: &Columns<'a>) -> [(&'a [u8], usize); 2] {
    let [first, second] = columns.pitches;
    // Behind the foreign end of UDP stands nothing, so its column is as wide as the local one's.
    let second = if columns.state.is_empty() { first } else { second };
    [(columns.local, first), (columns.foreign, second)]
}

/// True when an end fills a column of 18 characters (old AIX with `-A`) and its port has less than
/// five digits: the number that stands there may lack some, and is no port.
fn port_may_be_cut(columns: &Columns<'_>, family: Family, layout: &Layout) -> bool {
    ends(columns).into_iter().any(|(word, pitch)| {
        let digits = memchr::memrchr(b'.', word).map_or(0, |dot| word.len() - dot - 1);
        let grows = family == Family::Ipv6 && layout.long_end;
        pitch == 19 && word.len() == 18 && digits < 5 && !grows
    })
}

/// True when an address may be cut: it is of an IPv6 end that fills its column of 18, 21 or 22; or
/// it has 16 characters, where the first netstats with IPv6 cut. An end that is longer shows that
/// nothing is cut there.
fn doubtful(columns: &Columns<'_>, family: Family, layout: &mut Layout) -> bool {
    let ends = ends(columns);
    let host = |word: &[u8]| memchr::memrchr(b'.', word).unwrap_or(0);
    for (word, _) in ends {
        layout.long_host |= host(word) > 16;
        layout.long_end |= word.len() > 22;
    }
    ends.into_iter().any(|(word, pitch)| {
        let fills = word.len() + 1 == pitch;
        let v6 = family == Family::Ipv6 && word.contains(&b':');
        match pitch {
            19 | 22 | 23 if fills && v6 => !layout.long_end,
            _ => v6 && host(word) == 16 && !layout.long_host,
        }
    })
}
