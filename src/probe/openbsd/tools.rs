//! The programs that probes of OpenBSD call, and where they may be.

use crate::probe::command::{Arguments, arguments};
use crate::probe::openbsd::host;
use crate::probe::tool::Tool;
use crate::probe::unix::tools;

/// arp(8).
pub static ARP: Tool = Tool::new("arp", &["/usr/sbin/arp", "/sbin/arp"]);
/// date(1).
pub static DATE: Tool = Tool::new("date", &["/bin/date"]);
/// id(1).
pub static ID: Tool = Tool::new("id", &["/usr/bin/id"]);
/// ls(1).
pub static LS: Tool = Tool::new("ls", &["/bin/ls"]);
/// ndp(8).
pub static NDP: Tool = Tool::new("ndp", &["/usr/sbin/ndp", "/sbin/ndp"]);
/// netstat(1).
pub static NETSTAT: Tool = Tool::new("netstat", &["/usr/bin/netstat"]);
/// nice(1).
pub static NICE: Tool = Tool::new("nice", &["/usr/bin/nice"]);
/// sudo(8).
pub static SUDO: Tool = Tool::new("sudo", &["/usr/local/bin/sudo"]);
/// timeout(1), where the system has it.
pub static TIMEOUT: Tool = Tool::new("timeout", &["/usr/bin/timeout"]);
/// uname(1).
pub static UNAME: Tool = Tool::new("uname", &["/usr/bin/uname", "/bin/uname"]);

/// Every tool, by name.
pub static TOOLS: &[&Tool] = &[
    &ARP,
    &DATE,
    &ID,
    &LS,
    &NDP,
    &NETSTAT,
    &NICE,
    &SUDO,
    &TIMEOUT,
    &UNAME,
    &host::FSTAT,
    &host::PS,
    &host::SYSCTL,
];

const WORDS: [&str; tools::word_count(TOOLS, &[])] = tools::words(TOOLS, &[]);

/// `-d` and every candidate path.
pub const ARGUMENTS: Arguments = arguments(&WORDS);

/// A reader of the answer: a fact for each path that exists.
#[must_use]
pub fn reader() -> Box<dyn crate::model::parsed::Reader> {
    tools::reader(TOOLS, &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_of_a_probe_is_looked_for() {
        for probe in crate::probe::openbsd::PROBES {
            for path in probe.tool.paths() {
                assert!(ARGUMENTS.words().contains(path), "{path}");
            }
        }
    }
}
