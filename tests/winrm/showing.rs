//! How often a password is shown that nobody has proved to take: to a place once, to a fleet twice, and
//! to more hosts only as others prove it.

use fleetstat::model::deadline::Deadlines;
use fleetstat::model::fault::FaultKind;
use fleetstat::transport::Transport as _;
use serde_json::{Value, json};

use crate::endings::{NETSTAT, ask, command, host, winrm};
use crate::fleet::{manifest, prepare, run, say};
use crate::hostile::{Liar, QUICK, Sent, came, challenge, hosts, says};
use crate::lab::Service;

/// What a run over six such hosts shows, and how they end.
fn six(status: &'static str, fields: &'static str) -> (usize, Vec<String>) {
    let service = Service::start("127.0.6.100", &[]);
    let liar = Liar::start(move |sent| match sent {
        Sent::Name => says("401 ", &challenge(), ""),
        _ => says(status, fields, ""),
    });
    run(&service, QUICK, "never to be known", &hosts(&liar, 1..=6));
    let mut kinds: Vec<String> =
        came(&service).into_iter().map(|(.., all)| all.join(" ")).collect();
    kinds.sort_unstable();
    (liar.count(Sent::Proof), kinds)
}

#[test]
fn whatever_is_said_to_a_proof_but_yes_or_no_counts_as_a_doubt() {
    for (status, kind) in [
        ("413 ", "internal"),
        ("403 ", "denied"),
        ("503 ", "quota"),
        ("500 ", "lost"),
        ("302 Found", "lost"),
    ] {
        let (proofs, kinds) = six(status, "");
        assert_eq!(proofs, 2, "{status}: {kinds:?}");
        let expected = [[kind; 2].as_slice(), ["skipped"; 4].as_slice()].concat();
        assert_eq!(kinds, expected, "{status}");
    }
}

#[test]
fn hosts_that_close_after_their_challenge_were_shown_nothing_and_stop_nobody() {
    let service = Service::start("127.0.6.100", &[]);
    let closing =
        Liar::start(|_| says("401 ", &format!("{}Connection: close\r\n", challenge()), ""));
    run(&service, QUICK, "never to be known", &hosts(&closing, 1..=6));
    let kinds: Vec<String> = came(&service).into_iter().map(|(.., all)| all.join(" ")).collect();
    assert_eq!((kinds, closing.count(Sent::Proof)), (vec!["lost".to_owned(); 6], 0));
}

#[test]
fn an_unproven_password_is_shown_to_a_place_once_also_by_the_clean_up_and_by_its_other_names() {
    let service = Service::start("127.0.6.100", &[]);
    let breaking = Liar::start(|sent| match sent {
        Sent::Name => says("401 ", &challenge(), ""),
        Sent::Proof => says("200 OK", "", ""),
        _ => says("500 ", "", ""),
    });
    let port = breaking.port;
    let all: Vec<String> = (1..=3)
        .map(|n| format!("win-{n}: {{address: 127.0.6.1, port: {port}, tls: false}}"))
        .collect();
    run(&service, QUICK, "never to be known", &all);
    let mut kinds: Vec<String> =
        came(&service).into_iter().map(|(.., all)| all.join(" ")).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["lost leaked_shell", "skipped", "skipped"]);
    assert_eq!(breaking.count(Sent::Proof), 1, "{kinds:?}");
}

#[test]
fn a_login_that_was_refused_leaves_no_shell_and_the_second_doubt_names_the_first() {
    let (proofs, kinds) = six("200 OK", "");
    let skipped = ["skipped"; 4].as_slice();
    assert_eq!(proofs, 2);
    assert_eq!(kinds, [["lost leaked_shell"; 2].as_slice(), skipped].concat());
    let service = Service::start("127.0.6.100", &[]);
    let forgetful = Liar::start(|sent| match sent {
        Sent::Name => says("401 ", &challenge(), ""),
        Sent::Proof => says("200 OK", "", ""),
        _ => says("401 ", "", ""),
    });
    run(&service, QUICK, "never to be known", &hosts(&forgetful, 1..=6));
    let mut kinds: Vec<String> =
        came(&service).into_iter().map(|(.., all)| all.join(" ")).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, [["lost"; 2].as_slice(), skipped].concat());
    let (_, manifest) = manifest(&service);
    let all = manifest["hosts"].as_array().unwrap();
    let words = |host: &Value| host["faults"][0]["detail"].as_str().unwrap().to_owned();
    let said = all.iter().map(words).find(|said| said.contains("not offered")).unwrap();
    let by = said.rsplit(": ").next().unwrap();
    let (second, first) = by.split_once(" broke off the login, as ").unwrap();
    let first = first.strip_suffix(" had done").unwrap();
    assert_ne!(second, first, "{said}");
    assert!([second, first].iter().all(|place| place.starts_with("127.0.6.")), "{said}");
}

/// Runs over twelve hosts by HTTPS, each of which answers the creation so.
fn over_tls(auth: &str, rule: &Value) -> (Service, Vec<String>) {
    let service = Service::start("127.0.6.1-127.0.6.12", &[]);
    service.faults(&json!([rule]));
    let port = service.https();
    let all: Vec<String> = (1..=12)
        .map(|n| format!("win-{n}: {{address: 127.0.6.{n}, port: {port}, auth: {auth}}}"))
        .collect();
    let (fleet, night) = prepare(&service, QUICK, &service.password, &all);
    let said = say(&service, &["run", &night, "-i", &fleet]);
    assert!(service.path("data/evidence").exists(), "{}{}", said.out, said.err);
    let mut kinds: Vec<String> =
        came(&service).into_iter().map(|(.., all)| all.join(" ")).collect();
    kinds.sort_unstable();
    (service, kinds)
}

#[test]
fn over_https_an_agreement_is_no_proof_and_an_answer_to_another_message_neither() {
    for auth in ["ntlm", "basic"] {
        for rule in [
            json!({"action": "Create", "do": "garbage"}),
            json!({"action": "Create", "do": "edit", "find": "<a:RelatesTo>", "put": "<a:RelatesTo>x"}),
        ] {
            let (service, kinds) = over_tls(auth, &rule);
            let expected =
                [["lost leaked_shell"; 2].as_slice(), ["skipped"; 10].as_slice()].concat();
            assert_eq!(kinds, expected, "{auth} {rule}");
            assert_eq!(service.total("op_Create"), 2, "{auth} {rule}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_with_a_name_that_cannot_be_used_is_told_of() {
    let service = Service::start("127.0.6.100", &[]);
    let (winrm, host) = (winrm(), host(&service, "127.0.6.100"));
    service.faults(&json!([{"action": "Create", "do": "edit",
                            "find": "Name=\"ShellId\">", "put": "Name=\"ShellId\">../",
                            "also": [["<rsp:ShellId>", "<rsp:ShellId>../"]]}]));
    let fault = winrm.connect(&host, &Deadlines::default()).await.err().unwrap();
    assert_eq!(fault.kind, FaultKind::Lost, "{fault}");
    let left: Vec<FaultKind> =
        winrm.left_behind(&host).await.into_iter().map(|fault| fault.kind).collect();
    assert_eq!(left, [FaultKind::LeakedShell], "{fault}");
    winrm.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_is_put_off_ends_with_the_commands_own_limit() {
    let service = Service::start("127.0.6.100", &[]);
    let (winrm, host) = (winrm(), host(&service, "127.0.6.100"));
    let mut session = winrm.connect(&host, &Deadlines::default()).await.unwrap();
    service.faults(&json!([{"action": "Command", "do": "hang", "secs": 60}]));
    let begun = std::time::Instant::now();
    let answer = ask(&mut session, &command(NETSTAT), 1_000).await;
    assert!(begun.elapsed().as_secs() < 10, "{:?} {:?}", begun.elapsed(), answer.end);
    drop(session);
    winrm.finish().await;
}
