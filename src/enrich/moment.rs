//! Times as exports write them. A form that can be read in two ways is refused, not guessed.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};

use crate::model::text::escape;
use crate::model::time::Utc;

/// Forms without offset, with seconds and without: ISO 8601, `ServiceNow`, and the German one,
/// whose dots cannot mean anything else.
const FORMS: [&str; 6] = [
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
];

/// Which of the two instants is meant when clocks are set back in the hour that is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The earlier one.
    Start,
    /// The later one: a window may be too wide, never too narrow.
    End,
}

/// Reads a time; one without offset is in `zone`.
pub(crate) fn parse(text: &str, zone: &TimeZone, side: Side) -> Result<Utc, String> {
    let text = text.trim();
    if let Ok(time) = Utc::parse(text) {
        return Ok(time);
    }
    let Some(local) = FORMS.iter().find_map(|form| DateTime::strptime(form, text).ok()) else {
        let shown = escape(text.as_bytes());
        return Err(format!(
            "`{shown}` is not a time: expected 2026-11-24 01:42:00, 24.11.2026 01:42 or \
             2026-11-24T01:42:00+01:00"
        ));
    };
    let ambiguous = zone.to_ambiguous_timestamp(local);
    let offset = match (ambiguous.offset(), side) {
        (AmbiguousOffset::Gap { .. }, _) => {
            let zone = zone.iana_name().unwrap_or("that time zone");
            return Err(format!("{local} does not exist in {zone}: clocks were set forward"));
        }
        (AmbiguousOffset::Unambiguous { offset }, _) => offset,
        (AmbiguousOffset::Fold { before, .. }, Side::Start) => before,
        (AmbiguousOffset::Fold { after, .. }, Side::End) => after,
    };
    let found = offset.to_timestamp(local).ok();
    let found = found.and_then(|time| Utc::from_micros(time.as_microsecond()));
    found.ok_or_else(|| format!("{local} is out of range"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, zone: &str, side: Side) -> Result<String, String> {
        let zone = if zone.is_empty() { TimeZone::UTC } else { TimeZone::get(zone).unwrap() };
        parse(text, &zone, side).map(|time| time.to_string())
    }

    #[test]
    fn every_form_is_the_same_instant() {
        let expected = Ok("2026-11-24T01:42:00.000000Z".to_owned());
        for text in [
            "2026-11-24 01:42:00",
            " 2026-11-24T01:42 ",
            "24.11.2026 01:42",
            "24.11.2026 01:42:00",
            "2026-11-24T02:42:00+01:00",
        ] {
            assert_eq!(read(text, "", Side::Start), expected, "{text}");
        }
        assert_eq!(read("2026-11-24 02:42:00", "Europe/Berlin", Side::End), expected);
    }

    #[test]
    fn an_hour_that_comes_twice_widens_the_window_and_one_that_is_missing_is_refused() {
        let text = "2026-10-25 02:30:00";
        let start = read(text, "Europe/Berlin", Side::Start).unwrap();
        let end = read(text, "Europe/Berlin", Side::End).unwrap();
        assert_eq!(
            (&*start, &*end),
            ("2026-10-25T00:30:00.000000Z", "2026-10-25T01:30:00.000000Z")
        );
        let gap = read("2026-03-29 02:30:00", "Europe/Berlin", Side::Start).unwrap_err();
        assert_eq!(
            gap,
            "2026-03-29T02:30:00 does not exist in Europe/Berlin: clocks were set forward"
        );
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        for text in ["11/12/2026 01:42", "2026-11-24", "46350.5", "24.13.2026 01:42"] {
            assert!(read(text, "", Side::Start).is_err(), "{text}");
        }
    }
}
