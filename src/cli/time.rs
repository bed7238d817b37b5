//! Times on the command line: a point in time, or an age.

use std::time::Duration;

use crate::cli::problem::Problem;
use crate::model::time::Utc;

/// Reads RFC 3339, the compact form of file names, or an age before `now`: `90s`, `15m`, `8h`,
/// `30d`.
///
/// # Errors
/// When the text is neither.
pub fn point(text: &str, now: Utc) -> Result<Utc, Problem> {
    if let Some(age) = age(text) {
        return Ok(now.minus(age));
    }
    Utc::parse(text).map_err(|error| Problem::new("FS-USE-003", error.to_string()))
}

/// Reads an age as a length of time.
///
/// # Errors
/// When the text is none.
pub fn span(text: &str) -> Result<Duration, Problem> {
    age(text).ok_or_else(|| {
        let shown = crate::model::text::escape(text.as_bytes());
        let message = format!("`{shown}` is not a length of time");
        Problem::new("FS-USE-003", message).help("write it like 90s, 15m, 8h or 30d")
    })
}

/// An age: `90s`, `15m`, `8h`, `30d`. `None`: it is none.
#[must_use]
pub fn age(text: &str) -> Option<Duration> {
    let unit = match text.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let number: u64 = text.get(..text.len() - 1)?.parse().ok()?;
    Some(Duration::from_secs(number.checked_mul(unit)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_count_back_from_now() {
        let now = Utc::parse("2026-11-24T12:00:00Z").unwrap();
        assert_eq!(point("2d", now), Ok(Utc::parse("2026-11-22T12:00:00Z").unwrap()));
        assert_eq!(point("0s", now), Ok(now));
        assert_eq!(point("2026-11-24T11:00:00+01:00", now), Ok(now.minus(Duration::from_hours(2))));
        assert_eq!(point("tomorrow", now).unwrap_err().code, "FS-USE-003");
    }
}
