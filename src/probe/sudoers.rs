//! Lines of sudoers for exactly the commands that run through sudo.
//!
//! Every word is pinned and no wildcard stands in a rule: `ss -K` closes sockets and `ss -D` writes
//! files, so a rule for `ss` alone would give root away. Source: sudoers(5).

use std::fmt::Write as _;

use crate::model::host::Platform;
use crate::probe::{Privilege, Probe, platform_probes};

/// A command that goes through sudo, at one of the paths where its program may be.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The probe that it is for.
    pub probe: &'static Probe,
    /// Path and arguments, escaped as in sudoers(5), which is also how `sudo -l` prints them.
    pub command: String,
}

/// The rules of a platform, in the order of the table. Empty: nothing goes through sudo there.
pub fn rules(platform: Platform) -> impl Iterator<Item = Rule> {
    let raised = platform_probes(platform).filter(|probe| probe.needs == Privilege::Owners);
    raised.flat_map(|probe| {
        let paths = probe.tool.paths().iter();
        paths.map(move |path| Rule { probe, command: command(probe, path) })
    })
}

/// The command of a probe with its program at this path, as a rule and `sudo -l` write it.
#[must_use]
pub fn command(probe: &Probe, path: &str) -> String {
    let mut out = String::new();
    escape(path, &mut out);
    for word in probe.arguments.words() {
        out.push(' ');
        escape(word, &mut out);
    }
    if probe.arguments.words().is_empty() {
        // Without it sudo takes any arguments.
        out.push_str(" \"\"");
    }
    out
}

/// The line of a rule.
#[must_use]
pub fn line(account: &str, rule: &Rule) -> String {
    format!("{account} ALL=(root) NOPASSWD:NOSETENV: {}", rule.command)
}

/// What sudoers would take for its own: `, : = \`. Words of a command hold no wildcard.
fn escape(word: &str, out: &mut String) {
    for character in word.chars() {
        if matches!(character, ',' | ':' | '=' | '\\') {
            out.push('\\');
        }
        // Writing to a String cannot fail.
        let _ = out.write_char(character);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::by_id;

    #[test]
    fn every_candidate_path_has_a_rule_with_exact_arguments_and_no_wildcard() {
        for platform in Platform::ALL {
            for rule in rules(*platform) {
                let line = line("fleetstat", &rule);
                assert!(!line.contains(['*', '?', '[', '!']), "{line}");
                assert!(line.starts_with("fleetstat ALL=(root) NOPASSWD:NOSETENV: /"), "{line}");
                let plain = rule.command.replace('\\', "");
                let paths = rule.probe.tool.paths().iter();
                let sent: Vec<String> =
                    paths.map(|p| rule.probe.command_at(p).unwrap().words().join(" ")).collect();
                assert!(sent.contains(&plain), "{plain}");
            }
        }
        let lines =
            rules(Platform::Linux).filter(|rule| rule.probe.id.as_str() == "linux/ss-inet4");
        let lines: Vec<String> = lines.map(|rule| line("r", &rule)).collect();
        let end = "-4 -n -a -t -u -w -e -o -p";
        let expected = ["/usr/bin/ss", "/usr/sbin/ss", "/sbin/ss", "/bin/ss"]
            .map(|path| format!("r ALL=(root) NOPASSWD:NOSETENV: {path} {end}"));
        assert_eq!(lines, expected);
        assert_eq!(rules(Platform::Windows).count(), 0);
    }

    #[test]
    fn a_command_without_arguments_allows_none() {
        let account = by_id("linux/account").unwrap();
        assert_eq!(command(account, "/usr/bin/id"), "/usr/bin/id \"\"");
        let clock = by_id("linux/clock").unwrap();
        assert_eq!(command(clock, "/bin/date"), "/bin/date -u +%s.%N");
    }
}
