//! The processes that own sockets, as far as the rows of sockets tell of them.

use std::collections::BTreeMap;

use crate::model::process::Process;
use crate::model::record::Sourced;
use crate::model::socket::Socket;
use crate::model::text::HostText;

/// One record for each process id, sorted by it, with the first row that names it as its source.
///
/// The control group is the socket's, which its creator had; it is taken only where one process
/// holds the socket. The user id is left out: a socket's is that of its creation.
pub(super) fn of(sockets: &[Sourced<Socket<'static>>]) -> Vec<Sourced<Process>> {
    let mut found: BTreeMap<u32, Sourced<Process>> = BTreeMap::new();
    for socket in sockets {
        let alone = socket.record.owners.len() == 1;
        let cgroup = socket.record.cgroup.as_ref().filter(|_| alone);
        for owner in &socket.record.owners {
            let process = found.entry(owner.pid).or_insert_with(|| Sourced {
                record: named(owner.pid, owner.name.clone()),
                sources: socket.sources.clone(),
            });
            if let (None, Some(path)) = (&process.record.cgroup, cgroup) {
                process.record.service = unit(path).map(HostText::owned);
                process.record.cgroup = Some(path.clone());
            }
        }
    }
    found.into_values().collect()
}

fn named(pid: u32, name: HostText<'static>) -> Process {
    Process {
        pid,
        parent_pid: None,
        name,
        executable: None,
        command_line: None,
        uid: None,
        started_at: None,
        cgroup: None,
        service: None,
    }
}

/// The systemd unit of a control group: the last part of the path that is a service or scope, as
/// in `/system.slice/nginx.service` (systemd.slice(5)).
pub(super) fn unit(path: &HostText<'_>) -> Option<Vec<u8>> {
    let mut parts = path.bytes().rsplit(|&byte| byte == b'/');
    let unit = parts.find(|part| part.ends_with(b".service") || part.ends_with(b".scope"))?;
    Some(unit.to_vec())
}
