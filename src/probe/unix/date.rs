//! `date -u`: the host's clock, in one of two forms.
//!
//! ```text
//! 1795491185.456534753
//! 2026-11-24T13:05:38Z
//! ```
//! `+%s.%N` gives seconds since 1970, a point, nanoseconds. busybox knows no `%N`: it prints
//! `1795491157.%N`, or nothing after the point, and the answer is good to a second only, as is that
//! of the BSDs' `+%s`. POSIX has neither; `+%Y-%m-%dT%H:%M:%SZ` is understood everywhere.

use crate::model::fact::Fact;
use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::time::Utc;
use crate::probe::lines::{LineParser, Lines};

/// A reader of the answer: one [`Fact::Clock`].
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    Box::new(Lines::new(Date { seen: false }))
}

struct Date {
    seen: bool,
}

impl LineParser for Date {
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        let text = line.trim_ascii();
        if text.is_empty() {
            return;
        }
        match clock(text) {
            Some(fact) if !self.seen => {
                self.seen = true;
                sink.row(span, Row::Fact(fact));
            }
            Some(_) => sink.issue(Issue::unparsed(span, "expected one line", line)),
            None => {
                sink.issue(Issue::unparsed(span, "expected seconds since 1970 or a date", line));
            }
        }
    }

    fn end(&mut self, _: &mut dyn Sink) {}
}

fn clock(text: &[u8]) -> Option<Fact> {
    let text = std::str::from_utf8(text).ok()?;
    if text.contains('T') {
        let remote =
            Utc::parse(text).ok().filter(|_| text.len() == "2026-11-24T13:05:38Z".len())?;
        return Some(Fact::Clock { remote, resolution_us: 1_000_000 });
    }
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds = plain_number(seconds)?;
    let (micros, resolution_us) = match fraction {
        "" | "%N" | "N" => (0, 1_000_000),
        digits if digits.len() == 9 => (plain_number(digits)? / 1000, 1),
        _ => return None,
    };
    let remote = Utc::from_micros(seconds.checked_mul(1_000_000)?.checked_add(micros)?)?;
    Some(Fact::Clock { remote, resolution_us })
}

/// Decimal digits alone: no sign, no blank.
fn plain_number(text: &str) -> Option<i64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{read, rows};

    fn clock_of(micros: i64, resolution_us: u64) -> Row<'static> {
        let remote = Utc::from_micros(micros).unwrap();
        Row::Fact(Fact::Clock { remote, resolution_us })
    }

    #[test]
    fn nanoseconds_give_microseconds_and_busybox_whole_seconds() {
        let gnu = read(reader(), b"1795491185.456534753\n");
        assert_eq!(rows(&gnu), [clock_of(1_795_491_185_456_534, 1)]);
        let posix = read(reader(), b"2026-11-24T13:05:57Z\n");
        assert_eq!(rows(&posix), [clock_of(1_795_525_557_000_000, 1_000_000)]);
        for text in ["1795491157.%N\n", "1795491157.\n", "1795491157\r\n"] {
            let busybox = read(reader(), text.as_bytes());
            assert_eq!(rows(&busybox), [clock_of(1_795_491_157_000_000, 1_000_000)]);
        }
    }

    #[test]
    fn nonsense_is_an_issue() {
        for text in [
            "Mon Nov 24",
            "-5.000000000",
            "1.5",
            "99999999999999999999.0",
            "1.+00000000",
            "2026-13-24T13:05:57Z",
            "2026-11-24T13:05:57.5Z",
        ] {
            let seen = read(reader(), text.as_bytes());
            assert_eq!((seen.rows.len(), seen.issues.len()), (0, 1), "{text}");
        }
    }
}
