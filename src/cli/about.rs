//! From the arguments of a question to hosts and times.

use std::time::Duration;

use crate::cli::problem::{Problem, Problems};
use crate::cli::question::About;
use crate::cli::setting::{Setting, store_problem};
use crate::cli::time;
use crate::inventory::host::Host;
use crate::model::id::HostName;
use crate::model::time::Utc;
use crate::report::unseen::lines;
use crate::store::Store;
use crate::workflow::question;

/// Whom a question is about, and when.
///
/// # Errors
/// When a time or a selector cannot be understood, no host matches, or there is no data at all at
/// or before the time.
pub(super) fn about(
    setting: &Setting,
    store: &dyn Store,
    args: &About,
) -> Result<question::About, Problems> {
    let at = moment(setting, args)?;
    let hosts = hosts(setting, store, args)?;
    begun(store, at)?;
    Ok(question::About { hosts, at, stale: age("--stale", &args.stale)? })
}

/// The time that a question is about: now, unless one is given.
///
/// # Errors
/// When it cannot be understood.
pub(super) fn moment(setting: &Setting, args: &About) -> Result<Utc, Problem> {
    let now = setting.clock.utc();
    args.at.as_deref().map_or(Ok(now), |text| time::point(text, now))
}

fn age(option: &str, text: &str) -> Result<Duration, Problem> {
    time::age(text).ok_or_else(|| {
        let shown = crate::model::text::escape(text.as_bytes());
        let problem = Problem::new("FS-USE-003", format!("`{option} {shown}` is not an age"));
        problem.help("write 90s, 15m, 8h or 30d")
    })
}

/// The hosts, sorted. `None`: all that the store knows.
fn hosts(
    setting: &Setting,
    store: &dyn Store,
    args: &About,
) -> Result<Option<Vec<HostName>>, Problems> {
    let selector = setting.selector()?;
    let named = !setting.global.inventories.is_empty();
    if selector.is_none() && args.role.is_none() && args.segment.is_none() && !named {
        return Ok(None);
    }
    let keep = |host: &Host| {
        let is = |wanted: &Option<String>, found: Option<&crate::model::id::Label>| {
            let found = found.map(crate::model::id::Label::as_str);
            wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
        };
        is(&args.role, host.asset.role.as_ref())
            && is(&args.segment, host.asset.segment.as_ref())
            && selector.as_ref().is_none_or(|selector| selector.matches(host))
    };
    let mut hosts: Vec<HostName> = if named {
        let inventory = setting.inventory()?;
        let all = inventory.select(None);
        all.iter().filter(|host| keep(host)).map(|host| host.asset.name.clone()).collect()
    } else {
        let at = moment(setting, args)?;
        question::select(store, Some(at), |asset| keep(&Host::of(asset.clone())))
            .map_err(store_problem)?
    };
    hosts.sort();
    if hosts.is_empty() {
        begun(store, moment(setting, args)?)?;
        let wanted: Vec<_> = [("role", &args.role), ("segment", &args.segment)]
            .into_iter()
            .filter_map(|(key, value)| Some(format!("{key}={}", value.as_deref()?)))
            .chain(setting.global.limit.clone())
            .collect();
        let wanted = crate::model::text::escape(wanted.join(" & ").as_bytes());
        let problem = Problem::new("FS-USE-005", format!("no host matches `{wanted}`"));
        // Of a host that never answered the store knows the name alone.
        let help =
            "of hosts that never answered the inventory knows more than the store: add -i FILE";
        return Err(if named { problem } else { problem.help(help) }.into());
    }
    Ok(Some(hosts))
}

fn first_of_all(first: Utc) -> String {
    format!("the first snapshot of all was taken at {first}")
}

/// What helps where a host has no snapshot at a time: when the first of all was taken, if that was
/// later.
pub(super) fn too_early(store: &dyn Store, at: Utc) -> Result<Option<String>, Problem> {
    let first = store.begins().map_err(store_problem)?;
    Ok(first.filter(|first| *first > at).map(first_of_all))
}

/// Refuses a time before any data: an empty answer would read as "nothing was there".
fn begun(store: &dyn Store, at: Utc) -> Result<(), Problem> {
    match store.begins().map_err(store_problem)? {
        Some(first) if first <= at => Ok(()),
        Some(first) => {
            let problem = Problem::new("FS-USE-009", format!("no snapshot at or before {at}"));
            Err(problem.help(first_of_all(first)))
        }
        None => Err(Problem::new("FS-USE-009", "the store has no snapshot yet")),
    }
}

/// Tells in the log what an answer in CSV cannot hold.
pub(super) fn tell(setting: &Setting, unseen: &[crate::model::seen::Unseen]) {
    if setting.layout().format == crate::report::rows::Format::Csv {
        for line in lines(unseen) {
            tracing::warn!("not seen: {line}");
        }
    }
}
