//! This very machine, without SSH: the same argument vector, started directly and never through a
//! shell, with the same limits.

use std::net::IpAddr;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::time::{sleep_until, timeout};

use crate::evidence::spool::SpoolSettings;
use crate::inventory::host::Host;
use crate::model::capture::{End, Negotiated};
use crate::model::deadline::Deadlines;
use crate::model::fault::{Fault, FaultKind};
use crate::probe::command::Invocation;
use crate::transport::clock::Clock;
use crate::transport::output::{Outcome, Output, Overdue, Stream, Watch, disk_fault, held_fault};
use crate::transport::{Answer, CommandLimits, Session, Transport};

/// Time a command gets to end after TERM, before KILL.
const STOP_STEP: Duration = Duration::from_secs(1);

/// Bytes read at once from each pipe: the size of a pipe's buffer on Linux.
const CHUNK: usize = 64 << 10;

/// The local transport.
#[derive(Clone, Copy, Debug)]
pub struct Local {
    clock: Clock,
}

impl Local {
    /// A transport with the run's clock.
    #[must_use]
    pub const fn new(clock: Clock) -> Self {
        Self { clock }
    }
}

impl Transport for Local {
    fn connect<'a>(
        &'a self,
        _: &'a Host,
        _: &'a Deadlines,
    ) -> BoxFuture<'a, Result<Box<dyn Session>, Fault>> {
        let session: Box<dyn Session> = Box::new(LocalSession { clock: self.clock });
        std::future::ready(Ok(session)).boxed()
    }
}

#[derive(Debug)]
struct LocalSession {
    clock: Clock,
}

impl Session for LocalSession {
    fn run<'a>(
        &'a mut self,
        invocation: &'a Invocation,
        limits: CommandLimits,
        spool: &'a SpoolSettings,
    ) -> BoxFuture<'a, Answer> {
        async move {
            let mut output = Output::new(spool);
            let begun = (self.clock.utc(), self.clock.instant());
            let outcome = execute(invocation.argv(), limits, &mut output).await;
            outcome.answer(output, begun, self.clock)
        }
        .boxed()
    }

    fn negotiated(&self) -> Option<Negotiated> {
        None
    }

    fn peer(&self) -> Option<IpAddr> {
        None
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Option<Fault>> {
        std::future::ready(None).boxed()
    }
}

/// A running command. Dropping it kills its whole process group.
struct Running {
    child: Child,
    stdout: Pipe<ChildStdout>,
    stderr: Pipe<ChildStderr>,
    status: Option<ExitStatus>,
}

/// One stream of a running command; `None` after its end.
struct Pipe<R> {
    reader: Option<R>,
    buffer: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Pipe<R> {
    fn new(reader: Option<R>) -> Self {
        Self { reader, buffer: vec![0; CHUNK] }
    }

    /// The next bytes; none at the end. An error is an end: a pipe has no other.
    async fn read(&mut self) -> &[u8] {
        let count = match &mut self.reader {
            Some(reader) => reader.read(&mut self.buffer).await.unwrap_or(0),
            None => 0,
        };
        if count == 0 {
            self.reader = None;
        }
        self.buffer.get(..count).unwrap_or_default()
    }
}

impl Running {
    fn is_over(&self) -> bool {
        self.status.is_some() && self.stdout.reader.is_none() && self.stderr.reader.is_none()
    }

    /// The process group, as long as its leader has not been waited for: long after that the
    /// number could belong to somebody else.
    fn group(&self) -> Option<Pid> {
        self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw)
    }

    /// TERM, time to end, then KILL for what is left of the group. Output is not read any more.
    async fn stop(&mut self) {
        let group = self.group();
        signal_group(group, Signal::TERM);
        // Whether the leader has ended or not, KILL comes next.
        let _ = timeout(STOP_STEP, self.child.wait()).await;
        signal_group(group, Signal::KILL);
        let _ = timeout(STOP_STEP, self.child.wait()).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        signal_group(self.group(), Signal::KILL);
    }
}

/// The group may be gone already, which is what is wanted.
fn signal_group(group: Option<Pid>, signal: Signal) {
    if let Some(group) = group {
        let _ = kill_process_group(group, signal);
    }
}

async fn execute(argv: &[String], limits: CommandLimits, output: &mut Output) -> Outcome {
    let mut running = match start(argv) {
        Ok(running) => running,
        Err(fault) => return Outcome::incomplete(fault, true),
    };
    let mut watch = Watch::new(limits);
    match follow(&mut running, &mut watch, output).await {
        Ok(None) => {
            Outcome { end: ending(running.status), faults: Vec::new(), session_usable: true }
        }
        Ok(Some(Overdue::Held)) => Outcome {
            end: ending(running.status),
            faults: vec![held_fault()],
            session_usable: true,
        },
        Ok(Some(overdue)) => {
            running.stop().await;
            Outcome::incomplete(watch.fault(overdue), true)
        }
        Err(fault) => {
            running.stop().await;
            Outcome::incomplete(fault, true)
        }
    }
}

fn start(argv: &[String]) -> Result<Running, Fault> {
    let (program, arguments) = argv
        .split_first()
        .ok_or_else(|| Fault::new(FaultKind::Internal, "the argument vector is empty"))?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| {
            let kind = match error.kind() {
                std::io::ErrorKind::NotFound => FaultKind::ToolMissing,
                std::io::ErrorKind::PermissionDenied => FaultKind::Denied,
                _ => FaultKind::Internal,
            };
            Fault::new(kind, format!("`{program}` cannot be started: {error}"))
        })?;
    let (stdout, stderr) = (Pipe::new(child.stdout.take()), Pipe::new(child.stderr.take()));
    Ok(Running { child, stdout, stderr, status: None })
}

/// Takes what comes. `Ok(None)`: the command is over; `Ok(Some(_))`: a limit has passed; an error
/// when the output is cut or cannot be kept.
async fn follow(
    running: &mut Running,
    watch: &mut Watch,
    output: &mut Output,
) -> Result<Option<Overdue>, Fault> {
    while !running.is_over() {
        let (at, overdue) = watch.next();
        let written = tokio::select! {
            bytes = running.stdout.read(), if running.stdout.reader.is_some() => {
                watch.heard();
                output.write(Stream::Stdout, bytes)
            }
            bytes = running.stderr.read(), if running.stderr.reader.is_some() => {
                watch.heard();
                output.write(Stream::Stderr, bytes)
            }
            status = running.child.wait(), if running.status.is_none() => {
                let lost = |error| Fault::new(FaultKind::Internal, format!("waiting: {error}"));
                running.status = Some(status.map_err(lost)?);
                watch.heard();
                watch.exited();
                Ok(())
            }
            () = sleep_until(at) => return Ok(Some(overdue)),
        };
        written.map_err(|error| disk_fault(&error))?;
        if output.is_cut() {
            return Err(output.cut_fault());
        }
        if let Some(overdue) = watch.overdue() {
            return Ok(Some(overdue));
        }
    }
    Ok(None)
}

fn ending(status: Option<ExitStatus>) -> End {
    let code = status.and_then(|status| status.code()).and_then(|code| u32::try_from(code).ok());
    match (code, status.and_then(|status| status.signal())) {
        (Some(code), _) => End::Exit(code),
        (None, Some(signal)) => End::Signal(signal_name(signal)),
        (None, None) => {
            End::Incomplete(Fault::new(FaultKind::Internal, "the command has no exit status"))
        }
    }
}

/// The names that SSH uses (RFC 4254, section 6.10); the number for any other.
fn signal_name(signal: i32) -> String {
    let names = [
        (Signal::ABORT, "ABRT"),
        (Signal::ALARM, "ALRM"),
        (Signal::FPE, "FPE"),
        (Signal::HUP, "HUP"),
        (Signal::ILL, "ILL"),
        (Signal::INT, "INT"),
        (Signal::KILL, "KILL"),
        (Signal::PIPE, "PIPE"),
        (Signal::QUIT, "QUIT"),
        (Signal::SEGV, "SEGV"),
        (Signal::TERM, "TERM"),
        (Signal::USR1, "USR1"),
        (Signal::USR2, "USR2"),
    ];
    let known = names.iter().find(|(number, _)| number.as_raw() == signal);
    known.map_or_else(|| signal.to_string(), |(_, name)| (*name).to_owned())
}
