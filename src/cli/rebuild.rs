//! `fleetstat rebuild`.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use crate::cli::args::RebuildArgs;
use crate::cli::problem::{Exit, Problem, Problems};
use crate::cli::setting::{Setting, store_problem};
use crate::cli::{Ended, imports, to_stdout};
use crate::evidence::imported::FOLDER;
use crate::report::rebuilt::{RebuiltRow, RebuiltStores};
use crate::report::rows::{Format, write_answers};
use crate::store::{ExportKind, Mode, Store};
use crate::workflow::import::catch_up;
use crate::workflow::rebuild::{RebuildError, Rebuilt, rebuild as build};

/// Makes the store again from evidence: into a new file, which then takes the place of the old
/// one in one step, so that an interrupted rebuild leaves the old store as it is.
pub(super) fn rebuild(setting: &Setting, args: &RebuildArgs) -> Ended {
    let evidence = setting.evidence()?;
    let target = args.into.clone().map_or_else(|| setting.store_file(), Ok)?;
    let _lock = setting.lock(true)?;
    let fresh = beside(&target, ".rebuild");
    remove(&fresh)?;
    let mut store = crate::store::open(&fresh, Mode::Write).map_err(store_problem)?;
    let folder = setting.data()?.join(FOLDER);
    // Imports can come before the first run.
    let mut rebuilt = if evidence.exists() || !folder.exists() {
        build(&evidence, &mut *store).map_err(|error| match error {
            RebuildError::Store(error) => store_problem(error),
            RebuildError::Folder(..) => Problem::new("FS-EVI-004", error.to_string()),
        })?
    } else {
        Rebuilt::default()
    };
    let imports = catch_up(&mut *store, &folder).map_err(imports::failed)?;
    rebuilt.unreadable.extend(lost_imports(&target, &*store)?);
    if let Some(file) = &args.export {
        export(&*store, file)?;
    }
    // Closing the last connection folds SQLite's log into the file.
    drop(store);
    for line in &rebuilt.unreadable {
        tracing::error!("{line}");
    }
    if !rebuilt.unreadable.is_empty() && target.exists() {
        let (lost, fresh) = (rebuilt.unreadable.len(), fresh.display());
        let message = format!("{lost} files cannot be read: the store stays as it is");
        let help = format!("restore the files from a copy, or use what could be read, {fresh}");
        return Err(Problem::new("FS-EVI-003", message).help(help).into());
    }
    // The log of the old store belongs to it alone, so it goes first.
    remove_log(&target)?;
    std::fs::rename(&fresh, &target).map_err(|error| failed(&target, &error))?;
    let layout = setting.layout();
    to_stdout(|out| {
        if layout.format != Format::Table {
            let row = RebuiltRow {
                runs: rebuilt.runs,
                snapshots: rebuilt.snapshots,
                store: target.display().to_string(),
                unreadable: rebuilt.unreadable.clone(),
            };
            return write_answers(out, layout, RebuiltStores, &[row]).map(drop);
        }
        let (runs, snapshots, lost) = (rebuilt.runs, rebuilt.snapshots, rebuilt.unreadable.len());
        writeln!(
            out,
            "{runs} runs, {snapshots} snapshots, {lost} not readable{}: {}",
            if imports > 0 { format!(", {imports} imports") } else { String::new() },
            target.display()
        )
    })?;
    Ok(if rebuilt.unreadable.is_empty() { Exit::Clean } else { Exit::EvidenceIncomplete })
}

/// Imports that the present store notes and the new one has not, because nobody kept their files.
fn lost_imports(target: &Path, fresh: &dyn Store) -> Result<Vec<String>, Problem> {
    if !target.exists() {
        return Ok(Vec::new());
    }
    // A store that cannot be read any more is why people rebuild: it has nothing to compare with.
    let Ok(old) = crate::store::open(target, Mode::Read) else { return Ok(Vec::new()) };
    let Ok(noted) = old.imports() else { return Ok(Vec::new()) };
    let kept = fresh.imports().map_err(store_problem)?;
    let lost = noted.iter().filter(|import| !kept.contains(import));
    Ok(lost.map(|import| format!("{FOLDER}/{}.import: is gone", import.stem())).collect())
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    path.with_file_name(name)
}

/// Removes a store's file and those that SQLite keeps beside it.
fn remove(store: &Path) -> Result<(), Problems> {
    remove_files(&[store.to_owned(), beside(store, "-wal"), beside(store, "-shm")])
}

/// Removes what SQLite keeps beside a store's file.
fn remove_log(store: &Path) -> Result<(), Problems> {
    remove_files(&[beside(store, "-wal"), beside(store, "-shm")])
}

fn remove_files(paths: &[PathBuf]) -> Result<(), Problems> {
    for path in paths {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(failed(path, &error).into());
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

fn failed(path: &Path, error: &std::io::Error) -> Problem {
    Problem::new("FS-STO-001", format!("{}: {error}", path.display()))
}

/// Every row of every kind, sorted: what two equal stores have in common to the byte.
fn export(store: &dyn Store, path: &Path) -> Result<(), Problems> {
    let file = File::create(path).map_err(|error| failed(path, &error))?;
    let mut out = BufWriter::new(file);
    let mut written = Ok(());
    for kind in ExportKind::ALL {
        store
            .export(*kind, &mut |line| {
                if written.is_ok() {
                    written = writeln!(out, "{kind} {line}");
                }
            })
            .map_err(store_problem)?;
    }
    written.and_then(|()| out.flush()).map_err(|error| failed(path, &error).into())
}
