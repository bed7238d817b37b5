//! Passwords: `password` and `keyboard-interactive` against OpenSSH with and without PAM and
//! dropbear, second factors, and the ways in which a password must not be spent.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fleetstat::inventory::host::{Account, Identity, SecretSource};
use fleetstat::model::deadline::Deadlines;
use fleetstat::model::fault::FaultKind;
use fleetstat::probe::command::Wrap;
use fleetstat::secret::surroundings::Surroundings;
use fleetstat::transport::Transport as _;
use fleetstat::transport::ssh::{Settings, Ssh};

use crate::lab::{self, Lab, READER, Server};
use crate::{deadlines, kind, open, refused, settings, visit};

/// The reader's password.
const PASSWORD: &str = "lab-password-1";

/// `openssl passwd -6 -salt fleetstat lab-password-1`.
const HASH: &str = "$6$fleetstat$DU8dQXHzxiwJjN8BMmP2zqUtdFVQks9bwPcaIoC1isg/O6j6bVdhPBMml6CnM/\
                    6/9cV/rJk0ekQEG3M9S4FB50";

/// A stack of PAM that asks for the password once.
const PAM: &str = "auth required pam_unix.so nodelay\naccount required pam_unix.so\n\
                   password required pam_unix.so\nsession required pam_permit.so\n";

/// A laboratory whose reader has a password; last changed on a day since 1970, 0 to have it
/// expired.
fn lab(changed: u32) -> Lab {
    let lab = Lab::new();
    let shadow = format!("root:*:19000:0:99999:7:::\n{READER}:{HASH}:{changed}:0:99999:7:::\n");
    lab.write("shadow", &shadow);
    lab
}

/// sshd with PAM on all of 127/8, with more lines for its configuration.
fn with_pam(lab: &Lab, stack: &str, lines: &[&str]) -> Server {
    lab.write_mode("pam_sshd", stack, 0o644);
    let port = lab::free_port(std::net::Ipv4Addr::UNSPECIFIED);
    let address = std::net::SocketAddr::from((std::net::Ipv4Addr::UNSPECIFIED, port));
    let lines = [&["UsePAM yes"], lines].concat();
    lab::sshd_of(lab, address, "replace /etc/pam.d/sshd pam_sshd", &lines)
}

fn known(lab: &Lab, server: &Server) -> String {
    server.known_line_for(lab, "host", "127.0.0.*")
}

/// A transport that is told a password when it asks, and how often it asked.
fn told(known: &str, password: &str) -> (Ssh, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let (counter, password) = (Arc::clone(&asked), password.to_owned());
    let ask = Arc::new(move |question: &str| {
        assert_eq!(question, format!("Password of account lab (login name {READER}): "));
        counter.fetch_add(1, Ordering::SeqCst);
        Ok(password.clone().into())
    });
    (Ssh::new(Settings { ask, ..settings(known) }), asked)
}

fn prompt() -> Identity {
    Identity::Password(SecretSource::Prompt)
}

fn key(lab: &Lab, name: &str) -> Identity {
    Identity::File { path: lab.path(name), passphrase: None, certificate: None }
}

fn by_password() -> Arc<Account> {
    lab::account_with(READER, prompt())
}

async fn recorded(ssh: &Ssh, port: u16, account: Arc<Account>) -> String {
    let host = lab::host("web-1", "127.0.0.1", port, account);
    let session = open(ssh, &host).await;
    let identity = session.negotiated().unwrap().identity;
    session.close().await;
    identity
}

#[tokio::test]
async fn a_password_logs_in_with_and_without_pam_by_question_and_on_dropbear() {
    let lab = lab(19_000);
    let plain = lab::sshd(&lab, &["PasswordAuthentication yes"]);
    let (ssh, _) = told(&plain.known_line(&lab, "host"), PASSWORD);
    assert_eq!(recorded(&ssh, plain.port(), by_password()).await, "password");
    let pam = with_pam(&lab, PAM, &["PasswordAuthentication yes"]);
    let (ssh, _) = told(&known(&lab, &pam), PASSWORD);
    assert_eq!(recorded(&ssh, pam.port(), by_password()).await, "password");
    let asks = with_pam(&lab, PAM, &["KbdInteractiveAuthentication yes"]);
    let (ssh, _) = told(&known(&lab, &asks), PASSWORD);
    let identity = recorded(&ssh, asks.port(), by_password()).await;
    assert_eq!(identity, "password (keyboard-interactive)");
    let dropbear = lab::dropbear(&lab);
    let (ssh, _) = told(&dropbear.known_line(&lab, "dropbear"), PASSWORD);
    assert_eq!(recorded(&ssh, dropbear.port(), by_password()).await, "password");
}

#[tokio::test]
async fn a_second_factor_is_given_when_the_server_wants_one_and_not_before() {
    let lab = lab(19_000);
    for (methods, second) in [
        ("publickey,password", "password"),
        ("publickey,keyboard-interactive", "password (keyboard-interactive)"),
    ] {
        let methods = format!("AuthenticationMethods {methods}");
        let lines = ["PasswordAuthentication yes", "KbdInteractiveAuthentication yes", &methods];
        let server = with_pam(&lab, PAM, &lines);
        let (ssh, _) = told(&known(&lab, &server), PASSWORD);
        let account = lab::account_of(READER, vec![key(&lab, "user"), prompt()]);
        let identity = recorded(&ssh, server.port(), account).await;
        let (first, last) = identity.split_once(" + ").unwrap();
        assert!(first.starts_with("ssh-ed25519 SHA256:") && first.ends_with("(file)"), "{first}");
        assert_eq!(last, second);
        let account = lab::account_with(READER, key(&lab, "user"));
        let fault = refused(&ssh, &lab::host("web-2", "127.0.0.2", server.port(), account)).await;
        assert_eq!(fault.kind, FaultKind::AuthRefused);
        let wanted = second.split(" (").last().unwrap().trim_end_matches(')');
        let end = format!("accepted, but the server wants a second factor ({wanted})");
        assert!(fault.detail.ends_with(&end), "{fault}");
    }
}

#[tokio::test]
async fn where_the_key_is_enough_the_password_is_neither_sent_nor_waited_for() {
    let lab = lab(19_000);
    let server = with_pam(&lab, PAM, &["PasswordAuthentication yes"]);
    let (ssh, _) = told(&known(&lab, &server), "wrong");
    let account = lab::account_of(READER, vec![key(&lab, "user"), prompt()]);
    for _ in 0..3 {
        let identity = recorded(&ssh, server.port(), Arc::clone(&account)).await;
        assert!(identity.ends_with("(file)"), "{identity}");
    }
    assert!(!server.log().contains("Failed password"), "{}", server.log());
}

#[tokio::test]
async fn identities_are_offered_in_their_order_each_once() {
    let lab = lab(19_000);
    for name in ["stranger", "other", "third"] {
        lab.keygen(name, &[]);
    }
    let server = with_pam(&lab, PAM, &["PasswordAuthentication yes", "MaxAuthTries 6"]);
    let (ssh, _) = told(&known(&lab, &server), PASSWORD);
    let keys = |names: &[&str]| names.iter().map(|name| key(&lab, name)).collect::<Vec<_>>();
    let account = lab::account_of(READER, keys(&["stranger", "user"]));
    let identity = recorded(&ssh, server.port(), Arc::clone(&account)).await;
    assert!(identity.ends_with("(file)"), "{identity}");
    assert_eq!(server.log().matches("Failed publickey").count(), 1, "{}", server.log());
    // The first key is known to be refused there: it is not offered again.
    recorded(&ssh, server.port(), account).await;
    assert_eq!(server.log().matches("Failed publickey").count(), 1, "{}", server.log());
    let mut identities = keys(&["stranger", "other", "third"]);
    identities.push(prompt());
    let account = lab::account_of(READER, identities);
    let host = lab::host("web-3", "127.0.0.3", server.port(), account);
    let session = open(&ssh, &host).await;
    assert_eq!(session.negotiated().unwrap().identity, "password");
    session.close().await;
    assert_eq!(server.log().matches("Failed publickey").count(), 4, "{}", server.log());
}

#[tokio::test]
async fn a_wrong_password_costs_one_failed_attempt_however_many_hosts_are_visited_at_once() {
    for lines in [&["PasswordAuthentication yes"][..], &["KbdInteractiveAuthentication yes"]] {
        let lab = lab(19_000);
        let server = with_pam(&lab, PAM, lines);
        let (ssh, asked) = told(&known(&lab, &server), "wrong");
        let visits =
            (1..=30).map(|n| {
                let address = format!("127.0.0.{n}");
                let host = lab::host(&format!("h{n}"), &address, server.port(), by_password());
                let ssh = &ssh;
                // Thirty at once on a busy machine: the deadlines of a run, not those of a test.
                async move {
                    ssh.connect(&host, &Deadlines::default()).await.map(drop).unwrap_err().kind
                }
            });
        let mut kinds = futures::future::join_all(visits).await;
        kinds.sort();
        let skipped = kinds.iter().filter(|kind| **kind == FaultKind::Skipped).count();
        let refused = kinds.iter().filter(|kind| **kind == FaultKind::AuthRefused).count();
        assert_eq!((refused, skipped), (1, 29));
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        server.wait_for("Connection from");
        let failures = server.log().matches("authentication failure; ").count()
            + server.log().matches("Failed password").count()
            + server.log().matches("Failed keyboard-interactive").count();
        assert_eq!(failures, 1, "{}", server.log());
        // Hosts that come later are not even connected to.
        let before = server.log().matches("Connection from").count();
        let host = lab::host("late", "127.0.0.99", server.port(), by_password());
        let fault = crate::refused(&ssh, &host).await;
        assert_eq!(fault.kind, FaultKind::Skipped);
        assert!(fault.detail.contains("is not offered any more in this run: 127.0.0."), "{fault}");
        assert_eq!(server.log().matches("Connection from").count(), before);
    }
}

#[tokio::test]
async fn a_right_password_is_asked_for_once_and_opens_many_hosts_at_once() {
    let lab = lab(19_000);
    let server = with_pam(&lab, PAM, &["PasswordAuthentication yes"]);
    let (ssh, asked) = told(&known(&lab, &server), PASSWORD);
    let visits = (1..=30).map(|n| {
        let address = format!("127.0.0.{n}");
        let host = lab::host(&format!("h{n}"), &address, server.port(), by_password());
        let ssh = &ssh;
        async move { ssh.connect(&host, &Deadlines::default()).await.unwrap().close().await }
    });
    futures::future::join_all(visits).await;
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_expired_password_has_its_own_fault_by_question_and_by_command() {
    let lab = lab(0);
    let asks = with_pam(&lab, PAM, &["KbdInteractiveAuthentication yes"]);
    let (ssh, _) = told(&known(&lab, &asks), PASSWORD);
    let host = |name: &str, address: &str, server: &Server| {
        lab::host(name, address, server.port(), by_password())
    };
    let fault = refused(&ssh, &host("web-1", "127.0.0.1", &asks)).await;
    assert_eq!(fault.kind, FaultKind::PasswordExpired, "{fault}");
    assert!(!fault.detail.contains(PASSWORD), "{fault}");
    // No other host sees it.
    let fault = refused(&ssh, &host("web-2", "127.0.0.2", &asks)).await;
    assert_eq!(fault.kind, FaultKind::Skipped, "{fault}");
    let silent = with_pam(&lab, PAM, &["PasswordAuthentication yes"]);
    let (ssh, _) = told(&known(&lab, &silent), PASSWORD);
    let command = lab::invocation(&["/bin/true"], Wrap::default());
    let answer = visit(&ssh, &host("web-3", "127.0.0.3", &silent), &command).await;
    assert_eq!(kind(&answer), FaultKind::PasswordExpired);
}

#[tokio::test]
async fn a_server_that_takes_no_password_is_not_sent_one() {
    let lab = lab(19_000);
    let server = with_pam(&lab, PAM, &["KbdInteractiveAuthentication no"]);
    let (ssh, _) = told(&known(&lab, &server), PASSWORD);
    let host = lab::host("web-1", "127.0.0.1", server.port(), by_password());
    let fault = refused(&ssh, &host).await;
    assert_eq!(fault.kind, FaultKind::AuthRefused);
    assert_eq!(fault.detail, format!("`{READER}` has nothing that the server takes (publickey)"));
    assert!(!server.log().contains("Failed"), "{}", server.log());
}

#[tokio::test]
async fn passwords_come_from_files_credentials_and_commands() {
    let lab = lab(19_000);
    let server = lab::sshd(&lab, &["PasswordAuthentication yes"]);
    let file = lab.write("pass/secret", &format!("{PASSWORD}\n"));
    let script = lab.write_mode("print", "#!/bin/sh\ncat \"$HOME/pass/$1\"\n", 0o700);
    let surroundings = Surroundings {
        credentials: Some(lab.path("pass")),
        home: Some(lab.path("")),
        path: Some("/usr/bin:/bin".into()),
        ..Surroundings::default()
    };
    let settings = settings(&server.known_line(&lab, "host"));
    let ssh = Ssh::new(Settings { surroundings, ..settings });
    let words = |program: &str| vec![program.to_owned(), "secret".to_owned()];
    for source in [
        SecretSource::File(file),
        SecretSource::File("~/pass/secret".into()),
        SecretSource::Credential("secret".to_owned()),
        SecretSource::Command(words(script.to_str().unwrap())),
        SecretSource::Command(words("~/print")),
    ] {
        let account = lab::account_with(READER, Identity::Password(source));
        assert_eq!(recorded(&ssh, server.port(), account).await, "password");
    }
}

#[tokio::test]
async fn a_password_that_cannot_be_had_stops_before_the_first_packet() {
    let lab = lab(19_000);
    let open_to_all = lab.write_mode("open", "x\n", 0o644);
    let link = lab.path("link");
    std::os::unix::fs::symlink(lab.write("shut", "x\n"), &link).unwrap();
    let two = lab.write("two", "x\ny\n");
    let ssh = crate::ssh("");
    for (source, expected) in [
        (SecretSource::File(open_to_all), "has mode 0644, others can reach it; run `chmod 600"),
        (SecretSource::File(link), "is a symbolic link; name the file that it points to"),
        (SecretSource::File(two), "must hold one line of UTF-8 text"),
        (SecretSource::File(lab.path("none")), "cannot be read (No such file or directory"),
        (SecretSource::Credential("none".into()), "needs $CREDENTIALS_DIRECTORY"),
        (SecretSource::Command(vec!["/bin/false".into()]), "failed (exit status: 1)"),
        (SecretSource::Command(vec!["/bin/true".into()]), "printed nothing"),
    ] {
        let account = lab::account_with(READER, Identity::Password(source));
        let fault = refused(&ssh, &lab::host("web-1", "127.0.0.1", 1, account)).await;
        assert_eq!(fault.kind, FaultKind::Config);
        assert!(fault.detail.contains(expected), "{fault}");
    }
}

/// A server that asks what it is told to ask, and keeps what it is answered.
#[derive(Clone)]
struct Asker {
    requests: Arc<Vec<Request>>,
    asked: usize,
    answers: Arc<Mutex<Vec<String>>>,
}

/// Instructions, and prompts with their echo.
type Request = (&'static str, &'static [(&'static str, bool)]);

impl russh::server::Handler for Asker {
    type Error = russh::Error;

    async fn auth_password(
        &mut self,
        _: &str,
        password: &str,
    ) -> Result<russh::server::Auth, russh::Error> {
        self.answers.lock().unwrap().push(password.to_owned());
        Ok(russh::server::Auth::reject())
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        _: &str,
        _: &str,
        response: Option<russh::server::Response<'a>>,
    ) -> Result<russh::server::Auth, russh::Error> {
        let answers = response.into_iter().flatten();
        let answers = answers.map(|answer| String::from_utf8_lossy(&answer).into_owned());
        self.answers.lock().unwrap().extend(answers);
        let Some((instructions, prompts)) = self.requests.get(self.asked) else {
            return Ok(russh::server::Auth::Accept);
        };
        self.asked += 1;
        let prompts: Vec<_> = prompts.iter().map(|(text, echo)| ((*text).into(), *echo)).collect();
        Ok(russh::server::Auth::Partial {
            name: "".into(),
            instructions: (*instructions).into(),
            prompts: prompts.into(),
        })
    }
}

/// Logs in to a server that asks these questions: the fault, if any, and what the server was told.
async fn asked(requests: &[Request]) -> (Option<fleetstat::model::fault::Fault>, Vec<String>) {
    use russh::keys::{Algorithm, PrivateKey};
    let key = PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ed25519).unwrap();
    let public = key.public_key().to_openssh().unwrap();
    let config = Arc::new(russh::server::Config {
        keys: vec![key],
        methods: (&[russh::MethodKind::KeyboardInteractive][..]).into(),
        auth_rejection_time: Duration::ZERO,
        ..russh::server::Config::default()
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let answers = Arc::new(Mutex::new(Vec::new()));
    let asker =
        Asker { requests: Arc::new(requests.to_vec()), asked: 0, answers: Arc::clone(&answers) };
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        if let Ok(running) = russh::server::run_stream(config, stream, asker).await {
            // How a client leaves is of no interest here.
            let _ = running.await;
        }
    });
    let (ssh, _) = told(&format!("[127.0.0.1]:{port} {public}\n"), PASSWORD);
    let host = lab::host("web-1", "127.0.0.1", port, by_password());
    let fault = match ssh.connect(&host, &deadlines()).await {
        Ok(session) => {
            session.close().await;
            None
        }
        Err(fault) => Some(fault),
    };
    serving.await.unwrap();
    let answers = answers.lock().unwrap().clone();
    (fault, answers)
}

#[tokio::test]
async fn only_a_question_for_the_password_alone_is_answered_with_it() {
    for requests in [
        &[("", &[("Password: ", false)][..])][..],
        &[("", &[("pinkman@web-1's password: ", false)]), ("Welcome", &[])],
        &[("", &[("Passwort: ", false)])],
    ] {
        let (fault, answers) = asked(requests).await;
        assert_eq!((fault, answers), (None, vec![PASSWORD.to_owned()]));
    }
    let other = "`reader`: the server asks for what the account does not have: ";
    for (requests, kind, detail, told) in [
        (&[("", &[("Verification code: ", false)][..])][..], FaultKind::AuthRefused, format!("{other}`Verification code:`"), 0),
        (&[("", &[("One-time password (OATH): ", false)])], FaultKind::AuthRefused, format!("{other}`One-time password (OATH):`"), 0),
        (&[("", &[("Password: ", true)])], FaultKind::AuthRefused, format!("{other}`Password:`"), 0),
        (&[("", &[("Password: ", false), ("Token: ", false)])], FaultKind::AuthRefused, format!("{other}`Password: | Token:`"), 0),
        (&[("Bad \u{1b}[2J", &[("Who are\r\nyou? ", false)])], FaultKind::AuthRefused, format!("{other}`Bad \\x1b[2J | Who are\\x0d\\x0ayou?`"), 0),
        (&[("", &[("Password: ", false)]), ("", &[("Duo passcode: ", false)])], FaultKind::AuthRefused, format!("{other}`Duo passcode:`"), 1),
        (&[("", &[("Password: ", false)]), ("", &[("Password: ", false)])], FaultKind::AuthRefused, "`reader`: the server asked for the password again".to_owned(), 1),
        (&[("", &[("Password: ", false)]), ("Your password has expired", &[("New password: ", false)])], FaultKind::PasswordExpired, "`reader`: the server wants a new password: `Your password has expired | New password:`".to_owned(), 1),
        (&[("", &[]), ("", &[]), ("", &[]), ("", &[]), ("", &[])], FaultKind::AuthRefused, "`reader`: the server asked more than 4 times".to_owned(), 0),
    ] {
        let (fault, answers) = asked(requests).await;
        let fault = fault.unwrap();
        assert_eq!((fault.kind, fault.detail), (kind, detail));
        assert_eq!(answers, vec![PASSWORD.to_owned(); told]);
    }
}

#[tokio::test]
async fn a_server_whose_key_is_not_trusted_is_not_even_asked_what_it_takes() {
    use crate::hostile_server::{Hostile, Manners};
    let server = Hostile::start(Manners::default()).await;
    let (ssh, _) = told("", PASSWORD);
    let host = lab::host("web-1", "127.0.0.1", server.port, by_password());
    let fault = refused(&ssh, &host).await;
    assert_eq!((fault.kind, server.logins()), (FaultKind::HostKeyUnknown, 0));
}
