//! The `limits` section: how much at once over single segments, sites, jump hosts, subnets and realms.

use std::collections::{BTreeMap, HashSet};
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
use crate::yaml::node::Node;
use crate::yaml::shape::{Field, Format, Record, Shape};

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
pub(super) fn read(trees: &[Tree], report: &mut Report<'_>) -> Named {
    let mut named = Named::new();
    for (file, tree) in trees {
        for kind in tree.get("limits").map(Node::entries).unwrap_or_default() {
            let Some(word) = EdgeKind::parse(&kind.key) else { continue };
            for entry in kind.value.entries() {
                let at = At { file: *file, place: entry.place };
                // Realms are told apart as domains are: without case.
                let name = match word {
                    EdgeKind::Realm => entry.key.to_uppercase(),
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
        .map(|((kind, name), (_, at))| Remark {
            origin: line(files, *at),
            message: format!(
                "no host is reached over {kind} {}: its limit is of no use",
                quoted(name)
            ),
        })
        .collect()
}
