//! Stored pages that are not what was written: whatever the bytes, an answer or an error that names
//! the page, never a panic. And: the format of pages is frozen.

use proptest::prelude::*;

use fleetstat::model::digest::Sha256;
use fleetstat::store::{Error, ExportKind};

use crate::dice::Dice;
use crate::scene::{self, host};
use crate::sqlite;

/// A page as it was before compression.
fn page(body: &[u8], bytes: usize) -> Vec<u8> {
    let cut = zstd::zstd_safe::find_frame_compressed_size(body).unwrap();
    let (frame, noise) = body.split_at(cut);
    let mut page = zstd::bulk::decompress(frame, bytes).unwrap();
    page.extend_from_slice(noise);
    page
}

fn mutate(dice: &mut Dice, page: &mut Vec<u8>) {
    let place =
        |dice: &mut Dice, page: &[u8]| usize::try_from(dice.below(page.len() as u64)).unwrap();
    for _ in 0..=dice.below(3) {
        let at = place(dice, page);
        match dice.below(4) {
            0 => page.truncate(at),
            1 => page[at] ^= 1 << dice.below(8),
            2 => page[at] = dice.pick(&[0, 1, 0x7f, 0x80, 0xff]),
            _ => page.insert(at, dice.pick(&[0, 1, 0x80, 0xff])),
        }
        if page.is_empty() {
            page.push(1);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_damaged_page_under_a_right_digest_is_an_error_or_an_answer_never_a_panic(seed: u64) {
        let dice = &mut Dice(seed);
        let mut fresh = sqlite();
        fresh.store.begin_run(&scene::run_start(0)).unwrap();
        fresh.store.ingest(&[dice.snapshot(&scene::run(0), &host("a"))]).unwrap();
        let raw = rusqlite::Connection::open(fresh.folder.path().join("fleet.db")).unwrap();
        for table in ["blob", "moment"] {
            let all = format!("SELECT rowid, bytes, body FROM {table}");
            let mut statement = raw.prepare(&all).unwrap();
            let rows = statement.query_map([], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, Vec<u8>>(2)?))
            });
            for (id, bytes, body) in rows.unwrap().map(Result::unwrap).collect::<Vec<_>>() {
                let set = format!("UPDATE {table} SET hash = ?2, bytes = ?3, body = ?4 WHERE rowid = ?1");
                let whole = page(&body, usize::try_from(bytes).unwrap());
                let store = |page: &[u8]| {
                    let body = zstd::bulk::compress(page, 1).unwrap();
                    let digest = Sha256::of(page).0;
                    raw.execute(&set, (id, digest, i64::try_from(page.len()).unwrap(), body)).unwrap();
                };
                for _ in 0..6 {
                    let mut damaged = whole.clone();
                    mutate(dice, &mut damaged);
                    store(&damaged);
                    match fresh.store.snapshot(&host("a"), None) {
                        Ok(found) => prop_assert!(found.is_some()),
                        Err(Error::Damaged { what, .. }) => {
                            prop_assert!(what.contains("snapshot 1"), "{}", what);
                        }
                        Err(other) => prop_assert!(false, "{}", other),
                    }
                }
                store(&whole);
            }
        }
    }
}

#[test]
fn a_body_that_is_cut_or_overwritten_is_named() {
    let mut fresh = sqlite();
    fresh.store.begin_run(&scene::run_start(0)).unwrap();
    fresh.store.ingest(&[Dice(1).snapshot(&scene::run(0), &host("a"))]).unwrap();
    let raw = rusqlite::Connection::open(fresh.folder.path().join("fleet.db")).unwrap();
    let changes = [
        ("body = substr(body, 1, 20)", "does not begin with a zstd frame"),
        ("body = zeroblob(40)", "does not begin with a zstd frame"),
        ("bytes = 1000000000000", "larger than 256 MiB"),
        ("bytes = 1", ""),
    ];
    for (change, reason) in changes {
        raw.execute_batch("SAVEPOINT before").unwrap();
        raw.execute(&format!("UPDATE moment SET {change}"), []).unwrap();
        raw.execute_batch("RELEASE before").unwrap();
        let error = fresh.store.snapshot(&host("a"), None).unwrap_err().to_string();
        assert!(error.contains("moment of snapshot 1"), "{error}");
        assert!(error.contains(reason), "{error}");
    }
}

/// Counters that came after the first stores stand behind all else, and are read back with and
/// without network namespaces in front of them.
#[test]
fn what_came_after_the_first_pages_is_read_back() {
    for (number, seed) in (0..30).enumerate() {
        let mut fresh = sqlite();
        fresh.store.begin_run(&scene::run_start(0)).unwrap();
        let mut snapshot = Dice(seed).snapshot(&scene::run(0), &host("a"));
        for interface in &mut snapshot.records.interfaces {
            let collisions = interface.record.collisions;
            interface.record.fifo_errors = collisions.filter(|count| count % 2 == 0);
        }
        if number % 2 == 0 {
            snapshot.records.sockets.iter_mut().for_each(|socket| socket.record.namespace = None);
        }
        fresh.store.ingest(std::slice::from_ref(&snapshot)).unwrap();
        assert_eq!(fresh.store.snapshot(&host("a"), None).unwrap(), Some(snapshot), "{seed}");
    }
}

#[test]
fn the_format_of_pages_is_frozen() {
    let mut fresh = sqlite();
    fresh.store.begin_run(&scene::run_start(0)).unwrap();
    for seed in 0..20 {
        let name = host(&format!("host-{seed}"));
        fresh.store.ingest(&[Dice(seed).snapshot(&scene::run(0), &name)]).unwrap();
    }
    let mut lines = String::new();
    let mut add = |line: &str| lines.push_str(line);
    fresh.store.export(ExportKind::Snapshots, &mut add).unwrap();
    assert_eq!(
        Sha256::of(lines.as_bytes()).to_string(),
        "d8659823cc1c1bcc530045851e4f03e390f145594a32a903014a5ea624901828",
        "pages of version 1 are stored in the field: a change needs a new version that reads both"
    );
}
