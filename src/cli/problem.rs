//! Turns any error into what people see: a stable code, the place, the cause, a remedy one can
//! type, and the exit code.

use std::fmt;

use crate::cli::color;

/// Exit codes, as scripts may rely on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything that was asked for is there.
    Clean = 0,
    /// A defect of fleetstat.
    Internal = 1,
    /// The command line is wrong.
    Usage = 2,
    /// Some hosts failed.
    SomeFailed = 20,
    /// All hosts failed.
    AllFailed = 21,
    /// Only unreachable hosts are missing.
    Unreachable = 22,
    /// Inventory or playbook is invalid.
    Invalid = 30,
    /// The configuration is invalid.
    Config = 31,
    /// The store cannot be used.
    Store = 40,
    /// Evidence could not be written.
    EvidenceNotWritten = 41,
    /// Evidence was changed.
    EvidenceChanged = 50,
    /// Evidence is incomplete.
    EvidenceIncomplete = 51,
    /// Stopped before its end.
    Stopped = 75,
    /// Interrupted from the keyboard.
    Interrupted = 130,
}

/// Every exit code with what it tells a script.
pub const EXITS: &[(Exit, &str)] = &[
    (Exit::Clean, "everything that was asked for is there"),
    (Exit::Internal, "a defect of fleetstat"),
    (Exit::Usage, "the command line is wrong, or what it names is not there"),
    (
        Exit::SomeFailed,
        "some hosts failed; with `parse`, some lines were not understood; with `import`, some rows \
         were left out; with `replay`, today's readers read something otherwise; with `check`, an \
         account lacks something or has too much",
    ),
    (Exit::AllFailed, "all hosts failed"),
    (Exit::Unreachable, "only unreachable hosts are missing"),
    (
        Exit::Invalid,
        "the inventory, the playbook, a site probe or a file to import is invalid; nothing was started",
    ),
    (Exit::Config, "the configuration is invalid"),
    (Exit::Store, "the store cannot be used; the evidence is whole"),
    (Exit::EvidenceNotWritten, "evidence could not be written"),
    (Exit::EvidenceChanged, "evidence was changed"),
    (Exit::EvidenceIncomplete, "evidence is incomplete"),
    (Exit::Stopped, "stopped before its end by a signal; run again for the hosts that are missing"),
    (Exit::Interrupted, "interrupted from the keyboard"),
];

/// One row of the table of problems.
#[derive(Clone, Copy, Debug)]
pub struct ProblemKind {
    /// Stable code.
    pub code: &'static str,
    /// Exit code of a command that ends with it.
    pub exit: Exit,
    /// What it means.
    pub meaning: &'static str,
    /// What to do. A problem may bring a better one of its own.
    pub remedy: &'static str,
}

macro_rules! problems {
    ($($code:literal $exit:ident $meaning:literal $remedy:literal)*) => {
        &[$(ProblemKind { code: $code, exit: Exit::$exit, meaning: $meaning, remedy: $remedy }),*]
    };
}

/// Every problem the command line reports itself. Inventory and playbook defects bring the codes
/// of their own tables.
pub const PROBLEMS: &[ProblemKind] = problems! {
    "FS-USE-001" Usage "the command line cannot be understood" "see `fleetstat help`"
    "FS-USE-002" Usage "no inventory was named" "add `-i FILE` (the source tree has inventories/localhost.yaml), or set FLEETSTAT_INVENTORY"
    "FS-USE-003" Usage "a time cannot be understood" "write RFC 3339 (2026-11-24T01:42:00Z) or an age (90s, 15m, 8h, 30d)"
    "FS-USE-004" Usage "a selector cannot be understood" "write it like `role=db & env=prod & !tag=lab`"
    "FS-USE-005" Usage "no host matches" "see `fleetstat hosts -i FILE` for what there is"
    "FS-USE-006" Usage "no such probe or reader" "see `fleetstat probes`"
    "FS-USE-007" Usage "a file cannot be read" "check the path and its permissions"
    "FS-USE-008" Usage "the answer needs a person" "run it on a terminal, or give `--fingerprints FILE`"
    "FS-USE-009" Usage "no such host, run or snapshot in the store" "collect first with `fleetstat run PLAYBOOK -i FILE`; `fleetstat runs` lists what there is"
    "FS-USE-010" Usage "no such code, fault or exit code" "`fleetstat explain` lists all"
    "FS-USE-030" Usage "ssh cannot be asked for its settings" "install the OpenSSH client, and try `ssh -G HOST` yourself"
    "FS-CFG-001" Config "no place for store and evidence" "set FLEETSTAT_DATA or HOME, or add `--data DIR`"
    "FS-CFG-002" Config "a known_hosts file cannot be used" "mend the line, or name another file with `--known-hosts`"
    "FS-CFG-003" Config "no account can be used" "mend the account's key, certificate or password, or start ssh-agent with the key"
    "FS-SITE-001" Invalid "a site probe is not acceptable" "see docs/reference/commands.md for what a command may be"
    "FS-IMP-001" Invalid "an import has rows that are wrong" "mend them, or add `--skip-bad` to leave them out"
    "FS-OUT-001" Usage "the answer cannot be saved" "name a file in a folder that can be written to"
    "FS-STO-001" Store "the store cannot be used" "`fleetstat rebuild` makes the store again from evidence"
    "FS-EVI-001" EvidenceNotWritten "evidence could not be written" "make room on the disk and run again for the hosts that are missing"
    "FS-EVI-002" EvidenceChanged "evidence was changed" "treat the run's folder as tampered with; compare with a copy"
    "FS-EVI-003" EvidenceIncomplete "evidence is incomplete" "the run did not end; what it wrote before is whole: run again for the hosts that are missing"
    "FS-EVI-004" EvidenceIncomplete "an evidence folder or file cannot be read" "name a run's folder, or a run id from `fleetstat runs`"
    "FS-INT-001" Internal "a defect of fleetstat" "please report it with the output of the same command and `-vv`"
};

/// A problem to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Its code.
    pub code: &'static str,
    /// `file:line`, where there is one.
    pub place: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to do; the table's remedy when `None`.
    pub help: Option<String>,
    /// The exit code, where it is not that of the table.
    pub exit: Option<Exit>,
}

impl Problem {
    /// A problem without a place.
    #[must_use]
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, place: None, message: message.into(), help: None, exit: None }
    }

    /// Replaces the remedy of the table.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    fn kind(&self) -> Option<&'static ProblemKind> {
        PROBLEMS.iter().find(|kind| kind.code == self.code)
    }

    /// The exit code that goes with it.
    #[must_use]
    pub fn exit(&self) -> Exit {
        // Codes outside the table are defects of inventory, playbook or site probes.
        self.exit.or_else(|| self.kind().map(|kind| kind.exit)).unwrap_or(Exit::Invalid)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = format!("error[{}]", self.code);
        write!(f, "{}: ", color::paint(&head, color::ERROR))?;
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.message)?;
        let remedy = self.help.as_deref().or_else(|| self.kind().map(|kind| kind.remedy));
        remedy.map_or(Ok(()), |remedy| {
            write!(f, "\n  {} {remedy}", color::paint("help:", color::HELP))
        })
    }
}

/// Problems that end a command. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// The exit code: that of the first.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.0.first().map_or(Exit::Internal, Problem::exit)
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|problem| writeln!(f, "{problem}"))?;
        match self.0.len() {
            0 | 1 => Ok(()),
            count => writeln!(f, "{count} faults in all"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_every_kind_has_a_remedy() {
        let mut codes: Vec<_> = PROBLEMS.iter().map(|kind| kind.code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), PROBLEMS.len());
        assert!(PROBLEMS.iter().all(|kind| !kind.remedy.is_empty() && !kind.meaning.is_empty()));
    }

    #[test]
    fn a_problem_shows_code_place_and_remedy() {
        let mut problem = Problem::new("FS-USE-002", "no inventory");
        problem.place = Some("x.yaml:3".to_owned());
        assert_eq!(
            problem.to_string(),
            "error[FS-USE-002]: x.yaml:3: no inventory\n  help: add `-i FILE` (the source tree has inventories/localhost.yaml), or set FLEETSTAT_INVENTORY"
        );
        assert_eq!(problem.exit(), Exit::Usage);
    }
}
