//! `netstat -v` of AIX, which runs `entstat` for each adapter in use, and the answer of `entstat`.
//!
//! ```text
//! -------------------------------------------------------------
//! ETHERNET STATISTICS (ent0) :
//! Device Type: Virtual I/O Ethernet Adapter (l-lan)
//! Hardware Address: 4e:12:19:56:b5:14
//! Transmit Statistics:                          Receive Statistics:
//! --------------------                          -------------------
//! Packets: 2901731                              Packets: 7163285
//! Bytes: 699977762                              Bytes: 1084168420
//!                                               Bad Packets: 0
//! General Statistics:
//! Driver Flags: Up Broadcast Running
//!     Simplex 64BitSupport
//! Media Speed Running: 1000 Mbps Full Duplex
//! ```
//! Two columns up to `General Statistics:`, then what the driver knows. Sources: IBM, AIX commands,
//! `netstat` and `entstat`.
//!
//! Decisions:
//! - All lines of an adapter make one row, because its counters belong together. Lines that give
//!   nothing to it (queues, flow control, threads of a shared adapter) are covered by it.
//! - The name is the one that is printed: `ent0` is the adapter below the interface `en0`, and not
//!   every adapter has an interface, so the two are not made one.
//! - Overruns are `DMA Overrun` when receiving and `No Carrier Sense` when sending. Counts of packets
//!   with collisions are no counts of collisions.
//! - Counters have 64 bits where the driver flags say `64BitSupport`; else nothing is said.
//! - `Adapter Data Rate` adds up both directions on some drivers, so the speed is what `Media Speed
//!   Running` or `Physical Port Speed` says.
//! - An adapter one of whose counters cannot be read is an issue as a whole. Adapters of storage
//!   (`FIBRE CHANNEL STATISTICS REPORT`) are known and give nothing.

use crate::model::link::Interface;
use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::text::HostText;
use crate::probe::address::hardware_address;
use crate::probe::bsd::plain_words::{decimal, owned, words};
use crate::probe::lines::{LineParser, Lines};

/// A reader of the answer: an interface for each adapter.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    Box::new(Lines::new(Statistics { block: Block::None }))
}

struct Statistics {
    block: Block,
}

/// What the current lines are about.
enum Block {
    /// Nothing yet.
    None,
    /// An adapter of a network.
    Adapter(Box<Adapter>),
    /// Something that is not in the schema.
    Foreign,
}

struct Adapter {
    span: Span,
    title: Vec<u8>,
    interface: Interface,
    /// The two columns are being read.
    columns: bool,
    /// The last line began with `Driver Flags:` or went on with them.
    flags: bool,
    /// What is wrong with it.
    fault: Option<&'static str>,
}

impl LineParser for Statistics {
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        let text = line.trim_ascii();
        if text.is_empty() {
            return;
        }
        if let Some(adapter) = titled(span, text) {
            self.end(sink);
            self.block = Block::Adapter(Box::new(adapter));
            return;
        }
        if text.starts_with(b"FIBRE CHANNEL STATISTICS REPORT") || is_foreign(text) {
            self.end(sink);
            self.block = Block::Foreign;
            return sink.header(span);
        }
        match &mut self.block {
            Block::Adapter(adapter) => adapter.take(span, line),
            Block::Foreign => sink.header(span),
            Block::None if text.iter().all(|&byte| byte == b'-') => sink.header(span),
            Block::None => {
                let expected = "expected the title of an adapter's statistics";
                sink.issue(Issue::unparsed(span, expected, line));
            }
        }
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        if let Block::Adapter(adapter) = std::mem::replace(&mut self.block, Block::None) {
            match adapter.fault {
                Some(expected) => {
                    sink.issue(Issue::unparsed(adapter.span, expected, &adapter.title));
                }
                None => sink.row(adapter.span, Row::Interface(adapter.interface)),
            }
        }
    }
}

/// `ETHERNET STATISTICS (ent0) :`
fn titled(span: Span, text: &[u8]) -> Option<Adapter> {
    let at = memchr::memmem::find(text, b" STATISTICS (")?;
    let (kind, rest) = text.split_at_checked(at)?;
    let plain = |byte: &u8| byte.is_ascii_uppercase() || matches!(byte, b' ' | b'-');
    if kind.is_empty() || !kind.iter().all(plain) {
        return None;
    }
    let (name, end) = rest.get(13..)?.split_at_checked(memchr::memchr(b')', rest.get(13..)?)?)?;
    let named = !name.is_empty() && name.iter().all(u8::is_ascii_alphanumeric);
    if !named || end.get(1..)?.trim_ascii() != b":" {
        return None;
    }
    let mut interface = Interface::named(owned(name));
    interface.kind = (kind == b"ETHERNET").then(|| HostText::new(b"ether"));
    let title = text.to_vec();
    Some(Adapter { span, title, interface, columns: true, flags: false, fault: None })
}

/// Statistics of another kind of device, such as `IB ... STATISTICS`.
fn is_foreign(text: &[u8]) -> bool {
    let upper = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b' ';
    text.ends_with(b" STATISTICS") && text.iter().all(upper)
}

impl Adapter {
    fn take(&mut self, span: Span, line: &[u8]) {
        self.span.end = span.end;
        let text = line.trim_ascii();
        let indented = line.first().is_some_and(u8::is_ascii_whitespace);
        if self.columns {
            self.columns = !text.starts_with(b"General Statistics:");
            if self.columns && self.counters(line).is_none() {
                self.fault = Some("expected numbers behind the names of an adapter's counters");
            }
        } else if indented && self.flags {
            self.driver_flags(text);
            return;
        } else if !indented {
            self.fact(text);
        }
        self.flags = text.starts_with(b"Driver Flags:");
    }

    /// A line of the two columns: what is sent on the left, what is received on the right.
    fn counters(&mut self, line: &[u8]) -> Option<()> {
        if let Some(address) = line.strip_prefix(b"Hardware Address:") {
            self.interface.mac = Some(hardware_address(address.trim_ascii())?);
            return Some(());
        }
        let right = if line.starts_with(b"  ") {
            line.trim_ascii()
        } else {
            // Rules have no colon.
            let Some(colon) = memchr::memchr(b':', line) else { return Some(()) };
            let (name, rest) = line.split_at_checked(colon)?;
            let rest = rest.get(1..)?.trim_ascii();
            let digits = memchr::memchr(b' ', rest).unwrap_or(rest.len());
            let (value, rest) = rest.split_at_checked(digits)?;
            self.sent(name, value)?;
            rest.trim_ascii()
        };
        match right.split_at_checked(memchr::memchr(b':', right).unwrap_or(0))? {
            ([], _) => Some(()),
            (name, value) => self.received(name, value.get(1..)?.trim_ascii()),
        }
    }

    fn sent(&mut self, name: &[u8], value: &[u8]) -> Option<()> {
        let slot = match name {
            b"Packets" => &mut self.interface.tx.packets,
            b"Bytes" => &mut self.interface.tx.bytes,
            b"Transmit Errors" => &mut self.interface.tx.errors,
            b"Packets Dropped" => &mut self.interface.tx.dropped,
            b"No Carrier Sense" => &mut self.interface.carrier_errors,
            _ => return Some(()),
        };
        *slot = Some(decimal(value)?);
        Some(())
    }

    fn received(&mut self, name: &[u8], value: &[u8]) -> Option<()> {
        let slot = match name {
            b"Packets" => &mut self.interface.rx.packets,
            b"Bytes" => &mut self.interface.rx.bytes,
            b"Receive Errors" => &mut self.interface.rx.errors,
            b"Packets Dropped" => &mut self.interface.rx.dropped,
            b"DMA Overrun" => &mut self.interface.rx.overruns,
            b"Multicast Packets" => &mut self.interface.rx.multicast,
            _ => return Some(()),
        };
        *slot = Some(decimal(value)?);
        Some(())
    }

    /// A line behind the two columns.
    fn fact(&mut self, text: &[u8]) {
        let Some((name, value)) =
            memchr::memchr(b':', text).and_then(|colon| text.split_at_checked(colon))
        else {
            return;
        };
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        match name.trim_ascii() {
            b"Driver Flags" => self.driver_flags(value),
            b"Media Speed Running" | b"Physical Port Speed" => {
                self.interface.speed_bps = self.interface.speed_bps.or_else(|| speed(value));
            }
            b"Link Status" | b"Physical Port Link State" | b"Physical Port Link Status" => {
                let state: Option<&'static [u8]> = match value {
                    b"Up" | b"UP" => Some(b"up"),
                    b"Down" | b"DOWN" => Some(b"down"),
                    _ => None,
                };
                let known = self.interface.oper_state.take();
                self.interface.oper_state = known.or_else(|| state.map(HostText::new));
            }
            _ => {}
        }
    }

    fn driver_flags(&mut self, text: &[u8]) {
        if words(text).any(|word| word == b"64BitSupport") {
            self.interface.counter_width = Some(64);
        }
    }
}

/// `1000 Mbps Full Duplex`, `10 Gbps Full Duplex`, `10Gbps`. Unit of the result: bits per second.
fn speed(text: &[u8]) -> Option<u64> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = text.split_at_checked(digits)?;
    let factor = match words(rest).next()? {
        b"Mbps" | b"Mb/s" => 1_000_000,
        b"Gbps" | b"Gb/s" => 1_000_000_000,
        _ => return None,
    };
    decimal(number)?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::link::LinkCounters;
    use crate::probe::testing::{Seen, rows};

    fn read(text: &str) -> Seen {
        crate::probe::testing::read(reader(), text.as_bytes())
    }

    const ADAPTER: &str = "ETHERNET STATISTICS (ent1) :\nDevice Type: Gigabit Adapter (1410ff01)\n\
        Hardware Address: 0:9:6b:3e:0:55\nElapsed Time: 0 days 17 hours 38 minutes 35 seconds\n\n\
        Transmit Statistics:                          Receive Statistics:\n\
        --------------------                          -------------------\n\
        Packets: 519                                  Packets: 30161\n\
        Bytes: 18446744073709551615                   Bytes: 7947141\n\
        Transmit Errors: 1                            Receive Errors: 2\n\
        Packets Dropped: 3                            Packets Dropped: 4\n\
        \x20                                             Bad Packets: 5\n\n\
        Max Packets on S/W Transmit Queue: 3\n\
        Multicast Packets: 6                          Multicast Packets: 7\n\
        No Carrier Sense: 8                           CRC Errors: 9\n\
        DMA Underrun: 10                              DMA Overrun: 11\n\n\
        General Statistics:\n-------------------\nDriver Flags: Up Broadcast\n\tSimplex 64BitSupport\n\n\
        Gigabit Adapter (1410ff01) Specific Statistics:\nLink Status: Up\n\
        Media Speed Running: 1000 Mbps Full Duplex\n";

    fn adapter() -> Interface {
        let mut expected = Interface::named(HostText::new(b"ent1"));
        expected.mac = Some(HostText::new(b"00:09:6b:3e:00:55"));
        expected.kind = Some(HostText::new(b"ether"));
        expected.oper_state = Some(HostText::new(b"up"));
        (expected.speed_bps, expected.counter_width) = (Some(1_000_000_000), Some(64));
        expected.rx = LinkCounters {
            bytes: Some(7_947_141),
            packets: Some(30161),
            errors: Some(2),
            dropped: Some(4),
            overruns: Some(11),
            multicast: Some(7),
        };
        expected.tx = LinkCounters {
            bytes: Some(u64::MAX),
            packets: Some(519),
            errors: Some(1),
            dropped: Some(3),
            overruns: None,
            multicast: None,
        };
        expected.carrier_errors = Some(8);
        expected
    }

    #[test]
    fn an_adapter_is_one_row_with_bytes_and_speed() {
        let rule = "-------------------------------------------------------------\n";
        let other = ADAPTER.replace("ent1", "ent2").replace("1000 Mbps", "10 Gbps");
        let storage = "FIBRE CHANNEL STATISTICS REPORT: fcs0\n\nSeconds Since Last Reset: 7\n";
        let seen = read(&format!("{rule}{ADAPTER}{rule}{other}{storage}"));
        let mut second = adapter();
        second.name = HostText::new(b"ent2");
        second.speed_bps = Some(10_000_000_000);
        assert_eq!(rows(&seen), [adapter(), second].map(Row::Interface));
        assert_eq!((seen.headers.len(), seen.issues.len()), (3, 0));
        assert_eq!(seen.rows[0].0.line, 2);
    }

    #[test]
    fn an_adapter_with_a_counter_that_is_wrong_is_one_issue() {
        for text in [
            ADAPTER.replace("Bytes: 7947141", "Bytes: many"),
            ADAPTER.replace("Packets: 519 ", "Packets: -1  "),
            ADAPTER.replace("0:9:6b:3e:0:55", "unknown"),
        ] {
            let seen = read(&text);
            assert_eq!((seen.rows.len(), seen.issues.len()), (0, 1), "{text}");
        }
        let stray = read("Packets: 5\n");
        assert_eq!((stray.rows.len(), stray.issues.len()), (0, 1));
    }

    #[test]
    fn a_speed_is_read_or_left_out() {
        let cases: [(&str, Option<u64>); 5] = [
            ("100 Mbps Full Duplex", Some(100_000_000)),
            ("10Gbps", Some(10_000_000_000)),
            ("Unknown", None),
            ("25", None),
            ("99999999999999999999 Gbps", None),
        ];
        for (text, expected) in cases {
            assert_eq!(speed(text.as_bytes()), expected, "{text}");
        }
    }
}
