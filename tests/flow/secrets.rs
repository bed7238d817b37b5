//! Passphrases and passwords appear nowhere: not on the terminal, not in the log at its loudest,
//! not in evidence, not in the store; neither when all goes well nor when it does not.

use std::path::Path;
use std::process::Command;

use crate::ground::{Fleet, Said, alone, at, came, everywhere};
use crate::lab::READER;

/// Opens the key file.
const PASSPHRASE: &str = "canary/passphrase?7Kq!x2";
/// The reader's password.
const PASSWORD: &str = "canary/password?9Wd!m4";
/// No password of anybody.
const WRONG: &str = "canary/wrong?3Rt!p8";
/// Stands in an inventory, where it must not.
const LEAKED: &str = "canary/leaked?5Yh!s6";

const CANARIES: &[&str] = &[PASSPHRASE, PASSWORD, WRONG, LEAKED];

/// The password's hash, as `/etc/shadow` has it.
fn hashed(password: &str) -> String {
    let script = r"print crypt($ARGV[0], '$6$fleetstat$')";
    let output = Command::new("perl").args(["-e", script, password]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The forms in which a secret could be written: as it is, in hexadecimal, percent-encoded, with
/// JSON's escapes, in base64 at each of the three places where it can begin.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let bytes = secret.as_bytes();
    let hex = |byte: &u8| format!("{byte:02x}");
    let lower: String = bytes.iter().map(hex).collect();
    let listed: Vec<String> = bytes.iter().map(u8::to_string).collect();
    let percent: String = bytes
        .iter()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(*byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        })
        .collect();
    let mut forms = vec![
        secret.to_owned(),
        lower.to_uppercase(),
        lower,
        percent.to_lowercase(),
        percent,
        secret.replace('/', "\\/"),
        listed.join(", "),
        secret.chars().rev().collect(),
    ];
    forms.extend((0..3).map(|shift| base64_middle(bytes, shift)));
    forms.into_iter().map(String::into_bytes).collect()
}

/// The base64 text of a secret behind `shift` other bytes, without the characters at both ends that
/// depend on what is around it.
fn base64_middle(bytes: &[u8], shift: usize) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits: Vec<bool> =
        bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1)).collect();
    let skip = [0, 4, 2][shift];
    let whole = bits[skip..].chunks_exact(6);
    whole
        .map(|six| char::from(LETTERS[six.iter().fold(0, |n, bit| n << 1 | usize::from(*bit))]))
        .collect()
}

/// Where the text of `bytes` holds a canary.
fn hits(what: &str, bytes: &[u8], found: &mut Vec<String>) {
    for canary in CANARIES {
        for form in forms(canary) {
            if bytes.windows(form.len()).any(|window| window == form) {
                found.push(format!("{what}: {canary} as {}", String::from_utf8_lossy(&form)));
            }
        }
    }
}

/// Looks through every file below a folder; how many there were.
fn search(folder: &Path, found: &mut Vec<String>) -> usize {
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files += search(&path, found);
        } else {
            files += 1;
            hits(&path.display().to_string(), path.file_name().unwrap().as_encoded_bytes(), found);
            hits(&path.display().to_string(), &std::fs::read(&path).unwrap(), found);
        }
    }
    files
}

fn heard(words: &[&str], said: &Said, found: &mut Vec<String>) {
    hits(&words.join(" "), said.out.as_bytes(), found);
    hits(&words.join(" "), said.err.as_bytes(), found);
}

#[test]
fn every_form_of_a_secret_would_be_found() {
    for (what, text) in [
        ("raw", format!("x{PASSWORD}y")),
        ("base64 at 0", "Y2FuYXJ5L3Bhc3N3b3JkPzlXZCFtNA==".to_owned()),
        ("base64 at 1", "LmNhbmFyeS9wYXNzd29yZD85V2QhbTQ=".to_owned()),
        ("base64 at 2", "Li5jYW5hcnkvcGFzc3dvcmQ/OVdkIW00".to_owned()),
        ("percent", "canary%2Fpassword%3F9Wd%21m4".to_owned()),
        ("hex", "63616e6172792f70617373776f72643f395764216d34".to_owned()),
    ] {
        let mut found = Vec::new();
        hits(what, text.as_bytes(), &mut found);
        assert!(!found.is_empty(), "{what}");
    }
}

fn fleet() -> Fleet {
    let mut fleet = Fleet::new();
    let lab = &fleet.lab;
    let locked = lab.keygen("locked", &["-N", PASSPHRASE]);
    lab.authorize("locked", "");
    let passphrase = lab.write("passphrase", &format!("{PASSPHRASE}\n"));
    let password = lab.write("password", &format!("{PASSWORD}\n"));
    let wrong = lab.write("wrong", &format!("{WRONG}\n"));
    let script = lab.write_mode("secret", "#!/bin/sh\n/bin/cat \"$1\"\n", 0o700);
    let loud = lab.write_mode("loud", "#!/bin/sh\n/bin/cat \"$1\"; exit 3\n", 0o700);
    let (locked, script, loud) = (locked.display(), script.display(), loud.display());
    let (passphrase, password, wrong) = (passphrase.display(), password.display(), wrong.display());
    let accounts = [
        ("locked", format!("user: root, identity: {locked}, passphrase: {{file: {passphrase}}}")),
        ("bad-lock", format!("user: root, identity: {locked}, passphrase: {{file: {wrong}}}")),
        ("filed", format!("user: {READER}, password: {{file: {password}}}")),
        ("told", format!("user: {READER}, password: {{command: [{script}, {password}]}}")),
        ("failing", format!("user: {READER}, password: {{command: [{loud}, {password}]}}")),
        ("mistyped", format!("user: {READER}, password: {{file: {wrong}}}")),
    ];
    for (name, text) in accounts {
        fleet.account(name, &text);
    }
    for (number, name) in
        ["locked", "bad-lock", "filed", "told", "failing", "mistyped"].into_iter().enumerate()
    {
        let last = u8::try_from(number).unwrap() + 1;
        let account = format!(", account: {name}");
        fleet.host(&format!("{name}-1"), at(14, last, 2222), &account, "host");
        fleet.host(&format!("{name}-2"), at(14, last + 100, 2222), &account, "host");
    }
    fleet
}

const PAM: &str = "auth required pam_unix.so nodelay\naccount required pam_unix.so\n\
                   session required pam_permit.so\n";

#[test]
fn secrets_appear_nowhere_whatever_happens() {
    alone(|| {
        let fleet = fleet();
        let hash = hashed(PASSWORD);
        let shadow = format!("root:*:19000:0:99999:7:::\n{READER}:{hash}:19000:0:99999:7:::\n");
        fleet.lab.write("shadow", &shadow);
        fleet.lab.write_mode("pam_sshd", PAM, 0o644);
        let address = std::net::SocketAddr::from((std::net::Ipv4Addr::UNSPECIFIED, 2222));
        let lines = ["UsePAM yes", "KbdInteractiveAuthentication yes"];
        let prelude = "replace /etc/pam.d/sshd pam_sshd";
        let server = crate::lab::sshd_of(&fleet.lab, address, prelude, &lines);
        let mut found = Vec::new();
        let words = fleet.run_words("views: [listeners, host]", &["-vvv"]);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let said = fleet.say(&words);
        heard(&words, &said, &mut found);
        let outcomes = fleet.outcomes();
        for name in ["locked", "filed", "told"] {
            let host = &outcomes[&format!("{name}-1")];
            assert_eq!(host, &came("complete", &[], 1), "{name}\n{}", said.err);
        }
        for (name, kind) in [("bad-lock", "config"), ("failing", "config")] {
            assert_eq!(outcomes[&format!("{name}-1")], came("failed", &[kind], 0), "{name}");
        }
        let mut mistyped: Vec<_> =
            ["mistyped-1", "mistyped-2"].map(|name| outcomes[name].1.clone()).into();
        mistyped.sort();
        let mut fates = ["mistyped-1", "mistyped-2"].map(|name| outcomes[name].0.as_str());
        fates.sort_unstable();
        assert_eq!(fates, ["failed", "skipped"]);
        assert_eq!(mistyped, [["auth_refused"], ["skipped"]]);
        // Without its server, and with one that is not trusted.
        drop(server);
        heard(&words, &fleet.say(&words), &mut found);
        let _other = everywhere(&fleet.lab, 2222, "");
        let mut distrusting = fleet;
        distrusting.forget();
        heard(&words, &distrusting.say(&words), &mut found);
        for words in [
            &["hosts", "-vvv"][..],
            &["runs", "-vvv"],
            &["show", "locked-1", "-vvv"],
            &["show", "locked-1", "--format", "ndjson"],
            &["query", "listeners", "-vvv"],
            &["enroll", "-vvv"],
            &["rebuild", "-vvv"],
            &["plan", "night.yaml", "-vvv"],
        ] {
            let inventory = distrusting.lab.path("fleet.yaml");
            let mut words = words.to_vec();
            words.extend(["-i", inventory.to_str().unwrap()]);
            heard(&words, &distrusting.say(&words), &mut found);
        }
        let leaky = format!(
            "accounts:\n  a: {{user: a, password: {LEAKED}}}\n  b: {{user: b, identity: k, \
             passphrase: {LEAKED}}}\n  c: {{user: c, password: [{LEAKED}]}}\nall: {{account: a}}\n\
             hosts: {{h: }}\n"
        );
        let leaky = distrusting.lab.write("leaky.yaml", &leaky);
        for words in [["hosts", "-vvv"], ["hosts", "-q"]] {
            let mut words = words.to_vec();
            words.extend(["-i", leaky.to_str().unwrap()]);
            let said = distrusting.say(&words);
            assert_eq!(said.code, 30, "{}", said.err);
            heard(&words, &said, &mut found);
        }
        let files = search(&distrusting.data(), &mut found);
        assert!(files > 6, "{files}");
        assert_eq!(found, Vec::<String>::new());
    });
}

/// Runs the words after its own on a pseudo-terminal, types a line when the terminal shows what it
/// waits for, and writes every byte that the terminal got. `sys.argv`: what to wait for, what to
/// type, then the command.
const TYPIST: &str = r#"
import os, pty, sys, termios
pid, fd = pty.fork()
if pid == 0:
    os.execvpe(sys.argv[3], sys.argv[3:], os.environ)
seen, typed = b"", 0
while True:
    try:
        part = os.read(fd, 65536)
    except OSError:
        break
    if not part:
        break
    seen += part
    if seen.count(sys.argv[1].encode()) > typed:
        typed += 1
        # The question is shown just before the echo is off; no person types that fast.
        while termios.tcgetattr(fd)[3] & termios.ECHO:
            pass
        os.write(fd, sys.argv[2].encode() + b"\n")
sys.stdout.buffer.write(seen)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;

#[test]
fn a_password_is_typed_once_for_many_hosts_and_is_not_echoed() {
    alone(|| {
        let mut fleet = Fleet::new();
        fleet.account("typed", &format!("user: {READER}, password: prompt"));
        for last in 1..=5 {
            fleet.host(&format!("h-{last}"), at(15, last, 2222), ", account: typed", "host");
        }
        let hash = hashed(PASSWORD);
        let shadow = format!("root:*:19000:0:99999:7:::\n{READER}:{hash}:19000:0:99999:7:::\n");
        fleet.lab.write("shadow", &shadow);
        let address = std::net::SocketAddr::from((std::net::Ipv4Addr::UNSPECIFIED, 2222));
        let lines = ["PasswordAuthentication yes"];
        let _server = crate::lab::sshd_of(&fleet.lab, address, "", &lines);
        let words = fleet.run_words("views: [host]", &["-vvv"]);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let plain = fleet.command(&words);
        let question = format!("Password of account typed (login name {READER}): ");
        let mut typist = Command::new("/usr/bin/python3");
        typist.args(["-c", TYPIST, &question, PASSWORD]).arg(plain.get_program());
        typist.args(plain.get_args()).env_clear();
        typist.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let output = typist.output().unwrap();
        let shown = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{shown}");
        assert_eq!(shown.matches(&question).count(), 1, "{shown}");
        let all_complete = fleet.outcomes().values().all(|host| *host == came("complete", &[], 1));
        assert!(all_complete, "{:?}", fleet.outcomes());
        let mut found = Vec::new();
        hits("terminal", &output.stdout, &mut found);
        hits("typist", &output.stderr, &mut found);
        search(&fleet.data(), &mut found);
        assert_eq!(found, Vec::<String>::new());
    });
}
