//! Interfaces, routes, rules and neighbours.

use std::io::{self, Write};

use crate::model::link::{Interface, LinkCounters};
use crate::model::route::{NextHop, Route};
use crate::model::snapshot::{Snapshot, View};
use crate::model::text::HostText;
use crate::report::grid::{Grid, Head};
use crate::report::page::Page;
use crate::report::show::{ROWS_MAX, heading, joined, more, number_or_dash, or_dash, view_heading};

const INTERFACES: &[Head] = &[
    Head::text("NAME"),
    Head::text("STATE"),
    Head::number("MTU"),
    Head::text("ADDRESSES"),
    Head::number("RX-BYTES"),
    Head::number("TX-BYTES"),
    Head::text("TROUBLE"),
];

const ROUTES: &[Head] = &[
    Head::text("TABLE"),
    Head::text("DESTINATION"),
    Head::text("WAY"),
    Head::number("METRIC"),
    Head::text("PROTOCOL"),
];

const RULES: &[Head] =
    &[Head::whole("FAMILY"), Head::number("PRIORITY"), Head::text("RULE"), Head::text("TABLE")];

const NEIGHBOURS: &[Head] =
    &[Head::text("ADDRESS"), Head::text("INTERFACE"), Head::text("MAC"), Head::text("STATES")];

pub(super) fn interfaces<W: Write>(page: &mut Page<W>, snapshot: &Snapshot) -> io::Result<()> {
    let found = &snapshot.records.interfaces;
    view_heading(page, ("Interfaces", View::Interfaces), found.len(), snapshot)?;
    let mut grid = Grid::new(INTERFACES);
    for interface in found.iter().map(|interface| &interface.record).take(ROWS_MAX) {
        let addresses = interface.addresses.iter();
        grid.push([
            interface.name.escaped().into_owned(),
            or_dash(interface.oper_state.as_ref()),
            number_or_dash(interface.mtu),
            joined(addresses.map(ToString::to_string)),
            number_or_dash(interface.rx.bytes),
            number_or_dash(interface.tx.bytes),
            trouble(interface),
        ]);
    }
    page.grid(&grid)?;
    more(page, found.len())
}

/// Counters that should be zero and are not.
fn trouble(interface: &Interface) -> String {
    let side = |name: &str, counters: LinkCounters, own: [(&'static str, Option<u64>); 2]| {
        let [one, other] = own;
        let kinds = [("errors", counters.errors), ("dropped", counters.dropped), one, other];
        let kinds = kinds.map(|(kind, count)| match count {
            Some(count @ 1..) => Some(format!("{name} {kind} {count}")),
            Some(0) | None => None,
        });
        kinds.into_iter().flatten()
    };
    let (overruns, carrier) = (interface.rx.overruns, interface.carrier_errors);
    let received = side("rx", interface.rx, [("overruns", overruns), ("", None)]);
    let sent = [("carrier errors", carrier), ("fifo errors", interface.fifo_errors)];
    joined(received.chain(side("tx", interface.tx, sent)))
}

/// The `local` table holds one line per own address and is left out of the page.
pub(super) fn routes<W: Write>(page: &mut Page<W>, snapshot: &Snapshot) -> io::Result<()> {
    let routes = snapshot.records.routes.iter().map(|route| &route.record);
    let found: Vec<_> = routes.filter(|route| route.table.bytes() != b"local").collect();
    view_heading(page, ("Routes", View::Routes), found.len(), snapshot)?;
    let mut grid = Grid::new(ROUTES);
    for route in found.iter().take(ROWS_MAX) {
        grid.push([
            route.table.escaped().into_owned(),
            format!("{}/{}", route.destination, route.prefix),
            way(route),
            number_or_dash(route.metric),
            or_dash(route.protocol.as_ref()),
        ]);
    }
    page.grid(&grid)?;
    more(page, found.len())
}

fn way(route: &Route) -> String {
    if route.next_hops.is_empty() {
        route.kind.to_string()
    } else {
        joined(route.next_hops.iter().map(hop))
    }
}

fn hop(hop: &NextHop) -> String {
    let device = hop.device.as_ref().map(|device| format!("dev {}", device.escaped()));
    let via = hop.via.map(|via| format!("via {via}"));
    let parts: Vec<_> = [via, device].into_iter().flatten().collect();
    if parts.is_empty() { "-".to_owned() } else { parts.join(" ") }
}

/// Rules beyond the three that every Linux has are worth a table; the three are too, because their
/// absence is.
pub(super) fn rules<W: Write>(page: &mut Page<W>, snapshot: &Snapshot) -> io::Result<()> {
    let found = &snapshot.records.rules;
    if found.is_empty() {
        return Ok(());
    }
    heading(page, "Rules", found.len(), snapshot.view_status(View::Routes))?;
    let mut grid = Grid::new(RULES);
    for rule in found.iter().map(|rule| &rule.record).take(ROWS_MAX) {
        grid.push([
            rule.family.to_string(),
            rule.priority.to_string(),
            rule.text.escaped().into_owned(),
            or_dash(rule.table.as_ref()),
        ]);
    }
    page.grid(&grid)?;
    more(page, found.len())
}

pub(super) fn neighbours<W: Write>(page: &mut Page<W>, snapshot: &Snapshot) -> io::Result<()> {
    let found = &snapshot.records.neighbours;
    if found.is_empty() {
        return Ok(());
    }
    heading(page, "Neighbours", found.len(), snapshot.view_status(View::Routes))?;
    let mut grid = Grid::new(NEIGHBOURS);
    for neighbour in found.iter().map(|neighbour| &neighbour.record).take(ROWS_MAX) {
        let states = neighbour.states.iter().map(HostText::escaped);
        grid.push([
            neighbour.address.to_string(),
            or_dash(neighbour.device.as_ref()),
            or_dash(neighbour.mac.as_ref()),
            joined(states.map(std::borrow::Cow::into_owned)),
        ]);
    }
    page.grid(&grid)?;
    more(page, found.len())
}
