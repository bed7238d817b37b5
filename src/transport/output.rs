//! What every transport does with a command's output: keep it, count it, and watch the clock.

use std::io;
use std::time::Duration;

use tokio::time::Instant;

use crate::evidence::spool::{Spool, SpoolSettings};
use crate::model::capture::End;
use crate::model::fault::{Fault, FaultKind};
use crate::model::time::Utc;
use crate::transport::clock::Clock;
use crate::transport::{Answer, CommandLimits};

/// How long output may be held open by a child after its command has exited.
pub(super) const HELD_GRACE: Duration = Duration::from_secs(2);

/// Which of the two streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    Stdout,
    Stderr,
}

/// Both streams of one command.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) stdout: Spool,
    pub(super) stderr: Spool,
}

impl Output {
    pub(super) fn new(settings: &SpoolSettings) -> Self {
        Self { stdout: Spool::new(settings), stderr: Spool::new(settings) }
    }

    pub(super) fn write(&mut self, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        match stream {
            Stream::Stdout => self.stdout.write(bytes),
            Stream::Stderr => self.stderr.write(bytes),
        }
    }

    /// True when something came after the cap.
    pub(super) fn is_cut(&self) -> bool {
        self.stdout.dropped() > 0 || self.stderr.dropped() > 0
    }

    /// The fault for output that was cut at the cap.
    pub(super) fn cut_fault(&self) -> Fault {
        let (out, err) = (self.stdout.dropped(), self.stderr.dropped());
        let kept = self.stdout.bytes();
        let detail = format!(
            "{kept} bytes of output kept; {out} more, and {err} of error output, were dropped"
        );
        Fault::new(FaultKind::Truncated, detail)
    }
}

/// The fault for output that cannot be kept, for instance because the disk is full.
pub(super) fn disk_fault(error: &io::Error) -> Fault {
    let detail = format!(
        "the output cannot be kept on the controller ({error}); free space in the run's folder"
    );
    Fault::new(FaultKind::Internal, detail)
}

/// The note for output that a child held open.
pub(super) fn held_fault() -> Fault {
    let seconds = HELD_GRACE.as_secs();
    let detail =
        format!("the command exited, but a child held its output open; closed after {seconds} s");
    Fault::new(FaultKind::IdleTimeout, detail)
}

/// What came of a command, without its output.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) end: End,
    pub(super) faults: Vec<Fault>,
    pub(super) session_usable: bool,
}

impl Outcome {
    /// The command did not end as it should.
    pub(super) fn incomplete(fault: Fault, session_usable: bool) -> Self {
        Self { end: End::Incomplete(fault), faults: Vec::new(), session_usable }
    }

    /// The answer, with what was printed. `begun` is when the command was sent, by `clock`.
    pub(super) fn answer(self, output: Output, begun: (Utc, Instant), clock: Clock) -> Answer {
        Answer {
            started: begun.0,
            ended: clock.utc(),
            elapsed: begun.1.elapsed(),
            end: self.end,
            stdout: output.stdout,
            stderr: output.stderr,
            faults: self.faults,
            session_usable: self.session_usable,
        }
    }
}

/// A limit of a command that has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overdue {
    FirstByte,
    Idle,
    Total,
    /// The time for a child that holds the output open.
    Held,
}

/// The clocks of one command.
#[derive(Debug)]
pub(super) struct Watch {
    limits: CommandLimits,
    started: Instant,
    last: Option<Instant>,
    exited: Option<Instant>,
}

impl Watch {
    /// Starts now.
    pub(super) fn new(limits: CommandLimits) -> Self {
        Self { limits, started: Instant::now(), last: None, exited: None }
    }

    /// Something came.
    pub(super) fn heard(&mut self) {
        self.last = Some(Instant::now());
    }

    /// The command has exited; its output may still be open.
    pub(super) fn exited(&mut self) {
        self.exited.get_or_insert_with(Instant::now);
    }

    /// When the next limit passes, and which.
    pub(super) fn next(&self) -> (Instant, Overdue) {
        let total = (self.started + self.limits.total, Overdue::Total);
        let quiet = match self.last {
            None => (self.started + self.limits.first_byte, Overdue::FirstByte),
            Some(last) => (last + self.limits.idle, Overdue::Idle),
        };
        let held = self.exited.map(|exited| (exited + HELD_GRACE, Overdue::Held));
        let first = if quiet.0 <= total.0 { quiet } else { total };
        held.filter(|held| held.0 < first.0).unwrap_or(first)
    }

    /// The limit that has passed, for a source that is never idle.
    pub(super) fn overdue(&self) -> Option<Overdue> {
        let (at, which) = self.next();
        (Instant::now() >= at).then_some(which)
    }

    /// The fault for a limit that has passed.
    pub(super) fn fault(&self, overdue: Overdue) -> Fault {
        let seconds = |limit: Duration| limit.as_secs_f64();
        let limits = &self.limits;
        match overdue {
            Overdue::FirstByte => Fault::new(
                FaultKind::FirstByteTimeout,
                format!(
                    "no output and no end in {} s; the command was stopped",
                    seconds(limits.first_byte)
                ),
            ),
            Overdue::Idle => Fault::new(
                FaultKind::IdleTimeout,
                format!("no output for {} s; the command was stopped", seconds(limits.idle)),
            ),
            Overdue::Total => Fault::new(
                FaultKind::Deadline,
                format!("not at its end in {} s; the command was stopped", seconds(limits.total)),
            ),
            Overdue::Held => held_fault(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(first_byte: u64, idle: u64, total: u64) -> CommandLimits {
        let seconds = Duration::from_secs;
        CommandLimits {
            first_byte: seconds(first_byte),
            idle: seconds(idle),
            total: seconds(total),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_nearest_limit_counts() {
        let mut watch = Watch::new(limits(30, 10, 60));
        let started = Instant::now();
        let seconds = |count| started + Duration::from_secs(count);
        assert_eq!(watch.next(), (seconds(30), Overdue::FirstByte));
        tokio::time::advance(Duration::from_secs(20)).await;
        watch.heard();
        assert_eq!(watch.next(), (seconds(30), Overdue::Idle));
        tokio::time::advance(Duration::from_secs(35)).await;
        watch.heard();
        assert_eq!(watch.next(), (seconds(60), Overdue::Total));
        watch.exited();
        assert_eq!(watch.next(), (seconds(57), Overdue::Held));
        assert_eq!(watch.overdue(), None);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(watch.overdue(), Some(Overdue::Held));
    }
}
