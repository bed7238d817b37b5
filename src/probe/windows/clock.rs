//! `wmic path Win32_OperatingSystem get LocalDateTime /value`: the host's clock.
//!
//! ```text
//! LocalDateTime=20261124140538.123000+060
//! ```
//! Local time with microseconds, of which milliseconds are told, and the minutes that it is ahead of
//! UTC. WMIC ends lines with `\r\r\n` and writes UTF-16 where its output is a file. Source: CIM
//! DATETIME (`DMTF` DSP0004).

use crate::model::fact::Fact;
use crate::model::parsed::{Issue, Reader, Row, Sink};
use crate::model::time::Utc;
use crate::probe::cursor::Cursor;
use crate::probe::windows::text::{self, Line, TextParser, is_blank};

/// A reader of the answer: one [`Fact::Clock`].
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    text::reader(Wmic { seen: false })
}

struct Wmic {
    seen: bool,
}

impl TextParser for Wmic {
    fn line(&mut self, line: Line<'_>, sink: &mut dyn Sink) {
        if is_blank(line.bytes) {
            return;
        }
        match clock(line.bytes.trim_ascii()) {
            Some(fact) if !self.seen => {
                self.seen = true;
                sink.row(line.span, Row::Fact(fact));
            }
            _ => {
                let expected = "expected one line with LocalDateTime";
                sink.issue(Issue::unparsed(line.span, expected, line.bytes));
            }
        }
    }

    fn end(&mut self, _: &mut dyn Sink) {}
}

fn clock(text: &[u8]) -> Option<Fact> {
    let digits = text.strip_prefix(b"LocalDateTime=")?;
    let (date, rest) = digits.split_at_checked(14)?;
    let mut iso = Vec::new();
    for (place, &byte) in date.iter().enumerate() {
        match place {
            4 | 6 => iso.push(b'-'),
            8 => iso.push(b'T'),
            10 | 12 => iso.push(b':'),
            _ => {}
        }
        iso.push(byte);
    }
    iso.push(b'Z');
    let local = Utc::parse(std::str::from_utf8(&iso).ok()?).ok()?;
    let mut cursor = Cursor::new(rest.strip_prefix(b".")?);
    let fraction = cursor.rest.get(..6)?;
    let micros = cursor.number::<i32>().filter(|_| fraction.iter().all(u8::is_ascii_digit))?;
    let (sign, minutes) = cursor.rest.split_first()?;
    let minutes: i64 = Cursor::new(minutes).number::<u16>().filter(|_| minutes.len() == 3)?.into();
    let ahead = match sign {
        b'+' => minutes,
        b'-' => -minutes,
        _ => return None,
    };
    let micros = local.micros() + i64::from(micros) - ahead * 60_000_000;
    Some(Fact::Clock { remote: Utc::from_micros(micros)?, resolution_us: 1_000 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{facts, read};

    fn clock_of(text: &str) -> Option<Fact> {
        facts(&read(reader(), text.as_bytes())).pop()
    }

    #[test]
    fn local_time_with_its_distance_gives_utc() {
        let remote = Utc::parse("2026-11-24T13:05:38Z").unwrap();
        let expected = |micros| Fact::Clock {
            remote: Utc::from_micros(remote.micros() + micros).unwrap(),
            resolution_us: 1_000,
        };
        let text = "\r\r\n\r\r\nLocalDateTime=20261124140538.123000+060\r\r\n\r\r\n";
        assert_eq!(clock_of(text), Some(expected(123_000)));
        assert_eq!(clock_of("LocalDateTime=20261124080538.000000-300\n"), Some(expected(0)));
        for text in [
            "LocalDateTime=\n",
            "LocalDateTime=20261324140538.123000+060\n",
            "LocalDateTime=20261124140538.123000\n",
        ] {
            assert_eq!(read(reader(), text.as_bytes()).issues.len(), 1, "{text}");
        }
    }
}
