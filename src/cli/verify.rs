//! `fleetstat verify`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::cli::args::VerifyArgs;
use crate::cli::problem::{Exit, Problem};
use crate::cli::setting::{Setting, store_problem};
use crate::cli::{Ended, to_stdout};
use crate::evidence::imported::FOLDER;
use crate::evidence::manifest::{MANIFEST_FILE, SUMS_FILE};
use crate::evidence::verify::{Finding, Verdict, VerifyReport, run_of, verify as check};
use crate::model::digest::Sha256;
use crate::model::id::RunId;
use crate::model::query::RunSummary;
use crate::report::rows::{Format, Layout, write_answers};
use crate::report::unseen::two_kinds;
use crate::report::verified::{FindingRow, Findings, UNANCHORED, Verified, VerifiedRow};
use crate::store::Mode;

/// Checks the evidence of a run, by run id or folder. The manifest is also compared with the digest
/// that the store keeps; where there is none, the copy is checked by itself, and the answer says so.
pub(super) fn verify(setting: &Setting, args: &VerifyArgs) -> Ended {
    // A folder of that name is `./imports`.
    if args.run == FOLDER {
        return imports(setting);
    }
    let (folder, anchor) = place(setting, &args.run)?;
    let report =
        check(&folder, anchor).map_err(|error| Problem::new("FS-EVI-004", error.to_string()))?;
    let verdict = report.verdict();
    let layout = setting.layout();
    to_stdout(|out| {
        if layout.format != Format::Table {
            return rows(&report, (&folder, anchor.is_some()), layout, out);
        }
        for finding in &report.findings {
            writeln!(out, "{finding}")?;
        }
        let (files, bytes) = (report.files, report.bytes);
        writeln!(out, "{}: {files} evidence files, {bytes} bytes read", folder.display())?;
        if let Some(manifest) = report.manifest {
            let against = if anchor.is_some() { "the store's digest" } else { "itself alone" };
            writeln!(out, "manifest sha256 {manifest}, checked against {against}")?;
        }
        if verdict == Verdict::Intact && anchor.is_none() {
            return writeln!(out, "matches its own manifest, which nobody vouches for");
        }
        writeln!(out, "{verdict}")
    })?;
    ended(&folder, &report)
}

/// Checks the files that were imported, by themselves and against what the store notes of them.
fn imports(setting: &Setting) -> Ended {
    let folder = setting.data()?.join(FOLDER);
    let known = if setting.store_file()?.exists() {
        Some(setting.store(Mode::Read)?.imports().map_err(store_problem)?)
    } else {
        None
    };
    let report = crate::evidence::imported::verify(&folder, known.as_deref())
        .map_err(|error| Problem::new("FS-EVI-004", format!("{}: {error}", folder.display())))?;
    let against = if known.is_some() { "the store" } else { "their records alone" };
    to_stdout(|out| {
        for finding in &report.findings {
            writeln!(out, "{finding}")?;
        }
        let (files, bytes) = (report.files, report.bytes);
        writeln!(out, "{}: {files} imported files, {bytes} bytes read", folder.display())?;
        writeln!(out, "checked against {against}\n{}", report.verdict())
    })?;
    ended(&folder, &report)
}

fn ended(folder: &Path, report: &VerifyReport) -> Ended {
    let found = |code| {
        let count = report.findings.len();
        Problem::new(code, format!("{}: {count} findings, listed above", folder.display()))
    };
    match report.verdict() {
        Verdict::Intact => Ok(Exit::Clean),
        Verdict::Incomplete => Err(found("FS-EVI-003").into()),
        Verdict::Changed => Err(found("FS-EVI-002").into()),
    }
}

/// The verdict and the findings as rows. CSV has one kind of columns: the findings, whose verdict is
/// in the exit code.
fn rows(
    report: &VerifyReport,
    (folder, anchored): (&Path, bool),
    layout: Layout,
    out: &mut impl Write,
) -> io::Result<()> {
    let verified = VerifiedRow {
        run: report.run.clone(),
        folder: folder.display().to_string(),
        verdict: match report.verdict() {
            Verdict::Intact if !anchored => UNANCHORED,
            verdict => verdict.as_str(),
        },
        files: report.files,
        bytes: report.bytes,
        manifest: report.manifest,
        anchored,
        findings: u64::try_from(report.findings.len()).unwrap_or(u64::MAX),
    };
    let finding = |finding: &Finding| FindingRow {
        host: finding.host.clone(),
        file: finding.file.clone(),
        finding: finding.kind.as_str(),
        detail: finding.detail.clone(),
    };
    let findings: Vec<_> = report.findings.iter().map(finding).collect();
    if layout.format == Format::Csv {
        return write_answers(out, layout, Findings, &findings).map(drop);
    }
    two_kinds(out, layout, (Verified, &[verified]), (Findings, &findings))
}

/// The folder, and the digest of its manifest where the store knows the run. A run is looked for
/// in the data folder that was named: where the run once wrote may hold another copy.
pub(super) fn place(setting: &Setting, name: &str) -> Result<(PathBuf, Option<Sha256>), Problem> {
    let Ok(run) = RunId::parse(name) else {
        let folder = folder_of_a_run(setting, Path::new(name))?;
        let known = run_of(&folder).and_then(|run| vouched(setting, &run));
        return Ok((folder, known));
    };
    let folder = setting.evidence()?.join(run.as_str());
    match known(setting, &run)? {
        Some(summary) if folder.symlink_metadata().is_ok() => Ok((folder, summary.manifest)),
        Some(summary) => {
            let (here, there) = (folder.display(), &summary.folder);
            tracing::warn!("{here} is not there: {there} is read, where the run wrote it");
            Ok((PathBuf::from(summary.folder), summary.manifest))
        }
        None => folder_of_a_run(setting, &folder).map(|folder| (folder, None)),
    }
}

/// What the store knows of a run. `None`: nothing, or there is no store.
fn known(setting: &Setting, run: &RunId) -> Result<Option<RunSummary>, Problem> {
    if !setting.store_file()?.exists() {
        return Ok(None);
    }
    let runs = setting.store(Mode::Read)?.runs().map_err(store_problem)?;
    Ok(runs.into_iter().find(|summary| summary.run == *run))
}

/// The digest that the store keeps of the manifest of a copied folder. A copy can be checked where
/// there is no store, or none that can be read.
fn vouched(setting: &Setting, run: &RunId) -> Option<Sha256> {
    setting.data().ok()?;
    let known = known(setting, run).unwrap_or_else(|problem| {
        tracing::warn!("the store is not asked: {}", problem.message);
        None
    });
    known?.manifest
}

/// A typing mistake is no tampering: a path that is no folder of a run is refused before anything
/// is checked.
fn folder_of_a_run(setting: &Setting, folder: &Path) -> Result<PathBuf, Problem> {
    let names = |path: &Path| -> Vec<String> {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    };
    let inside = names(folder);
    let of_run = |name: &String| {
        name.ends_with("-netstat.txt") || name == MANIFEST_FILE || name == SUMS_FILE
    };
    if inside.iter().any(of_run) {
        return Ok(folder.to_owned());
    }
    let shown = crate::model::text::escape(folder.to_string_lossy().as_bytes());
    let message = if folder.is_dir() {
        format!("{shown} is not the folder of a run: it has no {MANIFEST_FILE}")
    } else {
        format!("there is no run and no folder `{shown}`")
    };
    let mut runs: Vec<String> =
        inside.into_iter().filter(|name| RunId::parse(name).is_ok()).collect();
    if runs.is_empty() {
        runs = names(&setting.evidence()?);
        runs.retain(|name| RunId::parse(name).is_ok());
    }
    let problem = Problem::new("FS-USE-009", message);
    Err(match runs.iter().max() {
        Some(newest) => problem.help(format!("the newest run is {newest}; see `fleetstat runs`")),
        None => problem,
    })
}
