//! The rows of each section of `netstat -s`, by version of Windows.
//!
//! Source: what Windows XP, Vista and later print; `MIB_IPSTATS`, `MIB_ICMPSTATS_EX`, `MIB_TCPSTATS` and
//! `MIB_UDPSTATS` for the counters' meaning.

/// What a section counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Group {
    protocol: Protocol,
    six: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Ip,
    Icmp,
    Tcp,
    Udp,
}

impl Group {
    /// The group that a title names. Titles are not indented, and no digit stands in them but the 4 or
    /// 6 of a version.
    pub(super) fn of_title(line: &[u8]) -> Option<Self> {
        let has = |word: &[u8]| memchr::memmem::find(line, word).is_some();
        let digits = line.iter().filter(|byte| byte.is_ascii_digit()).count();
        let six = has(b"v6");
        let versions = usize::from(six) + usize::from(has(b"v4"));
        let indented = line.first().is_some_and(u8::is_ascii_whitespace);
        if indented || digits != versions || versions > 1 || line.contains(&b'=') {
            return None;
        }
        let protocol = match () {
            () if has(b"TCP") => Protocol::Tcp,
            () if has(b"UDP") => Protocol::Udp,
            () if has(b"ICMP") => Protocol::Icmp,
            () if has(b"IP") => Protocol::Ip,
            () => return None,
        };
        Some(Self { protocol, six })
    }

    /// Its name.
    pub(super) const fn name(self) -> &'static str {
        match (self.protocol, self.six) {
            (Protocol::Ip, false) => "IPv4",
            (Protocol::Ip, true) => "IPv6",
            (Protocol::Icmp, false) => "ICMPv4",
            (Protocol::Icmp, true) => "ICMPv6",
            (Protocol::Tcp, false) => "TCPv4",
            (Protocol::Tcp, true) => "TCPv6",
            (Protocol::Udp, false) => "UDPv4",
            (Protocol::Udp, true) => "UDPv6",
        }
    }

    /// True where rows have two numbers.
    pub(super) fn is_icmp(self) -> bool {
        self.protocol == Protocol::Icmp
    }
}

/// A row: what English Windows calls it, and its name.
pub(super) struct Place {
    english: &'static str,
    pub(super) name: &'static str,
}

impl Place {
    /// True when a row with these words can stand here: they are the words of this place, or of none.
    pub(super) fn can_be(&self, label: &[u8]) -> bool {
        let all = ALL.iter().flat_map(|layouts| layouts.iter());
        let mut places = all.flat_map(|layout| layout.rows);
        label == self.english.as_bytes() || !places.any(|place| place.english.as_bytes() == label)
    }
}

/// The rows of a section in one version of Windows.
pub(super) struct Layout {
    pub(super) rows: &'static [Place],
}

/// The known layouts of a group.
pub(super) const fn of(group: Group) -> &'static [Layout] {
    match (group.protocol, group.six) {
        (Protocol::Ip, _) => IP,
        (Protocol::Icmp, false) => ICMP4,
        (Protocol::Icmp, true) => ICMP6,
        (Protocol::Tcp, _) => TCP,
        (Protocol::Udp, _) => UDP,
    }
}

const ALL: [&[Layout]; 5] = [IP, ICMP4, ICMP6, TCP, UDP];

const fn place(english: &'static str, name: &'static str) -> Place {
    Place { english, name }
}

const IP: &[Layout] = &[Layout {
    rows: &[
        place("Packets Received", "InReceives"),
        place("Received Header Errors", "InHdrErrors"),
        place("Received Address Errors", "InAddrErrors"),
        place("Datagrams Forwarded", "ForwDatagrams"),
        place("Unknown Protocols Received", "InUnknownProtos"),
        place("Received Packets Discarded", "InDiscards"),
        place("Received Packets Delivered", "InDelivers"),
        place("Output Requests", "OutRequests"),
        place("Routing Discards", "RoutingDiscards"),
        place("Discarded Output Packets", "OutDiscards"),
        place("Output Packet No Route", "OutNoRoutes"),
        place("Reassembly Required", "ReasmReqds"),
        place("Reassembly Successful", "ReasmOKs"),
        place("Reassembly Failures", "ReasmFails"),
        place("Datagrams Successfully Fragmented", "FragOKs"),
        place("Datagrams Failing Fragmentation", "FragFails"),
        place("Fragments Created", "FragCreates"),
    ],
}];

const TCP: &[Layout] = &[Layout {
    rows: &[
        place("Active Opens", "ActiveOpens"),
        place("Passive Opens", "PassiveOpens"),
        place("Failed Connection Attempts", "AttemptFails"),
        place("Reset Connections", "EstabResets"),
        place("Current Connections", "CurrEstab"),
        place("Segments Received", "InSegs"),
        place("Segments Sent", "OutSegs"),
        place("Segments Retransmitted", "RetransSegs"),
    ],
}];

const UDP: &[Layout] = &[Layout {
    rows: &[
        place("Datagrams Received", "InDatagrams"),
        place("No Ports", "NoPorts"),
        place("Receive Errors", "InErrors"),
        place("Datagrams Sent", "OutDatagrams"),
    ],
}];

const MESSAGES: Place = place("Messages", "Msgs");
const ERRORS: Place = place("Errors", "Errors");
const UNREACHABLE: Place = place("Destination Unreachable", "DestUnreachs");
const TIME_EXCEEDED: Place = place("Time Exceeded", "TimeExcds");
const QUENCHES: Place = place("Source Quenches", "SrcQuenchs");
const REDIRECTS: Place = place("Redirects", "Redirects");
const ECHOS: Place = place("Echos", "Echos");
const REPLIES: Place = place("Echo Replies", "EchoReps");
const TIMESTAMPS: Place = place("Timestamps", "Timestamps");
const TIMESTAMP_REPLIES: Place = place("Timestamp Replies", "TimestampReps");
const MASKS: Place = place("Address Masks", "AddrMasks");
const MASK_REPLIES: Place = place("Address Mask Replies", "AddrMaskReps");
const SOLICITATIONS: Place = place("Router Solicitations", "RouterSolicits");
const ADVERTISEMENTS: Place = place("Router Advertisements", "RouterAdvertisements");
const PROBLEMS: Place = place("Parameter Problems", "ParmProbs");

/// Vista and later have two rows more than 2000, XP and 2003, and the replies before the echos.
const ICMP4: &[Layout] = &[
    Layout {
        rows: &[
            MESSAGES,
            ERRORS,
            UNREACHABLE,
            TIME_EXCEEDED,
            PROBLEMS,
            QUENCHES,
            REDIRECTS,
            REPLIES,
            ECHOS,
            TIMESTAMPS,
            TIMESTAMP_REPLIES,
            MASKS,
            MASK_REPLIES,
            SOLICITATIONS,
            ADVERTISEMENTS,
        ],
    },
    Layout {
        rows: &[
            MESSAGES,
            ERRORS,
            UNREACHABLE,
            TIME_EXCEEDED,
            PROBLEMS,
            QUENCHES,
            REDIRECTS,
            ECHOS,
            REPLIES,
            TIMESTAMPS,
            TIMESTAMP_REPLIES,
            MASKS,
            MASK_REPLIES,
        ],
    },
];

const ICMP6: &[Layout] = &[Layout {
    rows: &[
        MESSAGES,
        ERRORS,
        UNREACHABLE,
        place("Packet Too Big", "PktTooBigs"),
        TIME_EXCEEDED,
        place("Parameter Problems", "ParmProblems"),
        ECHOS,
        place("Echo Replies", "EchoReplies"),
        place("MLD Queries", "GroupMembQueries"),
        place("MLD Reports", "GroupMembResponses"),
        place("MLD Dones", "GroupMembReductions"),
        SOLICITATIONS,
        ADVERTISEMENTS,
        place("Neighbor Solicitations", "NeighborSolicits"),
        place("Neighbor Advertisements", "NeighborAdvertisements"),
        REDIRECTS,
        place("Router Renumberings", "RouterRenumberings"),
    ],
}];
