//! Deletes shells, whatever became of who had opened them.
//!
//! In: a shell that nobody needs any more, with its connection where that is still whole. Out: whether
//! it is gone. Each runs in a task of its own that no caller can drop; [`Cleanup::finish`] waits for
//! all of them. A shell that stays takes a part of the host's small quota for three minutes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::model::fault::{Fault, FaultKind};
use crate::transport::winrm::door::Door;
use crate::transport::winrm::line::{Failed, Line, NO_SHELL, refused};
use crate::transport::winrm::soap::{Action, Id};

/// Time for one step of the clean-up.
pub(super) const STEP: Duration = Duration::from_secs(5);

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
        if let Some(mut line) = self.line.take().filter(Line::is_whole) {
            match self.over(&mut line).await {
                Err(Failed::Broken(_)) => {}
                Err(Failed::Refused(fault)) => return Err(refused("delete", &fault)),
                Ok(()) => return Ok(()),
            }
        }
        // The old connection is closed by now.
        let Ok(connection) = timeout(STEP, self.door.enter()).await else {
            let seconds = STEP.as_secs();
            let detail = format!("delete: no second login in {seconds} s");
            return Err(Fault::new(FaultKind::Lost, detail));
        };
        let mut line = Line::new(connection?, self.door.place.url());
        match self.over(&mut line).await {
            Ok(()) => Ok(()),
            Err(Failed::Refused(fault)) => Err(refused("delete", &fault)),
            Err(Failed::Broken(fault)) => Err(fault),
        }
    }

    async fn over(&self, line: &mut Line) -> Result<(), Failed> {
        match line.ask(Action::Delete { shell: &self.id }, STEP).await {
            // It is gone already.
            Err(Failed::Refused(fault)) if fault.wsman == Some(NO_SHELL) => Ok(()),
            Err(failed) => Err(failed),
            Ok(_) => Ok(()),
        }
    }
}

/// The clean-ups of one run.
#[derive(Default)]
pub(super) struct Cleanup(Mutex<JoinSet<()>>);

impl Cleanup {
    /// Deletes a shell, whether or not the answer is waited for: the fault of one that may still be
    /// there. Nothing comes when the runtime ends first.
    pub(super) fn delete(&self, mut leftover: Leftover) -> oneshot::Receiver<Option<Fault>> {
        let (told, answer) = oneshot::channel();
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return answer };
        let task = async move {
            let fault = leftover.delete().await.err().map(|fault| {
                let id = leftover.id.as_str();
                let detail = format!("shell {id} was not deleted: {fault}");
                Fault::new(FaultKind::LeakedShell, detail)
            });
            let address = &leftover.door.place.address;
            if let Err(Some(unheard)) = told.send(fault) {
                tracing::warn!("{address}: {unheard}");
            }
        };
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that have ended would stay until the end of the run.
        while tasks.try_join_next().is_some() {}
        tasks.spawn_on(task, &runtime);
        answer
    }

    /// Waits for all: each ends by its own steps.
    pub(super) async fn finish(&self) {
        let mut tasks = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        while tasks.join_next().await.is_some() {}
    }
}
