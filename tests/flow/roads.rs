//! Hosts behind a jump host, from the inventory to the record; and old algorithms, which every run
//! tells of.

use crate::ground::{Fleet, alone, at, came, everywhere};
use crate::lab;

const HOST: &str = "views: [host]";

/// `bastion`, and `inner` and `deep` behind it.
fn fleet() -> (Fleet, lab::Server) {
    let mut fleet = Fleet::new();
    let server = everywhere(&fleet.lab, 2222, "");
    fleet.host("bastion", at(5, 1, 2222), "", "host");
    fleet.host("inner", at(5, 2, 2222), ", jump: bastion", "host");
    fleet.host("deep", at(5, 3, 2222), ", jump: inner, segment: cde", "host");
    (fleet, server)
}

#[test]
fn the_road_stands_in_plan_page_and_record() {
    alone(|| {
        let (fleet, server) = fleet();
        let mut words = fleet.run_words(HOST, &[]);
        words[0] = "plan".to_owned();
        let plan = fleet.say(&words.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(plan.out.contains(", via bastion > inner"), "{}{}", plan.out, plan.err);
        let key = fleet.lab.path("user").display().to_string();
        let jump = |name: &str, address: &str| {
            format!("\n  {name}: ssh root@{address}:2222, account root, key {key}")
        };
        let jumps = format!(
            "\nJump hosts:{}{}\n",
            jump("bastion", "127.0.5.1"),
            jump("inner", "127.0.5.2")
        );
        assert!(plan.out.contains(&jumps), "{}", plan.out);
        assert!(!server.log().contains("Connection from"), "{}", server.log());
        let said = fleet.run(HOST, &[]);
        assert_eq!(said.code, 0, "{}\n{}", said.out, said.err);
        let all = fleet.outcomes();
        assert!(all.values().all(|one| *one == came("complete", &[], 1)), "{all:?}");
        let page = fleet.say(&["show", "deep"]).out;
        let via = page.lines().find(|line| line.trim_start().starts_with("via ")).unwrap();
        assert!(via.contains("bastion (") && via.contains(" > inner ("), "{via}");
        let record = &fleet.records("deep", "host")[0]["connection"];
        assert_eq!(record["jumps"][0]["name"], "bastion");
        assert_eq!(record["jumps"][1]["address"], "127.0.5.2");
        assert_eq!(record["jumps"][1]["strict_kex"], true);
        assert_eq!(record["strict_kex"], true);
        assert_eq!(record["post_quantum"], false);
        assert_eq!(record["legacy"]["algorithms"], serde_json::json!([]));
        // Three hosts and one session of each jump host.
        let logins = server.log().matches("Accepted publickey").count();
        assert_eq!(logins, 5, "{}", server.log());
    });
}

#[test]
fn an_ansible_inventory_goes_through_its_own_bastion() {
    alone(|| {
        let (fleet, server) = fleet();
        let key = fleet.lab.path("user").display().to_string();
        let text = format!(
            "[gate]\nbastion ansible_host=127.0.5.1\n[app]\ninner ansible_host=127.0.5.2\n\
             deep ansible_host=127.0.5.3 ansible_ssh_common_args='-J root@127.0.5.1:2222,127.0.5.2:2222'\n\
             [app:vars]\nansible_ssh_common_args='-o ProxyJump=root@127.0.5.1:2222'\n\
             [all:vars]\nansible_user=root\nansible_port=2222\nansible_ssh_private_key_file={key}\n"
        );
        let hosts = fleet.lab.write("hosts", &text);
        // The second hop names no user and no key: ours says what it is.
        let ours = format!(
            "accounts:\n  hop: {{user: root, identity: {key}}}\njumps:\n  127.0.5.2: \
             {{address: 127.0.5.2, port: 2222, account: hop, jump: bastion}}\n"
        );
        let ours = fleet.lab.write("ours.yaml", &ours);
        let mut words = fleet.run_words(HOST, &[]);
        words[3] = hosts.display().to_string();
        words.extend(["-i".to_owned(), ours.display().to_string()]);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let said = fleet.say(&words);
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{}", said.out);
        let all = fleet.outcomes();
        assert_eq!(all.len(), 3);
        assert!(all.values().all(|one| *one == came("complete", &[], 1)), "{all:?}");
        let jumps = |host: &str| {
            let jumps = fleet.records(host, "host")[0]["connection"]["jumps"].clone();
            let name = |jump: &serde_json::Value| jump["name"].as_str().unwrap().to_owned();
            jumps.as_array().unwrap().iter().map(name).collect::<Vec<_>>()
        };
        assert_eq!(jumps("bastion"), [""; 0]);
        assert_eq!(jumps("inner"), ["bastion"]);
        assert_eq!(jumps("deep"), ["bastion", "127.0.5.2"]);
        assert_eq!(server.log().matches("Accepted publickey").count(), 5, "{}", server.log());
    });
}

#[test]
fn a_jump_host_that_is_not_trusted_keeps_what_is_behind_it_from_being_visited() {
    alone(|| {
        let (mut fleet, _server) = fleet();
        fleet.forget();
        fleet.trust(at(5, 2, 2222), "host");
        fleet.trust(at(5, 3, 2222), "host");
        let said = fleet.run(HOST, &[]);
        assert_ne!(said.code, 0);
        let unknown = came("failed", &["host_key_unknown"], 0);
        assert!(fleet.outcomes().values().all(|one| *one == unknown), "{:?}", fleet.outcomes());
        let detail = &fleet.details("deep")[0];
        assert!(
            detail.starts_with("via bastion: host_key_unknown: `[127.0.5.1]:2222`"),
            "{detail}"
        );
    });
}

#[test]
fn enrolment_goes_the_road_host_by_host() {
    alone(|| {
        let (mut fleet, server) = fleet();
        fleet.forget();
        let key = std::process::Command::new("ssh-keygen")
            .arg("-lf")
            .arg(fleet.lab.path("host.pub"))
            .output()
            .unwrap();
        let key = String::from_utf8(key.stdout).unwrap();
        let key = key.split(' ').nth(1).unwrap();
        let list = format!("bastion,{key}\ninner,{key}\ndeep,{key}\n");
        let list = fleet.lab.write("list.csv", &list);
        let (file, hosts) = (fleet.lab.path("enrolled"), fleet.lab.path("fleet.yaml"));
        let words = ["enroll", "-i", hosts.to_str().unwrap(), "--fingerprints"];
        let words = [&words[..], &[list.to_str().unwrap(), "--known-hosts"]].concat();
        let said = fleet.say(&[&words[..], &[file.to_str().unwrap()]].concat());
        assert_eq!(said.code, 0, "{}\n{}", said.out, said.err);
        assert!(said.out.contains("3 trusted, 0 already known, 0 left, 0 not reached"), "{said:?}");
        // Nobody logged in to the last one.
        let accepted = server.log().matches("Accepted publickey").count();
        assert!(accepted <= 3, "{}", server.log());
    });
}

#[test]
fn old_algorithms_in_use_are_told_by_every_run_and_refused_after_their_end() {
    alone(|| {
        let mut fleet = Fleet::new();
        let lines = ["Ciphers aes128-ctr", "MACs hmac-sha1"];
        let _old = lab::sshd_of(&fleet.lab, at(7, 1, 2223), "", &lines);
        let legacy = |until: &str| {
            format!(", legacy: {{algorithms: [hmac-sha1], reason: NET-812, expires: {until}}}")
        };
        fleet.host("sw-1", at(7, 1, 2223), &legacy("2999-12-31"), "host");
        let said = fleet.run(HOST, &[]);
        assert_eq!(said.code, 0, "{}\n{}", said.out, said.err);
        let expected = "1 host: sw-1: hmac-sha1 until 2999-12-31 (NET-812)";
        assert!(said.out.contains(expected), "{}", said.out);
        let record = &fleet.records("sw-1", "host")[0]["connection"]["legacy"];
        let expected = serde_json::json!({
            "algorithms": ["hmac-sha1"], "reason": "NET-812", "expires": "2999-12-31"
        });
        assert_eq!(*record, expected);
        fleet.host("sw-2", at(7, 1, 2223), &legacy("2020-12-31"), "host");
        let said = fleet.run(HOST, &["-l", "sw-2"]);
        assert!(said.err.contains("sw-2: old algorithms have ended"), "{}", said.err);
        assert_eq!(fleet.outcomes()["sw-2"], came("failed", &["policy"], 0));
    });
}
