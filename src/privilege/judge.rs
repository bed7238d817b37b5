//! What an account lacks and what it has too much of, from what its host said.
//!
//! Comes in: a host of the inventory and the answers of [`crate::probe::check_probes`]. Goes out:
//! findings, those that matter most first. Nothing is guessed: what was not answered is a finding.

mod unix;
mod windows;

use crate::inventory::host::{Escalation, Host};
use crate::model::fact::{Fact, SudoRule};
use crate::model::fault::{Fault, FaultKind};
use crate::model::host::Platform;
use crate::model::privilege::{AccountFinding, Grant, Verdict};
use crate::model::text::HostText;
use crate::probe::Probe;

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With an answer.
    Answered,
    /// Its program is not on the host.
    ToolMissing,
    /// Otherwise: one line, text from the host escaped.
    Failed(String),
}

/// What came of one probe.
#[derive(Clone, Debug)]
pub struct Looked {
    /// The probe.
    pub probe: &'static Probe,
    /// How it ended.
    pub ended: Ended,
    /// Facts in its answer.
    pub facts: Vec<Fact>,
    /// Rows in its answer.
    pub rows: usize,
    /// Whether a row names a service.
    pub services: bool,
    /// Whether a row names the user of a process.
    pub users: bool,
}

/// What an account is, as its host said it.
#[derive(Debug, Default)]
struct Identity<'a> {
    name: Option<&'a HostText<'static>>,
    uid: Option<u32>,
    groups: Vec<&'a HostText<'static>>,
    privileges: Vec<&'a HostText<'static>>,
    capabilities: Option<u64>,
    rules: Vec<&'a SudoRule>,
    tools: Vec<&'a HostText<'static>>,
}

impl<'a> Identity<'a> {
    fn of(looked: &'a [Looked]) -> Self {
        let mut this = Self::default();
        for fact in looked.iter().flat_map(|one| &one.facts) {
            match fact {
                Fact::AccountName(name) => this.name = Some(name),
                Fact::EffectiveUid(uid) => this.uid = Some(*uid),
                Fact::AccountGroups(groups) => this.groups.extend(groups),
                Fact::AccountPrivileges(privileges) => this.privileges.extend(privileges),
                Fact::EffectiveCapabilities(mask) => this.capabilities = Some(*mask),
                Fact::SudoRules(rules) => this.rules.extend(rules),
                Fact::Tool(_, path) => this.tools.push(path),
                _ => {}
            }
        }
        this
    }
}

/// Findings of one host, and what each needs.
struct Findings<'a> {
    host: &'a Host,
    account: Option<String>,
    found: Vec<AccountFinding>,
}

impl<'a> Findings<'a> {
    fn new(host: &'a Host, account: Option<String>) -> Self {
        let account = account.or_else(|| host.account.as_ref().map(|account| account.user.clone()));
        Self { host, account, found: Vec::new() }
    }

    fn add(
        &mut self,
        verdict: Verdict,
        what: String,
        probes: &[&'static Probe],
        (grant, remedy): (Option<Grant>, Option<String>),
    ) {
        self.found.push(AccountFinding {
            host: self.host.asset.name.clone(),
            platform: self.host.asset.platform,
            account: self.account.clone(),
            verdict,
            what,
            probes: probes.iter().map(|probe| probe.id.clone()).collect(),
            grant,
            remedy,
        });
    }

    fn too_much(&mut self, what: String, remedy: &str) {
        self.add(Verdict::TooMuch, what, &[], (None, Some(remedy.to_owned())));
    }

    /// What a missing grant costs: much, or only what is optional.
    fn ungranted(
        &mut self,
        verdict: Verdict,
        what: String,
        probes: &[&'static Probe],
        grant: Grant,
    ) {
        let remedy = remedy(self.host.asset.platform, grant);
        self.add(verdict, what, probes, (Some(grant), Some(remedy)));
    }

    /// Those that matter most first; one that says so where there is nothing to say.
    fn done(mut self) -> Vec<AccountFinding> {
        if self.found.is_empty() {
            let what = "it can read what the default profile asks, and nothing was found that it \
                        should not have";
            self.add(Verdict::Fits, what.to_owned(), &[], (None, None));
        }
        self.found.sort_by_key(|finding| std::cmp::Reverse(finding.verdict));
        self.found
    }
}

/// What gives a grant.
fn remedy(platform: Platform, grant: Grant) -> String {
    let more = match grant {
        Grant::Shell | Grant::Sudo => "",
        Grant::Cimv2 => " --wmi",
        Grant::StandardCimv2 => " --rich",
        Grant::Services | Grant::Administrator => {
            return format!("none: {}", grant.withheld().unwrap_or_default());
        }
    };
    format!("see section `{grant}` of `fleetstat harden --platform {platform}{more}`")
}

/// Looks at what a host said of the account.
#[must_use]
pub fn judge(host: &Host, looked: &[Looked]) -> Vec<AccountFinding> {
    let identity = Identity::of(looked);
    let name = identity.name.map(|name| name.escaped().into_owned());
    let mut findings = Findings::new(host, name);
    unidentified(looked, &mut findings);
    if host.asset.platform == Platform::Windows {
        windows::judge(&identity, looked, &mut findings);
    } else {
        unix::judge(&identity, looked, &mut findings);
    }
    findings.done()
}

/// What a host that could not be looked at is told as.
#[must_use]
pub fn fault(host: &Host, fault: &Fault) -> AccountFinding {
    let mut findings = Findings::new(host, None);
    let denied = host.asset.platform == Platform::Windows && fault.kind == FaultKind::Denied;
    let grant = denied.then_some(Grant::Shell);
    let remedy = match grant {
        Some(grant) => remedy(host.asset.platform, grant),
        // Looking keeps no evidence.
        None if fault.kind == FaultKind::Lost => {
            "the connection broke: see the host's log, then look again".to_owned()
        }
        None => fault.kind.remedy().to_owned(),
    };
    findings.add(Verdict::Fault, fault.to_string(), &[], (grant, Some(remedy)));
    // There is exactly the one that was added.
    findings.done().swap_remove(0)
}

/// Questions about the account itself that were not answered: then too much may be hidden.
fn unidentified(looked: &[Looked], findings: &mut Findings<'_>) {
    for one in looked {
        let name = one.probe.id.as_str().rsplit('/').next().unwrap_or_default();
        if !matches!(name, "account" | "groups" | "privileges") {
            continue;
        }
        let what = match &one.ended {
            Ended::Answered if !one.facts.is_empty() => continue,
            Ended::Answered => "its answer was not understood".to_owned(),
            Ended::ToolMissing => format!("{} is not on the host", one.probe.tool.name()),
            Ended::Failed(detail) => detail.clone(),
        };
        let what = format!("who the account is cannot be said whole: {what}");
        findings.add(Verdict::Lacks, what, &[one.probe], (None, None));
    }
}

/// True when the inventory says that the account goes through sudo.
fn escalates(host: &Host) -> bool {
    host.account.as_ref().is_some_and(|account| account.escalation == Escalation::Sudo)
}

#[cfg(test)]
mod tests;
