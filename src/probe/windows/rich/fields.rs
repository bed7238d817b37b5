//! Values as PowerShell 5.1 and 7 write them.
//!
//! In: JSON values. Out: numbers, words, times and addresses, or `None` for what is something else.
//!
//! ```text
//! 2 | "2" | "Listen"                                   an enumeration
//! "2026-11-24T13:05:38.1234567Z"                       a date of the scripts
//! "/Date(1795525538123)/" | {"value":"/Date(..)/",..}  a date of 5.1
//! "fe80::1%12"                                         an address with a numeric zone
//! ```

use std::net::IpAddr;

use serde_json::Value;

use crate::model::text::HostText;
use crate::model::time::Utc;
use crate::probe::address::ipv6;
use crate::probe::cursor::Cursor;
use crate::probe::json::{Fields, number, text};

/// A whole number that fits `T`, also in a string.
pub(super) fn whole<T: TryFrom<u64>>(fields: &Fields, name: &str) -> Option<T> {
    number(fields.get(name)).and_then(|number| T::try_from(number).ok())
}

/// A text that is not empty.
pub(super) fn word(fields: &Fields, name: &str) -> Option<HostText<'static>> {
    text(fields.get(name)).filter(|text| !text.bytes().trim_ascii().is_empty())
}

/// True when the member is there and tells something.
pub(super) fn tells(fields: &Fields, name: &str) -> bool {
    fields.get(name).is_some_and(|value| !value.is_null())
}

/// A member of an enumeration: its place in `names` by number or by name.
pub(super) fn member<T: Copy>(value: Option<&Value>, names: &[(u64, &str, T)]) -> Option<T> {
    let value = value?;
    let by_number = |wanted| names.iter().find(|(number, ..)| *number == wanted);
    let by_name =
        |wanted: &str| names.iter().find(|(_, name, _)| name.eq_ignore_ascii_case(wanted));
    let found = match number(Some(value)) {
        Some(wanted) => by_number(wanted),
        None => by_name(value.as_str()?.trim()),
    };
    found.map(|(.., meaning)| *meaning)
}

/// A member of an enumeration as it came.
pub(super) fn raw(value: Option<&Value>) -> Option<HostText<'static>> {
    match value? {
        Value::Null => None,
        Value::String(_) => text(value),
        other => Some(HostText::owned(other.to_string().into_bytes())),
    }
}

/// A time. `None` for one that does not say how far from UTC it is.
pub(super) fn time(value: Option<&Value>) -> Option<Utc> {
    let value = value?;
    // A date of 5.1 that carries notes is an object.
    let value = value.get("value").unwrap_or(value);
    let text = value.as_str()?.trim();
    let Some(inside) = text.strip_prefix("/Date(").and_then(|rest| rest.strip_suffix(")/")) else {
        return Utc::parse(text).ok();
    };
    // The offset behind the milliseconds tells where the clock stood: they are UTC all the same.
    let end = inside.get(1..)?.find(['+', '-']).map_or(inside.len(), |at| at + 1);
    let milliseconds: i64 = inside.get(..end)?.parse().ok()?;
    Utc::from_micros(milliseconds.checked_mul(1000)?)
}

/// An address with its zone.
pub(super) fn address(value: Option<&Value>) -> Option<(IpAddr, Option<HostText<'static>>)> {
    let text = value?.as_str()?.trim().as_bytes();
    if !text.contains(&b':') {
        let mut cursor = Cursor::new(text);
        let address = cursor.ipv4()?;
        return cursor.rest.is_empty().then_some((address.into(), None));
    }
    let mut parts = text.splitn(2, |byte| *byte == b'%');
    let address = ipv6(parts.next()?)?;
    let zone = parts.next().filter(|zone| !zone.is_empty());
    Some((address.into(), zone.map(|zone| HostText::owned(zone.to_vec()))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn dates_of_every_powershell_are_one_time() {
        let same = Utc::from_micros(1_795_525_538_123_000).unwrap();
        for value in [
            json!("2026-11-24T13:05:38.1230000Z"),
            json!("2026-11-24T14:05:38.123+01:00"),
            json!("/Date(1795525538123)/"),
            json!("/Date(1795525538123+0100)/"),
            json!({"value": "/Date(1795525538123)/", "DisplayHint": 2, "DateTime": "x"}),
        ] {
            assert_eq!(time(Some(&value)), Some(same), "{value}");
        }
        assert_eq!(time(Some(&json!("/Date(-1000)/"))), Utc::from_micros(-1_000_000));
        for value in [
            json!("2026-11-24T13:05:38"),
            json!("/Date()/"),
            json!("/Date(9223372036854775807)/"),
            json!("/Date(é)/"),
            json!(1),
            json!(null),
        ] {
            assert_eq!(time(Some(&value)), None, "{value}");
        }
    }

    #[test]
    fn enumerations_are_numbers_strings_of_numbers_or_names() {
        const NAMES: &[(u64, &str, char)] = &[(1, "One", 'a'), (2, "Two", 'b')];
        for value in [json!(2), json!("2"), json!("two"), json!(" Two")] {
            assert_eq!(member(Some(&value), NAMES), Some('b'), "{value}");
        }
        for value in [json!(3), json!("three"), json!(null), json!([2]), json!(2.5)] {
            assert_eq!(member(Some(&value), NAMES), None, "{value}");
        }
    }

    #[test]
    fn addresses_keep_their_zone() {
        let zone = Some(HostText::new(b"12"));
        assert_eq!(address(Some(&json!("fe80::1%12"))), Some(("fe80::1".parse().unwrap(), zone)));
        assert_eq!(address(Some(&json!("192.0.2.1"))), Some(("192.0.2.1".parse().unwrap(), None)));
        for value in [json!("192.0.2.1%1"), json!("%1"), json!(""), json!("x"), json!(1)] {
            assert_eq!(address(Some(&value)), None, "{value}");
        }
    }
}
