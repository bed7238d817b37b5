//! Questions to an [`Inventory`]: one host, the selected ones, why nothing was selected, and where
//! a value comes from.

use std::collections::BTreeSet;

use crate::inventory::host::Host;
use crate::inventory::selector::{Selector, SelectorKey};
use crate::inventory::{Explained, Inventory, explain};
use crate::yaml::defect::quoted;
use crate::yaml::suggest::did_you_mean;

impl Inventory {
    /// The host with this name. `None`: there is none.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Host> {
        self.hosts.get(self.number(name)?)
    }

    fn number(&self, name: &str) -> Option<usize> {
        // `Err` is the place where it would stand: there is no such host.
        self.hosts.binary_search_by(|host| host.asset.name.as_str().cmp(name)).ok()
    }

    /// The hosts that are meant, by name. `None` means all.
    #[must_use]
    pub fn select(&self, selector: Option<&Selector>) -> Vec<&Host> {
        let meant = |host: &&Host| selector.is_none_or(|selector| selector.matches(host));
        self.hosts.iter().filter(meant).collect()
    }

    /// Conditions of a selector that match no host at all, each as one line with what was perhaps
    /// meant. A condition that matches nothing is seldom intended, even inside `|`.
    #[must_use]
    pub fn unmatched(&self, selector: &Selector) -> Vec<String> {
        let mut lines = Vec::new();
        selector.conditions(&mut |key, pattern| {
            let matched =
                self.hosts.iter().any(|host| key.any_value(host, |value| pattern.matches(value)));
            if !matched {
                lines.push(self.nothing_has(key, &pattern.to_string()));
            }
        });
        lines
    }

    fn nothing_has(&self, key: SelectorKey, wanted: &str) -> String {
        let shown = quoted(wanted);
        if key == SelectorKey::Name && self.groups.iter().any(|g| g.name.as_str() == wanted) {
            return format!("no host is called {shown}; for the group write `group={wanted}`");
        }
        let mut values: BTreeSet<String> = BTreeSet::new();
        for host in &self.hosts {
            key.any_value(host, |value| {
                if !values.contains(value) {
                    values.insert(value.to_owned());
                }
                false
            });
        }
        let near = did_you_mean(wanted, values.iter().map(String::as_str));
        let near = near.map_or_else(String::new, |near| format!("; {near}"));
        match key {
            SelectorKey::Name => format!("no host is called {shown}{near}"),
            _ => format!("no host has {key} {shown}{near}"),
        }
    }

    /// Every value of a host with its origin, in the order of the reference. `None`: there is no
    /// such host.
    #[must_use]
    pub fn explain(&self, name: &str) -> Option<Vec<Explained>> {
        let number = self.number(name)?;
        let host = self.hosts.get(number)?;
        Some(explain::explain(&self.origins, &self.files, host, number))
    }
}
