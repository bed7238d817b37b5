//! `fleetstat replay`.

use std::path::{Path, PathBuf};

use crate::cli::problem::{Exit, Problem, Problems};
use crate::cli::question::ReplayArgs;
use crate::cli::saved::answer;
use crate::cli::setting::{Setting, store_problem};
use crate::cli::{Ended, verify};
use crate::evidence::manifest::MANIFEST_FILE;
use crate::evidence::verify::{FindingKind, Verdict, verify as check};
use crate::model::digest::Sha256;
use crate::model::id::HostName;
use crate::model::snapshot::EvidenceFile;
use crate::report::replayed::{Difference, Differences, Replayed, ReplayedFiles};
use crate::report::rows::write_answers;
use crate::store::{Mode, Store};
use crate::workflow::replay::{self as workflow, ReplayError};

/// Reads evidence with today's readers and says what they read otherwise. Nothing is written.
pub(super) fn replay(setting: &Setting, args: &ReplayArgs) -> Ended {
    let (folder, files) = evidence(setting, &args.place)?;
    let store = store(setting)?;
    let limit = match (&store, setting.global.limit.is_some()) {
        (Some(store), true) => setting.limit_hosts(&**store)?,
        (None, true) if !setting.global.inventories.is_empty() => {
            let inventory = setting.inventory()?;
            let chosen = inventory.select(setting.selector()?.as_ref());
            Some(chosen.iter().map(|host| host.asset.name.clone()).collect())
        }
        (None, true) => {
            let problem = Problem::new("FS-USE-002", "without a store `-l` needs an inventory");
            return Err(problem.into());
        }
        (_, false) => None,
    };
    let (replayed, differences) = all(&folder, &files, store.as_deref(), limit.as_deref())?;
    let layout = setting.layout();
    let ended = answer(&args.saved, |out| {
        if args.diff {
            write_answers(out, layout, Differences, &differences).map(drop)
        } else {
            write_answers(out, layout, ReplayedFiles, &replayed).map(drop)
        }
    })?;
    tell(&replayed, args.diff);
    Ok(if differences.is_empty() { ended } else { Exit::SomeFailed })
}

/// The store to compare with. `None`: there is none, or one of an earlier version, which only
/// writing brings up to date; then evidence is read and compared with nothing.
fn store(setting: &Setting) -> Result<Option<Box<dyn Store>>, Problem> {
    let file = setting.store_file()?;
    if !file.exists() {
        tracing::warn!("there is no store to compare with");
        return Ok(None);
    }
    match crate::store::open(&file, Mode::Read) {
        Ok(store) => Ok(Some(store)),
        Err(older @ crate::store::Error::Older { .. }) => {
            tracing::warn!("nothing is compared: {older}");
            Ok(None)
        }
        Err(error) => Err(store_problem(error)),
    }
}

fn all(
    folder: &Path,
    files: &[EvidenceFile],
    store: Option<&dyn Store>,
    limit: Option<&[HostName]>,
) -> Result<(Vec<Replayed>, Vec<Difference>), Problems> {
    let (mut replayed, mut differences, mut problems) = (Vec::new(), Vec::new(), Vec::new());
    for file in files {
        if let Some(limit) = limit
            && workflow::host_of(folder, file).is_ok_and(|host| !limit.contains(&host))
        {
            continue;
        }
        match workflow::replay(folder, file, store) {
            Ok((one, mut found)) => {
                replayed.push(one);
                differences.append(&mut found);
            }
            Err(error) => problems.push(problem(error)),
        }
    }
    if problems.is_empty() { Ok((replayed, differences)) } else { Err(Problems(problems)) }
}

fn problem(error: ReplayError) -> Problem {
    let message = error.to_string();
    match error {
        ReplayError::Store(error) => store_problem(error),
        ReplayError::Changed(..) | ReplayError::Other(..) => Problem::new("FS-EVI-002", message),
        ReplayError::Reread(_) => Problem::new("FS-EVI-004", message),
    }
}

/// Says in the log what the rows alone do not: what was not compared, and how a change is applied.
fn tell(replayed: &[Replayed], diff: bool) {
    let apart = replayed.iter().filter(|one| !one.compared).count();
    if apart > 0 {
        tracing::warn!("{apart} evidence files are not in the store: nothing to compare with");
    }
    let differ = replayed.iter().filter(|one| one.added + one.removed + one.changed > 0).count();
    if differ > 0 {
        let hint = if diff { "" } else { "; `--diff` lists them" };
        tracing::warn!(
            "{differ} evidence files are read otherwise today{hint}; `fleetstat rebuild` makes the \
             store anew with today's readers"
        );
    }
    if diff {
        for (one, remark) in
            replayed.iter().flat_map(|one| one.remarks.iter().map(move |r| (one, r)))
        {
            tracing::warn!("{}: {remark}", one.file);
        }
    }
}

/// The folder and the files to replay, verified: changed evidence is refused.
fn evidence(setting: &Setting, place: &str) -> Result<(PathBuf, Vec<EvidenceFile>), Problems> {
    let path = Path::new(place);
    let file = path.is_file();
    let (folder, anchor) = if file {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        (folder.unwrap_or(Path::new(".")).to_owned(), None)
    } else {
        verify::place(setting, place)?
    };
    if file {
        return one_file(path, folder).map_err(Into::into);
    }
    refuse_changed(&folder, anchor)?;
    let (files, unreadable) =
        workflow::files(&folder).map_err(|error| Problem::new("FS-EVI-004", error.to_string()))?;
    if unreadable.is_empty() {
        return Ok((folder, files));
    }
    let problems = unreadable.into_iter().map(|line| Problem::new("FS-EVI-004", line));
    Err(Problems(problems.collect()))
}

/// One file; the manifest beside it, if there is one, must know it by its digest.
fn one_file(path: &Path, folder: PathBuf) -> Result<(PathBuf, Vec<EvidenceFile>), Problem> {
    let failed = |reason: String| Problem::new("FS-EVI-004", format!("{}: {reason}", shown(path)));
    let (sha256, bytes) =
        crate::workflow::rebuild::digest(path).map_err(|error| failed(error.to_string()))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if folder.join(MANIFEST_FILE).exists() {
        let listed = workflow::files(&folder).map_err(|error| failed(error.to_string()))?.0;
        let known = listed.iter().find(|file| file.name == name);
        if known.is_none_or(|known| known.sha256 != sha256) {
            let message = format!("{} is not as the manifest beside it says", shown(path));
            return Err(Problem::new("FS-EVI-002", message));
        }
    }
    Ok((folder, vec![EvidenceFile { name, sha256, bytes }]))
}

fn shown(path: &Path) -> String {
    crate::model::text::escape(path.as_os_str().as_encoded_bytes())
}

fn refuse_changed(folder: &Path, anchor: Option<Sha256>) -> Result<(), Problem> {
    let report =
        check(folder, anchor).map_err(|error| Problem::new("FS-EVI-004", error.to_string()))?;
    match report.verdict() {
        Verdict::Intact => Ok(()),
        Verdict::Incomplete => {
            tracing::warn!("{}: the run did not end; what it wrote is replayed", shown(folder));
            Ok(())
        }
        Verdict::Changed => {
            let first = report
                .findings
                .iter()
                .find(|one| !matches!(one.kind, FindingKind::Temporary | FindingKind::Unfinished));
            let first = first.map_or_else(String::new, |finding| format!(": {finding}"));
            let message = format!("{} was changed, so nothing is replayed{first}", shown(folder));
            Err(Problem::new("FS-EVI-002", message).help("`fleetstat verify` lists all findings"))
        }
    }
}
