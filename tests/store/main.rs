//! The store, through its trait alone: one conformance suite for every backend, property tests on
//! made-up snapshots, and a crash test that kills a writer.

#![expect(clippy::disallowed_methods, reason = "the crash test starts and kills a process")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail this way")]

mod between;
mod conformance;
mod crash;
mod damage;
mod dice;
mod files;
mod imports;
mod order;
mod scene;
mod times;

use fleetstat::store::{Mode, Store, open};

/// A fresh store and the folder that goes with it.
pub(crate) struct Fresh {
    /// The store.
    pub(crate) store: Box<dyn Store>,
    /// Removed when dropped.
    pub(crate) folder: tempfile::TempDir,
}

/// The embedded store in a folder of its own.
pub(crate) fn sqlite() -> Fresh {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("fleet.db"), Mode::Write).unwrap();
    Fresh { store, folder }
}

conformance::suite!(sqlite_conforms, crate::sqlite);
