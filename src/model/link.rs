//! Network interfaces with their addresses and counters.

use std::fmt;
use std::net::IpAddr;

use crate::model::text::HostText;

/// Counters of one direction of an interface, since the counters were last reset (normally boot).
/// `None` where the tool does not report one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LinkCounters {
    /// Unit: bytes.
    pub bytes: Option<u64>,
    /// Unit: packets.
    pub packets: Option<u64>,
    /// Packets with errors.
    pub errors: Option<u64>,
    /// Packets dropped.
    pub dropped: Option<u64>,
    /// Packets lost because the device's buffer was full; only when receiving.
    pub overruns: Option<u64>,
    /// Multicast packets; only when receiving.
    pub multicast: Option<u64>,
}

/// An address of an interface.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterfaceAddress {
    /// The address.
    pub address: IpAddr,
    /// Prefix length in bits. `None`: the tool prints the address without it (`netstat -in` of AIX
    /// and HP-UX).
    pub prefix: Option<u8>,
    /// `global`, `link`, `host` or another word of the tool.
    pub scope: Option<HostText<'static>>,
    /// Peer of a point-to-point link.
    pub peer: Option<IpAddr>,
}

/// `ADDRESS/PREFIX`, or the address alone where its prefix is not known.
impl fmt::Display for InterfaceAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.prefix {
            Some(prefix) => write!(out, "{}/{prefix}", self.address),
            None => write!(out, "{}", self.address),
        }
    }
}

/// One network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Name, e.g. `eth0`.
    pub name: HostText<'static>,
    /// Kernel index.
    pub index: Option<u32>,
    /// Link-layer address: two lower-case digits for each byte, colons between, whatever the tool
    /// prints; of a tunnel, which has none, the address that the tool prints in its place.
    pub mac: Option<HostText<'static>>,
    /// Unit: bytes.
    pub mtu: Option<u64>,
    /// `up`, `down`, `unknown` … in lower case.
    pub oper_state: Option<HostText<'static>>,
    /// Link kind where the tool tells: `loopback`, `ether`, `veth`, `vlan`, `bridge` …
    pub kind: Option<HostText<'static>>,
    /// Flag words, sorted.
    pub flags: Vec<HostText<'static>>,
    /// Unit: bits per second.
    pub speed_bps: Option<u64>,
    /// Interface this one belongs to (bond, bridge, VRF).
    pub master: Option<HostText<'static>>,
    /// Addresses, sorted.
    pub addresses: Vec<InterfaceAddress>,
    /// Received.
    pub rx: LinkCounters,
    /// Sent.
    pub tx: LinkCounters,
    /// Unit: collisions.
    pub collisions: Option<u64>,
    /// Times that the carrier was lost while sending.
    pub carrier_errors: Option<u64>,
    /// Packets not sent because the device's own queue ran empty or full: `fifo` of Linux.
    pub fifo_errors: Option<u64>,
    /// Width of the counters in bits: 32 or 64.
    pub counter_width: Option<u8>,
}

impl Interface {
    /// An interface of which only the name is known.
    #[must_use]
    pub fn named(name: HostText<'static>) -> Self {
        Self {
            name,
            index: None,
            mac: None,
            mtu: None,
            oper_state: None,
            kind: None,
            flags: Vec::new(),
            speed_bps: None,
            master: None,
            addresses: Vec::new(),
            rx: LinkCounters::default(),
            tx: LinkCounters::default(),
            collisions: None,
            carrier_errors: None,
            fifo_errors: None,
            counter_width: None,
        }
    }
}
