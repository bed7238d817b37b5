//! `fleetstat changes`.

use crate::cli::args::imports::{ChangesAction, ChangesListArgs};
use crate::cli::imports::directory;
use crate::cli::problem::{Problem, Problems};
use crate::cli::setting::{Setting, store_problem};
use crate::cli::{Ended, imports, time, to_stdout};
use crate::enrich::names::{Directory, Found};
use crate::model::change::{ChangeNumber, ChangeVersion};
use crate::model::id::HostName;
use crate::model::import::ImportKind;
use crate::report::change_request::{ChangeRequestRow, ChangeRequests};
use crate::report::rows::write_answers;
use crate::store::Mode;
use crate::store::imports::{ChangeQuery, Versions};

/// Imports, lists or shows change requests.
pub(super) fn changes(setting: &Setting, action: &ChangesAction) -> Ended {
    match action {
        ChangesAction::Import(args) => imports::import(setting, ImportKind::Changes, args),
        ChangesAction::List(args) => list(setting, args),
        ChangesAction::Show { number } => show(setting, number),
    }
}

fn list(setting: &Setting, args: &ChangesListArgs) -> Ended {
    let store = setting.store(Mode::Read)?;
    let now = setting.clock.utc();
    let point = |text: &Option<String>| -> Result<_, Problem> {
        text.as_deref().map(|text| time::point(text, now)).transpose()
    };
    let query = ChangeQuery {
        from: point(&args.since)?,
        to: point(&args.until)?,
        versions: point(&args.known_at)?.map_or(Versions::Present, Versions::KnownAt),
        ..ChangeQuery::default()
    };
    let directory = directory(setting, &*store)?;
    let limit = setting.limit_hosts(&*store)?;
    let found = store.changes(&query).map_err(store_problem)?;
    let mut rows: Vec<_> = found.iter().map(|version| row(&directory, version)).collect();
    if let Some(name) = &args.host {
        let host = host_of(&directory, name)?;
        rows.retain(|row| row.hosts.contains(&host));
    }
    if let Some(hosts) = limit {
        rows.retain(|row| row.hosts.iter().any(|host| hosts.contains(host)));
    }
    to_stdout(|out| write_answers(out, setting.layout(), ChangeRequests, &rows).map(drop))
}

/// The host of a name that an operator typed.
pub(super) fn host_of(directory: &Directory, name: &str) -> Result<HostName, Problem> {
    let shown = crate::model::text::escape(name.as_bytes());
    let unknown = || Problem::new("FS-USE-009", format!("no known host is called `{shown}`"));
    let item = crate::model::change::ItemName::new(name).map_err(|_| unknown())?;
    match directory.find(&item) {
        Found::Host(host, _) => Ok(host),
        Found::Nothing => Err(unknown()),
        Found::Several(hosts) => {
            let message = format!("`{shown}` could be {}", hosts.join(" or "));
            Err(Problem::new("FS-USE-009", message).help("give the whole name"))
        }
    }
}

fn row<'v>(directory: &Directory, version: &'v ChangeVersion) -> ChangeRequestRow<'v> {
    let mut row = ChangeRequestRow { version, hosts: vec![], unknown: vec![], ambiguous: vec![] };
    for item in version.request.touched() {
        match directory.find(item) {
            Found::Host(host, _) => row.hosts.push(host),
            Found::Nothing => row.unknown.push(item),
            Found::Several(_) => row.ambiguous.push(item),
        }
    }
    row.hosts.sort_unstable();
    row.hosts.dedup();
    row
}

/// All versions of one change, the present one first.
fn show(setting: &Setting, number: &str) -> Ended {
    let store = setting.store(Mode::Read)?;
    let shown = crate::model::text::escape(number.as_bytes());
    let unknown = || {
        let message = format!("the store knows no change `{shown}`");
        Problem::new("FS-USE-009", message).help("see `fleetstat changes list`")
    };
    let number = ChangeNumber::new(number).map_err(|_| Problems::from(unknown()))?;
    let query =
        ChangeQuery { number: Some(number), versions: Versions::All, ..ChangeQuery::default() };
    let mut found = store.changes(&query).map_err(store_problem)?;
    if found.is_empty() {
        return Err(unknown().into());
    }
    found.sort_by_key(|version| std::cmp::Reverse(version.imported));
    let directory = directory(setting, &*store)?;
    let rows: Vec<_> = found.iter().map(|version| row(&directory, version)).collect();
    to_stdout(|out| write_answers(out, setting.layout(), ChangeRequests, &rows).map(drop))
}
