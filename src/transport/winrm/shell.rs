//! One remote shell: it is created, runs commands one after the other, and is deleted.
//!
//! In: argument vectors and limits. Out: output as it comes, and how each command ended. Dropping a
//! shell deletes it too, in a task that outlives whoever dropped it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::model::capture::End;
use crate::model::fault::{Fault, FaultKind, Stage};
use crate::transport::output::{Outcome, Output, Watch, disk_fault};
use crate::transport::winrm::cleanup::{BUSY_PAUSE, Cleanup, Leftover, STEP};
use crate::transport::winrm::door::Door;
use crate::transport::winrm::line::{Failed, Line, NO_SHELL, TIMED_OUT, no_random, refused};
use crate::transport::winrm::reply::{Reply, WsFault};
use crate::transport::winrm::soap::{Action, Id, OPERATION};
use crate::transport::winrm::wire::Connection;

/// How much longer than the service we wait for its word that there is nothing yet.
const PATIENCE: Duration = Duration::from_secs(10);

/// Longest wait for a question that has no limit of its own.
const LIMIT: Duration = OPERATION.saturating_add(PATIENCE);

/// The same where a limit of the command has passed meanwhile.
const GRACE: Duration = Duration::from_secs(2);

/// Shortest time that a service takes for an answer. Source: [MS-WSMV] 3.1.4.1, 500 ms.
const OPERATION_MIN: Duration = Duration::from_millis(500);

/// Shortest time between two questions for output, where the first gave none: a service that answers at
/// once without having anything is not asked as fast as it can answer.
const PACE: Duration = Duration::from_millis(500);

/// Answers of less than this many bytes, and how many of them, after which output is asked for at most
/// once in [`SLOW_PACE`]: a command that prints byte by byte costs twenty questions a second.
const SMALL_BYTES: usize = 1_024;
const SMALL_MAX: usize = 100;
const SLOW_PACE: Duration = Duration::from_millis(50);

/// HTTP status of a login that is refused or forgotten: what was asked was not done.
const UNAUTHORIZED: u16 = 401;

/// Pauses before a shell is asked for again where the account has as many as it may: others end, and
/// those that were left behind are gone after a while. The connection stays the same.
pub(super) const QUOTA_PAUSES: [Duration; 3] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];

/// A shell on a host.
pub(super) struct Shell {
    id: Id,
    door: Arc<Door>,
    cleanup: Arc<Cleanup>,
    /// `None`: the shell has been handed over to be deleted.
    line: Option<Line>,
    /// Why nothing more can be asked of it, though the connection is whole.
    dead: Option<Fault>,
}

impl Drop for Shell {
    fn drop(&mut self) {
        if let Some(leftover) = self.leftover() {
            // Nobody is left to hear how it went: the verdict is kept for the host's record.
            self.cleanup.adopt(leftover);
        }
    }
}

impl Shell {
    /// Creates a shell.
    ///
    /// # Errors
    /// The fault when the service refuses it or the connection breaks. What it may have left is
    /// handed over to be deleted.
    pub(super) async fn create(
        connection: Connection,
        door: Arc<Door>,
        cleanup: Arc<Cleanup>,
    ) -> Result<Self, Fault> {
        let id = Id::random().map_err(|error| no_random(&error))?;
        let line = Some(Line::new(connection, door.place.url()));
        // From here on it may be there: the name is ours, so it can be deleted without its answer.
        let mut shell = Self { id: id.clone(), door, cleanup, line, dead: None };
        let create = Action::Create { shell: &id };
        let mut pauses = QUOTA_PAUSES.iter();
        loop {
            let refusal = match shell.ask(create, LIMIT).await {
                Ok(reply) => return shell.named(reply),
                Err(Failed::Broken(fault)) if shell.may_exist(&fault) => return Err(fault),
                Err(Failed::Broken(fault) | Failed::Busy(fault)) => {
                    shell.line = None;
                    return Err(fault);
                }
                Err(Failed::Refused(refusal)) => refusal,
            };
            let fault = refused(create, &refusal);
            if refusal.wsman == Some(TIMED_OUT) {
                // It may be there all the same.
                return Err(fault);
            }
            let Some(pause) = pauses.next().filter(|_| fault.kind == FaultKind::Quota) else {
                shell.line = None;
                return Err(fault);
            };
            tokio::time::sleep(*pause).await;
        }
    }

    /// Whether a creation that broke off may have made a shell: it left, and was not refused with the
    /// login.
    fn may_exist(&self, fault: &Fault) -> bool {
        let status = fault.codes.as_ref().and_then(|codes| codes.http_status);
        status != Some(UNAUTHORIZED) && self.line.as_ref().is_some_and(Line::has_sent)
    }

    /// Takes the name by which the service knows the shell: older ones do not take ours.
    fn named(mut self, reply: Reply) -> Result<Self, Fault> {
        let Some(name) = reply.shell else { return Ok(self) };
        let Some(id) = Id::of_service(&name) else {
            // It is there, and not under our name.
            self.line = None;
            let why = "a shell was not deleted: the service's name for it is none of Windows";
            self.cleanup.give_up(&self.door.host, why);
            return Err(misnamed(Stage::Create, "shell"));
        };
        self.id = id;
        Ok(self)
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
        if let Some(fault) = &self.dead {
            return Outcome::incomplete(fault.clone(), false);
        }
        let (at, _) = watch.next();
        let left = at.saturating_duration_since(Instant::now());
        let command = match self.start(argv, left.min(LIMIT)).await {
            Ok(command) => command,
            Err(fault) => {
                let late = watch.overdue().filter(|_| fault.kind == FaultKind::IdleTimeout);
                let fault = late.map_or(fault, |overdue| watch.fault(overdue).at(Stage::Command));
                return Outcome::incomplete(fault, self.is_whole());
            }
        };
        let end = self.receive(&command, watch, output).await;
        // Also after a clean end: the service forgets the command only then.
        let terminated = self.terminate(&command).await;
        match end {
            Ok(end) => Outcome { end, faults: Vec::new(), session_usable: self.is_whole() },
            Err(fault) => Outcome::incomplete(fault, terminated && self.is_whole()),
        }
    }

    /// Starts a command. The name by which the service knows it.
    async fn start(&mut self, argv: &[String], limit: Duration) -> Result<Id, Fault> {
        let command = Id::random().map_err(|error| no_random(&error))?;
        let shell = self.id.clone();
        let action = Action::Start { shell: &shell, command: &command, argv };
        match self.ask(action, limit).await {
            Ok(Reply { command: None, .. }) => Ok(command),
            Ok(Reply { command: Some(name), .. }) => Id::of_service(&name).ok_or_else(|| {
                // It runs, and cannot be ended but with its shell.
                let fault = misnamed(Stage::Command, "command");
                self.dead = Some(fault.clone());
                fault
            }),
            Err(Failed::Refused(refusal)) => {
                let fault = self.refused(action, &refusal);
                if refusal.wsman == Some(TIMED_OUT) && !self.terminate(&command).await {
                    // It may run all the same.
                    self.dead.get_or_insert_with(|| fault.clone());
                }
                Err(fault)
            }
            Err(Failed::Broken(fault) | Failed::Busy(fault)) => Err(fault),
        }
    }

    async fn receive(
        &mut self,
        command: &Id,
        mut watch: Watch,
        output: &mut Output,
    ) -> Result<End, Fault> {
        let shell = self.id.clone();
        let mut small = 0_usize;
        loop {
            let (at, overdue) = watch.next();
            let left = at.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(watch.fault(overdue).at(Stage::Receive));
            }
            // The connection is of no more use if our limit passes first, so the service is asked to
            // answer before it.
            let operation = left.clamp(OPERATION_MIN, OPERATION);
            let limit = (operation + PATIENCE).min(left.max(OPERATION_MIN) + GRACE);
            let action = Action::Receive { shell: &shell, command };
            let asked = Instant::now();
            let line = self.line.as_mut().ok_or_else(gone)?;
            let reply = match line.ask_within(action, operation, limit).await {
                Ok(reply) => reply,
                Err(Failed::Refused(fault)) if fault.wsman == Some(TIMED_OUT) => {
                    sleep_until(asked + PACE).await;
                    continue;
                }
                Err(Failed::Refused(fault)) => return Err(self.refused(action, &fault)),
                // Output is not lost by it: it is asked for again, until a limit passes.
                Err(Failed::Busy(_)) => {
                    sleep_until(asked + BUSY_PAUSE).await;
                    continue;
                }
                Err(Failed::Broken(fault)) => {
                    let late = watch.overdue().filter(|_| fault.kind == FaultKind::IdleTimeout);
                    return Err(
                        late.map_or(fault, |overdue| watch.fault(overdue).at(Stage::Receive))
                    );
                }
            };
            if reply.command.as_ref().is_some_and(|name| !command.is(name)) {
                let fault = Fault::new(FaultKind::Lost, "receive: output of another command came");
                return Err(fault.at(Stage::Receive));
            }
            if reply.pieces.is_empty() && !reply.done {
                sleep_until(asked + PACE).await;
            }
            let count: usize = reply.pieces.iter().map(|(_, bytes)| bytes.len()).sum();
            small = if count < SMALL_BYTES { small + 1 } else { 0 };
            for (stream, bytes) in &reply.pieces {
                watch.heard();
                output.write(*stream, bytes).map_err(|error| disk_fault(&error))?;
            }
            if small > SMALL_MAX && !reply.done {
                sleep_until(asked + SLOW_PACE).await;
            }
            if output.is_cut() {
                return Err(output.cut_fault());
            }
            if reply.done {
                let status = reply.exit.map(End::Exit);
                return status.ok_or_else(|| {
                    let detail = "receive: the end came without an exit status";
                    Fault::new(FaultKind::Lost, detail).at(Stage::Receive)
                });
            }
        }
    }

    /// Ends a command. False when the service did not say that it has.
    async fn terminate(&mut self, command: &Id) -> bool {
        let shell = self.id.clone();
        let Some(line) = self.line.as_mut().filter(|line| line.is_whole()) else { return false };
        let action = Action::Terminate { shell: &shell, command };
        match line.ask_patiently(action, STEP, &[BUSY_PAUSE]).await {
            Ok(_) => true,
            // It has ended, and the service has forgotten it already; a shell that is gone says so to
            // the next command.
            Err(Failed::Refused(fault)) => fault.wsman == Some(NO_SHELL),
            Err(Failed::Broken(_) | Failed::Busy(_)) => false,
        }
    }

    /// What a refusal means; one that says that the shell is not there means that nothing more can be
    /// asked.
    fn refused(&mut self, action: Action<'_>, refusal: &WsFault) -> Fault {
        let fault = refused(action, refusal);
        if refusal.wsman == Some(NO_SHELL) {
            self.dead.get_or_insert_with(|| fault.clone());
        }
        fault
    }

    /// Deletes the shell. The fault of one that may still be there.
    pub(super) async fn close(mut self) -> Option<Fault> {
        let leftover = self.leftover()?;
        self.cleanup.delete(leftover).await.unwrap_or_default()
    }

    fn leftover(&mut self) -> Option<Leftover> {
        let line = self.line.take()?;
        let (id, door) = (self.id.clone(), Arc::clone(&self.door));
        Some(Leftover { id, door, line: Some(line) })
    }

    fn is_whole(&self) -> bool {
        self.dead.is_none() && self.line.as_ref().is_some_and(Line::is_whole)
    }

    /// Asks within a limit for all of it, also for the pauses of a service that is full.
    async fn ask(&mut self, action: Action<'_>, limit: Duration) -> Result<Reply, Failed> {
        let line = self.line.as_mut().ok_or_else(|| Failed::Broken(gone()))?;
        line.ask_patiently(action, limit, &QUOTA_PAUSES).await
    }
}

fn gone() -> Fault {
    Fault::new(FaultKind::Internal, "the shell was closed before")
}

/// The fault of a service whose name for a thing cannot be used.
fn misnamed(stage: Stage, what: &str) -> Fault {
    let what = format!(
        "the service's name for the {what} is none of Windows: it may stay there for three minutes"
    );
    Fault::new(FaultKind::Lost, what).at(stage)
}
