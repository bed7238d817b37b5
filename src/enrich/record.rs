//! A row of an export, whatever the file's form: named cells and the line it begins at.

use std::collections::HashMap;
use std::rc::Rc;

use crate::model::text::escape;

/// Most rows of a file. The largest change table we have heard of grows by 200,000 a year.
pub const ROWS_MAX: usize = 1_000_000;

/// Longest text that is taken over. A row with a longer one is refused; columns that are not used
/// may be longer.
pub const TEXT_BYTES_MAX: usize = 4 << 10;

/// What is wrong with a file or one of its rows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// Line at which the row begins, from 1. 0: the file as a whole.
    pub line: u64,
    /// What is wrong, a fragment, printable.
    pub message: String,
}

impl Fault {
    /// A fault of a row.
    #[must_use]
    pub fn new(line: u64, message: impl Into<String>) -> Self {
        Self { line, message: message.into() }
    }
}

/// What stands in one cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    /// A text; empty for `null`.
    Text(String),
    /// A value that has two forms (`ServiceNow` with `sysparm_display_value=all`).
    Pair {
        /// What people see.
        shown: String,
        /// What the database holds: a time in UTC, a reference's key.
        value: String,
    },
    /// Several texts.
    List(Vec<String>),
}

impl Cell {
    /// The text that people see, on one line: what is blank becomes one space.
    pub(crate) fn line(&self) -> String {
        let join = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        match self {
            Self::Text(text) | Self::Pair { shown: text, .. } => join(text),
            Self::List(texts) => join(&texts.join(", ")),
        }
    }

    /// [`Cell::line`]; `None` when it is empty.
    pub(crate) fn filled(&self) -> Option<String> {
        Some(self.line()).filter(|line| !line.is_empty())
    }

    /// The texts of a list that is written in one cell: parted by commas, semicolons, bars or line
    /// ends.
    pub(crate) fn texts(&self) -> Vec<&str> {
        let part = |text| -> Vec<&str> {
            str::split(text, [',', ';', '|', '\n', '\r'])
                .map(str::trim)
                .filter(|name| !name.is_empty())
                .collect()
        };
        match self {
            Self::Text(text) | Self::Pair { shown: text, .. } => part(text),
            Self::List(texts) => texts.iter().flat_map(|text| part(text)).collect(),
        }
    }

    /// Bytes of its text.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Text(text) | Self::Pair { shown: text, .. } => text.len(),
            Self::List(texts) => texts.iter().map(String::len).sum(),
        }
    }
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// Line at which it begins, from 1.
    pub(crate) line: u64,
    /// Titles, as the file has them, and cells.
    pub(crate) cells: Vec<(Rc<str>, Cell)>,
}

/// Takes the rows of a file one by one, so that only what they say is held; and what could not be
/// read as a row.
pub(crate) struct Records<'t> {
    take: &'t mut dyn FnMut(Record),
    pub(crate) count: usize,
    pub(crate) faults: Vec<Fault>,
}

impl<'t> Records<'t> {
    /// No rows yet.
    pub(crate) const fn new(take: &'t mut dyn FnMut(Record)) -> Self {
        Self { take, count: 0, faults: Vec::new() }
    }

    /// Hands a row on; false when there are too many.
    pub(crate) fn push(&mut self, row: Record) -> bool {
        if self.count == ROWS_MAX {
            let message = format!("more than {ROWS_MAX} rows: split the file");
            self.faults.push(Fault::new(row.line, message));
            return false;
        }
        self.count += 1;
        (self.take)(row);
        true
    }
}

#[cfg(test)]
impl Records<'_> {
    /// All rows and faults that `read` finds.
    pub(crate) fn all(read: impl FnOnce(&mut Records<'_>)) -> (Vec<Record>, Vec<Fault>) {
        let mut rows = Vec::new();
        let mut take = |row| rows.push(row);
        let mut records = Records::new(&mut take);
        read(&mut records);
        let faults = records.faults;
        (rows, faults)
    }
}

/// A title in the form in which titles are compared: lower case, `_` for what is neither letter nor
/// digit.
pub(crate) fn plain(title: &str) -> String {
    let mut out = String::with_capacity(title.len());
    for character in title.trim().chars().flat_map(char::to_lowercase) {
        if character.is_alphanumeric() {
            out.push(character);
        } else if !out.ends_with('_') && !out.is_empty() {
            out.push('_');
        }
    }
    out.truncate(out.trim_end_matches('_').len());
    out
}

/// Which field a title stands for, and how well: of several columns for one field the lowest rank
/// is taken.
pub(crate) struct Columns<F: 'static> {
    /// What `--columns` says: plain titles.
    asked: HashMap<String, F>,
    /// Fields that `--columns` names, which take no other column.
    taken: Vec<F>,
    /// Fields and their plain titles, the best first.
    known: &'static [(F, &'static [&'static str])],
    /// Titles that were looked up.
    cache: HashMap<Rc<str>, Option<(F, usize)>>,
}

impl<F: Copy + PartialEq> Columns<F> {
    /// The known titles, and those that `--columns` adds.
    pub(crate) fn new(
        known: &'static [(F, &'static [&'static str])],
        asked: impl IntoIterator<Item = (F, String)>,
    ) -> Self {
        let asked: HashMap<String, F> =
            asked.into_iter().map(|(field, title)| (plain(&title), field)).collect();
        let taken = asked.values().copied().collect();
        Self { asked, taken, known, cache: HashMap::new() }
    }

    /// The field of a title and its rank.
    pub(crate) fn find(&mut self, title: &Rc<str>) -> Option<(F, usize)> {
        if let Some(found) = self.cache.get(title) {
            return *found;
        }
        let found = self.look_up(&plain(title));
        self.cache.insert(Rc::clone(title), found);
        found
    }

    fn look_up(&self, title: &str) -> Option<(F, usize)> {
        if let Some(field) = self.asked.get(title) {
            return Some((*field, 0));
        }
        self.known.iter().find_map(|(field, titles)| {
            let rank = titles.iter().position(|known| *known == title)?;
            (!self.taken.contains(field)).then_some((*field, rank))
        })
    }

    /// Titles given with `--columns` that no row has.
    pub(crate) fn missing(&self) -> Vec<&str> {
        let seen = |title: &str| self.cache.keys().any(|known| plain(known) == title);
        let mut missing: Vec<&str> =
            self.asked.keys().map(String::as_str).filter(|title| !seen(title)).collect();
        missing.sort_unstable();
        missing
    }

    /// Titles that stand for nothing, sorted, as the file has them.
    pub(crate) fn unused(&self) -> Vec<String> {
        let unused = self.cache.iter().filter(|(_, found)| found.is_none());
        let mut unused: Vec<String> = unused.map(|(title, _)| escape(title.as_bytes())).collect();
        unused.sort_unstable();
        unused
    }
}

/// Refuses a text that is too long to be taken over.
pub(crate) fn too_long(title: &str, cell: &Cell) -> Option<String> {
    let bytes = cell.len();
    (bytes > TEXT_BYTES_MAX).then(|| {
        let title = escape(title.as_bytes());
        format!("`{title}` has {bytes} bytes, at most {TEXT_BYTES_MAX} are taken")
    })
}
