//! How a host is logged in to: every mechanism, right and wrong, over HTTP and HTTPS. One login for one
//! visit, nothing in the clear, nothing tried in another's place.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fleetstat::inventory::host::{Account, Escalation, Host, Identity, SecretSource};
use fleetstat::inventory::login::{Login, Mechanism, Pin};
use fleetstat::model::capture::{End, Negotiated};
use fleetstat::model::deadline::Deadlines;
use fleetstat::model::fault::{Fault, FaultKind};
use fleetstat::model::host::{Asset, TransportKind};
use fleetstat::model::id::{HostName, Label};
use fleetstat::transport::Transport as _;
use fleetstat::transport::winrm::Winrm;

use crate::endings::{NETSTAT, ask, bytes, command, winrm};
use crate::lab::{Service, USER, canned};

/// An account with one identity.
pub(crate) fn account(user: &str, identity: Identity) -> Arc<Account> {
    Arc::new(Account {
        name: Label::new("account", "reader").unwrap(),
        user: user.to_owned(),
        identities: vec![identity],
        escalation: Escalation::None,
    })
}

/// A password in a file of mode 0600.
pub(crate) fn password(file: PathBuf) -> Identity {
    Identity::Password(SecretSource::File(file))
}

/// A host of the service, by what its inventory would say.
pub(crate) fn host(
    service: &Service,
    address: &str,
    account: &Arc<Account>,
    (tls, login): (bool, Login),
) -> Host {
    let port = if tls { service.https() } else { service.http() };
    let asset = Asset {
        transport: TransportKind::Winrm,
        ..Asset::new(HostName::new("win-1").unwrap(), address.to_owned(), port)
    };
    Host {
        account: Some(Arc::clone(account)),
        tls,
        login: Some(Box::new(login)),
        ..Host::of(asset)
    }
}

/// What a login trusts: the authority of the service.
pub(crate) fn login(service: &Service, mechanism: Mechanism) -> Login {
    Login { mechanism: Some(mechanism), tls_ca: Some(service.authority()), ..Login::default() }
}

/// One visit with one command, whose answer must be the host's; what was agreed on.
pub(crate) async fn visit(winrm: &Winrm, host: &Host) -> Result<Negotiated, Fault> {
    let mut session = winrm.connect(host, &Deadlines::default()).await?;
    let negotiated = session.negotiated().unwrap();
    let mut answer = ask(&mut session, &command(NETSTAT), 20_000).await;
    let closed = session.close().await;
    winrm.finish().await;
    match answer.end {
        End::Exit(0) => assert_eq!(bytes(&mut answer.stdout), canned("netstat_ano.txt")),
        End::Incomplete(fault) => return Err(fault),
        other => panic!("{other:?}"),
    }
    assert_eq!(closed, None);
    Ok(negotiated)
}

/// One login and one connection, and nothing that must not be.
pub(crate) fn assert_one_login(service: &Service, via: &str) {
    service.assert_clean();
    let counted = |counter: &str| service.total(counter);
    assert_eq!(counted(&format!("auth_ok_{via}")), 1, "{}", service.totals());
    assert_eq!((counted("auth_ok"), counted("auth_fail"), counted("connections")), (1, 0, 1));
}

fn client_certificate(service: &Service, key: PathBuf, passphrase: Option<PathBuf>) -> Identity {
    Identity::TlsCertificate {
        certificate: service.state(&format!("client-{USER}.pem")),
        key,
        passphrase: passphrase.map(SecretSource::File),
    }
}

/// The lab writes keys as everybody's files.
fn private(path: &Path) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path.to_owned()
}

fn key(service: &Service) -> PathBuf {
    private(&service.state(&format!("client-{USER}.key")))
}

/// The account and the name that the service counts its logins by.
pub(crate) fn of(service: &Service, mechanism: Mechanism) -> (Arc<Account>, &'static str) {
    let word = || password(service.path("secret"));
    match mechanism {
        Mechanism::Ntlm => (account(&format!("LAB\\{USER}"), word()), "ntlm-raw"),
        Mechanism::Basic => (account(USER, word()), "basic"),
        Mechanism::Certificate => {
            (account(USER, client_certificate(service, key(service), None)), "certificate")
        }
        Mechanism::Kerberos => unreachable!("has a suite of its own"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mechanism_logs_in_once_and_says_how() {
    for (mechanism, tls) in [
        (Mechanism::Ntlm, false),
        (Mechanism::Ntlm, true),
        (Mechanism::Basic, true),
        (Mechanism::Certificate, true),
    ] {
        let service = Service::start("127.0.5.1", &[]);
        let (account, via) = of(&service, mechanism);
        let host = host(&service, "127.0.5.1", &account, (tls, login(&service, mechanism)));
        let negotiated = visit(&winrm(), &host).await.unwrap();
        assert_one_login(&service, via);
        let pin = Pin::parse(&format!("SHA256:{}", service.fingerprint())).unwrap();
        assert_eq!(negotiated.host_key, if tls { pin.to_string() } else { String::new() });
        let (trust, kex, cipher) = if tls {
            ("x509 by tls_ca", "TLS 1.3, X25519", "TLS13_AES_256_GCM_SHA384")
        } else {
            ("", "HTTP, sealed", "rc4-128-hmac-md5")
        };
        assert_eq!(
            (&*negotiated.host_key_algorithm, &*negotiated.kex, &*negotiated.cipher),
            (trust, kex, cipher)
        );
        let identity = negotiated.identity;
        match mechanism {
            Mechanism::Ntlm if tls => {
                assert_eq!(identity, "password (ntlm, bound to the certificate)");
            }
            Mechanism::Ntlm => assert_eq!(identity, "password (ntlm)"),
            Mechanism::Basic => assert_eq!(identity, "password (basic)"),
            _ => {
                assert!(identity.starts_with("client certificate SHA256:"), "{identity}");
                assert!(identity.ends_with(" (certificate)"), "{identity}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_shown_to_one_host_of_two_by_every_mechanism() {
    for (mechanism, tls) in
        [(Mechanism::Ntlm, false), (Mechanism::Ntlm, true), (Mechanism::Basic, true)]
    {
        let service = Service::start("127.0.5.1-127.0.5.2", &[]);
        std::fs::write(service.path("secret"), "not the password\n").unwrap();
        let (account, _) = of(&service, mechanism);
        let winrm = winrm();
        for (address, kind) in
            [("127.0.5.1", FaultKind::AuthRefused), ("127.0.5.2", FaultKind::Skipped)]
        {
            let host = host(&service, address, &account, (tls, login(&service, mechanism)));
            let fault = visit(&winrm, &host).await.unwrap_err();
            assert_eq!(fault.kind, kind, "{mechanism} at {address}: {fault}");
        }
        service.assert_clean();
        assert_eq!((service.total("auth_ok"), service.total("auth_fail")), (0, 1), "{mechanism}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate_that_the_host_does_not_know_is_refused_once() {
    let service = Service::start("127.0.5.1", &[]);
    // Any certificate of the authority that is no account's: the host's own.
    let identity = Identity::TlsCertificate {
        certificate: service.state("server.pem"),
        key: private(&service.state("server.key")),
        passphrase: None,
    };
    let account = account(USER, identity);
    let host =
        host(&service, "127.0.5.1", &account, (true, login(&service, Mechanism::Certificate)));
    let winrm = winrm();
    let fault = visit(&winrm, &host).await.unwrap_err();
    assert!(matches!(fault.kind, FaultKind::AuthRefused | FaultKind::Lost), "{fault}");
    let connections = service.total("connections");
    let again = visit(&winrm, &host).await.unwrap_err();
    // Refused in the handshake, which a client of TLS 1.3 may see as a break only: then it is the
    // handshake that is tried again, and still nobody is let in.
    match fault.kind {
        FaultKind::AuthRefused => {
            assert_eq!(again.kind, FaultKind::AuthRefused, "{again}");
            assert_eq!(service.total("connections"), connections, "nothing is sent a second time");
        }
        _ => assert!(matches!(again.kind, FaultKind::AuthRefused | FaultKind::Lost), "{again}"),
    }
    assert_eq!((service.total("auth_ok"), service.total("shells_created")), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_asks_for_no_certificate_is_sent_nothing() {
    let service = Service::start("127.0.5.1", &["--auth", "negotiate,basic"]);
    let (account, _) = of(&service, Mechanism::Certificate);
    let host =
        host(&service, "127.0.5.1", &account, (true, login(&service, Mechanism::Certificate)));
    let fault = visit(&winrm(), &host).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Policy, "{fault}");
    assert!(fault.detail.contains("clientcertnegotiation=enable"), "{fault}");
    assert_eq!(service.total("http_requests"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_key_is_opened_by_its_passphrase() {
    let service = Service::start("127.0.5.1", &[]);
    let sealed = service.path("sealed.key");
    let passphrase = service.path("passphrase");
    std::fs::write(&passphrase, "open, sesame\n").unwrap();
    let done = std::process::Command::new("openssl")
        .args(["pkcs8", "-topk8", "-v2", "aes-256-cbc", "-in"])
        .arg(key(&service))
        .arg("-out")
        .arg(&sealed)
        .arg("-passout")
        .arg(format!("file:{}", passphrase.display()))
        .status()
        .unwrap();
    assert!(done.success());
    let (sealed, passphrase) = (private(&sealed), private(&passphrase));
    let visit = |passphrase: Option<PathBuf>| {
        let identity = client_certificate(&service, sealed.clone(), passphrase);
        let account = account(USER, identity);
        let login = login(&service, Mechanism::Certificate);
        let host = host(&service, "127.0.5.1", &account, (true, login));
        async move { visit(&winrm(), &host).await }
    };
    for (given, said) in [
        (None, "it is encrypted; add `passphrase` beside `key`"),
        (Some(service.path("secret")), "the passphrase of"),
    ] {
        let fault = visit(given).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Config, "{fault}");
        assert!(fault.detail.contains(said), "{fault}");
    }
    assert_eq!(service.total("connections"), 0, "what cannot be read is seen before");
    visit(Some(passphrase)).await.unwrap();
    assert_one_login(&service, "certificate");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pin_takes_one_certificate_whatever_its_name_and_authority() {
    let service = Service::start("127.0.5.1", &[]);
    let (account, via) = of(&service, Mechanism::Ntlm);
    let pin = Pin::parse(&format!("SHA256:{}", service.fingerprint())).unwrap();
    let pinned = |pin, tls_ca| Login { tls_pin: Some(pin), tls_ca, ..Login::default() };
    let at = |login| {
        let mut host = host(&service, "127.0.5.1", &account, (true, login));
        host.tls_name = Some("another.example.net".to_owned());
        host
    };
    let fault = visit(&winrm(), &at(pinned(Pin([7; 32]), None))).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::TlsUntrusted);
    let expected =
        format!("TLS: the host shows certificate {pin}, and `tls_pin` is {}", Pin([7; 32]));
    assert!(fault.detail.starts_with(&expected), "{fault}");
    assert!(fault.detail.contains("find out why it changed before anything else"), "{fault}");
    // With authorities, name and chain count too.
    let both = pinned(pin, Some(service.authority()));
    let fault = visit(&winrm(), &at(both.clone())).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::TlsUntrusted, "{fault}");
    assert!(fault.detail.contains("add `tls_name` to the host"), "{fault}");
    assert_eq!(service.total("http_requests"), 0, "nobody has logged in");
    service.reset();
    let negotiated = visit(&winrm(), &at(pinned(pin, None))).await.unwrap();
    assert_eq!(negotiated.host_key_algorithm, "x509 by tls_pin");
    assert_one_login(&service, via);
    let named = host(&service, "127.0.5.1", &account, (true, both));
    let negotiated = visit(&winrm(), &named).await.unwrap();
    assert_eq!(negotiated.host_key_algorithm, "x509 by tls_ca and tls_pin");
}

#[tokio::test(flavor = "multi_thread")]
async fn authorities_that_cannot_be_read_are_a_fault_before_the_first_packet() {
    let service = Service::start("127.0.5.1", &[]);
    let (account, _) = of(&service, Mechanism::Ntlm);
    let other = Service::start("127.0.5.2", &[]);
    let broken = service.path("broken.pem");
    std::fs::write(&broken, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        .unwrap();
    for (file, kind, said) in [
        (service.path("missing.pem"), FaultKind::Config, "cannot be read"),
        (service.path("secret"), FaultKind::Config, "holds no certificate authority"),
        (broken, FaultKind::Config, "holds no certificate authority"),
        (other.authority(), FaultKind::TlsUntrusted, "TLS: invalid peer certificate"),
    ] {
        let login = Login { tls_ca: Some(file), ..Login::default() };
        let host = host(&service, "127.0.5.1", &account, (true, login));
        let fault = visit(&winrm(), &host).await.unwrap_err();
        assert_eq!(fault.kind, kind, "{fault}");
        assert!(fault.detail.contains(said), "{fault}");
        if kind == FaultKind::TlsUntrusted {
            // What is to be compared with the owner, and where it is written.
            let pin = Pin::parse(&format!("SHA256:{}", service.fingerprint())).unwrap();
            assert!(fault.detail.contains(&format!("certificate {pin}: compare")), "{fault}");
            assert!(fault.detail.contains("with `tls_pin`"), "{fault}");
        }
        let connections = service.total("connections");
        assert_eq!(connections, u64::from(kind == FaultKind::TlsUntrusted), "{fault}");
    }
    assert_eq!(service.total("http_requests"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_comes_through_a_relay_is_refused() {
    let service = Service::start("127.0.5.1", &["--relay"]);
    let (account, _) = of(&service, Mechanism::Ntlm);
    let host = host(&service, "127.0.5.1", &account, (true, login(&service, Mechanism::Ntlm)));
    let fault = visit(&winrm(), &host).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::AuthRefused, "{fault}");
    assert_eq!((service.total("auth_ok"), service.total("auth_fail")), (0, 1));
}
