//! Services that lie, fall silent, or answer without end: nothing is believed, nothing hangs, and an
//! account pays for it with two attempts at most.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64ct::{Base64, Encoding as _};
use fleetstat::model::capture::End;
use fleetstat::model::deadline::Deadlines;
use fleetstat::model::fault::FaultKind;
use fleetstat::transport::Transport as _;
use serde_json::{Value, json};

use crate::endings::{NETSTAT, ask, command, host, winrm};
use crate::fleet::{manifest, prepare, run, say};
use crate::lab::Service;

/// What a service does with a request.
pub(crate) enum Does {
    /// Sends this.
    Says(Vec<u8>),
    /// Sends the first, then the second again and again, as fast as it is taken or with a pause.
    Repeats(Vec<u8>, Vec<u8>, Duration),
    /// Nothing, with the connection open.
    IsSilent,
}

/// What a client sent: the steps of its login, and whether a body could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// NTLM's first message: no name, no password.
    Name,
    /// Its third, which shows the password to whoever can guess it.
    Proof,
    /// A body that is sealed.
    Sealed,
    /// Anything else.
    Clear,
}

/// A service of a test's own.
pub(crate) struct Liar {
    pub(crate) port: u16,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl Liar {
    /// Listens on all of 127/8.
    pub(crate) fn start(answer: impl Fn(Sent) -> Does + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let sent = Arc::new(Mutex::new(Vec::new()));
        let (all, answer) = (Arc::clone(&sent), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (all, answer) = (Arc::clone(&all), Arc::clone(&answer));
                // Ends when the client goes away, which is the end of its part.
                std::thread::spawn(move || converse(&mut stream.unwrap(), &all, &*answer));
            }
        });
        Self { port, sent }
    }

    pub(crate) fn count(&self, what: Sent) -> usize {
        self.sent.lock().unwrap().iter().filter(|sent| **sent == what).count()
    }
}

/// Answers the requests of one connection. `None`: it has ended.
fn converse(
    stream: &mut TcpStream,
    all: &Mutex<Vec<Sent>>,
    answer: &dyn Fn(Sent) -> Does,
) -> Option<()> {
    let mut read = Vec::new();
    loop {
        let sent = request(stream, &mut read)?;
        all.lock().unwrap().push(sent);
        match answer(sent) {
            Does::Says(bytes) => stream.write_all(&bytes).ok()?,
            Does::Repeats(first, again, pause) => {
                stream.write_all(&first).ok()?;
                loop {
                    stream.write_all(&again).ok()?;
                    std::thread::park_timeout(pause);
                }
            }
            Does::IsSilent => {}
        }
    }
}

/// Reads one request.
fn request(stream: &mut TcpStream, read: &mut Vec<u8>) -> Option<Sent> {
    let end = |read: &[u8]| read.windows(4).position(|four| four == b"\r\n\r\n");
    let mut buffer = [0; 4096];
    while end(read).is_none() {
        let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
        read.extend(&buffer[..count]);
    }
    let head = String::from_utf8(read.drain(..end(read)? + 4).collect()).ok()?.to_lowercase();
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
    let length: usize = field("content-length: ").map_or(0, |length| length.parse().unwrap());
    while read.len() < length {
        let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
        read.extend(&buffer[..count]);
    }
    read.drain(..length);
    // The eighth byte is where the kind of an NTLM message stands: `NTLMSSP\0` and 1 or 3.
    let kind = field("authorization: negotiate ");
    Some(match (kind, field("content-type: ")) {
        (Some(token), _) if token.starts_with("tlrmtvntuaabaaaa") => Sent::Name,
        (Some(token), _) if token.starts_with("tlrmtvntuaadaaaa") => Sent::Proof,
        (None, Some(kind)) if kind.starts_with("multipart/encrypted") => Sent::Sealed,
        _ => Sent::Clear,
    })
}

/// A challenge that offers all that is demanded ([MS-NLMP] 2.2.1.2), with an empty list of names.
pub(crate) fn challenge() -> String {
    let flags = 0x10_u32 | 0x20 | 0x200 | 0x8000 | 0x0008_0000 | 0x0080_0000 | 0x6000_0001;
    let mut token = b"NTLMSSP\0\x02\0\0\0".to_vec();
    token.extend([0, 0, 0, 0, 56, 0, 0, 0]);
    token.extend(flags.to_le_bytes());
    token.extend(*b"\x01\x23\x45\x67\x89\xab\xcd\xef");
    token.extend([0; 8]);
    token.extend([4, 0, 4, 0, 56, 0, 0, 0]);
    token.extend([10, 0, 0, 0, 0, 0, 0, 15]);
    token.extend([0; 4]);
    format!("WWW-Authenticate: Negotiate {}\r\n", Base64::encode_string(&token))
}

pub(crate) fn says(status: &str, fields: &str, body: &str) -> Does {
    let length = body.len();
    let text = format!("HTTP/1.1 {status}\r\n{fields}Content-Length: {length}\r\n\r\n{body}");
    Does::Says(text.into_bytes())
}

/// The faults and outcome of each host of a run, by name.
pub(crate) fn came(service: &Service) -> Vec<(String, String, Vec<String>)> {
    let (_, manifest) = manifest(service);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let hosts = manifest["hosts"].as_array().unwrap().iter().map(|host| {
        let kinds = host["faults"].as_array().unwrap().iter().map(|fault| text(&fault["kind"]));
        (text(&host["name"]), text(&host["outcome"]), kinds.collect())
    });
    hosts.collect()
}

pub(crate) const QUICK: &str = "views: [listeners]\ndeadlines: {authenticate: 6s, host: 60s}";

pub(crate) fn hosts(liar: &Liar, names: std::ops::RangeInclusive<u8>) -> Vec<String> {
    let port = liar.port;
    names.map(|n| format!("win-{n}: {{address: 127.0.6.{n}, port: {port}, tls: false}}")).collect()
}

#[test]
fn a_service_that_says_yes_to_all_is_not_believed_and_two_proofs_are_all_that_is_shown() {
    let service = Service::start("127.0.6.100", &[]);
    let envelope = "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"/>";
    let liar = Liar::start(move |sent| match sent {
        Sent::Name => says("401 ", &challenge(), ""),
        _ => says("200 OK", "Content-Type: application/soap+xml;charset=UTF-8\r\n", envelope),
    });
    let said = run(&service, QUICK, "never to be known", &hosts(&liar, 1..=5));
    assert_ne!(said.code, 0);
    assert_eq!(liar.count(Sent::Proof), 2, "{}", said.out);
    assert_eq!(liar.count(Sent::Clear), 0, "{}", said.out);
    let came = came(&service);
    assert!(came.iter().all(|(_, outcome, _)| outcome != "complete"), "{came:?}");
    let stopped = came.iter().filter(|(.., faults)| faults[0] == "skipped").count();
    assert!(stopped >= 3, "{came:?}");
}

#[test]
fn services_that_never_answer_the_proof_see_two_of_them_and_hold_a_fleet_up_for_one_login() {
    let service = Service::start("127.0.6.100", &[]);
    let liar = Liar::start(|sent| match sent {
        Sent::Name => says("401 ", &challenge(), ""),
        _ => Does::IsSilent,
    });
    let begun = Instant::now();
    let said = run(&service, QUICK, "never to be known", &hosts(&liar, 1..=20));
    assert_ne!(said.code, 0);
    assert_eq!(liar.count(Sent::Proof), 2, "{}", said.out);
    // One share, one login, and what a busy machine needs.
    assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
    let mut kinds: Vec<String> =
        came(&service).into_iter().map(|(.., kinds)| kinds[0].clone()).collect();
    kinds.sort_unstable();
    let expected = std::iter::repeat_n("kex_timeout", 2).chain(std::iter::repeat_n("skipped", 18));
    assert!(kinds.iter().eq(expected), "{kinds:?}");
}

#[test]
fn hosts_that_are_silent_before_the_proof_or_one_after_it_keep_no_other_from_being_collected() {
    let service = Service::start("127.0.6.101-127.0.6.108", &[]);
    let mute = Liar::start(|_| Does::IsSilent);
    let slow = Liar::start(|sent| match sent {
        Sent::Name => says("401 ", &challenge(), ""),
        _ => Does::IsSilent,
    });
    let mut all = hosts(&mute, 1..=8);
    all.extend(hosts(&slow, 9..=9));
    let port = service.http();
    all.extend(
        (101..=108).map(|n| format!("win-{n}: {{address: 127.0.6.{n}, port: {port}, tls: false}}")),
    );
    let said = run(&service, QUICK, &service.password, &all);
    let came = came(&service);
    for (name, outcome, faults) in &came {
        let expected = if name.len() == "win-101".len() { "complete" } else { "failed" };
        assert_eq!(outcome, expected, "{name}: {faults:?}\n{}", said.err);
    }
    assert_eq!((mute.count(Sent::Proof), slow.count(Sent::Proof)), (0, 1));
    service.assert_clean();
}

#[test]
fn a_wrong_password_of_one_account_in_many_spellings_and_entries_is_tried_once() {
    let service = Service::start("127.0.6.101-127.0.6.104", &[]);
    let port = service.http();
    let users = [r"LAB\svc-netstat", r"lab\SVC-Netstat", "svc-netstat@lab.test", "svc-netstat"];
    let mut text = "accounts:\n".to_owned();
    for (at, user) in users.iter().enumerate() {
        let secret = service.path(&format!("secret-{at}"));
        std::fs::write(&secret, "not the password\n").unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&secret, mode).unwrap();
        text += &format!("  a{at}: {{user: '{user}', password: {{file: {}}}}}\n", secret.display());
    }
    text += "all: {transport: winrm}\nhosts:\n";
    for at in 0..users.len() {
        let address = format!("127.0.6.{}", 101 + at);
        text += &format!(
            "  win-{at}: {{address: {address}, port: {port}, tls: false, account: a{at}}}\n"
        );
    }
    let (fleet, night) = prepare(&service, QUICK, "unused", &[]);
    std::fs::write(&fleet, text).unwrap();
    let said = say(&service, &["run", &night, "-i", &fleet]);
    assert_eq!(service.total("auth_fail"), 1, "{}\n{}", said.out, said.err);
    let mut kinds: Vec<String> =
        came(&service).into_iter().map(|(.., kinds)| kinds[0].clone()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["auth_refused", "skipped", "skipped", "skipped"]);
}

/// What entering a host of a service comes to.
async fn enter(answer: impl Fn(Sent) -> Does + Send + Sync + 'static) -> (Liar, FaultKind, String) {
    let service = Service::start("127.0.6.100", &[]);
    let liar = Liar::start(answer);
    let mut host = host(&service, "127.0.6.1");
    host.asset.port = liar.port;
    let deadlines = Deadlines { authenticate: Duration::from_secs(2), ..Deadlines::default() };
    let winrm = winrm();
    let begun = Instant::now();
    let fault = winrm.connect(&host, &deadlines).await.err().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(20), "{fault}: {:?}", begun.elapsed());
    winrm.finish().await;
    (liar, fault.kind, fault.detail)
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_without_end_or_sense_before_the_login_are_bounded_and_show_nothing() {
    const OK: &str = "HTTP/1.1 200 OK\r\n";
    let at_once = Duration::ZERO;
    let slowly = Duration::from_millis(50);
    let endless = move |first: &str, again: &str, pause| {
        let (first, again) = (first.as_bytes().to_vec(), again.as_bytes().to_vec());
        Box::new(move |_| Does::Repeats(first.clone(), again.clone(), pause))
            as Box<dyn Fn(Sent) -> Does + Send + Sync>
    };
    let once = |status: &'static str, fields: &'static str| {
        Box::new(move |_| says(status, fields, "")) as Box<dyn Fn(Sent) -> Does + Send + Sync>
    };
    let chunks = format!("{OK}Transfer-Encoding: chunked\r\n\r\n");
    let body = format!("{OK}Content-Length: 99999999999\r\n\r\n");
    let block = "x".repeat(1 << 16);
    let chunk = format!("10000\r\n{block}\r\n");
    let cases = [
        (
            "headers",
            endless(OK, "X-A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", at_once),
            FaultKind::Lost,
        ),
        ("one header", endless(&format!("{OK}X-A: "), &block, at_once), FaultKind::Lost),
        ("body", endless(&body, &block, at_once), FaultKind::Lost),
        ("chunks", endless(&chunks, &chunk, at_once), FaultKind::Lost),
        ("trickle of chunks", endless(&chunks, "1\r\nx\r\n", slowly), FaultKind::KexTimeout),
        ("trickle of a header", endless(OK, "X", slowly), FaultKind::KexTimeout),
        ("continue", endless("", "HTTP/1.1 100 Continue\r\n\r\n", slowly), FaultKind::Lost),
        (
            "continue at once",
            endless("", "HTTP/1.1 100 Continue\r\n\r\n", at_once),
            FaultKind::Lost,
        ),
        ("no HTTP", endless("220 mail ready\r\n", "", slowly), FaultKind::Lost),
        ("redirection", once("302 Found", "Location: http://127.0.6.9/wsman\r\n"), FaultKind::Lost),
        (
            "no Negotiate",
            once("401 ", "WWW-Authenticate: Basic realm=\"x\"\r\n"),
            FaultKind::Policy,
        ),
        (
            "a challenge of nonsense",
            once("401 ", "WWW-Authenticate: Negotiate TlRM\r\n"),
            FaultKind::Policy,
        ),
        ("no service", once("404 Not Found", ""), FaultKind::Refused),
    ];
    for (what, answer, expected) in cases {
        let (liar, kind, detail) = enter(answer).await;
        assert_eq!(kind, expected, "{what}: {detail}");
        assert_eq!((liar.count(Sent::Name), liar.count(Sent::Proof)), (1, 0), "{what}: {detail}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_full_before_the_login_is_asked_again_and_shown_nothing() {
    let (liar, kind, detail) = enter(|_| says("503 ", "", "")).await;
    assert_eq!(kind, FaultKind::Quota, "{detail}");
    assert_eq!((liar.count(Sent::Name), liar.count(Sent::Proof)), (4, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_closes_after_each_answer_is_told_so_and_not_logged_in_to_without_end() {
    let closing = |sent| match sent {
        Sent::Name => says("401 ", &format!("{}Connection: close\r\n", challenge()), ""),
        _ => says("200 OK", "Connection: close\r\n", ""),
    };
    let (liar, kind, detail) = enter(closing).await;
    assert_eq!((kind, detail.as_str()), (FaultKind::Lost, "the service had closed the connection"));
    assert_eq!((liar.count(Sent::Name), liar.count(Sent::Proof)), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interim_answer_is_passed_over() {
    let interim = |sent| {
        let Does::Says(answer) = (match sent {
            Sent::Name => says("401 ", &challenge(), ""),
            _ => says("401 ", "", ""),
        }) else {
            unreachable!()
        };
        Does::Says([b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(), answer].concat())
    };
    let (liar, kind, detail) = enter(interim).await;
    assert_eq!(kind, FaultKind::AuthRefused, "{detail}");
    assert_eq!((liar.count(Sent::Name), liar.count(Sent::Proof)), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn envelopes_of_hostile_xml_are_refused_and_namespaces_mean_nothing() {
    let service = Service::start("127.0.6.100", &[]);
    let (winrm, host) = (winrm(), host(&service, "127.0.6.100"));
    let edit = |find: &str, put: &str, count: u32| {
        service.faults(&json!([{"action": "Receive", "do": "edit", "find": find, "put": put,
                                "count": count, "times": 1}]));
    };
    let cases = [
        (("</s:Header>", "<a>", 5_000), Some("the answer is no SOAP envelope")),
        (("</s:Header>", "<a>", 20), Some("the answer contradicts itself")),
        (
            ("<s:Envelope", "<!DOCTYPE s [<!ENTITY a \"aa\">]><s:Envelope", 1),
            Some("the answer is not XML"),
        ),
        (("<a:RelatesTo>", "<a:RelatesTo>&a;", 1), Some("the answer is not XML")),
        (("<a:Action>", "<a:Action>x", 1), Some("an answer to another kind of question came")),
        (("<s:Header>", " ", 2_000_000), Some("an answer did not come whole")),
        // Elements are known by their local names, whatever their prefixes stand for.
        (("<s:Body>", "<s:Body xmlns:s=\"urn:x\" xmlns:rsp=\"urn:y\" xmlns=\"urn:z\">", 1), None),
        (("<s:Body>", "<!-- <s:Fault/> --><?x <s:Fault/>?><s:Body>", 1), None),
    ];
    for ((find, put, count), expected) in cases {
        let mut session = winrm.connect(&host, &Deadlines::default()).await.unwrap();
        edit(find, put, count);
        let answer = ask(&mut session, &command(NETSTAT), 20_000).await;
        match (&answer.end, expected) {
            (End::Incomplete(fault), Some(text)) => {
                assert_eq!(fault.kind, FaultKind::Lost, "{put}: {fault}");
                assert!(fault.detail.starts_with(&format!("receive: {text}")), "{put}: {fault}");
            }
            (end, expected) => assert_eq!((end, expected), (&End::Exit(0), None), "{put}"),
        }
        assert_eq!(session.close().await, None, "{put}");
    }
    service.assert_clean();
}
