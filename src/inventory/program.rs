//! Runs a program of the operator's own machine that describes hosts: an argument vector, never a
//! shell; a deadline, a cap on what it prints, and nothing left running.
//!
//! What comes out is bytes; who asked decides what they mean.

use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

/// Bytes of standard error that are kept: a page and a half of a message.
const COMPLAINT_MAX: u64 = 8 << 10;
/// Time that a killed program's pipes get to close.
const AFTER_KILL: Duration = Duration::from_secs(1);

/// What a program may cost.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// From its start to the end of its output.
    pub deadline: Duration,
    /// Most bytes of standard output.
    pub output: u64,
}

/// What a program that ended by itself printed.
#[derive(Debug)]
pub struct Printed {
    /// Standard output, whole.
    pub output: Vec<u8>,
    /// Standard error, cut after 8 KiB.
    pub complaint: Vec<u8>,
}

/// Why a program's answer cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It cannot be started.
    #[error("cannot be started: {0}")]
    Start(#[source] std::io::Error),
    /// It did not end in time, and was stopped.
    #[error("did not end within {} s and was stopped", .0.as_secs())]
    Late(Duration),
    /// It printed more than the cap, and was stopped.
    #[error("printed more than {0} bytes and was stopped")]
    TooMuch(u64),
    /// It ended with a failure.
    #[error("ended with {status}{}", said(.complaint))]
    Status {
        /// How it ended.
        status: ExitStatus,
        /// Standard error, cut after 8 KiB.
        complaint: Vec<u8>,
    },
    /// Its output could not be read.
    #[error("cannot be read: {0}")]
    Read(#[source] std::io::Error),
}

/// The last line of standard error, escaped.
fn said(complaint: &[u8]) -> String {
    let text = String::from_utf8_lossy(complaint);
    match text.lines().rev().find(|line| !line.trim().is_empty()) {
        Some(line) => format!(", saying {}", crate::yaml::defect::quoted(line.trim())),
        None => String::new(),
    }
}

/// Runs a program to its end. Standard input is empty; the environment is the caller's.
///
/// # Errors
/// When it cannot be started, fails, takes too long or prints too much.
pub fn run<S: AsRef<OsStr>>(
    program: &Path,
    words: &[S],
    bounds: Bounds,
) -> Result<Printed, Failure> {
    #[expect(clippy::disallowed_methods, reason = "inventory programs and `ssh -G` run here")]
    let mut command = std::process::Command::new(program);
    command.args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A group of its own, so that what it started is stopped with it.
    let mut child = command.process_group(0).spawn().map_err(Failure::Start)?;
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let stop = move || {
        // It may have ended meanwhile.
        let _stopped = group.map(|group| kill_process_group(group, Signal::KILL));
    };
    let (output, complaint) = (child.stdout.take(), child.stderr.take());
    let (sender, ended) = mpsc::channel();
    // Detached: it ends with the pipes, which are closed when the group is stopped.
    thread::spawn(move || {
        let errors = thread::spawn(move || kept(complaint, COMPLAINT_MAX));
        let output = capped(output, bounds.output);
        if output.as_ref().is_ok_and(|bytes| bytes.len() as u64 > bounds.output) {
            stop();
        }
        let complaint = errors.join().unwrap_or_default();
        // Nobody waits any more after the deadline.
        let _sent = sender.send((output, complaint, child.wait()));
    });
    let Ok((output, complaint, status)) = ended.recv_timeout(bounds.deadline) else {
        stop();
        let _late = ended.recv_timeout(AFTER_KILL);
        return Err(Failure::Late(bounds.deadline));
    };
    let output = output.map_err(Failure::Read)?;
    if output.len() as u64 > bounds.output {
        return Err(Failure::TooMuch(bounds.output));
    }
    let status = status.map_err(Failure::Read)?;
    if !status.success() {
        return Err(Failure::Status { status, complaint });
    }
    Ok(Printed { output, complaint })
}

/// Everything, or one byte more than the cap.
fn capped(pipe: Option<impl Read>, cap: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(cap + 1).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// The beginning; the rest is read and dropped, so that the writer does not stop.
fn kept(pipe: Option<impl Read>, cap: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        // An error ends a complaint: there is nothing better to show.
        let _read = pipe.by_ref().take(cap).read_to_end(&mut bytes);
        let _dropped = std::io::copy(&mut pipe, &mut std::io::sink());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str, milliseconds: u64, output: u64) -> Result<Printed, Failure> {
        let bounds = Bounds { deadline: Duration::from_millis(milliseconds), output };
        run(Path::new("/bin/sh"), &["-c", script], bounds)
    }

    #[test]
    fn a_program_that_ends_hands_over_what_it_printed() {
        let printed = sh("echo a; echo b >&2", 10_000, 100).unwrap();
        assert_eq!((printed.output, printed.complaint), (b"a\n".to_vec(), b"b\n".to_vec()));
    }

    #[test]
    fn what_fails_hangs_or_floods_is_stopped_and_named() {
        let failed = sh("printf 'no \\033[31m token\\n' >&2; exit 3", 10_000, 100).unwrap_err();
        assert_eq!(failed.to_string(), r"ended with exit status: 3, saying `no \x1b[31m token`");
        let late = sh("sleep 600 & wait", 200, 100).unwrap_err();
        assert_eq!(late.to_string(), "did not end within 0 s and was stopped");
        let flood =
            sh("while :; do echo xxxxxxxxxxxxxxxxxxxxxxxx; done", 10_000, 1_000).unwrap_err();
        assert_eq!(flood.to_string(), "printed more than 1000 bytes and was stopped");
        let missing =
            run(Path::new("/nonexistent"), &["x"], Bounds { deadline: AFTER_KILL, output: 1 });
        assert!(matches!(missing, Err(Failure::Start(_))));
    }
}
