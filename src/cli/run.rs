//! `fleetstat run`.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::cli::args::RunArgs;
use crate::cli::problem::{Exit, Problem, Problems};
use crate::cli::progress::{Progress, Style};
use crate::cli::setting::{Setting, variable, width};
use crate::cli::{Ended, request, time, to_stdout, trust};
use crate::dispatch::stop::{Stage, Stop};
use crate::inventory::host::Account;
use crate::inventory::login::Mechanism;
use crate::model::host::TransportKind;
use crate::model::query::{HostOutcome, OutcomeCounts, RunSummary};
use crate::model::snapshot::{Limitation, Outcome};
use crate::plan::Plan;
use crate::report::answer::Outcomes;
use crate::report::rows::{Format, write_answers};
use crate::report::summary::{Summary, summary};
use crate::secret::surroundings::Surroundings;
use crate::store::Mode;
use crate::transport::Roads;
use crate::transport::local::Local;
use crate::transport::ssh::identity::Unlocked;
use crate::transport::ssh::{Settings, Ssh};
use crate::transport::winrm::Winrm;
use crate::workflow::collect::{CollectError, Collected, Collection, collect};

/// Host names per kind of fault in the closing summary.
const EXAMPLES: usize = 5;

/// Runs a playbook and prints what came of it.
pub(super) fn run(setting: &Setting, args: &RunArgs) -> Ended {
    let operator = args.operator.as_deref();
    let look_back = time::span(&args.look_back)?;
    let planned = request::planned(setting, &args.playbook, operator, args.change.as_deref())?;
    let _lock = setting.lock(false)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers())
        .enable_all()
        .build()
        .map_err(|error| Problem::new("FS-INT-001", format!("no runtime: {error}")))?;
    let (collected, interrupted) = runtime.block_on(conduct(setting, planned, look_back))?;
    report(setting, &collected)?;
    exit(&collected, interrupted)
}

/// Threads that serve connections: half the processors, at most eight. Reading, writing and storing
/// have threads of their own, and fewer workers wake each other less (measured: 6 % of all CPU).
pub(super) fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).clamp(1, 8))
}

/// Collects, with progress on standard error. The flag says that an operator broke it off.
async fn conduct(
    setting: &Setting,
    planned: request::Planned,
    look_back: Duration,
) -> Result<(Collected, Option<Exit>), Problems> {
    let request::Planned { plan, inventory } = planned;
    if let Err(error) = crate::secret::shield_memory() {
        tracing::warn!("a core dump of this process would hold its secrets: {error}");
    }
    let ssh = Arc::new(ssh(setting, &plan)?);
    unlock(setting, &ssh, &plan).await?;
    let local = Arc::new(Local::new(setting.clock));
    let winrm = Arc::new(Winrm::new(&ssh, setting.clock));
    let stop = Stop::default();
    let first = Arc::new(OnceLock::new());
    let signals = tokio::spawn(watch_signals(stop.clone(), first.clone()));
    let style = Style::choose(setting.global.quiet, setting.global.verbose);
    let progress = Progress::start(plan.visits.len() as u64, style);
    let collection = Collection {
        plan,
        inventory,
        evidence: setting.evidence()?,
        store: setting.store(Mode::Write)?,
        roads: Arc::new(Roads { ssh, local, winrm }),
        observer: progress.observer(),
        stop,
        clock: setting.clock,
        salt: salt(),
        look_back,
    };
    let collected = collect(collection).await.map_err(failed);
    drop(progress);
    signals.abort();
    Ok((collected?, first.get().copied()))
}

#[expect(clippy::needless_pass_by_value, reason = "used with map_err")]
fn failed(error: CollectError) -> Problem {
    let code = match &error {
        CollectError::Folder(_) | CollectError::Write(_) => "FS-EVI-001",
        CollectError::Store(_) => "FS-STO-001",
        CollectError::Threads(_) => "FS-INT-001",
    };
    Problem::new(code, error.to_string())
}

/// The SSH road. Host keys are read once; a file that was not named and is not there is none.
pub(super) fn ssh(setting: &Setting, plan: &Plan) -> Result<Ssh, Problem> {
    let mut files = setting.known_hosts();
    if !setting.known_hosts_named() {
        files.retain(|file| file.exists());
    }
    let needed = plan.visits.iter().any(|v| v.host.asset.transport == TransportKind::Ssh);
    if !needed {
        files.clear();
    }
    let known = trust::read(setting, &files)?;
    Ok(Ssh::new(Settings {
        known_hosts: Arc::new(known),
        surroundings: Surroundings::read(),
        ask: Arc::new(crate::secret::ask),
        clock: setting.clock,
    }))
}

/// Makes every account's key ready before the first host, so that a mistake shows once, and a
/// passphrase is asked for while somebody is looking. One unusable key does not stop the others.
pub(super) async fn unlock(setting: &Setting, ssh: &Ssh, plan: &Plan) -> Result<(), Problems> {
    let mut seen: HashSet<(&Account, bool)> = HashSet::new();
    let mut problems = Vec::new();
    let mut usable = false;
    for visit in &plan.visits {
        let host = &visit.host;
        if host.asset.transport == TransportKind::Local {
            continue;
        }
        let by_certificate = host.asset.transport == TransportKind::Winrm
            && host.mechanism() == Mechanism::Certificate;
        let own = host.account.as_deref().map(|account| (account, by_certificate));
        let jumps = host.road.iter().map(|jump| (&*jump.account, false));
        for (account, by_certificate) in own.into_iter().chain(jumps) {
            if !seen.insert((account, by_certificate)) {
                continue;
            }
            let unlocked = if by_certificate {
                ssh.unlock_certificates(account).await
            } else {
                ssh.unlock(account).await
            };
            match unlocked {
                Ok(identities) => {
                    usable = true;
                    warn(account, &identities, setting, plan);
                }
                Err(error) => {
                    let message = format!("account `{}`: {error}", account.name);
                    problems.push(Problem::new("FS-CFG-003", message));
                }
            }
        }
    }
    let local = plan.visits.iter().any(|v| v.host.asset.transport == TransportKind::Local);
    if !usable && !local && !problems.is_empty() {
        return Err(Problems(problems));
    }
    for problem in &problems {
        tracing::error!("{}", problem.message);
    }
    Ok(())
}

/// Says what the operator should know of an account's identities, once per run.
fn warn(account: &Account, identities: &[Arc<Unlocked>], setting: &Setting, plan: &Plan) {
    let name = &account.name;
    let now = setting.clock.utc();
    // Every host may take all of its time, and as many go at once as the plan allows.
    let rounds = plan.visits.len().div_ceil(plan.request.width.max(1));
    let rounds = u32::try_from(rounds).unwrap_or(u32::MAX);
    let longest = plan.request.deadlines.host.saturating_mul(rounds);
    for identity in identities {
        for warning in identity.warnings(&account.user) {
            tracing::warn!("account `{name}`: {warning}");
        }
        if let Some(until) = identity.valid_until().filter(|until| *until < now.plus(longest)) {
            let minutes = longest.as_secs().div_ceil(60);
            let label = &identity.label;
            tracing::warn!(
                "account `{name}`: {label} ends at {until}, and this run may last {minutes} min: \
                 hosts visited later would fail; have the key signed for longer"
            );
        }
    }
}

/// The first signal lets hosts in flight finish, the second drops them. `first` is the exit code
/// that the first asks for; it stays empty when none comes.
pub(super) async fn watch_signals(stop: Stop, first: Arc<OnceLock<Exit>>) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    let exit = tokio::select! {
        _ = interrupt.recv() => Exit::Interrupted,
        _ = terminate.recv() => Exit::Stopped,
    };
    first.get_or_init(|| exit);
    stop.ask(Stage::Drain, "the run was interrupted");
    tracing::warn!("interrupted: waiting for the hosts in flight; interrupt again to drop them");
    let drained = tokio::time::sleep(DRAIN);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        () = drained => {}
    }
    stop.ask(Stage::Abort, "the run was interrupted");
}

/// How long hosts in flight may finish after a signal.
const DRAIN: Duration = Duration::from_secs(10);

/// Tells two runs of one second apart; two controllers that start in the same second too.
fn salt() -> u32 {
    let mut bytes = [0; 4];
    // Without randomness the process id is what is left: unique on this controller.
    match rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()) {
        Ok(4) => u32::from_ne_bytes(bytes),
        Ok(_) | Err(_) => rustix::process::getpid().as_raw_pid().cast_unsigned(),
    }
}

/// The closing summary.
fn report(setting: &Setting, collected: &Collected) -> Ended {
    let run = RunSummary {
        run: collected.run.clone(),
        playbook: collected.mandate.playbook.clone(),
        purpose: collected.mandate.purpose.clone(),
        operator: collected.mandate.operator.clone(),
        change: collected.mandate.change.clone(),
        started: collected.started,
        ended: Some(collected.ended),
        counts: counts(&collected.outcomes),
        folder: collected.folder.display().to_string(),
        manifest: Some(collected.manifest),
    };
    let next = next(setting, collected);
    // What the operator left out is no fault; it is counted, and in the manifest.
    let not_selected = crate::plan::Reason::NotSelected.to_string();
    let chosen =
        |outcome: &&HostOutcome| !outcome.faults.iter().any(|fault| fault.detail == not_selected);
    let asked: Vec<HostOutcome> = collected.outcomes.iter().filter(chosen).cloned().collect();
    let limitations: Vec<(Limitation, u64)> = collected
        .found
        .limitations
        .iter()
        .map(|(limitation, hosts)| (*limitation, *hosts))
        .collect();
    if setting.layout().format != Format::Table && !setting.global.quiet {
        return to_stdout(|out| write_answers(out, setting.layout(), Outcomes, &asked).map(drop));
    }
    let page = Summary {
        run: &run,
        outcomes: &asked,
        sockets: collected.found.listeners + collected.found.sessions,
        listeners: collected.found.listeners,
        limitations: &limitations,
        replaced: &collected.found.replaced,
        legacy: &collected.found.legacy,
        next: &next,
        examples: EXAMPLES,
    };
    if setting.global.quiet {
        return Ok(Exit::Clean);
    }
    to_stdout(|out| summary(&page, width(), out))
}

fn counts(outcomes: &[HostOutcome]) -> OutcomeCounts {
    let mut counts = OutcomeCounts::default();
    for outcome in outcomes {
        match outcome.outcome {
            Outcome::Complete => counts.complete += 1,
            Outcome::Partial => counts.partial += 1,
            Outcome::Failed => counts.failed += 1,
            Outcome::Skipped => counts.skipped += 1,
        }
    }
    counts
}

/// What to type next: questions about a host that answered.
fn next(setting: &Setting, collected: &Collected) -> Vec<String> {
    let mut data = String::new();
    if let Some(folder) = &setting.global.data {
        data = format!(" --data {}", folder.display());
    } else if let Some(folder) = variable("FLEETSTAT_DATA") {
        data = format!(" --data {folder}");
    }
    let answered = |o: &&HostOutcome| matches!(o.outcome, Outcome::Complete | Outcome::Partial);
    let mut lines = Vec::new();
    if let Some(host) = collected.outcomes.iter().find(answered).map(|outcome| &outcome.host) {
        lines.push(format!("fleetstat show {host}{data}"));
        lines.push(format!("fleetstat query listeners{data}"));
    }
    lines.push(format!("fleetstat verify {}{data}", collected.run));
    lines
}

/// The exit code: what stopped the run first, then what was not written, then the hosts.
fn exit(collected: &Collected, interrupted: Option<Exit>) -> Ended {
    if let Some(exit) = interrupted {
        return Ok(exit);
    }
    if !collected.unwritten.is_empty() {
        let problem = |line: &String| Problem::new("FS-EVI-001", line);
        return Err(Problems(collected.unwritten.iter().map(problem).collect()));
    }
    if let Some(fault) = &collected.store_fault {
        let message = format!("the store has not all of the run, the evidence has: {fault}");
        return Err(Problem::new("FS-STO-001", message).into());
    }
    Ok(of_hosts(collected.outcomes.iter().filter(|o| !collected.left_out.contains(&o.host))))
}

/// Hosts that the plan left out do not count: that was the operator's choice.
fn of_hosts<'a>(outcomes: impl Iterator<Item = &'a HostOutcome>) -> Exit {
    let mut by: BTreeMap<Outcome, u64> = BTreeMap::new();
    let mut reached_and_failed = false;
    for outcome in outcomes {
        *by.entry(outcome.outcome).or_default() += 1;
        let unreachable = outcome.faults.first().is_some_and(|fault| fault.kind.unreachable());
        let fine = outcome.outcome == Outcome::Complete;
        reached_and_failed |= !fine && !unreachable;
    }
    let count = |outcome| by.get(&outcome).copied().unwrap_or(0);
    let missing = count(Outcome::Failed) + count(Outcome::Skipped);
    let answered = count(Outcome::Complete) + count(Outcome::Partial);
    match (answered, missing, reached_and_failed) {
        (_, 0, false) => Exit::Clean,
        (0, _, _) => Exit::AllFailed,
        (_, _, false) => Exit::Unreachable,
        _ => Exit::SomeFailed,
    }
}
