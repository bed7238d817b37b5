//! `/proc/net/{tcp,udp,raw,udplite}` and their `6` twins: the kernel's own list of sockets.
//!
//! In: the file's text, in chunks cut anywhere. Out: one socket per row. Exact, needs no tool and
//! no privilege, but tells no owner, no bound device, no zone and no dual stack: those stay `None`
//! and `attribution` is `unsupported`.
//!
//! ```text
//!   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
//!    0: 0100007F:1F90 00000000:0000 0A 00000000:00000003 00:00000000 00000000  1000        0 87150 1 00000000c15d4cd3 100 0 0 10 0
//!    1: 0100007F:9C40 0100007F:1F90 01 00000A00:00000000 01:00000014 00000002     0        0 87151 1 00000000407424b3 20 4 1 10 -1
//!    2: 0100007F:9C42 0100007F:1F90 06 00000000:00000000 03:00000F3A 00000000     0        0 0 3 00000000b5498afe
//! ```
//!
//! Columns (`proc_pid_net(5)`): slot; ends as hexadecimal address words and port; state; bytes to
//! send and to read (listeners: connections waiting, in the second); timer and its time in
//! hundredths of a second; retransmissions; user id; unanswered probes; inode; references; the
//! kernel's address of the socket, which is hashed and therefore not a cookie; and for UDP and raw
//! the datagrams dropped. The port of a raw socket is its protocol number.
//!
//! The words of an address are numbers of the host's own byte order, which the text does not tell:
//! a reader takes them for little-endian ones, and `normalize` sets them right where the same visit
//! tells a big-endian architecture. A text alone is read by [`big_endian_reader`].
//!
//! `unix` has the same folder and no internet socket: its rows are known and count as headers.
//!
//! A text alone does not always tell its protocol. Raw sockets of IPv4 have a header that is not
//! padded; those of IPv6 have the layout of UDP, as UDP-Lite has in both families. What could be
//! several is read as UDP, but for a note at the table's first row. A port beyond 255 or a peer's
//! port is not raw. Before 2.6.27 no table has `drops`: datagrams are told by the width of their
//! header, 127 characters, or by their rows, which end behind the pointer where those of TCP go on.
//!
//! Kernels: before 3.x user ids are printed signed, and the time of a timer that is overdue is
//! negative, which is no time left.
//!
//! The file is read by the kernel a piece at a time, so a row can come twice or not at all when
//! sockets come and go; `normalize` finds the repetitions.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::socket::{Endpoint, Socket, State, Timer, TimerKind, Transport};
use crate::model::text::HostText;
use crate::probe::address::unmap;
use crate::probe::cursor::Cursor;
use crate::probe::lines::{LineParser, Lines};

/// Which file the text comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// Told from header and rows; a note says where that leaves several.
    Auto,
    /// `/proc/net/tcp`.
    Tcp,
    /// `/proc/net/tcp6`.
    Tcp6,
    /// `/proc/net/udp`.
    Udp,
    /// `/proc/net/udp6`.
    Udp6,
    /// `/proc/net/raw`.
    Raw,
    /// `/proc/net/raw6`.
    Raw6,
    /// `/proc/net/udplite`.
    Udplite,
    /// `/proc/net/udplite6`.
    Udplite6,
}

/// Byte order of the host: the kernel prints address words as numbers of its own order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Endianness {
    /// `x86_64`, `aarch64`, `ppc64le`, `riscv64` and nearly all others.
    #[default]
    Little,
    /// `s390x`, `ppc64`, old MIPS.
    Big,
}

/// A reader of one table of a little-endian host.
#[must_use]
pub fn reader(table: Table) -> Box<dyn Reader> {
    reader_with(table, Endianness::default())
}

/// A reader of one table of a host with this byte order.
#[must_use]
pub fn reader_with(table: Table, endianness: Endianness) -> Box<dyn Reader> {
    let transport = match table {
        Table::Auto => None,
        Table::Tcp | Table::Tcp6 => Some(Transport::Tcp),
        Table::Udp | Table::Udp6 => Some(Transport::Udp),
        Table::Raw | Table::Raw6 => Some(Transport::Raw),
        Table::Udplite | Table::Udplite6 => Some(Transport::Udplite),
    };
    Box::new(Lines::new(ProcNet {
        asked: transport,
        told: Told::Inet(Transport::Tcp),
        endianness,
        like_raw: true,
        noted: false,
    }))
}

/// A reader of any of these tables, of a big-endian host.
#[must_use]
pub fn big_endian_reader() -> Box<dyn Reader> {
    reader_with(Table::Auto, Endianness::Big)
}

/// Reads the lines of one table of a little-endian host, for a reader that finds them in a larger
/// text.
pub(super) const fn lines_of(transport: Transport) -> ProcNet {
    ProcNet {
        asked: Some(transport),
        told: Told::Inet(transport),
        endianness: Endianness::Little,
        like_raw: true,
        noted: false,
    }
}

/// Reads the lines of one table.
pub(super) struct ProcNet {
    /// `None`: as the last header tells.
    asked: Option<Transport>,
    told: Told,
    endianness: Endianness,
    /// Raw sockets may have the layout of the table.
    like_raw: bool,
    /// A note has said of this table that its protocol is not told.
    noted: bool,
}

/// What the last header tells.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    /// A table of internet sockets.
    Inet(Transport),
    /// The table of unix sockets.
    Unix,
}

/// Width of the header of UDP and raw tables: `%-127s` (`udp4_seq_show`). That of TCP is wider.
const UDP_HEADER: usize = 127;

const UDP_OR_LITE: &str = "the layout does not tell the protocol: UDP and UDP-Lite have the same and \
     UDP is taken; name the file, e.g. --probe linux/proc-net-udplite";
const UDP_OR_RAW: &str = "the layout does not tell the protocol: UDP, UDP-Lite and raw have the same \
     and UDP is taken; name the file, e.g. --probe linux/proc-net-raw6";

impl LineParser for ProcNet {
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        self.take(span, line, sink);
    }

    fn end(&mut self, _: &mut dyn Sink) {}
}

impl ProcNet {
    /// Takes one line.
    pub(super) fn take(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        let mut row = None;
        if self.row(line, &mut row).is_some()
            && let Some(row) = row
        {
            let doubt = if self.asked.is_none() { self.doubt(&row) } else { None };
            sink.row(span, row);
            if let Some(doubt) = doubt {
                sink.issue(Issue::note(span, doubt, line));
            }
        } else if self.header(line) {
            sink.header(span);
        } else if !line.trim_ascii().is_empty() {
            sink.issue(Issue::unparsed(span, "expected a row of /proc/net", line));
        }
    }

    #[cold]
    fn header(&mut self, line: &[u8]) -> bool {
        let words = line.trim_ascii_start();
        let has = |word: &[u8]| memchr::memmem::find(words, word).is_some();
        if words.starts_with(b"Num ") && has(b" RefCount ") && has(b" Inode") {
            self.told = Told::Unix;
            return true;
        }
        if !words.starts_with(b"sl ") || !has(b" local_address ") {
            return self.told == Told::Unix && is_unix(words);
        }
        self.noted = false;
        let drops = has(b" drops");
        // `"  sl …drops"` (`raw_seq_show`); that of UDP is padded, and has three blanks since 2.6.32.
        self.like_raw = !drops || !has(b" rem_address ");
        let raw = has(b" rem_address ") && line.starts_with(b"  sl ") && words.ends_with(b" drops");
        self.told = Told::Inet(match drops || line.len() == UDP_HEADER {
            true if raw => Transport::Raw,
            true => Transport::Udp,
            false => Transport::Tcp,
        });
        true
    }

    /// Sets right what the header told, where the row is not of such a table: it is of UDP then.
    #[inline]
    fn told(&self, header: Transport, ports: (u16, u16), code: u32, rest: &[u8]) -> Transport {
        let wrong = match (self.asked, header) {
            (None, Transport::Raw) => is_no_raw(ports),
            // The two states of datagrams; in others rows of TCP can be as short.
            (None, Transport::Tcp) => matches!(code, 0x01 | 0x07) && is_datagram(rest),
            _ => false,
        };
        if wrong { Transport::Udp } else { header }
    }

    /// What the text leaves open about the protocol of its rows: said once for a table.
    #[cold]
    fn doubt(&mut self, row: &Row<'_>) -> Option<&'static str> {
        let Row::Socket(socket) = row else { return None };
        if self.noted || socket.transport != Transport::Udp {
            return None;
        }
        self.noted = true;
        let port = |end: &Endpoint<'_>| end.port.unwrap_or_default();
        let ports = (port(&socket.local), socket.remote.as_ref().map_or(0, port));
        Some(if self.like_raw && !is_no_raw(ports) { UDP_OR_RAW } else { UDP_OR_LITE })
    }

    #[inline]
    fn row<'a>(&self, line: &'a [u8], out: &mut Option<Row<'a>>) -> Option<()> {
        let Told::Inet(told) = self.told else { return None };
        let transport = self.asked.unwrap_or(told);
        let mut cursor = Cursor::new(line);
        cursor.blanks();
        cursor.decimal()?;
        eat(&mut cursor, b": ")?;
        let (mut here, local_port) = self.end(&mut cursor)?;
        eat(&mut cursor, b" ")?;
        let (mut there, peer_port) = self.end(&mut cursor)?;
        eat(&mut cursor, b" ")?;
        let code = cursor.hex_digits::<2>()?;
        let transport = self.told(transport, (local_port, peer_port), code, cursor.rest);
        let state = state(code, transport);
        let v4_mapped = unmap(&mut here, &mut there);
        let raw = transport == Transport::Raw;
        let port = |number: u16| (number != 0 && !raw).then_some(number);
        let peer = !there.is_unspecified() || peer_port != 0;
        let remote = peer.then(|| Endpoint { address: there, port: port(peer_port), zone: None });
        let local = Endpoint { address: here, port: port(local_port), zone: None };
        let row = out.insert(Row::Socket(Socket::new(transport, local, remote, state)));
        let Row::Socket(socket) = row else { return None };
        socket.flags.v4_mapped = v4_mapped;
        if raw {
            socket.raw_protocol = Some(u8::try_from(local_port).ok()?);
        }
        if state == State::Unknown {
            socket.state_raw = Some(HostText::new(code_text(line, &cursor)));
        }
        counts(&mut cursor, socket)
    }

    /// Address and port.
    #[inline]
    fn end(&self, cursor: &mut Cursor<'_>) -> Option<(IpAddr, u16)> {
        let address = if cursor.rest.get(8) == Some(&b':') {
            IpAddr::V4(Ipv4Addr::from(self.word(cursor)?))
        } else {
            let mut bytes = [0; 16];
            for slot in bytes.chunks_exact_mut(4) {
                slot.copy_from_slice(&self.word(cursor)?);
            }
            IpAddr::V6(Ipv6Addr::from(bytes))
        };
        eat(cursor, b":")?;
        let port = u16::try_from(cursor.hex_digits::<4>()?).ok()?;
        Some((address, port))
    }

    /// Four bytes of an address in network order.
    #[inline]
    fn word(&self, cursor: &mut Cursor<'_>) -> Option<[u8; 4]> {
        let word = cursor.hex_digits::<8>()?;
        Some(match self.endianness {
            Endianness::Little => word.to_le_bytes(),
            Endianness::Big => word.to_be_bytes(),
        })
    }
}

#[inline]
fn eat(cursor: &mut Cursor<'_>, text: &[u8]) -> Option<()> {
    cursor.eat(text).then_some(())
}

/// True where the ports cannot be those of a raw socket: the number of its protocol, and none.
const fn is_no_raw((here, there): (u16, u16)) -> bool {
    here > 0xff || there != 0
}

/// True for what stands behind the state of a datagram: at most nine words, and 13 for TCP.
#[inline]
fn is_datagram(rest: &[u8]) -> bool {
    let words = rest.split(|byte| *byte == b' ').filter(|word| !word.is_empty()).take(10).count();
    matches!(words, 8 | 9)
}

/// The two digits just read.
fn code_text<'a>(line: &'a [u8], cursor: &Cursor<'a>) -> &'a [u8] {
    let end = line.len() - cursor.rest.len();
    line.get(end.saturating_sub(2)..end).unwrap_or_default()
}

/// Numbers of the kernel's `include/net/tcp_states.h`, used by all protocols.
const fn state(code: u32, transport: Transport) -> State {
    match (code, transport) {
        (0x01, _) => State::Established,
        (0x02, _) => State::SynSent,
        (0x03 | 0x0c, _) => State::SynReceived,
        (0x04, _) => State::FinWait1,
        (0x05, _) => State::FinWait2,
        (0x06, _) => State::TimeWait,
        (0x07, Transport::Tcp) => State::Closed,
        (0x07, _) => State::Unconnected,
        (0x08, _) => State::CloseWait,
        (0x09, _) => State::LastAck,
        (0x0a, _) => State::Listen,
        (0x0b, _) => State::Closing,
        (0x0d, _) => State::Bound,
        _ => State::Unknown,
    }
}

/// Everything behind the state.
#[inline]
fn counts(cursor: &mut Cursor<'_>, socket: &mut Socket<'_>) -> Option<()> {
    eat(cursor, b" ")?;
    let send = cursor.hex_digits::<8>()?;
    eat(cursor, b":")?;
    let receive = cursor.hex_digits::<8>()?;
    eat(cursor, b" ")?;
    let timer = cursor.hex_digits::<2>()?;
    eat(cursor, b":")?;
    // `%08lX`: more digits for a time of more than a year.
    let hundredths = time_left(cursor)?;
    eat(cursor, b" ")?;
    let retransmits = cursor.hex_digits::<8>()?;
    cursor.blanks();
    let uid = user(cursor)?;
    cursor.blanks();
    let probes = cursor.decimal()?;
    cursor.blanks();
    let inode = cursor.decimal()?;
    cursor.at_word_end().then_some(())?;
    if socket.state == State::Listen {
        socket.backlog_current = Some(receive.into());
    } else {
        socket.send_queue_bytes = Some(send.into());
        socket.recv_queue_bytes = Some(receive.into());
    }
    // The kernel prints user 0 for a socket that has lost its user with its file.
    let lost = socket.state == State::TimeWait || (uid, inode) == (0, 0);
    socket.uid = (!lost).then_some(uid);
    socket.inode = Some(inode);
    let probes = u32::try_from(probes).unwrap_or(u32::MAX);
    let counted = |kind, count| {
        let expires_ms = Some(hundredths.saturating_mul(10));
        Some(Timer { kind, expires_ms, retransmits: Some(count) })
    };
    socket.timer = match timer {
        0 => None,
        1 => counted(TimerKind::On, retransmits),
        2 => counted(TimerKind::Keepalive, probes),
        3 => counted(TimerKind::TimeWait, retransmits),
        4 => counted(TimerKind::Persist, probes),
        _ => counted(TimerKind::Unknown, retransmits),
    };
    if matches!(socket.transport, Transport::Udp | Transport::Udplite | Transport::Raw) {
        socket.drops = drops(cursor);
    }
    Some(())
}

/// Hundredths of a second. A number in the upper half of its width is negative: the timer is overdue.
#[inline]
fn time_left(cursor: &mut Cursor<'_>) -> Option<u64> {
    let before = cursor.rest.len();
    let value = cursor.hexadecimal()?;
    let digits = before - cursor.rest.len();
    let negative = (digits == 8 && value >> 31 != 0) || value >> 63 != 0;
    Some(if negative { 0 } else { value })
}

/// A user id, printed signed before Linux 3.x.
#[inline]
fn user(cursor: &mut Cursor<'_>) -> Option<u32> {
    if cursor.eat(b"-") {
        return cursor.number().map(u32::wrapping_neg);
    }
    cursor.number()
}

/// `0000000000000000: 00000002 00000000 00010000 0001 01 3442596 PATH` (`unix_seq_show`).
fn is_unix(line: &[u8]) -> bool {
    let mut cursor = Cursor::new(line);
    let mut number = |end: &[u8]| cursor.hexadecimal().is_some() && cursor.eat(end);
    let start = number(b": ") && (0..5).all(|_| number(b" "));
    cursor.blanks();
    start && cursor.decimal().is_some() && cursor.at_word_end()
}

/// The last of `references pointer drops`. `None` where the kernel does not print it.
fn drops(cursor: &mut Cursor<'_>) -> Option<u64> {
    cursor.blanks();
    cursor.decimal()?;
    cursor.blanks();
    cursor.token();
    cursor.blanks();
    cursor.decimal()
}

#[cfg(test)]
mod tests;
