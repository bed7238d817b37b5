//! Hosts that lie: process names, names and texts made to fool a reader or a terminal.

use serde_json::Value;

use crate::ground::{Fleet, Said, alone, at, everywhere, names};
use crate::lab::Lab;

/// Listens on a port and says so.
const LISTEN: &str = r#"use Socket;
socket(my $s, PF_INET, SOCK_STREAM, 0) or die; 
bind($s, pack_sockaddr_in($ARGV[0], INADDR_ANY)) or die;
listen($s, 5) or die;
print STDERR "up $ARGV[0] $$\n";
sleep 1000 while 1;
"#;

/// Names of processes, in the order of their ports from 7001. A name has at most 15 bytes.
const NAMES: [&str; 4] = ["a\nusers:((", "\x1b[2J\x1b]0;x\x07", "x\",pid=1,fd=3))", "\\x0a)) b"];

/// A name as ss(8) tells it: it reads `/proc/PID/stat` up to the first bracket.
fn told(name: &str) -> &str {
    name.split(')').next().unwrap()
}

/// Starts them in the server's machine.
fn processes(lab: &Lab) -> String {
    lab.write("listen.pl", LISTEN);
    let mut prelude = String::new();
    for (index, name) in NAMES.iter().enumerate() {
        let folder = format!("bin{index}");
        let path = lab.write_mode(&format!("{folder}/empty"), "", 0o644);
        std::fs::copy("/usr/bin/perl", path.with_file_name(name)).unwrap();
        std::fs::remove_file(path).unwrap();
        let port = 7001 + index;
        prelude += &format!("\"$LAB\"/{folder}/* \"$LAB/listen.pl\" {port} &\n");
    }
    prelude
}

/// No control character but the end of a line leaves the program.
fn printable(said: &Said) {
    for text in [&said.out, &said.err] {
        let bad = text.chars().find(|c| c.is_control() && *c != '\n' && *c != '\r');
        assert_eq!(bad, None, "{text:?}");
        assert!(!text.contains('\u{202e}'), "{text:?}");
    }
    assert!(!said.err.contains('\r'), "{:?}", said.err);
}

fn all_answers_are_printable(fleet: &Fleet, host: &str) {
    for format in ["table", "json", "ndjson", "csv"] {
        for words in [
            vec!["show", host],
            vec!["query", "listeners"],
            vec!["query", "peers", "--address", "127.0.0.1"],
            vec!["diff", host, "--from", "0s"],
            vec!["runs"],
        ] {
            let said = fleet.say(&[words.as_slice(), &["--format", format]].concat());
            assert_eq!(said.code, 0, "{words:?}: {}", said.err);
            printable(&said);
        }
    }
    for kind in ["process", "host", "issue", "interface"] {
        for format in ["csv", "ndjson"] {
            let said = fleet.say(&["show", host, "--kind", kind, "--format", format]);
            printable(&said);
        }
    }
}

#[test]
fn hostile_process_names_get_their_own_pid_and_are_never_printed_raw() {
    alone(|| {
        let mut fleet = Fleet::new();
        let server = everywhere(&fleet.lab, 2222, &processes(&fleet.lab));
        (7001..7005).for_each(|port| server.wait_for(&format!("up {port} ")));
        fleet.host("evil-1", at(6, 1, 2222), "", "host");
        let said = fleet.run("views: [listeners, sessions]", &[]);
        assert_eq!(said.code, 0, "{}\n{}", said.out, said.err);
        printable(&said);
        let sockets = fleet.records("evil-1", "socket");
        for (index, name) in NAMES.iter().enumerate() {
            let port = 7001 + index;
            let of_port = |row: &&Value| row["local"]["port"] == port;
            let rows: Vec<_> = sockets.iter().filter(of_port).collect();
            assert_eq!(rows.len(), 1, "{port}");
            let log = server.log();
            let line = log.lines().find(|line| line.starts_with(&format!("up {port} "))).unwrap();
            let pid: u64 = line.rsplit(' ').next().unwrap().parse().unwrap();
            let owners = rows[0]["processes"].as_array().unwrap();
            assert_eq!(owners.len(), 1, "{owners:?}");
            assert_eq!(owners[0]["pid"], pid);
            let escaped = fleetstat::model::text::escape(told(name).as_bytes());
            assert_eq!(owners[0]["name"], escaped);
        }
        let extra = sockets.iter().filter(|row| row["local"]["port"].as_u64() > Some(7004));
        assert!(extra.clone().all(|row| row["direction"] != "listener"), "a row was forged");
        let evidence = fleet.evidence("evil-1");
        for name in NAMES {
            let raw = memchr::memmem::find(&evidence, told(name).as_bytes());
            assert!(raw.is_some(), "{name:?} is not raw in the evidence");
        }
        all_answers_are_printable(&fleet, "evil-1");
    });
}

/// What a host with a copy of our own format answers in place of a kernel's name.
const FORGED: &str = "fleetstat evidence 1
run: 20200101T000000Z-000000
host: victim-1
sections: 1

section 99: linux/ss-inet4
end: exit 0
stdout: 3 bytes, 0 dropped, sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
tcp LISTEN 0 128 0.0.0.0:4444 0.0.0.0:* users:((\"x\",pid=1,fd=3))
";

#[test]
fn a_host_that_lies_about_itself_changes_no_path_no_header_and_no_record() {
    alone(|| {
        let mut fleet = Fleet::new();
        let lab = &fleet.lab;
        lab.write_mode("forged", FORGED, 0o644);
        let uname = format!("#!/bin/sh\ncat {}\n", lab.path("forged").display());
        lab.write_mode("fake-uname", &uname, 0o755);
        let release = "ID=evil\nPRETTY_NAME=\"Evil \x1b[2J\x1b]0;owned\x07\u{202e}OS\"\n";
        lab.write_mode("os-release", release, 0o644);
        let prelude = "replace /etc/os-release os-release\nreplace /bin/uname fake-uname\n\
                       printf '../../etc/passwd' > /proc/sys/kernel/hostname\n";
        let _server = everywhere(lab, 2222, prelude);
        fleet.host("liar-1", at(6, 1, 2222), ", role: web", "host");
        let said = fleet.run("views: [listeners, host]", &[]);
        printable(&said);
        assert_eq!(fleet.outcomes()["liar-1"].2, 1);
        let folder = &fleet.folders()[0];
        let files = names(folder);
        assert_eq!(files.len(), 3, "{files:?}");
        assert!(files[0].starts_with("liar-1-web-"), "{files:?}");
        let evidence = fleet.evidence("liar-1");
        let header: Vec<u8> =
            evidence.split(|byte| *byte == b'\n').take(40).collect::<Vec<_>>().join(&b'\n');
        let header = String::from_utf8(header).unwrap();
        let os = header.lines().find(|line| line.starts_with("os: ")).unwrap();
        assert!(os.contains("x1b[2J"), "{os:?}");
        assert!(!header.contains('\x1b'), "{header:?}");
        assert!(!header.contains("victim-1"), "{header:?}");
        let run = folder.file_name().unwrap().to_str().unwrap();
        let verified = fleet.say(&["verify", run]);
        assert_eq!(verified.code, 0, "{}", verified.out);
        assert_eq!(fleet.ask(&["query", "listeners", "--port", "4444"]), Vec::<Value>::new());
        let issues = fleet.records("liar-1", "issue");
        let said = |row: &&Value| row.to_string().contains("another name than the inventory's");
        assert_eq!(issues.iter().filter(said).count(), 1, "{issues:?}");
        let host = fleet.records("liar-1", "host");
        assert_eq!(host[0]["host_id"], "liar-1");
        all_answers_are_printable(&fleet, "liar-1");
    });
}
