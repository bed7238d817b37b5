//! Which host a ticket means. Names are compared without regard to case; what could be two hosts
//! is none, and is said.
//!
//! In this order, the first that knows the name decides:
//! 1. a host of that name;
//! 2. a host whose address or host key alias is that name or address;
//! 3. a name without dots: the one host whose name begins with it and a dot;
//! 4. a name with dots: the host named like its first part, if that host has no dots in its name,
//!    is not known under another long name, and no other long name with this first part was ever
//!    imported.
//!
//! What a host says of itself (its `hostname`) is never used: a host could take another's tickets.

use std::collections::{BTreeSet, HashMap};

use crate::model::change::ItemName;
use crate::model::id::HostName;
use crate::model::import::Identity;

/// How well a name fits: lower is better. Decides between two names of one host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// The host's name.
    Name,
    /// Its address or alias.
    Alias,
    /// A part of its name, or its name a part of it.
    Part,
}

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// This host.
    Host(HostName, Fit),
    /// No host that is known.
    Nothing,
    /// It could be any of these: hosts, or long names that share a first part. Sorted.
    Several(Vec<String>),
}

/// All known hosts, by every name under which a ticket can mean them.
#[derive(Debug, Default)]
pub struct Directory {
    by_name: HashMap<String, Vec<HostName>>,
    by_alias: HashMap<String, Vec<HostName>>,
    by_short: HashMap<String, Vec<HostName>>,
    /// Long aliases of hosts without dots in their names.
    long_aliases: HashMap<HostName, Vec<String>>,
    /// Long names that were imported, by their first part.
    long: HashMap<String, BTreeSet<String>>,
}

impl Directory {
    /// A directory of these hosts, with all names that imports ever used.
    pub fn new<'i>(
        identities: impl IntoIterator<Item = &'i Identity>,
        items: impl IntoIterator<Item = &'i ItemName>,
    ) -> Self {
        let mut directory = Self::default();
        for identity in identities {
            directory.add(identity);
        }
        for item in items.into_iter().filter(|item| is_long(item)) {
            let long = directory.long.entry(item.short().to_owned()).or_default();
            long.insert(item.as_str().to_owned());
        }
        directory
    }

    fn add(&mut self, identity: &Identity) {
        // A host's name obeys stricter rules than an item's, so this cannot fail.
        let Ok(name) = ItemName::new(identity.host.as_str()) else { return };
        push(&mut self.by_name, name.as_str(), &identity.host);
        if is_long(&name) {
            push(&mut self.by_short, name.short(), &identity.host);
        }
        for alias in &identity.aliases {
            push(&mut self.by_alias, alias.as_str(), &identity.host);
            if !is_long(&name) && is_long(alias) {
                let aliases = self.long_aliases.entry(identity.host.clone()).or_default();
                aliases.push(alias.as_str().to_owned());
            }
        }
    }

    /// The host of a name.
    #[must_use]
    pub fn find(&self, item: &ItemName) -> Found {
        let known = |map: &HashMap<String, Vec<HostName>>, key: &str, fit| {
            map.get(key).map(|hosts| match hosts.as_slice() {
                [host] => Found::Host(host.clone(), fit),
                several => Found::Several(several.iter().map(ToString::to_string).collect()),
            })
        };
        let full = known(&self.by_name, item.as_str(), Fit::Name)
            .or_else(|| known(&self.by_alias, item.as_str(), Fit::Alias));
        let part = || {
            if is_long(item) {
                self.by_first_part(item)
            } else {
                known(&self.by_short, item.as_str(), Fit::Part)
            }
        };
        full.or_else(part).unwrap_or(Found::Nothing)
    }

    fn by_first_part(&self, item: &ItemName) -> Option<Found> {
        let [host] = self.by_name.get(item.short())?.as_slice() else { return None };
        if self.long_aliases.get(host).is_some_and(|aliases| !aliases.is_empty()) {
            return None;
        }
        match self.long.get(item.short()) {
            Some(long) if long.len() > 1 => Some(Found::Several(long.iter().cloned().collect())),
            Some(_) | None => Some(Found::Host(host.clone(), Fit::Part)),
        }
    }
}

fn push(map: &mut HashMap<String, Vec<HostName>>, key: &str, host: &HostName) {
    let hosts = map.entry(key.to_owned()).or_default();
    if let Err(place) = hosts.binary_search(host) {
        hosts.insert(place, host.clone());
    }
}

fn is_long(item: &ItemName) -> bool {
    item.short().len() < item.as_str().len()
}

/// The keys under which the store must be asked so that [`Directory::find`] is right about
/// everything that can mean this host: its name, its aliases, and the first part of its name.
#[must_use]
pub fn keys(identity: &Identity) -> Vec<ItemName> {
    let mut keys = identity.aliases.clone();
    if let Ok(name) = ItemName::new(identity.host.as_str()) {
        keys.extend(ItemName::new(name.short()).ok());
        keys.push(name);
    }
    keys.sort_unstable();
    keys.dedup();
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(text: &str) -> ItemName {
        ItemName::new(text).unwrap()
    }

    fn identity(host: &str, aliases: &[&str]) -> Identity {
        let aliases = aliases.iter().map(|alias| item(alias)).collect();
        Identity { host: HostName::new(host).unwrap(), aliases }
    }

    fn find(directory: &Directory, text: &str) -> String {
        match directory.find(&item(text)) {
            Found::Host(host, fit) => format!("{host} {fit:?}"),
            Found::Nothing => "nothing".into(),
            Found::Several(several) => several.join(" or "),
        }
    }

    #[test]
    fn a_name_means_one_host_or_none() {
        let hosts = [
            identity("Web1", &["192.0.2.1"]),
            identity("db1.a.example", &["192.0.2.2"]),
            identity("db1.b.example", &["192.0.2.3"]),
            identity("app1.a.example", &["192.0.2.4", "appliance.example"]),
            identity("lb1", &["192.0.2.9"]),
            identity("lb2", &["192.0.2.9"]),
            identity("mx1", &["mx1.a.example"]),
            identity("10.0.0.1", &["10.0.0.1"]),
        ];
        let items = ["web1.a.example", "lb1.a.example", "lb1.b.example"].map(item);
        let directory = Directory::new(&hosts, &items);
        for (text, expected) in [
            ("WEB1", "Web1 Name"),
            ("192.0.2.1", "Web1 Alias"),
            ("::ffff:192.0.2.1", "Web1 Alias"),
            ("web1.a.example", "Web1 Part"),
            ("web1.a.example.", "Web1 Part"),
            ("lb1.a.example", "lb1.a.example or lb1.b.example"),
            ("db1", "db1.a.example or db1.b.example"),
            ("DB1.B.example", "db1.b.example Name"),
            ("db1.c.example", "nothing"),
            ("app1", "app1.a.example Part"),
            ("appliance.example", "app1.a.example Alias"),
            ("192.0.2.9", "lb1 or lb2"),
            ("mx1.a.example", "mx1 Alias"),
            ("mx1.b.example", "nothing"),
            ("10", "nothing"),
            ("10.0.0.1", "10.0.0.1 Name"),
            ("10.0.0.2", "nothing"),
            ("SAP Production", "nothing"),
        ] {
            assert_eq!(find(&directory, text), expected, "{text}");
        }
    }
}
