//! What a built-in probe is, and the checks on a table of them that run when fleetstat is compiled.

use std::time::Duration;

use crate::model::digest::Sha256;
use crate::model::host::{Platform, words};
use crate::model::id::ProbeId;
use crate::model::parsed::Reader;
use crate::model::privilege::Grant;
use crate::model::snapshot::View;
use crate::probe::command::{Arguments, Command};
use crate::probe::fallback::Fallback;
use crate::probe::follow::Each;
use crate::probe::gap::Gap;
use crate::probe::tool::Tool;

words! {
    /// What an account must be able to do for a whole answer.
    Privilege {
        /// Any account gets the whole answer.
        Any = "any account",
        /// Any account gets an answer; the owners of other accounts' sockets need root through
        /// `sudo -n`, or `CAP_SYS_PTRACE` with `CAP_DAC_READ_SEARCH`. Neither alone is enough.
        Owners = "root for owners",
    }
}

words! {
    /// How it is known that a probe does what it says.
    Verified {
        /// Ran on a real system while this version was tested.
        Live = "live",
        /// Its reader was tested on a recorded answer of a real system.
        Recorded = "recorded",
        /// Written from documentation.
        Grammar = "grammar",
    }
}

words! {
    /// When a probe runs.
    Usage {
        /// Whenever a view it serves is asked for.
        Planned = "planned",
        /// Only in place of another.
        Fallback = "fallback",
        /// Once a visit, after the first exit 127.
        FindTools = "find tools",
        /// Only where the rich profile was asked for.
        Rich = "rich profile",
        /// Only by `fleetstat check`, which looks at the account.
        Check = "check",
    }
}

words! {
    /// How much is asked for a view.
    Profile {
        /// What every account gets from the programs of the system.
        Default = "default",
        /// That, and behind it what a richer source tells, where a platform has one: PowerShell on
        /// Windows. The views do not depend on it.
        Rich = "rich",
    }
}

words! {
    /// How an answer names the owners of sockets.
    Naming {
        /// It names none, or its arguments tell whether it does.
        Nothing = "nothing",
        /// In the rows of its own sockets. With [`Privilege::Any`], every account sees all of them.
        InRows = "in rows",
        /// It names processes by their ids: those that other rows tell without a name.
        Processes = "processes",
        /// Its rows are what processes hold: sockets that other probes list too, from the owners'
        /// side. `normalize` joins both by their ends.
        HeldSockets = "held sockets",
    }
}

/// Makes a parser.
pub type MakeReader = fn() -> Box<dyn Reader>;

/// One question, as a row of the command standard.
#[derive(Debug)]
pub struct Probe {
    /// Its name.
    pub id: ProbeId,
    /// Raised whenever command or meaning change.
    pub version: u16,
    /// Operating system family.
    pub platform: Platform,
    /// When it runs.
    pub usage: Usage,
    /// Views it answers: they are not whole without it.
    pub views: &'static [View],
    /// Views it only gives context to: their status does not depend on it.
    pub context_for: &'static [View],
    /// The program.
    pub tool: &'static Tool,
    /// The words after the program.
    pub arguments: Arguments,
    /// Whether it goes through sudo where the account may.
    pub needs: Privilege,
    /// What an administrator gives the account for a whole answer. `fleetstat harden` and
    /// `fleetstat check` are made from it.
    pub grants: &'static [Grant],
    /// Longest wait for the first byte. `None`: the visit's default.
    pub first_byte: Option<Duration>,
    /// Longest time in all. `None`: the visit's default.
    pub total: Option<Duration>,
    /// False when success with no output is an ordinary answer (no routes).
    pub expects_output: bool,
    /// Exit statuses after which the output is an answer: 0, and where one of many files may be
    /// missing, the status that says so.
    pub usable_exits: &'static [u32],
    /// Asked only in a visit in which one of these probes was answered. Empty: always.
    pub after: &'static [&'static str],
    /// Asked about each of some processes that earlier answers named, with files of theirs after
    /// the arguments. `None`: asked once, as it stands.
    pub each: Option<Each>,
    /// A visit without its answer has no fault: it only tells less.
    pub optional: bool,
    /// Probes whose answer tells all that this one would: where one of them was answered, nothing
    /// is missing without this one.
    pub covered_by: &'static [&'static str],
    /// It looks into containers, which a playbook can leave out.
    pub containers: bool,
    /// How it names owners of sockets.
    pub naming: Naming,
    /// What takes its place. `None`: nothing can.
    pub fallback: Option<Fallback>,
    /// What its answer leaves out however well it went.
    pub cannot_say: &'static [Gap],
    /// How it was verified.
    pub verified: Verified,
    /// Manual page.
    pub manual: &'static str,
    /// What it reads: one sentence.
    pub reads: &'static str,
    /// Makes a parser of its output.
    pub reader: MakeReader,
}

impl Probe {
    /// A planned probe of Linux that any account may run, with the defaults of a visit. It is run
    /// by the tests, which need Linux.
    pub(in crate::probe) const fn linux(
        id: &'static str,
        tool: &'static Tool,
        arguments: Arguments,
        reader: MakeReader,
    ) -> Self {
        Self::of(Platform::Linux, id, tool, arguments, reader).proved(Verified::Live)
    }

    /// A planned probe of a platform that any account may run, with the defaults of a visit,
    /// written from documentation until [`Self::proved`] says more.
    pub(in crate::probe) const fn of(
        platform: Platform,
        id: &'static str,
        tool: &'static Tool,
        arguments: Arguments,
        reader: MakeReader,
    ) -> Self {
        Self {
            id: ProbeId::builtin(id),
            version: 1,
            platform,
            usage: Usage::Planned,
            views: &[],
            context_for: &[],
            tool,
            arguments,
            needs: Privilege::Any,
            // A probe of Windows says so itself: what a network logon may read there is no one thing.
            grants: if matches!(platform, Platform::Windows) { &[] } else { &[Grant::Shell] },
            first_byte: None,
            total: None,
            expects_output: true,
            usable_exits: &[0],
            after: &[],
            each: None,
            optional: false,
            covered_by: &[],
            containers: false,
            naming: Naming::Nothing,
            fallback: None,
            cannot_say: &[],
            verified: Verified::Grammar,
            manual: "",
            reads: "",
            reader,
        }
    }

    /// Says what is read and where it is documented.
    pub(in crate::probe) const fn reads(
        mut self,
        reads: &'static str,
        manual: &'static str,
    ) -> Self {
        self.reads = reads;
        self.manual = manual;
        self
    }

    /// Says which views it answers, and to which it only gives context.
    pub(in crate::probe) const fn serves(
        mut self,
        views: &'static [View],
        context_for: &'static [View],
    ) -> Self {
        self.views = views;
        self.context_for = context_for;
        self
    }

    /// Names what takes its place.
    pub(in crate::probe) const fn or(mut self, fallback: Fallback) -> Self {
        self.fallback = Some(fallback);
        self
    }

    /// Makes it run only in place of another.
    pub(in crate::probe) const fn only(mut self, usage: Usage) -> Self {
        self.usage = usage;
        self
    }

    /// Takes these exit statuses for an answer.
    pub(in crate::probe) const fn usable(mut self, exits: &'static [u32]) -> Self {
        self.usable_exits = exits;
        self
    }

    /// Takes no output for an ordinary answer.
    pub(in crate::probe) const fn may_be_empty(mut self) -> Self {
        self.expects_output = false;
        self
    }

    /// Makes it be asked only where one of these probes was answered in the same visit.
    pub(in crate::probe) const fn after(mut self, probes: &'static [&'static str]) -> Self {
        self.after = probes;
        self
    }

    /// Asks about each of some processes that earlier answers of the visit named.
    pub(in crate::probe) const fn about_each(mut self, each: Each) -> Self {
        self.each = Some(each);
        self
    }

    /// Names probes of which one answer tells all that this one would.
    pub(in crate::probe) const fn covered_by(mut self, probes: &'static [&'static str]) -> Self {
        self.covered_by = probes;
        self
    }

    /// Makes a missing answer no fault of the visit.
    pub(in crate::probe) const fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Makes it part of looking into containers. What keeps them from view is said in the records.
    pub(in crate::probe) const fn of_containers(mut self) -> Self {
        self.containers = true;
        self.optional = true;
        self
    }

    /// Says what its tool leaves out.
    pub(in crate::probe) const fn lacks(mut self, gaps: &'static [Gap]) -> Self {
        self.cannot_say = gaps;
        self
    }

    /// Says how it names owners of sockets.
    pub(in crate::probe) const fn names(mut self, naming: Naming) -> Self {
        self.naming = naming;
        self
    }

    /// Says how it was verified.
    pub(in crate::probe) const fn proved(mut self, verified: Verified) -> Self {
        self.verified = verified;
        self
    }

    /// Says what an administrator gives the account.
    pub(in crate::probe) const fn granted(mut self, grants: &'static [Grant]) -> Self {
        self.grants = grants;
        self
    }

    /// Asks for owners: more privilege, more time (every descriptor of every process is looked at
    /// before the first row is printed).
    pub(in crate::probe) const fn with_owners(mut self) -> Self {
        self.needs = Privilege::Owners;
        self.grants = &[Grant::Shell, Grant::Sudo];
        self.first_byte = Some(Duration::from_secs(90));
        self.total = Some(Duration::from_mins(2));
        self
    }

    /// True when the view is answered by the probe, or gets context from it.
    #[must_use]
    pub fn concerns(&self, view: View) -> bool {
        self.views.contains(&view) || self.context_for.contains(&view)
    }

    /// The command with the program at the path that is tried first.
    #[must_use]
    pub fn command(&self) -> Command {
        Command::of_tool(self.tool.first_path(), self.arguments)
    }

    /// The command with the program where the host has it. `None`: the path is none of the tool's
    /// candidates, so it is not run.
    #[must_use]
    pub fn command_at(&self, path: &str) -> Option<Command> {
        self.command().at(self.tool, path)
    }

    /// True when output that ended with this status is an answer.
    #[must_use]
    pub fn accepts(&self, exit: u32) -> bool {
        self.usable_exits.contains(&exit)
    }

    /// Digest of what is sent: SHA-256 over canonical JSON (sorted keys, no blanks) of id, version,
    /// candidate paths, arguments and privilege, and of a question about processes the files and
    /// the bounds. Playbooks and evidence refer to it.
    #[must_use]
    pub fn digest(&self) -> Sha256 {
        let mut canonical = serde_json::json!({
            "arguments": self.arguments.words(),
            "id": self.id.as_str(),
            "needs": self.needs.as_str(),
            "paths": self.tool.paths(),
            "version": self.version,
        });
        if let (Some(each), Some(object)) = (&self.each, canonical.as_object_mut()) {
            object.insert("each".to_owned(), each.canonical());
        }
        Sha256::of(canonical.to_string().as_bytes())
    }
}

/// Checks one platform's table. In a `const` a fault stops the build.
///
/// # Panics
/// When the first probe does not read the clock, two probes have one id, a fallback names a probe
/// that is not there or does not itself stand as a fallback, or a sentence or its grants are missing.
#[expect(clippy::indexing_slicing, reason = "runs at build time: a panic is the build error")]
pub const fn assert_sound(probes: &[Probe]) {
    assert!(!probes.is_empty(), "a table of probes is empty");
    assert!(ends_with(id(probes, 0), "/clock"), "a visit begins with the clock");
    let mut at = 0;
    while at < probes.len() {
        let probe = &probes[at];
        assert!(position(probes, id(probes, at)) == at, "two probes have the same id");
        assert!(!probe.reads.is_empty() && !probe.manual.is_empty(), "a probe says what it reads");
        assert!(!probe.usable_exits.is_empty(), "a probe has a usable exit status");
        assert!(!probe.grants.is_empty(), "a probe says what the account is given for it");
        if let Some(fallback) = &probe.fallback {
            assert!(!fallback.on.is_empty(), "a fallback has a condition");
            let mut next = 0;
            while next < fallback.probes.len() {
                let found = position(probes, fallback.probes[next]);
                assert!(found < probes.len(), "a fallback names a probe that is not there");
                let usage = probes[found].usage;
                assert!(matches!(usage, Usage::Fallback), "a fallback is a probe of its own");
                assert!(found > at, "a fallback stands behind what it replaces, so chains end");
                next += 1;
            }
        }
        let mut named = 0;
        while named < probe.after.len() {
            let found = position(probes, probe.after[named]);
            assert!(found < at, "a probe that follows another stands behind it in the table");
            named += 1;
        }
        let mut covers = 0;
        while covers < probe.covered_by.len() {
            let found = position(probes, probe.covered_by[covers]);
            assert!(found < probes.len(), "a probe that covers another is not there");
            covers += 1;
        }
        if let Some(each) = &probe.each {
            each.assert_sound();
        }
        at += 1;
    }
}

#[expect(clippy::indexing_slicing, reason = "runs at build time: a panic is the build error")]
const fn id(probes: &[Probe], at: usize) -> &str {
    probes[at].id.builtin_str()
}

/// Index of the first probe with this id; the number of probes when there is none.
const fn position(probes: &[Probe], wanted: &str) -> usize {
    let mut at = 0;
    while at < probes.len() {
        if same(id(probes, at).as_bytes(), wanted.as_bytes()) {
            return at;
        }
        at += 1;
    }
    at
}

const fn ends_with(text: &str, end: &str) -> bool {
    let (text, end) = (text.as_bytes(), end.as_bytes());
    match text.split_at_checked(text.len().saturating_sub(end.len())) {
        Some((_, tail)) => same(tail, end),
        None => false,
    }
}

#[expect(clippy::indexing_slicing, reason = "const fn: iterators cannot be used; `at` is bounded")]
const fn same(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    let mut at = 0;
    while at < left.len() {
        if left[at] != right[at] {
            return false;
        }
        at += 1;
    }
    true
}
