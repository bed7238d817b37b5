//! `ifconfig -a` of Solaris and illumos: interfaces and their addresses.
//!
//! ```text
//! lo0: flags=2001000849<UP,LOOPBACK,RUNNING,MULTICAST,IPv4,VIRTUAL> mtu 8232 index 1
//!         inet 127.0.0.1 netmask ff000000
//! net0:1: flags=1000843<UP,BROADCAST,RUNNING,MULTICAST,IPv4> mtu 1500 index 2
//!         zone web
//!         inet 192.0.2.11 netmask ffffff00 broadcast 192.0.2.255
//! net0: flags=2004841<UP,RUNNING,MULTICAST,DHCP,IPv6> mtu 1500 index 2
//!         inet6 fe80::8:20ff:fe01:203/10
//!         ether 2:8:20:1:2:3
//! ip.tun0: flags=10008d1<UP,POINTOPOINT,RUNNING,NOARP,MULTICAST,IPv4> mtu 1480 index 3
//!         inet tunnel src 192.0.2.10 tunnel dst 198.51.100.10
//!         inet 10.0.0.1 --> 10.0.0.2 netmask ff000000
//! ```
//! An interface stands once for each family and once for each logical interface. The address of the
//! link layer is shown to root alone. Source: ifconfig(1M) of Solaris 10, ifconfig(8) of illumos.
//!
//! Decisions: each line that tells something is a row of its own, joined by the name of the interface
//! later. Addresses of a logical interface `net0:1` belong to `net0`; its flags are not `net0`'s and
//! are left out. An address that a zone uses has `zone NAME` for its scope. Lines without a place in
//! a record (groups, tunnels, tokens, addresses not set) are headers.

use std::net::{IpAddr, Ipv4Addr};

use crate::model::link::{Interface, InterfaceAddress};
use crate::model::parsed::{Reader, Row};
use crate::model::text::HostText;
use crate::probe::address::{hardware_address, ipv6};
use crate::probe::cursor::Cursor;
use crate::probe::solaris::words::{hexadecimal, number, owned, words};
use crate::probe::whole;

/// A reader of the output.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    let mut state = State { name: None, zone: None };
    whole::reader(move |line| state.read(line))
}

/// The interface whose lines stand here.
struct State {
    name: Option<Vec<u8>>,
    zone: Option<Vec<u8>>,
}

/// Lines that have no place in a record, by their first word.
const DETAILS: &[&[u8]] = &[
    b"all-zones",
    b"groupname",
    b"srcof",
    b"usesrc",
    b"tunnel",
    b"token",
    b"failover",
    b"standby",
    b"auth_algs",
    b"encr_algs",
];

impl State {
    fn read<'a>(&mut self, line: &'a [u8]) -> whole::Reading<'a> {
        if line.first().is_some_and(|byte| !byte.is_ascii_whitespace()) {
            if let Some(interface) = self.interface(line) {
                return Ok(Some(Row::Interface(interface)));
            }
            (self.name, self.zone) = (None, None);
            return Err("expected NAME: flags=HEX<WORDS> mtu N");
        }
        let Some(name) = &self.name else {
            return Err("expected an interface before its addresses");
        };
        let mut interface = Interface::named(owned(name));
        let mut words = words(line);
        match words.next().unwrap_or_default() {
            b"inet" | b"inet6" => match address(line, self.zone.as_deref()) {
                Some(Some(address)) => interface.addresses.push(address),
                Some(None) => return Ok(None),
                None => return Err("expected an address with its mask or prefix length"),
            },
            kind @ (b"ether" | b"ipib") => {
                let Some(mac) = words.next() else { return Err("expected an address") };
                interface.mac = Some(hardware_address(mac).unwrap_or_else(|| owned(mac)));
                interface.kind = Some(owned(kind));
            }
            b"zone" => {
                let zone = words.next().map(<[u8]>::to_vec);
                self.zone = zone;
                return Ok(None);
            }
            word if DETAILS.contains(&word) => return Ok(None),
            _ => return Err("expected inet, inet6, ether or a known detail"),
        }
        Ok(Some(Row::Interface(interface)))
    }

    /// `NAME: flags=HEX<WORDS> metric N mtu N index N`.
    fn interface(&mut self, line: &[u8]) -> Option<Interface> {
        let flags_at = memchr::memmem::find(line, b": flags=")?;
        let full = line.get(..flags_at)?;
        let mut parts = full.splitn(2, |byte| *byte == b':');
        let name = parts.next().filter(|name| !name.is_empty() && !name.contains(&b' '))?;
        let logical = parts.next().is_some();
        let rest = line.get(flags_at + b": flags=".len()..)?;
        let (open, close) = (memchr::memchr(b'<', rest)?, memchr::memchr(b'>', rest)?);
        hexadecimal(rest.get(..open)?)?;
        let mut interface = Interface::named(owned(name));
        let flags = rest.get(open + 1..close)?.split(|byte| *byte == b',');
        let flags: Vec<&[u8]> = flags.filter(|flag| !flag.is_empty()).collect();
        if flags.contains(&b"LOOPBACK".as_slice()) {
            interface.kind = Some(HostText::new(b"loopback"));
        }
        if !logical {
            interface.flags = flags.into_iter().map(owned).collect();
            interface.flags.sort_unstable();
        }
        let mut words = words(rest.get(close + 1..)?);
        while let Some(key) = words.next() {
            let value = number(words.next()?)?;
            match key {
                b"mtu" => interface.mtu = Some(value),
                b"index" => interface.index = Some(u32::try_from(value).ok()?),
                b"metric" => {}
                _ => return None,
            }
        }
        (self.name, self.zone) = (Some(name.to_vec()), None);
        Some(interface)
    }
}

/// The address of a line. The inner `None`: a tunnel, a token, an address that is not set.
#[expect(clippy::option_option, reason = "a line without an address is not an unknown line")]
fn address(line: &[u8], zone: Option<&[u8]>) -> Option<Option<InterfaceAddress>> {
    let mut words = words(line);
    let v6 = words.next()? == b"inet6";
    let own = words.next()?;
    if matches!(own, b"tunnel" | b"token") {
        return Some(None);
    }
    let (own, mut prefix) = with_prefix(own, v6)?;
    let mut peer = None;
    while let Some(key) = words.next() {
        match key {
            b"-->" => peer = Some(with_prefix(words.next()?, v6)?.0),
            b"netmask" => prefix = Some(mask(words.next()?)?),
            b"broadcast" => {
                with_prefix(words.next()?, v6)?;
            }
            _ => return None,
        }
    }
    let prefix = prefix?;
    let scope = zone.map(|zone| HostText::owned([b"zone ", zone].concat()));
    let address = InterfaceAddress { address: own, prefix: Some(prefix), scope, peer };
    Some((!own.is_unspecified()).then_some(address))
}

fn with_prefix(text: &[u8], v6: bool) -> Option<(IpAddr, Option<u8>)> {
    let (host, length) = match memchr::memchr(b'/', text) {
        Some(slash) => (text.get(..slash)?, Some(text.get(slash + 1..)?)),
        None => (text, None),
    };
    let address = if v6 { IpAddr::V6(ipv6(host)?) } else { IpAddr::V4(ipv4(host)?) };
    let most = if v6 { 128 } else { 32 };
    let prefix = match length {
        Some(length) => Some(u8::try_from(number(length)?).ok().filter(|bits| *bits <= most)?),
        None => None,
    };
    Some((address, prefix))
}

fn ipv4(text: &[u8]) -> Option<Ipv4Addr> {
    let mut cursor = Cursor::new(text);
    cursor.ipv4().filter(|_| cursor.rest.is_empty())
}

/// Bits of a mask in hexadecimal. `None`: it has holes.
fn mask(text: &[u8]) -> Option<u8> {
    let bits = u32::try_from(hexadecimal(text)?).ok()?;
    let ones = bits.leading_ones();
    (bits.checked_shl(ones).unwrap_or(0) == 0).then_some(u8::try_from(ones).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{Seen, read};

    fn addresses(seen: &Seen) -> Vec<String> {
        let row = |(_, row): &(_, Row<'_>)| match row {
            Row::Interface(interface) => interface.addresses.first().map(|address| {
                let scope = address.scope.as_ref().map(|scope| scope.escaped().into_owned());
                let peer = address.peer.map(|peer| peer.to_string());
                let name = interface.name.escaped().into_owned();
                format!("{name} {address} {peer:?} {scope:?}")
            }),
            other => panic!("{other:?}"),
        };
        seen.rows.iter().filter_map(row).collect()
    }

    #[test]
    fn zones_peers_and_logical_interfaces_are_told_apart() {
        let text = b"net0:1: flags=1000843<UP,BROADCAST,RUNNING,MULTICAST,IPv4> mtu 1500 index 2\n\
            \tzone web\n\tinet 192.0.2.11 netmask ffffff00 broadcast 192.0.2.255\n\
            ip.tun0: flags=10008d1<UP,POINTOPOINT,RUNNING,NOARP,MULTICAST,IPv4> mtu 1480 index 3\n\
            \tinet tunnel src 192.0.2.10 tunnel dst 198.51.100.10\n\
            \ttunnel hop limit 60\n\tinet 10.0.0.1 --> 10.0.0.2 netmask ff000000 \n\
            net1: flags=1000842<BROADCAST,RUNNING,MULTICAST,IPv4> metric 1 mtu 1500 index 4\n\
            \tinet 0.0.0.0 netmask 0 \n";
        let seen = read(reader(), text);
        assert_eq!(
            addresses(&seen),
            [
                "net0 192.0.2.11/24 None Some(\"zone web\")",
                "ip.tun0 10.0.0.1/8 Some(\"10.0.0.2\") None",
            ]
        );
        assert_eq!((seen.rows.len(), seen.headers.len(), seen.issues.len()), (5, 4, 0));
    }

    #[test]
    fn odd_lines_are_issues() {
        for text in [
            "\tinet 192.0.2.1 netmask ffffff00\n",
            "net0: flags=1000843<UP> mtu 1500 index 2\n\tinet 192.0.2.1 netmask ff00ff00\n",
            "net0: flags=1000843<UP> mtu 1500 index 2\n\tinet 192.0.2.1\n",
            "net0: flags=1000843<UP> mtu 1500 index 2\n\tinet6 2001:db8::1/129\n",
            "net0: flags=1000843<UP> mtu 1500 index 2\n\tinet6 2001:db8::1/",
            "net0: mtu 1500 index 2\n",
        ] {
            assert_eq!(read(reader(), text.as_bytes()).issues.len(), 1, "{text}");
        }
    }
}
