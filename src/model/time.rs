//! Points in time, always UTC, in microseconds. No clock is read here: time is an argument.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

/// A point in time, UTC, with microsecond resolution.
///
/// Microseconds because a round trip to a host is measured in them, and because a fixed
/// resolution makes a value survive text, store and evidence unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Utc(i64);

/// Why a text is not a time.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is not a UTC time: {reason}")]
pub struct TimeError {
    /// What was given.
    pub text: String,
    /// What was expected instead.
    pub reason: String,
}

impl Utc {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// Microseconds since 1970-01-01T00:00:00Z. `None` outside the years -9999 to 9999.
    #[must_use]
    pub fn from_micros(micros: i64) -> Option<Self> {
        Timestamp::from_microsecond(micros).ok().map(|_| Self(micros))
    }

    /// Nanoseconds since 1970-01-01T00:00:00Z, rounded down to the microsecond.
    #[must_use]
    pub fn from_nanos(nanos: i128) -> Option<Self> {
        Self::from_micros(i64::try_from(nanos.div_euclid(1_000)).ok()?)
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn from_seconds(seconds: i64) -> Option<Self> {
        Self::from_micros(seconds.checked_mul(1_000_000)?)
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// This time moved forward; stays at the end of the range rather than wrapping.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        // Whole seconds: the last fraction of the range does not come back from microseconds.
        Self(self.0.saturating_add(micros).min(Timestamp::MAX.as_second() * 1_000_000))
    }

    /// This time moved back; stays at the start of the range rather than wrapping.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(micros).max(Timestamp::MIN.as_microsecond()))
    }

    /// Signed difference `self - earlier`, in microseconds.
    #[must_use]
    pub const fn micros_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// `YYYYMMDDTHHMMSSZ`, the form used in file names.
    #[must_use]
    pub fn compact(self) -> String {
        self.timestamp().strftime("%Y%m%dT%H%M%SZ").to_string()
    }

    /// Reads RFC 3339 (`2026-11-24T01:42:00Z`, any offset) or the compact form of file names.
    ///
    /// # Errors
    /// When the text is neither, or names no instant.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let fail = |reason: String| TimeError { text: text.to_owned(), reason };
        let timestamp = match jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", text) {
            Ok(civil) => jiff::tz::TimeZone::UTC.to_timestamp(civil),
            Err(_) => text.parse::<Timestamp>(),
        };
        let timestamp = timestamp
            .map_err(|e| fail(format!("expected RFC 3339 such as 2026-11-24T01:42:00Z ({e})")))?;
        Self::from_micros(timestamp.as_microsecond()).ok_or_else(|| fail("out of range".into()))
    }

    fn timestamp(self) -> Timestamp {
        // The constructors checked the range, so the fallback cannot be reached.
        Timestamp::from_microsecond(self.0).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// RFC 3339 with exactly six fractional digits.
impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6}", self.timestamp())
    }
}

impl serde::Serialize for Utc {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Utc {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_micros_agree() {
        let time = Utc::parse("2026-11-24T01:42:00.5Z").unwrap();
        assert_eq!(time.to_string(), "2026-11-24T01:42:00.500000Z");
        assert_eq!(time.compact(), "20261124T014200Z");
        assert_eq!(Utc::parse(&time.to_string()).unwrap(), time);
        assert_eq!(Utc::parse("20261124T014200Z").unwrap().plus(Duration::from_millis(500)), time);
    }

    #[test]
    fn moving_out_of_the_range_ends_at_its_end() {
        let time = Utc::parse("2026-11-24T01:42:00Z").unwrap();
        let ends = [time.minus(Duration::MAX), time.plus(Duration::MAX)].map(|end| end.to_string());
        assert_eq!(ends, ["-009999-01-02T01:59:59.000000Z", "9999-12-30T22:00:00.000000Z"]);
    }

    #[test]
    fn nonsense_is_refused_with_what_was_expected() {
        let error = Utc::parse("yesterday").unwrap_err();
        assert!(error.to_string().contains("expected RFC 3339"), "{error}");
    }
}
