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

/// A reader of the answer about IPv4, where another command asks about IPv6: a socket for both
/// families is printed by both, and is that one's.
#[must_use]
pub fn ipv4_reader() -> Box<dyn Reader> {
    let list = "statistics/socket";
    Document { list, members: MEMBERS, values: &[], keep: keep_none, read: ipv4_row, kept: () }
        .reader()
}

fn ipv4_row(
    kept: &mut (),
    place: Place<'_>,
    fields: &Fields,
    sink: &mut dyn Sink,
) -> Result<(), &'static str> {
    if word(fields.get("protocol")).is_some_and(|word| word.bytes().ends_with(b"46")) {
        sink.header(place.span);
        return Ok(());
    }
    row(kept, place, fields, sink)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::parsed::Severity;
    use crate::model::socket::{Endpoint, Socket, Transport};
    use crate::probe::testing::{read, rows};
    use proptest::prelude::*;
    use std::net::Ipv6Addr;

    fn row_of(text: &str) -> Socket<'static> {
        let document = format!(r#"{{"statistics":{{"socket":[{text}]}}}}"#);
        let seen = read(reader(), document.as_bytes());
        assert_eq!(seen.issues, [], "{text}");
        match rows(&seen).pop() {
            Some(Row::Socket(socket)) => socket,
            other => panic!("{other:?}"),
        }
    }

    fn at(address: &str, port: Option<u16>) -> Endpoint<'static> {
        Endpoint { address: address.parse().unwrap(), port, zone: None }
    }

    #[test]
    fn a_listener_for_both_families_is_one_and_its_queues_are_not_told() {
        let text = |protocol: &str| {
            format!(
                r#"{{"protocol":"{protocol}","receive-bytes-waiting":0,"send-bytes-waiting":0,
                "local":{{"address":"*","port":"80"}},"remote":{{"address":"*","port":"*"}},
                "tcp-state":"LISTEN     "}}"#
            )
        };
        let listener = |address, dual| {
            let mut socket =
                Socket::new(Transport::Tcp, at(address, Some(80)), None, State::Listen);
            socket.dual_stack = dual;
            socket
        };
        assert_eq!(row_of(&text("tcp46")), listener("::", Some(true)));
        assert_eq!(row_of(&text("tcp6 ")), listener("::", Some(false)));
        assert_eq!(row_of(&text("tcp4 ")), listener("0.0.0.0", None));
    }

    #[test]
    fn an_unknown_protocol_or_end_is_an_issue_and_costs_no_other() {
        let bad = |row: &str| {
            let good = r#"{"protocol":"udp4","local":{"address":"*","port":"1"}}"#;
            let text = format!(r#"{{"statistics":{{"socket":[{row},{good}]}}}}"#);
            let seen = read(reader(), text.as_bytes());
            let unparsed = seen.issues.iter().filter(|one| one.severity == Severity::Unparsed);
            assert_eq!((unparsed.count(), seen.rows.len()), (1, 1), "{row}");
        };
        bad(r#"{"protocol":"sdp4","local":{"address":"*","port":"1"}}"#);
        bad(r#"{"local":{"address":"*","port":"1"}}"#);
        bad(r#"{"protocol":"tcp4","local":{"address":"192.0.2.1"}}"#);
        bad(r#"{"protocol":"tcp4","local":{"address":"2001:db8::1","port":"1"}}"#);
        bad(r#"{"protocol":"tcp4","local":{"address":"*","port":"ssh"}}"#);
        bad(r#"{"protocol":"tcp4","local":{"address":"*","port":"1"},"remote":{"address":"*"}}"#);
        bad(r#"["protocol"]"#);
    }

    proptest! {
        #[test]
        fn what_is_rendered_is_read_again(
            bits in any::<[u128; 2]>(),
            ports in any::<[u16; 2]>(),
            queues in any::<[u32; 2]>(),
            pad in 0_usize..4,
        ) {
            let [local, remote] = bits.map(|bits| Ipv6Addr::from(bits | 1 << 127));
            let [here, there] = ports.map(|port| port.max(1));
            let blanks = " ".repeat(pad);
            let socket = row_of(&format!(
                r#"{{"protocol":"tcp6{blanks}","receive-bytes-waiting":{},"send-bytes-waiting":"{}",
                "local":{{"address":"{local}{blanks}","port":"{blanks}{here}"}},
                "remote":{{"address":"{remote}","port":{there}}},"tcp-state":"CLOSING{blanks}"}}"#,
                queues[0], queues[1]
            ));
            let end = |address: Ipv6Addr, port| Endpoint { address: address.into(), port: Some(port), zone: None };
            let remote = Some(end(remote, there));
            let mut expected = Socket::new(Transport::Tcp, end(local, here), remote, State::Closing);
            expected.recv_queue_bytes = Some(queues[0].into());
            expected.send_queue_bytes = Some(queues[1].into());
            prop_assert_eq!(socket, expected);
        }
    }
}
