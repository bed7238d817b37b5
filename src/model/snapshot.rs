//! A snapshot: one host at one time, all views, with what is missing.

use crate::model::capture::Header;
use crate::model::digest::Sha256;
use crate::model::fault::Fault;
use crate::model::host::words;
use crate::model::id::ProbeId;
use crate::model::parsed::Coverage;
use crate::model::record::Records;

words! {
    /// A question a playbook can ask.
    View {
        /// Who waits for peers.
        Listeners = "listeners",
        /// Who talks to whom.
        Sessions = "sessions",
        /// Interfaces, addresses, counters.
        Interfaces = "interfaces",
        /// Routes, rules, neighbours.
        Routes = "routes",
        /// Protocol counters.
        Counters = "counters",
        /// OS, clock, account, limits.
        Host = "host",
    }
}

words! {
    /// How much of the plan a host answered.
    Outcome {
        /// Every planned view, whole.
        Complete = "complete",
        /// Some views are missing or partial.
        Partial = "partial",
        /// No usable answer.
        Failed = "failed",
        /// Not visited.
        Skipped = "skipped",
    }
}

words! {
    /// How much of one section can be relied on.
    SectionStatus {
        /// The command ended, and every line was understood.
        Complete = "complete",
        /// Something is missing or doubtful; what is there is right.
        Partial = "partial",
        /// Nothing usable.
        Failed = "failed",
        /// Another command took its place.
        Replaced = "replaced",
    }
}

words! {
    /// What a section cannot show.
    Limitation {
        /// Output or fields were cut.
        Truncated = "truncated",
        /// Owners of other accounts' sockets are not visible.
        NoOwner = "no_owner",
        /// Only the host's own network namespace.
        HostNetnsOnly = "host_netns_only",
        /// IPv6 is missing.
        NoV6 = "no_v6",
        /// UDP is missing.
        NoUdp = "no_udp",
        /// The output may be translated.
        LocaleSuspect = "locale_suspect",
        /// Lines were not understood; they are kept as issues.
        Unparsed = "unparsed",
        /// The tool that answered leaves out whole rows: see what its probe cannot say.
        ToolGap = "tool_gap",
    }
}

/// What came of one section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectionResult {
    /// Section number in the evidence file, from 1.
    pub number: u16,
    /// The probe.
    pub probe: ProbeId,
    /// Views it serves.
    pub views: Vec<View>,
    /// How much of it can be relied on.
    pub status: SectionStatus,
    /// How much was understood.
    pub coverage: Coverage,
    /// What it cannot show, sorted.
    pub limitations: Vec<Limitation>,
    /// Faults.
    pub faults: Vec<Fault>,
}

/// The evidence file a snapshot was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvidenceFile {
    /// File name inside the run's folder.
    pub name: String,
    /// Digest of the whole file.
    pub sha256: Sha256,
    /// Size of the whole file.
    pub bytes: u64,
}

/// One host at one time: what it said, in records, and what it did not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The evidence file's header.
    pub header: Header,
    /// The evidence file.
    pub evidence: EvidenceFile,
    /// How much of the plan was answered.
    pub outcome: Outcome,
    /// Each section's result, in the order of the file.
    pub sections: Vec<SectionResult>,
    /// The records.
    pub records: Records,
}

impl Snapshot {
    /// Faults of the visit and of its sections, in order, each once. A section that another one
    /// took the place of is no fault: the question was answered, and the evidence says how.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        let stands = |section: &&SectionResult| section.status != SectionStatus::Replaced;
        let sections = self.sections.iter().filter(stands).flat_map(|section| &section.faults);
        let mut faults: Vec<Fault> = Vec::new();
        for fault in self.header.faults.iter().chain(sections) {
            if !faults.contains(fault) {
                faults.push(fault.clone());
            }
        }
        faults
    }

    /// Status of one view: the worst of its sections that were not replaced. `None` when no
    /// section serves the view.
    #[must_use]
    pub fn view_status(&self, view: View) -> Option<SectionStatus> {
        self.sections
            .iter()
            .filter(|s| s.views.contains(&view) && s.status != SectionStatus::Replaced)
            .map(|s| s.status)
            .max()
    }
}
