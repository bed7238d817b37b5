//! `fleetstat completions`: a script for a shell, made from the same description as the help.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::args::{Cli, ShellWord};
use crate::cli::{Ended, to_stdout};

/// Prints the script.
pub(super) fn completions(shell: ShellWord) -> Ended {
    let shell = match shell {
        ShellWord::Bash => Shell::Bash,
        ShellWord::Zsh => Shell::Zsh,
        ShellWord::Fish => Shell::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "fleetstat", &mut script);
    to_stdout(|out| std::io::Write::write_all(out, &script))
}
