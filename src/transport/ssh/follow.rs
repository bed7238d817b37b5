//! Follows one command on its channel: takes what comes, keeps it, and says why it stopped.
//!
//! In: a channel's messages. Out: output in spools, [`Progress`], and a [`Halt`]. Sends nothing.

use russh::client::Msg;
use russh::{Channel, ChannelMsg, Sig};

use crate::model::text::escape;
use crate::transport::output::{Output, Overdue, Stream, Watch};

/// What has been seen of a command's end.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) status: Option<u32>,
    pub(super) signal: Option<String>,
    pub(super) end_of_output: bool,
    pub(super) closed: bool,
}

impl Progress {
    fn ended(&self) -> bool {
        self.status.is_some() || self.signal.is_some()
    }

    pub(super) fn whole(&self) -> bool {
        self.ended() && self.end_of_output
    }
}

/// Why a command is followed no longer.
#[derive(Debug)]
pub(super) enum Halt {
    /// Its end was seen, or the server closed the channel.
    Closed,
    /// The connection is gone.
    Gone,
    /// A limit has passed.
    Overdue(Overdue),
    /// Output came after the cap.
    Full,
    /// The server refused to start the command.
    Refused,
    /// Output cannot be kept.
    Disk(std::io::Error),
}

/// Takes what comes until the command ends, a limit passes or the cap is reached.
pub(super) async fn follow(
    channel: &mut Channel<Msg>,
    progress: &mut Progress,
    output: &mut Output,
    watch: &mut Watch,
) -> Halt {
    loop {
        let (at, overdue) = watch.next();
        let message = match tokio::time::timeout_at(at, channel.wait()).await {
            Ok(Some(message)) => message,
            Ok(None) => return Halt::Gone,
            Err(_) => return Halt::Overdue(overdue),
        };
        if matches!(message, ChannelMsg::Failure) {
            return Halt::Refused;
        }
        if !matches!(message, ChannelMsg::Success | ChannelMsg::WindowAdjusted { .. }) {
            watch.heard();
        }
        if let Err(error) = take(message, progress, output) {
            return Halt::Disk(error);
        }
        if progress.whole() || progress.closed {
            return Halt::Closed;
        }
        if progress.ended() {
            watch.exited();
        }
        if output.is_cut() {
            return Halt::Full;
        }
        // A source that is always ready would never let the timer run.
        if let Some(overdue) = watch.overdue() {
            return Halt::Overdue(overdue);
        }
    }
}

/// Takes one message. An error is the disk's.
fn take(message: ChannelMsg, progress: &mut Progress, output: &mut Output) -> std::io::Result<()> {
    match message {
        ChannelMsg::Data { data } => output.write(Stream::Stdout, &data)?,
        // RFC 4254 knows one extended stream, 1; whatever else comes is no output either.
        ChannelMsg::ExtendedData { data, .. } => output.write(Stream::Stderr, &data)?,
        ChannelMsg::ExitStatus { exit_status } => progress.status = Some(exit_status),
        ChannelMsg::ExitSignal { signal_name, .. } => {
            progress.signal = Some(signal_text(&signal_name));
        }
        ChannelMsg::Eof => progress.end_of_output = true,
        ChannelMsg::Close => progress.closed = true,
        _ => {}
    }
    Ok(())
}

/// Takes one message after the command was given up. `None`: no more will come.
pub(super) async fn drain_one(
    channel: &mut Channel<Msg>,
    progress: &mut Progress,
    output: &mut Output,
) -> Option<()> {
    let message = channel.wait().await?;
    // The outcome is settled; a disk that is full now is already reported.
    let _ = take(message, progress, output);
    Some(())
}

/// Takes what comes until the command has ended or the channel is gone.
pub(super) async fn drain(
    channel: &mut Channel<Msg>,
    progress: &mut Progress,
    output: &mut Output,
) {
    while !progress.whole() && !progress.closed {
        if drain_one(channel, progress, output).await.is_none() {
            return;
        }
    }
}

/// The name without `SIG`, escaped.
fn signal_text(signal: &Sig) -> String {
    match signal {
        Sig::Custom(name) => escape(name.get(..32).unwrap_or(name).as_bytes()),
        known => format!("{known:?}"),
    }
}
