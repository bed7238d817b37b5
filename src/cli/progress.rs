//! What an operator sees while a run is under way.
//!
//! On a terminal a bar that says how many hosts are done, failed and in flight, and whom we wait
//! for; elsewhere one line every ten seconds; with `--quiet` nothing. The observer only counts:
//! drawing happens on a thread of its own, never on the path of a visit.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

use crate::dispatch::event::{Observer, RunEvent};
use crate::model::id::HostName;
use crate::model::snapshot::Outcome;

/// How often the bar is drawn, and how often a line is written where there is no terminal.
const REDRAW: Duration = Duration::from_millis(100);
const LINE_EVERY: Duration = Duration::from_secs(10);

/// How many of the hosts we wait for are named.
const WAITING_SHOWN: usize = 3;

/// How progress is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A bar on the terminal.
    Bar,
    /// A line now and then.
    Lines,
    /// Nothing.
    Quiet,
}

impl Style {
    /// The bar on a terminal, lines elsewhere, nothing when asked to be quiet. With `-v` lines
    /// everywhere: those of the log would be written across the bar.
    #[must_use]
    pub fn choose(quiet: bool, verbose: u8) -> Self {
        if quiet {
            Self::Quiet
        } else if verbose == 0 && std::io::stderr().is_terminal() {
            Self::Bar
        } else {
            Self::Lines
        }
    }
}

/// Counts what happens in a run.
#[derive(Debug)]
pub struct Counts {
    total: u64,
    recorded: AtomicU64,
    failed: AtomicU64,
    in_flight: Mutex<BTreeMap<HostName, (Instant, String)>>,
    begun: Instant,
}

impl Counts {
    fn new(total: u64) -> Self {
        Self {
            total,
            recorded: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            in_flight: Mutex::default(),
            begun: Instant::now(),
        }
    }

    /// `12 done, 1 failed, 5 in flight, waiting for web-7 (ss-inet4, 12 s)`.
    fn words(&self) -> String {
        let in_flight = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        let mut waiting: Vec<_> = in_flight.iter().collect();
        waiting.sort_by_key(|(_, (since, _))| *since);
        let named = waiting.iter().take(WAITING_SHOWN).map(|(host, (since, doing))| {
            format!("{host} ({doing}, {} s)", since.elapsed().as_secs())
        });
        let named: Vec<String> = named.collect();
        let failed = self.failed.load(Relaxed);
        let done = self.recorded.load(Relaxed).saturating_sub(failed);
        let mut words = format!("{done} done, {failed} failed, {} in flight", in_flight.len());
        if !named.is_empty() {
            words.push_str(", waiting for ");
            words.push_str(&named.join(", "));
        }
        words
    }

    /// Hosts per second since the run began, and seconds left at that rate.
    fn pace(&self) -> (f64, Option<u64>) {
        let recorded = self.recorded.load(Relaxed);
        let seconds = self.begun.elapsed().as_secs_f64().max(0.001);
        #[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
        let rate = recorded as f64 / seconds;
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an estimate in whole seconds; never negative"
        )]
        let left = (recorded > 0)
            .then(|| (self.total.saturating_sub(recorded) as f64 / rate.max(0.001)).ceil() as u64);
        (rate, left)
    }

    fn set(&self, host: &HostName, doing: &str) {
        let mut in_flight = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        match in_flight.get_mut(host) {
            Some((_, now)) => doing.clone_into(now),
            None => {
                in_flight.insert(host.clone(), (Instant::now(), doing.to_owned()));
            }
        }
    }
}

impl Observer for Counts {
    fn event(&self, event: &RunEvent<'_>) {
        log(event);
        match event {
            RunEvent::VisitStarted { host } => self.set(host, "connecting"),
            RunEvent::CommandStarted { host, probe } => {
                let name = probe.as_str().rsplit('/').next().unwrap_or_default();
                self.set(host, name);
            }
            RunEvent::CommandEnded { .. } => {}
            RunEvent::VisitEnded { host, .. } | RunEvent::VisitSkipped { host, .. } => {
                self.in_flight.lock().unwrap_or_else(PoisonError::into_inner).remove(host);
            }
            RunEvent::Recorded { outcome, .. } => {
                if matches!(outcome, Outcome::Failed | Outcome::Skipped) {
                    self.failed.fetch_add(1, Relaxed);
                }
                self.recorded.fetch_add(1, Relaxed);
            }
        }
    }
}

/// What `-v` shows of a run: each host's begin and end; with `-vv` each command's too.
fn log(event: &RunEvent<'_>) {
    match event {
        RunEvent::VisitStarted { host } => tracing::info!("{host}: the visit begins"),
        RunEvent::CommandStarted { host, probe } => tracing::debug!("{host}: {probe} is sent"),
        RunEvent::CommandEnded { host, probe, bytes, elapsed } => {
            tracing::debug!("{host}: {probe} gave {bytes} bytes in {} ms", elapsed.as_millis());
        }
        RunEvent::VisitEnded { host, fault: None } => tracing::info!("{host}: the visit ended"),
        RunEvent::VisitEnded { host, fault: Some(fault) } => {
            tracing::info!("{host}: the visit ended: {fault}");
        }
        RunEvent::VisitSkipped { host, fault } => tracing::info!("{host}: not visited: {fault}"),
        RunEvent::Recorded { host, outcome } => tracing::info!("{host}: recorded: {outcome}"),
    }
}

/// The progress of one run, drawn until it is dropped.
#[derive(Debug)]
pub struct Progress {
    counts: Arc<Counts>,
    drawing: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// Starts telling the progress of `total` hosts on standard error.
    #[must_use]
    pub fn start(total: u64, style: Style) -> Self {
        let counts = Arc::new(Counts::new(total));
        let drawing = (style != Style::Quiet).then(|| {
            let (end, ended) = channel::<()>();
            let shown = counts.clone();
            let draw = move || match style {
                Style::Bar => draw_bar(&shown, &|wait| ended.recv_timeout(wait)),
                Style::Lines | Style::Quiet => {
                    write_lines(&shown, &|wait| ended.recv_timeout(wait));
                }
            };
            (end, std::thread::spawn(draw))
        });
        Self { counts, drawing }
    }

    /// The observer to give to the run.
    #[must_use]
    pub fn observer(&self) -> Arc<dyn Observer> {
        self.counts.clone()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((end, thread)) = self.drawing.take() {
            drop(end);
            // A panic in the drawing thread spoils the display, not the run.
            let _ = thread.join();
        }
    }
}

type Wait<'a> = &'a dyn Fn(Duration) -> Result<(), RecvTimeoutError>;

fn draw_bar(counts: &Counts, wait: Wait<'_>) {
    let bar = ProgressBar::with_draw_target(Some(counts.total), ProgressDrawTarget::stderr());
    let template = "[{elapsed_precise}] {bar:24} {pos}/{len} {msg}";
    bar.set_style(
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    while wait(REDRAW) == Err(RecvTimeoutError::Timeout) {
        let (rate, left) = counts.pace();
        let left = left.map_or(String::new(), |seconds| format!(", {seconds} s left"));
        bar.set_position(counts.recorded.load(Relaxed));
        bar.set_message(format!("{rate:.1}/s{left}: {}", counts.words()));
    }
    bar.finish_and_clear();
}

#[expect(clippy::print_stderr, reason = "progress is for the operator's standard error")]
fn write_lines(counts: &Counts, wait: Wait<'_>) {
    while wait(LINE_EVERY) == Err(RecvTimeoutError::Timeout) {
        let (rate, left) = counts.pace();
        let left = left.map_or(String::new(), |seconds| format!(", {seconds} s left"));
        eprintln!(
            "{} of {} hosts, {rate:.1}/s{left}: {}",
            counts.recorded.load(Relaxed),
            counts.total,
            counts.words()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::ProbeId;

    #[tokio::test(start_paused = true)]
    async fn the_words_name_whom_we_wait_for_longest() {
        let counts = Counts::new(4);
        let host = |name: &str| HostName::new(name).unwrap();
        let (a, b, c) = (host("a-1"), host("b-1"), host("c-1"));
        counts.event(&RunEvent::VisitStarted { host: &b });
        tokio::time::advance(Duration::from_secs(2)).await;
        counts.event(&RunEvent::VisitStarted { host: &a });
        let probe = ProbeId::builtin("linux/ss-inet4");
        counts.event(&RunEvent::CommandStarted { host: &a, probe: &probe });
        counts.event(&RunEvent::VisitStarted { host: &c });
        counts.event(&RunEvent::VisitEnded { host: &c, fault: None });
        counts.event(&RunEvent::Recorded { host: &c, outcome: Outcome::Failed });
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(
            counts.words(),
            "0 done, 1 failed, 2 in flight, waiting for b-1 (connecting, 3 s), a-1 (ss-inet4, 1 s)"
        );
        assert_eq!(counts.pace().1, Some(9));
    }
}
