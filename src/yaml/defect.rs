//! A fault of a file an operator wrote, and the list that collects them all.

use std::fmt;
use std::sync::Arc;

use crate::yaml::node::Place;

/// Most defects kept of one reading. One wrong key in a template can repeat for each of 100,000
/// hosts; nobody reads more than this, and the last entry says how many there were.
pub const DEFECTS_MAX: usize = 1_000;

/// Code of the entry that stands for what [`DEFECTS_MAX`] cut off.
pub const MORE: &str = "FS-YAML-099";

/// One fault of one file, ready to print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defect {
    /// Stable code, `FS-YAML-011`. What it means is in the error reference.
    pub code: &'static str,
    /// The file as the operator named it.
    pub file: Arc<str>,
    /// Line, from 1. 0: the file as a whole.
    pub line: u32,
    /// Column in characters, from 1. 0: the line as a whole.
    pub column: u32,
    /// What is wrong: a lower-case fragment that names the thing and what was expected. Text from
    /// the file is escaped.
    pub message: String,
    /// What to type instead. `None` when the message says it all.
    pub help: Option<String>,
}

/// `error[CODE]: FILE:LINE:COLUMN: MESSAGE`, and the help on a second line.
impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error[{}]: {}", self.code, self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if self.column > 0 {
            write!(f, ":{}", self.column)?;
        }
        write!(f, ": {}", self.message)?;
        self.help.as_ref().map_or(Ok(()), |help| write!(f, "\n  help: {help}"))
    }
}

impl std::error::Error for Defect {}

/// All defects of one or several files.
#[derive(Debug)]
pub struct Defects {
    files: Vec<Arc<str>>,
    file: Arc<str>,
    list: Vec<Defect>,
    dropped: usize,
}

impl Defects {
    /// An empty list for a first file.
    #[must_use]
    pub fn new(file: &str) -> Self {
        let file: Arc<str> = file.into();
        Self { files: vec![file.clone()], file, list: Vec::new(), dropped: 0 }
    }

    /// Says which file the next reports are about. Files are listed in the order in which they
    /// were first entered.
    pub fn enter(&mut self, file: &Arc<str>) {
        if *self.file != **file {
            self.file = file.clone();
        }
        if !self.files.contains(file) {
            self.files.push(file.clone());
        }
    }

    /// The file that reports are about.
    #[must_use]
    pub const fn file(&self) -> &Arc<str> {
        &self.file
    }

    /// Adds a defect of the entered file.
    pub fn report(
        &mut self,
        code: &'static str,
        place: Place,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        if self.list.len() >= DEFECTS_MAX {
            self.dropped += 1;
            return;
        }
        let (line, column) = (place.line, place.column);
        let file = self.file.clone();
        self.list.push(Defect { code, file, line, column, message: message.into(), help });
    }

    /// True when something at this place of the entered file was reported.
    #[must_use]
    pub fn reported_at(&self, place: Place) -> bool {
        let there = |defect: &Defect| (defect.line, defect.column) == (place.line, place.column);
        self.list.iter().any(|defect| there(defect) && defect.file == self.file)
    }

    /// True while nothing was reported.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many were reported, the cut-off ones included.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.list.len() + self.dropped
    }

    /// All defects in the order of the files, then of their lines and columns.
    #[must_use]
    pub fn into_list(mut self) -> Vec<Defect> {
        let order = |file: &Arc<str>| self.files.iter().position(|known| known == file);
        self.list.sort_by_key(|defect| (order(&defect.file), defect.line, defect.column));
        if self.dropped > 0 {
            self.list.push(Defect {
                code: MORE,
                file: self.file,
                line: 0,
                column: 0,
                message: format!("{} more faults are not listed", self.dropped),
                help: Some("mend the ones above first: they often share one cause".into()),
            });
        }
        self.list
    }
}

/// Text from a file for use in a message: escaped, in backquotes, at most 80 characters.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut shown: String = text.chars().take(80).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("`{}`", crate::model::text::escape(shown.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defects_come_in_the_order_of_files_and_lines_and_say_how_many_are_left_out() {
        let mut defects = Defects::new("b.yaml");
        let first: Arc<str> = "b.yaml".into();
        let second: Arc<str> = "a.yaml".into();
        defects.report("FS-T-1", Place { line: 9, column: 1 }, "late", None);
        defects.enter(&second);
        for _ in 0..DEFECTS_MAX {
            defects.report("FS-T-2", Place { line: 1, column: 1 }, "other", None);
        }
        defects.enter(&first);
        assert_eq!(defects.count(), DEFECTS_MAX + 1);
        let list = defects.into_list();
        assert_eq!(list.len(), DEFECTS_MAX + 1);
        assert_eq!(list[0].to_string(), "error[FS-T-1]: b.yaml:9:1: late");
        let end = "error[FS-YAML-099]: b.yaml: 1 more faults are not listed\n  \
                   help: mend the ones above first: they often share one cause";
        assert_eq!(list[DEFECTS_MAX].to_string(), end);
    }

    #[test]
    fn quoted_text_is_short_and_printable() {
        assert_eq!(quoted("a\u{1b}[31m"), r"`a\x1b[31m`");
        assert_eq!(quoted(&"x".repeat(200)).chars().count(), 83);
    }
}
