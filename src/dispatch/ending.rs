//! What the end of a command says of its tool: answered, refused, missing.
//!
//! In: an order and how its command ended. Out: whether another can take its place. It sends
//! nothing.

use crate::dispatch::visit::Captured;
use crate::model::capture::End;
use crate::model::fault::{Fault, FaultKind};
use crate::plan::order::Order;
use crate::probe::command::Invocation;
use crate::probe::fallback::{
    Condition, STDERR_HEAD, escalation_refused, fallback_condition, timeout_refused,
    windows_program_missing,
};
use crate::probe::tool::FoundTools;
use crate::transport::Answer;

/// The tool that ends a command on the host itself.
pub(super) const TIMEOUT: &str = "/usr/bin/timeout";

/// Why nothing more can be sent.
pub(super) struct Broken {
    /// The fault.
    pub(super) fault: Fault,
    /// The first order that this kept from an answer is of the rich profile, and so are all behind it.
    pub(super) rich: bool,
}

impl Broken {
    /// The fault of the visit. Where only the rich profile was left, every question had its answer: that
    /// is said, and is no fault of the answers.
    pub(super) fn told(self) -> Fault {
        if !self.rich {
            return self.fault;
        }
        let detail = format!("the rich profile was not asked to its end: {}", self.fault);
        Fault::new(FaultKind::Skipped, detail)
    }
}

/// True when a command ended with a status that is an answer.
pub(super) fn answered(captured: &Captured) -> bool {
    let usable = captured.order.usable_exit;
    matches!(&captured.answer.end, End::Exit(status) if usable.contains(status))
}

/// The first candidate whose tool is there.
pub(super) fn present(order: &Order, paths: &FoundTools) -> Option<usize> {
    (0..order.candidates.len()).find(|i| order.path(*i).is_some_and(|p| paths.has(p)))
}

/// Why a command that ended gave no answer.
#[derive(Clone, Copy)]
pub(super) enum Unusable {
    /// sudo itself said no.
    SudoRefused,
    /// `timeout` of the host does not take `-k`, and nothing was run.
    OldTimeout,
    /// The service that starts programs found none at this path.
    NoProgram,
    /// The output was cut at the cap, and another command can say the same in less.
    Cut,
    /// The tool is missing or cannot do this.
    Tool(Condition),
}

impl Unusable {
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::SudoRefused => "sudo refuses",
            Self::OldTimeout => "timeout takes no -k",
            Self::NoProgram => "no such program",
            Self::Cut => Condition::OutputCut.as_str(),
            Self::Tool(condition) => condition.as_str(),
        }
    }
}

/// True for output over the cap where another command says the same in less. The tool was well: it ended
/// by itself, or was ended because of what it said.
fn is_over_cap(order: &Order, answer: &Answer) -> bool {
    let well = match &answer.end {
        End::Exit(status) => order.usable_exit.contains(status),
        End::Incomplete(fault) => fault.kind == FaultKind::Truncated,
        End::Signal(_) => false,
    };
    well && answer.stdout.dropped() > 0 && order.has_shorter()
}

/// Looks at how a command ended. `None`: it was answered, or it failed for a reason that says
/// nothing about the tool.
pub(super) fn unusable(order: &Order, sent: &Invocation, answer: &mut Answer) -> Option<Unusable> {
    if is_over_cap(order, answer) {
        return Some(Unusable::Cut);
    }
    let status = match &answer.end {
        End::Exit(status) => *status,
        // WinRM starts programs itself, and says by a number that there is none. What ends in any
        // other way says nothing about the tool.
        end if end.is_tool_missing() && answer.stdout.bytes() == 0 => {
            return Some(Unusable::NoProgram);
        }
        End::Incomplete(_) | End::Signal(_) => return None,
    };
    let usable = order.usable_exit.contains(&status);
    if usable && (status == 0 || answer.stdout.bytes() > 0) {
        return None;
    }
    // Without a head nothing can be recognized, and the answer stands as it is.
    let head = answer.stderr.head(STDERR_HEAD).unwrap_or_default();
    if sent.argv().iter().any(|word| word == TIMEOUT) && timeout_refused(&head) {
        return Some(Unusable::OldTimeout);
    }
    let program = sent.argv().first().map(String::as_str).unwrap_or_default();
    if windows_program_missing(program, status, &head) {
        return Some(Unusable::Tool(Condition::ToolMissing));
    }
    if order.wrap.sudo.is_some() && escalation_refused(status, &head) {
        return Some(Unusable::SudoRefused);
    }
    let condition = fallback_condition(status, &head);
    // Where a missing file is an answer, only the tool itself can still be wrong.
    condition.filter(|c| !usable || *c != Condition::FileMissing).map(Unusable::Tool)
}
