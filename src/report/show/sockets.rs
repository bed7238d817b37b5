//! Listeners one by one; sessions summed up by partner and state.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::net::IpAddr;

use crate::model::snapshot::{Snapshot, View};
use crate::model::socket::{Direction, Endpoint, Socket, State, Transport};
use crate::report::grid::{Grid, Head};
use crate::report::page::Page;
use crate::report::show::{ROWS_MAX, more, number_or_dash, or_dash, view_heading};
use crate::report::table::few;

const LISTENERS: &[Head] = &[
    Head::whole("PROTO"),
    Head::text("LOCAL"),
    Head::text("SCOPE"),
    Head::number("BACKLOG"),
    Head::number("UID"),
    Head::text("OWNER"),
];

/// Only where a listener is in another network namespace.
const NAMESPACE: Head = Head::text("NAMESPACE");

const SESSIONS: &[Head] = &[
    Head::whole("DIRECTION"),
    Head::whole("PROTO"),
    Head::text("PEER"),
    Head::number("PORT"),
    Head::number("SOCKETS"),
    Head::text("STATES"),
    Head::text("OWNER"),
];

fn sockets(snapshot: &Snapshot) -> impl Iterator<Item = &Socket<'static>> {
    snapshot.records.sockets.iter().map(|socket| &socket.record)
}

pub(super) fn listeners<W: Write>(page: &mut Page<W>, snapshot: &Snapshot) -> io::Result<()> {
    let mut found: Vec<_> =
        sockets(snapshot).filter(|socket| socket.direction == Direction::Listener).collect();
    found.sort_by_key(|socket| {
        (socket.transport, socket.local.port, socket.local.address, &socket.namespace)
    });
    view_heading(page, ("Listeners", View::Listeners), found.len(), snapshot)?;
    let others = found.iter().any(|socket| socket.namespace.is_some());
    let heads: Vec<Head> = LISTENERS.iter().copied().chain(others.then_some(NAMESPACE)).collect();
    let mut grid = Grid::new(&heads);
    for socket in found {
        let cells = [
            socket.transport.to_string(),
            endpoint(&socket.local),
            socket.bind_scope.to_string(),
            backlog(socket),
            number_or_dash(socket.uid),
            owners(socket),
        ];
        let space = or_dash(socket.namespace.as_ref().map(|namespace| &namespace.name));
        let [proto, local, scope, backlog, uid, owner] = cells;
        if others {
            grid.push([proto, local, scope, backlog, uid, owner, space]);
        } else {
            grid.push([proto, local, scope, backlog, uid, owner]);
        }
    }
    page.grid(&grid)
}

/// `10.0.0.1:22`, `[fe80::1%eth0]:22`, `0.0.0.0:*`.
fn endpoint(end: &Endpoint<'_>) -> String {
    let zone = end.zone.as_ref().map(|zone| format!("%{}", zone.escaped())).unwrap_or_default();
    let port = end.port.map_or_else(|| "*".to_owned(), |port| port.to_string());
    match end.address {
        IpAddr::V4(address) => format!("{address}{zone}:{port}"),
        IpAddr::V6(address) => format!("[{address}{zone}]:{port}"),
    }
}

/// Waiting connections of how many, marked when the queue overflows.
fn backlog(socket: &Socket<'_>) -> String {
    match (socket.backlog_current, socket.backlog_max) {
        (Some(current), Some(max)) if current > max => format!("{current}/{max} full"),
        (Some(current), Some(max)) => format!("{current}/{max}"),
        (Some(current), None) => current.to_string(),
        (None, _) => "-".to_owned(),
    }
}

/// `nginx/812,nginx/813`, each process once, or why no owner is named.
fn owners(socket: &Socket<'_>) -> String {
    if socket.owners.is_empty() {
        return format!("({})", socket.attribution);
    }
    few(socket.owners.iter().map(|owner| match owner.name.escaped() {
        name if name.is_empty() => owner.pid.to_string(),
        name => format!("{name}/{}", owner.pid),
    }))
}

/// One line of the sessions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Partner {
    direction: Direction,
    transport: Transport,
    address: IpAddr,
    port: Option<u16>,
}

#[derive(Default)]
struct Conversation {
    sockets: u64,
    states: BTreeMap<State, u64>,
    owners: BTreeSet<String>,
}

pub(super) fn sessions<W: Write>(page: &mut Page<W>, snapshot: &Snapshot) -> io::Result<()> {
    let partners = partners(snapshot);
    let count: u64 = partners.values().map(|conversation| conversation.sockets).sum();
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    view_heading(page, ("Sessions", View::Sessions), count, snapshot)?;
    if snapshot.view_status(View::Sessions).is_none() {
        // What a neighbouring question happened to show is not an answer to this one.
        return Ok(());
    }
    let mut lines: Vec<_> = partners.into_iter().collect();
    lines.sort_by_key(|(_, conversation)| Reverse(conversation.sockets));
    let total = lines.len();
    let mut grid = Grid::new(SESSIONS);
    for (partner, conversation) in lines.into_iter().take(ROWS_MAX) {
        let states = conversation.states.iter().map(|(state, count)| format!("{state} {count}"));
        grid.push([
            partner.direction.to_string(),
            partner.transport.to_string(),
            partner.address.to_string(),
            number_or_dash(partner.port),
            conversation.sockets.to_string(),
            states.collect::<Vec<_>>().join(", "),
            few(conversation.owners),
        ]);
    }
    page.grid(&grid)?;
    more(page, total)
}

/// Sockets with a peer, by partner. The port is the one that names the service.
fn partners(snapshot: &Snapshot) -> BTreeMap<Partner, Conversation> {
    let served: BTreeSet<_> = sockets(snapshot)
        .filter(|socket| socket.direction == Direction::Listener)
        .map(|socket| (socket.transport, socket.local.port))
        .collect();
    let mut partners: BTreeMap<Partner, Conversation> = BTreeMap::new();
    for socket in sockets(snapshot) {
        let Some(remote) = &socket.remote else { continue };
        let here = match socket.direction {
            Direction::Inbound => true,
            Direction::Outbound => false,
            _ => served.contains(&(socket.transport, socket.local.port)),
        };
        let port = if here { socket.local.port } else { remote.port };
        let partner = Partner {
            direction: socket.direction,
            transport: socket.transport,
            address: remote.address,
            port,
        };
        let conversation = partners.entry(partner).or_default();
        conversation.sockets += 1;
        *conversation.states.entry(socket.state).or_default() += 1;
        let names = socket.owners.iter().map(|owner| owner.name.escaped().into_owned());
        conversation.owners.extend(names.filter(|name| !name.is_empty()));
    }
    partners
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::socket::{Endpoint, Owner};
    use crate::model::text::HostText;

    #[test]
    fn each_process_is_named_once_and_only_a_few() {
        let local = Endpoint { address: IpAddr::from([0, 0, 0, 0]), port: Some(1), zone: None };
        let mut socket = Socket::new(Transport::Tcp, local, None, State::Listen);
        let mut hold = |pid, descriptors: u32| {
            let name = HostText::new(b"python3");
            let held = (0..descriptors).map(|fd| Owner {
                pid,
                fd: Some(fd),
                tid: None,
                name: name.clone(),
            });
            socket.owners.extend(held);
            owners(&socket)
        };
        assert_eq!(hold(7, 1500), "python3/7");
        hold(8, 2);
        hold(9, 1);
        assert_eq!(hold(10, 1), "python3/7,python3/8,python3/9,python3/10");
        hold(11, 3);
        assert_eq!(hold(12, 1), "python3/7,python3/8,python3/9,python3/10 and 2 more");
    }
}
