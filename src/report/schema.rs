//! The reference page of all fields, printed from the field lists.
//!
//! Comes in: nothing but the lists. Goes out: Markdown. `docs/reference/schema.md` is this page; a
//! test compares the two, so the page cannot lie.

use std::fmt::Write as _;

use crate::model::record::SCHEMA;
use crate::report::answer::{ANSWER_SCHEMA, Listeners, Outcomes, Peers, Runs};
use crate::report::attribute::Attributes;
use crate::report::change::Changes;
use crate::report::change_request::ChangeRequests;
use crate::report::changed::ChangedHosts;
use crate::report::counter::Counters;
use crate::report::fact::Facts;
use crate::report::field::Kind;
use crate::report::host::Hosts;
use crate::report::import::Imports;
use crate::report::inventory::{Assets, Commands, Origins};
use crate::report::issue::Issues;
use crate::report::link::Interfaces;
use crate::report::prevalence::Prevalences;
use crate::report::privilege::{AccountFindings, HardenSteps};
use crate::report::process::Processes;
use crate::report::rate::LinkRates;
use crate::report::rebuilt::RebuiltStores;
use crate::report::replayed::{Differences, ReplayedFiles};
use crate::report::route::{Neighbours, Routes, Rules};
use crate::report::routed::RoutedRows;
use crate::report::socket::Sockets;
use crate::report::standard::Probes;
use crate::report::state::{HostStateRows, StateTotals};
use crate::report::unseen::UnseenHosts;
use crate::report::value::{Member, Type};
use crate::report::verified::{Findings, Verified};

/// Columns of a Markdown table of fields.
const TITLES: &str = "| field | type | null | meaning |\n|---|---|---|---|\n";

/// The page.
#[must_use]
pub fn page() -> String {
    let mut page = format!(
        "# Fields of records and answers\n\n\
         Printed from the field lists in `src/report`; do not edit. Records carry the schema \
         `{SCHEMA}`, answers `{ANSWER_SCHEMA}`.\n\n\
         - The dots of a name are levels of the JSON object; in CSV the name is the column. JSON \
         keys are sorted, CSV columns stand in the order below.\n\
         - `null` (an empty cell in CSV) means not reported. It never stands for 0 or an empty \
         text.\n\
         - Times are UTC, RFC 3339, with six digits after the second. Addresses have the form of \
         RFC 5952, without zone.\n\
         - Text from a host is escaped: `\\\\` is a backslash, `\\xHH` a byte that is a control \
         character, invisible, direction-changing or not UTF-8.\n\
         - In CSV, a text that a spreadsheet would take for a formula begins with `'`; lists are \
         JSON in one cell.\n"
    );
    page += "\n# Records\n";
    add::<Sockets>(&mut page);
    add::<Interfaces>(&mut page);
    add::<Routes>(&mut page);
    add::<Rules>(&mut page);
    add::<Neighbours>(&mut page);
    add::<Counters>(&mut page);
    add::<Processes>(&mut page);
    add::<Hosts>(&mut page);
    add::<Issues>(&mut page);
    add::<Facts>(&mut page);
    page += "\n# Answers\n";
    add::<Runs>(&mut page);
    add::<Outcomes>(&mut page);
    add::<Listeners>(&mut page);
    add::<Peers>(&mut page);
    add::<Changes>(&mut page);
    add::<ChangedHosts>(&mut page);
    add::<Prevalences>(&mut page);
    add::<HostStateRows>(&mut page);
    add::<StateTotals>(&mut page);
    add::<LinkRates>(&mut page);
    add::<RoutedRows>(&mut page);
    add::<UnseenHosts>(&mut page);
    add::<ReplayedFiles>(&mut page);
    add::<Differences>(&mut page);
    add::<Findings>(&mut page);
    add::<Verified>(&mut page);
    add::<RebuiltStores>(&mut page);
    add::<Probes>(&mut page);
    add::<Assets>(&mut page);
    add::<Origins>(&mut page);
    add::<Commands>(&mut page);
    add::<ChangeRequests>(&mut page);
    add::<Attributes>(&mut page);
    add::<Imports>(&mut page);
    add::<HardenSteps>(&mut page);
    add::<AccountFindings>(&mut page);
    page
}

fn add<K: Kind>(page: &mut String) {
    // Writing to a String cannot fail, here and below.
    let _ = write!(page, "\n## {}\n\n{}\n\n{TITLES}", K::NAME, K::DOC);
    for field in K::FIELDS {
        line(page, field.path, (field.of, field.nullable), field.doc);
        if let Type::Objects(members) = field.of {
            for Member { name, of, nullable, doc } in members {
                line(page, &format!("{}[].{name}", field.path), (*of, *nullable), doc);
            }
        }
    }
}

fn line(page: &mut String, path: &str, (of, nullable): (Type, bool), doc: &str) {
    let null = if nullable { "yes" } else { "" };
    let _ = writeln!(page, "| `{path}` | {} | {null} | {doc} |", of.describe());
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// `UPDATE_REFERENCE=1 cargo test reference` writes the page anew.
    #[test]
    fn the_reference_page_is_what_the_field_lists_say() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reference/schema.md");
        if std::env::var_os("UPDATE_REFERENCE").is_some() {
            std::fs::write(path, page()).unwrap();
        }
        let remedy = "run UPDATE_REFERENCE=1 cargo test reference";
        assert!(std::fs::read_to_string(path).unwrap_or_default() == page(), "{remedy}");
    }

    fn check<K: Kind>() {
        let paths: Vec<_> = K::FIELDS.iter().map(|field| field.path).collect();
        let set: BTreeSet<_> = paths.iter().copied().collect();
        assert_eq!(set.len(), paths.len(), "{} repeats a path", K::NAME);
        for path in &paths {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._".contains(c);
            assert!(path.chars().all(plain), "{}: {path}", K::NAME);
            let inner = format!("{path}.");
            assert!(!paths.iter().any(|other| other.starts_with(&inner)), "{path} is a leaf");
        }
        for field in K::FIELDS {
            assert!(field.doc.ends_with('.'), "{}: {}", K::NAME, field.path);
            if let Type::Objects(members) = field.of {
                assert!(members.iter().all(|m| !matches!(m.of, Type::Objects(_))));
            }
        }
        let table = crate::report::table::Table::<K>::new(crate::report::grid::Frame::default());
        assert_eq!(table.columns(), K::COLUMNS.len(), "{} has a column without field", K::NAME);
    }

    #[test]
    fn field_lists_are_sound() {
        check::<Sockets>();
        check::<Interfaces>();
        check::<Routes>();
        check::<Rules>();
        check::<Neighbours>();
        check::<Counters>();
        check::<Processes>();
        check::<Hosts>();
        check::<Issues>();
        check::<Runs>();
        check::<Outcomes>();
        check::<Listeners>();
        check::<Peers>();
        check::<Changes>();
        check::<ChangedHosts>();
        check::<Prevalences>();
        check::<HostStateRows>();
        check::<StateTotals>();
        check::<LinkRates>();
        check::<RoutedRows>();
        check::<UnseenHosts>();
        check::<ReplayedFiles>();
        check::<Differences>();
        check::<Findings>();
        check::<Verified>();
        check::<RebuiltStores>();
        check::<Probes>();
        check::<Assets>();
        check::<Origins>();
        check::<Commands>();
        check::<ChangeRequests>();
        check::<Attributes>();
        check::<Imports>();
        check::<Facts>();
        check::<HardenSteps>();
        check::<AccountFindings>();
    }
}
