//! Keys: plain, encrypted, of other types, in an agent; and all the ways in which they fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fleetstat::inventory::host::{Identity, SecretSource};
use fleetstat::model::capture::End;
use fleetstat::model::fault::FaultKind;
use fleetstat::probe::command::Wrap;
use fleetstat::secret::surroundings::Surroundings;
use fleetstat::transport::ssh::identity::{IdentityError, RSA_WARNING};
use fleetstat::transport::ssh::{Settings, Ssh};

use crate::lab::{self, Agent, Lab};
use crate::{open, refused, settings, ssh, visit};

/// Keys of every type in every form that tools write: OpenSSH's own, PEM as `ssh-keygen -m PEM`
/// (PKCS #1 for RSA, SEC 1 for ECDSA) and PKCS #8, each plain and encrypted.
#[tokio::test]
async fn keys_of_every_type_and_form_log_in_and_rsa_is_warned_about() {
    let lab = Lab::new();
    let mut names = Vec::new();
    for (kind, bits) in
        [("ed25519", "256"), ("ecdsa", "256"), ("ecdsa", "384"), ("ecdsa", "521"), ("rsa", "3072")]
    {
        for form in ["RFC4716", "PEM", "PKCS8"] {
            for lock in ["", "open sesame"] {
                // ssh-keygen writes ed25519 in its own form only.
                if kind == "ed25519" && form != "RFC4716" {
                    continue;
                }
                let old = kind == "ecdsa" && form == "PEM" && !lock.is_empty();
                let name = format!("{kind}-{bits}-{form}-{}", lock.len());
                let path = lab.keygen(&name, &["-t", kind, "-b", bits, "-m", form, "-N", lock]);
                if old {
                    let error = ssh("").unlock(&lab::account("root", &path)).await;
                    assert_eq!(error.unwrap_err(), IdentityError::OldEncryption { path });
                    continue;
                }
                lab.authorize(&name, "");
                names.push((name, lock));
            }
        }
    }
    let server = lab::sshd(&lab, &[]);
    let ask = Arc::new(|_: &str| Ok("open sesame".into()));
    let ssh = Ssh::new(Settings { ask, ..settings(&server.known_line(&lab, "host")) });
    for (name, lock) in names {
        let passphrase = (!lock.is_empty()).then_some(SecretSource::Prompt);
        let identity = Identity::File { path: lab.path(&name), passphrase, certificate: None };
        let account = lab::account_with("root", identity);
        let unlocked = ssh.unlock(&account).await.unwrap_or_else(|e| panic!("{name}: {e}"));
        let expected: &[&str] = if name.starts_with("rsa") { &[RSA_WARNING] } else { &[] };
        assert_eq!(unlocked[0].warnings("root"), expected, "{name}");
        let host = lab::host("web-1", "127.0.0.1", server.port(), account);
        let answer = visit(&ssh, &host, &lab::invocation(&["/bin/true"], Wrap::default())).await;
        assert_eq!(answer.end, End::Exit(0), "{name}");
    }
}

/// A P-256 key whose secret number has fewer than 32 bytes, as one in 256 has. With a comment of
/// one letter its file is eight bytes shorter than the others: the padding's step.
fn short_key(lab: &Lab) -> std::path::PathBuf {
    let body = |path: &std::path::Path| {
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().filter(|line| !line.starts_with('-')).map(str::len).sum::<usize>()
    };
    let make = || {
        let path = lab.keygen("k", &["-t", "ecdsa", "-b", "256", "-C", "k"]);
        (body(&path), path)
    };
    let (mut usual, mut path) = make();
    for _ in 0..8_000 {
        std::fs::remove_file(&path).unwrap();
        let length;
        (length, path) = make();
        if length < usual {
            return path;
        }
        usual = length;
    }
    panic!("no short key among 8,000")
}

#[tokio::test]
async fn keys_with_a_short_secret_number_log_in_plain_and_encrypted() {
    let lab = Lab::new();
    let path = short_key(&lab);
    lab.authorize("k", "");
    let server = lab::sshd(&lab, &[]);
    let ask = Arc::new(|_: &str| Ok("open sesame".into()));
    let ssh = Ssh::new(Settings { ask, ..settings(&server.known_line(&lab, "host")) });
    let plain = std::fs::read(&path).unwrap();
    let library = russh::keys::ssh_key::PrivateKey::from_openssh(&plain);
    assert!(library.is_err(), "the library reads it by itself: short_scalar.rs can go");
    for cipher in ["none", "aes256-ctr", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com"]
    {
        std::fs::write(&path, &plain).unwrap();
        let locked = cipher != "none";
        if locked {
            let mut command = std::process::Command::new("ssh-keygen");
            command.args(["-q", "-p", "-N", "open sesame", "-Z", cipher, "-f"]).arg(&path);
            assert!(command.status().unwrap().success());
        }
        let passphrase = locked.then_some(SecretSource::Prompt);
        let name = lab.write(cipher, &std::fs::read_to_string(&path).unwrap());
        let identity = Identity::File { path: name, passphrase, certificate: None };
        let host =
            lab::host("web-1", "127.0.0.1", server.port(), lab::account_with("root", identity));
        let answer = visit(&ssh, &host, &lab::invocation(&["/bin/true"], Wrap::default())).await;
        assert_eq!(answer.end, End::Exit(0), "{cipher}");
    }
    // A wrong passphrase is still a wrong passphrase.
    let ask = Arc::new(|_: &str| Ok("open says me".into()));
    let ssh = Ssh::new(Settings { ask, ..settings("") });
    let account = lab::encrypted_account("root", &lab.path("aes256-ctr"), SecretSource::Prompt);
    let error = ssh.unlock(&account).await.unwrap_err();
    assert_eq!(error, IdentityError::WrongPassphrase { path: lab.path("aes256-ctr") });
}

#[tokio::test]
async fn an_encrypted_key_is_opened_once_for_many_hosts() {
    let lab = Lab::new();
    let key = lab.keygen("locked", &["-N", "open sesame"]);
    lab.authorize("locked", "");
    let server = lab::sshd(&lab, &[]);
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let ssh = Ssh::new(Settings {
        ask: Arc::new(move |_| {
            counter.fetch_add(1, Ordering::SeqCst);
            Ok("open sesame".into())
        }),
        ..settings(&server.known_line(&lab, "host"))
    });
    let account = lab::encrypted_account("root", &key, SecretSource::Prompt);
    let host = lab::host("web-1", "127.0.0.1", server.port(), account);
    let visits = (0..10).map(|_| async { open(&ssh, &host).await.close().await });
    futures::future::join_all(visits).await;
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn passphrases_come_from_files_and_credentials() {
    let lab = Lab::new();
    let key = lab.keygen("locked", &["-N", "open sesame"]);
    lab.authorize("locked", "");
    let file = lab.write("pass/secret", "open sesame\n");
    let server = lab::sshd(&lab, &[]);
    let surroundings =
        Surroundings { credentials: Some(lab.path("pass")), ..Surroundings::default() };
    let known = server.known_line(&lab, "host");
    let ssh = Ssh::new(Settings { surroundings, ..settings(&known) });
    for source in [SecretSource::File(file), SecretSource::Credential("secret".into())] {
        let account = lab::encrypted_account("root", &key, source);
        let host = lab::host("web-1", "127.0.0.1", server.port(), account);
        open(&ssh, &host).await.close().await;
    }
}

#[tokio::test]
async fn a_wrong_passphrase_is_refused_once_and_no_connection_is_made() {
    let lab = Lab::new();
    let key = lab.keygen("locked", &["-N", "open sesame"]);
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let ssh = Ssh::new(Settings {
        ask: Arc::new(move |_| {
            counter.fetch_add(1, Ordering::SeqCst);
            Ok("wrong".into())
        }),
        ..settings("")
    });
    let account = lab::encrypted_account("root", &key, SecretSource::Prompt);
    // Port 1 would be `refused`.
    let host = lab::host("web-1", "127.0.0.1", 1, Arc::clone(&account));
    for _ in 0..3 {
        let fault = refused(&ssh, &host).await;
        assert_eq!(fault.kind, FaultKind::Config);
        assert!(fault.detail.contains("passphrase"), "{fault}");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert_eq!(
        ssh.unlock(&account).await.unwrap_err(),
        IdentityError::WrongPassphrase { path: key.clone() }
    );
    let plain = lab::account("root", &key);
    assert_eq!(ssh.unlock(&plain).await.unwrap_err(), IdentityError::Encrypted { path: key });
}

#[tokio::test]
async fn a_key_that_others_can_read_is_refused_with_the_remedy() {
    let lab = Lab::new();
    let key = lab.path("user");
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let host = lab::host("web-1", "127.0.0.1", 1, lab::account("root", &key));
    let fault = refused(&ssh(""), &host).await;
    assert_eq!(fault.kind, FaultKind::Config);
    assert!(fault.detail.contains(&format!("run `chmod 600 {}`", key.display())), "{fault}");
}

fn agent_key(fingerprint: Option<&str>) -> Identity {
    Identity::Agent { fingerprint: fingerprint.map(str::to_owned), certificate: None }
}

#[tokio::test]
async fn the_agent_signs_with_the_key_that_is_named_and_no_other() {
    let lab = Lab::new();
    lab.keygen("other", &[]);
    let agent = Agent::start(&lab, &["other", "user"]);
    let server = lab::sshd(&lab, &["MaxAuthTries 1"]);
    let known = server.known_line(&lab, "host");
    let with_agent = |socket: Option<std::path::PathBuf>| {
        let surroundings = Surroundings { agent_socket: socket, ..Surroundings::default() };
        Ssh::new(Settings { surroundings, ..settings(&known) })
    };
    let ssh = with_agent(Some(agent.socket.clone()));
    let printed = std::process::Command::new("ssh-keygen")
        .args(["-l", "-f"])
        .arg(lab.path("user.pub"))
        .output()
        .unwrap();
    let printed = String::from_utf8(printed.stdout).unwrap();
    let fingerprint = printed.split_whitespace().nth(1).unwrap().to_owned();
    let account = lab::account_with("root", agent_key(Some(&fingerprint)));
    let host = lab::host("web-1", "127.0.0.1", server.port(), account);
    let session = open(&ssh, &host).await;
    let identity = session.negotiated().unwrap().identity;
    assert_eq!(identity, format!("ssh-ed25519 {fingerprint} (agent)"));
    session.close().await;

    let unnamed = lab::account_with("root", agent_key(None));
    let error = ssh.unlock(&unnamed).await.unwrap_err();
    assert!(error.to_string().contains("exactly one key (but 2)"), "{error}");
    let absent = lab::account_with("root", agent_key(Some("SHA256:nothing")));
    let error = ssh.unlock(&absent).await.unwrap_err();
    assert!(error.to_string().contains("ssh-add -l"), "{error}");
    assert_eq!(with_agent(None).unlock(&unnamed).await.unwrap_err(), IdentityError::NoAgent);
}

#[tokio::test]
async fn a_refused_key_is_not_offered_to_the_same_host_again() {
    let lab = Lab::new();
    lab.keygen("stranger", &[]);
    let server = lab::sshd(&lab, &[]);
    let ssh = ssh(&server.known_line(&lab, "host"));
    let account = lab::account("root", &lab.path("stranger"));
    let host = lab::host("web-1", "127.0.0.1", server.port(), account);
    let first = refused(&ssh, &host).await;
    assert_eq!(first.kind, FaultKind::AuthRefused);
    assert!(first.detail.contains("was refused"), "{first}");
    let second = refused(&ssh, &host).await;
    assert_eq!(second.kind, FaultKind::AuthRefused);
    assert!(second.detail.contains("earlier in this run"), "{second}");
    server.wait_for("Failed publickey");
    assert_eq!(server.log().matches("Failed publickey").count(), 1, "{}", server.log());
    assert_eq!(server.log().matches("Connection from").count(), 1, "{}", server.log());
}

#[tokio::test]
async fn the_agent_signs_with_keys_of_every_type() {
    let lab = Lab::new();
    let kinds = [("ecdsa", "256"), ("ecdsa", "384"), ("ecdsa", "521"), ("rsa", "2048")];
    let names = kinds.map(|(kind, bits)| {
        let name = format!("{kind}-{bits}");
        lab.keygen(&name, &["-t", kind, "-b", bits]);
        lab.authorize(&name, "");
        name
    });
    let agent = Agent::start(&lab, &names.each_ref().map(String::as_str));
    let server = lab::sshd(&lab, &["MaxAuthTries 1"]);
    let agent_socket = Some(agent.socket.clone());
    let surroundings = Surroundings { agent_socket, ..Surroundings::default() };
    let ssh = Ssh::new(Settings { surroundings, ..settings(&server.known_line(&lab, "host")) });
    for name in names {
        let printed = std::process::Command::new("ssh-keygen")
            .args(["-l", "-f"])
            .arg(lab.path(&format!("{name}.pub")))
            .output()
            .unwrap();
        let printed = String::from_utf8(printed.stdout).unwrap();
        let fingerprint = printed.split_whitespace().nth(1).unwrap();
        let account = lab::account_with("root", agent_key(Some(fingerprint)));
        let host = lab::host("web-1", "127.0.0.1", server.port(), account);
        let session = open(&ssh, &host).await;
        let identity = session.negotiated().unwrap().identity;
        assert!(identity.ends_with(&format!("{fingerprint} (agent)")), "{identity}");
        session.close().await;
    }
}

#[tokio::test]
async fn an_agent_that_dies_or_is_silent_is_a_fault_of_ours_and_no_refusal() {
    let lab = Lab::new();
    let server = lab::sshd(&lab, &[]);
    let known = server.known_line(&lab, "host");
    let with = |socket: std::path::PathBuf| {
        let surroundings = Surroundings { agent_socket: Some(socket), ..Surroundings::default() };
        Ssh::new(Settings { surroundings, ..settings(&known) })
    };
    let agent = Agent::start(&lab, &["user"]);
    let ssh = with(agent.socket.clone());
    let account = lab::account_with("root", agent_key(None));
    let host = lab::host("web-1", "127.0.0.1", server.port(), Arc::clone(&account));
    open(&ssh, &host).await.close().await;
    drop(agent);
    // It was there when the run began: every host says so, and the account is not stopped.
    for _ in 0..3 {
        let fault = refused(&ssh, &host).await;
        assert_eq!(fault.kind, FaultKind::Internal);
        assert!(fault.detail.starts_with("ssh-agent does not answer"), "{fault}");
    }
    let gone = lab.path("no-agent.sock");
    let fault = refused(&with(gone), &host).await;
    assert_eq!(fault.kind, FaultKind::Config);
    assert!(fault.detail.contains("no-agent.sock` does not answer"), "{fault}");
}
