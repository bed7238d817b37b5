//! Durations (`60s`) and sizes (`64MiB`) as people write them.

use std::time::Duration;

/// Reads a duration: a whole number and a unit of `ms`, `s`, `m` or `h`, nothing between them.
///
/// # Errors
/// A fragment that says what was expected.
pub fn duration(text: &str) -> Result<Duration, String> {
    let fail = || "expected a whole number with ms, s, m or h, such as `60s`".to_owned();
    let (number, unit) = split(text).ok_or_else(fail)?;
    let milliseconds: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(fail()),
    };
    number.checked_mul(milliseconds).map(Duration::from_millis).ok_or_else(fail)
}

/// Writes a duration in the largest unit that loses nothing below a millisecond.
#[must_use]
pub fn duration_text(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    let units = [(3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    match units.iter().find(|(size, _)| milliseconds >= *size && milliseconds.is_multiple_of(*size))
    {
        Some((size, unit)) => format!("{}{unit}", milliseconds / size),
        None => format!("{milliseconds}ms"),
    }
}

/// Reads a number of bytes: a whole number with `B`, `KiB`, `MiB` or `GiB` (powers of 1,024).
///
/// # Errors
/// A fragment that says what was expected.
pub fn bytes(text: &str) -> Result<u64, String> {
    let fail = || "expected a whole number with B, KiB, MiB or GiB, such as `64MiB`".to_owned();
    let (number, unit) = split(text).ok_or_else(fail)?;
    let shift = match unit {
        "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        "K" | "KB" | "kB" | "M" | "MB" | "G" | "GB" => {
            return Err(format!("`{unit}` is ambiguous: write KiB, MiB or GiB (powers of 1,024)"));
        }
        _ => return Err(fail()),
    };
    number.checked_mul(1 << shift).ok_or_else(fail)
}

fn split(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quantities_need_a_unit_that_is_plain() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("3m"), Ok(Duration::from_mins(3)));
        assert_eq!(bytes("64MiB"), Ok(64 << 20));
        for bad in ["", "s", "60", "1.5s", "-1s", "60 s", "1d", "99999999999999999999s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
        assert_eq!(
            bytes("64MB"),
            Err("`MB` is ambiguous: write KiB, MiB or GiB (powers of 1,024)".to_owned())
        );
        assert!(bytes("18446744073709551615GiB").is_err());
    }

    proptest! {
        #[test]
        fn a_duration_survives_being_written(milliseconds in 0_u64..100_000_000) {
            let duration = Duration::from_millis(milliseconds);
            prop_assert_eq!(super::duration(&duration_text(duration)), Ok(duration));
        }
    }
}
