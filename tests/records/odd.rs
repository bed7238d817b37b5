//! Rows of which a part cannot be read, and words of other versions and languages: what is kept, and
//! what is said about the rest.

use fleetstat::model::parsed::Severity;
use fleetstat::model::socket::Family;
use fleetstat::probe::linux::netstat::{self, Width};
use fleetstat::probe::linux::{busybox_netstat, ss};

use crate::collect::{Collected, describe, read};

fn rows(collected: &Collected) -> Vec<String> {
    collected.sockets.iter().map(describe).collect()
}

/// Severity, line and message of each issue.
fn issues(collected: &Collected) -> Vec<(Severity, u64, &str)> {
    collected.issues.iter().map(|i| (i.severity, i.span.line, i.message.as_str())).collect()
}

const SHORT: &str = "an owner cannot be read and is left out: expected `\"name\",pid=N,fd=N`, with a \
                     process id of at most 4194304";
const TORN: &str = "owner list has no end: owners may be missing";
const FRONT: &str = "tcp LISTEN 0 7 127.0.0.1:1 0.0.0.0:* ";

#[test]
fn an_owner_of_ss_that_cannot_be_costs_only_that_owner() {
    let kept = "tcp listen 127.0.0.1:1 - backlog=0 max=7 uid=0 ino=5 sk=1 owner=4:5:b ambiguous";
    for bad in [
        "(\"a\",pid=4194305,fd=3)",
        "(\"a\",pid=0,fd=3)",
        "(\"a\",pid=99999999999999999999999,fd=3)",
        "(\"a\",pid=7,fd=4294967295)",
        "(\"a\",pid=7,tid=4194305,fd=3)",
        "(\"a\",pid=x,fd=3)",
        "(\"sixteen_bytes_on\",pid=7,fd=3)",
    ] {
        for list in [format!("{bad},(\"b\",pid=4,fd=5)"), format!("(\"b\",pid=4,fd=5),{bad}")] {
            // Where the last entry is none, nothing tells where the list ends.
            if list.ends_with("pid=x,fd=3)") {
                continue;
            }
            let text = format!("{FRONT}users:({list}) ino:5 sk:1 <->\n");
            let collected = read(ss::reader(None), text.as_bytes());
            assert_eq!(rows(&collected), [kept], "{list}");
            assert_eq!(issues(&collected), [(Severity::Note, 1, SHORT)], "{list}");
        }
    }
    let highest = format!("{FRONT}users:((\"a\",pid=4194304,fd=2147483647))\n");
    let collected = read(ss::reader(None), highest.as_bytes());
    assert_eq!(collected.sockets[0].owners[0].pid, 4_194_304);
    assert_eq!(collected.issues, []);
}

#[test]
fn a_list_of_ss_without_an_end_leaves_the_row_and_the_owners_before() {
    let next = "tcp LISTEN 0 7 127.0.0.1:2 0.0.0.0:*\n";
    let second = "tcp listen 127.0.0.1:2 - backlog=0 max=7 unsupported";
    let none = "tcp listen 127.0.0.1:1 - backlog=0 max=7 truncated ambiguous";
    let one = "tcp listen 127.0.0.1:1 - backlog=0 max=7 owner=4:5:b truncated ambiguous";
    for (list, expected) in [
        ("users:((\"a\",pid=x,fd=3)) ino:5 sk:1", none),
        ("users:((\"b\",pid=4,fd=5),(\"a\",pid=x,fd=3)) ino:5 sk:1", one),
        ("users:((\"b\",pid=4,fd=5) ino:5 sk:1", none),
        // A name that imitates an owner and of which the true end is missing names nobody.
        ("users:((\"\",pid=1,fd=2),(\"", none),
    ] {
        let text = format!("{FRONT}{list}\n{next}");
        let collected = read(ss::reader(None), text.as_bytes());
        assert_eq!(rows(&collected), [expected, second], "{list}");
        assert_eq!(issues(&collected), [(Severity::Note, 1, TORN)], "{list}");
    }
    let text = format!("{FRONT}users:((\"a\nrest of it\n{next}");
    let collected = read(ss::reader(None), text.as_bytes());
    assert_eq!(rows(&collected), [none, second]);
    assert_eq!(
        issues(&collected),
        [(Severity::Note, 1, TORN), (Severity::Unparsed, 2, "expected a row of `ss`")]
    );
    let text = format!("{FRONT}users:(nobody) ino:5\n");
    let collected = read(ss::reader(None), text.as_bytes());
    assert_eq!(rows(&collected), ["tcp listen 127.0.0.1:1 - backlog=0 max=7 ambiguous"]);
    assert_eq!(issues(&collected), [(Severity::Note, 1, SHORT)]);
}

#[test]
fn associations_of_sctp_stand_below_their_socket() {
    let text = "\
Netid State            Recv-Q Send-Q Local Address:Port   Peer Address:Port
sctp  LISTEN           0      128    *:36412              *:*               ino:9 sk:1 <->
      `- ESTAB         0      0      192.0.2.1%eth0:36412 192.0.2.2:5000
      `- SHUTDOWN_SENT 0      4      192.0.2.1%eth0:36412 192.0.2.3:5000
      `- LISTEN        0      0      192.0.2.1:36412      192.0.2.3:5000
mptcp ESTAB            0      0      192.0.2.1:80         192.0.2.9:5001    timer:(keepalive,119min,0)
dccp  LISTEN           0      0      192.0.2.1:33         0.0.0.0:*
unknown UNCONN         0      0      *                    *
";
    let collected = read(ss::reader(Some(Family::Ipv4)), text.as_bytes());
    assert_eq!(
        rows(&collected),
        [
            "sctp listen 0.0.0.0:36412 - backlog=0 max=128 uid=0 ino=9 sk=1 unsupported",
            "sctp established 192.0.2.1:36412 192.0.2.2:5000 dev=eth0 rq=0 sq=0 unsupported",
            "sctp unknown 192.0.2.1:36412 192.0.2.3:5000 dev=eth0 rq=0 sq=4 \
             raw_state=SHUTDOWN_SENT unsupported",
            "mptcp established 192.0.2.1:80 192.0.2.9:5001 rq=0 sq=0 \
             timer=keepalive,Some(7140000),Some(0) unsupported",
            "dccp listen 192.0.2.1:33 - backlog=0 max=0 unsupported",
        ]
    );
    let unparsed: Vec<_> = collected.unparsed().iter().map(|issue| issue.span.line).collect();
    assert_eq!(unparsed, [5]);
    let v6 = read(ss::reader(Some(Family::Ipv6)), b"sctp LISTEN 0 128 *:36412 *:*\n");
    assert_eq!(rows(&v6), ["sctp listen [::]:36412 - dual=true backlog=0 max=128 unsupported"]);
}

#[test]
fn a_state_that_is_not_printed_is_not_told() {
    let row = "tcp 0 128 192.0.2.1:22 0.0.0.0:*\ntcp 5 6 192.0.2.1:22 192.0.2.2:5000\n";
    let header = "Netid Recv-Q Send-Q Local Address:Port Peer Address:Port Process\n";
    for text in [row.to_owned(), format!("{header}{row}")] {
        let collected = read(ss::reader(None), text.as_bytes());
        assert_eq!(
            rows(&collected),
            [
                "tcp unknown 192.0.2.1:22 - unsupported",
                "tcp unknown 192.0.2.1:22 192.0.2.2:5000 rq=5 sq=6 unsupported",
            ]
        );
        assert_eq!(collected.issues, []);
    }
}

#[test]
fn what_ss_writes_to_standard_error_among_its_rows_is_known() {
    let text = b"Failed to find cgroup2 mount\ntcp LISTEN 0 7 127.0.0.1:1 0.0.0.0:*\n\
        Failed to open cgroup2 by ID\nFailed to\n";
    let collected = read(ss::reader(None), text);
    assert_eq!((collected.headers.len(), collected.sockets.len()), (2, 1));
    assert_eq!(collected.unparsed().len(), 1);
}

const PROGRAM: &str = "owner is left out: expected `pid/name` or `-`, with a process id of at most \
                       4194304";

#[test]
fn a_program_of_netstat_that_cannot_be_costs_only_the_owner() {
    let header = "Proto Recv-Q Send-Q Local Address           Foreign Address         State       \
                  User       Inode      PID/Program name     Timer\n";
    for program in ["4194305/x", "0/x", "99999999999/x", "1279", "mongod", ""] {
        let text = format!(
            "{header}tcp        0      0 192.0.2.1:22            0.0.0.0:*               LISTEN      \
             26         14071      {program:<20} off (0.00/0/0)\n"
        );
        let collected = read(netstat::reader(Width::Auto), text.as_bytes());
        let kept = "tcp listen 192.0.2.1:22 - backlog=0 uid=26 ino=14071 ambiguous";
        assert_eq!(rows(&collected), [kept], "{program}");
        assert_eq!(issues(&collected), [(Severity::Note, 2, PROGRAM)], "{program}");
    }
    // Without a header nothing says that this is the column of programs.
    let bare =
        b"tcp        0      0 192.0.2.1:22            0.0.0.0:*               LISTEN      x y\n";
    let collected = read(netstat::reader(Width::Auto), bare);
    assert_eq!(issues(&collected), [(Severity::Unparsed, 1, "expected `pid/name` or `-`")]);
}

/// Title, header, a listener, a connection, the same with a timer; and the remark of the language.
type Language =
    (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str);

const LANGUAGES: [Language; 9] = [
    (
        "Aktive Internetverbindungen (Server und stehende Verbindungen)",
        "Proto Recv-Q Send-Q Local Address           Foreign Address         State       Benutzer   Inode      PID/Program name    Timer",
        "LISTEN",
        "VERBUNDEN",
        "aus",
        "(Es konnten nicht alle Prozesse identifiziert werden; Informationen über\nnicht-eigene Prozesse werden nicht angezeigt; Root kann sie anzeigen.)",
    ),
    (
        "Conexões Internet Ativas (servidores e estabelecidas)",
        "Proto Recv-Q Send-Q Endereço Local          Endereço Remoto         Estado      Usuário    Inode      PID/Program name     Temporizador",
        "OUÇA",
        "ESTABELECIDA",
        "desligado",
        "(Nem todos os processos puderam ser identificados, informações sobre processos\n de outrem não serão mostrados, você deve ser root para vê-los todos.)",
    ),
    (
        "Aktivní Internetová spojení (servery a navázaná spojení)",
        "Proto Přích-F Odch-F Místní Adresa          Vzdálená Adresa         Stav     Uživatel   I-uzel    PID/Program name     Časovač",
        "NASLOUCHÁ",
        "SPOJENO",
        "vyp",
        "(Všechny procesy nemohly být identifikovány. Budou vypsány informace\npouze o procesech, jichž jste vlastníkem. Abyste mohl vidět vše, musel\nbyste být superuživatelem.)",
    ),
    (
        "Connexions Internet actives (serveurs et établies)",
        "Proto Recv-Q Send-Q Adresse locale          Adresse distante        Etat        Utilisatr  Inode      PID/Program name     Timer",
        "LISTEN",
        "ESTABLISHED",
        "off",
        "(Tous les processus ne peuvent être identifiés, les infos sur les processus\nnon possédés ne seront pas affichées, vous devez être root pour les voir toutes.)",
    ),
    (
        "Conexiones activas de Internet (servidores y establecidos)",
        "Proto  Recib Enviad Dirección local         Dirección remota       Estado       Usuario    Nodo-i     PID/Program name     Temporizador",
        "ESCUCHAR",
        "ESTABLECIDO",
        "apagado",
        "(No todos los procesos pueden ser identificados, no hay información de propiedad del proceso\n no se mostrarán, necesita ser superusuario para verlos todos.)",
    ),
    (
        "Connessioni Internet attive (server e stabiliti)",
        "Proto CodaRic CodaInv Indirizzo locale        Indirizzo remoto       Stato       Utente     Inode      PID/Program name     Timer",
        "LISTEN",
        "ESTABLISHED",
        "off",
        "",
    ),
    (
        "稼働中のインターネット接続 (サーバと確立)",
        "Proto 受信-Q 送信-Q 内部アドレス            外部アドレス            状態        ユーザ    Iノード    PID/Program name    タイマ",
        "LISTEN",
        "ESTABLISHED",
        "オフ",
        "(一部のプロセスが識別されますが, 所有していないプロセスの情報は\n表示されません。それら全てを見るにはルートになる必要があります.)",
    ),
    (
        "激活Internet连接 (服务器和已建立连接的)",
        "Proto Recv-Q Send-Q Local Address           Foreign Address         State       用户       Inode      PID/Program name     Timer",
        "LISTEN",
        "ESTABLISHED",
        "关闭",
        "",
    ),
    (
        "Aktiivsed internetiühendused (serverid ja ühendatud)",
        "Proto  VvJrk SaatJrk Kohalik aadress        Väline aadress          Olek        Kasutaja   I-kirje   PID/Program name     Taimer",
        "LISTEN",
        "ESTABLISHED",
        "eikäi (",
        "(Mõnesid protsesse ei saanud identifitseerida, teiste kasutajate\ninfo lugemiseks peab olema root)",
    ),
];

#[test]
fn captures_in_other_languages_are_read_as_the_same_rows() {
    for (title, header, listen, established, off, remark) in LANGUAGES {
        let off = if off.ends_with('(') { off.to_owned() } else { format!("{off} ") };
        let text = format!(
            "{remark}\n{title}\n{header}\n\
             tcp        0      0 192.0.2.1:22            0.0.0.0:*               {listen}      0          14071      77/sshd              {off}(0.00/0/0)\n\
             tcp        0     52 192.0.2.1:22            192.0.2.9:5022          {established} 1000       14072      78/sshd: you         {off}(0.00/0/0)\n\
             udp        0      0 0.0.0.0:68              0.0.0.0:*                           0          14073      -                    {off}(0.00/0/0)\n"
        );
        let collected = read(netstat::reader(Width::Auto), text.as_bytes());
        assert_eq!(collected.issues, [], "{title}");
        assert_eq!(
            rows(&collected),
            [
                "tcp listen 192.0.2.1:22 - backlog=0 uid=0 ino=14071 owner=77::sshd ambiguous",
                "tcp established 192.0.2.1:22 192.0.2.9:5022 rq=0 sq=52 uid=1000 ino=14072 \
                 owner=78::sshd: you ambiguous",
                "udp unconnected 0.0.0.0:68 - rq=0 sq=0 uid=0 ino=14073 unsupported",
            ],
            "{title}"
        );
        assert_eq!(
            collected.headers.len(),
            2 + remark.lines().filter(|line| !line.is_empty()).count(),
            "{title}"
        );
    }
}

#[test]
fn translated_states_are_the_states_they_translate() {
    let latin = |word: &[u8]| {
        let mut text =
            b"tcp        0      0 192.0.2.1:22            192.0.2.9:5022          ".to_vec();
        text.extend_from_slice(word);
        text.extend_from_slice(b" \n");
        rows(&read(netstat::reader(Width::Auto), &text))
    };
    let row = |state: &str, raw: &str| {
        let raw = if raw.is_empty() { String::new() } else { format!(" raw_state={raw}") };
        vec![format!("tcp {state} 192.0.2.1:22 192.0.2.9:5022 rq=0 sq=0{raw} unsupported")]
    };
    for (word, state) in [
        ("ESPERANDO_FECHAR", "close_wait"),
        ("ÚLTIMO_ACK", "last_ack"),
        ("POSLEDNÍ ACK", "last_ack"),
        ("ESPERA_FIN1", "fin_wait_1"),
        ("ESPERA_FIN2", "fin_wait_2"),
        ("SYN_ENVIADO", "syn_sent"),
        ("SYN_RECEBIDO", "syn_received"),
        ("ZAVÍRÁ", "closing"),
        ("FECHANDO", "closing"),
        ("ZAVŘEN", "closed"),
    ] {
        assert_eq!(latin(word.as_bytes()), row(state, ""), "{word}");
    }
    assert_eq!(latin(b"\xdaLTIMO_ACK"), row("last_ack", ""));
    // A word of no known language is kept as it is.
    assert_eq!(latin("DESCONHECIDA".as_bytes()), row("unknown", "DESCONHECIDA"));
    assert_eq!(latin("LAUSCHT".as_bytes()), row("unknown", "LAUSCHT"));
    for word in ["-", "77/sshd", "1000", "listen", "off"] {
        assert_eq!(latin(word.as_bytes()), [] as [String; 0], "{word}");
    }
}

#[test]
fn tables_without_sockets_say_what_they_are() {
    for (text, expected) in [
        (
            "Kernel IP routing table\nDestination     Gateway         Genmask\n0.0.0.0 192.0.2.1 0.0.0.0\n",
            "a routing table, which holds no sockets: expected `netstat -n`, not `-r`",
        ),
        (
            "Kernel Interface table\nIface       MTU Met    RX-OK\neth0       1500   0   1\n",
            "a table of interfaces, which holds no sockets: expected `netstat -n`, not `-i`",
        ),
        (
            "IPv6/IPv4 Group Memberships\nInterface       RefCnt Group\nlo              1      224.0.0.1\n",
            "a table of multicast groups, which holds no sockets: expected `netstat -n`, not `-g`",
        ),
        (
            "Ip:\n    3405107 total packets received\nTcpExt:\n    9 packets\n",
            "statistics, which hold no sockets: expected `netstat -n`, not `-s`",
        ),
    ] {
        let row = "tcp        0      0 192.0.2.1:22 0.0.0.0:* LISTEN\n";
        let collected = read(netstat::reader(Width::Auto), format!("{text}{row}").as_bytes());
        let messages: Vec<_> =
            collected.issues.iter().map(|issue| issue.message.as_str()).collect();
        assert_eq!(messages, vec![expected; text.lines().count()], "{text}");
        assert_eq!(collected.sockets.len(), 1, "{text}");
    }
}

#[test]
fn sections_of_other_families_are_known_and_their_rows_too() {
    let text = "\
Active Internet connections (servers and established)
Proto Recv-Q Send-Q Local Address           Foreign Address         State       User       Inode      PID/Program name     Security Context                                  Timer
tcp        0      0 192.0.2.1:22            0.0.0.0:*               LISTEN      -2         7          77/my server         system_u:system_r:sshd_t:s0-s0:c0.c1023           off (0.00/0/0)
sctp       0      0 192.0.2.1:36412         0.0.0.0:*               LISTEN      0          8          -                    -                                                 ~
Active UNIX domain sockets (servers and established)
Proto RefCnt Flags       Type       State         I-Node   PID/Program name    Path
unix  2      [ ACC ]     STREAM     LISTENING     535      1/systemd           /run/a socket
Active AX.25 sockets
Dest       Source     Device  State        Vr/Vs    Send-Q  Recv-Q
N0CALL-1   N0CALL-2   ax0     ESTABLISHED  000/000  0       0
Active IPX sockets
Proto Recv-Q Send-Q Local Address              Foreign Address            State
IPX        0      0 00000000:000000000001:4001 -
Active Bluetooth connections (servers and established)
Proto  Destination       Source            State         PSM DCID   SCID      IMTU    OMTU Security
l2cap  *                 *                 LISTEN          1 0x0000 0x0000     672       0 LOW
Proto  Destination       Source            State     Channel
rfcomm 00:00:5E:00:53:01 *                 LISTEN          3
";
    let text = text.replace('~', " ");
    let collected = read(netstat::reader(Width::Wide), text.as_bytes());
    assert_eq!(collected.issues, []);
    assert_eq!(
        rows(&collected),
        [
            "tcp listen 192.0.2.1:22 - backlog=0 uid=4294967294 ino=7 owner=77::my server ambiguous",
            "sctp listen 192.0.2.1:36412 - backlog=0 uid=0 ino=8 unsupported",
        ]
    );
    assert_eq!(collected.headers.len(), text.lines().filter(|l| !l.trim().is_empty()).count() - 2);
}

#[test]
fn a_name_that_fills_its_column_is_a_name_and_not_a_cut_address() {
    for (field, expected) in [
        ("localhost.localdoma:ssh", "expected two ends as address:port; run netstat with -n"),
        ("2001:db8:1111:222:65535", "an address is cut to its column: run netstat with -W"),
    ] {
        let text = format!("tcp6       0      0 {field} :::*                    LISTEN     \n");
        let collected = read(netstat::reader(Width::Auto), text.as_bytes());
        assert_eq!(issues(&collected), [(Severity::Unparsed, 1, expected)]);
    }
}

#[test]
fn the_remark_of_busybox_about_other_users_is_known() {
    let text = b"netstat: showing only processes with your user ID\n\
        Active Internet connections (only servers)\n\
        Proto Recv-Q Send-Q Local Address           Foreign Address         State       PID/Program name    \n\
        tcp        0      0 :::22                   :::*                    LISTEN      -                   \n";
    let collected = read(busybox_netstat::reader(Width::Auto), text);
    assert_eq!((collected.headers.len(), collected.issues.len()), (3, 0));
    assert_eq!(rows(&collected), ["tcp listen [::]:22 - backlog=0 unsupported"]);
}

/// Without `-o` no timer shows that a newline in a name parted the row, but the padding does.
#[test]
fn a_name_with_a_newline_is_put_together_without_a_timer_too() {
    let header = "Proto Recv-Q Send-Q Local Address           Foreign Address         State       PID/Program name    \n";
    let row = |port: u16| {
        format!(
            "tcp        0      0 10.0.0.1:{port}             10.0.0.2:5              ESTABLISHED "
        )
    };
    let owners = |text: &str| -> Vec<(u16, Vec<u8>, bool)> {
        let collected = read(netstat::reader(Width::Wide), text.as_bytes());
        let sockets = collected.sockets.iter();
        sockets
            .map(|socket| {
                let name = socket.owners[0].name.bytes().to_vec();
                (socket.local.port.unwrap(), name, socket.flags.name_has_control)
            })
            .collect()
    };
    let next = format!("{}6/LISTEN 0 0        \n", row(23));
    let (one, two) = (row(22), (23, b"LISTEN 0 0".to_vec(), false));
    for (program, name) in [
        ("5/a\nb               ", "a\nb"),
        ("5/a\n                ", "a"),
        ("5/a\nb\nc             ", "a\nb\nc"),
        ("5/\nb", "\nb"),
        ("5/a\nb", "a\nb"),
    ] {
        let control = name.contains('\n');
        let expected = [(22, name.as_bytes().to_vec(), control), two.clone()];
        assert_eq!(owners(&format!("{header}{one}{program}\n{next}")), expected, "{program:?}");
    }
    // Rows that lost their padding are rows, and what is too long for a name is none of it.
    let text = format!("{header}{one}5/a\n{}6/LISTEN 0 0\n", row(23));
    assert_eq!(owners(&text), [(22, b"a".to_vec(), false), two]);
    for rest in ["more than fits the column", "tcp        0      0 10.0.0.1:1", ""] {
        let text = format!("{header}{one}5/a\n{rest}\n");
        let collected = read(netstat::reader(Width::Wide), text.as_bytes());
        assert_eq!(collected.sockets[0].owners[0].name.bytes(), b"a", "{rest}");
        assert_eq!(collected.unparsed().len(), usize::from(!rest.is_empty()), "{rest}");
    }
}
