//! Questions over many hosts: the store's answers, judged, with what they did not see.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::analyse::changed::{self, Ephemeral, HostChange};
use crate::analyse::prevalence::{Prevalence, Rare, prevalence as judge_prevalence};
use crate::model::host::Asset;
use crate::model::id::HostName;
use crate::model::seen::{Answered, Taken, Unseen, UnseenReason};
use crate::model::snapshot::View;
use crate::model::time::Utc;
use crate::store::{AnsweredQuery, Error, ListenerQuery, SnapshotKey, SpanQuery, Store};

/// An answer and what it did not see.
pub struct Answer<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// What is missing or old, sorted by reason.
    pub unseen: Vec<Unseen>,
}

/// Whom a question is about, and when.
#[derive(Clone, Debug)]
pub struct About {
    /// The hosts, sorted; also such as the store has never heard of. `None`: all it knows.
    pub hosts: Option<Vec<HostName>>,
    /// As it was at this time.
    pub at: Utc,
    /// A whole answer older than this before `at` is told as old.
    pub stale: Duration,
}

/// What the store knows of how its hosts answered a view, and what is missing or old there.
///
/// # Errors
/// When the store cannot be read.
pub fn answered(
    store: &dyn Store,
    about: &About,
    view: View,
) -> Result<(Vec<Answered>, Vec<Unseen>), Error> {
    let query = AnsweredQuery { view, hosts: about.hosts.clone(), at: Some(about.at) };
    let answered = store.answered(&query)?;
    let mut unseen: Vec<_> =
        answered.iter().filter_map(|host| gap(host, view, about.at, about.stale)).collect();
    let known: BTreeSet<&HostName> = answered.iter().map(|answered| &answered.host).collect();
    for host in about.hosts.iter().flatten().filter(|host| !known.contains(host)) {
        unseen.push(Unseen {
            reason: UnseenReason::NoSnapshot,
            view,
            host: host.clone(),
            last_whole: None,
            last_tried: None,
            detail: "the store has never heard of it".into(),
        });
    }
    unseen.sort();
    Ok((answered, unseen))
}

/// What is missing or old of one host. `None`: its latest visit answered the view whole, and lately.
fn gap(host: &Answered, view: View, at: Utc, stale: Duration) -> Option<Unseen> {
    let (tried, detail) = match &host.tried {
        Some((tried, detail)) => (Some(*tried), detail.clone()),
        None => (host.latest.as_ref().map(|latest| latest.at), String::new()),
    };
    let reason = match (&host.latest, &host.good) {
        (None, _) => UnseenReason::NoSnapshot,
        (Some(_), None) => UnseenReason::NeverWhole,
        (_, Some(good)) if good.at < at.minus(stale) => UnseenReason::Stale,
        (_, Some(good)) if later(host, good) => UnseenReason::LaterFailed,
        (Some(_), Some(_)) => return None,
    };
    Some(Unseen {
        reason,
        view,
        host: host.host.clone(),
        last_whole: host.good.as_ref().map(|good| good.at),
        last_tried: tried,
        detail,
    })
}

/// What changed, on which hosts, between when?
#[derive(Clone, Debug)]
pub struct ChangedQuestion {
    /// The hosts. `None`: all.
    pub hosts: Option<Vec<HostName>>,
    /// The earlier time.
    pub since: Utc,
    /// The later time.
    pub until: Utc,
    /// Which of listeners, sessions (for peers) and routes.
    pub views: Vec<View>,
}

/// What changed on hosts between two times.
///
/// # Errors
/// When the store cannot be read.
pub fn changed(store: &dyn Store, question: &ChangedQuestion) -> Result<Answer<HostChange>, Error> {
    let (mut rows, mut unseen) = (Vec::new(), Vec::new());
    let wants = |view: View| question.views.contains(&view);
    for view in [View::Listeners, View::Sessions, View::Routes] {
        if wants(view) {
            let pairs = pairs(store, question, view)?;
            unseen.extend(pairs.iter().filter_map(|pair| incomparable(pair, view)));
            if view == View::Routes {
                rows.extend(changed_routes(store, &pairs, question.until)?);
            }
        }
    }
    if wants(View::Listeners) || wants(View::Sessions) {
        let query = SpanQuery {
            since: question.since,
            until: question.until,
            hosts: question.hosts.clone(),
            listeners: wants(View::Listeners),
            peers: wants(View::Sessions),
        };
        let spans = store.spans(&query)?;
        let mut found = changed::sockets(&spans, &ephemeral(store, question)?);
        rows.append(&mut found.changes);
        let hidden = found.hidden.into_iter().map(|(host, count)| Unseen {
            reason: UnseenReason::OwnersHidden,
            view: View::Listeners,
            host,
            last_whole: None,
            last_tried: None,
            detail: format!("{count} listeners"),
        });
        unseen.extend(hidden);
    }
    rows.sort();
    unseen.sort();
    Ok(Answer { rows, unseen })
}

/// A host with its last whole answers at both times.
struct Pair {
    before: Answered,
    after: Answered,
}

fn pairs(store: &dyn Store, question: &ChangedQuestion, view: View) -> Result<Vec<Pair>, Error> {
    let at = |at| AnsweredQuery { view, hosts: question.hosts.clone(), at: Some(at) };
    let before = store.answered(&at(question.since))?;
    let after = store.answered(&at(question.until))?;
    Ok(before.into_iter().zip(after).map(|(before, after)| Pair { before, after }).collect())
}

/// Whether a visit after the last whole answer did not answer whole.
fn later(host: &Answered, good: &Taken) -> bool {
    host.latest.as_ref().is_some_and(|latest| latest.at > good.at)
        || host.tried.as_ref().is_some_and(|(tried, _)| *tried > good.at)
}

fn incomparable(pair: &Pair, view: View) -> Option<Unseen> {
    let Pair { before, after } = pair;
    let reason = match (&before.good, &after.good) {
        (_, None) if after.latest.is_none() => UnseenReason::NoSnapshot,
        (_, None) => UnseenReason::NeverWhole,
        (None, Some(_)) => UnseenReason::NoEarlier,
        (Some(before), Some(after)) if before == after => UnseenReason::NoLater,
        (Some(_), Some(good)) if later(after, good) => UnseenReason::LaterFailed,
        (Some(_), Some(_)) => return None,
    };
    let tried = after.tried.as_ref();
    Some(Unseen {
        reason,
        view,
        host: after.host.clone(),
        last_whole: after.good.as_ref().map(|good| good.at),
        last_tried: tried.map(|(at, _)| *at).or(after.latest.as_ref().map(|latest| latest.at)),
        detail: tried.map(|(_, detail)| detail.clone()).unwrap_or_default(),
    })
}

/// Ephemeral ranges of the hosts at both times: a range that changed in between must not make
/// listeners appear.
fn ephemeral(store: &dyn Store, question: &ChangedQuestion) -> Result<Ephemeral, Error> {
    let mut ranges = Ephemeral::new();
    for at in [question.since, question.until] {
        for (host, facts) in store.host_facts(question.hosts.as_deref(), Some(at))? {
            ranges.entry(host).or_default().extend(facts.ephemeral);
        }
    }
    ranges.retain(|_, ranges| !ranges.is_empty());
    Ok(ranges)
}

/// The key of a snapshot of a host.
#[must_use]
pub fn key(host: &HostName, taken: &Taken) -> SnapshotKey {
    SnapshotKey { run: taken.run.clone(), host: host.clone(), pass: taken.pass }
}

fn changed_routes(store: &dyn Store, pairs: &[Pair], until: Utc) -> Result<Vec<HostChange>, Error> {
    let mut rows = Vec::new();
    for Pair { before, after } in pairs {
        let (host, Some(first), Some(last)) = (&after.host, &before.good, &after.good) else {
            continue;
        };
        let ends = store.route_tables(&[key(host, first), key(host, last)])?;
        // Snapshots that did not change share their table, and most nights nothing does.
        if let [one, other] = ends.as_slice()
            && one == other
        {
            continue;
        }
        let mut steps = Vec::new();
        store.each_good(host, View::Routes, Some(until), &mut |taken| {
            let go_on = taken > *first;
            steps.push(taken);
            go_on
        })?;
        steps.reverse();
        let keys: Vec<_> = steps.iter().map(|taken| key(host, taken)).collect();
        let tables = store.route_tables(&keys)?;
        let table = |(taken, table): (Taken, &std::sync::Arc<crate::store::RouteTable>)| {
            (taken, table.clone())
        };
        let tables: Vec<_> = steps.into_iter().zip(&tables).map(table).collect();
        let steps: Vec<changed::Tables<'_>> = tables
            .iter()
            .map(|(taken, table)| (taken.clone(), table.routes.as_slice(), table.rules.as_slice()))
            .collect();
        rows.extend(changed::routes(host, &steps));
    }
    Ok(rows)
}

/// How common each listener is.
///
/// # Errors
/// When the store cannot be read.
pub fn prevalence(
    store: &dyn Store,
    about: &About,
    wanted: Rare,
    port: Option<u16>,
) -> Result<Answer<Prevalence>, Error> {
    let (answered, unseen) = answered(store, about, View::Listeners)?;
    let good = answered.into_iter().filter(|host| host.good.is_some());
    let good: BTreeSet<HostName> = good.map(|host| host.host).collect();
    let query = ListenerQuery {
        port,
        hosts: about.hosts.clone(),
        at: Some(about.at),
        ..ListenerQuery::default()
    };
    let listeners = store.listeners(&query)?;
    let facts = store.host_facts(about.hosts.as_deref(), Some(about.at))?;
    let range = |(host, facts): (HostName, std::sync::Arc<crate::model::fact::HostFacts>)| {
        Some((host, facts.ephemeral?))
    };
    let ephemeral: BTreeMap<_, _> = facts.into_iter().filter_map(range).collect();
    Ok(Answer { rows: judge_prevalence(&listeners, &good, &ephemeral, wanted), unseen })
}

/// Names of the hosts that the store knows at a time and that `keep` keeps.
///
/// # Errors
/// When the store cannot be read.
pub fn select(
    store: &dyn Store,
    at: Option<Utc>,
    keep: impl Fn(&Asset) -> bool,
) -> Result<Vec<HostName>, Error> {
    let assets = store.assets(at)?;
    Ok(assets.into_iter().filter(|asset| keep(asset)).map(|asset| asset.name).collect())
}
