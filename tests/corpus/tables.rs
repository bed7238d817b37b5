//! The three tables of what is expected, and the check that nothing in them is left over.
//!
//! `samples.tsv`: sample, reader or `-`, form, rows, digest, note. The form says how the reader
//! gets the text: `plain`; `grep:FILE`, each filled line behind the name of its file, as the
//! probe's grep prints it.
//! The digest stands where a sample has no expectation: its rows were looked at, one by one, and
//! have not changed since. The note says what it is, or why no probe runs its command.
//!
//! `issues.tsv`: sample, lines, why they cannot be rows.
//!
//! `recorded.tsv`: see `recorded.rs`.
//!
//! `disagreements.tsv`: sample, field, number of rows, why ours is right.

use std::collections::BTreeMap;
use std::path::Path;

use crate::compare::Disagreement;

/// A row of `samples.tsv`.
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) reader: String,
    pub(crate) form: String,
    pub(crate) rows: usize,
    pub(crate) digest: String,
}

/// The tables; what was used is taken out.
pub(crate) struct Tables {
    samples: BTreeMap<String, Sample>,
    issues: BTreeMap<String, Vec<u64>>,
    disagreements: BTreeMap<(String, String), usize>,
}

impl Tables {
    /// Reads the tables. What cannot be read is a fault.
    pub(crate) fn read(faults: &mut Vec<String>) -> Self {
        let mut tables = Self {
            samples: BTreeMap::new(),
            issues: BTreeMap::new(),
            disagreements: BTreeMap::new(),
        };
        for (columns, place) in rows("samples.tsv", &text("samples.tsv")) {
            match columns.as_slice() {
                [name, reader, form, rows, digest, note] if !note.is_empty() => {
                    let sample = Sample {
                        name: (*name).to_owned(),
                        reader: (*reader).to_owned(),
                        form: (*form).to_owned(),
                        rows: rows.parse().unwrap_or(0),
                        digest: (*digest).to_owned(),
                    };
                    if tables.samples.insert(sample.name.clone(), sample).is_some() {
                        faults.push(format!("{place}: {name} stands twice"));
                    }
                }
                _ => faults.push(format!("{place}: expected six columns, the last one filled")),
            }
        }
        for (columns, place) in rows("issues.tsv", &text("issues.tsv")) {
            match columns.as_slice() {
                [name, lines, why] if !why.is_empty() => {
                    tables.issues.entry((*name).to_owned()).or_default().extend(numbers(lines));
                }
                _ => faults.push(format!("{place}: expected three columns, the last one filled")),
            }
        }
        for (columns, place) in rows("disagreements.tsv", &text("disagreements.tsv")) {
            match (
                columns.as_slice(),
                columns.get(2).and_then(|number| number.parse::<usize>().ok()),
            ) {
                ([name, field, _, why], Some(number)) if !why.is_empty() => {
                    let key = ((*name).to_owned(), (*field).to_owned());
                    *tables.disagreements.entry(key).or_default() += number;
                }
                _ => faults.push(format!("{place}: expected sample, field, number and why")),
            }
        }
        tables
    }

    /// How the reader of each sample gets it.
    pub(crate) fn forms(&self) -> BTreeMap<String, String> {
        let samples = self.samples.values();
        samples.map(|sample| (sample.name.clone(), sample.form.clone())).collect()
    }

    /// The row of a sample.
    pub(crate) fn take_sample(&mut self, name: &str) -> Option<Sample> {
        self.samples.remove(name)
    }

    /// The lines of a sample that are issues, in order.
    pub(crate) fn take_issues(&mut self, name: &str) -> Vec<u64> {
        let mut lines = self.issues.remove(name).unwrap_or_default();
        lines.sort_unstable();
        lines
    }

    /// Holds the disagreements of a sample against the table.
    pub(crate) fn check_disagreements(
        &mut self,
        name: &str,
        found: &[Disagreement],
        faults: &mut Vec<String>,
    ) {
        let mut counts: BTreeMap<&str, (usize, &Disagreement)> = BTreeMap::new();
        for one in found {
            counts.entry(one.field.as_str()).or_insert((0, one)).0 += 1;
        }
        for (field, (number, first)) in counts {
            let expected = self.disagreements.remove(&(name.to_owned(), field.to_owned()));
            if expected != Some(number) {
                let expected = expected.unwrap_or(0);
                faults.push(format!(
                    "{name}: {number} rows disagree in {field}, expected {expected}: {first:?}"
                ));
            }
        }
    }

    /// What stands in a table and was not found.
    pub(crate) fn report_unused(&self, faults: &mut Vec<String>) {
        let samples = self.samples.keys().map(|name| format!("{name} is not in the manifest"));
        let issues = self.issues.keys().map(|name| format!("{name}: no such issues"));
        let left = self.disagreements.keys();
        let left =
            left.map(|(name, field)| format!("{name}: no row disagrees in {field} any more"));
        faults.extend(samples.chain(issues).chain(left));
    }
}

pub(crate) fn text(table: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(table);
    std::fs::read_to_string(path).expect("a table can be read")
}

/// Rows of a table with their places; the first line names the columns, `#` begins a comment.
pub(crate) fn rows<'a>(
    table: &'a str,
    text: &'a str,
) -> impl Iterator<Item = (Vec<&'a str>, String)> {
    let lines = text.lines().enumerate().skip(1);
    let filled = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    filled.map(move |(at, line)| {
        (line.split('\t').collect(), format!("tests/corpus/{table}:{}", at + 1))
    })
}

/// Lines as `3,5-9`.
fn numbers(list: &str) -> Vec<u64> {
    let ranges = list.split(',').map(|range| range.split_once('-').unwrap_or((range, range)));
    let bounds = ranges.filter_map(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
    bounds.flat_map(|(first, last): (u64, u64)| first..=last).collect()
}

/// Numbers as `3,5-9`.
pub(crate) fn lines(numbers: &[u64]) -> String {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for &number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    let one = |(first, last): &(u64, u64)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    ranges.iter().map(one).collect::<Vec<_>>().join(",")
}

/// The text as the reader gets it.
pub(crate) fn formed(text: Vec<u8>, form: &str) -> Vec<u8> {
    if let Some(file) = form.strip_prefix("grep:") {
        let lines = text.split_inclusive(|byte| *byte == b'\n');
        let lines = lines.filter(|line| !line.trim_ascii().is_empty());
        return lines.flat_map(|line| [file.as_bytes(), b":", line].concat()).collect();
    }
    text
}
