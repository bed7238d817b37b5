//! Key revocation lists of `ssh-keygen -k`, asked by `ssh-keygen -Q` and by us.

use std::path::Path;
use std::process::Command;

use fleetstat::model::time::Utc;
use fleetstat::transport::ssh::known_hosts::{Decision, KnownHosts, LookupName, Shown};
use russh::keys::PublicKey;
use russh::keys::ssh_key::Certificate;

use crate::files::{Dice, Pool, certify};
use crate::lab::Lab;

/// Lists that are made; each is asked about every key and certificate.
const LISTS: u64 = 120;

/// Keys and certificates: name, key, authority, serial number, key id.
const CERTIFICATES: &[(&str, &str, &str, &str, &str)] = &[
    ("one", "ed25519", "ca", "1", "web-1"),
    ("seven", "ecdsa", "ca", "7", "web-7"),
    ("seventy", "rsa", "ca", "70", "web-70"),
    ("zero", "ed25519", "ca", "0", "web-0"),
    ("large", "other", "ca", "18446744073709551615", "web-l"),
    ("second", "other", "ca2", "7", "web-7"),
    ("third", "ed25519", "rsa-ca", "5000", "web-1"),
];
const KEYS: &[&str] = &["ed25519", "ecdsa", "rsa", "other", "ca", "ca2"];

/// The text from which ssh-keygen makes a list.
fn specification(dice: &mut Dice, lab: &Lab) -> String {
    let mut text = String::new();
    for _ in 0..=dice.roll(4) {
        let key = dice.pick(KEYS);
        let line = match dice.roll(10) {
            0 => {
                format!("serial: {}", dice.pick(&["1", "7", "70", "5000", "18446744073709551615"]))
            }
            1 => format!("serial: {}", dice.pick(&["1-6", "7-70", "2-5", "60-6000", "1-1000000"])),
            2 => bitmap(),
            3 => format!("id: {}", dice.pick(&["web-1", "web-7", "web-0", "web"])),
            4 => format!("key: {}", lab.public(key)),
            5 => format!("sha1: {}", lab.public(key)),
            6 => format!("sha256: {}", lab.public(key)),
            7 => format!("hash: SHA256:{}", fingerprint(&lab.public(key))),
            8 => "# nothing".to_owned(),
            _ => format!("serial: {}", 1 + dice.roll(80)),
        };
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// Numbers so close together that ssh-keygen writes a bitmap.
fn bitmap() -> String {
    let numbers = (1..40).filter(|number| number % 3 == 1);
    numbers.map(|number| format!("serial: {number}")).collect::<Vec<_>>().join("\n")
}

fn fingerprint(line: &str) -> String {
    let key = PublicKey::from_openssh(line).unwrap();
    let text = key.fingerprint(russh::keys::ssh_key::HashAlg::Sha256).to_string();
    text.trim_start_matches("SHA256:").to_owned()
}

/// Makes a list, for an authority or for all.
fn make(lab: &Lab, dice: &mut Dice) {
    let specification = lab.write("specification", &specification(dice, lab));
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-k", "-f"]).arg(lab.path("list"));
    if let Some(authority) = [None, Some("ca"), Some("ca2")][dice.roll(3)] {
        command.arg("-s").arg(lab.path(&format!("{authority}.pub")));
    } else {
        // Serial numbers need an authority, or `none` for all of them.
        command.args(["-s", "none"]);
    }
    let output = command.arg(specification).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// True when ssh-keygen finds the key or certificate of a file in the list.
fn revoked_by_openssh(lab: &Lab, file: &Path) -> bool {
    let output =
        Command::new("ssh-keygen").arg("-Qf").arg(lab.path("list")).arg(file).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains(": REVOKED") || text.contains(": ok"), "{text}{output:?}");
    text.contains(": REVOKED")
}

#[test]
fn key_revocation_lists_revoke_what_they_revoke_for_openssh() {
    let lab = Lab::new();
    let _pool = Pool::new(&lab);
    for (name, key, authority, serial, id) in CERTIFICATES {
        certify(&lab, name, key, authority, &["-h", "-n", "web1.test", "-z", serial, "-I", id]);
    }
    let name = LookupName::new("web1.test", 22, None);
    let (mut yes, mut no) = (0, 0);
    for seed in 0..LISTS {
        make(&lab, &mut Dice::new(seed));
        let mut known = KnownHosts::default();
        known.read_revoked(&lab.path("list")).unwrap();
        let mut check = |what: &str, ours: Decision| {
            let theirs = revoked_by_openssh(&lab, &lab.path(&format!("{what}.pub")));
            let ours = matches!(ours, Decision::Revoked(_));
            let text = std::fs::read_to_string(lab.path("specification")).unwrap();
            assert_eq!(ours, theirs, "seed {seed}, {what}:\n{text}");
            *(if ours { &mut yes } else { &mut no }) += 1;
        };
        for key in KEYS {
            let bytes = PublicKey::from_openssh(&lab.public(key)).unwrap().to_bytes().unwrap();
            check(key, known.decide(&name, &bytes));
        }
        for (certificate, ..) in CERTIFICATES {
            let file = format!("{certificate}-cert");
            let shown = Certificate::from_openssh(&lab.public(&file)).unwrap();
            let shown = Shown::certificate(&shown).unwrap();
            check(&file, known.judge(&name, &shown, Utc::EPOCH).decision);
        }
    }
    println!("{LISTS} lists: {yes} revoked, {no} not, as ssh-keygen -Q says");
    assert!(yes > 100 && no > 100, "{yes} {no}");
}
