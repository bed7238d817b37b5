//! `fleetstat hosts`.

use crate::cli::args::HostsArgs;
use crate::cli::problem::{Problem, Problems};
use crate::cli::setting::Setting;
use crate::cli::{Ended, to_stdout};
use crate::inventory::Inventory;
use crate::model::query::Explanation;
use crate::report::inventory::{Assets, Origins};
use crate::report::rows::write_answers;

/// Lists hosts, or explains one.
pub(super) fn hosts(setting: &Setting, args: &HostsArgs) -> Ended {
    let inventory = setting.inventory()?;
    let layout = setting.layout();
    if let Some(name) = &args.explain {
        let rows = explanation(&inventory, name)?;
        return to_stdout(|out| write_answers(out, layout, Origins, &rows).map(drop));
    }
    let selector = setting.selector()?;
    for line in selector.iter().flat_map(|selector| inventory.unmatched(selector)) {
        tracing::warn!("{line}");
    }
    let assets: Vec<_> =
        inventory.select(selector.as_ref()).into_iter().map(|host| host.asset.clone()).collect();
    to_stdout(|out| write_answers(out, layout, Assets, &assets).map(drop))
}

/// Where each value of a host comes from.
///
/// # Errors
/// When the inventory cannot be read or has no such host.
pub(super) fn explained(setting: &Setting, name: &str) -> Result<Vec<Explanation>, Problems> {
    Ok(explanation(&setting.inventory()?, name)?)
}

fn explanation(inventory: &Inventory, name: &str) -> Result<Vec<Explanation>, Problem> {
    let Some(values) = inventory.explain(name) else {
        let near = crate::yaml::suggest::nearest(
            name,
            inventory.hosts.iter().map(|host| host.asset.name.as_str()),
        );
        let problem = Problem::new("FS-USE-005", format!("no host `{name}` in the inventory"));
        return Err(match near {
            Some(near) => problem.help(format!("did you mean `{near}`?")),
            None => problem,
        });
    };
    Ok(values
        .into_iter()
        .map(|one| Explanation { key: one.key, value: one.value, origin: one.origin })
        .collect())
}
