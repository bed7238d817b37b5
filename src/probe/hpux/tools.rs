//! The programs that probes of HP-UX call, and where they may be.

use crate::model::parsed::Reader;
use crate::probe::command::{Arguments, arguments};
use crate::probe::hpux::host;
use crate::probe::tool::Tool;
use crate::probe::unix::tools::{self, Mark};

/// arp(1M).
pub static ARP: Tool = Tool::new("arp", &["/usr/sbin/arp"]);
/// date(1).
pub static DATE: Tool = Tool::new("date", &["/usr/bin/date"]);
/// id(1).
pub static ID: Tool = Tool::new("id", &["/usr/bin/id"]);
/// ls(1).
pub static LS: Tool = Tool::new("ls", &["/usr/bin/ls"]);
/// ndp(1M).
pub static NDP: Tool = Tool::new("ndp", &["/usr/sbin/ndp"]);
/// netstat(1).
pub static NETSTAT: Tool = Tool::new("netstat", &["/usr/bin/netstat"]);
/// nice(1).
pub static NICE: Tool = Tool::new("nice", &["/usr/bin/nice"]);
/// uname(1).
pub static UNAME: Tool = Tool::new("uname", &["/usr/bin/uname"]);

/// sudo(8), of the packages.
pub static SUDO: Tool = Tool::new("sudo", &["/usr/local/bin/sudo"]);

/// Every tool, by name.
pub static TOOLS: &[&Tool] =
    &[&ARP, &DATE, &ID, &LS, &NDP, &NETSTAT, &NICE, &SUDO, &UNAME, &host::NDD, &host::WHO];

const MARKS: &[Mark] = &[];

const WORDS: [&str; tools::word_count(TOOLS, MARKS)] = tools::words(TOOLS, MARKS);

/// `-d` and every candidate path.
pub const ARGUMENTS: Arguments = arguments(&WORDS);

/// A reader of the answer: a fact for each path that exists.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    tools::reader(TOOLS, MARKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_of_a_probe_is_looked_for() {
        for probe in crate::probe::hpux::PROBES {
            for path in probe.tool.paths() {
                assert!(ARGUMENTS.words().contains(path), "{path}");
            }
        }
    }
}
