//! Processes that own sockets.

use crate::model::text::HostText;

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
    /// When it started.
    pub started_at: Option<crate::model::time::Utc>,
    /// Control group path of its sockets.
    pub cgroup: Option<HostText<'static>>,
    /// systemd unit, Windows or SMF service.
    pub service: Option<HostText<'static>>,
}
