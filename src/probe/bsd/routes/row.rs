//! One row of a table of routes: a route, or a neighbour.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::parsed::Row;
use crate::model::route::{Neighbour, NextHop, Route, RouteKind};
use crate::model::socket::Family;
use crate::model::text::HostText;
use crate::probe::address::hardware_address;
use crate::probe::bsd::network::{Network, address, is_ethernet, network, number, owned, words};
use crate::probe::bsd::routes::columns::{Column, Columns};

const ROW: &str = "expected a destination, a gateway, flags and an interface";
const DESTINATION: &str =
    "expected a destination in numbers with its prefix length: run netstat with -n";
const GATEWAY: &str = "expected a gateway in numbers: run netstat with -n";
const CUT: &str = "an address fills its column and may be cut: run netstat with -n";

/// Characters of a column of IPv6 addresses where names were asked for.
const NARROW: usize = 18;

/// What stands in the column of gateways.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gateway<'a> {
    Address(IpAddr),
    /// A link-layer address.
    Mac(&'a [u8]),
    /// `link#4`: the link itself.
    Link,
    /// A name, or an address that may be cut.
    Unknown(&'static str),
}

/// The words of a row.
struct Words<'a> {
    destination: &'a [u8],
    gateway: &'a [u8],
    source: Option<IpAddr>,
    flags: &'a [u8],
    mtu: Option<u64>,
    priority: Option<u64>,
    device: Option<&'a [u8]>,
    expires: Option<u64>,
}

impl Words<'_> {
    fn flag(&self, letter: u8) -> bool {
        self.flags.contains(&letter)
    }
}

/// Reads a row.
pub(super) fn read<'r>(
    line: &[u8],
    family: Option<Family>,
    table: &HostText<'static>,
    columns: Option<&Columns>,
) -> Result<Row<'r>, &'static str> {
    let words = split(line, columns).ok_or(ROW)?;
    let narrow = columns.is_some_and(|columns| columns.narrow);
    let gateway = gateway(&words, narrow);
    let family = family.unwrap_or_else(|| guess(&words, gateway));
    let destination = destination(&words, family, narrow)?;
    if let Some(neighbour) = neighbour(&words, gateway, destination) {
        return Ok(Row::Neighbour(neighbour));
    }
    let kind = kind(&words, destination);
    let discards = matches!(kind, RouteKind::Blackhole | RouteKind::Unreachable);
    let via = match gateway {
        _ if discards || !words.flag(b'G') => None,
        Gateway::Address(address) => Some(address),
        Gateway::Unknown(expected) => return Err(expected),
        Gateway::Mac(_) => return Err(GATEWAY),
        Gateway::Link => None,
    };
    let hop = NextHop { via, device: words.device.map(owned), weight: None };
    let mut flags: Vec<_> = words.flags.iter().map(|letter| owned(&[*letter])).collect();
    flags.sort_unstable();
    Ok(Row::Route(Route {
        family,
        table: table.clone(),
        destination: destination.address,
        prefix: destination.prefix,
        kind,
        next_hops: if discards { Vec::new() } else { vec![hop] },
        source: words.source,
        metric: words.priority,
        protocol: None,
        scope: None,
        mtu: words.mtu,
        flags,
        expires_seconds: words.expires,
    }))
}

/// Takes a line apart by the columns of the header; without one, by what the words look like.
fn split<'a>(line: &'a [u8], columns: Option<&Columns>) -> Option<Words<'a>> {
    let mut rest = words(line).peekable();
    let (destination, gateway) = (rest.next()?, rest.next()?);
    let mut source = None;
    if columns.is_some_and(|columns| columns.source) {
        source = rest.next_if(|word| !is_flags(word)).and_then(address);
    }
    let flags = rest.next().filter(|word| is_flags(word))?;
    let mut numbers: Vec<Option<u64>> = Vec::new();
    while let Some(word) = rest.next_if(|word| is_number(word)) {
        // An MTU that is locked has an `L` behind it, on NetBSD without a blank.
        let digits = word.strip_suffix(b"L").unwrap_or(word);
        if word != b"L" {
            numbers.push(number(digits));
        }
    }
    let device = rest.next()?;
    let behind: Vec<&[u8]> = rest.collect();
    let expires = behind.first().and_then(|word| number(word));
    let mut row = Words {
        destination,
        gateway,
        source,
        flags,
        mtu: None,
        priority: None,
        device: (device != b"---").then_some(device),
        expires,
    };
    let Some(columns) = columns else {
        return (behind.len() <= 1).then_some(row);
    };
    if !columns.label && behind.len() > columns.behind {
        return None;
    }
    if columns.label {
        row.expires = None;
    }
    let blank_mtu =
        numbers.len() + 1 == columns.numbers.len() && columns.numbers.last() == Some(&Column::Mtu);
    if numbers.len() != columns.numbers.len() && !blank_mtu {
        return None;
    }
    for (column, value) in columns.numbers.iter().zip(numbers) {
        match column {
            Column::Mtu => row.mtu = value.filter(|mtu| *mtu != 0),
            Column::Priority => row.priority = value,
            Column::Other => {}
        }
    }
    Some(row)
}

/// Letters and digits, the first a capital: no address begins like that.
fn is_flags(word: &[u8]) -> bool {
    word.iter().all(u8::is_ascii_alphanumeric) && word.first().is_some_and(u8::is_ascii_uppercase)
}

/// A number, `-` for none, a number with the mark of a locked MTU, or that mark alone.
fn is_number(word: &[u8]) -> bool {
    let digits = word.strip_suffix(b"L").unwrap_or(word);
    word == b"-" || digits.iter().all(u8::is_ascii_digit)
}

fn gateway<'a>(words: &Words<'a>, narrow: bool) -> Gateway<'a> {
    let word = words.gateway;
    if word.starts_with(b"link#") || words.device == Some(word) {
        return Gateway::Link;
    }
    if is_ethernet(word) {
        return Gateway::Mac(word);
    }
    match address(word) {
        Some(IpAddr::V6(_)) if narrow && word.len() >= NARROW => Gateway::Unknown(CUT),
        Some(address) => Gateway::Address(address),
        None => Gateway::Unknown(GATEWAY),
    }
}

/// The family of a row that no title and no command tells.
fn guess(words: &Words<'_>, gateway: Gateway<'_>) -> Family {
    let colon = memchr::memchr(b':', words.destination).is_some();
    match gateway {
        Gateway::Address(IpAddr::V6(_)) if words.destination == b"default" => Family::Ipv6,
        _ if colon => Family::Ipv6,
        _ => Family::Ipv4,
    }
}

fn destination(words: &Words<'_>, family: Family, narrow: bool) -> Result<Network, &'static str> {
    let word = words.destination;
    if word == b"default" {
        let address = match family {
            Family::Ipv4 => Ipv4Addr::UNSPECIFIED.into(),
            Family::Ipv6 => Ipv6Addr::UNSPECIFIED.into(),
        };
        return Ok(Network { address, prefix: 0 });
    }
    if family == Family::Ipv6 && narrow && word.len() >= NARROW {
        return Err(CUT);
    }
    network(word, family, words.flag(b'H')).ok_or(DESTINATION)
}

/// True for a device that loops back.
fn is_loopback(device: Option<&[u8]>) -> bool {
    let number = device.and_then(|device| device.strip_prefix(b"lo"));
    number.is_some_and(|number| !number.is_empty() && number.iter().all(u8::is_ascii_digit))
}

fn kind(words: &Words<'_>, destination: Network) -> RouteKind {
    if words.flag(b'B') {
        RouteKind::Blackhole
    } else if words.flag(b'R') {
        RouteKind::Unreachable
    } else if words.flag(b'l') || (words.flag(b'H') && is_loopback(words.device)) {
        RouteKind::Local
    } else if is_broadcast(words, destination) {
        RouteKind::Broadcast
    } else if destination.address.is_multicast() {
        RouteKind::Multicast
    } else {
        RouteKind::Unicast
    }
}

/// True for a broadcast address: by its flag, its link-layer address, or itself.
fn is_broadcast(words: &Words<'_>, destination: Network) -> bool {
    let everyone = IpAddr::V4(Ipv4Addr::BROADCAST);
    words.flag(b'b')
        || words.gateway.eq_ignore_ascii_case(b"ff:ff:ff:ff:ff:ff")
        || (destination.address == everyone && destination.prefix == 32)
}

/// The neighbour that a row is.
fn neighbour(words: &Words<'_>, gateway: Gateway<'_>, destination: Network) -> Option<Neighbour> {
    let own = words.flag(b'l') || is_loopback(words.device);
    // Broadcast and groups have a link-layer address too, but nobody is there: they are routes.
    let many = is_broadcast(words, destination) || destination.address.is_multicast();
    if !words.flag(b'L') || own || many {
        return None;
    }
    let cloned = words.flag(b'W') || words.flag(b'c');
    let mac = match gateway {
        Gateway::Mac(mac) => Some(hardware_address(mac)?),
        Gateway::Link if cloned => None,
        _ => return None,
    };
    let state = match (&mac, words.flag(b'S')) {
        (None, _) => Some("incomplete"),
        (_, true) => Some("permanent"),
        _ => None,
    };
    Some(Neighbour {
        address: destination.address,
        device: words.device.map(owned),
        mac,
        states: state.map(HostText::from).into_iter().collect(),
        router: words.flag(b'r').then_some(true),
    })
}
