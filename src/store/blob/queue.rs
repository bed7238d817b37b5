//! What changes with every look at a socket: queues, drops, timers, and the socket's place among the
//! others.
//!
//! Which of these a socket has at all repeats from socket to socket: that is its *layout*, written
//! once per kind. Only numbers other than zero are written per socket.

use crate::model::record::Sourced;
use crate::model::socket::{Socket, State, Timer, TimerKind, Transport};
use crate::store::blob::codes::Code;
use crate::store::blob::column::Malformed;
use crate::store::blob::reader::{Reader, Row};
use crate::store::blob::socket::Distinct;
use crate::store::blob::writer::{Writer, kind_of};

/// Which page a socket's lasting columns stand on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Group {
    /// TCP-like listeners: they stay for days.
    Listener = 0,
    /// Other sockets without a peer: short-lived UDP sockets would spoil the listeners' page.
    Unconnected = 1,
    /// Sockets with a peer: on the moment's own page.
    Session = 2,
}

impl Group {
    /// The group of a socket.
    pub(super) fn of(socket: &Socket<'_>) -> Self {
        match (&socket.remote, socket.state, socket.transport) {
            (Some(_), _, _) => Self::Session,
            (None, State::Listen, Transport::Udp) => Self::Unconnected,
            (None, State::Listen, _) => Self::Listener,
            (None, _, _) => Self::Unconnected,
        }
    }

    fn read(code: u64) -> Result<Self, Malformed> {
        match code {
            0 => Ok(Self::Listener),
            1 => Ok(Self::Unconnected),
            2 => Ok(Self::Session),
            _ => Err(Malformed("a socket is of no known group")),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Layout {
    group: Group,
    timer: Option<TimerKind>,
    retransmits: Option<u32>,
    /// Kinds of the numbers of [`numbers`].
    kinds: [u64; 5],
}

impl Layout {
    fn of(socket: &Socket<'_>) -> Self {
        Self {
            group: Group::of(socket),
            timer: socket.timer.map(|timer| timer.kind),
            retransmits: socket.timer.and_then(|timer| timer.retransmits),
            kinds: numbers(socket).map(kind_of),
        }
    }
}

/// Received, sent, backlog, drops, time until the timer ends.
fn numbers(socket: &Socket<'_>) -> [Option<u64>; 5] {
    [
        socket.recv_queue_bytes,
        socket.send_queue_bytes,
        socket.backlog_current,
        socket.drops,
        socket.timer.and_then(|timer| timer.expires_ms),
    ]
}

/// Writes layouts, then one row per socket.
pub(super) fn put(page: &mut Writer<'_>, sockets: &[Sourced<Socket<'static>>]) {
    let mut layouts = Distinct::new();
    let places: Vec<u64> =
        sockets.iter().map(|sourced| layouts.place(Layout::of(&sourced.record))).collect();
    page.table(layouts.in_order(), |row, layout| {
        row.number(layout.group as u64);
        row.optional_small(layout.timer.map(|kind| kind as u32));
        row.optional_small(layout.retransmits);
        layout.kinds.into_iter().for_each(|kind| row.number(kind));
    });
    page.table(sockets.iter().zip(places), |row, (sourced, place)| {
        row.number(place);
        for number in numbers(&sourced.record) {
            row.more(number);
        }
    });
}

/// What [`put`] wrote of one socket.
pub(super) struct Moment {
    layout: Layout,
    numbers: [Option<u64>; 5],
}

/// Reads what [`put`] wrote.
pub(super) fn get(page: &mut Reader<'_>) -> Result<Vec<Moment>, Malformed> {
    let layouts = page.table(get_layout)?;
    page.table(|row| {
        let place = usize::try_from(row.number()?).ok().and_then(|place| layouts.get(place));
        let layout = *place.ok_or(Malformed("a layout is missing"))?;
        let mut numbers = [None; 5];
        for (number, kind) in numbers.iter_mut().zip(layout.kinds) {
            *number = row.more(kind)?;
        }
        Ok(Moment { layout, numbers })
    })
}

fn get_layout(row: &mut Row<'_, '_>) -> Result<Layout, Malformed> {
    let group = Group::read(row.number()?)?;
    let timer = row.optional_small()?.map(|code| TimerKind::of(u64::from(code))).transpose()?;
    let retransmits = row.optional_small()?;
    let mut kinds = [0; 5];
    for kind in &mut kinds {
        *kind = row.number()?;
    }
    Ok(Layout { group, timer, retransmits, kinds })
}

impl Moment {
    /// The group of the socket.
    pub(super) const fn group(&self) -> Group {
        self.layout.group
    }

    /// Puts it back where it came from.
    pub(super) fn apply(self, socket: &mut Socket<'_>) {
        let [recv, send, backlog, drops, expires_ms] = self.numbers;
        socket.recv_queue_bytes = recv;
        socket.send_queue_bytes = send;
        socket.backlog_current = backlog;
        socket.drops = drops;
        let retransmits = self.layout.retransmits;
        socket.timer = self.layout.timer.map(|kind| Timer { kind, expires_ms, retransmits });
    }
}
