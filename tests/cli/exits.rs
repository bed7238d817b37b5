//! Exit codes, as scripts may rely on them.

use std::process::Stdio;

use crate::support::{Ended, Place, package};

/// An inventory of this machine and one where nobody answers: a port on loopback that was free.
fn with_a_dead_host(place: &Place, names: &[&str], local: bool) -> String {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let key = place.path("key");
    let keygen = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&key)
        .status();
    assert!(keygen.unwrap().success());
    let mut text = format!(
        "accounts:\n  a: {{user: reader, identity: {}}}\nall: {{account: a}}\nhosts:\n",
        key.display()
    );
    for name in names {
        text += &format!("  {name}: {{address: 127.0.0.1, port: {port}}}\n");
    }
    if local {
        text += "  here: {transport: local}\n";
    }
    place.write("inventory.yaml", text)
}

const NIGHTLY: &str = "playbooks/nightly-snapshot.yaml";

#[test]
fn a_whole_run_ends_with_0_and_everything_after_it_too() {
    let place = Place::new();
    let run = place.collect();
    for line in [
        "runs".to_owned(),
        "show localhost".to_owned(),
        "query listeners".to_owned(),
        "query peers --address 127.0.0.1".to_owned(),
        format!("verify {run}"),
        "rebuild".to_owned(),
    ] {
        place.line(&line).clean();
    }
}

#[test]
fn only_unreachable_hosts_missing_is_22_and_nobody_reached_is_21() {
    let place = Place::new();
    let inventory = with_a_dead_host(&place, &["dead"], true);
    let ended = place.run(["run", NIGHTLY, "-i", &inventory]);
    assert_eq!(ended.code, 22, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("refused: 1 host: dead"), "{}", ended.out);
    let other = Place::new();
    let inventory = with_a_dead_host(&other, &["dead-1", "dead-2"], false);
    let ended = other.run(["run", NIGHTLY, "-i", &inventory, "-q"]);
    assert_eq!((ended.code, ended.out.as_str()), (21, ""), "{}", ended.err);
    // Without the key there is nothing to log in with.
    std::fs::remove_file(other.path("key")).unwrap();
    let ended = other.run(["run", NIGHTLY, "-i", &inventory, "-q"]);
    assert_eq!((ended.code, ended.out.as_str()), (31, ""), "{}", ended.err);
    assert!(ended.err.contains("error[FS-CFG-003]: account `a`: "), "{}", ended.err);
    assert_eq!(ended.err.matches("account `a`: ").count(), 1, "said once: {}", ended.err);
}

#[test]
fn a_host_that_is_not_selected_does_not_count() {
    let place = Place::new();
    let inventory = with_a_dead_host(&place, &["dead"], true);
    place.run(["run", NIGHTLY, "-i", &inventory, "-l", "here"]).clean();
}

#[test]
fn a_store_that_is_none_is_40() {
    let place = Place::new();
    place.write("data/store.sqlite", "this is no database, whatever its name says\n".repeat(99));
    for line in ["runs", "show localhost", "query listeners"] {
        let ended = place.line(line);
        assert_eq!((ended.code, ended.out.as_str()), (40, ""), "{line}");
        assert!(ended.err.starts_with("error[FS-STO-001]: "), "{}", ended.err);
        assert!(ended.err.contains("help: "), "{}", ended.err);
    }
}

#[test]
fn a_data_folder_that_is_a_file_is_40_and_names_the_option() {
    let place = Place::new();
    place.write("data", "");
    let ended = place.run(["run", NIGHTLY, "-i", "inventories/localhost.yaml"]);
    assert_eq!(ended.code, 40, "{}", ended.err);
    assert!(ended.err.contains("with `--data DIR`"), "{}", ended.err);
}

#[test]
fn evidence_that_cannot_be_written_is_41() {
    let place = Place::new();
    place.write("data/evidence", "a file where the folder of evidence should be\n");
    let ended = place.run(["run", NIGHTLY, "-i", "inventories/localhost.yaml"]);
    assert_eq!(ended.code, 41, "{}", ended.err);
    assert!(ended.err.starts_with("error[FS-EVI-001]: "), "{}", ended.err);
}

#[test]
fn changed_or_removed_evidence_is_50_and_that_of_an_unfinished_run_51() {
    let place = Place::new();
    let run = place.collect();
    let file = place.evidence(&run);
    let bytes = std::fs::read(&file).unwrap();
    let mut changed = bytes.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    let permit = |path: &std::path::Path| {
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o640))
            .unwrap();
    };
    permit(&file);
    std::fs::write(&file, changed).unwrap();
    let ended = place.line(&format!("verify {run}"));
    assert_eq!(ended.code, 50, "{}", ended.out);
    // A file that the manifest lists and that is gone was removed by somebody: a change.
    std::fs::remove_file(&file).unwrap();
    let ended = place.line(&format!("verify {run}"));
    assert_eq!(ended.code, 50, "{}", ended.out);
    assert!(ended.out.contains("missing: the manifest lists it"), "{}", ended.out);
    std::fs::write(&file, bytes).unwrap();
    place.line(&format!("verify {run}")).clean();
    // A run without its end proves nothing of what is not there.
    let folder = place.path("data/evidence").join(&run);
    for name in ["manifest.json", "manifest.sha256"] {
        std::fs::remove_file(folder.join(name)).unwrap();
    }
    let ended = place.line(&format!("verify {}", folder.display()));
    assert_eq!(ended.code, 51, "{}", ended.out);
    // A typing mistake is no tampering.
    for wrong in ["20261124T014200Z-1a2b3c", "nope", "data/evidence", "inventories"] {
        let mut verify = place.command(["verify", wrong]);
        let ended: Ended = verify.current_dir(place.path("")).output().unwrap().into();
        assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{wrong}: {}", ended.err);
        assert!(ended.err.contains(&format!("the newest run is {run}")), "{}", ended.err);
    }
}

#[test]
fn no_store_yet_is_said_with_what_to_do() {
    let place = Place::new();
    for line in
        ["runs", "show x", "query listeners", "query peers --address ::1", "diff x --from 1d"]
    {
        let ended = place.line(line);
        let file = place.path("data/store.sqlite");
        let says = format!(
            "error[FS-USE-009]: there is no store at {} yet\n  \
             help: collect first with `fleetstat run PLAYBOOK -i FILE`; `fleetstat runs` lists what there is\n",
            file.display()
        );
        assert_eq!((ended.code, ended.err), (2, says), "{line}");
    }
    assert!(place.listed("").is_empty(), "asking makes no folder");
}

#[test]
fn without_a_home_or_a_terminal_the_option_is_named() {
    let place = Place::new();
    let mut command = place.command(["runs"]);
    let output = command.env_remove("FLEETSTAT_DATA").env_remove("HOME").output().unwrap();
    assert_eq!(output.status.code(), Some(31));
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(err.starts_with("error[FS-CFG-001]: ") && err.contains("--data DIR"), "{err}");
    let ended = place.line("enroll -i inventories/example-fleet.yaml");
    assert_eq!(ended.code, 2);
    assert!(ended.err.starts_with("error[FS-USE-008]: "), "{}", ended.err);
}

/// A run that cannot end by itself: its probe waits on a pipe in place of `/usr/bin/ss`'s host.
fn interrupted(signal: rustix::process::Signal) -> (i32, String) {
    let place = Place::new();
    // A server that accepts and stays silent holds a visit for as long as the banner may take.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let inventory = with_a_dead_host(&place, &["silent"], true);
    let text = std::fs::read_to_string(&inventory).unwrap();
    let begin = text.find("port: ").unwrap() + 6;
    let end = begin + text[begin..].find('}').unwrap();
    place.write("inventory.yaml", format!("{}{port}{}", &text[..begin], &text[end..]));
    let playbook = place.write(
        "slow.yaml",
        "name: slow\npurpose: routine\nviews: [host]\ndeadlines: {banner: 2m}\n",
    );
    let mut command = place.command(["run", &playbook, "-i", &inventory]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (held, _) = listener.accept().unwrap();
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, signal).unwrap();
    // The second drops what is in flight; the signal watch may need a moment for the first.
    let output = wait_with_more_signals(child, pid, signal);
    drop(held);
    (output.status.code().unwrap_or(-1), String::from_utf8(output.stderr).unwrap())
}

fn wait_with_more_signals(
    mut child: std::process::Child,
    pid: rustix::process::Pid,
    signal: rustix::process::Signal,
) -> std::process::Output {
    use std::io::{BufRead as _, Read as _};
    let mut lines = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("interrupt again to drop them") {
        assert!(lines.read_line(&mut said).unwrap() > 0, "{said}");
    }
    rustix::process::kill_process(pid, signal).unwrap();
    lines.read_to_string(&mut said).unwrap();
    let mut output = child.wait_with_output().unwrap();
    output.stderr = said.into_bytes();
    output
}

#[test]
fn an_interrupted_run_ends_with_130_and_a_terminated_one_with_75() {
    assert_eq!(interrupted(rustix::process::Signal::INT).0, 130);
    assert_eq!(interrupted(rustix::process::Signal::TERM).0, 75);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let place = Place::new();
    place.collect();
    let sockets = package("tests/records/testdata/ss-6.1--inet4.txt");
    let fleet =
        place.write("fleet.yaml", "all: {transport: local}\nhosts:\n  \"h[00001-20000]\": {}\n");
    for line in [
        format!("hosts -i {fleet}"),
        format!("hosts -i {fleet} --format json"),
        format!("plan {NIGHTLY} -i {fleet} --format ndjson"),
        "probes".to_owned(),
        "show localhost --format csv".to_owned(),
        format!("parse --probe linux/ss --format ndjson {}", sockets.display()),
        "--help".to_owned(),
    ] {
        let mut command = place.command(line.split_whitespace());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Nobody reads, not even a byte.
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), err.as_str()), (Some(0), ""), "{line}");
    }
}

#[test]
fn parse_stops_reading_an_input_without_end_when_nobody_reads() {
    let place = Place::new();
    let mut yes = std::process::Command::new("yes")
        .arg("tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:*")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut command = place.command(["parse", "--probe", "linux/ss", "--format", "ndjson"]);
    command.stdin(yes.stdout.take().unwrap()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    // The command holds this end of the pipe, too: without it `yes` has no reader and ends.
    drop(command);
    yes.wait().unwrap();
}

#[test]
fn a_data_folder_that_everybody_can_write_to_is_refused_with_the_command_that_mends_it() {
    let place = Place::new();
    let data = place.path("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::set_permissions(&data, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let ended = place.run(["run", NIGHTLY, "-i", "inventories/localhost.yaml", "-q"]);
    assert_eq!(ended.code, 40, "{}", ended.out);
    let says = format!("{} is writable by everybody\n  help: chmod o-w", data.display());
    assert!(ended.err.contains(&says), "{}", ended.err);
    assert_eq!(place.listed("data"), Vec::<String>::new());
}

#[test]
fn a_selector_counts_or_is_refused() {
    let place = Place::new();
    let run = place.collect();
    for line in ["runs", "rebuild", "probes", "schema inventory", &format!("verify {run}")] {
        let ended = place.line(&format!("{line} -l role=web"));
        assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{line}: {}", ended.err);
        assert!(ended.err.contains("`-l` selects hosts"), "{line}: {}", ended.err);
    }
    place.line("show localhost -l role=controller").clean();
    place.line(&format!("runs {run} -l role=controller")).clean();
    for line in ["show localhost", "diff localhost --from 0s", "query listeners"] {
        let ended = place.line(&format!("{line} -l role=web"));
        assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{line}: {}", ended.err);
        assert!(ended.err.starts_with("error[FS-USE-005]"), "{line}: {}", ended.err);
    }
}
