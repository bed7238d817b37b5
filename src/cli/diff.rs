//! `fleetstat diff`.

use crate::cli::args::DiffArgs;
use crate::cli::problem::Problem;
use crate::cli::setting::{Setting, store_problem};
use crate::cli::{Ended, show, time, to_stdout};
use crate::model::snapshot::Snapshot;
use crate::model::time::Utc;
use crate::report::change::Changes;
use crate::report::rows::write_answers;
use crate::store::Mode;

/// Shows what changed on a host.
pub(super) fn diff(setting: &Setting, args: &DiffArgs) -> Ended {
    let store = setting.store(Mode::Read)?;
    let now = setting.clock.utc();
    let host = show::known_host(&*store, &args.host)?;
    show::within_limit(setting, &*store, &host)?;
    let at = |time: Utc| -> Result<Snapshot, Problem> {
        let found = store.snapshot(&host, Some(time)).map_err(store_problem)?;
        found.ok_or_else(|| {
            let message = format!("no snapshot of `{host}` at or before {time}");
            Problem::new("FS-USE-009", message).help("see `fleetstat runs` for what there is")
        })
    };
    let from = at(time::point(&args.from, now)?)?;
    let to = at(time::point(&args.to, now)?)?;
    if from.evidence == to.evidence {
        let (run, started) = (&from.header.run, from.header.started);
        tracing::warn!("both times lead to the same snapshot, run {run} at {started}");
    }
    let diff = crate::analyse::diff::diff(&from, &to);
    let rows = crate::report::change::rows(&diff, &from, &to);
    to_stdout(|out| write_answers(out, setting.layout(), Changes, &rows).map(drop))
}
