//! What a tool cannot say, as data: one list for each probe, printed on the command page, used by
//! `normalize` to tell a whole answer from a part, and by the tests that compare tools.

use crate::model::host::{Platform, words};

words! {
    /// Something that an answer leaves out however well it went.
    Gap {
        /// No owner of any socket.
        Owners = "owners",
        /// Only one owner of a socket that several processes hold.
        OtherOwners = "other owners",
        /// The descriptor through which an owner holds the socket.
        OwnerDescriptor = "owner's descriptor",
        /// The owner's name: only the process id is told.
        OwnerName = "owner's name",
        /// The owner's `comm`: it prints part of `argv[0]`, cut.
        OwnerComm = "owner's comm",
        /// The owner's name from its first `)` on.
        OwnerNameEnd = "owner's name behind a parenthesis",
        /// An owner whose name opens a parenthesis and does not close it is not seen at all; one
        /// that closes more than it opens is cut there.
        UnpairedNames = "owners with unpaired parentheses in their name",
        /// Which control character stands in an owner's name: ESC is printed as `^[`.
        OwnerNameControls = "control characters in an owner's name",
        /// Sockets that no process holds: `time_wait`, orphans, connections not yet accepted.
        UnownedSockets = "sockets without an owner",
        /// Raw sockets.
        RawSockets = "raw sockets",
        /// Inode and user of raw sockets, where the kernel lacks `raw_diag`.
        RawDetails = "inode and user of raw sockets",
        /// The device a socket is bound to.
        BindDevice = "bound device",
        /// The zone of a link-local address.
        Zone = "zone",
        /// Whether a `::` takes IPv4 too.
        DualStack = "dual stack",
        /// Bytes that wait to be read or acknowledged.
        Queues = "queues",
        /// Connections that wait to be accepted.
        Backlog = "backlog",
        /// Limit of a listener's queue.
        BacklogLimit = "backlog limit",
        /// Timers.
        Timer = "timer",
        /// Datagrams dropped.
        Drops = "drops",
        /// Inode.
        Inode = "inode",
        /// Cookie.
        Cookie = "cookie",
        /// User that created the socket.
        SocketUser = "user",
        /// Control group.
        ControlGroup = "control group",
        /// Addresses that do not fit their column: 22 characters with a port, 17 without.
        LongAddresses = "long addresses",
        /// Index of an interface.
        LinkIndex = "interface index",
        /// MAC, MTU, state, kind, flags and master of an interface.
        LinkDetails = "interface details",
        /// Bytes received and sent by an interface.
        LinkBytes = "interface bytes",
        /// Interfaces that have no address.
        BareLinks = "interfaces without an address",
        /// Overruns and carrier losses apart from other errors.
        LinkErrorKinds = "kinds of interface errors",
        /// Width of the counters.
        CounterWidth = "counter width",
        /// IPv4 addresses of interfaces.
        Ipv4Addresses = "IPv4 addresses",
        /// Far end of a point-to-point link.
        AddressPeer = "address peer",
        /// Routes of tables other than main.
        OtherTables = "other tables",
        /// The table a route stands in.
        RouteTable = "table",
        /// All ways out of a multipath route but the first.
        OtherHops = "other next hops",
        /// IPv4 routes through an IPv6 gateway: the gateway is left out, so each is an issue.
        ForeignGateways = "gateways of the other family",
        /// Which routes are ways out of one multipath route: each has a row of its own.
        JoinedHops = "which next hops belong together",
        /// What a route that discards does: blackhole, unreachable, prohibit and throw look alike.
        DiscardKind = "kind of a discarding route",
        /// Protocol, scope, preferred source, flags, MTU and expiry of a route.
        RouteDetails = "route details",
        /// State words of a neighbour but permanent.
        NeighbourState = "neighbour state",
        /// IPv6 neighbours.
        Ipv6Neighbours = "IPv6 neighbours",
        /// Length of the prefix of an interface's address.
        AddressPrefix = "address prefix",
        /// Time of the last boot: its year is not told, and a host can run for years.
        BootTime = "boot time",
    }
}

/// Rows that the command standard of a platform asks nowhere for. They are in no answer, so an answer
/// without them is not a part of anything, and a host is not for ever called partial.
pub const NEVER_ASKED: &[(Platform, Gap)] = &[
    (Platform::Windows, Gap::RawSockets),
    (Platform::Windows, Gap::Ipv4Addresses),
    (Platform::Windows, Gap::Ipv6Neighbours),
    (Platform::Freebsd, Gap::RawSockets),
    (Platform::Freebsd, Gap::OtherTables),
    (Platform::Openbsd, Gap::OtherTables),
    (Platform::Netbsd, Gap::OtherTables),
    (Platform::Solaris, Gap::RawSockets),
    (Platform::Illumos, Gap::RawSockets),
    (Platform::Aix, Gap::RawSockets),
    (Platform::Hpux, Gap::RawSockets),
];

impl Gap {
    /// True when an answer of this platform is a part because of it.
    #[must_use]
    pub fn makes_a_part(self, platform: Platform) -> bool {
        self.hides_rows() && !NEVER_ASKED.contains(&(platform, self))
    }

    /// True when rows are missing, not only fields of rows: the answer is then a part.
    #[must_use]
    pub const fn hides_rows(self) -> bool {
        match self {
            Self::UnpairedNames
            | Self::UnownedSockets
            | Self::RawSockets
            | Self::BareLinks
            | Self::Ipv4Addresses
            | Self::OtherTables
            | Self::OtherHops
            | Self::ForeignGateways
            | Self::Ipv6Neighbours => true,
            Self::Owners
            | Self::OtherOwners
            | Self::OwnerDescriptor
            | Self::OwnerName
            | Self::OwnerComm
            | Self::OwnerNameEnd
            | Self::OwnerNameControls
            | Self::RawDetails
            | Self::BindDevice
            | Self::Zone
            | Self::DualStack
            | Self::Queues
            | Self::Backlog
            | Self::BacklogLimit
            | Self::Timer
            | Self::Drops
            | Self::Inode
            | Self::Cookie
            | Self::SocketUser
            | Self::ControlGroup
            | Self::LongAddresses
            | Self::LinkIndex
            | Self::LinkDetails
            | Self::LinkBytes
            | Self::LinkErrorKinds
            | Self::CounterWidth
            | Self::AddressPeer
            | Self::AddressPrefix
            | Self::BootTime
            | Self::RouteTable
            | Self::JoinedHops
            | Self::DiscardKind
            | Self::RouteDetails
            | Self::NeighbourState => false,
        }
    }
}
