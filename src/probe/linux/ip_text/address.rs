//! `ip -o addr show`, of iproute2 or busybox: one address a line.
//!
//! ```text
//! 3: v0    inet 10.1.0.1/24 brd 10.1.0.255 scope global v0\       valid_lft forever preferred_lft forever
//! 6: d0    inet 10.2.0.1 peer 10.2.0.2/32 scope global d0\       valid_lft forever preferred_lft forever
//! 6: d0    inet6 fe80::3c4a:7aff:fe0c:bfef/64 scope link \       valid_lft forever preferred_lft forever
//! ```
//! Each line gives a part of an interface: index, name and one address. Interfaces without an
//! address have no line. The prefix of a point-to-point address stands behind its peer.

use crate::model::link::{Interface, InterfaceAddress};
use crate::model::parsed::{Reader, Row};
use crate::probe::cursor::Cursor;
use crate::probe::linux::ip_text::words::{Words, network, owned};
use crate::probe::whole;

/// A reader of addresses.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    whole::reader(|line| match part(line) {
        Some(part) => Ok(Some(Row::Interface(part))),
        // busybox and some versions print the interface itself on a line of its own.
        None if is_link(line) => Ok(None),
        None => Err("expected an address as `3: eth0 inet 10.0.0.1/24`"),
    })
}

fn is_link(line: &[u8]) -> bool {
    let mut cursor = Cursor::new(line);
    cursor.decimal().is_some()
        && cursor.eat(b": ")
        && memchr::memmem::find(cursor.rest, b": <").is_some()
}

fn part(line: &[u8]) -> Option<Interface> {
    let mut cursor = Cursor::new(line);
    let index = cursor.number()?;
    cursor.after(b": ")?;
    let line = cursor.rest.split(|&byte| byte == b'\\').next()?;
    let mut words = Words::new(line);
    let name = words.next()?;
    let v4 = match words.next()? {
        b"inet" => true,
        b"inet6" => false,
        _ => return None,
    };
    let mut first = network(words.next()?)?;
    let (mut peer, mut scope) = (None, None);
    while let Some(word) = words.next() {
        match word {
            b"peer" => {
                let (far, prefix) = network(words.next()?)?;
                peer = Some(far);
                first.1 = prefix;
            }
            b"scope" => scope = words.next().map(owned),
            _ => {}
        }
    }
    let (local, prefix) = first;
    let mut interface = Interface::named(owned(name));
    interface.index = Some(index);
    interface.addresses = vec![InterfaceAddress { address: local, prefix, scope, peer }];
    (local.is_ipv4() == v4).then_some(interface)
}
