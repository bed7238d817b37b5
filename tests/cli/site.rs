//! Site probes through the command line: what a site adds, filled in per host, refused in time.

use fleetstat::evidence::read::EvidenceReader;
use serde_json::Value;

use crate::support::{Place, json};

/// Hosts with a fitting value, a wrong one, and none.
const HOSTS: &str = "\
all: {transport: local}
hosts:
  good: {vars: {port: 22, device: lo}}
  wrong: {vars: {port: \"22;id\", device: lo}}
  without: {vars: {device: lo}}
";

const PLAYBOOK: &str = "\
name: with-site-probes
purpose: routine
views: [listeners, host]
site_probes: [site.yaml]
";

const SITE: &str = "\
probes:
  - id: site/listeners
    platform: linux
    views: [listeners, sessions]
    argv: [/usr/bin/ss, -4, -n, -t, -l, sport, \":{port}\"]
    parameters: {port: {type: port, from: vars.port}}
    reader: linux/ss
  - id: site/device
    platform: linux
    argv: [/usr/sbin/ip, -j, link, show, dev, \"{device}\"]
    parameters: {device: {type: interface, from: vars.device}}
    reader: linux/ip-link
  - id: site/load
    platform: linux
    argv: [/bin/cat, /proc/loadavg]
";

const REASON: &str = "site/listeners: parameter `port`: `22;id` is no port from 1 to 65535: it has `;` at character 3";

fn laid_out(site: &str) -> (Place, String, String) {
    let place = Place::new();
    let hosts = place.write("hosts.yaml", HOSTS);
    let playbook = place.write("play.yaml", PLAYBOOK);
    place.write("site.yaml", site);
    (place, playbook, hosts)
}

#[test]
fn a_site_probe_is_collected_kept_and_read() {
    let (place, playbook, hosts) = laid_out(SITE);
    let ended = place.run(["run", &playbook, "-i", &hosts, "-l", "good"]);
    assert!(ended.clean().contains("1 complete"));
    let run = place.runs().pop().unwrap();
    let file = EvidenceReader::open(&place.evidence(&run)).unwrap();
    let own: Vec<_> =
        file.sections().iter().filter(|s| s.probe.as_str().starts_with("site/")).collect();
    let told: Vec<_> = own.iter().map(|s| (s.probe.as_str(), s.reader.as_str())).collect();
    assert_eq!(
        told,
        [("site/listeners", "linux/ss"), ("site/device", "linux/ip-link"), ("site/load", "text")]
    );
    assert!(own[0].sent.ends_with(" /usr/bin/ss -4 -n -t -l sport :22"), "{}", own[0].sent);
    let out = place.line("show good --format json --kind interface").clean();
    let found = json(&out);
    let names: Vec<_> = found.iter().map(|row| row["name"].as_str().unwrap()).collect();
    let probes: Vec<_> = found.iter().map(|row| row["probes"].to_string()).collect();
    assert!(names.contains(&"lo"), "{names:?}");
    assert!(probes.iter().any(|probes| probes.contains("site/device")), "{probes:?}");
    place.line(&format!("verify {run}")).clean();
}

#[test]
fn a_host_whose_data_does_not_fit_is_left_out_with_the_reason_everywhere() {
    let (place, playbook, hosts) = laid_out(SITE);
    let page = place.run(["plan", &playbook, "-i", &hosts]).clean();
    let none = "site/listeners: parameter `port` has no value for this host";
    assert!(
        page.ends_with(&format!("\nLeft out:\n  without: {none}\n  wrong: {REASON}\n")),
        "{page}"
    );
    let rows = json(&place.run(["plan", &playbook, "-i", &hosts, "--format", "json"]).clean());
    let left: Vec<_> = rows
        .iter()
        .filter(|row| row["action"] == "left_out")
        .map(|row| (row["host_id"].as_str().unwrap(), row["condition"].as_str().unwrap()))
        .collect();
    assert_eq!(left, [("without", none), ("wrong", REASON)]);

    // They were asked for and are missing, so the run is not clean.
    let ended = place.run(["run", &playbook, "-i", &hosts]);
    assert_eq!(ended.code, 20, "{}{}", ended.out, ended.err);
    for host in ["without", "wrong"] {
        assert!(ended.out.contains(&format!("skipped: 1 host: {host}\n")), "{}", ended.out);
    }
    assert!(ended.out.contains("has no value for this host"), "{}", ended.out);
    let run = place.runs().pop().unwrap();
    let manifest =
        std::fs::read(place.path(&format!("data/evidence/{run}/manifest.json"))).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let entries = manifest["hosts"].as_array().unwrap();
    let told: Vec<_> =
        entries.iter().map(|e| (e["name"].as_str().unwrap(), e["reason"].as_str())).collect();
    assert_eq!(told, [("good", None), ("without", Some(none)), ("wrong", Some(REASON))]);
}

#[test]
fn hosts_that_are_asked_the_same_share_a_group_also_with_site_probes() {
    let (place, playbook, _) = laid_out(SITE);
    let hosts = place.write(
        "hosts.yaml",
        "all: {transport: local, vars: {device: lo, port: 22}}\nhosts:\n  \"h[1-3]\": {}\n  \
         other: {vars: {port: 23}}\n",
    );
    let page = place.run(["plan", &playbook, "-i", &hosts]).clean();
    let groups: Vec<_> = page.lines().filter(|line| line.starts_with("Group ")).collect();
    assert_eq!(groups, ["Group 1: 3 hosts asked the same", "Group 2: 1 host"]);
}

/// One probe with these words, and what is said of it.
#[track_caller]
fn refused(argv: &str, more: &str, column: u32, says: &str) {
    let head = "probes:\n  - id: site/x\n    platform: linux\n    argv: ";
    let (place, playbook, hosts) = laid_out(&format!("{head}{argv}\n    {more}\n"));
    let site = place.path("site.yaml");
    let line = if column == 0 { "5".to_owned() } else { format!("4:{column}") };
    for verb in ["run", "plan"] {
        let ended = place.run([verb, &playbook, "-i", &hosts]);
        let begin = format!("error[FS-SITE-001]: {}:{line}", site.display());
        assert!(ended.err.starts_with(&begin), "{argv}: {}", ended.err);
        assert!(ended.err.contains(says), "{argv}: {}", ended.err);
        assert_eq!((ended.code, ended.out.as_str()), (30, ""), "{argv}");
    }
    assert!(!place.path("data").exists(), "nothing was started");
}

#[test]
fn words_with_a_character_for_a_shell_are_refused_before_anything_runs() {
    for (word, place) in [
        ("a;b", 2),
        ("$(id)", 1),
        ("`id`", 1),
        ("a b", 2),
        ("a|b", 2),
        ("a&b", 2),
        ("a>b", 2),
        ("*", 1),
        ("~", 1),
        ("a'b", 2),
        ("a\\\\b", 2),
        ("a\\nb", 2),
        ("a\\u00e9", 2),
    ] {
        let says = format!("at character {place}");
        refused(&format!("[/usr/bin/ss, -n, \"{word}\"]"), "needs: none", 29, &says);
    }
}

#[test]
fn commands_that_are_not_on_the_list_are_refused_at_their_word() {
    refused("[/bin/rm, -rf, /]", "needs: none", 12, "word 1 `/bin/rm` is not on the list");
    refused("[/bin/sh, -c, id]", "needs: none", 12, "word 1 `/bin/sh` is not on the list");
    refused("[/usr/bin/ss, -K]", "needs: none", 25, "word 2 `-K` is not on the list");
    refused("[ss, -n]", "needs: none", 12, "word 1 `ss`");
    refused("[/usr/bin/ss, \":{port}\"]", "needs: none", 25, "`{port}`, which `parameters`");
    refused("[/bin/cat, /etc/shadow]", "needs: none", 22, "word 2 `/etc/shadow`");
}

#[test]
fn parameters_readers_and_privileges_are_checked_too() {
    let parameter = |of: &str| format!("parameters: {{p: {of}}}");
    let good = "[/usr/bin/ss, -n, sport, \":{p}\"]";
    refused(
        good,
        &parameter("{type: port, from: vars.a-b}"),
        0,
        "`from: vars.a-b` is not vars.NAME",
    );
    refused(good, &parameter("{type: port, from: role}"), 0, "`from: role` is not vars.NAME");
    refused("[/usr/bin/ss, -n]", "reader: linux/sss", 0, "no reader `linux/sss`");
    refused("[/bin/cat, /proc/uptime]", "needs: sudo", 0, "`needs: sudo` is not for cat");
}

#[test]
fn a_type_for_free_text_does_not_exist() {
    let site = SITE.replace("type: port", "type: string");
    let (place, playbook, hosts) = laid_out(&site);
    let ended = place.run(["plan", &playbook, "-i", &hosts]);
    assert!(ended.err.contains("one of ip, cidr, port, interface, hostname, enum, number"));
    assert_eq!(ended.code, 30);
}

#[test]
fn a_probe_in_two_files_is_refused() {
    let (place, _, hosts) = laid_out(SITE);
    let playbook = place.write("play.yaml", PLAYBOOK.replace("site.yaml", "site.yaml, again.yaml"));
    place.write("again.yaml", SITE);
    let ended = place.run(["plan", &playbook, "-i", &hosts]);
    assert!(ended.err.contains("probe `site/listeners` is in two files"), "{}", ended.err);
    assert_eq!(ended.code, 30);
}

#[test]
fn the_shipped_example_runs_on_this_machine() {
    let place = Place::new();
    let shown = place.line("probes --site playbooks/site-probes.example.yaml").clean();
    assert!(shown.contains("## Probes of the site") && shown.contains("`site/"), "{shown}");
    let file = crate::support::package("playbooks/site-probes.example.yaml");
    let playbook = place
        .write("play.yaml", PLAYBOOK.replace("[site.yaml]", &format!("[\"{}\"]", file.display())));
    // The file says which variables it takes.
    let hosts = place.write(
        "hosts.yaml",
        "hosts:\n  here: {transport: local, vars: {metrics_port: 9100, uplink: lo}}\n",
    );
    let ended = place.run(["run", &playbook, "-i", &hosts]);
    assert!(ended.clean().contains("1 complete"));
}
