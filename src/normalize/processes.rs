//! The processes that own sockets, as far as the rows of sockets tell of them.

use std::collections::BTreeMap;

use crate::model::process::{Dispute, Process};
use crate::model::record::Sourced;
use crate::model::socket::{Attribution, Socket};
use crate::model::text::HostText;
use crate::normalize::disputes::Disputes;
use crate::normalize::owners::{Owners, Told};

/// One record for each process id, sorted by it, with the first row that names it as its source and
/// what `/proc/PID` told of it.
///
/// Without that, the control group is the socket's, which its creator had; it is taken only where
/// one process holds the socket. A user id comes from the process alone: a socket's is that of its
/// creation.
///
/// Its name is that of the first row. Another that a row or `/proc/PID` tells is a dispute, where both
/// are sure: one that is cut, or taken from the command line, is not.
pub(super) fn of(
    sockets: &[Sourced<Socket<'static>>],
    owners: &Owners,
    disputes: &mut Disputes,
) -> Vec<Sourced<Process>> {
    let mut found: BTreeMap<u32, Sourced<Process>> = BTreeMap::new();
    for socket in sockets {
        let alone = socket.record.owners.len() == 1;
        let cgroup = socket.record.cgroup.as_ref().filter(|_| alone);
        for owner in &socket.record.owners {
            let process = found.entry(owner.pid).or_insert_with(|| {
                let record = Process::named(owner.pid, owner.name.clone());
                let sources = socket.sources.clone();
                let mut process = Sourced { record, sources };
                owners.told(owner.pid).into_iter().for_each(|told| complete(&mut process, told));
                process
            });
            if let (Attribution::Owned, Some(place)) =
                (socket.record.attribution, socket.sources.first())
            {
                let told = owners.told(owner.pid).and_then(|told| told.name.as_ref());
                for name in [Some(&owner.name), told].into_iter().flatten() {
                    let dispute = Dispute::of_names("name", &process.record.name, name);
                    disputes.add(owner.pid, dispute, *place);
                }
            }
            if let (None, Some(path)) = (&process.record.cgroup, cgroup) {
                process.record.service = unit(path).map(HostText::owned);
                process.record.cgroup = Some(path.clone());
            }
        }
    }
    found.into_values().collect()
}

/// Adds what was said of the process itself.
fn complete(process: &mut Sourced<Process>, told: &Told) {
    let record = &mut process.record;
    record.parent_pid = told.parent;
    record.uid = told.uid;
    record.cgroup = told.cgroup().cloned();
    let unit = told.cgroup().and_then(unit).map(HostText::owned);
    record.service = unit.or_else(|| told.service());
    record.user = told.user.clone().or_else(|| told.account.clone());
    record.executable.clone_from(&told.executable);
    record.command_line.clone_from(&told.command_line);
    record.started_at = told.started;
    process.sources.extend(told.sources.iter().copied());
    process.sources.sort_unstable();
    process.sources.dedup();
}

/// The systemd unit of a control group: the last part of the path that is a service or scope, as
/// in `/system.slice/nginx.service` (systemd.slice(5)).
pub(super) fn unit(path: &HostText<'_>) -> Option<Vec<u8>> {
    let mut parts = path.bytes().rsplit(|&byte| byte == b'/');
    let unit = parts.find(|part| part.ends_with(b".service") || part.ends_with(b".scope"))?;
    Some(unit.to_vec())
}
