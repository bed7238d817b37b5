//! Interfaces, routes, rules and neighbours in columns. Counters, neighbour states and expiry times
//! change with every look and are written apart, so that what stays costs nothing.

use crate::model::link::{Interface, InterfaceAddress, LinkCounters};
use crate::model::record::Sourced;
use crate::model::route::{Neighbour, NextHop, Route, RouteKind, Rule};
use crate::model::socket::Family;
use crate::model::text::HostText;
use crate::store::blob::codes::Code;
use crate::store::blob::column::{Malformed, length};
use crate::store::blob::reader::{Reader, Row, next_of};
use crate::store::blob::writer::Writer;

type Text = HostText<'static>;

/// Stands for the prefix of an address of which it is not known: no prefix is longer than 128. What
/// was written before there were such addresses reads as it did.
const NO_PREFIX: u8 = u8::MAX;

/// Writes a list of texts as one table.
pub(super) fn put_texts<'a>(page: &mut Writer<'a>, texts: impl IntoIterator<Item = &'a Text>) {
    page.table(texts, |row, text| row.text(text.bytes()));
}

/// Writes interfaces without their counters.
pub(super) fn put_interfaces<'a>(page: &mut Writer<'a>, interfaces: &'a [Sourced<Interface>]) {
    let records = || interfaces.iter().map(|sourced| &sourced.record);
    page.table(records(), |row, interface| {
        row.text(interface.name.bytes());
        row.optional_small(interface.index);
        row.optional_text(interface.mac.as_ref());
        row.optional(interface.mtu);
        row.optional_text(interface.oper_state.as_ref());
        row.optional_text(interface.kind.as_ref());
        row.number(length(interface.flags.len()));
        row.optional(interface.speed_bps);
        row.optional_text(interface.master.as_ref());
        row.number(length(interface.addresses.len()));
        row.optional_small(interface.counter_width.map(u32::from));
    });
    put_texts(page, records().flat_map(|interface| &interface.flags));
    page.table(records().flat_map(|interface| &interface.addresses), |row, address| {
        row.address(address.address);
        row.number(u64::from(address.prefix.unwrap_or(NO_PREFIX)));
        row.optional_text(address.scope.as_ref());
        row.optional_address(address.peer);
    });
}

/// Reads what [`put_interfaces`] wrote.
pub(super) fn get_interfaces(page: &mut Reader<'_>) -> Result<Vec<Interface>, Malformed> {
    let heads = page.table(|row| {
        let mut interface = Interface::named(row.text()?);
        interface.index = row.optional_small()?;
        interface.mac = row.optional_text()?;
        interface.mtu = row.optional()?;
        interface.oper_state = row.optional_text()?;
        interface.kind = row.optional_text()?;
        let flags = row.number()?;
        interface.speed_bps = row.optional()?;
        interface.master = row.optional_text()?;
        let addresses = row.number()?;
        let width = row.optional_small()?.map(u8::try_from).transpose();
        interface.counter_width = width.map_err(|_| Malformed("a width is too large"))?;
        Ok((interface, flags, addresses))
    })?;
    let mut flags = page.texts()?.into_iter();
    let addresses = page.table(|row| {
        Ok(InterfaceAddress {
            address: row.address()?,
            prefix: Some(row.narrow()?).filter(|&prefix| prefix != NO_PREFIX),
            scope: row.optional_text()?,
            peer: row.optional_address()?,
        })
    })?;
    let mut addresses = addresses.into_iter();
    heads
        .into_iter()
        .map(|(mut interface, flag_count, address_count)| {
            interface.flags = next_of(&mut flags, flag_count)?;
            interface.addresses = next_of(&mut addresses, address_count)?;
            Ok(interface)
        })
        .collect()
}

/// Writes the counters of one interface.
pub(super) fn put_counters(row: &mut Writer<'_>, interface: &Interface) {
    // One place in each direction for what it alone has: overruns, and losses of the carrier.
    let own = [interface.rx.overruns, interface.carrier_errors];
    for (counters, own) in [&interface.rx, &interface.tx].into_iter().zip(own) {
        row.optional(counters.bytes);
        row.optional(counters.packets);
        row.optional(counters.errors);
        row.optional(counters.dropped);
        row.optional(own);
        row.optional(counters.multicast);
    }
    row.optional(interface.collisions);
}

/// Counters of one interface.
pub(super) struct Counters {
    rx: LinkCounters,
    tx: LinkCounters,
    collisions: Option<u64>,
    carrier_errors: Option<u64>,
}

impl Counters {
    /// Sets them.
    pub(super) fn set(self, interface: &mut Interface) {
        (interface.rx, interface.tx) = (self.rx, self.tx);
        interface.collisions = self.collisions;
        interface.carrier_errors = self.carrier_errors;
    }
}

/// Reads what [`put_counters`] wrote.
pub(super) fn get_counters(row: &mut Row<'_, '_>) -> Result<Counters, Malformed> {
    let mut direction = || {
        Ok(LinkCounters {
            bytes: row.optional()?,
            packets: row.optional()?,
            errors: row.optional()?,
            dropped: row.optional()?,
            overruns: row.optional()?,
            multicast: row.optional()?,
        })
    };
    let (rx, mut tx) = (direction()?, direction()?);
    let carrier_errors = tx.overruns.take();
    Ok(Counters { rx, tx, collisions: row.optional()?, carrier_errors })
}

/// Writes routes without their expiry, then rules.
pub(super) fn put_routes<'a>(
    page: &mut Writer<'a>,
    routes: &'a [Sourced<Route>],
    rules: &'a [Sourced<Rule>],
) {
    let records = || routes.iter().map(|sourced| &sourced.record);
    page.table(records(), |row, route| {
        row.number(route.family.code());
        row.text(route.table.bytes());
        row.address(route.destination);
        row.number(u64::from(route.prefix));
        row.number(route.kind.code());
        row.number(length(route.next_hops.len()));
        row.optional_address(route.source);
        row.optional(route.metric);
        row.optional_text(route.protocol.as_ref());
        row.optional_text(route.scope.as_ref());
        row.optional(route.mtu);
        row.number(length(route.flags.len()));
    });
    page.table(records().flat_map(|route| &route.next_hops), |row, hop| {
        row.optional_address(hop.via);
        row.optional_text(hop.device.as_ref());
        row.optional_small(hop.weight);
    });
    put_texts(page, records().flat_map(|route| &route.flags));
    page.table(rules.iter().map(|sourced| &sourced.record), |row, rule| {
        row.number(rule.family.code());
        row.number(rule.priority);
        row.text(rule.text.bytes());
        row.optional_text(rule.table.as_ref());
    });
}

/// Reads what [`put_routes`] wrote; `expires_seconds` stays empty.
pub(super) fn get_routes(page: &mut Reader<'_>) -> Result<(Vec<Route>, Vec<Rule>), Malformed> {
    let heads = page.table(get_route)?;
    let hops = page.table(|row| {
        Ok(NextHop {
            via: row.optional_address()?,
            device: row.optional_text()?,
            weight: row.optional_small()?,
        })
    })?;
    let (mut hops, mut flags) = (hops.into_iter(), page.texts()?.into_iter());
    let routes = heads.into_iter().map(|(mut route, hop_count, flag_count)| {
        route.next_hops = next_of(&mut hops, hop_count)?;
        route.flags = next_of(&mut flags, flag_count)?;
        Ok(route)
    });
    let routes = routes.collect::<Result<_, _>>()?;
    let rules = page.table(|row| {
        Ok(Rule {
            family: Family::of(row.number()?)?,
            priority: row.number()?,
            text: row.text()?,
            table: row.optional_text()?,
        })
    })?;
    Ok((routes, rules))
}

/// A route without its lists, and how long they are.
fn get_route(row: &mut Row<'_, '_>) -> Result<(Route, u64, u64), Malformed> {
    let mut route = Route {
        family: Family::of(row.number()?)?,
        table: row.text()?,
        destination: row.address()?,
        prefix: row.narrow()?,
        kind: RouteKind::of(row.number()?)?,
        next_hops: Vec::new(),
        source: None,
        metric: None,
        protocol: None,
        scope: None,
        mtu: None,
        flags: Vec::new(),
        expires_seconds: None,
    };
    let hops = row.number()?;
    route.source = row.optional_address()?;
    route.metric = row.optional()?;
    route.protocol = row.optional_text()?;
    route.scope = row.optional_text()?;
    route.mtu = row.optional()?;
    Ok((route, hops, row.number()?))
}

/// Writes neighbours without their states.
pub(super) fn put_neighbours<'a>(page: &mut Writer<'a>, neighbours: &'a [Sourced<Neighbour>]) {
    page.table(neighbours.iter().map(|sourced| &sourced.record), |row, neighbour| {
        row.address(neighbour.address);
        row.optional_text(neighbour.device.as_ref());
        row.optional_text(neighbour.mac.as_ref());
        row.optional_flag(neighbour.router);
    });
}

/// Reads what [`put_neighbours`] wrote; `states` stays empty.
pub(super) fn get_neighbours(page: &mut Reader<'_>) -> Result<Vec<Neighbour>, Malformed> {
    page.table(|row| {
        Ok(Neighbour {
            address: row.address()?,
            device: row.optional_text()?,
            mac: row.optional_text()?,
            states: Vec::new(),
            router: row.optional_flag()?,
        })
    })
}
