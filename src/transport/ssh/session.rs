//! Commands on an open connection: one exec channel each, both streams always drained, and an end
//! that is only good when exit status and end of output were both seen.

use std::net::IpAddr;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use russh::client::Msg;
use russh::{Channel, Error, Sig};
use tokio::time::{Instant, timeout};

use super::client::server_text;
use super::follow::{Halt, Progress, drain, drain_one, follow};
use super::handshake::Link;
use super::jump::Slot;
use crate::evidence::spool::SpoolSettings;
use crate::model::capture::{End, Negotiated};
use crate::model::fault::{Fault, FaultKind};
use crate::model::time::Utc;
use crate::probe::command::Invocation;
use crate::transport::clock::Clock;
use crate::transport::output::{Outcome, Output, Overdue, Watch, disk_fault, held_fault};
use crate::transport::{Answer, CommandLimits, Session};

/// Time a command gets to end after each of TERM, KILL and the closing of its channel.
const STOP_STEP: Duration = Duration::from_secs(1);

/// Pauses before a refused channel is asked for again. Unit: milliseconds.
const REFUSAL_PAUSES_MS: &[u64] = &[5, 20, 80, 320];

/// What OpenSSH prints on standard error when an account must change its password first.
const PASSWORD_EXPIRED: &[u8] = b"Password change required";

/// A connection that has logged in.
#[derive(Debug)]
pub(super) struct SshSession {
    pub(super) link: Link,
    pub(super) negotiated: Negotiated,
    pub(super) peer: Option<IpAddr>,
    /// The place in a jump host's session that the connection goes through.
    pub(super) slot: Option<Slot>,
    pub(super) clock: Clock,
    /// Time for opening a channel and sending the command.
    pub(super) channel_limit: Duration,
    /// Commands started so far, the current one included.
    pub(super) commands: usize,
    /// When the current command was sent.
    pub(super) sent: (Utc, Instant),
}

impl Session for SshSession {
    fn run<'a>(
        &'a mut self,
        invocation: &'a Invocation,
        limits: CommandLimits,
        spool: &'a SpoolSettings,
    ) -> BoxFuture<'a, Answer> {
        async move {
            self.commands += 1;
            let mut output = Output::new(spool);
            self.sent = (self.clock.utc(), self.clock.instant());
            let outcome = self.execute(invocation.line(), limits, &mut output).await;
            self.link.observed.set_warm();
            outcome.answer(output, self.sent, self.clock)
        }
        .boxed()
    }

    fn negotiated(&self) -> Option<Negotiated> {
        Some(self.negotiated.clone())
    }

    fn peer(&self) -> Option<IpAddr> {
        self.peer
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Option<Fault>> {
        self.link.leave().map(|()| None).boxed()
    }
}

impl SshSession {
    async fn execute(
        &mut self,
        line: String,
        limits: CommandLimits,
        output: &mut Output,
    ) -> Outcome {
        let mut channel = match self.start(line).await {
            Ok(channel) => channel,
            Err(fault) => return Outcome::incomplete(fault, false),
        };
        let mut watch = Watch::new(limits);
        let mut progress = Progress::default();
        let halt = follow(&mut channel, &mut progress, output, &mut watch).await;
        match halt {
            Halt::Closed => self.conclude(&channel, &progress, output).await,
            Halt::Gone => self.lost().await,
            Halt::Overdue(Overdue::Held) => self.let_go(&mut channel, progress, output).await,
            Halt::Overdue(overdue) => {
                let usable = self.stop(&mut channel, &mut progress, output).await;
                Outcome::incomplete(watch.fault(overdue), usable)
            }
            Halt::Full => {
                let usable = self.stop(&mut channel, &mut progress, output).await;
                let fault = output.cut_fault();
                match progress.status {
                    // It ended by itself, just after the cap.
                    Some(status) if progress.end_of_output => Outcome {
                        end: End::Exit(status),
                        faults: vec![fault],
                        session_usable: usable,
                    },
                    _ => Outcome::incomplete(fault, usable),
                }
            }
            Halt::Refused => {
                let fault = Fault::new(FaultKind::Denied, "the server refused to start a command");
                Outcome::incomplete(fault, !self.link.handle.is_closed())
            }
            Halt::Disk(error) => {
                // Nothing more can be kept, so nothing more is taken.
                self.stop(&mut channel, &mut progress, output).await;
                Outcome::incomplete(disk_fault(&error), false)
            }
        }
    }

    /// Opens a channel, sends the command and the end of its input.
    async fn start(&mut self, line: String) -> Result<Channel<Msg>, Fault> {
        let limit = self.channel_limit;
        let opening = async {
            let channel = self.open().await?;
            // Opening the channel is no part of the command's time: the host's clock is judged by
            // it.
            self.sent = (self.clock.utc(), self.clock.instant());
            channel.exec(true, line).await?;
            // A command that reads its input must not wait for us.
            channel.eof().await?;
            Ok(channel)
        };
        match timeout(limit, opening.boxed()).await {
            Ok(Ok(channel)) => Ok(channel),
            Ok(Err(Error::ChannelOpenFailure(reason))) => {
                let reason = server_text(reason.description().as_bytes());
                let detail = format!("the server refused another session: {reason}");
                Err(Fault::new(FaultKind::Quota, detail))
            }
            Ok(Err(_)) => Err(self.loss("before the command, ").await),
            Err(_) => {
                let detail = format!("no channel was opened in {} s", limit.as_secs_f64());
                Err(Fault::new(FaultKind::Deadline, detail))
            }
        }
    }

    /// Opens a channel. With `MaxSessions 1` sshd refuses the next one until it has dealt with the
    /// end of the one before, a few milliseconds after it told us; so after a first command a
    /// refusal is tried again.
    async fn open(&self) -> Result<Channel<Msg>, Error> {
        let mut pauses = if self.commands > 1 { REFUSAL_PAUSES_MS } else { &[] }.iter();
        loop {
            match self.link.handle.channel_open_session().await {
                Err(Error::ChannelOpenFailure(reason)) => match pauses.next() {
                    Some(&pause) => tokio::time::sleep(Duration::from_millis(pause)).await,
                    None => return Err(Error::ChannelOpenFailure(reason)),
                },
                result => return result,
            }
        }
    }

    /// The end of a command whose channel was closed or whose end was seen.
    async fn conclude(
        &mut self,
        channel: &Channel<Msg>,
        progress: &Progress,
        output: &mut Output,
    ) -> Outcome {
        if !progress.closed {
            // Frees our side at once; the server's own close may be on its way.
            let _ = timeout(STOP_STEP, channel.close()).await;
        }
        let session_usable = !self.link.handle.is_closed();
        let fault = match (progress.status, &progress.signal) {
            (_, Some(signal)) => {
                let end = End::Signal(signal.clone());
                return Outcome { end, faults: Vec::new(), session_usable };
            }
            (Some(1), None) if password_expired(output) => Fault::new(
                FaultKind::PasswordExpired,
                "the account must set a new password before it may run commands",
            ),
            (Some(status), None) if progress.end_of_output => {
                return Outcome { end: End::Exit(status), faults: Vec::new(), session_usable };
            }
            (Some(status), None) => Fault::new(
                FaultKind::Lost,
                format!("exit status {status}, but the end of the output did not come"),
            ),
            (None, None) => {
                Fault::new(FaultKind::Lost, "the channel was closed without an exit status")
            }
        };
        Outcome::incomplete(fault, session_usable)
    }

    /// Why the connection ended: a jump host's session did, or its own.
    async fn loss(&mut self, when: &str) -> Fault {
        let ending = self.link.ending().await;
        if let Some(slot) = &self.slot
            && let Some(fault) = slot.lost().await
        {
            return fault;
        }
        Fault::new(FaultKind::Lost, format!("{when}{}", ending.reason))
    }

    /// The connection ended in the middle.
    async fn lost(&mut self) -> Outcome {
        let fault = self.loss("").await;
        Outcome::incomplete(fault, false)
    }

    /// The command exited, a child holds its output open. An answer to a ping proves that the
    /// connection still stands, so nothing that was sent before is missing.
    async fn let_go(
        &mut self,
        channel: &mut Channel<Msg>,
        mut progress: Progress,
        output: &mut Output,
    ) -> Outcome {
        let alive = self.settle(channel, &mut progress, output).await;
        if progress.whole() || progress.closed {
            return self.conclude(channel, &progress, output).await;
        }
        let end = match (progress.status, &progress.signal) {
            (_, Some(signal)) => End::Signal(signal.clone()),
            (Some(status), None) => End::Exit(status),
            (None, None) => return self.lost().await,
        };
        if !alive {
            return self.lost().await;
        }
        let session_usable = self.close(channel, &mut progress, output).await;
        Outcome { end, faults: vec![held_fault()], session_usable }
    }

    /// Ends a command that must not go on: TERM, KILL, then the channel is closed. Output that
    /// comes meanwhile is kept. Returns whether the connection can be used further.
    ///
    /// Closing alone stops nothing on the host (measured). A server that refuses signals (seen with
    /// OpenSSH 9.2: under a forced command, and for root) leaves it to the command's `timeout`.
    async fn stop(
        &mut self,
        channel: &mut Channel<Msg>,
        progress: &mut Progress,
        output: &mut Output,
    ) -> bool {
        for signal in [Sig::TERM, Sig::KILL] {
            let step = async {
                // An error means that the connection is gone, which `follow` sees too.
                let _ = channel.signal(signal).await;
                drain(channel, progress, output).await;
            };
            if timeout(STOP_STEP, step).await.is_ok() {
                break;
            }
        }
        self.close(channel, progress, output).await
    }

    /// Closes the channel. False when the connection does not stand any more.
    ///
    /// russh forgets a channel when it closes it, so the server's own close is not seen; the
    /// answer to a ping sent after it tells as much.
    async fn close(
        &mut self,
        channel: &mut Channel<Msg>,
        progress: &mut Progress,
        output: &mut Output,
    ) -> bool {
        match timeout(STOP_STEP, channel.close()).await {
            Ok(Ok(())) => self.settle(channel, progress, output).await,
            Ok(Err(_)) | Err(_) => false,
        }
    }

    /// Takes all that the server had sent before it answered a ping. False when it does not.
    async fn settle(
        &mut self,
        channel: &mut Channel<Msg>,
        progress: &mut Progress,
        output: &mut Output,
    ) -> bool {
        let answered = {
            let mut ping = self.link.handle.send_ping().boxed();
            let both = async {
                loop {
                    tokio::select! {
                        answer = &mut ping => return answer.is_ok(),
                        Some(()) = drain_one(channel, progress, output) => {}
                    }
                }
            };
            timeout(STOP_STEP, both).await.unwrap_or(false)
        };
        while let Some(Some(())) = drain_one(channel, progress, output).now_or_never() {}
        answered && !self.link.handle.is_closed()
    }
}

/// True when the error output is that of an account whose password has expired.
fn password_expired(output: &mut Output) -> bool {
    if output.stdout.bytes() > 0 {
        return false;
    }
    // Not readable means not recognized: the exit status stands.
    let head = output.stderr.head(1024).unwrap_or_default();
    head.windows(PASSWORD_EXPIRED.len()).any(|window| window == PASSWORD_EXPIRED)
}
