//! From a playbook file and the command line to a plan.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{Mode, OFlags};

use crate::cli::problem::{Problem, Problems};
use crate::cli::setting::{Setting, defective, login};
use crate::inventory::Inventory;
use crate::inventory::host::Host;
use crate::model::digest::Sha256;
use crate::model::edge::EdgeLimits;
use crate::plan::playbook::Playbook;
use crate::plan::{Plan, Request};
use crate::probe::site::SiteProbe;
use crate::secret::surroundings::Surroundings;
use crate::yaml::defect::Defects;
use crate::yaml::reader::Limits;

/// A plan and what it was made from.
pub(super) struct Planned {
    pub(super) plan: Plan,
    pub(super) inventory: Sha256,
}

/// Makes the plan of a playbook, with what the command line adds.
///
/// # Errors
/// With all faults of playbook, site probes and inventory; when no host is left to visit.
pub(super) fn planned(
    setting: &Setting,
    playbook: &Path,
    operator: Option<&str>,
    change: Option<&str>,
) -> Result<Planned, Problems> {
    let playbook = read_playbook(playbook);
    let inventory = both(setting.inventory(), setting.selector().map_err(Problems::from));
    let ((playbook, site_probes), (inventory, selector)) = both(playbook, inventory)?;
    warn_unmatched(&inventory, &playbook, setting)?;
    let Inventory { hosts, digest, limits, .. } = inventory;
    let hosts: Vec<Arc<Host>> = hosts.into_iter().map(Arc::new).collect();
    let select = playbook.select.clone();
    // The playbook may name one too, and wins over the settings.
    let fallback = setting.settings.operator.as_ref().map(|chosen| chosen.value.clone());
    let operator = operator.map(str::to_owned).or_else(|| playbook.operator.clone()).or(fallback);
    let edges = EdgeLimits { each: playbook.limits.each.clone(), named: limits };
    let request =
        Request { edges, ..request(playbook, site_probes, operator.unwrap_or_else(login), change) };
    let plan = crate::plan::build::plan(request, &hosts, |host| {
        select.as_ref().is_none_or(|select| select.matches(host))
            && selector.as_ref().is_none_or(|selector| selector.matches(host))
    });
    if plan.visits.is_empty() {
        let reasons: Vec<String> = plan
            .left_out
            .iter()
            .take(3)
            .map(|out| format!("{}: {}", out.host.asset.name, out.reason))
            .collect();
        let message = format!("no host to visit ({})", reasons.join("; "));
        return Err(Problem::new("FS-USE-005", message).into());
    }
    let visited = plan.visits.iter().map(|visit| &*visit.host);
    for line in crate::inventory::ending(visited, setting.clock.utc()) {
        tracing::warn!("{line}");
    }
    Ok(Planned { plan, inventory: digest })
}

/// Both, or the problems of both: all faults at once.
pub(super) fn both<A, B>(
    a: Result<A, Problems>,
    b: Result<B, Problems>,
) -> Result<(A, B), Problems> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (Err(Problems(mut first)), Err(Problems(second))) => {
            first.extend(second);
            Err(Problems(first))
        }
        (Err(problems), Ok(_)) | (Ok(_), Err(problems)) => Err(problems),
    }
}

/// Reads a playbook and the files of site probes that it names, also when the playbook itself has
/// faults: all faults at once.
fn read_playbook(path: &Path) -> Result<(Playbook, Vec<SiteProbe>), Problems> {
    let bytes = read_file(path)?;
    let name = path.to_string_lossy();
    let Ok(text) = str::from_utf8(&bytes) else {
        // The reader of YAML says where.
        let mut defects = Defects::new(&name);
        let _ = crate::yaml::reader::read(&bytes, Limits::SMALL, &mut defects);
        return Err(defective(&defects.into_list()));
    };
    match Playbook::read(&name, text) {
        Ok(playbook) => {
            let probes = site_probes(&playbook.site_probes)?;
            Ok((playbook, probes))
        }
        Err(defects) => {
            let probes = site_probes(&Playbook::site_probe_files(&name, text));
            both(Err(defective(&defects)), probes)
        }
    }
}

/// Reads a file that the operator named.
///
/// # Errors
/// When it cannot be read.
pub(super) fn read_file(path: &Path) -> Result<Vec<u8>, Problem> {
    std::fs::read(path)
        .map_err(|error| Problem::new("FS-USE-007", format!("{}: {error}", path.display())))
}

/// Reads files of site probes.
///
/// # Errors
/// With all faults of all files.
pub(super) fn site_probes(files: &[std::path::PathBuf]) -> Result<Vec<SiteProbe>, Problems> {
    let mut probes: Vec<SiteProbe> = Vec::new();
    let mut problems = Vec::new();
    for path in files {
        let bytes = match read_file(path) {
            Ok(bytes) => bytes,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        match crate::probe::site_file::read(&path.to_string_lossy(), &bytes) {
            Ok(read) => probes.extend(read),
            Err(defects) => problems.extend(defective(&defects).0),
        }
    }
    let twice = probes
        .iter()
        .enumerate()
        .find(|(at, probe)| probes.iter().take(*at).any(|earlier| earlier.id == probe.id));
    if let Some((_, probe)) = twice {
        problems.push(Problem::new("FS-SITE-001", format!("probe `{}` is in two files", probe.id)));
    }
    if problems.is_empty() { Ok(probes) } else { Err(Problems(problems)) }
}

fn request(
    playbook: Playbook,
    site_probes: Vec<SiteProbe>,
    operator: String,
    change: Option<&str>,
) -> Request {
    Request {
        playbook: playbook.name.to_string(),
        purpose: playbook.purpose.to_string(),
        operator,
        change: change.map(str::to_owned).or(playbook.change),
        views: playbook.views,
        profile: playbook.profile,
        width: playbook.limits.width,
        starts_per_second: NonZeroU32::new(playbook.limits.starts_per_second)
            .unwrap_or(NonZeroU32::MIN),
        edges: EdgeLimits::default(),
        waves: playbook.waves,
        output_bytes: playbook.limits.output_bytes,
        deadlines: playbook.deadlines,
        containers: playbook.containers,
        site_probes,
    }
}

/// Says which conditions match nothing. An operator's typing mistake in `-l` selects nobody and
/// looks like a quiet night.
fn warn_unmatched(
    inventory: &Inventory,
    playbook: &Playbook,
    setting: &Setting,
) -> Result<(), Problem> {
    let selectors = playbook.select.iter().cloned().chain(setting.selector()?);
    for selector in selectors {
        for line in inventory.unmatched(&selector) {
            tracing::warn!("{line}");
        }
    }
    Ok(())
}

/// Warns of the files that the hosts of a plan need on this controller and that cannot be read. Nothing
/// of them is read.
pub(super) fn warn_of_files(plan: &Plan) {
    let surroundings = Surroundings::read();
    let mut needed: BTreeMap<(&Path, &str), u64> = BTreeMap::new();
    for visit in &plan.visits {
        for (path, what) in crate::plan::files::of(&visit.host) {
            *needed.entry((path, what)).or_default() += 1;
        }
    }
    for ((path, what), hosts) in needed {
        let whole = surroundings.expand(path).unwrap_or_else(|| path.to_owned());
        let whole = std::path::absolute(&whole).unwrap_or(whole);
        // Without waiting: it may be a pipe.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        if let Err(error) = rustix::fs::open(&whole, flags, Mode::empty()) {
            let hosts = if hosts == 1 { "1 host".to_owned() } else { format!("{hosts} hosts") };
            let whole = whole.display();
            tracing::warn!(
                "`{what}` of {hosts}: {whole} cannot be read: {}",
                std::io::Error::from(error)
            );
        }
    }
}
