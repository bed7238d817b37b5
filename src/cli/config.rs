//! `fleetstat config explain`: every setting in force, and the place that decided it.

use std::path::{Path, PathBuf};

use crate::cli::args::ConfigExplainArgs;
use crate::cli::problem::{Problem, Problems};
use crate::cli::setting::{Setting, defective};
use crate::cli::{Ended, hosts, layers, request, to_stdout};
use crate::config::{Chosen, Origin};
use crate::model::query::Explanation;
use crate::plan::playbook::origin::{Limit, limits};
use crate::report::inventory::Origins;
use crate::report::rows::write_answers;

/// Explains the settings of the controller, and those of a host and a playbook where asked.
pub(super) fn explain(setting: &Setting, args: &ConfigExplainArgs) -> Ended {
    let mut rows = controller(setting);
    if let Some(host) = &args.host {
        rows.extend(hosts::explained(setting, host)?);
    }
    if let Some(playbook) = &args.playbook {
        rows.extend(of_playbook(playbook)?);
    }
    to_stdout(|out| write_answers(out, setting.layout(), Origins, &rows).map(drop))
}

fn row(key: &str, value: impl Into<String>, origin: &impl ToString) -> Explanation {
    Explanation { key: key.to_owned(), value: value.into(), origin: origin.to_string() }
}

/// The controller's own settings, in the order of the files' keys.
fn controller(setting: &Setting) -> Vec<Explanation> {
    let layer = &setting.settings;
    let mut rows = Vec::new();
    let (places, _) = layers::places(&setting.global);
    for place in &places {
        let state = if place.exists() { "read" } else { "not there" };
        rows.push(row("settings file", place.display().to_string(), &state));
    }
    match &layer.data {
        Some(chosen) => rows.push(row("data", chosen.value.display().to_string(), &chosen.origin)),
        None => rows.push(row("data", "none", &Origin::Default)),
    }
    rows.extend(paths("inventory", layer.inventory.as_ref()));
    rows.extend(paths("known_hosts", layer.known_hosts.as_ref()));
    rows.extend(paths("revoked_host_keys", layer.revoked_host_keys.as_ref()));
    if let Some(chosen) = &layer.operator {
        rows.push(row("operator", chosen.value.clone(), &chosen.origin));
    }
    rows
}

/// A row for each path; one that says `none` when there is no list.
fn paths(key: &str, list: Option<&Chosen<Vec<PathBuf>>>) -> Vec<Explanation> {
    match list {
        None => vec![row(key, "none", &Origin::Default)],
        Some(chosen) => {
            let one = |path: &PathBuf| {
                let missing = if path.exists() { "" } else { " (not there)" };
                row(key, format!("{}{missing}", path.display()), &chosen.origin)
            };
            chosen.value.iter().map(one).collect()
        }
    }
}

/// Limits and deadlines, each with the playbook's line or `default`.
fn of_playbook(path: &Path) -> Result<Vec<Explanation>, Problems> {
    let bytes = request::read_file(path)?;
    let name = path.to_string_lossy();
    let found =
        limits(&name, &String::from_utf8_lossy(&bytes)).map_err(|defects| defective(&defects))?;
    let shown = |Limit { key, value, line }: Limit| {
        let origin = line.map_or(Origin::Default, |line| Origin::File(name.as_ref().into(), line));
        row(&key, value, &origin)
    };
    if found.is_empty() {
        return Err(Problem::new("FS-INT-001", "a playbook without limits").into());
    }
    Ok(found.into_iter().map(shown).collect())
}
