//! `fleetstat explain`: what an error code, a fault or an exit code means, and what to do.
//!
//! In: the tables of codes and faults. Out: a text for people, or rows. Nothing is read from disk,
//! so it helps where a file is broken.

mod examples;
mod topics;

use std::io::{self, Write};

use crate::cli::args::{ExplainArgs, FormatWord};
use crate::cli::problem::Problem;
use crate::cli::setting::Setting;
use crate::cli::{Ended, to_stdout};
use crate::model::query::Topic;
use crate::report::rows::write_answers;
use crate::report::topic::Topics;

pub use topics::all;

/// Explains one topic, or lists all.
pub(super) fn explain(setting: &Setting, args: &ExplainArgs) -> Ended {
    let topics = match &args.topic {
        None => all(),
        Some(word) => find(word)?,
    };
    if args.topic.is_some() && setting.global.format == FormatWord::Table {
        return to_stdout(|out| topics.iter().try_for_each(|topic| page(topic, out)));
    }
    to_stdout(|out| write_answers(out, setting.layout(), Topics, &topics).map(drop))
}

/// The topics of a word: one, but for a code that two tables share.
fn find(word: &str) -> Result<Vec<Topic>, Problem> {
    let topics = all();
    let (matching, others): (Vec<_>, Vec<_>) = topics.into_iter().partition(|topic| {
        topic.name.eq_ignore_ascii_case(word) || format!("[{}]", topic.name) == word
    });
    if !matching.is_empty() {
        return Ok(matching);
    }
    let near = crate::yaml::suggest::did_you_mean(
        &word.to_ascii_uppercase(),
        others.iter().map(|topic| topic.name.as_str()),
    );
    let shown = crate::model::text::escape(word.as_bytes());
    let problem = Problem::new("FS-USE-010", format!("nothing is called `{shown}`"));
    Err(match near {
        Some(near) => problem.help(near),
        None => problem,
    })
}

fn page(topic: &Topic, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{} ({}): {}", topic.name, topic.about, topic.meaning)?;
    if let Some(exit) = topic.exit.filter(|exit| topic.name != exit.to_string()) {
        writeln!(out, "\nExit code: {exit}")?;
    }
    if let Some(remedy) = &topic.remedy {
        writeln!(out, "\nWhat to do: {remedy}")?;
    }
    for (title, text) in [("Wrong", &topic.wrong), ("Right", &topic.right)] {
        let Some(text) = text else { continue };
        writeln!(out, "\n{title}:\n")?;
        text.lines().try_for_each(|line| writeln!(out, "    {line}"))?;
    }
    Ok(())
}
