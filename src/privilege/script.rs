//! The script of PowerShell that makes the group of Windows accounts that may read.
//!
//! The text stands in `harden.ps1`; what depends on the table of probes is put in here.

use std::fmt::Write as _;

use crate::model::privilege::Grant;
use crate::privilege::{Wanted, shown, trace};
use crate::probe::Probe;

const SOURCE: &str = include_str!("harden.ps1");

/// The whole script.
pub(super) fn script(wanted: &Wanted) -> String {
    SOURCE
        .replace("@VERSION@", env!("CARGO_PKG_VERSION"))
        .replace("@GROUP@", &wanted.group)
        .replace("@FROM@", &quoted(&wanted.sources()))
        .replace("@NAMESPACES@", &namespaces(wanted))
        .replace("@COMMANDS@", &commands(wanted))
        .replace("@WITHOUT@", &without(wanted))
        .replace("@TRACES@", &traces(wanted))
}

/// `'192.0.2.10', '192.0.2.11'`.
fn quoted(sources: &str) -> String {
    let quoted: Vec<String> = sources.split(',').map(|source| format!("'{source}'")).collect();
    quoted.join(", ")
}

/// The grants that the script gives, in order.
pub(super) fn grants(wanted: &Wanted) -> Vec<Grant> {
    let given = |grant: &&Grant| match grant {
        Grant::Shell => true,
        Grant::Cimv2 => wanted.wmi || wanted.rich,
        Grant::StandardCimv2 => wanted.rich,
        Grant::Sudo | Grant::Services | Grant::Administrator => false,
    };
    Grant::ALL.iter().filter(given).copied().collect()
}

/// The namespace of WMI that a grant opens.
const fn namespace(grant: Grant) -> Option<&'static str> {
    match grant {
        Grant::Cimv2 => Some("root/cimv2"),
        Grant::StandardCimv2 => Some("root/StandardCimv2"),
        Grant::Shell | Grant::Sudo | Grant::Services | Grant::Administrator => None,
    }
}

/// `@('root/cimv2', 'root/StandardCimv2')`.
fn namespaces(wanted: &Wanted) -> String {
    let given = grants(wanted).into_iter().filter_map(namespace);
    let quoted: Vec<String> = given.map(|name| format!("'{name}'")).collect();
    format!("@({})", quoted.join(", "))
}

fn words(grants: &[Grant]) -> String {
    grants.iter().map(|grant| grant.as_str()).collect::<Vec<_>>().join(", ")
}

fn commands(wanted: &Wanted) -> String {
    let one =
        |probe: &Probe| format!("  {}: {}\n    {}", probe.id, words(probe.grants), shown(probe));
    wanted.probes().map(one).collect::<Vec<_>>().join("\n")
}

/// What the grants that are not given would be for.
fn without(wanted: &Wanted) -> String {
    let given = grants(wanted);
    let mut out = String::new();
    for grant in Grant::ALL.iter().filter(|grant| !given.contains(grant)) {
        let probes = wanted.probes().filter(|probe| probe.grants.contains(grant));
        let probes: Vec<&str> = probes.map(|probe| probe.id.as_str()).collect();
        if probes.is_empty() {
            continue;
        }
        let why = match grant.withheld() {
            Some(why) => format!("never given: {why}"),
            None => {
                "not asked for: see `fleetstat harden --wmi` and `--rich`; what it would tell is \
                     left out of the records"
                    .to_owned()
            }
        };
        // Writing to a String cannot fail.
        let _ = writeln!(out, "  {grant} ({}): {why}. For {}.", grant.meaning(), probes.join(", "));
    }
    out.trim_end().to_owned()
}

fn traces(wanted: &Wanted) -> String {
    let lines = trace::traces(wanted.platform)
        .iter()
        .map(|one| format!("  {}, {}: {}.", one.place, one.count, one.says));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::host::Platform;
    use crate::privilege::tests::wanted;

    #[test]
    fn nothing_of_the_template_is_left_and_no_comment_ends_early() {
        let text = script(&Wanted { rich: true, ..wanted(Platform::Windows) });
        let left = ["@VERSION@", "@GROUP@", "@FROM@", "@NAMESPACES@", "@COMMANDS@", "@TRACES@"];
        assert!(left.iter().chain(&["@WITHOUT@"]).all(|mark| !text.contains(mark)), "{text}");
        assert_eq!((text.matches("<#").count(), text.matches("#>").count()), (1, 1));
        assert!(text.is_ascii());
    }

    #[test]
    fn the_script_says_what_each_missing_grant_is_for() {
        let text = script(&wanted(Platform::Windows));
        assert!(text.contains(
            "wmi_cimv2 (read WMI's namespace root/cimv2 over the network): not asked for"
        ));
        assert!(text.contains("services (list services and ask for their state): never given"));
        assert!(text.contains("[string[]]$Namespaces = @()"));
    }

    /// Quotes and brackets outside comments, so that a slip of the pen does not reach a host.
    #[test]
    fn quotes_and_brackets_of_the_script_are_paired() {
        let text = script(&Wanted { rich: true, ..wanted(Platform::Windows) });
        let (_, code) = text.split_once("#>").unwrap();
        let (mut open, mut quote) = (Vec::new(), None);
        for line in code.lines().filter(|line| !line.trim_start().starts_with('#')) {
            for character in line.chars() {
                if let Some(end) = quote {
                    quote = Some(end).filter(|end| *end != character);
                    continue;
                }
                match character {
                    '\'' | '"' => quote = Some(character),
                    '(' => open.push(')'),
                    '{' => open.push('}'),
                    '[' => open.push(']'),
                    ')' | '}' | ']' => assert_eq!(open.pop(), Some(character), "{line}"),
                    _ => {}
                }
            }
            assert_eq!(quote, None, "{line}");
        }
        assert!(open.is_empty(), "{open:?}");
    }
}
