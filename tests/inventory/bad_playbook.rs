//! Every fault a playbook can have, with the exact message.

use super::printed;
use fleetstat::plan::playbook::Playbook;

fn playbook_faults(text: &str) -> String {
    Playbook::read("night.yaml", text).map_or_else(|d| printed(&d), |_| "no fault".to_owned())
}

#[test]
fn an_empty_playbook_lacks_three_keys() {
    let text = r"description: x
";
    let expected = r"error[FS-PLAY-002]: night.yaml:1:1: the playbook has no `name`
  help: add `name:` a label such as `nightly-snapshot`
error[FS-PLAY-002]: night.yaml:1:1: the playbook has no `purpose`
  help: add `purpose:` one of routine, audit, incident
error[FS-PLAY-002]: night.yaml:1:1: the playbook has no `views`
  help: add `views:` a list such as `[a, b]`";
    assert_eq!(playbook_faults(text), expected);
}

#[test]
fn unknown_keys_carry_a_suggestion() {
    let text = r"nmae: n
purpose: nightly
views: [listener, sessions, sessions]
commands: [ls]
hosts: web
limits: {forks: 5, widht: 3}
deadlines: {timeout: 5s}
";
    let expected = r"error[FS-PLAY-003]: night.yaml:1:1: unknown key `nmae` for the playbook
  help: did you mean `name`?
error[FS-PLAY-002]: night.yaml:1:1: the playbook has no `name`
  help: add `name:` a label such as `nightly-snapshot`
error[FS-PLAY-005]: night.yaml:2:10: `purpose` of the playbook is `nightly`, expected one of routine, audit, incident
error[FS-PLAY-005]: night.yaml:3:9: `views` of the playbook is `listener`, expected one of listeners, sessions, interfaces, routes, counters, host
  help: did you mean `listeners`?
error[FS-PLAY-005]: night.yaml:3:29: the view `sessions` is here twice
  help: keep one
error[FS-PLAY-003]: night.yaml:4:1: unknown key `commands` for the playbook
  help: a playbook names `views`, never commands
error[FS-PLAY-003]: night.yaml:5:1: unknown key `hosts` for the playbook
  help: the key is called `select` and holds a selector such as `role=db`
error[FS-PLAY-003]: night.yaml:6:10: unknown key `forks` for `limits` of the playbook
  help: the key is called `width`
error[FS-PLAY-003]: night.yaml:6:20: unknown key `widht` for `limits` of the playbook
  help: did you mean `width`?
error[FS-PLAY-003]: night.yaml:7:13: unknown key `timeout` for `deadlines` of the playbook
  help: name the phase: `command` for one command, `host` for all of a host";
    assert_eq!(playbook_faults(text), expected);
}

#[test]
fn values_have_ranges() {
    let text = r"name: n
purpose: routine
views: [host]
limits: {width: 0, starts_per_second: 10001, output_bytes: 64MB}
deadlines: {connect: 5, banner: 10ms, command: 2h, host: 3 m}
";
    let expected = r"error[FS-PLAY-005]: night.yaml:4:17: `width` of the playbook is 0, expected a whole number from 1 to 4096
error[FS-PLAY-005]: night.yaml:4:39: `starts_per_second` of the playbook is 10001, expected a whole number from 1 to 10000
error[FS-PLAY-005]: night.yaml:4:60: `output_bytes` is `64MB`
  help: `MB` is ambiguous: write KiB, MiB or GiB (powers of 1,024)
error[FS-PLAY-004]: night.yaml:5:22: `connect` of the playbook is the number `5`, expected a duration such as `60s`
error[FS-PLAY-005]: night.yaml:5:33: deadline `banner` is `10ms`
  help: write 100ms to 2m
error[FS-PLAY-005]: night.yaml:5:48: deadline `command` is `2h`
  help: write 10s to 1h
error[FS-PLAY-005]: night.yaml:5:58: deadline `host` is `3 m`
  help: expected a whole number with ms, s, m or h, such as `60s`";
    assert_eq!(playbook_faults(text), expected);
}

#[test]
fn output_is_capped() {
    let text = r"name: n
purpose: routine
views: [host]
limits: {width: 4097, output_bytes: 1GiB}
";
    let expected = r"error[FS-PLAY-005]: night.yaml:4:17: `width` of the playbook is 4097, expected a whole number from 1 to 4096
error[FS-PLAY-005]: night.yaml:4:37: `output_bytes` is `1GiB`
  help: write 64KiB to 256MiB";
    assert_eq!(playbook_faults(text), expected);
}

#[test]
fn deadlines_must_not_contradict() {
    let text = r"name: n
purpose: routine
views: [host]
deadlines: {command: 5m, first_byte: 6m}
";
    let expected = r"error[FS-PLAY-007]: night.yaml:4:22: deadline `command` is 5m, longer than `host`, which is 3m by default
  help: set `host` to 5m or more
error[FS-PLAY-007]: night.yaml:4:38: deadline `first_byte` is 6m, longer than `command`, which is 5m
  help: set `command` to 6m or more";
    assert_eq!(playbook_faults(text), expected);
}

#[test]
fn a_host_deadline_holds_all_commands() {
    let text = r"name: n
purpose: routine
views: [host]
deadlines: {host: 30s}
";
    let expected = r"error[FS-PLAY-007]: night.yaml:4:19: deadline `command` is 1m by default, longer than `host`, which is 30s
  help: set `host` to 1m or more";
    assert_eq!(playbook_faults(text), expected);
}

#[test]
fn selectors_tell_their_place() {
    let text = r"name: n
purpose: routine
views: [host]
select: role=db & envv=prod
";
    let expected = r"error[FS-PLAY-006]: night.yaml:4:9: `select`, character 11: unknown key `envv`
  help: the keys are name, address, role, environment, segment, site, criticality, exposure, owner, tag, service, platform, transport, account, group, fragile";
    assert_eq!(playbook_faults(text), expected);
}

#[test]
fn text_is_one_line() {
    let text = r#"name: a b
purpose: audit
views: []
operator: "a\nb"
change: 4711
site_probes: [a.yaml, a.yaml, ""]
select: 5
"#;
    let expected = r"error[FS-PLAY-005]: night.yaml:1:7: playbook name `a b` has ` ` at character 2
  help: use 1 to 63 letters, digits, `.`, `_` or `-`
error[FS-PLAY-005]: night.yaml:4:11: `operator` is `a\x0ab`
  help: write 1 to 256 printable characters in one line, no blanks at the ends
error[FS-PLAY-004]: night.yaml:5:9: `change` of the playbook is the number `4711`, expected text in one line such as `CHG-2026-0815`
  help: put the value in quotes to make it text
error[FS-PLAY-005]: night.yaml:6:23: `a.yaml` is here twice
  help: keep one
error[FS-PLAY-005]: night.yaml:6:31: `` is no path
  help: name a YAML file
error[FS-PLAY-004]: night.yaml:7:9: `select` of the playbook is the number `5`, expected a selector such as `role=db & env=prod & !tag=lab`
  help: put the value in quotes to make it text";
    assert_eq!(playbook_faults(text), expected);
}

#[test]
fn a_playbook_that_asks_nothing_is_refused() {
    assert_eq!(
        playbook_faults("name: a\npurpose: audit\nviews: []\n"),
        "error[FS-PLAY-005]: night.yaml:3:8: `views` of the playbook is empty, and there are no \
         `site_probes`\n  help: name at least one view"
    );
}
