//! Hosts of the inventory that others may go through: found again by what a `ProxyJump` calls them.
//!
//! ssh knows a bastion by its address, Ansible by its name in the inventory. A hop that means a
//! host of the inventory takes that host's account and keys, which is what the shop uses for it.

use std::collections::HashMap;
use std::sync::Arc;

use crate::inventory::ansible::option::Hop;

/// Port where none is named.
const PORT: u16 = 22;

/// How one host is entered.
#[derive(Clone, Debug)]
pub(super) struct Door {
    pub(super) name: Arc<str>,
    pub(super) address: Arc<str>,
    /// `None`: 22.
    pub(super) port: Option<u16>,
    /// `None`: not known.
    pub(super) user: Option<String>,
}

/// All of them, by name and by address.
#[derive(Debug, Default)]
pub(super) struct Doors {
    by_name: HashMap<Arc<str>, Door>,
    by_place: HashMap<(Arc<str>, u16), Vec<Arc<str>>>,
}

impl Doors {
    pub(super) fn new(doors: impl Iterator<Item = Door>) -> Self {
        let mut all = Self::default();
        for door in doors {
            let place = (door.address.clone(), door.port.unwrap_or(PORT));
            all.by_place.entry(place).or_default().push(door.name.clone());
            all.by_name.insert(door.name.clone(), door);
        }
        all
    }

    /// Whether a host has this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// The one host that a hop means: by its name, else by its address and port. `None`: none, or
    /// the hop says of user, port or key what no host of the inventory has.
    pub(super) fn of(&self, hop: &Hop) -> Option<&str> {
        if !hop.keys.is_empty() {
            return None;
        }
        let same_user = |door: &Door| hop.user.is_none() || hop.user == door.user;
        if let Some(door) = self.by_name.get(&*hop.host) {
            let same_port = hop.port.is_none() || hop.port == Some(door.port.unwrap_or(PORT));
            return (same_user(door) && same_port).then_some(&*door.name);
        }
        let place = (Arc::from(hop.host.as_str()), hop.port.unwrap_or(PORT));
        let named = self.by_place.get(&place)?.iter();
        let mut fitting =
            named.filter_map(|name| self.by_name.get(name)).filter(|door| same_user(door));
        match (fitting.next(), fitting.next()) {
            (Some(door), None) => Some(&door.name),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(user: Option<&str>, host: &str, port: Option<u16>) -> Hop {
        Hop { user: user.map(str::to_owned), host: host.into(), port, keys: Vec::new() }
    }

    #[test]
    fn a_hop_means_the_one_host_of_its_name_or_address_port_and_user() {
        let door = |name: &str, address: &str, port, user: &str| Door {
            name: name.into(),
            address: address.into(),
            port,
            user: Some(user.to_owned()),
        };
        let doors = Doors::new(
            [
                door("bastion", "192.0.2.1", Some(2222), "jump"),
                door("web", "192.0.2.2", None, "op"),
                door("web-again", "192.0.2.2", None, "op"),
                door("web-admin", "192.0.2.2", None, "root"),
            ]
            .into_iter(),
        );
        assert_eq!(doors.of(&hop(None, "bastion", None)), Some("bastion"));
        assert_eq!(doors.of(&hop(Some("jump"), "bastion", Some(2222))), Some("bastion"));
        assert_eq!(doors.of(&hop(Some("jump"), "192.0.2.1", Some(2222))), Some("bastion"));
        // Another port or user is another way in.
        assert_eq!(doors.of(&hop(None, "192.0.2.1", None)), None);
        assert_eq!(doors.of(&hop(Some("x"), "bastion", None)), None);
        assert_eq!(doors.of(&hop(None, "bastion", Some(22))), None);
        // Two that fit are none; the user can tell.
        assert_eq!(doors.of(&hop(Some("op"), "192.0.2.2", None)), None);
        assert_eq!(doors.of(&hop(Some("root"), "192.0.2.2", None)), Some("web-admin"));
        let with_key = Hop { keys: vec!["k".to_owned()], ..hop(None, "bastion", None) };
        assert_eq!(doors.of(&with_key), None);
    }
}
