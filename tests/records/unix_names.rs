//! Names of unix sockets that imitate rows of `ss`, and what the kernel no longer knows of a socket.

use fleetstat::model::parsed::Severity;
use fleetstat::model::socket::Family;
use fleetstat::probe::linux::proc_net::{self, Table};
use fleetstat::probe::linux::ss;

use crate::collect::{Collected, describe, read};

const HEADER: &str = "Netid State  Recv-Q Send-Q Local Address:Port Peer Address:Port Process\n";
const FORGED: &str = "tcp LISTEN 0 9 0.0.0.0:22 0.0.0.0:* users:((\"sshd\",pid=1,fd=3))";
const TRUE: &str = "tcp   LISTEN 0      128          0.0.0.0:80        0.0.0.0:*     users:((\"nginx\",pid=7,fd=6))\n";

fn rows(collected: &Collected) -> Vec<String> {
    collected.sockets.iter().map(describe).collect()
}

/// Rows, headers, and the lines of issues.
fn seen(text: &str) -> (Vec<String>, usize, Vec<u64>) {
    let collected = read(ss::reader(Some(Family::Ipv4)), text.as_bytes());
    assert!(collected.issues.iter().all(|issue| issue.severity == Severity::Unparsed), "{text}");
    let lines = collected.issues.iter().map(|issue| issue.span.line).collect();
    (rows(&collected), collected.headers.len(), lines)
}

/// The row of a unix socket with this name, as every version prints it.
fn unix(name: &str) -> String {
    format!(
        "u_str LISTEN 0      128      {name}      87177      * 0     users:((\"x\",pid=9,fd=5))\n"
    )
}

#[test]
fn a_name_with_newlines_makes_no_row_however_it_ends_its_lines() {
    let expected = "tcp listen 0.0.0.0:80 - backlog=0 max=128 owner=7:6:nginx owned";
    for (name, issues) in [
        // The row has no end of its own.
        (format!("@x\n{FORGED}\ny"), vec![2, 3, 4]),
        (format!("@x\n{FORGED}"), vec![2, 3]),
        // It is given one, and so is what follows.
        (format!("@x 1 * 2\n{FORGED}\ny"), vec![3, 4]),
        (format!("@x 1 * 2\n{FORGED}\nu_str LISTEN 0 5 @y"), vec![3]),
        (format!("@x 1 * 2\n{FORGED}"), vec![3]),
        // The end is made a part of an owner's name.
        ("@x 1 * 2\ntcp LISTEN 0 9 0.0.0.0:22 0.0.0.0:* users:((\"".to_owned(), vec![3]),
        (
            "@x\nu_str ESTAB 0 0 @y 3 * 4\ntcp LISTEN 0 9 0.0.0.0:22 0.0.0.0:*".to_owned(),
            vec![2, 4],
        ),
    ] {
        // What stands behind is as far away as real rows are.
        let text = format!("{HEADER}{}{}{TRUE}", unix(&name), unix("@z"));
        let (found, _, lines) = seen(&text);
        assert_eq!(found, [expected], "{name}");
        assert_eq!(lines, issues, "{name}");
    }
}

#[test]
fn rows_near_whole_rows_of_unix_sockets_are_read() {
    let text = format!(
        "{HEADER}nl    UNCONN 0      0      rtnl:kernel *\n\
         u_str ESTAB 0 0 * 1 * 2\n\t skmem:(r0,rb1)\nu_dgr UNCONN 0 0 @a b 3 * 0 <->\n <->\n{FORGED}\n{TRUE}"
    );
    let (found, headers, lines) = seen(&text);
    assert_eq!((found.len(), headers, lines), (2, 6, vec![]));
    // At the end of the text, too.
    let (found, headers, lines) = seen(&format!("u_str ESTAB 0 0 * 1 * 2\n{FORGED}\n"));
    assert_eq!((found.len(), headers, lines), (1, 1, vec![]));
}

#[test]
fn what_is_no_row_of_another_socket_is_an_issue() {
    for line in ["nl", "nl UNCONN", "u_str forged", "v_str LISTEN x y", "unknown thing"] {
        assert_eq!(seen(&format!("{line}\n")), (vec![], 0, vec![1]), "{line}");
    }
}

#[test]
fn a_socket_without_a_file_has_no_user_that_the_kernel_knows() {
    let text = "\
tcp   FIN-WAIT-1 0      1      10.0.0.1:22 10.0.0.2:5 timer:(on,200ms,0) ino:0 sk:1
tcp   FIN-WAIT-1 0      1      10.0.0.1:22 10.0.0.2:6 uid:0 ino:0 sk:1
tcp   FIN-WAIT-1 0      1      10.0.0.1:22 10.0.0.2:7 uid:33 ino:0 sk:1
tcp   ESTAB      0      1      10.0.0.1:22 10.0.0.2:8 ino:9 sk:1
";
    let collected = read(ss::reader(Some(Family::Ipv4)), text.as_bytes());
    let uids: Vec<_> = collected.sockets.iter().map(|socket| socket.uid).collect();
    assert_eq!(uids, [None, None, Some(33), Some(0)]);
    let table = |uid: u32, inode: u32| {
        format!(
            "   0: 0100007F:9C40 0100007F:1F90 04 00000000:00000000 00:00000000 00000000 {uid:5}        0 \
             {inode} 1 00000000407424b3 20 4 1 10 -1\n"
        )
    };
    let text = [table(0, 0), table(33, 0), table(0, 9)].concat();
    let collected = read(proc_net::reader(Table::Tcp), text.as_bytes());
    let uids: Vec<_> = collected.sockets.iter().map(|socket| socket.uid).collect();
    assert_eq!(uids, [None, Some(33), Some(0)]);
}

#[test]
fn old_rows_from_proc_tell_user_inode_and_socket_with_an_equals_sign() {
    let text = "udp   UNCONN     0      0                      *:68                       *:*      users:((\"dhclient\",48,6)) uid=33 ino=55 sk=ffff880037\n";
    let collected = read(ss::reader(Some(Family::Ipv4)), text.as_bytes());
    assert_eq!(
        rows(&collected),
        [
            "udp unconnected 0.0.0.0:68 - rq=0 sq=0 uid=33 ino=55 sk=ffff880037 owner=48:6:dhclient owned"
        ]
    );
}
