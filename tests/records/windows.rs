//! Sockets as `netstat -a -n -o` of Windows prints them in eight languages and their code pages, read
//! back.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use fleetstat::model::parsed::{Issue, Row, Sink, Span};
use fleetstat::model::socket::{
    Attribution, Endpoint, Owner, Socket, SocketFlags, State, Transport,
};
use fleetstat::model::text::HostText;
use fleetstat::probe::gap::Gap;
use fleetstat::probe::lines::UNTERMINATED;
use fleetstat::probe::windows::{self, netstat};
use proptest::prelude::*;

use crate::cannot::{Whole, forget};
use crate::collect::{read, read_cut};
use crate::properties::cpu_time;
use crate::render::{Printed, printed};

/// How one language of Windows prints.
#[derive(Clone, Copy, Debug)]
struct Language {
    title: &'static str,
    /// Protocol, local and foreign address, state.
    columns: [&'static str; 4],
    states: States,
    encoding: Encoding,
}

#[derive(Clone, Copy, Debug)]
enum States {
    English,
    German,
    /// The words are of no language that the reader knows.
    Italian,
}

#[derive(Clone, Copy, Debug)]
enum Encoding {
    Utf8,
    /// With its mark or without.
    Utf16 {
        mark: bool,
    },
    /// Each character beyond ASCII is one byte, as in 437, 850, 852, 866 and 125x.
    OneByte,
    /// Each is two bytes, the second of which can be a letter, a bracket or a backslash, as in 932
    /// and 936.
    TwoBytes,
}

const LANGUAGES: [Language; 8] = [
    Language {
        title: "Active Connections",
        columns: ["Proto", "Local Address", "Foreign Address", "State"],
        states: States::English,
        encoding: Encoding::Utf16 { mark: false },
    },
    Language {
        title: "Aktive Verbindungen",
        columns: ["Proto", "Lokale Adresse", "Remoteadresse", "Status"],
        states: States::German,
        encoding: Encoding::OneByte,
    },
    Language {
        title: "Connexions actives",
        columns: ["Proto", "Adresse locale", "Adresse distante", "État"],
        states: States::English,
        encoding: Encoding::OneByte,
    },
    Language {
        title: "Conexiones activas",
        columns: ["Proto", "Dirección local          ", "Dirección remota", "Estado"],
        states: States::English,
        encoding: Encoding::Utf8,
    },
    Language {
        title: "Connessioni attive",
        columns: ["Proto", "Indirizzo locale", "Indirizzo esterno", "Stato"],
        states: States::Italian,
        encoding: Encoding::OneByte,
    },
    Language {
        title: "Активные подключения",
        columns: ["Имя", "Локальный адрес", "Внешний адрес", "Состояние"],
        states: States::English,
        encoding: Encoding::OneByte,
    },
    Language {
        title: "活动连接",
        columns: ["协议", "本地地址", "外部地址", "状态"],
        states: States::English,
        encoding: Encoding::TwoBytes,
    },
    Language {
        title: "アクティブな接続",
        columns: ["プロトコル", "ローカル アドレス", "外部アドレス", "状態"],
        states: States::English,
        encoding: Encoding::Utf16 { mark: true },
    },
];

impl States {
    fn word(self, state: State) -> &'static str {
        match (self, state) {
            (Self::German, State::Listen) => "ABHÖREN",
            (Self::German, State::Established) => "HERGESTELLT",
            (Self::German, State::TimeWait) => "WARTEND",
            (Self::German, State::CloseWait) => "SCHLIESSEN_WARTEN",
            (Self::German, State::FinWait1) => "FIN_WARTEN_1",
            (Self::German, State::FinWait2) => "FIN_WARTEN_2",
            (Self::German, State::SynSent) => "SYN_GESENDET",
            (Self::German, State::SynReceived) => "SYN_EMPFANGEN",
            (Self::German, State::Closing) => "SCHLIESSEND",
            (Self::Italian, State::Listen) => "IN ASCOLTO",
            (Self::Italian, _) => "IN ALTRO STATO",
            (_, State::Listen) => "LISTENING",
            (_, State::Established) => "ESTABLISHED",
            (_, State::TimeWait) => "TIME_WAIT",
            (_, State::CloseWait) => "CLOSE_WAIT",
            (_, State::FinWait1) => "FIN_WAIT_1",
            (_, State::FinWait2) => "FIN_WAIT_2",
            (_, State::SynSent) => "SYN_SENT",
            (_, State::SynReceived) => "SYN_RECEIVED",
            (_, State::LastAck) => "LAST_ACK",
            (_, State::Closing) => "CLOSING",
            (_, other) => panic!("not of TCP: {other}"),
        }
    }
}

impl Encoding {
    fn encode(self, text: &str) -> Vec<u8> {
        match self {
            Self::Utf8 => text.as_bytes().to_vec(),
            Self::Utf16 { mark } => {
                let mark = mark.then_some(0xfeff_u16);
                mark.into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
            }
            Self::OneByte => {
                let byte = |c: char| if c.is_ascii() { u8::try_from(c).unwrap() } else { 0x99 };
                text.chars().map(byte).collect()
            }
            Self::TwoBytes => {
                let byte = |number: u32| u8::try_from(number).unwrap();
                let pair = |c: u32| vec![0x81 + byte(c % 0x7d), 0x40 + byte(c % 0x3f)];
                let bytes =
                    |c: char| if c.is_ascii() { vec![byte(c.into())] } else { pair(c.into()) };
                text.chars().flat_map(bytes).collect()
            }
        }
    }
}

fn end(end: &Endpoint<'_>) -> String {
    let zone = end.zone.as_ref().map(|zone| format!("%{}", zone.escaped())).unwrap_or_default();
    let port = end.port.unwrap_or(0);
    match end.address {
        IpAddr::V4(address) => format!("{address}:{port}"),
        IpAddr::V6(address) => format!("[{address}{zone}]:{port}"),
    }
}

fn row(socket: &Socket<'_>, states: States) -> String {
    let (protocol, any, state) = match (socket.transport, socket.local.address) {
        (Transport::Udp, _) => ("UDP", "*:*", ""),
        (_, IpAddr::V4(_)) => ("TCP", "0.0.0.0:0", states.word(socket.state)),
        (_, IpAddr::V6(_)) => ("TCP", "[::]:0", states.word(socket.state)),
    };
    let remote = socket.remote.as_ref().map_or_else(|| any.to_owned(), end);
    let pid = socket.owners.first().map_or(0, |owner| owner.pid);
    format!("  {protocol:<5}  {:<21}  {remote:<21}  {state:<12}    {pid}\r\n", end(&socket.local))
}

fn text(sockets: &[Socket<'_>], language: Language) -> Vec<u8> {
    let [protocol, local, foreign, state] = language.columns;
    let mut text = format!(
        "\r\n{}\r\n\r\n  {protocol:<5}  {local:<21}  {foreign:<21}  {state:<12}    PID\r\n",
        language.title
    );
    for socket in sockets {
        text.push_str(&row(socket, language.states));
    }
    language.encoding.encode(&text)
}

/// What Windows tells of a socket: only TCP and UDP, ids for names of processes and numbers for zones;
/// one process for a socket, and none once it is closed; peers of UDP are not told.
fn as_windows_tells(printed: &Printed, index: u32) -> Option<Socket<'static>> {
    let gaps = fleetstat::probe::by_id("windows/netstat-tcp-udp").unwrap().cannot_say;
    let whole = Whole { socket: printed.socket.clone(), argv0: Vec::new() };
    let mut socket = forget(gaps, &whole);
    // Gaps that the table of the tests has no use for elsewhere.
    assert!(
        gaps.contains(&Gap::Queues)
            && gaps.contains(&Gap::Backlog)
            && gaps.contains(&Gap::OwnerName)
    );
    (socket.recv_queue_bytes, socket.send_queue_bytes) = (None, None);
    (socket.backlog_current, socket.backlog_max) = (None, None);
    if !matches!(socket.transport, Transport::Tcp | Transport::Udp) {
        return None;
    }
    if socket.transport == Transport::Udp {
        (socket.remote, socket.state) = (None, State::Unconnected);
    }
    // What has a v4-mapped address is an IPv4 row.
    socket.flags = SocketFlags::default();
    let link_local = matches!(socket.local.address, IpAddr::V6(v6) if v6.is_unicast_link_local());
    socket.local.zone = link_local.then(|| HostText::owned((index % 40).to_string().into_bytes()));
    let pid = socket.owners.first().map_or(index % 3 * 4, |owner| owner.pid);
    socket.owners.clear();
    socket.attribution = match pid {
        0 | 4 => Attribution::Kernel,
        _ => Attribution::Owned,
    };
    if pid != 0 {
        socket.owners.push(Owner { pid, fd: None, tid: None, name: HostText::new(b"") });
    }
    Some(socket)
}

/// What a language that the reader does not know leaves out: states of connections.
fn as_told_in(language: Language, socket: &Socket<'static>) -> Socket<'static> {
    let mut socket = socket.clone();
    let listener = matches!(socket.state, State::Listen | State::Unconnected);
    if matches!(language.states, States::Italian) && !listener {
        socket.state = State::Unknown;
        socket.state_raw = Some(HostText::new(b"IN ALTRO STATO"));
    }
    socket
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sockets_printed_in_any_language_are_read_back_but_for_what_windows_cannot_say(
        printed in proptest::collection::vec(printed(), 0..6),
        cut in 1_usize..90,
    ) {
        let sockets: Vec<_> = (0..).zip(&printed).filter_map(|(at, p)| as_windows_tells(p, at)).collect();
        for language in LANGUAGES {
            let text = text(&sockets, language);
            let collected = read_cut(netstat::reader(), &text, cut);
            let shown = text.escape_ascii().to_string();
            // A word that is not known is told once, and nothing else is.
            let mut words: Vec<_> =
                collected.sockets.iter().filter_map(|socket| socket.state_raw.clone()).collect();
            words.dedup();
            let told: Vec<_> = collected.issues.iter().map(|issue| issue.text.clone()).collect();
            prop_assert_eq!(told, words, "{}", &shown);
            let expected: Vec<_> = sockets.iter().map(|socket| as_told_in(language, socket)).collect();
            prop_assert_eq!(collected.sockets, expected, "{}", &shown);
        }
    }

    #[test]
    fn a_text_that_ends_anywhere_gives_no_socket_that_was_not_there_but_says_so(
        printed in proptest::collection::vec(printed(), 1..4),
        cut in any::<proptest::sample::Index>(),
    ) {
        let sockets: Vec<_> = (0..).zip(&printed).filter_map(|(at, p)| as_windows_tells(p, at)).collect();
        let text = text(&sockets, LANGUAGES[1]);
        let text = &text[..cut.index(text.len() + 1)];
        let collected = read(netstat::reader(), text);
        let told = collected.issues.iter().any(|issue| issue.message == UNTERMINATED);
        let odd = collected.sockets.iter().position(|socket| !sockets.contains(socket));
        let last = collected.sockets.len().checked_sub(1);
        prop_assert!(odd.is_none() || (odd == last && told), "{collected:?}");
    }
}

/// Counts, so that nothing is kept.
#[derive(Default)]
struct Count(u64);

impl Sink for Count {
    fn row(&mut self, _: Span, _: Row<'_>) {
        self.0 += 1;
    }
    fn header(&mut self, _: Span) {
        self.0 += 1;
    }
    fn issue(&mut self, _: Issue) {
        self.0 += 1;
    }
}

/// Best of three, over every reader of Windows.
fn best_time(text: &[u8]) -> Duration {
    let once = || {
        let start = cpu_time();
        for probe in windows::PROBES {
            let (mut reader, mut count) = ((probe.reader)(), Count::default());
            text.chunks(64 << 10).for_each(|chunk| reader.push(chunk, &mut count));
            reader.finish(&mut count);
            assert!(count.0 > 0, "{}", probe.id);
        }
        cpu_time().saturating_sub(start)
    };
    (0..3).map(|_| once()).min().unwrap()
}

#[test]
fn time_grows_with_the_size_of_the_worst_inputs() {
    let row = b"  UDP    0.0.0.0:53   *:*   8\n";
    let long = |start: &str, piece: &str| {
        [start.as_bytes(), &piece.repeat((60 << 10) / piece.len()).into_bytes(), b"\n"].concat()
    };
    let worst = [
        [row.as_slice(), &b" [\n".repeat(999)].concat(),
        [row.as_slice(), &b"  x\n".repeat(99)].concat(),
        long("  TCP 1.2.3.4:5 1.2.3.4:5 ", "x  "),
        long("  TCP 1.2.3.4:5 1.2.3.4:5 ", "x "),
        long("  TCP [", "1:"),
        long("\"a\",", "\"5\","),
        long("\"a\",\"5\",", "a,"),
        long("  ", "1 "),
        long("", "= "),
        long(&"=".repeat(75), "\n11 5 ::/0"),
        long("IPv4 UDP\n", "a = 1\n"),
        "\r\n[x\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect(),
    ];
    for piece in worst {
        let small = piece.repeat((128 << 10) / piece.len() + 1);
        let big = small.repeat(8);
        let (short, long) = (best_time(&small), best_time(&big));
        let shown = piece.get(..60).unwrap_or(&piece).escape_ascii();
        let short = short.max(Duration::from_millis(10));
        assert!(long < short * 32 + Duration::from_millis(20), "{short:?} {long:?} {shown}");
    }
}

#[test]
fn two_rows_for_one_port_stay_two_sockets() {
    let make = |address: IpAddr| {
        let local = Endpoint { address, port: Some(135), zone: None };
        Socket::new(Transport::Tcp, local, None, State::Listen)
    };
    let sockets = [make(Ipv4Addr::UNSPECIFIED.into()), make(Ipv6Addr::UNSPECIFIED.into())];
    let collected = read(netstat::reader(), &text(&sockets, LANGUAGES[0]));
    let told: Vec<_> = collected.sockets.iter().map(|s| (s.local.address, s.dual_stack)).collect();
    assert_eq!(told, [(Ipv4Addr::UNSPECIFIED.into(), None), (Ipv6Addr::UNSPECIFIED.into(), None)]);
}
