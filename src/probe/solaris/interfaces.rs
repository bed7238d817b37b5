//! `netstat -i -n` of Solaris and illumos: interfaces with packets and errors.
//!
//! ```text
//! Name  Mtu  Net/Dest      Address        Ipkts  Ierrs Opkts  Oerrs Collis Queue
//! net0  1500 192.0.2.0     192.0.2.10     68283  0     105445 0     0      0
//!
//! Name  Mtu  Net/Dest                    Address                     Ipkts  Ierrs Opkts  Oerrs Collis
//! net0  1500 fe80::/10                   fe80::8:20ff:fe01:203       68283  0     105445 0     0
//! ```
//! No column is ever blank. Source: netstat(1M) of Solaris 10, netstat(8) of Solaris 11.4 and
//! illumos, illumos `netstat.c`.
//!
//! Decisions: an address whose network has no prefix length has none either: IPv4, but for `-c` of
//! illumos, and hosts of IPv6. Where `ifconfig -a` tells it, `normalize` takes that. An address of
//! zeros is none. With `-a` a logical interface (`net0:1`) counts only its own packets and prints `N/A`
//! for the rest: of such a row nothing but the address is kept.

use std::net::IpAddr;

use crate::model::link::{Interface, InterfaceAddress};
use crate::model::parsed::{Reader, Row};
use crate::probe::address::ipv6;
use crate::probe::cursor::Cursor;
use crate::probe::solaris::words::{number, owned, words};
use crate::probe::whole;

/// A reader of the output.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    whole::reader(|line| match interface(line) {
        Some(interface) => Ok(Some(Row::Interface(interface))),
        None if line.starts_with(b"Name ") => Ok(None),
        None => Err("expected a row of netstat -i"),
    })
}

fn interface(line: &[u8]) -> Option<Interface> {
    let mut words = words(line);
    let name = words.next()?;
    let physical = name.split(|byte| *byte == b':').next().filter(|name| !name.is_empty())?;
    let mut interface = Interface::named(owned(physical));
    interface.mtu = Some(number(words.next()?)?);
    let (network, own) = (words.next()?, words.next()?);
    let own = address(own)?;
    let mut prefix = None;
    if let Some(slash) = memchr::memrchr(b'/', network) {
        let most = if own.is_ipv4() { 32 } else { 128 };
        let bits = u8::try_from(number(network.get(slash + 1..)?)?).ok()?;
        (bits <= most).then_some(())?;
        prefix = Some(bits);
    }
    if !own.is_unspecified() {
        let (scope, peer) = (None, None);
        interface.addresses.push(InterfaceAddress { address: own, prefix, scope, peer });
    }
    let received = number(words.next()?)?;
    let rest: Vec<&[u8]> = words.take(6).collect();
    let [receive_errors, sent, send_errors, collisions] = *rest.first_chunk::<4>()?;
    (rest.len() <= 5).then_some(())?;
    if receive_errors == b"N/A" {
        return Some(interface);
    }
    interface.rx.packets = Some(received);
    interface.rx.errors = Some(number(receive_errors)?);
    interface.tx.packets = Some(number(sent)?);
    interface.tx.errors = Some(number(send_errors)?);
    interface.collisions = Some(number(collisions)?);
    Some(interface)
}

fn address(text: &[u8]) -> Option<IpAddr> {
    let mut cursor = Cursor::new(text);
    match cursor.ipv4() {
        Some(address) => cursor.rest.is_empty().then_some(address.into()),
        None => Some(ipv6(text)?.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{read, rows};

    #[test]
    fn a_logical_interface_gives_an_address_and_no_counters() {
        let text =
            b"net0:1 1500 192.0.2.0/24  192.0.2.11     12     N/A   N/A    N/A   N/A    0     \n";
        let address = InterfaceAddress {
            address: "192.0.2.11".parse().unwrap(),
            prefix: Some(24),
            scope: None,
            peer: None,
        };
        let expected = Interface {
            mtu: Some(1500),
            addresses: vec![address],
            ..Interface::named(owned(b"net0"))
        };
        assert_eq!(rows(&read(reader(), text)), [Row::Interface(expected)]);
    }

    #[test]
    fn an_address_without_a_prefix_is_kept_without_one() {
        let text = b"net0  1500 192.0.2.0     192.0.2.10     6      0     7      0     0      0\n\
            net1  1500 0.0.0.0       0.0.0.0        0      0     0      0     0      0\n\
            lo0   8252 ::1           ::1            6      0     7      0     0\n";
        let addresses: Vec<String> = rows(&read(reader(), text))
            .into_iter()
            .map(|row| {
                let Row::Interface(interface) = row else { panic!("{row:?}") };
                let words: Vec<_> = interface.addresses.iter().map(ToString::to_string).collect();
                words.join(" ")
            })
            .collect();
        assert_eq!(addresses, ["192.0.2.10", "", "::1"]);
    }

    #[test]
    fn too_many_too_few_or_odd_columns_are_an_issue() {
        for text in [
            "net0 1500 192.0.2.0 192.0.2.1 1 0 1 0 0 0 0\n",
            "net0 1500 192.0.2.0 192.0.2.1 1 0 1 0\n",
            "net0 1500 192.0.2.0 web-1 1 0 1 0 0 0\n",
            "net0 1500 2001:db8::/129 2001:db8::1 1 0 1 0 0\n",
        ] {
            let seen = read(reader(), text.as_bytes());
            assert_eq!((seen.rows.len(), seen.issues.len()), (0, 1), "{text}");
        }
    }
}
