//! Who answered what, and the pages that snapshots share, without reading whole snapshots.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::model::fact::HostFacts;
use crate::model::fault::Fault;
use crate::model::host::Asset;
use crate::model::id::HostName;
use crate::model::seen::{Answered, Taken};
use crate::model::snapshot::View;
use crate::model::time::Utc;
use crate::store::blob::{self, Part};
use crate::store::sqlite::conversion::{self, column, damaged};
use crate::store::sqlite::ingest::view_bit;
use crate::store::sqlite::lookup::Lookup;
use crate::store::sqlite::read;
use crate::store::sqlite::statements::Statements;
use crate::store::sqlite::visits::{naming, visit};
use crate::store::{AnsweredQuery, Error, RouteTable, SnapshotKey};

/// Snapshots of a host (`?1`) at or before a time that answered these views whole, the latest first.
pub(super) const GOOD: &str = concat!(
    "SELECT ",
    naming!(),
    " FROM snapshot s JOIN run r ON r.id = s.run
    WHERE s.host = ?1 AND s.started <= ?2 AND s.complete & ?3 = ?3
    ORDER BY s.started DESC, r.name DESC, s.pass DESC, s.attempt DESC"
);

/// The first of them.
pub(super) const LAST_GOOD: &str = concat!(
    "SELECT ",
    naming!(),
    " FROM snapshot s JOIN run r ON r.id = s.run
    WHERE s.host = ?1 AND s.started <= ?2 AND s.complete & ?3 = ?3
    ORDER BY s.started DESC, r.name DESC, s.pass DESC, s.attempt DESC LIMIT 1"
);

/// Hosts by number and name, sorted by name: those asked for that the store knows, or all.
pub(super) fn chosen(
    sql: &mut Statements<'_>,
    hosts: Option<&[HostName]>,
) -> Result<Vec<(i64, HostName)>, Error> {
    const ALL: &str = "SELECT id, name FROM host ORDER BY name";
    const ONE: &str = "SELECT id FROM host WHERE name = ?1";
    let Some(hosts) = hosts else {
        return sql.all(ALL, [], |row| Ok((column(row, "id")?, conversion::host(row, "name")?)));
    };
    let mut hosts: Vec<_> = hosts.iter().collect();
    hosts.sort_unstable();
    hosts.dedup();
    let mut out = Vec::with_capacity(hosts.len());
    for host in hosts {
        let id = sql.first(ONE, [host.as_str()], |row| row.get(0))?;
        out.extend(id.map(|id| (id, host.clone())));
    }
    Ok(out)
}

/// How well each host answered a view.
pub(super) fn answered(
    sql: &mut Statements<'_>,
    query: &AnsweredQuery,
) -> Result<Vec<Answered>, Error> {
    let at = query.at.map_or(i64::MAX, Utc::micros);
    let mut tried = tried(sql, at)?;
    let mut lookup = Lookup::default();
    let mut out = Vec::new();
    for (id, host) in chosen(sql, query.hosts.as_deref())? {
        let latest = sql.all(LAST_GOOD, (id, at, 0), visit)?.pop();
        let good = sql.all(LAST_GOOD, (id, at, view_bit(query.view)), visit)?.pop();
        let role = lookup.role(sql, latest.as_ref().and_then(|latest| latest.role))?;
        let latest = latest.map(|latest| latest.taken);
        let later = |(at, _): &(Utc, String)| latest.as_ref().is_none_or(|l| l.at < *at);
        let tried = tried.remove(&id).filter(later);
        out.push(Answered { host, role, good: good.map(|good| good.taken), latest, tried });
    }
    Ok(out)
}

/// The last visit of each host up to a time that left no snapshot, with its first fault.
fn tried(sql: &mut Statements<'_>, at: i64) -> Result<HashMap<i64, (Utc, String)>, Error> {
    // A bare column beside max() is of the row with the maximum (SQLite, "Quirks": bare columns).
    const VAIN: &str = "SELECT host, max(at) AS at, faults FROM visit
        WHERE snapshot IS NULL AND outcome <> 'skipped' AND at <= ?1 GROUP BY host";
    let rows = sql.all(VAIN, [at], |row| {
        let faults = conversion::faults(row, "faults")?;
        let fault = faults.first().map_or_else(String::new, Fault::to_string);
        Ok((column(row, "host")?, (conversion::time(row, "at")?, fault)))
    })?;
    Ok(rows.into_iter().collect())
}

/// The hosts as the inventory had them.
pub(super) fn assets(sql: &mut Statements<'_>, at: Option<Utc>) -> Result<Vec<Asset>, Error> {
    const LATEST: &str = "SELECT asset FROM snapshot WHERE host = ?1 AND started <= ?2
        ORDER BY started DESC LIMIT 1";
    let at = at.map_or(i64::MAX, Utc::micros);
    let mut out = Vec::new();
    for (id, _) in chosen(sql, None)? {
        let blob: Option<i64> = sql.first(LATEST, (id, at), |row| row.get(0))?;
        let Some(blob) = blob else { continue };
        let page = read::page(sql, Part::Asset, blob)?;
        out.push(blob::read_asset(&page).map_err(|fault| damaged("asset", fault))?);
    }
    Ok(out)
}

/// Good snapshots of a host, the latest first, until `each` says `false`.
pub(super) fn each_good(
    sql: &mut Statements<'_>,
    (host, view): (&HostName, View),
    until: Option<Utc>,
    each: &mut dyn FnMut(Taken) -> bool,
) -> Result<(), Error> {
    let until = until.map_or(i64::MAX, Utc::micros);
    for (id, _) in chosen(sql, Some(std::slice::from_ref(host)))? {
        sql.until(GOOD, (id, until, view_bit(view)), |row| Ok(each(visit(row)?.taken)))?;
    }
    Ok(())
}

/// Routes and rules of snapshots; shared pages are read once.
pub(super) fn route_tables(
    sql: &mut Statements<'_>,
    keys: &[SnapshotKey],
) -> Result<Vec<Arc<RouteTable>>, Error> {
    const FIND: &str = "SELECT routes FROM snapshot WHERE id = ?1";
    let (nothing, mut known) = (Arc::<RouteTable>::default(), HashMap::new());
    let mut out = Vec::with_capacity(keys.len());
    for key in keys {
        let id = read::number(sql, key)?;
        let blob: Option<i64> = match id {
            Some(id) => sql.first(FIND, [id], |row| row.get(0))?.flatten(),
            None => None,
        };
        let Some(blob) = blob else {
            out.push(nothing.clone());
            continue;
        };
        let table = match known.entry(blob) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let page = read::page(sql, Part::Routes, blob)?;
                let read = blob::read_routes(&page).map_err(|fault| damaged("routes", fault))?;
                place.insert(Arc::new(RouteTable { routes: read.0, rules: read.1 }))
            }
        };
        out.push(table.clone());
    }
    Ok(out)
}

/// The pages of host facts at a time; shared ones are read once.
pub(super) fn host_facts(
    sql: &mut Statements<'_>,
    hosts: Option<&[HostName]>,
    at: Option<Utc>,
) -> Result<Vec<(HostName, Arc<HostFacts>)>, Error> {
    const LATEST: &str = "SELECT host_facts FROM snapshot WHERE host = ?1 AND started <= ?2
        AND complete & ?3 = ?3 AND host_facts IS NOT NULL ORDER BY started DESC LIMIT 1";
    let at = at.map_or(i64::MAX, Utc::micros);
    let mut known: BTreeMap<i64, Arc<HostFacts>> = BTreeMap::new();
    let mut out = Vec::new();
    for (id, host) in chosen(sql, hosts)? {
        let params = (id, at, view_bit(View::Host));
        let Some(blob) = sql.first(LATEST, params, |row| row.get::<_, i64>(0))? else { continue };
        if let Some(facts) = known.get(&blob) {
            out.push((host, facts.clone()));
            continue;
        }
        let page = read::page(sql, Part::HostFacts, blob)?;
        let read = blob::read_facts(&page).map_err(|fault| damaged("host_facts", fault))?;
        let Some(facts) = read.map(Arc::new) else { continue };
        known.insert(blob, facts.clone());
        out.push((host, facts));
    }
    Ok(out)
}

/// When the first snapshot was taken.
pub(super) fn begins(sql: &mut Statements<'_>) -> Result<Option<Utc>, Error> {
    // By host through the index: a scan of all snapshots would read every row.
    const FIRST: &str = "SELECT min((SELECT min(started) FROM snapshot WHERE host = h.id)) AS first
        FROM host h";
    let mut rows = sql.all(FIRST, [], |row| conversion::optional_time(row, "first"))?;
    Ok(rows.pop().flatten())
}
