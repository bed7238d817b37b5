//! Traps of lists of sockets. Rows are made by hand from the grammar, with documentation addresses.

use super::*;
use crate::model::parsed::{Row, Severity};
use crate::model::socket::{Attribution, Endpoint, Owner, Socket, State, Transport};
use crate::model::text::HostText;
use crate::probe::testing::{Seen, read, rows};

const TITLE: &str = "Active Internet connections (including servers)\n";
const PLAIN: &str = "Proto Recv-Q Send-Q Local Address          Foreign Address        (state)\n";
const FORM_D: &str = "Proto Recv-Q Send-Q  Local Address          Foreign Address        (state)          rxbytes      txbytes  rhiwat  shiwat          process:pid    state  options           gencnt    flags   flags1 usecnt rtncnt fltrs\n";
const FORM_C: &str = "Proto Recv-Q Send-Q  Local Address          Foreign Address        (state)     rhiwat shiwat    pid   epid  state    options           gencnt    flags   flags1 usscnt rtncnt fltrs\n";
const BEHIND: &str = "00100 00000006 00000000000c38ca 00000000 00000800      1      0 000000\n";

fn end(text: &str) -> Endpoint<'static> {
    let (address, port) = text.rsplit_once('|').unwrap();
    let (address, zone) = address.split_once('%').unwrap_or((address, ""));
    Endpoint {
        address: address.parse().unwrap(),
        port: port.parse().ok(),
        zone: (!zone.is_empty()).then(|| HostText::owned(zone.as_bytes().to_vec())),
    }
}

/// A socket without queues; `remote` may be empty.
fn socket(transport: Transport, local: &str, remote: &str, state: State) -> Socket<'static> {
    let remote = (!remote.is_empty()).then(|| end(remote));
    Socket::new(transport, end(local), remote, state)
}

/// The same with queues.
fn queued(socket: Socket<'static>, received: u64, sent: u64) -> Row<'static> {
    Row::Socket(Socket { recv_queue_bytes: Some(received), send_queue_bytes: Some(sent), ..socket })
}

fn owned_by(mut socket: Socket<'static>, pid: u32, name: &str) -> Socket<'static> {
    let name = HostText::owned(name.as_bytes().to_vec());
    socket.owners.push(Owner { pid, fd: None, tid: None, name });
    socket.attribution = Attribution::Owned;
    socket
}

fn auto(text: &str) -> Seen {
    read(reader(Setup::AUTO), text.as_bytes())
}

fn messages(seen: &Seen) -> Vec<&str> {
    seen.issues.iter().map(|issue| issue.message.as_str()).collect()
}

const NONE: Vec<&str> = Vec::new();

#[test]
fn families_states_and_peers_are_told_by_protocol_and_ends() {
    let seen = auto(&format!(
        "{TITLE}{PLAIN}\
        tcp4       0     36 192.0.2.1.22           198.51.100.7.51000     ESTABLISHED\n\
        tcp46      0      0 *.80                   *.*                    LISTEN\n\
        tcp6       0      0 *.22                   *.*                    LISTEN\n\
        tcp4       0      0 *.*                    *.*                    CLOSED\n\
        tcp6       1      2 ::ffff:192.0.2.11.25   ::ffff:192.0.2.19.4000 FIN_WAIT_2*\n\
        udp6       0      0 fe80::1%em0.123        *.*                    \n\
        udp4       3      0 192.0.2.1.5000         198.51.100.7.53        \n\
        tcp        0      0 2001:db8::1.22         2001:db8::7.5          SYN_RCVD\n\
        tcp4       0      0 192.0.2.1.22           198.51.100.7.1         11\n"
    ));
    assert_eq!(messages(&seen), NONE);
    let tcp = |local, remote, state| socket(Transport::Tcp, local, remote, state);
    let dual = |dual, socket| Row::Socket(Socket { dual_stack: Some(dual), ..socket });
    let mut mapped = tcp("192.0.2.11|25", "192.0.2.19|4000", State::FinWait2);
    mapped.flags.v4_mapped = true;
    mapped.state_raw = Some(HostText::new(b"FIN_WAIT_2*"));
    let mut unknown = tcp("192.0.2.1|22", "198.51.100.7|1", State::Unknown);
    unknown.state_raw = Some(HostText::new(b"11"));
    assert_eq!(
        rows(&seen),
        [
            queued(tcp("192.0.2.1|22", "198.51.100.7|51000", State::Established), 0, 36),
            dual(true, tcp("::|80", "", State::Listen)),
            dual(false, tcp("::|22", "", State::Listen)),
            queued(tcp("0.0.0.0|*", "", State::Closed), 0, 0),
            queued(mapped, 1, 2),
            queued(socket(Transport::Udp, "fe80::1%em0|123", "", State::Unconnected), 0, 0),
            queued(
                socket(Transport::Udp, "192.0.2.1|5000", "198.51.100.7|53", State::Established),
                3,
                0
            ),
            queued(tcp("2001:db8::1|22", "2001:db8::7|5", State::SynReceived), 0, 0),
            queued(unknown, 0, 0),
        ]
    );
}

#[test]
fn a_plain_protocol_takes_the_family_of_the_command_or_title() {
    let row = "tcp        0      0 *.22                   *.*                    LISTEN\n";
    let text = format!("{PLAIN}{row}");
    let local = |seen: &Seen| match rows(seen).first() {
        Some(Row::Socket(socket)) => Some((socket.local.address.is_ipv6(), socket.dual_stack)),
        _ => None,
    };
    let v6 = read(reader(Setup::wide(Family::Ipv6)), text.as_bytes());
    assert_eq!(local(&v6), Some((true, None)));
    assert_eq!(local(&auto(&text)), Some((false, None)));
    let titled = auto(&format!("Active Internet6 connections (including servers)\n{text}"));
    assert_eq!(local(&titled), Some((true, None)));
}

#[test]
fn a_socket_of_both_families_is_left_to_the_command_for_ipv6() {
    let row = "tcp46      0      0  *.80                   *.*                    LISTEN\n";
    let seen = read(reader(Setup::wide(Family::Ipv4)), row.as_bytes());
    assert_eq!((seen.rows.len(), seen.headers.len(), seen.issues.len()), (0, 1, 0));
    let seen = read(reader(Setup::wide(Family::Ipv6)), row.as_bytes());
    assert_eq!((seen.rows.len(), seen.headers.len(), seen.issues.len()), (1, 0, 0));
}

#[test]
fn kernel_addresses_cut_ports_and_a_cut_port_is_no_fact() {
    let seen = auto(&format!(
        "{TITLE}Socket           Flowhash Proto Recv-Q Send-Q  Local Address      Foreign Address    (state)        rxbytes    txbytes\n\
        7fb03cb94d505aed cedd0cbf tcp4       0      0  192.0.2.201.54861  198.51.100.26.443  ESTABLISHED       4958       3996\n\
        7fb03cb94d505aee        0 tcp4       0      0  192.0.2.201.54861  198.51.100.226.444 ESTABLISHED       4958       3996\n\
        7fb03cb94d505aef  3c023c0 tcp6       0      0  2001:db8:1:2:3:4.5 *.*                LISTEN               0          0\n\
        7fb03cb94d505af0  3c023c0 udp4       0      0  *.5353             *.*                                     1          2\n"
    ));
    let tcp = socket(Transport::Tcp, "192.0.2.201|54861", "198.51.100.26|443", State::Established);
    let udp = socket(Transport::Udp, "0.0.0.0|5353", "", State::Unconnected);
    // `198.51.100.226.444` fills the column: it may be cut from `198.51.100.226.4443`.
    assert_eq!(rows(&seen), [queued(tcp, 0, 0), queued(udp, 0, 0)]);
    assert_eq!(seen.issues.len(), 2);
    assert!(messages(&seen).iter().all(|message| message.starts_with("an end is cut")));
}

#[test]
fn ipv6_addresses_that_may_be_cut_are_flagged_and_cut_ones_are_issues() {
    let text = format!(
        "{PLAIN}\
        tcp6       0      0 fe80::c4c8:5ff:f.625   fe80::1%en0.443        ESTABLISHED\n\
        tcp6       0      0 fe80::aede:48ff:.4     fe80::1%en0.443        ESTABLISHED\n"
    );
    let seen = auto(&text);
    let flagged = match rows(&seen).as_slice() {
        [Row::Socket(socket)] => socket.flags.truncated,
        _ => false,
    };
    assert!(flagged);
    assert_eq!((seen.rows.len(), seen.issues.len()), (1, 2), "one remark, one row not read");
    // Where the command does not cut, that address is whole.
    let seen = read(reader(Setup::wide(Family::Ipv6)), text.as_bytes());
    assert_eq!((seen.rows.len(), seen.issues.len()), (1, 1));
}

#[test]
fn other_columns_in_front_of_the_ends_and_behind_them_are_known() {
    let seen = auto(
        "Active Internet connections (including servers)\n\
        Proto Rexmit OOORcv 0-win  Local Address          Foreign Address\n\
        tcp4       3      0      0 192.0.2.163.22         198.51.100.1.64330     \n\
        udp4                       *.514                  *.*                    \n\
        Current listen queue sizes (qlen/incqlen/maxqlen)\n\
        Proto Listen                           Local Address         \n\
        tcp4  2/1/128                          *.22                  \n\
        unix  0/0/4                            /var/run/devd.pipe\n",
    );
    assert_eq!(messages(&seen), NONE);
    let mut listener = socket(Transport::Tcp, "0.0.0.0|22", "", State::Listen);
    (listener.backlog_current, listener.backlog_max) = (Some(2), Some(128));
    let tcp = socket(Transport::Tcp, "192.0.2.163|22", "198.51.100.1|64330", State::Unknown);
    let udp = socket(Transport::Udp, "0.0.0.0|514", "", State::Unconnected);
    assert_eq!(rows(&seen), [Row::Socket(tcp), Row::Socket(udp), Row::Socket(listener)]);
    let seen = auto(
        "Proto Recv-Q Send-Q Local Address Foreign Address (state) Log ID\n\
        tcp4 0 0 192.0.2.1.22 192.0.2.9.5 ESTABLISHED -\n\
        udp4 0 0 *.514 *.*\n",
    );
    assert_eq!((seen.rows.len(), messages(&seen)), (2, NONE));
}

#[test]
fn raw_sockets_have_a_protocol_where_it_is_told() {
    let seen = auto(&format!(
        "{PLAIN}icm4    8136      0  *.*                *.*                    \n\
        ip 4       0      0  *.*                *.*                    \n\
        ip         0      0  *.*                    *.*                     89\n\
        div4       0      0  *.8668             *.*                    \n"
    ));
    let raw = |protocol, received| {
        let socket = socket(Transport::Raw, "0.0.0.0|*", "", State::Unconnected);
        queued(Socket { raw_protocol: protocol, ..socket }, received, 0)
    };
    assert_eq!(messages(&seen), NONE);
    assert_eq!(rows(&seen), [raw(Some(1), 8136), raw(None, 0), raw(Some(89), 0)]);
    assert_eq!(seen.headers.len(), 2);
}

#[test]
fn names_of_hosts_and_services_are_issues() {
    for row in [
        "tcp4 0 0 localhost.smtp *.* LISTEN\n",
        "tcp4 0 0 *.ssh *.* LISTEN\n",
        "tcp4 0 0 192.0.2.1.ssh 198.51.100.1.64330 ESTABLISHED\n",
        "tcp 0 0 *.111[portmap] *.* LISTEN\n",
        "tcp4 0 0 192.0.2.1.22 198.51.100.1.64330\n",
        "tcp4 0 192.0.2.1.22 198.51.100.1.64330 LISTEN\n",
        "tcp4 0 0 192.0.2.1.22 198.51.100.1.64330 LISTEN more\n",
        "0/0/128        *.22\n",
    ] {
        let seen = auto(&format!("{PLAIN}{row}"));
        assert_eq!((seen.rows.len(), seen.issues.len()), (0, 1), "{row}");
    }
}

#[test]
fn every_form_of_macos_is_read_with_and_without_its_header() {
    let ends = "*.22                   *.*                    LISTEN     ";
    let header_b = FORM_C
        .replace("  state    options           gencnt    flags   flags1 usscnt rtncnt fltrs", "");
    let header_short =
        FORM_C.replace("           gencnt    flags   flags1 usscnt rtncnt fltrs", "");
    let between = FORM_D.replace("process:pid", "pid epid");
    let header_a = PLAIN.replace("(state)", "(state)        rxbytes    txbytes");
    for (header, tail, pid) in [
        (PLAIN, "\n".to_owned(), None),
        (&header_a, "4958 3996\n".to_owned(), None),
        (&header_b, "131072 131072 777 0\n".to_owned(), Some(777)),
        (&header_short, "131072 131072 777 0 0x0100 0x00000006\n".to_owned(), Some(777)),
        (FORM_C, format!("131072 131072 777 0 {BEHIND}"), Some(777)),
        (&between, format!("0 0 131072 131072 777 888 {BEHIND}"), Some(777)),
    ] {
        let expected = socket(Transport::Tcp, "0.0.0.0|22", "", State::Listen);
        let expected = match pid {
            Some(pid) => owned_by(expected, pid, ""),
            None => expected,
        };
        let row = format!("tcp4       0      0  {ends}{tail}");
        for text in [format!("{header}{row}"), row.clone()] {
            let seen = auto(&text);
            assert_eq!(rows(&seen), [Row::Socket(expected.clone())], "{text}");
        }
    }
}

#[test]
fn names_with_blanks_and_colons_are_read_from_the_end() {
    for name in
        ["sshd-session", "Code - Insiders", "a:1 00100 0000", "7 zip", "", "Antigravity IDE "]
    {
        let row = format!(
            "tcp4       0      0  *.22                   *.*                    LISTEN                 0            0  131072  131072 {name:>16}:661    {BEHIND}"
        );
        let expected = owned_by(socket(Transport::Tcp, "0.0.0.0|22", "", State::Listen), 661, name);
        for text in [format!("{FORM_D}{row}"), row.clone()] {
            let seen = auto(&text);
            assert_eq!(rows(&seen), [Row::Socket(expected.clone())], "{text}");
        }
    }
}

#[test]
fn the_kernel_owns_what_no_descriptor_refers_to() {
    let row = |process: &str, state: &str| {
        let behind = BEHIND.replacen("00100", state, 1);
        format!(
            "tcp4       0      0  *.22                   *.*                    LISTEN                 0            0  131072  131072 {process:>16}    {behind}"
        )
    };
    for (process, state) in [("kernel_task:0", "00100"), ("gone:43387", "02131")] {
        let seen = auto(&format!("{FORM_D}{}", row(process, state)));
        let mut expected = socket(Transport::Tcp, "0.0.0.0|22", "", State::Listen);
        expected.attribution = Attribution::Kernel;
        assert_eq!(rows(&seen), [Row::Socket(expected)], "{process}");
    }
}

#[test]
fn a_name_with_a_newline_forges_no_row() {
    let before = "tcp4       0      0  *.22                   *.*                    LISTEN                 0            0  131072  131072 ";
    let whole = |name: &str| format!("{before}{name}:661    {BEHIND}");
    let expected = |name: &str| {
        let mut socket =
            owned_by(socket(Transport::Tcp, "0.0.0.0|22", "", State::Listen), 661, name);
        socket.flags.name_has_control = true;
        Row::Socket(socket)
    };
    for name in [
        "a\nb",
        "\n",
        "x\r\ny\n\nz",
        "x\nudp4 0 0 *.1 *.* 1 1 1 1 a",
        "x\nActive UNIX domain",
        "x\nProto Local Address",
    ] {
        let text = format!("{FORM_D}{}{}", whole(name), whole("next"));
        let seen = auto(&text);
        assert_eq!(messages(&seen), NONE, "{name:?}");
        let next = owned_by(socket(Transport::Tcp, "0.0.0.0|22", "", State::Listen), 661, "next");
        assert_eq!(rows(&seen), [expected(name), Row::Socket(next)], "{name:?}");
    }
    // A torn row takes nothing of the next one with it.
    let seen = auto(&format!("{FORM_D}{before}torn\n{}", whole("next")));
    assert_eq!((seen.rows.len(), seen.issues.len()), (1, 1));
    // Columns that are not all there are no row.
    let short = BEHIND.replace("00000000000c38ca", "0c38ca");
    let seen = auto(&format!("{FORM_D}{before}a:1 {short}{}", whole("next")));
    assert_eq!((seen.rows.len(), seen.issues.len()), (1, 1));
}

#[test]
fn other_sections_are_headers_and_forge_nothing() {
    let seen = auto(&format!(
        "{TITLE}{PLAIN}\
        tcp4       0      0 *.22                   *.*                    LISTEN\n\
        Active Multipath Internet connections\n\
        Proto/ID  Flags      Local Address          Foreign Address        (state)\n\
        \x20tcp/01   00000000   192.0.2.1.22           192.0.2.9.5            ESTABLISHED\n\
        Active LOCAL (UNIX) domain sockets\n\
        Address          Type   Recv-Q Send-Q            Inode             Conn             Refs          Nextref Addr\n\
        7fb03cb95130f135 stream      1      0                0 7fb03cb95130efa5                0                0 /tmp/a\n\
        Active Internet connections\n\
        tcp4       0      0 *.23                   *.*                    LISTEN\n\
        Registered kernel control modules\n\
        \x20             id    flags pcbcount rcvbuf   sndbuf   name\n\
        Active kernel control sockets\n\
        kctl       0      0     791268     657340      1      2 com.example.control\n"
    ));
    assert_eq!((seen.rows.len(), seen.headers.len(), seen.issues.len()), (1, 13, 1));
    assert!(messages(&seen)[0].starts_with("a socket where UNIX-domain"));
}

#[test]
fn remarks_are_headers_even_where_a_row_follows_without_a_newline() {
    let row = "udp4       0      0  *.514                  *.*                    \n";
    let seen = auto(&format!(
        "{PLAIN}Some tcp sockets may have been created.\n\
        Some tcp sockets may have been created or deleted{row}got 16 twice\nunexpected kind 64\n"
    ));
    assert_eq!((seen.rows.len(), seen.headers.len(), seen.issues.len()), (1, 4, 0));
}

#[test]
fn a_last_line_without_its_end_is_read_and_told() {
    let seen = auto("udp4       0      0  *.514                  192.0.2.1.56");
    assert_eq!((seen.rows.len(), seen.issues.len(), seen.unterminated), (1, 0, true));
}

#[test]
fn associations_of_sctp_have_their_first_addresses() {
    let seen = auto(
        "Active SCTP associations (including servers)\n\
        Proto Type  Local Address          Foreign Address        (state)\n\
        sctp4 1to1  *.7                                           LISTEN\n\
        sctp4 1toN  192.0.2.1.7            198.51.100.7.9         ESTABLISHED\n\
        \x20           192.0.2.2.7\n",
    );
    assert_eq!(
        rows(&seen),
        [
            Row::Socket(socket(Transport::Sctp, "0.0.0.0|7", "", State::Listen)),
            Row::Socket(socket(
                Transport::Sctp,
                "192.0.2.1|7",
                "198.51.100.7|9",
                State::Established
            )),
        ]
    );
    assert_eq!(seen.issues.len(), 1);
}

#[test]
fn the_state_is_read_whatever_the_header_calls_it() {
    let row = "tcp 0 0 192.0.2.1.22 198.51.100.7.51514 ESTABLISHED\n";
    for name in ["(state)", "State", "TCP-State"] {
        let text = format!("Proto Recv-Q Send-Q Local Address Foreign Address {name}\n{row}");
        let seen = read(reader(Setup::AUTO), text.as_bytes());
        let states: Vec<_> = rows(&seen)
            .into_iter()
            .map(|row| if let Row::Socket(socket) = row { Some(socket.state) } else { None })
            .collect();
        assert_eq!(states, [Some(State::Established)], "{name}");
    }
}

#[test]
fn what_an_unknown_column_holds_is_said_once_and_more_words_are_an_issue() {
    let text = "Proto Recv-Q Send-Q Local Address Foreign Address (state) Frob Log ID\n\
        tcp4 0 0 192.0.2.1.22 198.51.100.7.50000 ESTABLISHED seven x 1\n\
        tcp4 0 0 192.0.2.1.22 198.51.100.7.50001 ESTABLISHED\n\
        tcp4 0 0 192.0.2.1.22 198.51.100.7.50002 ESTABLISHED seven x 1 more\n\
        Proto Recv-Q Send-Q Local Address Foreign Address (state) Log ID\n\
        tcp4 0 0 192.0.2.1.22 198.51.100.7.50003 ESTABLISHED - 1\n";
    let seen = read(reader(Setup::AUTO), text.as_bytes());
    let said: Vec<_> =
        seen.issues.iter().map(|one| (one.span.line, one.severity, one.message.as_str())).collect();
    assert_eq!(
        said,
        [
            (1, Severity::Note, "columns that are not known: what stands in them is not read"),
            (4, Severity::Unparsed, "expected no more words than the header has columns"),
        ]
    );
    assert_eq!((seen.rows.len(), seen.headers.len()), (3, 2));
}

#[test]
fn an_address_that_was_cut_is_no_name_whatever_other_rows_are_like() {
    let text = "Proto Recv-Q Send-Q  Local Address          Foreign Address        (state)\n\
        tcp6       0      0  2001:db8:aaaa::bb.22   2001:db8::5.51000      ESTABLISHED\n\
        tcp6       0      0  2001:db8:aaaa:bb.443   2001:db8::5.51000      ESTABLISHED\n\
        tcp6       0      0  web-1.example.ne.443   2001:db8::5.51000      ESTABLISHED\n";
    let seen = read(reader(Setup::AUTO), text.as_bytes());
    let told: Vec<bool> = seen.issues.iter().map(|it| it.message.contains("is cut")).collect();
    assert_eq!(told, [true, false], "{seen:?}");
}
