//! Expectations about everything but sockets: jc's schemas of routes, neighbours, interfaces,
//! counters and facts.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fleetstat::model::parsed::Row;
use serde_json::Value;

use crate::compare::Expectation;
use crate::expected::{copy, word};
use crate::fields::{Fields, two_digits};
use crate::tables::Sample;

/// The counters of `/proc/net/netstat`: one object for each protocol, its name under `type`.
pub(crate) fn counters(records: &[Value]) -> Expectation {
    let mut expected = Vec::new();
    for record in records {
        let Some(object) = record.as_object() else { continue };
        let protocol = word(record, "type").unwrap_or_default();
        for (name, value) in object.iter().filter(|(name, _)| *name != "type") {
            expected.push(Fields::from([
                ("counter", format!("{protocol}.{name}")),
                ("value", value.to_string()),
            ]));
        }
    }
    Expectation {
        records: expected,
        ordered: false,
        keys: &["counter"],
        concerns: |row| matches!(row, Row::Counter(_)),
    }
}

/// Facts of `os-release` and `uname -a`, one record each.
pub(crate) fn facts(records: &[Value]) -> Expectation {
    const KEYS: [(&str, &str); 7] = [
        ("os_id", "ID"),
        ("os_name", "PRETTY_NAME"),
        ("os_version", "VERSION_ID"),
        ("kernel_name", "kernel_name"),
        ("hostname", "node_name"),
        ("kernel_release", "kernel_release"),
        ("architecture", "machine"),
    ];
    let mut expected = Vec::new();
    for record in records {
        for (name, key) in KEYS {
            let mut fields = Fields::new();
            copy(&mut fields, name, record, key);
            if !fields.is_empty() {
                expected.push(fields);
            }
        }
    }
    Expectation {
        records: expected,
        ordered: false,
        keys: &[
            "os_id",
            "os_name",
            "os_version",
            "kernel_name",
            "hostname",
            "kernel_release",
            "architecture",
        ],
        concerns: |row| matches!(row, Row::Fact(_)),
    }
}

/// Neighbours of `arp` and `/proc/net/arp`.
pub(crate) fn neighbours(records: &[Value]) -> Expectation {
    let one = |record: &Value| {
        let of = |keys: [&str; 2]| keys.iter().find_map(|key| word(record, key));
        let mac = of(["hwaddress", "HW_address"]);
        let mac = mac.filter(|mac| !mac.contains("incomplete") && mac != "00:00:00:00:00:00");
        let mut fields = Fields::from([
            ("address", of(["address", "IP_address"]).unwrap_or_default()),
            ("mac", mac.map_or("none".to_owned(), |mac| two_digits(&mac))),
        ]);
        if let Some(device) = of(["iface", "Device"]) {
            fields.insert("device", device);
        }
        fields
    };
    Expectation {
        records: records.iter().map(one).collect(),
        ordered: true,
        keys: &["address", "device"],
        concerns: |row| matches!(row, Row::Neighbour(_)),
    }
}

/// Routes of `netstat -r`, `route`, `ip route` and the tables of `/proc/net`.
pub(crate) fn routes(records: &[Value]) -> Expectation {
    let routes =
        records.iter().filter(|record| word(record, "kind").is_none_or(|kind| kind == "route"));
    Expectation {
        records: routes.map(route).collect(),
        ordered: true,
        keys: &["destination", "gateway", "device", "address"],
        concerns: |row| matches!(row, Row::Route(_) | Row::Neighbour(_)),
    }
}

fn route(record: &Value) -> Fields {
    let of = |key: &str| word(record, key);
    let mut fields = Fields::new();
    if let Some(network) = of("dest_net") {
        let prefix = of("dest_prefix").and_then(|text| u8::from_str_radix(&text, 16).ok());
        fields.insert("destination", format!("{}/{}", six(&network), prefix.unwrap_or(255)));
        let via = six(&of("next_hop").unwrap_or_default());
        fields.insert(
            "gateway",
            if via.is_unspecified() { "none".to_owned() } else { via.to_string() },
        );
        let metric = of("metric").and_then(|text| u64::from_str_radix(&text, 16).ok());
        fields.insert("metric", metric.unwrap_or(0).to_string());
        copy(&mut fields, "device", record, "device");
        return fields;
    }
    if let Some(network) = of("Destination") {
        let mask = u32::from(four(&of("Mask").unwrap_or_default()));
        fields.insert("destination", format!("{}/{}", four(&network), mask.count_ones()));
        let via = four(&of("Gateway").unwrap_or_default());
        fields.insert(
            "gateway",
            if via.is_unspecified() { "none".to_owned() } else { via.to_string() },
        );
        copy(&mut fields, "metric", record, "Metric");
        copy(&mut fields, "device", record, "Iface");
        return fields;
    }
    if let Some(network) = of("ip") {
        fields.insert("destination", network_of(&network, None, false));
        fields.insert("gateway", of("via").unwrap_or_else(|| "none".to_owned()));
        for (name, key) in [
            ("device", "dev"),
            ("protocol", "proto"),
            ("scope", "scope"),
            ("source", "src"),
            ("metric", "metric"),
        ] {
            copy(&mut fields, name, record, key);
        }
        return fields;
    }
    let gateway = of("gateway").or_else(|| of("next_hop")).unwrap_or_default();
    // BSD keeps its neighbours among the routes: the gateway is a link-layer address. One over the
    // loopback is the host's own.
    if is_mac(&gateway) && of("iface").is_none_or(|device| device != "lo0") {
        let bare = of("destination").unwrap_or_default();
        let bare = bare.split('%').next().unwrap_or_default().to_owned();
        fields.insert("address", bare);
        fields.insert("mac", two_digits(&gateway));
        copy(&mut fields, "device", record, "iface");
        return fields;
    }
    let is_six = of("destination").is_some_and(|text| text.contains(':'))
        || gateway.contains(':') && !is_link(&gateway);
    let destination = of("destination").unwrap_or_default();
    fields.insert("destination", network_of(&destination, of("genmask").as_deref(), is_six));
    let bare = gateway.trim_matches(['[', ']']).split('%').next().unwrap_or_default().to_owned();
    // Without the flag G the gateway of BSD is an address of this host's own.
    let flags = of("route_flags").or_else(|| of("flags")).unwrap_or_default();
    let direct = is_link(&gateway)
        || is_mac(&gateway)
        || !flags.contains('G')
        || matches!(bare.as_str(), "0.0.0.0" | "::" | "*" | "");
    fields.insert("gateway", if direct { "none".to_owned() } else { bare });
    copy(&mut fields, "device", record, "iface");
    copy(&mut fields, "metric", record, "metric");
    copy(&mut fields, "mtu", record, "mtu");
    if !flags.is_empty() {
        let mut letters: Vec<char> = flags.chars().collect();
        letters.sort_unstable();
        fields.insert("flags", letters.into_iter().collect());
    }
    fields
}

/// True for what BSD prints where a route has no gateway: a link or an interface's own address.
fn is_link(gateway: &str) -> bool {
    gateway.starts_with("link#")
}

/// True for a link-layer address of six parts.
fn is_mac(gateway: &str) -> bool {
    let parts: Vec<&str> = gateway.split([':', '.']).collect();
    let hexadecimal = |part: &&str| part.len() <= 2 && u8::from_str_radix(part, 16).is_ok();
    parts.len() == 6 && parts.iter().all(hexadecimal)
}

/// A destination with its prefix: classful BSD short forms are filled up.
fn network_of(text: &str, mask: Option<&str>, six: bool) -> String {
    let text = text.trim_matches(['[', ']']).replace(['[', ']'], "");
    if text == "default" {
        return if six { "::/0" } else { "0.0.0.0/0" }.to_owned();
    }
    let (address, prefix) =
        text.split_once('/').map_or((text.as_str(), None), |(a, p)| (a, Some(p)));
    let address = address.split('%').next().unwrap_or_default();
    if let Ok(six) = address.parse::<Ipv6Addr>() {
        return format!("{six}/{}", prefix.unwrap_or("128"));
    }
    let parts: Vec<&str> = address.split('.').collect();
    let filled =
        [parts.as_slice(), &["0"; 3]].concat().into_iter().take(4).collect::<Vec<_>>().join(".");
    let mask = mask
        .and_then(|mask| mask.parse::<Ipv4Addr>().ok())
        .map(|mask| u32::from(mask).count_ones().to_string());
    let short = (parts.len() * 8).to_string();
    format!("{filled}/{}", prefix.map(str::to_owned).or(mask).unwrap_or(short))
}

/// An address of `/proc/net/route`: a number of the host's byte order, which was little-endian.
fn four(hexadecimal: &str) -> Ipv4Addr {
    Ipv4Addr::from(u32::from_str_radix(hexadecimal, 16).unwrap_or(0).swap_bytes())
}

/// An address of `/proc/net/ipv6_route`: 32 digits in network order.
fn six(hexadecimal: &str) -> Ipv6Addr {
    Ipv6Addr::from(u128::from_str_radix(hexadecimal, 16).unwrap_or(0))
}

/// Interfaces of `netstat -i`, `ifconfig` and `/proc/net/if_inet6`.
pub(crate) fn interfaces(sample: &Sample, records: &[Value]) -> Expectation {
    let concerns: fn(&Row<'_>) -> bool = |row| matches!(row, Row::Interface(_));
    let has = |key: &str| records.iter().any(|record| record.get(key).is_some());
    let records: Vec<Fields> = if has("mac_addr") {
        records.iter().map(ifconfig).collect()
    } else if has("scope") {
        records.iter().map(if_inet6).collect()
    } else {
        records.iter().map(counted).collect()
    };
    let ordered = !sample.reader.starts_with("linux/");
    Expectation { records, ordered, keys: &["name", "index", "address"], concerns }
}

fn if_inet6(record: &Value) -> Fields {
    let of = |key: &str| word(record, key).unwrap_or_default();
    let number = |text: String| u32::from_str_radix(&text, 16).unwrap_or(0);
    Fields::from([
        ("name", of("name")),
        ("index", number(of("index")).to_string()),
        ("address", six(&of("address")).to_string()),
        ("addresses", format!("{}/{}", six(&of("address")), number(of("prefix")))),
    ])
}

/// One line of `netstat -i` of BSD; the line of an address repeats the interface's counters.
fn counted(record: &Value) -> Fields {
    let mut fields = Fields::new();
    copy(&mut fields, "name", record, "iface");
    copy(&mut fields, "mtu", record, "mtu");
    let network = word(record, "network").unwrap_or_default();
    let address = word(record, "address");
    if let Some(index) = network.strip_prefix("<Link#") {
        fields.insert("index", index.trim_end_matches('>').to_owned());
        if let Some(mac) = address.filter(|mac| mac.contains(':')) {
            fields.insert("mac", two_digits(&mac));
        }
        for (name, key) in [
            ("rx_packets", "ipkts"),
            ("rx_errors", "ierrs"),
            ("rx_dropped", "idrop"),
            ("tx_packets", "opkts"),
            ("tx_errors", "oerrs"),
            ("collisions", "coll"),
        ] {
            copy(&mut fields, name, record, key);
        }
    } else if let Some(address) = address
        .and_then(|address| address.split('%').next().unwrap_or_default().parse::<IpAddr>().ok())
    {
        fields.insert("address", address.to_string());
        fields.remove("mtu");
    }
    fields
}

fn ifconfig(record: &Value) -> Fields {
    let mut fields = Fields::new();
    copy(&mut fields, "name", record, "name");
    copy(&mut fields, "mtu", record, "mtu");
    if let Some(mac) = word(record, "mac_addr") {
        fields.insert("mac", two_digits(&mac));
    }
    let mut addresses = Vec::new();
    let empty = Vec::new();
    let lists: BTreeMap<&str, &Vec<Value>> = ["ipv4", "ipv6"]
        .into_iter()
        .map(|key| (key, record.get(key).and_then(Value::as_array).unwrap_or(&empty)))
        .collect();
    for four in lists.get("ipv4").into_iter().copied().flatten() {
        let mask = word(four, "mask").and_then(|mask| mask.parse::<Ipv4Addr>().ok());
        let address = word(four, "address").unwrap_or_default();
        addresses.push(format!(
            "{address}/{}",
            u32::from(mask.unwrap_or(Ipv4Addr::BROADCAST)).count_ones()
        ));
    }
    for six in lists.get("ipv6").into_iter().copied().flatten() {
        let address = word(six, "address").unwrap_or_default();
        addresses.push(format!("{address}/{}", word(six, "mask").unwrap_or_default()));
    }
    addresses.sort();
    if !addresses.is_empty() {
        fields.insert("addresses", addresses.join(","));
    }
    fields
}
