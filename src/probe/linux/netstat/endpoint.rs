//! One end of a socket as netstat spells it: `host:port`, with `-n` never in brackets.
//!
//! In: the front of a line. Out: what is written there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::probe::address::ipv6;
use crate::probe::cursor::Cursor;

/// Characters of a field that was cut: 22 of address and port, and the colon between them
/// (net-tools `netstat.c`, `addr_do_one`).
const CUT_FIELD: usize = 23;

/// An end as it is written.
#[derive(Clone, Copy)]
pub(super) struct Spelled<'a> {
    /// The address.
    pub(super) address: IpAddr,
    /// What follows `%`.
    pub(super) zone: Option<&'a [u8]>,
    /// The port; `None` for `*`. For raw sockets the number of the protocol.
    pub(super) port: Option<u16>,
    /// How the field fits its column.
    pub(super) fit: Fit,
}

/// How a field fits a column of 23 characters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// Shorter, or of a kind that is never cut.
    Inside,
    /// It fills it.
    Exact,
    /// Longer, so nothing is cut here.
    Over,
}

/// What is wrong with an end.
pub(super) enum Fault {
    /// It fills the column and is no address: it was cut.
    Cut,
    /// It is no address with a port.
    Other,
}

/// Takes one end. `v6` says which family a `*` is.
#[inline]
pub(super) fn read<'a>(cursor: &mut Cursor<'a>, v6: bool) -> Result<Spelled<'a>, Fault> {
    cursor.blanks();
    let start = *cursor;
    if let Some(address) = cursor.ipv4()
        && let Some(Port(port)) = port(cursor)
    {
        return Ok(Spelled { address: address.into(), zone: None, port, fit: Fit::Inside });
    }
    *cursor = start;
    bare(cursor, v6)
}

/// A port; `None` inside for `*`.
struct Port(Option<u16>);

/// `:22` or `:*`, and the word must end there.
#[inline]
fn port(cursor: &mut Cursor<'_>) -> Option<Port> {
    if !cursor.eat(b":") {
        return None;
    }
    let port = if cursor.eat(b"*") { None } else { Some(cursor.number()?) };
    cursor.at_word_end().then_some(Port(port))
}

/// An IPv6 address, or `*`.
fn bare<'a>(cursor: &mut Cursor<'a>, v6: bool) -> Result<Spelled<'a>, Fault> {
    let word = cursor.token();
    let fit = match word.len() {
        ..CUT_FIELD => Fit::Inside,
        CUT_FIELD => Fit::Exact,
        _ => Fit::Over,
    };
    let fault = || if fit == Fit::Exact && is_numeric(word) { Fault::Cut } else { Fault::Other };
    let colon = memchr::memrchr(b':', word).ok_or_else(fault)?;
    let (host, port_text) = word.split_at(colon);
    let (address, zone) = match memchr::memchr(b'%', host) {
        Some(at) => {
            let (address, zone) = host.split_at(at);
            (address, zone.get(1..))
        }
        None => (host, None),
    };
    // glibc prints brackets where names were asked for.
    let inside = address.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]"));
    let address = match inside.unwrap_or(address) {
        b"*" if v6 => Ipv6Addr::UNSPECIFIED.into(),
        b"*" => Ipv4Addr::UNSPECIFIED.into(),
        text => IpAddr::V6(ipv6(text).ok_or_else(fault)?),
    };
    let Port(port) = port(&mut Cursor::new(port_text)).ok_or_else(fault)?;
    Ok(Spelled { address, zone: zone.filter(|zone| !zone.is_empty()), port, fit })
}

/// True when no host or service name stands in the word.
#[cold]
fn is_numeric(word: &[u8]) -> bool {
    word.iter().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.' | b'*' | b'%'))
}
