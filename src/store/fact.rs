//! From sockets to facts: what a snapshot says of who listens and who talks to whom, without what
//! changes with every connection (ephemeral port, process id).
//!
//! A *shape* is what a conversation or listener is; a fact is a host, a shape and a peer. A snapshot
//! goes in, sightings and tallies come out. Must not know how they are kept.
//!
//! Sockets in `close_wait` and `syn_sent` are counted, not turned into facts: the first is a
//! conversation that its peer has left, the second one that has not begun.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

use crate::model::process::Process;
use crate::model::record::{Records, Sourced};
use crate::model::snapshot::{SectionResult, SectionStatus, View};
use crate::model::socket::{Attribution, Direction, Owner, Scope, Socket, State, Transport};
use crate::model::text::HostText;
use crate::store::hash::{Map, Quick};

type Text = HostText<'static>;

type Ports = HashSet<(Transport, u16), Quick>;

/// What a listener or conversation is, on any host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Shape<'a> {
    pub(crate) kind: Direction,
    pub(crate) transport: Transport,
    /// Bind address of a listener; `None` for conversations.
    pub(crate) address: Option<IpAddr>,
    pub(crate) scope: Scope,
    /// The port that names the service; 0 for protocols without ports.
    pub(crate) port: u16,
    pub(crate) process: Option<&'a Text>,
    pub(crate) uid: Option<u32>,
    /// Name of its network namespace; `None` for the host's own.
    pub(crate) namespace: Option<&'a Text>,
}

impl Shape<'_> {
    /// The view that shows facts of this shape.
    pub(crate) const fn view(&self) -> View {
        match self.kind {
            Direction::Listener => View::Listeners,
            Direction::Inbound
            | Direction::Outbound
            | Direction::Local
            | Direction::Unconnected
            | Direction::Unknown => View::Sessions,
        }
    }
}

/// A fact as one snapshot shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sighting<'a> {
    pub(crate) shape: Shape<'a>,
    /// The partner; `None` for listeners.
    pub(crate) peer: Option<IpAddr>,
    /// Sockets that show it.
    pub(crate) count: u64,
    /// Number of the section that showed it first. 0: none.
    pub(crate) section: u16,
    /// Service or unit of the owner.
    pub(crate) service: Option<&'a Text>,
}

/// The facts of a snapshot, in the order of their first socket. Sections that failed or were
/// replaced show nothing.
pub(crate) fn sightings<'a>(records: &'a Records, sections: &[SectionResult]) -> Vec<Sighting<'a>> {
    let unusable = unusable(sections);
    let waiting = waiting_ports(records);
    let services = services(&records.processes);
    let mut places = Map::with_capacity_and_hasher(records.sockets.len(), Quick::default());
    let mut out: Vec<Sighting<'a>> = Vec::with_capacity(records.sockets.len());
    for sourced in &records.sockets {
        let section = sourced.sources.first().map_or(0, |source| source.section);
        let socket = &sourced.record;
        if tallied(socket.state) || unusable.contains(&section) {
            continue;
        }
        let Some((shape, peer, owner)) = fact_of(socket, &waiting) else { continue };
        let place = *places.entry((shape, peer)).or_insert(out.len());
        let service = owner.and_then(|owner| services.get(&owner.pid).copied());
        match out.get_mut(place) {
            Some(known) => {
                known.count += 1;
                known.service = known.service.or(service);
            }
            None => out.push(Sighting { shape, peer, count: 1, section, service }),
        }
    }
    out
}

fn unusable(sections: &[SectionResult]) -> Vec<u16> {
    let bad = |status| matches!(status, SectionStatus::Failed | SectionStatus::Replaced);
    sections.iter().filter(|section| bad(section.status)).map(|section| section.number).collect()
}

const fn tallied(state: State) -> bool {
    matches!(state, State::CloseWait | State::SynSent)
}

fn waiting_ports(records: &Records) -> Ports {
    let sockets = records.sockets.iter().map(|sourced| &sourced.record);
    sockets
        .filter(|socket| socket.direction == Direction::Listener)
        .filter_map(|socket| Some((socket.transport, socket.local.port?)))
        .collect()
}

fn services(processes: &[Sourced<Process>]) -> Map<u32, &Text> {
    let records = processes.iter().map(|sourced| &sourced.record);
    records.filter_map(|process| Some((process.pid, process.service.as_ref()?))).collect()
}

type FactOf<'a> = (Shape<'a>, Option<IpAddr>, Option<&'a Owner<'static>>);

fn fact_of<'a>(socket: &'a Socket<'static>, waiting: &Ports) -> Option<FactOf<'a>> {
    let owner = speaking_owner(socket);
    let local = socket.local.port.unwrap_or(0);
    let mut shape = Shape {
        kind: socket.direction,
        transport: socket.transport,
        address: None,
        scope: socket.bind_scope,
        port: local,
        // A name that is cut or taken from argv[0] (netstat) is for display: as a part of what a
        // listener is, it would read a change of tool as a change of owner.
        process: owner
            .filter(|_| socket.attribution != Attribution::Ambiguous)
            .map(|owner| &owner.name),
        uid: socket.uid,
        namespace: socket.namespace.as_deref().map(|namespace| &namespace.name),
    };
    if socket.direction == Direction::Listener {
        shape.address = Some(socket.local.address.to_canonical());
        return Some((shape, None, owner));
    }
    let remote = socket.remote.as_ref()?;
    let far = remote.port.unwrap_or(0);
    shape.port =
        match socket.direction {
            Direction::Inbound => local,
            Direction::Outbound => far,
            // Neither end says which is the service: a port that is listened on, else the lower one,
            // which is hardly ever ephemeral.
            Direction::Local | Direction::Unknown => {
                if waiting.contains(&(socket.transport, local)) { local } else { local.min(far) }
            }
            Direction::Listener | Direction::Unconnected => return None,
        };
    Some((shape, Some(remote.address.to_canonical()), owner))
}

/// The owner that names a socket held by several: the lowest process id but 1, because init holds
/// the sockets of services it starts on demand.
fn speaking_owner<'a>(socket: &'a Socket<'static>) -> Option<&'a Owner<'static>> {
    socket.owners.iter().min_by_key(|owner| (owner.pid == 1, owner.pid))
}

/// Sockets in `close_wait` (half closed) and `syn_sent` (not), by process name.
pub(crate) fn tallies(records: &Records) -> BTreeMap<(bool, Option<&Text>), u64> {
    let mut out = BTreeMap::new();
    for socket in records.sockets.iter().map(|sourced| &sourced.record) {
        if tallied(socket.state) {
            let name = speaking_owner(socket).map(|owner| &owner.name);
            *out.entry((socket.state == State::CloseWait, name)).or_insert(0) += 1;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::Source;
    use crate::model::socket::Endpoint;

    fn end(text: &str, port: u16) -> Endpoint<'static> {
        Endpoint { address: text.parse().unwrap(), port: Some(port), zone: None }
    }

    fn socket(state: State, direction: Direction, ports: (u16, u16)) -> Sourced<Socket<'static>> {
        let remote = (direction != Direction::Listener).then(|| end("192.0.2.9", ports.1));
        let mut record = Socket::new(Transport::Tcp, end("192.0.2.1", ports.0), remote, state);
        record.direction = direction;
        Sourced::one(record, Source { section: 1, start: 0, end: 9 })
    }

    #[test]
    fn ephemeral_ports_do_not_make_facts() {
        let sockets = vec![
            socket(State::Established, Direction::Outbound, (40_000, 443)),
            socket(State::Established, Direction::Outbound, (40_001, 443)),
            socket(State::Established, Direction::Inbound, (22, 50_000)),
            socket(State::CloseWait, Direction::Inbound, (22, 50_001)),
        ];
        let records = Records { sockets, ..Records::default() };
        let seen = sightings(&records, &[]);
        let ports: Vec<_> = seen.iter().map(|s| (s.shape.port, s.count)).collect();
        assert_eq!(ports, [(443, 2), (22, 1)]);
        assert_eq!(tallies(&records), BTreeMap::from([((true, None), 1)]));
    }

    #[test]
    fn a_conversation_inside_the_host_is_named_by_the_port_that_is_listened_on() {
        let sockets = vec![
            socket(State::Listen, Direction::Listener, (50_051, 0)),
            socket(State::Established, Direction::Local, (50_051, 40_000)),
            socket(State::Established, Direction::Local, (40_000, 8_080)),
        ];
        let records = Records { sockets, ..Records::default() };
        let ports: Vec<_> = sightings(&records, &[]).iter().map(|s| s.shape.port).collect();
        assert_eq!(ports, [50_051, 50_051, 8_080]);
    }
}
