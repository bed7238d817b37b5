//! Names the interfaces of routes and neighbours as the list of interfaces does.
//!
//! Windows prints an interface as its number in one table and as its IPv4 address in another; only
//! the list of interfaces has its name. In: all records of a snapshot. Out: the name, where exactly
//! one interface has the number or the other name; elsewhere what was printed stands.
//!
//! An address stands too, and only tells which routes of two tables are one: addresses of interfaces come
//! with the rich profile alone, and a host that refuses it for a night has not changed its routes.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::model::record::{Records, Sourced};
use crate::model::route::{Neighbour, Route};
use crate::model::text::HostText;
use crate::normalize::links::Aliases;

type Text = HostText<'static>;

/// Names of interfaces by what else they are printed as. `None`: several are printed so.
type Names = HashMap<Vec<u8>, Option<Text>>;

/// What stands for the name of an interface.
pub(super) struct Devices {
    /// Numbers and other names.
    names: Names,
    addresses: Names,
}

impl Devices {
    /// Of the interfaces of the records, and what else they are called.
    pub(super) fn of(records: &Records, aliases: Aliases) -> Self {
        let (mut names, mut addresses) = (Names::new(), Names::new());
        for (alias, name) in aliases {
            names.insert(alias.bytes().to_vec(), Some(name));
        }
        for interface in &records.interfaces {
            let interface = &interface.record;
            if let Some(index) = interface.index {
                add(&mut names, index.to_string(), &interface.name);
            }
            let all = interface.addresses.iter().map(|address| address.address);
            for address in all.filter(IpAddr::is_ipv4) {
                add(&mut addresses, address.to_string(), &interface.name);
            }
        }
        Self { names, addresses }
    }

    /// The interface that is meant, by its name where that is known.
    pub(super) fn meant(&self, device: Option<&Text>) -> Option<Text> {
        let device = device?;
        let name = self.addresses.get(device.bytes()).cloned().flatten();
        Some(name.unwrap_or_else(|| device.clone()))
    }

    /// Puts names in the place of numbers and other names.
    pub(super) fn name(
        &self,
        routes: &mut [Sourced<Route>],
        neighbours: &mut [Sourced<Neighbour>],
    ) {
        let put = |device: &mut Option<Text>| {
            let name = device.as_ref().and_then(|device| self.names.get(device.bytes())?.clone());
            if name.is_some() {
                *device = name;
            }
        };
        for route in routes {
            route.record.next_hops.iter_mut().for_each(|hop| put(&mut hop.device));
        }
        for neighbour in neighbours {
            put(&mut neighbour.record.device);
        }
    }
}

fn add(names: &mut Names, printed: String, name: &Text) {
    let name = Some(name.clone());
    let known = names.entry(printed.into_bytes()).or_insert_with(|| name.clone());
    if *known != name {
        *known = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::link::{Interface, InterfaceAddress};
    use crate::model::record::Source;

    fn sourced<T>(record: T) -> Sourced<T> {
        Sourced::one(record, Source { section: 1, start: 0, end: 1 })
    }

    fn interface(name: &'static str, index: u32, address: Option<&str>) -> Sourced<Interface> {
        let mut interface = Interface::named(HostText::from(name));
        interface.index = Some(index);
        interface.addresses = address
            .map(|address| InterfaceAddress {
                address: address.parse().unwrap(),
                prefix: Some(24),
                scope: None,
                peer: None,
            })
            .into_iter()
            .collect();
        sourced(interface)
    }

    #[test]
    fn a_number_of_one_interface_is_its_name_and_an_address_means_it() {
        let interfaces = vec![
            interface("Ethernet", 12, Some("192.0.2.5")),
            interface("a", 7, None),
            interface("b", 7, None),
        ];
        let printed = ["12", "192.0.2.5", "7", "192.0.2.6", "Ethernet", "Uplink"];
        let neighbours = printed.map(|device| {
            let device = Some(HostText::from(device));
            let address = "192.0.2.9".parse().unwrap();
            sourced(Neighbour { address, device, mac: None, states: Vec::new(), router: None })
        });
        let mut neighbours = neighbours.to_vec();
        let records = Records { interfaces, ..Records::default() };
        let aliases = Aliases::from([(HostText::from("Uplink"), HostText::from("a"))]);
        let of = Devices::of(&records, aliases);
        of.name(&mut [], &mut neighbours);
        let meant = |device: &'static str| of.meant(Some(&HostText::from(device)));
        assert_eq!(meant("192.0.2.5"), Some(HostText::from("Ethernet")));
        assert_eq!(meant("192.0.2.6"), Some(HostText::from("192.0.2.6")));
        let devices = neighbours.iter().map(|n| n.record.device.clone().unwrap());
        let devices: Vec<String> = devices.map(|device| device.escaped().to_string()).collect();
        assert_eq!(devices, ["Ethernet", "192.0.2.5", "7", "192.0.2.6", "Ethernet", "a"]);
    }
}
