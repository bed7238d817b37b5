//! An import: a file that an operator gave to fleetstat, and what it did to the store.

use crate::model::change::ItemName;
use crate::model::digest::Sha256;
use crate::model::host::words;
use crate::model::id::HostName;
use crate::model::time::Utc;

words! {
    /// What a file holds.
    ImportKind {
        /// Change requests.
        Changes = "changes",
        /// Attributes of hosts.
        Assets = "assets",
    }
}

words! {
    /// How a file is written.
    ImportFormat {
        /// RFC 4180, or with `;` or tabs, as spreadsheets write it.
        Csv = "csv",
        /// An array of objects, or one object a line.
        Json = "json",
        /// `ServiceNow`'s export: CSV or JSON with its field names, state numbers and references.
        Servicenow = "servicenow",
    }
}

/// How a file was to be read. Kept with the file, so that it is read the same way again.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportOptions {
    /// What the file holds.
    pub kind: ImportKind,
    /// How it is written.
    pub format: ImportFormat,
    /// IANA name of the time zone of times without offset.
    pub timezone: String,
    /// Fields and the columns they are read from, as `--columns` gave them.
    pub columns: Vec<(String, String)>,
    /// Rows that are wrong are left out.
    pub skip_bad: bool,
}

/// One import. Its record lies beside the kept file.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Import {
    /// How the file was read.
    pub options: ImportOptions,
    /// When, by the controller's clock. No two imports of a store have the same time.
    pub at: Utc,
    /// Who: the login name.
    pub by: String,
    /// What the operator called the file, without its folder.
    pub file: String,
    /// Digest of the file.
    pub sha256: Sha256,
    /// Size. Unit: bytes.
    pub bytes: u64,
}

impl Import {
    /// Name of the kept file, without ending: sorts by time.
    #[must_use]
    pub fn stem(&self) -> String {
        let micros = self.at.micros().rem_euclid(1_000_000);
        let time = self.at.compact();
        let time = time.trim_end_matches('Z');
        format!("{time}.{micros:06}Z-{}", self.options.kind)
    }
}

/// What an import did, counted in change requests or in attributes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Not known before.
    pub added: u64,
    /// Known otherwise before.
    pub replaced: u64,
    /// Known as they are.
    pub unchanged: u64,
    /// Left as they are known, because the file has an older state of them.
    pub stale: u64,
}

impl Imported {
    /// True when the store is as it was.
    #[must_use]
    pub const fn nothing(&self) -> bool {
        self.added == 0 && self.replaced == 0
    }
}

/// What is known of a host for the purpose of finding it by a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// The host.
    pub host: HostName,
    /// Other names by which the inventory knows it: its address, the alias of its host key.
    pub aliases: Vec<ItemName>,
}
