//! What the README tells people to type works.

use clap::Parser as _;
use fleetstat::cli::args::Cli;

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

#[test]
fn the_lines_of_the_readme_that_need_no_fleet_run() {
    let place = Place::new();
    let fleet = fleet(&place);
    let run = place.collect();
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
        } else if words[0] == "diff" {
            // Two days ago nothing was collected yet.
            assert!(ended.err.contains("no snapshot of `localhost` at or before"), "{}", ended.err);
        } else {
            assert_eq!(ended.code, 0, "{line}: {}", ended.err);
        }
        ran += 1;
    }
    assert!(ran >= 9, "{ran}");
}
