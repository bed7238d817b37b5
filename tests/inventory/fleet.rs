//! 100,000 hosts load and are targeted quickly. Run with `--nocapture` for the figures.

use std::fmt::Write as _;

use fleetstat::inventory::from_texts;
use fleetstat::inventory::selector::Selector;

const HOSTS: u32 = 100_000;

/// Every host on its own, as an asset database would write it.
fn fleet() -> String {
    let mut text = String::from(
        "accounts:\n  nightly: {user: fleetstat, identity: ~/.ssh/k}\nall: {account: nightly, environment: prod}\ngroups:\n",
    );
    for site in 0..50 {
        let (first, last) = (site * 2_000, site * 2_000 + 1_999);
        writeln!(
            text,
            "  site-{site}:\n    site: s{site}\n    hosts: [\"h[{first:06}-{last:06}]\"]"
        )
        .unwrap();
    }
    text.push_str("hosts:\n");
    for host in 0..HOSTS {
        let role = ["web", "db", "cache", "build"][host as usize % 4];
        let (b, c, d) = (host >> 16, host >> 8 & 255, host & 255);
        writeln!(
            text,
            "  h{host:06}:\n    address: 10.{b}.{c}.{d}\n    role: {role}\n    segment: seg-{}\n    \
             criticality: high\n    owner: Team {}\n    tags: [t{}, lab]\n    services: [https]",
            host % 100,
            host % 37,
            host % 10
        )
        .unwrap();
    }
    text
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a measurement of this very machine")]
fn a_hundred_thousand_hosts_load_and_are_targeted() {
    let text = fleet();
    let start = std::time::Instant::now();
    let inventory = from_texts(&[("fleet.yaml", &text)]).unwrap();
    let loaded = start.elapsed();
    let selector = Selector::parse("role=db & env=prod & !tag=t1 & h[050000-099999]").unwrap();
    let hosts = inventory.select(Some(&selector)).len();
    let targeted = start.elapsed().saturating_sub(loaded);
    assert_eq!(inventory.hosts.len(), HOSTS as usize);
    assert_eq!(hosts, 10_000);
    assert_eq!(inventory.explain("h054321").unwrap().len(), 17);
    println!(
        "{HOSTS} hosts, {} MB of YAML: loaded in {loaded:?}, targeted in {targeted:?}",
        text.len() / 1_000_000
    );
    // The promise is about the shipped program; an unoptimized build takes about five times as long.
    if !cfg!(debug_assertions) {
        assert!(loaded + targeted < std::time::Duration::from_secs(2), "{loaded:?} {targeted:?}");
    }
    let range = "all: {transport: local}\nhosts:\n  \"h[000000-099999]\":\n";
    assert_eq!(from_texts(&[("range.yaml", range)]).unwrap().hosts.len(), HOSTS as usize);
}
