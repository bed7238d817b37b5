//! `WMIC ... get ... /value`: the clock of Windows, and what it is.
//!
//! ```text
//! BootDevice=\Device\HarddiskVolume1
//! BuildNumber=17763
//! Caption=Microsoft Windows Server 2019 Standard
//! CSName=WEB-1
//! LastBootUpTime=20261120091500.500000+060
//! LocalDateTime=20261124130558.123000+060
//! Version=10.0.17763
//! ```
//! `NAME=VALUE`, the names are those of the class `Win32_OperatingSystem`, in no language. Lines end
//! with two carriage returns and a newline, and blank ones stand around. A time is local: year to
//! second, microseconds, and minutes east of UTC; unknown parts are `*`. Through a pipe the text is
//! in the code page of the console, into a file in UTF-16: both are read. Source: Microsoft,
//! `Win32_OperatingSystem`, `CIM_DATETIME`.
//!
//! Decisions:
//! - Properties that are no fact of a host record are known lines.
//! - The clock is good to 16 ms, the longest time between two ticks, whatever digits are printed.
//! - `OSArchitecture` is a word of the language (`64-Bit`, `64 bits`), so it is no fact.
//! - `Caption` is kept as it came: its code page is not told.

use crate::model::fact::Fact;
use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::text::HostText;
use crate::model::time::Utc;
use crate::probe::lines::{LineParser, Lines};

/// Longest time between two ticks of the clock: 15.625 ms, rounded up.
const TICK_US: u64 = 16_000;

/// A reader of all properties but the clock.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    Box::new(Lines::new(Wmic { clock: false, wide: false, big: false }))
}

/// A reader of the clock.
#[must_use]
pub fn clock_reader() -> Box<dyn Reader> {
    Box::new(Lines::new(Wmic { clock: true, wide: false, big: false }))
}

struct Wmic {
    clock: bool,
    /// The text is UTF-16.
    wide: bool,
    /// Its high bytes come first.
    big: bool,
}

impl LineParser for Wmic {
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        if line.trim_ascii().is_empty() {
            return;
        }
        let narrow;
        let text = if self.wide || memchr::memchr(0, line).is_some() {
            self.wide = true;
            self.big |= span.start == 0 && line.starts_with(b"\xfe\xff");
            narrow = narrowed(line, self.big);
            narrow.as_slice()
        } else {
            line
        };
        let text = text.trim_ascii();
        if text.is_empty() {
            // A mark of the byte order, or the rest of a wide line's end.
            return sink.header(span);
        }
        let Some(equals) = memchr::memchr(b'=', text).filter(|at| is_name(text.get(..*at))) else {
            return sink.issue(Issue::unparsed(span, "expected NAME=VALUE", line));
        };
        let (name, value) = text.split_at_checked(equals).unwrap_or((text, b""));
        match self.fact(name, value.get(1..).unwrap_or_default()) {
            Ok(Some(fact)) => sink.row(span, Row::Fact(fact)),
            Ok(None) => sink.header(span),
            Err(expected) => sink.issue(Issue::unparsed(span, expected, line)),
        }
    }

    fn end(&mut self, _: &mut dyn Sink) {}
}

impl Wmic {
    fn fact(&self, name: &[u8], value: &[u8]) -> Result<Option<Fact>, &'static str> {
        let text = || (!value.is_empty()).then(|| HostText::owned(value.to_vec()));
        let time = || time(value).ok_or("expected a time of CIM");
        let fact = match name {
            b"LocalDateTime" if self.clock => {
                Some(Fact::Clock { remote: time()?, resolution_us: TICK_US })
            }
            b"LastBootUpTime" => Some(Fact::BootTime(time()?)),
            b"Caption" => text().map(Fact::OsName),
            b"Version" => text().map(Fact::KernelRelease),
            b"CSName" => text().map(Fact::Hostname),
            _ => None,
        };
        Ok(fact)
    }
}

fn is_name(name: Option<&[u8]>) -> bool {
    name.is_some_and(|name| !name.is_empty() && name.iter().all(u8::is_ascii_alphanumeric))
}

/// UTF-16 as UTF-8, `big`: with the high byte first. The NUL that a newline leaves at the front of
/// the next line, or at the end of its own, and the mark of the byte order are dropped; half a
/// character at the end too.
fn narrowed(line: &[u8], big: bool) -> Vec<u8> {
    let line = line.strip_prefix(b"\0").filter(|_| !big).unwrap_or(line);
    let units = line.chunks_exact(2).filter_map(|pair| match pair {
        [high, low] if big => Some(u16::from_be_bytes([*high, *low])),
        [low, high] => Some(u16::from_le_bytes([*low, *high])),
        _ => None,
    });
    let text: String = char::decode_utf16(units)
        .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
        .filter(|character| !matches!(character, '\0' | '\u{feff}'))
        .collect();
    text.into_bytes()
}

/// `20261124130558.123000+060`: local time and minutes east of UTC.
fn time(value: &[u8]) -> Option<Utc> {
    let text = std::str::from_utf8(value).ok()?;
    let (local, zone) = text.split_at_checked("20261124130558.123000".len())?;
    let (day, clock) = local.split_at_checked(8)?;
    let (year, rest) = day.split_at_checked(4)?;
    let (month, day) = rest.split_at_checked(2)?;
    let (hour, rest) = clock.split_at_checked(2)?;
    let (minute, second) = rest.split_at_checked(2)?;
    let utc = Utc::parse(&format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z")).ok()?;
    let digits = zone.strip_prefix(['+', '-']).filter(|digits| digits.len() == 3)?;
    let minutes: i64 = if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        digits.parse().ok()?
    } else {
        return None;
    };
    let east = if zone.starts_with('-') { -minutes } else { minutes };
    Utc::from_micros(utc.micros().checked_sub(east * 60_000_000)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{facts, read};

    fn clock(text: &str) -> Fact {
        Fact::Clock { remote: Utc::parse(text).unwrap(), resolution_us: 16_000 }
    }

    #[test]
    fn local_times_east_and_west_become_utc() {
        for (value, utc) in [
            ("20261124130558.123000+060", "2026-11-24T12:05:58.123Z"),
            ("20261124010000.000000+330", "2026-11-23T19:30:00Z"),
            ("20260918110316.983557-240", "2026-09-18T15:03:16.983557Z"),
            ("20260918110316.983557+000", "2026-09-18T11:03:16.983557Z"),
        ] {
            let text = format!("\r\r\n\r\r\nLocalDateTime={value}\r\r\n\r\r\n");
            let seen = read(clock_reader(), text.as_bytes());
            assert_eq!((facts(&seen), seen.issues.len()), (vec![clock(utc)], 0), "{value}");
        }
        for value in [
            "20261124130558.******+060",
            "2026",
            "20261124130558.123000",
            "20261324130558.123000+060",
            "20261124130558.123000+0+1",
        ] {
            let text = format!("LocalDateTime={value}\r\r\n");
            let seen = read(clock_reader(), text.as_bytes());
            assert_eq!((seen.rows.len(), seen.issues.len()), (0, 1), "{value}");
        }
    }

    #[test]
    fn text_in_utf_16_says_the_same() {
        let text = "\u{feff}\r\r\n\r\r\nCaption=Windows für Ämter\r\r\nLocalDateTime=20261124130558.123000+060\r\r\n\r\r\n";
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let seen = read(clock_reader(), &wide);
        let caption = Fact::OsName(HostText::owned("Windows für Ämter".as_bytes().to_vec()));
        let expected = [caption, clock("2026-11-24T12:05:58.123Z")];
        assert_eq!(facts(&seen), expected);
        assert_eq!(seen.issues, []);
        let high_first: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let seen = read(clock_reader(), &high_first);
        assert_eq!(facts(&seen), expected);
        assert_eq!(seen.issues, []);
    }

    #[test]
    fn other_properties_are_known_and_other_lines_are_issues() {
        let text = b"BootDevice=\\Device\\X\r\r\nCountryCode=\r\r\nCSName=WEB-1\r\r\nnot here\r\r\nA B=1\r\r\nCSName";
        let seen = read(reader(), text);
        assert_eq!(facts(&seen), [Fact::Hostname(HostText::new(b"WEB-1"))]);
        assert_eq!((seen.headers.len(), seen.issues.len()), (2, 3));
        let local = read(reader(), b"LocalDateTime=20261124130558.123000+060\r\r\n");
        assert_eq!((local.rows.len(), local.headers.len()), (0, 1));
    }
}
