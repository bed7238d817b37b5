//! What people see when they mistyped: the code, the place, the cause, the remedy; all at once.

use std::os::unix::ffi::OsStrExt as _;

use crate::support::{Ended, Place};

/// A command that ended with this code, said nothing on standard output, and this on standard
/// error.
#[track_caller]
fn refused(ended: &Ended, code: i32, err: &str) {
    assert_eq!((ended.code, ended.out.as_str(), ended.err.as_str()), (code, "", err));
}

const INVENTORY: &str = "\
hosts:
  web-1: {transport: local, rol: web}
  web-1: {transport: local}
  db-1: {transport: locall, account: ops}
  db-3: {account: ops, port: ssh}
groups:
  db: {hosts: [db-2]}
";

const PLAYBOOK: &str = "\
purpose: rutine
views: [listeners, listeners, socket]
limits: {width: 0, forks: 9}
deadlines: {host: 20}
site_probes: [site.yaml, missing.yaml]
";

const SITE: &str = "\
probes:
  - id: site/redis
    platform: linux
    argv: [/usr/bin/ss, -4, -n, -t, \"a;b\"]
  - id: site/redis
    platform: linux
    argv: [/usr/bin/ss, -4, -n, -t, -l, sport, \":{port}\"]
    parameters: {port: {type: port, from: vars.p ort}}
    cmd: x
  - argv: [/bin/rm, -rf, /]
    platform: windows
";

#[test]
fn all_faults_of_inventory_playbook_and_site_probes_are_shown_at_once() {
    let place = Place::new();
    place.write("inventory.yaml", INVENTORY);
    place.write("play.yaml", PLAYBOOK);
    place.write("site.yaml", SITE);
    let mut command = place.command(["plan", "play.yaml", "-i", "inventory.yaml", "-l", "rol=web"]);
    let ended: Ended = command.current_dir(place.path("")).output().unwrap().into();
    let heads: Vec<&str> = ended.err.lines().filter(|line| line.starts_with("error[")).collect();
    let cut = |line: &&str| {
        let mut parts = line.splitn(3, ": ");
        format!("{}: {}", parts.next().unwrap(), parts.next().unwrap())
    };
    assert_eq!(
        heads.iter().map(cut).collect::<Vec<_>>(),
        [
            "error[FS-PLAY-002]: play.yaml:1:1",
            "error[FS-PLAY-005]: play.yaml:1:10",
            "error[FS-PLAY-005]: play.yaml:2:20",
            "error[FS-PLAY-005]: play.yaml:2:31",
            "error[FS-PLAY-005]: play.yaml:3:17",
            "error[FS-PLAY-003]: play.yaml:3:20",
            "error[FS-PLAY-004]: play.yaml:4:19",
            "error[FS-SITE-001]: site.yaml:4:37",
            "error[FS-SITE-006]: site.yaml:5:9",
            "error[FS-SITE-001]: site.yaml:8:43",
            "error[FS-SITE-002]: site.yaml:9:5",
            "error[FS-SITE-003]: site.yaml:10:5",
            "error[FS-SITE-001]: site.yaml:10:12",
            "error[FS-SITE-005]: site.yaml:11:15",
            "error[FS-USE-007]: missing.yaml",
            "error[FS-INV-003]: inventory.yaml:2:29",
            "error[FS-YAML-011]: inventory.yaml:3:3",
            "error[FS-INV-005]: inventory.yaml:4:21",
            "error[FS-INV-009]: inventory.yaml:4:38",
            "error[FS-INV-009]: inventory.yaml:5:19",
            "error[FS-INV-004]: inventory.yaml:5:30",
            "error[FS-INV-009]: inventory.yaml:7:16",
            "error[FS-USE-004]: selector, character 1",
        ],
        "{}",
        ended.err
    );
    assert!(ended.err.ends_with("\n23 faults in all\n"), "{}", ended.err);
    assert_eq!((ended.code, ended.out.as_str()), (30, ""));
    assert_eq!(place.listed(""), ["inventory.yaml", "play.yaml", "site.yaml"], "nothing is made");
}

#[test]
fn an_error_has_its_code_its_place_and_its_remedy() {
    let place = Place::new();
    let file = place.write("lab.yaml", "hosts:\n  web-1: {transport: local, rol: web}\n");
    refused(
        &place.run(["hosts", "-i", &file]),
        30,
        &format!(
            "error[FS-INV-003]: {file}:2:29: unknown key `rol` for host `web-1`\n  \
             help: did you mean `role`?\n"
        ),
    );
}

#[test]
fn a_selector_shows_the_character_and_one_remedy() {
    let place = Place::new();
    let hosts = ["hosts", "-i", "inventories/example-fleet.yaml", "-l"];
    refused(
        &place.run(hosts.iter().chain(&["rol=web"])),
        2,
        "error[FS-USE-004]: selector, character 1: unknown key `rol`\n  rol=web\n  ^\n  \
         help: did you mean `role`?\n",
    );
    refused(
        &place.run(hosts.iter().chain(&["role="])),
        2,
        "error[FS-USE-004]: selector, character 6: expected a value for `role`, found the end\n  \
         role=\n       ^\n  help: write it like `role=db & env=prod & !tag=lab`, `web[01-20]` or \
         `group=web | host=db-*`\n",
    );
}

#[test]
fn a_condition_that_matches_nothing_is_told_and_so_is_the_word_that_was_meant() {
    let place = Place::new();
    let ended = place.line("hosts -i inventories/example-fleet.yaml -l role=wbe --format json");
    assert_eq!((ended.code, ended.out.as_str()), (0, "[]\n"));
    assert!(ended.err.ends_with("WARN no host has role `wbe`; did you mean `web`?\n"));
    let quiet = place.line("hosts -i inventories/example-fleet.yaml -l role=wbe --format json -q");
    assert_eq!(quiet.clean(), "[]\n");
}

#[test]
fn unknown_names_are_answered_with_the_nearest() {
    let place = Place::new();
    place.collect();
    for (line, err) in [
        (
            "hosts -i inventories/example-fleet.yaml --explain web01",
            "error[FS-USE-005]: no host `web01` in the inventory\n  help: did you mean `web-01`?\n",
        ),
        (
            "parse --probe linux/sss",
            "error[FS-USE-006]: no reader `linux/sss`\n  help: did you mean `linux/ss`?\n",
        ),
        (
            "parse --probe nothing-like-it",
            "error[FS-USE-006]: no reader `nothing-like-it`\n  \
             help: see `fleetstat probes`\n",
        ),
        (
            "parse --probe darwin/netstat",
            "error[FS-USE-006]: no reader `darwin/netstat`\n  help: did you mean `macos/netstat`?\n",
        ),
        (
            "parse --probe windows/route",
            "error[FS-USE-006]: no reader `windows/route`\n  \
             help: did you mean `windows/route-print`?\n",
        ),
        (
            "parse --probe SunOS/netsat",
            "error[FS-USE-006]: no reader `SunOS/netsat`\n  help: did you mean `solaris/netstat`?\n",
        ),
        (
            "show localhst",
            "error[FS-USE-009]: the store knows no host `localhst`\n  \
             help: did you mean `localhost`?\n",
        ),
        (
            "diff lokalhost --from 1d",
            "error[FS-USE-009]: the store knows no host `lokalhost`\n  \
             help: did you mean `localhost`?\n",
        ),
        (
            "query listeners -l nope",
            "error[FS-USE-005]: no host matches `nope`\n  \
             help: of hosts that never answered the inventory knows more than the store: add -i FILE\n",
        ),
    ] {
        refused(&place.line(line), 2, err);
    }
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let place = Place::new();
    let missing = "No such file or directory (os error 2)";
    refused(
        &place.line("plan nope.yaml -i inventories/localhost.yaml"),
        2,
        &format!(
            "error[FS-USE-007]: nope.yaml: {missing}\n  help: check the path and its permissions\n"
        ),
    );
    refused(
        &place.line("hosts -i nope.yaml"),
        30,
        &format!(
            "error[FS-INV-001]: nope.yaml: cannot be read: {missing}\n  help: check the path\n"
        ),
    );
    refused(
        &place.line("parse --probe linux/ss src"),
        2,
        "error[FS-USE-007]: src: Is a directory (os error 21)\n  \
         help: check the path and its permissions\n",
    );
    refused(
        &place.line("probes --site nope.yaml"),
        2,
        &format!(
            "error[FS-USE-007]: nope.yaml: {missing}\n  help: check the path and its permissions\n"
        ),
    );
}

#[test]
fn a_file_that_is_no_text_is_refused_at_its_byte() {
    let place = Place::new();
    let file = place.write("latin.yaml", b"name: n\n# \xe9\n");
    let says = format!(
        "error[FS-YAML-001]: {file}:2:3: a byte is not UTF-8\n  help: save the file as UTF-8\n"
    );
    refused(&place.run(["hosts", "-i", &file]), 30, &says);
    refused(&place.run(["plan", &file, "-i", "inventories/localhost.yaml"]), 30, &says);
    refused(&place.run(["probes", "--site", &file]), 30, &says);
}

#[test]
fn broken_and_empty_yaml_is_refused_at_its_place() {
    let place = Place::new();
    let broken = place.write("broken.yaml", "hosts: [1\n");
    let ended = place.run(["hosts", "-i", &broken]);
    assert!(ended.err.starts_with(&format!("error[FS-YAML-004]: {broken}:2:1: not valid YAML")));
    assert_eq!(ended.code, 30);
    let empty = place.write("empty.yaml", "# nothing\n");
    for line in [vec!["hosts", "-i", &empty], vec!["plan", &empty, "-i", &empty]] {
        let ended = place.run(line);
        assert!(ended.err.starts_with(&format!("error[FS-YAML-005]: {empty}: ")), "{}", ended.err);
        assert_eq!(ended.code, 30);
    }
}

#[test]
fn a_wrong_command_line_has_a_code_too() {
    let place = Place::new();
    for (line, err) in [
        ("nope", "error[FS-USE-001]: unrecognized subcommand 'nope'\n"),
        ("runs --format xml", "error[FS-USE-001]: invalid value 'xml' for '--format <FORMAT>'\n"),
        ("run -q -v x.yaml", "error[FS-USE-001]: the argument '--quiet' cannot be used with"),
        ("query listeners --port 70000", "error[FS-USE-001]: invalid value '70000' for '--port"),
        ("query peers", "error[FS-USE-001]: the following required arguments were not provided:"),
        ("probes --platform linus", "error[FS-USE-001]: invalid value 'linus' for '--platform"),
        ("show x --kind sock", "error[FS-USE-001]: invalid value 'sock' for '--kind <KIND>'"),
        ("schema nope", "error[FS-USE-001]: invalid value 'nope' for '<OF>'"),
    ] {
        let ended = place.line(line);
        assert!(ended.err.starts_with(err), "{line}: {}", ended.err);
        assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{line}");
    }
}

#[test]
fn text_that_is_not_utf_8_on_the_command_line_is_refused_or_used_as_a_path() {
    let place = Place::new();
    let strange = std::ffi::OsStr::from_bytes(b"caf\xe9.yaml");
    let ended = place.run([std::ffi::OsStr::new("show"), strange]);
    assert!(
        ended.err.starts_with("error[FS-USE-001]: invalid UTF-8 was detected"),
        "{}",
        ended.err
    );
    assert_eq!(ended.code, 2);
    // A path is bytes: the file is found under its own name.
    let path = place.path("").join(strange);
    std::fs::copy(crate::support::package("inventories/localhost.yaml"), &path).unwrap();
    let words = ["hosts", "--format", "ndjson", "-i"].map(std::ffi::OsStr::new);
    let out = place.run(words.into_iter().chain([path.as_os_str()])).clean();
    assert!(out.contains("\"host_id\":\"localhost\""), "{out}");
}

#[test]
fn times_are_understood_or_refused_with_what_can_be_written() {
    let place = Place::new();
    place.collect();
    for time in ["0s", "2026-11-24T99:00:00Z", "yesterday", "-1d", "1w", "9999999999999999999999d"]
    {
        let ended = place.run(["show", "localhost", &format!("--at={time}")]);
        if time == "0s" {
            assert!(ended.clean().contains("localhost"));
            continue;
        }
        assert_eq!(ended.code, 2, "{time}");
        assert!(ended.err.starts_with("error[FS-USE-003]: "), "{time}: {}", ended.err);
        assert!(ended.err.ends_with(
            "help: write RFC 3339 (2026-11-24T01:42:00Z) or an age (90s, 15m, 8h, 30d)\n"
        ));
    }
    for time in ["1d", "2001-01-01T00:00:00+01:00", "20010101T000000Z", "99999999999d"] {
        let ended = place.run(["show", "localhost", "--at", time]);
        assert_eq!(ended.code, 2, "{time}");
        let says = "error[FS-USE-009]: no snapshot of `localhost` at or before ";
        assert!(ended.err.starts_with(says), "{time}: {}", ended.err);
    }
    assert!(place.line("show localhost --at 9999-01-01T00:00:00Z").clean().contains("localhost"));
}
