//! The codes of issues: every part of a sentence that tells one is in a sentence that is said, and
//! every code is told by one.

use std::collections::BTreeSet;
use std::path::Path;

use fleetstat::model::issue_code::{IssueCode, SENTENCES};

/// The sources with their texts on one line each, but for the table of codes itself.
fn sources(folder: &Path, into: &mut String) {
    for entry in std::fs::read_dir(folder).expect("the sources can be listed") {
        let path = entry.expect("the sources can be listed").path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|end| end == "rs")
            && path.file_name().is_some_and(|name| name != "issue_code.rs")
        {
            let text = std::fs::read_to_string(&path).expect("a source can be read");
            for (number, piece) in text.split("\\\n").enumerate() {
                into.push_str(if number == 0 { piece } else { piece.trim_start() });
            }
        }
    }
}

#[test]
fn every_part_of_a_sentence_that_tells_a_code_is_said_somewhere() {
    let mut text = String::new();
    sources(&crate::path("src"), &mut text);
    for (part, code) in SENTENCES {
        assert!(text.contains(part), "{code}: no sentence has `{part}` any more");
    }
    let told: BTreeSet<IssueCode> = SENTENCES.iter().map(|(_, code)| *code).collect();
    let rest = IssueCode::ALL.iter().copied().filter(|code| !told.contains(code));
    assert_eq!(rest.collect::<Vec<_>>(), [IssueCode::Unread, IssueCode::Remark]);
}
