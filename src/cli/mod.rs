//! Arguments, progress, exit codes: the skin between a person and the workflows. One thin file
//! per verb.

pub mod args;
pub mod color;
pub mod explain;
pub mod problem;
pub mod progress;
pub mod reference;
pub mod setting;
pub mod time;
mod assets;
mod changes;
mod check;
mod completions;
mod config;
mod diff;
mod enroll;
mod figures;
mod harden;
mod hosts;
mod imports;
mod layers;
mod import;
mod logging;
mod man;
mod parse;
mod plan;
mod probes;
mod query;
mod about;
pub mod question;
mod rebuild;
mod replay;
mod request;
mod saved;
mod run;
mod schema;
mod show;
mod trust;
mod verify;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::args::imports::{AssetsAction, ChangesAction};
use crate::cli::args::{Cli, ColorWord, ConfigVerb, Global, Question, Verb};
use crate::cli::problem::{Exit, Problem, Problems};
use crate::cli::setting::Setting;
use crate::config::Layer;
use crate::transport::clock::Clock;

/// What a verb ends with: an exit code, or problems that are then shown.
type Ended = Result<Exit, Problems>;

/// Reads the arguments, runs the verb, and shows what went wrong.
#[must_use]
pub fn main() -> ExitCode {
    // Until the options are read, the environment decides.
    color::decide(ColorWord::Auto);
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return ExitCode::from(misread(&error) as u8),
    };
    color::decide(cli.global.color);
    logging::start(cli.global.verbose, cli.global.quiet);
    let exit = match start(cli) {
        Ok(exit) => exit,
        Err(problems) => {
            complain(&problems);
            problems.exit()
        }
    };
    ExitCode::from(exit as u8)
}

fn start(cli: Cli) -> Ended {
    let Cli { global, verb } = cli;
    refuse_idle_limit(&global, &verb)?;
    // Verbs about fleetstat itself need no settings: they help to mend broken ones.
    let alone = matches!(
        verb,
        Verb::Explain(_) | Verb::Completions { .. } | Verb::Man(_) | Verb::Schema { .. }
    );
    let settings = if alone { Layer::default() } else { layers::layers(&global)? };
    let setting = &Setting { global, clock: Clock::system(), settings };
    match verb {
        Verb::Run(args) => run::run(setting, &args),
        Verb::Plan(args) => plan::plan(setting, &args),
        Verb::Hosts(args) => hosts::hosts(setting, &args),
        Verb::Probes(args) => probes::probes(setting, &args),
        Verb::Harden(args) => harden::harden(setting, &args),
        Verb::Check(args) => check::check(setting, &args),
        Verb::Enroll(args) => enroll::enroll(setting, &args),
        Verb::Runs(args) => query::runs(setting, &args),
        Verb::Show(args) => show::show(setting, &args),
        Verb::Query { question } => ask(setting, question),
        Verb::Diff(args) => diff::diff(setting, &args),
        Verb::Verify(args) => verify::verify(setting, &args),
        Verb::Replay(args) => replay::replay(setting, &args),
        Verb::Rebuild(args) => rebuild::rebuild(setting, &args),
        Verb::Changes { action } => changes::changes(setting, &action),
        Verb::Assets { action } => assets::assets(setting, &action),
        Verb::Parse(args) => parse::parse(setting, &args),
        Verb::Config { verb: ConfigVerb::Explain(args) } => config::explain(setting, &args),
        Verb::Explain(args) => explain::explain(setting, &args),
        Verb::Completions { shell } => completions::completions(shell),
        Verb::Man(args) => man::man(&args),
        Verb::Import { of } => import::import(&of),
        Verb::Schema { of } => schema::schema(of),
    }
}

fn ask(setting: &Setting, question: Question) -> Ended {
    match question {
        Question::Listeners(args) => query::listeners(setting, &args),
        Question::Peers(args) => query::peers(setting, &args),
        Question::Changed(args) => query::changed(setting, &args),
        Question::Prevalence(args) => query::prevalence(setting, &args),
        Question::States(args) => figures::states(setting, &args),
        Question::Interfaces(args) => figures::interfaces(setting, &args),
        Question::Routes(args) => figures::routes(setting, &args),
    }
}

/// Shows what is wrong with the command line; or the help or version that was asked for.
fn misread(error: &clap::Error) -> Exit {
    if !error.use_stderr() {
        // Fails when nobody reads it any more.
        let _ = error.print();
        return Exit::Clean;
    }
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text).trim_end();
    let mut out = io::stderr().lock();
    // There is nowhere to complain about a closed standard error.
    let _ = match error.kind() {
        // The verb is missing: clap's text is the help as a whole.
        clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => writeln!(out, "{text}"),
        _ => writeln!(out, "{}: {text}", color::paint("error[FS-USE-001]", color::ERROR)),
    };
    Exit::Usage
}

/// A selector that would select nothing is refused: an operator who typed it expects it to count.
fn refuse_idle_limit(global: &Global, verb: &Verb) -> Result<(), Problem> {
    let idle = match verb {
        Verb::Runs(args) => args.run.is_none(),
        Verb::Probes(_)
        | Verb::Harden(_)
        | Verb::Verify(_)
        | Verb::Rebuild(_)
        | Verb::Parse(_)
        | Verb::Explain(_)
        | Verb::Config { .. }
        | Verb::Completions { .. }
        | Verb::Man(_)
        | Verb::Import { .. }
        | Verb::Schema { .. } => true,
        Verb::Changes { action } => !matches!(action, ChangesAction::List(_)),
        Verb::Assets { action } => !matches!(action, AssetsAction::List),
        Verb::Run(_)
        | Verb::Plan(_)
        | Verb::Hosts(_)
        | Verb::Enroll(_)
        | Verb::Check(_)
        | Verb::Show(_)
        | Verb::Query { .. }
        | Verb::Replay(_)
        | Verb::Diff(_) => false,
    };
    if idle && global.limit.is_some() {
        let message = "`-l` selects hosts, and there are none to select here";
        return Err(Problem::new("FS-USE-001", message).help("leave it out"));
    }
    Ok(())
}

/// Shows problems on standard error. There is nowhere to complain about a closed one.
fn complain(problems: &Problems) {
    let mut out = io::stderr().lock();
    let _ = write!(out, "{problems}");
}

/// Writes to standard output. A reader that went away (`| head`) is no problem: the exit is clean.
fn to_stdout(write: impl FnOnce(&mut io::StdoutLock<'_>) -> io::Result<()>) -> Ended {
    let mut out = io::stdout().lock();
    match write(&mut out).and_then(|()| out.flush()) {
        Ok(()) => Ok(Exit::Clean),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Clean),
        Err(error) => Err(Problem::new("FS-USE-007", format!("standard output: {error}")).into()),
    }
}
