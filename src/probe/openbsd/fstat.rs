//! `fstat -n`: internet sockets of OpenBSD as the processes hold them.
//!
//! ```text
//! USER     CMD          PID   FD  DEV      INUM        MODE   R/W    SZ|DV
//! www      my server   4711    3* internet stream tcp 0x0 192.0.2.1:80 <-- 198.51.100.7:50122
//! _ntp     ntpd        9000    5* internet6 dgram udp [fe80::1%vio0]:40000 <-> [fe80::2%vio0]:123
//! root     init           1 text  4,0       25927    100555   r     333208
//! ```
//! One row for each file of each process: user, command, process id, descriptor (or `text`, `wd`,
//! `root`, `tr`), and what it is. A socket has `*` behind its descriptor, then family, type and
//! protocol; TCP then the address of its control block (0 for all but root), local end, and with a
//! peer `-->` (this side connected) or `<--` and the other end. UDP has no address of a block and
//! `<->`. Behind that may stand `rtable N` and the socket it is spliced to. Source: OpenBSD,
//! `usr.bin/fstat/fstat.c`, fstat(1).
//!
//! Decisions:
//! - Each internet socket of TCP or UDP is a row with one owner; `normalize` joins them to the list
//!   of sockets. Everything else, raw sockets among it (no ends are printed), is a known row.
//! - The state of TCP is not told: a bound socket looks like a listener.
//! - A user's name is cut to eight characters; one that is as long is not handed out.
//! - A command (up to 23 bytes) may hold blanks and newlines, see `bsd/held_row`. Port 0 is none.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::parsed::{Reader, Row, Sink, Span};
use crate::model::socket::{Endpoint, Owner, Socket, State, Transport};
use crate::model::text::HostText;
use crate::probe::address::{ipv6, unmap};
use crate::probe::bsd::held_row::{self, HeldRows, RowParser};
use crate::probe::cursor::Cursor;
use crate::probe::lines::Lines;

/// `KI_MAXCOMLEN` of OpenBSD, the NUL included.
const COMMAND_BYTES: usize = 24;

/// Width of the column that cuts user names.
const USER_BYTES: usize = 8;

/// A reader of the answer.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    Box::new(Lines::new(HeldRows::new(Fstat)))
}

struct Fstat;

/// What a file is.
enum File<'a> {
    Socket(u32, Box<Socket<'a>>),
    Other,
}

impl RowParser for Fstat {
    const EXPECTED: &'static str = "expected USER CMD PID FD and a file";

    fn is_title(&self, line: &[u8]) -> bool {
        line.starts_with(b"USER ") && memchr::memmem::find(line, b" CMD ").is_some()
    }

    fn row(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) -> bool {
        // Sockets first: `a 1 text b` is a command, not a process with a text file.
        let Some((prefix, file)) = held_row::split(line, COMMAND_BYTES, internet_socket)
            .or_else(|| held_row::split(line, COMMAND_BYTES, file))
        else {
            return false;
        };
        match (file, prefix.pid) {
            (File::Socket(fd, mut socket), Some(pid)) => {
                let name = HostText::new(prefix.name);
                let owner = Owner { pid, fd: Some(fd), tid: None, name };
                held_row::own(&mut socket, owner, prefix.name);
                sink.row(span, Row::Socket(*socket));
                if prefix.user.len() < USER_BYTES {
                    sink.row(span, Row::Process(pid, held_row::user(prefix.user)));
                }
            }
            (File::Other, Some(_)) => sink.header(span),
            (_, None) => return false,
        }
        true
    }
}

/// What follows the process id, if it is a socket of TCP or UDP.
fn internet_socket<'a>(rest: &mut Cursor<'a>) -> Option<File<'a>> {
    match file(rest) {
        Some(File::Other) => None,
        found => found,
    }
}

/// What follows the process id.
fn file<'a>(rest: &mut Cursor<'a>) -> Option<File<'a>> {
    rest.blanks();
    let word = rest.token();
    let Some(descriptor) = word.strip_suffix(b"*") else {
        // A file, a pipe or a queue: words follow.
        let known = matches!(word, b"text" | b"wd" | b"root" | b"tr");
        rest.blanks();
        let is_file = known || held_row::number(word).is_some();
        return (is_file && !rest.rest.is_empty()).then_some(File::Other);
    };
    let descriptor = held_row::number(descriptor)?;
    rest.blanks();
    let v6 = match rest.token() {
        b"internet" => false,
        b"internet6" => true,
        b"unix" | b"mpls" | b"route" | b"pfkey" => return Some(File::Other),
        word => return held_row::number(word).map(|_| File::Other),
    };
    rest.blanks();
    let _kind = rest.token();
    rest.blanks();
    let transport = match rest.token() {
        b"tcp" => Transport::Tcp,
        b"udp" => Transport::Udp,
        b"" => return None,
        _ => return Some(File::Other),
    };
    let socket = socket(transport, v6, rest)?;
    Some(File::Socket(descriptor, Box::new(socket)))
}

fn socket<'a>(transport: Transport, v6: bool, rest: &mut Cursor<'a>) -> Option<Socket<'a>> {
    rest.blanks();
    if transport == Transport::Tcp {
        rest.after(b"0x")?.hexadecimal()?;
        rest.blanks();
    }
    let mut local = end(rest.token(), v6)?;
    rest.blanks();
    let peer = [b"--> ".as_slice(), b"<-- ", b"<-> "].into_iter().any(|arrow| rest.eat(arrow));
    let mut remote = if peer { Some(end(rest.token(), v6)?) } else { None };
    rest.blanks();
    if rest.eat(b"rtable ") {
        rest.decimal()?;
        rest.blanks();
    }
    let spliced = [b"<==".as_slice(), b"==>"].into_iter().any(|arrow| rest.rest.starts_with(arrow));
    if !rest.rest.is_empty() && !spliced {
        return None;
    }
    let mut nobody: IpAddr = Ipv6Addr::UNSPECIFIED.into();
    let there = remote.as_mut().map_or(&mut nobody, |end| &mut end.address);
    let v4_mapped = unmap(&mut local.address, there);
    let state = match (transport, &remote) {
        (Transport::Tcp, _) => State::Unknown,
        (_, Some(_)) => State::Established,
        (_, None) => State::Unconnected,
    };
    let mut socket = Socket::new(transport, local, remote, state);
    socket.flags.v4_mapped = v4_mapped;
    Some(socket)
}

/// `*:22`, `192.0.2.1:22`, `[2001:db8::1]:22`, `[fe80::1%vio0]:22`.
fn end(word: &[u8], v6: bool) -> Option<Endpoint<'_>> {
    let colon = memchr::memrchr(b':', word)?;
    let (host, port) = (word.get(..colon)?, word.get(colon + 1..)?);
    let mut digits = Cursor::new(port);
    let port = digits.number::<u16>().filter(|_| digits.rest.is_empty())?;
    let port = (port != 0).then_some(port);
    if host == b"*" {
        let any: IpAddr =
            if v6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
        return Some(Endpoint { address: any, port, zone: None });
    }
    if !v6 {
        let mut cursor = Cursor::new(host);
        let address = cursor.ipv4().filter(|_| cursor.rest.is_empty())?;
        return Some(Endpoint { address: address.into(), port, zone: None });
    }
    let host = host.strip_prefix(b"[")?.strip_suffix(b"]")?;
    let (address, zone) = match memchr::memchr(b'%', host) {
        Some(at) => (host.get(..at)?, host.get(at + 1..)),
        None => (host, None),
    };
    let zone = zone.filter(|zone| !zone.is_empty()).map(HostText::new);
    Some(Endpoint { address: ipv6(address)?.into(), port, zone })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::parsed::Reader;
    use crate::probe::testing::{Seen, read, rows};

    fn shown(seen: &Seen) -> Vec<String> {
        let end = |end: &Endpoint<'_>| {
            let zone = end.zone.as_ref().map(|zone| format!("%{}", zone.escaped()));
            let port = end.port.map_or("*".to_owned(), |port| port.to_string());
            format!("{}{}|{port}", end.address, zone.unwrap_or_default())
        };
        let socket = |row: Row<'static>| match row {
            Row::Socket(socket) => {
                let owner = socket.owners.first().unwrap();
                let remote = socket.remote.as_ref().map_or("-".to_owned(), end);
                let (name, fd) = (owner.name.escaped(), owner.fd.unwrap());
                let local = end(&socket.local);
                Some(format!("{} {local} {remote} {}/{fd}/{name}", socket.transport, owner.pid))
            }
            _ => None,
        };
        rows(seen).into_iter().filter_map(socket).collect()
    }

    const HEADER: &str =
        "USER     CMD          PID   FD  DEV      INUM        MODE   R/W    SZ|DV\n";

    fn of(text: &str) -> Seen {
        let reader: Box<dyn Reader> = reader();
        read(reader, format!("{HEADER}{text}").as_bytes())
    }

    #[test]
    fn sockets_of_both_families_are_rows_and_other_files_are_known() {
        let seen = of("root     init           1 text  4,0       25927    100555   r     333208\n\
            root     init           1   wd  4,0           2     40755   r        512\n\
            root     sshd         812    3* internet stream tcp 0x0 *:22\n\
            root     sshd         812    4* internet6 stream tcp 0x0 *:22\n\
            www      httpd       4711    5* internet stream tcp 0xfffffd8012345678 192.0.2.1:80 <-- 198.51.100.7:50122\n\
            _ntp     ntpd        9000    6* internet6 dgram udp [fe80::1%vio0]:40000 <-> [fe80::2%vio0]:123 rtable 1\n\
            root     dhcpleased  9001    7* internet dgram udp *:0\n\
            root     ping        9002    3* internet raw icmp 0x0\n\
            root     syslogd     9003    4* unix dgram 0x0 /dev/log\n\
            root     relayd      9004    9* internet stream tcp 0x0 192.0.2.1:80 <-- 198.51.100.8:1 ==> 0x0 192.0.2.1:2 --> 192.0.2.9:80\n\
            root     ksh         9005    0  4,0       27010     20620  rw    ttyC0\n\
            root     route       9006    3* route raw 0 0x0\n\
            root     x           9007    3 pipe 0x0 state:\n");
        assert_eq!(
            shown(&seen),
            [
                "tcp 0.0.0.0|22 - 812/3/sshd",
                "tcp ::|22 - 812/4/sshd",
                "tcp 192.0.2.1|80 198.51.100.7|50122 4711/5/httpd",
                "udp fe80::1%vio0|40000 fe80::2%vio0|123 9000/6/ntpd",
                "udp 0.0.0.0|* - 9001/7/dhcpleased",
                "tcp 192.0.2.1|80 198.51.100.8|1 9004/9/relayd",
            ]
        );
        assert_eq!((seen.headers.len(), seen.issues.len()), (8, 0));
    }

    #[test]
    fn a_command_with_blanks_or_a_newline_is_whole() {
        let seen = of("www      my server 1  4711    3* internet stream tcp 0x0 *:80\n\
            www      a 1 text b  4711    4* internet stream tcp 0x0 *:81\n\
            www      my\nserver  4711    5* internet stream tcp 0x0 *:82\n");
        assert_eq!(
            shown(&seen),
            [
                "tcp 0.0.0.0|80 - 4711/3/my server 1",
                "tcp 0.0.0.0|81 - 4711/4/a 1 text b",
                r"tcp 0.0.0.0|82 - 4711/5/my\x0aserver",
            ]
        );
    }

    #[test]
    fn a_name_of_a_user_that_may_be_cut_is_not_told() {
        let seen = of("_longnam x  4711    3* internet stream tcp 0x0 *:80\n");
        assert_eq!(seen.rows.len(), 1);
        let seen = of("www      x  4711    3* internet stream tcp 0x0 *:80\n");
        assert_eq!(seen.rows.len(), 2);
    }

    #[test]
    fn what_is_no_row_is_an_issue() {
        for text in [
            "fstat: kvm\n",
            "www      x  4711    3* internet stream tcp 0x0 *:99999\n",
            "www      x  4711    3* internet stream tcp 0x0 *:80 what\n",
            "www      x  4711    3* internet stream tcp 0x0 *:",
        ] {
            let seen = of(text);
            assert_eq!((seen.rows.len(), seen.issues.len()), (0, 1), "{text}");
        }
    }
}
