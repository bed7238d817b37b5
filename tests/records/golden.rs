//! Text of every generation of the tools, with what it means.

use fleetstat::model::parsed::Severity;
use fleetstat::model::socket::Family;
use fleetstat::probe::linux::proc_net::{self, Endianness, Table};
use fleetstat::probe::linux::ss;

use crate::collect::{Collected, describe, read};

fn rows(collected: &Collected) -> Vec<String> {
    collected.sockets.iter().map(describe).collect()
}

fn ss_rows(family: Option<Family>, text: &str) -> Vec<String> {
    let collected = read(ss::reader(family), text.as_bytes());
    assert_eq!(collected.unparsed(), [] as [&fleetstat::model::parsed::Issue; 0]);
    rows(&collected)
}

#[test]
fn rhel_6_names_udp_tcp_and_prints_owners_without_words() {
    let text = "\
Netid State      Recv-Q Send-Q    Local Address:Port      Peer Address:Port
tcp   UNCONN     0      0                     *:111                  *:*      users:((\"rpcbind\",1231,6))
tcp   LISTEN     0      128                  :::22                  :::*      users:((\"sshd\",1300,4),(\"sshd\",1301,4))
tcp   ESTAB      0      52             10.0.0.1:22            10.0.0.9:5022   timer:(on,204ms,0) users:((\"sshd\",1402,3)) uid:0 ino:13 sk:ffff880037
tcp   ESTAB      0      0      ::ffff:10.0.0.1:22     ::ffff:10.0.0.8:5023
";
    assert_eq!(
        ss_rows(None, text),
        [
            "udp unconnected 0.0.0.0:111 - rq=0 sq=0 owner=1231:6:rpcbind owned",
            "tcp listen [::]:22 - backlog=0 max=128 owner=1300:4:sshd owner=1301:4:sshd owned",
            "tcp established 10.0.0.1:22 10.0.0.9:5022 rq=0 sq=52 timer=on,Some(204),Some(0) \
             uid=0 ino=13 sk=ffff880037 owner=1402:3:sshd owned",
            "tcp established 10.0.0.1:22 10.0.0.8:5023 rq=0 sq=0 v4_mapped unsupported",
        ]
    );
}

#[test]
fn two_old_owners_that_fit_one_name_are_ambiguous() {
    let text = "tcp LISTEN 0 5 *:22 *:* users:((\"x\",1,2),(\"y\",77,3)) ino:5 sk:1\n";
    assert_eq!(
        ss_rows(Some(Family::Ipv4), text),
        [
            "tcp listen 0.0.0.0:22 - backlog=0 max=5 uid=0 ino=5 sk=1 owner=1:2:x owner=77:3:y ambiguous"
        ]
    );
}

#[test]
fn a_star_means_what_the_family_of_the_command_says() {
    let row = "tcp LISTEN 0 128 *:22 *:*\n";
    let v4 = "tcp listen 0.0.0.0:22 - backlog=0 max=128 unsupported";
    let v6 = "tcp listen [::]:22 - dual=true backlog=0 max=128 unsupported";
    assert_eq!(ss_rows(Some(Family::Ipv4), row), [v4]);
    assert_eq!(ss_rows(Some(Family::Ipv6), row), [v6]);
    let new = format!("tcp LISTEN 0 1 0.0.0.0:80 0.0.0.0:*\n{row}");
    assert_eq!(ss_rows(None, &new).last().unwrap(), v6);
    let old = format!("tcp LISTEN 0 1 :::80 :::*\n{row}");
    assert_eq!(ss_rows(None, &old).last().unwrap(), v4);
}

#[test]
fn a_star_that_nothing_decides_is_ipv4_with_one_note() {
    let text = b"tcp LISTEN 0 128 *:22 *:*\ntcp LISTEN 0 128 *:23 *:*\n";
    let collected = read(ss::reader(None), text);
    assert_eq!(collected.sockets.len(), 2);
    assert_eq!(collected.sockets[0].family, Family::Ipv4);
    let notes: Vec<_> = collected.issues.iter().map(|i| (i.severity, i.span.line)).collect();
    assert_eq!(notes, [(Severity::Note, 1)]);
}

#[test]
fn rhel_7_has_brackets_and_still_the_old_star() {
    let text = "tcp LISTEN 0 128 *:22 *:*\ntcp LISTEN 0 128 [::]:22 [::]:*\n";
    let both = read(ss::reader(None), text.as_bytes());
    let v4 = "tcp listen 0.0.0.0:22 - backlog=0 max=128 unsupported";
    let v6 = "tcp listen [::]:22 - backlog=0 max=128 unsupported";
    assert_eq!(rows(&both), [v4, v6]);
    let row = "tcp LISTEN 0 128 [::]:22 [::]:*\n";
    assert_eq!(ss_rows(Some(Family::Ipv6), row), [v6]);
}

#[test]
fn a_udp_star_proves_dual_stack_only_together_with_v6only() {
    let text = "\
udp UNCONN 0 0 *:5353 *:*
udp UNCONN 0 0 *:5354 *:* ino:7 sk:2 v6only:0 <->
udp UNCONN 0 0 [::]:5355 [::]:* ino:8 sk:3 v6only:1 <->
";
    assert_eq!(
        ss_rows(Some(Family::Ipv6), text),
        [
            "udp unconnected [::]:5353 - rq=0 sq=0 unsupported",
            "udp unconnected [::]:5354 - dual=true rq=0 sq=0 uid=0 ino=7 sk=2 unsupported",
            "udp unconnected [::]:5355 - dual=false rq=0 sq=0 uid=0 ino=8 sk=3 unsupported",
        ]
    );
}

#[test]
fn raw_sockets_have_a_protocol_in_place_of_a_port() {
    let text = "\
raw   UNCONN 0 0       0.0.0.0:1  0.0.0.0:*
???   UNCONN 0 0       0.0.0.0:89 0.0.0.0:*
icmp6 UNCONN 0 0        *%eth0:58       *:* users:((\"systemd-network\",pid=5,fd=19))
";
    assert_eq!(
        ss_rows(None, text),
        [
            "raw unconnected 0.0.0.0:* - raw=1 rq=0 sq=0 unsupported",
            "raw unconnected 0.0.0.0:* - raw=89 rq=0 sq=0 unsupported",
            "raw unconnected [::]:* - raw=58 dev=eth0 rq=0 sq=0 owner=5:19:systemd-network owned",
        ]
    );
}

#[test]
fn a_device_is_a_zone_only_on_a_link_local_address() {
    let text = "\
udp UNCONN 0 0 0.0.0.0%eth0:68 0.0.0.0:*
udp UNCONN 0 0 [fe80::1]%eth0:546 [::]:*
udp UNCONN 0 0 127.0.0.53%lo:53 0.0.0.0:*
tcp LISTEN 0 9 [2001:db8::1]%eth1.5:80 [::]:*
";
    assert_eq!(
        ss_rows(None, text),
        [
            "udp unconnected 0.0.0.0:68 - dev=eth0 rq=0 sq=0 unsupported",
            "udp unconnected [fe80::1]%eth0:546 - rq=0 sq=0 unsupported",
            "udp unconnected 127.0.0.53:53 - dev=lo rq=0 sq=0 unsupported",
            "tcp listen [2001:db8::1]:80 - dev=eth1.5 backlog=0 max=9 unsupported",
        ]
    );
}

#[test]
fn missing_columns_are_told_by_the_header() {
    let no_netid = "State  Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\n\
                    UNCONN 0 0 127.0.0.1:53 0.0.0.0:*\nESTAB 0 0 127.0.0.1:5 127.0.0.1:6\n";
    assert_eq!(
        ss_rows(None, no_netid),
        [
            "udp unconnected 127.0.0.1:53 - rq=0 sq=0 unsupported",
            "tcp established 127.0.0.1:5 127.0.0.1:6 rq=0 sq=0 unsupported",
        ]
    );
    let no_state = "Netid Recv-Q Send-Q Local Address:Port Peer Address:Port Process\n\
                    tcp 0 0 127.0.0.1:5 127.0.0.1:6\n";
    assert_eq!(
        ss_rows(None, no_state),
        ["tcp unknown 127.0.0.1:5 127.0.0.1:6 rq=0 sq=0 unsupported"]
    );
}

#[test]
fn details_of_i_and_m_are_known_and_carry_no_row() {
    let text = "\
Netid State Recv-Q Send-Q Local Address:Port Peer Address:Port Process
tcp   ESTAB 0      0      10.0.0.1:22 10.0.0.2:5 users:((\"sshd\",pid=1,fd=3)) ino:9 sk:1 cgroup:/a <->
\t skmem:(r0,rb131072,t0,tb2626560,f0,w0,o0,bl0,d0) ts sack cubic wscale:7,7 rto:204 send 12bps bbr:(bw:1bps,mrtt:2) app_limited
tcp   ESTAB 0      0      10.0.0.1:22 10.0.0.3:6 uid:33 ino:10 sk:2 fwmark:0x7 cgroup:/b c <-> skmem:(r0,rb1) ts cubic
u_str LISTEN 0 5 /run/with space 87177 * 0 users:((\"x\",pid=4,fd=5))
";
    let collected = read(ss::reader(None), text.as_bytes());
    assert_eq!(
        rows(&collected),
        [
            "tcp established 10.0.0.1:22 10.0.0.2:5 rq=0 sq=0 uid=0 ino=9 sk=1 cgroup=/a \
             owner=1:3:sshd owned",
            "tcp established 10.0.0.1:22 10.0.0.3:6 rq=0 sq=0 uid=33 ino=10 sk=2 cgroup=/b c \
             unsupported",
        ]
    );
    assert_eq!(collected.headers.len(), 3);
    assert_eq!(collected.issues, []);
}

#[test]
fn threads_and_security_contexts_are_part_of_an_owner() {
    let text = "tcp LISTEN 0 5 127.0.0.1:22 0.0.0.0:* users:((\"a\",pid=1,tid=2,fd=3),(\"b\",pid=4,\
                proc_ctx=system_u:system_r:sshd_t:s0-s0:c0.c5,c7,fd=5,sock_ctx=u:r:t:s0:c1,c2))\n";
    assert_eq!(
        ss_rows(None, text),
        ["tcp listen 127.0.0.1:22 - backlog=0 max=5 owner=1/2:3:a owner=4:5:b owned"]
    );
}

#[test]
fn a_bound_tcp_socket_of_a_new_ss_is_not_udp() {
    let text = "tcp UNCONN 0 0 0.0.0.0:80 0.0.0.0:*\ntcp UNCONN 0 0 *:81 *:* ino:3 sk:2 v6only:0\n";
    assert_eq!(
        ss_rows(None, text),
        [
            "tcp bound 0.0.0.0:80 - rq=0 sq=0 unsupported",
            "tcp bound [::]:81 - dual=true rq=0 sq=0 uid=0 ino=3 sk=2 unsupported",
        ]
    );
}

#[test]
fn a_name_in_place_of_a_number_is_an_issue_that_says_what_to_do() {
    let collected = read(ss::reader(None), b"tcp LISTEN 0 5 *:ssh *:*\n");
    let messages: Vec<_> = collected.issues.iter().map(|i| i.message.as_str()).collect();
    assert_eq!(messages, ["expected two ends as address:port; run ss with -n"]);
}

#[test]
fn what_only_begins_as_a_unix_socket_of_net_tools_is_an_issue() {
    let rows = "Proto RefCnt Flags       Type       State         I-Node   Path\n\
        unix  2      [ ACC ]     STREAM     LISTENING     17344    /run/a b\n\
        unix  3      [ ]         DGRAM                    17345\n\
        unix  tcp 0 0 192.0.2.1:22 0.0.0.0:* LISTEN\nunix  \n";
    let collected =
        read(fleetstat::probe::reader_for("linux/netstat-wide").unwrap(), rows.as_bytes());
    let lines: Vec<_> = collected.issues.iter().map(|issue| issue.span.line).collect();
    assert_eq!((collected.sockets.len(), lines), (0, vec![4, 5]));
}

#[test]
fn a_number_that_is_out_of_range_is_not_called_a_name() {
    for end in ["127.0.0.1:99999", "300.0.0.1:80"] {
        let collected = read(ss::reader(None), format!("tcp LISTEN 0 5 {end} *:*\n").as_bytes());
        let messages: Vec<_> = collected.issues.iter().map(|i| i.message.as_str()).collect();
        assert_eq!(messages, ["expected two ends, each an address and a port up to 65535"]);
    }
}

#[test]
fn a_last_row_without_its_end_is_read_and_told() {
    let row = "tcp LISTEN 0 5 1.2.3.4:22 0.0.0.0:*";
    let whole = read(ss::reader(None), format!("{row}\n").as_bytes());
    let last = read(ss::reader(None), row.as_bytes());
    assert_eq!(last.sockets, whole.sockets);
    assert!(whole.issues.is_empty());
    let messages: Vec<_> = last.issues.iter().map(|issue| issue.message.as_str()).collect();
    assert_eq!(messages, [fleetstat::probe::lines::UNTERMINATED]);
}

#[test]
fn proc_tables_tell_states_queues_timers_and_drops() {
    let text = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000003 00:00000000 00000000  1000        0 87150 1 00000000c15d4cd3 100 0 0 10 0
   1: 0100007F:9C40 0100007F:1F90 01 00000A00:00000010 01:00000014 00000002     0        7 87151 1 00000000407424b3 20 4 1 10 -1
   2: 0100007F:9C42 0100007F:1F90 06 00000000:00000000 03:00000F3A 00000000     0        0 0 3 00000000b5498afe
   3: 0100007F:9C44 0100007F:1F90 01 00000000:00000000 02:00000064 00000002     0        7 87152 1 00000000407424b3 20 4 1 10 -1
   4: 0100007F:9C44 0100007F:1F90 0F 00000000:00000000 00:00000000 00000000     0        0 0 1 00000000407424b3
";
    let collected = read(proc_net::reader(Table::Auto), text.as_bytes());
    assert_eq!(collected.issues, []);
    assert_eq!(
        rows(&collected),
        [
            "tcp listen 127.0.0.1:8080 - backlog=3 uid=1000 ino=87150 unsupported",
            "tcp established 127.0.0.1:40000 127.0.0.1:8080 rq=16 sq=2560 \
             timer=on,Some(200),Some(2) uid=0 ino=87151 unsupported",
            "tcp time_wait 127.0.0.1:40002 127.0.0.1:8080 rq=0 sq=0 \
             timer=time_wait,Some(38980),Some(0) ino=0 unsupported",
            "tcp established 127.0.0.1:40004 127.0.0.1:8080 rq=0 sq=0 \
             timer=keepalive,Some(1000),Some(7) uid=0 ino=87152 unsupported",
            "tcp unknown 127.0.0.1:40004 127.0.0.1:8080 rq=0 sq=0 ino=0 raw_state=0F \
             unsupported",
        ]
    );
    let udp = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  7054: 00000000:0044 00000000:0000 07 00000000:00000A00 00:00000000 00000000     0        0 87156 2 00000000ab5c1b01 17
";
    let auto = read(proc_net::reader(Table::Auto), udp.as_bytes());
    assert_eq!(
        rows(&auto),
        ["udp unconnected 0.0.0.0:68 - rq=2560 sq=0 drops=17 uid=0 ino=87156 unsupported"]
    );
    let raw = read(proc_net::reader(Table::Raw), udp.as_bytes());
    assert_eq!(
        rows(&raw),
        ["raw unconnected 0.0.0.0:* - raw=68 rq=2560 sq=0 drops=17 uid=0 ino=87156 unsupported"]
    );
}

#[test]
fn proc_addresses_follow_the_byte_order_of_the_host() {
    let little = "   0: B80D0120222211114444333366665555:FFFF 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 5 1 0\n";
    let big = "   0: 20010DB8111122223333444455556666:FFFF 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 5 1 0\n";
    let mapped = "   0: 0000000000000000FFFF00000100007F:1F90 0000000000000000FFFF00000200007F:BFBA 08 00000000:00000001 00:00000000 00000000 0 0 6 1 0\n";
    let expected = "tcp listen [2001:db8:1111:2222:3333:4444:5555:6666]:65535 - backlog=0 uid=0 ino=5 unsupported";
    assert_eq!(rows(&read(proc_net::reader(Table::Tcp6), little.as_bytes())), [expected]);
    let reader = proc_net::reader_with(Table::Tcp6, Endianness::Big);
    assert_eq!(rows(&read(reader, big.as_bytes())), [expected]);
    assert_eq!(
        rows(&read(proc_net::reader(Table::Tcp6), mapped.as_bytes())),
        [
            "tcp close_wait 127.0.0.1:8080 127.0.0.2:49082 rq=1 sq=0 uid=0 ino=6 v4_mapped unsupported"
        ]
    );
}

#[test]
fn captured_outputs_give_the_rows_that_were_checked() {
    let cases: [(&[u8], &str, Option<Family>); 2] = [
        (
            include_bytes!("testdata/ss-6.1--inet4.txt"),
            include_str!("testdata/ss-6.1--inet4.rows"),
            Some(Family::Ipv4),
        ),
        (
            include_bytes!("testdata/ss-6.1--inet6.txt"),
            include_str!("testdata/ss-6.1--inet6.rows"),
            Some(Family::Ipv6),
        ),
    ];
    for (text, expected, family) in cases {
        let collected = read(ss::reader(family), text);
        assert_eq!(collected.issues, []);
        assert_eq!(rows(&collected), expected.lines().collect::<Vec<_>>());
    }
}
