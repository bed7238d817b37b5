//! Real answers of real systems, which stand beside the package and not in it: every byte of a
//! sample is a row, a known header or an issue that is explained, and the rows say what the
//! sample's own expectation says, but for disagreements that are explained.
//!
//! Three tables hold what is expected, in words of this project: `samples.tsv` (which reader takes
//! which sample, how many rows it holds), `issues.tsv` and `disagreements.tsv`. No line of a sample
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
mod tables;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use contract::{Event, Events};
use fleetstat::model::parsed::{Row, Severity};
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
    let mut tables = Tables::read(faults);
    let mut totals = Totals::default();
    for line in manifest.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let (Some(name), Some(expectation)) = (columns.first(), columns.get(5)) else { continue };
        totals.samples += 1;
        let Some(sample) = tables.take_sample(name) else {
            faults.push(format!("{name}: not in samples.tsv: which reader takes it?"));
            continue;
        };
        if sample.reader == "-" {
            totals.without_probe += 1;
            continue;
        }
        let expectation = (!expectation.is_empty()).then(|| corpus.join(expectation));
        one(&corpus.join(name), &sample, expectation, &mut tables, &mut totals, faults);
    }
    if totals.samples != SAMPLES {
        faults.push(format!("{} samples in the manifest, expected {SAMPLES}", totals.samples));
    }
    tables.report_unused(faults);
    totals
}

/// Runs one sample.
fn one(
    path: &Path,
    sample: &Sample,
    expectation: Option<PathBuf>,
    tables: &mut Tables,
    totals: &mut Totals,
    faults: &mut Vec<String>,
) {
    let name = sample.name.as_str();
    if reader_for(&sample.reader).is_none() {
        faults.push(format!("{name}: no reader has the id {}", sample.reader));
        return;
    }
    let make = || reader_for(&sample.reader).expect("it was there");
    let text = tables::formed(std::fs::read(path).expect("a sample can be read"), &sample.form);
    for chunk in [1, 7, 4096] {
        if let Err(broken) = contract::keep(&make, &text, chunk) {
            faults.push(format!("{name}: {broken}"));
            return;
        }
    }
    let Events(events) = contract::read(make(), &text, text.len());
    let mut rows: Vec<Row<'static>> = Vec::new();
    let mut issues = Vec::new();
    for event in events {
        match event {
            Event::Row(_, row) => rows.push(row),
            Event::Header(_) => {}
            Event::Issue(issue) if issue.severity == Severity::Unparsed => issues.push(issue),
            Event::Issue(_) => {}
        }
    }
    let shown = std::env::var("CORPUS_SHOW").is_ok_and(|part| name.contains(&part));
    if shown {
        println!("== {name}");
        rows.iter().for_each(|row| println!("{:?}", fields::fields(row)));
        issues.iter().for_each(|issue| println!("{issue:?}"));
    }
    totals.rows += rows.len();
    totals.issues += issues.len();
    if rows.len() != sample.rows {
        faults.push(format!("{name}: {} rows, expected {}", rows.len(), sample.rows));
    }
    let lines: Vec<u64> = issues.iter().map(|issue| issue.span.line).collect();
    let expected = tables.take_issues(name);
    if lines != expected {
        let list = tables::lines(&lines);
        let first = issues.iter().find(|issue| !expected.contains(&issue.span.line));
        let message = first.map(|issue| {
            (issue.span.line, issue.message.as_str(), issue.text.bytes().escape_ascii().to_string())
        });
        faults
            .push(format!("{name}: issues at lines {list:?}, expected {expected:?}: {message:?}"));
    }
    let Some(expectation) = expectation else {
        totals.pinned += 1;
        let found = fields::digest(&rows);
        if found != sample.digest {
            faults.push(format!(
                "{name}: rows have the digest {found}, looked at was {:?}",
                sample.digest
            ));
        }
        return;
    };
    let json = std::fs::read(&expectation).expect("an expectation can be read");
    let json = serde_json::from_slice(&json).expect("an expectation is JSON");
    let Some(records) = expected::records(sample, &json) else {
        faults.push(format!("{name}: nothing compares the expectation of {}", sample.reader));
        return;
    };
    let compared = compare::compare(&rows, &records);
    if shown {
        compared.disagreements.iter().for_each(|one| println!("{one:?}"));
    }
    totals.compared_samples += 1;
    totals.compared_rows += compared.rows;
    totals.compared_fields += compared.fields;
    totals.disagreements += compared.disagreements.len();
    tables.check_disagreements(name, &compared.disagreements, faults);
    if compared.fields == 0 && sample.rows > 0 {
        faults.push(format!("{name}: nothing of the expectation was compared"));
    }
}
