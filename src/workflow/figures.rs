//! Questions that are answered from the last whole snapshot of each host: states, interfaces with
//! rates, routes.

use std::collections::BTreeMap;

use crate::analyse::rates::{LinkRate, rates};
use crate::analyse::routing::{Routed, Wanted, Way, ways};
use crate::analyse::states::{HostStates, of_host};
use crate::model::id::HostName;
use crate::model::seen::{Answered, Taken};
use crate::model::snapshot::{Snapshot, View};
use crate::model::time::Utc;
use crate::store::{Error, Store};
use crate::workflow::question::{About, Answer, answered, key};

/// Sockets by state, by host.
///
/// # Errors
/// When the store cannot be read.
pub fn states(store: &dyn Store, about: &About) -> Result<Answer<HostStates>, Error> {
    let (hosts, unseen) = answered(store, about, View::Sessions)?;
    let mut rows = Vec::new();
    for Answered { host, good, .. } in &hosts {
        if let Some(snapshot) = taken(store, host, good.as_ref())? {
            rows.push(of_host(&snapshot));
        }
    }
    Ok(Answer { rows, unseen })
}

fn taken(
    store: &dyn Store,
    host: &HostName,
    taken: Option<&Taken>,
) -> Result<Option<Snapshot>, Error> {
    match taken {
        Some(taken) => store.taken(&key(host, taken)),
        None => Ok(None),
    }
}

/// Interfaces with what they carried between the last whole answer and the one before it, or the
/// last one at or before `since`.
///
/// # Errors
/// When the store cannot be read.
pub fn interfaces(
    store: &dyn Store,
    about: &About,
    since: Option<Utc>,
) -> Result<Answer<LinkRate>, Error> {
    let (hosts, unseen) = answered(store, about, View::Interfaces)?;
    let mut rows = Vec::new();
    for Answered { host, good, .. } in &hosts {
        let Some(after) = taken(store, host, good.as_ref())? else { continue };
        let mut earlier = None;
        store.each_good(host, View::Interfaces, Some(about.at), &mut |taken| {
            let fits = Some(&taken) != good.as_ref() && since.is_none_or(|since| taken.at <= since);
            if fits {
                earlier = Some(taken);
            }
            !fits
        })?;
        let before = taken(store, host, earlier.as_ref())?;
        rows.extend(rates(before.as_ref(), &after));
    }
    Ok(Answer { rows, unseen })
}

/// Routes, or decisions for a destination; hosts with the same answer together unless `apart`.
/// Most common first.
///
/// # Errors
/// When the store cannot be read.
pub fn routes(
    store: &dyn Store,
    about: &About,
    wanted: Wanted,
    apart: bool,
) -> Result<Answer<Routed>, Error> {
    type Group = (Option<HostName>, Way);
    let (hosts, unseen) = answered(store, about, View::Routes)?;
    let good: Vec<_> =
        hosts.iter().filter_map(|host| Some((&host.host, host.good.as_ref()?))).collect();
    let keys: Vec<_> = good.iter().map(|(host, taken)| key(host, taken)).collect();
    let tables = store.route_tables(&keys)?;
    let mut found: BTreeMap<Group, Vec<(HostName, Utc)>> = BTreeMap::new();
    for ((host, taken), table) in good.into_iter().zip(tables) {
        for way in ways(&table.routes, &table.rules, wanted) {
            let group = (apart.then(|| host.clone()), way);
            found.entry(group).or_default().push((host.clone(), taken.at));
        }
    }
    let row = |((_, way), hosts): ((_, Way), Vec<_>)| Routed { way, hosts };
    let mut rows: Vec<_> = found.into_iter().map(row).collect();
    if !apart {
        // Stable: the same number of hosts stays in the order of the answers.
        rows.sort_by_key(|row| std::cmp::Reverse(row.hosts.len()));
    }
    Ok(Answer { rows, unseen })
}
