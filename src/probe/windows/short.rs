//! Short answers of Windows: `hostname.exe`, `cmd.exe /c ver`, `netsh.exe int ipv4 show dynamicport
//! tcp`.
//!
//! ```text
//! WEB-1
//!
//! Microsoft Windows [Version 10.0.17763.1]
//!
//! Protocol tcp Dynamic Port Range
//! ---------------------------------
//! Start Port      : 49152
//! Number of Ports : 16384
//! ```
//! Words are in the language of the system (`Version` too), so they are read by place: the version is
//! the last word inside the brackets; the range is the two numbers at the ends of the lines under
//! the dashes, first port and number of ports. Source: Microsoft, ver, netsh interface ipv4.

use crate::model::fact::Fact;
use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::text::HostText;
use crate::probe::lines::{LineParser, Lines};
use crate::probe::whole::{self, Reading};

/// A reader of `hostname.exe`.
#[must_use]
pub fn hostname_reader() -> Box<dyn Reader> {
    whole::reader(hostname)
}

/// A reader of `ver`.
#[must_use]
pub fn version_reader() -> Box<dyn Reader> {
    Box::new(Lines::new(Version))
}

/// A reader of the dynamic range of ports.
#[must_use]
pub fn ports_reader() -> Box<dyn Reader> {
    Box::new(Lines::new(Ports::Before(None)))
}

fn hostname(line: &[u8]) -> Reading<'_> {
    let name = line.trim_ascii();
    // A message has blanks, a name of a computer has none.
    if name.iter().any(|byte| matches!(byte, b' ' | b'\t')) {
        return Err("expected the name of the computer");
    }
    Ok(Some(Row::Fact(Fact::Hostname(HostText::owned(name.to_vec())))))
}

struct Version;

impl LineParser for Version {
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        if line.trim_ascii().is_empty() {
            return;
        }
        let Some(version) = version(line) else {
            return sink.issue(Issue::unparsed(span, "expected NAME [WORD VERSION]", line));
        };
        // Only this system has it.
        sink.row(span, Row::Fact(Fact::OsId(HostText::new(b"windows"))));
        sink.row(span, Row::Fact(Fact::OsVersion(HostText::owned(version.to_vec()))));
    }

    fn end(&mut self, _: &mut dyn Sink) {}
}

fn version(line: &[u8]) -> Option<&[u8]> {
    let inner = line.trim_ascii().strip_suffix(b"]")?;
    let open = memchr::memrchr(b'[', inner)?;
    let inner = inner.get(open + 1..)?;
    let start = inner.iter().rposition(|byte| !matches!(byte, b'0'..=b'9' | b'.'));
    let version = inner.get(start.map_or(0, |at| at + 1)..)?;
    version.first().is_some_and(u8::is_ascii_digit).then_some(version)
}

enum Ports {
    /// Above the dashes: where the title stands.
    Before(Option<(Span, Vec<u8>)>),
    /// Under them.
    Under,
    /// The first port is known.
    First(u32),
    /// Both are.
    Done,
}

const EXPECTED: &str = "expected a first port and a number of ports under a line of dashes";

impl LineParser for Ports {
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        let text = line.trim_ascii();
        if text.is_empty() {
            return;
        }
        let dashes = text.len() > 3 && text.iter().all(|byte| *byte == b'-');
        *self = match (&mut *self, last_number(text)) {
            (Self::Before(title), _) if dashes => {
                if let Some((title, _)) = title.take() {
                    sink.header(title);
                }
                sink.header(span);
                Self::Under
            }
            (Self::Before(title), _) => {
                if let Some((span, text)) = title.take() {
                    sink.issue(Issue::unparsed(span, EXPECTED, &text));
                }
                Self::Before(Some((span, line.to_vec())))
            }
            (Self::Under, Some(first)) => {
                sink.header(span);
                Self::First(first)
            }
            (Self::First(first), Some(count)) if range(*first, count).is_some() => {
                if let Some(range) = range(*first, count) {
                    sink.row(span, Row::Fact(range));
                }
                Self::Done
            }
            (state, _) => {
                sink.issue(Issue::unparsed(span, EXPECTED, line));
                std::mem::replace(state, Self::Done)
            }
        };
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        if let Self::Before(Some((span, text))) = self {
            sink.issue(Issue::unparsed(*span, EXPECTED, text));
        }
    }
}

fn range(first: u32, count: u32) -> Option<Fact> {
    let last = first.checked_add(count.checked_sub(1)?)?;
    Some(Fact::EphemeralRange(u16::try_from(first).ok()?, u16::try_from(last).ok()?))
}

/// The number at the end of a line.
fn last_number(text: &[u8]) -> Option<u32> {
    let start = text.iter().rposition(|byte| !byte.is_ascii_digit()).map_or(0, |at| at + 1);
    std::str::from_utf8(text.get(start..)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{facts, read};

    #[test]
    fn a_version_is_found_by_its_place_in_any_language() {
        let text = |text: &'static [u8]| HostText::new(text);
        for (line, version) in [
            (
                b"\r\nMicrosoft Windows [Version 10.0.17763.1]\r\n".as_slice(),
                b"10.0.17763.1".as_slice(),
            ),
            (b"Microsoft Windows [version 6.1.7601]\r\n", b"6.1.7601"),
            (b"Microsoft Windows [\xb0\xe6\xb1\xbe 10.0.19045.2006]\r\n", b"10.0.19045.2006"),
        ] {
            let seen = read(version_reader(), line);
            assert_eq!(
                facts(&seen),
                [Fact::OsId(text(b"windows")), Fact::OsVersion(text(version))]
            );
        }
        for line in ["ver: no\r\n", "Microsoft Windows []\r\n", "x [Version .]\r\n"] {
            assert_eq!(read(version_reader(), line.as_bytes()).issues.len(), 1, "{line}");
        }
    }

    #[test]
    fn the_range_is_two_numbers_under_the_dashes() {
        let english =
            b"\r\nProtocol tcp Dynamic Port Range\r\n---------------------------------\r\n\
            Start Port      : 49152\r\nNumber of Ports : 16384\r\n\r\n";
        let seen = read(ports_reader(), english);
        assert_eq!(
            (facts(&seen), seen.headers.len()),
            (vec![Fact::EphemeralRange(49152, 65535)], 3)
        );
        let other = b"\r\n\x83v tcp \x93\r\n----------\r\n\x8aJ\xa1\xcb1025\r\n\x90\x94:3976\r\n";
        assert_eq!(facts(&read(ports_reader(), other)), [Fact::EphemeralRange(1025, 5000)]);
        for (text, issues) in [
            ("The following command was not found: int.\r\n", 1),
            ("a\r\n-----\r\nx : 60000\r\ny : 10000\r\n", 1),
            ("a\r\n-----\r\nx : 60000\r\ny : 0\r\n", 1),
            ("a\r\nb\r\n-----\r\nx\r\n", 2),
        ] {
            let seen = read(ports_reader(), text.as_bytes());
            assert_eq!((seen.rows.len(), seen.issues.len()), (0, issues), "{text}");
        }
    }

    #[test]
    fn a_name_of_a_computer_has_no_blanks() {
        let seen = read(hostname_reader(), b"WEB-1\r\n");
        assert_eq!(facts(&seen), [Fact::Hostname(HostText::new(b"WEB-1"))]);
        assert_eq!(read(hostname_reader(), b"Access is denied.\r\n").issues.len(), 1);
    }
}
