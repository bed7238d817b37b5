//! This test program as a child: something to kill, to trace, and to give another umask.
//!
//! The child prints `ack NAME SHA256` for each acknowledged file and `refused NAME: WHY` for the
//! others, each line with one system call.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::channel;

use fleetstat::evidence::commit::Committer;
use fleetstat::evidence::folder::RunFolder;
use fleetstat::evidence::write::write;

use crate::support::{draft, header, program, run_id};

/// Set for the child: what to do, and the evidence root.
const WORK: &str = "EVIDENCE_TEST_WORK";
const ROOT: &str = "EVIDENCE_TEST_ROOT";

/// Threads of the child that writes until it is killed.
const WRITERS: usize = 4;

/// The child behind `wrapper` (a shell, strace), not started yet. `few` commits three files one
/// by one, `many` commits until it is killed, `step` commits one for each line of its input.
pub(crate) fn child(wrapper: &[&str], work: &str, root: &Path) -> Command {
    let own = std::env::current_exe().unwrap();
    let mut command = match wrapper {
        [] => program(own.to_str().unwrap()),
        [first, rest @ ..] => {
            let mut command = program(first);
            command.args(rest).arg(own);
            command
        }
    };
    command.args(["--exact", "child::works_when_asked_to", "--nocapture"]);
    command.env(WORK, work).env(ROOT, root).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What follows `word ` in the lines of a child's output.
pub(crate) fn lines<'a>(output: &'a [u8], word: &str) -> Vec<&'a str> {
    let text = std::str::from_utf8(output).unwrap();
    text.lines().filter_map(|line| line.strip_prefix(word)?.strip_prefix(' ')).collect()
}

#[test]
fn works_when_asked_to() {
    let Some(work) = std::env::var_os(WORK) else { return };
    let root = std::env::var_os(ROOT).unwrap();
    let folder = Arc::new(RunFolder::create(Path::new(&root), &run_id()).unwrap());
    let committer = Committer::start().unwrap();
    // The first line of the test harness has no end yet.
    say(String::new());
    if work == "few" {
        (0..3).for_each(|at| commit(&folder, &committer, &format!("web-{at}")));
        return;
    }
    if work == "step" {
        let steps = std::io::stdin().lines().enumerate();
        steps.for_each(|(at, _)| commit(&folder, &committer, &format!("web-{at}")));
        return;
    }
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (folder, committer) = (&folder, &committer);
            scope.spawn(move || {
                for at in 0.. {
                    commit(folder, committer, &format!("web-{writer}-{at}"));
                }
            });
        }
    });
}

fn commit(folder: &Arc<RunFolder>, committer: &Committer, host: &str) {
    let output = format!("LISTEN {host}\n").repeat(300);
    let header = header(host);
    let written = write(folder, &header, vec![draft(folder, output.as_bytes(), b"")]);
    let (answer, waiting) = channel();
    match written {
        Ok(written) => {
            committer.submit(written, Box::new(move |result| answer.send(result).unwrap()));
            match waiting.recv().unwrap() {
                Ok(file) => say(format!("ack {} {}", file.name, file.sha256)),
                Err(error) => say(format!("refused {host}: {error}")),
            }
        }
        Err(error) => say(format!("refused {host}: {error}")),
    }
}

fn say(line: String) {
    std::io::stdout().write_all((line + "\n").as_bytes()).unwrap();
}
