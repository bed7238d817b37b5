//! Limits of what several visits have in common: how many at once, and how many begun in a second.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use crate::model::host::words;

words! {
    /// What several visits have in common.
    EdgeKind {
        /// The run itself.
        Run = "run",
        /// A network segment.
        Segment = "segment",
        /// A location.
        Site = "site",
        /// A jump host.
        Jump = "jump",
        /// The network of an address: 24 bits of IPv4, 64 of IPv6. Hosts that are known by name only
        /// are in none.
        Subnet = "subnet",
        /// What an account is checked by: a domain, or the account itself where it has none.
        Realm = "realm",
        /// Address and port, where several hosts have the same.
        Address = "address",
    }
}

/// Limits of one edge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct EdgeLimit {
    /// Most visits at once.
    pub width: Option<NonZeroU32>,
    /// Most visits started in one second.
    pub starts_per_second: Option<NonZeroU32>,
    /// Fewer at once while what lies behind it is overloaded.
    pub adapts: bool,
}

impl EdgeLimit {
    /// The stricter of two limits.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let least =
            |one: Option<NonZeroU32>, two: Option<NonZeroU32>| one.into_iter().chain(two).min();
        Self {
            width: least(self.width, other.width),
            starts_per_second: least(self.starts_per_second, other.starts_per_second),
            adapts: self.adapts || other.adapts,
        }
    }

    /// Whether nothing is limited.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        self.width.is_none() && self.starts_per_second.is_none()
    }
}

/// Limits by kind of edge, and by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EdgeLimits {
    /// For each edge of a kind.
    pub each: BTreeMap<EdgeKind, EdgeLimit>,
    /// For one edge: kind and name.
    pub named: BTreeMap<(EdgeKind, String), EdgeLimit>,
}
