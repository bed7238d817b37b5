//! User certificates: from files and from the agent, with keys of every type, and what is said of
//! those that are of no use.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use fleetstat::inventory::host::{Account, Identity};
use fleetstat::model::fault::FaultKind;
use fleetstat::model::time::Utc;
use fleetstat::secret::surroundings::Surroundings;
use fleetstat::transport::clock::Clock;
use fleetstat::transport::ssh::{Settings, Ssh};

use crate::lab::{self, Agent, Lab, Server};
use crate::{open, refused, settings, ssh};

/// A laboratory whose servers trust an authority, and no key.
fn certified() -> (Lab, Server) {
    let lab = Lab::new();
    lab.keygen("ca", &[]);
    let trusted = format!("TrustedUserCAKeys {}", lab.path("ca.pub").display());
    let server = lab::sshd(&lab, &[&trusted, "AuthorizedKeysFile none"]);
    (lab, server)
}

/// Signs a key: id `fleet`, serial 7, for `root`, unless the arguments say otherwise.
fn sign(lab: &Lab, key: &str, arguments: &[&str]) -> PathBuf {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-s"]).arg(lab.path("ca")).args(["-I", "fleet", "-z", "7"]);
    if !arguments.contains(&"-n") && !arguments.contains(&"-h") {
        command.args(["-n", "root"]);
    }
    let status = command.args(arguments).arg(lab.path(&format!("{key}.pub"))).status().unwrap();
    assert!(status.success());
    lab.path(&format!("{key}-cert.pub"))
}

fn fingerprint(lab: &Lab, key: &str) -> String {
    let output = Command::new("ssh-keygen")
        .args(["-l", "-f"])
        .arg(lab.path(&format!("{key}.pub")))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_whitespace().nth(1).unwrap().to_owned()
}

fn from_file(key: PathBuf, certificate: &Path) -> Arc<Account> {
    let certificate = Some(certificate.to_owned());
    lab::account_with("root", Identity::File { path: key, passphrase: None, certificate })
}

fn with_agent(known: &str, agent: &Agent) -> Ssh {
    let agent_socket = Some(agent.socket.clone());
    let surroundings = Surroundings { agent_socket, ..Surroundings::default() };
    Ssh::new(Settings { surroundings, ..settings(known) })
}

/// What is recorded of a login.
async fn recorded(ssh: &Ssh, server: &Server, account: Arc<Account>) -> String {
    let host = lab::host("web-1", "127.0.0.1", server.port(), account);
    let session = open(ssh, &host).await;
    let identity = session.negotiated().unwrap().identity;
    session.close().await;
    identity
}

#[tokio::test]
async fn certificates_for_keys_of_every_type_log_in_from_files_and_through_the_agent() {
    let (lab, server) = certified();
    let ssh = ssh(&server.known_line(&lab, "host"));
    let agent = Agent::start(&lab, &[]);
    let by_agent = with_agent(&server.known_line(&lab, "host"), &agent);
    for (name, kind, bits) in [
        ("ed25519", "ssh-ed25519", "256"),
        ("ecdsa", "ecdsa-sha2-nistp256", "256"),
        ("ecdsa", "ecdsa-sha2-nistp384", "384"),
        ("ecdsa", "ecdsa-sha2-nistp521", "521"),
        ("rsa", "ssh-rsa", "3072"),
    ] {
        let key = format!("{name}-{bits}");
        let path = lab.keygen(&key, &["-t", name, "-b", bits]);
        // The agent is given the key alone first, then takes the certificate beside it too.
        let add = |path: &Path| {
            let mut command = Command::new("ssh-add");
            command.arg("-q").arg(path).env("SSH_AUTH_SOCK", &agent.socket);
            assert!(command.status().unwrap().success());
        };
        add(&path);
        let certificate = sign(&lab, &key, &["-V", "-1m:20380119"]);
        let shown = fingerprint(&lab, &key);
        let label = |place: &str| {
            format!(
                "{kind}-cert-v01 {shown} ({place}, certificate \"fleet\", serial 7, \
                 until 2038-01-19T00:00:00.000000Z)"
            )
        };
        let account = from_file(path.clone(), &certificate);
        assert_eq!(recorded(&ssh, &server, account).await, label("file"));
        let certificate = Some(certificate);
        let identity = Identity::Agent { fingerprint: Some(shown.clone()), certificate };
        let account = lab::account_with("root", identity);
        assert_eq!(recorded(&by_agent, &server, account).await, label("agent"));
        add(&path);
        let identity = Identity::AgentCertificate { fingerprint: shown.clone() };
        let account = lab::account_with("root", identity);
        assert_eq!(recorded(&by_agent, &server, account).await, label("agent"));
    }
    // RSA certificates are signed with SHA-2, or sshd would not have taken them.
    assert!(server.log().contains("Accepted publickey for root"), "{}", server.log());
}

#[tokio::test]
async fn an_rsa_certificate_is_called_and_signed_by_sha_2() {
    let lab = Lab::new();
    lab.keygen("ca", &[]);
    let path = lab.keygen("rsa", &["-t", "rsa"]);
    let certificate = sign(&lab, "rsa", &[]);
    let trusted = format!("TrustedUserCAKeys {}", lab.path("ca.pub").display());
    let accepted = "PubkeyAcceptedAlgorithms rsa-sha2-512-cert-v01@openssh.com,rsa-sha2-512";
    let server = lab::sshd(&lab, &[&trusted, "AuthorizedKeysFile none", accepted]);
    let ssh = ssh(&server.known_line(&lab, "host"));
    let identity = recorded(&ssh, &server, from_file(path, &certificate)).await;
    assert!(identity.starts_with("ssh-rsa-cert-v01 SHA256:"), "{identity}");
}

/// The error before any packet: port 1 would be `refused`.
async fn error(ssh: &Ssh, account: &Arc<Account>) -> String {
    let host = lab::host("web-1", "127.0.0.1", 1, Arc::clone(account));
    let fault = refused(ssh, &host).await;
    let error = ssh.unlock(account).await.unwrap_err().to_string();
    assert_eq!((fault.kind, fault.detail), (FaultKind::Config, error.clone()));
    error
}

#[tokio::test]
async fn certificates_that_cannot_log_in_are_refused_before_the_first_packet() {
    let lab = Lab::new();
    lab.keygen("ca", &[]);
    lab.keygen("other", &[]);
    let key = lab.path("user");
    let ssh = ssh("");
    for (arguments, expected) in [
        (&["-h", "-n", "web-1"][..], "is for a host, not for a user; sign the key without `-h`"),
        (
            &["-V", "20200101:20200102"],
            "expired at 2020-01-02T00:00:00.000000Z; have the key signed again",
        ),
        (
            &["-V", "20380101:20380119"],
            "is not valid before 2038-01-01T00:00:00.000000Z; check this controller's clock",
        ),
    ] {
        let certificate = sign(&lab, "user", arguments);
        let account = from_file(key.clone(), &certificate);
        let place = certificate.display();
        assert_eq!(
            error(&crate::ssh(""), &account).await,
            format!("the certificate ({place}, \"fleet\") {expected}")
        );
    }
    let foreign = sign(&lab, "other", &[]);
    let (its, ours) = (fingerprint(&lab, "other"), fingerprint(&lab, "user"));
    let text = error(&ssh, &from_file(key.clone(), &foreign)).await;
    assert!(
        text.ends_with(&format!("is for the key {its}, not for {ours}; name the pair")),
        "{text}"
    );
    for (file, expected) in [
        ("user", "it is a private key"),
        ("user.pub", "holds no OpenSSH certificate that can be read"),
        ("no-such-file", "cannot be read (No such file or directory"),
        (".ssh", "is not a regular file"),
    ] {
        let text = error(&crate::ssh(""), &from_file(key.clone(), &lab.path(file))).await;
        assert!(text.contains(expected), "{file}: {text}");
    }
    let absent = lab::account_with(
        "root",
        Identity::AgentCertificate { fingerprint: fingerprint(&lab, "user") },
    );
    assert!(error(&ssh, &absent).await.contains("$SSH_AUTH_SOCK is not set"));
    // ssh-add would take the certificate along.
    std::fs::remove_file(lab.path("user-cert.pub")).unwrap();
    let agent = Agent::start(&lab, &["user"]);
    let text = error(&with_agent("", &agent), &absent).await;
    assert!(text.contains("ssh-agent does not hold"), "{text}");
}

#[tokio::test]
async fn a_forged_certificate_is_refused_before_the_first_packet() {
    let lab = Lab::new();
    lab.keygen("ca", &[]);
    let certificate = sign(&lab, "user", &[]);
    let text = std::fs::read_to_string(&certificate).unwrap();
    let mut words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    // The signature's last bytes are near the end of the text.
    let at = words[1].trim_end_matches('=').len() - 6;
    let changed = if &words[1][at..=at] == "A" { "B" } else { "A" };
    words[1].replace_range(at..=at, changed);
    let forged = lab.write("forged-cert.pub", &words.join(" "));
    let text = error(&ssh(""), &from_file(lab.path("user"), &forged)).await;
    assert!(text.contains("has a signature that is wrong"), "{text}");
}

#[tokio::test]
async fn what_a_certificate_restricts_is_said_once_and_escaped() {
    let lab = Lab::new();
    lab.keygen("ca", &[]);
    let certificate = sign(
        &lab,
        "user",
        &[
            "-n",
            "nightly,web\u{1b}",
            "-O",
            "force-command=/gate \u{7}",
            "-O",
            "source-address=10.0.0.0/8",
        ],
    );
    let ssh = ssh("");
    let unlocked = ssh.unlock(&from_file(lab.path("user"), &certificate)).await.unwrap();
    let label = "certificate \"fleet\", serial 7, without end";
    let expected = [
        format!(
            "{label}: the host runs `/gate \\x07` in place of every command, so answers are right \
             only if that is a gate which passes them on"
        ),
        format!("{label}: it is taken only from 10.0.0.0/8; check that we connect from there"),
        format!(
            "{label}: `root` is not among its principals (nightly, web\\x1b), so a host takes it \
             only if its AuthorizedPrincipalsFile maps them"
        ),
    ];
    assert_eq!(unlocked[0].warnings("root"), expected);
    assert_eq!(unlocked[0].warnings("nightly").len(), 2);
    assert_eq!(unlocked[0].valid_until(), None);
}

#[tokio::test]
async fn a_certificate_that_ends_during_the_run_is_not_offered_any_more() {
    let (lab, server) = certified();
    let certificate = sign(&lab, "user", &["-V", "-1m:20380119"]);
    let end = Utc::parse("2038-01-19T00:00:00Z").unwrap();
    let clock = Clock::at(end.minus(Duration::from_millis(300)));
    let ssh = Ssh::new(Settings { clock, ..settings(&server.known_line(&lab, "host")) });
    let account = from_file(lab.path("user"), &certificate);
    let unlocked = ssh.unlock(&account).await.unwrap();
    assert_eq!(unlocked[0].valid_until(), Some(end));
    while clock.utc() < end {
        tokio::task::yield_now().await;
    }
    let host = lab::host("web-1", "127.0.0.1", server.port(), account);
    let fault = refused(&ssh, &host).await;
    assert_eq!(fault.kind, FaultKind::Internal);
    assert!(fault.detail.ends_with("it expired during the run"), "{fault}");
    assert!(!server.log().contains("publickey"), "{}", server.log());
}
