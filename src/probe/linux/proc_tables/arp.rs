//! `/proc/net/arp`: the IPv4 neighbours.
//!
//! ```text
//! IP address       HW type     Flags       HW address            Mask     Device
//! 10.1.0.2         0x1         0x6         02:00:00:00:00:02     *        v0
//! 10.1.0.3         0x1         0x0         00:00:00:00:00:00     *        v0
//! ```
//! Flags (`if_arp.h`): 0x2 resolved, 0x4 permanent, 0x8 answered for others. These are the
//! state words told: `permanent`, and `published` of an entry for which this host answers on behalf of
//! another. Entries that ARP is not asked for, such as `noarp`, are not listed.

use crate::model::parsed::{Reader, Row};
use crate::model::route::Neighbour;
use crate::model::text::HostText;
use crate::probe::cursor::Cursor;
use crate::probe::linux::proc_tables::hexadecimal::{owned, word};
use crate::probe::whole;

const RESOLVED: u64 = 0x2;
const PERMANENT: u64 = 0x4;
const PUBLISHED: u64 = 0x8;

/// A reader of the file.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    whole::reader(|line| match neighbour(line) {
        Some(neighbour) => Ok(Some(Row::Neighbour(neighbour))),
        None if line.starts_with(b"IP address ") => Ok(None),
        None => Err("expected a row of /proc/net/arp"),
    })
}

fn neighbour(line: &[u8]) -> Option<Neighbour> {
    let mut cursor = Cursor::new(line);
    let address = cursor.ipv4()?;
    word(&mut cursor)?.strip_prefix(b"0x")?;
    let mut flags = Cursor::new(word(&mut cursor)?.strip_prefix(b"0x")?);
    let flags = flags.hexadecimal().filter(|_| flags.rest.is_empty())?;
    let mac = word(&mut cursor)?;
    word(&mut cursor)?;
    let device = word(&mut cursor)?;
    let words = [(PERMANENT, b"permanent".as_slice()), (PUBLISHED, b"published")];
    let set = words.into_iter().filter(|(flag, _)| flags & flag != 0);
    Some(Neighbour {
        address: address.into(),
        device: Some(owned(device)),
        mac: (flags & RESOLVED != 0).then(|| owned(mac)),
        states: set.map(|(_, word)| HostText::new(word)).collect(),
        router: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{read, rows};

    #[test]
    fn an_entry_that_this_host_answers_for_is_published() {
        let row = b"10.0.0.3         0x1         0xc         00:00:00:00:00:00     *        eth0\n";
        let expected = Neighbour {
            address: "10.0.0.3".parse().unwrap(),
            device: Some(HostText::new(b"eth0")),
            mac: None,
            states: vec![HostText::new(b"permanent"), HostText::new(b"published")],
            router: None,
        };
        assert_eq!(rows(&read(reader(), row)), [Row::Neighbour(expected)]);
    }
}
