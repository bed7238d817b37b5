//! What changed between two times, and how common things are, against brute force.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use fleetstat::analyse::changed::{ChangedKind, Ephemeral, sockets};
use fleetstat::analyse::prevalence::Rare;
use fleetstat::model::id::HostName;
use fleetstat::model::seen::{Presence, Sight};
use fleetstat::model::snapshot::{SectionStatus, Snapshot};
use fleetstat::model::socket::Attribution::{Ambiguous, Owned};
use fleetstat::model::socket::{Direction, Scope, Socket, State};
use fleetstat::model::time::Utc;
use fleetstat::store::{ListenerQuery, Partner, PeerQuery, SpanQuery};
use fleetstat::workflow::question::{About, prevalence};

use crate::dice::Dice;
use crate::order::{NIGHTS, history};
use crate::{Fresh, scene, sqlite};

/// A thing on a host. The scope of conversations is left out: peers are asked for without it.
type Thing = (HostName, Sight);

fn filled(snapshots: &[Snapshot]) -> Fresh {
    let mut fresh = sqlite();
    for night in 0..NIGHTS {
        fresh.store.begin_run(&scene::run_start(night)).unwrap();
    }
    fresh.store.ingest(snapshots).unwrap();
    fresh
}

/// What stands open in a store that knows nothing after a time.
fn open_until(snapshots: &[Snapshot], at: Utc) -> BTreeSet<Thing> {
    let known: Vec<_> = snapshots.iter().filter(|s| s.header.started <= at).cloned().collect();
    let store = filled(&known).store;
    let mut open = BTreeSet::new();
    for one in store.listeners(&ListenerQuery::default()).unwrap() {
        let sight = Sight {
            direction: Direction::Listener,
            transport: one.transport,
            port: one.port,
            address: one.address,
            scope: one.scope,
            process: one.process,
            uid: one.uid,
            namespace: one.namespace,
        };
        open.insert((one.host, sight));
    }
    for network in ["0.0.0.0", "::"] {
        let partner = Partner::Network(network.parse().unwrap(), 0);
        let query = PeerQuery { partner, since: None, until: None, hosts: None, at: None };
        for one in store.peers(&query).unwrap().into_iter().filter(|one| one.open) {
            let sight = Sight {
                direction: one.direction,
                transport: one.transport,
                port: one.service_port,
                address: one.peer,
                scope: Scope::Specific,
                process: one.process,
                uid: one.uid,
                namespace: None,
            };
            open.insert((one.host, sight));
        }
    }
    open
}

fn hours(count: u64) -> Utc {
    scene::start().plus(Duration::from_hours(count))
}

/// What a snapshot whose views are whole shows.
fn shown(snapshot: &Snapshot) -> BTreeSet<Sight> {
    let sockets = snapshot.records.sockets.iter().map(|sourced| &sourced.record);
    let fact = |socket: &&Socket<'_>| !matches!(socket.state, State::CloseWait | State::SynSent);
    let sight = |socket: &Socket<'static>| {
        let listener = socket.direction == Direction::Listener;
        let end = if listener { &socket.local } else { socket.remote.as_ref().unwrap() };
        Sight {
            direction: socket.direction,
            transport: socket.transport,
            port: end.port.unwrap(),
            address: end.address,
            scope: if listener { socket.bind_scope } else { Scope::Specific },
            process: listener.then(|| socket.owners[0].name.clone()),
            uid: socket.uid.filter(|_| listener),
            namespace: None,
        }
    };
    sockets.filter(fact).map(sight).collect()
}

fn all_whole(mut snapshots: Vec<Snapshot>) -> Vec<Snapshot> {
    for snapshot in &mut snapshots {
        let status = SectionStatus::Complete;
        snapshot.sections = (1..=3).map(|number| scene::section(number, status)).collect();
    }
    snapshots
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Partial, failed, replaced and missing sections included: what stands at each of the times is
    /// what a store would say that had been asked then.
    #[test]
    fn presence_at_both_times_is_what_a_store_of_then_says(
        seed: u64, from in 0_u64..150, length in 1_u64..100
    ) {
        let snapshots = history(&mut Dice(seed));
        let (since, until) = (hours(from), hours(from + length));
        let (was, is) = (open_until(&snapshots, since), open_until(&snapshots, until));
        let query = SpanQuery { since, until, hosts: None, listeners: true, peers: true };
        let mut found: BTreeMap<Thing, (bool, bool)> = BTreeMap::new();
        for span in filled(&snapshots).store.spans(&query).unwrap() {
            let mut sight = span.sight;
            if sight.direction != Direction::Listener {
                sight.scope = Scope::Specific;
            }
            let known = found.entry((span.host, sight)).or_default();
            known.0 |= span.before == Presence::Present;
            known.1 |= span.after == Presence::Present;
        }
        for (thing, (before, after)) in &found {
            prop_assert_eq!((*before, *after), (was.contains(thing), is.contains(thing)));
        }
        for thing in was.symmetric_difference(&is) {
            prop_assert!(found.contains_key(thing), "{:?} changed and was not found", thing);
        }
    }

    /// Where every answer is whole, `changed` is the comparison of the last snapshots at both times,
    /// and of all in between.
    #[test]
    fn changes_between_whole_snapshots_are_those_of_the_snapshots(
        seed: u64, from in 30_u64..150, length in 1_u64..100
    ) {
        let snapshots = all_whole(history(&mut Dice(seed)));
        let (since, until) = (hours(from), hours(from + length));
        let query = SpanQuery { since, until, hosts: None, listeners: true, peers: true };
        let spans = filled(&snapshots).store.spans(&query).unwrap();
        let mut found = BTreeMap::new();
        for change in sockets(&spans, &Ephemeral::new()).changes {
            *found.entry((change.host, change.kind)).or_insert(0) += 1;
        }
        let mut expected = BTreeMap::new();
        for host in ["db-1", "web-1"].map(scene::host) {
            let mut of_host: Vec<_> =
                snapshots.iter().filter(|s| s.header.asset.name == host).collect();
            of_host.sort_by_key(|s| (s.header.started, s.header.run.clone(), s.header.pass));
            let before = of_host.partition_point(|s| s.header.started <= since);
            let after = of_host.partition_point(|s| s.header.started <= until);
            let window: Vec<_> = of_host[before - 1..after].iter().map(|s| shown(s)).collect();
            let things: BTreeSet<_> = window.iter().flatten().cloned().collect();
            for thing in things {
                let there: Vec<_> = window.iter().map(|shown| shown.contains(&thing)).collect();
                let kind = match (there[0], there[there.len() - 1]) {
                    (false, true) => ChangedKind::Appeared,
                    (true, false) => ChangedKind::Vanished,
                    (false, false) => ChangedKind::CameAndWent,
                    (true, true) if there.contains(&false) => ChangedKind::WentAndCameBack,
                    (true, true) => continue,
                };
                *expected.entry((host.clone(), kind)).or_insert(0) += 1;
            }
        }
        // A listener that another program took over is one change, not two.
        for host in ["db-1", "web-1"].map(scene::host) {
            let moved = found.remove(&(host.clone(), ChangedKind::OwnerChanged)).unwrap_or(0);
            for kind in [ChangedKind::Appeared, ChangedKind::Vanished] {
                if moved > 0 {
                    *found.entry((host.clone(), kind)).or_insert(0) += moved;
                }
            }
        }
        prop_assert_eq!(found, expected);
    }

    /// Prevalence is what counting the last snapshots by hand gives.
    #[test]
    fn prevalence_is_what_counting_snapshots_gives(seed: u64, at in 30_u64..200) {
        let snapshots = all_whole(history(&mut Dice(seed)));
        let about = About { hosts: None, at: hours(at), stale: Duration::from_hours(48) };
        let found = prevalence(filled(&snapshots).store.as_ref(), &about, Rare::default(), None);
        let found: BTreeMap<_, _> = found
            .unwrap()
            .rows
            .into_iter()
            .map(|row| ((row.answer.port, row.answer.process), (row.hosts, row.of)))
            .collect();
        let mut expected: BTreeMap<_, (Vec<HostName>, u64)> = BTreeMap::new();
        for host in ["db-1", "web-1"].map(scene::host) {
            let known = snapshots
                .iter()
                .filter(|s| s.header.asset.name == host && s.header.started <= about.at);
            let last = known.max_by_key(|s| {
                (s.header.started, s.header.run.clone(), s.header.pass)
            });
            for sight in shown(last.unwrap()) {
                if sight.direction == Direction::Listener {
                    let key = (Some(sight.port), sight.process);
                    expected.entry(key).or_insert((Vec::new(), 2)).0.push(host.clone());
                }
            }
        }
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn a_store_with_an_unknown_host_answers_for_the_known_ones() {
    let snapshots = [scene::whole("web-1", 0)];
    let store = filled(&snapshots).store;
    let hosts = Some(vec![scene::host("web-1"), scene::host("none")]);
    let query = SpanQuery { since: hours(0), until: hours(1), hosts, listeners: true, peers: true };
    assert_eq!(store.spans(&query).unwrap(), []);
}

/// What `changed` says of the listeners of `web-1` between two nights, and of how many owners could
/// not be compared.
fn told(snapshots: &[Snapshot]) -> (Vec<ChangedKind>, u64) {
    let until = hours(24 * 2);
    let query = SpanQuery { since: hours(1), until, hosts: None, listeners: true, peers: true };
    let spans = filled(snapshots).store.spans(&query).unwrap();
    let changed = sockets(&spans, &Ephemeral::new());
    let kinds = changed.changes.iter().map(|change| change.kind).collect();
    (kinds, changed.hidden.values().sum())
}

#[test]
fn a_tool_that_tells_less_of_owners_makes_no_change() {
    let listening = |status, attribution, name: &'static str, uid| {
        move |night| {
            let mut snapshot = scene::visit("web-1", night, vec![scene::section(1, status)]);
            scene::listens(&mut snapshot, 1, 22, name);
            let socket = &mut snapshot.records.sockets[0].record;
            (socket.attribution, socket.uid) = (attribution, uid);
            snapshot
        }
    };
    let whole = SectionStatus::Complete;
    let ss = listening(whole, Owned, "sshd", Some(0));
    let lsof = listening(SectionStatus::Partial, Owned, "sshd", None);
    let netstat = listening(whole, Ambiguous, "sshd: /usr/sbin/s", Some(0));
    assert_eq!(told(&[ss(0), ss(1)]), (vec![], 0));
    // lsof is never whole and knows no user: the listener was there, and is.
    assert_eq!(told(&[lsof(0), ss(1)]), (vec![], 1));
    // netstat cuts names: who holds the port cannot be compared.
    assert_eq!(told(&[netstat(0), ss(1)]), (vec![], 1));
    assert_eq!(told(&[ss(0), netstat(1)]), (vec![], 1));
    let nginx = listening(whole, Owned, "nginx", Some(0));
    assert_eq!(told(&[ss(0), nginx(1)]), (vec![ChangedKind::OwnerChanged], 0));
}
