//! One row: its columns, and what they mean together.
//!
//! In: a line. Out: a socket that borrows from it, or why it is none.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::parsed::Row;
use crate::model::socket::{Attribution, Endpoint, Owner, Socket, State, Transport};
use crate::model::text::HostText;
use crate::probe::address::{ipv6, unmap};
use crate::probe::cursor::Cursor;
use crate::probe::windows::netstat::state::{english, german};

/// What a line is.
pub(super) enum Reading {
    /// A socket, and the id of its process where one is told.
    Socket(Option<u32>),
    /// It begins like a row and is none: what was expected.
    Bad(&'static str),
    /// It does not begin like a row.
    Other,
}

/// The id that stands for no process.
const NOBODY: u32 = 0;
/// The id under which the kernel runs as a process.
const KERNEL: u32 = 4;

/// Reads a line. A socket is built in `out`, because it is large and moving it takes longer than
/// reading it.
#[inline]
pub(super) fn read<'a>(line: &'a [u8], out: &mut Option<Row<'a>>) -> Reading {
    let mut cursor = Cursor::new(line);
    let Some(transport) = protocol(&mut cursor) else { return Reading::Other };
    let Some(local) = end(&mut cursor).and_then(|end| end) else {
        return Reading::Bad("expected a local end as address:port; run netstat with -n");
    };
    let Some(remote) = end(&mut cursor) else {
        return Reading::Bad("expected a foreign end as address:port; run netstat with -n");
    };
    let Some(tail) = tail(cursor.rest, transport) else {
        return Reading::Bad("expected a state and a process id behind the ends");
    };
    let Some(socket) = socket(transport, local, remote, &tail) else {
        return Reading::Bad("expected two ends of one family");
    };
    let Row::Socket(socket) = out.insert(Row::Socket(socket)) else {
        return Reading::Bad("expected a socket");
    };
    match tail.pid {
        None => {}
        Some(NOBODY) => socket.attribution = Attribution::Kernel,
        Some(pid) => {
            let owner = Owner { pid, fd: None, tid: None, name: HostText::new(b"") };
            socket.owners.push(owner);
            socket.attribution =
                if pid == KERNEL { Attribution::Kernel } else { Attribution::Owned };
        }
    }
    Reading::Socket(tail.pid)
}

/// True for a line that begins like a row.
#[inline]
pub(super) fn begins(line: &[u8]) -> bool {
    protocol(&mut Cursor::new(line)).is_some()
}

/// Takes the protocol, the only word that is the same everywhere.
#[inline]
fn protocol(cursor: &mut Cursor<'_>) -> Option<Transport> {
    cursor.blanks();
    let (word, rest) = cursor.rest.split_first_chunk::<3>()?;
    let transport = match word {
        b"TCP" => Transport::Tcp,
        b"UDP" => Transport::Udp,
        _ => return None,
    };
    cursor.rest = rest;
    cursor.eat(b"v6");
    cursor.at_word_end().then_some(transport)
}

/// An end as it is written.
#[derive(Clone, Copy)]
struct Spelled<'a> {
    address: IpAddr,
    zone: Option<&'a [u8]>,
    port: u16,
}

/// Takes one end. The inner `None` is `*:*`.
#[inline]
#[expect(clippy::option_option, reason = "no end at all is another thing than any end")]
fn end<'a>(cursor: &mut Cursor<'a>) -> Option<Option<Spelled<'a>>> {
    cursor.blanks();
    let (address, zone) = match cursor.rest.first() {
        Some(b'[') => bracketed(cursor)?,
        Some(b'*') => {
            cursor.after(b"*:*")?;
            return cursor.at_word_end().then_some(None);
        }
        _ => (IpAddr::V4(cursor.ipv4()?), None),
    };
    let port = cursor.after(b":")?.number()?;
    cursor.at_word_end().then_some(Some(Spelled { address, zone, port }))
}

/// `[fe80::7%12]`.
fn bracketed<'a>(cursor: &mut Cursor<'a>) -> Option<(IpAddr, Option<&'a [u8]>)> {
    let inside = cursor.rest.get(1..)?;
    let close = inside.iter().take(64).position(|&byte| byte == b']')?;
    let (text, rest) = inside.split_at(close);
    cursor.rest = rest.get(1..)?;
    let (address, zone) = match text.iter().position(|&byte| byte == b'%') {
        Some(at) => (text.get(..at)?, text.get(at + 1..)),
        None => (text, None),
    };
    let sound = zone.is_none_or(|zone| zone.iter().all(u8::is_ascii_alphanumeric));
    sound.then_some((ipv6(address)?.into(), zone.filter(|zone| !zone.is_empty())))
}

/// What stands behind the ends.
struct Tail<'a> {
    /// The word for the state, not empty.
    word: Option<&'a [u8]>,
    /// The state, where the word is known.
    state: Option<State>,
    pid: Option<u32>,
}

/// Reads what stands behind the ends. `None`: it is no state, id and offload state.
#[inline]
fn tail(text: &[u8], transport: Transport) -> Option<Tail<'_>> {
    let mut cursor = Cursor::new(text);
    cursor.blanks();
    let mut tail = Tail { word: None, state: None, pid: None };
    if transport == Transport::Tcp {
        let start = cursor;
        let word = cursor.token();
        tail.state = english(word).or_else(|| german(word));
        if tail.state.is_none() {
            return slow_tail(start.rest);
        }
        tail.word = Some(word);
        cursor.blanks();
    }
    if cursor.rest.is_empty() {
        return Some(tail);
    }
    let start = cursor;
    match cursor.number() {
        Some(pid) if cursor.at_word_end() => tail.pid = Some(pid),
        // Without an id, `-t` and `-y` print their columns here.
        _ => cursor = start,
    }
    cursor.blanks();
    let last = cursor.rest.trim_ascii_end();
    let offload = transport == Transport::Tcp && is_words(last);
    (last.is_empty() || offload).then_some(tail)
}

/// The same where the word for the state is not known, has blanks in it or is missing.
#[cold]
fn slow_tail(text: &[u8]) -> Option<Tail<'_>> {
    let mut tail = Tail { word: None, state: None, pid: None };
    let mut columns = columns(text).peekable();
    if let Some(&first) = columns.peek()
        && !first.iter().all(u8::is_ascii_digit)
    {
        columns.next();
        tail.word = Some(first);
    }
    if let Some(&column) = columns.peek()
        && column.iter().all(u8::is_ascii_digit)
    {
        tail.pid = Some(whole_number(column)?);
        columns.next();
    }
    let further: [Option<&[u8]>; 2] = [columns.next(), columns.next()];
    let known = further.into_iter().flatten().all(is_word) && columns.next().is_none();
    // A state is a few words, perhaps with a number at the end: more is another thing.
    let state = |word: &[u8]| word.len() <= 64 && !word.iter().any(|byte| is_of_an_end(*byte));
    (known && tail.word.is_none_or(state)).then_some(tail)
}

/// An offload state, a template, or both: one or two columns.
fn is_words(text: &[u8]) -> bool {
    columns(text).take(3).count() <= 2 && columns(text).all(is_word)
}

/// A column of words: no digit, and nothing of an end.
fn is_word(text: &[u8]) -> bool {
    !text.iter().any(|byte| byte.is_ascii_digit() || is_of_an_end(*byte))
}

const fn is_of_an_end(byte: u8) -> bool {
    matches!(byte, b':' | b'*')
}

fn whole_number(text: &[u8]) -> Option<u32> {
    let mut cursor = Cursor::new(text);
    cursor.number().filter(|_| cursor.rest.is_empty())
}

/// What stands between runs of two blanks or more.
fn columns(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text.trim_ascii();
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
        let gap =
            rest.windows(2).position(|pair| pair.iter().all(blank) || pair.first() == Some(&b'\t'));
        let (column, tail) = rest.split_at(gap.unwrap_or(rest.len()));
        rest = tail.trim_ascii_start();
        Some(column)
    })
}

/// The socket with its two ends. `None`: they are of two families.
#[inline]
fn socket<'a>(
    transport: Transport,
    local: Spelled<'a>,
    remote: Option<Spelled<'a>>,
    tail: &Tail<'a>,
) -> Option<Socket<'a>> {
    let any = || match local.address {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let (mut here, mut there) = (local.address, remote.map_or_else(any, |end| end.address));
    let v4_mapped = here.is_ipv6() && unmap(&mut here, &mut there);
    if here.is_ipv4() != there.is_ipv4() {
        return None;
    }
    let nobody = there.is_unspecified() && remote.is_none_or(|end| end.port == 0);
    let state = match (transport, tail.state) {
        (Transport::Tcp, Some(state)) => state,
        (Transport::Tcp, None) if nobody => State::Listen,
        (Transport::Tcp, None) => State::Unknown,
        (_, _) if nobody => State::Unconnected,
        (_, _) => State::Established,
    };
    let alone = nobody || (state == State::Listen && there.is_unspecified());
    let peer = remote.filter(|_| !alone);
    let made = |address, end: Spelled<'a>| Endpoint {
        address,
        port: (end.port != 0).then_some(end.port),
        zone: end.zone.map(HostText::new),
    };
    let mut socket =
        Socket::new(transport, made(here, local), peer.map(|end| made(there, end)), state);
    socket.flags.v4_mapped = v4_mapped;
    if state == State::Unknown {
        socket.state_raw = tail.word.map(HostText::new);
    }
    Some(socket)
}
