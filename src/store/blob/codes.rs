//! The numbers by which blobs name the members of the model's word lists.
//!
//! A code is the member's place in its list. Lists may grow at the end only: a test pins the words,
//! because a member put in the middle would change the meaning of every blob that is stored.

use crate::model::fault::{FaultKind, Stage};
use crate::model::parsed::Severity;
use crate::model::route::RouteKind;
use crate::model::snapshot::{Limitation, SectionStatus, View};
use crate::model::socket::{
    Attribution, Direction, Family, Runtime, Scope, State, TimerKind, Transport,
};
use crate::store::blob::column::Malformed;

/// A word list with codes.
pub(super) trait Code: Copy + 'static {
    /// The code.
    fn code(self) -> u64;
    /// The member with this code.
    fn of(code: u64) -> Result<Self, Malformed>;
}

macro_rules! by_place {
    ($($name:ident),* $(,)?) => {$(
        impl Code for $name {
            fn code(self) -> u64 {
                self as u64
            }
            fn of(code: u64) -> Result<Self, Malformed> {
                let index = usize::try_from(code).unwrap_or(usize::MAX);
                let member = Self::ALL.get(index).copied();
                member.ok_or(Malformed(concat!("not a code of ", stringify!($name))))
            }
        }
    )*};
}
by_place!(
    Attribution,
    Direction,
    Family,
    FaultKind,
    Limitation,
    RouteKind,
    Runtime,
    Scope,
    SectionStatus,
    Stage,
    State,
    TimerKind,
    Transport,
    View,
);

impl Code for Severity {
    fn code(self) -> u64 {
        match self {
            Self::Note => 0,
            Self::Unparsed => 1,
        }
    }

    fn of(code: u64) -> Result<Self, Malformed> {
        match code {
            0 => Ok(Self::Note),
            1 => Ok(Self::Unparsed),
            _ => Err(Malformed("not a code of Severity")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words<T: std::fmt::Display>(all: &[T]) -> String {
        all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn word_lists_only_grow_at_the_end() {
        let pinned = [
            (words(Attribution::ALL), "owned kernel denied unsupported ambiguous"),
            (words(Direction::ALL), "listener inbound outbound local unconnected unknown"),
            (words(Family::ALL), "ipv4 ipv6"),
            (
                words(FaultKind::ALL),
                "dns refused filtered connect_timeout tls_no_common tls_untrusted banner_timeout \
                 kex_timeout kex_no_common host_key_unknown host_key_changed auth_refused \
                 password_expired quota jump_lost denied tool_missing first_byte_timeout \
                 idle_timeout deadline lost truncated suspicious_empty skipped internal \
                 no_route jump_refused policy killed leaked_shell kdc_unreachable no_ticket \
                 config",
            ),
            (
                words(Limitation::ALL),
                "truncated no_owner host_netns_only no_v6 no_udp locale_suspect unparsed tool_gap",
            ),
            (
                words(RouteKind::ALL),
                "unicast local broadcast anycast multicast blackhole unreachable prohibit throw \
                 nat unknown",
            ),
            (words(Runtime::ALL), "docker podman containerd cri-o kubernetes lxc machine"),
            (words(Scope::ALL), "loopback link_local specific multicast wildcard wildcard_dual"),
            (words(SectionStatus::ALL), "complete partial failed replaced"),
            (words(Stage::ALL), "connect tls auth create command receive cleanup"),
            (
                words(State::ALL),
                "listen established syn_sent syn_received fin_wait_1 fin_wait_2 close_wait \
                 closing last_ack time_wait closed bound idle delete_tcb unconnected unknown",
            ),
            (words(TimerKind::ALL), "on keepalive time_wait persist unknown"),
            (words(Transport::ALL), "tcp udp udplite raw sctp mptcp dccp icmp"),
            (words(View::ALL), "listeners sessions interfaces routes counters host"),
        ];
        for (now, then) in pinned {
            assert_eq!(now, then, "blobs of format version 1 name members by place");
        }
    }
}
