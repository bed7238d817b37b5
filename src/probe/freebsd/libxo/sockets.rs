//! `netstat --libxo json -a -n -W -f inet` and `-f inet6`: sockets.
//!
//! ```text
//! {"protocol":"tcp4","receive-bytes-waiting":0,"send-bytes-waiting":52,
//!  "local":{"address":"192.0.2.1","port":"22"},"remote":{"address":"198.51.100.7","port":"51514"},
//!  "tcp-state":"ESTABLISHED"}
//! ```
//! Rows of `statistics/socket`. With `-A` the address of the control block comes too, spelled
//! `adddress` for all but TCP until 2016. Sockets of the Unix domain and of netgraph have a `type` and
//! no protocol: they are known and have no place in the records. A listener's queues say nothing: its
//! backlog is told with `-L` alone. Of an SCTP association with several addresses the first of each
//! end is read.
//!
//! Source: usr.bin/netstat/inet.c, inet6.c, sctp.c and unix.c.

use crate::model::parsed::{Issue, Reader, Row, Sink};
use crate::model::socket::State;
use crate::probe::freebsd::libxo::ends::{protocol, socket, state};
use crate::probe::freebsd::libxo::{Document, keep_none, whole, word};
use crate::probe::json::Fields;
use crate::probe::json_tree::Place;

const MEMBERS: &[&str] = &[
    "protocol",
    "receive-bytes-waiting",
    "send-bytes-waiting",
    "local",
    "remote",
    "tcp-state",
    "need-syn-or-fin",
    "state",
    "type",
    "address",
    "adddress",
    "vnode",
    "connection",
    "first-reference",
    "next-reference",
    "path",
];

/// A reader of the answer.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    let list = "statistics/socket";
    Document { list, members: MEMBERS, values: &[], keep: keep_none, read: row, kept: () }.reader()
}

fn row(
    (): &mut (),
    place: Place<'_>,
    fields: &Fields,
    sink: &mut dyn Sink,
) -> Result<(), &'static str> {
    if fields.get("protocol").is_none() && word(fields.get("type")).is_some() {
        sink.header(place.span);
        return Ok(());
    }
    let named = protocol(fields.get("protocol")).ok_or("expected a known protocol")?;
    let Some(transport) = named.transport else {
        sink.header(place.span);
        return Ok(());
    };
    let told = word(fields.get("tcp-state")).or_else(|| word(fields.get("state")));
    let told_state = told.as_ref().map(|told| state(told.bytes()).unwrap_or(State::Unknown));
    let ends = [fields.get("local"), fields.get("remote")];
    let mut socket = socket(named, transport, ends, told_state)?;
    if socket.state == State::Unknown {
        socket.state_raw = told;
    }
    if socket.state != State::Listen {
        socket.recv_queue_bytes = whole(fields.get("receive-bytes-waiting"));
        socket.send_queue_bytes = whole(fields.get("send-bytes-waiting"));
    }
    sink.row(place.span, Row::Socket(socket));
    if fields.members().filter(|(name, _)| matches!(*name, "local" | "remote")).count() > 2 {
        let said = "more addresses of one association: the first of each end is read";
        sink.issue(Issue::note(place.span, said, b""));
    }
    Ok(())
}
