//! `netstat -r -n` of Solaris and illumos, with or without `-a`, `-v` and `-c`: the routing tables.
//!
//! ```text
//! IRE Table: IPv4
//!   Destination             Mask           Gateway          Device  MTU  Ref Flg  Out  In/Fwd
//! -------------------- --------------- -------------------- ------ ----- --- --- ----- ------
//! default              0.0.0.0         192.0.2.1            net0    1500   4 UG   77750      0
//!
//! Routing Table: IPv6
//!   Destination/Mask            Gateway                   Flags Ref   Use    If
//! --------------------------- --------------------------- ----- --- ------- -----
//! fe80::/10                   fe80::8:20ff:fe01:203       U       3    8430 net0
//! ```
//! With `-v` the title says `IRE`, and there are columns for the mask and the MTU; Solaris 8 to 10
//! print an `Rtt` before `Ref`, and `*` behind an MTU that is not fixed. The interface may be blank.
//! Flags of four letters touch a number of six digits behind them. Source: netstat(1M) of Solaris
//! 10, netstat(8) of Solaris 11.4 and illumos, illumos `netstat.c`.
//!
//! Decisions:
//! - A route without `G` or `I` has for its gateway the host's own address: `source`, not `via`.
//! - Without `-v` and `-c` the mask of an IPv4 network is not told: but for the default route and
//!   hosts (`H`) such a row is an issue, not a guess.
//! - Entries of caches (`A` of Solaris 10, `C`) come and go with each peer: no routes, headers.
//! - `b` is a broadcast address and `B` a blackhole; up to Solaris 10, whose `-v` has the `Rtt`, `B`
//!   is broadcast, and without `-v` it is not known which.
//! - A route that discards (`B`, `R`) has no way out, whatever its gateway and interface are.
//! - Each way out of a multipath route has a row of its own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::parsed::{Reader, Row};
use crate::model::route::{NextHop, Route, RouteKind};
use crate::model::socket::Family;
use crate::model::text::HostText;
use crate::probe::address::ipv6;
use crate::probe::cursor::Cursor;
use crate::probe::solaris::words::{number, owned, words};
use crate::probe::whole;

/// A reader of the output.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    let mut table = Table { family: None, verbose: false };
    whole::reader(move |line| table.read(line))
}

#[derive(Clone, Copy)]
struct Table {
    family: Option<Family>,
    verbose: bool,
}

/// The columns of a row.
struct Columns<'a> {
    mask: Option<&'a [u8]>,
    gateway: &'a [u8],
    device: Option<&'a [u8]>,
    mtu: Option<u64>,
    /// The row has an `Rtt`: up to Solaris 10.
    old: bool,
    flags: &'a [u8],
}

impl Table {
    fn read<'a>(&mut self, line: &'a [u8]) -> whole::Reading<'a> {
        let text = line.trim_ascii();
        if self.title(text) || text.starts_with(b"Destination ") {
            return Ok(None);
        }
        if text.starts_with(b"Destination/Mask ") || text.starts_with(b"----------") {
            return Ok(None);
        }
        let Some(family) = self.family else {
            return Err("expected a title such as `Routing Table: IPv4`");
        };
        // With -R security attributes follow, in brackets.
        let end = memchr::memchr(b'<', text).unwrap_or(text.len());
        let mut columns = words(text.get(..end).unwrap_or(text));
        let destination = columns.next().unwrap_or_default();
        let read = if self.verbose { verbose(columns, family) } else { plain(columns) };
        let Some(columns) = read else { return Err("expected a row of netstat -r") };
        if columns.flags.iter().any(|flag| b"AC".contains(flag)) {
            return Ok(None);
        }
        let Some((address, prefix)) = network(destination, columns.mask, family) else {
            return Err("expected a destination as a number; run netstat with -n");
        };
        let host = columns.flags.contains(&b'H').then_some(32);
        let Some(prefix) = prefix.or(host) else {
            return Err("the mask is not told: run netstat with -v");
        };
        match self.route(&columns, (family, address, prefix)) {
            Some(route) => Ok(Some(Row::Route(route))),
            None => Err("expected a gateway as a number; run netstat with -n"),
        }
    }

    fn title(&mut self, text: &[u8]) -> bool {
        let (verbose, rest) = match (text.strip_prefix(b"IRE "), text.strip_prefix(b"Routing ")) {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) => (false, rest),
            _ => return false,
        };
        let family = match rest {
            b"Table: IPv4" | b"Table:" => Family::Ipv4,
            b"Table: IPv6" => Family::Ipv6,
            _ => return false,
        };
        *self = Self { family: Some(family), verbose };
        true
    }

    fn route(self, columns: &Columns<'_>, to: (Family, IpAddr, u8)) -> Option<Route> {
        let (family, destination, prefix) = to;
        let gateway = match columns.gateway {
            b"--" => None,
            text => Some(address(text, family)?),
        };
        let has = |flag: u8| columns.flags.contains(&flag);
        let indirect = has(b'G') || has(b'I');
        let kind = match () {
            () if has(b'R') => RouteKind::Unreachable,
            () if has(b'b') || (has(b'B') && columns.old) => RouteKind::Broadcast,
            () if has(b'B') && self.verbose => RouteKind::Blackhole,
            () if has(b'B') => RouteKind::Unknown,
            () if has(b'L') => RouteKind::Local,
            () if destination.is_multicast() => RouteKind::Multicast,
            () => RouteKind::Unicast,
        };
        let hop = NextHop {
            via: gateway.filter(|_| indirect),
            device: columns.device.map(owned),
            weight: None,
        };
        let discards = matches!(kind, RouteKind::Blackhole | RouteKind::Unreachable);
        let told = !discards && (hop.via.is_some() || hop.device.is_some());
        let next_hops = if told { vec![hop] } else { Vec::new() };
        let mut flags: Vec<_> = columns.flags.chunks(1).map(owned).collect();
        flags.sort_unstable();
        Some(Route {
            family,
            table: HostText::new(b"main"),
            destination,
            prefix,
            kind,
            next_hops,
            source: gateway.filter(|_| !indirect),
            metric: None,
            protocol: None,
            scope: None,
            mtu: columns.mtu.filter(|mtu| *mtu != 0),
            flags,
            expires_seconds: None,
        })
    }
}

/// `[Mask] Gateway [Device] MTU [Rtt] Ref Flags Out In/Fwd`.
fn verbose<'a>(mut words: impl Iterator<Item = &'a [u8]>, family: Family) -> Option<Columns<'a>> {
    let mask = if family == Family::Ipv4 { Some(words.next()?) } else { None };
    let gateway = words.next()?;
    let mut word = words.next()?;
    let device = (!word.first()?.is_ascii_digit()).then_some(word);
    if device.is_some() {
        word = words.next()?;
    }
    let mtu = number(word.strip_suffix(b"*").unwrap_or(word))?;
    let mut numbers = 0;
    let mut flags = words.next()?;
    while number(flags).is_some() {
        numbers += 1;
        flags = words.next()?;
    }
    let letters = flags.iter().position(u8::is_ascii_digit).unwrap_or(flags.len());
    let (flags, fused) = flags.split_at(letters);
    let mut counts = (!fused.is_empty()).then_some(fused).into_iter().chain(words);
    number(counts.next()?).and(number(counts.next()?))?;
    let sound = (numbers == 1 || numbers == 2) && is_flags(flags) && counts.next().is_none();
    sound.then_some(Columns { mask, gateway, device, mtu: Some(mtu), old: numbers == 2, flags })
}

/// `Gateway Flags Ref Use [If]`.
fn plain<'a>(mut words: impl Iterator<Item = &'a [u8]>) -> Option<Columns<'a>> {
    let (gateway, flags) = (words.next()?, words.next()?);
    number(words.next()?).and(number(words.next()?))?;
    let device = words.next();
    let sound = is_flags(flags) && words.next().is_none();
    sound.then_some(Columns { mask: None, gateway, device, mtu: None, old: false, flags })
}

fn is_flags(word: &[u8]) -> bool {
    word.first() == Some(&b'U') && word.iter().all(u8::is_ascii_alphabetic)
}

fn address(text: &[u8], family: Family) -> Option<IpAddr> {
    match family {
        Family::Ipv4 => {
            let mut cursor = Cursor::new(text);
            let address = cursor.ipv4()?;
            cursor.rest.is_empty().then_some(address.into())
        }
        Family::Ipv6 => Some(ipv6(text)?.into()),
    }
}

/// The destination and its prefix length, where it is told.
fn network(text: &[u8], mask: Option<&[u8]>, family: Family) -> Option<(IpAddr, Option<u8>)> {
    if text == b"default" {
        let any = match family {
            Family::Ipv4 => Ipv4Addr::UNSPECIFIED.into(),
            Family::Ipv6 => Ipv6Addr::UNSPECIFIED.into(),
        };
        return Some((any, Some(0)));
    }
    let (host, length) = match memchr::memchr(b'/', text) {
        Some(slash) => (text.get(..slash)?, text.get(slash + 1..)),
        None => (text, None),
    };
    let address = address(host, family)?;
    let most = if family == Family::Ipv4 { 32 } else { 128 };
    let prefix = match (length, mask, family) {
        (Some(length), ..) => {
            Some(u8::try_from(number(length)?).ok().filter(|length| *length <= most)?)
        }
        (None, Some(mask), _) => Some(prefix_of(mask)?),
        (None, None, Family::Ipv4) => None,
        // A host: `/128` is left out.
        (None, None, Family::Ipv6) => Some(128),
    };
    Some((address, prefix))
}

/// Bits of a mask in dotted form. `None`: it has holes.
fn prefix_of(mask: &[u8]) -> Option<u8> {
    let IpAddr::V4(mask) = address(mask, Family::Ipv4)? else { return None };
    let bits = mask.to_bits();
    let ones = bits.leading_ones();
    (bits.checked_shl(ones).unwrap_or(0) == 0).then_some(u8::try_from(ones).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{Seen, read};

    fn routes(seen: &Seen) -> Vec<(String, RouteKind, Option<String>, Option<String>)> {
        let route = |(_, row): &(_, Row<'_>)| match row {
            Row::Route(route) => {
                let to = format!("{}/{}", route.destination, route.prefix);
                let hop = route.next_hops.first();
                let via = hop.and_then(|hop| hop.via).map(|via| via.to_string());
                let device = hop.and_then(|hop| hop.device.as_ref());
                (to, route.kind, via, device.map(|name| name.escaped().into_owned()))
            }
            other => panic!("{other:?}"),
        };
        seen.rows.iter().map(route).collect()
    }

    fn some(
        to: &str,
        kind: RouteKind,
        via: Option<&str>,
        device: Option<&str>,
    ) -> (String, RouteKind, Option<String>, Option<String>) {
        (to.to_owned(), kind, via.map(str::to_owned), device.map(str::to_owned))
    }

    #[test]
    fn a_blank_interface_fused_flags_and_an_old_rtt_move_no_column() {
        let text = b"IRE Table: IPv4\n\
            default              0.0.0.0         192.0.2.1                   0   5 UG  5666596      0 \n\
            198.51.100.7         255.255.255.255 192.0.2.1            net0    1500   2 UGHS123456      7 \n\
            192.0.2.0            255.255.255.0   192.0.2.9            hme0    1500*    0   1 U       83     0\n\
            192.0.2.255          255.255.255.255 192.0.2.9            hme0    1500*    0   1 UHB     83     0\n\
            10.0.0.0             255.0.0.0           --               lo0     8232   1 UB       0      0 \n\
            192.0.2.7            255.255.255.255 192.0.2.7            net0    1500   1 UC       0      0 \n";
        let seen = read(reader(), text);
        assert_eq!(
            routes(&seen),
            [
                some("0.0.0.0/0", RouteKind::Unicast, Some("192.0.2.1"), None),
                some("198.51.100.7/32", RouteKind::Unicast, Some("192.0.2.1"), Some("net0")),
                some("192.0.2.0/24", RouteKind::Unicast, None, Some("hme0")),
                some("192.0.2.255/32", RouteKind::Broadcast, None, Some("hme0")),
                some("10.0.0.0/8", RouteKind::Blackhole, None, None),
            ]
        );
        assert_eq!((seen.headers.len(), seen.issues.len()), (2, 0));
    }

    #[test]
    fn a_mask_that_is_not_told_is_not_guessed() {
        let text = b"Routing Table: IPv4\n\
            default              192.0.2.1            UG        2      76419 net0      \n\
            127.0.0.1            127.0.0.1            UH        2         36 lo0       \n\
            192.0.2.0            192.0.2.17           U         4       8100 net0      \n\
            192.0.2.0/24         192.0.2.17           U         4       8100 net0      \n";
        let seen = read(reader(), text);
        let found: Vec<_> = routes(&seen).into_iter().map(|(to, ..)| to).collect();
        assert_eq!(found, ["0.0.0.0/0", "127.0.0.1/32", "192.0.2.0/24"]);
        let messages: Vec<_> = seen.issues.iter().map(|issue| issue.message.as_str()).collect();
        assert_eq!(messages, ["the mask is not told: run netstat with -v"]);
    }

    #[test]
    fn odd_masks_names_and_rows_before_a_title_are_issues() {
        let text = b"default 0.0.0.0 192.0.2.1 net0 1500 1 UG 0 0\nIRE Table: IPv4\n\
            10.0.0.0 255.0.255.0 192.0.2.1 net0 1500 1 UG 0 0\n\
            web-net 255.255.255.0 192.0.2.1 net0 1500 1 UG 0 0\n\
            10.0.0.0 255.0.0.0 router net0 1500 1 UG 0 0\n\
            10.0.0.0 255.0.0.0 192.0.2.1 net0 1500 1 UG 0 0 0\n\
            10.0.0.0 255.0.0.0 192.0.2.1 net0 1500 1 UG";
        let seen = read(reader(), text);
        assert_eq!((seen.rows.len(), seen.issues.len()), (0, 6));
    }
}
