//! What can go wrong with a store. A host's failure is not among it: that is data.

use std::path::PathBuf;

use crate::model::id::RunId;

/// Why the store could not do what it was asked. Each message names the thing and a remedy.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file or its folder cannot be used.
    #[error("cannot {action} `{path}`: {source}; check the folder, its rights and free space")]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried, e.g. `create`.
        action: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is no store at this place.
    #[error(
        "there is no store at `{path}`; collect with `fleetstat run`, or name it with `--data`"
    )]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The folder is on a filesystem on which SQLite's locks and shared memory do not hold.
    #[error(
        "`{path}` is on a network filesystem ({kind}), where SQLite's locks do not hold; \
         put the store on a local disk with `--data`"
    )]
    NetworkFilesystem {
        /// The store's folder.
        path: PathBuf,
        /// Name of the filesystem.
        kind: &'static str,
    },
    /// The file is something else.
    #[error("`{path}` is not a fleetstat store ({reason}); name another file with `--data`")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        reason: String,
    },
    /// The file was written by a later version.
    #[error(
        "`{path}` has schema {found}, this version knows up to {known}; upgrade fleetstat, or \
         read the evidence into a new store with `fleetstat rebuild`"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Version of its schema.
        found: i64,
        /// Newest version known.
        known: i64,
    },
    /// Stored bytes are not what was written.
    #[error("the store is damaged: {what}: {reason}; rebuild it with `fleetstat rebuild`")]
    Damaged {
        /// Which row or blob.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The store was written by an earlier version, and reading does not change it.
    #[error(
        "`{path}` has schema {found}, older than {known}: a run or `fleetstat rebuild` brings it up \
         to date"
    )]
    Older {
        /// The store's file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// This version's schema.
        known: i64,
    },
    /// Another process holds the store for too long.
    #[error("the store is in use by another process ({doing}); wait for its end and try again")]
    Busy {
        /// What was tried.
        doing: &'static str,
    },
    /// Something belongs to a run that was never begun.
    #[error("run {run} is not in the store; begin it first, or use `fleetstat rebuild`")]
    UnknownRun {
        /// The run.
        run: RunId,
    },
    /// A run was begun or ended twice, with different statements.
    #[error("run {run} is already in the store with another {field}; nothing was changed")]
    RunDiffers {
        /// The run.
        run: RunId,
        /// The statement that differs.
        field: &'static str,
    },
    /// A snapshot has a part that is too large to be kept.
    #[error(
        "the {part} of {evidence} are {bytes} bytes, more than {limit}; lower `output_bytes` in \
         the playbook; the evidence is kept"
    )]
    TooLarge {
        /// Evidence file.
        evidence: String,
        /// Part of the snapshot.
        part: String,
        /// Its size before compression.
        bytes: usize,
        /// The largest size allowed.
        limit: usize,
    },
    /// The database engine refused.
    #[error("the store cannot {doing}: {source}; check free space and rights of its folder")]
    Engine {
        /// What was tried.
        doing: &'static str,
        /// What the engine said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
