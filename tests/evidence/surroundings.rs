//! Changes and attributes in the header: lines that are there only when there is something to say.

use std::sync::Arc;

use fleetstat::evidence::commit::Committer;
use fleetstat::evidence::folder::RunFolder;
use fleetstat::evidence::read::EvidenceReader;
use fleetstat::evidence::write::write;
use fleetstat::model::attribute::{Attribute, AttributeKey, Surroundings};
use fleetstat::model::change::{ChangeNote, ChangeNumber, ItemName, Window};
use fleetstat::model::time::Utc;

use crate::support;

fn surroundings() -> Surroundings {
    let time = |text| Utc::parse(text).unwrap();
    let window = Window { start: time("2026-11-24T01:00:00Z"), end: time("2026-11-24T02:00:00Z") };
    Surroundings {
        changes: vec![ChangeNote {
            number: ChangeNumber::new("CHG0030001").unwrap(),
            title: Some("line\nbreak \u{202e}\u{1b}]0;x\u{7}".into()),
            kind: Some("normal".into()),
            state: None,
            window,
            item: ItemName::new("Web1.example").unwrap(),
            imported: time("2026-11-23T00:00:00Z"),
        }],
        changes_left_out: 3,
        attributes: vec![Attribute {
            key: AttributeKey::new("owner").unwrap(),
            value: "Team \"Blue\"\nsections: 1".into(),
        }],
        attributes_left_out: 1,
    }
}

/// The header's lines after a round trip, from `faults` to `sections`.
fn lines(surroundings: &Surroundings) -> Vec<String> {
    let root = tempfile::tempdir().unwrap();
    let folder = Arc::new(RunFolder::create(root.path(), &support::run_id()).unwrap());
    let mut header = support::header("web-1");
    header.surroundings = surroundings.clone();
    let drafts = vec![support::draft(&folder, b"sections: 9\n", b"")];
    let written = write(&folder, &header, drafts).unwrap();
    let file = Committer::start().unwrap().commit(written).unwrap();
    let path = folder.path().join(&file.name);
    assert_eq!(EvidenceReader::open(&path).unwrap().header(), &header);
    let text = std::fs::read_to_string(path).unwrap();
    let head = text.lines().skip_while(|line| !line.starts_with("faults: ")).skip(1);
    head.take_while(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn surroundings_stand_in_the_header_on_one_line_each() {
    assert_eq!(
        lines(&surroundings()),
        [
            "changes: [{\"imported\":\"2026-11-23T00:00:00.000000Z\",\"item\":\"web1.example\",\
             \"kind\":\"normal\",\"number\":\"CHG0030001\",\"state\":null,\
             \"title\":\"line\\nbreak \\u202e\\u001b]0;x\\u0007\",\
             \"window\":{\"end\":\"2026-11-24T02:00:00.000000Z\",\
             \"start\":\"2026-11-24T01:00:00.000000Z\"}}]",
            "changes_left_out: 3",
            "attributes: [{\"key\":\"owner\",\"value\":\"Team \\\"Blue\\\"\\nsections: 1\"}]",
            "attributes_left_out: 1",
            "sections: 1",
        ]
    );
}

#[test]
fn without_surroundings_the_file_is_as_it_was_before_there_were_any() {
    assert_eq!(lines(&Surroundings::default()), ["sections: 1"]);
}

#[test]
fn a_changed_or_invented_line_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let folder = Arc::new(RunFolder::create(root.path(), &support::run_id()).unwrap());
    let mut header = support::header("web-1");
    header.surroundings = surroundings();
    let written = write(&folder, &header, Vec::new()).unwrap();
    let file = Committer::start().unwrap().commit(written).unwrap();
    let path = folder.path().join(&file.name);
    let text = std::fs::read_to_string(&path).unwrap();
    for (from, to) in [
        ("changes_left_out: 3\n", "changes_left_out: 0\n"),
        ("changes_left_out: 3\n", "changes_left_out: 03\n"),
        ("changes_left_out: 3\n", "changes_left_out: 3\nchanges: []\n"),
        ("attributes: [", "attributes: [ "),
        ("attributes_left_out: 1\n", "attributes_left_out: 1\nmood: good\n"),
        ("sections: 0\n", ""),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        std::fs::write(&path, changed).unwrap();
        let error = EvidenceReader::open(&path).map(drop).unwrap_err().to_string();
        assert!(error.contains("expected"), "{to}: {error}");
    }
}
