//! Which of a platform's tools a host has, and where: the question `ls -d PATH...` and the reader
//! of its answer.
//!
//! ```text
//! /bin/cat
//! /run/systemd/timesync/synchronized
//! /usr/bin/ss
//! ```
//! One path a line, sorted by ls(1); what does not exist is named on standard error. Beside paths of
//! tools a platform may ask for marks: files whose being there is a fact of its own.

use crate::model::fact::Fact;
use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::text::HostText;
use crate::probe::lines::{LineParser, Lines};
use crate::probe::tool::Tool;

/// A file and what it says by being there.
pub type Mark = (&'static str, Fact);

/// Words of the question: `-d`, every candidate path and every mark.
#[must_use]
#[expect(clippy::indexing_slicing, reason = "runs at build time: a panic is the build error")]
pub const fn word_count(tools: &[&Tool], marks: &[Mark]) -> usize {
    let (mut count, mut tool) = (1 + marks.len(), 0);
    while tool < tools.len() {
        count += tools[tool].paths().len();
        tool += 1;
    }
    count
}

/// The question, made from the tools when fleetstat is compiled, so that none can be left out. `N`
/// is what [`word_count`] gives.
#[must_use]
#[expect(clippy::indexing_slicing, reason = "runs at build time: a panic is the build error")]
pub const fn words<const N: usize>(tools: &[&'static Tool], marks: &[Mark]) -> [&'static str; N] {
    let mut out = ["-d"; N];
    let (mut at, mut tool) = (1, 0);
    while tool < tools.len() {
        let mut path = 0;
        while path < tools[tool].paths().len() {
            out[at] = tools[tool].paths()[path];
            at += 1;
            path += 1;
        }
        tool += 1;
    }
    let mut mark = 0;
    while mark < marks.len() {
        out[at] = marks[mark].0;
        at += 1;
        mark += 1;
    }
    out
}

/// A reader of the answer: a [`Fact::Tool`] for each path that exists, and what the marks say.
#[must_use]
pub fn reader(tools: &'static [&'static Tool], marks: &'static [Mark]) -> Box<dyn Reader> {
    Box::new(Lines::new(Listing { tools, marks }))
}

struct Listing {
    tools: &'static [&'static Tool],
    marks: &'static [Mark],
}

impl LineParser for Listing {
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        let path = line.trim_ascii();
        if path.is_empty() {
            return;
        }
        if let Some((_, fact)) = self.marks.iter().find(|(mark, _)| mark.as_bytes() == path) {
            return sink.row(span, Row::Fact(fact.clone()));
        }
        let named = |tool: &&&Tool| tool.paths().iter().any(|known| known.as_bytes() == path);
        match self.tools.iter().find(named) {
            Some(tool) => {
                let path = HostText::owned(path.to_vec());
                sink.row(span, Row::Fact(Fact::Tool(tool.name(), path)));
            }
            None => sink.issue(Issue::unparsed(span, "expected a path that was asked for", line)),
        }
    }

    fn end(&mut self, _: &mut dyn Sink) {}
}
