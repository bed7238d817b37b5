//! The reference page of errors, printed from the tables in the code.
//!
//! Comes in: nothing but the tables. Goes out: Markdown. `docs/reference/errors.md` is this page; a
//! test compares the two, so the page cannot lie.

use std::fmt::Write as _;

use crate::cli::problem::{EXITS, PROBLEMS};
use crate::model::fault::{FaultKind, Retry};

/// The page.
#[must_use]
pub fn errors_page() -> String {
    let mut page = String::from(
        "# Errors\n\n\
         Printed from the tables in the code; do not edit. Errors go to standard error, all faults \
         of all files at once:\n\n\
         ```text\n\
         error[CODE]: FILE:LINE:COLUMN: what is wrong\n  help: what to type instead\n\
         ```\n\n\
         A code keeps its meaning for ever.\n",
    );
    exits(&mut page);
    problems(&mut page);
    let files = [
        ("Settings", 31, crate::config::table::CODES),
        ("Inventory", 30, crate::inventory::table::CODES),
        ("Playbook", 30, crate::plan::playbook::table::CODES),
        ("Site probes", 30, crate::probe::site_file::CODES),
        ("Any YAML file", 30, crate::yaml::CODES),
    ];
    for (title, exit, codes) in files {
        defects(&mut page, (title, exit), codes);
    }
    faults(&mut page);
    page
}

fn exits(page: &mut String) {
    *page += "\n## Exit codes\n\n| code | meaning |\n|---:|---|\n";
    for (exit, meaning) in EXITS {
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(page, "| {} | {meaning} |", *exit as u8);
    }
}

fn problems(page: &mut String) {
    *page += "\n## What ends a command\n\n| code | exit | meaning | remedy |\n|---|---:|---|---|\n";
    for kind in PROBLEMS {
        let (code, exit) = (kind.code, kind.exit as u8);
        let (meaning, remedy) = (cell(kind.meaning), cell(kind.remedy));
        let _ = writeln!(page, "| {code} | {exit} | {meaning} | {remedy} |");
    }
}

/// Defects of files. All of them end a command with the same exit code.
fn defects(page: &mut String, (title, exit): (&str, u8), codes: &[(&str, &str)]) {
    let _ = write!(page, "\n## {title}\n\nExit code {exit}.\n\n| code | meaning |\n|---|---|\n");
    for (code, meaning) in codes {
        let _ = writeln!(page, "| {code} | {} |", cell(meaning));
    }
}

fn faults(page: &mut String) {
    *page += "\n## Faults of a host\n\n\
              Recorded in the evidence, the manifest and the store, and summed up at the end of a \
              run. The other hosts go on.\n\n\
              | fault | may pass by itself | remedy |\n|---|---|---|\n";
    for kind in FaultKind::ALL {
        let passes = match kind.retry() {
            Retry::Later => "yes",
            Retry::Never => "no",
        };
        let _ = writeln!(page, "| `{kind}` | {passes} | {} |", cell(kind.remedy()));
    }
}

/// Text for a cell of a table: a bar would end it.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
