//! What holds for any input.

use std::time::Duration;

use fleetstat::model::parsed::{Reader, Severity, Span};
use fleetstat::model::socket::Family;
use fleetstat::probe::linux::netstat::{self, Width};
use fleetstat::probe::linux::proc_net::{self, Table};
use fleetstat::probe::linux::{busybox_netstat, ss};
use fleetstat::probe::unix::lsof;
use fleetstat::probe::windows;
use proptest::prelude::*;

use crate::cannot::{Whole, forget};
use crate::collect::{Collected, read, read_cut};
use crate::generate::{self, NETSTAT_HEADER, PROC_HEADER, Random, SS_HEADER};
use crate::render::{self, printed, proc_facts, proc_row};

/// Pieces from which text near the grammar is made.
const PIECES: [&[u8]; 52] = [
    b"\n",
    b"\n",
    b"\n",
    b" ",
    b"\t",
    b"\r\n",
    b"tcp",
    b"udp ",
    b"raw ",
    b"nl ",
    b"LISTEN ",
    b"ESTAB ",
    b"UNCONN ",
    b"0 ",
    b"0 128 ",
    b"*:22 ",
    b"*:* ",
    b"0.0.0.0:80 ",
    b"[::]:80 ",
    b":::22 ",
    b"1.2.3.4%eth0:68 ",
    b"users:((\"",
    b"\",pid=7,fd=3)",
    b",(\"",
    b")",
    b"))",
    b"\",1,2)",
    b"ino:7 ",
    b"sk:a1 ",
    b"uid:5 ",
    b"timer:(on,1.204ms,3) ",
    b"cgroup:/a b",
    b" v6only:1",
    b" <->",
    b"tcp LISTEN 0 128 *:22 *:* users:((\"a",
    b"tcp ESTAB 0 0 1.2.3.4:5 6.7.8.9:10\n",
    b"Netid State Recv-Q Send-Q Local Address:Port Peer Address:Port\n",
    b"   1: 0100007F:9C40 0100007F:1F90 01 00000A00:00000010 01:00000014 00000002 0 7 87151 1 0\n",
    b"  sl  local_address rem_address   st",
    b"Proto Recv-Q Send-Q Local Foreign State User Inode PID/Program name Timer\n",
    b"Active ",
    b"tcp6 0 0 :::22 :::* LISTEN 0 9 7/a",
    b"udp 0 0 1.2.3.4:5 0.0.0.0:* 0 9 -",
    b"raw 0 0 0.0.0.0:1 0.0.0.0:* 7 0 9 -",
    b"2001:db8:1111:222:65535 ",
    b"off (0.00/0/0)",
    b" on (1.20/3/0)\n",
    b"p7\0ca\\nb\0\n",
    b"f3\0tIPv6\0d9\0PTCP\0n[::1]:5->*:6\0TST=LISTEN\0\n",
    b"\0",
    b"n*:9",
    b"\xff",
];

fn text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        9 => proptest::sample::select(PIECES.to_vec()).prop_map(<[u8]>::to_vec),
        1 => proptest::collection::vec(any::<u8>(), 0..8),
    ];
    proptest::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

fn readers() -> Vec<Box<dyn Reader>> {
    vec![
        ss::reader(None),
        ss::reader(Some(Family::Ipv4)),
        ss::reader(Some(Family::Ipv6)),
        proc_net::reader(Table::Auto),
        proc_net::reader(Table::Raw6),
        netstat::reader(Width::Auto),
        netstat::reader(Width::Narrow),
        busybox_netstat::reader(Width::Wide),
        lsof::reader(),
    ]
}

/// Asserts that every line with text lies in exactly one span.
fn assert_covered(text: &[u8], collected: &Collected) {
    let unparsed = collected.issues.iter().filter(|issue| issue.severity == Severity::Unparsed);
    let mut spans: Vec<Span> = collected.row_spans.clone();
    spans.extend(&collected.headers);
    spans.extend(unparsed.map(|issue| issue.span));
    spans.sort_by_key(|span| span.start);
    for pair in spans.windows(2) {
        assert!(pair[0].end <= pair[1].start, "{pair:?}");
    }
    let mut start = 0_u64;
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        let end = start + line.len() as u64;
        let covered = spans.iter().any(|span| span.start <= start && end <= span.end);
        assert!(covered || line.trim_ascii().is_empty(), "{}", line.escape_ascii());
        start = end;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics_and_no_line_is_lost(text in text()) {
        for reader in readers() {
            assert_covered(&text, &read(reader, &text));
        }
    }

    #[test]
    fn where_chunks_are_cut_makes_no_difference(text in text(), cut in 1_usize..40) {
        for (one, other) in readers().into_iter().zip(readers()) {
            prop_assert_eq!(read_cut(one, &text, cut), read(other, &text));
        }
    }

    #[test]
    fn sockets_printed_by_ss_are_read_back(printed in proptest::collection::vec(printed(), 0..6)) {
        let mut text = SS_HEADER.to_vec();
        for socket in &printed {
            render::ss_row(&mut text, socket);
        }
        let collected = read(ss::reader(None), &text);
        let shown = text.escape_ascii().to_string();
        prop_assert_eq!(&collected.issues, &[], "{}", &shown);
        let expected: Vec<_> = printed.iter().map(|printed| printed.socket.clone()).collect();
        prop_assert_eq!(collected.sockets, expected, "{}", &shown);
    }

    #[test]
    fn sockets_printed_by_netstat_are_read_back_but_for_what_it_cannot_say(
        printed in proptest::collection::vec(printed(), 0..6)
    ) {
        let gaps = fleetstat::probe::by_id("linux/netstat-wide").unwrap().cannot_say;
        let expected: Vec<_> = printed.iter().map(|printed| {
            let owners = printed.socket.owners.iter();
            let argv0 = owners.map(|owner| owner.name.bytes().to_vec()).collect();
            forget(gaps, &Whole { socket: printed.socket.clone(), argv0 })
        }).collect();
        let mut text = NETSTAT_HEADER.to_vec();
        for socket in &expected {
            render::netstat_row(&mut text, socket);
        }
        let collected = read(netstat::reader(Width::Wide), &text);
        let shown = text.escape_ascii().to_string();
        prop_assert_eq!(&collected.issues, &[], "{}", &shown);
        prop_assert_eq!(collected.sockets, expected, "{}", &shown);
    }

    #[test]
    fn sockets_printed_by_the_kernel_are_read_back(printed in printed()) {
        let socket = proc_facts(&printed);
        let text = proc_row(&socket);
        let collected = read(proc_net::reader(render::table(&socket)), text.as_bytes());
        prop_assert_eq!(&collected.issues, &[], "{}", &text);
        prop_assert_eq!(collected.sockets, vec![socket], "{}", &text);
    }
}

#[test]
fn generated_text_is_understood_whole() {
    let mut random = Random(3);
    let (mut ss_text, mut proc_text) = (SS_HEADER.to_vec(), PROC_HEADER.to_vec());
    for index in 0..2_000 {
        generate::ss_row(&mut ss_text, &mut random, index);
        generate::proc_row(&mut proc_text, &mut random, index);
    }
    let (mut netstat_text, mut lsof_text) = (NETSTAT_HEADER.to_vec(), Vec::new());
    for index in 0..2_000 {
        generate::netstat_row(&mut netstat_text, &mut random, index);
        generate::lsof_row(&mut lsof_text, &mut random, index);
    }
    let mut windows_text = generate::WINDOWS_NETSTAT_HEADER.to_vec();
    (0..2_000)
        .for_each(|index| generate::windows_netstat_row(&mut windows_text, &mut random, index));
    for (reader, text) in [
        (ss::reader(None), ss_text),
        (proc_net::reader(Table::Auto), proc_text),
        (netstat::reader(Width::Wide), netstat_text),
        (lsof::reader(), lsof_text),
        (windows::netstat::reader(), windows_text),
    ] {
        let collected = read(reader, &text);
        assert_eq!((collected.sockets.len(), collected.issues.len()), (2_000, 0));
    }
}

/// Time this thread has spent on a processor, so that other work on the machine does not count:
/// the first number of schedstat, nanoseconds (proc(5)).
pub(crate) fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("needs Linux");
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

fn best_time(text: &[u8]) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..3 {
        let start = cpu_time();
        for reader in readers() {
            drop(read(reader, text));
        }
        best = best.min(cpu_time().saturating_sub(start));
    }
    best
}

#[test]
fn time_grows_with_the_size_of_the_worst_inputs() {
    let row: &[u8] = b"tcp LISTEN 0 128 *:22 *:* ";
    // One line, as long as a parser keeps, and lines that hold a row open.
    let long = |piece: &[u8]| [row, &piece.repeat((60 << 10) / piece.len()), b"\n"].concat();
    let worst = [
        long(b"users:(("),
        long(b"users:((\""),
        [row, &long(b"\",pid=1,fd=2),(\"")].concat(),
        long(b"users:((\"\",pid=1,proc_ctx="),
        long(b"cgroup:a skmem:( "),
        long(b"cgroup:a b "),
        long(b"timer:(on,1sec,0) "),
        [row, b"users:((\"x\n", &b"\"\n".repeat(14)].concat(),
        [row, b"users:((\"\",pid=1,fd=2))\n", &b"x\n".repeat(14)].concat(),
        long(b"tcp 0 0 1.2.3.4:5 6.7.8.9:1 LISTEN 0 9 7/("),
        [NETSTAT_HEADER, &b"tcp 0 0 1.2.3.4:5 6.7.8.9:1 LISTEN 0 9 7/x\n".repeat(99)].concat(),
        [NETSTAT_HEADER, b"tcp 0 0 1.2.3.4:5 6.7.8.9:1 LISTEN 0 9 7/x\n", &b"y\n".repeat(60)]
            .concat(),
        [&b"p7\0"[..], &long(b"c\\x")].concat(),
        [row, b"users:((\"\n\",pid=1,fd=2)", &b",(\"\n\",pid=1,fd=2)".repeat(3_000)].concat(),
    ];
    for piece in worst {
        let small = piece.repeat((256 << 10) / piece.len() + 1);
        let big = small.repeat(8);
        let (short, long) = (best_time(&small), best_time(&big));
        let shown = piece.get(..60).unwrap_or(&piece).escape_ascii();
        // The clock of CPU time ticks in steps of 10 ms on some machines: a short time may read as none.
        let short = short.max(Duration::from_millis(10));
        assert!(long < short * 32 + Duration::from_millis(20), "{short:?} {long:?} {shown}");
        // A debug build, nine readers: 2 MB in far less than ten seconds.
        assert!(long < Duration::from_secs(10), "{long:?} {shown}");
    }
}
