//! What an account needs on a host, and what is found when one is looked at.

use crate::model::host::{Platform, words};
use crate::model::id::{HostName, ProbeId};

words! {
    /// Something that an administrator gives an account. Each is a section of `fleetstat harden`.
    Grant {
        /// Logging in over the network and starting a program: over SSH the login, over WinRM a
        /// shell of the service.
        Shell = "shell",
        /// `sudo -n` for exactly this command.
        Sudo = "sudo",
        /// Reading WMI's namespace `root/cimv2`.
        Cimv2 = "wmi_cimv2",
        /// Reading WMI's namespace `root/StandardCimv2`.
        StandardCimv2 = "wmi_standardcimv2",
        /// Listing the services of Windows. `harden` does not give it.
        Services = "services",
        /// The rights of an administrator. `harden` does not give them.
        Administrator = "administrator",
    }
}

impl Grant {
    /// What it lets an account do, as a fragment.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Shell => "log in over the network and start a program",
            Self::Sudo => "run this command, word for word, as root through sudo -n",
            Self::Cimv2 => "read WMI's namespace root/cimv2 over the network",
            Self::StandardCimv2 => "read WMI's namespace root/StandardCimv2 over the network",
            Self::Services => "list services and ask for their state",
            Self::Administrator => "do everything an administrator may",
        }
    }

    /// Why `harden` does not give it. `None`: it does.
    #[must_use]
    pub const fn withheld(self) -> Option<&'static str> {
        match self {
            Self::Shell | Self::Sudo | Self::Cimv2 | Self::StandardCimv2 => None,
            Self::Services => Some(
                "it would open the service control manager and each service to network logons; \
                 records then have no names of services",
            ),
            Self::Administrator => Some(
                "an administrator can change the host; records then have no names of users of \
                 other accounts' processes",
            ),
        }
    }
}

words! {
    /// What stands in one step of `fleetstat harden`.
    StepKind {
        /// A command that makes the account, for an administrator to type.
        Account = "account",
        /// A line of `authorized_keys`.
        Key = "key",
        /// A line of sudoers.
        Rule = "rule",
        /// A whole script for an administrator to run.
        Script = "script",
        /// A command that fleetstat sends.
        Command = "command",
        /// A trace that collecting leaves on the host.
        Trace = "trace",
    }
}

/// One step of `fleetstat harden`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HardenStep {
    /// Operating system family.
    pub platform: Platform,
    /// What it is.
    pub kind: StepKind,
    /// The grants that it gives, or that the command needs.
    pub grants: Vec<Grant>,
    /// The probe that it is for. `None`: all.
    pub probe: Option<ProbeId>,
    /// The text itself: a line, a command or a script.
    pub text: String,
    /// Absolute paths at which the command's program may be, in the order they are tried.
    pub paths: Vec<String>,
    /// What it is for: one sentence.
    pub purpose: String,
}

words! {
    /// What is found of an account on a host.
    Verdict {
        /// It has what the default profile needs, and nothing that it should not have.
        Fits = "fits",
        /// It has all that is needed; something that can be left out is left out.
        Reduced = "reduced",
        /// Something that was asked for would be missing.
        Lacks = "lacks",
        /// It can do more than fleetstat needs.
        TooMuch = "too_much",
        /// The host could not be looked at.
        Fault = "fault",
    }
}

/// One thing found of an account on a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountFinding {
    /// The host.
    pub host: HostName,
    /// Operating system family.
    pub platform: Platform,
    /// The account as the host names it, escaped; as the inventory does, where the host said nothing.
    pub account: Option<String>,
    /// The verdict.
    pub verdict: Verdict,
    /// What was found: one line, text from the host already escaped.
    pub what: String,
    /// Probes that would tell less.
    pub probes: Vec<ProbeId>,
    /// The grant that would mend it. `None`: no grant would.
    pub grant: Option<Grant>,
    /// What to do: one line.
    pub remedy: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_withheld_says_what_is_missing_without_it() {
        let withheld: Vec<_> =
            Grant::ALL.iter().filter(|grant| grant.withheld().is_some()).collect();
        assert_eq!(withheld, [&Grant::Services, &Grant::Administrator]);
        assert!(withheld.iter().all(|grant| grant.withheld().unwrap().contains("records then")));
    }
}
