//! The pages and schemas of docs/reference are what the code prints.

use fleetstat::cli::problem::{EXITS, PROBLEMS};
use fleetstat::cli::reference::errors_page;

use fleetstat::model::host::Platform;

use crate::support::{Place, package};

/// Compares a file with what it should hold, or rewrites it when `UPDATE_REFERENCE` is set.
#[track_caller]
pub(crate) fn same(file: &str, expected: &str) {
    let path = package(file);
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        std::fs::write(&path, expected).unwrap();
        return;
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == expected,
        "{file} is not what the code prints: look at what changed, then run \
         `UPDATE_REFERENCE=1 cargo test reference` and read the difference"
    );
}

#[test]
fn the_reference_of_errors_is_what_the_tables_print() {
    same("docs/reference/errors.md", &errors_page());
}

#[test]
fn the_schemas_of_the_reference_are_what_the_binary_prints() {
    let place = Place::new();
    for name in ["inventory", "playbook", "site-probes", "config", "records", "answers"] {
        let printed = place.run(["schema", name]).clean();
        same(&format!("docs/reference/{name}.schema.json"), &printed);
    }
}

#[test]
fn the_reference_of_commands_is_what_the_binary_prints() {
    let place = Place::new();
    same("docs/reference/commands.md", &fleetstat::probe::standard::index());
    for platform in Platform::WORDS {
        let page = place.line(&format!("probes --platform {platform}")).clean();
        same(&format!("docs/reference/commands/{platform}.md"), &page);
    }
    let pages = std::fs::read_dir(package("docs/reference/commands")).unwrap().count();
    assert_eq!(pages, Platform::WORDS.len(), "a page of no platform");
    let linux = place.line("probes --platform linux").clean();
    assert!(place.line("probes").clean().starts_with(&linux));
}

#[test]
fn every_platform_has_a_command_standard_of_its_own() {
    let place = Place::new();
    for platform in Platform::WORDS {
        let page = place.line(&format!("probes --platform {platform}")).clean();
        assert!(page.starts_with(&format!("# Command standard: {platform}\n")), "{page}");
        assert!(page.contains(&format!("\n### {platform}/clock\n")), "{page}");
    }
}

/// Every `FS-…` code that stands in the code, outside comments.
fn codes_in(folder: &std::path::Path, found: &mut std::collections::BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            codes_in(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            found.extend(code.split('"').filter(|part| part.starts_with("FS-")).map(str::to_owned));
        }
    }
}

#[test]
fn the_reference_of_errors_lists_every_code_of_the_source_once() {
    let mut codes = std::collections::BTreeSet::new();
    codes_in(&package("src"), &mut codes);
    let page = errors_page();
    for code in &codes {
        let rows = page.matches(&format!("| {code} |")).count();
        // What a site probe's command is refused for is in the table of problems for its remedy.
        let expected = if code == "FS-SITE-001" { 2 } else { 1 };
        assert_eq!(rows, expected, "{code}");
    }
    assert!(codes.len() > 50, "{codes:?}");
}

#[test]
fn every_exit_code_of_a_problem_is_in_the_table() {
    let codes: Vec<u8> = EXITS.iter().map(|(exit, _)| *exit as u8).collect();
    assert_eq!(codes, [0, 1, 2, 20, 21, 22, 30, 31, 40, 41, 50, 51, 75, 130]);
    assert!(PROBLEMS.iter().all(|kind| codes.contains(&(kind.exit as u8))));
}
