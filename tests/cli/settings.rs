//! Files of settings, their layers, and what `config explain` says of them.

use std::os::unix::fs::PermissionsExt as _;

use crate::support::{Ended, Place, csv, json};

const FLEET: &str =
    "groups:\n  web: {hosts: [web-1], role: web}\nhosts:\n  web-1: {transport: local}\n";

/// A place whose person has a file of settings.
fn with_settings(text: &str) -> Place {
    let place = Place::new();
    place.write("fleet.yaml", FLEET);
    place.write(".config/fleetstat/config.yaml", text);
    place
}

/// Runs without `FLEETSTAT_DATA`, which would win over the file.
fn run(place: &Place, line: &str) -> Ended {
    let mut command = place.command(line.split_whitespace());
    command.env_remove("FLEETSTAT_DATA");
    command.output().expect("the binary starts").into()
}

fn origins(answer: &str, key: &str) -> Vec<(String, String)> {
    let rows = csv(answer);
    let of_key = rows.into_iter().filter(|row| row["key"] == key);
    of_key.map(|row| (row["value"].clone(), row["origin"].clone())).collect()
}

#[test]
fn options_win_over_the_environment_and_that_over_files_and_defaults() {
    let place = with_settings("data: state\ninventory: ../../fleet.yaml\noperator: night shift\n");
    let file = place.path(".config/fleetstat/config.yaml").display().to_string();
    let folder = place.path(".config/fleetstat").display().to_string();
    let explained = run(&place, "config explain --format csv").clean();
    let expected = |value: String, origin: &str| vec![(value, origin.to_owned())];
    assert_eq!(
        origins(&explained, "data"),
        expected(format!("{folder}/state"), &format!("{file}:1"))
    );
    assert_eq!(
        origins(&explained, "operator"),
        expected("night shift".to_owned(), &format!("{file}:3"))
    );
    let keys = origins(&explained, "known_hosts");
    assert_eq!(keys.len(), 2, "{keys:?}");
    assert!(keys.iter().all(|(_, origin)| origin == "default"), "{keys:?}");

    let environment = place.line("config explain --format csv").clean();
    let data = place.path("data").display().to_string();
    assert_eq!(origins(&environment, "data"), expected(data, "$FLEETSTAT_DATA"));
    let option = place.line("config explain --format csv --data /srv/x").clean();
    let missing = "/srv/x".to_owned();
    assert_eq!(origins(&option, "data"), expected(missing, "option --data"));
}

#[test]
fn a_host_and_a_playbook_are_explained_with_their_lines() {
    let place = with_settings("inventory: ../../fleet.yaml\n");
    let playbook =
        place.write("p.yaml", "name: p\npurpose: routine\nviews: [host]\nlimits:\n  width: 7\n");
    let line = format!("config explain web-1 --playbook {playbook} --format csv");
    let explained = run(&place, &line).clean();
    let one = |key: &str| origins(&explained, key).pop().expect(key);
    let (role, origin) = one("role");
    assert_eq!(role, "web");
    assert!(origin.ends_with("fleet.yaml:2 (group web)"), "{origin}");
    assert_eq!(one("limits.width"), ("7".to_owned(), format!("{playbook}:5")));
    assert_eq!(one("deadlines.host"), ("3m".to_owned(), "default".to_owned()));
    let unknown = run(&place, "config explain web-2");
    assert_eq!(unknown.code, 2);
    assert!(unknown.err.contains("did you mean `web-1`?"), "{}", unknown.err);
}

#[test]
fn the_operator_of_the_settings_answers_for_a_run() {
    let place = with_settings("data: state\ninventory: ../../fleet.yaml\noperator: night shift\n");
    let done = run(&place, "run playbooks/nightly-snapshot.yaml -q");
    assert_eq!((done.code, done.err.as_str()), (0, ""));
    let runs = json(&run(&place, "runs --format json").clean());
    assert_eq!(runs[0]["operator"], "night shift");
    assert!(place.path(".config/fleetstat/state/store.sqlite").exists());
}

#[test]
fn a_faulty_file_stops_every_verb_that_heeds_it_and_no_other() {
    let place = with_settings("datta: x\noperator: ''\n");
    let stopped = run(&place, "runs");
    let file = place.path(".config/fleetstat/config.yaml");
    let expected = format!(
        "error[FS-CFG-013]: {0}:1:1: unknown key `datta` for the settings\n  help: did you mean `data`?\n\
         error[FS-CFG-015]: {0}:2:11: `operator` is ``\n  help: write 1 to 256 printable characters in one line, no blanks at the ends\n\
         2 faults in all\n",
        file.display()
    );
    assert_eq!((stopped.code, stopped.err), (31, expected));
    assert!(run(&place, "explain FS-CFG-013").clean().contains("datta"));
    place.write(".config/fleetstat/config.yaml", "data: [");
    assert_eq!(run(&place, "runs").code, 31, "YAML faults of settings are faults of settings");
}

#[test]
fn a_file_that_others_can_write_to_is_refused() {
    let place = with_settings("data: state\n");
    let file = place.path(".config/fleetstat/config.yaml");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
    let refused = run(&place, "runs");
    assert_eq!(refused.code, 31);
    assert!(refused.err.contains("can be changed by others (mode 0666)"), "{}", refused.err);
    assert!(refused.err.contains("chmod go-w"), "{}", refused.err);
}

#[test]
fn a_named_file_stands_alone_and_must_be_there() {
    let place = with_settings("operator: from home\n");
    let named = place.write("other.yaml", "data: here\n");
    let explained = run(&place, &format!("--config {named} config explain --format csv")).clean();
    let data = place.path("here").display().to_string();
    assert_eq!(origins(&explained, "data"), [(data, format!("{named}:1"))]);
    assert_eq!(origins(&explained, "operator"), [("operator".to_owned(), "default".to_owned())]);
    let missing = run(&place, "--config /nonexistent.yaml runs");
    assert_eq!(missing.code, 31);
    assert!(missing.err.starts_with("error[FS-CFG-011]: /nonexistent.yaml: cannot be read"));
}
