//! The programs that probes of Linux call, and where they may be.

use crate::model::fact::Fact;
use crate::model::parsed::Reader;
use crate::probe::command::{Arguments, arguments};
use crate::probe::tool::Tool;
use crate::probe::unix::tools::{self, Mark};

/// busybox(1), which holds a small netstat.
pub static BUSYBOX: Tool =
    Tool::new("busybox", &["/bin/busybox", "/usr/bin/busybox", "/sbin/busybox"]);
/// cat(1).
pub static CAT: Tool = Tool::new("cat", &["/bin/cat", "/usr/bin/cat"]);
/// date(1).
pub static DATE: Tool = Tool::new("date", &["/bin/date", "/usr/bin/date"]);
/// find(1).
pub static FIND: Tool = Tool::new("find", &["/usr/bin/find", "/bin/find"]);
/// grep(1).
pub static GREP: Tool = Tool::new("grep", &["/bin/grep", "/usr/bin/grep"]);
/// id(1).
pub static ID: Tool = Tool::new("id", &["/usr/bin/id", "/bin/id"]);
/// ip(8).
pub static IP: Tool = Tool::new("ip", &["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip", "/bin/ip"]);
/// ls(1).
pub static LS: Tool = Tool::new("ls", &["/bin/ls", "/usr/bin/ls"]);
/// lsof(8). Red Hat has it in sbin, Debian in bin.
pub static LSOF: Tool = Tool::new("lsof", &["/usr/bin/lsof", "/usr/sbin/lsof", "/sbin/lsof"]);
/// netstat(8) of net-tools; on a small host a link to busybox.
pub static NETSTAT: Tool = Tool::new("netstat", &["/usr/bin/netstat", "/bin/netstat"]);
/// nice(1).
pub static NICE: Tool = Tool::new("nice", &["/usr/bin/nice", "/bin/nice"]);
/// ss(8). Red Hat has it in sbin, Debian in bin.
pub static SS: Tool = Tool::new("ss", &["/usr/bin/ss", "/usr/sbin/ss", "/sbin/ss", "/bin/ss"]);
/// sudo(8).
pub static SUDO: Tool = Tool::new("sudo", &["/usr/bin/sudo"]);
/// timeout(1).
pub static TIMEOUT: Tool = Tool::new("timeout", &["/usr/bin/timeout", "/bin/timeout"]);
/// uname(1).
pub static UNAME: Tool = Tool::new("uname", &["/bin/uname", "/usr/bin/uname"]);

/// Every tool, by name.
pub static TOOLS: &[&Tool] = &[
    &BUSYBOX, &CAT, &DATE, &FIND, &GREP, &ID, &IP, &LS, &LSOF, &NETSTAT, &NICE, &SS, &SUDO,
    &TIMEOUT, &UNAME,
];

/// systemd-timesyncd makes this empty file when the clock is synchronized.
pub const SYNCHRONIZED: &str = "/run/systemd/timesync/synchronized";

const MARKS: &[Mark] = &[(SYNCHRONIZED, Fact::ClockSynchronized(true))];

const WORDS: [&str; tools::word_count(TOOLS, MARKS)] = tools::words(TOOLS, MARKS);

/// `-d`, every candidate path, and [`SYNCHRONIZED`].
pub const ARGUMENTS: Arguments = arguments(&WORDS);

/// A reader of the answer: a [`Fact::Tool`] for each path that exists.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    tools::reader(TOOLS, MARKS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::parsed::Row;
    use crate::model::text::HostText;
    use crate::probe::testing::{read, rows};

    #[test]
    fn every_tool_of_a_probe_is_looked_for() {
        for probe in crate::probe::linux::PROBES {
            for path in probe.tool.paths() {
                assert!(ARGUMENTS.words().contains(path), "{path}");
            }
        }
        assert_eq!(ARGUMENTS.words().last(), Some(&SYNCHRONIZED));
    }

    #[test]
    fn found_paths_and_the_clock_are_facts_and_anything_else_is_an_issue() {
        let seen = read(reader(), b"/bin/cat\n/run/systemd/timesync/synchronized\n/tmp/ss\n");
        assert_eq!(
            rows(&seen),
            [
                Row::Fact(Fact::Tool("cat", HostText::new(b"/bin/cat"))),
                Row::Fact(Fact::ClockSynchronized(true)),
            ]
        );
        assert_eq!(seen.issues.len(), 1);
    }
}
