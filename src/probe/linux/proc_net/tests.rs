//! Protocol, age and byte order of a table.

use super::*;
use crate::probe::testing::{read, rows};

const TAIL: &str = "00000000:00000000 00:00000000 00000000     0        0 5 1 0 100 0 0 10 0\n";

fn sockets(reader: Box<dyn Reader>, text: &str) -> Vec<Socket<'static>> {
    let seen = read(reader, text.as_bytes());
    assert_eq!(seen.issues, []);
    let socket = |row| if let Row::Socket(socket) = row { socket } else { panic!("{row:?}") };
    rows(&seen).into_iter().map(socket).collect()
}

#[test]
fn an_old_kernel_prints_users_signed_and_overdue_timers_negative() {
    let row = |time: &str, user: &str| {
        format!(
            "   0: 0100007F:1F90 0200007F:9C40 01 00000000:00000000 01:{time} 00000000 \
             {user:>5}        0 5 1 ffff88003d3af3c0 20 4 0 10 -1\n"
        )
    };
    for (time, user, expires_ms, uid) in [
        ("FFFFFFFFFFFFFF38", "-2", 0, 4_294_967_294),
        ("FFFFFF38", "-1", 0, u32::MAX),
        ("00000014", "4294967294", 200, 4_294_967_294),
        ("100000014", "0", 42_949_673_160, 0),
    ] {
        let seen = sockets(reader(Table::Tcp), &row(time, user));
        let timer =
            Timer { kind: TimerKind::On, expires_ms: Some(expires_ms), retransmits: Some(0) };
        assert_eq!((seen[0].timer, seen[0].uid), (Some(timer), Some(uid)), "{time} {user}");
    }
}

#[test]
fn udp_of_a_kernel_without_drops_is_told_by_the_width_of_its_header() {
    let names = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   \
                 uid  timeout inode";
    let row = format!("   0: 00000000:0044 00000000:0000 07 {TAIL}");
    let first = |text: String| {
        let seen = rows(&read(reader(Table::Auto), text.as_bytes()));
        let Some(Row::Socket(seen)) = seen.first() else { panic!("{seen:?}") };
        (seen.transport, seen.state)
    };
    assert_eq!(first(format!("{names:<127}\n{row}")), (Transport::Udp, State::Unconnected));
    assert_eq!(first(format!("{names:<149}\n{row}")), (Transport::Tcp, State::Closed));
}

#[test]
fn a_text_alone_tells_its_protocol_or_that_it_does_not() {
    let v4 = "sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt                     uid  timeout inode";
    let v6 = "  sl  local_address                         remote_address                                          st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops";
    let row = |ends: &str, drops: &str| {
        format!(
            "  44: {ends} 07 00000000:00000000 00:00000000 00000000     0        0 5 2 ffff{drops}
"
        )
    };
    let any = "0".repeat(32);
    let (icmp, port) = ("00000000:0001 00000000:0000", "00000000:1E61 00000000:0000");
    let icmp6 = format!("{any}:003A {any}:0000");
    let port6 = format!("{any}:1E61 {any}:0000");
    let drops = " ref pointer drops";
    for (header, row, transport, note) in [
        (format!("  {v4}{drops}"), row(icmp, " 0"), Transport::Raw, None),
        // Somebody took the blanks off at the ends of lines.
        (format!("  {v4}{drops}"), row(port, " 0"), Transport::Udp, Some(UDP_OR_LITE)),
        (format!("   {v4}{drops}"), row(icmp, " 0"), Transport::Udp, Some(UDP_OR_LITE)),
        (format!("   {v4}{drops:<31}"), row(port, " 0"), Transport::Udp, Some(UDP_OR_LITE)),
        (v6.to_owned(), row(&icmp6, " 0"), Transport::Udp, Some(UDP_OR_RAW)),
        (v6.to_owned(), row(&port6, " 0"), Transport::Udp, Some(UDP_OR_LITE)),
        (format!("  {v4}{:53}", ""), row(icmp, ""), Transport::Udp, Some(UDP_OR_RAW)),
        (format!("  {v4}"), row(port, ""), Transport::Udp, Some(UDP_OR_LITE)),
    ] {
        let seen = read(
            reader(Table::Auto),
            format!(
                "{header}
{row}{row}"
            )
            .as_bytes(),
        );
        let notes: Vec<_> = seen.issues.iter().map(|issue| issue.message.as_str()).collect();
        assert_eq!(
            notes,
            note.into_iter().collect::<Vec<_>>(),
            "{header}
{row}"
        );
        for row in rows(&seen) {
            let Row::Socket(socket) = row else { panic!("{row:?}") };
            let expected = (transport, State::Unconnected);
            assert_eq!((socket.transport, socket.state), expected, "{header}");
        }
    }
}

#[test]
fn a_big_endian_host_prints_the_words_in_network_order() {
    let text = format!(
        "   0: 7F000001:1F90 00000000:0000 0A {TAIL}   1: \
         20010DB8000000000000000000000001:0016 00000000000000000000FFFFC0000201:9C40 01 {TAIL}"
    );
    let seen = sockets(big_endian_reader(), &text);
    let ends: Vec<_> = seen
        .iter()
        .map(|socket| (socket.local.address, socket.remote.as_ref().map(|end| end.address)))
        .collect();
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    assert_eq!(
        ends,
        [(address("127.0.0.1"), None), (address("2001:db8::1"), Some(address("192.0.2.1"))),]
    );
}

#[test]
fn unix_sockets_are_known_and_a_path_that_is_torn_is_an_issue() {
    let text = b"Num       RefCount Protocol Flags    Type St Inode Path\n\
        0000000000000000: 00000002 00000000 00010000 0001 01 3442596 /run/a b\n\
        ffff88003d3af3c0: 00000003 00000000 00000000 0001 03 5091797\ntorn\n";
    let seen = read(reader(Table::Tcp), text);
    assert_eq!((seen.rows.len(), seen.headers.len(), seen.issues.len()), (0, 3, 1));
}
