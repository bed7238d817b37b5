//! Protocol counters.

use crate::model::text::HostText;

/// One counter of a protocol, since boot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counter {
    /// Protocol group as the kernel names it: `Tcp`, `TcpExt`, `Ip6`, `sockstat.TCP`.
    pub protocol: HostText<'static>,
    /// Counter name as the kernel names it: `ListenOverflows`.
    pub name: HostText<'static>,
    /// Value. Signed: `Tcp MaxConn` is -1 when unlimited.
    pub value: i128,
}
