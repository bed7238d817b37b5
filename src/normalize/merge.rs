//! Finds the same socket in several rows, and makes one record of them.
//!
//! `/proc/net` repeats rows while sockets come and go, and a snapshot may hold both `ss` and
//! `/proc/net`. The same inode is the same socket. Without one, a connection is known by its two
//! ends, since TCP has only one such at a time; sockets that wait are never merged without an
//! inode, because several processes may share one port.
//!
//! A row of `ss` whose end is not read, because its owners are too many, has no inode. One that waits
//! takes that of the row of another list with its end and its state, each one at most.
//!
//! On Windows, which has no inodes, netstat and `PowerShell` list the same sockets. There one that waits
//! is paired with one of the other list by its end, its state and its process: each with one at most,
//! since a process may have several that look alike.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use smallvec::SmallVec;

use crate::model::record::{Source, Sourced};
use crate::model::socket::{Attribution, Endpoint, Owner, Socket, State, Transport};
use crate::model::text::HostText;
use crate::normalize::pairs::Pairs;

type End = (IpAddr, Option<u16>);

#[derive(PartialEq, Eq, Hash)]
enum Key {
    Inode(u64),
    Ends(u64, Transport, End, End),
}

/// Merges the sockets of all sections, given in the order of the sections. `paired`: those that wait
/// too, which is right on Windows alone.
pub(super) fn sockets(
    mut sections: Vec<Vec<Sourced<Socket<'static>>>>,
    paired: bool,
) -> Vec<Sourced<Socket<'static>>> {
    find_inodes(&mut sections);
    let mut merged: Vec<Sourced<Socket<'static>>> = Vec::new();
    let mut places: HashMap<Key, usize> = HashMap::new();
    for section in sections {
        let known = if paired && !section.is_empty() { merged.as_slice() } else { &[] };
        let mut waiting = Waiting::of(known);
        for socket in section {
            let key = key(&socket.record);
            let known = key.as_ref().and_then(|key| places.get(key)).copied();
            let known = known.or_else(|| waiting.take(&socket.record));
            match known.and_then(|at| merged.get_mut(at)) {
                Some(first) if is_same(&first.record, &socket.record) => join(first, socket),
                _ => {
                    if let Some(key) = key {
                        places.insert(key, merged.len());
                    }
                    merged.push(socket);
                }
            }
        }
    }
    merged
}

/// Gives rows that were cut before their inode the one that another list tells.
fn find_inodes(sections: &mut [Vec<Sourced<Socket<'static>>>]) {
    let is_cut = |socket: &Socket<'_>| {
        socket.flags.truncated && socket.inode.is_none() && socket.remote.is_none()
    };
    if !sections.iter().flatten().any(|socket| is_cut(&socket.record)) {
        return;
    }
    let place = |socket: &Socket<'static>| {
        let end = (socket.local.address, socket.local.port);
        (socket.namespace.clone(), socket.transport, end, socket.state)
    };
    for at in 0..sections.len() {
        let (before, rest) = sections.split_at_mut(at);
        let Some((section, behind)) = rest.split_first_mut() else { return };
        if !section.iter().any(|socket| is_cut(&socket.record)) {
            continue;
        }
        let known: HashSet<u64> = section.iter().filter_map(|socket| socket.record.inode).collect();
        let mut told: HashMap<_, Vec<u64>> = HashMap::new();
        for other in before.iter().chain(behind.iter()).flatten().rev() {
            let waits = other.record.remote.is_none();
            let inode = other.record.inode.filter(|inode| *inode != 0 && !known.contains(inode));
            if let Some(inode) = inode.filter(|_| waits) {
                told.entry(place(&other.record)).or_default().push(inode);
            }
        }
        for socket in section.iter_mut().filter(|socket| is_cut(&socket.record)) {
            socket.record.inode = told.get_mut(&place(&socket.record)).and_then(Vec::pop);
        }
    }
}

/// Where a socket without a peer waits: everything about it but its process.
type Place = (Transport, End, Option<HostText<'static>>, State);

#[derive(PartialEq, Eq, Hash)]
enum Held {
    /// By this process. `None`: no process is told.
    By(Place, Option<u32>),
    /// By whatever process.
    Any(Place),
}

/// Sockets that wait, as the sections before list them.
struct Waiting(Pairs<Held>);

impl Waiting {
    fn of(known: &[Sourced<Socket<'static>>]) -> Self {
        let mut pairs = Pairs::new();
        for (at, socket) in known.iter().enumerate() {
            if let Some((place, process)) = Self::key(&socket.record) {
                pairs.add(Held::By(place.clone(), process), at);
                pairs.add(Held::Any(place), at);
            }
        }
        Self(pairs)
    }

    fn key(socket: &Socket<'static>) -> Option<(Place, Option<u32>)> {
        if socket.remote.is_some() || socket.inode.is_some() {
            return None;
        }
        let Endpoint { address, port, zone } = &socket.local;
        let place = (socket.transport, (*address, *port), zone.clone(), socket.state);
        Some((place, socket.owners.first().map(|owner| owner.pid)))
    }

    /// The one that this is. A row without its process may be any of them.
    fn take(&mut self, socket: &Socket<'static>) -> Option<usize> {
        let (place, process) = Self::key(socket)?;
        if process.is_none() {
            return self.0.take(&Held::Any(place));
        }
        let exact = self.0.take(&Held::By(place.clone(), process));
        exact.or_else(|| self.0.take(&Held::By(place, None)))
    }
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
    // A word of a language that is not known gives way to a number.
    if record.state == State::Unknown && more.state != State::Unknown {
        (record.state, record.state_raw) = (more.state, more.state_raw.take());
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(
        section: u16,
        port: u16,
        state: State,
        pid: Option<u32>,
    ) -> Sourced<Socket<'static>> {
        let local = Endpoint { address: IpAddr::from([0, 0, 0, 0]), port: Some(port), zone: None };
        let mut socket = Socket::new(Transport::Udp, local, None, state);
        let owner = |pid| Owner { pid, fd: None, tid: None, name: HostText::new(b"") };
        socket.owners.extend(pid.map(owner));
        Sourced::one(socket, Source { section, start: 0, end: 1 })
    }

    fn merged(
        lists: Vec<Vec<Sourced<Socket<'static>>>>,
        paired: bool,
    ) -> Vec<(Option<u32>, usize)> {
        let shown = |socket: Sourced<Socket<'static>>| {
            (socket.record.owners.first().map(|owner| owner.pid), socket.sources.len())
        };
        sockets(lists, paired).into_iter().map(shown).collect()
    }

    #[test]
    fn a_row_that_was_cut_before_its_inode_is_the_row_of_another_list() {
        let row = |section, port, inode: Option<u64>| {
            let mut socket = waiting(section, port, State::Listen, inode.is_none().then_some(7));
            socket.record.inode = inode;
            socket.record.flags.truncated = inode.is_none();
            socket
        };
        let lists = vec![
            vec![row(1, 53, None), row(1, 53, None), row(1, 54, None), row(1, 53, Some(1))],
            vec![
                row(2, 53, Some(1)),
                row(2, 53, Some(2)),
                row(2, 53, Some(3)),
                row(2, 55, Some(4)),
            ],
        ];
        let seen: Vec<_> = sockets(lists, false)
            .into_iter()
            .map(|socket| (socket.record.inode, socket.record.owners.len(), socket.sources.len()))
            .collect();
        let expected =
            [(Some(2), 1, 2), (Some(3), 1, 2), (None, 1, 1), (Some(1), 0, 2), (Some(4), 0, 1)];
        assert_eq!(seen, expected);
    }

    #[test]
    fn sockets_that_look_alike_are_paired_one_by_one_and_only_where_it_is_right() {
        let list = |section, pids: &[Option<u32>]| {
            pids.iter().map(|pid| waiting(section, 53, State::Unconnected, *pid)).collect()
        };
        let two = || {
            vec![
                list(1, &[Some(7), Some(7), Some(9)]),
                list(2, &[Some(9), Some(7), Some(7), Some(7)]),
            ]
        };
        assert_eq!(merged(two(), true), [(Some(7), 2), (Some(7), 2), (Some(9), 2), (Some(7), 1)]);
        assert_eq!(merged(two(), false).len(), 7);
        let without = vec![list(1, &[None, None]), list(2, &[Some(7), Some(9), Some(9)])];
        assert_eq!(merged(without, true), [(Some(7), 2), (Some(9), 2), (Some(9), 1)]);
        let behind = vec![list(1, &[Some(7)]), list(2, &[None, None])];
        assert_eq!(merged(behind, true), [(Some(7), 2), (None, 1)]);
        let states = vec![
            vec![waiting(1, 53, State::Listen, Some(7))],
            vec![waiting(2, 53, State::Bound, Some(7)), waiting(2, 54, State::Listen, Some(7))],
        ];
        assert_eq!(merged(states, true).len(), 3);
    }
}
