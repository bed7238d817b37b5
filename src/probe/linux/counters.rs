//! Protocol counters: `grep -H .` over `/proc/net/snmp`, `snmp6`, `netstat`, `sockstat` and
//! `sockstat6`.
//!
//! ```text
//! /proc/net/snmp:Tcp: RtoAlgorithm RtoMin MaxConn ...
//! /proc/net/snmp:Tcp: 1 200 -1 ...
//! /proc/net/snmp6:Ip6InReceives                   5
//! /proc/net/sockstat:TCP: inuse 5 orphan 0 tw 0 alloc 6 mem 1
//! ```
//! `snmp` and `netstat`: a line of names, then a line of values, both begin with the protocol.
//! `snmp6`: one name and value; the protocol is the name's beginning. `sockstat`: pairs after the
//! protocol, kept as `sockstat.TCP`. Names come and go with the kernel and are kept as they are.
//! [`file_reader`] takes one of the files without the paths. Source: `proc_pid_net(5)`, RFC 4022, RFC 4113, RFC 4293.

use crate::model::counter::Counter;
use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::text::HostText;
use crate::probe::command::{Arguments, arguments};
use crate::probe::lines::{LineParser, Lines};
use crate::probe::linux::files::{self, number};

/// What `linux/counters` asks.
pub const ARGUMENTS: Arguments = arguments(&[
    "-H",
    ".",
    "/proc/net/snmp",
    "/proc/net/snmp6",
    "/proc/net/netstat",
    "/proc/net/sockstat",
    "/proc/net/sockstat6",
]);

/// One of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum File {
    /// `/proc/net/snmp`.
    Snmp,
    /// `/proc/net/snmp6`.
    Snmp6,
    /// `/proc/net/netstat`.
    Netstat,
    /// `/proc/net/sockstat`.
    Sockstat,
    /// `/proc/net/sockstat6`.
    Sockstat6,
}

impl File {
    fn at(path: &[u8]) -> Option<Self> {
        Some(match path {
            b"/proc/net/snmp" => Self::Snmp,
            b"/proc/net/snmp6" => Self::Snmp6,
            b"/proc/net/netstat" => Self::Netstat,
            b"/proc/net/sockstat" => Self::Sockstat,
            b"/proc/net/sockstat6" => Self::Sockstat6,
            _ => return None,
        })
    }
}

/// A reader of the answer.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    Box::new(Lines::new(Counters { file: None, names: None }))
}

/// A reader of one file as it is, without its path before each line.
#[must_use]
pub fn file_reader(file: File) -> Box<dyn Reader> {
    Box::new(Lines::new(Counters { file: Some(file), names: None }))
}

struct Counters {
    /// `None`: each line begins with the path of its file.
    file: Option<File>,
    /// A line of names that waits for its values: where it stands, and the whole line.
    names: Option<(Span, Vec<u8>)>,
}

impl LineParser for Counters {
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        if line.trim_ascii().is_empty() {
            return;
        }
        let Some((file, text)) = self.place(line) else {
            self.drop_names(sink);
            return sink.issue(Issue::unparsed(span, files::EXPECTED_PATH, line));
        };
        let outcome = match file {
            Some(File::Snmp | File::Netstat) => return self.paired(span, line, sink),
            Some(File::Snmp6) => single(text),
            Some(File::Sockstat | File::Sockstat6) => pairs(text),
            None => None,
        };
        self.drop_names(sink);
        match outcome {
            Some(counters) => hand_out(span, counters, sink),
            None => sink.issue(Issue::unparsed(span, "expected counters", line)),
        }
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        self.drop_names(sink);
    }
}

impl Counters {
    /// The file of a line, if it is one of these, and the line without its path. `None`: it should
    /// have a path.
    fn place<'a>(&self, line: &'a [u8]) -> Option<(Option<File>, &'a [u8])> {
        match self.file {
            Some(file) => Some((Some(file), line)),
            None => files::split(line).map(|(path, text)| (File::at(path), text)),
        }
    }

    fn paired(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        if let Some((named, names)) = self.names.take() {
            if let Some(counters) = match_up(&names, line) {
                sink.header(named);
                return hand_out(span, counters, sink);
            }
            sink.issue(Issue::unparsed(named, WITHOUT_VALUES, &names));
        }
        self.names = Some((span, line.to_vec()));
    }

    /// Names whose values did not come.
    fn drop_names(&mut self, sink: &mut dyn Sink) {
        if let Some((span, names)) = self.names.take() {
            sink.issue(Issue::unparsed(span, WITHOUT_VALUES, &names));
        }
    }
}

const WITHOUT_VALUES: &str = "expected a line of names and then a line of as many values";

fn hand_out(span: Span, counters: Vec<Counter>, sink: &mut dyn Sink) {
    if counters.is_empty() {
        return sink.header(span);
    }
    for counter in counters {
        sink.row(span, Row::Counter(counter));
    }
}

fn counter(protocol: &[u8], name: &[u8], value: &[u8]) -> Option<Counter> {
    let text = |bytes: &[u8]| HostText::owned(bytes.to_vec());
    Some(Counter { protocol: text(protocol), name: text(name), value: number(value)? })
}

fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

/// A line of names and one of values, both with file and protocol in front.
fn match_up(names: &[u8], values: &[u8]) -> Option<Vec<Counter>> {
    let (mut names, mut values) = (words(names), words(values));
    let label = names.next().filter(|label| values.next() == Some(label))?;
    let label = files::split(label).map_or(label, |(_, label)| label);
    let protocol = label.strip_suffix(b":").filter(|word| !word.is_empty())?;
    let mut counters = Vec::new();
    loop {
        match (names.next(), values.next()) {
            (Some(name), Some(value)) => counters.push(counter(protocol, name, value)?),
            (None, None) => return Some(counters),
            _ => return None,
        }
    }
}

/// `Ip6InReceives 5`.
fn single(text: &[u8]) -> Option<Vec<Counter>> {
    let mut words = words(text);
    let (name, value) = (words.next()?, words.next()?);
    if words.next().is_some() {
        return None;
    }
    let groups: [&[u8]; 4] = [b"Icmp6", b"UdpLite6", b"Udp6", b"Ip6"];
    let group =
        groups.into_iter().find(|group| name.starts_with(group) && name.len() > group.len());
    let (protocol, name) = match group {
        Some(group) => (group, name.get(group.len()..)?),
        None => (b"snmp6".as_slice(), name),
    };
    Some(vec![counter(protocol, name, value)?])
}

/// `TCP: inuse 5 orphan 0`.
fn pairs(text: &[u8]) -> Option<Vec<Counter>> {
    let mut words = words(text);
    let label = words.next()?.strip_suffix(b":").filter(|word| !word.is_empty())?;
    let protocol = [b"sockstat.", label].concat();
    let mut counters = Vec::new();
    while let Some(name) = words.next() {
        counters.push(counter(&protocol, name, words.next()?)?);
    }
    Some(counters)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{Seen, read, rows};

    fn expect(protocol: &'static str, name: &'static str, value: i128) -> Row<'static> {
        let text = |text: &'static str| HostText::new(text.as_bytes());
        Row::Counter(Counter { protocol: text(protocol), name: text(name), value })
    }

    #[test]
    fn each_kind_of_file_is_read() {
        let text = b"/proc/net/snmp:Tcp: RtoMin MaxConn\n/proc/net/snmp:Tcp: 200 -1\n\
            /proc/net/snmp6:Ip6InReceives                   \t5\n\
            /proc/net/snmp6:Icmp6InMsgs \t6\n/proc/net/snmp6:Odd 1\n\
            /proc/net/netstat:TcpExt: ListenOverflows\n/proc/net/netstat:TcpExt: 18446744073709551615\n\
            /proc/net/sockstat:TCP: inuse 5 orphan 0\n/proc/net/sockstat6:FRAG6: inuse 0 memory 0\n";
        let seen = read(reader(), text);
        assert_eq!(
            rows(&seen),
            [
                expect("Tcp", "RtoMin", 200),
                expect("Tcp", "MaxConn", -1),
                expect("Ip6", "InReceives", 5),
                expect("Icmp6", "InMsgs", 6),
                expect("snmp6", "Odd", 1),
                expect("TcpExt", "ListenOverflows", 18_446_744_073_709_551_615),
                expect("sockstat.TCP", "inuse", 5),
                expect("sockstat.TCP", "orphan", 0),
                expect("sockstat.FRAG6", "inuse", 0),
                expect("sockstat.FRAG6", "memory", 0),
            ]
        );
        assert_eq!((seen.headers.len(), seen.issues.len()), (2, 0));
    }

    #[test]
    fn a_file_without_paths_gives_the_same_counters() {
        for (file, plain) in [
            (File::Snmp, "Ip: A B\nIp: 1 2\nTcp: MaxConn\nTcp: -1\nTcp: 3\n"),
            (File::Netstat, "TcpExt: New\nTcpExt: 1\nMPTcpExt: MPCapableSYNRX\nMPTcpExt: 0\n"),
            (File::Snmp6, "Ip6InReceives \t5\nIp6InReceives\n"),
            (File::Sockstat, "sockets: used 290\nTCP: inuse 5 orphan\n"),
            (File::Sockstat6, "FRAG6: inuse 0 memory 0\n"),
        ] {
            let paths = [
                (File::Snmp, "/proc/net/snmp:"),
                (File::Snmp6, "/proc/net/snmp6:"),
                (File::Netstat, "/proc/net/netstat:"),
                (File::Sockstat, "/proc/net/sockstat:"),
                (File::Sockstat6, "/proc/net/sockstat6:"),
            ];
            let (_, path) = paths.into_iter().find(|(known, _)| *known == file).unwrap();
            let lines: Vec<_> = plain.lines().map(|line| [path, line, "\n"].concat()).collect();
            let named = lines.concat();
            let (alone, by_grep) =
                (read(file_reader(file), plain.as_bytes()), read(reader(), named.as_bytes()));
            assert!(!alone.rows.is_empty(), "{file:?}");
            assert_eq!(rows(&alone), rows(&by_grep), "{file:?}");
            let lines = |seen: &Seen| -> Vec<_> {
                seen.issues.iter().map(|issue| (issue.span.line, issue.message.clone())).collect()
            };
            assert_eq!(lines(&alone), lines(&by_grep), "{file:?}");
        }
    }

    #[test]
    fn names_without_values_cost_no_other_group() {
        let text = b"/proc/net/snmp:Ip: A B\n/proc/net/snmp:Tcp: C\n/proc/net/snmp:Tcp: 3\n\
            /proc/net/snmp:Udp: D E\n/proc/net/snmp:Udp: 1\n/proc/net/netstat:X: F\n\
            /proc/net/sockstat:TCP: inuse\n";
        let seen = read(reader(), text);
        assert_eq!(rows(&seen), [expect("Tcp", "C", 3)]);
        assert_eq!(seen.issues.len(), 5);
    }
}
