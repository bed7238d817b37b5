//! `/proc/net/if_inet6`: IPv6 addresses of the interfaces.
//!
//! ```text
//! fe800000000000003c4a7afffe0cbfef 06 40 20 80       d0
//! ```
//! Address, interface index, prefix, scope (`ipv6.h`: 00 global, 10 host, 20 link, 40 site), flags,
//! name; all hexadecimal. The far end of a point-to-point link is not told.

use crate::model::link::{Interface, InterfaceAddress};
use crate::model::parsed::{Reader, Row};
use crate::probe::cursor::Cursor;
use crate::probe::linux::proc_tables::hexadecimal::{ipv6, number, owned, word};
use crate::probe::whole;

/// A reader of the file.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    whole::reader(|line| match part(line) {
        Some(part) => Ok(Some(Row::Interface(part))),
        None => Err("expected a row of /proc/net/if_inet6"),
    })
}

fn part(line: &[u8]) -> Option<Interface> {
    let mut cursor = Cursor::new(line);
    let address = ipv6(&mut cursor)?;
    let index = u32::try_from(number(&mut cursor)?).ok()?;
    let prefix = u8::try_from(number(&mut cursor)?).ok().filter(|&prefix| prefix <= 128)?;
    let scope: Option<&[u8]> = match number(&mut cursor)? & 0xf0 {
        0x00 => Some(b"global"),
        0x10 => Some(b"host"),
        0x20 => Some(b"link"),
        0x40 => Some(b"site"),
        _ => None,
    };
    number(&mut cursor)?;
    let mut interface = Interface::named(owned(word(&mut cursor)?));
    interface.index = Some(index);
    let scope = scope.map(owned);
    interface.addresses =
        vec![InterfaceAddress { address: address.into(), prefix: Some(prefix), scope, peer: None }];
    Some(interface)
}
