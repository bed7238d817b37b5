//! The words of net-tools in the languages it is translated to, for captures that were made without
//! `LC_ALL=C`.
//!
//! In: a word or a line. Out: what it means, or `None`. States and timers are read by table; titles
//! and headers only have to be told from rows. Source: net-tools `po/` (cs, de, et, fr, ja, pt_BR),
//! and the words of the language packs of Ubuntu (es, it, ru, zh_CN). Bytes of ISO 8859-1 and -2 are
//! those that a host prints whose locale is not UTF-8.

use crate::model::socket::{State, TimerKind};

/// The state that a word means, English first.
#[inline]
pub(super) fn state(word: &[u8]) -> Option<State> {
    Some(match word {
        b"ESTABLISHED" => State::Established,
        b"TIME_WAIT" => State::TimeWait,
        b"LISTEN" => State::Listen,
        b"CLOSE_WAIT" => State::CloseWait,
        b"FIN_WAIT1" => State::FinWait1,
        b"FIN_WAIT2" => State::FinWait2,
        b"SYN_SENT" => State::SynSent,
        b"SYN_RECV" => State::SynReceived,
        b"LAST_ACK" => State::LastAck,
        b"CLOSING" => State::Closing,
        b"CLOSE" => State::Closed,
        b"UNKNOWN" => State::Unknown,
        _ => return translated_state(word),
    })
}

#[cold]
fn translated_state(word: &[u8]) -> Option<State> {
    // `POSLEDNÍ ACK` is two words, of which the first says all.
    let table: [(&[&[u8]], State); 11] = [
        (
            &["VERBUNDEN".as_bytes(), b"SPOJENO", b"ESTABELECIDA", b"ESTABLECIDO"],
            State::Established,
        ),
        (
            &[
                "HÖRT".as_bytes(),
                b"H\xd6RT",
                "NASLOUCHÁ".as_bytes(),
                b"NASLOUCH\xc1",
                "OUÇA".as_bytes(),
                b"OU\xc7A",
                b"ESCUCHAR",
            ],
            State::Listen,
        ),
        (&[b"ESPERANDO_FECHAR"], State::CloseWait),
        (&[b"ESPERA_FIN1"], State::FinWait1),
        (&[b"ESPERA_FIN2"], State::FinWait2),
        (&[b"SYN_ENVIADO"], State::SynSent),
        (&[b"SYN_RECEBIDO"], State::SynReceived),
        (
            &["ÚLTIMO_ACK".as_bytes(), b"\xdaLTIMO_ACK", "POSLEDNÍ".as_bytes(), b"POSLEDN\xcd"],
            State::LastAck,
        ),
        (&[b"FECHANDO", "ZAVÍRÁ".as_bytes(), b"ZAV\xcdR\xc1"], State::Closing),
        (&[b"FECHAR", "ZAVŘEN".as_bytes(), b"ZAV\xd8EN"], State::Closed),
        (
            &[
                b"UNBEKANNT",
                "NEZNÁM".as_bytes(),
                b"NEZN\xc1M",
                b"TUNDMATU",
                b"INCONNU",
                b"DESCONHECIDA",
                "不明".as_bytes(),
            ],
            State::Unknown,
        ),
    ];
    table.iter().find(|(words, _)| words.contains(&word)).map(|&(_, state)| state)
}

/// True for a word that may be a state of a language that is not known: letters and `_` alone.
#[cold]
pub(super) fn may_be_state(word: &[u8]) -> bool {
    word.len() > 2
        && word.iter().all(|&byte| byte.is_ascii_uppercase() || byte == b'_' || !byte.is_ascii())
}

/// What the column of timers says.
#[derive(Clone, Copy)]
pub(super) enum Timing {
    /// No timer runs.
    Off,
    /// One runs.
    On(TimerKind),
}

/// What a timer waits for. `None`: the word is no timer.
#[inline]
pub(super) fn timer(word: &[u8]) -> Option<Timing> {
    Some(match word {
        b"off" => Timing::Off,
        b"on" => Timing::On(TimerKind::On),
        b"keepalive" => Timing::On(TimerKind::Keepalive),
        b"timewait" => Timing::On(TimerKind::TimeWait),
        // Before 2.10 the zero-window probe has no name.
        b"probe" | b"unkn-4" => Timing::On(TimerKind::Persist),
        _ => return other_timer(word),
    })
}

/// UDP and raw sockets have `on1` and `on2` (`udp_do_one`), which they never use.
#[cold]
fn other_timer(word: &[u8]) -> Option<Timing> {
    const OFF: [&str; 7] = ["aus", "vyp", "eikäi", "desligado", "オフ", "apagado", "关闭"];
    const ON: [&str; 6] = ["ein", "zapnut", "käib", "em", "オン", "encendido"];
    const ON_NUMBER: [&str; 5] = ["on", "ein", "zap", "käib-", "オン"];
    const UNKNOWN: [&str; 5] = ["unkn-", "nezn-", "eitea-", "desconh.-", "不明-"];
    let text = std::str::from_utf8(word).ok()?;
    let numbered = |names: &[&str]| -> Option<u32> {
        names.iter().filter_map(|name| text.strip_prefix(name)).find_map(|rest| rest.parse().ok())
    };
    if OFF.contains(&text) {
        return Some(Timing::Off);
    }
    Some(Timing::On(match text {
        "キープアライブ" => TimerKind::Keepalive,
        "時間待ち" => TimerKind::TimeWait,
        _ if ON.contains(&text) || matches!(numbered(&ON_NUMBER), Some(1 | 2)) => TimerKind::On,
        _ if numbered(&UNKNOWN) == Some(4) => TimerKind::Persist,
        _ if numbered(&UNKNOWN).is_some() || text.chars().all(char::is_alphabetic) => {
            TimerKind::Unknown
        }
        _ => return None,
    }))
}

/// What a line is that is no row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// The title or the header of internet sockets, or of unix ones, or a row of the latter.
    Known,
    /// The title of sockets of another family, whose rows may be anything.
    Others,
    /// The title of a table without sockets: what it is.
    Table(&'static str),
}

const ROUTES: &str = "a routing table, which holds no sockets: expected `netstat -n`, not `-r`";
const LINKS: &str =
    "a table of interfaces, which holds no sockets: expected `netstat -n`, not `-i`";
const GROUPS: &str =
    "a table of multicast groups, which holds no sockets: expected `netstat -n`, not `-g`";
const STATISTICS: &str = "statistics, which hold no sockets: expected `netstat -n`, not `-s`";

/// Beginnings of lines. The last columns of a row hold a name that a process chooses, of at most 17
/// bytes, and a newline in it starts a line of its own: none that changes how the next lines are read
/// is so short.
const LINES: &[(&str, Line)] = &[
    ("Active UNIX domain sockets", Line::Known),
    ("Active Internet connections", Line::Known),
    ("Active AX.25 sockets", Line::Others),
    ("Active X.25 sockets", Line::Others),
    ("Active NET/ROM sockets", Line::Others),
    ("Active ROSE sockets", Line::Others),
    ("Active IPX sockets", Line::Others),
    ("Active Bluetooth connections", Line::Others),
    ("Aktive AX.25 Sockets", Line::Others),
    ("Aktivní AX.25 sokety", Line::Others),
    ("Sockets AX.25 actives", Line::Others),
    ("Kernel IP routing table", Line::Table(ROUTES)),
    ("Kernel IPv6 routing table", Line::Table(ROUTES)),
    ("Kernel IP routing cache", Line::Table(ROUTES)),
    ("Kernel-IP-Routentabelle", Line::Table(ROUTES)),
    ("Kernel-IPv6-Routentabelle", Line::Table(ROUTES)),
    ("Table de routage IP", Line::Table(ROUTES)),
    ("Tabela de Roteamento IP", Line::Table(ROUTES)),
    ("Směrovací tabulka v jádru", Line::Table(ROUTES)),
    ("カーネルIP経路", Line::Table(ROUTES)),
    ("カーネルIPv6", Line::Table(ROUTES)),
    ("Tabla de rutas IP del núcleo", Line::Table(ROUTES)),
    ("Kernel Interface table", Line::Table(LINKS)),
    ("Kernel-Schnittstellentabelle", Line::Table(LINKS)),
    ("Table d'interfaces noyau", Line::Table(LINKS)),
    ("Tabela de Interfaces do Kernel", Line::Table(LINKS)),
    ("Tabulka rozhraní v jádru", Line::Table(LINKS)),
    ("カーネルインタフェーステーブル", Line::Table(LINKS)),
    ("IPv6/IPv4 Group Memberships", Line::Table(GROUPS)),
    ("IPv4 Group Memberships", Line::Table(GROUPS)),
    ("IPv4-Gruppenmitgliedschaften", Line::Table(GROUPS)),
    // Titles without the parenthesis that the others end in.
    ("Aktive Internetverbindungen", Line::Known),
    ("Connexions Internet actives", Line::Known),
    // Remarks about missing rights, and their second and third lines.
    ("(Not all processes could be identified", Line::Known),
    (" will not be shown, you would have to be root", Line::Known),
    ("(No info could be read for \"-p\"", Line::Known),
    ("(Es konnten nicht alle Prozesse identifiziert", Line::Known),
    ("nicht-eigene Proz", Line::Known),
    ("nicht-eigene Proc", Line::Known),
    ("(Für \"-p\": geteuid()", Line::Known),
    ("(Všechny procesy nemohly být identifikovány", Line::Known),
    ("pouze o procesech, jichž jste vlastníkem", Line::Known),
    ("byste být superuživatelem", Line::Known),
    ("(Pro „-p“ nelze získat", Line::Known),
    ("byl superuživatelem)", Line::Known),
    ("(Mõnesid protsesse ei saanud", Line::Known),
    ("info lugemiseks peab olema root", Line::Known),
    ("(Tous les processus ne peuvent être identifiés", Line::Known),
    ("non possédés ne seront pas affichées", Line::Known),
    ("(Pas d'infos lues pour \"-p\"", Line::Known),
    ("(一部のプロセスが識別されますが", Line::Known),
    ("表示されません。それら全て", Line::Known),
    ("(Nem todos os processos puderam", Line::Known),
    (" de outrem não serão mostrados", Line::Known),
    ("(Não foi possível ler informações", Line::Known),
    ("(No todos los procesos pueden ser identificados", Line::Known),
    (" no se mostrarán, necesita ser superusuario", Line::Known),
    ("（并非所有进程都能被检测到", Line::Known),
    // busybox.
    ("netstat: showing only processes with your user ID", Line::Known),
    // Headers of other families.
    ("Proto RefCnt Flags", Line::Known),
    ("Proto  Destination", Line::Known),
    ("Proto Destination", Line::Known),
    ("IPX   ", Line::Known),
    ("l2cap  ", Line::Known),
    ("rfcomm ", Line::Known),
    ("unix  ", Line::Known),
];

/// First words of `netstat -s`, each alone on its line.
const PROTOCOLS: [&[u8]; 12] = [
    b"Ip:",
    b"Ip6:",
    b"Icmp:",
    b"Icmp6:",
    b"IcmpMsg:",
    b"Tcp:",
    b"Udp:",
    b"Udp6:",
    b"UdpLite:",
    b"TcpExt:",
    b"IpExt:",
    b"MPTcpExt:",
];

/// What a line is that does not begin with a protocol.
#[cold]
pub(super) fn line(text: &[u8]) -> Option<Line> {
    if let Some(&(_, line)) = LINES.iter().find(|(start, _)| text.starts_with(start.as_bytes())) {
        return Some(line);
    }
    if PROTOCOLS.contains(&text.trim_ascii_end()) {
        return Some(Line::Table(STATISTICS));
    }
    is_title(text).then_some(Line::Known)
}

/// A title or a header in any language. Titles name the Internet or UNIX and end in what was asked
/// for, in parentheses; headers begin with the untranslated `Proto`, or a word that does.
fn is_title(text: &[u8]) -> bool {
    let text = text.trim_ascii_end();
    let has = |word: &str| memchr::memmem::find(text, word.as_bytes()).is_some();
    let names = ["nternet", "нтернет", "インターネット", "UNIX"].iter().any(|word| has(word));
    let title = text.len() > 19 && text.ends_with(b")") && names;
    let header = text.len() > 40 && text.starts_with(b"Proto");
    title || header
}
