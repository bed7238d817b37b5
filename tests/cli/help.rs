//! Help: of every verb, as it was last read by a person.

use clap::CommandFactory as _;
use fleetstat::cli::args::Cli;

use crate::reference::same;
use crate::support::Place;

#[test]
fn the_arguments_are_sound() {
    Cli::command().debug_assert();
}

/// Every path of verbs: `query`, `query listeners`, ...
fn verbs(command: &clap::Command, path: &[String], found: &mut Vec<Vec<String>>) {
    found.push(path.to_vec());
    for verb in command.get_subcommands().filter(|verb| verb.get_name() != "help") {
        let path = path.iter().cloned().chain([verb.get_name().to_owned()]).collect::<Vec<_>>();
        verbs(verb, &path, found);
    }
}

#[test]
fn help_of_every_verb_is_as_the_reference_shows_it() {
    let place = Place::new();
    let mut paths = Vec::new();
    verbs(&Cli::command(), &[], &mut paths);
    let mut page = String::from(
        "# The command line\n\nPrinted by `fleetstat VERB --help`; do not edit. \
         `UPDATE_REFERENCE=1 cargo test reference` writes it.\n",
    );
    for path in paths {
        let line = [path.as_slice(), &["--help".to_owned()]].concat();
        let help = place.run(&line).clean();
        page +=
            &format!("\n## fleetstat {}\n\n```text\n{}\n```\n", path.join(" "), help.trim_end());
    }
    same("docs/reference/command-line.md", &page.replace("## fleetstat \n", "## fleetstat\n"));
}

#[test]
fn help_and_version_are_no_errors() {
    let place = Place::new();
    let version = place.line("--version").clean();
    assert_eq!(version, format!("fleetstat {}\n", env!("CARGO_PKG_VERSION")));
    assert!(place.line("help run").clean().contains("Collect what a playbook asks"));
    let nothing = place.line("");
    assert_eq!((nothing.code, nothing.out.as_str()), (2, ""));
    assert!(nothing.err.contains("Usage: fleetstat"), "{}", nothing.err);
}
