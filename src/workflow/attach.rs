//! Attach: changes and attributes from the store, brought to the hosts of a run or to one host.

use std::time::Duration;

use crate::enrich::names::{Directory, keys};
use crate::enrich::near::Near;
use crate::model::change::ItemName;
use crate::model::host::TransportKind;
use crate::model::id::HostName;
use crate::model::import::Identity;
use crate::model::time::Utc;
use crate::plan::Plan;
use crate::store::imports::{ChangeQuery, Versions};
use crate::store::{Error, Store};

/// How long before a visit a change may have ended and still be near it: a night's work shows in
/// the next night's run.
pub const LOOK_BACK: Duration = Duration::from_hours(24);

/// Changes that end at `from` or later, and attributes, for all hosts of a run, as the inventory
/// names them.
///
/// # Errors
/// When the store cannot be read.
pub fn for_run(store: &dyn Store, plan: &Plan, from: Utc) -> Result<Near, Error> {
    let query = ChangeQuery { from: Some(from), ..ChangeQuery::default() };
    let changes = store.changes(&query)?;
    let attributes = store.attributes(None, Versions::Present)?;
    if changes.is_empty() && attributes.is_empty() {
        return Ok(Near::default());
    }
    let visits = plan.visits.iter().map(|visit| &visit.host);
    let hosts = visits.chain(plan.left_out.iter().map(|out| &out.host));
    let identities: Vec<Identity> = hosts.map(|host| identity(host)).collect();
    let directory = Directory::new(&identities, &store.items(None)?);
    Ok(Near::new(&directory, &changes, &attributes))
}

/// What the inventory calls a host.
#[must_use]
pub fn identity(host: &crate::inventory::host::Host) -> Identity {
    let asset = &host.asset;
    // Every machine is `localhost` to itself: that names nobody.
    let address = (asset.transport != TransportKind::Local).then_some(&asset.address);
    let names = address.into_iter().chain(&host.host_key_alias);
    let mut aliases: Vec<ItemName> = names.filter_map(|name| ItemName::new(name).ok()).collect();
    aliases.sort_unstable();
    aliases.dedup();
    Identity { host: asset.name.clone(), aliases }
}

/// Changes and attributes of one host, as the store knows it and as far as they were imported by
/// `versions`; changes between `from` and `to`.
///
/// # Errors
/// When the store cannot be read.
pub fn for_host(
    store: &dyn Store,
    host: &HostName,
    (from, to): (Option<Utc>, Option<Utc>),
    versions: Versions,
) -> Result<Near, Error> {
    let own = ItemName::new(host.as_str()).ok().into_iter().collect::<Vec<_>>();
    let known = store.identities(Some(&own))?.into_iter().find(|known| known.host == *host);
    let identity = known.unwrap_or_else(|| Identity { host: host.clone(), aliases: Vec::new() });
    // All names that can mean the host, and all hosts that these names can mean.
    let items = store.items(Some(&keys(&identity)))?;
    let short = items.iter().filter_map(|item| ItemName::new(item.short()).ok());
    let mut every: Vec<ItemName> =
        items.iter().cloned().chain(short).chain(keys(&identity)).collect();
    every.sort_unstable();
    every.dedup();
    let directory = Directory::new(&store.identities(Some(&every))?, &items);
    let query =
        ChangeQuery { items: Some(items.clone()), from, to, versions, ..ChangeQuery::default() };
    let changes = store.changes(&query)?;
    let attributes = store.attributes(Some(&items), versions)?;
    Ok(Near::new(&directory, &changes, &attributes))
}
