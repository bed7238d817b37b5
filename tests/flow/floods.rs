//! Output without end, and output that ends in the middle.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::ground::{Fleet, alone, at, came, everywhere, finish};

#[test]
fn endless_output_is_cut_and_costs_neither_memory_nor_the_other_hosts() {
    alone(|| {
        let mut fleet = Fleet::new();
        fleet.lab.write_mode("yes", "#!/bin/sh\nexec yes\n", 0o755);
        let _servers = [
            everywhere(&fleet.lab, 2222, ""),
            everywhere(&fleet.lab, 2223, "replace /usr/bin/ss yes"),
        ];
        fleet.host("flood-1", at(7, 1, 2223), "", "host");
        (2..=6).for_each(|n| fleet.host(&format!("fine-{n}"), at(7, n, 2222), "", "host"));
        let playbook = "views: [listeners]\nlimits: {output_bytes: 16MiB}";
        let (said, peak) = finish(fleet.start(playbook, &[]));
        println!("two endless outputs cut at 16 MiB: peak {peak} KiB");
        assert_eq!(said.code, 0, "{}\n{}", said.out, said.err);
        let mut expected: BTreeMap<_, _> =
            (2..=6).map(|n| (format!("fine-{n}"), came("complete", &[], 1))).collect();
        let outcomes = fleet.outcomes();
        // The kernel's own tables say in less what `ss` says in too much.
        expected.insert("flood-1".to_owned(), came("complete", &[], 1));
        let why = "linux/ss-inet4: its output was over the cap, so its fallback was asked";
        assert!(said.out.contains(why), "{}", said.out);
        assert_eq!(outcomes, expected);
        let rows = fleet.records("flood-1", "socket");
        assert!(rows.iter().any(|row| row["local"]["port"] == 2223), "{rows:?}");
        // The first is cut at the cap, the second at half of what is left of the host's share.
        let kept = fleet.evidence("flood-1").len();
        assert!((24 << 20..25 << 20).contains(&kept), "{kept} bytes");
        assert!(peak > 0 && peak < 200 << 10, "{peak} KiB");
    });
}

/// `ss` pads every row to the width of the widest, and anyone can make one row 64 KiB wide.
#[test]
fn who_holds_one_socket_often_hides_none() {
    alone(|| {
        let mut fleet = Fleet::new();
        // It goes on in the background, and ends with the server.
        let hold = r"
import os, resource, signal, socket
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
one = socket.create_server(('127.0.0.1', 18098))
two = socket.create_server(('127.0.0.1', 18099))
for _ in range(2300): os.dup(one.fileno())
if os.fork(): os._exit(0)
os.close(0); os.close(1); os.close(2)
open('/proc/self/comm', 'w').write('fifteen_bytes_a')
signal.pause()
";
        let hold = fleet.lab.write("hold.py", hold);
        let prelude = format!("/usr/bin/python3 {} </dev/null >/dev/null", hold.display());
        let _server = everywhere(&fleet.lab, 2222, &prelude);
        fleet.host("wide-1", at(7, 1, 2222), "", "host");
        // All of `ss`, half of its rows, and none.
        for (cap, code) in [("64MiB", 20), ("250KiB", 20), ("128KiB", 0)] {
            let playbook = format!("views: [listeners]\nlimits: {{output_bytes: {cap}}}");
            let said = fleet.run(&playbook, &[]);
            assert_eq!(said.code, code, "{}\n{}", said.out, said.err);
            let rows = fleet.records("wide-1", "socket");
            for (port, name) in
                [(2222, "sshd"), (18098, "fifteen_bytes_a"), (18099, "fifteen_bytes_a")]
            {
                let found: Vec<&Value> = rows
                    .iter()
                    .filter(|row| row["local"]["port"] == port && row["network"]["type"] == "ipv4")
                    .filter(|row| row["network"]["connection"]["state"] == "listen")
                    .collect();
                let [row] = found.as_slice() else { panic!("{cap} {port}: {found:?}") };
                assert_eq!(row["processes"][0]["name"], name, "{cap} {port}");
                let cut = cap == "64MiB" && port == 18098;
                assert_eq!(row["socket"]["inode"].is_null(), cut, "{cap} {port}");
            }
        }
    });
}

#[test]
fn an_output_that_ends_in_the_middle_of_a_line_claims_no_more_than_it_shows() {
    alone(|| {
        let mut fleet = Fleet::new();
        std::fs::copy("/usr/bin/ss", fleet.lab.path("real-ss")).unwrap();
        let real = fleet.lab.path("real-ss");
        // Only the last line is cut, and the command still says that all is well.
        let script = format!("#!/bin/sh\n{} \"$@\" | head -c -45\n", real.display());
        fleet.lab.write_mode("cut-ss", &script, 0o755);
        let _server = everywhere(&fleet.lab, 2222, "replace /usr/bin/ss cut-ss");
        fleet.host("cut-1", at(7, 1, 2222), "", "host");
        let said = fleet.run("views: [listeners]", &[]);
        let (outcome, _, files) = fleet.outcomes()["cut-1"].clone();
        assert_eq!((outcome.as_str(), files), ("partial", 1), "{}", said.out);
        let issues = fleet.records("cut-1", "issue");
        // Where the cut falls depends on the length of the row: its fields, or only its end.
        let cut = |row: &Value| {
            row["code"] == "unterminated"
                || (row["severity"] == "unparsed" && row["probes"][0] == "linux/ss-inet4")
        };
        assert!(issues.iter().any(cut), "{issues:?}");
    });
}

#[test]
fn a_flood_of_good_rows_stays_within_bounds_and_is_said_to_be_cut() {
    alone(|| {
        let mut fleet = Fleet::new();
        let script = r#"#!/usr/bin/perl
print "Netid State Recv-Q Send-Q Local Address:Port Peer Address:Port Process\n";
for (my $n = 0; ; $n++) {
    printf "tcp ESTAB 0 0 10.%d.%d.%d:%d 192.0.2.1:443 users:((\"x\",pid=%d,fd=3)) ino:%d sk:%x\n",
        $n >> 16 & 255, $n >> 8 & 255, $n & 255, 1024 + $n % 60000, $n % 30000 + 1, $n, $n;
}
"#;
        fleet.lab.write_mode("flood", script, 0o755);
        let _server = everywhere(&fleet.lab, 2222, "replace /usr/bin/ss flood");
        fleet.host("flood-1", at(7, 1, 2222), "", "host");
        let playbook = "views: [sessions]\nlimits: {output_bytes: 4MiB}";
        let (said, peak) = finish(fleet.start(playbook, &[]));
        let rows = fleet.records("flood-1", "socket").len();
        println!("{rows} sockets from two outputs cut at 4 MiB: peak {peak} KiB");
        assert_eq!(said.code, 20, "{}\n{}", said.out, said.err);
        let (outcome, faults, files) = fleet.outcomes()["flood-1"].clone();
        assert_eq!((outcome.as_str(), files), ("partial", 1));
        assert!(!faults.is_empty() && faults.iter().all(|fault| fault == "truncated"));
        assert!(rows > 40_000, "{rows}");
        assert!(peak > 0 && peak < 200 << 10, "{peak} KiB");
    });
}

#[test]
fn a_command_that_hangs_is_given_up_and_nothing_takes_its_place() {
    alone(|| {
        let mut fleet = Fleet::new();
        fleet.lab.write_mode("hang", "#!/bin/sh\nexec sleep 1000\n", 0o755);
        let _server = everywhere(&fleet.lab, 2222, "replace /usr/bin/id hang");
        fleet.host("hung-1", at(7, 1, 2222), "", "host");
        let playbook =
            "views: [listeners, host]\ndeadlines: {first_byte: 1s, idle: 2s, command: 10s}";
        let said = fleet.run(playbook, &[]);
        assert_eq!(said.code, 20, "{}\n{}", said.out, said.err);
        let (outcome, faults, files) = fleet.outcomes()["hung-1"].clone();
        assert_eq!((outcome.as_str(), files), ("partial", 1));
        assert!(!faults.is_empty() && faults.iter().all(|fault| fault == "first_byte_timeout"));
        let evidence = String::from_utf8(fleet.evidence("hung-1")).unwrap();
        assert!(!evidence.contains("\nfallback_of: {"), "{evidence}");
        // What was asked after it was answered.
        assert!(fleet.records("hung-1", "host")[0]["hostname"].is_string());
        // The signal of the controller may reach the login shell alone: timeout(1) ends the command,
        // five seconds before the deadline that the playbook gives it.
        crate::ground::until("the end of the command on the host", || {
            let found = std::process::Command::new("pgrep").args(["-f", "^sleep 1000"]).status();
            (found.unwrap().code() == Some(1)).then_some(())
        });
    });
}
