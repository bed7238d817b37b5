//! A setting of a host as text: of several names the last that is set, simple templates expanded.
//!
//! A template is expanded when it is nothing but names of the host's own variables, or
//! `inventory_hostname`. Anything else is refused, with its line: a guess would reach another host.

use crate::inventory::ansible::resolve::{Found, Level};
use crate::inventory::ansible::world::{Json, VAULT, Variable};
use crate::inventory::report::At;

/// Most variables that refer to each other.
const DEPTH_MAX: usize = 5;

/// A setting that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Set {
    pub(super) text: String,
    pub(super) at: At,
    pub(super) level: Level,
}

/// A setting that is there and cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unusable {
    pub(super) at: At,
    /// `` `ansible_host` is a template ``.
    pub(super) message: String,
}

/// Looks the names up; as in Ansible, the last one that is set and not null counts.
pub(super) fn get(host: &str, found: &Found<'_>, names: &[&str]) -> Result<Option<Set>, Unusable> {
    let set = names.iter().rev().filter_map(|name| found.get(name));
    let Some((variable, level)) = set.into_iter().find(|(variable, _)| !variable.value.is_null())
    else {
        return Ok(None);
    };
    let text = of(host, found, variable)?;
    Ok(Some(Set { text, at: variable.at, level }))
}

/// The text of one variable.
pub(super) fn of(host: &str, found: &Found<'_>, variable: &Variable) -> Result<String, Unusable> {
    let unusable = |what: &str| Unusable {
        at: variable.at,
        message: format!("`{}` {what}", variable.name.escape_debug()),
    };
    match &variable.value {
        Json::Object(map) if map.contains_key(VAULT) => Err(unusable("is sealed by ansible-vault")),
        value => {
            let text = plain(value).ok_or_else(|| unusable("is no plain value"))?;
            expanded(host, found, &text, 0)
                .ok_or_else(|| unusable("is a template that only Ansible can expand"))
        }
    }
}

fn plain(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(flag) => Some(if *flag { "True" } else { "False" }.to_owned()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

/// Whether Ansible would expand something here.
pub(super) fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%") || text.contains("{#")
}

/// The text with its templates expanded. `None`: not all of them can be.
fn expanded(host: &str, found: &Found<'_>, text: &str, depth: usize) -> Option<String> {
    if !is_template(text) {
        return Some(text.to_owned());
    }
    if depth > DEPTH_MAX || text.contains("{%") || text.contains("{#") {
        return None;
    }
    let mut all = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("{{") {
        let (name, behind) = behind.split_once("}}")?;
        all.push_str(before);
        rest = behind;
        all.push_str(&match name.trim() {
            "inventory_hostname" => host.to_owned(),
            "inventory_hostname_short" => short(host).to_owned(),
            name => {
                let value = plain(&found.get(name)?.0.value)?;
                expanded(host, found, &value, depth + 1)?
            }
        });
    }
    all.push_str(rest);
    Some(all)
}

/// Up to the first dot, but for addresses.
fn short(host: &str) -> &str {
    if host.parse::<std::net::IpAddr>().is_ok() {
        return host;
    }
    host.split('.').next().unwrap_or(host)
}
