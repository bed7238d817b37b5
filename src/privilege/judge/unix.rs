//! The account of a Unix host: its groups, capabilities and rules of sudo, and the host's tools.

use std::collections::BTreeSet;

use crate::model::fact::SudoRule;
use crate::model::host::Platform;
use crate::model::privilege::{Grant, Verdict};
use crate::model::text::HostText;
use crate::privilege::excess::{self, OWNER_CAPABILITIES};
use crate::privilege::judge::{Ended, Findings, Identity, Looked, escalates};
use crate::probe::command::sudo_path;
use crate::probe::{Privilege, Probe, Usage, by_id, platform_probes, sudoers};

/// Rules of sudo that are named one by one: 8. Whoever has more is shown their number.
const RULES_SHOWN: usize = 8;

pub(super) fn judge(identity: &Identity<'_>, looked: &[Looked], findings: &mut Findings<'_>) {
    let platform = findings.host.asset.platform;
    if identity.uid == Some(0) {
        let remedy = "log in as an account of its own: see `fleetstat harden`; what needs root for \
                      owners goes through sudo";
        findings.too_much("the account is root (uid 0)".to_owned(), remedy);
    } else {
        groups(identity, findings);
        capabilities(identity, findings);
        foreign_rules(platform, identity, findings);
    }
    // Without the list nothing can be said of tools.
    let listed = looked.iter().any(|one| {
        one.probe.usage == Usage::FindTools && one.ended == Ended::Answered && one.rows > 0
    });
    let host = Host { identity, listed };
    tools(platform, &host, findings);
    owners(platform, &host, looked, findings);
}

/// What is known of the host.
struct Host<'a> {
    identity: &'a Identity<'a>,
    /// Whether it listed its tools.
    listed: bool,
}

impl Host<'_> {
    /// The path at which the host has a probe's program; the first one, when it listed none.
    fn path_of(&self, probe: &'static Probe) -> Option<&'static str> {
        let paths = probe.tool.paths();
        if !self.listed {
            return paths.first().copied();
        }
        paths.iter().copied().find(|path| self.has(path))
    }

    fn has(&self, path: &str) -> bool {
        self.identity.tools.iter().any(|found| found.bytes() == path.as_bytes())
    }

    /// The probe that would be asked: this one, or the first of its chain whose program is there.
    fn stand_in(&self, probe: &'static Probe) -> Option<&'static Probe> {
        if self.path_of(probe).is_some() {
            return Some(probe);
        }
        let fallback = probe.fallback.as_ref()?;
        // Chains end: the table was checked when it was compiled.
        fallback.probes.iter().filter_map(|id| by_id(id)).find_map(|next| self.stand_in(next))
    }
}

fn groups(identity: &Identity<'_>, findings: &mut Findings<'_>) {
    // A host may name a group as often as it likes.
    let names: BTreeSet<&[u8]> = identity.groups.iter().map(|group| group.bytes()).collect();
    for group in names.into_iter().map(HostText::new) {
        if let Some(gives) = excess::of_group(group.bytes()) {
            let what = format!("group {}: {gives}", group.escaped());
            findings.too_much(what, "take the account out of this group");
        }
    }
}

fn capabilities(identity: &Identity<'_>, findings: &mut Findings<'_>) {
    let more = identity.capabilities.unwrap_or(0) & !OWNER_CAPABILITIES;
    if more != 0 {
        let what = format!("capabilities {more:016x} beyond those that show owners of sockets");
        findings.too_much(what, "find what gives them to a login (pam_cap, the service of sshd)");
    }
}

/// Rules of sudo that are none of the standard's.
fn foreign_rules(platform: Platform, identity: &Identity<'_>, findings: &mut Findings<'_>) {
    let ours: Vec<_> = sudoers::rules(platform).map(|rule| rule.command).collect();
    let is_ours = |rule: &&&SudoRule| {
        let command = rule.command.bytes();
        rule.runas.bytes() == b"root" && ours.iter().any(|our| our.as_bytes() == command)
    };
    let foreign: Vec<_> = identity.rules.iter().filter(|rule| !is_ours(rule)).collect();
    let remedy = "take the rule out, unless another program needs it: then give that an account of \
                  its own";
    for rule in foreign.iter().take(RULES_SHOWN) {
        let tag = if rule.password { "" } else { "NOPASSWD: " };
        let (runas, command) = (rule.runas.escaped(), rule.command.escaped());
        let what =
            format!("a rule of sudo that is none of the standard's: ({runas}) {tag}{command}");
        findings.too_much(what, remedy);
    }
    let rest = foreign.len().saturating_sub(RULES_SHOWN);
    if rest > 0 {
        findings
            .too_much(format!("{rest} more rules of sudo that are none of the standard's"), remedy);
    }
}

/// Programs that no path of the host has.
fn tools(platform: Platform, host: &Host<'_>, findings: &mut Findings<'_>) {
    if !host.listed {
        let what = "the host does not list its programs: what it lacks of them cannot be said";
        return findings.add(Verdict::Reduced, what.to_owned(), &[], (None, None));
    }
    for probe in platform_probes(platform).filter(|probe| probe.usage == Usage::Planned) {
        let tool = probe.tool.name();
        match host.stand_in(probe) {
            Some(same) if same.id == probe.id => {}
            Some(other) => {
                let what = format!("{tool} is not on the host: {} stands in", other.id);
                findings.add(Verdict::Reduced, what, &[probe], (None, None));
            }
            None => {
                let verdict = if probe.optional { Verdict::Reduced } else { Verdict::Lacks };
                let what = format!("{tool} is not on the host, and nothing stands in");
                let remedy = crate::model::fault::FaultKind::ToolMissing.remedy().to_owned();
                findings.add(verdict, what, &[probe], (None, Some(remedy)));
            }
        }
    }
}

/// Whether owners of other accounts' sockets would be seen.
fn owners(platform: Platform, host: &Host<'_>, looked: &[Looked], findings: &mut Findings<'_>) {
    let raised: Vec<&'static Probe> = platform_probes(platform)
        .filter(|probe| probe.usage == Usage::Planned)
        .filter_map(|probe| host.stand_in(probe))
        .filter(|probe| probe.needs == Privilege::Owners)
        .collect();
    let capabilities = host.identity.capabilities.unwrap_or(0);
    let all = capabilities & OWNER_CAPABILITIES == OWNER_CAPABILITIES;
    if raised.is_empty() || host.identity.uid == Some(0) || all {
        return;
    }
    if !escalates(findings.host) {
        let what = "owners of other accounts' sockets stay unknown: the inventory says nothing of \
                    `escalation: sudo`";
        return findings.ungranted(Verdict::Reduced, what.to_owned(), &raised, Grant::Sudo);
    }
    let sudo = sudo_path(platform);
    if host.listed && !host.has(sudo) {
        let what =
            format!("{sudo} is not on the host: owners of other accounts' sockets stay unknown");
        return findings.ungranted(Verdict::Lacks, what, &raised, Grant::Sudo);
    }
    if !looked.iter().any(|one| one.probe.tool.name() == "sudo") {
        let what = "whether sudo allows the commands is not asked on this platform";
        return findings.ungranted(Verdict::Reduced, what.to_owned(), &raised, Grant::Sudo);
    }
    for probe in raised {
        let Some(path) = host.path_of(probe) else { continue };
        let command = sudoers::command(probe, path);
        if !host.identity.rules.iter().any(|rule| allows(rule, &command)) {
            let verdict = if probe.optional { Verdict::Reduced } else { Verdict::Lacks };
            let what = format!("sudo does not allow, without a password: {command}");
            findings.ungranted(verdict, what, &[probe], Grant::Sudo);
        }
    }
}

/// True when a rule lets the command run as root without a password.
fn allows(rule: &SudoRule, command: &str) -> bool {
    let runas = rule.runas.bytes();
    let as_root = runas.starts_with(b"root") || runas.starts_with(b"ALL");
    let said = rule.command.bytes();
    let program = command.split(' ').next().unwrap_or_default();
    let matches = [b"ALL".as_slice(), command.as_bytes(), program.as_bytes()].contains(&said);
    as_root && !rule.password && matches
}
