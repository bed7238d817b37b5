//! `netstat -in` of AIX and HP-UX, with and without `-d`.
//!
//! ```text
//! Name   Mtu   Network     Address                 Ipkts     Ierrs        Opkts     Oerrs  Coll  Drop
//! en0    1500  link#2      4e.12.19.56.b5.14          7167418     0          2902787     0     0     0
//! en0    1500  198.51.100  198.51.100.22             7167418     0          2902787     0     0     0
//! lo0    16896 link#1                                1986929     0          1986929     0     0     0
//! lo0    16896 ::1%1                                 1986929     0          1986929     0     0     0
//! ```
//! AIX: one row for the link of an interface, with its index and hardware address, then one for
//! each address, all with the same counters. HP-UX: one row for each address; on PA-RISC only
//! `Ipkts` and `Opkts`; with `-f inet6` the column `Address/Prefix` takes the place of two. A `*`
//! behind the name says that the interface is down. Sources: IBM, AIX commands, `netstat`; HP-UX
//! netstat(1), ndp(1M).
//!
//! Decisions:
//! - Network or address may be blank, so the counters, which the header names, are counted from the
//!   right.
//! - The network is printed short (`198.51.100`) or in full (`192.0.2.0`), which does not tell the
//!   length of its prefix: such an address has none. Where `ifconfig -a` tells it, `normalize` takes
//!   that.
//! - `none` in place of both, and an address of zeros, are no address. A name is none either: such a
//!   row is an issue.
//! - Collisions are not counted for Ethernet (AIX), so 0 says nothing and stays `None`.

use std::net::IpAddr;

use smallvec::SmallVec;

use crate::model::link::{Interface, InterfaceAddress};
use crate::model::parsed::{Reader, Row};
use crate::model::socket::Family;
use crate::model::text::HostText;
use crate::probe::address::hardware_address;
use crate::probe::bsd::endpoint;
use crate::probe::bsd::plain_words::{decimal, destination, owned, words};
use crate::probe::whole::{self, Reading};

/// What a column counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    ReceivedPackets,
    ReceiveErrors,
    ReceiveDrops,
    SentPackets,
    SendErrors,
    SendDrops,
    Collisions,
    /// A name that is not known.
    Other,
}

/// Columns of counters: seven are known, and another one does no harm.
type Columns = SmallVec<[Column; 8]>;

/// Words of a row: four, and one for each column of counters.
const WORDS_MAX: usize = 16;

const ROW: &str = "expected an interface with the counters that the header names";
const NAMES: &str = "expected an address in numbers: run netstat with -n";

/// A reader of the answer: a part of an interface for each row.
pub(in crate::probe) fn reader() -> Box<dyn Reader> {
    use Column::{Collisions, ReceiveErrors, ReceivedPackets, SendErrors, SentPackets};
    // Until a header says otherwise.
    let columns = [ReceivedPackets, ReceiveErrors, SentPackets, SendErrors, Collisions];
    let mut table = Table { columns: Columns::from_slice(&columns), prefixed: false };
    whole::reader(move |line| table.line(line))
}

struct Table {
    columns: Columns,
    /// The column `Address/Prefix` stands where network and address do elsewhere.
    prefixed: bool,
}

impl Table {
    fn line<'a>(&mut self, line: &'a [u8]) -> Reading<'a> {
        if line.starts_with(b"Name ") {
            self.header(line);
            return Ok(None);
        }
        if matches!(line.trim_ascii(), b"IPv4:" | b"IPv6:") {
            return Ok(None);
        }
        self.interface(line).map(|interface| Some(Row::Interface(interface)))
    }

    fn header(&mut self, line: &[u8]) {
        self.prefixed = words(line).any(|word| word == b"Address/Prefix");
        let counters = words(line).skip_while(|word| *word != b"Ipkts");
        let columns = counters.map(|word| match word {
            b"Ipkts" => Column::ReceivedPackets,
            b"Ierrs" => Column::ReceiveErrors,
            b"Idrop" => Column::ReceiveDrops,
            b"Opkts" => Column::SentPackets,
            b"Oerrs" => Column::SendErrors,
            b"Drop" | b"Drops" => Column::SendDrops,
            b"Coll" => Column::Collisions,
            _ => Column::Other,
        });
        self.columns = columns.take(WORDS_MAX).collect();
    }

    fn interface(&self, line: &[u8]) -> Result<Interface, &'static str> {
        let words: SmallVec<[&[u8]; WORDS_MAX]> = words(line).take(WORDS_MAX + 1).collect();
        let front = words.len().checked_sub(self.columns.len());
        let (front, counters) = front.and_then(|at| words.split_at_checked(at)).ok_or(ROW)?;
        let [name, mtu, place @ ..] = front else { return Err(ROW) };
        let down = name.strip_suffix(b"*");
        let mut interface = Interface::named(owned(down.unwrap_or(name)));
        interface.oper_state = down.map(|_| HostText::new(b"down"));
        interface.mtu = Some(decimal(mtu).ok_or(ROW)?);
        for (column, word) in self.columns.iter().zip(counters) {
            count(*column, word, &mut interface).ok_or(ROW)?;
        }
        self.place(place, &mut interface)?;
        Ok(interface)
    }

    /// What stands between MTU and counters.
    fn place(&self, place: &[&[u8]], interface: &mut Interface) -> Result<(), &'static str> {
        let found = match place {
            [address] if self.prefixed => {
                let (address, prefix) =
                    destination(address, Family::Ipv6, false).map_err(|_| ROW)?;
                Some((address, Some(prefix)))
            }
            [link, address @ ..] if link.starts_with(b"link#") => {
                let index = link.get(5..).and_then(decimal).and_then(|it| u32::try_from(it).ok());
                interface.index = Some(index.ok_or(ROW)?);
                interface.mac = match address {
                    [] => None,
                    [address] => Some(hardware_address(address).ok_or(ROW)?),
                    _ => return Err(ROW),
                };
                None
            }
            [] | [b"none"] | [_, b"none"] => None,
            // The network, which may be blank, tells nothing that the address does not.
            [address] | [_, address] => Some((plain(address).ok_or(NAMES)?, None)),
            _ => return Err(ROW),
        };
        if let Some((address, prefix)) = found.filter(|(address, _)| !address.is_unspecified()) {
            interface.addresses.push(InterfaceAddress { address, prefix, scope: None, peer: None });
        }
        Ok(())
    }
}

/// An address of either family, without its zone.
fn plain(word: &[u8]) -> Option<IpAddr> {
    let v6 = memchr::memchr(b':', word).is_some();
    let family = if v6 { Family::Ipv6 } else { Family::Ipv4 };
    endpoint::address(word, family).filter(|_| word != b"*").map(|(address, _)| address)
}

/// Puts a counter where it belongs; `-` says that there is none.
fn count(column: Column, word: &[u8], interface: &mut Interface) -> Option<()> {
    if word == b"-" {
        return Some(());
    }
    let value = Some(decimal(word)?);
    match column {
        Column::ReceivedPackets => interface.rx.packets = value,
        Column::ReceiveErrors => interface.rx.errors = value,
        Column::ReceiveDrops => interface.rx.dropped = value,
        Column::SentPackets => interface.tx.packets = value,
        Column::SendErrors => interface.tx.errors = value,
        Column::SendDrops => interface.tx.dropped = value,
        Column::Collisions => interface.collisions = value.filter(|&count| count > 0),
        Column::Other => {}
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::link::LinkCounters;
    use crate::probe::testing::{read, rows};

    fn counters(packets: u64, errors: Option<u64>, dropped: Option<u64>) -> LinkCounters {
        LinkCounters { packets: Some(packets), errors, dropped, ..LinkCounters::default() }
    }

    fn bare(address: &str) -> InterfaceAddress {
        let address = address.parse().unwrap();
        InterfaceAddress { address, prefix: None, scope: None, peer: None }
    }

    #[test]
    fn addresses_are_taken_where_they_are_numbers() {
        let text =
            b"Name      Mtu  Network         Address         Ipkts   Ierrs Opkts   Oerrs Coll\n\
            lan2*     1500 none            none            0       0     0       0     0\n\
            lan1*     1500 10.10.0.0       10.10.0.5       0       0     0       0     0\n\
            lan0      1500 198.51.100      198.51.100.22   7       0     9       0     0\n\
            lan0:1    1500 192.0.2.0       web-1           7       0     9       0     0\n\
            lan3      1500 0.0.0.0         0.0.0.0         7       0     9       0     0\n";
        let seen = read(reader(), text);
        let part = |name: &'static str, down: bool, packets: [u64; 2], addresses| {
            let mut part = Interface::named(name.into());
            part.mtu = Some(1500);
            part.oper_state = down.then(|| HostText::new(b"down"));
            part.addresses = addresses;
            let [received, sent] = packets;
            (part.rx, part.tx) = (counters(received, Some(0), None), counters(sent, Some(0), None));
            Row::Interface(part)
        };
        assert_eq!(
            rows(&seen),
            [
                part("lan2", true, [0, 0], vec![]),
                part("lan1", true, [0, 0], vec![bare("10.10.0.5")]),
                part("lan0", false, [7, 9], vec![bare("198.51.100.22")]),
                part("lan3", false, [7, 9], vec![]),
            ]
        );
        let messages: Vec<&str> = seen.issues.iter().map(|one| one.message.as_str()).collect();
        assert_eq!(messages, [NAMES]);
    }

    #[test]
    fn blank_addresses_do_not_shift_the_counters() {
        let text = b"Name  Mtu   Network     Address            Ipkts Ierrs    Opkts Oerrs  Coll  Drop\n\
            en0   1500  link#2      a.c6.24.39.41.3    18446744073709551615     1    60252     2     3 4\n\
            lo0*  16896 link#1                          36891     0    36892     0     0     0\n\
            lo0   16896 ::1%1                           36891     0    36892     0     0     0\n";
        let seen = read(reader(), text);
        let mut en0 = Interface::named(HostText::new(b"en0"));
        (en0.index, en0.mtu, en0.collisions) = (Some(2), Some(1500), Some(3));
        en0.mac = Some(HostText::new(b"0a:c6:24:39:41:03"));
        en0.rx = counters(u64::MAX, Some(1), None);
        en0.tx = counters(60252, Some(2), Some(4));
        let mut lo0 = Interface::named(HostText::new(b"lo0"));
        (lo0.index, lo0.mtu) = (Some(1), Some(16896));
        lo0.oper_state = Some(HostText::new(b"down"));
        lo0.rx = counters(36891, Some(0), None);
        lo0.tx = counters(36892, Some(0), Some(0));
        let again = Interface {
            index: None,
            oper_state: None,
            addresses: vec![bare("::1")],
            ..lo0.clone()
        };
        assert_eq!(rows(&seen), [en0, lo0, again].map(Row::Interface));
        assert_eq!((seen.headers.len(), seen.issues.len()), (1, 0));
    }

    #[test]
    fn pa_risc_counts_packets_alone_and_prefixes_are_read() {
        let text = b"Name      Mtu Network          Address         Ipkts         Opkts\n\
            lan0      1500 192.0.2.0        192.0.2.10      7             9\n\
            Name      Mtu  Address/Prefix                   Ipkts   Opkts\n\
            lan1:1    1500 2001:db8::a/64                   3       4\n";
        let seen = read(reader(), text);
        let mut lan0 = Interface::named(HostText::new(b"lan0"));
        lan0.mtu = Some(1500);
        lan0.addresses = vec![bare("192.0.2.10")];
        (lan0.rx, lan0.tx) = (counters(7, None, None), counters(9, None, None));
        let mut lan1 = Interface::named(HostText::new(b"lan1:1"));
        lan1.mtu = Some(1500);
        (lan1.rx, lan1.tx) = (counters(3, None, None), counters(4, None, None));
        let address = "2001:db8::a".parse().unwrap();
        lan1.addresses =
            vec![InterfaceAddress { address, prefix: Some(64), scope: None, peer: None }];
        assert_eq!(rows(&seen), [lan0, lan1].map(Row::Interface));
        assert_eq!((seen.headers.len(), seen.issues.len()), (2, 0));
    }

    #[test]
    fn a_row_that_is_short_is_an_issue() {
        for text in [
            "en0 1500 link#2 1.2.3.4.5.6 1 0 2 0",
            "en0 1500 link#2 nonsense 1 0 2 0 0\n",
            "en0 none link#2 1 0 2 0 0\n",
            "en0 1500 1 0 2\n",
        ] {
            let seen = read(reader(), text.as_bytes());
            assert_eq!((seen.rows.len(), seen.issues.len()), (0, 1), "{text}");
        }
    }
}
