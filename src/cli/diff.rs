//! `fleetstat diff`.

use crate::cli::args::DiffArgs;
use crate::cli::problem::Problem;
use crate::cli::setting::{Setting, store_problem};
use crate::cli::{Ended, about, show, time, to_stdout};
use crate::model::change::ChangeNote;
use crate::model::id::HostName;
use crate::model::import::ImportKind;
use crate::model::snapshot::Snapshot;
use crate::model::time::Utc;
use crate::report::change::Changes;
use crate::report::rows::{Format, write_answers};
use crate::store::imports::Versions;
use crate::store::{Mode, Store};
use crate::workflow::attach;

/// Change requests that were at work on the host between two times. `None`: none were ever imported.
fn recorded_between(
    store: &dyn Store,
    host: &HostName,
    from: Utc,
    to: Utc,
) -> Result<Option<Vec<ChangeNote>>, Problem> {
    let imports = store.imports().map_err(store_problem)?;
    if imports.iter().all(|import| import.options.kind != ImportKind::Changes) {
        return Ok(None);
    }
    let time = (Some(from), Some(to));
    let near = attach::for_host(store, host, time, Versions::Present).map_err(store_problem)?;
    Ok(Some(near.changes(host, from, to).cloned().collect()))
}

/// Shows what changed on a host.
pub(super) fn diff(setting: &Setting, args: &DiffArgs) -> Ended {
    let store = setting.store(Mode::Read)?;
    let now = setting.clock.utc();
    let host = show::known_host(&*store, &args.host)?;
    show::within_limit(setting, &*store, &host)?;
    let at = |time: Utc| -> Result<Snapshot, Problem> {
        if let Some(found) = store.snapshot(&host, Some(time)).map_err(store_problem)? {
            return Ok(found);
        }
        let help = about::too_early(&*store, time)?;
        let help = help.unwrap_or_else(|| "see `fleetstat runs` for what there is".to_owned());
        let message = format!("no snapshot of `{host}` at or before {time}");
        Err(Problem::new("FS-USE-009", message).help(help))
    };
    let from = at(time::point(&args.from, now)?)?;
    let to = at(time::point(&args.to, now)?)?;
    if from.evidence == to.evidence {
        let (run, started) = (&from.header.run, from.header.started);
        tracing::warn!("both times lead to the same snapshot, run {run} at {started}");
    }
    let diff = crate::analyse::diff::diff(&from, &to);
    let mut rows = crate::report::change::rows(&diff, &from, &to);
    let (began, ended) = (from.header.started, to.header.ended);
    let notes = recorded_between(&*store, &host, began, ended)?;
    for row in &mut rows {
        row.during = notes.as_deref();
    }
    let layout = setting.layout();
    to_stdout(|out| {
        if let (Format::Table, Some(notes)) = (layout.format, &notes) {
            crate::report::show::interval(notes, (began, ended), &mut *out)?;
        }
        write_answers(out, layout, Changes, &rows).map(drop)
    })
}
