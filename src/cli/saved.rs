//! Where an answer goes: standard output, or a file that is written whole or not at all.

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::cli::problem::{Exit, Problem};
use crate::cli::question::Saved;
use crate::cli::{Ended, to_stdout};

/// Rights of a saved answer: the operator's account, and its group for reading.
const FILE_MODE: u32 = 0o640;

/// Writes an answer to where the operator wants it.
pub(super) fn answer(saved: &Saved, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Ended {
    let Some(file) = &saved.out else { return to_stdout(|out| write(out)) };
    if !saved.force && file.try_exists().unwrap_or(true) {
        return Err(there(file).into());
    }
    match save(file, saved.force, write) {
        Ok(()) => Ok(Exit::Clean),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(there(file).into()),
        Err(error) => {
            let message = format!("{}: {error}", shown(file));
            Err(Problem::new("FS-OUT-001", message).into())
        }
    }
}

fn shown(file: &Path) -> String {
    crate::model::text::escape(file.as_os_str().as_encoded_bytes())
}

fn there(file: &Path) -> Problem {
    let problem = Problem::new("FS-OUT-001", format!("{} is there already", shown(file)));
    problem.help("name another file, or replace it with `--force`")
}

/// Writes beside the file, syncs, and puts it in place in one step.
fn save(
    file: &Path,
    force: bool,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let beside = beside(file);
    let result = fill(&beside, write).and_then(|()| put(&beside, file, force));
    if result.is_err() {
        // The error that is told is the first one; what is left is a file with a telling name.
        let _ = std::fs::remove_file(&beside);
    }
    result
}

fn beside(file: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(file.file_name().unwrap_or_default());
    name.push(format!(".{}.part", rustix::process::getpid().as_raw_pid()));
    file.with_file_name(name)
}

fn fill(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(FILE_MODE).open(path)?;
    let mut out = BufWriter::new(&file);
    write(&mut out)?;
    out.flush()?;
    drop(out);
    file.sync_all()
}

fn put(from: &Path, to: &Path, force: bool) -> io::Result<()> {
    if force {
        std::fs::rename(from, to)?;
    } else {
        // A link fails where a file is, on every filesystem that has links; a rename would not.
        std::fs::hard_link(from, to)?;
        std::fs::remove_file(from)?;
    }
    let folder = match to.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    std::fs::File::open(folder)?.sync_all()
}
