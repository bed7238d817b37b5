//! Real answers of real systems, which stand beside the package and not in it: every byte of a
//! sample is a row, a known header or an issue that is explained, and the rows say what the
//! sample's own expectation says, but for disagreements that are explained.
//!
//! Four tables hold what is expected, in words of this project: `samples.tsv` (which reader takes
//! which sample, how many rows it holds), `issues.tsv`, `disagreements.tsv` and `recorded.tsv` (which
//! sample a probe's claim rests on). No line of a sample
//! is in any of them. A sample, an issue or a disagreement that is not in its table fails the test,
//! and so does one that is no longer there.
//!
//! `CORPUS_SHOW=PART` prints the rows and disagreements of samples with `PART` in their names: what
//! is to be looked at before a table is changed.
//!
//! Has no harness, so that it can say that it did not run: it needs `../shared/corpus`.
#![expect(clippy::expect_used, reason = "a test that cannot go on says why")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a test says what it found")]

#[path = "../../fuzz/src/contract.rs"]
mod contract;
mod compare;
mod expect_links;
mod expect_sockets;
mod expected;
mod fields;
mod recorded;
mod tables;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use contract::{Event, Events};
use fleetstat::model::parsed::{Issue, Row, Severity};
use fleetstat::probe::reader_for;
use tables::{Sample, Tables};

/// Samples in the manifest.
const SAMPLES: usize = 217;

/// What was found, for the closing line.
#[derive(Default)]
struct Totals {
    samples: usize,
    without_probe: usize,
    rows: usize,
    issues: usize,
    compared_samples: usize,
    compared_rows: usize,
    compared_fields: usize,
    disagreements: usize,
    pinned: usize,
}

fn main() -> ExitCode {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let Ok(manifest) = std::fs::read_to_string(corpus.join("MANIFEST.tsv")) else {
        println!("corpus: ../shared/corpus is not there: real samples did not run");
        return ExitCode::SUCCESS;
    };
    let mut faults = Vec::new();
    let totals = run(&corpus, &manifest, &mut faults);
    println!(
        "corpus: {} samples, {} of them no probe; {} rows, {} explained issues; compared {} samples, \
         {} rows, {} fields: {} explained disagreements; {} samples without an expectation are pinned",
        totals.samples,
        totals.without_probe,
        totals.rows,
        totals.issues,
        totals.compared_samples,
        totals.compared_rows,
        totals.compared_fields,
        totals.disagreements,
        totals.pinned,
    );
    for fault in &faults {
        eprintln!("corpus: {fault}");
    }
    if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs every sample of the manifest; what is wrong is added to `faults`.
fn run(corpus: &Path, manifest: &str, faults: &mut Vec<String>) -> Totals {
    let tables = Tables::read(faults);
    recorded::check(corpus, &tables.forms(), faults);
    let mut run = Run { tables, totals: Totals::default(), faults };
    for line in manifest.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let (Some(name), Some(expectation)) = (columns.first(), columns.get(5)) else { continue };
        run.totals.samples += 1;
        let Some(sample) = run.tables.take_sample(name) else {
            run.faults.push(format!("{name}: not in samples.tsv: which reader takes it?"));
            continue;
        };
        if sample.reader == "-" {
            run.totals.without_probe += 1;
            continue;
        }
        let expectation = (!expectation.is_empty()).then(|| corpus.join(expectation));
        run.one(&corpus.join(name), &sample, expectation);
    }
    if run.totals.samples != SAMPLES {
        let samples = run.totals.samples;
        run.faults.push(format!("{samples} samples in the manifest, expected {SAMPLES}"));
    }
    run.tables.report_unused(run.faults);
    run.totals
}

/// What is expected, what came, and what is wrong.
struct Run<'a> {
    tables: Tables,
    totals: Totals,
    faults: &'a mut Vec<String>,
}

impl Run<'_> {
    /// Runs one sample.
    fn one(&mut self, path: &Path, sample: &Sample, expectation: Option<PathBuf>) {
        let name = sample.name.as_str();
        if reader_for(&sample.reader).is_none() {
            self.faults.push(format!("{name}: no reader has the id {}", sample.reader));
            return;
        }
        let make = || reader_for(&sample.reader).expect("it was there");
        let text = tables::formed(std::fs::read(path).expect("a sample can be read"), &sample.form);
        for chunk in [1, 7, 4096] {
            if let Err(broken) = contract::keep(&make, &text, chunk) {
                self.faults.push(format!("{name}: {broken}"));
                return;
            }
        }
        let (rows, issues) = sorted(contract::read(make(), &text, text.len()));
        if is_shown(name) {
            println!("== {name}");
            for row in &rows {
                println!("{:?}", fields::fields(row));
            }
            for issue in &issues {
                println!("{issue:?}");
            }
        }
        self.totals.rows += rows.len();
        self.totals.issues += issues.len();
        if rows.len() != sample.rows {
            self.faults.push(format!("{name}: {} rows, expected {}", rows.len(), sample.rows));
        }
        self.check_issues(name, &issues);
        match expectation {
            Some(expectation) => self.compare(sample, &rows, &expectation),
            None => self.check_digest(sample, &rows),
        }
    }

    /// Every issue is one of the table, and every one of the table is there.
    fn check_issues(&mut self, name: &str, issues: &[Issue]) {
        let lines: Vec<u64> = issues.iter().map(|issue| issue.span.line).collect();
        let expected = self.tables.take_issues(name);
        if lines == expected {
            return;
        }
        let list = tables::lines(&lines);
        let first = issues.iter().find(|issue| !expected.contains(&issue.span.line));
        let message = first.map(|issue| {
            (issue.span.line, issue.message.as_str(), issue.text.bytes().escape_ascii().to_string())
        });
        let fault = format!("{name}: issues at lines {list:?}, expected {expected:?}: {message:?}");
        self.faults.push(fault);
    }

    /// Rows that nothing else tells of were looked at, and are those still.
    fn check_digest(&mut self, sample: &Sample, rows: &[Row<'static>]) {
        self.totals.pinned += 1;
        let found = fields::digest(rows);
        if found != sample.digest {
            let (name, seen) = (&sample.name, &sample.digest);
            self.faults
                .push(format!("{name}: rows have the digest {found}, looked at was {seen:?}"));
        }
    }

    /// Holds the rows to what the sample's source expects.
    fn compare(&mut self, sample: &Sample, rows: &[Row<'static>], expectation: &Path) {
        let name = sample.name.as_str();
        let json = std::fs::read(expectation).expect("an expectation can be read");
        let json = serde_json::from_slice(&json).expect("an expectation is JSON");
        let Some(records) = expected::records(sample, &json) else {
            let reader = &sample.reader;
            self.faults.push(format!("{name}: nothing compares the expectation of {reader}"));
            return;
        };
        let compared = compare::compare(rows, &records);
        if is_shown(name) {
            for disagreement in &compared.disagreements {
                println!("{disagreement:?}");
            }
        }
        self.totals.compared_samples += 1;
        self.totals.compared_rows += compared.rows;
        self.totals.compared_fields += compared.fields;
        self.totals.disagreements += compared.disagreements.len();
        self.tables.check_disagreements(name, &compared.disagreements, self.faults);
        if compared.fields == 0 && sample.rows > 0 {
            self.faults.push(format!("{name}: nothing of the expectation was compared"));
        }
    }
}

/// Whether somebody wants to look at a sample.
#[expect(clippy::disallowed_methods, reason = "asked from outside, to look at")]
fn is_shown(name: &str) -> bool {
    std::env::var("CORPUS_SHOW").is_ok_and(|part| name.contains(&part))
}

/// The rows of a text, and what of it could not be read.
fn sorted(Events(events): Events) -> (Vec<Row<'static>>, Vec<Issue>) {
    let (mut rows, mut issues) = (Vec::new(), Vec::new());
    for event in events {
        match event {
            Event::Row(_, row) => rows.push(row),
            Event::Issue(issue) if issue.severity == Severity::Unparsed => issues.push(issue),
            Event::Header(_) | Event::Issue(_) => {}
        }
    }
    (rows, issues)
}
