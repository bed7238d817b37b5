//! What the README tells people to type works.

use clap::Parser as _;
use fleetstat::cli::args::Cli;
use fleetstat::model::id::RunId;
use fleetstat::store::{Mode, RunStart, open};

use crate::support::{Place, package};

/// The lines of all blocks of shell commands.
fn lines() -> Vec<String> {
    let readme = std::fs::read_to_string(package("README.md")).unwrap();
    let blocks = readme.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let lines = blocks.flat_map(str::lines).map(|line| {
        let line = line.split(" #").next().unwrap_or_default();
        line.trim().replace("cargo run --release -- ", "fleetstat ")
    });
    lines.filter(|line| line.starts_with("fleetstat ")).collect()
}

/// Words as a shell splits them; the README quotes with single quotes only.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (number, part) in line.split('\'').enumerate() {
        if number % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

#[test]
fn every_line_of_the_readme_is_understood() {
    let lines = lines();
    assert!(lines.len() >= 12, "{lines:?}");
    for line in lines {
        if let Err(error) = Cli::try_parse_from(words(&line)) {
            panic!("{line}: {error}");
        }
    }
}

/// The inventory that the README shows.
fn fleet(place: &Place) -> String {
    let readme = std::fs::read_to_string(package("README.md")).unwrap();
    let block = readme.split("```yaml\n# fleet.yaml\n").nth(1).unwrap();
    place.write("fleet.yaml", block.split("```").next().unwrap())
}

const CHANGES: &str =
    "number,title,host,start,end\nCHG1,Patch,localhost,2026-11-24T01:00:00Z,2026-11-24T02:00:00Z\n";

const NETSTAT_OF_WINDOWS: &str =
    "\r\n  TCP    0.0.0.0:135            0.0.0.0:0              ABH\u{d6}REN         904\r\n";

const NETSTAT_OF_AIX: &str =
    "tcp4       0      0  192.0.2.1.22           198.51.100.7.50102     ESTABLISHED\n";

const ASSETS: &str = r#"[{"host": "localhost", "owner": "Team Linux"}]"#;

/// Puts a snapshot of 24 hours ago into the store: the first of two nights.
fn the_night_before(place: &Place) {
    const DAY: std::time::Duration = std::time::Duration::from_hours(24);
    let file = place.path("data/store.sqlite");
    let mut store = open(&file, Mode::Write).unwrap();
    let host = store.hosts().unwrap().remove(0);
    let mut snapshot = store.snapshot(&host, None).unwrap().unwrap();
    let of_today = store.runs().unwrap().remove(0);
    let started = of_today.started.minus(DAY);
    let run = RunId::parse("20260101T000000Z-000000").unwrap();
    let header = &mut snapshot.header;
    (header.run, header.started, header.ended) = (run.clone(), started, started);
    snapshot.evidence.name = format!("before-{}", snapshot.evidence.name);
    let folder = of_today.folder;
    let start = RunStart {
        run,
        playbook: of_today.playbook,
        purpose: of_today.purpose,
        operator: of_today.operator,
        change: None,
        started,
        folder,
    };
    store.begin_run(&start).unwrap();
    store.ingest(&[snapshot]).unwrap();
}

#[test]
fn a_time_before_all_snapshots_is_answered_with_when_the_first_was() {
    let place = Place::new();
    place.collect();
    for line in
        ["diff localhost --from 2d --to 0s", "show localhost --at 2d", "query listeners --at 2d"]
    {
        let ended = place.line(line);
        assert_eq!(ended.code, 2, "{line}: {}", ended.err);
        assert!(
            ended.err.contains("help: the first snapshot of all was taken at"),
            "{}",
            ended.err
        );
    }
}

#[test]
fn the_inventory_with_edges_is_whole_and_its_plan_shows_their_load() {
    let place = Place::new();
    place.write(".ssh/fleetstat_ed25519", "");
    let line = "plan playbooks/nightly-snapshot.yaml -i inventories/edges.yaml";
    let page = place.line(line).clean();
    for edge in ["segment plant", "jump bastion-1", "realm CORP.EXAMPLE"] {
        assert!(page.contains(edge), "{edge}: {page}");
    }
    // What the README shows of it is read as well.
    let readme = std::fs::read_to_string(package("README.md")).unwrap();
    let block = readme.split("```yaml\n# edges.yaml\n").nth(1).unwrap();
    let block = block.split("```").next().unwrap();
    let rest = "accounts:\n  a: {user: r, agent: true}\n  w: {user: 'CORP\\r', password: prompt}\n\
        jumps: {bastion-1: {address: 192.0.2.10, account: a}}\n\
        hosts:\n  p: {account: a, segment: plant, jump: bastion-1}\n  \
        q: {account: w, transport: winrm}\n";
    let file = place.write("edges.yaml", format!("{block}{rest}"));
    place.run(["hosts", "-i", &file]).clean();
    let block = readme.split("```yaml\n# in a playbook\n").nth(1).unwrap();
    let block = block.split("```").next().unwrap();
    let playbook = format!("name: n\npurpose: routine\nviews: [host]\n{block}");
    let playbook = place.write("play.yaml", playbook);
    place.run(["plan", &playbook, "-i", "inventories/edges.yaml"]).clean();
}

#[test]
fn the_lines_of_the_readme_that_need_no_fleet_run() {
    let place = Place::new();
    let fleet = fleet(&place);
    let run = place.collect();
    the_night_before(&place);
    let mut ran = 0;
    for line in lines() {
        let mut words: Vec<String> = words(&line).into_iter().skip(1).collect();
        for word in &mut words {
            match word.as_str() {
                "fleet.yaml" => word.clone_from(&fleet),
                "20261124T014200Z-1a2b3c" => word.clone_from(&run),
                "hosts.ini" => {
                    *word = place.write("hosts.ini", "[web]\nweb1 ansible_host=192.0.2.1\n");
                }
                "roles.yaml" => *word = place.write("roles.yaml", "groups:\n  web: {role: web}\n"),
                "web1.yaml" => *word = place.path("web1.yaml").display().to_string(),
                "changes.csv" => *word = place.write("changes.csv", CHANGES),
                "assets.json" => *word = place.write("assets.json", ASSETS),
                "netstat-ano.txt" => *word = place.write("netstat-ano.txt", NETSTAT_OF_WINDOWS),
                "old.txt" => *word = place.write("old.txt", NETSTAT_OF_AIX),
                // The README's fleet is not here; this machine was collected.
                "web01" if ["show", "diff"].iter().any(|verb| line.contains(verb)) => {
                    *word = "localhost".to_owned();
                }
                _ => {}
            }
        }
        let needs_a_fleet = ["enroll", "run", "check"].contains(&words[0].as_str());
        if needs_a_fleet && line.contains("fleet.yaml") {
            continue;
        }
        let ended = place.run(&words);
        if line.contains("--role") {
            // This machine has no such role.
            assert!(ended.err.contains("no host"), "{line}: {}", ended.err);
        } else {
            assert_eq!(ended.code, 0, "{line}: {}", ended.err);
        }
        ran += 1;
    }
    assert!(ran >= 9, "{ran}");
}
