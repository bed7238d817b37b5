//! Text of `ss`, `/proc/net/tcp`, `netstat` and `lsof` for any number of sockets, the same for the same seed.
//!
//! Shaped like a busy server: a few listeners, mostly established connections, a tail of
//! `TIME-WAIT`, padding as a terminal of 80 columns gives it. Shared by benches and tests.

use std::io::Write as _;

/// Pseudo-random numbers: splitmix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

/// Header of `ss -4`.
pub(crate) const SS_HEADER: &[u8] =
    b"Netid State      Recv-Q Send-Q  Local Address:Port    Peer Address:Port Process\n";

/// Header of `/proc/net/tcp`.
pub(crate) const PROC_HEADER: &[u8] = b"  sl  local_address rem_address   st tx_queue rx_queue tr \
tm->when retrnsmt   uid  timeout inode                                                     \n";

/// Header of `netstat -e -e -o -p`.
pub(crate) const NETSTAT_HEADER: &[u8] =
    b"Active Internet connections (servers and established)\nProto Recv-Q Send-Q Local Address           \
Foreign Address         State       User       Inode      PID/Program name     Timer\n";

/// Adds the `netstat -n -a -t -u -w -e -e -o -p -W` row of socket number `index`.
pub(crate) fn netstat_row(out: &mut Vec<u8>, random: &mut Random, index: u64) {
    let port = 1024 + random.below(60_000);
    let (a, b, c) = (random.below(256), random.below(256), 1 + random.below(254));
    let (inode, pid) = (100_000 + index, 300 + random.below(30_000));
    let program = format!("{pid}/nginx: worker");
    // Writing to a Vec cannot fail.
    let _ = match random.below(100) {
        0 => {
            let local = format!("0.0.0.0:{port}");
            writeln!(
                out,
                "tcp        0      0 {local:<23} 0.0.0.0:*               LISTEN      0          \
                 {inode:<10} {program:<20} off (0.00/0/0)"
            )
        }
        1..=15 => {
            let peer = format!("10.{a}.{b}.{c}:{port}");
            writeln!(
                out,
                "tcp        0      0 10.1.2.3:443            {peer:<23} TIME_WAIT   0          \
                 0          -                    timewait ({}.{:02}/0/0)",
                random.below(60),
                random.below(100)
            )
        }
        16..=25 => {
            let peer = format!("2001:db8:{a:x}:{b:x}::{c:x}:{port}");
            writeln!(
                out,
                "tcp6       0 {:>6} 2001:db8:1::3:443       {peer:<23} ESTABLISHED 33         \
                 {inode:<10} {program:<20} on (0.2{}/{}/0)",
                random.below(90_000),
                random.below(10),
                random.below(4)
            )
        }
        _ => {
            let peer = format!("10.{a}.{b}.{c}:{port}");
            writeln!(
                out,
                "tcp        0      0 10.1.2.3:443            {peer:<23} ESTABLISHED 33         \
                 {inode:<10} {program:<20} keepalive ({}.{:02}/0/0)",
                random.below(7_200),
                random.below(100)
            )
        }
    };
}

/// Title and columns of `netstat -a -n -o` of Windows.
pub(crate) const WINDOWS_NETSTAT_HEADER: &[u8] =
    b"\r\nActive Connections\r\n\r\n  Proto  Local Address          \
Foreign Address        State           PID\r\n";

/// Adds the `netstat -a -n -o` row of Windows of a socket.
pub(crate) fn windows_netstat_row(out: &mut Vec<u8>, random: &mut Random, _: u64) {
    let port = 1024 + random.below(60_000);
    let (a, b, c) = (random.below(256), random.below(256), 1 + random.below(254));
    let pid = 4 * (100 + random.below(8_000));
    let mut row = |protocol, local: &str, peer: &str, state, pid: u64| {
        // Writing to a Vec cannot fail.
        let _ = write!(out, "  {protocol}    {local:<21}  {peer:<21}  {state:<12}    {pid}\r\n");
    };
    match random.below(100) {
        0 => row("TCP", &format!("0.0.0.0:{port}"), "0.0.0.0:0", "LISTENING", pid),
        1 => row("UDP", &format!("[::]:{port}"), "*:*", "", pid),
        2..=15 => row("TCP", "10.1.2.3:443", &format!("10.{a}.{b}.{c}:{port}"), "TIME_WAIT", 0),
        16..=25 => {
            let peer = format!("[2001:db8:{a:x}:{b:x}::{c:x}]:{port}");
            row("TCP", "[2001:db8:1::3]:443", &peer, "ESTABLISHED", pid);
        }
        _ => row("TCP", "10.1.2.3:443", &format!("10.{a}.{b}.{c}:{port}"), "ESTABLISHED", pid),
    }
}

/// Adds the `lsof -F0` set of socket number `index`, and every 64th time its process's.
pub(crate) fn lsof_row(out: &mut Vec<u8>, random: &mut Random, index: u64) {
    let port = 1024 + random.below(60_000);
    let (a, b, c) = (random.below(256), random.below(256), 1 + random.below(254));
    if index.is_multiple_of(64) {
        let pid = 300 + index;
        // Writing to a Vec cannot fail.
        let _ = writeln!(out, "p{pid}\0R1\0cnginx: worker\0u33\0Lwww-data\0");
    }
    // Writing to a Vec cannot fail.
    let _ = writeln!(
        out,
        "f{}\0au\0tIPv4\0d{}\0PTCP\0n10.1.2.3:443->10.{a}.{b}.{c}:{port}\0TST=ESTABLISHED\0TQR=0\0\
         TQS={}\0",
        random.below(4_000),
        100_000 + index,
        random.below(4) * 1448
    );
}

/// Adds the `ss -n -a -t -u -w -e -o -p` row of socket number `index`.
pub(crate) fn ss_row(out: &mut Vec<u8>, random: &mut Random, index: u64) {
    let port = 1024 + random.below(60_000);
    let (a, b, c) = (random.below(256), random.below(256), 1 + random.below(254));
    let inode = 100_000 + index;
    let pid = 300 + random.below(30_000);
    let cgroup = ["nginx.service", "postgresql.service", "sshd.service", "app@1.service"];
    let unit =
        cgroup.get(usize::try_from(random.below(4)).unwrap_or(0)).copied().unwrap_or_default();
    let peer = format!("10.{a}.{b}.{c}:{port}");
    // Writing to a Vec cannot fail.
    let _ = match random.below(100) {
        0 => writeln!(
            out,
            "tcp   LISTEN     0      4096          0.0.0.0:{port:<5}        0.0.0.0:*     \
             users:((\"nginx\",pid={pid},fd=6),(\"nginx\",pid={},fd=6)) ino:{inode} sk:{index:x} \
             cgroup:/system.slice/{unit} <->",
            pid + 1
        ),
        1..=15 => writeln!(
            out,
            "tcp   TIME-WAIT  0      0           10.1.2.3:443   {peer:<21} \
             timer:(timewait,{}sec,0) ino:0 sk:{index:x}",
            10 + random.below(49)
        ),
        16..=25 => writeln!(
            out,
            "tcp   ESTAB      0      {:<6}      10.1.2.3:443   {peer:<21} \
             users:((\"nginx\",pid={pid},fd={})) timer:(on,2{:02}ms,0) uid:33 ino:{inode} \
             sk:{index:x} cgroup:/system.slice/{unit} <->",
            random.below(90_000),
            random.below(4_000),
            random.below(99)
        ),
        _ => writeln!(
            out,
            "tcp   ESTAB      0      0           10.1.2.3:443   {peer:<21} \
             users:((\"nginx\",pid={pid},fd={})) timer:(keepalive,{}min{}sec,0) uid:33 ino:{inode} \
             sk:{index:x} cgroup:/system.slice/{unit} <->",
            random.below(4_000),
            1 + random.below(9),
            1 + random.below(59)
        ),
    };
}

/// Adds the `/proc/net/tcp` row of socket number `index`.
pub(crate) fn proc_row(out: &mut Vec<u8>, random: &mut Random, index: u64) {
    let port = 1024 + random.below(60_000);
    let address = random.below(1 << 24) << 8 | 0x0a;
    let state = if random.below(6) == 0 { 6 } else { 1 };
    // Writing to a Vec cannot fail.
    let _ = if state == 6 {
        writeln!(
            out,
            "{index:4}: 0302010A:01BB {address:08X}:{port:04X} 06 00000000:00000000 03:{:08X} \
             00000000     0        0 0 3 0000000000000000{:38}",
            random.below(6_000),
            ""
        )
    } else {
        writeln!(
            out,
            "{index:4}: 0302010A:01BB {address:08X}:{port:04X} 01 {:08X}:00000000 02:{:08X} \
             00000000    33        0 {} 2 00000000{:08x} 20 4 30 10 -1{:22}",
            random.below(4) * 1448,
            random.below(700_000),
            100_000 + index,
            random.below(1 << 32),
            ""
        )
    };
}
