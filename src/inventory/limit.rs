//! The `limits` section: how much at once over single segments, sites, jump hosts, subnets and realms.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::inventory::build::Tree;
use crate::inventory::host::{Host, Identity};
use crate::inventory::report::{At, Remark, Report, line};
use crate::inventory::table::{JUMP_NAME, SEGMENT, SITE, code, optional};
use crate::model::edge::{EdgeKind, EdgeLimit};
use crate::model::host::TransportKind;
use crate::yaml::defect::quoted;
use crate::yaml::node::{Entry, Node, Value};
use crate::yaml::shape::{Field, Format, Record, Shape};
use crate::yaml::suggest::did_you_mean;

const SUBNET: Format = Format {
    expects: "a network of 24 bits of IPv4 or 64 of IPv6",
    pattern: Some("^([0-9.]+\\.0/24|[0-9a-f:]+/64)$"),
    example: "10.0.1.0/24",
};
const REALM: Format = Format {
    expects: "a domain, or a user without one",
    pattern: Some("^[^\\u0000-\\u0020\\\\@]{1,255}$"),
    example: "CORP",
};

/// Limits of one edge.
const EDGE_LIMIT: Record = Record {
    name: "limit",
    doc: "How much at once.",
    fields: &[
        optional("width", Shape::Integer { min: 1, max: 4_096 }, "Hosts visited at the same time."),
        optional(
            "starts_per_second",
            Shape::Integer { min: 1, max: 10_000 },
            "Visits started in one second.",
        ),
    ],
    hints: &[],
};

const fn limits_of(name: &'static str, keys: &'static Format, doc: &'static str) -> Field {
    optional(name, Shape::Map { keys, of: &Shape::Record(&EDGE_LIMIT) }, doc)
}

/// Limits by kind of edge.
pub(super) const LIMITS: Record = Record {
    name: "limits",
    doc: "How much at once over one edge, whatever a playbook says: the stricter of both holds.",
    fields: &[
        limits_of("segment", &SEGMENT, "Network segments by name."),
        limits_of("site", &SITE, "Sites by name."),
        limits_of("jump", &JUMP_NAME, "Jump hosts by name."),
        limits_of("subnet", &SUBNET, "Networks of addresses."),
        limits_of("realm", &REALM, "Domains that logins are checked by."),
    ],
    hints: &[("account", "the key is called `realm`"), ("segments", "the key is called `segment`")],
};

/// Limits by kind and name, and where they are said.
pub(super) type Named = BTreeMap<(EdgeKind, String), (EdgeLimit, At)>;

/// The limit that a mapping with `width` and `starts_per_second` says. What is out of range is
/// reported by the table's check.
pub(crate) fn limit(node: &Node) -> EdgeLimit {
    let number = |key: &str| {
        let number = u32::try_from(node.get(key)?.integer()?).ok()?;
        NonZeroU32::new(number)
    };
    EdgeLimit {
        width: number("width"),
        starts_per_second: number("starts_per_second"),
        adapts: false,
    }
}

/// Reads the section of all files; one edge is limited in one place.
pub(super) fn read(
    trees: &[Tree],
    (hosts, whole): (&[Host], bool),
    report: &mut Report<'_>,
) -> Named {
    let stations = trees.iter().filter_map(|(_, tree)| tree.get("jumps").map(Node::entries));
    let jumps: BTreeSet<&str> = stations
        .flatten()
        .map(|entry| &*entry.key)
        .chain(hosts.iter().map(|host| host.asset.name.as_str()))
        .collect();
    let mut named = Named::new();
    for (file, tree) in trees {
        for kind in tree.get("limits").map(Node::entries).unwrap_or_default() {
            let Some(word) = EdgeKind::parse(&kind.key) else { continue };
            for entry in kind.value.entries() {
                let at = At { file: *file, place: entry.place };
                // Realms are told apart as domains are: without case.
                let refused = wrong(word, entry, whole.then_some(&jumps));
                if let Some((code, message, help)) = refused {
                    report.there(code, at, message, Some(help));
                    continue;
                }
                let name = match word {
                    EdgeKind::Realm => entry.key.to_uppercase(),
                    EdgeKind::Subnet => network(&entry.key).unwrap_or_default(),
                    _ => entry.key.to_string(),
                };
                let key = (word, name);
                if let Some((_, first)) = named.get(&key) {
                    let first = report.line(*first);
                    let message =
                        format!("{word} {} is limited in {first} too", quoted(&entry.key));
                    let help = "keep one of the two".to_owned();
                    report.there(code::TWICE, at, message, Some(help));
                    continue;
                }
                named.insert(key, (limit(&entry.value), at));
            }
        }
    }
    named
}

/// What is wrong with the limit of one edge: code, message and help. `jumps` are the names that a road
/// can go through; `None`: not all are known.
fn wrong(
    kind: EdgeKind,
    entry: &Entry,
    jumps: Option<&BTreeSet<&str>>,
) -> Option<(&'static str, String, String)> {
    let name = quoted(&entry.key);
    if kind == EdgeKind::Jump && jumps.is_some_and(|jumps| !jumps.contains(&*entry.key)) {
        let near = did_you_mean(&entry.key, jumps.into_iter().flatten().copied());
        let help = near.unwrap_or_else(|| "add it to `jumps`, or remove the limit".to_owned());
        let message = format!("there is no jump host {name} to limit");
        return Some((code::UNKNOWN_REFERENCE, message, help));
    }
    if kind == EdgeKind::Subnet && network(&entry.key).is_none() {
        let help = match nearest(&entry.key) {
            Some(network) => format!("write `{network}`"),
            None => "write a network such as `10.0.1.0/24` or `2001:db8:1::/64`".to_owned(),
        };
        let message = format!("{name} is no network of 24 bits of IPv4 or 64 of IPv6");
        return Some((code::BAD_VALUE, message, help));
    }
    let empty = matches!(entry.value.value, Value::Mapping(_)) && entry.value.entries().is_empty();
    empty.then(|| {
        let message = format!("the limit of {kind} {name} limits nothing");
        (code::MISSING_KEY, message, "add `width` or `starts_per_second`".to_owned())
    })
}

/// A network as [`subnet`] writes it. `None`: it has another length, or bits of a host.
fn network(text: &str) -> Option<String> {
    let (address, length) = text.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    let right = if address.is_ipv4() { "24" } else { "64" };
    let network = subnet(&address.to_string())?;
    let (base, _) = network.split_once('/')?;
    (length == right && base.parse() == Ok(address)).then_some(network)
}

/// The network that was most likely meant.
fn nearest(text: &str) -> Option<String> {
    subnet(text.split_once('/').map_or(text, |(address, _)| address))
}

/// The edges that a host is reached over, as far as they have names.
pub(crate) fn over(host: &Host) -> SmallVec<[(EdgeKind, String); 4]> {
    let asset = &host.asset;
    let mut over = SmallVec::new();
    if asset.transport == TransportKind::Local {
        return over;
    }
    over.extend(asset.segment.as_ref().map(|name| (EdgeKind::Segment, name.to_string())));
    over.extend(asset.site.as_ref().map(|name| (EdgeKind::Site, name.to_string())));
    over.extend(host.road.iter().map(|jump| (EdgeKind::Jump, jump.name.to_string())));
    over.extend(subnet(&asset.address).map(|name| (EdgeKind::Subnet, name)));
    over.extend(realm(host).map(|name| (EdgeKind::Realm, name)));
    over
}

/// The network of an address, as it is written: `10.0.1.0/24`.
fn subnet(address: &str) -> Option<String> {
    match address.parse().ok()? {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            Some(format!("{a}.{b}.{c}.0/24"))
        }
        IpAddr::V6(address) => {
            let network = address.to_bits() & !u128::from(u64::MAX);
            Some(format!("{}/64", Ipv6Addr::from_bits(network)))
        }
    }
}

/// The domain of `DOMAIN\\user` or `user@domain`, in capitals; the user of a password where there is
/// none. Keys are checked by the host alone.
fn realm(host: &Host) -> Option<String> {
    let account = host.account.as_ref()?;
    let user = &account.user;
    let domain = user.split_once('\\').map(|(domain, _)| domain);
    if let Some(domain) = domain.or_else(|| user.rsplit_once('@').map(|(_, domain)| domain)) {
        return Some(domain.to_uppercase());
    }
    let password = |identity: &Identity| matches!(identity, Identity::Password(_));
    account.identities.iter().any(password).then(|| user.to_uppercase())
}

/// Limits of edges that no host is reached over: a typing mistake protects nothing.
pub(super) fn unused(named: &Named, hosts: &[Host], files: &[Arc<str>]) -> Vec<Remark> {
    if named.is_empty() {
        return Vec::new();
    }
    let used: HashSet<(EdgeKind, String)> = hosts.iter().flat_map(over).collect();
    let unused = named.iter().filter(|(edge, _)| !used.contains(*edge));
    unused
        .map(|((kind, name), (_, at))| {
            let alike = used.iter().filter(|(other, _)| other == kind);
            let near = did_you_mean(name, alike.map(|(_, name)| name.as_str()));
            let near = near.map_or_else(String::new, |near| format!("; {near}"));
            let shown = quoted(name);
            Remark {
                origin: line(files, *at),
                message: format!(
                    "no host is reached over {kind} {shown}: its limit is of no use{near}"
                ),
            }
        })
        .collect()
}
