//! One remote shell: it is created, runs commands one after the other, and is deleted.
//!
//! In: argument vectors and limits. Out: output as it comes, and how each command ended. Dropping a
//! shell deletes it too, in a task that outlives whoever dropped it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::model::capture::End;
use crate::model::fault::{Fault, FaultKind};
use crate::transport::output::{Outcome, Output, Watch, disk_fault};
use crate::transport::winrm::cleanup::{Cleanup, Leftover, STEP};
use crate::transport::winrm::door::Door;
use crate::transport::winrm::line::{Failed, Line, TIMED_OUT, no_random, refused};
use crate::transport::winrm::soap::{Action, Id, OPERATION};
use crate::transport::winrm::wire::Connection;

/// How much longer than the service we wait for its word that there is nothing yet.
const PATIENCE: Duration = Duration::from_secs(10);

/// The same where a limit of the command has passed meanwhile.
const GRACE: Duration = Duration::from_secs(2);

/// Shortest time that a service takes for an answer. Source: [MS-WSMV] 3.1.4.1, 500 ms.
const OPERATION_MIN: Duration = Duration::from_millis(500);

/// Shortest time between two questions for output, where the first gave none: a service that answers at
/// once without having anything is not asked as fast as it can answer.
const PACE: Duration = Duration::from_millis(500);

/// Pauses before a shell is asked for again where the account has as many as it may: others end, and
/// those that were left behind are gone after a while. The connection stays the same.
const QUOTA_PAUSES: [Duration; 3] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];

/// A shell on a host.
pub(super) struct Shell {
    id: Id,
    door: Arc<Door>,
    cleanup: Arc<Cleanup>,
    /// `None`: the shell has been handed over to be deleted.
    line: Option<Line>,
}

impl Drop for Shell {
    fn drop(&mut self) {
        // Nobody is left to hear how it went: a failure is logged.
        drop(self.hand_over());
    }
}

impl Shell {
    /// Creates a shell.
    ///
    /// # Errors
    /// The fault when the service refuses it or the connection breaks.
    pub(super) async fn create(
        connection: Connection,
        door: Arc<Door>,
        cleanup: Arc<Cleanup>,
    ) -> Result<Self, Fault> {
        let id = Id::random().map_err(|error| no_random(&error))?;
        let line = Some(Line::new(connection, door.place.url()));
        // From here on it may be there: the name is ours, so it can be deleted without its answer.
        let mut shell = Self { id: id.clone(), door, cleanup, line };
        let mut pauses = QUOTA_PAUSES.iter();
        let mut answer = shell.ask(Action::Create { shell: &id }).await;
        while let Err(Failed::Refused(fault)) = &answer
            && refused("create", fault).kind == FaultKind::Quota
            && let Some(pause) = pauses.next()
        {
            tokio::time::sleep(*pause).await;
            answer = shell.ask(Action::Create { shell: &id }).await;
        }
        match answer {
            Ok(()) => Ok(shell),
            Err(Failed::Refused(fault)) => {
                shell.line = None;
                Err(refused("create", &fault))
            }
            Err(Failed::Broken(mut fault)) => {
                if let Some(leaked) = shell.close().await {
                    fault.detail = format!("{}; {leaked}", fault.detail);
                }
                Err(fault)
            }
        }
    }

    /// Address at the other end.
    pub(super) fn peer(&self) -> Option<std::net::IpAddr> {
        self.line.as_ref().map(Line::peer)
    }

    /// Runs a command to its end, or to one of its limits.
    pub(super) async fn run(
        &mut self,
        argv: &[String],
        watch: Watch,
        output: &mut Output,
    ) -> Outcome {
        let command = match Id::random() {
            Ok(command) => command,
            Err(error) => return Outcome::incomplete(no_random(&error), true),
        };
        let shell = self.id.clone();
        let action = Action::Start { shell: &shell, command: &command, argv };
        match self.ask(action).await {
            Ok(()) => {}
            Err(Failed::Refused(fault)) => {
                return Outcome::incomplete(refused("command", &fault), true);
            }
            Err(Failed::Broken(fault)) => return Outcome::incomplete(fault, false),
        }
        let end = self.receive(&command, watch, output).await;
        // Also after a clean end: the service forgets the command only then.
        let terminated = self.terminate(&command).await;
        match end {
            Ok(end) => Outcome { end, faults: Vec::new(), session_usable: self.is_whole() },
            Err(fault) => Outcome::incomplete(fault, terminated && self.is_whole()),
        }
    }

    async fn receive(
        &mut self,
        command: &Id,
        mut watch: Watch,
        output: &mut Output,
    ) -> Result<End, Fault> {
        let shell = self.id.clone();
        let line = self.line.as_mut().ok_or_else(gone)?;
        loop {
            let (at, overdue) = watch.next();
            let left = at.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(watch.fault(overdue));
            }
            // The connection is of no more use if our limit passes first, so the service is asked to
            // answer before it.
            let operation = left.clamp(OPERATION_MIN, OPERATION);
            let limit = (operation + PATIENCE).min(left.max(OPERATION_MIN) + GRACE);
            let action = Action::Receive { shell: &shell, command };
            let asked = Instant::now();
            let reply = match line.ask_within(action, operation, limit).await {
                Ok(reply) => reply,
                Err(Failed::Refused(fault)) if fault.wsman == Some(TIMED_OUT) => {
                    sleep_until(asked + PACE).await;
                    continue;
                }
                Err(Failed::Refused(fault)) => return Err(refused("receive", &fault)),
                Err(Failed::Broken(fault)) => {
                    let late = watch.overdue().filter(|_| fault.kind == FaultKind::IdleTimeout);
                    return Err(late.map_or(fault, |overdue| watch.fault(overdue)));
                }
            };
            if reply.pieces.is_empty() && !reply.done {
                sleep_until(asked + PACE).await;
            }
            for (stream, bytes) in &reply.pieces {
                watch.heard();
                output.write(*stream, bytes).map_err(|error| disk_fault(&error))?;
            }
            if output.is_cut() {
                return Err(output.cut_fault());
            }
            if reply.done {
                let status = reply.exit.map(End::Exit);
                return status.ok_or_else(|| {
                    Fault::new(FaultKind::Lost, "the end came without an exit status")
                });
            }
        }
    }

    /// Ends a command. False when the service did not say that it has.
    async fn terminate(&mut self, command: &Id) -> bool {
        let shell = self.id.clone();
        let Some(line) = self.line.as_mut().filter(|line| line.is_whole()) else { return false };
        line.ask(Action::Terminate { shell: &shell, command }, STEP).await.is_ok()
    }

    /// Deletes the shell. The fault of one that may still be there.
    pub(super) async fn close(mut self) -> Option<Fault> {
        self.hand_over()?.await.unwrap_or_default()
    }

    fn hand_over(&mut self) -> Option<tokio::sync::oneshot::Receiver<Option<Fault>>> {
        let line = self.line.take()?;
        let (id, door) = (self.id.clone(), Arc::clone(&self.door));
        Some(self.cleanup.delete(Leftover { id, door, line: Some(line) }))
    }

    fn is_whole(&self) -> bool {
        self.line.as_ref().is_some_and(Line::is_whole)
    }

    async fn ask(&mut self, action: Action<'_>) -> Result<(), Failed> {
        let line = self.line.as_mut().ok_or_else(|| Failed::Broken(gone()))?;
        line.ask(action, OPERATION + PATIENCE).await.map(drop)
    }
}

fn gone() -> Fault {
    Fault::new(FaultKind::Internal, "the shell was closed before")
}
