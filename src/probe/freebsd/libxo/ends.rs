//! The protocol and the two ends of a socket, as netstat(1) and sockstat(1) name them.
//!
//! ```text
//! tcp4  tcp6  tcp46  udp4  icmp4  icmp66  ip4  divert4      {"address":"fe80::1%em0","port":"123"}
//! ```
//! A name and the families that the socket serves. `*` and port 0 are any. A socket of `46` is one for
//! both families and stands in the answers for each: it is `::` in both.

use std::net::{IpAddr, Ipv6Addr};

use serde_json::Value;

use crate::model::socket::{Endpoint, Family, Socket, State, Transport};
use crate::model::text::HostText;
use crate::probe::address::unmap;
use crate::probe::bsd::endpoint::address;
use crate::probe::freebsd::libxo::{whole, word};

/// Which families a socket serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Serves {
    /// One.
    One(Family),
    /// Both.
    Both,
    /// The name does not tell.
    Untold,
}

/// What the name of a protocol says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Protocol {
    /// Transport. `None`: a known kind of socket that has no place in the records.
    pub(super) transport: Option<Transport>,
    /// IP protocol of a raw socket, where the name is that of one.
    pub(super) raw: Option<u8>,
    /// Families.
    pub(super) serves: Serves,
}

/// Names, longer ones first where one begins another; IP protocol of raw ones.
const NAMES: &[(&str, Option<Transport>, Option<u8>)] = &[
    ("tcp", Some(Transport::Tcp), None),
    // TCP that the interface's hardware runs.
    ("toe", Some(Transport::Tcp), None),
    ("udplite", Some(Transport::Udplite), None),
    ("udp", Some(Transport::Udp), None),
    ("sctp", Some(Transport::Sctp), None),
    ("icmp6", Some(Transport::Raw), Some(58)),
    ("icmp", Some(Transport::Raw), Some(1)),
    ("igmp", Some(Transport::Raw), Some(2)),
    ("pim", Some(Transport::Raw), Some(103)),
    ("ip6", Some(Transport::Raw), None),
    ("ip", Some(Transport::Raw), None),
    ("divert", None, None),
    ("div", None, None),
    ("stream", None, None),
    ("dgram", None, None),
    ("seqpac", None, None),
];

/// Reads the name of a protocol. `None`: not known.
pub(super) fn protocol(value: Option<&Value>) -> Option<Protocol> {
    let name = word(value)?;
    let name = std::str::from_utf8(name.bytes()).ok()?;
    NAMES.iter().find_map(|(known, transport, raw)| {
        let families = name.strip_prefix(known)?;
        let serves = match families {
            "4" => Serves::One(Family::Ipv4),
            "6" => Serves::One(Family::Ipv6),
            "46" => Serves::Both,
            "" if known.ends_with('6') => Serves::One(Family::Ipv6),
            "" => Serves::Untold,
            _ => return None,
        };
        Some(Protocol { transport: *transport, raw: *raw, serves })
    })
}

/// Reads one end. `None` for anything else. A number as port is as good as a string.
fn end(value: Option<&Value>, serves: Serves) -> Option<Endpoint<'static>> {
    let value = value?;
    let host = word(value.get("address"))?;
    let port = match word(value.get("port")) {
        Some(any) if any.bytes() == b"*" => 0,
        _ => whole::<u16>(value.get("port"))?,
    };
    let family = match serves {
        Serves::One(family) => family,
        _ if host.bytes().contains(&b':') => Family::Ipv6,
        Serves::Both if host.bytes() == b"*" => Family::Ipv6,
        _ => Family::Ipv4,
    };
    let (address, zone) = address(host.bytes(), family)?;
    let zone = zone.map(HostText::into_owned);
    Some(Endpoint { address, port: (port != 0).then_some(port), zone })
}

/// A socket of these ends in a state; the state of one without a peer and of one with a peer is
/// `unconnected` and `established` where the protocol has none of its own.
///
/// # Errors
/// What was expected, when an end cannot be read.
pub(super) fn socket(
    protocol: Protocol,
    transport: Transport,
    ends: [Option<&Value>; 2],
    state: Option<State>,
) -> Result<Socket<'static>, &'static str> {
    let [here, there] = ends;
    let mut local = end(here, protocol.serves).ok_or("expected a local address and port")?;
    let mut remote = match there {
        None => None,
        there => Some(end(there, protocol.serves).ok_or("expected a remote address and port")?),
    };
    let mut nobody = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    let far = remote.as_mut().map_or(&mut nobody, |remote| &mut remote.address);
    let mapped = unmap(&mut local.address, far);
    let peer = remote.filter(|end| !end.address.is_unspecified() || end.port.is_some());
    let plain = if peer.is_some() { State::Established } else { State::Unconnected };
    let wildcard = local.address.is_unspecified() && local.address.is_ipv6();
    let mut socket = Socket::new(transport, local, peer, state.unwrap_or(plain));
    socket.raw_protocol = protocol.raw;
    socket.flags.v4_mapped = mapped;
    // Of SCTP and raw sockets the name does not tell whether a `::` takes IPv4.
    if wildcard && matches!(transport, Transport::Tcp | Transport::Udp | Transport::Udplite) {
        socket.dual_stack = match protocol.serves {
            Serves::Both => Some(true),
            Serves::One(_) => Some(false),
            Serves::Untold => None,
        };
    }
    Ok(socket)
}

/// State words of TCP and SCTP.
const STATES: &[(&[u8], State)] = &[
    (b"CLOSED", State::Closed),
    (b"LISTEN", State::Listen),
    (b"SYN_SENT", State::SynSent),
    (b"SYN_RCVD", State::SynReceived),
    (b"ESTABLISHED", State::Established),
    (b"CLOSE_WAIT", State::CloseWait),
    (b"FIN_WAIT_1", State::FinWait1),
    (b"CLOSING", State::Closing),
    (b"LAST_ACK", State::LastAck),
    (b"FIN_WAIT_2", State::FinWait2),
    (b"TIME_WAIT", State::TimeWait),
    (b"BOUND", State::Bound),
];

/// What a word of a state means.
pub(super) fn state(word: &[u8]) -> Option<State> {
    STATES.iter().find(|(name, _)| *name == word).map(|(_, state)| *state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_are_split_into_protocol_and_families() {
        let read = |name: &str| protocol(Some(&json!(name)));
        let some = |transport, raw, serves| Some(Protocol { transport, raw, serves });
        let (v4, v6) = (Serves::One(Family::Ipv4), Serves::One(Family::Ipv6));
        assert_eq!(read("tcp4 "), some(Some(Transport::Tcp), None, v4));
        assert_eq!(read("tcp46"), some(Some(Transport::Tcp), None, Serves::Both));
        assert_eq!(read("icmp66"), some(Some(Transport::Raw), Some(58), v6));
        assert_eq!(read("icmp4"), some(Some(Transport::Raw), Some(1), v4));
        assert_eq!(read("icmp6"), some(Some(Transport::Raw), Some(58), v6));
        assert_eq!(read("ip4"), some(Some(Transport::Raw), None, v4));
        assert_eq!(read("ip66"), some(Some(Transport::Raw), None, v6));
        assert_eq!(read("sctp"), some(Some(Transport::Sctp), None, Serves::Untold));
        assert_eq!(read("divert4"), some(None, None, v4));
        for name in ["", "tcp5", "sdp4", "x", "tcp 4"] {
            assert_eq!(read(name), None, "{name}");
        }
    }
}
