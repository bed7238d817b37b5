//! Routes, policy rules and neighbours.

use std::net::IpAddr;

use crate::model::host::words;
use crate::model::socket::Family;
use crate::model::text::HostText;

words! {
    /// What happens to packets of a route.
    RouteKind {
        /// Forwarded or delivered.
        Unicast = "unicast",
        /// Delivered to this host.
        Local = "local",
        /// Sent as broadcast.
        Broadcast = "broadcast",
        /// Delivered to the nearest of several hosts.
        Anycast = "anycast",
        /// Sent to a group.
        Multicast = "multicast",
        /// Dropped in silence.
        Blackhole = "blackhole",
        /// Answered with ICMP unreachable.
        Unreachable = "unreachable",
        /// Answered with ICMP prohibited.
        Prohibit = "prohibit",
        /// Looked up in the next table.
        Throw = "throw",
        /// Translated.
        Nat = "nat",
        /// A word that is not known.
        Unknown = "unknown",
    }
}

/// One way out of a route.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NextHop {
    /// Gateway. `None`: the destination is on the link.
    pub via: Option<IpAddr>,
    /// Interface.
    pub device: Option<HostText<'static>>,
    /// Share among several ways.
    pub weight: Option<u32>,
}

/// One route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Family of the destination.
    pub family: Family,
    /// Routing table: a number or the name the tool prints. `main` when the tool leaves it out;
    /// `persistent` for what Windows keeps for its next start, which is not in force.
    pub table: HostText<'static>,
    /// Destination network; the default route is `0.0.0.0/0` or `::/0`.
    pub destination: IpAddr,
    /// Prefix length of the destination, in bits.
    pub prefix: u8,
    /// What happens.
    pub kind: RouteKind,
    /// Ways out: one, several for multipath, none for a blackhole.
    pub next_hops: Vec<NextHop>,
    /// Preferred source address.
    pub source: Option<IpAddr>,
    /// Lower wins.
    pub metric: Option<u64>,
    /// Who installed it: `kernel`, `static`, `dhcp`, `bgp` …
    pub protocol: Option<HostText<'static>>,
    /// `link`, `host`, `global` …
    pub scope: Option<HostText<'static>>,
    /// Unit: bytes.
    pub mtu: Option<u64>,
    /// Flag words as the tool prints them, sorted; and `from NETWORK` where the route holds only for
    /// packets from there (Linux, IPv6).
    pub flags: Vec<HostText<'static>>,
    /// Seconds until the route expires, for learned routes.
    pub expires_seconds: Option<u64>,
}

/// What a reader remarks of a route that [`Route::flags`] say holds for packets of some sources only.
pub const FROM_SOME: &str =
    "the route holds only for packets from the network that its flag `from` names";

impl Route {
    /// The flag of a route that holds only for packets from this network.
    #[must_use]
    pub fn from_flag(address: IpAddr, prefix: u8) -> HostText<'static> {
        HostText::owned(format!("from {address}/{prefix}").into_bytes())
    }

    /// True for a route that holds only for packets of some sources.
    #[must_use]
    pub fn is_of_some_sources(&self) -> bool {
        self.flags.iter().any(|flag| flag.bytes().starts_with(b"from "))
    }
}

/// One policy-routing rule. Kept with the routes: without it a second table means nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Family.
    pub family: Family,
    /// Lower is asked first.
    pub priority: u64,
    /// What the rule matches and does, as `key value` words in the tool's order.
    pub text: HostText<'static>,
    /// Table it leads to.
    pub table: Option<HostText<'static>>,
}

/// One entry of the ARP or neighbour-discovery table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// Its address.
    pub address: IpAddr,
    /// Interface.
    pub device: Option<HostText<'static>>,
    /// Link-layer address: two lower-case digits for each byte, colons between, whatever the tool
    /// prints. `None` when it is not resolved.
    pub mac: Option<HostText<'static>>,
    /// State words in lower case, e.g. `reachable`, `stale`, `permanent`, sorted.
    pub states: Vec<HostText<'static>>,
    /// The neighbour is a router.
    pub router: Option<bool>,
}
