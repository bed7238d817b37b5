//! One row: its columns, and what they mean together.
//!
//! In: a line, or several that a newline in a name had parted. Out: a socket that borrows from it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::parsed::Row;
use crate::model::socket::{Attribution, Endpoint, Family, Socket, State, Transport};
use crate::model::text::HostText;
use crate::probe::address::unmap;
use crate::probe::cursor::Cursor;
use crate::probe::linux::ss::endpoint::{self, Host, Spelled};
use crate::probe::linux::ss::fields::{self, Fields, Trouble};
use crate::probe::linux::ss::owners::List;
use crate::probe::linux::ss::unix;
use crate::probe::linux::ss::words::{Netid, netid, state};

/// What a line is.
pub(super) enum Reading {
    /// A row.
    Socket {
        /// A name could have been made to look like the end of the row here.
        doubtful: Option<usize>,
        /// An owner could not be read and is left out.
        short: bool,
    },
    /// A row whose owner list ends inside the entry at this place.
    Open(usize),
    /// A row of a socket that is neither an internet nor a unix one.
    Other,
    /// A row of a unix socket, and whether it has its end.
    Unix {
        /// Inode, peer and the peer's inode stand at its end.
        whole: bool,
    },
    /// A header.
    Header,
    /// None of these: what was expected.
    Bad(&'static str),
}

/// How the command prints: learnt from header and rows.
pub(super) struct Layout {
    family: Option<Family>,
    columns: Option<Columns>,
    spelling: Spelling,
    /// Something had to be assumed; whether that was said.
    assumed: Said,
}

#[derive(Clone, Copy)]
struct Columns {
    netid: bool,
    state: bool,
}

/// How addresses are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spelling {
    Unknown,
    /// Before iproute2 4.14: `*` is `0.0.0.0`, and IPv6 without brackets before 4.9.
    Old,
    /// Since 4.14: `*` is a dual-stack `::`.
    New,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    Nothing,
    Pending,
    Done,
}

impl Layout {
    pub(super) const fn new(family: Option<Family>) -> Self {
        Self { family, columns: None, spelling: Spelling::Unknown, assumed: Said::Nothing }
    }

    /// True when rows have neither protocol nor state: 15 bytes can imitate such a row.
    pub(super) fn is_bare(&self) -> bool {
        self.columns.is_some_and(|columns| !columns.netid && !columns.state)
    }

    /// True once, when a row had to be read by assumption.
    pub(super) fn take_note(&mut self) -> bool {
        let pending = self.assumed == Said::Pending;
        if pending {
            self.assumed = Said::Done;
        }
        pending
    }

    fn assume(&mut self) {
        if self.assumed == Said::Nothing {
            self.assumed = Said::Pending;
        }
    }

    fn learn(&mut self, end: &Spelled<'_>) {
        if self.spelling == Spelling::Unknown {
            self.spelling = match end.host {
                Host::V6 { bracketed: false, .. } => Spelling::Old,
                Host::V4(address) if address.is_unspecified() => Spelling::New,
                // Brackets came before the new `*`, in 4.9; RHEL 7 has them with the old one.
                Host::Any if self.family == Some(Family::Ipv6) => Spelling::New,
                Host::Any | Host::V4(_) | Host::V6 { .. } => Spelling::Unknown,
            };
        }
    }

    /// The family of a socket with these ends.
    fn family(&mut self, ends: [&Spelled<'_>; 2], v6only: Option<bool>) -> Family {
        for end in ends {
            match end.host {
                Host::V4(_) => return Family::Ipv4,
                Host::V6 { .. } => return Family::Ipv6,
                Host::Any => {}
            }
        }
        match (self.family, v6only, self.spelling) {
            (Some(family), ..) => family,
            (None, Some(_), _) | (None, None, Spelling::New) => Family::Ipv6,
            (None, None, Spelling::Old) => Family::Ipv4,
            (None, None, Spelling::Unknown) => {
                self.assume();
                Family::Ipv4
            }
        }
    }
}

/// Reads a line. A socket is built in `out`, because it is large and moving it takes longer than
/// reading it.
pub(super) fn read<'a>(line: &'a [u8], layout: &mut Layout, out: &mut Option<Row<'a>>) -> Reading {
    read_row(line, layout, Extent::Whole, out)
}

/// Reads a line whose owner list has no end in any of the next lines: the row with the owners before
/// the one that breaks off.
pub(super) fn read_torn<'a>(
    line: &'a [u8],
    layout: &mut Layout,
    out: &mut Option<Row<'a>>,
) -> Reading {
    read_row(line, layout, Extent::Torn, out)
}

/// Reads the head of a line that is too long to be read whole: the row with the owners that fit.
#[cold]
pub(super) fn read_head<'a>(
    head: &'a [u8],
    layout: &mut Layout,
    out: &mut Option<Row<'a>>,
) -> Reading {
    read_row(head, layout, Extent::Head, out)
}

/// How much of a row a line holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// All of it.
    Whole,
    /// All up to a newline in the name of an owner.
    Torn,
    /// What is left of it was cut anywhere.
    Head,
}

#[inline]
fn read_row<'a>(
    line: &'a [u8],
    layout: &mut Layout,
    extent: Extent,
    out: &mut Option<Row<'a>>,
) -> Reading {
    if matches!(line, [b'N' | b'S' | b'R' | b'F', ..]) && header(line, layout) {
        return Reading::Header;
    }
    let mut cursor = Cursor::new(line);
    let Front { transport, state, word } = match front(&mut cursor, layout) {
        Ok(Some(front)) => front,
        Ok(None) => return other(line),
        Err(expected) => return Reading::Bad(expected),
    };
    let Some(queues) = queues(&mut cursor) else {
        return Reading::Bad("expected two numbers, Recv-Q and Send-Q");
    };
    let (Some(local), Some(peer)) = (endpoint::read(&mut cursor), endpoint::read(&mut cursor))
    else {
        return Reading::Bad(endpoint::expected(line));
    };
    layout.learn(&local);
    layout.learn(&peer);
    let before = line.len() - cursor.rest.len();
    let mut fields = Fields::default();
    let old_form = layout.spelling != Spelling::New;
    match fields::read(cursor.rest, old_form, &mut fields) {
        trouble if extent == Extent::Head => {
            if fields.list.is_none() && matches!(trouble, Err(Trouble::Unknown)) {
                return Reading::Bad("expected fields such as users: or ino:");
            }
            fields.cut(&trouble);
        }
        Ok(()) => {}
        Err(Trouble::Open(_)) if extent == Extent::Torn => {}
        Err(Trouble::Open(entry)) => return Reading::Open(before + entry),
        Err(Trouble::Owners) => {
            fields = Fields { list: Some(List::unreadable()), ..Fields::default() };
        }
        Err(Trouble::Unknown) => return Reading::Bad("expected fields such as users: or ino:"),
    }
    let list = fields.list.as_ref();
    let doubtful = list.and_then(|list| list.doubtful).map(|at| before + at);
    let short = list.is_some_and(|list| list.short);
    let family = layout.family([&local, &peer], fields.v6only);
    let Some(transport) = transport_of(transport, state, &local, &peer, family) else {
        return Reading::Bad("expected a protocol number where a raw socket has its port");
    };
    let row = out.insert(Row::Socket(ends(transport, state, (&local, &peer), family)));
    let Row::Socket(socket) = row else { return Reading::Bad("expected a socket") };
    let new = layout.spelling == Spelling::New;
    socket.dual_stack = dual_stack(socket, (&local, new), family, fields.v6only);
    set_queues(socket, queues);
    set_fields(socket, &mut fields);
    if socket.state == State::Unknown {
        socket.state_raw = word.map(HostText::new);
    }
    Reading::Socket { doubtful, short }
}

/// What `ss` says on standard error of each row whose control group it cannot name.
const REMARKS: [&[u8]; 2] = [b"Failed to find cgroup2 mount", b"Failed to open cgroup2 by ID"];

/// True for a header, which also tells the columns, and for a remark.
#[cold]
fn header(line: &[u8], layout: &mut Layout) -> bool {
    if REMARKS.iter().any(|remark| line.starts_with(remark)) {
        return true;
    }
    let has = |word: &[u8]| memchr::memmem::find(line, word).is_some();
    let named = [&b"Netid"[..], b"State", b"Recv-Q"].iter().any(|word| line.starts_with(word));
    if !named || !has(b"Recv-Q") || !has(b"Address:Port") {
        return false;
    }
    layout.columns = Some(Columns { netid: has(b"Netid"), state: has(b"State") });
    if has(b"Process") {
        layout.spelling = Spelling::New;
    }
    true
}

/// The first columns.
struct Front<'a> {
    transport: Transport,
    /// `UNCONN` is [`State::Closed`].
    state: State,
    /// The word that says it. `None`: the column is not there.
    word: Option<&'a [u8]>,
}

/// Protocol and state. `Ok(None)`: a known row of another kind.
#[inline]
fn front<'a>(
    cursor: &mut Cursor<'a>,
    layout: &mut Layout,
) -> Result<Option<Front<'a>>, &'static str> {
    let expected = "expected a protocol and a state, such as `tcp LISTEN`";
    cursor.blanks();
    let start = *cursor;
    let first = netid(cursor.token());
    let mut columns = layout.columns.unwrap_or(Columns { netid: first.is_some(), state: true });
    let transport = match (columns.netid, first) {
        (true, None) => {
            *cursor = start;
            return association(cursor).map(Some).ok_or(expected);
        }
        (true, Some(Netid::Other)) => return Ok(None),
        (true, Some(Netid::Inet(transport))) => Some(transport),
        (false, _) => {
            *cursor = start;
            None
        }
    };
    let (mut found, mut word) = (State::Unknown, None);
    if columns.state {
        cursor.blanks();
        let before = *cursor;
        let text = cursor.token();
        match state(text) {
            Some(state) => (found, word) = (state, Some(text)),
            // A command for one state leaves the column out, and without a header only the row tells.
            None if layout.columns.is_none() && columns.netid && is_number(text) => {
                columns.state = false;
                *cursor = before;
            }
            None if text.first() == Some(&b'`') => {
                *cursor = start;
                return association(cursor).map(Some).ok_or(expected);
            }
            None => return Err(expected),
        }
    }
    layout.columns = Some(columns);
    let transport = transport.unwrap_or_else(|| {
        layout.assume();
        if found == State::Closed { Transport::Udp } else { Transport::Tcp }
    });
    Ok(Some(Front { transport, state: found, word }))
}

/// A row of a socket that is no internet one. Only the name of a unix socket can be anything.
#[cold]
fn other(line: &[u8]) -> Reading {
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let unix = words.next().is_some_and(unix::is_unix);
    let mut words = words.skip_while(|word| state(word).is_some());
    if !(0..2).all(|_| words.next().is_some_and(is_number)) {
        return Reading::Bad("expected a state and two numbers, Recv-Q and Send-Q");
    }
    if unix { Reading::Unix { whole: unix::has_tail(line) } } else { Reading::Other }
}

/// True for a line that begins like the row of an internet socket.
pub(super) fn begins(line: &[u8]) -> bool {
    let first = Cursor::new(line.trim_ascii_start()).token();
    matches!(netid(first), Some(Netid::Inet(_))) || line.trim_ascii_start().starts_with(b"`- ")
}

fn is_number(word: &[u8]) -> bool {
    !word.is_empty() && word.iter().all(u8::is_ascii_digit)
}

/// An association of SCTP below the row of its socket: "`` `- ESTAB``", without a protocol. RFC 4960
/// knows more states of closing than records do; those stay words.
#[cold]
fn association<'a>(cursor: &mut Cursor<'a>) -> Option<Front<'a>> {
    cursor.after(b"`- ")?.blanks();
    let word = cursor.token();
    let state = match word {
        b"CLOSED" => State::Closed,
        b"ESTAB" => State::Established,
        b"COOKIE_WAIT" | b"COOKIE_ECHOED" | b"SHUTDOWN_PENDING" | b"SHUTDOWN_SENT"
        | b"SHUTDOWN_RECEIVED" | b"ACK_SENT" => State::Unknown,
        _ => return None,
    };
    Some(Front { transport: Transport::Sctp, state, word: Some(word) })
}

#[inline]
fn queues(cursor: &mut Cursor<'_>) -> Option<(u64, u64)> {
    cursor.blanks();
    let received = cursor.decimal().filter(|_| cursor.at_word_end())?;
    cursor.blanks();
    let sent = cursor.decimal().filter(|_| cursor.at_word_end())?;
    Some((received, sent))
}

/// The transport, where the printed one is not the true one. `None`: the row is not what it says.
fn transport_of(
    printed: Transport,
    state: State,
    local: &Spelled<'_>,
    peer: &Spelled<'_>,
    family: Family,
) -> Option<Transport> {
    match printed {
        Transport::Raw => local.port.is_none_or(|number| number < 256).then_some(printed),
        // RHEL 6: UDP under the name of TCP. A new `ss` lists bound TCP sockets this way, with -B.
        Transport::Tcp if state == State::Closed => {
            let old = match peer.host {
                Host::Any => family == Family::Ipv4,
                Host::V6 { bracketed, .. } => !bracketed,
                Host::V4(_) => false,
            };
            Some(if old { Transport::Udp } else { Transport::Tcp })
        }
        _ => Some(printed),
    }
}

/// The socket with its two ends.
#[inline]
fn ends<'a>(
    transport: Transport,
    state: State,
    (local, peer): (&Spelled<'a>, &Spelled<'a>),
    family: Family,
) -> Socket<'a> {
    let any = match family {
        Family::Ipv4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        Family::Ipv6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let (mut here, mut there) = (local.address(any), peer.address(any));
    let v4_mapped = unmap(&mut here, &mut there);
    let zoned = matches!(here, IpAddr::V6(address)
        if address.is_unicast_link_local() || address.octets().first() == Some(&0xff));
    let device = local.device.map(HostText::new);
    let (zone, bind_device) = if zoned { (device, None) } else { (None, device) };
    let raw = transport == Transport::Raw;
    let peer_zone = peer.device.map(HostText::new);
    let remote = (!there.is_unspecified() || peer.port.is_some()).then_some(Endpoint {
        address: there,
        port: if raw { None } else { peer.port },
        zone: peer_zone,
    });
    let port = if raw { None } else { local.port };
    let local_end = Endpoint { address: here, port, zone };
    let mut socket = Socket::new(transport, local_end, remote, canonical(state, transport));
    socket.raw_protocol = if raw { local.port.and_then(|n| u8::try_from(n).ok()) } else { None };
    socket.bind_device = bind_device;
    socket.flags.v4_mapped = v4_mapped;
    socket
}

const fn canonical(state: State, transport: Transport) -> State {
    match (state, transport) {
        (State::Closed, Transport::Tcp | Transport::Mptcp | Transport::Dccp) => State::Bound,
        (State::Closed, Transport::Sctp) => State::Closed,
        (State::Closed, _) => State::Unconnected,
        (state, _) => state,
    }
}

/// See the module's page: only a `::` that waits for peers, and only where the row proves it.
fn dual_stack(
    socket: &Socket<'_>,
    (local, new): (&Spelled<'_>, bool),
    family: Family,
    v6only: Option<bool>,
) -> Option<bool> {
    let waits = matches!(socket.state, State::Listen | State::Unconnected | State::Bound);
    let wild = socket.local.address.is_unspecified() && socket.family == Family::Ipv6;
    if !waits || !wild || family == Family::Ipv4 || socket.transport == Transport::Raw {
        return None;
    }
    match (v6only, local.host) {
        (Some(only), _) => Some(!only),
        // The kernel gives these only by its diag module, never by /proc.
        (None, Host::Any) => {
            let by_diag = !matches!(socket.transport, Transport::Udp | Transport::Udplite);
            by_diag.then_some(true)
        }
        (None, Host::V6 { .. }) => new.then_some(false),
        (None, Host::V4(_)) => None,
    }
}

fn set_queues(socket: &mut Socket<'_>, (received, sent): (u64, u64)) {
    // Where the state is not printed, a socket without a peer may be a listener.
    let listens = matches!(
        socket.transport,
        Transport::Tcp | Transport::Mptcp | Transport::Sctp | Transport::Dccp
    );
    if socket.state == State::Listen {
        socket.backlog_current = Some(received);
        socket.backlog_max = Some(sent);
    } else if socket.state != State::Unknown || socket.remote.is_some() || !listens {
        socket.recv_queue_bytes = Some(received);
        socket.send_queue_bytes = Some(sent);
    }
}

fn set_fields<'a>(socket: &mut Socket<'a>, fields: &mut Fields<'a>) {
    if let Some(list) = fields.list.take() {
        let doubt = list.ambiguous || list.short;
        socket.attribution = if doubt { Attribution::Ambiguous } else { Attribution::Owned };
        socket.flags.name_has_control = list.owners.iter().any(|owner| {
            // Nearly all names are plain ASCII, for which the slower look is not needed.
            !owner.name.bytes().iter().all(|byte| matches!(byte, b' '..=b'~'))
                && owner.name.has_control()
        });
        socket.owners = list.owners;
    }
    socket.timer = fields.timer;
    socket.inode = fields.inode;
    socket.cookie = fields.cookie;
    socket.cgroup = fields.cgroup.map(HostText::new);
    // `-e` leaves uid 0 out. A socket in TIME-WAIT has lost its user, and so has one without a file, of
    // which the kernel says 0.
    socket.uid = match (fields.uid, fields.inode) {
        _ if socket.state == State::TimeWait => None,
        (None | Some(0), Some(0)) => None,
        (None, Some(_)) => Some(0),
        (uid, _) => uid,
    };
}
