//! The first word of a row: protocol and family.
//!
//! ```text
//! tcp4 tcp6 tcp46 udp4 tcp udp6 icm4 igm4 ip 4 div4 sctp4 toe4 unix
//! ```
//! FreeBSD and macOS print three letters of the protocol and the family's number, so that raw IP is
//! `ip 4`: two words. OpenBSD and NetBSD print the name, with `6` behind it for IPv6.

use crate::model::socket::Transport;

/// A protocol that rows are read of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Protocol {
    pub(super) transport: Transport,
    /// Protocol number of a raw socket, where the word says it.
    pub(super) raw: Option<u8>,
    pub(super) version: Version,
}

/// What the word says of the family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// `4`.
    V4,
    /// `6`.
    V6,
    /// `46`: one socket for both.
    Both,
    /// Nothing.
    Plain,
}

/// What a first word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Socket(Protocol),
    /// `ip`, whose number may be the next word.
    Ip(Protocol),
    /// A socket that is not in the schema.
    Other,
    /// A UNIX-domain socket in a list of listeners.
    Unix,
}

/// Reads a first word. `None`: none of these.
#[inline]
pub(super) fn read(word: &[u8]) -> Option<Word> {
    let digits = word.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let (name, number) = word.split_at_checked(word.len() - digits)?;
    let version = version(number)?;
    let socket = |transport, raw| Some(Word::Socket(Protocol { transport, raw, version }));
    match name {
        b"tcp" | b"toe" => socket(Transport::Tcp, None),
        b"udp" => socket(Transport::Udp, None),
        b"udpl" | b"udplite" => socket(Transport::Udplite, None),
        b"sct" | b"sctp" => socket(Transport::Sctp, None),
        b"icm" | b"icmp" if version == Version::V6 => socket(Transport::Raw, Some(58)),
        b"icm" | b"icmp" => socket(Transport::Raw, Some(1)),
        b"igm" | b"igmp" => socket(Transport::Raw, Some(2)),
        b"ip" | b"raw" => {
            Some(Word::Ip(Protocol { transport: Transport::Raw, raw: None, version }))
        }
        b"div" | b"divert" => Some(Word::Other),
        b"unix" | b"uni" => Some(Word::Unix),
        _ => None,
    }
}

/// Reads the family's number.
pub(super) const fn version(number: &[u8]) -> Option<Version> {
    Some(match number {
        b"" => Version::Plain,
        b"4" => Version::V4,
        b"6" => Version::V6,
        b"46" => Version::Both,
        _ => return None,
    })
}
