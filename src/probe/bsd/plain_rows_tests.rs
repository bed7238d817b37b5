//! Traps of `netstat -an` of AIX and HP-UX.

use crate::model::parsed::{Row, Severity};
use crate::model::socket::{Endpoint, Family, Socket, State, Transport};
use crate::model::text::HostText;
use crate::probe::bsd::plain_rows::{System, reader};
use crate::probe::testing::{Seen, rows};

fn aix(text: &str) -> Seen {
    crate::probe::testing::read(reader(System::Aix, None), text.as_bytes())
}

fn hpux(text: &str, family: Option<Family>) -> Seen {
    crate::probe::testing::read(reader(System::Hpux, family), text.as_bytes())
}

fn end(address: &str, port: u16) -> Endpoint<'static> {
    let port = (port != 0).then_some(port);
    Endpoint { address: address.parse().unwrap(), port, zone: None }
}

fn socket(
    transport: Transport,
    local: Endpoint<'static>,
    remote: Option<Endpoint<'static>>,
    state: State,
) -> Socket<'static> {
    let mut socket = Socket::new(transport, local, remote, state);
    if state != State::Listen {
        (socket.recv_queue_bytes, socket.send_queue_bytes) = (Some(0), Some(0));
    }
    socket
}

fn expect(seen: &Seen, expected: &[Socket<'static>]) {
    let expected: Vec<_> = expected.iter().cloned().map(Row::Socket).collect();
    assert_eq!(rows(seen), expected, "{seen:?}");
}

const HEADER: &str = "Active Internet connections (including servers)\n\
    Proto Recv-Q Send-Q  Local Address          Foreign Address        (state)\n";

#[test]
fn the_name_of_the_protocol_tells_family_and_dual_stack_on_aix() {
    let text = "tcp        0      0  *.21                   *.*                    LISTEN\n\
        tcp4       0      0  *.22                   *.*                    LISTEN\n\
        tcp6       0      0  *.22                   *.*                    LISTEN\n\
        tcp        0      0  192.0.2.1.21           192.0.2.9.40000        ESTABLISHED\n\
        tcp6       0      0  ::1%1.6010             ::1%1.40001            ESTABLISHED\n\
        tcp        0      0  *.*                    *.*                    CLOSED\n\
        udp        0      0  *.161                  *.*\n\
        udp4       0      0  *.111                  *.*\n";
    let (tcp, udp) = (Transport::Tcp, Transport::Udp);
    let mut ftp = socket(tcp, end("::", 21), None, State::Listen);
    ftp.dual_stack = Some(true);
    let ssh4 = socket(tcp, end("0.0.0.0", 22), None, State::Listen);
    let mut ssh6 = socket(tcp, end("::", 22), None, State::Listen);
    ssh6.dual_stack = Some(false);
    let peer = Some(end("192.0.2.9", 40000));
    let mut mapped = socket(tcp, end("192.0.2.1", 21), peer, State::Established);
    mapped.flags.v4_mapped = true;
    let zoned = |port| Endpoint { zone: Some(HostText::new(b"1")), ..end("::1", port) };
    let mut x11 = socket(tcp, zoned(6010), Some(zoned(40001)), State::Established);
    x11.dual_stack = Some(false);
    let mut closed = socket(tcp, end("::", 0), None, State::Closed);
    closed.dual_stack = Some(true);
    let mut snmp = socket(udp, end("::", 161), None, State::Unconnected);
    snmp.dual_stack = Some(true);
    let portmap = socket(udp, end("0.0.0.0", 111), None, State::Unconnected);
    let seen = aix(&format!("{HEADER}{text}"));
    expect(&seen, &[ftp, ssh4, ssh6, mapped, x11, closed, snmp, portmap]);
    assert_eq!((seen.headers.len(), seen.issues.len()), (2, 0));
}

#[test]
fn on_hpux_the_question_tells_the_family_and_queues_of_0_say_nothing() {
    let text = "tcp        0      0  *.22                   *.*                    LISTEN\n\
        tcp        0     52  192.0.2.1.22           192.0.2.9.40000        FIN_WAIT_2\n\
        udp        0      0  *.135                  *.*\n";
    let asked = |family, any| {
        let listener = socket(Transport::Tcp, end(any, 22), None, State::Listen);
        let peer = Some(end("192.0.2.9", 40000));
        let mut session = socket(Transport::Tcp, end("192.0.2.1", 22), peer, State::FinWait2);
        (session.recv_queue_bytes, session.send_queue_bytes) = (None, Some(52));
        let mut udp = socket(Transport::Udp, end(any, 135), None, State::Unconnected);
        (udp.recv_queue_bytes, udp.send_queue_bytes) = (None, None);
        expect(&hpux(text, family), &[listener, session, udp]);
    };
    asked(Some(Family::Ipv4), "0.0.0.0");
    asked(Some(Family::Ipv6), "::");
    asked(None, "0.0.0.0");
}

#[test]
fn an_address_of_a_control_block_and_a_partition_are_passed_over() {
    let expected = socket(Transport::Tcp, end("0.0.0.0", 13), None, State::Listen);
    for text in [
        "PCB/ADDR         Proto Recv-Q Send-Q  Local Address      Foreign Address    (state)\n\
         f10002000008abb0 tcp4       0      0  *.13               *.*                LISTEN\n",
        "WPAR   PCB/ADDR         Proto Recv-Q Send-Q  Local Address Foreign Address (state)\n\
         Global f10002000008abb0 tcp4       0      0  *.13          *.*             LISTEN\n",
        "WPAR   Proto Recv-Q Send-Q  Local Address  Foreign Address  (state)\n\
         Global tcp4       0      0  *.13           *.*              LISTEN\n",
    ] {
        let seen = aix(text);
        expect(&seen, std::slice::from_ref(&expected));
        assert_eq!((seen.headers.len(), seen.issues.len()), (1, 0));
    }
}

#[test]
fn a_port_that_old_aix_may_have_cut_is_no_port() {
    let text = "f1000200002873b0 tcp4       0      0  192.0.2.230.3277   198.51.100.9.70281 ESTABLISHED\n\
        f1000f000561c3c0 tcp4       0      0  198.51.100.1.34898    203.0.113.184.4431    ESTABLISHED\n";
    let seen = aix(text);
    let flags: Vec<_> = rows(&seen)
        .iter()
        .map(|row| matches!(row, Row::Socket(socket) if socket.flags.truncated))
        .collect();
    // The port of the first is over 65535: two ends cannot be told.
    assert_eq!(flags, [false]);
    let seen = aix(&text.replace("70281 E", "7028  E").replace("3277 ", "32771"));
    let flags: Vec<_> = rows(&seen)
        .iter()
        .map(|row| matches!(row, Row::Socket(socket) if socket.flags.truncated))
        .collect();
    assert_eq!(flags, [false, false]);
    // The port may be 70, 702 or 7028 with one digit more: no number of it is right for sure.
    for cut in ["198.51.100.90.7028", "198.51.100.190.702"] {
        let seen = aix(&text.replace("198.51.100.9.70281", cut));
        let ports: Vec<_> = rows(&seen)
            .iter()
            .map(|row| if let Row::Socket(socket) = row { socket.local.port } else { None })
            .collect();
        assert_eq!(ports, [Some(34898)], "{cut}");
        assert_eq!(seen.issues.len(), 1);
        assert_eq!(seen.issues[0].severity, Severity::Unparsed);
    }
    // Nothing can stand behind a fifth digit.
    let whole = aix(&text.replace("198.51.100.9.70281", "198.51.10.90.40281"));
    assert_eq!((whole.rows.len(), whole.issues.len()), (2, 0));
}

#[test]
fn long_ipv6_ends_are_read_wrapped_and_fused() {
    let (local, remote) = ("2001:db8:1111:2222:3333:4444:5555:6666", "fe80::9");
    let mut expected =
        socket(Transport::Tcp, end(local, 22), Some(end(remote, 40000)), State::Established);
    expected.dual_stack = Some(false);
    for text in [
        format!("tcp6       0      0  {local}.22 {remote}.40000 ESTABLISHED\n"),
        format!("tcp6       0      0  {local}.22\n      {remote}.40000  ESTABLISHED\n"),
        format!("tcp6       0      0  {local}.22 {remote}.40000\n     ESTABLISHED\n"),
        format!("tcp6       0      0  {local}.22{remote}.40000 ESTABLISHED\n"),
    ] {
        let seen = aix(&text);
        expect(&seen, std::slice::from_ref(&expected));
        assert_eq!(seen.issues, [], "{text}");
    }
    // The ports could be 22, 222, 2220 and 22200.
    let fused = aix(&format!("tcp6       0      0  {local}.222001:db8::9.40000 ESTABLISHED\n"));
    assert_eq!((fused.rows.len(), fused.issues.len()), (0, 1));
    let cut = aix("tcp6       0      0  2001:db8:1111:22 *.* LISTEN\n");
    assert_eq!((cut.rows.len(), cut.issues.len()), (0, 1));
    let doubtful =
        aix("tcp6       0      0  2001:db8:11::222.22    *.*                    LISTEN\n");
    assert_eq!((doubtful.rows.len(), doubtful.issues.len()), (1, 1));
}

#[test]
fn unix_domain_sockets_are_known_and_what_a_path_forges_is_an_issue() {
    let unix = "\nActive UNIX domain sockets\n\
        SADR/PCB         Type   Recv-Q Send-Q      Inode            Conn             Refs           Nextref      Addr\n\
        f10002000123b008 stream      0      0 f10001002736a020                0                0                0 /tmp/a b\n\
        f100020001c67800\n";
    let seen = aix(unix);
    assert_eq!((seen.rows.len(), seen.headers.len(), seen.issues.len()), (0, 4, 0));
    let forged = format!("{unix}{HEADER}tcp4 0 0 *.99 *.* LISTEN\nrest of a path\n");
    let seen = aix(&forged);
    // The header of the forged table is one of both kinds.
    assert_eq!((seen.rows.len(), seen.headers.len(), seen.issues.len()), (0, 5, 3));
}

#[test]
fn lines_of_socket_options_are_known() {
    let text = "tcp4       0      0  *.13                   *.*                    LISTEN\n\n\
        \x20    so_options: (ACCEPTCONN|REUSEADDR)\n     q0len:0 qlen:0 qlimit:1000     so_state: (PRIV)\n\
        \x20    timeo:0 uid:0\n     so_special: (LOCKBALE|DISABLE)\n     sndbuf:\n\
        \x20           hiwat:16384 lowat:4096 mbcnt:0 mbmax:65536\n     TCP:\n";
    let seen = aix(text);
    assert_eq!((seen.rows.len(), seen.headers.len(), seen.issues.len()), (1, 7, 0));
}

#[test]
fn states_without_a_name_are_kept_and_nonsense_is_an_issue() {
    let seen = aix("tcp4 0 0 *.1 *.* 13\ntcp4 0 0 *.1 *.* SYN_RCVD\n");
    let states: Vec<_> = rows(&seen)
        .into_iter()
        .filter_map(
            |row| if let Row::Socket(s) = row { Some((s.state, s.state_raw)) } else { None },
        )
        .collect();
    let raw = Some(HostText::new(b"13"));
    assert_eq!(states, [(State::Unknown, raw), (State::SynReceived, None)]);
    for text in [
        "tcp4 0 0 *.1 *.* listen\n",
        "tcp4 0 x *.1 *.* LISTEN\n",
        "tcp4 0 0 web-1.ssh *.* LISTEN\n",
        "tcp4 0 0 *.1 *.* LISTEN more\n",
        "udp4 0 0 *.1 *.* LISTEN\n",
        "tcp4 0 0 *.1 *.*\n",
        "tcp4 0 0 *.1\nudp4 0 0\n\n",
        "sctp 0 0 *.1 *.*\n",
    ] {
        let seen = aix(text);
        let lines = text.trim().lines().count();
        assert_eq!((seen.rows.len(), seen.issues.len()), (0, lines), "{text}");
    }
    let last = aix("udp4 0 0 *.1 192.0.2.1.40");
    assert_eq!((last.rows.len(), last.issues.len(), last.unterminated), (1, 0, true));
}

#[test]
fn a_line_of_one_long_word_takes_no_longer_than_its_length() {
    let line = format!("tcp6 0 0 {}\n", "1.".repeat(30_000));
    let seen = aix(&line.repeat(50));
    assert_eq!((seen.rows.len(), seen.issues.len()), (0, 50));
}

#[test]
fn a_text_of_hp_ux_alone_says_once_that_a_wildcard_may_be_of_both_families() {
    let text = "tcp        0      0  ::1.22                 ::1.50000              ESTABLISHED\n\
        tcp        0      0  *.22                   *.*                    LISTEN\n\
        udp        0      0  *.514                  *.*\n";
    let notes = |seen: Seen| {
        assert_eq!(seen.rows.len(), 3);
        seen.issues.iter().map(|issue| (issue.severity, issue.span.line)).collect::<Vec<_>>()
    };
    assert_eq!(notes(hpux(text, None)), [(Severity::Note, 2)]);
    assert_eq!(notes(hpux(text, Some(Family::Ipv6))), []);
}
