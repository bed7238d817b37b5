//! `windows/rich-sockets`: TCP and UDP sockets with their owners.
//!
//! ```text
//! {"LocalAddress":"::","LocalPort":135,"RemoteAddress":"::","RemotePort":0,"State":2,"OwningProcess":868}
//! {"LocalAddress":"fe80::1%12","LocalPort":546,"OwningProcess":1204}
//! ```
//! The first is a row of `tcp`, the second one of `udp`. Windows has one socket for each family, so
//! nothing is said of dual stack. Process 0 owns what no process owns any more (`TimeWait`), process
//! 4 is the kernel itself. Queues are not told.
//!
//! Source: `MSFT_NetTCPConnection` and `MSFT_NetUDPEndpoint`; states: `MIB_TCP_STATE`, and 100 for a socket
//! that is bound and neither listens nor is connected.

use std::net::IpAddr;

use smallvec::SmallVec;

use crate::model::parsed::{Reader, Row, Sink, Span};
use crate::model::socket::{Attribution, Endpoint, Owner, Socket, State, Transport};
use crate::model::text::HostText;
use crate::probe::address::unmap;
use crate::probe::json::Fields;
use crate::probe::windows::rich::answer::{self, Member, Read};
use crate::probe::windows::rich::fields::{address, member, raw, tells, whole};

const TCP: &[&str] =
    &["LocalAddress", "LocalPort", "RemoteAddress", "RemotePort", "State", "OwningProcess"];
const UDP: &[&str] = &["LocalAddress", "LocalPort", "OwningProcess"];

const MEMBERS: &[Member] = &[
    Member { name: "tcp", read: Read::Rows(TCP, tcp) },
    Member { name: "udp", read: Read::Rows(UDP, udp) },
];

const STATES: &[(u64, &str, State)] = &[
    (1, "Closed", State::Closed),
    (2, "Listen", State::Listen),
    (3, "SynSent", State::SynSent),
    (4, "SynReceived", State::SynReceived),
    (5, "Established", State::Established),
    (6, "FinWait1", State::FinWait1),
    (7, "FinWait2", State::FinWait2),
    (8, "CloseWait", State::CloseWait),
    (9, "Closing", State::Closing),
    (10, "LastAck", State::LastAck),
    (11, "TimeWait", State::TimeWait),
    (12, "DeleteTCB", State::DeleteTcb),
    (100, "Bound", State::Bound),
];

/// A reader of the answer.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    answer::reader(MEMBERS)
}

fn tcp(span: Span, fields: &Fields, sink: &mut dyn Sink) -> Result<(), &'static str> {
    let mut local =
        end(fields, "LocalAddress", "LocalPort").ok_or("expected a local address and port")?;
    let mut remote =
        end(fields, "RemoteAddress", "RemotePort").ok_or("expected a remote address and port")?;
    let mapped = unmap(&mut local.address, &mut remote.address);
    let known = member(fields.get("State"), STATES);
    let state_raw = if known.is_none() { raw(fields.get("State")) } else { None };
    // A listener and a bound socket are printed with any address and port 0.
    let peer = (!remote.address.is_unspecified() || remote.port != Some(0)).then_some(remote);
    let mut socket = Socket::new(Transport::Tcp, local, peer, known.unwrap_or(State::Unknown));
    socket.state_raw = state_raw;
    socket.flags.v4_mapped = mapped;
    own(fields, &mut socket)?;
    sink.row(span, Row::Socket(socket));
    Ok(())
}

fn udp(span: Span, fields: &Fields, sink: &mut dyn Sink) -> Result<(), &'static str> {
    let mut local =
        end(fields, "LocalAddress", "LocalPort").ok_or("expected a local address and port")?;
    let mut nobody = IpAddr::from([0, 0, 0, 0]);
    let mapped = unmap(&mut local.address, &mut nobody);
    let mut socket = Socket::new(Transport::Udp, local, None, State::Unconnected);
    socket.flags.v4_mapped = mapped;
    own(fields, &mut socket)?;
    sink.row(span, Row::Socket(socket));
    Ok(())
}

fn end(fields: &Fields, host: &str, port: &str) -> Option<Endpoint<'static>> {
    let (address, zone) = address(fields.get(host))?;
    Some(Endpoint { address, port: Some(whole(fields, port)?), zone })
}

/// Sets the owner. Its name stands in the list of processes.
fn own(fields: &Fields, socket: &mut Socket<'_>) -> Result<(), &'static str> {
    if !tells(fields, "OwningProcess") {
        return Ok(());
    }
    let pid: u32 = whole(fields, "OwningProcess").ok_or("expected a process id")?;
    if pid != 0 {
        let name = HostText::new(b"");
        socket.owners = SmallVec::from_iter([Owner { pid, fd: None, tid: None, name }]);
    }
    socket.attribution =
        if pid == 0 || pid == 4 { Attribution::Kernel } else { Attribution::Owned };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{read, rows};
    use proptest::prelude::*;

    fn tcp_row(text: &str) -> Socket<'static> {
        let document = format!(r#"{{"v":1,"errors":[],"udp":[],"tcp":{text}}}"#);
        let seen = read(reader(), document.as_bytes());
        assert_eq!(seen.issues, [], "{text}");
        match rows(&seen).pop() {
            Some(Row::Socket(socket)) => socket,
            other => panic!("{other:?}"),
        }
    }

    fn at(address: &str, port: u16) -> Endpoint<'static> {
        Endpoint { address: address.parse().unwrap(), port: Some(port), zone: None }
    }

    #[test]
    fn process_0_and_4_are_the_kernel_and_others_own() {
        let row = |pid: &str, state: &str| {
            tcp_row(&format!(
                r#"{{"LocalAddress":"192.0.2.1","LocalPort":445,"RemoteAddress":"192.0.2.2",
                "RemotePort":5000,"State":{state},"OwningProcess":{pid}}}"#
            ))
        };
        let expected = |state, owner: Option<u32>, attribution| {
            let remote = Some(at("192.0.2.2", 5000));
            let mut socket = Socket::new(Transport::Tcp, at("192.0.2.1", 445), remote, state);
            let own = |pid| Owner { pid, fd: None, tid: None, name: HostText::new(b"") };
            socket.owners.extend(owner.map(own));
            socket.attribution = attribution;
            socket
        };
        assert_eq!(row("0", "11"), expected(State::TimeWait, None, Attribution::Kernel));
        assert_eq!(row("4", "5"), expected(State::Established, Some(4), Attribution::Kernel));
        assert_eq!(
            row("9", "\"CloseWait\""),
            expected(State::CloseWait, Some(9), Attribution::Owned)
        );
        assert_eq!(row("null", "12"), expected(State::DeleteTcb, None, Attribution::Unsupported));
        let mut unknown = expected(State::Unknown, Some(9), Attribution::Owned);
        unknown.state_raw = Some(HostText::new(b"77"));
        assert_eq!(row("9", "77"), unknown);
    }

    #[test]
    fn a_missing_list_an_unknown_version_and_errors_of_commands_are_issues() {
        let said = |text: &[u8]| {
            let seen = read(reader(), text);
            seen.issues.into_iter().map(|issue| issue.message).collect::<Vec<_>>()
        };
        assert_eq!(
            said(b"{}"),
            ["v", "errors", "tcp", "udp"]
                .map(|name| format!("expected the member `{name}`: what it tells is missing"))
        );
        assert_eq!(
            said(br#"{"v":2,"tcp":[],"udp":null,"errors":[]}"#),
            [
                "expected version 1 of this answer",
                "`null` stands where rows are expected: perhaps none could be told",
            ]
        );
        assert_eq!(
            said(br#"{"v":1,"tcp":[],"udp":[],"errors":["a","b"],"ports":1}"#),
            [
                "a command of the script met an error",
                "a command of the script met an error",
                "the script met errors, so rows may be missing",
                "a member that is not known",
            ]
        );
        for row in [
            r#"{"LocalPort":1}"#,
            r#"{"LocalAddress":"192.0.2.1","LocalPort":65536}"#,
            r#"{"LocalAddress":"192.0.2.1","LocalPort":1}"#,
            r#"{"LocalAddress":"192.0.2.1","LocalPort":1,"RemoteAddress":"*","RemotePort":0}"#,
        ] {
            let text = format!(r#"{{"v":1,"tcp":[{row}],"udp":[],"errors":[]}}"#);
            assert_eq!(said(text.as_bytes()).len(), 1, "{row}");
        }
    }

    fn any_end() -> impl Strategy<Value = (IpAddr, u16)> {
        let v4 = any::<u32>().prop_map(|bits| IpAddr::from(bits.to_be_bytes()));
        (v4, 1..u16::MAX)
    }

    proptest! {
        #[test]
        fn what_is_rendered_is_read_again(
            local in any_end(),
            remote in any_end(),
            state in proptest::sample::select(STATES),
            pid in 5_u32..,
            form in 0..3,
        ) {
            let (number, name, meaning) = state;
            let state = match form { 0 => number.to_string(), 1 => format!("\"{number}\""), _ => format!("\"{name}\"") };
            let socket = tcp_row(&format!(
                r#"[{{"OwningProcess":{pid},"State":{state},"LocalAddress":"{}","LocalPort":{},
                "RemoteAddress":"{}","RemotePort":"{}"}}]"#,
                local.0, local.1, remote.0, remote.1
            ));
            let end = |(address, port)| Endpoint { address, port: Some(port), zone: None };
            let mut expected = Socket::new(Transport::Tcp, end(local), Some(end(remote)), meaning);
            expected.owners.push(Owner { pid, fd: None, tid: None, name: HostText::new(b"") });
            expected.attribution = Attribution::Owned;
            prop_assert_eq!(socket, expected);
        }
    }
}
