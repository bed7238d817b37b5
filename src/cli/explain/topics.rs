//! Every topic, from the tables that own the codes.

use crate::cli::explain::examples::EXAMPLES;
use crate::cli::problem::{EXITS, Exit, PROBLEMS};
use crate::model::fault::{FaultKind, Retry};
use crate::model::query::Topic;
use crate::model::snapshot::Limitation;

/// Codes of a kind of file, each with its meaning.
type Codes = &'static [(&'static str, &'static str)];

/// A kind of file, its codes, and the exit code of a command that ends with one.
pub(super) const FILES: &[(&str, Codes, Exit)] = &[
    ("settings", crate::config::table::CODES, Exit::Config),
    ("inventory", crate::inventory::table::CODES, Exit::Invalid),
    ("playbook", crate::plan::playbook::table::CODES, Exit::Invalid),
    ("site probes", crate::probe::site_file::CODES, Exit::Invalid),
    ("any YAML file", crate::yaml::CODES, Exit::Invalid),
];

/// Every topic: problems, defects of files, faults of hosts, limitations of answers, exit codes, each in its table's order.
#[must_use]
pub fn all() -> Vec<Topic> {
    let files = FILES.iter().flat_map(|(about, codes, exit)| {
        codes.iter().map(move |(code, meaning)| defect(about, code, meaning, *exit))
    });
    let mut topics: Vec<Topic> = files.collect();
    // A code that a table of files has is told there, with its example.
    let known: Vec<String> = topics.iter().map(|topic| topic.name.clone()).collect();
    let problems = PROBLEMS.iter().filter(|kind| !known.iter().any(|name| name == kind.code));
    topics.splice(0..0, problems.map(problem).collect::<Vec<_>>());
    topics.extend(FaultKind::ALL.iter().map(|kind| fault(*kind)));
    topics.extend(Limitation::ALL.iter().map(|one| limitation(*one)));
    topics.extend(EXITS.iter().map(|(exit, meaning)| exit_code(*exit, meaning)));
    topics
}

fn problem(kind: &crate::cli::problem::ProblemKind) -> Topic {
    Topic {
        name: kind.code.to_owned(),
        about: "command".to_owned(),
        meaning: kind.meaning.to_owned(),
        exit: Some(kind.exit as u8),
        remedy: Some(kind.remedy.to_owned()),
        wrong: None,
        right: None,
    }
}

fn defect(about: &str, code: &str, meaning: &str, exit: Exit) -> Topic {
    let example = EXAMPLES.iter().find(|example| example.code == code);
    Topic {
        name: code.to_owned(),
        about: about.to_owned(),
        meaning: meaning.to_owned(),
        exit: Some(exit as u8),
        remedy: None,
        wrong: example.map(|example| example.wrong.to_owned()),
        right: example.map(|example| example.right.to_owned()),
    }
}

fn fault(kind: FaultKind) -> Topic {
    let passes = match kind.retry() {
        Retry::Later => "may pass by itself",
        Retry::Never => "does not pass by itself",
    };
    let reached = if kind.unreachable() { "; the host was not reached" } else { "" };
    Topic {
        name: kind.as_str().to_owned(),
        about: "fault of a host".to_owned(),
        meaning: format!("{}; {passes}{reached}", kind.meaning()),
        exit: None,
        remedy: Some(kind.remedy().to_owned()),
        wrong: None,
        right: None,
    }
}

fn limitation(limitation: Limitation) -> Topic {
    Topic {
        name: limitation.as_str().to_owned(),
        about: "limitation of an answer".to_owned(),
        meaning: format!("not seen: {}", crate::report::summary::meaning(limitation)),
        exit: None,
        remedy: None,
        wrong: None,
        right: None,
    }
}

fn exit_code(exit: Exit, meaning: &str) -> Topic {
    let code = exit as u8;
    Topic {
        name: code.to_string(),
        about: "exit code".to_owned(),
        meaning: meaning.to_owned(),
        exit: Some(code),
        remedy: None,
        wrong: None,
        right: None,
    }
}
