//! Variables that become attributes (`fleetstat_role`), and those that become `vars`.

use std::collections::BTreeSet;

use crate::inventory::ansible::login::scalar;
use crate::inventory::ansible::text::is_template;
use crate::inventory::ansible::world::{Json, VAULT, Variable};
use crate::inventory::host::Variable as Kept;
use crate::inventory::table::HOST;
use crate::yaml::node::{Node, Place, Value};
use crate::yaml::shape::Shape;

/// Begins the names of variables that are fleetstat's attributes.
pub(super) const PREFIX: &str = "fleetstat_";
/// Most names shown of variables that are left out.
const SHOWN_MAX: usize = 8;

/// The attribute a variable stands for. `None`: there is none of this name.
pub(super) fn attribute(name: &str) -> Option<(&'static str, &'static Shape)> {
    let key = name.strip_prefix(PREFIX)?;
    let field = HOST.fields.iter().find(|field| field.name == key && key != "vars");
    field.map(|field| (field.name, &field.shape))
}

/// All attributes, for a suggestion.
pub(super) fn attributes() -> impl Iterator<Item = &'static str> {
    HOST.keys().filter(|key| *key != "vars")
}

/// The value as fleetstat's own file would write it. INI has no flags and no short lists: `true` and
/// `a,b` are taken as they are meant.
pub(super) fn node(value: &Json, shape: &Shape, place: Place) -> Node {
    let list = |items: Vec<Node>| Node { value: Value::Sequence(items), place };
    match (value, shape) {
        (Json::String(text), Shape::List { .. }) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            list(items.map(|item| scalar(item, false, place)).collect())
        }
        (Json::String(text), Shape::Flag) => match &*text.to_ascii_lowercase() {
            "true" | "yes" | "on" => scalar("true", true, place),
            "false" | "no" | "off" => scalar("false", true, place),
            _ => scalar(text, false, place),
        },
        (value, _) => as_written(value, place),
    }
}

fn as_written(value: &Json, place: Place) -> Node {
    match value {
        Json::String(text) => scalar(text, false, place),
        Json::Null => scalar("", true, place),
        Json::Bool(_) | Json::Number(_) => scalar(&value.to_string(), true, place),
        Json::Array(items) => Node {
            value: Value::Sequence(items.iter().map(|item| as_written(item, place)).collect()),
            place,
        },
        Json::Object(map) => {
            let entries = map.iter().map(|(key, value)| (key.as_str(), as_written(value, place)));
            super::login::mapping(entries.collect(), place)
        }
    }
}

/// Whether a value is sealed by ansible-vault.
pub(super) fn is_sealed(value: &Json) -> bool {
    value.as_object().is_some_and(|map| map.contains_key(VAULT))
}

/// Variables that are not taken over, by name.
#[derive(Debug, Default)]
pub(super) struct LeftOut(BTreeSet<String>);

impl LeftOut {
    /// The variable as one of fleetstat's. `None`: it is none, and is counted unless it is Ansible's
    /// or fleetstat's own business.
    pub(super) fn variable(&mut self, variable: &Variable) -> Option<(Box<str>, Kept)> {
        let name = &*variable.name;
        if name.starts_with("ansible_") || name.starts_with(PREFIX) {
            return None;
        }
        let right = (1..=63).contains(&name.len())
            && name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if right
            && !is_secret(name)
            && let Some(value) = kept(&variable.value, true)
        {
            return Some((name.into(), value));
        }
        if !self.0.contains(name) {
            self.0.insert(name.to_owned());
        }
        None
    }

    /// One line on all of them. `None`: nothing was left out.
    pub(super) fn summary(&self) -> Option<String> {
        // What is no name at all may be a line of a file that was linked here by mistake: not shown.
        let is_name = |name: &&String| {
            name.len() <= 63 && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
        };
        let names = self.0.iter().filter(is_name);
        let shown: Vec<String> =
            names.take(SHOWN_MAX).map(|name| crate::yaml::defect::quoted(name)).collect();
        let more = self.0.len().saturating_sub(shown.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        (!self.0.is_empty()).then(|| {
            format!(
                "not taken over as `vars`, being mappings, templates, secrets, or names with other \
                 than small letters, digits and `_`: {}{more}",
                shown.join(", ")
            )
        })
    }
}

/// Names under which shops keep secrets: they are not copied into what `hosts --explain` shows.
fn is_secret(name: &str) -> bool {
    const PARTS: &[&str] = &[
        "password",
        "passwd",
        "passphrase",
        "secret",
        "token",
        "private_key",
        "api_key",
        "credential",
    ];
    name.ends_with("_pass") || name == "pass" || PARTS.iter().any(|part| name.contains(part))
}

fn kept(value: &Json, lists: bool) -> Option<Kept> {
    match value {
        Json::Bool(flag) => Some(Kept::Bool(*flag)),
        Json::Number(number) => number.as_i64().map(Kept::Number),
        Json::String(text) => (!is_template(text)).then(|| Kept::Text(text.clone())),
        Json::Array(items) if lists => {
            items.iter().map(|item| kept(item, false)).collect::<Option<_>>().map(Kept::List)
        }
        Json::Array(_) | Json::Object(_) | Json::Null => None,
    }
}
