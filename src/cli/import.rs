//! `fleetstat import`.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use crate::cli::args::{ImportOf, SshConfigArgs};
use crate::cli::problem::{Exit, Problem};
use crate::cli::{Ended, to_stdout};
use crate::inventory::program::{self, Bounds};
use crate::inventory::ssh_config::{Question, freeze};

/// `ssh -G` reads files and prints a page; a `Match exec` may ask a server.
const BOUNDS: Bounds = Bounds { deadline: Duration::from_secs(20), output: 1 << 20 };

/// Imports from another program's configuration.
pub(super) fn import(of: &ImportOf) -> Ended {
    match of {
        ImportOf::SshConfig(args) => ssh_config(args),
    }
}

fn ssh_config(args: &SshConfigArgs) -> Ended {
    let mut ask = |question: Question<'_>| {
        let mut words: Vec<&str> = Vec::new();
        let file = args.file.as_ref().map(|file| file.to_string_lossy());
        if question.defaults {
            words.extend(["-F", "none"]);
        } else if let Some(file) = &file {
            words.extend(["-F", file]);
        }
        words.extend(["-G", question.host]);
        let printed = program::run(Path::new("ssh"), &words, BOUNDS)
            .map_err(|failure| format!("`ssh {}` {failure}", words.join(" ")))?;
        String::from_utf8(printed.output)
            .map_err(|_| format!("what `ssh {}` prints is not UTF-8", words.join(" ")))
    };
    let fragment =
        freeze(&args.hosts, &mut ask).map_err(|message| Problem::new("FS-USE-030", message))?;
    for (host, message) in &fragment.remarks {
        tracing::warn!("{host}: {message}");
    }
    let Some(path) = &args.out else {
        return to_stdout(|out| out.write_all(fragment.yaml.as_bytes()));
    };
    // An inventory somebody wrote is never overwritten.
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    let written = file.and_then(|mut file| {
        file.write_all(fragment.yaml.as_bytes())?;
        file.sync_all()
    });
    written.map_err(|error| {
        Problem::new("FS-USE-007", format!("{}: {error}", path.display()))
            .help("name a file that does not exist yet")
    })?;
    Ok(Exit::Clean)
}
