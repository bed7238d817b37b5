//! What imports bring to a store, and how it is found again.
//!
//! An import is kept as a file beside the evidence, so what it brought can be made again from that
//! file like everything else (docs/decisions/0022).

use crate::model::attribute::{AttributeStatement, AttributeVersion};
use crate::model::change::{ChangeNumber, ChangeStatement, ChangeVersion, ItemName};
use crate::model::import::{Identity, Import, Imported};
use crate::model::time::Utc;
use crate::store::Error;

/// Which changes?
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeQuery {
    /// Only this one. `None`: all.
    pub number: Option<ChangeNumber>,
    /// Only those that touch something of one of these names. `None`: all.
    pub items: Option<Vec<ItemName>>,
    /// Only those whose window does not end before. `None`: since ever.
    pub from: Option<Utc>,
    /// Only those whose window does not begin after. `None`: without end.
    pub to: Option<Utc>,
    /// Which versions.
    pub versions: Versions,
}

/// Which versions of what was imported several times?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Versions {
    /// The latest.
    #[default]
    Present,
    /// As it was known at this time.
    KnownAt(Utc),
    /// Every one.
    All,
}

/// The part of a store that holds what was imported.
pub trait Imports {
    /// What an import of these statements would do. Changes nothing.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn weigh_changes(&self, statements: &[ChangeStatement]) -> Result<Imported, Error>;

    /// Like [`Imports::weigh_changes`], for attributes.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn weigh_attributes(&self, statements: &[AttributeStatement]) -> Result<Imported, Error>;

    /// Takes statements in, all in one transaction. What is known already is left as it is; what is
    /// known otherwise gets a new version, and the old one stays. The import itself is noted in any
    /// case. `import.at` is later than that of all earlier imports.
    ///
    /// # Errors
    /// When the store cannot be written; nothing of the import is kept then.
    fn import_changes(
        &mut self,
        import: &Import,
        statements: &[ChangeStatement],
    ) -> Result<Imported, Error>;

    /// Like [`Imports::import_changes`], for attributes.
    ///
    /// # Errors
    /// When the store cannot be written; nothing of the import is kept then.
    fn import_attributes(
        &mut self,
        import: &Import,
        statements: &[AttributeStatement],
    ) -> Result<Imported, Error>;

    /// All imports, by time.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn imports(&self) -> Result<Vec<Import>, Error>;

    /// Change requests, sorted by the start of the window (none first), number and import.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn changes(&self, query: &ChangeQuery) -> Result<Vec<ChangeVersion>, Error>;

    /// Attributes of things of these names (`None`: of all), sorted by name, key and import.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn attributes(
        &self,
        items: Option<&[ItemName]>,
        versions: Versions,
    ) -> Result<Vec<AttributeVersion>, Error>;

    /// Names that imports used: all, or those that are one of `keys` or begin with one and a dot.
    /// Sorted.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn items(&self, keys: Option<&[ItemName]>) -> Result<Vec<ItemName>, Error>;

    /// Hosts with the address of their latest snapshot: all, or those whose name or address is one
    /// of `keys` or whose name begins with one and a dot. Sorted.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn identities(&self, keys: Option<&[ItemName]>) -> Result<Vec<Identity>, Error>;
}
