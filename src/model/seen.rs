//! What a store has seen, and when: the nouns of questions that compare times and hosts.
//!
//! Absence is only told where it was proven: by a visit that answered the whole view and did not
//! show the thing.

use std::net::IpAddr;

use crate::model::host::words;
use crate::model::id::{HostName, Label, Pass, RunId};
use crate::model::snapshot::View;
use crate::model::socket::{Direction, Scope, Transport};
use crate::model::text::HostText;
use crate::model::time::Utc;

/// A snapshot that proves something, by its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Taken {
    /// When it was taken: the start of the visit.
    pub at: Utc,
    /// The run.
    pub run: RunId,
    /// Pass and attempt.
    pub pass: Pass,
    /// Evidence file in the run's folder.
    pub evidence: String,
}

/// How well a host answered one view, as known at some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The host.
    pub host: HostName,
    /// Its role at the last snapshot. `None`: it has none, or there is no snapshot.
    pub role: Option<Label>,
    /// The last snapshot that answered the view whole. `None`: none did.
    pub good: Option<Taken>,
    /// The last snapshot of all, whole or not. `None`: there is none.
    pub latest: Option<Taken>,
    /// A later visit that left no snapshot, with its first fault in words, escaped.
    pub tried: Option<(Utc, String)>,
}

/// Whether something was there at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Presence {
    /// By the last visit that could show it.
    Present,
    /// A visit that would have shown it did not.
    Absent,
    /// No visit up to then could have shown it.
    Unknown,
}

/// What a listener or a conversation partner is, without what changes with every connection.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sight {
    /// `listener`, or who opened the conversation.
    pub direction: Direction,
    /// Transport protocol.
    pub transport: Transport,
    /// The port that names the service. 0 for protocols without ports.
    pub port: u16,
    /// Bind address of a listener; the partner of a conversation.
    pub address: IpAddr,
    /// How far the local end reaches.
    pub scope: Scope,
    /// Process name as the tool printed it. `None`: not known.
    pub process: Option<HostText<'static>>,
    /// User id that created the socket. `None`: not known.
    pub uid: Option<u32>,
    /// Name of the network namespace of a listener. `None`: the host's own.
    pub namespace: Option<HostText<'static>>,
}

/// One interval in which a host showed a listener or a partner, seen from two times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The host.
    pub host: HostName,
    /// What was seen.
    pub sight: Sight,
    /// First snapshot that showed it.
    pub first: Taken,
    /// Last snapshot, up to the later time, that confirmed it.
    pub last: Taken,
    /// The snapshot that would have shown it and did not, up to the later time. `None`: it stands.
    pub ended: Option<Taken>,
    /// The last snapshot before `first` that would have shown it and did not. `None`: there is
    /// none, or it began before the earlier time.
    pub absent: Option<Taken>,
    /// At the earlier time.
    pub before: Presence,
    /// At the later time.
    pub after: Presence,
}

words! {
    /// Why an answer does not show a host, or shows it as it was earlier.
    UnseenReason {
        /// No snapshot at or before the time.
        NoSnapshot = "no_snapshot",
        /// Snapshots, and none of them answered the view whole.
        NeverWhole = "never_whole",
        /// The last whole answer is older than the limit.
        Stale = "stale",
        /// A later visit did not answer whole; what is shown is from the one before.
        LaterFailed = "later_failed",
        /// No whole answer at or before the earlier time: nothing to compare with.
        NoEarlier = "no_earlier",
        /// No whole answer after the earlier time: what happened since is not known.
        NoLater = "no_later",
        /// Owners are not visible on both sides, so who holds a listener could not be compared.
        OwnersHidden = "owners_hidden",
    }
}

/// What an answer did not see of one host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unseen {
    /// Why.
    pub reason: UnseenReason,
    /// The view.
    pub view: View,
    /// The host.
    pub host: HostName,
    /// The last whole answer at or before the time asked for. `None`: there is none.
    pub last_whole: Option<Utc>,
    /// The last visit, whatever came of it. `None`: there is none.
    pub last_tried: Option<Utc>,
    /// What the last visit said, escaped. Empty: nothing.
    pub detail: String,
}

words! {
    /// What is other with today's readers.
    ReplayChange {
        /// Today's readers make a record of it.
        Added = "added",
        /// Today's readers make no record of it.
        Removed = "removed",
        /// Today's readers make another record of it.
        Changed = "changed",
    }
}
