//! Words of Ansible's YAML files: YAML 1.1, as `PyYAML` resolves it. `yes` is a flag here, `0640` an
//! octal number, `1:30` ninety. Dates stay text.
//!
//! Source: <https://yaml.org/type/>, and the expressions in `PyYAML`'s resolver.

use std::collections::HashSet;

use serde_json::{Map, Number};

use crate::inventory::ansible::world::{Json, VAULT};
use crate::yaml::node::{Node, Place, Scalar, Value};

/// A tree as a value. Sealed scalars become what `ansible-inventory` prints for them.
pub(super) fn json(node: &Node, sealed: &HashSet<Place>) -> Json {
    match &node.value {
        Value::Scalar(text) if sealed.contains(&node.place) => {
            let sealed = Json::String(text.text.to_string());
            Json::Object(Map::from_iter([(VAULT.to_owned(), sealed)]))
        }
        Value::Scalar(scalar) => resolved(scalar),
        Value::Sequence(items) => items.iter().map(|item| json(item, sealed)).collect(),
        Value::Mapping(entries) => Json::Object(
            entries
                .iter()
                .map(|entry| (entry.key.to_string(), json(&entry.value, sealed)))
                .collect(),
        ),
    }
}

/// The meaning of one scalar.
pub(super) fn resolved(scalar: &Scalar) -> Json {
    let text = &*scalar.text;
    let as_text = || Json::String(text.to_owned());
    if !scalar.plain {
        return as_text();
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Json::Null,
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Json::Bool(true);
        }
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Json::Bool(false);
        }
        _ => {}
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) {
        return as_text();
    }
    integer(text).or_else(|| float(text)).unwrap_or_else(as_text)
}

fn integer(text: &str) -> Option<Json> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let plain = digits.replace('_', "");
    let value = if let Some(binary) = plain.strip_prefix("0b") {
        i128::from_str_radix(binary, 2).ok()?
    } else if let Some(hexadecimal) = plain.strip_prefix("0x") {
        i128::from_str_radix(hexadecimal, 16).ok()?
    } else if digits.contains(':') {
        sexagesimal(digits, &plain)?
    } else if !plain.bytes().all(|byte| byte.is_ascii_digit()) || digits.starts_with('_') {
        return None;
    } else if plain.len() > 1 && plain.starts_with('0') {
        i128::from_str_radix(&plain, 8).ok()?
    } else {
        plain.parse().ok()?
    };
    let value = if negative { -value } else { value };
    let small = i64::try_from(value).map(Number::from);
    small.or_else(|_| u64::try_from(value).map(Number::from)).ok().map(Json::Number)
}

/// `1:30` is 90: `[1-9][0-9_]*(:[0-5]?[0-9])+`.
fn sexagesimal(digits: &str, plain: &str) -> Option<i128> {
    if !digits.starts_with(|c: char| ('1'..='9').contains(&c)) {
        return None;
    }
    let mut total: i128 = 0;
    for (place, part) in plain.split(':').enumerate() {
        let value: i128 = part.parse().ok().filter(|_| part.bytes().all(|b| b.is_ascii_digit()))?;
        if place > 0 && (part.len() > 2 || value > 59) {
            return None;
        }
        total = total.checked_mul(60)?.checked_add(value)?;
    }
    Some(total)
}

/// A float needs its point, and a sign in its exponent: `1e3` is text to `PyYAML`.
fn float(text: &str) -> Option<Json> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !unsigned.contains('.') || !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    let (whole, fraction) = mantissa.split_once('.')?;
    let right = digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty());
    let signed = exponent.is_none_or(|exponent| {
        exponent.strip_prefix(['+', '-']).is_some_and(|rest| !rest.is_empty() && digits(rest))
    });
    if !right || !signed {
        return None;
    }
    let value: f64 = text.replace('_', "").parse().ok()?;
    Number::from_f64(value).map(Json::Number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn plain_words_mean_what_yaml_1_1_says() {
        let cases = [
            ("yes", json!(true)),
            ("Off", json!(false)),
            ("y", json!("y")),
            ("", json!(null)),
            ("0640", json!(416)),
            ("0o17", json!("0o17")),
            ("089", json!("089")),
            ("0x1f", json!(31)),
            ("0b101", json!(5)),
            ("1_000", json!(1000)),
            ("1:30", json!(90)),
            ("22:22", json!(1342)),
            ("1:75", json!("1:75")),
            ("-5", json!(-5)),
            ("1.5", json!(1.5)),
            ("5.", json!(5.0)),
            ("1e3", json!("1e3")),
            ("1.0e+3", json!(1000.0)),
            ("1.0e3", json!("1.0e3")),
            ("10.0.0.1", json!("10.0.0.1")),
            ("2001-12-14", json!("2001-12-14")),
            ("-", json!("-")),
        ];
        for (text, expected) in cases {
            let scalar = Scalar { text: text.into(), plain: true };
            assert_eq!(resolved(&scalar), expected, "{text}");
        }
    }
}
