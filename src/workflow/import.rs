//! Import: reads an export, keeps it as it came, and takes what it says into the store.
//!
//! The file is kept and synced before the store has it, so that `rebuild` never knows less. An
//! import that was interrupted between the two is taken in by the next one.

use std::io;
use std::path::Path;

use crate::enrich::changes::Read;
use crate::enrich::names::{Directory, Found};
use crate::enrich::record::Fault;
use crate::enrich::{assets, changes, text};
use crate::evidence::imported::{self, KeepError};
use crate::evidence::verify::Finding;
use crate::model::attribute::AttributeStatement;
use crate::model::change::{ChangeStatement, ItemName};
use crate::model::import::{Import, ImportKind, Imported};
use crate::store::{Error as StoreError, Store};

/// What a file says.
#[derive(Debug)]
pub enum Statements {
    /// Of changes.
    Changes(Vec<ChangeStatement>),
    /// Of attributes.
    Attributes(Vec<AttributeStatement>),
}

/// A file that was read.
#[derive(Debug)]
pub struct Understood {
    /// What it says.
    pub statements: Statements,
    /// What is wrong, by line.
    pub faults: Vec<Fault>,
    /// Columns that stand for nothing, escaped.
    pub unused: Vec<String>,
    /// Rows in it.
    pub rows: usize,
}

impl Statements {
    /// What no change of the file says, though each needs it to explain anything. `None`: nothing.
    #[must_use]
    pub fn lacking(&self) -> Option<&'static str> {
        let Self::Changes(changes) = self else { return None };
        let any =
            |says: fn(&ChangeStatement) -> bool| changes.is_empty() || changes.iter().any(says);
        let named =
            any(|change| !change.request.items.is_empty() || !change.request.affected.is_empty());
        let timed = any(|change| {
            change.request.planned.start.is_some() || change.request.actual.start.is_some()
        });
        match (named, timed) {
            (true, true) => None,
            (false, true) => Some("names a host"),
            (true, false) => Some("has a start"),
            (false, false) => Some("names a host or has a start"),
        }
    }

    /// How many there are.
    #[must_use]
    pub const fn count(&self) -> usize {
        match self {
            Self::Changes(changes) => changes.len(),
            Self::Attributes(said) => said.len(),
        }
    }

    /// Names that it uses, each once, sorted.
    #[must_use]
    pub fn items(&self) -> Vec<ItemName> {
        let mut items: Vec<ItemName> = match self {
            Self::Changes(changes) => {
                let touched = changes.iter().flat_map(|change| change.request.touched());
                touched.cloned().collect()
            }
            Self::Attributes(said) => said.iter().map(|said| said.item.clone()).collect(),
        };
        items.sort_unstable();
        items.dedup();
        items
    }
}

/// Why an import did not take place.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// An option names what is not there.
    #[error("{0}")]
    Option(String),
    /// The file could not be kept.
    #[error(transparent)]
    Keep(#[from] KeepError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The folder of kept files.
    #[error("cannot read `{0}`: {1}")]
    Folder(String, io::Error),
    /// A kept file is not what was imported.
    #[error("a kept import cannot be read: {0}: run `fleetstat verify imports`")]
    Kept(Finding),
}

/// Reads the text of a file.
///
/// # Errors
/// When an option names no time zone or field. What is wrong with the file is in the result.
pub fn understand(bytes: &[u8], import: &Import) -> Result<Understood, ImportError> {
    let text = match text::decode(bytes) {
        Ok(text) => text,
        Err(fault) => {
            let statements = Statements::Changes(Vec::new());
            return Ok(Understood { statements, faults: vec![fault], unused: vec![], rows: 0 });
        }
    };
    let options = &import.options;
    match options.kind {
        ImportKind::Changes => changes::read(&text, options).map(|read| {
            let Read { statements, faults, unused, rows } = read;
            Understood { statements: Statements::Changes(statements), faults, unused, rows }
        }),
        ImportKind::Assets => assets::read(&text, options).map(|read| {
            let Read { statements, faults, unused, rows } = read;
            Understood { statements: Statements::Attributes(statements), faults, unused, rows }
        }),
    }
    .map_err(ImportError::Option)
}

/// Keeps the file and takes it in, unless it brings nothing new: then nothing is written.
///
/// # Errors
/// When the file cannot be kept or the store cannot be written.
pub fn import(
    store: &mut dyn Store,
    folder: &Path,
    (import, bytes): (&Import, &[u8]),
    statements: &Statements,
) -> Result<Imported, ImportError> {
    catch_up(store, folder)?;
    let weight = match statements {
        Statements::Changes(changes) => store.weigh_changes(changes)?,
        Statements::Attributes(said) => store.weigh_attributes(said)?,
    };
    if weight.nothing() {
        return Ok(weight);
    }
    imported::keep(folder, import, bytes)?;
    take_in(store, import, statements)
}

fn take_in(
    store: &mut dyn Store,
    import: &Import,
    statements: &Statements,
) -> Result<Imported, ImportError> {
    Ok(match statements {
        Statements::Changes(changes) => store.import_changes(import, changes)?,
        Statements::Attributes(said) => store.import_attributes(import, said)?,
    })
}

/// Takes in what is kept and not in the store: all of it into a new store, in the order in which it
/// was imported. Returns how many files that were.
///
/// # Errors
/// When a kept file is not what was imported, or the store cannot be written.
pub fn catch_up(store: &mut dyn Store, folder: &Path) -> Result<u64, ImportError> {
    let failed = |error| ImportError::Folder(folder.display().to_string(), error);
    let known = store.imports()?;
    let mut taken = 0;
    for kept in imported::list(folder).map_err(failed)? {
        let import = kept.map_err(ImportError::Kept)?;
        if known.binary_search_by_key(&import.at, |known| known.at).is_ok() {
            continue;
        }
        let bytes = imported::read(folder, &import).map_err(ImportError::Kept)?;
        let understood = understand(&bytes, &import)?;
        take_in(store, &import, &understood.statements)?;
        taken += 1;
    }
    Ok(taken)
}

/// Names that mean no host yet, and names that could mean several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unmatched {
    /// Names of no known host. They are kept, and count as soon as such a host is known.
    pub unknown: Vec<ItemName>,
    /// Names with the hosts, or the other long names, that they could mean.
    pub ambiguous: Vec<(ItemName, Vec<String>)>,
}

/// Which of these names mean no host.
#[must_use]
pub fn unmatched(directory: &Directory, items: &[ItemName]) -> Unmatched {
    let mut unmatched = Unmatched::default();
    for item in items {
        match directory.find(item) {
            Found::Host(..) => {}
            Found::Nothing => unmatched.unknown.push(item.clone()),
            Found::Several(several) => unmatched.ambiguous.push((item.clone(), several)),
        }
    }
    unmatched
}
