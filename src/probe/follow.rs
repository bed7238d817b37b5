//! Questions that follow from answers of the same visit: files of processes that the host named.
//!
//! Comes in: what earlier commands of the visit printed. Goes out: process ids, and commands that
//! read a fixed list of files of each. It must not know how answers came or commands go.
//!
//! The host is not trusted: it may print any number of any ids. So an id is a [`Pid`], which only a
//! number in the kernel's range becomes; nothing else of an answer gets into a command; the words
//! around it are checked when fleetstat is compiled; and [`Each`] bounds how many commands there
//! can be.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::model::parsed::{Issue, Row, Sink, Span};
use crate::probe::command::{Arguments, Command};

/// Largest process id: `PID_MAX_LIMIT` of 64-bit Linux, proc(5).
pub const PID_MAX: u32 = 4_194_304;

/// Bytes of one answer that are looked at for process ids: 16 MiB, the owners of 400,000 sockets.
pub const ANSWER_BYTES_MAX: usize = 16 << 20;

/// Most entries of each kind that are kept: what a visit may have as rows.
const KEPT_MAX: usize = 500_000;

/// Processes of one namespace that are tried, because the first may have ended meanwhile: 3.
const TRIES: usize = 3;

/// A process id from 1 to [`PID_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pid(u32);

impl Pid {
    /// The id, when the number is one.
    #[must_use]
    pub const fn new(number: u32) -> Option<Self> {
        if number >= 1 && number <= PID_MAX { Some(Self(number)) } else { None }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// Which processes a question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// Those that hold a socket that was listed.
    Owners,
    /// One of each network namespace other than the account's own.
    Namespaces,
}

impl Pick {
    /// As `plan` prints it.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Owners => "each process that holds a listed socket",
            Self::Namespaces => "one process of each other network namespace",
        }
    }
}

/// A question about each of some processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Each {
    /// Which processes.
    pub pick: Pick,
    /// Files of a process, as paths below `/proc/PID`.
    pub files: Arguments,
    /// Most processes in one command.
    pub per_command: usize,
    /// Most commands, without those sent because a process had ended.
    pub commands: usize,
}

impl Each {
    /// Checks the bounds and the files. In a `const` a fault stops the build.
    ///
    /// # Panics
    /// When a bound is 0 or more than 1024 processes would be asked about, or a file does not begin
    /// with `/`.
    #[expect(clippy::indexing_slicing, reason = "runs at build time: a panic is the build error")]
    pub const fn assert_sound(&self) {
        assert!(self.per_command > 0 && self.commands > 0, "a question about no process");
        assert!(self.per_command * self.commands <= 1024, "a question about too many processes");
        let files = self.files.words();
        assert!(!files.is_empty(), "a question about a process reads a file of it");
        let mut at = 0;
        while at < files.len() {
            assert!(files[at].as_bytes()[0] == b'/', "a file of a process begins with /");
            at += 1;
        }
    }

    /// The command about these processes. `None` when there are none, or too many.
    #[must_use]
    pub fn fill(&self, command: &Command, pids: &[Pid]) -> Option<Command> {
        if pids.is_empty() || pids.len() > self.per_command {
            return None;
        }
        let files = pids.iter().flat_map(|pid| {
            self.files.words().iter().map(move |file| format!("/proc/{}{file}", pid.get()))
        });
        // Every word was checked when fleetstat was compiled, and a number is plain.
        Command::rendered(command.words().iter().cloned().chain(files).collect()).ok()
    }

    /// The words after the command, with `{pid}` for the number, as `plan` prints them.
    #[must_use]
    pub fn shown(&self) -> String {
        let files = self.files.words().iter();
        files.map(|file| format!("/proc/{{pid}}{file}")).collect::<Vec<_>>().join(" ")
    }

    /// Everything that decides what is sent, for the probe's digest.
    #[must_use]
    pub(in crate::probe) fn canonical(&self) -> serde_json::Value {
        serde_json::json!({
            "commands": self.commands,
            "files": self.files.words(),
            "per_command": self.per_command,
            "pick": self.pick.words(),
            "pid_max": PID_MAX,
        })
    }
}

/// Processes for one command: asked about together, or, when the answer is empty, the next.
pub type Ask = Vec<Vec<Pid>>;

/// What answers of a visit said of processes.
#[derive(Debug, Default)]
pub struct Seen {
    /// Inodes of listed sockets.
    sockets: HashSet<u64>,
    /// Processes that a list of sockets names itself.
    named: BTreeSet<Pid>,
    /// Inode and process of each file descriptor that is a socket.
    holders: Vec<(u64, Pid)>,
    /// The account's own network namespace.
    own: Option<u64>,
    /// Processes of each namespace, the lowest ids.
    members: BTreeMap<u64, BTreeSet<Pid>>,
}

impl Seen {
    /// Looks at an answer. `reader`: the name of its reader; one that is not known tells nothing.
    pub fn look(&mut self, reader: &str, answer: &[u8]) {
        let Some(mut reader) = crate::probe::reader_for(reader) else { return };
        reader.push(answer.get(..ANSWER_BYTES_MAX).unwrap_or(answer), self);
        reader.finish(self);
    }

    /// What to ask, within the question's bounds: lowest process ids first.
    #[must_use]
    pub fn asks(&self, each: &Each) -> Vec<Ask> {
        match each.pick {
            Pick::Owners => {
                let pids: Vec<Pid> = self.owners().into_iter().collect();
                let groups = pids.chunks(each.per_command).take(each.commands);
                groups.map(|group| vec![group.to_vec()]).collect()
            }
            Pick::Namespaces => {
                // Which namespace is the account's own must be known, or it would be asked twice.
                let Some(own) = self.own else { return Vec::new() };
                let others = self.members.iter().filter(|(namespace, _)| **namespace != own);
                let tries = |pids: &BTreeSet<Pid>| pids.iter().map(|pid| vec![*pid]).collect();
                others.take(each.commands).map(|(_, pids)| tries(pids)).collect()
            }
        }
    }

    fn owners(&self) -> BTreeSet<Pid> {
        let held = self.holders.iter().filter(|(inode, _)| self.sockets.contains(inode));
        self.named.iter().copied().chain(held.map(|(_, pid)| *pid)).collect()
    }
}

impl Sink for Seen {
    fn row(&mut self, _: Span, row: Row<'_>) {
        match row {
            Row::Socket(socket) if self.sockets.len() < KEPT_MAX => {
                self.sockets.extend(socket.inode.filter(|inode| *inode != 0));
                self.named.extend(socket.owners.iter().filter_map(|owner| Pid::new(owner.pid)));
            }
            Row::Holder(holder) if self.holders.len() < KEPT_MAX => {
                let pair = holder.inode.zip(Pid::new(holder.pid));
                self.holders.extend(pair);
            }
            Row::Member(member) => match member.pid {
                None => self.own = Some(member.namespace),
                Some(pid) if self.members.len() < KEPT_MAX => {
                    let pids = self.members.entry(member.namespace).or_default();
                    pids.extend(Pid::new(pid));
                    if pids.len() > TRIES {
                        pids.pop_last();
                    }
                }
                Some(_) => {}
            },
            Row::Socket(_)
            | Row::Holder(_)
            | Row::Interface(_)
            | Row::Route(_)
            | Row::Rule(_)
            | Row::Neighbour(_)
            | Row::Counter(_)
            | Row::Fact(_)
            | Row::Process(..) => {}
        }
    }

    fn header(&mut self, _: Span) {}

    fn issue(&mut self, _: Issue) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::command::{arguments, checked};

    const EACH: Each = Each {
        pick: Pick::Owners,
        files: arguments(&["/status", "/cgroup"]),
        per_command: 2,
        commands: 2,
    };

    fn pids(numbers: &[u32]) -> Vec<Pid> {
        numbers.iter().filter_map(|number| Pid::new(*number)).collect()
    }

    #[test]
    fn only_numbers_of_the_kernels_range_are_process_ids() {
        assert_eq!(Pid::new(0), None);
        assert_eq!(Pid::new(PID_MAX).map(Pid::get), Some(4_194_304));
        assert_eq!(Pid::new(PID_MAX + 1), None);
    }

    #[test]
    fn a_command_names_the_files_of_its_processes_and_of_no_more_than_may_be() {
        let command = Command::fixed(checked(&["/bin/grep", "-H", "."]));
        let filled = EACH.fill(&command, &pids(&[1, 20])).unwrap();
        let expected = "/bin/grep -H . /proc/1/status /proc/1/cgroup /proc/20/status \
                        /proc/20/cgroup";
        assert_eq!(filled.words().join(" "), expected);
        assert_eq!(EACH.fill(&command, &[]), None);
        assert_eq!(EACH.fill(&command, &pids(&[1, 2, 3])), None);
        assert_eq!(EACH.shown(), "/proc/{pid}/status /proc/{pid}/cgroup");
    }

    #[test]
    fn a_host_that_names_processes_without_end_is_asked_about_the_first() {
        let mut seen = Seen::default();
        let mut text = Vec::new();
        for pid in (1..=9_999_999_u32).step_by(100_000) {
            text.extend_from_slice(format!("+socket:[7]/proc/{pid}/fd/3\0").as_bytes());
        }
        seen.look("linux/owners", &text);
        seen.look("linux/proc-net-tcp", b"   0: 0100007F:1F90 00000000:0000 0A \
            00000000:00000000 00:00000000 00000000  1000        0 7 1 00000000c15d4cd3 100 0 0 10 0\n");
        let asks = seen.asks(&EACH);
        assert_eq!(asks, [[pids(&[1, 100_001])], [pids(&[200_001, 300_001])]]);
    }

    #[test]
    fn each_other_namespace_is_asked_through_its_lowest_processes() {
        let each = Each { pick: Pick::Namespaces, per_command: 1, ..EACH };
        let mut seen = Seen::default();
        let text = b"+10/proc/self/net/tcp\n+10/proc/1/net/tcp\n+30/proc/9/net/tcp\n\
            +30/proc/4/net/tcp\n+30/proc/5/net/tcp\n+30/proc/7/net/tcp\n+20/proc/2/net/tcp\n";
        seen.look("linux/network-namespaces", text);
        let tries =
            |numbers: &[u32]| -> Ask { pids(numbers).into_iter().map(|p| vec![p]).collect() };
        assert_eq!(seen.asks(&each), [tries(&[2]), tries(&[4, 5, 7])]);
        seen.own = None;
        assert_eq!(seen.asks(&each), Vec::<Ask>::new());
    }
}
