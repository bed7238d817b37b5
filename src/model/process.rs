//! Processes that own sockets.

use crate::model::text::HostText;

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
