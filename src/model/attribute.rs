//! Attributes of hosts as an asset list knows them: owner, cost centre, warranty. They are context
//! for people and for later rules; the inventory alone decides what fleetstat does.

use std::fmt;

use crate::model::change::{ChangeNote, ItemName};
use crate::model::id::NameError;
use crate::model::text::escape;
use crate::model::time::Utc;

/// Longest key.
const KEY_BYTES_MAX: usize = 63;

/// The key of an attribute: 1 to 63 of `a-z 0-9 _`, the first a letter: `cost_centre`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct AttributeKey(String);

impl AttributeKey {
    /// Makes a key of a column's title: lower case, anything else than letters and digits becomes
    /// one `_`.
    ///
    /// # Errors
    /// When no letter is in it, or it is too long.
    pub fn new(title: &str) -> Result<Self, NameError> {
        let mut key = String::with_capacity(title.len());
        for character in title.trim().chars().flat_map(char::to_lowercase) {
            match character {
                'a'..='z' | '0'..='9' => key.push(character),
                _ if key.is_empty() || key.ends_with('_') => {}
                _ => key.push('_'),
            }
        }
        let key = key.trim_end_matches('_');
        let refuse = |reason: &str| NameError {
            kind: "attribute",
            text: escape(title.as_bytes()),
            reason: reason.to_owned(),
        };
        if !key.starts_with(|first: char| first.is_ascii_lowercase()) {
            return Err(refuse("does not begin with a letter a to z"));
        }
        if key.len() > KEY_BYTES_MAX {
            return Err(refuse("is longer than 63 characters"));
        }
        Ok(Self(key.to_owned()))
    }

    /// The key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AttributeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for AttributeKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <String as serde::Deserialize>::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

/// One attribute, as it stands in the evidence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attribute {
    /// Its key.
    pub key: AttributeKey,
    /// Its value, as the asset list has it.
    pub value: String,
}

/// What one file says of one attribute of one thing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AttributeStatement {
    /// What the list calls the host.
    pub item: ItemName,
    /// The key.
    pub key: AttributeKey,
    /// The value. `None`: the list has the column and says nothing there, so it has no value.
    pub value: Option<String>,
}

/// An attribute as one import left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeVersion {
    /// What was said.
    pub said: AttributeStatement,
    /// When it was imported.
    pub imported: Utc,
    /// Who imported it.
    pub by: String,
    /// Name of the file it came from.
    pub file: String,
}

/// What was known around a host when it was visited: stands in the evidence's header as it was
/// then, whatever is imported later.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Surroundings {
    /// Changes near the visit, by start.
    pub changes: Vec<ChangeNote>,
    /// Changes that were left out because there were too many.
    pub changes_left_out: u64,
    /// Attributes, by key.
    pub attributes: Vec<Attribute>,
    /// Attributes that were left out because there were too many.
    pub attributes_left_out: u64,
}

impl Surroundings {
    /// True when nothing was known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_becomes_a_key() {
        let key = |title| AttributeKey::new(title).map(|key| key.0).map_err(|e| e.to_string());
        assert_eq!(key(" Cost centre (EUR) "), Ok("cost_centre_eur".into()));
        assert_eq!(key("OS"), Ok("os".into()));
        assert_eq!(key("2nd"), Err("attribute `2nd` does not begin with a letter a to z".into()));
        assert_eq!(key("--"), Err("attribute `--` does not begin with a letter a to z".into()));
    }
}
