//! `/proc/net/dev`: traffic counters of the interfaces.
//!
//! ```text
//! Inter-|   Receive                                                |  Transmit
//!  face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
//!     v0:     254       3    0    0    0     0          0         0       90       1    0    0    0     0       0          0
//! ```
//! Before 2.6.32 the first number may follow the colon at once. `drop` counts what was missed too;
//! `frame` and `carrier` are sums of several kinds of errors, so overruns and carrier losses stay
//! `None`, as does the width. Index, address, MTU, state, kind and flags are not told.

use crate::model::link::{Interface, LinkCounters};
use crate::model::parsed::{Reader, Row};
use crate::probe::cursor::Cursor;
use crate::probe::linux::proc_tables::hexadecimal::{decimal, owned};
use crate::probe::whole;

/// A reader of the file.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    whole::reader(|line| match interface(line) {
        Some(interface) => Ok(Some(Row::Interface(interface))),
        None if line.starts_with(b"Inter-|") || line.starts_with(b" face |") => Ok(None),
        None => Err("expected an interface with 16 counters"),
    })
}

fn interface(line: &[u8]) -> Option<Interface> {
    // The name of an alias (`eth0:1`) holds a colon itself; no number does.
    let colon = memchr::memrchr(b':', line)?;
    let (name, numbers) = line.split_at(colon);
    let name = name.trim_ascii_start();
    let mut cursor = Cursor::new(numbers.get(1..)?);
    let mut counts = [0_u64; 16];
    for count in &mut counts {
        *count = decimal(&mut cursor)?;
    }
    let plain = !name.is_empty() && !name.iter().any(|byte| matches!(byte, b' ' | b'\t' | b'|'));
    let [rx_bytes, rx_packets, rx_errors, rx_drop, _, _, _, multicast, tail @ ..] = counts;
    let [tx_bytes, tx_packets, tx_errors, tx_drop, tx_fifo, collisions, ..] = tail;
    let mut interface = Interface::named(owned(name));
    interface.rx = counters([rx_bytes, rx_packets, rx_errors, rx_drop]);
    interface.rx.multicast = Some(multicast);
    interface.tx = counters([tx_bytes, tx_packets, tx_errors, tx_drop]);
    interface.fifo_errors = Some(tx_fifo);
    interface.collisions = Some(collisions);
    plain.then_some(interface)
}

const fn counters([bytes, packets, errors, dropped]: [u64; 4]) -> LinkCounters {
    LinkCounters {
        bytes: Some(bytes),
        packets: Some(packets),
        errors: Some(errors),
        dropped: Some(dropped),
        overruns: None,
        multicast: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::text::HostText;
    use crate::probe::testing::{read, rows};

    #[test]
    fn a_number_at_the_colon_is_read_and_a_short_row_is_an_issue() {
        let text = b"  eth0:99 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15";
        let seen = read(reader(), text);
        let mut expected = Interface::named(HostText::new(b"eth0"));
        expected.rx = counters([99, 2, 3, 4]);
        expected.rx.multicast = Some(8);
        expected.tx = counters([9, 10, 11, 12]);
        expected.fifo_errors = Some(13);
        expected.collisions = Some(14);
        assert_eq!(rows(&seen), [Row::Interface(expected)]);
        assert_eq!(seen.issues.len(), 1);
    }
}
