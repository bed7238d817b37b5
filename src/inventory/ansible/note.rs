//! What is said of lines that are not taken over, once for each line and kind.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use crate::inventory::report::{At, Remark, line};

/// Most lines shown of one kind; a count stands for the rest.
const SHOWN_MAX: usize = 100;

/// Collects notes.
#[derive(Debug, Default)]
pub(super) struct Notes {
    seen: HashSet<(At, &'static str)>,
    list: Vec<(At, &'static str, String)>,
    count: BTreeMap<&'static str, usize>,
}

impl Notes {
    /// Says something of a line, unless a note of this kind was made of it before.
    pub(super) fn say(&mut self, at: At, kind: &'static str, message: impl FnOnce() -> String) {
        if !self.seen.insert((at, kind)) {
            return;
        }
        let count = self.count.entry(kind).or_default();
        *count += 1;
        if *count <= SHOWN_MAX {
            self.list.push((at, kind, message()));
        }
    }

    /// Says something of a line once more.
    pub(super) fn always(&mut self, at: At, kind: &'static str, message: String) {
        let count = self.count.entry(kind).or_default();
        *count += 1;
        if *count <= SHOWN_MAX {
            self.list.push((at, kind, message));
        }
    }

    /// In the order of files and lines; what was cut off comes last.
    pub(super) fn into_remarks(mut self, files: &[Arc<str>]) -> Vec<Remark> {
        self.list.sort_by_key(|(at, ..)| *at);
        let said =
            |(at, _, message): (At, &str, String)| Remark { origin: line(files, at), message };
        let mut remarks: Vec<Remark> = self.list.into_iter().map(said).collect();
        for (kind, count) in self.count.into_iter().filter(|(_, count)| *count > SHOWN_MAX) {
            let message =
                format!("{} more lines like this are not listed: {kind}", count - SHOWN_MAX);
            remarks.push(Remark { origin: "ansible".to_owned(), message });
        }
        remarks
    }
}
