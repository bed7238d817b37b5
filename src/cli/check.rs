//! `fleetstat check`.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::num::NonZeroU32;
use std::sync::{Arc, OnceLock};

use crate::cli::args::CheckArgs;
use crate::cli::problem::{Exit, Problem, Problems};
use crate::cli::progress::{Progress, Style};
use crate::cli::setting::{Setting, login};
use crate::cli::{Ended, request, run, to_stdout};
use crate::dispatch::stop::Stop;
use crate::inventory::host::Host;
use crate::model::deadline::Deadlines;
use crate::model::edge::EdgeLimits;
use crate::model::id::HostName;
use crate::model::privilege::Verdict;
use crate::model::snapshot::View;
use crate::plan::playbook::Limits;
use crate::plan::{Plan, Request};
use crate::probe::Profile;
use crate::report::inventory::Commands;
use crate::report::privilege::AccountFindings;
use crate::report::rows::{Format, write_answers};
use crate::transport::Roads;
use crate::transport::local::Local;
use crate::transport::winrm::Winrm;
use crate::workflow::check::{Check, Checked, check as look};

/// Looks at the accounts and prints what was found, or what would be sent.
pub(super) fn check(setting: &Setting, args: &CheckArgs) -> Ended {
    let plan = planned(setting)?;
    if args.plan {
        return show(setting, &plan);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(run::workers())
        .enable_all()
        .build()
        .map_err(|error| Problem::new("FS-INT-001", format!("no runtime: {error}")))?;
    let (checked, interrupted) = runtime.block_on(conduct(setting, plan))?;
    to_stdout(|out| {
        write_answers(out, setting.layout(), AccountFindings, &checked.findings).map(drop)
    })?;
    Ok(interrupted.unwrap_or_else(|| exit(&checked)))
}

/// The plan: the hosts of the inventory, and the limits that a playbook has by default.
fn planned(setting: &Setting) -> Result<Plan, Problems> {
    let (inventory, selector) =
        request::both(setting.inventory(), setting.selector().map_err(Problems::from))?;
    for line in selector.iter().flat_map(|selector| inventory.unmatched(selector)) {
        tracing::warn!("{line}");
    }
    let named = inventory.limits;
    let hosts: Vec<Arc<Host>> = inventory.hosts.into_iter().map(Arc::new).collect();
    let limits = Limits::default();
    let request = Request {
        playbook: "check".to_owned(),
        purpose: "what the account may do".to_owned(),
        operator: login(),
        change: None,
        views: View::ALL.to_vec(),
        width: limits.width,
        starts_per_second: NonZeroU32::new(limits.starts_per_second).unwrap_or(NonZeroU32::MIN),
        edges: EdgeLimits { each: limits.each, named },
        waves: None,
        output_bytes: crate::evidence::spool::MEMORY_BYTES_MAX as u64,
        deadlines: Deadlines::default(),
        containers: false,
        site_probes: Vec::new(),
        profile: Profile::Default,
    };
    let plan = crate::plan::build::check(request, &hosts, |host| {
        selector.as_ref().is_none_or(|selector| selector.matches(host))
    });
    if plan.visits.is_empty() {
        return Err(Problem::new("FS-USE-005", "no host to look at").into());
    }
    Ok(plan)
}

/// Shows what would be sent.
fn show(setting: &Setting, plan: &Plan) -> Ended {
    request::warn_of_files(plan);
    let layout = setting.layout();
    to_stdout(|out| match layout.format {
        Format::Table => {
            let mut text = String::new();
            crate::plan::page::write(&mut text, plan).map_err(std::io::Error::other)?;
            out.write_all(text.as_bytes())
        }
        Format::Json | Format::Ndjson | Format::Csv => {
            write_answers(out, layout, Commands, &crate::plan::rows::rows(plan)).map(drop)
        }
    })
}

/// Looks, with progress on standard error. The exit code says that an operator broke it off.
async fn conduct(setting: &Setting, plan: Plan) -> Result<(Checked, Option<Exit>), Problems> {
    if let Err(error) = crate::secret::shield_memory() {
        tracing::warn!("a core dump of this process would hold its secrets: {error}");
    }
    let ssh = Arc::new(run::ssh(setting, &plan)?);
    run::unlock(setting, &ssh, &plan).await?;
    let local = Arc::new(Local::new(setting.clock));
    let winrm = Arc::new(Winrm::new(&ssh, setting.clock));
    let stop = Stop::default();
    let first = Arc::new(OnceLock::new());
    let signals = tokio::spawn(run::watch_signals(stop.clone(), first.clone()));
    let style = Style::choose(setting.global.quiet, setting.global.verbose);
    let progress = Progress::start(plan.visits.len() as u64, style);
    let checked = look(Check {
        plan,
        roads: Arc::new(Roads { ssh, local, winrm }),
        observer: progress.observer(),
        stop,
        clock: setting.clock,
    })
    .await;
    drop(progress);
    signals.abort();
    Ok((checked, first.get().copied()))
}

/// The exit code: as of a run, where an account that lacks something or has too much is a host that
/// failed. What is only left out does not count.
fn exit(checked: &Checked) -> Exit {
    let mut worst: BTreeMap<&HostName, Verdict> = BTreeMap::new();
    for finding in &checked.findings {
        let verdict = worst.entry(&finding.host).or_insert(finding.verdict);
        *verdict = (*verdict).max(finding.verdict);
    }
    let faulty = worst.values().filter(|verdict| **verdict == Verdict::Fault).count();
    let matters = |verdict: &&Verdict| matches!(verdict, Verdict::Lacks | Verdict::TooMuch);
    let to_mend = worst.values().filter(matters).count();
    if to_mend == 0 && faulty == 0 {
        Exit::Clean
    } else if faulty == worst.len() {
        Exit::AllFailed
    } else if to_mend == 0 && faulty == checked.unreachable.len() {
        Exit::Unreachable
    } else {
        Exit::SomeFailed
    }
}
