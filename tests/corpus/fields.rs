//! A row as named words, so that it can be compared with what other tools say.
//!
//! In: rows of a reader. Out: for each, its fields by name. What a row does not tell has no field;
//! an end that a socket does not have is `none`.

use std::collections::BTreeMap;
use std::fmt::Display;

use fleetstat::model::digest::Sha256;
use fleetstat::model::fact::Fact;
use fleetstat::model::link::{Interface, LinkCounters};
use fleetstat::model::parsed::Row;
use fleetstat::model::process::ProcessFact;
use fleetstat::model::route::{Neighbour, Route};
use fleetstat::model::socket::{Endpoint, Socket};
use fleetstat::model::text::HostText;

/// Fields of one record.
pub(crate) type Fields = BTreeMap<&'static str, String>;

/// Text of a host as it is shown: bytes that are no UTF-8 are escaped.
fn text(text: &HostText<'_>) -> String {
    let bytes = text.bytes();
    std::str::from_utf8(bytes).map_or_else(|_| bytes.escape_ascii().to_string(), str::to_owned)
}

fn add(fields: &mut Fields, name: &'static str, value: Option<impl Display>) {
    if let Some(value) = value {
        fields.insert(name, value.to_string());
    }
}

/// The fields of a row.
pub(crate) fn fields(row: &Row<'_>) -> Fields {
    match row {
        Row::Socket(socket) => of_socket(socket),
        Row::Interface(interface) => of_interface(interface),
        Row::Route(route) => of_route(route),
        Row::Neighbour(neighbour) => of_neighbour(neighbour),
        Row::Counter(counter) => Fields::from([
            ("counter", format!("{}.{}", text(&counter.protocol), text(&counter.name))),
            ("value", counter.value.to_string()),
        ]),
        Row::Fact(fact) => of_fact(fact),
        Row::Process(pid, fact) => of_process(*pid, fact),
        Row::Rule(rule) => {
            Fields::from([("priority", rule.priority.to_string()), ("rule", text(&rule.text))])
        }
        Row::Holder(_) | Row::Member(_) => Fields::from([("row", format!("{row:?}"))]),
    }
}

fn of_socket(socket: &Socket<'_>) -> Fields {
    let mut fields = Fields::from([
        ("transport", socket.transport.to_string()),
        ("family", socket.family.to_string()),
        ("state", socket.state.to_string()),
        ("v4_mapped", socket.flags.v4_mapped.to_string()),
        ("truncated", socket.flags.truncated.to_string()),
    ]);
    let mut end = |address, port, zone, end: Option<&Endpoint<'_>>| {
        let value = end.map_or("none".to_owned(), |end| end.address.to_string());
        fields.insert(address, value);
        let value = end.and_then(|end| end.port).map_or("none".to_owned(), |port| port.to_string());
        fields.insert(port, value);
        add(&mut fields, zone, end.and_then(|end| end.zone.as_ref()).map(text));
    };
    end("local_address", "local_port", "local_zone", Some(&socket.local));
    end("remote_address", "remote_port", "remote_zone", socket.remote.as_ref());
    add(&mut fields, "device", socket.bind_device.as_ref().map(text));
    add(&mut fields, "recv_q", socket.recv_queue_bytes);
    add(&mut fields, "send_q", socket.send_queue_bytes);
    add(&mut fields, "backlog_current", socket.backlog_current);
    add(&mut fields, "backlog_max", socket.backlog_max);
    add(&mut fields, "dual_stack", socket.dual_stack);
    add(&mut fields, "inode", socket.inode);
    add(&mut fields, "cookie", socket.cookie.map(|cookie| format!("{cookie:x}")));
    add(&mut fields, "uid", socket.uid);
    add(&mut fields, "cgroup", socket.cgroup.as_ref().map(text));
    add(&mut fields, "state_raw", socket.state_raw.as_ref().map(text));
    add(&mut fields, "raw_protocol", socket.raw_protocol);
    add(&mut fields, "drops", socket.drops);
    add(&mut fields, "timer", socket.timer.map(|timer| timer.kind));
    let mut pids: Vec<u32> = socket.owners.iter().map(|owner| owner.pid).collect();
    pids.sort_unstable();
    pids.dedup();
    let list = pids.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
    add(&mut fields, "pids", (!list.is_empty()).then_some(list));
    let mut fds: Vec<String> = socket
        .owners
        .iter()
        .filter_map(|owner| Some(format!("{}:{}", owner.pid, owner.fd?)))
        .collect();
    fds.sort();
    add(&mut fields, "fds", (!fds.is_empty()).then(|| fds.join(",")));
    let mut names: Vec<String> = socket.owners.iter().map(|owner| text(&owner.name)).collect();
    names.retain(|name| !name.is_empty());
    names.sort();
    names.dedup();
    add(&mut fields, "names", (!names.is_empty()).then(|| names.join("|")));
    fields
}

fn of_interface(interface: &Interface) -> Fields {
    let mut fields = Fields::from([("name", text(&interface.name))]);
    add(&mut fields, "index", interface.index);
    add(&mut fields, "mac", interface.mac.as_ref().map(|mac| two_digits(&text(mac))));
    add(&mut fields, "mtu", interface.mtu);
    add(&mut fields, "oper_state", interface.oper_state.as_ref().map(text));
    let mut flags: Vec<String> = interface.flags.iter().map(text).collect();
    flags.sort();
    add(&mut fields, "flags", (!flags.is_empty()).then(|| flags.join(",")));
    let mut addresses: Vec<String> = interface.addresses.iter().map(ToString::to_string).collect();
    addresses.sort();
    if let [address] = interface.addresses.as_slice() {
        fields.insert("address", address.address.to_string());
    }
    add(&mut fields, "addresses", (!addresses.is_empty()).then(|| addresses.join(",")));
    let mut count = |names: [&'static str; 4], counters: &LinkCounters| {
        let [bytes, packets, errors, dropped] = names;
        add(&mut fields, bytes, counters.bytes);
        add(&mut fields, packets, counters.packets);
        add(&mut fields, errors, counters.errors);
        add(&mut fields, dropped, counters.dropped);
    };
    count(["rx_bytes", "rx_packets", "rx_errors", "rx_dropped"], &interface.rx);
    count(["tx_bytes", "tx_packets", "tx_errors", "tx_dropped"], &interface.tx);
    add(&mut fields, "rx_overruns", interface.rx.overruns);
    add(&mut fields, "tx_carrier_errors", interface.carrier_errors);
    add(&mut fields, "tx_fifo_errors", interface.fifo_errors);
    add(&mut fields, "multicast", interface.rx.multicast);
    add(&mut fields, "collisions", interface.collisions);
    fields
}

fn of_route(route: &Route) -> Fields {
    let mut fields = Fields::from([
        ("destination", format!("{}/{}", route.destination, route.prefix)),
        ("kind", route.kind.to_string()),
        ("table", text(&route.table)),
    ]);
    let hops = &route.next_hops;
    let via = hops.iter().filter_map(|hop| hop.via).map(|via| via.to_string());
    let via = via.collect::<Vec<_>>().join(",");
    fields.insert("gateway", if via.is_empty() { "none".to_owned() } else { via });
    let devices = hops.iter().filter_map(|hop| hop.device.as_ref()).map(text);
    let devices = devices.collect::<Vec<_>>().join(",");
    add(&mut fields, "device", (!devices.is_empty()).then_some(devices));
    add(&mut fields, "source", route.source);
    add(&mut fields, "metric", route.metric);
    add(&mut fields, "protocol", route.protocol.as_ref().map(text));
    add(&mut fields, "scope", route.scope.as_ref().map(text));
    add(&mut fields, "mtu", route.mtu);
    let mut flags: Vec<String> = route.flags.iter().map(text).collect();
    flags.sort();
    add(&mut fields, "flags", (!flags.is_empty()).then(|| flags.concat()));
    add(&mut fields, "expires", route.expires_seconds);
    fields
}

/// A link-layer address with two digits in each part, in lower case: BSD leaves zeros out.
pub(crate) fn two_digits(mac: &str) -> String {
    let parts = mac.split([':', '.']).map(|part| format!("{part:0>2}").to_lowercase());
    parts.collect::<Vec<_>>().join(":")
}

fn of_neighbour(neighbour: &Neighbour) -> Fields {
    let mac = neighbour.mac.as_ref().map(text).map_or("none".to_owned(), |mac| two_digits(&mac));
    let mut fields = Fields::from([("address", neighbour.address.to_string()), ("mac", mac)]);
    add(&mut fields, "device", neighbour.device.as_ref().map(text));
    let states = neighbour.states.iter().map(text).collect::<Vec<_>>().join(",");
    add(&mut fields, "states", (!states.is_empty()).then_some(states));
    add(&mut fields, "router", neighbour.router);
    fields
}

fn of_fact(fact: &Fact) -> Fields {
    let pair = |name, value: &HostText<'_>| Fields::from([(name, text(value))]);
    match fact {
        Fact::OsId(value) => pair("os_id", value),
        Fact::OsName(value) => pair("os_name", value),
        Fact::OsVersion(value) => pair("os_version", value),
        Fact::KernelName(value) => pair("kernel_name", value),
        Fact::KernelRelease(value) => pair("kernel_release", value),
        Fact::Architecture(value) => pair("architecture", value),
        Fact::Hostname(value) => pair("hostname", value),
        Fact::Limit(name, value) => Fields::from([("limit", format!("{} {value}", text(name)))]),
        Fact::EphemeralRange(first, last) => {
            Fields::from([("ephemeral", format!("{first}-{last}"))])
        }
        other => Fields::from([("fact", format!("{other:?}"))]),
    }
}

fn of_process(pid: u32, fact: &ProcessFact) -> Fields {
    let mut fields = Fields::from([("pid", pid.to_string())]);
    match fact {
        ProcessFact::Name(name) => fields.insert("process_name", text(name)),
        ProcessFact::Service(name) => fields.insert("service", text(name)),
        ProcessFact::User(name) => fields.insert("user", text(name)),
        ProcessFact::Account(name) => fields.insert("account", text(name)),
        other => fields.insert("fact", format!("{other:?}")),
    };
    fields
}

/// The first digits of the SHA-256 over the fields of all rows.
pub(crate) fn digest(rows: &[Row<'_>]) -> String {
    let lines: Vec<String> = rows.iter().map(|row| format!("{:?}\n", fields(row))).collect();
    let digest = Sha256::of(lines.concat().as_bytes()).to_string();
    digest.get(..12).unwrap_or(&digest).to_owned()
}
