//! Traps of netstat's text.

use std::net::IpAddr;

use crate::model::parsed::{Issue, Row, Severity, Span};
use crate::model::process::ProcessFact;
use crate::model::socket::{Attribution, Endpoint, Owner, Socket, State, Transport};
use crate::model::text::HostText;
use crate::probe::testing::{Seen, read, rows};
use crate::probe::windows::netstat::reader;

const COLUMNS: &str = "\r\nActive Connections\r\n\r\n  Proto  Local Address          Foreign Address        State           PID\r\n";

fn end(address: &str, port: u16) -> Endpoint<'static> {
    let (address, zone) = address.split_once('%').unwrap_or((address, ""));
    let zone = (!zone.is_empty()).then(|| HostText::owned(zone.as_bytes().to_vec()));
    let address: IpAddr = address.parse().unwrap();
    Endpoint { address, port: (port != 0).then_some(port), zone }
}

fn socket(
    transport: Transport,
    local: (&str, u16),
    remote: Option<(&str, u16)>,
    state: State,
    pid: Option<u32>,
) -> Socket<'static> {
    let remote = remote.map(|(address, port)| end(address, port));
    let mut socket = Socket::new(transport, end(local.0, local.1), remote, state);
    match pid {
        None => {}
        Some(0) => socket.attribution = Attribution::Kernel,
        Some(pid) => {
            socket.owners.push(Owner { pid, fd: None, tid: None, name: HostText::new(b"") });
            socket.attribution = if pid == 4 { Attribution::Kernel } else { Attribution::Owned };
        }
    }
    socket
}

fn tcp(state: State, pid: Option<u32>) -> Socket<'static> {
    socket(Transport::Tcp, ("192.0.2.7", 49702), Some(("198.51.100.9", 443)), state, pid)
}

/// The only row of a line, in any bytes.
fn one(line: &[u8]) -> Socket<'static> {
    let seen = read(reader(), &[COLUMNS.as_bytes(), line, b"\r\n"].concat());
    // A word that is not known is told, and nothing else is.
    let told: Vec<_> = seen.issues.iter().map(|issue| issue.text.bytes()).collect();
    let [(_, Row::Socket(socket))] = seen.rows.as_slice() else { panic!("{:?}", seen.rows) };
    let word = socket.state_raw.as_ref().map(HostText::bytes);
    assert_eq!(told, word.into_iter().collect::<Vec<_>>(), "{}", line.escape_ascii());
    match rows(&seen).as_slice() {
        [Row::Socket(socket)] => socket.clone(),
        other => panic!("{other:?}: {}", line.escape_ascii()),
    }
}

fn counts(text: &str) -> (usize, usize, usize) {
    let seen = read(reader(), text.as_bytes());
    let unparsed = seen.issues.iter().filter(|issue| issue.severity == Severity::Unparsed);
    (seen.rows.len(), seen.headers.len(), unparsed.count())
}

#[test]
fn states_are_known_in_english_and_german_whatever_became_of_the_umlaut() {
    let words: [(&[u8], State); 16] = [
        (b"ESTABLISHED", State::Established),
        (b"CLOSE_WAIT", State::CloseWait),
        (b"FIN_WAIT_1", State::FinWait1),
        (b"FIN_WAIT_2", State::FinWait2),
        (b"SYN_RECEIVED", State::SynReceived),
        (b"LAST_ACK", State::LastAck),
        (b"CLOSING", State::Closing),
        (b"DELETE_TCB", State::DeleteTcb),
        (b"HERGESTELLT", State::Established),
        (b"WARTEND", State::TimeWait),
        (b"SCHLIESSEN_WARTEN", State::CloseWait),
        (b"FIN_WARTEN_1", State::FinWait1),
        (b"FIN_WARTEN_2", State::FinWait2),
        (b"SYN_GESENDET", State::SynSent),
        (b"SYN_EMPFANGEN", State::SynReceived),
        (b"SCHLIESSEND", State::Closing),
    ];
    for (word, state) in words {
        let line =
            [b"  TCP    192.0.2.7:49702    198.51.100.9:443   ", word, b"     9328"].concat();
        assert_eq!(one(&line), tcp(state, Some(9328)));
    }
    let listen = socket(Transport::Tcp, ("0.0.0.0", 135), None, State::Listen, Some(1712));
    for umlaut in
        [&b"\xc3\x96"[..], b"\x99", b"\xd6", b"\xe2\x84\xa2", b"\xef\xbf\xbd", b"?", b"O", b""]
    {
        let line =
            [b"  TCP    0.0.0.0:135   0.0.0.0:0   ABH", umlaut, b"REN         1712"].concat();
        assert_eq!(one(&line), listen, "{}", umlaut.escape_ascii());
    }
}

#[test]
fn listeners_are_known_by_their_peer_in_every_language() {
    let listen = socket(Transport::Tcp, ("0.0.0.0", 135), None, State::Listen, Some(1712));
    for word in ["LISTENING", "IN ASCOLTO", "ПРОСЛУШИВАНИЕ", "ESCUTANDO", "侦听", "À L'ÉCOUTE", ""]
    {
        let line =
            format!("  TCP    0.0.0.0:135            0.0.0.0:0              {word:<12}    1712");
        assert_eq!(one(line.as_bytes()), listen, "{word}");
    }
    let six = socket(Transport::Tcp, ("::", 135), None, State::Listen, None);
    assert_eq!(one(b"  TCP    [::]:135    [::]:0    IN ASCOLTO"), six);
    // Windows 2000 prints a port that means nothing.
    let old = socket(Transport::Tcp, ("0.0.0.0", 135), None, State::Listen, None);
    assert_eq!(one(b"  TCP    0.0.0.0:135    0.0.0.0:45155    LISTENING"), old);
    let bound = socket(Transport::Tcp, ("0.0.0.0", 50000), None, State::Bound, Some(8));
    assert_eq!(one(b"  TCP    0.0.0.0:50000    0.0.0.0:0    BOUND    8"), bound);
}

#[test]
fn a_word_that_is_not_known_stands_as_it_came() {
    let mut unknown = tcp(State::Unknown, Some(9328));
    unknown.state_raw = Some(HostText::new(b"CONEX\xc3O ABERTA 1"));
    let line = b"  TCP    192.0.2.7:49702   198.51.100.9:443   CONEX\xc3O ABERTA 1    9328";
    assert_eq!(one(line), unknown);
    let missing = tcp(State::Unknown, Some(9328));
    assert_eq!(one(b"  TCP    192.0.2.7:49702   198.51.100.9:443      9328"), missing);
}

#[test]
fn ids_and_further_columns_are_told_apart() {
    let start = "  TCP    192.0.2.7:49702   198.51.100.9:443   ";
    for (tail, pid) in [
        ("ESTABLISHED     9328", Some(9328)),
        ("ESTABLISHED     9328   ", Some(9328)),
        ("ESTABLISHED 9328", Some(9328)),
        ("HERGESTELLT 9328", Some(9328)),
        ("ESTABLISHED", None),
        ("ESTABLISHED     9328     InHost", Some(9328)),
        ("ESTABLISHED     9328     Internet       ", Some(9328)),
        ("ESTABLISHED     9328     InHost         Not Applicable", Some(9328)),
        ("ESTABLISHED     Offloaded      DatacenterCustom", None),
        ("HERGESTELLT     9328     Auf dem Host     Nicht anwendbar", Some(9328)),
        ("ESTABLISHED     InHost", None),
        ("HERGESTELLT     9328     Auf dem Host", Some(9328)),
        ("ESTABLISHED     0", Some(0)),
        ("ESTABLISHED     4", Some(4)),
        ("ESTABLISHED     4294967295", Some(u32::MAX)),
    ] {
        assert_eq!(
            one(format!("{start}{tail}").as_bytes()),
            tcp(State::Established, pid),
            "{tail}"
        );
    }
    for tail in [
        "ESTABLISHED     4294967296",
        "ESTABLISHED     12  34",
        "ESTABLISHED     12  In  Host  Too",
        "ESTABLISHED     198.51.100.9:443",
        "STABILITA     12  In  Host  Too",
        "STABILITA     99999999999",
        "STABILITA 1:2     7",
    ] {
        assert_eq!(counts(&format!("{COLUMNS}{start}{tail}\r\n")), (0, 2, 1), "{tail}");
    }
}

#[test]
fn a_word_that_is_not_known_is_told_once_and_no_row_is_lost() {
    let row = |word: &str| format!("  TCP    192.0.2.7:1   198.51.100.9:443   {word}     8\r\n");
    let words = ["STABILITA", "ESTABLISHED", "CHIUSA", "STABILITA", "CHIUSA", "SYN INVIATO"];
    let text = words.map(row).concat();
    let seen = read(reader(), format!("{COLUMNS}{text}").as_bytes());
    let told: Vec<_> =
        seen.issues.iter().map(|issue| (issue.span.line, issue.text.escaped())).collect();
    assert_eq!(told, [(5, "STABILITA".into()), (7, "CHIUSA".into()), (10, "SYN INVIATO".into())]);
    assert_eq!(seen.rows.len(), words.len());
    // A text of nothing but words is told of for a while.
    let text: String = (0..99).map(|word| row(&format!("X{}", "Y".repeat(word % 60)))).collect();
    let seen = read(reader(), format!("{COLUMNS}{text}").as_bytes());
    assert_eq!((seen.rows.len(), seen.issues.len()), (99, 33));
}

#[test]
fn listeners_with_templates_and_bound_sockets_are_read() {
    let listen = socket(Transport::Tcp, ("0.0.0.0", 135), None, State::Listen, Some(1712));
    let line = b"  TCP    0.0.0.0:135   0.0.0.0:0   LISTENING   1712     Not Applicable  ";
    assert_eq!(one(line), listen);
    let bound = socket(Transport::Tcp, ("192.0.2.7", 50000), None, State::Bound, Some(8));
    let line = b"  TCP    192.0.2.7:50000   0.0.0.0:0   BOUND   8     InHost     Internet";
    assert_eq!(one(line), bound);
}

#[test]
fn ends_with_zones_long_addresses_and_v4_mapped_ones_are_read() {
    let zone = socket(Transport::Udp, ("fe80::7%12", 1900), None, State::Unconnected, Some(8844));
    assert_eq!(
        one(b"  UDP    [fe80::7%12]:1900      *:*                                    8844"),
        zone
    );
    assert_eq!(one(b"  UDPv6    [fe80::7%12]:1900      *:*         8844"), zone);
    let long = ("2001:db8:aaaa:bbbb:cccc:dddd:eeee:7", 49706);
    let long = socket(Transport::Tcp, long, Some(("2001:db8::1", 443)), State::SynSent, Some(9));
    let line = b"  TCP    [2001:db8:aaaa:bbbb:cccc:dddd:eeee:7]:49706  [2001:db8::1]:443  SYN_SENT        9";
    assert_eq!(one(line), long);
    let mut mapped = tcp(State::Established, None);
    mapped.flags.v4_mapped = true;
    let line = b"  TCP    [::ffff:192.0.2.7]:49702   [::ffff:198.51.100.9]:443   ESTABLISHED";
    assert_eq!(one(line), mapped);
    let peer = socket(
        Transport::Udp,
        ("192.0.2.7", 53),
        Some(("192.0.2.9", 53)),
        State::Established,
        None,
    );
    assert_eq!(one(b"  UDP    192.0.2.7:53   192.0.2.9:53"), peer);
}

#[test]
fn names_fused_columns_and_rows_of_others_are_issues() {
    for line in [
        "  TCP    192.0.2.7:49702        server:https           ESTABLISHED     9328",
        "  TCP    WS7:epmap              WS7:0                  LISTENING",
        "  TCP    192.0.2.7:49702198.51.100.9:443        ESTABLISHED     9328",
        "  TCP    192.0.2.7:49702        198.51.100.9:443ESTABLISHED     9328",
        "  UDP    [fe80::7%12]:1900*:*                                    8844",
        "  TCP    [fe80::7%12:1900       [::]:0                 LISTENING       4",
        "  TCP    *:*                    0.0.0.0:0              LISTENING       4",
        "  TCP    192.0.2.7:65536        198.51.100.9:443       ESTABLISHED     9328",
        "  TCP    192.0.2.7:80           [2001:db8::1]:443      ESTABLISHED     9328",
        "  TCP",
        "tcp        0      0 0.0.0.0:22              0.0.0.0:*               LISTEN",
    ] {
        assert_eq!(counts(&format!("{COLUMNS}{line}\r\n")), (0, 2, 1), "{line}");
    }
}

#[test]
fn a_sentence_in_place_of_a_table_is_an_issue() {
    assert_eq!(counts("The requested operation requires elevation.\r\n"), (0, 0, 1));
    assert_eq!(counts("\r\nActive Connections\r\n\r\n"), (0, 0, 1));
    assert_eq!(counts(COLUMNS), (0, 2, 0));
    let row = "  UDP    0.0.0.0:53   *:*   8\r\n";
    assert_eq!(counts(&format!("{COLUMNS}{row}{COLUMNS}{row}")), (2, 4, 0));
    assert_eq!(counts(&format!("{COLUMNS}{row}\r\nAccess is denied.\r\nAgain.\r\n")), (1, 2, 2));
}

#[test]
fn a_row_without_an_end_is_read() {
    let seen = read(reader(), format!("{COLUMNS}  UDP    0.0.0.0:53   *:*   8").as_bytes());
    let last = socket(Transport::Udp, ("0.0.0.0", 53), None, State::Unconnected, Some(8));
    assert_eq!(rows(&seen), [Row::Socket(last)]);
    assert!(seen.issues.is_empty() && seen.unterminated);
}

/// What is told of processes below a row of process 8, and the messages of issues.
fn below(lines: &str) -> (Vec<String>, Vec<String>) {
    let row = "  UDP    0.0.0.0:53   *:*   8\r\n";
    let next = "  UDP    0.0.0.0:54   *:*   9\r\n";
    let text = format!("{COLUMNS}{row}{lines}{next}");
    let seen = read(reader(), text.as_bytes());
    assert_covered(&text, &seen);
    let (mut ports, mut owners) = (Vec::new(), Vec::new());
    let mut told = Vec::new();
    for row in rows(&seen) {
        match row {
            Row::Socket(socket) => {
                ports.push(socket.local.port.unwrap());
                owners.extend(socket.owners.into_iter().map(|owner| owner.name));
            }
            Row::Process(pid, ProcessFact::Name(name)) => {
                told.push(format!("{pid} is {}", name.escaped()));
            }
            Row::Process(pid, ProcessFact::Service(name)) => {
                told.push(format!("{pid} runs {}", name.escaped()));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(ports, [53, 54], "{lines}");
    // What is said of the process is the name of the socket's owner.
    let named = told.iter().find_map(|told| told.strip_prefix("8 is "));
    let owners: Vec<_> = owners.iter().map(HostText::escaped).collect();
    assert_eq!(owners, [named.unwrap_or_default(), ""], "{lines}");
    (told, seen.issues.iter().map(|issue: &Issue| issue.message.clone()).collect())
}

fn assert_covered(text: &str, seen: &Seen) {
    let mut spans: Vec<Span> =
        seen.rows.iter().map(|(span, _)| *span).chain(seen.headers.clone()).collect();
    spans.extend(seen.issues.iter().map(|issue| issue.span));
    spans.sort_by_key(|span| span.start);
    let mut at = 0;
    for span in spans {
        let between = text.get(usize::try_from(at).unwrap()..usize::try_from(span.start).unwrap());
        assert_eq!(between.map(str::trim), Some(""), "{text}");
        at = span.end;
    }
    assert_eq!(at, u64::try_from(text.len()).unwrap());
}

#[test]
fn programs_and_services_are_told_of_the_process_above() {
    let none: [&str; 0] = [];
    assert_eq!(
        below("  Dnscache\r\n [svchost.exe]\r\n"),
        (vec!["8 runs Dnscache".into(), "8 is svchost.exe".into()], vec![])
    );
    assert_eq!(below(" [my [old] browser.exe]\r\n").0, ["8 is my [old] browser.exe"]);
    assert_eq!(below(" []].exe]\r\n").0, ["8 is ]].exe"]);
    for sentence in [
        " Can not obtain ownership information\r\n",
        " Es konnten keine Besitzerinformationen abgerufen werden.\r\n",
        " 无法获取所有权信息\r\n",
        "  C:\\WINDOWS\\system32\\WS2_32.dll\r\n  -- unknown component(s) --\r\n",
    ] {
        let (told, issues) = below(sentence);
        assert_eq!(
            (told.as_slice(), issues.as_slice()),
            ([].as_slice(), [].as_slice()),
            "{sentence}"
        );
    }
    assert_eq!(
        below("  C:\\WINDOWS\\system32\\WS2_32.dll\r\n  [svchost.exe]\r\n").0,
        ["8 is svchost.exe"]
    );
    assert_eq!(below("  wrapped 1234\r\n").0, none);
    assert_eq!(below("  wrapped 1234\r\n").1, ["expected a row of netstat"]);
    assert_eq!(below("  1234\r\n").1, ["expected a row of netstat"]);
}

#[test]
fn a_name_over_several_lines_makes_no_row() {
    assert_eq!(below(" [a\nb.exe]\r\n").0, ["8 is a\\x0ab.exe"]);
    let (told, issues) = below(" [a\r\n  TCP    0.0.0.0:22   0.0.0.0:0   LISTENING   1\r\n]\r\n");
    assert_eq!(told, [""; 0]);
    assert_eq!(issues, ["a program's name over several lines that could be rows"]);
    // Never closed: the rows below are read.
    let (told, issues) = below(" [a\r\n");
    assert_eq!(
        (told.len(), issues.as_slice()),
        (0, ["expected a program in brackets".to_owned()].as_slice())
    );
}

#[test]
fn a_program_without_a_process_id_is_an_issue() {
    let text = format!("{COLUMNS}  UDP    0.0.0.0:53   *:*\r\n  Dnscache\r\n [svchost.exe]\r\n");
    assert_eq!(counts(&text), (1, 2, 2));
}
