//! The header line of a list of sockets: which columns rows have.
//!
//! ```text
//! Tcpcb            Proto Recv-Q Send-Q Local Address      Foreign Address    (state)     Log ID
//! Proto Recv-Q Send-Q  Local Address          Foreign Address        (state)     rhiwat shiwat    pid   epid
//! Proto Listen                           Local Address
//! ```
//! In: a line. Out: columns, or `None` where it is no such header.

use crate::probe::cursor::is_blank;

/// Columns of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each option of the command adds or takes a column"
)]
pub(super) struct Columns {
    /// Columns in front of the protocol: addresses of the kernel, and a hash of the flow.
    pub(super) before: usize,
    /// Columns of numbers between protocol and local end.
    pub(super) numbers: usize,
    /// Which of them are `Recv-Q` and `Send-Q`, from 0.
    pub(super) queues: Option<(usize, usize)>,
    /// `qlen/incqlen/maxqlen` stands in their place.
    pub(super) listen: bool,
    /// A type, `1to1` or `1toN`, stands in their place: the section of SCTP.
    pub(super) kind: bool,
    /// There is a remote end.
    pub(super) foreign: bool,
    /// There is a state.
    pub(super) state: bool,
    /// Characters of an end, as the header is laid out; 0 where it does not tell.
    pub(super) width: usize,
    /// What follows.
    pub(super) tail: Tail,
}

/// What follows the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tail {
    /// Nothing.
    Empty,
    /// Columns of macOS without names of processes.
    Counted(Vec<Field>),
    /// Columns of macOS with `process:pid`: those in front of it and those behind it.
    Named(Vec<Field>, Vec<Field>),
    /// Columns that tell nothing of the schema: how many words at most, and whether all of them are
    /// known to do so.
    Any(usize, bool),
}

/// Columns of FreeBSD's `-x`, `-P`, `-R`, `-c` and `-C`: `inet.c` of its netstat.
const KNOWN: &[&[u8]] = &[
    b"R-MBUF",
    b"S-MBUF",
    b"R-CLUS",
    b"S-CLUS",
    b"R-HIWA",
    b"S-HIWA",
    b"R-LOWA",
    b"S-LOWA",
    b"R-BCNT",
    b"S-BCNT",
    b"R-BMAX",
    b"S-BMAX",
    b"rexmt",
    b"persist",
    b"keep",
    b"2msl",
    b"delack",
    b"rcvtime",
    b"Log",
    b"ID",
    b"flowid",
    b"ftype",
    b"Stack",
    b"CC",
    b"cwin",
    b"ssthresh",
    b"MSS",
    b"ECN",
    b"Port",
    b"(ms)",
];

/// A column of macOS behind the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// A decimal number.
    Number,
    /// The process.
    Pid,
    /// State of the socket, hexadecimal, 4 digits or more.
    State,
    /// Hexadecimal, this many digits or more.
    Hex(usize),
}

impl Field {
    fn of(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"rhiwat" | b"shiwat" | b"epid" | b"usscnt" | b"usecnt" | b"rtncnt" => Self::Number,
            _ if name.starts_with(b"rxbytes") || name.starts_with(b"txbytes") => Self::Number,
            b"pid" => Self::Pid,
            b"state" => Self::State,
            b"options" | b"flags" | b"flags1" => Self::Hex(8),
            b"gencnt" => Self::Hex(16),
            b"fltrs" => Self::Hex(6),
            _ => return None,
        })
    }
}

/// Reads a header.
pub(super) fn read(line: &[u8]) -> Option<Columns> {
    let words = places(line);
    let names: Vec<&[u8]> = words.iter().map(|(_, word)| *word).collect();
    let before = names.iter().position(|name| *name == b"Proto")?;
    let local = names.iter().position(|name| *name == b"Local")?;
    let between = names.get(before + 1..local)?;
    let after = names.get(local + 1..)?.strip_prefix(&[b"Address".as_slice()])?;
    let at = |name: &[u8]| between.iter().position(|other| *other == name);
    let (foreign, after) = match after {
        [b"Foreign", b"Address", after @ ..] => (true, after),
        after => (false, after),
    };
    let (state, after) = match after {
        [b"(state)" | b"State" | b"state" | b"TCP-State", after @ ..] => (true, after),
        after => (false, after),
    };
    let place = |name: &[u8]| words.iter().find(|(_, word)| *word == name).map(|(at, _)| *at);
    let width = match (place(b"Local"), place(b"Foreign")) {
        (Some(local), Some(foreign)) => foreign.saturating_sub(local + 1),
        _ => 0,
    };
    let listen = at(b"Listen").is_some();
    let kind = at(b"Type").is_some();
    Some(Columns {
        before,
        numbers: if listen || kind { 0 } else { between.len() },
        queues: at(b"Recv-Q").zip(at(b"Send-Q")),
        listen,
        kind,
        foreign,
        state,
        width,
        tail: tail(after),
    })
}

fn tail(names: &[&[u8]]) -> Tail {
    let fields =
        |names: &[&[u8]]| names.iter().map(|name| Field::of(name)).collect::<Option<Vec<_>>>();
    if names.is_empty() {
        return Tail::Empty;
    }
    let read = match names.iter().position(|name| *name == b"process:pid") {
        Some(at) => {
            let (before, behind) = names.split_at(at);
            fields(before)
                .zip(behind.get(1..).and_then(fields))
                .map(|(one, two)| Tail::Named(one, two))
        }
        None => fields(names).map(Tail::Counted),
    };
    let known = names.iter().all(|name| KNOWN.contains(name) || Field::of(name).is_some());
    read.unwrap_or(Tail::Any(names.len(), known))
}

/// Words with their places.
fn places(line: &[u8]) -> Vec<(usize, &[u8])> {
    let mut words = Vec::new();
    let mut at = 0;
    for word in line.split(|&byte| is_blank(byte)) {
        if !word.is_empty() {
            words.push((at, word));
        }
        at += word.len() + 1;
    }
    words
}
