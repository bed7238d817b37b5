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
//! The file is read by the kernel a piece at a time, so a row can come twice or not at all when
//! sockets come and go; `normalize` finds the repetitions.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::socket::{Endpoint, Socket, State, Timer, TimerKind, Transport};
use crate::model::text::HostText;
use crate::probe::address::unmap;
use crate::probe::cursor::Cursor;
use crate::probe::lines::{LineParser, Lines, is_cut};

/// Which file the text comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// Told from the header: with a column `drops` it is read as UDP, else as TCP. Raw and
    /// UDP-Lite have the header of UDP and cannot be told from it.
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
    Box::new(Lines::new(ProcNet { asked: transport, told: Transport::Tcp, endianness }))
}

/// Reads the lines of one table of a little-endian host, for a reader that finds them in a larger
/// text.
pub(super) const fn lines_of(transport: Transport) -> ProcNet {
    ProcNet { asked: Some(transport), told: Transport::Tcp, endianness: Endianness::Little }
}

/// Reads the lines of one table.
pub(super) struct ProcNet {
    /// `None`: as the last header tells.
    asked: Option<Transport>,
    told: Transport,
    endianness: Endianness,
}

impl LineParser for ProcNet {
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        // The kernel ends every row: without the end it was cut, perhaps inside the inode.
        let cut = is_cut(span, line);
        self.take(span, line, cut, sink);
    }

    fn end(&mut self, _: &mut dyn Sink) {}
}

impl ProcNet {
    /// Takes one line; `cut`: its end is missing.
    pub(super) fn take(&mut self, span: Span, line: &[u8], cut: bool, sink: &mut dyn Sink) {
        let mut row = None;
        if self.row(line, cut, &mut row).is_some()
            && let Some(row) = row
        {
            sink.row(span, row);
            if cut {
                let remark = "last line has no end: the row may be cut";
                sink.issue(Issue::note(span, remark, line));
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
        if !words.starts_with(b"sl ") || memchr::memmem::find(words, b" local_address ").is_none() {
            return false;
        }
        let drops = memchr::memmem::find(words, b" drops").is_some();
        self.told = if drops { Transport::Udp } else { Transport::Tcp };
        true
    }

    #[inline]
    fn row<'a>(&self, line: &'a [u8], cut: bool, out: &mut Option<Row<'a>>) -> Option<()> {
        let transport = self.asked.unwrap_or(self.told);
        let mut cursor = Cursor::new(line);
        cursor.blanks();
        cursor.decimal()?;
        eat(&mut cursor, b": ")?;
        let (mut here, local_port) = self.end(&mut cursor)?;
        eat(&mut cursor, b" ")?;
        let (mut there, peer_port) = self.end(&mut cursor)?;
        eat(&mut cursor, b" ")?;
        let code = cursor.hex_digits::<2>()?;
        let state = state(code, transport);
        let v4_mapped = unmap(&mut here, &mut there);
        let raw = transport == Transport::Raw;
        let port = |number: u16| (number != 0 && !raw).then_some(number);
        let peer = !there.is_unspecified() || peer_port != 0;
        let remote = peer.then(|| Endpoint { address: there, port: port(peer_port), zone: None });
        let local = Endpoint { address: here, port: port(local_port), zone: None };
        let row = out.insert(Row::Socket(Socket::new(transport, local, remote, state)));
        let Row::Socket(socket) = row else { return None };
        socket.flags.truncated = cut;
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
    let hundredths = cursor.hexadecimal()?;
    eat(cursor, b" ")?;
    let retransmits = cursor.hex_digits::<8>()?;
    cursor.blanks();
    let uid = cursor.number()?;
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
    // The kernel prints user 0 for a socket that has lost its user.
    socket.uid = (socket.state != State::TimeWait).then_some(uid);
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

/// The last of `references pointer drops`. `None` where the kernel does not print it.
fn drops(cursor: &mut Cursor<'_>) -> Option<u64> {
    cursor.blanks();
    cursor.decimal()?;
    cursor.blanks();
    cursor.token();
    cursor.blanks();
    cursor.decimal()
}
