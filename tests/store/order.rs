//! The order in which snapshots arrive, how they are cut into batches and whether some come twice
//! leave no trace.

use proptest::prelude::*;

use fleetstat::model::id::Pass;
use fleetstat::model::snapshot::{SectionStatus, Snapshot};
use fleetstat::model::socket::State;
use fleetstat::store::{ExportKind, Store};

use crate::dice::Dice;
use crate::scene;
use crate::sqlite;

/// Every line the store exports.
pub(crate) fn lines(store: &dyn Store) -> Vec<String> {
    let mut lines = Vec::new();
    for kind in ExportKind::ALL {
        store.export(*kind, &mut |line| lines.push(format!("{kind} {line}"))).unwrap();
    }
    lines
}

pub(crate) const NIGHTS: u32 = 7;

/// A week of two hosts, with whole, partial, failed, replaced and missing sections.
pub(crate) fn history(dice: &mut Dice) -> Vec<Snapshot> {
    let mut out = Vec::new();
    for name in ["web-1", "db-1"] {
        for night in 0..NIGHTS {
            out.push(visit(dice, name, night));
            if dice.once_in(4) {
                let mut second = visit(dice, name, night);
                second.header.pass = Pass { pass: 2, attempt: 1 };
                if dice.once_in(2) {
                    second.header.started = out.last().unwrap().header.started;
                }
                out.push(second);
            }
        }
    }
    out
}

fn visit(dice: &mut Dice, name: &str, night: u32) -> Snapshot {
    let mut sections = vec![];
    for number in 1..=3 {
        let status = dice.pick(&[
            SectionStatus::Complete,
            SectionStatus::Complete,
            SectionStatus::Partial,
            SectionStatus::Failed,
            SectionStatus::Replaced,
        ]);
        if !dice.once_in(4) {
            sections.push(scene::section(number, status));
        }
    }
    let mut snapshot = scene::visit(name, night, sections);
    for port in [22, 443] {
        for _ in 0..dice.below(3) {
            let from = u16::try_from(dice.below(4)).unwrap();
            scene::listens(&mut snapshot, from, port, dice.pick(&["sshd", "nginx"]));
        }
    }
    for peer in ["198.51.100.7", "2001:db8::7"] {
        for _ in 0..dice.below(3) {
            let state = dice.pick(&[State::Established, State::TimeWait, State::CloseWait]);
            let from = u16::try_from(dice.below(4)).unwrap();
            scene::talks(&mut snapshot, from, peer, 5_432, state);
            // Several users and closing sockets of none talk to one partner.
            let socket = snapshot.records.sockets.last_mut().unwrap();
            socket.record.uid = dice.pick(&[Some(0), Some(33), None]);
        }
    }
    snapshot
}

fn ingest(snapshots: &[Snapshot], batch: usize) -> Vec<String> {
    let mut fresh = sqlite();
    for night in 0..NIGHTS {
        fresh.store.begin_run(&scene::run_start(night)).unwrap();
    }
    for batch in snapshots.chunks(batch) {
        fresh.store.ingest(batch).unwrap();
    }
    lines(fresh.store.as_ref())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_order_and_any_batches_give_the_same_store(seed: u64, batch in 1_usize..9) {
        let dice = &mut Dice(seed);
        let mut snapshots = history(dice);
        let in_order = ingest(&snapshots, snapshots.len());
        for place in (1..snapshots.len()).rev() {
            let other = usize::try_from(dice.below(place as u64 + 1)).unwrap();
            snapshots.swap(place, other);
        }
        let twice = snapshots.first().unwrap().clone();
        snapshots.push(twice);
        prop_assert_eq!(ingest(&snapshots, batch), in_order);
    }

    #[test]
    fn a_snapshot_comes_back_as_it_went_in(seed: u64) {
        let dice = &mut Dice(seed);
        let mut fresh = sqlite();
        fresh.store.begin_run(&scene::run_start(0)).unwrap();
        let names = ["a", "b", "c"].map(scene::host);
        let snapshots = names.each_ref().map(|name| dice.snapshot(&scene::run(0), name));
        let report = fresh.store.ingest(&snapshots).unwrap();
        prop_assert_eq!(report.added, 3);
        for (name, snapshot) in names.iter().zip(snapshots) {
            prop_assert_eq!(fresh.store.snapshot(name, None).unwrap(), Some(snapshot));
        }
    }
}
