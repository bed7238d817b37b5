//! Sets right the addresses that a big-endian host printed in its own byte order.
//!
//! The kernel prints the addresses of `/proc/net/{tcp,udp,raw,udplite}`, their `6` twins and
//! `/proc/net/route` as numbers of the host's byte order, which the text does not tell. Readers take
//! them for little-endian ones. In: the rows of the sections and the architecture that the same visit
//! was told. Out: the rows as the host meant them, or a note where the architecture does not tell.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::parsed::{Issue, Span};
use crate::model::record::{Records, SectionIssue};
use crate::model::route::Route;
use crate::model::socket::{Endpoint, Family, Socket};
use crate::model::text::HostText;
use crate::normalize::section::ReadSection;
use crate::probe::address::unmap;

/// The order of a host's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Little,
    Big,
    /// MIPS names both alike.
    NotTold,
}

/// What `uname -m` prints on each architecture of Linux that is or may be big-endian
/// (`arch/*/Makefile`, `UTS_MACHINE`).
fn order(machine: &[u8]) -> Order {
    match machine {
        b"s390x" | b"s390" | b"ppc64" | b"ppc" | b"sparc64" | b"sparc" | b"parisc64"
        | b"parisc" | b"m68k" | b"aarch64_be" | b"armeb" | b"armv5teb" | b"armv6b" | b"armv7b"
        | b"armv8b" | b"microblaze" | b"openrisc" | b"sh4eb" => Order::Big,
        b"mips" | b"mips64" => Order::NotTold,
        _ => Order::Little,
    }
}

/// Corrects the rows of every section that holds a table of the kernel as it is.
pub(super) fn correct(
    architecture: Option<&HostText<'_>>,
    sections: &mut [ReadSection],
    records: &mut Records,
) {
    let order = architecture.map_or(Order::Little, |machine| order(machine.bytes()));
    if order == Order::Little {
        return;
    }
    for section in sections {
        let is_route = section.section.probe.as_str() == "linux/proc-net-route";
        if !is_route && !prints_sockets(section) {
            continue;
        }
        let number = section.section.number;
        let Some(rows) = &mut section.rows else { continue };
        if rows.sockets.is_empty() && rows.routes.is_empty() {
            continue;
        }
        if order == Order::NotTold {
            let message = "the architecture does not tell the byte order: addresses are read as those \
                           of a little-endian host";
            let text = architecture.map(HostText::bytes).unwrap_or_default();
            let issue = Issue::note(Span::default(), message, text);
            records.issues.push(SectionIssue { section: number, issue });
            continue;
        }
        rows.sockets.iter_mut().for_each(|socket| turn_socket(&mut socket.record));
        rows.routes.iter_mut().for_each(|route| turn_route(&mut route.record));
    }
}

/// True for the kernel's tables of sockets, of the account's own network namespace or another.
fn prints_sockets(section: &ReadSection) -> bool {
    let table = section.section.probe.as_str().strip_prefix("linux/proc-net-");
    section.is_of_namespace()
        || table.is_some_and(|table| {
            matches!(table.strip_suffix('6').unwrap_or(table), "tcp" | "udp" | "raw" | "udplite")
        })
}

fn turn_socket(socket: &mut Socket<'_>) {
    let v6 = socket.family == Family::Ipv6 || socket.flags.v4_mapped;
    let turned = |end: &Endpoint<'_>| turn(if v6 { as_ipv6(end.address) } else { end.address });
    let mut here = turned(&socket.local);
    let unspecified = if v6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
    let mut there = socket.remote.as_ref().map_or(unspecified, turned);
    socket.flags.v4_mapped = unmap(&mut here, &mut there);
    socket.local.address = here;
    if let Some(remote) = &mut socket.remote {
        remote.address = there;
    }
    socket.family = if here.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 };
}

/// A mask of some ones told the order of its row to the reader; one of none or all could not.
fn turn_route(route: &mut Route) {
    if route.family != Family::Ipv4 || !matches!(route.prefix, 0 | 32) {
        return;
    }
    route.destination = turn(route.destination);
    for hop in &mut route.next_hops {
        hop.via = hop.via.map(turn);
    }
}

/// The address whose 32-bit words have their bytes the other way round.
fn turn(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => Ipv4Addr::from_bits(address.to_bits().swap_bytes()).into(),
        IpAddr::V6(address) => {
            let mut bytes = address.octets();
            bytes.chunks_exact_mut(4).for_each(<[u8]>::reverse);
            Ipv6Addr::from(bytes).into()
        }
    }
}

/// The address as an IPv6 socket has it.
fn as_ipv6(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) if address.is_unspecified() => Ipv6Addr::UNSPECIFIED.into(),
        IpAddr::V4(address) => address.to_ipv6_mapped().into(),
        IpAddr::V6(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalize::rows::Rows;
    use crate::probe::linux::proc_net::{self, Endianness, Table};

    const TAIL: &str = "00000000:00000000 00:00000000 00000000     0        0 5 1 0 100 0 0 10 0\n";

    /// What a reader for big-endian hosts reads is what a turned row says.
    #[test]
    fn a_turned_row_is_the_row_that_a_reader_who_knows_the_order_gives() {
        let zero = "00000000000000000000000000000000";
        let loopback = "00000000000000000000000000000001";
        let global = "20010DB8000000000000000000000001";
        let mapped = "00000000000000000000FFFFC0000201";
        let ends = [
            ("7F000001:1F90", "00000000:0000"),
            ("C0000201:9C40", "C6336402:0016"),
            (&format!("{zero}:0016"), &format!("{zero}:0000")),
            (&format!("{loopback}:0016"), &format!("{global}:9C40")),
            (&format!("{mapped}:0016"), &format!("{mapped}:9C40")),
            (&format!("{mapped}:0016"), &format!("{zero}:0000")),
            ("00000000000000000000FFFF00000000:0016", &format!("{zero}:0000")),
        ];
        for (local, remote) in ends {
            let text = format!("   0: {local} {remote} 0A {TAIL}");
            let with = |order| {
                let mut rows = Rows::new(1);
                let mut reader = proc_net::reader_with(Table::Tcp, order);
                reader.push(text.as_bytes(), &mut rows);
                reader.finish(&mut rows);
                rows.sockets.pop().unwrap().record
            };
            let mut socket = with(Endianness::Little);
            turn_socket(&mut socket);
            assert_eq!(socket, with(Endianness::Big), "{local} {remote}");
        }
    }

    #[test]
    fn architectures_are_known_by_the_name_that_uname_prints() {
        for (machine, expected) in [
            ("s390x", Order::Big),
            ("ppc64", Order::Big),
            ("sparc64", Order::Big),
            ("aarch64_be", Order::Big),
            ("ppc64le", Order::Little),
            ("x86_64", Order::Little),
            ("aarch64", Order::Little),
            ("armv7l", Order::Little),
            ("mips64", Order::NotTold),
        ] {
            assert_eq!(order(machine.as_bytes()), expected, "{machine}");
        }
    }
}
