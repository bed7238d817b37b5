//! The real `ssh` and our transport visit the same servers with the same files of host keys.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fleetstat::inventory::host::Host;
use fleetstat::model::deadline::Deadlines;
use fleetstat::model::fault::{Fault, FaultKind};
use fleetstat::secret::surroundings::Surroundings;
use fleetstat::transport::Transport as _;
use fleetstat::transport::clock::Clock;
use fleetstat::transport::ssh::known_hosts::{self, KnownHosts, LookupName};
use fleetstat::transport::ssh::{Settings, Ssh};
use futures::StreamExt as _;

use crate::files::{Dice, Pool, file};
use crate::keygen::openssh_drops;
use crate::lab::{self, Lab};
use crate::server::{Target, start_all};

/// Files in the suite. The soak run tries 10,000: `FILES=10000`.
const FILES: u64 = 2_000;

/// Visits at once.
const WIDTH: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Decision {
    Trusted,
    Unknown,
    Changed,
    Revoked,
}

/// What we decide otherwise than OpenSSH 9.2: the table of the decision page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Difference {
    /// A `@revoked` line that OpenSSH drops revokes.
    DroppedRevocation,
    /// A certificate without principals is for no host.
    NoPrincipals,
    /// Of several keys of a server, one that is known is asked for, whatever types are.
    KnownTypeFirst,
    /// What is revoked for the name without port is revoked.
    RevokedWithoutPort,
    /// A line with the port outranks one without, also when the server shows a certificate.
    PortOutranks,
}

/// One visit: where, as whom, with which file.
struct Case<'a> {
    seed: u64,
    target: &'a Target,
    address: &'static str,
    alias: Option<&'static str>,
    path: PathBuf,
    content: Vec<u8>,
}

fn case<'a>(lab: &Lab, pool: &Pool, targets: &'a [Target], seed: u64) -> Case<'a> {
    let mut dice = Dice::new(!seed);
    let target = &targets[dice.roll(targets.len())];
    let address = dice.pick(&["127.0.0.1", "127.0.0.1", "127.0.0.2", "::1"]);
    let alias = match dice.roll(8) {
        0 | 1 => Some("web1.test"),
        2 => Some("WEB1.test"),
        3 => Some("web2.test"),
        _ => None,
    };
    let content = file(seed, pool, target.port);
    let path = lab.path(&format!("known-{seed}"));
    std::fs::write(&path, &content).unwrap();
    Case { seed, target, address, alias, path, content }
}

/// What ssh decided, and all it said.
async fn openssh(case: &Case<'_>) -> (Decision, String) {
    let mut command = tokio::process::Command::new("ssh");
    let port = case.target.port.to_string();
    command.args(["-F", "/dev/null", "-p", &port, "-o", "BatchMode=yes"]);
    for option in [
        "StrictHostKeyChecking=yes",
        "GlobalKnownHostsFile=/dev/null",
        "PreferredAuthentications=none",
        "IdentityFile=/dev/null",
        "IdentityAgent=none",
        // The quickest of those that both have: the server's cost is not what is looked at.
        "KexAlgorithms=curve25519-sha256",
    ] {
        command.args(["-o", option]);
    }
    command.args(["-o", &format!("UserKnownHostsFile={}", case.path.display())]);
    if let Some(alias) = case.alias {
        command.args(["-o", &format!("HostKeyAlias={alias}")]);
    }
    let output = command.args(["-l", "nobody", case.address, "true"]).output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let decision = if said.contains("Permission denied") {
        Decision::Trusted
    } else if said.contains("REVOKED HOST KEY DETECTED") {
        Decision::Revoked
    } else if said.contains("REMOTE HOST IDENTIFICATION HAS CHANGED") {
        Decision::Changed
    } else {
        assert!(said.contains("host key is known for"), "{said}");
        Decision::Unknown
    };
    (decision, said)
}

/// What our transport decided, and the fault in which it ended.
async fn ours(lab: &Lab, case: &Case<'_>) -> (Decision, Fault) {
    let mut known = KnownHosts::default();
    known.add(Path::new("known"), &case.content);
    let ssh = Ssh::new(Settings {
        known_hosts: Arc::new(known),
        surroundings: Surroundings::default(),
        ask: Arc::new(|question| panic!("nobody is there to answer `{question}`")),
        clock: Clock::system(),
    });
    let account = lab::account("nobody", &lab.path("user"));
    let mut host: Host = lab::host("web-1", case.address, case.target.port, account);
    host.host_key_alias = case.alias.map(str::to_owned);
    let limit = Duration::from_secs(20);
    let deadlines = Deadlines {
        connect: limit,
        banner: limit,
        key_exchange: limit,
        authenticate: limit,
        ..Deadlines::default()
    };
    let Err(fault) = ssh.connect(&host, &deadlines).await else { panic!("nobody is let in") };
    let decision = match fault.kind {
        FaultKind::AuthRefused => Decision::Trusted,
        FaultKind::HostKeyUnknown => Decision::Unknown,
        FaultKind::HostKeyChanged if fault.detail.contains("revoked at known:") => {
            Decision::Revoked
        }
        FaultKind::HostKeyChanged => Decision::Changed,
        _ => panic!("seed {}: {fault}", case.seed),
    };
    (decision, fault)
}

/// The difference that explains a case, if it is one of the table.
fn explain(
    case: &Case<'_>,
    (we, fault): &(Decision, Fault),
    (they, said): &(Decision, String),
) -> Option<Difference> {
    let detail = &fault.detail;
    if *we == Decision::Revoked {
        let line = detail.rsplit("revoked at known:").next()?.parse().ok()?;
        if openssh_drops(&case.content, line) {
            return Some(Difference::DroppedRevocation);
        }
        let warned = said.contains("REVOKED HOST KEY DETECTED");
        return (*they == Decision::Trusted && warned).then_some(Difference::RevokedWithoutPort);
    }
    if *they == Decision::Trusted && detail.contains("names no host at all") {
        return Some(Difference::NoPrincipals);
    }
    if (*we, *they) == (Decision::Changed, Decision::Trusted) {
        // Without a certificate ssh decides as we do. The lines are those of our own reader.
        return contradicted(case).then_some(Difference::PortOutranks);
    }
    let chose_another = (*we, *they) == (Decision::Trusted, Decision::Changed);
    (chose_another && case.target.what == "two").then_some(Difference::KnownTypeFirst)
}

/// True when the server has a certificate, its key is known without the port, and other keys are
/// known with it.
fn contradicted(case: &Case<'_>) -> bool {
    let Some(key) = &case.target.certified else { return false };
    let mut known = KnownHosts::default();
    known.add(Path::new("known"), &case.content);
    let with_port = LookupName::new(case.address, case.target.port, None);
    let without = LookupName::new(case.address, 22, None);
    let changed = matches!(known.decide(&with_port, key), known_hosts::Decision::Changed(_));
    let trusted = matches!(known.decide(&without, key), known_hosts::Decision::Trusted(_));
    case.alias.is_none() && changed && trusted
}

/// What came of a case: our decision, and how it differs from ssh's.
type Came = (Decision, Option<Difference>);

async fn visit(lab: &Lab, case: Case<'_>) -> Came {
    let (theirs, ours) = tokio::join!(openssh(&case), ours(lab, &case));
    let _ = std::fs::remove_file(&case.path);
    let difference = (ours.0 != theirs.0).then(|| {
        explain(&case, &ours, &theirs).unwrap_or_else(|| {
            panic!(
                "seed {}, server `{}` at {}, alias {:?}: we say {:?} ({}), ssh says {:?} ({})\n{}",
                case.seed,
                case.target.what,
                case.address,
                case.alias,
                ours.0,
                ours.1,
                theirs.0,
                theirs.1,
                String::from_utf8_lossy(&case.content)
            )
        })
    });
    (ours.0, difference)
}

async fn visit_all<'a>(lab: &Lab, cases: impl Iterator<Item = Case<'a>>) -> Vec<Came> {
    let visits = futures::stream::iter(cases).map(|case| visit(lab, case));
    let mut results: Vec<Came> = visits.buffer_unordered(WIDTH).collect().await;
    results.sort_unstable_by_key(|result| result.1);
    results
}

/// Prints how often which difference was seen.
fn tell(results: &[Came]) {
    for group in results.chunk_by(|a, b| a.1 == b.1) {
        println!("{:?}: {}", group[0].1, group.len());
    }
}

/// Every certificate, under every name, with every way to trust or revoke what is in it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_certificate_is_judged_as_ssh_judges_it() {
    let lab = Lab::new();
    let pool = Pool::new(&lab);
    let targets = start_all(&lab).await;
    let lines = |marker: &str, names: &str, keys: &[String]| -> String {
        keys.iter().map(|key| format!("{marker}{names} {key}\n")).collect::<Vec<_>>().concat()
    };
    let trusting = lines("@cert-authority ", "*", &pool.authorities);
    let files = [
        trusting.clone(),
        // The first authority only, and not for all names.
        lines("@cert-authority ", "127.0.0.1,web?.test,!web2.test", &pool.authorities[..1]),
        trusting.clone() + &lines("", "*", &pool.keys),
        trusting.clone() + &lines("", "[*]:2222", &pool.keys),
        trusting.clone() + &lines("@revoked ", "127.0.0.1,web1.test", &pool.authorities),
        trusting.clone() + &lines("@revoked ", "[127.0.0.1]:2222,web1.test", &pool.keys),
        lines("", "*", &pool.keys) + &lines("@revoked ", "*", &pool.authorities[..1]),
        lines("@cert-authority ", "*", &pool.keys),
    ];
    let names = [
        ("127.0.0.1", None),
        ("127.0.0.2", None),
        ("127.0.0.1", Some("web1.test")),
        ("127.0.0.1", Some("WEB1.test")),
        ("127.0.0.1", Some("web2.test")),
    ];
    let mut cases = Vec::new();
    for target in targets.iter().filter(|target| target.certified.is_some()) {
        for file in &files {
            for (address, alias) in names {
                let seed = u64::try_from(cases.len()).unwrap();
                let content = file.replace("2222", &target.port.to_string()).into_bytes();
                let path = lab.path(&format!("known-{seed}"));
                std::fs::write(&path, &content).unwrap();
                cases.push(Case { seed, target, address, alias, path, content });
            }
        }
    }
    let results = visit_all(&lab, cases.into_iter()).await;
    let trusted = results.iter().filter(|(we, _)| *we == Decision::Trusted).count();
    println!("{} visits to servers with a certificate, {trusted} trusted", results.len());
    tell(&results);
    assert!(trusted * 4 > results.len() && trusted * 4 < results.len() * 3, "{trusted}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_ssh_comes_to_the_same_decisions() {
    let files = std::env::var("FILES").ok().map_or(FILES, |count| count.parse().unwrap());
    let lab = Lab::new();
    let pool = Pool::new(&lab);
    let targets = start_all(&lab).await;
    let cases = (0..files).map(|seed| case(&lab, &pool, &targets, 1_000_000 + seed));
    let results = visit_all(&lab, cases).await;
    let count = |wanted: Decision| results.iter().filter(|(we, _)| *we == wanted).count();
    let kinds = [Decision::Trusted, Decision::Unknown, Decision::Changed, Decision::Revoked];
    let counts = kinds.map(|kind| (kind, count(kind)));
    println!("{files} files, decisions: {counts:?}");
    for (_, count) in counts {
        assert!(count * 40 > results.len(), "{counts:?}");
    }
    tell(&results);
    let differences = results.iter().filter(|result| result.1.is_some()).count();
    assert!(differences * 20 < results.len(), "{differences} of {files}");
}
