//! Nights that follow each other: what opened, what closed, who talked, and how it was before.

use std::net::{TcpListener, TcpStream};

use serde_json::Value;

use crate::ground::{Fleet, alone, at, everywhere};

const VIEWS: &str = "views: [listeners, sessions]";

/// When a run began, as the store knows it.
fn ended(fleet: &Fleet) -> String {
    fleet.ask(&["runs"])[0]["ended"].as_str().unwrap().to_owned()
}

fn ports(rows: &[Value]) -> Vec<(u64, bool)> {
    let port = |row: &Value| (row["local"]["port"].as_u64().unwrap(), row["open"] == true);
    rows.iter().map(port).collect()
}

#[test]
fn a_listener_that_came_and_one_that_went_are_told_and_the_past_stays() {
    alone(|| {
        let mut fleet = Fleet::new();
        let server = everywhere(&fleet.lab, 2222, "");
        fleet.host("web-1", at(10, 1, server.port()), "", "host");
        let run = || {
            let said = fleet.run(VIEWS, &[]);
            assert_eq!(said.code, 0, "{}", said.err);
            ended(&fleet)
        };
        let old = TcpListener::bind(at(0, 1, 7001)).unwrap();
        let first = run();
        drop(old);
        let new = TcpListener::bind(at(0, 1, 7002)).unwrap();
        let peer = TcpStream::connect(at(0, 1, 7002)).unwrap();
        let accepted = new.accept().unwrap();
        let second = run();
        let changes = fleet.ask(&["diff", "web-1", "--from", &first, "--to", &second]);
        let of = |kind: &str| -> Vec<_> {
            let rows = changes.iter().filter(|row| row["change"] == kind);
            rows.map(|row| (row["port"].clone(), row["address"].clone())).collect()
        };
        let loopback = Value::from("127.0.0.1");
        assert_eq!(of("listener_gone"), [(Value::from(7001), loopback.clone())]);
        assert_eq!(of("listener_new"), [(Value::from(7002), loopback)]);
        assert_eq!(of("incomparable"), []);
        assert_eq!(
            fleet.ask(&["diff", "web-1", "--from", &second, "--to", &second]),
            [] as [Value; 0]
        );

        let seven = ["query", "listeners", "--address", "127.0.0.1"];
        assert_eq!(ports(&fleet.ask(&seven)), [(7002, true)]);
        let gone = [seven.as_slice(), &["--gone"]].concat();
        assert_eq!(ports(&fleet.ask(&gone)), [(7001, false), (7002, true)]);
        let then = [seven.as_slice(), &["--at", &first]].concat();
        assert_eq!(ports(&fleet.ask(&then)), [(7001, true)]);
        let shown = |at: &str| {
            let mut rows = fleet.ask(&["show", "web-1", "--kind", "socket", "--at", at]);
            rows.retain(|row| row["direction"] == "listener");
            rows.iter().map(|row| row["local"]["port"].as_u64().unwrap()).collect::<Vec<_>>()
        };
        assert!(shown(&first).contains(&7001) && !shown(&first).contains(&7002));
        assert!(shown(&second).contains(&7002) && !shown(&second).contains(&7001));
        drop((peer, accepted));
    });
}

#[test]
fn a_session_is_found_by_the_address_of_its_partner() {
    alone(|| {
        let mut fleet = Fleet::new();
        let server = everywhere(&fleet.lab, 2222, "");
        fleet.host("web-1", at(10, 1, server.port()), "", "host");
        let made = std::process::Command::new("ip")
            .args(["addr", "add", "192.0.2.1/24", "dev", "lo"])
            .status()
            .unwrap();
        assert!(made.success());
        let listener = TcpListener::bind("192.0.2.77:4444").unwrap();
        let session = TcpStream::connect("192.0.2.77:4444").unwrap();
        let accepted = listener.accept().unwrap();
        let said = fleet.run(VIEWS, &[]);
        assert_eq!(said.code, 0, "{}", said.err);
        let peers = fleet.ask(&["query", "peers", "--address", "192.0.2.77", "--since", "1h"]);
        assert_eq!(peers.len(), 1, "{peers:?}");
        assert_eq!(peers[0]["host_id"], "web-1");
        assert_eq!(peers[0]["direction"], "outbound");
        assert!(peers[0].to_string().contains("4444"), "{peers:?}");
        let none = fleet.ask(&["query", "peers", "--address", "192.0.2.78", "--since", "1h"]);
        assert_eq!(none, [] as [Value; 0]);
        drop((session, accepted));
    });
}
