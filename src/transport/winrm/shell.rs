//! One remote shell: it is created, runs commands one after the other, and is deleted.
//!
//! In: argument vectors and limits. Out: output as it comes, and how each command ended. What cannot
//! be cleaned up is said, because a shell that stays takes a part of the host's small quota until it
//! is idle for three minutes.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::model::capture::End;
use crate::model::fault::{Fault, FaultKind};
use crate::model::text::escape;
use crate::transport::output::{Outcome, Output, Watch, disk_fault};
use crate::transport::winrm::reply::{self, Reply, WsFault};
use crate::transport::winrm::soap::{Action, Id, OPERATION, envelope};
use crate::transport::winrm::wire::{Connection, Place};

/// "The WS-Management service cannot complete the operation within the time specified": there is no
/// output yet ([MS-WSMV] 2.2.4.43.1).
const TIMED_OUT: u32 = 2_150_858_793;

/// How much longer than the service we wait for its word that there is nothing yet.
const PATIENCE: Duration = Duration::from_secs(10);

/// Time for one step of the clean-up.
const CLEAN_UP: Duration = Duration::from_secs(5);

/// A shell on a host.
pub(super) struct Shell {
    connection: Connection,
    url: String,
    id: Id,
    /// An answer did not come whole: what is sent over this connection now means nothing.
    broken: bool,
}

/// Why a step gave no answer.
enum Failed {
    /// The service said no.
    Refused(WsFault),
    /// The road broke.
    Broken(Fault),
}

impl Shell {
    /// Creates a shell.
    ///
    /// # Errors
    /// The fault when the service refuses it or the connection breaks.
    pub(super) async fn create(connection: Connection, place: &Place) -> Result<Self, Fault> {
        let id = Id::random().map_err(|error| ours(&error))?;
        let mut shell = Self { connection, url: place.url(), id: id.clone(), broken: false };
        match shell.ask(Action::Create { shell: &id }, PATIENCE + OPERATION).await {
            Ok(_) => Ok(shell),
            Err(Failed::Refused(fault)) => Err(refused("create", &fault)),
            Err(Failed::Broken(fault)) => Err(fault),
        }
    }

    /// Address at the other end.
    pub(super) fn peer(&self) -> std::net::IpAddr {
        self.connection.peer.ip()
    }

    /// Runs a command to its end, or to one of its limits.
    pub(super) async fn run(
        &mut self,
        argv: &[String],
        watch: Watch,
        output: &mut Output,
    ) -> Outcome {
        let (shell, command) = match Id::random() {
            Ok(command) => (self.id.clone(), command),
            Err(error) => return Outcome::incomplete(ours(&error), true),
        };
        let action = Action::Command { shell: &shell, command: &command, argv };
        match self.ask(action, PATIENCE + OPERATION).await {
            Ok(_) => {}
            Err(Failed::Refused(fault)) => {
                return Outcome::incomplete(refused("command", &fault), true);
            }
            Err(Failed::Broken(fault)) => return Outcome::incomplete(fault, false),
        }
        let end = self.receive(&command, watch, output).await;
        let over = matches!(end, Ok(End::Exit(_)));
        // Also after a clean end: the service forgets the command only then.
        let terminated = self.terminate(&command).await;
        match end {
            Ok(end) => Outcome { end, faults: Vec::new(), session_usable: !self.broken },
            Err(fault) => Outcome::incomplete(fault, !self.broken && (over || terminated)),
        }
    }

    async fn receive(
        &mut self,
        command: &Id,
        mut watch: Watch,
        output: &mut Output,
    ) -> Result<End, Fault> {
        let shell = self.id.clone();
        loop {
            let (at, overdue) = watch.next();
            let left = at.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(watch.fault(overdue));
            }
            let action = Action::Receive { shell: &shell, command };
            // The connection is of no more use if our limit passes first, so the service is asked to
            // answer before it.
            let reply = match self.ask_within(action, left.min(OPERATION), left + PATIENCE).await {
                Ok(reply) => reply,
                Err(Failed::Refused(fault)) if fault.wsman == Some(TIMED_OUT) => continue,
                Err(Failed::Refused(fault)) => return Err(refused("receive", &fault)),
                Err(Failed::Broken(fault)) => return Err(fault),
            };
            for (stream, bytes) in &reply.pieces {
                watch.heard();
                output.write(*stream, bytes).map_err(|error| disk_fault(&error))?;
            }
            if output.is_cut() {
                return Err(output.cut_fault());
            }
            if reply.done {
                return match reply.exit {
                    Some(status) => Ok(End::Exit(status)),
                    None => Err(Fault::new(FaultKind::Lost, "the end came without an exit status")),
                };
            }
        }
    }

    /// Ends a command. False when the service did not say that it has.
    async fn terminate(&mut self, command: &Id) -> bool {
        let shell = self.id.clone();
        let action = Action::Terminate { shell: &shell, command };
        !self.broken && self.ask(action, CLEAN_UP).await.is_ok()
    }

    /// Deletes the shell.
    ///
    /// # Errors
    /// The fault when the service did not say that it has: the shell may still be there.
    pub(super) async fn delete(mut self) -> Result<(), Fault> {
        if self.broken {
            return Err(Fault::new(FaultKind::Lost, "the connection was broken"));
        }
        let shell = self.id.clone();
        match self.ask(Action::Delete { shell: &shell }, CLEAN_UP).await {
            Ok(_) => Ok(()),
            Err(Failed::Refused(fault)) => Err(refused("delete", &fault)),
            Err(Failed::Broken(fault)) => Err(fault),
        }
    }

    async fn ask(&mut self, action: Action<'_>, limit: Duration) -> Result<Reply, Failed> {
        self.ask_within(action, OPERATION, limit).await
    }

    async fn ask_within(
        &mut self,
        action: Action<'_>,
        operation: Duration,
        limit: Duration,
    ) -> Result<Reply, Failed> {
        let message = Id::random().map_err(|error| Failed::Broken(ours(&error)))?;
        let text = envelope(&self.url, &message, operation, action);
        // Until the answer is whole, the connection is not to be used again.
        self.broken = true;
        let Ok(answered) = timeout(limit, self.connection.ask(&text)).await else {
            let (what, seconds) = (action.as_str(), limit.as_secs_f64());
            let detail = format!("no answer to {what} in {seconds} s");
            return Err(Failed::Broken(Fault::new(FaultKind::IdleTimeout, detail)));
        };
        let answered = answered.map_err(Failed::Broken)?;
        let lost = |detail: String| Failed::Broken(Fault::new(FaultKind::Lost, detail));
        let reply = reply::read(&answered.body)
            .map_err(|error| lost(format!("{} (HTTP {})", error, answered.status)))?;
        let expected = format!("uuid:{}", message.as_str());
        let related = reply.relates_to.as_deref().unwrap_or_default();
        if !related.eq_ignore_ascii_case(&expected) {
            return Err(lost("an answer to another message came".to_owned()));
        }
        self.broken = false;
        match &reply.fault {
            Some(fault) => Err(Failed::Refused(fault.clone())),
            None => Ok(reply),
        }
    }
}

fn ours(error: &std::io::Error) -> Fault {
    Fault::new(FaultKind::Internal, format!("no random number: {error}"))
}

/// What a fault of the service means. Numbers decide, since texts are in the host's language.
/// Source: [MS-WSMV] 2.2.4.43.1, winerror.h.
fn refused(stage: &str, fault: &WsFault) -> Fault {
    let kind = match (fault.wsman, fault.subcode.as_str()) {
        // Most shells, operations, and concurrent users.
        (Some(2_150_859_173..=2_150_859_175), _) | (_, "QuotaLimit") => FaultKind::Quota,
        (Some(5), _) | (_, "AccessDenied") => FaultKind::Denied,
        // The program is not there: ERROR_FILE_NOT_FOUND, ERROR_PATH_NOT_FOUND.
        (Some(2 | 3 | 0x8007_0002 | 0x8007_0003), _) => FaultKind::ToolMissing,
        // The operation was aborted from the other side, or the shell is gone.
        (Some(995 | 2_150_858_843), _) => FaultKind::Killed,
        _ => FaultKind::Lost,
    };
    let number = fault.wsman.map_or_else(|| "no number".to_owned(), |number| number.to_string());
    let wmi = fault.wmi.map(|number| format!(", WMI {number}")).unwrap_or_default();
    let subcode = escape(fault.subcode.as_bytes());
    let text = escape(fault.text.as_bytes());
    Fault::new(kind, format!("{stage}: WS-Management {number}{wmi} ({subcode}): {text}"))
}
