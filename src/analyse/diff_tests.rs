//! Tests of the comparison: whole diffs of two snapshots that differ in one thing.

use crate::analyse::diff::{Change, ChangeKind, Diff, Incomparable, Subject, diff};
use crate::analyse::sample::{connection, cut_snapshot, listener, route, snapshot, sourced, text};
use crate::model::snapshot::{Limitation, SectionStatus, Snapshot, View};
use crate::model::socket::{Attribution, Direction, Scope, State, Transport};

/// The sample, changed.
fn after(change: impl FnOnce(&mut Snapshot)) -> Snapshot {
    let mut snapshot = snapshot();
    change(&mut snapshot);
    snapshot
}

/// The changes between the sample and the sample changed; nothing else may be told.
fn changes(change: impl FnOnce(&mut Snapshot)) -> Vec<(ChangeKind, Subject, String, String)> {
    let found = diff(&snapshot(), &after(change));
    let hidden = "the owners of 1 listeners are not visible on both sides".to_owned();
    let hidden = Incomparable { view: View::Listeners, reason: hidden };
    assert_eq!(found.incomparable, vec![hidden]);
    let side = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let row = |c: Change| (c.kind, c.subject, side(c.before), side(c.after));
    found.changes.into_iter().map(row).collect()
}

fn on_port(port: u16, address: Option<&str>) -> Subject {
    let address = address.map(|address| address.parse().unwrap());
    Subject::Listener { transport: Transport::Tcp, port: Some(port), address, namespace: None }
}

#[test]
fn the_same_snapshot_twice_has_no_changes() {
    assert_eq!(changes(|_| {}), vec![]);
}

#[test]
fn a_listener_on_a_new_port_is_new_and_the_other_way_round_gone() {
    let add = |s: &mut Snapshot| {
        let socket = listener("0.0.0.0", 4444, Scope::Wildcard, ("nc", 4321));
        s.records.sockets.push(sourced(1, socket));
    };
    let subject = on_port(4444, Some("0.0.0.0"));
    let shown = "0.0.0.0 (wildcard, nc)".to_owned();
    let expected = (ChangeKind::ListenerNew, subject.clone(), "-".to_owned(), shown.clone());
    assert_eq!(changes(add), vec![expected]);
    let gone = diff(&after(add), &snapshot()).changes;
    let expected = Change {
        view: View::Listeners,
        subject,
        kind: ChangeKind::ListenerGone,
        before: Some(shown),
        after: None,
    };
    assert_eq!(gone, vec![expected]);
}

#[test]
fn a_wider_bind_of_the_same_port_is_one_change() {
    let widen = |s: &mut Snapshot| {
        let socket = &mut s.records.sockets[1].record;
        socket.local.address = "0.0.0.0".parse().unwrap();
        socket.bind_scope = Scope::Wildcard;
    };
    let was = "127.0.0.1 (loopback, nginx of nginx.service)".to_owned();
    let is = "0.0.0.0 (wildcard, nginx of nginx.service)".to_owned();
    let expected = (ChangeKind::ListenerWidened, on_port(8080, None), was.clone(), is.clone());
    assert_eq!(changes(widen), vec![expected]);
    let back = diff(&after(widen), &snapshot()).changes;
    let expected = Change {
        view: View::Listeners,
        subject: on_port(8080, None),
        kind: ChangeKind::ListenerNarrowed,
        before: Some(is),
        after: Some(was),
    };
    assert_eq!(back, vec![expected]);
}

#[test]
fn a_restart_is_no_change_of_owner_but_another_program_is() {
    assert_eq!(changes(|s| s.records.sockets[0].record.owners[0].pid = 7), vec![]);
    let found = changes(|s| s.records.sockets[0].record.owners[0].name = text("ssh\x1bd"));
    let subject = on_port(22, Some("0.0.0.0"));
    let sides = ("sshd".to_owned(), r"ssh\x1bd".to_owned());
    assert_eq!(found, vec![(ChangeKind::ListenerOwner, subject, sides.0, sides.1)]);
}

#[test]
fn the_service_of_an_owner_counts_when_both_sides_tell_it() {
    let found = changes(|s| s.records.processes[0].record.service = Some(text("evil.service")));
    let subject = on_port(8080, Some("127.0.0.1"));
    let before = "nginx of nginx.service".to_owned();
    let after = "nginx of evil.service".to_owned();
    assert_eq!(found, vec![(ChangeKind::ListenerOwner, subject, before, after)]);
    assert_eq!(changes(|s| s.records.processes[0].record.service = None), vec![]);
}

#[test]
fn a_hidden_owner_is_not_a_changed_owner() {
    let hidden = after(|s| {
        let socket = &mut s.records.sockets[0].record;
        socket.owners.clear();
        socket.attribution = Attribution::Denied;
    });
    let reason = "the owners of 2 listeners are not visible on both sides".to_owned();
    let incomparable = vec![Incomparable { view: View::Listeners, reason }];
    assert_eq!(diff(&snapshot(), &hidden), Diff { changes: vec![], incomparable });
}

#[test]
fn an_owner_without_a_name_is_no_other_owner_and_is_told_as_such() {
    let nameless = after(|s| s.records.sockets[0].record.owners[0].name = text(""));
    let reason = "the owners of 2 listeners are not visible on both sides".to_owned();
    let incomparable = vec![Incomparable { view: View::Listeners, reason }];
    assert_eq!(diff(&snapshot(), &nameless), Diff { changes: vec![], incomparable });
    let found = changes(|s| {
        let listener = listener("192.0.2.1", 81, Scope::Specific, ("", 8));
        s.records.sockets.push(sourced(1, listener));
    });
    let told = "192.0.2.1 (specific, owner without a name)".to_owned();
    let subject = on_port(81, Some("192.0.2.1"));
    assert_eq!(found, vec![(ChangeKind::ListenerNew, subject, "-".to_owned(), told)]);
}

#[test]
fn a_cut_section_never_reports_anything_as_gone() {
    let mut cut = cut_snapshot();
    cut.records.sockets.clear();
    let reason = |view| Incomparable {
        view,
        reason: "newer snapshot: the answer of linux/ss-inet4 is partial".to_owned(),
    };
    let unknown = "without all listeners it cannot be told who opened a conversation".to_owned();
    let incomparable = vec![
        reason(View::Listeners),
        reason(View::Sessions),
        Incomparable { view: View::Sessions, reason: unknown },
    ];
    assert_eq!(diff(&snapshot(), &cut), Diff { changes: vec![], incomparable });
}

#[test]
fn what_a_cut_section_does_show_can_be_new() {
    let mut cut = cut_snapshot();
    cut.records.sockets =
        vec![sourced(1, listener("0.0.0.0", 4444, Scope::Wildcard, ("nc", 4321)))];
    let found = diff(&snapshot(), &cut).changes;
    let expected = Change {
        view: View::Listeners,
        subject: on_port(4444, Some("0.0.0.0")),
        kind: ChangeKind::ListenerNew,
        before: None,
        after: Some("0.0.0.0 (wildcard, nc)".to_owned()),
    };
    assert_eq!(found, vec![expected]);
    // Against a cut older snapshot nothing is new: it may have been there.
    let mut older = cut_snapshot();
    older.records.sockets.clear();
    assert_eq!(diff(&older, &snapshot()).changes, vec![]);
}

#[test]
fn a_failed_view_and_one_that_was_not_asked_cannot_be_compared() {
    let failed = after(|s| {
        s.sections[1].status = SectionStatus::Failed;
        s.records.interfaces.clear();
        s.sections.retain(|section| !section.views.contains(&View::Host));
        s.records.host = None;
    });
    let gap = |view, reason: &str| Incomparable { view, reason: reason.to_owned() };
    let incomparable = vec![
        gap(View::Listeners, "the owners of 1 listeners are not visible on both sides"),
        gap(View::Interfaces, "newer snapshot: linux/ip-link gave nothing usable"),
        gap(View::Host, "newer snapshot: not collected"),
    ];
    assert_eq!(diff(&snapshot(), &failed), Diff { changes: vec![], incomparable });
}

#[test]
fn a_limitation_that_hides_rows_weighs_like_a_cut() {
    let limited = after(|s| {
        s.sections[0].limitations = vec![Limitation::NoV6];
        s.records.sockets.clear();
    });
    assert_eq!(diff(&snapshot(), &limited).changes, vec![]);
}

#[test]
fn peers_are_known_by_service_port_and_never_by_ephemeral_port() {
    let again = changes(|s| {
        s.records.sockets[4].record.remote.as_mut().unwrap().port = Some(60_001);
        s.records.sockets[6].record.local.port = Some(50_000);
    });
    assert_eq!(again, vec![]);
    let found = changes(|s| {
        let local = ("10.0.0.5", 40_100);
        let new = connection(Direction::Outbound, local, ("203.0.113.9", 443), State::SynSent);
        s.records.sockets[6] = sourced(1, new);
    });
    let peer = |service_port, address: &str| Subject::Peer {
        direction: Direction::Outbound,
        transport: Transport::Tcp,
        service_port: Some(service_port),
        address: address.parse().unwrap(),
    };
    let one = || "1 socket".to_owned();
    let none = || "-".to_owned();
    let expected = vec![
        (ChangeKind::PeerNew, peer(443, "203.0.113.9"), none(), one()),
        (ChangeKind::PeerGone, peer(5432, "10.0.0.7"), one(), none()),
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_changed_ephemeral_range_makes_no_listener_appear_or_vanish() {
    let udp = |s: &mut Snapshot, range| {
        s.records.sockets[3].record.local.port = Some(20_000);
        s.records.host.as_mut().unwrap().record.ephemeral = Some(range);
    };
    let (before, after) =
        (after(|s| udp(s, (32_768, 60_999))), after(|s| udp(s, (10_000, 60_999))));
    let kinds: Vec<_> = diff(&before, &after).changes.iter().map(|change| change.kind).collect();
    assert_eq!(kinds, vec![ChangeKind::Fact]);
}

#[test]
fn interfaces_routes_and_rules_are_compared() {
    let found = changes(|s| {
        let interface = &mut s.records.interfaces[0].record;
        interface.oper_state = Some(text("down"));
        interface.mtu = Some(9000);
        interface.addresses.clear();
        s.records.routes[0].record = route("0.0.0.0", 0, Some("10.0.0.254"));
        s.records.routes[1].record = route("192.0.2.0", 24, None);
        s.records.rules.clear();
    });
    let eth0 = || Subject::Interface(text("eth0"));
    let to = |destination: &str, prefix| Subject::Route {
        table: text("main"),
        destination: destination.parse().unwrap(),
        prefix,
    };
    let rule = Subject::Rule { priority: 32_766, text: text("from all") };
    let row = |kind, subject, before: &str, after: &str| {
        (kind, subject, before.to_owned(), after.to_owned())
    };
    let expected = vec![
        row(ChangeKind::InterfaceState, eth0(), "up", "down"),
        row(ChangeKind::InterfaceAddresses, eth0(), "10.0.0.5/24", "no address"),
        row(ChangeKind::InterfaceMtu, eth0(), "1500", "9000"),
        row(
            ChangeKind::RouteChanged,
            to("0.0.0.0", 0),
            "via 10.0.0.1 dev eth0, metric 100",
            "via 10.0.0.254 dev eth0, metric 100",
        ),
        row(ChangeKind::RouteGone, to("10.0.0.0", 24), "dev eth0, metric 100", "-"),
        row(ChangeKind::RouteNew, to("192.0.2.0", 24), "-", "dev eth0, metric 100"),
        row(ChangeKind::RuleGone, rule, "ipv4: from all, table main", "-"),
    ];
    assert_eq!(found, expected);
}

#[test]
fn host_facts_are_compared_and_readings_are_not() {
    let found = changes(|s| {
        let facts = &mut s.records.host.as_mut().unwrap().record;
        facts.kernel_release = Some(text("6.1.0-20-amd64"));
        facts.boot_id = Some(text("another"));
        facts.ephemeral = Some((10_000, 60_999));
        facts.hostname = None;
        facts.limits =
            vec![(text("net.core.somaxconn"), 128), (text("net.netfilter.nf_conntrack_count"), 5)];
    });
    let row = |kind, name: &str, before: &str, after: &str| {
        (kind, Subject::Fact(text(name)), before.to_owned(), after.to_owned())
    };
    let expected = vec![
        row(ChangeKind::Rebooted, "boot_id", "b0070000-0000-4000-8000-000000000001", "another"),
        row(ChangeKind::Fact, "ephemeral", "32768-60999", "10000-60999"),
        row(ChangeKind::Fact, "net.core.somaxconn", "4096", "128"),
        row(ChangeKind::Fact, "os.kernel_release", "6.1.0-18-amd64", "6.1.0-20-amd64"),
    ];
    assert_eq!(found, expected);
}

proptest::proptest! {
    #[test]
    fn no_cut_anywhere_reports_a_listener_or_peer_as_gone(kept in 0_u32..128) {
        let mut cut = cut_snapshot();
        let mut bit = 0;
        cut.records.sockets.retain(|_| {
            bit += 1;
            kept & (1 << (bit - 1)) != 0
        });
        // A part of what was there: nothing is gone, and nothing is new either.
        proptest::prop_assert_eq!(diff(&snapshot(), &cut).changes, vec![]);
        proptest::prop_assert_eq!(diff(&cut, &snapshot()).changes, vec![]);
    }
}
