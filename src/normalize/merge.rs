//! Finds the same socket in several rows, and makes one record of them.
//!
//! `/proc/net` repeats rows while sockets come and go, and a snapshot may hold both `ss` and
//! `/proc/net`. The same inode is the same socket. Without one, a connection is known by its two
//! ends, since TCP has only one such at a time; sockets that wait are never merged without an
//! inode, because several processes may share one port.

use std::collections::HashMap;
use std::net::IpAddr;

use smallvec::SmallVec;

use crate::model::record::{Source, Sourced};
use crate::model::socket::{Attribution, Owner, Socket, Transport};

type End = (IpAddr, Option<u16>);

#[derive(PartialEq, Eq, Hash)]
enum Key {
    Inode(u64),
    Ends(u64, Transport, End, End),
}

/// Merges the sockets of all sections, given in the order of the sections.
pub(super) fn sockets(
    sections: Vec<Vec<Sourced<Socket<'static>>>>,
) -> Vec<Sourced<Socket<'static>>> {
    let mut merged: Vec<Sourced<Socket<'static>>> = Vec::new();
    let mut places: HashMap<Key, usize> = HashMap::new();
    for socket in sections.into_iter().flatten() {
        let key = key(&socket.record);
        let known = key.as_ref().and_then(|key| places.get(key));
        match known.and_then(|&at| merged.get_mut(at)) {
            Some(first) if is_same(&first.record, &socket.record) => join(first, socket),
            _ => {
                if let Some(key) = key {
                    places.insert(key, merged.len());
                }
                merged.push(socket);
            }
        }
    }
    merged
}

fn key(socket: &Socket<'_>) -> Option<Key> {
    match socket.inode {
        Some(inode) if inode != 0 => Some(Key::Inode(inode)),
        _ => {
            let tcp = matches!(socket.transport, Transport::Tcp | Transport::Dccp);
            let remote = socket.remote.as_ref().filter(|_| tcp)?;
            let ends = [&socket.local, remote].map(|end| (end.address, end.port));
            let [here, there] = ends;
            let namespace = socket.namespace.as_ref().map_or(0, |namespace| namespace.inode);
            Some(Key::Ends(namespace, socket.transport, here, there))
        }
    }
}

/// An inode freed and used again between two commands gives a different socket, and so does
/// another cookie.
fn is_same(one: &Socket<'_>, other: &Socket<'_>) -> bool {
    let cookies = one.cookie.is_none() || other.cookie.is_none() || one.cookie == other.cookie;
    one.transport == other.transport
        && one.namespace == other.namespace
        && one.local.address == other.local.address
        && one.local.port == other.local.port
        && cookies
}

/// True when two rows of one section are one socket in the hands of two owners, as lsof lists it.
fn is_of_another_owner(one: &Socket<'_>, other: &Socket<'_>) -> bool {
    let knows = |owner: &Owner<'_>| one.owners.contains(owner);
    !one.owners.is_empty() && !other.owners.is_empty() && !other.owners.iter().any(knows)
}

/// Adds what another row tells of the same socket. The first row wins where both tell something.
fn join(first: &mut Sourced<Socket<'static>>, other: Sourced<Socket<'static>>) {
    let again = first
        .sources
        .iter()
        .any(|source| other.sources.iter().any(|new: &Source| new.section == source.section));
    let (record, mut more) = (&mut first.record, other.record);
    if again && is_of_another_owner(record, &more) {
        record.owners.extend(more.owners.drain(..));
    } else {
        record.flags.duplicate |= again;
    }
    record.flags.name_has_control |= more.flags.name_has_control;
    record.raw_protocol = record.raw_protocol.or(more.raw_protocol);
    record.bind_device = record.bind_device.take().or(more.bind_device);
    record.local.zone = record.local.zone.take().or(more.local.zone);
    record.dual_stack = record.dual_stack.or(more.dual_stack);
    record.recv_queue_bytes = record.recv_queue_bytes.or(more.recv_queue_bytes);
    record.send_queue_bytes = record.send_queue_bytes.or(more.send_queue_bytes);
    record.backlog_current = record.backlog_current.or(more.backlog_current);
    record.backlog_max = record.backlog_max.or(more.backlog_max);
    record.timer = record.timer.or(more.timer);
    record.drops = record.drops.or(more.drops);
    record.inode = record.inode.or(more.inode);
    record.cookie = record.cookie.or(more.cookie);
    record.uid = record.uid.or(more.uid);
    record.cgroup = record.cgroup.take().or(more.cgroup);
    if record.owners.is_empty() && !more.owners.is_empty() {
        record.owners = more.owners;
        record.attribution = more.attribution;
    } else if record.attribution == Attribution::Unsupported {
        record.attribution = more.attribution;
    }
    let mut sources: SmallVec<[Source; 1]> =
        first.sources.iter().copied().chain(other.sources).collect();
    sources.sort_unstable();
    sources.dedup();
    first.sources = sources;
}
