//! Traps of tables of routes. Rows are made by hand from the grammar.

use super::*;
use crate::model::parsed::Row;
use crate::model::route::{Neighbour, NextHop, Route, RouteKind};
use crate::probe::testing::{Seen, read, rows};

fn text(text: &str) -> HostText<'static> {
    owned(text.as_bytes())
}

/// A route of the table main with one next hop.
fn route(destination: &str, via: Option<&str>, device: &str, flags: &[&str]) -> Route {
    let (address, prefix) = destination.split_once('/').unwrap();
    let address: std::net::IpAddr = address.parse().unwrap();
    Route {
        family: if address.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 },
        table: text("main"),
        destination: address,
        prefix: prefix.parse().unwrap(),
        kind: RouteKind::Unicast,
        next_hops: vec![NextHop {
            via: via.map(|via| via.parse().unwrap()),
            device: Some(text(device)),
            weight: None,
        }],
        source: None,
        metric: None,
        protocol: None,
        scope: None,
        mtu: None,
        flags: flags.iter().map(|flag| text(flag)).collect(),
        expires_seconds: None,
    }
}

fn neighbour(address: &str, device: &str, mac: Option<&str>, states: &[&str]) -> Neighbour {
    Neighbour {
        address: address.parse().unwrap(),
        device: Some(text(device)),
        mac: mac.map(text),
        states: states.iter().map(|state| text(state)).collect(),
        router: None,
    }
}

fn messages(seen: &Seen) -> Vec<&str> {
    seen.issues.iter().map(|issue| issue.message.as_str()).collect()
}

#[test]
fn broadcast_and_groups_of_macos_are_routes_and_no_neighbours() {
    let seen = read(
        reader(None),
        b"Routing tables\n\nInternet:\n\
        Destination        Gateway            Flags        Refs      Use   Netif Expire\n\
        192.0.2.255        ff:ff:ff:ff:ff:ff  UHLWbI          0        3     en0      !\n\
        192.0.2.254        ff:ff:ff:ff:ff:ff  UHLWI           0        3     en0      !\n\
        224.0.0.251        1:0:5e:0:0:fb      UHmLWI          0        0     en0       \n\
        255.255.255.255/32 link#10            UCS             0        0     en0      !\n",
    );
    let kind = |kind, of: Route| Row::Route(Route { kind, ..of });
    assert_eq!(
        rows(&seen),
        [
            kind(
                RouteKind::Broadcast,
                route("192.0.2.255/32", None, "en0", &["H", "I", "L", "U", "W", "b"])
            ),
            kind(
                RouteKind::Broadcast,
                route("192.0.2.254/32", None, "en0", &["H", "I", "L", "U", "W"])
            ),
            kind(
                RouteKind::Multicast,
                route("224.0.0.251/32", None, "en0", &["H", "I", "L", "U", "W", "m"])
            ),
            kind(RouteKind::Broadcast, route("255.255.255.255/32", None, "en0", &["C", "S", "U"])),
        ]
    );
    assert_eq!(seen.issues, []);
}

#[test]
fn macos_gives_routes_and_neighbours_apart() {
    let seen = read(
        reader(None),
        b"Routing tables\n\nInternet:\n\
        Destination        Gateway            Flags        Refs      Use    Mtu   Netif Expire\n\
        default            192.0.2.1          UGSc           83       24   1500     en0       \n\
        127                127.0.0.1          UCS             0        0  16384     lo0       \n\
        127.0.0.1          127.0.0.1          UH             18  1266231  16384     lo0       \n\
        169.254            link#10            UCS             1        0   1500     en0      !\n\
        192.0.2.64         0:0:5e:0:53:1      UHLWIir         2      470   1500     en0    753\n\
        192.0.2.65         link#10            UHLWIi          2      470   1500     en0      !\n\
        192.0.2.66         0:0:5e:0:53:2      UHLS            2      470            en0       \n\
        198.51.100.4/30    192.0.2.1          UGSB            2      470   1500     en0     30\n",
    );
    assert_eq!(messages(&seen), Vec::<&str>::new());
    assert_eq!(
        rows(&seen),
        [
            Row::Route(Route {
                mtu: Some(1500),
                ..route("0.0.0.0/0", Some("192.0.2.1"), "en0", &["G", "S", "U", "c"])
            }),
            Row::Route(Route {
                mtu: Some(16384),
                ..route("127.0.0.0/8", None, "lo0", &["C", "S", "U"])
            }),
            Row::Route(Route {
                mtu: Some(16384),
                kind: RouteKind::Local,
                ..route("127.0.0.1/32", None, "lo0", &["H", "U"])
            }),
            Row::Route(Route {
                mtu: Some(1500),
                ..route("169.254.0.0/16", None, "en0", &["C", "S", "U"])
            }),
            Row::Neighbour(Neighbour {
                router: Some(true),
                ..neighbour("192.0.2.64", "en0", Some("00:00:5e:00:53:01"), &[])
            }),
            Row::Neighbour(neighbour("192.0.2.65", "en0", None, &["incomplete"])),
            Row::Neighbour(neighbour(
                "192.0.2.66",
                "en0",
                Some("00:00:5e:00:53:02"),
                &["permanent"]
            )),
            Row::Route(Route {
                mtu: Some(1500),
                kind: RouteKind::Blackhole,
                next_hops: Vec::new(),
                expires_seconds: Some(30),
                ..route("198.51.100.4/30", None, "en0", &["B", "G", "S", "U"])
            }),
        ]
    );
}

#[test]
fn ipv6_has_zones_local_addresses_and_multicast() {
    let seen = read(
        reader(None),
        b"Internet6:\n\
        Destination                             Gateway                         RT_IFA                                  Flags        Refs      Use    Mtu    Netif Expire\n\
        default                                 fe80::1%en0                     2001:db8::5                             UGcg            7        0   1500      en0       \n\
        ::1                                     ::1                             ::1                                     UHL             1     4513  16384      lo0       \n\
        2001:db8::5                             0:0:5e:0:53:1                   2001:db8::5                             UHL             0        0  16384      lo0       \n\
        fe80::%en0/64                           link#10                         fe80::5%en0                             UCI            13        0   1500      en0       \n\
        fe80::7%en0                             0:0:5e:0:53:7                   fe80::5%en0                             UHLWIi          0      293   1500      en0       \n\
        ff02::%en0/32                           link#10                                                                 UmCI            0        0   1500      en0       \n",
    );
    assert_eq!(messages(&seen), Vec::<&str>::new());
    let source = |address: &str| Some(address.parse().unwrap());
    assert_eq!(
        rows(&seen),
        [
            Row::Route(Route {
                mtu: Some(1500),
                source: source("2001:db8::5"),
                ..route("::/0", Some("fe80::1"), "en0", &["G", "U", "c", "g"])
            }),
            Row::Route(Route {
                mtu: Some(16384),
                source: source("::1"),
                kind: RouteKind::Local,
                ..route("::1/128", None, "lo0", &["H", "L", "U"])
            }),
            Row::Route(Route {
                mtu: Some(16384),
                source: source("2001:db8::5"),
                kind: RouteKind::Local,
                ..route("2001:db8::5/128", None, "lo0", &["H", "L", "U"])
            }),
            Row::Route(Route {
                mtu: Some(1500),
                source: source("fe80::5"),
                ..route("fe80::/64", None, "en0", &["C", "I", "U"])
            }),
            Row::Neighbour(neighbour("fe80::7", "en0", Some("00:00:5e:00:53:07"), &[])),
            Row::Route(Route {
                mtu: Some(1500),
                kind: RouteKind::Multicast,
                ..route("ff02::/32", None, "en0", &["C", "I", "U", "m"])
            }),
        ]
    );
}

#[test]
fn openbsd_has_priorities_local_addresses_and_other_families() {
    let seen = read(
        reader(Some(Family::Ipv4)),
        b"Routing tables\n\nInternet:\n\
        Destination        Gateway            Flags   Refs      Use   Mtu  Prio Iface\n\
        default            192.0.2.1          UGS        5       60     -     8 vio0\n\
        192.0.2/24         192.0.2.5          UCn        1        2     -     4 vio0\n\
        192.0.2.1          00:00:5e:00:53:01  UHLch      1       40     -     3 vio0\n\
        192.0.2.5          00:00:5e:00:53:05  UHLl       0       12     -     1 vio0\n\
        192.0.2.9          link#1             UHLc       0        1  1500 L   3 vio0\n\
        192.0.2.255        192.0.2.5          UHb        0        0     -     1 vio0\n\
        224/4              127.0.0.1          URS        0        0 32768     8 lo0\n\
        \nEncap:\nSource             Port  Destination        Port  Proto SA\n\
        0.0.0.0/32         0     192.0.2/24         0     0     none\n",
    );
    assert_eq!(messages(&seen), Vec::<&str>::new());
    let with = |metric, route: Route| Row::Route(Route { metric: Some(metric), ..route });
    assert_eq!(
        rows(&seen),
        [
            with(8, route("0.0.0.0/0", Some("192.0.2.1"), "vio0", &["G", "S", "U"])),
            with(4, route("192.0.2.0/24", None, "vio0", &["C", "U", "n"])),
            Row::Neighbour(neighbour("192.0.2.1", "vio0", Some("00:00:5e:00:53:01"), &[])),
            with(
                1,
                Route {
                    kind: RouteKind::Local,
                    ..route("192.0.2.5/32", None, "vio0", &["H", "L", "U", "l"])
                }
            ),
            Row::Neighbour(neighbour("192.0.2.9", "vio0", None, &["incomplete"])),
            with(
                1,
                Route {
                    kind: RouteKind::Broadcast,
                    ..route("192.0.2.255/32", None, "vio0", &["H", "U", "b"])
                }
            ),
            with(
                8,
                Route {
                    kind: RouteKind::Unreachable,
                    next_hops: Vec::new(),
                    mtu: Some(32768),
                    ..route("224.0.0.0/4", None, "lo0", &["R", "S", "U"])
                }
            ),
        ]
    );
}

#[test]
fn freebsd_and_netbsd_have_their_own_columns() {
    let seen = read(
        reader(None),
        b"Routing tables (fib: 2)\n\nInternet:\n\
        Destination        Gateway            Flags   Nhop#    Mtu      Netif Expire\n\
        default            192.0.2.1          UGS         2   1500        em0    120\n\
        192.0.2.5          link#1             UHS         3               lo0\n\
        Routing tables\n\nInternet:\n\
        Destination        Gateway            Flags    Refs      Use    Mtu Interface\n\
        198.51.100/24      link#1             U           -        -   1500L wm0\n",
    );
    assert_eq!(messages(&seen), Vec::<&str>::new());
    let fib = |route: Route| Row::Route(Route { table: text("2"), ..route });
    assert_eq!(
        rows(&seen),
        [
            fib(Route {
                mtu: Some(1500),
                expires_seconds: Some(120),
                ..route("0.0.0.0/0", Some("192.0.2.1"), "em0", &["G", "S", "U"])
            }),
            fib(Route {
                kind: RouteKind::Local,
                ..route("192.0.2.5/32", None, "lo0", &["H", "S", "U"])
            }),
            Row::Route(Route { mtu: Some(1500), ..route("198.51.100.0/24", None, "wm0", &["U"]) }),
        ]
    );
}

#[test]
fn names_and_cut_addresses_are_issues_only_where_they_tell_an_address() {
    let header = "Internet6:\nDestination        Gateway            Flags         Netif Expire\n";
    for (row, rows, issues) in [
        ("default            fe80::200:5eff:fe0 UGc             en0       \n", 0, 1),
        ("default            fe80::1%en0        UGc             en0       \n", 1, 0),
        ("default            web-1              UGc             en0       \n", 0, 1),
        ("::/96              localhost          UGRS            lo0       \n", 1, 0),
        ("localhost          localhost          UHL             lo0       \n", 0, 1),
        ("2001:db8:1:2:3:4:5 link#10            UC              en0       \n", 0, 1),
        ("2001:db8:1::       link#10            UC              en0       \n", 0, 1),
    ] {
        let seen = read(reader(None), format!("{header}{row}").as_bytes());
        assert_eq!((seen.rows.len(), seen.issues.len()), (rows, issues), "{row}");
    }
}
