//! Sockets by state: how many, where most, how near to a limit.
//!
//! Comes in: snapshots whose sessions were answered whole. Goes out: figures, no verdicts. `time_wait`
//! is counted per local address, remote address and remote port, because that is what Linux gives
//! a port to: a hundred ports to one destination exhaust nothing for another.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use crate::model::id::HostName;
use crate::model::snapshot::Snapshot;
use crate::model::socket::{Socket, State, Transport};
use crate::model::time::Utc;

/// The way of most sockets in `time_wait`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Busiest {
    /// Sockets in `time_wait` on this way.
    pub sockets: u64,
    /// Local address.
    pub local: IpAddr,
    /// Remote address.
    pub remote: IpAddr,
    /// Remote port. 0: not known.
    pub port: u16,
}

/// The accept queues of listeners.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AcceptQueues {
    /// Listeners whose queue and limit are known.
    pub known: u64,
    /// Of these, listeners whose queue is at its limit or beyond: connections are refused or
    /// dropped.
    pub full: u64,
    /// The fullest one. Unit: thousandths of a per cent of its limit. `None`: none is known.
    pub fullest: Option<u64>,
    /// Its port.
    pub port: Option<u16>,
}

/// TCP sockets of one host by state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostStates {
    /// The host.
    pub host: HostName,
    /// When it was seen.
    pub at: Utc,
    /// TCP sockets in each state that has any.
    pub counts: BTreeMap<State, u64>,
    /// The way of most sockets in `time_wait`. `None`: there are none.
    pub busiest: Option<Busiest>,
    /// Ports that outgoing connections are given: the ephemeral range without reserved ports.
    /// `None`: the host did not tell.
    pub ephemeral: Option<u64>,
    /// Accept queues.
    pub queues: AcceptQueues,
}

impl HostStates {
    /// TCP sockets in a state.
    #[must_use]
    pub fn count(&self, state: State) -> u64 {
        self.counts.get(&state).copied().unwrap_or(0)
    }

    /// Share of the ephemeral ports that the busiest way takes by `time_wait` alone. Unit:
    /// thousandths of a per cent. `None`: the range is not known.
    #[must_use]
    pub fn time_wait_share(&self) -> Option<u64> {
        let sockets = self.busiest.map_or(0, |busiest| busiest.sockets);
        self.ephemeral.map(|ports| sockets.saturating_mul(100_000) / ports.max(1))
    }
}

/// Counts the TCP sockets of a host.
#[must_use]
pub fn of_host(snapshot: &Snapshot) -> HostStates {
    let mut counts: BTreeMap<State, u64> = BTreeMap::new();
    let mut ways: HashMap<(IpAddr, IpAddr, u16), u64> = HashMap::new();
    let mut queues = AcceptQueues::default();
    let sockets = snapshot.records.sockets.iter().map(|sourced| &sourced.record);
    for socket in sockets.filter(|socket| socket.transport == Transport::Tcp) {
        *counts.entry(socket.state).or_default() += 1;
        if let (State::TimeWait, Some(remote)) = (socket.state, &socket.remote) {
            let way = (socket.local.address, remote.address, remote.port.unwrap_or(0));
            *ways.entry(way).or_default() += 1;
        }
        queue(socket, &mut queues);
    }
    let busiest = ways.into_iter().map(|((local, remote, port), sockets)| Busiest {
        sockets,
        local,
        remote,
        port,
    });
    let facts = snapshot.records.host.as_ref().map(|host| &host.record);
    HostStates {
        host: snapshot.header.asset.name.clone(),
        at: snapshot.header.started,
        counts,
        busiest: busiest.max(),
        ephemeral: facts.and_then(|facts| ports(facts.ephemeral?, &facts.reserved_ports)),
        queues,
    }
}

/// Ports of a range without those that are reserved. `None`: none are left, or the range is none.
fn ports((first, last): (u16, u16), reserved: &[(u16, u16)]) -> Option<u64> {
    let taken = |port: &u16| reserved.iter().any(|(low, high)| (*low..=*high).contains(port));
    let free = (first..=last).filter(|port| !taken(port)).count();
    u64::try_from(free).ok().filter(|free| *free > 0)
}

fn queue(socket: &Socket<'_>, queues: &mut AcceptQueues) {
    let (State::Listen, Some(current), Some(most)) =
        (socket.state, socket.backlog_current, socket.backlog_max)
    else {
        return;
    };
    queues.known += 1;
    // A limit of 0 still lets one connection wait. Source: listen(2), Linux `sk_acceptq_is_full`.
    let fill = current.saturating_mul(100_000) / most.max(1);
    queues.full += u64::from(current >= most.max(1));
    if queues.fullest.is_none_or(|known| fill > known) {
        (queues.fullest, queues.port) = (Some(fill), socket.local.port);
    }
}

/// One state over many hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateTotal {
    /// The state.
    pub state: State,
    /// TCP sockets in it on all hosts.
    pub sockets: u64,
    /// Hosts that have any.
    pub hosts: u64,
    /// Hosts that answered.
    pub of: u64,
    /// Hosts with most of them, at most [`TOP`], and how many each.
    pub top: Vec<(HostName, u64)>,
}

/// Hosts named for each state.
pub const TOP: usize = 5;

/// Sums up the hosts by state; the state with most sockets first.
#[must_use]
pub fn totals(hosts: &[HostStates]) -> Vec<StateTotal> {
    let of = u64::try_from(hosts.len()).unwrap_or(u64::MAX);
    let mut out = Vec::new();
    for state in State::ALL {
        let mut with: Vec<_> = hosts
            .iter()
            .map(|host| (host.host.clone(), host.count(*state)))
            .filter(|(_, count)| *count > 0)
            .collect();
        if with.is_empty() {
            continue;
        }
        with.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        let sockets = with.iter().map(|(_, count)| count).sum();
        let hosts = u64::try_from(with.len()).unwrap_or(u64::MAX);
        with.truncate(TOP);
        out.push(StateTotal { state: *state, sockets, hosts, of, top: with });
    }
    out.sort_by(|one, other| other.sockets.cmp(&one.sockets).then(one.state.cmp(&other.state)));
    out
}
