//! What one section is worth: its status, its faults, what it cannot show.

use crate::model::capture::{End, Section};
use crate::model::fault::{Fault, FaultKind};
use crate::model::host::Platform;
use crate::model::parsed::{Issue, Span};
use crate::model::snapshot::{Limitation, SectionResult, SectionStatus, View};
use crate::normalize::rows::Rows;
use crate::probe::windows::standard_error::{self, says_denied};
use crate::probe::{Naming, Privilege, Usage};

/// One section of an evidence file, read.
#[derive(Debug)]
pub struct ReadSection {
    /// The section as the file describes it.
    pub section: Section,
    /// Views it serves.
    pub views: Vec<View>,
    /// Whether a healthy host prints at least one line.
    pub expects_output: bool,
    /// Exit statuses that mean an answer, normally `[0]`.
    pub acceptable_exit: &'static [u32],
    /// What its reader handed out. `None`: the probe has no reader, its output is only kept.
    pub rows: Option<Rows>,
    /// The first bytes of standard error.
    pub stderr: Vec<u8>,
}

/// What a section could not show, as its snapshot as a whole tells.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Unseen {
    /// A socket's owner.
    pub(super) owners: bool,
    /// Other network namespaces, or some of them.
    pub(super) namespaces: bool,
}

impl ReadSection {
    /// True when the account's rights were raised for this command.
    pub(super) fn through_sudo(&self) -> bool {
        self.section.argv.iter().any(|word| word.ends_with("/sudo"))
    }

    fn naming(&self) -> Naming {
        crate::probe::by_id(self.section.probe.as_str()).map_or(Naming::Nothing, |p| p.naming)
    }

    /// True when its rows are what processes hold, and not a list of sockets.
    pub(super) fn lists_holders(&self) -> bool {
        self.naming() == Naming::HeldSockets
    }

    /// True when it was asked for the names of processes.
    pub(super) fn names_processes(&self) -> bool {
        self.naming() == Naming::Processes
    }

    /// True for a question of the rich profile.
    pub(super) fn is_rich(&self) -> bool {
        let probe = crate::probe::by_id(self.section.probe.as_str());
        probe.is_some_and(|probe| probe.usage == Usage::Rich)
    }

    /// True for a question of Windows.
    pub(super) fn is_of_windows(&self) -> bool {
        let probe = crate::probe::by_id(self.section.probe.as_str());
        probe.is_some_and(|probe| probe.platform == Platform::Windows)
    }

    /// True for a question of Windows whose answer only adds: that this host or account has none is no
    /// fault.
    pub(super) fn is_extra(&self) -> bool {
        let probe = crate::probe::by_id(self.section.probe.as_str());
        probe.is_some_and(|probe| probe.optional && probe.platform == Platform::Windows)
    }

    /// True when its probe names owners and any account gets the whole of its answer.
    pub(super) fn every_account_sees_all(&self) -> bool {
        let probe = crate::probe::by_id(self.section.probe.as_str());
        probe.is_some_and(|p| p.naming != Naming::Nothing && p.needs == Privilege::Any)
    }

    /// True when the command was asked for the owners of sockets.
    pub(super) fn asks_owners(&self) -> bool {
        if self.naming() == Naming::InRows {
            return true;
        }
        let words = &self.section.argv;
        let named = |word: &String, tool| word.rsplit('/').next() == Some(tool);
        let tool = words
            .iter()
            .position(|word| named(word, "ss") || named(word, "netstat") || named(word, "busybox"));
        tool.is_some_and(|at| words.iter().skip(at).any(|word| word == "-p"))
            // It lists nothing but what a process holds.
            || words.iter().any(|word| named(word, "lsof"))
    }

    /// True when the tool leaves out whole rows, however well it went.
    fn is_a_part(&self) -> bool {
        let probe = crate::probe::by_id(self.section.probe.as_str());
        probe.is_some_and(|probe| {
            probe.cannot_say.iter().any(|gap| gap.makes_a_part(probe.platform))
        })
    }

    /// True when the command listed the sockets of another network namespace.
    pub(super) fn is_of_namespace(&self) -> bool {
        self.section.probe.as_str() == crate::probe::linux::NAMESPACE_SOCKETS
    }

    /// True when neither a row nor the end of a field can be missing.
    fn lists_all(&self) -> bool {
        !self.is_a_part() && !self.has_cut_fields()
    }

    /// True when a field of a row fills its column, or the last line has no end, so that something may
    /// be cut however well the command went.
    fn has_cut_fields(&self) -> bool {
        self.rows.as_ref().is_some_and(|rows| rows.cut_fields || rows.unterminated.is_some())
    }

    fn accepted(&self) -> bool {
        matches!(&self.section.end, End::Exit(status) if self.acceptable_exit.contains(status))
    }

    fn silent(&self) -> bool {
        self.expects_output && self.section.stdout.bytes == 0 && self.section.stdout.dropped == 0
    }

    /// True when the output ends where the command ended.
    pub(super) fn is_whole(&self) -> bool {
        self.section.is_whole() && self.accepted()
    }

    /// The result. `replaced`: another section was run in its place.
    pub(super) fn result(&self, replaced: bool, unseen: Unseen) -> SectionResult {
        let coverage = self.rows.as_ref().map(Rows::coverage).unwrap_or_default();
        let faults = self.faults();
        let usable = match &self.rows {
            // Headers alone are an answer: there are no such sockets. Unread lines alone are none.
            Some(_) if coverage.rows == 0 => {
                self.is_whole() && !self.silent() && coverage.is_whole()
            }
            Some(_) => true,
            None => self.section.stdout.bytes > 0 || self.is_whole(),
        };
        let status = if replaced {
            SectionStatus::Replaced
        } else if !usable {
            SectionStatus::Failed
        } else if faults.is_empty() && coverage.is_whole() && self.is_whole() && self.lists_all() {
            SectionStatus::Complete
        } else {
            SectionStatus::Partial
        };
        SectionResult {
            number: self.section.number,
            probe: self.section.probe.clone(),
            views: self.views.clone(),
            status,
            coverage,
            limitations: self.limitations(&faults, !coverage.is_whole(), unseen),
            faults,
        }
    }

    fn limitations(&self, faults: &[Fault], unparsed: bool, unseen: Unseen) -> Vec<Limitation> {
        let stopped = !matches!(self.section.end, End::Exit(_));
        let dropped = self.section.stdout.dropped > 0;
        let cut = stopped || dropped || faults.iter().any(|f| cuts(f.kind));
        let sockets =
            self.views.iter().any(|view| matches!(view, View::Listeners | View::Sessions));
        // In the order of the enum.
        [
            (cut || self.has_cut_fields(), Limitation::Truncated),
            (unseen.owners, Limitation::NoOwner),
            (sockets && unseen.namespaces, Limitation::HostNetnsOnly),
            (unparsed, Limitation::Unparsed),
            (self.is_a_part(), Limitation::ToolGap),
        ]
        .into_iter()
        .filter_map(|(is_so, limitation)| is_so.then_some(limitation))
        .collect()
    }

    /// The section's own faults, and those that its end and its output show.
    fn faults(&self) -> Vec<Fault> {
        let mut faults = self.section.faults.clone();
        let extra = self.is_extra();
        let mut take = |fault: Fault| {
            let lacking = matches!(fault.kind, FaultKind::ToolMissing | FaultKind::Denied);
            if extra && lacking {
                return;
            }
            if !faults.iter().any(|known| known.kind == fault.kind) {
                faults.push(fault);
            }
        };
        match &self.section.end {
            End::Incomplete(fault) => take(fault.clone()),
            End::Signal(name) => {
                take(Fault::new(FaultKind::Killed, format!("the command was ended by SIG{name}")));
            }
            End::Exit(status) if !self.accepted() => {
                let detail = format!("exit status {status}; see standard error");
                take(Fault::new(self.meaning(*status), detail));
            }
            End::Exit(_) if self.silent() => {
                take(Fault::new(FaultKind::SuspiciousEmpty, "the command printed nothing"));
            }
            End::Exit(_) => {}
        }
        if self.section.stdout.dropped > 0 {
            let dropped = self.section.stdout.dropped;
            let detail = format!("{dropped} bytes of output were not kept");
            take(Fault::new(FaultKind::Truncated, detail));
        }
        faults
    }

    /// Why there is no answer, where that is no fault: its section alone would only say that it failed.
    /// And what a program of Windows said beside an answer.
    pub(super) fn remark(&self) -> Option<Issue> {
        if !self.is_of_windows() {
            return None;
        }
        let said = standard_error::text(&self.stderr);
        let (message, text) = match &self.section.end {
            End::Exit(status) if !self.accepted() && self.is_extra() => {
                let message = if says_denied(&said) {
                    format!("the account may not ask this (exit status {status})")
                } else {
                    format!("not answered (exit status {status}): what it would tell is missing")
                };
                (message, said)
            }
            End::Incomplete(fault)
                if self.is_extra()
                    && matches!(fault.kind, FaultKind::ToolMissing | FaultKind::Denied) =>
            {
                let message =
                    format!("not answered ({}): what it would tell is missing", fault.kind);
                (message, fault.detail.clone().into_bytes())
            }
            End::Exit(_) if self.accepted() && self.tells_no_error() && !said.is_empty() => {
                ("the program answered, and said on standard error".to_owned(), said)
            }
            End::Exit(_) | End::Signal(_) | End::Incomplete(_) => return None,
        };
        Some(Issue::note(Span::default(), message, &text))
    }

    /// True when its answer holds no issue: a script of `PowerShell` repeats in it what it said.
    fn tells_no_error(&self) -> bool {
        self.rows.as_ref().is_some_and(|rows| rows.issues.is_empty())
    }

    /// What an exit status says: timeout(1) gives 124 and 137, env(1) 126 and 127, sudo(8) 1 when
    /// it refuses. Anything else is a tool that does not know the question.
    fn meaning(&self, status: u32) -> FaultKind {
        match status {
            124 | 137 => FaultKind::Deadline,
            126 => FaultKind::Denied,
            _ if self.is_of_windows() && says_denied(&self.stderr) => FaultKind::Denied,
            1 if self.through_sudo() && self.section.stdout.bytes == 0 => FaultKind::Denied,
            _ => FaultKind::ToolMissing,
        }
    }
}

const fn cuts(kind: FaultKind) -> bool {
    matches!(
        kind,
        FaultKind::Truncated
            | FaultKind::Lost
            | FaultKind::Killed
            | FaultKind::LeakedShell
            | FaultKind::Deadline
            | FaultKind::IdleTimeout
    )
}
