//! Least privilege: what an administrator gives the account of a platform, and what an account that
//! was looked at lacks or has too much of.
//!
//! Comes in: the table of probes, and what hosts said of an account. Goes out: pages, scripts and rows
//! for `fleetstat harden`, findings for `fleetstat check`. All of it is made from
//! [`Probe::grants`], so that a probe with a new need is in the page, or the crate does not build.

pub mod excess;
pub mod judge;
mod page;
mod script;
mod steps;
mod trace;

use crate::model::host::Platform;
use crate::probe::{Probe, Usage, platform_probes};

pub use page::page;
pub use steps::steps;

/// What `harden` is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Operating system family.
    pub platform: Platform,
    /// Name of the account on a Unix host. Letters, digits, `.`, `_` and `-`.
    pub account: String,
    /// Name of the group on a Windows host. The same characters.
    pub group: String,
    /// Addresses of controllers, as `from=` of `authorized_keys` takes them. Empty: a placeholder.
    pub from: Vec<String>,
    /// Public key of the controller: one line. `None`: a placeholder.
    pub key: Option<String>,
    /// On Windows: also what reading WMI takes, for names of processes and the clock.
    pub wmi: bool,
    /// On Windows: also what the rich profile needs. Includes `wmi`.
    pub rich: bool,
}

impl Wanted {
    /// The probes that the account is for, in the order of the table.
    fn probes(&self) -> impl Iterator<Item = &'static Probe> + use<> {
        let rich = self.rich;
        platform_probes(self.platform).filter(move |probe| rich || probe.usage != Usage::Rich)
    }

    /// Addresses for `from=`.
    fn sources(&self) -> String {
        if self.from.is_empty() { "CONTROLLER_ADDRESS".to_owned() } else { self.from.join(",") }
    }

    /// The line of `authorized_keys`: no terminal, no forwarding, no agent, no `~/.ssh/rc`.
    fn key_line(&self) -> String {
        let key = self.key.as_deref().unwrap_or("PUBLIC_KEY_OF_THE_CONTROLLER");
        format!("restrict,from=\"{}\" {key}", self.sources())
    }
}

/// The command as one line for people: a long encoded word is shortened to what it is.
fn shown(probe: &Probe) -> String {
    let command = probe.command();
    let words = command.words().iter().map(|word| {
        if word.len() <= ENCODED_BYTES {
            return word.clone();
        }
        let digest = crate::model::digest::Sha256::of(word.as_bytes()).to_string();
        let start = digest.get(..16).unwrap_or(&digest);
        format!("BASE64({} characters, SHA-256 {start}...)", word.len())
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Longest word that is shown whole: 200 characters. The longest that is no encoded script has 60.
const ENCODED_BYTES: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::privilege::{Grant, StepKind};

    pub(super) fn wanted(platform: Platform) -> Wanted {
        Wanted {
            platform,
            account: "fleetstat".to_owned(),
            group: "fleetstat-readers".to_owned(),
            from: vec!["192.0.2.10".to_owned(), "2001:db8::/64".to_owned()],
            key: None,
            wmi: false,
            rich: false,
        }
    }

    #[test]
    fn every_page_names_every_command_and_the_grants_it_is_for() {
        for platform in Platform::ALL {
            let wanted = Wanted { rich: true, ..wanted(*platform) };
            let page = page(&wanted);
            let steps = steps(&wanted);
            for probe in platform_probes(*platform) {
                assert!(page.contains(&format!(" {}:", probe.id)), "{}: {page}", probe.id);
                assert!(page.contains(&shown(probe)), "{}: {page}", probe.id);
                let step = steps.iter().find(|step| {
                    step.kind == StepKind::Command && step.probe.as_ref() == Some(&probe.id)
                });
                let step = step.expect("a step for every probe");
                assert_eq!(step.text, probe.command().words().join(" "));
                assert_eq!(step.grants, probe.grants);
                assert_eq!(step.paths, probe.tool.paths());
            }
        }
    }

    #[test]
    fn the_rich_profile_is_only_in_the_page_where_it_was_asked_for() {
        let plain = wanted(Platform::Windows);
        let named = |page: &str| page.contains("windows/rich-sockets");
        assert!(!named(&page(&plain)) && !page(&plain).contains("'root/StandardCimv2'"));
        let wmi = page(&Wanted { wmi: true, ..plain.clone() });
        assert!(
            !named(&wmi) && wmi.contains("'root/cimv2'") && !wmi.contains("'root/StandardCimv2'")
        );
        let rich = page(&Wanted { rich: true, ..plain });
        assert!(named(&rich) && rich.contains("@('root/cimv2', 'root/StandardCimv2')"));
    }

    /// What a program or a script of Windows reads. A tool that is not here has no grants yet.
    fn read_by(probe: &Probe) -> Vec<Grant> {
        let words = probe.arguments.words();
        let has = |word: &str| words.contains(&word);
        let mut grants = vec![Grant::Shell];
        match probe.tool.name() {
            "netstat" | "arp" | "route" | "cmd.exe" | "hostname.exe" | "netsh.exe"
            | "whoami.exe" => {}
            "WMIC.exe" => grants.push(Grant::Cimv2),
            "tasklist" => {
                grants.push(Grant::Cimv2);
                grants.extend(has("/svc").then_some(Grant::Services));
                grants.extend(has("/v").then_some(Grant::Administrator));
            }
            "powershell" => {
                let word = words.last().unwrap();
                let bytes = <base64ct::Base64 as base64ct::Encoding>::decode_vec(word).unwrap();
                let text: String = bytes.chunks(2).map(|pair| char::from(pair[0])).collect();
                grants.extend(text.contains("Get-CimInstance").then_some(Grant::Cimv2));
                grants.extend(text.contains("Get-Net").then_some(Grant::StandardCimv2));
                grants.extend(text.contains("Win32_Service").then_some(Grant::Services));
                grants.extend(text.contains("-IncludeUserName").then_some(Grant::Administrator));
            }
            other => panic!("{other} of {}: what does it read?", probe.id),
        }
        grants
    }

    #[test]
    fn a_probe_of_windows_names_the_grants_that_its_program_reads_by() {
        for probe in platform_probes(Platform::Windows) {
            assert_eq!(probe.grants, read_by(probe), "{}", probe.id);
        }
    }

    #[test]
    fn what_is_never_given_is_said_with_its_reason() {
        let page = page(&Wanted { rich: true, ..wanted(Platform::Windows) });
        for grant in Grant::ALL.iter().filter_map(|grant| grant.withheld()) {
            assert!(page.contains(grant), "{grant}");
        }
        assert!(!page.contains("LocalAccountTokenFilterPolicy = 1"));
        assert!(!page.contains("Set-ItemProperty"));
    }
}
