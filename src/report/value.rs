//! What stands in one field of one row, before any format is chosen.
//!
//! Comes in: plain values of the model. Goes out: [`Value`], which every format can write without
//! knowing what the row is about. Text from a host is in escaped form from here on.

use std::borrow::Cow;
use std::net::IpAddr;

use crate::model::text::HostText;
use crate::model::time::Utc;

/// The content of one field. Addresses and times keep their type, so that a format writes them
/// straight into its buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Not reported, or not applicable. Never stands for 0 or an empty text.
    Null,
    /// Yes or no.
    Bool(bool),
    /// A count, size or number.
    U64(u64),
    /// A number that can be negative.
    I64(i64),
    /// A number with three decimals, in thousandths: `12_500` is 12.5.
    Thousandths(u64),
    /// A 64-bit identifier, written as lower-case hexadecimal text: not every JSON reader keeps
    /// 64-bit integers.
    Hex(u64),
    /// A word of this program, printable ASCII: written without a look at its bytes.
    Word(&'static str),
    /// Text. From a host only in escaped form.
    Text(Cow<'a, str>),
    /// An IP address in the form of RFC 5952, without zone.
    Address(IpAddr),
    /// A time, RFC 3339, UTC.
    Time(Utc),
    /// Several values of one type, in the order of the record.
    List(Vec<Value<'a>>),
    /// Several objects of one shape, one after the other: with `n` members in the field's
    /// [`Type::Objects`], each `n` values are one object. Flat, because a list of sources or
    /// owners is in every socket and should cost one allocation.
    Objects(Vec<Value<'a>>),
}

impl Value<'_> {
    /// Several values.
    pub fn list(values: impl IntoIterator<Item = impl Into<Self>>) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }

    /// Several objects, each with its members in the order of the field's [`Type::Objects`].
    pub fn objects<const N: usize>(objects: impl ExactSizeIterator<Item = [Self; N]>) -> Self {
        let mut values = Vec::with_capacity(objects.len() * N);
        objects.for_each(|members| values.extend(members));
        Self::Objects(values)
    }

    /// A number of any size. What neither `u64` nor `i64` holds becomes decimal text, so that no
    /// reader rounds it.
    #[must_use]
    pub fn number(number: i128) -> Self {
        match (u64::try_from(number), i64::try_from(number)) {
            (Ok(number), _) => Self::U64(number),
            (_, Ok(number)) => Self::I64(number),
            _ => Self::Text(Cow::Owned(number.to_string())),
        }
    }
}

/// What a field holds: for the reference page, for table alignment, and for a JSON Schema.
#[derive(Clone, Copy)]
pub enum Type {
    /// `true` or `false`.
    Bool,
    /// An integer.
    Integer,
    /// A number with at most three decimals.
    Decimal,
    /// Text.
    Text,
    /// One word of a closed list, which the function returns.
    Word(fn() -> Vec<&'static str>),
    /// Hexadecimal text of a 64-bit number.
    Hex,
    /// An IP address.
    Address,
    /// A time.
    Time,
    /// Several texts.
    Texts,
    /// Several IP addresses.
    Addresses,
    /// Several objects with these members.
    Objects(&'static [Member]),
}

impl Type {
    /// What the reference page calls it.
    #[must_use]
    pub fn describe(self) -> String {
        match self {
            Self::Bool => "boolean".into(),
            Self::Integer => "integer".into(),
            Self::Decimal => "number".into(),
            Self::Text => "text".into(),
            Self::Word(words) => format!("one of `{}`", words().join("`, `")),
            Self::Hex => "hexadecimal text".into(),
            Self::Address => "IP address".into(),
            Self::Time => "time".into(),
            Self::Texts => "list of text".into(),
            Self::Addresses => "list of IP addresses".into(),
            Self::Objects(_) => "list of objects".into(),
        }
    }

    /// True for what stands right-aligned in a table.
    #[must_use]
    pub const fn is_number(self) -> bool {
        matches!(self, Self::Integer | Self::Decimal)
    }
}

/// A member of the objects in a list.
#[derive(Clone, Copy)]
pub struct Member {
    /// Its key.
    pub name: &'static str,
    /// What it holds. Not [`Type::Objects`]: lists do not nest.
    pub of: Type,
    /// Whether it can be `null`.
    pub nullable: bool,
    /// What it means, as one or two sentences.
    pub doc: &'static str,
}

impl Member {
    /// A member that every object has.
    #[must_use]
    pub const fn always(name: &'static str, of: Type, doc: &'static str) -> Self {
        Self { name, of, nullable: false, doc }
    }

    /// A member that is `null` where the source does not report it.
    #[must_use]
    pub const fn reported(name: &'static str, of: Type, doc: &'static str) -> Self {
        Self { name, of, nullable: true, doc }
    }
}

/// The words of an enum that `words!` declared, as [`Type::Word`] wants them.
macro_rules! words_of {
    ($name:ty) => {
        $crate::report::value::Type::Word(|| {
            <$name>::ALL.iter().map(|word| word.as_str()).collect()
        })
    };
}
pub(crate) use words_of;

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

macro_rules! from_unsigned {
    ($($number:ty),*) => {$(
        impl From<$number> for Value<'_> {
            fn from(value: $number) -> Self {
                Self::U64(u64::from(value))
            }
        }
    )*};
}
from_unsigned!(u8, u16, u32, u64);

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::I64(value)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(Cow::Borrowed(value))
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(value: &'a String) -> Self {
        Self::Text(Cow::Borrowed(value))
    }
}

impl From<String> for Value<'_> {
    fn from(value: String) -> Self {
        Self::Text(Cow::Owned(value))
    }
}

/// The name of a process. Empty where nothing tells it, which is no name.
#[must_use]
pub fn process_name<'a>(name: &'a HostText<'_>) -> Value<'a> {
    if name.bytes().is_empty() { Value::Null } else { name.into() }
}

/// The one way for text from a host into any output: escaped.
impl<'a> From<&'a HostText<'_>> for Value<'a> {
    fn from(value: &'a HostText<'_>) -> Self {
        Self::Text(value.escaped())
    }
}

impl From<IpAddr> for Value<'_> {
    fn from(value: IpAddr) -> Self {
        Self::Address(value)
    }
}

impl From<Utc> for Value<'_> {
    fn from(value: Utc) -> Self {
        Self::Time(value)
    }
}

/// `None` is `Null`.
impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn not_reported_is_null_and_never_zero() {
        assert_eq!(Value::from(None::<u64>), Value::Null);
        assert_eq!(Value::from(Some(0_u64)), Value::U64(0));
    }

    #[test]
    fn a_process_name_that_nothing_tells_is_null_and_never_an_empty_text() {
        assert_eq!(process_name(&HostText::new(b"")), Value::Null);
        assert_eq!(process_name(&HostText::new(b"sshd")), Value::Text("sshd".into()));
    }

    #[test]
    fn numbers_beyond_64_bits_keep_every_digit() {
        assert_eq!(Value::number(-1), Value::I64(-1));
        assert_eq!(Value::number(i128::from(u64::MAX)), Value::U64(u64::MAX));
        let beyond = i128::from(u64::MAX) + 1;
        assert_eq!(Value::number(beyond), Value::Text("18446744073709551616".into()));
    }
}
