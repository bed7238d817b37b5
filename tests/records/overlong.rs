//! Rows of `ss` that are longer than anything is read: by the blanks that it pads every row with to the
//! width of its widest, or by their owners.

use std::fmt::Write as _;

use fleetstat::model::parsed::{LINE_BYTES_MAX, Severity};
use fleetstat::probe::linux::ss;

use crate::collect::{Collected, describe, read, read_cut};

const CUT: &str = "row is longer than 64 KiB: owners and what follows them may be missing";
const FRONT: &str = "tcp LISTEN 0 7 127.0.0.1:1 0.0.0.0:* ";

/// The owner list of a process that holds one socket so many times, without its end.
fn list(name: &str, times: usize) -> String {
    let mut list = "users:(".to_owned();
    for fd in 0..times {
        write!(list, "{}(\"{name}\",pid=77,fd={fd})", if fd == 0 { "" } else { "," }).unwrap();
    }
    list
}

fn told(collected: &Collected) -> Vec<(Severity, u64, &str)> {
    collected.issues.iter().map(|i| (i.severity, i.span.line, i.message.as_str())).collect()
}

#[test]
fn the_width_of_one_row_costs_no_other_row_anything() {
    let padded = |row: &str| format!("{row}{}\n", " ".repeat(3 * LINE_BYTES_MAX - row.len()));
    let mut text = String::new();
    for port in 1..=20 {
        let row = format!(
            "tcp LISTEN 0 7 127.0.0.1:{port} 0.0.0.0:* users:((\"a\",pid=7,fd=3)) ino:{port} sk:1 <->"
        );
        text += &padded(&row);
    }
    // A name with a newline and a name that ends in blanks, below padding.
    let names = format!("{FRONT}users:((\"x  \n y\",pid=8,fd=4)) ino:90 sk:2 <->");
    text += &padded(&names);
    let collected = read(ss::reader(None), text.as_bytes());
    assert_eq!(collected.issues, []);
    let rows: Vec<String> = collected.sockets.iter().map(describe).collect();
    let mut expected: Vec<String> = (1..=20)
        .map(|port| {
            format!(
                "tcp listen 127.0.0.1:{port} - backlog=0 max=7 uid=0 ino={port} sk=1 owner=7:3:a owned"
            )
        })
        .collect();
    expected.push(rows[20].clone());
    assert_eq!(rows, expected);
    assert_eq!(collected.sockets[20].owners[0].name.bytes(), b"x  \n y");
    assert_eq!(collected.sockets[20].inode, Some(90));
    for chunk in [1000, LINE_BYTES_MAX] {
        let other = read_cut(ss::reader(None), text.as_bytes(), chunk);
        assert_eq!(other.sockets, collected.sockets);
    }
}

#[test]
fn a_row_with_more_owners_than_fit_keeps_its_socket_and_the_first_of_them() {
    let next = "tcp LISTEN 0 7 127.0.0.1:2 0.0.0.0:*\n";
    // Uncut as before iproute2 4.16, and cut at 65,535 bytes of the field, as since.
    let whole = format!("{FRONT}{}) uid:33 ino:5 sk:1 <->\n{next}", list("fifteen_bytes_a", 2300));
    let mut cut = whole.clone();
    cut.replace_range(FRONT.len() + 65_535..whole.len() - next.len() - 1, "");
    for text in [whole, cut] {
        let collected = read(ss::reader(None), text.as_bytes());
        assert_eq!(told(&collected), [(Severity::Note, 1, CUT)]);
        let socket = &collected.sockets[0];
        let rest = |socket: &fleetstat::model::socket::Socket<'static>| {
            let mut socket = socket.clone();
            socket.owners.clear();
            describe(&socket)
        };
        assert_eq!(rest(socket), "tcp listen 127.0.0.1:1 - backlog=0 max=7 truncated ambiguous");
        assert!(socket.owners.len() > 1500, "{}", socket.owners.len());
        let fds = socket.owners.iter().map(|owner| (owner.pid, owner.fd, owner.name.bytes()));
        assert!(
            fds.eq((0..)
                .map(|fd| (77, Some(fd), &b"fifteen_bytes_a"[..]))
                .take(socket.owners.len()))
        );
        assert_eq!(collected.sockets[1].local.port, Some(2));
    }
}

/// Wherever the row is cut, no name can forge an owner: what would give it away may be missing.
#[test]
fn no_name_at_the_cut_forges_an_owner() {
    for name in ["\",pid=1,fd=2),(", "\",pid=1,fd=2)) ", "\",pid=1,fd=2)", "a"] {
        let row = list(name, 2300);
        for pad in 0..60 {
            let text = format!("{}{FRONT}{row})\n", " ".repeat(pad));
            let collected = read(ss::reader(None), text.as_bytes());
            let [socket] = collected.sockets.as_slice() else { panic!("{name} {pad}") };
            assert!(socket.owners.len() > 1000);
            assert!(socket.owners.iter().all(|owner| owner.pid == 77), "{name} {pad}");
        }
    }
}

#[test]
fn a_long_line_that_is_no_row_is_an_issue_and_below_an_open_row_too() {
    let long = "x".repeat(LINE_BYTES_MAX + 1);
    let message = "line is longer than 64 KiB";
    let collected = read(ss::reader(None), format!("{long}\n").as_bytes());
    assert_eq!(told(&collected), [(Severity::Unparsed, 1, message)]);
    let open = format!("{FRONT}users:((\"a\n{long}\ntcp LISTEN 0 7 127.0.0.1:2 0.0.0.0:*\n");
    let collected = read(ss::reader(None), open.as_bytes());
    let torn = "owner list has no end: owners may be missing";
    assert_eq!(told(&collected), [(Severity::Note, 1, torn), (Severity::Unparsed, 2, message)]);
    assert_eq!(collected.sockets.len(), 2);
    // Neither protocol nor state: a name is long enough for such a row, but not for its owners.
    let title = "Recv-Q Send-Q Local Address:Port Peer Address:Port";
    let owners = list("b", 4000);
    let bare = format!(
        "{title}\n0 0 *:1 *:2 users:((\"a\n0 0 *:7 *:8 \",pid=77,fd=3),{}\n",
        owners.trim_start_matches("users:(")
    );
    let collected = read(ss::reader(None), bare.as_bytes());
    assert!(collected.sockets.iter().all(|socket| socket.local.port == Some(1)));
}
