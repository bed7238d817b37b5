//! `who -b` of AIX and HP-UX: when the host was started.
//!
//! ```text
//!    .        system boot Nov 24 11:48
//! ```
//! A user field that is a point or a blank, `system boot`, then month, day, hour and minute in the
//! command's time zone, UTC here; HP-UX may add numbers of run levels. Source: who(1).
//!
//! The date has no year, so it is no time: with a host that ran for a year, or a clock that was set,
//! any year would be a guess. It changes with each boot, though, and is kept as such
//! ([`Fact::BootId`]): two boots within one minute look like one. A form that has a year
//! (`2026-11-24 11:48`, as coreutils prints it) gives the time.

use crate::model::fact::Fact;
use crate::model::parsed::{Reader, Row};
use crate::model::text::HostText;
use crate::model::time::Utc;
use crate::probe::whole::{self, Reading};

/// A reader of the answer.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    whole::reader(line)
}

fn line(line: &[u8]) -> Reading<'_> {
    let at = memchr::memmem::find(line, WORDS).ok_or(EXPECTED)?;
    let user = line.get(..at).unwrap_or_default().trim_ascii();
    let date = line.get(at + WORDS.len()..).unwrap_or_default().trim_ascii();
    if !matches!(user, b"" | b".") {
        return Err(EXPECTED);
    }
    let mut words = date.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let (first, second, third) = (words.next(), words.next(), words.next());
    let fact = match (first, second, third) {
        (Some(month), Some(day), Some(clock)) if is_date(month, day) && is_clock(clock) => {
            Fact::BootId(HostText::owned([month, day, clock].join(&b' ')))
        }
        (Some(date), Some(clock), _) if is_clock(clock) => {
            Fact::BootTime(with_year(date, clock).ok_or(EXPECTED)?)
        }
        _ => return Err(EXPECTED),
    };
    Ok(Some(Row::Fact(fact)))
}

const WORDS: &[u8] = b"system boot";
const EXPECTED: &str = "expected `system boot` and a date";

fn is_date(month: &[u8], day: &[u8]) -> bool {
    let month = month.len() == 3 && month.iter().all(u8::is_ascii_alphabetic);
    month && (1..=2).contains(&day.len()) && day.iter().all(u8::is_ascii_digit)
}

fn is_clock(word: &[u8]) -> bool {
    let digit = |byte: &u8| byte.is_ascii_digit();
    matches!(word, [a, b, b':', c, d] if [a, b, c, d].into_iter().all(digit))
}

fn with_year(date: &[u8], clock: &[u8]) -> Option<Utc> {
    let (date, clock) = (std::str::from_utf8(date).ok()?, std::str::from_utf8(clock).ok()?);
    Utc::parse(&format!("{date}T{clock}:00Z")).ok().filter(|_| date.len() == "2026-11-24".len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{facts, read};

    #[test]
    fn a_date_without_a_year_tells_boots_apart_and_one_with_a_year_is_a_time() {
        let seen = read(reader(), b"   .        system boot Nov  4 11:48\n");
        assert_eq!(facts(&seen), [Fact::BootId(HostText::new(b"Nov 4 11:48"))]);
        let hpux = read(reader(), b"   .       system boot  Nov 24 11:48     .  ?   2 0 S\n");
        assert_eq!(facts(&hpux), [Fact::BootId(HostText::new(b"Nov 24 11:48"))]);
        let year = read(reader(), b"         system boot  2026-11-24 11:48\n");
        let time = Utc::parse("2026-11-24T11:48:00Z").unwrap();
        assert_eq!(facts(&year), [Fact::BootTime(time)]);
    }

    #[test]
    fn anything_else_is_an_issue() {
        for text in [
            "root pts/0 Nov 24 11:48\n",
            "evil system boot Nov 24 11:48\n",
            ". system boot 11:48\n",
            ". system boot Nov 24 11:",
            ". system boot 2026-13-24 11:48\n",
        ] {
            let seen = read(reader(), text.as_bytes());
            assert_eq!((seen.rows.len(), seen.issues.len()), (0, 1), "{text}");
        }
    }
}
