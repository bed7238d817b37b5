//! Finding 1, at the size of a fleet. That decisions are OpenSSH's is shown by `tests/trust`.

use std::path::Path;
use std::time::{Duration, Instant};

use fleetstat::transport::ssh::known_hosts::{Decision, KnownHosts, LookupName};
use russh::keys::PublicKey;

use crate::lab::Lab;

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
