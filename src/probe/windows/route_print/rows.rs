//! The rows of each section.
//!
//! In: a line. Out: an interface or a route, or what part of one.

use std::net::{IpAddr, Ipv4Addr};

use crate::model::link::Interface;
use crate::model::route::{NextHop, Route, RouteKind};
use crate::model::socket::Family;
use crate::model::text::HostText;
use crate::probe::address::ipv6;
use crate::probe::cursor::Cursor;
use crate::probe::windows::words::{decimal, prefixed_hexadecimal, words};

/// Reads a line of the list of interfaces.
pub(super) fn interface(line: &[u8]) -> Option<Interface> {
    let line = line.trim_ascii();
    let dots = memchr::memmem::find(line, b"...")?;
    let number = line.get(..dots)?.trim_ascii_end();
    let index = decimal(number).or_else(|| prefixed_hexadecimal(number))?;
    let mut rest = without_dots(line.get(dots..)?);
    let mut pairs: Vec<&[u8]> = Vec::new();
    // Ethernet has six pairs, then dots; a tunnel eight, then the description at once.
    while pairs.len() < 8
        && let Some((pair, tail)) = rest.split_at_checked(2)
        && pair.iter().all(u8::is_ascii_hexdigit)
        && let Some(tail) = tail.strip_prefix(b" ")
    {
        pairs.push(pair);
        rest = tail;
    }
    if pairs.len() < 8 && !rest.starts_with(b"..") && !pairs.is_empty() {
        return None;
    }
    let name = without_dots(rest).trim_ascii();
    let mut interface = Interface::named(HostText::owned(name.to_vec()));
    interface.index = Some(index);
    let mac = pairs.join(&b':').to_ascii_lowercase();
    interface.mac = (!mac.is_empty()).then(|| HostText::owned(mac));
    (!name.is_empty()).then_some(interface)
}

fn without_dots(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| *byte != b'.').unwrap_or(text.len());
    text.get(end..).unwrap_or_default().trim_ascii_start()
}

/// An IPv4 route, as far as its section matters.
pub(super) enum Ipv4 {
    /// In force.
    Active(Box<Route>),
    /// To be installed at the next start.
    Persistent(Box<Route>),
}

/// Reads a line of the IPv4 routes.
pub(super) fn ipv4(line: &[u8]) -> Option<Ipv4> {
    let words: Vec<&[u8]> = words(line).collect();
    let (destination, rest) = words.split_first()?;
    let (mask, rest) = rest.split_first()?;
    let destination = address(destination)?;
    let mask = address(mask)?.to_bits();
    let prefix = mask.leading_ones();
    (mask.checked_shl(prefix).unwrap_or(0) == 0).then_some(())?;
    let Some((metric, [gateway @ .., interface])) = rest.split_last() else { return None };
    let number = decimal::<u64>(metric);
    let via = self::gateway(gateway);
    let device = address(interface);
    // Old versions print the number of an interface without an address.
    let old = matches!(via, Some(Some(_))) && decimal::<u32>(interface).is_some();
    if let (Some(metric), Some(via)) = (number, via)
        && (device.is_some() || old)
    {
        let via = via.filter(|via| device != Some(*via));
        let prefix = u8::try_from(prefix).ok()?;
        let route = Route {
            metric: Some(metric),
            ..route(Family::Ipv4, destination.into(), prefix, via.map(IpAddr::V4), interface)
        };
        return Some(Ipv4::Active(Box::new(route)));
    }
    // The gateway, then a metric or a word for the default one.
    let first = rest.first().is_some_and(|word| address(word).is_some());
    let rest_is_words = |words: &[&[u8]]| !words.iter().any(|word| is_of_an_address(word));
    let (before, last) = (rest.get(..1)?, rest.get(1..)?);
    let metric_or_words = !last.is_empty() && rest_is_words(last);
    let persistent = if first { metric_or_words } else { rest_is_words(before) && metric_or_words };
    persistent.then_some(())?;
    let via = rest.first().and_then(|word| address(word)).map(IpAddr::V4);
    let prefix = u8::try_from(prefix).ok()?;
    let route =
        Route { metric: number, ..route(Family::Ipv4, destination.into(), prefix, via, b"") };
    Some(Ipv4::Persistent(Box::new(kept(route))))
}

/// Printed where no metric was given.
const METRIC_DEFAULT: u64 = u32::MAX as u64;

/// A route of those that are kept for the next start: of the interface that is none, without one.
pub(super) fn kept(mut route: Route) -> Route {
    route.table = HostText::new(b"persistent");
    route.metric = route.metric.filter(|metric| *metric != METRIC_DEFAULT);
    for hop in &mut route.next_hops {
        hop.device = hop.device.take().filter(|device| !matches!(device.bytes(), b"" | b"0"));
    }
    route
}

/// The gateway that words tell: the inner `None` is "on link". `None`: they tell neither.
#[expect(clippy::option_option, reason = "no gateway is another thing than what is none")]
fn gateway(words: &[&[u8]]) -> Option<Option<Ipv4Addr>> {
    match words {
        [word] if address(word).is_some() => Some(address(word)),
        [] => None,
        words if words.iter().any(|word| is_of_an_address(word)) => None,
        _ => Some(None),
    }
}

/// True for what could be an address: words for "on link" have no digit and no colon.
fn is_of_an_address(word: &[u8]) -> bool {
    word.iter().any(|byte| byte.is_ascii_digit() || *byte == b':')
        && !word.iter().all(u8::is_ascii_digit)
}

fn address(word: &[u8]) -> Option<Ipv4Addr> {
    let mut cursor = Cursor::new(word);
    cursor.ipv4().filter(|_| cursor.rest.is_empty())
}

/// An IPv6 route without its gateway.
#[derive(Clone, Copy)]
pub(super) struct Ipv6 {
    interface: u32,
    metric: u64,
    destination: IpAddr,
    prefix: u8,
}

/// Reads a line of the IPv6 routes: the route, and what stands behind its destination.
pub(super) fn ipv6_route(line: &[u8]) -> Option<(Ipv6, &[u8])> {
    let mut cursor = Cursor::new(line);
    let mut word = || {
        cursor.blanks();
        cursor.token()
    };
    let interface = decimal(word())?;
    let metric = decimal(word())?;
    let network = word();
    let slash = network.iter().position(|byte| *byte == b'/')?;
    let (address, prefix) = network.split_at(slash);
    let destination = ipv6(address)?.into();
    let prefix = decimal(prefix.get(1..)?).filter(|prefix| *prefix <= 128)?;
    Some((Ipv6 { interface, metric, destination, prefix }, cursor.rest.trim_ascii()))
}

impl Ipv6 {
    /// The route with its gateway. `None`: the text is neither an address nor words.
    pub(super) fn through(self, gateway: &[u8]) -> Option<Route> {
        let via = match ipv6(gateway) {
            Some(via) => Some(IpAddr::V6(via)),
            None if gateway.iter().any(|byte| byte.is_ascii_digit() || *byte == b':') => {
                return None;
            }
            None if gateway.is_empty() => return None,
            None => None,
        };
        let interface = self.interface.to_string();
        Some(Route {
            metric: Some(self.metric),
            ..route(Family::Ipv6, self.destination, self.prefix, via, interface.as_bytes())
        })
    }
}

fn route(
    family: Family,
    destination: IpAddr,
    prefix: u8,
    via: Option<IpAddr>,
    device: &[u8],
) -> Route {
    let device = Some(HostText::owned(device.to_vec()));
    Route {
        family,
        table: HostText::new(b"main"),
        destination,
        prefix,
        kind: RouteKind::Unicast,
        next_hops: vec![NextHop { via, device, weight: None }],
        source: None,
        metric: None,
        protocol: None,
        scope: None,
        mtu: None,
        flags: Vec::new(),
        expires_seconds: None,
    }
}
