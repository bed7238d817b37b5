//! Rows of every generation, and what forges rows.

use super::*;
use crate::model::parsed::Severity;
use crate::model::socket::Attribution;
use crate::probe::testing::{read, rows};

/// Local end, remote end, state and owners of each socket.
fn seen(reader: Box<dyn Reader>, text: &str) -> (Vec<String>, usize, usize) {
    let seen = read(reader, text.as_bytes());
    let shown = |row: &Row<'_>| match row {
        Row::Socket(socket) => {
            let end = |end: &Endpoint<'_>| {
                let zone = end.zone.as_ref().map(|zone| format!("%{}", zone.escaped()));
                let port = end.port.map_or("*".to_owned(), |port| port.to_string());
                format!("{}{}|{port}", end.address, zone.unwrap_or_default())
            };
            let remote = socket.remote.as_ref().map_or("-".to_owned(), end);
            let owner = |owner: &Owner<'_>| {
                format!(" {}/{}/{}", owner.pid, owner.fd.unwrap(), owner.name.escaped())
            };
            let owners: String = socket.owners.iter().map(owner).collect();
            let both = if socket.dual_stack == Some(true) { " both" } else { "" };
            let (transport, state, local) = (socket.transport, socket.state, end(&socket.local));
            format!("{transport} {local} {remote} {state}{both}{owners}")
        }
        row => format!("{row:?}"),
    };
    let sockets =
        rows(&seen).iter().filter(|row| matches!(row, Row::Socket(_))).map(shown).collect();
    (sockets, seen.headers.len(), seen.issues.len())
}

#[test]
fn every_generation_of_freebsd_is_read() {
    let old = "USER     COMMAND    PID   FD PROTO  LOCAL ADDRESS         FOREIGN ADDRESS       STATE\n\
        root     sshd       812   3  tcp4 6 *:22                 *:*                   LISTEN\n\
        root     sshd       812   4  tcp6   ::1:25               *:*                   LISTEN\n\
        ?        ?          ?     ?  tcp4   192.0.2.1:80         198.51.100.9:40000    TIME_WAIT\n\
        root     syslogd    700   6  dgram  /var/run/log\n";
    assert_eq!(
        seen(freebsd_reader(), old),
        (
            vec![
                "tcp ::|22 - listen both 812/3/sshd".to_owned(),
                "tcp ::1|25 - listen 812/4/sshd".to_owned(),
                "tcp 192.0.2.1|80 198.51.100.9|40000 time_wait".to_owned(),
            ],
            2,
            0
        )
    );
    let new = "root sshd        812  4 tcp46 *:22 *:* ?? LISTEN\n\
        ntpd ntpd        900 21 udp6  fe80::1%em0:123 *:* ?? ??\n\
        ??   ??           ?? ?? tcp4  192.0.2.1:80 ?? ?? TIME_WAIT\n";
    assert_eq!(
        seen(freebsd_reader(), new),
        (
            vec![
                "tcp ::|22 - listen both 812/4/sshd".to_owned(),
                "udp fe80::1%em0|123 - unconnected 900/21/ntpd".to_owned(),
                "tcp 192.0.2.1|80 - time_wait".to_owned(),
            ],
            0,
            0
        )
    );
}

#[test]
fn a_user_that_fills_its_column_costs_no_socket_and_no_process_id() {
    let text = "USER     COMMAND    PID   FD PROTO  LOCAL ADDRESS         FOREIGN ADDRESS\n\
        collectormyserver   4711  5  tcp4   192.0.2.1:80          *:*\n\
        collector1 longserver4712  5  tcp4   192.0.2.1:81          *:*\n\
        collector1 my long se4713  5  tcp4   192.0.2.1:82          *:*\n\
        mailnull 4714  5  tcp4   192.0.2.1:83          *:*\n";
    let (sockets, headers, issues) = seen(freebsd_reader(), text);
    assert_eq!(
        sockets,
        [
            "tcp 192.0.2.1|80 - unknown 4711/5/",
            "tcp 192.0.2.1|81 - unknown 4712/5/",
            "tcp 192.0.2.1|82 - unknown 4713/5/",
        ]
    );
    // A note on the first; the last has no command, and its user fits the column.
    assert_eq!((headers, issues), (1, 2));
    let rows = rows(&read(freebsd_reader(), text.as_bytes()));
    let name = |row: &Row<'_>| match row {
        Row::Process(pid, ProcessFact::Name(name)) => Some((*pid, name.escaped().into_owned())),
        _ => None,
    };
    let names: Vec<_> = rows.iter().filter_map(name).collect();
    assert_eq!(names, [(4712, "longserver".to_owned()), (4713, "my long se".to_owned())]);
}

#[test]
fn a_command_may_hold_blanks_numbers_and_newlines() {
    let text = "www      1 2 tcp4   4711 6   tcp4   192.0.2.1:80          *:*\n\
        www      a\nb c        4711 7   tcp4   192.0.2.1:81          *:*\n\
        www      \nd        4711 8   tcp4   192.0.2.1:82          *:*\n\
        www      x\n\ny       4711 9   tcp4   192.0.2.1:83          *:*\n";
    assert_eq!(
        seen(freebsd_reader(), text).0,
        [
            "tcp 192.0.2.1|80 - unknown 4711/6/1 2 tcp4",
            r"tcp 192.0.2.1|81 - unknown 4711/7/a\x0ab c",
            r"tcp 192.0.2.1|82 - unknown 4711/8/\x0ad",
            r"tcp 192.0.2.1|83 - unknown 4711/9/x\x0a\x0ay",
        ]
    );
}

/// Names that look like the first columns of a row that is not in the schema.
#[test]
fn a_command_that_looks_like_columns_hides_no_socket() {
    let freebsd =
        |name: &str| format!("www      {name}  4711 6   tcp4   192.0.2.1:80          *:*\n");
    let netbsd = |name: &str| format!("www      {name}  4711 6 tcp    192.0.2.1.80          *.*\n");
    let names = ["x 1 2 seq", "x 1 2 div", "x ? ? seq", "x 1 2 rdm"];
    for name in names {
        for (reader, text) in [(freebsd_reader(), freebsd(name)), (netbsd_reader(), netbsd(name))] {
            let seen = read(reader, text.as_bytes());
            let Row::Socket(socket) = &rows(&seen)[0] else { panic!("{text}") };
            let owners: Vec<_> =
                socket.owners.iter().map(|one| (one.pid, one.name.escaped())).collect();
            assert_eq!(owners, [(4711, name.into())], "{text}");
            let said: Vec<_> =
                seen.issues.iter().map(|one| (one.severity, one.message.as_str())).collect();
            let expected: &[_] = &[(Severity::Note, TWO_READINGS)];
            assert_eq!(said, expected, "{text}");
        }
    }
}

#[test]
fn a_path_with_newlines_forges_no_socket() {
    let forged = "root     sshd       812   3 tcp    192.0.2.1.22          *.*\n";
    let genuine = "www      httpd      4711  6 tcp    192.0.2.1.80          *.*\n";
    let text = format!(
        "root     evil       700   4 stream /tmp/x\n{forged}{genuine}\
         root     evil       700   4 stream /tmp/{0}\n{genuine}",
        "x".repeat(90)
    );
    let seen = read(netbsd_reader(), text.as_bytes());
    let said: Vec<_> =
        seen.issues.iter().map(|one| (one.span.line, one.severity, one.message.as_str())).collect();
    assert_eq!(said, [(2, Severity::Unparsed, QUARANTINE)]);
    let sockets = self::seen(netbsd_reader(), &text).0;
    let expected = "tcp 192.0.2.1|80 - unknown 4711/6/httpd";
    assert_eq!(sockets, [expected, expected]);
}

#[test]
fn a_command_that_fills_its_column_is_told_as_what_may_be_cut() {
    let text = "www      longserver 4711  6   tcp4   192.0.2.1:80          *:*\n";
    let seen = read(freebsd_reader(), text.as_bytes());
    let local = Endpoint { address: [192, 0, 2, 1].into(), port: Some(80), zone: None };
    let mut socket = Socket::new(Transport::Tcp, local, None, State::Unknown);
    let name = HostText::new(b"");
    socket.owners.push(Owner { pid: 4711, fd: Some(6), tid: None, name });
    socket.attribution = Attribution::Owned;
    let name = ProcessFact::Name(HostText::new(b"longserver"));
    let user = ProcessFact::User(HostText::new(b"www"));
    let expected = [Row::Socket(socket), Row::Process(4711, name), Row::Process(4711, user)];
    assert_eq!(rows(&seen), expected);
}

#[test]
fn every_address_of_an_association_is_a_row_of_its_owner() {
    let text = "www      diameter   4711  6   sctp4  192.0.2.1:3868        198.51.100.7:3868     ACTIVE       ESTABLISHED\n\
        \x20                                     192.0.2.2:3868        198.51.100.8:3868     INACTIVE\n\
        \x20                                     192.0.2.3:3868\n";
    assert_eq!(
        seen(freebsd_reader(), text),
        (
            vec![
                "sctp 192.0.2.1|3868 198.51.100.7|3868 established 4711/6/diameter".to_owned(),
                "sctp 192.0.2.2|3868 198.51.100.8|3868 unknown 4711/6/diameter".to_owned(),
            ],
            0,
            1
        )
    );
}

#[test]
fn netbsd_has_points_before_ports_and_numbers_of_protocols() {
    let text = "USER     COMMAND    PID   FD PROTO  LOCAL ADDRESS         FOREIGN ADDRESS\n\
        www      httpd      4711   3 tcp6   2001:db8::1.443       2001:db8::2.50000\n\
        root     dhcpcd     44     9 udp    *.68                  *.*\n\
        root     ping       45     3 2/1    *.*                   *.*\n\
        root     syslogd    46     4 stream /var/run/log          -\n\
        root     thing      47     4 31/1/0 \n";
    assert_eq!(
        seen(netbsd_reader(), text),
        (
            vec![
                "tcp 2001:db8::1|443 2001:db8::2|50000 unknown 4711/3/httpd".to_owned(),
                "udp 0.0.0.0|68 - unconnected 44/9/dhcpcd".to_owned(),
                "raw 0.0.0.0|* - unconnected 45/3/ping".to_owned(),
            ],
            3,
            0
        )
    );
}

#[test]
fn what_is_no_row_is_an_issue_and_costs_no_other() {
    let text = "sockstat: oops\nroot     sshd       812   3   tcp4   192.0.2.1:22 *:*\n\
        root     sshd       812   3   tcp4   192.0.2.1:99999 *:*\nroot     sshd       812   3   tcp4   192.0.2.1:2";
    let (sockets, _, issues) = seen(freebsd_reader(), text);
    assert_eq!((sockets.len(), issues), (1, 3));
}
