//! Values that a template may take, each with a type. There is no string type: a value that is not
//! one of these cannot reach a command.
//!
//! Comes in: text or a number from an inventory. Goes out: the canonical form of the value, which
//! holds only characters that no shell interprets.

use std::net::IpAddr;

use crate::model::text::escape;

/// Type of a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParameterType {
    /// An IPv4 or IPv6 address without zone.
    Ip,
    /// A network: an address, `/` and a prefix length. Host bits may be set.
    Cidr,
    /// 1 to 65535.
    Port,
    /// A name of an interface: 1 to 15 of `A-Z a-z 0-9 . _ : @ -`, not `.` or `..`
    /// (`dev_valid_name` of the kernel, less what a shell could read).
    Interface,
    /// A host name by RFC 1123: labels of 1 to 63 of `A-Z a-z 0-9 -`, 253 in all.
    Hostname,
    /// One of these words.
    Enum(Vec<String>),
    /// A whole number in this range.
    Number {
        /// Smallest, at least 0: a minus would begin an option.
        min: u64,
        /// Largest.
        max: u64,
    },
}

/// A value from an inventory, before it is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Text.
    Text(&'a str),
    /// A whole number.
    Number(i64),
}

/// Why a value is not of its type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {expected}{}", at(*.place))]
pub struct ValueError {
    /// The value, escaped.
    pub text: String,
    /// What was expected.
    pub expected: String,
    /// The offending character's place, from 1, where one can be named.
    pub place: Option<(char, usize)>,
}

fn at(place: Option<(char, usize)>) -> String {
    place.map_or_else(String::new, |(bad, at)| {
        format!(": it has `{}` at character {at}", escape(bad.to_string().as_bytes()))
    })
}

impl ParameterType {
    /// Checks a value and gives its canonical form.
    ///
    /// # Errors
    /// When it is of another type or out of range.
    pub fn render(&self, value: Value<'_>) -> Result<String, ValueError> {
        let number;
        let text = match value {
            Value::Text(text) => text,
            Value::Number(n) => {
                number = n.to_string();
                &number
            }
        };
        self.canonical(text).ok_or_else(|| ValueError {
            text: escape(text.chars().take(80).collect::<String>().as_bytes()),
            expected: self.expected(),
            place: self.offending(text),
        })
    }

    fn canonical(&self, text: &str) -> Option<String> {
        match self {
            Self::Ip => text.parse::<IpAddr>().ok().map(|address| address.to_string()),
            Self::Cidr => {
                let (address, prefix) = text.split_once('/')?;
                let address: IpAddr = address.parse().ok()?;
                let prefix = decimal(prefix)?;
                let bits = if address.is_ipv4() { 32 } else { 128 };
                (prefix <= bits).then(|| format!("{address}/{prefix}"))
            }
            Self::Port => {
                decimal(text).filter(|port| (1..=65535).contains(port)).map(|n| n.to_string())
            }
            Self::Interface => is_interface(text).then(|| text.to_owned()),
            Self::Hostname => is_hostname(text).then(|| text.to_ascii_lowercase()),
            Self::Enum(words) => words.iter().find(|word| *word == text).cloned(),
            Self::Number { min, max } => {
                decimal(text).filter(|n| (min..=max).contains(&n)).map(|n| n.to_string())
            }
        }
    }

    /// The first character that no value of this type holds.
    fn offending(&self, text: &str) -> Option<(char, usize)> {
        let allowed: fn(char) -> bool = match self {
            Self::Ip => |c| c.is_ascii_hexdigit() || ".:".contains(c),
            Self::Cidr => |c| c.is_ascii_hexdigit() || ".:/".contains(c),
            Self::Port | Self::Number { .. } => |c| c.is_ascii_digit(),
            Self::Interface => |c| c.is_ascii_alphanumeric() || "._:@-".contains(c),
            Self::Hostname => |c| c.is_ascii_alphanumeric() || ".-".contains(c),
            Self::Enum(_) => |_| true,
        };
        let place = text.chars().zip(1..).find(|(character, _)| !allowed(*character));
        place.or_else(|| text.starts_with('-').then_some(('-', 1)))
    }

    /// What a value of this type is, for messages and for the reference.
    #[must_use]
    pub fn expected(&self) -> String {
        match self {
            Self::Ip => "IP address such as 192.0.2.1 or 2001:db8::1".to_owned(),
            Self::Cidr => "network such as 192.0.2.0/24".to_owned(),
            Self::Port => "port from 1 to 65535".to_owned(),
            Self::Interface => "interface name such as eth0 (at most 15 characters)".to_owned(),
            Self::Hostname => "host name such as db-1.example.org".to_owned(),
            Self::Enum(words) => format!("word of {}", words.join(", ")),
            Self::Number { min, max } => format!("whole number from {min} to {max}"),
        }
    }

    /// Values that stand for all others when a template is checked before any is known: every word
    /// of an enum, one value otherwise.
    #[must_use]
    pub fn samples(&self) -> Vec<String> {
        let one = |text: &str| vec![text.to_owned()];
        match self {
            Self::Ip => one("192.0.2.1"),
            Self::Cidr => one("192.0.2.0/24"),
            Self::Port => one("65535"),
            Self::Interface => one("eth0"),
            Self::Hostname => one("host.example"),
            Self::Enum(words) => words.clone(),
            Self::Number { max, .. } => one(&max.to_string()),
        }
    }
}

/// Digits alone: no sign, no blank, no leading zero (which some tools take for octal).
fn decimal(text: &str) -> Option<u64> {
    let plain =
        text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    plain.then(|| text.parse().ok()).flatten()
}

fn is_interface(text: &str) -> bool {
    (1..=15).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:@-".contains(&b))
        && !text.starts_with(['-', '@'])
        && !matches!(text, "." | "..")
}

fn is_hostname(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::command::is_plain;
    use proptest::prelude::*;

    fn types() -> Vec<ParameterType> {
        vec![
            ParameterType::Ip,
            ParameterType::Cidr,
            ParameterType::Port,
            ParameterType::Interface,
            ParameterType::Hostname,
            ParameterType::Enum(vec!["tcp".into(), "udp".into()]),
            ParameterType::Number { min: 1, max: 10 },
        ]
    }

    #[test]
    fn values_become_canonical() {
        let render = |kind: &ParameterType, text| kind.render(Value::Text(text)).unwrap();
        assert_eq!(render(&ParameterType::Ip, "2001:DB8:0::1"), "2001:db8::1");
        assert_eq!(render(&ParameterType::Cidr, "10.0.0.0/8"), "10.0.0.0/8");
        assert_eq!(render(&ParameterType::Hostname, "DB-1.Example"), "db-1.example");
        assert_eq!(ParameterType::Port.render(Value::Number(6379)).unwrap(), "6379");
    }

    #[test]
    fn the_message_shows_the_character_and_its_place() {
        let said =
            |kind: ParameterType, text| kind.render(Value::Text(text)).unwrap_err().to_string();
        assert_eq!(
            said(ParameterType::Port, "22;id"),
            "`22;id` is no port from 1 to 65535: it has `;` at character 3"
        );
        assert_eq!(
            said(ParameterType::Interface, "-K"),
            "`-K` is no interface name such as eth0 (at most 15 characters): it has `-` at character 1"
        );
        assert_eq!(said(ParameterType::Port, "65536"), "`65536` is no port from 1 to 65535");
    }

    #[test]
    fn what_could_be_an_option_a_path_or_another_number_is_refused() {
        for kind in types() {
            for text in ["", "-1", "--", "..", ".", "/etc", "+1", "1 ", "é", "a b", "\n"] {
                let refused = kind.render(Value::Text(text)).is_err();
                assert!(refused, "{kind:?} takes {text:?}");
            }
            assert!(kind.render(Value::Number(-1)).is_err(), "{kind:?}");
        }
        for text in ["01", "0x1", "99999999999999999999"] {
            assert!(ParameterType::Port.render(Value::Text(text)).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_rendered_is_plain_and_no_option(text in "[-a-z0-9.:/@_%; $]{0,20}|\\PC{0,10}") {
            for kind in types() {
                if let Ok(rendered) = kind.render(Value::Text(&text)) {
                    prop_assert!(!rendered.starts_with('-') && rendered.bytes().all(is_plain));
                }
            }
        }
    }
}
