//! The files that ship with fleetstat.

use std::path::PathBuf;

use fleetstat::inventory::selector::Selector;
use fleetstat::inventory::{Explained, Inventory, load};
use fleetstat::plan::playbook::{Limits, Playbook, Purpose};

fn inventory(name: &str) -> Inventory {
    load(&[PathBuf::from("inventories").join(name)]).unwrap_or_else(|defects| {
        panic!("{}", super::printed(&defects));
    })
}

fn names(inventory: &Inventory, selector: &str) -> Vec<String> {
    let selector = Selector::parse(selector).unwrap();
    let hosts = inventory.select(Some(&selector));
    hosts.iter().map(|host| host.asset.name.to_string()).collect()
}

#[test]
fn localhost_needs_no_account() {
    let inventory = inventory("localhost.yaml");
    let host = inventory.find("localhost").unwrap();
    assert_eq!(host.account, None);
    assert_eq!(host.asset.address, "localhost");
    assert_eq!(host.asset.file_stem(), "localhost-controller");
    assert!(inventory.remarks.is_empty());
}

#[test]
fn the_example_fleet_can_be_selected_in_every_way() {
    let fleet = inventory("example-fleet.yaml");
    assert_eq!(fleet.remarks, []);
    let all = ["build.example.org", "db-1", "db-2", "web-01", "web-02", "web-03", "web-04"];
    assert_eq!(names(&fleet, "all"), all);
    assert_eq!(names(&fleet, "role=db & env=prod & !tag=lab"), ["db-1", "db-2"]);
    assert_eq!(names(&fleet, "group=frankfurt & !fragile=true & !web-0?"), ["db-1"]);
    assert_eq!(names(&fleet, "web-[02-03],db-2"), ["db-2", "web-02", "web-03"]);
    assert_eq!(names(&fleet, "!site=*"), ["build.example.org"]);
    assert_eq!(names(&fleet, "criticality=high,critical & address=198.*"), ["db-1"]);
    assert_eq!(names(&fleet, "owner=\"Team L*\" & account=ops"), ["db-2"]);
    assert_eq!(names(&fleet, "service=https & exposure=internet & platform=linux").len(), 4);
    assert_eq!(names(&fleet, "segment=backend | transport=local"), ["db-1", "db-2"]);
    let selector = Selector::parse("frankfurt | role=bd | web-05").unwrap();
    let expected = [
        "no host is called `frankfurt`; for the group write `group=frankfurt`",
        "no host has role `bd`; did you mean `db`?",
        "no host is called `web-05`; did you mean `web-01`?",
    ];
    assert_eq!(fleet.unmatched(&selector), expected);
}

#[test]
fn every_value_of_a_host_tells_where_it_comes_from() {
    let fleet = inventory("example-fleet.yaml");
    let lines: Vec<String> = fleet
        .explain("web-02")
        .unwrap()
        .into_iter()
        .map(|Explained { key, value, origin }| {
            format!("{key} = {value} <- {}", origin.replace("inventories/example-fleet.yaml", "F"))
        })
        .collect();
    let expected = [
        "name = web-02 <- F:62 (host)",
        "address = 192.0.2.12 <- F:63 (host)",
        "port = 22 <- F:28 (all)",
        "platform = linux <- F:26 (all)",
        "transport = ssh <- F:27 (all)",
        "role = web <- F:46 (group web)",
        "environment = prod <- F:25 (all)",
        "segment = dmz <- F:47 (group web)",
        "site = fra-1 <- F:41 (group frankfurt)",
        "criticality = high <- F:49 (group web)",
        "exposure = internet <- F:48 (group web)",
        "owner = Team Linux <- F:29 (all)",
        "timezone = Europe/Berlin <- F:30 (all)",
        "account = nightly <- F:24 (all)",
        "fragile = false <- default",
        "tags = public <- F:51 (group web)",
        "services = https <- F:50 (group web)",
        "vars.metrics_port = 9100 <- F:33 (all)",
        "vars.proxied = false <- F:34 (all)",
        "vars.resolver = 192.0.2.53 <- F:32 (all)",
        "vars.time_servers = [192.0.2.123, 192.0.2.124] <- F:35 (all)",
        "group = frankfurt <- through group web",
        "group = web <- F:45 (group web)",
    ];
    assert_eq!(lines, expected);
    assert_eq!(fleet.explain("web-05"), None);
}

#[test]
fn the_nightly_playbook_states_the_defaults() {
    let file = "playbooks/nightly-snapshot.yaml";
    let text = std::fs::read_to_string(file).unwrap();
    let playbook = Playbook::read(file, &text).unwrap();
    assert_eq!(playbook.name.as_str(), "nightly-snapshot");
    assert_eq!(playbook.purpose, Purpose::Routine);
    assert_eq!(playbook.views, fleetstat::model::snapshot::View::ALL);
    assert_eq!(playbook.limits, Limits::default());
    assert_eq!(playbook.deadlines, fleetstat::model::deadline::Deadlines::default());
    assert_eq!((playbook.select, playbook.site_probes), (None, Vec::new()));
}

#[test]
fn a_digest_follows_the_hosts_and_not_the_layout_of_the_file() {
    let read = |text| fleetstat::inventory::from_texts(&[("a.yaml", text)]).unwrap().digest;
    let one = read("hosts:\n  b: {transport: local, role: x}\n  a: {transport: local}\n");
    let two = read("# moved\nall: {transport: local}\nhosts:\n  a:\n  b: {role: x}\n");
    let three = read("all: {transport: local}\nhosts:\n  a:\n  b: {role: y}\n");
    assert_eq!(one, two);
    assert_ne!(one, three);
}

#[test]
fn linux_and_windows_stand_in_one_inventory() {
    let fleet = inventory("mixed.yaml");
    let hosts: Vec<_> = fleet
        .hosts
        .iter()
        .map(|host| {
            let asset = &host.asset;
            let account = host.account.as_ref().map(|account| account.name.to_string());
            let road = format!("{} {} {}", asset.transport, asset.port, asset.platform);
            (asset.name.to_string(), road, account.unwrap_or_default())
        })
        .collect();
    let expected = [
        ("files-1", "winrm 5986 windows", "reader"),
        ("old-1", "winrm 5985 windows", "reader"),
        ("print-1", "winrm 5986 windows", "reader"),
        ("web-1", "ssh 22 linux", "nightly"),
        ("web-2", "ssh 22 linux", "nightly"),
    ];
    let mut found: Vec<_> =
        hosts.iter().map(|(name, road, account)| (&**name, &**road, &**account)).collect();
    found.sort_unstable();
    assert_eq!(found, expected);
}
