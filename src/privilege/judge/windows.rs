//! The account of a Windows host: groups and privileges by their fixed names, WMI by asking it.

use std::collections::BTreeSet;

use crate::model::privilege::{Grant, Verdict};
use crate::model::text::HostText;
use crate::privilege::excess;
use crate::privilege::judge::{Ended, Findings, Identity, Looked};
use crate::probe::Usage;

pub(super) fn judge(identity: &Identity<'_>, looked: &[Looked], findings: &mut Findings<'_>) {
    for group in &identity.groups {
        let shown = group.escaped();
        // `S-1-5-32-544 BUILTIN\Administrators`.
        let identifier = shown.split(' ').next().unwrap_or_default();
        if let Some(gives) = excess::of_identifier(identifier) {
            let remedy = "take the account out of this group; for one of a service make another \
                          account";
            findings.too_much(format!("group {shown}: {gives}"), remedy);
        }
    }
    // A host may name a privilege as often as it likes.
    let names: BTreeSet<&[u8]> = identity.privileges.iter().map(|name| name.bytes()).collect();
    for privilege in names.into_iter().map(HostText::new) {
        if let Some(gives) = excess::of_privilege(privilege.bytes()) {
            let remedy = "take the right from the account, or from the group that it has it by";
            findings.too_much(format!("privilege {}: {gives}", privilege.escaped()), remedy);
        }
    }
    for one in looked.iter().filter(|one| one.probe.usage == Usage::Planned) {
        more_than_a_shell(one, findings);
    }
}

/// A probe that needs more than a shell: did it get it?
fn more_than_a_shell(one: &Looked, findings: &mut Findings<'_>) {
    let needs = |grant| one.probe.grants.contains(&grant);
    let wmi = [Grant::StandardCimv2, Grant::Cimv2].into_iter().find(|grant| needs(*grant));
    let Some(wmi) = wmi else { return };
    let verdict = if one.probe.optional { Verdict::Reduced } else { Verdict::Lacks };
    let probe = [one.probe];
    match &one.ended {
        Ended::ToolMissing => {
            let what = format!("{} is not on the host", one.probe.tool.name());
            let remedy = "none: no grant brings a program; the rich profile does without it";
            findings.add(verdict, what, &probe, (None, Some(remedy.to_owned())));
        }
        Ended::Failed(detail) => {
            let what = format!("{} tells nothing: {detail}", one.probe.tool.name());
            findings.ungranted(verdict, what, &probe, wmi);
        }
        Ended::Answered if one.rows == 0 => {
            let what = format!("{} tells nothing", one.probe.tool.name());
            findings.ungranted(verdict, what, &probe, wmi);
        }
        Ended::Answered => {
            if needs(Grant::Services) && !one.services {
                let what = "no process has the name of a service".to_owned();
                findings.ungranted(Verdict::Reduced, what, &probe, Grant::Services);
            }
            if needs(Grant::Administrator) && !one.users {
                let what = "no process has the name of its user".to_owned();
                findings.ungranted(Verdict::Reduced, what, &probe, Grant::Administrator);
            }
        }
    }
}
