//! Writes generated sockets in a format of choice: how a program uses the report library, and a
//! measure of its speed.
//!
//! `cargo run --release --example write_sockets -- 1000000 ndjson > /dev/null`

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use fleetstat::model::id::ProbeId;
use fleetstat::model::record::Source;
use fleetstat::model::socket::{Attribution, Direction, Endpoint, Owner, Socket, State, Transport};
use fleetstat::model::text::HostText;
use fleetstat::report::envelope::{Context, Recorded};
use fleetstat::report::rows::{Format, Layout, Rows};
use fleetstat::report::socket::Sockets;

/// A connection of an nginx worker to one of 65,536 clients.
fn connection(number: u32) -> Socket<'static> {
    let [.., high, low] = number.to_be_bytes();
    let end = |address, port| Endpoint { address: IpAddr::V4(address), port, zone: None };
    let local = end(Ipv4Addr::new(10, 0, 0, 5), Some(443));
    let remote = end(Ipv4Addr::new(192, 0, high, low), u16::try_from(number % 60_000).ok());
    let mut socket = Socket::new(Transport::Tcp, local, Some(remote), State::Established);
    socket.direction = Direction::Inbound;
    socket.recv_queue_bytes = Some(0);
    socket.send_queue_bytes = Some(u64::from(low));
    socket.inode = Some(u64::from(number) + 1_000_000);
    socket.cookie = Some(u64::from(number));
    socket.uid = Some(33);
    socket.attribution = Attribution::Owned;
    let name = HostText::new(b"nginx");
    socket.owners.push(Owner { pid: 812, fd: Some(7), tid: None, name });
    socket
}

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let count: u32 = arguments.next().and_then(|count| count.parse().ok()).unwrap_or(10);
    let format = arguments.next().and_then(|word| Format::parse(&word)).unwrap_or(Format::Ndjson);
    let probe = ProbeId::builtin("linux/ss-inet4");
    let context = Context::of_text("generated", &probe, None);
    let mut rows = Rows::new(io::stdout().lock(), Layout { format, width: None }, Sockets);
    for number in 0..count {
        let record = &connection(number);
        let start = u64::from(number) * 120;
        let sources = &[Source { section: 1, start, end: start + 120 }];
        rows.push(Recorded { context: &context, record, sources })?;
    }
    rows.finish().map(|_| ())
}
