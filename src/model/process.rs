//! Processes that own sockets.

use crate::model::text::HostText;
use crate::model::time::Utc;

/// A file descriptor that holds a socket open, as `/proc/PID/fd` tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Holder {
    /// Inode of the socket. `None`: the descriptor is there, but what it is could not be read.
    pub inode: Option<u64>,
    /// Process id.
    pub pid: u32,
    /// File descriptor in that process.
    pub fd: u32,
}

/// A process and the network namespace that it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NamespaceMember {
    /// Number of the namespace: the inode of its `net/tcp`, which all its processes share and no
    /// other namespace has. It is not the number that `/proc/PID/ns/net` shows.
    pub namespace: u64,
    /// Process id. `None`: the asking process itself.
    pub pid: Option<u32>,
}

/// One statement about a process, as one line of a probe's answer gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProcessFact {
    /// Its name (`comm`).
    Name(HostText<'static>),
    /// Parent's process id; 0 for the first process and for the kernel's.
    Parent(u32),
    /// Effective user id.
    Uid(u32),
    /// A control group that it is in: how well the hierarchy names services, higher is better, and
    /// the path.
    Cgroup(u8, HostText<'static>),
    /// Name of the user it runs as.
    User(HostText<'static>),
    /// Path of its binary.
    Executable(HostText<'static>),
    /// Its command line.
    CommandLine(HostText<'static>),
    /// When it started.
    Started(Utc),
    /// A service that the OS says it runs: of Windows, SMF or SRC. A process can run several.
    Service(HostText<'static>),
}

/// True when `other` is the whole of a name of which `known` is the start: a tool cut it to its
/// column (sockstat to ten bytes).
#[must_use]
pub fn is_fuller_name(other: &HostText<'_>, known: &HostText<'_>) -> bool {
    other.bytes().len() > known.bytes().len() && other.bytes().starts_with(known.bytes())
}

/// One process. What a probe does not report is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Process id.
    pub pid: u32,
    /// Parent's process id.
    pub parent_pid: Option<u32>,
    /// Name as the tool prints it (Linux `comm`): chosen by the process, display data.
    pub name: HostText<'static>,
    /// Path of the binary.
    pub executable: Option<HostText<'static>>,
    /// Command line.
    pub command_line: Option<HostText<'static>>,
    /// Effective user id.
    pub uid: Option<u32>,
    /// Name of that user, where the tool tells names.
    pub user: Option<HostText<'static>>,
    /// When it started.
    pub started_at: Option<Utc>,
    /// Control group path of its sockets.
    pub cgroup: Option<HostText<'static>>,
    /// systemd unit, or service of Windows, SMF or SRC; several of one process stand sorted, with
    /// commas between them.
    pub service: Option<HostText<'static>>,
}

impl Process {
    /// A process of which nothing but id and name is known.
    #[must_use]
    pub const fn named(pid: u32, name: HostText<'static>) -> Self {
        Self {
            pid,
            parent_pid: None,
            name,
            executable: None,
            command_line: None,
            uid: None,
            user: None,
            started_at: None,
            cgroup: None,
            service: None,
        }
    }

    /// Takes one statement about it. The first of a kind wins, of names the whole one over one that
    /// was cut; services are added up, sorted.
    pub fn add(&mut self, fact: &ProcessFact) {
        fn first<T: Clone>(slot: &mut Option<T>, value: &T) {
            slot.get_or_insert_with(|| value.clone());
        }
        match fact {
            ProcessFact::Name(name) if is_fuller_name(name, &self.name) => {
                self.name = name.clone();
            }
            ProcessFact::Name(_) => {}
            ProcessFact::Parent(pid) => first(&mut self.parent_pid, pid),
            ProcessFact::Uid(uid) => first(&mut self.uid, uid),
            ProcessFact::Cgroup(_, path) => first(&mut self.cgroup, path),
            ProcessFact::User(name) => first(&mut self.user, name),
            ProcessFact::Executable(path) => first(&mut self.executable, path),
            ProcessFact::CommandLine(line) => first(&mut self.command_line, line),
            ProcessFact::Started(time) => first(&mut self.started_at, time),
            ProcessFact::Service(name) => self.add_service(name),
        }
    }

    fn add_service(&mut self, name: &HostText<'static>) {
        let known = self.service.as_ref().map(HostText::bytes).unwrap_or_default();
        let mut names: Vec<&[u8]> = known.split(|byte| *byte == b',').collect();
        names.retain(|known| !known.is_empty());
        names.push(name.bytes());
        names.sort_unstable();
        names.dedup();
        self.service = Some(HostText::owned(names.join(&b',')));
    }
}
