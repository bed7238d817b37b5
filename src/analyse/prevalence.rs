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
        share(u64::try_from(self.hosts.len()).unwrap_or(u64::MAX), self.of)
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

/// How common each listener is, the rarest first; one whose owner is not known stands where its port
/// does. `answered`: hosts whose view is whole; listeners
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
    let mut there: BTreeMap<Answer, BTreeSet<&HostName>> = BTreeMap::new();
    for (answer, (hosts, ..)) in &found {
        there.entry(ownerless(answer)).or_default().extend(hosts);
    }
    // An owner that nobody was allowed to see is no rare owner: such an answer is as common as its
    // port, whoever holds that elsewhere.
    let common = |answer: &Answer, hosts: usize| {
        let unknown = answer.process.is_none() && answer.service.is_none();
        let all = there.get(answer).filter(|_| unknown).map_or(hosts, BTreeSet::len);
        u64::try_from(all).unwrap_or(u64::MAX)
    };
    let rare = |(hosts, _): &(u64, Prevalence)| {
        wanted.below.is_none_or(|below| share(*hosts, of) < below)
            && wanted.hosts.is_none_or(|most| *hosts <= most)
    };
    let counted: Vec<u64> =
        found.iter().map(|(answer, (hosts, ..))| common(answer, hosts.len())).collect();
    let mut rows: Vec<_> =
        counted.into_iter().zip(found.into_iter().map(row)).filter(rare).collect();
    rows.sort_by(|(one, first), (other, second)| {
        one.cmp(other).then_with(|| first.answer.cmp(&second.answer))
    });
    rows.into_iter().map(|(_, row)| row).collect()
}

/// The answer without its owner.
fn ownerless(answer: &Answer) -> Answer {
    Answer { process: None, service: None, ..answer.clone() }
}

/// Unit: thousandths of a per cent.
fn share(hosts: u64, of: u64) -> u64 {
    hosts.saturating_mul(100_000) / of.max(1)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_that_was_not_told_is_no_rare_owner() {
        let host = |number: u32| HostName::new(&format!("h{number}")).unwrap();
        let time = Utc::parse("2026-11-24T01:00:00Z").unwrap();
        let listening = |number: u32, port: u16, process: Option<&'static str>| Listening {
            host: host(number),
            role: None,
            transport: Transport::Tcp,
            address: IpAddr::from([0, 0, 0, 0]),
            port,
            scope: Scope::Wildcard,
            process: process.map(HostText::from),
            uid: None,
            service: None,
            namespace: None,
            first_seen: time,
            last_seen: time,
            open: true,
            count: 1,
        };
        let mut listeners: Vec<Listening> =
            (1..10).map(|number| listening(number, 22, Some("sshd"))).collect();
        listeners.push(listening(10, 22, None));
        listeners.push(listening(3, 4_444, None));
        let answered = (1..=10).map(host).collect();
        let told = |wanted| -> Vec<(Option<u16>, usize)> {
            let rows = prevalence(&listeners, &answered, &BTreeMap::new(), wanted);
            rows.iter().map(|row| (row.answer.port, row.hosts.len())).collect()
        };
        let all = told(Rare::default());
        assert_eq!(all, [(Some(4_444), 1), (Some(22), 9), (Some(22), 1)]);
        assert_eq!(told(Rare { hosts: Some(1), below: None }), [(Some(4_444), 1)]);
        assert_eq!(told(Rare { hosts: None, below: Some(50_000) }), [(Some(4_444), 1)]);
    }
}
