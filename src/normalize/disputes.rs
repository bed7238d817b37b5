//! What two answers say otherwise of one process, as issues.

use std::collections::HashSet;

use crate::model::parsed::{Issue, Span};
use crate::model::process::Dispute;
use crate::model::record::{SectionIssue, Source};

/// Most disputes told of one host: 100. All are counted.
const DISPUTES_MAX: usize = 100;

/// Disputes of one host.
#[derive(Debug, Default)]
pub(super) struct Disputes {
    /// The texts told already.
    told: HashSet<Vec<u8>>,
    issues: Vec<SectionIssue>,
    rest: u64,
}

impl Disputes {
    /// Takes one. `place`: where the word stands that is not kept.
    pub(super) fn add(&mut self, pid: u32, dispute: Option<Dispute>, place: Source) {
        let Some(dispute) = dispute else { return };
        let text = dispute.text(pid);
        if self.told.contains(&text) {
            return;
        }
        if self.issues.len() >= DISPUTES_MAX {
            self.rest += 1;
        } else {
            let span = Span { line: 0, start: place.start, end: place.end };
            let issue = Issue::note(span, Dispute::MESSAGE, &text);
            self.told.insert(text);
            self.issues.push(SectionIssue { section: place.section, issue });
        }
    }

    /// The issues, in the order in which they were found.
    pub(super) fn into_issues(mut self) -> Vec<SectionIssue> {
        if self.rest > 0 {
            let message = format!("answers disagree about processes {} times more", self.rest);
            let issue = Issue::note(Span::default(), message, b"");
            self.issues.push(SectionIssue { section: 0, issue });
        }
        self.issues
    }
}
