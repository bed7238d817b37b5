//! `fleetstat man`: manual pages, made from the same description as the help.

use std::io::{self, Write as _};
use std::path::Path;

use clap::CommandFactory as _;

use crate::cli::args::{Cli, ManArgs};
use crate::cli::problem::{EXITS, Exit, Problem};
use crate::cli::{Ended, to_stdout};

/// Prints one page, or writes all.
pub(super) fn man(args: &ManArgs) -> Ended {
    if let Some(folder) = &args.out {
        return write_all(folder);
    }
    let mut command = built();
    for word in &args.verb {
        let Some(verb) = command.find_subcommand(word).cloned() else {
            let near = command.get_subcommands().map(clap::Command::get_name);
            let help = crate::yaml::suggest::did_you_mean(word, near)
                .unwrap_or_else(|| "see `fleetstat help`".to_owned());
            let message = format!("no verb `{}`", crate::model::text::escape(word.as_bytes()));
            return Err(Problem::new("FS-USE-001", message).help(help).into());
        };
        command = verb;
    }
    let page = page(&command).map_err(unwritten)?;
    to_stdout(|out| out.write_all(&page))
}

#[expect(clippy::needless_pass_by_value, reason = "used with map_err")]
fn unwritten(error: io::Error) -> Problem {
    Problem::new("FS-USE-007", format!("the page: {error}"))
}

/// The whole command line, with the full name of each verb (`fleetstat query listeners`).
fn built() -> clap::Command {
    let mut command = Cli::command();
    command.build();
    command
}

/// `fleetstat-query-listeners(1)`, with the exit codes under the page of `fleetstat` itself.
fn page(command: &clap::Command) -> io::Result<Vec<u8>> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
    let is_top = name == "fleetstat";
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).title(name).render(&mut page)?;
    if is_top {
        page.extend_from_slice(exit_status().as_bytes());
    }
    Ok(page)
}

fn exit_status() -> String {
    let row = |(exit, meaning): &(Exit, &str)| {
        format!(".TP\n\\fB{}\\fR\n{}\n", *exit as u8, meaning.replace('-', "\\-"))
    };
    std::iter::once(".SH \"EXIT STATUS\"\n".to_owned()).chain(EXITS.iter().map(row)).collect()
}

fn write_all(folder: &Path) -> Ended {
    let failed = |path: &Path, error: &io::Error| {
        Problem::new("FS-USE-007", format!("{}: {error}", path.display()))
            .help("name a folder that you can write to")
    };
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
    for command in every(built()) {
        let name = command.get_display_name().unwrap_or_else(|| command.get_name());
        let path = folder.join(format!("{name}.1"));
        page(&command)
            .and_then(|page| std::fs::write(&path, page))
            .map_err(|error| failed(&path, &error))?;
    }
    Ok(Exit::Clean)
}

/// A command and all below it; `help` has no page of its own.
fn every(command: clap::Command) -> Vec<clap::Command> {
    let below: Vec<clap::Command> = command
        .get_subcommands()
        .filter(|verb| verb.get_name() != "help")
        .cloned()
        .flat_map(every)
        .collect();
    std::iter::once(command).chain(below).collect()
}
