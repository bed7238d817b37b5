//! Deletes shells, whatever became of who had opened them.
//!
//! In: a shell that nobody needs any more, with its connection where that is still whole. Out: whether
//! it is gone. Each runs in a task of its own that no caller can drop; [`Cleanup::finish`] waits for
//! all of them. A shell that stays takes a part of the host's small quota for three minutes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::model::fault::{Codes, Fault, FaultKind, Stage};
use crate::model::id::HostName;
use crate::transport::winrm::door::Door;
use crate::transport::winrm::line::{Failed, Line, NO_SHELL, refused};
use crate::transport::winrm::soap::{Action, Id};

/// Time for one step of the clean-up.
pub(super) const STEP: Duration = Duration::from_secs(5);

/// Pause before a service that takes no more requests is asked again.
pub(super) const BUSY_PAUSE: Duration = Duration::from_secs(1);

/// A shell that is to go.
pub(super) struct Leftover {
    pub(super) id: Id,
    /// Where a new connection leads there.
    pub(super) door: Arc<Door>,
    /// The connection it was opened on. `None`: it is of no more use.
    pub(super) line: Option<Line>,
}

impl Leftover {
    async fn delete(&mut self) -> Result<(), Fault> {
        let line = self.line.take();
        let is_proved = line.as_ref().is_none_or(Line::is_proved);
        if let Some(mut line) = line.filter(Line::is_whole) {
            match self.over(&mut line).await {
                Err(Failed::Broken(_)) => {}
                Err(failed) => return Err(self.fault(failed)),
                Ok(()) => return Ok(()),
            }
        }
        // The old connection is closed by now.
        if !is_proved && !self.door.is_proved() {
            let detail =
                "the host did not prove to take the password, which is not shown to it again";
            return Err(Fault::new(FaultKind::Lost, detail));
        }
        let Ok(connection) = timeout(STEP, self.door.enter()).await else {
            let seconds = STEP.as_secs();
            let detail = format!("delete: no second login in {seconds} s");
            return Err(Fault::new(FaultKind::Lost, detail));
        };
        let mut line = Line::new(connection?, self.door.place.url());
        self.over(&mut line).await.map_err(|failed| self.fault(failed))
    }

    async fn over(&self, line: &mut Line) -> Result<(), Failed> {
        let delete = Action::Delete { shell: &self.id };
        match line.ask_patiently(delete, STEP, &[BUSY_PAUSE]).await {
            // It is gone already.
            Err(Failed::Refused(fault)) if fault.wsman == Some(NO_SHELL) => Ok(()),
            Err(failed) => Err(failed),
            Ok(_) => Ok(()),
        }
    }

    fn fault(&self, failed: Failed) -> Fault {
        match failed {
            Failed::Refused(fault) => refused(Action::Delete { shell: &self.id }, &fault),
            Failed::Busy(fault) | Failed::Broken(fault) => fault,
        }
    }

    /// The fault of a shell that stays.
    fn leaked(&self, why: Fault) -> Fault {
        let detail = format!("shell {} was not deleted: {why}", self.id.as_str());
        let codes = why.codes.map_or_else(|| Codes::at(Stage::Cleanup), |codes| *codes);
        Fault::new(FaultKind::LeakedShell, detail).with(Codes { stage: Stage::Cleanup, ..codes })
    }
}

/// The verdict on a shell: the fault of one that stays. Nothing comes when the runtime ends first.
type Verdict = oneshot::Receiver<Option<Fault>>;

#[derive(Default)]
struct Tasks {
    running: JoinSet<()>,
    /// Of shells that nobody had closed, by host.
    unheard: HashMap<HostName, Vec<Verdict>>,
}

/// The clean-ups of one run.
#[derive(Default)]
pub(super) struct Cleanup(Mutex<Tasks>);

impl Cleanup {
    /// Deletes a shell, whether or not the verdict is waited for.
    pub(super) fn delete(&self, leftover: Leftover) -> Verdict {
        start(&mut self.tasks(), leftover)
    }

    /// Deletes a shell that nobody closed. [`Cleanup::left_behind`] tells how it went.
    pub(super) fn adopt(&self, leftover: Leftover) {
        let host = leftover.door.host.clone();
        let mut tasks = self.tasks();
        let verdict = start(&mut tasks, leftover);
        tasks.unheard.entry(host).or_default().push(verdict);
    }

    /// Keeps the verdict on a shell that cannot be deleted for [`Cleanup::left_behind`].
    pub(super) fn give_up(&self, host: &HostName, why: &str) {
        let codes = Codes::at(Stage::Cleanup);
        let (told, verdict) = oneshot::channel();
        // Its other end is here.
        let _ = told.send(Some(Fault::new(FaultKind::LeakedShell, why).with(codes)));
        self.tasks().unheard.entry(host.clone()).or_default().push(verdict);
    }

    /// Waits until the shells that nobody closed on a host are deleted: the faults of those that
    /// stay. Each is told once.
    pub(super) async fn left_behind(&self, host: &HostName) -> Vec<Fault> {
        let verdicts = self.tasks().unheard.remove(host).unwrap_or_default();
        let mut faults = Vec::new();
        for verdict in verdicts {
            faults.extend(verdict.await.unwrap_or_default());
        }
        faults
    }

    /// Waits for all: each ends by its own steps.
    pub(super) async fn finish(&self) {
        let Tasks { mut running, unheard } = std::mem::take(&mut *self.tasks());
        while running.join_next().await.is_some() {}
        for (host, verdicts) in unheard {
            for verdict in verdicts {
                if let Ok(Some(fault)) = verdict.await {
                    tracing::warn!("{host}: {fault}");
                }
            }
        }
    }

    fn tasks(&self) -> MutexGuard<'_, Tasks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts a task that nobody can drop.
fn start(tasks: &mut Tasks, mut leftover: Leftover) -> Verdict {
    let (told, answer) = oneshot::channel();
    let Ok(runtime) = tokio::runtime::Handle::try_current() else { return answer };
    let task = async move {
        let fault = leftover.delete().await.err().map(|fault| leftover.leaked(fault));
        let host = &leftover.door.host;
        if let Err(Some(unheard)) = told.send(fault) {
            tracing::warn!("{host}: {unheard}");
        }
    };
    // Those that have ended would stay until the end of the run.
    while tasks.running.try_join_next().is_some() {}
    tasks.running.spawn_on(task, &runtime);
    answer
}
