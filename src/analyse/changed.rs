//! What changed on hosts between two times, over all visits in between.
//!
//! Comes in: intervals that began or ended between the times, and the route tables of good
//! snapshots in order. Goes out: one [`HostChange`] per host and thing, or [`Folded`] ones that
//! several hosts share. A change is told only where both sides were answered whole; ephemeral ports
//! are never looked at. A listener whose owner is not visible on one side is not said to have
//! changed hands.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::analyse::diff::{ChangeKind, Subject};
use crate::analyse::listeners::{EPHEMERAL_DEFAULT, rank};
use crate::model::host::words;
use crate::model::id::HostName;
use crate::model::route::{Route, Rule};
use crate::model::seen::{Presence, Sight, Span, Taken};
use crate::model::snapshot::View;
use crate::model::socket::{Direction, Scope, Transport};
use crate::model::text::HostText;
use crate::model::time::Utc;

words! {
    /// How a thing is other than before.
    ChangedKind {
        /// Not there before, there now.
        Appeared = "appeared",
        /// There before, not there now.
        Vanished = "vanished",
        /// Neither before nor now, but in between.
        CameAndWent = "came_and_went",
        /// Before and now, but not all the time in between.
        WentAndCameBack = "went_and_came_back",
        /// The same listener, held by another program or user.
        OwnerChanged = "owner_changed",
        /// A listener that reaches further than before.
        Widened = "widened",
        /// A listener that reaches less far than before.
        Narrowed = "narrowed",
        /// A listener on another address of the same reach.
        Moved = "moved",
        /// The same destination by another way.
        Rerouted = "rerouted",
    }
}

/// One side of a change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Where a listener is bound, and who holds it.
    Bind {
        /// Its address. `None`: each host of a folded change has one of its own.
        address: Option<IpAddr>,
        /// How far it reaches.
        scope: Scope,
        /// Process. `None`: not known.
        process: Option<HostText<'static>>,
        /// User id. `None`: not known.
        uid: Option<u32>,
    },
    /// In words; text from the host escaped.
    Text(String),
}

/// One change on one host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostChange {
    /// The view.
    pub view: View,
    /// What changed.
    pub subject: Subject,
    /// How.
    pub kind: ChangedKind,
    /// How it was; what came and went: how it was in between. `None`: it was not there.
    pub before: Option<Side>,
    /// How it is. `None`: it is not there.
    pub after: Option<Side>,
    /// The host.
    pub host: HostName,
    /// First snapshot that showed what is told of. `None`: not known.
    pub first_seen: Option<Utc>,
    /// Last good snapshot that showed it. `None`: not known.
    pub last_seen: Option<Utc>,
    /// The snapshot on the earlier side that proves it.
    pub proof_before: Option<Taken>,
    /// The snapshot on the later side that proves it.
    pub proof_after: Option<Taken>,
}

/// A change that several hosts share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folded {
    /// The change, of the first host by name.
    pub change: HostChange,
    /// The hosts, sorted.
    pub hosts: Vec<HostName>,
    /// The earliest first sighting.
    pub first_seen: Option<Utc>,
    /// The latest last sighting.
    pub last_seen: Option<Utc>,
}

/// What changed, and on how many listeners of a host the owner could not be compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// Changes, sorted by view, subject, kind, sides and host.
    pub changes: Vec<HostChange>,
    /// Listeners whose owner is visible on one side only, by host.
    pub hidden: BTreeMap<HostName, u64>,
}

/// First and last ephemeral port of each host, on either side. Hosts without have the default.
pub type Ephemeral = BTreeMap<HostName, Vec<(u16, u16)>>;

/// What the intervals of sockets tell.
#[must_use]
pub fn sockets(spans: &[Span], ephemeral: &Ephemeral) -> Changed {
    let mut changed = Changed::default();
    let mut rest = spans;
    while let Some(first) = rest.first() {
        let size = rest.iter().take_while(|span| span.host == first.host).count();
        let (of_host, others) = rest.split_at(size);
        of_one_host(of_host, ephemeral, &mut changed);
        rest = others;
    }
    changed.changes.sort();
    changed
}

fn of_one_host(spans: &[Span], ephemeral: &Ephemeral, changed: &mut Changed) {
    let Some(host) = spans.first().map(|span| &span.host) else { return };
    let ranges = ephemeral.get(host).map_or(&[EPHEMERAL_DEFAULT][..], Vec::as_slice);
    let mut things: BTreeMap<Sight, Vec<&Span>> = BTreeMap::new();
    for span in spans.iter().filter(|span| !passing(&span.sight, ranges)) {
        things.entry(key(&span.sight)).or_default().push(span);
    }
    let unclear = unclear(&things);
    let mut ports: BTreeMap<Place, Moves> = BTreeMap::new();
    for (sight, spans) in things {
        let Some(change) = judge(&sight, &spans) else { continue };
        match (change.kind, sight.direction) {
            (ChangedKind::Appeared, Direction::Listener) => {
                let moves = ports.entry(place(&sight)).or_default();
                moves.came.push((sight, change));
            }
            (ChangedKind::Vanished, Direction::Listener) => {
                let moves = ports.entry(place(&sight)).or_default();
                moves.went.push((sight, change));
            }
            _ => changed.changes.push(change),
        }
    }
    for moves in ports.into_values() {
        let hidden = moves.pair(&unclear, &mut changed.changes);
        if hidden > 0 {
            *changed.hidden.entry(host.clone()).or_default() += hidden;
        }
    }
}

/// Protocol, port and network namespace.
type Place = (Transport, u16, Option<HostText<'static>>);

fn place(sight: &Sight) -> Place {
    (sight.transport, sight.port, sight.namespace.clone())
}

/// Where a listener is bound: its place, address and reach.
type Bound = (Place, IpAddr, Scope);

fn bound(sight: &Sight) -> Bound {
    (place(sight), sight.address, sight.scope)
}

/// Binds at which something listens now of which it is not known whether it did before: what is
/// gone there may be the same listener, seen by a tool that tells more or less of its owner.
fn unclear(things: &BTreeMap<Sight, Vec<&Span>>) -> BTreeSet<Bound> {
    let is_unclear = |spans: &Vec<&Span>| {
        presence(spans.iter().map(|span| span.before)) == Presence::Unknown
            && presence(spans.iter().map(|span| span.after)) == Presence::Present
    };
    let listeners = things.iter().filter(|(sight, _)| sight.direction == Direction::Listener);
    listeners.filter(|(_, spans)| is_unclear(spans)).map(|(sight, _)| bound(sight)).collect()
}

/// A UDP socket that waits on an ephemeral port is a client waiting for an answer.
fn passing(sight: &Sight, ranges: &[(u16, u16)]) -> bool {
    sight.direction == Direction::Listener
        && sight.transport == Transport::Udp
        && ranges.iter().any(|(first, last)| (*first..=*last).contains(&sight.port))
}

/// What makes two sightings the same thing. A partner is one whichever program talks to it.
fn key(sight: &Sight) -> Sight {
    match sight.direction {
        Direction::Listener => sight.clone(),
        _ => Sight {
            scope: Scope::Specific,
            process: None,
            uid: None,
            namespace: None,
            ..sight.clone()
        },
    }
}

/// Judges all intervals of one thing. `None`: nothing to tell, or nothing that can be told.
fn judge(sight: &Sight, spans: &[&Span]) -> Option<HostChange> {
    let was = presence(spans.iter().map(|span| span.before));
    let is = presence(spans.iter().map(|span| span.after));
    let first = *spans.iter().min_by_key(|span| &span.first)?;
    let shown = spans.iter().map(|span| &span.last).max()?;
    let ended = spans.iter().filter_map(|span| span.ended.as_ref()).max();
    let side = || Some(side(sight));
    let (kind, before, after, proofs) = match (was, is) {
        (Presence::Absent, Presence::Present) => {
            (ChangedKind::Appeared, None, side(), (first.absent.clone(), Some(first.first.clone())))
        }
        (Presence::Present, Presence::Absent) => {
            (ChangedKind::Vanished, side(), None, (Some(shown.clone()), ended.cloned()))
        }
        (Presence::Absent, Presence::Absent) => {
            let proofs = (Some(first.first.clone()), ended.cloned());
            (ChangedKind::CameAndWent, side(), None, proofs)
        }
        (Presence::Present, Presence::Present) => {
            let (gone, back) = gap(spans)?;
            let proofs = (Some(gone.clone()), Some(back.clone()));
            (ChangedKind::WentAndCameBack, side(), side(), proofs)
        }
        (Presence::Unknown, _) | (_, Presence::Unknown) => return None,
    };
    Some(HostChange {
        view: if sight.direction == Direction::Listener { View::Listeners } else { View::Sessions },
        subject: subject(sight),
        kind,
        before,
        after,
        host: first.host.clone(),
        first_seen: Some(first.first.at),
        last_seen: spans.iter().map(|span| span.last.at).max(),
        proof_before: proofs.0,
        proof_after: proofs.1,
    })
}

/// A snapshot that did not show a thing though it could have, and the first later one that showed it
/// again. `None`: one of its intervals was there all the time.
fn gap<'s>(spans: &[&'s Span]) -> Option<(&'s Taken, &'s Taken)> {
    let there = |at: &Taken| {
        spans
            .iter()
            .any(|span| span.first <= *at && span.ended.as_ref().is_none_or(|ended| ended > at))
    };
    let mut ends: Vec<&Taken> = spans.iter().filter_map(|span| span.ended.as_ref()).collect();
    ends.sort_unstable();
    ends.into_iter().filter(|end| !there(end)).find_map(|end| {
        let back = spans.iter().map(|span| &span.first).filter(|first| *first > end).min()?;
        Some((end, back))
    })
}

/// A thing is there when one of its intervals is; otherwise what is known least decides.
fn presence(of: impl Iterator<Item = Presence>) -> Presence {
    let mut all: Vec<_> = of.collect();
    all.sort_unstable();
    match (all.first(), all.last()) {
        (Some(Presence::Present), _) => Presence::Present,
        (_, Some(last)) => *last,
        (_, None) => Presence::Unknown,
    }
}

fn subject(sight: &Sight) -> Subject {
    let &Sight { direction, transport, port, address, ref namespace, .. } = sight;
    let port = (port != 0).then_some(port);
    match direction {
        Direction::Listener => {
            let namespace = namespace.clone();
            Subject::Listener { transport, port, address: Some(address), namespace }
        }
        _ => Subject::Peer { direction, transport, service_port: port, address },
    }
}

fn side(sight: &Sight) -> Side {
    let Sight { address, scope, process, uid, .. } = sight;
    match sight.direction {
        Direction::Listener => Side::Bind {
            address: Some(*address),
            scope: *scope,
            process: process.clone(),
            uid: *uid,
        },
        _ => Side::Text("talks".to_owned()),
    }
}

/// Listeners of one port that came and that went.
#[derive(Default)]
struct Moves {
    came: Vec<(Sight, HostChange)>,
    went: Vec<(Sight, HostChange)>,
}

impl Moves {
    /// Makes one change of what belongs together. Returns how many owners could not be compared.
    fn pair(mut self, unclear: &BTreeSet<Bound>, changes: &mut Vec<HostChange>) -> u64 {
        let mut hidden = 0;
        for (was, gone) in std::mem::take(&mut self.went) {
            let bind = |is: &Sight| (is.address, is.scope) == (was.address, was.scope);
            if let Some(place) = self.came.iter().position(|(is, _)| bind(is)) {
                let (is, new) = self.came.remove(place);
                let alike = was.process.is_none() == is.process.is_none()
                    && was.uid.is_none() == is.uid.is_none();
                if alike {
                    changes.push(joined(ChangedKind::OwnerChanged, gone, new));
                } else {
                    hidden += 1;
                }
                continue;
            }
            let owner = |is: &Sight| (&is.process, is.uid) == (&was.process, was.uid);
            if let Some(place) = self.came.iter().position(|(is, _)| owner(is)) {
                let (is, new) = self.came.remove(place);
                let kind = match rank(is.scope).cmp(&rank(was.scope)) {
                    std::cmp::Ordering::Greater => ChangedKind::Widened,
                    std::cmp::Ordering::Less => ChangedKind::Narrowed,
                    std::cmp::Ordering::Equal => ChangedKind::Moved,
                };
                changes.push(joined(kind, gone, new));
                continue;
            }
            if unclear.contains(&bound(&was)) {
                hidden += 1;
            } else {
                changes.push(gone);
            }
        }
        changes.extend(self.came.into_iter().map(|(_, new)| new));
        hidden
    }
}

/// One change of what went and what came in its place.
fn joined(kind: ChangedKind, gone: HostChange, new: HostChange) -> HostChange {
    HostChange {
        kind,
        before: gone.before,
        proof_before: gone.proof_before,
        first_seen: new.first_seen,
        ..new
    }
}

/// One good snapshot's routes and rules.
pub type Tables<'a> = (Taken, &'a [Route], &'a [Rule]);

/// What changed in the routes of a host. `steps`: its good snapshots, the last one at or before the
/// earlier time first, in order of time. Only the two ends are compared; the first snapshot in
/// between that shows the later state is the proof.
#[must_use]
pub fn routes(host: &HostName, steps: &[Tables<'_>]) -> Vec<HostChange> {
    let [first, .., last] = steps else { return Vec::new() };
    let diff = crate::analyse::network::compare_whole((first.1, first.2), (last.1, last.2));
    let mut out = Vec::new();
    for change in diff.changes {
        let kind = match change.kind {
            ChangeKind::RouteNew | ChangeKind::RuleNew => ChangedKind::Appeared,
            ChangeKind::RouteGone | ChangeKind::RuleGone => ChangedKind::Vanished,
            _ => ChangedKind::Rerouted,
        };
        // From the end: the state holds since the snapshot after the last one that differs.
        let holds = |step: &&Tables<'_>| {
            let diff = crate::analyse::network::compare_whole((step.1, step.2), (last.1, last.2));
            !diff.changes.iter().any(|other| other.subject == change.subject)
        };
        let same = steps.iter().rev().take_while(holds).count();
        let since = steps.len().saturating_sub(same.max(1));
        let place = |place: usize| steps.get(place).map(|step| step.0.clone());
        let (earlier, later) = (place(since.saturating_sub(1)), place(since));
        let (first_seen, last_seen) = match kind {
            ChangedKind::Vanished => (None, earlier.as_ref().map(|taken| taken.at)),
            _ => (later.as_ref().map(|taken| taken.at), Some(last.0.at)),
        };
        out.push(HostChange {
            view: View::Routes,
            subject: change.subject,
            kind,
            before: change.before.map(Side::Text),
            after: change.after.map(Side::Text),
            host: host.clone(),
            first_seen,
            last_seen,
            proof_before: earlier,
            proof_after: later,
        });
    }
    out
}

/// Changes that hosts share become one. A listener on an address of its own on each host is the
/// same change as long as all else is; the address is told only when all have the same.
#[must_use]
pub fn fold(changes: Vec<HostChange>) -> Vec<Folded> {
    type Key = (View, Subject, ChangedKind, Option<Side>, Option<Side>);
    let mut groups: BTreeMap<Key, Vec<HostChange>> = BTreeMap::new();
    for change in changes {
        let own = own_address(change.before.as_ref()) || own_address(change.after.as_ref());
        let subject = match &change.subject {
            Subject::Listener { transport, port, namespace, .. } if own => Subject::Listener {
                transport: *transport,
                port: *port,
                address: None,
                namespace: namespace.clone(),
            },
            other => other.clone(),
        };
        let sides = (plain(change.before.as_ref()), plain(change.after.as_ref()));
        let key = (change.view, subject, change.kind, sides.0, sides.1);
        groups.entry(key).or_default().push(change);
    }
    let mut out: Vec<_> = groups.into_iter().filter_map(|(key, all)| folded(key, all)).collect();
    out.sort_by(|one, other| {
        let key = |folded: &Folded| (folded.change.view, std::cmp::Reverse(folded.hosts.len()));
        key(one).cmp(&key(other)).then_with(|| one.change.cmp(&other.change))
    });
    out
}

type FoldKey = (View, Subject, ChangedKind, Option<Side>, Option<Side>);

fn folded(key: FoldKey, all: Vec<HostChange>) -> Option<Folded> {
    let told =
        |change: &HostChange| (change.subject.clone(), change.before.clone(), change.after.clone());
    let first = all.first().map(told);
    let exact = all.iter().all(|change| Some(told(change)) == first);
    let mut hosts: Vec<_> = all.iter().map(|change| change.host.clone()).collect();
    hosts.sort();
    hosts.dedup();
    let first_seen = all.iter().filter_map(|change| change.first_seen).min();
    let last_seen = all.iter().filter_map(|change| change.last_seen).max();
    let mut change = all.into_iter().min_by(|one, other| one.host.cmp(&other.host))?;
    if !exact {
        let (_, subject, _, before, after) = key;
        (change.subject, change.before, change.after) = (subject, before, after);
    }
    Some(Folded { change, hosts, first_seen, last_seen })
}

fn own_address(side: Option<&Side>) -> bool {
    matches!(side, Some(Side::Bind { scope: Scope::Specific | Scope::LinkLocal, .. }))
}

/// A side without an address that is the host's own.
fn plain(side: Option<&Side>) -> Option<Side> {
    let mut side = side.cloned();
    if own_address(side.as_ref())
        && let Some(Side::Bind { address, .. }) = &mut side
    {
        *address = None;
    }
    side
}
