//! The layers of settings as the command line finds them: options over the environment over the
//! person's file over the machine's file over what is built in.

use std::path::{Path, PathBuf};

use crate::cli::args::Global;
use crate::cli::problem::{Exit, Problem, Problems};
use crate::cli::setting::{defect, variable};
use crate::config::{Chosen, Layer, Origin, read};

/// The machine's file of settings.
const MACHINE: &str = "/etc/fleetstat/config.yaml";

/// All layers as one.
///
/// # Errors
/// With all faults of all files of settings.
pub(super) fn layers(global: &Global) -> Result<Layer, Problems> {
    let upper = options(global).over(environment());
    Ok(upper.over(files(global)?).over(built_in()))
}

/// The files of settings that are looked at, the one that wins first, and whether they must exist:
/// the one that was named alone, else the person's and the machine's.
pub(super) fn places(global: &Global) -> (Vec<PathBuf>, bool) {
    let named = global.config.clone().or_else(|| variable("FLEETSTAT_CONFIG").map(PathBuf::from));
    if let Some(named) = named {
        return (vec![named], true);
    }
    let home = || home().map(|home| home.join(".config"));
    let folder = variable("XDG_CONFIG_HOME").map(PathBuf::from).or_else(home);
    let person = folder.map(|folder| folder.join("fleetstat/config.yaml"));
    (person.into_iter().chain([PathBuf::from(MACHINE)]).collect(), false)
}

fn files(global: &Global) -> Result<Layer, Problems> {
    let (places, required) = places(global);
    let me = rustix::process::geteuid().as_raw();
    let mut layer = Layer::default();
    let mut problems = Vec::new();
    for place in places {
        match read(&place, required, home().as_deref(), me) {
            Ok(Some(lower)) => layer = layer.over(lower),
            Ok(None) => {}
            Err(error) => problems.extend(error.0.iter().map(of_settings)),
        }
    }
    if problems.is_empty() { Ok(layer) } else { Err(Problems(problems)) }
}

/// Faults of YAML have codes of their own, but here they are faults of the configuration.
fn of_settings(fault: &crate::yaml::defect::Defect) -> Problem {
    Problem { exit: Some(Exit::Config), ..defect(fault) }
}

fn options(global: &Global) -> Layer {
    let option = |origin, value: &Vec<PathBuf>| {
        (!value.is_empty()).then(|| Chosen { value: value.clone(), origin: Origin::Option(origin) })
    };
    Layer {
        data: global.data.clone().map(|value| Chosen { value, origin: Origin::Option("--data") }),
        inventory: option("--inventory", &global.inventories),
        known_hosts: option("--known-hosts", &global.known_hosts),
        revoked_host_keys: option("--revoked-host-keys", &global.revoked_host_keys),
        operator: None,
    }
}

fn environment() -> Layer {
    let path = |name: &'static str| {
        let value = variable(name).map(PathBuf::from)?;
        Some(Chosen { value, origin: Origin::Variable(name) })
    };
    Layer {
        data: path("FLEETSTAT_DATA"),
        inventory: path("FLEETSTAT_INVENTORY")
            .map(|one| Chosen { value: vec![one.value], origin: one.origin }),
        known_hosts: None,
        revoked_host_keys: None,
        operator: None,
    }
}

fn built_in() -> Layer {
    let state = variable("XDG_STATE_HOME").map(PathBuf::from);
    let state = state.or_else(|| home().map(|home| home.join(".local/state")));
    let own = home().map(|home| home.join(".ssh/known_hosts"));
    let keys = own.into_iter().chain([PathBuf::from("/etc/ssh/ssh_known_hosts")]);
    Layer {
        data: state.map(|state| Chosen::default(state.join("fleetstat"))),
        inventory: None,
        known_hosts: Some(Chosen::default(keys.collect())),
        revoked_host_keys: None,
        operator: Some(Chosen::default(crate::cli::setting::login())),
    }
}

fn home() -> Option<PathBuf> {
    variable("HOME").map(|home| Path::new(&home).to_owned())
}
