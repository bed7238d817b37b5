//! The programs that probes of Solaris and illumos call, and where they may be.

use crate::model::parsed::Reader;
use crate::probe::command::{Arguments, arguments};
use crate::probe::solaris::host;
use crate::probe::tool::Tool;
use crate::probe::unix::tools;

/// date(1).
pub static DATE: Tool = Tool::new("date", &["/usr/bin/date", "/bin/date"]);
/// id(1).
pub static ID: Tool = Tool::new("id", &["/usr/bin/id", "/bin/id"]);
/// ifconfig(8).
pub static IFCONFIG: Tool = Tool::new("ifconfig", &["/usr/sbin/ifconfig", "/sbin/ifconfig"]);
/// kstat(8).
pub static KSTAT: Tool = Tool::new("kstat", &["/usr/bin/kstat", "/usr/sbin/kstat"]);
/// ls(1).
pub static LS: Tool = Tool::new("ls", &["/usr/bin/ls", "/bin/ls"]);
/// netstat(8).
pub static NETSTAT: Tool = Tool::new("netstat", &["/usr/bin/netstat", "/usr/sbin/netstat"]);
/// nice(1).
pub static NICE: Tool = Tool::new("nice", &["/usr/bin/nice", "/bin/nice"]);
/// sudo(8): with Solaris 11, from a package elsewhere.
pub static SUDO: Tool = Tool::new("sudo", &["/usr/bin/sudo"]);
/// svcs(1).
pub static SVCS: Tool = Tool::new("svcs", &["/usr/bin/svcs", "/bin/svcs"]);
/// timeout(1): with Solaris 11 and illumos.
pub static TIMEOUT: Tool = Tool::new("timeout", &["/usr/bin/timeout"]);
/// uname(1).
pub static UNAME: Tool = Tool::new("uname", &["/usr/bin/uname", "/bin/uname"]);

/// Every tool, by name.
pub static TOOLS: &[&Tool] = &[
    &DATE,
    &ID,
    &IFCONFIG,
    &KSTAT,
    &LS,
    &NETSTAT,
    &NICE,
    &SUDO,
    &SVCS,
    &TIMEOUT,
    &UNAME,
    &host::CAT,
    &host::IPADM,
    &host::NDD,
    &host::PS,
];

const WORDS: [&str; tools::word_count(TOOLS, &[])] = tools::words(TOOLS, &[]);

/// `-d` and every candidate path.
pub const ARGUMENTS: Arguments = arguments(&WORDS);

/// A reader of the answer: a fact for each path that exists.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    tools::reader(TOOLS, &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_of_a_probe_is_looked_for() {
        let tables = [crate::probe::solaris::PROBES, crate::probe::illumos::PROBES];
        for probe in tables.into_iter().flatten() {
            for path in probe.tool.paths() {
                assert!(ARGUMENTS.words().contains(path), "{path}");
            }
        }
    }
}
