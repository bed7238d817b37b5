//! `fleetstat show`.

use std::io::{self, Write};

use crate::cli::args::ShowArgs;
use crate::cli::problem::{Problem, Problems};
use crate::cli::setting::{Setting, store_problem, width};
use crate::cli::{Ended, about, time, to_stdout};
use crate::model::id::HostName;
use crate::model::query::HostOutcome;
use crate::model::record::RecordKind;
use crate::model::snapshot::View;
use crate::model::time::Utc;
use crate::report::records::write_records;
use crate::report::rows::{Format, Layout};
use crate::report::show::Around;
use crate::report::table::seconds;
use crate::store::imports::Versions;
use crate::store::{Mode, Store};
use crate::workflow::ask::{HostAt, host_at, tried_in_vain};
use crate::workflow::attach;

/// Shows a host as it was.
pub(super) fn show(setting: &Setting, args: &ShowArgs) -> Ended {
    let store = setting.store(Mode::Read)?;
    let now = setting.clock.utc();
    let at = args.at.as_deref().map(|text| time::point(text, now)).transpose()?;
    let host = known_host(&*store, &args.host)?;
    within_limit(setting, &*store, &host)?;
    let found = host_at(&*store, &host, at).map_err(store_problem)?;
    let Some(found) = found else {
        let when = at.map_or(String::new(), |at| format!(" at or before {at}"));
        let tried = tried_in_vain(&*store, &host, None, at).map_err(store_problem)?;
        let problem = Problem::new("FS-USE-009", format!("no snapshot of `{host}`{when}"));
        let early = at.map(|at| about::too_early(&*store, at)).transpose()?.flatten();
        return Err(match (tried, early) {
            (Some(tried), _) => problem.help(vain(&tried)).into(),
            (None, Some(early)) => problem.help(early).into(),
            (None, None) => problem.into(),
        });
    };
    let layout = setting.layout();
    let header = &found.latest.header;
    let from = header.started.minus(attach::LOOK_BACK);
    let time = (Some(from), Some(header.ended));
    let near = attach::for_host(&*store, &host, time, Versions::Present).map_err(store_problem)?;
    let around = Around {
        recorded: &header.surroundings,
        changes: near.changes(&host, from, header.ended).collect(),
        attributes: near.attributes(&host),
        asset: &header.asset,
    };
    to_stdout(|out| match layout.format {
        Format::Table => page(&found, &around, now, out),
        Format::Json | Format::Ndjson | Format::Csv => {
            records(&found, &kinds(args.kind, layout.format), layout, out)
        }
    })
}

/// Refuses a host that `-l` does not mean.
///
/// # Errors
/// When there is a selector and the host is outside it.
pub(super) fn within_limit(
    setting: &Setting,
    store: &dyn Store,
    host: &HostName,
) -> Result<(), Problems> {
    match setting.limit_hosts(store)? {
        Some(hosts) if !hosts.contains(host) => {
            let limit = setting.global.limit.as_deref().unwrap_or_default();
            Err(Problem::new("FS-USE-005", format!("`{host}` is not among `{limit}`")).into())
        }
        Some(_) | None => Ok(()),
    }
}

/// A host's name that the store has heard of.
///
/// # Errors
/// When it has not; the nearest name is suggested.
pub(super) fn known_host(store: &dyn Store, name: &str) -> Result<HostName, Problem> {
    let hosts = store.hosts().map_err(store_problem)?;
    if let Some(host) = hosts.iter().find(|host| host.as_str() == name) {
        return Ok(host.clone());
    }
    let near = crate::yaml::suggest::nearest(name, hosts.iter().map(HostName::as_str));
    let shown = crate::model::text::escape(name.as_bytes());
    let problem = Problem::new("FS-USE-009", format!("the store knows no host `{shown}`"));
    Err(match near {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None => problem,
    })
}

/// `tried in run R at T: refused: ...`.
fn vain(tried: &HostOutcome) -> String {
    let fault = tried.faults.first().map_or_else(String::new, |fault| format!(": {fault}"));
    format!("tried in vain in run {} at {}{fault}", tried.run, seconds(tried.at))
}

/// How long ago, in words: the largest unit that fits.
fn age(then: Utc, now: Utc) -> String {
    let seconds = now.micros_since(then).max(0) / 1_000_000;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

fn page(found: &HostAt, around: &Around<'_>, now: Utc, out: &mut impl Write) -> io::Result<()> {
    if let Some(tried) = &found.tried {
        writeln!(out, "Last {}.", vain(tried))?;
        writeln!(out, "What follows is {} old.\n", age(found.latest.header.started, now))?;
    }
    crate::report::show::show(&found.latest, width(), &mut *out)?;
    crate::report::show::around(around, width(), &mut *out)?;
    for (view, older) in &found.older {
        match older {
            Some(older) => {
                let (started, run) = (older.header.started, &older.header.run);
                let (age, started) = (age(started, now), seconds(started));
                writeln!(out, "\n{view}: last answered whole {age} ago, at {started}, run {run}:")?;
                crate::report::show::view(older, *view, width(), &mut *out)?;
            }
            None => writeln!(out, "\n{view}: never answered whole")?,
        }
    }
    Ok(())
}

/// Every record of the host, kind by kind: of the latest snapshot, and of an older one for views
/// that only that one answers whole. Each record says when it was collected. JSON is one array.
fn records(
    found: &HostAt,
    kinds: &[RecordKind],
    layout: Layout,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut first = true;
    for kind in kinds {
        let views = views_of(*kind);
        let mut older = found.older.iter().filter(|(view, _)| views.contains(view));
        let source = older.find_map(|(_, older)| older.as_ref()).unwrap_or(&found.latest);
        if layout.format != Format::Json {
            write_records(&mut *out, layout, source, *kind)?;
            continue;
        }
        let mut array = Vec::new();
        write_records(&mut array, layout, source, *kind)?;
        let rows = array.strip_prefix(b"[\n").and_then(|rest| rest.strip_suffix(b"\n]\n"));
        // An empty kind is `[]`, which has no rows to take over.
        if let Some(rows) = rows {
            out.write_all(if first { b"[\n" } else { b",\n" })?;
            out.write_all(rows)?;
            first = false;
        }
    }
    if layout.format == Format::Json {
        out.write_all(if first { b"[]\n" } else { b"\n]\n" })?;
    }
    Ok(())
}

/// The kinds to write: the one asked for, else all; CSV has one kind of columns, so sockets.
fn kinds(asked: Option<RecordKind>, format: Format) -> Vec<RecordKind> {
    match (asked, format) {
        (Some(kind), _) => vec![kind],
        (None, Format::Csv) => vec![RecordKind::Socket],
        (None, Format::Table | Format::Json | Format::Ndjson) => RecordKind::ALL.to_vec(),
    }
}

const fn views_of(kind: RecordKind) -> &'static [View] {
    match kind {
        RecordKind::Socket | RecordKind::Process => &[View::Listeners, View::Sessions],
        RecordKind::Interface => &[View::Interfaces],
        RecordKind::Route | RecordKind::Rule | RecordKind::Neighbour => &[View::Routes],
        RecordKind::Counter => &[View::Counters],
        RecordKind::Host => &[View::Host],
        RecordKind::Issue => &[],
    }
}
