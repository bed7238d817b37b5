//! Words of `ss`: protocols and states.
//!
//! In: a word. Out: what it says, if it is one that is known.

use crate::model::socket::{State, Transport};

/// A protocol.
pub(super) enum Netid {
    /// Of internet sockets.
    Inet(Transport),
    /// Of others.
    Other,
}

/// What the first word of a row says. `None`: it is no protocol.
pub(super) fn netid(word: &[u8]) -> Option<Netid> {
    Some(match word {
        b"tcp" => Netid::Inet(Transport::Tcp),
        b"udp" => Netid::Inet(Transport::Udp),
        // `ss` names a raw socket of the diag module by its protocol, and most have no name.
        b"raw" | b"???" | b"icmp6" => Netid::Inet(Transport::Raw),
        b"sctp" => Netid::Inet(Transport::Sctp),
        b"mptcp" => Netid::Inet(Transport::Mptcp),
        b"dccp" => Netid::Inet(Transport::Dccp),
        b"u_str" | b"u_dgr" | b"u_seq" | b"nl" | b"p_raw" | b"p_dgr" | b"v_str" | b"v_dgr"
        | b"ti_st" | b"ti_dg" | b"ti_rd" | b"ti_sq" | b"xdp" | b"unknown" => Netid::Other,
        _ => return None,
    })
}

/// The state that a word says.
pub(super) fn state(word: &[u8]) -> Option<State> {
    Some(match word {
        b"ESTAB" => State::Established,
        b"LISTEN" => State::Listen,
        b"TIME-WAIT" => State::TimeWait,
        b"UNCONN" => State::Closed,
        b"CLOSE-WAIT" => State::CloseWait,
        b"SYN-SENT" => State::SynSent,
        b"SYN-RECV" => State::SynReceived,
        b"FIN-WAIT-1" => State::FinWait1,
        b"FIN-WAIT-2" => State::FinWait2,
        b"LAST-ACK" => State::LastAck,
        b"CLOSING" => State::Closing,
        b"BOUND-INACTIVE" => State::Bound,
        b"UNKNOWN" | b"UNDEF" => State::Unknown,
        _ => return None,
    })
}
