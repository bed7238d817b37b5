//! What `changes import` and `assets import` have in common.

use std::io::Read as _;
use std::path::Path;

use crate::cli::args::imports::ImportArgs;
use crate::cli::problem::{Exit, Problem, Problems};
use crate::cli::setting::{Setting, login, store_problem};
use crate::cli::{Ended, to_stdout};
use crate::enrich::names::Directory;
use crate::enrich::record::Fault;
use crate::enrich::text::FILE_BYTES_MAX;
use crate::evidence::imported::FOLDER;
use crate::model::digest::Sha256;
use crate::model::import::{Identity, Import, ImportFormat, ImportKind, ImportOptions};
use crate::model::text::escape;
use crate::report::import::{ImportRow, Imports, lines};
use crate::report::rows::{Format, write_answers};
use crate::store::{Mode, Store};
use crate::workflow::attach;
use crate::workflow::import::{ImportError, Understood, understand, unmatched};

/// Faults of a file that are shown; what is beyond is counted.
const FAULTS_SHOWN: usize = 1_000;

/// Takes a file in.
pub(super) fn import(setting: &Setting, kind: ImportKind, args: &ImportArgs) -> Ended {
    let bytes = read(&args.file)?;
    let mut import = describe(setting, kind, args, &bytes);
    let understood = understand(&bytes, &import).map_err(failed)?;
    report_faults(&args.file, args.skip_bad, &understood)?;
    let _lock = setting.lock(false)?;
    let _alone = setting.import_lock()?;
    let mut store = setting.store(Mode::Write)?;
    // One after the other, also when the clock was set back.
    let last = store.imports().map_err(store_problem)?.last().map(|import| import.at);
    let next = last.map(|last| last.plus(std::time::Duration::from_micros(1)));
    import.at = setting.clock.utc().max(next.unwrap_or(import.at));
    let folder = setting.data()?.join(FOLDER);
    let what = (&import, bytes.as_slice());
    let imported =
        crate::workflow::import::import(&mut *store, &folder, what, &understood.statements)
            .map_err(failed)?;
    let left = unmatched(&directory(setting, &*store)?, &understood.statements.items());
    let row = ImportRow {
        import: &import,
        imported,
        rows: understood.rows as u64,
        left_out: left_out(&understood.faults),
        unknown: &left.unknown,
        ambiguous: &left.ambiguous,
    };
    let layout = setting.layout();
    to_stdout(|out| match layout.format {
        Format::Table => lines(&row, out),
        Format::Json | Format::Ndjson | Format::Csv => {
            write_answers(out, layout, Imports, [&row]).map(drop)
        }
    })?;
    Ok(if understood.faults.is_empty() { Exit::Clean } else { Exit::SomeFailed })
}

/// Reads the file, which may be a pipe, but no more than is taken.
fn read(path: &Path) -> Result<Vec<u8>, Problem> {
    let failed = |error| Problem::new("FS-USE-007", format!("{}: {error}", escaped(path)));
    let mut bytes = Vec::new();
    let most = FILE_BYTES_MAX + 1;
    if path.as_os_str() == "-" {
        std::io::stdin().lock().take(most).read_to_end(&mut bytes).map_err(failed)?;
    } else {
        let file = std::fs::File::open(path).map_err(failed)?;
        file.take(most).read_to_end(&mut bytes).map_err(failed)?;
    }
    if bytes.len() as u64 > FILE_BYTES_MAX {
        let message = format!("{}: more than {FILE_BYTES_MAX} bytes", escaped(path));
        return Err(Problem::new("FS-USE-007", message).help("export less at once"));
    }
    Ok(bytes)
}

fn escaped(path: &Path) -> String {
    escape(path.as_os_str().as_encoded_bytes())
}

fn describe(setting: &Setting, kind: ImportKind, args: &ImportArgs, bytes: &[u8]) -> Import {
    let name = args.file.file_name().unwrap_or(args.file.as_os_str());
    let text = crate::enrich::text::decode(bytes).unwrap_or_default();
    let format =
        args.form.map_or_else(|| crate::enrich::changes::recognize(&text), ImportFormat::from);
    Import {
        options: ImportOptions {
            kind,
            format,
            timezone: args.timezone.clone(),
            columns: args.columns.clone(),
            skip_bad: args.skip_bad,
        },
        at: setting.clock.utc(),
        by: login(),
        file: escape(name.as_encoded_bytes()),
        sha256: Sha256::of(bytes),
        bytes: bytes.len() as u64,
    }
}

/// All faults at once. A file without a row that could be read is refused also with `--skip-bad`.
fn report_faults(path: &Path, skip_bad: bool, read: &Understood) -> Result<(), Problems> {
    let mut problems: Vec<Problem> =
        read.faults.iter().take(FAULTS_SHOWN).map(|fault| problem(path, fault)).collect();
    if let Some(more) = read.faults.len().checked_sub(FAULTS_SHOWN).filter(|more| *more > 0) {
        problems.push(Problem::new("FS-IMP-001", format!("and {more} faults more")));
    }
    let usable = read.statements.count() > 0;
    if problems.is_empty() || (skip_bad && usable) {
        for problem in problems {
            tracing::warn!("{}: {}", problem.place.unwrap_or_default(), problem.message);
        }
        if read.rows == 0 {
            tracing::warn!("{}: there is no row in it", escaped(path));
        }
        if !read.unused.is_empty() {
            let unused = read.unused.join(", ");
            // A ticket that names nobody, or no time, explains nothing: most likely the title of a
            // column was not understood.
            if let Some(what) = read.statements.lacking() {
                tracing::warn!(
                    "no row {what}; columns that are not used: {unused}; say what they are, e.g. \
                     `--columns host=TITLE,start=TITLE`"
                );
            } else {
                tracing::info!("columns that are not used: {unused}");
            }
        }
        return Ok(());
    }
    Err(Problems(problems))
}

fn problem(path: &Path, fault: &Fault) -> Problem {
    let mut problem = Problem::new("FS-IMP-001", fault.message.clone());
    problem.place = Some(match fault.line {
        0 => escaped(path),
        line => format!("{}:{line}", escaped(path)),
    });
    problem
}

fn left_out(faults: &[Fault]) -> Vec<u64> {
    let mut lines: Vec<u64> = faults.iter().map(|fault| fault.line).collect();
    lines.dedup();
    lines
}

/// All hosts that the store knows, and those of the inventory where one is named.
///
/// # Errors
/// When store or inventory cannot be read.
pub(super) fn directory(setting: &Setting, store: &dyn Store) -> Result<Directory, Problems> {
    let mut identities = store.identities(None).map_err(store_problem)?;
    if setting.names_inventory() {
        let inventory = setting.inventory()?;
        let listed: Vec<Identity> = inventory.hosts.iter().map(attach::identity).collect();
        // The inventory is newer than what the store remembers of its hosts.
        identities
            .retain(|known| listed.binary_search_by(|host| host.host.cmp(&known.host)).is_err());
        identities.extend(listed);
    }
    let items = store.items(None).map_err(store_problem)?;
    Ok(Directory::new(&identities, &items))
}

/// An error of an import as a problem.
#[expect(clippy::needless_pass_by_value, reason = "used with map_err")]
pub(super) fn failed(error: ImportError) -> Problem {
    let code = match &error {
        ImportError::Option(_) => "FS-USE-001",
        ImportError::Keep(_) => "FS-EVI-001",
        ImportError::Store(_) => "FS-STO-001",
        ImportError::Folder(..) => "FS-EVI-004",
        ImportError::Kept(_) => "FS-EVI-002",
    };
    Problem::new(code, error.to_string())
}
