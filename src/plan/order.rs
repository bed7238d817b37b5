//! What one visit asks: orders, each with every command that may be sent to get its answer.

use std::borrow::Cow;
use std::sync::Arc;

use crate::inventory::host::Host;
use crate::model::deadline::CommandLimits;
use crate::model::digest::Sha256;
use crate::model::id::ProbeId;
use crate::model::snapshot::View;
use crate::probe::command::{Command, Invocation, Wrap};
use crate::probe::follow::{Each, Pid};

/// One question to one host. Nothing but its invocations, and those of its fallbacks, is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The probe that asks.
    pub probe: ProbeId,
    /// Digest of the probe's command in the command standard.
    pub digest: Sha256,
    /// Name of the reader of its answer; `text` when it is only kept as evidence.
    pub reader: Cow<'static, str>,
    /// Views the answer serves, of those that were asked for.
    pub views: Vec<View>,
    /// The command at each path where its tool may be, in the order they are tried. At least one.
    pub candidates: Vec<Command>,
    /// Asked only in a visit in which one of these probes was answered. Empty: always.
    pub after: &'static [&'static str],
    /// Asked about processes that earlier answers named: then a candidate is the command without
    /// their files, and only [`Order::about`] makes it one that can be sent.
    pub each: Option<Each>,
    /// A missing tool is no fault of the visit.
    pub optional: bool,
    /// Of the rich profile: asked behind all others, which answer its views without it.
    pub rich: bool,
    /// Probes whose answer tells all that this one would.
    pub covered_by: &'static [&'static str],
    /// What goes around the command.
    pub wrap: Wrap,
    /// Exit statuses with which the answer is usable.
    pub usable_exit: &'static [u32],
    /// False when success without output is an ordinary answer.
    pub expects_output: bool,
    /// Limits of the command.
    pub limits: CommandLimits,
    /// What replaces it, and when. Asked in order; the first whose condition holds is taken.
    pub fallbacks: Vec<Fallback>,
}

/// Orders that replace another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fallback {
    /// The condition.
    pub when: When,
    /// Taken too where output was cut at the cap.
    pub cut: bool,
    /// What is asked instead.
    pub orders: Vec<Arc<Order>>,
}

/// When a fallback is taken. A time-out or a lost link is never such a condition: the host said
/// nothing about its tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// `sudo -n` would have asked for a password, or does not allow the command.
    SudoRefused,
    /// The tool is missing, does not know an option, or a file is not there.
    ToolUnusable,
    /// The output was cut at the cap. Never the condition of a fallback alone; see [`Fallback::cut`].
    OutputCut,
}

impl Fallback {
    /// True when it is taken on this.
    #[must_use]
    pub fn takes(&self, when: When) -> bool {
        self.when == when || self.cut && when == When::OutputCut
    }

    /// The condition as `plan` prints it.
    #[must_use]
    pub const fn words(&self) -> &'static str {
        match (self.when, self.cut) {
            (When::SudoRefused, _) => "sudo refuses",
            (When::ToolUnusable, false) => "exit 127, usage error or missing file",
            (When::ToolUnusable, true) => {
                "exit 127, usage error, missing file or output over the cap"
            }
            (When::OutputCut, _) => "output over the cap",
        }
    }
}

impl Order {
    /// What is sent when the tool is at the `index`-th candidate path. `None` past the last, and
    /// for a question about processes before it is known which.
    #[must_use]
    pub fn invocation(
        &self,
        index: usize,
        has_timeout: bool,
        has_nice: bool,
    ) -> Option<Invocation> {
        if self.each.is_some() {
            return None;
        }
        self.invoked(index, has_timeout, has_nice)
    }

    fn invoked(&self, index: usize, has_timeout: bool, has_nice: bool) -> Option<Invocation> {
        let mut wrap = self.wrap;
        if !has_timeout {
            wrap.timeout_seconds = None;
        }
        wrap.nice &= has_nice;
        self.candidates.get(index).map(|command| command.invoke(wrap))
    }

    /// The same question about these processes. `None` when it is about none, or they are too many.
    #[must_use]
    pub fn about(&self, pids: &[Pid]) -> Option<Self> {
        let each = self.each?;
        let fill = |command: &Command| each.fill(command, pids);
        let candidates: Option<Vec<Command>> = self.candidates.iter().map(fill).collect();
        Some(Self { candidates: candidates?, each: None, ..self.clone() })
    }

    /// True when another command takes its place where its output is over the cap.
    #[must_use]
    pub fn has_shorter(&self) -> bool {
        self.fallbacks.iter().any(|fallback| fallback.cut)
    }

    /// The line as `plan` prints it: what is sent, with `{pid}` for process ids that are not known
    /// yet. `None` past the last candidate.
    #[must_use]
    pub fn shown(&self, index: usize, has_timeout: bool) -> Option<String> {
        let line = self.invoked(index, has_timeout, true)?.line();
        Some(match &self.each {
            Some(each) => format!("{line} {}", each.shown()),
            None => line,
        })
    }

    /// The path of the tool at the `index`-th candidate.
    #[must_use]
    pub fn path(&self, index: usize) -> Option<&str> {
        self.candidates.get(index)?.words().first().map(String::as_str)
    }
}

/// Everything that is asked of one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// The host.
    pub host: Arc<Host>,
    /// Orders in the sequence they are sent. Shared by hosts that are asked the same.
    pub orders: Arc<[Arc<Order>]>,
    /// Asked once per visit when a tool is not at its first path.
    pub tools: Option<Arc<Order>>,
}
