//! `fleetstat assets`.

use crate::cli::args::imports::AssetsAction;
use crate::cli::imports::directory;
use crate::cli::problem::Problems;
use crate::cli::setting::{Setting, store_problem};
use crate::cli::{Ended, changes, imports, to_stdout};
use crate::enrich::names::{Directory, Found};
use crate::inventory::host::Host;
use crate::model::attribute::AttributeVersion;
use crate::model::id::HostName;
use crate::model::import::ImportKind;
use crate::report::attribute::{AttributeRow, Attributes, contradicts};
use crate::report::rows::write_answers;
use crate::store::imports::Versions;
use crate::store::{Mode, Store};

/// Imports, lists or shows attributes.
pub(super) fn assets(setting: &Setting, action: &AssetsAction) -> Ended {
    match action {
        AssetsAction::Import(args) => imports::import(setting, ImportKind::Assets, args),
        AssetsAction::List => {
            let store = setting.store(Mode::Read)?;
            let limit = setting.limit_hosts(&*store)?;
            list(setting, &*store, limit.as_deref())
        }
        AssetsAction::Show { host } => {
            let store = setting.store(Mode::Read)?;
            let host = changes::host_of(&directory(setting, &*store)?, host)?;
            list(setting, &*store, Some(&[host]))
        }
    }
}

/// Attributes of these hosts; `None`: of all, also of names that mean no host.
fn list(setting: &Setting, store: &dyn Store, hosts: Option<&[HostName]>) -> Ended {
    let directory = directory(setting, store)?;
    let inventory = inventory(setting, store)?;
    let versions = store.attributes(None, Versions::Present).map_err(store_problem)?;
    let present = versions.iter().filter(|version| version.said.value.is_some());
    let rows = present.map(|version| row(&directory, &inventory, version));
    let rows: Vec<_> = rows
        .filter(|row| {
            hosts.is_none_or(|hosts| row.host.as_ref().is_some_and(|host| hosts.contains(host)))
        })
        .collect();
    to_stdout(|out| write_answers(out, setting.layout(), Attributes, &rows).map(drop))
}

/// The hosts as the inventory has them where one is named, else as they were at the last capture.
/// Sorted by name.
fn inventory(setting: &Setting, store: &dyn Store) -> Result<Vec<Host>, Problems> {
    if setting.names_inventory() {
        return Ok(setting.inventory()?.hosts);
    }
    Ok(crate::workflow::ask::stored_hosts(store).map_err(store_problem)?)
}

fn row<'v>(
    directory: &Directory,
    inventory: &[Host],
    version: &'v AttributeVersion,
) -> AttributeRow<'v> {
    let host = match directory.find(&version.said.item) {
        Found::Host(host, _) => Some(host),
        Found::Nothing | Found::Several(_) => None,
    };
    let asset = host.as_ref().and_then(|host| {
        let at = inventory.binary_search_by(|known| known.asset.name.cmp(host)).ok()?;
        inventory.get(at).map(|host| &host.asset)
    });
    let value = version.said.value.as_deref().unwrap_or_default();
    let inventory = asset.and_then(|asset| contradicts(asset, version.said.key.as_str(), value));
    AttributeRow { host, version, inventory }
}
