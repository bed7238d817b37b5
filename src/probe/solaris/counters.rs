//! `netstat -s` of Solaris and illumos: protocol counters since boot, IPv4 and IPv6.
//!
//! ```text
//! TCP     tcpRtoAlgorithm     =     4     tcpRtoMin           =   400
//!         tcpListenDrop       =     0     tcpListenDropQ0     =     0
//!
//! IGMP:
//!          0 messages received
//! ```
//! Names and values in two columns; the protocol stands once, before its first name. A long value or
//! name touches the `=`. Only IGMP has sentences. Source: netstat(1M) of Solaris 10, netstat(8) of
//! Solaris 11.4 and illumos, illumos `netstat.c`.
//!
//! Decisions: values that are words (`sctpRtoAlgorithm = vanj`) are no counters. Of IGMP the name is
//! the sentence, in the plural, so that it does not change with the count.

use crate::model::counter::Counter;
use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::probe::lines::{LineParser, Lines};
use crate::probe::solaris::words::{number, owned, words};

/// A reader of the output.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    Box::new(Lines::new(Counters { protocol: Vec::new() }))
}

struct Counters {
    protocol: Vec<u8>,
}

impl LineParser for Counters {
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        let text = line.trim_ascii();
        if text.is_empty() {
            return;
        }
        let read = match text.strip_suffix(b":") {
            Some(title) if is_title(title) => {
                self.protocol = title.to_vec();
                Some(Vec::new())
            }
            _ if text.contains(&b'=') => self.pairs(text),
            _ if text.first().is_some_and(u8::is_ascii_digit) => self.sentence(text),
            _ if is_title(text)
                || text.starts_with(b"IPv6 for ")
                || text.starts_with(b"ICMPv6 for ") =>
            {
                self.protocol = text.to_vec();
                Some(Vec::new())
            }
            _ => None,
        };
        match read {
            Some(counters) if counters.is_empty() => sink.header(span),
            Some(counters) => {
                for counter in counters {
                    sink.row(span, Row::Counter(counter));
                }
            }
            None => sink.issue(Issue::unparsed(span, "expected counters as name = value", line)),
        }
    }

    fn end(&mut self, _: &mut dyn Sink) {}
}

impl Counters {
    /// `[PROTOCOL] name = value name = value`.
    fn pairs(&mut self, text: &[u8]) -> Option<Vec<Counter>> {
        let mut parts = text.split(|byte| *byte == b'=');
        let mut first = words(parts.next()?);
        let mut name = first.next_back()?;
        if let Some(protocol) = first.next() {
            is_title(protocol).then_some(())?;
            self.protocol = protocol.to_vec();
        }
        if first.next().is_some() || self.protocol.is_empty() {
            return None;
        }
        let mut counters = Vec::new();
        let mut parts = parts.peekable();
        while let Some(part) = parts.next() {
            let mut words = words(part);
            let value = words.next()?;
            let next = words.next();
            if words.next().is_some() || next.is_some() != parts.peek().is_some() {
                return None;
            }
            if let Some(value) = integer(value) {
                counters.push(self.counter(name, value));
            }
            name = next.unwrap_or_default();
        }
        Some(counters)
    }

    /// `12 membership queries received`.
    fn sentence(&self, text: &[u8]) -> Option<Vec<Counter>> {
        let mut words = words(text);
        let value = number(words.next()?)?;
        let name = words.map(plural).collect::<Vec<&[u8]>>().join(&b' ');
        (!name.is_empty() && !self.protocol.is_empty()).then_some(())?;
        Some(vec![self.counter(&name, i128::from(value))])
    }

    fn counter(&self, name: &[u8], value: i128) -> Counter {
        Counter { protocol: owned(&self.protocol), name: owned(name), value }
    }
}

fn plural(word: &[u8]) -> &[u8] {
    match word {
        b"message" => b"messages",
        b"query" => b"queries",
        b"report" => b"reports",
        other => other,
    }
}

/// A protocol: `TCP`, `IPv4`, `ICMPv6`.
fn is_title(word: &[u8]) -> bool {
    word.len() <= 8
        && word.first().is_some_and(u8::is_ascii_uppercase)
        && word.iter().all(u8::is_ascii_alphanumeric)
}

fn integer(word: &[u8]) -> Option<i128> {
    match word.strip_prefix(b"-") {
        Some(digits) => Some(-i128::from(number(digits)?)),
        None => number(word).map(i128::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{read, rows};

    fn counter(protocol: &str, name: &str, value: i128) -> Row<'static> {
        let (protocol, name) = (owned(protocol.as_bytes()), owned(name.as_bytes()));
        Row::Counter(Counter { protocol, name, value })
    }

    #[test]
    fn long_values_touch_and_words_are_no_counters() {
        let text = b"\nTCP\ttcpRtoAlgorithm     =     4\ttcpMaxConn          =    -1\n\
            \ttcpOutSegs          =302439064228\n\
            SCTP\tsctpRtoAlgorithm    =  vanj\tsctpRtoMin          =  1000\n\
            \tsctpOutUnorderChunks=     7\t\n\
            IGMP:\n\t         1 message received\n\t         0 membership queries received\n";
        let seen = read(reader(), text);
        assert_eq!(
            rows(&seen),
            [
                counter("TCP", "tcpRtoAlgorithm", 4),
                counter("TCP", "tcpMaxConn", -1),
                counter("TCP", "tcpOutSegs", 302_439_064_228),
                counter("SCTP", "sctpRtoMin", 1000),
                counter("SCTP", "sctpOutUnorderChunks", 7),
                counter("IGMP", "messages received", 1),
                counter("IGMP", "membership queries received", 0),
            ]
        );
        assert_eq!((seen.headers.len(), seen.issues.len()), (1, 0));
    }

    #[test]
    fn what_cannot_be_paired_is_an_issue() {
        for text in [
            "\ttcpMaxConn = 1\n",
            "TCP a = 1 b\n",
            "TCP a b = 1\n",
            "TCP a = 1 2 b = 3\n",
            "12 messages received\n",
            "TCP a =\n",
        ] {
            let seen = read(reader(), text.as_bytes());
            assert_eq!((seen.rows.len(), seen.issues.len()), (0, 1), "{text}");
        }
    }
}
