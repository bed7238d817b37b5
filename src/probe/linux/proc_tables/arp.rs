//! `/proc/net/arp`: the IPv4 neighbours.
//!
//! ```text
//! IP address       HW type     Flags       HW address            Mask     Device
//! 10.1.0.2         0x1         0x6         02:00:00:00:00:02     *        v0
//! 10.1.0.3         0x1         0x0         00:00:00:00:00:00     *        v0
//! ```
//! Flags (`if_arp.h`): 0x2 resolved, 0x4 permanent, 0x8 answered for others. Permanent is the only
//! state word told. Entries that ARP is not asked for, such as `noarp`, are not listed; an entry
//! this host answers for on behalf of another is no neighbour, as for `ip neigh`, and a note says so.

use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::route::Neighbour;
use crate::model::text::HostText;
use crate::probe::cursor::Cursor;
use crate::probe::lines::{LineParser, Lines};
use crate::probe::linux::proc_tables::hexadecimal::{owned, word};

const RESOLVED: u64 = 0x2;
const PERMANENT: u64 = 0x4;
const PUBLISHED: u64 = 0x8;

/// A reader of the file.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    Box::new(Lines::new(Arp))
}

struct Arp;

const ANSWERED: &str = "this host answers for the address on behalf of another: it is no neighbour";

impl LineParser for Arp {
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        match neighbour(line) {
            Some((_, flags)) if flags & PUBLISHED != 0 => {
                sink.header(span);
                sink.issue(Issue::note(span, ANSWERED, line));
            }
            Some((neighbour, _)) => sink.row(span, Row::Neighbour(neighbour)),
            None if line.trim_ascii().is_empty() => {}
            None if line.starts_with(b"IP address ") => sink.header(span),
            None => sink.issue(Issue::unparsed(span, "expected a row of /proc/net/arp", line)),
        }
    }

    fn end(&mut self, _: &mut dyn Sink) {}
}

fn neighbour(line: &[u8]) -> Option<(Neighbour, u64)> {
    let mut cursor = Cursor::new(line);
    let address = cursor.ipv4()?;
    word(&mut cursor)?.strip_prefix(b"0x")?;
    let mut flags = Cursor::new(word(&mut cursor)?.strip_prefix(b"0x")?);
    let flags = flags.hexadecimal().filter(|_| flags.rest.is_empty())?;
    let mac = word(&mut cursor)?;
    word(&mut cursor)?;
    let device = word(&mut cursor)?;
    let permanent = (flags & PERMANENT != 0).then_some(HostText::new(b"permanent"));
    let neighbour = Neighbour {
        address: address.into(),
        device: Some(owned(device)),
        mac: (flags & RESOLVED != 0).then(|| owned(mac)),
        states: permanent.into_iter().collect(),
        router: None,
    };
    Some((neighbour, flags))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::read;

    #[test]
    fn an_entry_that_this_host_answers_for_is_noted() {
        let row = b"10.0.0.3         0x1         0xc         00:00:00:00:00:00     *        eth0\n";
        let seen = read(reader(), row);
        let notes: Vec<_> = seen.issues.iter().map(|issue| issue.message.as_str()).collect();
        assert_eq!((seen.rows.len(), seen.headers.len(), notes), (0, 1, vec![ANSWERED]));
    }
}
