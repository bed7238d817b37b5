//! `kstat -p -c net` of Solaris and illumos: counters, state and speed of the links.
//!
//! ```text
//! link:0:net0:collisions    0
//! link:0:net0:ifspeed    10000000000
//! link:0:net0:ipackets64    682834
//! e1000g:0:mac:ipackets64    682834
//! lo:0:lo0:ipackets    271
//! tcp:0:tcpstat:tcp_time_wait_syn_success    0
//! ```
//! Each line is `MODULE:INSTANCE:NAME:STATISTIC`, a TAB, a value; the lines of one NAME stand
//! together. The link is NAME: `net0` of the module `link` where links can be renamed, `e1000g0` of
//! the module `e1000g` up to Solaris 10. Source: kstat(1M) of Solaris 10, kstat(8) of illumos,
//! "Network device statistics" in gld(9F) and `dls_stat.c`.
//!
//! Decisions:
//! - A link is what counts received packets, but `mac`: those are the device's own counters of a link
//!   that is listed by its name too. Other statistics of the class are not of links: headers.
//! - The counters of 64 bits go before those of 32; `norcvbuf` and `noxmtbuf` are packets dropped
//!   because no buffer was left. A speed of 0 is not known.
//! - A link has one row, on the lines from the first to the last of its statistics.

use crate::model::link::Interface;
use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::text::HostText;
use crate::probe::lines::{LineParser, Lines};
use crate::probe::solaris::words::{number, owned};

/// A reader of the output.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    Box::new(Lines::new(Kstat { group: None }))
}

struct Kstat {
    group: Option<Group>,
}

/// The statistics of one name.
struct Group {
    /// `MODULE:INSTANCE:NAME`.
    key: Vec<u8>,
    span: Span,
    link: Interface,
    is_link: bool,
    wide: bool,
    counted: bool,
}

impl LineParser for Kstat {
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        if line.trim_ascii().is_empty() {
            return;
        }
        let Some((key, statistic, value)) = split(line) else {
            self.flush(sink);
            let expected = "expected MODULE:INSTANCE:NAME:STATISTIC, a TAB and a value";
            return sink.issue(Issue::unparsed(span, expected, line));
        };
        if self.group.as_ref().is_some_and(|group| group.key != key || group.span.end != span.start)
        {
            self.flush(sink);
        }
        let group = self.group.get_or_insert_with(|| Group::new(key, span));
        group.span.end = span.end;
        group.take(statistic, value);
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        self.flush(sink);
    }
}

impl Kstat {
    fn flush(&mut self, sink: &mut dyn Sink) {
        match self.group.take() {
            Some(group) if group.is_link && group.link.name.bytes() != b"mac" => {
                sink.row(group.span, Row::Interface(group.link));
            }
            Some(group) => sink.header(group.span),
            None => {}
        }
    }
}

impl Group {
    fn new(key: &[u8], span: Span) -> Self {
        let name = key.rsplit(|byte| *byte == b':').next().unwrap_or_default();
        let link = Interface::named(owned(name));
        Self { key: key.to_vec(), span, link, is_link: false, wide: false, counted: false }
    }

    fn take(&mut self, statistic: &[u8], value: &[u8]) {
        let Some(value) = number(value) else { return };
        let link = &mut self.link;
        match statistic {
            b"ifspeed" => link.speed_bps = (value != 0).then_some(value),
            b"link_state" => {
                let word: &[u8] = match value {
                    0 => b"down",
                    1 => b"up",
                    _ => b"unknown",
                };
                link.oper_state = Some(HostText::new(word));
            }
            b"collisions" => link.collisions = Some(value),
            b"ierrors" => link.rx.errors = Some(value),
            b"oerrors" => link.tx.errors = Some(value),
            b"norcvbuf" => link.rx.dropped = Some(value),
            b"noxmtbuf" => link.tx.dropped = Some(value),
            b"multircv" => link.rx.multicast = Some(value),
            _ => self.count(statistic, value),
        }
    }

    fn count(&mut self, statistic: &[u8], value: u64) {
        let (name, wide) = match statistic.strip_suffix(b"64") {
            Some(name) => (name, true),
            None => (statistic, false),
        };
        let slot = match name {
            b"ipackets" => &mut self.link.rx.packets,
            b"opackets" => &mut self.link.tx.packets,
            b"rbytes" => &mut self.link.rx.bytes,
            b"obytes" => &mut self.link.tx.bytes,
            _ => return,
        };
        if wide || slot.is_none() {
            *slot = Some(value);
        }
        self.is_link |= name == b"ipackets";
        self.counted |= name == b"rbytes";
        self.wide |= wide && name == b"rbytes";
        // Without bytes, as of the loopback, the width is not told.
        self.link.counter_width = self.counted.then_some(if self.wide { 64 } else { 32 });
    }
}

/// `MODULE:INSTANCE:NAME`, the statistic, and its value.
fn split(line: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let tab = memchr::memchr(b'\t', line)?;
    let (names, value) = (line.get(..tab)?, line.get(tab + 1..)?);
    let colon = memchr::memrchr(b':', names)?;
    let (key, statistic) = (names.get(..colon)?, names.get(colon + 1..)?);
    let parts = key.split(|byte| *byte == b':').count();
    (parts >= 3 && !statistic.is_empty()).then_some((key, statistic, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::link::LinkCounters;
    use crate::probe::testing::{read, rows};

    #[test]
    fn wide_counters_go_first_whatever_the_order_and_only_links_are_rows() {
        let text = b"e1000g:0:mac:ipackets\t9\ne1000g:0:mac:rbytes64\t9\n\
            link:0:net0:class\tnet\nlink:0:net0:crtime\t16359935.26\nlink:0:net0:ifspeed\t1000000000\n\
            link:0:net0:ipackets64\t5000000000\nlink:0:net0:ipackets\t705032704\n\
            link:0:net0:link_state\t1\nlink:0:net0:norcvbuf\t3\n\
            link:0:net0:rbytes\t1\nlink:0:net0:rbytes64\t4294967297\n\
            lo:0:lo0:ipackets\t271\nlo:0:lo0:opackets\t272\ntcp:0:tcpstat:x\t0\n";
        let seen = read(reader(), text);
        let net0 = Interface {
            speed_bps: Some(1_000_000_000),
            oper_state: Some(HostText::new(b"up")),
            rx: LinkCounters {
                bytes: Some(4_294_967_297),
                packets: Some(5_000_000_000),
                dropped: Some(3),
                ..LinkCounters::default()
            },
            counter_width: Some(64),
            ..Interface::named(owned(b"net0"))
        };
        let lo0 = Interface {
            rx: LinkCounters { packets: Some(271), ..LinkCounters::default() },
            tx: LinkCounters { packets: Some(272), ..LinkCounters::default() },
            ..Interface::named(owned(b"lo0"))
        };
        assert_eq!(rows(&seen), [Row::Interface(net0), Row::Interface(lo0)]);
        assert_eq!((seen.headers.len(), seen.issues.len()), (2, 0));
    }

    #[test]
    fn a_line_without_a_value_is_an_issue_and_costs_no_other() {
        let seen = read(reader(), b"link:0:net0:ipackets\t12\nlink:0:net0:rbytes64");
        let Row::Interface(link) = &seen.rows[0].1 else { panic!("{seen:?}") };
        assert_eq!((link.rx.packets, link.rx.bytes, seen.issues.len()), (Some(12), None, 1));
    }
}
