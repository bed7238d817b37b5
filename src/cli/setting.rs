//! What the global options and the environment add up to: the files and folders a verb works on.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use crate::cli::args::Global;
use crate::cli::problem::{Problem, Problems};
use crate::config::{Layer, Origin};
use crate::inventory::Inventory;
use crate::inventory::selector::Selector;
use crate::model::id::HostName;
use crate::report::rows::Layout;
use crate::store::{Mode, Store};
use crate::transport::clock::Clock;
use crate::yaml::defect::Defect;

const SELECTOR_HELP: &str =
    "write it like `role=db & env=prod & !tag=lab`, `web[01-20]` or `group=web | host=db-*`";

/// What every verb starts from.
pub struct Setting {
    /// The global options.
    pub global: Global,
    /// The clock of this invocation.
    pub clock: Clock,
    /// What options, environment and files of settings add up to.
    pub settings: Layer,
}

impl Setting {
    /// Folder of store and evidence.
    ///
    /// # Errors
    /// When neither option nor environment names one.
    pub fn data(&self) -> Result<PathBuf, Problem> {
        let chosen = self.settings.data.as_ref().map(|chosen| chosen.value.clone());
        chosen.ok_or_else(|| Problem::new("FS-CFG-001", "no folder for store and evidence"))
    }

    /// Folder of the evidence of all runs.
    ///
    /// # Errors
    /// See [`Setting::data`].
    pub fn evidence(&self) -> Result<PathBuf, Problem> {
        Ok(self.data()?.join("evidence"))
    }

    /// File of the store.
    ///
    /// # Errors
    /// See [`Setting::data`].
    pub fn store_file(&self) -> Result<PathBuf, Problem> {
        Ok(self.data()?.join("store.sqlite"))
    }

    /// The store, open.
    ///
    /// # Errors
    /// When it cannot be opened; when it does not exist and is to be read.
    pub fn store(&self, mode: Mode) -> Result<Box<dyn Store>, Problem> {
        let file = self.store_file()?;
        if mode == Mode::Read && !file.exists() {
            let message = format!("there is no store at {} yet", file.display());
            return Err(Problem::new("FS-USE-009", message));
        }
        if mode == Mode::Write {
            create_private(&self.data()?)?;
        }
        crate::store::open(&file, mode).map_err(store_problem)
    }

    /// Keeps others from replacing the store while it is written (`alone` false: any number of
    /// runs), or from writing while it is replaced (`alone` true).
    ///
    /// # Errors
    /// When the other side holds the folder, or the lock file cannot be made.
    pub fn lock(&self, alone: bool) -> Result<DataLock, Problem> {
        let folder = self.data()?;
        create_private(&folder)?;
        let path = folder.join("lock");
        let failed = |error: std::io::Error| {
            Problem::new("FS-STO-001", format!("{}: {error}", path.display()))
        };
        let mut options = std::fs::OpenOptions::new();
        let file = options.create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        let locked = if alone { file.try_lock() } else { file.try_lock_shared() };
        match locked {
            Ok(()) => Ok(DataLock(file)),
            Err(std::fs::TryLockError::WouldBlock) => {
                let other = if alone { "a run is writing to" } else { "a rebuild is replacing" };
                let message = format!("{other} the store in {}", folder.display());
                Err(Problem::new("FS-STO-001", message).help("wait until it has ended"))
            }
            Err(std::fs::TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// Keeps imports one after the other. Waits for another one.
    ///
    /// # Errors
    /// When the lock file cannot be made.
    pub fn import_lock(&self) -> Result<DataLock, Problem> {
        let path = self.data()?.join("lock.imports");
        let failed = |error: std::io::Error| {
            Problem::new("FS-STO-001", format!("{}: {error}", path.display()))
        };
        let mut options = std::fs::OpenOptions::new();
        let file = options.create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        file.lock().map_err(failed)?;
        Ok(DataLock(file))
    }

    /// True when the options or the environment name an inventory.
    #[must_use]
    pub fn names_inventory(&self) -> bool {
        !self.global.inventories.is_empty() || variable("FLEETSTAT_INVENTORY").is_some()
    }

    /// The inventory that the options or the environment name.
    ///
    /// # Errors
    /// When none is named, or with all faults of its files.
    pub fn inventory(&self) -> Result<Inventory, Problems> {
        let Some(files) = &self.settings.inventory else {
            return Err(Problem::new("FS-USE-002", "no inventory was named").into());
        };
        let inventory = crate::inventory::load_as(&files.value, Some(&login()))
            .map_err(|defects| defective(&defects))?;
        for remark in inventory.unmapped.iter().chain(&inventory.warnings) {
            tracing::warn!("{}: {}", remark.origin, remark.message);
        }
        for remark in &inventory.remarks {
            tracing::info!("{}: {}", remark.origin, remark.message);
        }
        Ok(inventory)
    }

    /// The selector of `-l`.
    ///
    /// # Errors
    /// When it cannot be understood.
    pub fn selector(&self) -> Result<Option<Selector>, Problem> {
        let Some(text) = &self.global.limit else { return Ok(None) };
        let parsed = Selector::parse(text);
        parsed.map(Some).map_err(|mut error| {
            let help = error.help.take();
            let problem = Problem::new("FS-USE-004", error.to_string());
            problem.help(help.unwrap_or_else(|| SELECTOR_HELP.to_owned()))
        })
    }

    /// The hosts that `-l` means, for questions to the store: by inventory where one is named,
    /// else by what the store knows of its hosts. `None`: all.
    ///
    /// # Errors
    /// When the selector, the inventory or the store cannot be read, or no host matches.
    pub fn limit_hosts(&self, store: &dyn Store) -> Result<Option<Vec<HostName>>, Problems> {
        let Some(selector) = self.selector()? else { return Ok(None) };
        let names: Vec<HostName> = if self.global.inventories.is_empty() {
            crate::workflow::ask::stored_hosts(store)
                .map_err(store_problem)?
                .iter()
                .filter(|host| selector.matches(host))
                .map(|host| host.asset.name.clone())
                .collect()
        } else {
            let inventory = self.inventory()?;
            inventory.select(Some(&selector)).iter().map(|h| h.asset.name.clone()).collect()
        };
        if names.is_empty() {
            let limit = self.global.limit.as_deref().unwrap_or_default();
            return Err(Problem::new("FS-USE-005", format!("no host matches `{limit}`")).into());
        }
        Ok(Some(names))
    }

    /// Files of host keys to trust. The first is the one `enroll` writes to.
    #[must_use]
    pub fn known_hosts(&self) -> Vec<PathBuf> {
        self.settings.known_hosts.as_ref().map(|chosen| chosen.value.clone()).unwrap_or_default()
    }

    /// True when somebody named the files of host keys: one that is not there is then a mistake.
    #[must_use]
    pub fn known_hosts_named(&self) -> bool {
        self.settings.known_hosts.as_ref().is_some_and(|chosen| chosen.origin != Origin::Default)
    }

    /// Format and width of answers.
    #[must_use]
    pub fn layout(&self) -> Layout {
        Layout { format: self.global.format.into(), width: width() }
    }
}

/// Holds the data folder until it is dropped.
#[derive(Debug)]
pub struct DataLock(#[expect(dead_code, reason = "holding the file holds the lock")] std::fs::File);

/// Makes a folder that others may not write to and strangers may not read.
fn create_private(folder: &Path) -> Result<(), Problem> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o750).create(folder).map_err(|error| {
        let problem = Problem::new("FS-STO-001", format!("{}: {error}", folder.display()));
        problem.help("name a folder that can be made and written to with `--data DIR`")
    })?;
    refuse_open_to_all(folder)
}

/// Whoever can write to the folder can swap the store in it.
fn refuse_open_to_all(folder: &Path) -> Result<(), Problem> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = std::fs::metadata(folder)
        .map_err(|error| Problem::new("FS-STO-001", format!("{}: {error}", folder.display())))?;
    let me = rustix::process::geteuid().as_raw();
    let shown = folder.display();
    if metadata.mode() & 0o002 != 0 {
        let message = format!("{shown} is writable by everybody");
        return Err(Problem::new("FS-STO-001", message).help(format!("chmod o-w {shown}")));
    }
    if metadata.uid() != me && metadata.uid() != 0 {
        let message = format!("{shown} belongs to user id {}, not to you", metadata.uid());
        let help = format!("name your own folder with `--data`, or chown {me} {shown}");
        return Err(Problem::new("FS-STO-001", message).help(help));
    }
    Ok(())
}

/// Columns of the terminal that standard output is. `None`: it is none.
#[must_use]
pub fn width() -> Option<usize> {
    let out = std::io::stdout();
    let size = out.is_terminal().then(|| rustix::termios::tcgetwinsize(&out).ok()).flatten()?;
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}

/// The one place where the command line reads the environment. Empty counts as unset.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the command line may read the environment")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Who runs this: the login name.
#[must_use]
pub fn login() -> String {
    let names = ["SUDO_USER", "LOGNAME", "USER"];
    names
        .iter()
        .find_map(|name| variable(name))
        .or_else(|| login_of(rustix::process::getuid().as_raw()))
        .unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()))
}

/// The name of a user id, as the local file of accounts has it. Other directories are not asked: a
/// run may not depend on a server for its own name.
fn login_of(uid: u32) -> Option<String> {
    let accounts = std::fs::read_to_string("/etc/passwd").ok()?;
    let line = accounts.lines().find(|line| line.split(':').nth(2) == Some(&uid.to_string()))?;
    line.split(':').next().filter(|name| !name.is_empty()).map(str::to_owned)
}

/// Defects of files an operator wrote, as problems.
#[must_use]
pub fn defective(defects: &[Defect]) -> Problems {
    Problems(defects.iter().map(defect).collect())
}

/// A defect of a file an operator wrote, as a problem.
pub(super) fn defect(defect: &Defect) -> Problem {
    let mut place = defect.file.to_string();
    for number in [defect.line, defect.column] {
        if number > 0 {
            place = format!("{place}:{number}");
        }
    }
    Problem {
        code: defect.code,
        place: Some(place),
        message: defect.message.clone(),
        help: defect.help.clone(),
        exit: None,
    }
}

/// A store's error as a problem.
#[must_use]
#[expect(clippy::needless_pass_by_value, reason = "used with map_err")]
pub fn store_problem(error: crate::store::Error) -> Problem {
    Problem::new("FS-STO-001", error.to_string())
}
