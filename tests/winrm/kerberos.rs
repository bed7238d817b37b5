//! Kerberos against MIT's KDC and acceptor: tickets, why there are none, and what a host must prove.

use std::net::TcpListener;
use std::sync::Arc;

use fleetstat::inventory::host::Host;
use fleetstat::inventory::login::{Kdc as Place, Login, Mechanism};
use fleetstat::model::capture::Negotiated;
use fleetstat::model::fault::{Fault, FaultKind};
use serde_json::json;

use crate::endings::winrm;
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
    // Another name of the same host.
    kdc.add_service("WSMAN/winlab.test");
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
