//! Sockets: who listens where, who talks to whom, in one form for every tool.

use std::net::IpAddr;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::model::host::words;
use crate::model::text::HostText;

words! {
    /// Transport protocol.
    Transport {
        /// TCP.
        Tcp = "tcp",
        /// UDP.
        Udp = "udp",
        /// UDP-Lite.
        Udplite = "udplite",
        /// Raw IP.
        Raw = "raw",
        /// SCTP.
        Sctp = "sctp",
        /// Multipath TCP.
        Mptcp = "mptcp",
        /// DCCP.
        Dccp = "dccp",
        /// ICMP datagram ("ping") sockets.
        Icmp = "icmp",
    }
}

words! {
    /// Address family of the addresses in the record.
    Family {
        /// IPv4, also for a v4-mapped address on an IPv6 socket.
        Ipv4 = "ipv4",
        /// IPv6.
        Ipv6 = "ipv6",
    }
}

words! {
    /// State of a socket. TCP states as RFC 9293 names them, in lower snake.
    State {
        /// Waits for connections.
        Listen = "listen",
        /// Connection stands; for UDP, a connected socket.
        Established = "established",
        /// SYN sent, no answer yet.
        SynSent = "syn_sent",
        /// SYN received, handshake not complete.
        SynReceived = "syn_received",
        /// Closed here, FIN not acknowledged.
        FinWait1 = "fin_wait_1",
        /// Closed here, waiting for the peer's FIN.
        FinWait2 = "fin_wait_2",
        /// Closed by the peer, not yet by the owner.
        CloseWait = "close_wait",
        /// Both closed at once.
        Closing = "closing",
        /// Closed by both, last acknowledgement outstanding.
        LastAck = "last_ack",
        /// Closed, waiting for stray segments.
        TimeWait = "time_wait",
        /// No connection, not bound.
        Closed = "closed",
        /// Bound to a port, neither listening nor connected.
        Bound = "bound",
        /// Solaris: opened, not bound.
        Idle = "idle",
        /// Windows: control block being deleted.
        DeleteTcb = "delete_tcb",
        /// UDP and raw: no peer.
        Unconnected = "unconnected",
        /// A state word or code that is not known; see `state_raw`.
        Unknown = "unknown",
    }
}

words! {
    /// How far a local address reaches.
    Scope {
        /// Only this machine.
        Loopback = "loopback",
        /// Only the link (IPv6 `fe80::/10`, IPv4 `169.254/16`).
        LinkLocal = "link_local",
        /// One address.
        Specific = "specific",
        /// A multicast group.
        Multicast = "multicast",
        /// Every address of one family.
        Wildcard = "wildcard",
        /// Every address, IPv4 and IPv6 by one socket.
        WildcardDual = "wildcard_dual",
    }
}

words! {
    /// Who opened the conversation, as far as one snapshot tells.
    Direction {
        /// Waits for peers: a TCP listener or an unconnected UDP socket with a port.
        Listener = "listener",
        /// The local port is one that this host listens on.
        Inbound = "inbound",
        /// The local port is not one that this host listens on.
        Outbound = "outbound",
        /// Both ends are on this host.
        Local = "local",
        /// No peer and no port to wait on.
        Unconnected = "unconnected",
        /// Cannot be told.
        Unknown = "unknown",
    }
}

words! {
    /// Whether the owner of a socket is known, and if not, why not.
    Attribution {
        /// At least one process is named.
        Owned = "owned",
        /// No process owns it: the account could see all owners and none was there, or the state
        /// has no owner (`time_wait`, orphaned `fin_wait_2`).
        Kernel = "kernel",
        /// The account could not see owners of others: says nothing about the socket. With an owner that
        /// has an id and no name: no process was named to it.
        Denied = "denied",
        /// The command or the OS does not tell owners.
        Unsupported = "unsupported",
        /// An owner is named but the name is cut, repeated or taken from argv[0], or not known; or
        /// none was found by a command that looked later than the one that listed the socket, so
        /// the socket may have been closed meanwhile.
        Ambiguous = "ambiguous",
    }
}

words! {
    /// What a socket's timer waits for.
    TimerKind {
        /// Retransmission.
        On = "on",
        /// Keepalive probe.
        Keepalive = "keepalive",
        /// End of `time_wait`.
        TimeWait = "time_wait",
        /// Zero-window probe.
        Persist = "persist",
        /// A word or code that is not known.
        Unknown = "unknown",
    }
}

/// One end of a socket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint<'a> {
    /// The address; unspecified (`0.0.0.0`, `::`) for a wildcard. A v4-mapped IPv6 address is
    /// stored as IPv4, with `flags.v4_mapped`.
    pub address: IpAddr,
    /// The port. `None` for `*` (any) and for protocols without ports.
    pub port: Option<u16>,
    /// IPv6 zone of a link-local address (`eth0`).
    pub zone: Option<HostText<'a>>,
}

/// A process that holds a socket open, as the tool names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Owner<'a> {
    /// Process id.
    pub pid: u32,
    /// File descriptor in that process. `None` where the tool does not say.
    pub fd: Option<u32>,
    /// Thread id, where the tool lists threads.
    pub tid: Option<u32>,
    /// The name the tool prints: on Linux `comm`, at most 15 bytes and chosen by the process
    /// itself, so display data, not identity.
    pub name: HostText<'a>,
}

/// A running timer of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Timer {
    /// What it waits for.
    pub kind: TimerKind,
    /// Time left, in milliseconds. `None` where the tool does not say.
    pub expires_ms: Option<u64>,
    /// Retransmissions so far.
    pub retransmits: Option<u32>,
}

words! {
    /// What runs the processes of a network namespace.
    Runtime {
        /// Docker.
        Docker = "docker",
        /// Podman.
        Podman = "podman",
        /// containerd, without Kubernetes.
        Containerd = "containerd",
        /// CRI-O, without Kubernetes.
        Crio = "cri-o",
        /// A pod of Kubernetes; all its containers share the namespace.
        Kubernetes = "kubernetes",
        /// LXC or LXD.
        Lxc = "lxc",
        /// systemd-nspawn or another machine that systemd-machined knows.
        Machine = "machine",
    }
}

/// A network namespace other than the one the account is in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Namespace {
    /// The kernel's number of it, as the inode of its `net/tcp`: new with each start, distinct
    /// while it is there.
    pub inode: u64,
    /// What it is called from one start to the next where that can be told: id of the container,
    /// uid of the pod, name of the machine, unit of systemd; else its number as `netns:INODE`. Two
    /// namespaces of one snapshot that would have one name have their numbers behind it.
    pub name: HostText<'static>,
    /// What runs it. `None`: no container, as far as the control groups tell.
    pub runtime: Option<Runtime>,
}

/// Doubts about a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "independent doubts, each printed by name")]
pub struct SocketFlags {
    /// The IPv6 socket talks IPv4 (`::ffff:a.b.c.d`); addresses are stored as IPv4.
    pub v4_mapped: bool,
    /// A field fills its column exactly, so it may be cut.
    pub truncated: bool,
    /// An owner's name holds a control character.
    pub name_has_control: bool,
    /// The same socket was printed twice; this is the first.
    pub duplicate: bool,
}

/// One socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socket<'a> {
    /// Transport protocol.
    pub transport: Transport,
    /// Address family of `local` and `remote`.
    pub family: Family,
    /// Local end. For a dual-stack listener `::`.
    pub local: Endpoint<'a>,
    /// Remote end. `None` when there is no peer.
    pub remote: Option<Endpoint<'a>>,
    /// IP protocol number of a raw socket.
    pub raw_protocol: Option<u8>,
    /// Device the socket is bound to (`SO_BINDTODEVICE`).
    pub bind_device: Option<HostText<'a>>,
    /// How far `local` reaches. Set by `normalize`.
    pub bind_scope: Scope,
    /// One socket for IPv4 and IPv6. `None` where the tool does not say.
    pub dual_stack: Option<bool>,
    /// State.
    pub state: State,
    /// The tool's own word or code, where it can say more than `state`.
    pub state_raw: Option<HostText<'a>>,
    /// Who opened it. Set by `normalize`.
    pub direction: Direction,
    /// Bytes received and not yet read by the owner. `None` for listeners and where not reported.
    pub recv_queue_bytes: Option<u64>,
    /// Bytes sent and not yet acknowledged. `None` for listeners and where not reported.
    pub send_queue_bytes: Option<u64>,
    /// Listeners: connections waiting to be accepted. Unit: connections.
    pub backlog_current: Option<u64>,
    /// Listeners: limit of that queue. Unit: connections.
    pub backlog_max: Option<u64>,
    /// Running timer. `None`: no timer, or not reported.
    pub timer: Option<Timer>,
    /// Datagrams dropped since the socket was opened (UDP and raw, `/proc` only).
    pub drops: Option<u64>,
    /// Inode of the socket; 0 means that no file holds it. `None` where not reported.
    pub inode: Option<u64>,
    /// Kernel cookie.
    pub cookie: Option<u64>,
    /// User id that created the socket. `None` where not reported, and where the kernel says 0 of a
    /// socket that no file holds any more: it has lost its user.
    pub uid: Option<u32>,
    /// Control group path of the socket's creator.
    pub cgroup: Option<HostText<'a>>,
    /// Owners, in the tool's order. Empty is explained by `attribution`.
    pub owners: SmallVec<[Owner<'a>; 1]>,
    /// Whether owners are known. Set by `normalize`; parsers set `Owned` or `Unsupported`.
    pub attribution: Attribution,
    /// Network namespace. `None`: the account's own. Set by `normalize`.
    pub namespace: Option<Arc<Namespace>>,
    /// Doubts.
    pub flags: SocketFlags,
}

impl Endpoint<'_> {
    /// A copy that borrows nothing.
    #[must_use]
    pub fn into_owned(self) -> Endpoint<'static> {
        Endpoint {
            address: self.address,
            port: self.port,
            zone: self.zone.map(HostText::into_owned),
        }
    }
}

impl<'a> Socket<'a> {
    /// A socket with the five facts every tool prints; everything else is "not reported".
    #[must_use]
    #[inline]
    pub fn new(
        transport: Transport,
        local: Endpoint<'a>,
        remote: Option<Endpoint<'a>>,
        state: State,
    ) -> Self {
        let family = if local.address.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 };
        Self {
            transport,
            family,
            local,
            remote,
            raw_protocol: None,
            bind_device: None,
            bind_scope: Scope::Specific,
            dual_stack: None,
            state,
            state_raw: None,
            direction: Direction::Unknown,
            recv_queue_bytes: None,
            send_queue_bytes: None,
            backlog_current: None,
            backlog_max: None,
            timer: None,
            drops: None,
            inode: None,
            cookie: None,
            uid: None,
            cgroup: None,
            owners: SmallVec::new(),
            attribution: Attribution::Unsupported,
            namespace: None,
            flags: SocketFlags::default(),
        }
    }

    /// A copy that borrows nothing.
    #[must_use]
    pub fn into_owned(self) -> Socket<'static> {
        let owners = self.owners.into_iter().map(|owner| Owner {
            name: owner.name.into_owned(),
            pid: owner.pid,
            fd: owner.fd,
            tid: owner.tid,
        });
        Socket {
            transport: self.transport,
            family: self.family,
            local: self.local.into_owned(),
            remote: self.remote.map(Endpoint::into_owned),
            raw_protocol: self.raw_protocol,
            bind_device: self.bind_device.map(HostText::into_owned),
            bind_scope: self.bind_scope,
            dual_stack: self.dual_stack,
            state: self.state,
            state_raw: self.state_raw.map(HostText::into_owned),
            direction: self.direction,
            recv_queue_bytes: self.recv_queue_bytes,
            send_queue_bytes: self.send_queue_bytes,
            backlog_current: self.backlog_current,
            backlog_max: self.backlog_max,
            timer: self.timer,
            drops: self.drops,
            inode: self.inode,
            cookie: self.cookie,
            uid: self.uid,
            cgroup: self.cgroup.map(HostText::into_owned),
            owners: owners.collect(),
            attribution: self.attribution,
            namespace: self.namespace,
            flags: self.flags,
        }
    }
}
