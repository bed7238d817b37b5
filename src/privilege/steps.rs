//! `fleetstat harden` as rows for programs.

use crate::model::host::Platform;
use crate::model::privilege::{Grant, HardenStep, StepKind};
use crate::privilege::{Wanted, script, trace};
use crate::probe::sudoers;

/// Every step, in the order of the page.
#[must_use]
pub fn steps(wanted: &Wanted) -> Vec<HardenStep> {
    let blank = |kind, text: String, purpose: &str| HardenStep {
        platform: wanted.platform,
        kind,
        grants: Vec::new(),
        probe: None,
        text,
        paths: Vec::new(),
        purpose: purpose.to_owned(),
    };
    let shell = |step: HardenStep| HardenStep { grants: vec![Grant::Shell], ..step };
    let mut steps = Vec::new();
    if wanted.platform == Platform::Windows {
        let step =
            blank(StepKind::Script, script::script(wanted), "Makes the group and its grants.");
        steps.push(HardenStep { grants: script::grants(wanted), ..step });
    } else {
        let account = account(wanted).into_iter();
        let purpose = "Makes the account: no password, no further group.";
        steps.extend(account.map(|text| shell(blank(StepKind::Account, text, purpose))));
        let purpose = "Lets the controller in, and nobody else: no terminal, no forwarding.";
        steps.push(shell(blank(StepKind::Key, wanted.key_line(), purpose)));
    }
    for rule in sudoers::rules(wanted.platform) {
        let text = sudoers::line(&wanted.account, &rule);
        let step = blank(StepKind::Rule, text, "Shows owners of other accounts' sockets.");
        let probe = Some(rule.probe.id.clone());
        steps.push(HardenStep { grants: vec![Grant::Sudo], probe, ..step });
    }
    for probe in wanted.probes() {
        let step = blank(StepKind::Command, probe.command().words().join(" "), probe.reads);
        steps.push(HardenStep {
            grants: probe.grants.to_vec(),
            probe: Some(probe.id.clone()),
            paths: probe.tool.paths().iter().map(|path| (*path).to_owned()).collect(),
            ..step
        });
    }
    for one in trace::traces(wanted.platform) {
        let purpose = format!("{}, {}.", one.says, one.count);
        steps.push(blank(StepKind::Trace, one.place.to_owned(), &purpose));
    }
    steps
}

/// Commands that make the account.
pub(super) fn account(wanted: &Wanted) -> Vec<String> {
    let name = &wanted.account;
    let one = match wanted.platform {
        Platform::Linux => {
            let add =
                "useradd --system --create-home --shell /bin/sh --comment 'reads for fleetstat'";
            // Without it sshd takes the account for a locked one where it does not use PAM.
            return vec![format!("{add} {name}"), format!("usermod --password '*' {name}")];
        }
        Platform::Freebsd => {
            format!("pw useradd {name} -m -w no -s /bin/sh -c 'reads for fleetstat'")
        }
        Platform::Openbsd | Platform::Netbsd | Platform::Solaris | Platform::Illumos => {
            format!("useradd -m -s /bin/sh -c 'reads for fleetstat' {name}")
        }
        Platform::Aix => {
            format!("mkuser login=false rlogin=true gecos='reads for fleetstat' {name}")
        }
        Platform::Hpux => format!("useradd -m -s /usr/bin/sh -c 'reads for fleetstat' {name}"),
        Platform::Macos => {
            let add = format!("sysadminctl -addUser {name} -home /Users/{name} -shell /bin/sh");
            let allow = format!("dseditgroup -o edit -a {name} -t user com.apple.access_ssh");
            return vec![add, allow];
        }
        Platform::Windows => return Vec::new(),
    };
    vec![one]
}
