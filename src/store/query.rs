//! Questions to a store, and what goes into it beside snapshots. The answers are nouns of `model`.

use std::net::IpAddr;

use crate::model::digest::Sha256;
use crate::model::host::words;
use crate::model::id::{HostName, Label, Pass, RunId};
use crate::model::snapshot::View;
use crate::model::time::Utc;

/// A run that begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunStart {
    /// The run.
    pub run: RunId,
    /// Name of the playbook.
    pub playbook: String,
    /// Purpose the playbook states.
    pub purpose: String,
    /// Who answers for it.
    pub operator: String,
    /// Change or ticket reference.
    pub change: Option<String>,
    /// Start.
    pub started: Utc,
    /// Folder that holds the evidence.
    pub folder: String,
}

/// A run that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunEnd {
    /// The run.
    pub run: RunId,
    /// End.
    pub ended: Utc,
    /// Digest of the manifest.
    pub manifest: Option<Sha256>,
}

/// Who listens?
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListenerQuery {
    /// Local port; 0 for protocols without ports. `None`: any.
    pub port: Option<u16>,
    /// Bind address, exactly: a wildcard listener is found by `0.0.0.0` or `::`. `None`: any.
    pub address: Option<IpAddr>,
    /// Only these hosts. `None`: all.
    pub hosts: Option<Vec<HostName>>,
    /// Only hosts that had this role at the last sighting. `None`: any.
    pub role: Option<Label>,
    /// As the store knew it at this time: by the last good sections at or before it. `None`: by the
    /// latest.
    pub at: Option<Utc>,
    /// Also listeners that were gone by then.
    pub include_closed: bool,
}

/// Which partners?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partner {
    /// One address. A v4-mapped IPv6 address is the IPv4 address.
    Address(IpAddr),
    /// All addresses of a network: an address in it and the prefix length in bits.
    Network(IpAddr, u8),
}

/// Who talked to whom?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerQuery {
    /// The partner.
    pub partner: Partner,
    /// Only what was last seen at or after this time. `None`: since ever.
    pub since: Option<Utc>,
    /// Only what was first seen at or before this time. `None`: until now.
    pub until: Option<Utc>,
    /// Only these hosts. `None`: all.
    pub hosts: Option<Vec<HostName>>,
    /// As the store knew it at this time. `None`: by the latest.
    pub at: Option<Utc>,
}

/// Which hosts answered a view?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnsweredQuery {
    /// The view.
    pub view: View,
    /// Only these hosts. `None`: all.
    pub hosts: Option<Vec<HostName>>,
    /// As the store knew it at this time. `None`: by the latest.
    pub at: Option<Utc>,
}

/// What began or ended between two times?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpanQuery {
    /// The earlier time: what a visit at this time showed was there before.
    pub since: Utc,
    /// The later time, inclusive.
    pub until: Utc,
    /// Only these hosts. `None`: all.
    pub hosts: Option<Vec<HostName>>,
    /// Listeners.
    pub listeners: bool,
    /// Conversation partners.
    pub peers: bool,
}

/// Identity of a snapshot in a store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SnapshotKey {
    /// The run.
    pub run: RunId,
    /// The host.
    pub host: HostName,
    /// Pass and attempt.
    pub pass: Pass,
}

/// What an ingest did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IngestReport {
    /// Snapshots that were new.
    pub added: u64,
    /// Snapshots that were already there, from the same evidence.
    pub known: u64,
    /// Snapshots whose key is taken by one from other evidence: left out, the first one stays.
    pub conflicts: Vec<SnapshotKey>,
    /// Sockets in the new snapshots.
    pub observations: u64,
    /// Intervals begun.
    pub facts_opened: u64,
    /// Intervals ended.
    pub facts_closed: u64,
    /// Hosts whose intervals were computed anew, because a snapshot came late.
    pub hosts_rebuilt: u64,
    /// Rows written in all. 0 when nothing was new.
    pub rows_written: u64,
}

words! {
    /// A kind of rows that [`crate::store::Store::export`] prints, for the comparison of two
    /// stores. Lines are sorted and name no row id.
    ExportKind {
        /// Runs.
        Runs = "runs",
        /// Outcome of each host in each run.
        Outcomes = "outcomes",
        /// Snapshots, with the digest of each of their parts.
        Snapshots = "snapshots",
        /// Intervals of listeners and conversations.
        Facts = "facts",
        /// Sockets in `close_wait` and `syn_sent`, by process.
        Tallies = "tallies",
        /// Files that were imported.
        Imports = "imports",
        /// Every version of every change request.
        ChangeRequests = "change_requests",
        /// Every version of every attribute.
        Attributes = "attributes",
    }
}
