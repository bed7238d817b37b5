//! Finding 1: the same answers as OpenSSH, over generated files, and at the size of a fleet.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use fleetstat::transport::ssh::known_hosts::{Decision, KnownHosts, LookupName};
use russh::keys::PublicKey;

use crate::lab::Lab;

/// Files in the suite's sample; each is asked for six names and four keys.
const FILES: u64 = 200;

/// A small generator with a fixed seed: the sample is the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn pick<'a>(&mut self, items: &[&'a str]) -> &'a str {
        items[self.roll(items.len())]
    }
}

const NAMES: &[&str] =
    &["web1.test", "web2.test", "10.0.0.1", "[web1.test]:2222", "[10.0.0.1]:2222", "::1"];
const PATTERNS: &[&str] = &[
    "web1.test",
    "WEB1.test",
    "web2.test",
    "*.test",
    "web?.test",
    "!web1.test",
    "!*.test",
    "10.0.0.1",
    "10.0.0.*",
    "[web1.test]:2222",
    "[web1.test]:*",
    "[*]:2222",
    "*",
    "::1",
    "[10.0.0.1]:2222",
    "we",
];

fn file(dice: &mut Dice, keys: &[String]) -> String {
    let mut text = String::new();
    for _ in 0..=dice.roll(6) {
        let names: Vec<&str> = (0..=dice.roll(3)).map(|_| dice.pick(PATTERNS)).collect();
        let marker = dice.pick(&["", "", "", "", "", "@revoked ", "@revoked ", "@cert-authority "]);
        let blank = dice.pick(&[" ", "\t", "  ", " \t "]);
        let end = dice.pick(&["\n", "\n", " a comment\n", "\r\n"]);
        let key = &keys[dice.roll(keys.len())];
        let key = key.replace(' ', blank);
        text.push_str(&format!("{marker}{}{blank}{key}{end}", names.join(",")));
        text.push_str(dice.pick(&["", "", "# comment\n", "\n", "broken\n"]));
    }
    text
}

/// Lines that OpenSSH finds for a name: number, marker, key.
fn found_by_openssh(path: &Path, name: &str, keys: &[String]) -> BTreeSet<(u32, String, usize)> {
    let output = Command::new("ssh-keygen").args(["-F", name, "-f"]).arg(path).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut found = BTreeSet::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some((_, rest)) = line.split_once(" found: line ") else { continue };
        let mut words = rest.split_whitespace();
        let number = words.next().unwrap().parse().unwrap();
        let marker = words.next().unwrap_or_default().to_owned();
        let entry = lines.next().unwrap();
        let key = keys.iter().position(|key| entry.contains(key.split(' ').nth(1).unwrap()));
        found.insert((number, marker, key.unwrap()));
    }
    found
}

#[test]
fn decisions_agree_with_ssh_keygen_over_generated_files() {
    let lab = Lab::new();
    for name in ["a", "b", "c", "alien"] {
        lab.keygen(name, &[]);
    }
    let keys: Vec<String> = ["a", "b", "c"]
        .iter()
        .map(|name| lab.public(name).rsplit_once(' ').unwrap().0.to_owned())
        .collect();
    let blob = |line: &str| PublicKey::from_openssh(line).unwrap().to_bytes().unwrap();
    let (mut trusted, mut revoked, mut changed, mut unknown) = (0, 0, 0, 0);
    for seed in 0..FILES {
        let mut dice = Dice(seed);
        let path = lab.write("known", &file(&mut dice, &keys));
        if seed % 3 == 0 {
            let hashed = Command::new("ssh-keygen").args(["-q", "-H", "-f"]).arg(&path).output();
            hashed.unwrap();
        }
        let known = KnownHosts::read(std::slice::from_ref(&path)).unwrap();
        for name in NAMES {
            let expected = found_by_openssh(&path, name, &keys);
            let lookup = LookupName::new(name, 22, None);
            let case =
                || format!("seed {seed}, {name}:\n{}", std::fs::read_to_string(&path).unwrap());
            let plain: BTreeSet<u32> =
                expected.iter().filter(|found| found.1.is_empty()).map(|found| found.0).collect();
            let ours = match known.decide(&lookup, &blob(&lab.public("alien"))) {
                Decision::Changed(places) => places.iter().map(|place| place.line).collect(),
                Decision::Unknown => BTreeSet::new(),
                other => panic!("{other:?} for {}", case()),
            };
            assert_eq!(ours, plain, "{}", case());
            for (index, key) in keys.iter().enumerate() {
                let has = |marker: &str| {
                    expected.iter().any(|found| found.1 == marker && found.2 == index)
                };
                let decision = known.decide(&lookup, &blob(key));
                let agrees = match &decision {
                    Decision::Revoked(_) => has("REVOKED"),
                    Decision::Trusted(_) => !has("REVOKED") && has(""),
                    Decision::Changed(_) => !has("REVOKED") && !has("") && !plain.is_empty(),
                    Decision::Unknown => !has("REVOKED") && plain.is_empty(),
                };
                assert!(agrees, "{decision:?} against {expected:?} for {}", case());
                match decision {
                    Decision::Revoked(_) => revoked += 1,
                    Decision::Trusted(_) => trusted += 1,
                    Decision::Changed(_) => changed += 1,
                    Decision::Unknown => unknown += 1,
                }
            }
        }
    }
    // The sample shows every decision often.
    for count in [trusted, revoked, changed, unknown] {
        assert!(count > 100, "{trusted} {revoked} {changed} {unknown}");
    }
}

#[test]
fn a_hundred_thousand_lines_are_read_once_and_looked_up_at_once() {
    let lab = Lab::new();
    let key = lab.public("host");
    let bytes = PublicKey::from_openssh(&key).unwrap().to_bytes().unwrap();
    let mut text = String::new();
    for number in 0..100_000 {
        text.push_str(&format!("host-{number} {key}\n"));
    }
    let mut known = KnownHosts::default();
    let begun = Instant::now();
    known.add(Path::new("known"), text.as_bytes());
    let reading = begun.elapsed();
    let begun = Instant::now();
    for number in 0..100_000 {
        let name = LookupName::new(&format!("host-{number}"), 22, None);
        assert!(matches!(known.decide(&name, &bytes), Decision::Trusted(_)));
    }
    let asking = begun.elapsed();
    println!("100,000 lines: read in {reading:?}, all looked up in {asking:?}");
    assert!(reading + asking < Duration::from_secs(20), "{reading:?} {asking:?}");
}
