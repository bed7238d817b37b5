//! Interop: each kind of identity, each kind of server, directly and through one and two jump
//! hosts. Every cell is declared here; a cell that comes out otherwise fails.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use fleetstat::inventory::host::{Account, Host, Identity, SecretSource};
use fleetstat::model::capture::End;
use fleetstat::model::fault::FaultKind;
use fleetstat::probe::command::Wrap;
use fleetstat::secret::surroundings::Surroundings;
use fleetstat::transport::Transport as _;
use fleetstat::transport::ssh::{Settings, Ssh};

use crate::jump::{behind, jump};
use crate::lab::{self, Agent, Lab, Server};
use crate::legacy::{OLD, legacy, old_server};
use crate::{deadlines, limits, settings, spool};

type MakeIdentity = fn(&Lab) -> Identity;

type StartServer = fn(&Lab) -> Server;

/// What a cell must come to.
type Expected = Result<(), FaultKind>;

/// Identities, by the file that holds the key.
const IDENTITIES: &[(&str, MakeIdentity)] = &[
    ("ed25519", |lab| file(lab, "user", None)),
    ("ecdsa", |lab| file(lab, "ecdsa", None)),
    ("rsa", |lab| file(lab, "rsa", None)),
    ("encrypted", |lab| {
        let passphrase = lab.write("passphrase", "correct horse\n");
        file(lab, "encrypted", Some(SecretSource::File(passphrase)))
    }),
    ("certificate", |lab| {
        let certificate = Some(lab.path("certified-cert.pub"));
        Identity::File { path: lab.path("certified"), passphrase: None, certificate }
    }),
    ("agent", |_| Identity::Agent { fingerprint: None, certificate: None }),
];

/// Servers, and the key of the laboratory that is known of each: `ca` as an authority.
const SERVERS: &[(&str, &str, StartServer)] = &[
    ("OpenSSH", "host", |lab| lab::sshd(lab, &[])),
    ("host certificate", "ca", |lab| {
        sign(lab, &["-h", "-n", "127.0.0.1"], "host");
        lab::sshd(lab, &[&format!("HostCertificate {}", lab.path("host-cert.pub").display())])
    }),
    ("gex only", "host", |lab| {
        lab::sshd(lab, &["KexAlgorithms diffie-hellman-group-exchange-sha256"])
    }),
    ("nistp and aes-gcm only", "host", |lab| {
        let kex = "KexAlgorithms ecdh-sha2-nistp256,ecdh-sha2-nistp384";
        lab::sshd(lab, &[kex, "Ciphers aes128-gcm@openssh.com"])
    }),
    ("dropbear", "dropbear", lab::dropbear),
    ("legacy", "host-rsa", old_server),
];

/// What is declared of a cell. The depth changes nothing.
fn expected(identity: &str, server: &str) -> Expected {
    match (identity, server) {
        // dropbear knows no user certificates, and its key alone is not authorized.
        ("certificate", "dropbear") => Err(FaultKind::AuthRefused),
        _ => Ok(()),
    }
}

/// Has the authority `ca` sign a key.
fn sign(lab: &Lab, arguments: &[&str], key: &str) {
    let mut command = std::process::Command::new("ssh-keygen");
    command.args(["-q", "-I", key, "-s"]).arg(lab.path("ca")).args(arguments);
    let status = command.arg(lab.path(&format!("{key}.pub"))).status().unwrap();
    assert!(status.success());
}

fn file(lab: &Lab, name: &str, passphrase: Option<SecretSource>) -> Identity {
    Identity::File { path: lab.path(name), passphrase, certificate: None }
}

/// Keys of every kind, all of them authorized.
fn keys(lab: &Lab) {
    lab.keygen("ecdsa", &["-t", "ecdsa"]);
    lab.keygen("rsa", &["-t", "rsa", "-b", "2048"]);
    lab.keygen("encrypted", &["-N", "correct horse", "-a", "1"]);
    lab.keygen("agent", &[]);
    lab.keygen("ca", &[]);
    lab.keygen("certified", &[]);
    lab.authorize("ca", "cert-authority");
    sign(lab, &["-n", "root"], "certified");
    for name in ["ecdsa", "rsa", "encrypted", "agent"] {
        lab.authorize(name, "");
    }
}

fn accounts(lab: &Lab) -> Vec<(&'static str, Arc<Account>)> {
    let account = |make: fn(&Lab) -> Identity| lab::account_with("root", make(lab));
    IDENTITIES.iter().map(|(name, make)| (*name, account(*make))).collect()
}

fn transport(known: &str, agent: PathBuf) -> Ssh {
    let surroundings = Surroundings { agent_socket: Some(agent), ..Surroundings::default() };
    Ssh::new(Settings { surroundings, ..settings(known) })
}

/// Logs in and runs one command.
async fn cell(ssh: &Ssh, host: &Host) -> Expected {
    let command = lab::invocation(&["/bin/true"], Wrap::default());
    let mut session = ssh.connect(host, &deadlines()).await.map_err(|fault| fault.kind)?;
    let answer = session.run(&command, limits(10), &spool()).await;
    let hops = session.negotiated().unwrap().jumps.len();
    assert_eq!(hops, host.road.len(), "{}: the road was not gone", host.asset.name);
    session.close().await;
    match answer.end {
        End::Exit(0) => Ok(()),
        End::Incomplete(fault) => Err(fault.kind),
        _ => Err(FaultKind::Internal),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_identity_enters_every_server_at_every_depth_as_declared() {
    let begun = Instant::now();
    let lab = Lab::new();
    keys(&lab);
    let agent = Agent::start(&lab, &["agent"]);
    let bastions = [lab::sshd(&lab, &[]), lab::sshd(&lab, &[])];
    let servers: Vec<Server> = SERVERS.iter().map(|(_, _, start)| start(&lab)).collect();
    let mut known: String = bastions.iter().map(|b| b.known_line(&lab, "host")).collect();
    for ((_, key, _), server) in SERVERS.iter().zip(&servers) {
        let mark = if *key == "ca" { "@cert-authority " } else { "" };
        known += &format!("{mark}{}", server.known_line(&lab, key));
    }
    let ssh = transport(&known, agent.socket.clone());
    let own = lab::account("root", &lab.path("user"));
    let road =
        [jump("bastion-1", bastions[0].port(), &own), jump("bastion-2", bastions[1].port(), &own)];
    let mut cells = 0;
    let mut wrong = Vec::new();
    for ((name, _, _), server) in SERVERS.iter().zip(&servers) {
        for (identity, account) in accounts(&lab) {
            for depth in 0..=2 {
                let host = lab::host("web-1", "127.0.0.1", server.port(), account.clone());
                let allowed = (*name == "legacy").then(|| legacy(OLD));
                let host = Host { legacy: allowed, ..host };
                let host = behind(host, road[..depth].iter().cloned());
                let came = cell(&ssh, &host).await;
                cells += 1;
                if came != expected(identity, name) {
                    wrong.push(format!("{identity} x {name} x depth {depth}: {came:?}"));
                }
            }
        }
    }
    println!("{cells} cells in {:?}", begun.elapsed());
    assert_eq!(wrong, [""; 0]);
    assert_eq!(cells, IDENTITIES.len() * SERVERS.len() * 3);
}
