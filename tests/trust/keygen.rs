//! The lines that `ssh-keygen -F` finds, and the decision that follows from them, against ours.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use fleetstat::transport::ssh::known_hosts::{Decision, KnownHosts, LookupName};
use russh::keys::PublicKey;
use russh::keys::ssh_key::HashAlg;

use crate::files::{Dice, NAMES, Pool, file};
use crate::lab::Lab;

/// Files that are generated: the number that the promise names.
const FILES: u64 = 10_000;

/// Threads that ask ssh-keygen.
const THREADS: u64 = 2;

/// A line that OpenSSH found: number, marker, whether it holds a certificate, fingerprint.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Found {
    line: u32,
    marker: String,
    certificate: bool,
    fingerprint: String,
}

/// With `-l`, ssh-keygen reads the keys of the lines too, and leaves out those that it cannot read.
fn found_by_openssh(path: &Path, name: &str) -> BTreeSet<Found> {
    let output =
        Command::new("ssh-keygen").args(["-F", name, "-l", "-f"]).arg(path).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut found = BTreeSet::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some((_, rest)) = line.split_once(" found: line ") else { continue };
        let mut words = rest.split_whitespace();
        let line = words.next().unwrap().parse().unwrap();
        let marker = words.next().unwrap_or_default().to_owned();
        let mut words = lines.next().unwrap().split(' ').skip(1);
        let certificate = words.next().unwrap().ends_with("-CERT");
        let fingerprint = words.next().unwrap().to_owned();
        found.insert(Found { line, marker, certificate, fingerprint });
    }
    found
}

/// What a file of OpenSSH's lines says of a key.
#[derive(Debug, PartialEq, Eq)]
enum Expected {
    Revoked,
    Trusted,
    Changed(BTreeSet<u32>),
    Unknown,
}

fn expected(found: &BTreeSet<Found>, fingerprint: &str) -> Expected {
    let plain = || found.iter().filter(|line| line.marker.is_empty());
    if found.iter().any(|line| line.marker == "REVOKED" && line.fingerprint == fingerprint) {
        Expected::Revoked
    } else if plain().any(|line| !line.certificate && line.fingerprint == fingerprint) {
        Expected::Trusted
    } else if plain().next().is_some() {
        Expected::Changed(plain().map(|line| line.line).collect())
    } else {
        Expected::Unknown
    }
}

#[derive(Debug, Default)]
struct Tally {
    trusted: u32,
    revoked: u32,
    changed: u32,
    unknown: u32,
    /// Revoked by a line that OpenSSH drops: a TAB after the marker, or a byte-order mark before.
    dropped: u32,
}

/// True when a line is one of those that revoke here and that OpenSSH drops.
pub(crate) fn openssh_drops(content: &[u8], line: u32) -> bool {
    let index = usize::try_from(line).unwrap() - 1;
    let text = content.split(|&byte| byte == b'\n').nth(index).unwrap();
    let marked = text.starts_with(b"\xef\xbb\xbf@revoked");
    let start = text.iter().position(|byte| !b" \t".contains(byte)).unwrap_or_default();
    marked || text[start..].starts_with(b"@revoked\t")
}

struct Asked {
    key: Vec<u8>,
    fingerprint: String,
}

fn compare(seed: u64, path: &Path, pool: &Pool, asked: &[Asked], tally: &mut Tally) {
    let content = file(seed, pool, 2222);
    std::fs::write(path, &content).unwrap();
    let name = Dice::new(!seed).pick(NAMES);
    let found = found_by_openssh(path, name);
    let mut known = KnownHosts::default();
    known.add(Path::new("known"), &content);
    // The name is asked for as it stands, so nothing is looked up without its port.
    let lookup = LookupName::new(name, 22, None);
    for Asked { key, fingerprint } in asked {
        let decision = known.decide(&lookup, key);
        if let Decision::Revoked(place) = &decision
            && openssh_drops(&content, place.line)
        {
            tally.dropped += 1;
            continue;
        }
        let ours = match decision {
            Decision::Trusted(_) => Expected::Trusted,
            Decision::Revoked(_) => Expected::Revoked,
            Decision::Unknown => Expected::Unknown,
            Decision::Changed(places) => {
                Expected::Changed(places.iter().map(|place| place.line).collect())
            }
        };
        match ours {
            Expected::Trusted => tally.trusted += 1,
            Expected::Revoked => tally.revoked += 1,
            Expected::Unknown => tally.unknown += 1,
            Expected::Changed(_) => tally.changed += 1,
        }
        let theirs = expected(&found, fingerprint);
        let text = String::from_utf8_lossy(&content);
        assert_eq!(ours, theirs, "seed {seed}, {name}, {fingerprint}:\n{text}\n{found:?}");
    }
}

#[test]
fn ten_thousand_files_are_read_as_ssh_keygen_reads_them() {
    let lab = Lab::new();
    let pool = Pool::new(&lab);
    let mut keys: Vec<&String> = pool.keys.iter().chain(&pool.authorities).collect();
    keys.dedup();
    let asked: Vec<Asked> = keys
        .iter()
        .map(|line| PublicKey::from_openssh(line).unwrap())
        .map(|key| Asked {
            key: key.to_bytes().unwrap(),
            fingerprint: key.fingerprint(HashAlg::Sha256).to_string(),
        })
        .collect();
    let work = |thread: u64| {
        let path = lab.path(&format!("known{thread}"));
        let mut tally = Tally::default();
        for seed in (thread..FILES).step_by(usize::try_from(THREADS).unwrap()) {
            compare(seed, &path, &pool, &asked, &mut tally);
        }
        tally
    };
    let tallies: Vec<Tally> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                scope.spawn({
                    let work = &work;
                    move || work(thread)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let sum = |pick: fn(&Tally) -> u32| tallies.iter().map(pick).sum::<u32>();
    let counts = [
        sum(|tally| tally.trusted),
        sum(|tally| tally.revoked),
        sum(|tally| tally.changed),
        sum(|tally| tally.unknown),
        sum(|tally| tally.dropped),
    ];
    println!(
        "{FILES} files, {} decisions equal ssh-keygen's: trusted, revoked, changed, unknown, \
         and revoked by lines that OpenSSH drops: {counts:?}",
        counts[..4].iter().sum::<u32>()
    );
    // Every decision is shown often.
    assert!(counts[..4].iter().all(|count| *count > 1000), "{counts:?}");
    assert!((10..1000).contains(&counts[4]), "{counts:?}");
}
