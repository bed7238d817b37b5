//! What began or ended between two times: facts, set among the visits of their host.
//!
//! Only facts that a change can concern are read: those that began or ended, and, of a partner that
//! has one of these, the conversations that stood all the time beside it. An ended fact that was there at the earlier time
//! was last confirmed at the last whole visit before that time or later, so older ends are left
//! in the index.

use std::collections::HashSet;

use crate::model::id::HostName;
use crate::model::seen::{Presence, Sight, Span};
use crate::model::snapshot::View;
use crate::model::socket::{Direction, Transport};
use crate::store::sqlite::ask::view_number;
use crate::store::sqlite::conversion::damaged;
use crate::store::sqlite::found::{self, Found};
use crate::store::sqlite::ingest::view_bit;
use crate::store::sqlite::lookup::Lookup;
use crate::store::sqlite::seen::chosen;
use crate::store::sqlite::statements::Statements;
use crate::store::sqlite::visits::{Visits, WholeProbes, naming, visit};
use crate::store::{Error, SpanQuery};

/// The last visit of a host (`?1`) at or before a time that answered some views whole.
pub(super) const WHOLE_BEFORE: &str = "SELECT started FROM snapshot
    WHERE host = ?1 AND started <= ?2 AND complete & ?3 = ?3 ORDER BY started DESC LIMIT 1";

/// Intervals that began or ended.
pub(super) fn spans(sql: &mut Statements<'_>, query: &SpanQuery) -> Result<Vec<Span>, Error> {
    let view = view_number(sql, View::Listeners)?;
    let (mut lookup, mut whole, mut out) = (Lookup::default(), WholeProbes::default(), Vec::new());
    let (since, until) = (query.since.micros(), query.until.micros());
    for (host, name) in chosen(sql, query.hosts.as_deref())? {
        let from = bound(sql, query, host)?;
        let visits = Visits::read(sql, &mut whole, host, (from, until))?;
        let mut facts = found::ask(sql, found::BEGUN, (view, host, since, until))?;
        facts.extend(found::ask(sql, found::ENDED, (view, host, from, until))?);
        let start = out.len();
        let mut moved: HashSet<Partner> = HashSet::new();
        let mut still = Vec::new();
        for fact in facts.into_iter().filter(|fact| wanted(query, fact.kind)) {
            let (placed, changed) = placed(&visits, &fact, query);
            if changed {
                moved.extend(partner(&fact));
                out.push(span(sql, &mut lookup, &visits, (&name, &fact, &placed))?);
            } else {
                still.push((fact, placed));
            }
        }
        if !moved.is_empty() {
            for fact in found::ask(sql, found::STANDING, (view, host, since))? {
                let (placed, _) = placed(&visits, &fact, query);
                still.push((fact, placed));
            }
        }
        for (fact, placed) in still {
            if partner(&fact).is_some_and(|partner| moved.contains(&partner)) {
                out.push(span(sql, &mut lookup, &visits, (&name, &fact, &placed))?);
            }
        }
        if let Some(new) = out.get_mut(start..) {
            new.sort_by(|one, other| (&one.sight, &one.first).cmp(&(&other.sight, &other.first)));
        }
    }
    Ok(out)
}

/// What a conversation is with: who opened it, protocol, port and partner. Programs and users come
/// and go beside it. `None`: a listener.
type Partner = (Direction, Transport, u16, Option<i64>);

fn partner(fact: &Found) -> Option<Partner> {
    (fact.kind != Direction::Listener).then_some((fact.kind, fact.transport, fact.port, fact.peer))
}

const fn wanted(query: &SpanQuery, kind: Direction) -> bool {
    match kind {
        Direction::Listener => query.listeners,
        Direction::Inbound | Direction::Outbound => query.peers,
        Direction::Local | Direction::Unconnected | Direction::Unknown => false,
    }
}

/// Nothing that was seen last before this time can have changed since.
fn bound(sql: &mut Statements<'_>, query: &SpanQuery, host: i64) -> Result<i64, Error> {
    let mut bits = 0;
    for (asked, view) in [(query.listeners, View::Listeners), (query.peers, View::Sessions)] {
        bits |= if asked { view_bit(view) } else { 0 };
    }
    let params = (host, query.since.micros(), bits);
    Ok(sql.first(WHOLE_BEFORE, params, |row| row.get(0))?.unwrap_or(i64::MIN))
}

/// Places of a fact among the visits of its host.
struct Placed {
    /// `None`: it began before the visits that were read.
    first: Option<usize>,
    last: usize,
    ended: Option<usize>,
    before: Presence,
    after: Presence,
}

/// Sets a fact in time; true when it began or ended between the two times.
fn placed(visits: &Visits, fact: &Found, query: &SpanQuery) -> (Placed, bool) {
    let (before, after) = (visits.until(query.since), visits.until(query.until));
    let (first, last) = fact.ends;
    let first = visits.place(first);
    let ended = match last.map(|last| visits.place(last)) {
        None => None,
        Some(Some(last)) => visits.confirming(fact, last + 1),
        // A last sighting after the later time: it stands as far as this question goes.
        Some(None) if fact.last.is_some_and(|last| last.at > query.until) => None,
        Some(None) => visits.confirming(fact, 0),
    };
    let within = |place: usize| place >= before && place < after;
    let changed = first.is_some_and(within) || ended.is_some_and(within);
    let start = first.unwrap_or(0);
    let last = visits.confirming_before(fact, ended.unwrap_or(after));
    let presence = |count| visits.presence(fact, (start, ended), count);
    let (before, after) = (presence(before), presence(after));
    let last = last.map_or(start, |last| last.max(start));
    (Placed { first, last, ended, before, after }, changed)
}

/// A changed fact in the words of the model.
fn span(
    sql: &mut Statements<'_>,
    lookup: &mut Lookup,
    visits: &Visits,
    (host, fact, placed): (&HostName, &Found, &Placed),
) -> Result<Span, Error> {
    const ONE: &str = concat!(
        "SELECT ",
        naming!(),
        " FROM snapshot s JOIN run r ON r.id = s.run WHERE s.id = ?1"
    );
    let missing = || damaged("fact.first", fact.ends.0);
    let name = |place| visits.taken(place).ok_or_else(missing);
    let first = match placed.first {
        Some(place) => name(place)?,
        None => sql.all(ONE, [fact.ends.0], visit)?.pop().ok_or_else(missing)?.taken,
    };
    let absent = placed.first.and_then(|first| visits.confirming_before(fact, first));
    Ok(Span {
        host: host.clone(),
        sight: sight(sql, lookup, fact)?,
        first,
        last: name(placed.last)?,
        ended: placed.ended.map(name).transpose()?,
        absent: absent.map(name).transpose()?,
        before: placed.before,
        after: placed.after,
    })
}

fn sight(sql: &mut Statements<'_>, lookup: &mut Lookup, fact: &Found) -> Result<Sight, Error> {
    let address = match fact.kind {
        Direction::Listener => fact.bind.ok_or_else(|| damaged("shape.address", "NULL"))?,
        _ => fact.peer.ok_or_else(|| damaged("fact.peer", "NULL"))?,
    };
    Ok(Sight {
        direction: fact.kind,
        transport: fact.transport,
        port: fact.port,
        address: lookup.address(sql, address)?,
        scope: fact.scope,
        process: lookup.process(sql, fact.process)?,
        uid: fact.uid,
        namespace: lookup.service(sql, fact.namespace)?,
    })
}
