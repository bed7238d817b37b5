//! How common each listener is among hosts.
//!
//! Comes in: the listeners of hosts, and which hosts answered the view whole. Goes out: one row per
//! distinct answer, the rarest first, with the number of hosts that have it. The denominator holds
//! only hosts that answered: a host that did not is neither for nor against.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::analyse::listeners::EPHEMERAL_DEFAULT;
use crate::model::id::HostName;
use crate::model::query::Listening;
use crate::model::socket::{Scope, Transport};
use crate::model::text::HostText;
use crate::model::time::Utc;

/// A listener without what is a host's own: the address of a host is not part of the answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Answer {
    /// Transport protocol.
    pub transport: Transport,
    /// Local port; 0 for protocols without ports. `None`: UDP ports of the ephemeral range, which
    /// are clients waiting for an answer.
    pub port: Option<u16>,
    /// How far it reaches.
    pub scope: Scope,
    /// The address, where it is the same by its nature (`0.0.0.0`, `::`, loopback, a group). `None`:
    /// an address of the host's own.
    pub address: Option<IpAddr>,
    /// Process. `None`: not known.
    pub process: Option<HostText<'static>>,
    /// Service or unit. `None`: not known.
    pub service: Option<HostText<'static>>,
    /// In a network namespace that is not the host's own: a container, pod or unit. Its name is a
    /// host's own, and no part of the answer.
    pub contained: bool,
}

/// How common an answer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prevalence {
    /// The answer.
    pub answer: Answer,
    /// Hosts that have it, sorted.
    pub hosts: Vec<HostName>,
    /// Hosts that answered the view whole.
    pub of: u64,
    /// The earliest sighting on any of the hosts.
    pub first_seen: Utc,
    /// The latest.
    pub last_seen: Utc,
}

impl Prevalence {
    /// Share of the hosts that answered. Unit: thousandths of a per cent; 100,000 is all.
    #[must_use]
    pub fn share(&self) -> u64 {
        let hosts = u64::try_from(self.hosts.len()).unwrap_or(u64::MAX);
        hosts.saturating_mul(100_000) / self.of.max(1)
    }
}

/// Which rows are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rare {
    /// Only answers that less than this share of the hosts have. Unit as in [`Prevalence::share`].
    pub below: Option<u64>,
    /// Only answers that at most so many hosts have.
    pub hosts: Option<u64>,
}

/// How common each listener is, the rarest first. `answered`: hosts whose view is whole; listeners
/// of others are left out. `ephemeral`: first and last ephemeral port of hosts that told theirs.
#[must_use]
pub fn prevalence(
    listeners: &[Listening],
    answered: &BTreeSet<HostName>,
    ephemeral: &BTreeMap<HostName, (u16, u16)>,
    wanted: Rare,
) -> Vec<Prevalence> {
    let mut found: BTreeMap<Answer, (BTreeSet<&HostName>, Utc, Utc)> = BTreeMap::new();
    for listener in listeners.iter().filter(|listener| answered.contains(&listener.host)) {
        let range = ephemeral.get(&listener.host).copied().unwrap_or(EPHEMERAL_DEFAULT);
        let (first, last) = (listener.first_seen, listener.last_seen);
        let entry =
            found.entry(answer(listener, range)).or_insert_with(|| (BTreeSet::new(), first, last));
        entry.0.insert(&listener.host);
        entry.1 = entry.1.min(first);
        entry.2 = entry.2.max(last);
    }
    let of = u64::try_from(answered.len()).unwrap_or(u64::MAX);
    let row = |(answer, (hosts, first_seen, last_seen)): (_, (BTreeSet<&HostName>, _, _))| {
        let hosts = hosts.into_iter().cloned().collect();
        Prevalence { answer, hosts, of, first_seen, last_seen }
    };
    let rare = |row: &Prevalence| {
        let hosts = u64::try_from(row.hosts.len()).unwrap_or(u64::MAX);
        wanted.below.is_none_or(|below| row.share() < below)
            && wanted.hosts.is_none_or(|most| hosts <= most)
    };
    let mut rows: Vec<_> = found.into_iter().map(row).filter(rare).collect();
    rows.sort_by(|one, other| {
        one.hosts.len().cmp(&other.hosts.len()).then_with(|| one.answer.cmp(&other.answer))
    });
    rows
}

fn answer(listener: &Listening, (first, last): (u16, u16)) -> Answer {
    let passing = listener.transport == Transport::Udp && (first..=last).contains(&listener.port);
    let own = matches!(listener.scope, Scope::Specific | Scope::LinkLocal);
    Answer {
        transport: listener.transport,
        port: (!passing).then_some(listener.port),
        scope: listener.scope,
        address: (!own).then_some(listener.address),
        process: listener.process.clone(),
        service: listener.service.clone(),
        contained: listener.namespace.is_some(),
    }
}
