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
//! Source: MSFT_NetTCPConnection and MSFT_NetUDPEndpoint; states: MIB_TCP_STATE, and 100 for a socket
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
