//! Expectations about sockets: jc's schemas of `ss`, `netstat` of each system and
//! `/proc/net/tcp`, and the ground truth that was read out of `/proc` beside the live captures.

use std::net::{IpAddr, Ipv6Addr};

use fleetstat::model::parsed::Row;
use serde_json::Value;

use crate::compare::Expectation;
use crate::expected::{copy, word};
use crate::fields::Fields;
use crate::tables::Sample;

/// The state words of every tool, as RFC 9293 writes them in this project's records.
fn state(word: &str) -> String {
    let word = word.to_lowercase().replace('-', "_");
    match word.as_str() {
        "listening" | "0a" => "listen",
        "estab" | "connected" | "01" => "established",
        "unconn" | "idle" | "" => "unconnected",
        "syn_recv" | "syn_rcvd" | "03" => "syn_received",
        "fin_wait1" | "04" => "fin_wait_1",
        "fin_wait2" | "05" => "fin_wait_2",
        "06" => "time_wait",
        "close" | "07" => "closed",
        "08" => "close_wait",
        "09" => "last_ack",
        "0b" => "closing",
        "02" => "syn_sent",
        other => other,
    }
    .to_owned()
}

/// An address as RFC 5952 writes it, and whether it was v4-mapped. `*` is any.
fn address(text: &str) -> (String, bool) {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(IpAddr::V6(six)) => match mapped(six) {
            Some(four) => (four, true),
            None => (six.to_string(), false),
        },
        Ok(four) => (four.to_string(), false),
        Err(_) if bare == "*" => ("any".to_owned(), false),
        Err(_) => (bare.to_owned(), false),
    }
}

fn mapped(six: Ipv6Addr) -> Option<String> {
    six.to_ipv4_mapped().map(|four| four.to_string())
}

/// Both ends. A peer without port is none.
fn ends(fields: &mut Fields, local: (&str, &str), remote: (&str, &str)) {
    let port = |port: &str| if port == "*" { "none".to_owned() } else { port.to_owned() };
    let (local_text, zone) = local.0.split_once('%').unwrap_or((local.0, ""));
    let (local_address, local_mapped) = address(local_text.trim_start_matches('['));
    let (remote_address, _) = address(remote.0);
    if !zone.is_empty() && local_address.contains('.') {
        fields.insert("device", zone.trim_end_matches(']').to_owned());
    }
    let open = matches!(remote_address.as_str(), "any" | "0.0.0.0" | "::")
        && matches!(remote.1, "*" | "0" | "");
    fields.insert("local_address", local_address);
    fields.insert("local_port", port(local.1));
    fields.insert("remote_address", if open { "none".to_owned() } else { remote_address });
    fields.insert("remote_port", if open { "none".to_owned() } else { port(remote.1) });
    if local_mapped {
        fields.insert("family", "ipv4".to_owned());
        fields.insert("v4_mapped", "true".to_owned());
    }
}

/// Queues: of a listener they are its backlog where the tool says so.
fn queues(fields: &mut Fields, receive: Option<String>, send: Option<String>) {
    let listens = fields.get("state").is_some_and(|state| state == "listen");
    let names = if listens { ["backlog_current", "backlog_max"] } else { ["recv_q", "send_q"] };
    for (name, value) in names.into_iter().zip([receive, send]) {
        if let Some(value) = value {
            fields.insert(name, value);
        }
    }
}

/// What tells one socket of a host from another.
const ENDS: &[&str] =
    &["transport", "local_address", "local_port", "remote_address", "remote_port"];

fn is_socket(row: &Row<'_>) -> bool {
    matches!(row, Row::Socket(_))
}

/// jc's schemas. Unix-domain, netlink and packet sockets are not compared: they are no records.
pub(crate) fn of_jc(sample: &Sample, records: &[Value]) -> Expectation {
    let wanted = |record: &&Value| {
        let netid = word(record, "netid").unwrap_or_else(|| "tcp".to_owned());
        let kind = word(record, "kind").unwrap_or_else(|| "network".to_owned());
        let known = matches!(netid.as_str(), "tcp" | "udp" | "raw" | "???" | "icmp6");
        kind == "network" && known && record.get("local_address").is_some()
    };
    let records = records.iter().filter(wanted).map(|record| {
        if record.get("sock_mem_loc").is_some() { of_proc(record) } else { of_tool(sample, record) }
    });
    Expectation { records: records.collect(), ordered: true, keys: ENDS, concerns: is_socket }
}

fn of_tool(sample: &Sample, record: &Value) -> Fields {
    let mut fields = Fields::new();
    let of = |key: &str| word(record, key);
    let protocol = of("netid").or_else(|| of("proto")).unwrap_or_default().to_lowercase();
    let transport = protocol.trim_end_matches(|c: char| c.is_ascii_digit());
    let transport = if matches!(transport, "icm" | "icmp") { "icmp" } else { transport };
    fields.insert("transport", transport.to_owned());
    if let Some(family) = of("network_protocol") {
        fields.insert("family", family);
    }
    let windows = of("netid").is_none() && of("kind").is_none();
    match of("state") {
        Some(word) => fields.insert("state", state(&word)),
        None if transport != "tcp" => fields.insert("state", "unconnected".to_owned()),
        None => None,
    };
    let get =
        |keys: [&str; 2]| keys.iter().find_map(|key| of(key)).unwrap_or_else(|| "*".to_owned());
    let remote = (get(["peer_address", "foreign_address"]), get(["peer_port", "foreign_port"]));
    ends(
        &mut fields,
        (&get(["local_address", "local_address"]), &get(["local_port", "local_port"])),
        (&remote.0, &remote.1),
    );
    // Behind an address without a zone of its own: a device that the socket is bound to.
    if let Some(device) = of("interface") {
        let link = fields.get("local_address").is_some_and(|local| local.starts_with("fe80:"));
        fields.insert(if link { "local_zone" } else { "device" }, device);
    }
    // A UDP socket with a peer is connected; netstat of Linux and BSD do not all say so.
    let connected = fields.get("remote_address").is_some_and(|remote| remote != "none");
    if transport != "tcp" && of("state").is_none() && connected {
        fields.insert("state", "established".to_owned());
    }
    // Only Linux prints the backlog of a listener there, and net-tools not its limit.
    let listens = fields.get("state").is_some_and(|state| state == "listen");
    match (listens, of("netid").is_some(), sample.reader.starts_with("linux/")) {
        (true, false, true) => copy(&mut fields, "backlog_current", record, "recv_q"),
        (true, false, false) => {}
        _ => queues(&mut fields, of("recv_q"), of("send_q")),
    }
    if let Some(pid) = of("pid") {
        fields.insert("pids", pid);
    }
    if let (Some(name), false) = (of("program_name"), windows) {
        fields.insert("names", name);
    }
    let Some(options) = record.get("opts") else { return fields };
    copy(&mut fields, "inode", options, "inode_number");
    copy(&mut fields, "uid", options, "uid_number");
    copy(&mut fields, "cookie", options, "cookie");
    copy(&mut fields, "cgroup", options, "cgroup");
    if let Some(processes) = options.get("process_id").and_then(Value::as_object) {
        let mut pids: Vec<u32> = processes.keys().filter_map(|pid| pid.parse().ok()).collect();
        pids.sort_unstable();
        fields.insert("pids", pids.iter().map(u32::to_string).collect::<Vec<_>>().join(","));
        let mut fds: Vec<String> = processes
            .iter()
            .filter_map(|(pid, of)| Some(format!("{pid}:{}", word(of, "file_descriptor")?)))
            .collect();
        fds.sort();
        fields.insert("fds", fds.join(","));
        let mut names: Vec<String> = processes.values().filter_map(|of| word(of, "user")).collect();
        names.sort();
        names.dedup();
        fields.insert("names", names.join("|"));
    }
    fields
}

fn of_proc(record: &Value) -> Fields {
    let of = |key: &str| word(record, key).unwrap_or_default();
    let mut fields =
        Fields::from([("transport", "tcp".to_owned()), ("state", state(&of("state")))]);
    let (local, remote) = (of("local_address"), of("remote_address"));
    let (local_port, remote_port) = (of("local_port"), of("remote_port"));
    ends(&mut fields, (&local, &local_port), (&remote, &remote_port));
    let number =
        |key: &str| u64::from_str_radix(&of(key), 16).ok().map(|number| number.to_string());
    if fields.get("state").is_some_and(|state| state != "listen") {
        queues(&mut fields, number("rx_queue"), number("tx_queue"));
    }
    copy(&mut fields, "uid", record, "uid");
    copy(&mut fields, "inode", record, "inode");
    fields
}

/// The ground truth of a live capture, as far as the command of the sample asks for it.
pub(crate) fn ground_truth(sample: &Sample, records: &[Value]) -> Expectation {
    let name = sample.name.as_str();
    let is = |record: &Value, key: &str, value: &str| word(record, key).as_deref() == Some(value);
    let wanted = |record: &&Value| match name.rsplit_once('/').map_or(name, |(_, file)| file) {
        file if file.contains("_-4_") => is(record, "family", "ipv4"),
        file if file.contains("_-6_") => is(record, "family", "ipv6"),
        file if file.contains("net_tcp6") => {
            is(record, "transport", "tcp") && is(record, "family", "ipv6")
        }
        file if file.contains("net_raw") => {
            is(record, "transport", "raw") && is(record, "family", "ipv4")
        }
        file if file.contains("net_udp") => {
            is(record, "transport", "udp") && is(record, "family", "ipv4")
        }
        file if file.contains("tuanp") && !file.contains("tuwanp") => {
            !is(record, "transport", "raw")
        }
        _ => true,
    };
    // `-e` tells inode and user id; without root or without `-p` there are no owners.
    let identity = ["-e_", "eeo", "peimo", "proc_net"].iter().any(|part| name.contains(part));
    let owners = !name.contains("nonroot") && !name.contains("proc_net");
    let records = records.iter().filter(wanted);
    let records = records.map(|record| truth(record, identity, owners, name.contains("/ss_")));
    Expectation { records: records.collect(), ordered: false, keys: ENDS, concerns: is_socket }
}

fn truth(record: &Value, identity: bool, owners: bool, all_owners: bool) -> Fields {
    let of = |key: &str| word(record, key).unwrap_or_default();
    let mut fields = Fields::from([
        ("transport", of("transport")),
        ("family", of("family")),
        ("state", state(&of("state"))),
    ]);
    let (local, remote) = (of("local_address"), of("remote_address"));
    let (local_port, remote_port) = (of("local_port"), of("remote_port"));
    ends(&mut fields, (&local, &local_port), (&remote, &remote_port));
    if of("transport") == "raw" {
        fields.insert("raw_protocol", of("local_port"));
        fields.insert("local_port", "none".to_owned());
    }
    if fields.get("state").is_some_and(|state| state != "listen") {
        queues(&mut fields, word(record, "recv_q"), word(record, "send_q"));
    }
    if identity {
        copy(&mut fields, "uid", record, "uid");
        copy(&mut fields, "inode", record, "inode");
    }
    let empty = Vec::new();
    let held = record.get("owners").and_then(Value::as_array).unwrap_or(&empty);
    if !owners || held.is_empty() {
        return fields;
    }
    let mut pids: Vec<u64> = held.iter().filter_map(|owner| owner.get("pid")?.as_u64()).collect();
    pids.sort_unstable();
    pids.dedup();
    fields.insert("pids", pids.iter().map(u64::to_string).collect::<Vec<_>>().join(","));
    if all_owners {
        let pair = |owner: &Value| Some(format!("{}:{}", word(owner, "pid")?, word(owner, "fd")?));
        let mut fds: Vec<String> = held.iter().filter_map(pair).collect();
        fds.sort();
        fields.insert("fds", fds.join(","));
        let comm = |owner: &Value| Some(owner.get("comm")?.as_str()?.to_owned());
        let mut names: Vec<String> = held.iter().filter_map(comm).collect();
        names.sort();
        names.dedup();
        fields.insert("names", names.join("|"));
    }
    fields
}
