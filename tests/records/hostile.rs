//! Process names that imitate what `ss` prints.

use fleetstat::model::socket::Attribution;
use fleetstat::probe::linux::ss;

use crate::collect::read;

/// The row of a listener whose owner has this name, and a plain row after it.
fn rows(name: &[u8], tail: &str) -> Vec<u8> {
    let mut text = b"tcp   LISTEN 0 7 127.0.0.1:7001 0.0.0.0:* users:((\"".to_vec();
    text.extend_from_slice(name);
    text.extend_from_slice(b"\",pid=77,fd=33))");
    text.extend_from_slice(tail.as_bytes());
    text.extend_from_slice(
        b"\ntcp   LISTEN 0 7 127.0.0.1:7002 0.0.0.0:* users:((\"ok\",pid=5,fd=6)) ino:9 sk:2 <->\n",
    );
    text
}

const NAMES: [&[u8]; 34] = [
    b"users:((",
    b"comma,fd=3",
    b"a)b,pid=9,\"q",
    b"new\nline",
    b"tab\tname",
    b"my server",
    b"\x1b[31mred",
    b"\xff\xfe\x80",
    b"",
    b"\"",
    b"\\",
    b"%s%n",
    b"(sd-pam)",
    b"a)b",
    b"\",pid=1,fd=2)",
    b"\",pid=1,fd=2),",
    b"\",pid=1,fd=2))",
    b"\",pid=1,fd=2)) ",
    b"\",pid=1,fd=2))\t",
    b"\",pid=1,fd=2))\n",
    b"\",pid=1,fd=2)\n",
    b"\",pid=1,fd=2),(",
    b"\",1,2))",
    b"\",1,2)) ",
    b"x\",1,2),(\"y",
    b"\ntcp ESTAB 0 0 ",
    b"\nnl ESTAB 0 0 ",
    b"\nUNCONN 0 0 *:1",
    b"\nNetid",
    b"\n\n\n",
    b"\n",
    b"a\r\nb\r",
    b"\n\tskmem:(r0",
    b"ino:1 uid:0 sk:",
];

#[test]
fn no_name_changes_the_owner_or_the_next_row() {
    for name in NAMES {
        for tail in
            ["", "   ", " ino:8 sk:1 cgroup:/a.slice <->", " timer:(on,200ms,0) uid:5 ino:8 sk:1"]
        {
            let shown = name.escape_ascii();
            let collected = read(ss::reader(None), &rows(name, tail));
            assert_eq!(collected.issues, [], "{shown} {tail}");
            let owners: Vec<_> = collected
                .sockets
                .iter()
                .flat_map(|s| &s.owners)
                .map(|o| (o.pid, o.fd, o.name.bytes()))
                .collect();
            let expected: [(u32, Option<u32>, &[u8]); 2] =
                [(77, Some(33), name), (5, Some(6), b"ok")];
            assert_eq!(owners, expected, "{shown} {tail}");
            let ports: Vec<_> = collected.sockets.iter().map(|s| s.local.port).collect();
            assert_eq!(ports, [Some(7001), Some(7002)], "{shown} {tail}");
            let control = collected.sockets[0].owners[0].name.has_control();
            assert_eq!(collected.sockets[0].flags.name_has_control, control, "{shown}");
        }
    }
}

#[test]
fn a_broken_row_that_never_becomes_whole_keeps_its_own_and_costs_no_other_row() {
    let text = b"tcp LISTEN 0 7 127.0.0.1:1 0.0.0.0:* users:((\"x\nrest of it\ntcp LISTEN 0 7 127.0.0.1:2 0.0.0.0:*\n";
    let collected = read(ss::reader(None), text);
    let spans: Vec<_> = collected.unparsed().iter().map(|i| (i.span.start, i.span.end)).collect();
    let last = text.len() - b"tcp LISTEN 0 7 127.0.0.1:2 0.0.0.0:*\n".len();
    assert_eq!(spans, [((last - b"rest of it\n".len()) as u64, last as u64)]);
    let seen: Vec<_> = collected
        .sockets
        .iter()
        .map(|s| (s.local.port, s.owners.len(), s.flags.truncated, s.attribution))
        .collect();
    let (torn, plain) = (Attribution::Ambiguous, Attribution::Unsupported);
    assert_eq!(seen, [(Some(1), 0, true, torn), (Some(2), 0, false, plain)]);
}
