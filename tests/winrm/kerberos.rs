//! Kerberos against MIT's KDC and acceptor: tickets, why there are none, and what a host must prove.

use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use fleetstat::inventory::host::Host;
use fleetstat::inventory::login::{Kdc as Place, Login, Mechanism};
use fleetstat::model::capture::Negotiated;
use fleetstat::model::deadline::Deadlines;
use fleetstat::model::fault::{Fault, FaultKind};
use fleetstat::transport::Transport as _;
use serde_json::json;

use crate::endings::winrm;
use crate::fleet::say;
use crate::lab::{Kdc, Service, USER};
use crate::login::{account, assert_one_login, host, login, password, visit};

const NAME: &str = "winlab.test";

fn realm() -> Kdc {
    Kdc::start(USER, &[NAME])
}

fn service(kdc: &Kdc, hosts: &str, more: &[&str]) -> Service {
    let keytab = kdc.keytab();
    let all = [&["--keytab", keytab.to_str().unwrap(), "--krb-host", NAME], more].concat();
    Service::start_with(hosts, &all, kdc)
}

fn place(port: u16) -> Place {
    Place { address: "127.0.0.1".to_owned(), port }
}

/// The host, as an inventory with `auth: kerberos` has it.
fn by_kerberos(service: &Service, kdc: &Kdc, tls: bool) -> Host {
    let account = account(&format!("LAB.TEST\\{USER}"), password(kdc.path("secret")));
    let login = Login { kdcs: vec![place(kdc.port())], ..login(service, Mechanism::Kerberos) };
    let mut host = host(service, "127.0.6.1", &account, (tls, login));
    host.tls_name = Some(NAME.to_owned());
    host
}

async fn at(host: &Host) -> Result<Negotiated, Fault> {
    visit(&winrm(), host).await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_ticket_is_one_login_sealed_over_http_and_bound_to_the_channel_over_https() {
    let kdc = realm();
    for tls in [false, true] {
        let service = service(&kdc, "127.0.6.1", &[]);
        let negotiated = at(&by_kerberos(&service, &kdc, tls)).await;
        let negotiated = negotiated.unwrap_or_else(|fault| panic!("{fault}\n{}", service.log()));
        assert_one_login(&service, "kerberos");
        let identity = format!("password (kerberos for HTTP/{NAME}");
        if tls {
            assert_eq!(negotiated.identity, format!("{identity}, bound to the certificate)"));
        } else {
            assert_eq!(negotiated.identity, format!("{identity})"));
            assert_eq!(negotiated.cipher, "aes256-cts-hmac-sha1-96");
            assert_eq!(service.total("soap_encrypted"), service.total("http_requests") - 1);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_user_may_be_written_in_both_ways() {
    let kdc = realm();
    let service = service(&kdc, "127.0.6.1", &[]);
    let mut host = by_kerberos(&service, &kdc, false);
    host.account = Some(account(&format!("{USER}@lab.test"), password(kdc.path("secret"))));
    at(&host).await.unwrap();
    assert_one_login(&service, "kerberos");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_that_comes_through_a_relay_is_refused() {
    let kdc = realm();
    let service = service(&kdc, "127.0.6.1", &["--relay"]);
    let fault = at(&by_kerberos(&service, &kdc, true)).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::AuthRefused, "{fault}");
    let expected = format!("the service refused the ticket for `HTTP/{NAME}`");
    assert_eq!(fault.detail, expected);
    assert_eq!((service.total("auth_ok"), service.total("auth_fail")), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_tried_once_at_the_kdc_and_never_at_a_host() {
    let kdc = realm();
    let service = service(&kdc, "127.0.6.1-127.0.6.2", &[]);
    std::fs::write(kdc.path("secret"), "not the password\n").unwrap();
    let winrm = winrm();
    let mut host = by_kerberos(&service, &kdc, false);
    let fault = visit(&winrm, &host).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::AuthRefused, "{fault}");
    assert!(fault.detail.contains("Kerberos error 24"), "{fault}");
    host.asset.address = "127.0.6.2".to_owned();
    let fault = visit(&winrm, &host).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Skipped, "{fault}");
    // Nothing else is tried in its place.
    assert_eq!((service.total("http_requests"), service.total("auth_fail")), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_kdc_does_not_know_or_allow_is_said_clearly() {
    let kdc = realm();
    let service = service(&kdc, "127.0.6.1", &[]);
    let fault_of = |change: &dyn Fn(&mut Host)| {
        let mut host = by_kerberos(&service, &kdc, false);
        change(&mut host);
        async move { at(&host).await.unwrap_err() }
    };
    let user = |user: &'static str| {
        let file = kdc.path("secret");
        move |host: &mut Host| host.account = Some(account(user, password(file.clone())))
    };
    let fault = fault_of(&user("LAB.TEST\\nobody")).await;
    assert_eq!(fault.kind, FaultKind::AuthRefused, "{fault}");
    assert!(fault.detail.contains("the KDC knows no account `nobody` in LAB.TEST"), "{fault}");
    kdc.admin(&[
        "addprinc",
        "+requires_preauth",
        "-pwexpire",
        "2020-01-01",
        "-pw",
        &kdc.password,
        "old",
    ]);
    let fault = fault_of(&user("LAB.TEST\\old")).await;
    assert_eq!(fault.kind, FaultKind::PasswordExpired, "{fault}");
    kdc.admin(&["addprinc", "-allow_tix", "+requires_preauth", "-pw", &kdc.password, "off"]);
    let fault = fault_of(&user("LAB.TEST\\off")).await;
    assert_eq!(fault.kind, FaultKind::AuthRefused, "{fault}");
    assert!(fault.detail.contains("is disabled, expired or locked out"), "{fault}");
    kdc.admin(&["addprinc", "-requires_preauth", "-pw", &kdc.password, "open"]);
    let fault = fault_of(&user("LAB.TEST\\open")).await;
    assert_eq!(fault.kind, FaultKind::NoTicket, "{fault}");
    assert!(fault.detail.contains("needs no pre-authentication"), "{fault}");
    let fault =
        fault_of(&|host| host.login.as_mut().unwrap().spn = Some("HTTP/other".into())).await;
    assert_eq!(fault.kind, FaultKind::NoTicket, "{fault}");
    assert!(fault.detail.contains("knows no service `HTTP/other`"), "{fault}");
    assert_eq!(service.total("http_requests"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ticket_is_for_the_service_that_the_inventory_names() {
    let kdc = Kdc::start(USER, &[]);
    kdc.add_service(&format!("WSMAN/{NAME}"));
    let service = service(&kdc, "127.0.6.1", &["--krb-service", "WSMAN"]);
    let mut host = by_kerberos(&service, &kdc, true);
    let fault = at(&host).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::NoTicket, "{fault}");
    service.reset();
    host.login.as_mut().unwrap().spn = Some(format!("WSMAN/{NAME}"));
    at(&host).await.unwrap();
    assert_one_login(&service, "kerberos");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kdc_that_is_silent_ends_with_the_time_for_the_login() {
    let kdc = realm();
    let service = service(&kdc, "127.0.6.1", &[]);
    // It accepts, since the system does, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut host = by_kerberos(&service, &kdc, false);
    host.login.as_mut().unwrap().kdcs = vec![place(silent.local_addr().unwrap().port())];
    let deadlines = Deadlines { authenticate: Duration::from_millis(300), ..Deadlines::default() };
    let Err(fault) = winrm().connect(&host, &deadlines).await else { panic!("it has no ticket") };
    assert_eq!(fault.to_string(), "kdc_unreachable: no ticket came in 0.3 s");
    assert_eq!(service.total("http_requests"), 0);
}

/// The program, with an inventory: the realm's KDC, twenty hosts, and all that can be logged.
#[test]
fn the_inventory_leads_to_the_kdc_and_the_log_tells_no_secret() {
    let kdc = realm();
    let service = service(&kdc, "127.0.6.1-127.0.6.20", &[]);
    let text = format!(
        "accounts:\n  reader: {{user: '{USER}@lab.test', password: {{file: {}}}}}\n\
         realms:\n  Lab.Test: {{kdc: [\"127.0.0.1:{}\"]}}\n\
         all: {{account: reader, transport: winrm, auth: kerberos, tls_ca: {}}}\n\
         hosts:\n  \"win-[1-20]\": {{address: \"127.0.6.[1-20]\", port: {}, tls_name: {NAME}}}\n",
        kdc.path("secret").display(),
        kdc.port(),
        service.authority().display(),
        service.https()
    );
    let (fleet, night) = (service.path("fleet.yaml"), service.path("night.yaml"));
    std::fs::write(&fleet, text).unwrap();
    std::fs::write(&night, "name: night\npurpose: routine\nviews: [listeners]\n").unwrap();
    let (fleet, night) = (fleet.to_str().unwrap(), night.to_str().unwrap());
    let planned = say(&service, &["plan", night, "-i", fleet]);
    let line = format!(", kerberos for HTTP/{NAME} from 127.0.0.1:{}, trusts ", kdc.port());
    assert!(planned.out.contains(&line), "{}{}", planned.out, planned.err);
    let said = say(&service, &["run", night, "-i", fleet, "-vvv"]);
    assert_eq!(said.code, 0, "{}\n{}\n{}", said.out, said.err, service.totals());
    service.assert_clean();
    assert_eq!((service.total("auth_ok_kerberos"), service.total("auth_fail")), (20, 0));
    assert_eq!(service.total("connections"), 20);
    for secret in [&*kdc.password, "Envelope", "session_key"] {
        assert!(!said.err.contains(secret) && !said.out.contains(secret), "{secret}");
    }
    let shown = say(&service, &["show", "win-7"]);
    let login =
        format!("logged in with password (kerberos for HTTP/{NAME}, bound to the certificate)");
    assert!(shown.out.contains(&login), "{}{}", shown.out, shown.err);
}

/// Between us and the KDC: changes bytes of its answers, by a seed for each connection.
fn mangler(kdc: u16) -> u16 {
    use std::io::{Read as _, Write as _};
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for (mut seed, client) in (1_u64..).zip(listener.incoming()) {
            let (Ok(mut client), Ok(mut server)) = (client, TcpStream::connect(("127.0.0.1", kdc)))
            else {
                continue;
            };
            let mut next = move |below: usize| {
                seed = seed
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                usize::try_from(seed >> 33).unwrap() % below
            };
            std::thread::spawn(move || {
                let frame = |stream: &mut TcpStream| {
                    let mut length = [0; 4];
                    stream.read_exact(&mut length).ok()?;
                    let mut message = vec![0; u32::from_be_bytes(length) as usize];
                    stream.read_exact(&mut message).ok()?;
                    Some(message)
                };
                let Some(question) = frame(&mut client) else { return };
                let length = u32::try_from(question.len()).unwrap().to_be_bytes();
                let _ = server.write_all(&[&length[..], &question].concat());
                let Some(mut answer) = frame(&mut server) else { return };
                // Two answers of three go through: the later ones are to be reached.
                if next(3) == 0 {
                    for _ in 0..=next(4) {
                        let at = next(answer.len());
                        answer[at] = u8::try_from(next(256)).unwrap();
                    }
                    if next(4) == 0 {
                        answer.truncate(next(answer.len()));
                    }
                }
                let length = u32::try_from(answer.len()).unwrap().to_be_bytes();
                let _ = client.write_all(&[&length[..], &answer].concat());
            });
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_of_a_kdc_however_mangled_is_a_panic_or_another_login() {
    let kdc = realm();
    let service = service(&kdc, "127.0.6.1", &[]);
    let port = mangler(kdc.port());
    let mut host = by_kerberos(&service, &kdc, false);
    host.login.as_mut().unwrap().kdcs = vec![place(port)];
    let mut came: BTreeMap<&str, usize> = BTreeMap::new();
    // The KDC keeps 45 connections.
    for _ in 0..20 {
        let visits = (0..8).map(|_| {
            let host = host.clone();
            tokio::spawn(async move { at(&host).await })
        });
        for visit in futures::future::join_all(visits).await {
            let visit = visit.expect("no visit panics");
            let kind = visit.map_or_else(|fault| fault.kind.as_str(), |_| "in");
            *came.entry(kind).or_default() += 1;
        }
    }
    let of = |kind: &str| came.get(kind).copied().unwrap_or(0);
    assert!(of("in") > 20 && of("no_ticket") > 20, "{came:?}");
    assert_eq!(service.total("auth_ok") - service.total("auth_ok_kerberos"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_proof_of_a_host_however_mangled_is_a_panic() {
    let kdc = realm();
    let service = service(&kdc, "127.0.6.1-127.0.6.200", &[]);
    let rules: Vec<_> = (1..=200)
        .map(|n| json!({"host": format!("127.0.6.{n}"), "action": "Auth", "do": "bad_token", "seed": n}))
        .collect();
    service.faults(&json!(rules));
    let shared = Arc::new(winrm());
    let visits = (1..=200).map(|n| {
        let winrm = Arc::clone(&shared);
        let mut host = by_kerberos(&service, &kdc, false);
        host.asset.address = format!("127.0.6.{n}");
        tokio::spawn(async move { visit(&winrm, &host).await })
    });
    let mut refused = 0;
    for visit in futures::future::join_all(visits).await {
        if let Err(fault) = visit.expect("no visit panics") {
            assert_eq!(fault.kind, FaultKind::TlsUntrusted, "{fault}");
            refused += 1;
        }
    }
    assert!(refused > 150, "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kdc_that_is_down_is_passed_over_and_none_that_is_up_is_a_fault_and_no_ntlm() {
    let kdc = realm();
    let service = service(&kdc, "127.0.6.1", &[]);
    // A port that was free a moment ago.
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut host = by_kerberos(&service, &kdc, false);
    let login = host.login.as_mut().unwrap();
    login.kdcs = vec![place(dead)];
    let fault = at(&host).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::KdcUnreachable, "{fault}");
    assert!(fault.detail.starts_with(&format!("KDC 127.0.0.1:{dead}: refused")), "{fault}");
    assert_eq!(service.total("http_requests"), 0);
    host.login.as_mut().unwrap().kdcs.push(place(kdc.port()));
    service.reset();
    at(&host).await.unwrap();
    assert_one_login(&service, "kerberos");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kdc_that_talks_nonsense_or_without_end_is_a_fault() {
    use std::io::{Read as _, Write as _};
    let kdc = realm();
    let service = service(&kdc, "127.0.6.1", &[]);
    for (said, words) in [
        (&b"\xff\xff\xff\xff"[..], "longer than 131072 bytes"),
        (b"\0\0\0\x08\x7e\x06\x30", "broke off"),
        (b"\0\0\0\x03\x7e\x01\x00", "its error cannot be read"),
        (b"\0\0\0\x02\x6d\x00", "Kerberos: "),
        (b"\0\0\0\x00", "Kerberos: "),
        // KRB-ERROR 37 (skew), with the time of the KDC's clock.
        (
            b"\0\0\0\x26\x7e\x24\x30\x22\xa0\x03\x02\x01\x05\xa1\x03\x02\x01\x1e\xa4\x11\x18\x0f\
              20010101000000Z\xa6\x03\x02\x01\x25",
            "the clocks of the KDC (20010101000000Z) and of this controller differ",
        ),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let talk = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut length = [0; 4];
            stream.read_exact(&mut length).unwrap();
            let mut question = vec![0; u32::from_be_bytes(length) as usize];
            stream.read_exact(&mut question).unwrap();
            stream.write_all(said).unwrap();
        });
        let mut host = by_kerberos(&service, &kdc, false);
        host.login.as_mut().unwrap().kdcs = vec![place(port)];
        let fault = at(&host).await.unwrap_err();
        assert!(matches!(fault.kind, FaultKind::KdcUnreachable | FaultKind::NoTicket), "{fault}");
        assert!(fault.detail.contains(words), "{fault}");
        talk.join().unwrap();
    }
    assert_eq!(service.total("http_requests"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_does_not_prove_itself_is_sent_no_message() {
    let kdc = realm();
    let service = service(&kdc, "127.0.6.1", &[]);
    for (rule, why) in [
        (json!({"action": "Auth", "do": "no_token"}), "it sent no AP-REP"),
        (json!({"action": "Auth", "do": "bad_token"}), "is not sealed with the ticket's key"),
    ] {
        for tls in [false, true] {
            service.reset();
            service.faults(&json!([rule]));
            let fault = at(&by_kerberos(&service, &kdc, tls)).await.unwrap_err();
            assert_eq!(fault.kind, FaultKind::TlsUntrusted, "{fault}");
            assert!(fault.detail.contains(why), "{fault}");
            assert_eq!((service.total("soap_encrypted"), service.total("soap_plain_tls")), (0, 0));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_does_not_offer_kerberos_gets_nothing_else() {
    let kdc = realm();
    let service = service(&kdc, "127.0.6.1", &["--auth", "negotiate,basic"]);
    let fault = at(&by_kerberos(&service, &kdc, true)).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Policy, "{fault}");
    assert_eq!(service.total("auth_ok") + service.total("auth_fail"), 0, "{}", service.totals());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_answer_that_comes_again_is_no_answer() {
    let kdc = realm();
    let service = service(&kdc, "127.0.6.1", &[]);
    service.faults(&json!([{"action": "Command", "do": "replay", "times": 1}]));
    let fault = at(&by_kerberos(&service, &kdc, false)).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Lost, "{fault}");
    assert!(fault.detail.contains("an answer to another message came"), "{fault}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_sealed_answer_however_mangled_is_a_panic_or_an_answer() {
    let kdc = realm();
    let service = Arc::new(service(&kdc, "127.0.6.1-127.0.6.200", &[]));
    let rules: Vec<_> = (1..=200)
        .map(|n| {
            json!({"host": format!("127.0.6.{n}"), "action": "Receive", "do": "mutate",
                   "seed": n, "times": 1})
        })
        .collect();
    service.faults(&json!(rules));
    // The password is known to be right before many ask at once.
    let shared = Arc::new(winrm());
    let visits = (1..=200).map(|n| {
        let (service, winrm) = (Arc::clone(&service), Arc::clone(&shared));
        let mut host = by_kerberos(&service, &kdc, false);
        host.asset.address = format!("127.0.6.{n}");
        tokio::spawn(async move { visit(&winrm, &host).await })
    });
    let mut broken = 0;
    for visit in futures::future::join_all(visits).await {
        // What of a token's head is not sealed (rotation, sequence) may be anything: then the answer
        // is right, and `visit` compares it.
        match visit.expect("no visit panics") {
            Ok(_) => {}
            Err(fault) => {
                assert_eq!(fault.kind, FaultKind::Lost, "{fault}");
                broken += 1;
            }
        }
    }
    assert!(broken > 150, "{broken}");
    assert_eq!(service.total("auth_fail"), 0, "{}", service.totals());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_128_bits_is_told_before_it_is_used_and_no_right_password_is_called_wrong() {
    let kdc = realm();
    let service = service(&kdc, "127.0.6.1", &[]);
    let secret = std::fs::read_to_string(kdc.path("secret")).unwrap();
    let winrm = winrm();
    let came = async |name: &str, keys: &str| {
        let secret = secret.trim_end();
        kdc.admin(&["addprinc", "+requires_preauth", "-e", keys, "-pw", secret, name]);
        let mut host = by_kerberos(&service, &kdc, false);
        host.account = Some(account(&format!("{name}@lab.test"), password(kdc.path("secret"))));
        let fault = visit(&winrm, &host).await.err().unwrap();
        (fault.kind, fault.detail)
    };
    let (kind, detail) = came("small", "aes128-cts-hmac-sha1-96:normal").await;
    assert_eq!(kind, FaultKind::NoTicket, "{detail}");
    assert!(detail.contains("AES with 128 bits; allow it for the account"), "{detail}");
    // Another salt is heeded. The service knows no such user, which it says of a ticket that is right.
    let (_, detail) = came("salted", "aes256-cts-hmac-sha1-96:special").await;
    assert_eq!(detail, format!("the service refused the ticket for `HTTP/{NAME}`"));
}
