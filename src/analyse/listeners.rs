//! Listeners of two snapshots: new, gone, reaching further or less far, held by another.
//!
//! Comes in: two snapshots and how whole they are. Goes out: changes. A listener is known by
//! protocol, port and bind; its owner by name and service, never by process id.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::IpAddr;

use crate::analyse::diff::{Change, ChangeKind, Diff, Incomparable, Subject, Wholeness};
use crate::model::record::Sourced;
use crate::model::snapshot::{Limitation, Snapshot, View};
use crate::model::socket::{Attribution, Direction, Scope, Socket, Transport};
use crate::model::text::HostText;

/// Ephemeral ports when a host did not tell its own. Source: ip(7), `ip_local_port_range`.
pub(crate) const EPHEMERAL_DEFAULT: (u16, u16) = (32_768, 60_999);

/// Protocol and port, and in which network namespace: what a listener offers.
type Service = (Transport, Option<u16>, Option<HostText<'static>>);

/// Where it listens. Ordered by reach first, so that the last bind is the widest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Bind {
    scope: Scope,
    address: IpAddr,
    zone: Option<HostText<'static>>,
    device: Option<HostText<'static>>,
}

/// The owners of one bind, by name and service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Owners {
    names: BTreeSet<HostText<'static>>,
    services: BTreeSet<HostText<'static>>,
    /// Some socket of the bind has an owner that the account could not see.
    hidden: bool,
    /// Some owner is known by its process id alone.
    nameless: bool,
}

type Binds = BTreeMap<Bind, Owners>;

/// Compares the listeners of two snapshots. `None`: one side has none of the view.
pub(crate) fn compare(from: &Snapshot, to: &Snapshot, whole: Option<Wholeness>, diff: &mut Diff) {
    let Some(whole) = whole else { return };
    // Both ranges on both sides: a range that changed in between must not make listeners appear.
    let passing = [ephemeral(from), ephemeral(to)];
    let others = saw_namespaces(from) && saw_namespaces(to);
    if !others && [from, to].into_iter().any(has_others) {
        let reason = "other network namespaces were not looked into on both sides".to_owned();
        diff.incomparable.push(Incomparable { view: View::Listeners, reason });
    }
    let side = |snapshot| {
        let mut found = listeners(snapshot, passing);
        found.retain(|(_, _, namespace), _| others || namespace.is_none());
        found
    };
    let (from, to) = (side(from), side(to));
    let nothing = Binds::new();
    let services: BTreeSet<_> = from.keys().chain(to.keys()).cloned().collect();
    let mut hidden = 0_u64;
    for service in &services {
        let before = from.get(service).unwrap_or(&nothing);
        let after = to.get(service).unwrap_or(&nothing);
        compare_binds(service, (before, after), whole, diff);
        if whole.both() {
            hidden += compare_owners(service, before, after, diff);
        }
    }
    if hidden > 0 {
        let reason = format!("the owners of {hidden} listeners are not visible on both sides");
        diff.incomparable.push(Incomparable { view: View::Listeners, reason });
    }
}

fn subject(service: &Service, address: Option<IpAddr>) -> Subject {
    let (transport, port, namespace) = service;
    Subject::Listener { transport: *transport, port: *port, address, namespace: namespace.clone() }
}

/// True when every network namespace of the host was looked into.
fn saw_namespaces(snapshot: &Snapshot) -> bool {
    let mut sections = snapshot.sections.iter().filter(|s| s.views.contains(&View::Listeners));
    !sections.any(|section| section.limitations.contains(&Limitation::HostNetnsOnly))
}

fn has_others(snapshot: &Snapshot) -> bool {
    snapshot.records.sockets.iter().any(|socket| socket.record.namespace.is_some())
}

/// The listeners of a snapshot. Unconnected UDP sockets on ephemeral ports are clients waiting for
/// an answer: they come and go with every query and are left out.
fn listeners(snapshot: &Snapshot, ephemeral: [(u16, u16); 2]) -> BTreeMap<Service, Binds> {
    let services = services(snapshot);
    let mut found: BTreeMap<Service, Binds> = BTreeMap::new();
    for Sourced { record: socket, .. } in &snapshot.records.sockets {
        let passing = socket.transport == Transport::Udp
            && socket.local.port.is_some_and(|port| {
                ephemeral.iter().any(|(first, last)| (*first..=*last).contains(&port))
            });
        if socket.direction != Direction::Listener || passing {
            continue;
        }
        let namespace = socket.namespace.as_ref().map(|namespace| namespace.name.clone());
        let service = (socket.transport, socket.local.port, namespace);
        let owners = found.entry(service).or_default().entry(bind(socket)).or_default();
        owners.hidden |=
            matches!(socket.attribution, Attribution::Denied | Attribution::Unsupported);
        // A name that is cut or taken from argv[0] cannot be compared with another tool's.
        owners.hidden |= socket.attribution == Attribution::Ambiguous;
        for owner in &socket.owners {
            // An owner whose name nothing told is no name that could differ; its id says nothing
            // from one start to the next.
            if owner.name.bytes().is_empty() {
                owners.hidden = true;
                owners.nameless = true;
            } else {
                owners.names.insert(owner.name.clone());
            }
            owners.services.extend(services.get(&owner.pid).map(|service| (*service).clone()));
        }
    }
    found
}

/// First and last ephemeral port.
fn ephemeral(snapshot: &Snapshot) -> (u16, u16) {
    let host = snapshot.records.host.as_ref();
    host.and_then(|host| host.record.ephemeral).unwrap_or(EPHEMERAL_DEFAULT)
}

/// The service of each process that has one.
fn services(snapshot: &Snapshot) -> BTreeMap<u32, &HostText<'static>> {
    let processes = snapshot.records.processes.iter().map(|process| &process.record);
    processes.filter_map(|process| Some((process.pid, process.service.as_ref()?))).collect()
}

fn bind(socket: &Socket<'static>) -> Bind {
    Bind {
        scope: socket.bind_scope,
        address: socket.local.address,
        zone: socket.local.zone.clone(),
        device: socket.bind_device.clone(),
    }
}

fn compare_binds(service: &Service, sides: (&Binds, &Binds), whole: Wholeness, diff: &mut Diff) {
    let (before, after) = sides;
    let reach = |binds: &Binds| binds.keys().map(|bind| rank(bind.scope)).max();
    let moved = match (reach(before), reach(after)) {
        (Some(was), Some(is)) if is > was && whole.from => Some(ChangeKind::ListenerWidened),
        (Some(was), Some(is)) if is < was && whole.to => Some(ChangeKind::ListenerNarrowed),
        _ => None,
    };
    if let Some(kind) = moved {
        let subject = subject(service, None);
        let (before, after) = (Some(describe_all(before)), Some(describe_all(after)));
        diff.changes.push(Change { view: View::Listeners, subject, kind, before, after });
        return;
    }
    let mut add = |bind: &Bind, kind, before, after| {
        let address = Some(bind.address);
        let subject = subject(service, address);
        diff.changes.push(Change { view: View::Listeners, subject, kind, before, after });
    };
    if whole.from {
        for (bind, owners) in after.iter().filter(|(bind, _)| !before.contains_key(bind)) {
            add(bind, ChangeKind::ListenerNew, None, Some(describe(bind, owners)));
        }
    }
    if whole.to {
        for (bind, owners) in before.iter().filter(|(bind, _)| !after.contains_key(bind)) {
            add(bind, ChangeKind::ListenerGone, Some(describe(bind, owners)), None);
        }
    }
}

/// How far a scope reaches: loopback, link, one address, all of one family, all of both.
pub(crate) const fn rank(scope: Scope) -> u8 {
    match scope {
        Scope::Loopback => 0,
        Scope::LinkLocal => 1,
        Scope::Specific | Scope::Multicast => 2,
        Scope::Wildcard => 3,
        Scope::WildcardDual => 4,
    }
}

/// Compares the owners of binds that stand on both sides; returns how many could not be compared.
fn compare_owners(service: &Service, before: &Binds, after: &Binds, diff: &mut Diff) -> u64 {
    let mut hidden = 0;
    for (bind, was) in before {
        let Some(is) = after.get(bind) else { continue };
        if was.hidden || is.hidden {
            hidden += 1;
            continue;
        }
        // A service that only one side tells is no change of service.
        let told = !was.services.is_empty() && !is.services.is_empty();
        if was.names != is.names || (told && was.services != is.services) {
            let address = Some(bind.address);
            diff.changes.push(Change {
                view: View::Listeners,
                subject: subject(service, address),
                kind: ChangeKind::ListenerOwner,
                before: Some(describe_owners(was)),
                after: Some(describe_owners(is)),
            });
        }
    }
    hidden
}

fn describe_all(binds: &Binds) -> String {
    binds.iter().map(|(bind, owners)| describe(bind, owners)).collect::<Vec<_>>().join(", ")
}

/// `127.0.0.1 (loopback, nginx)`.
fn describe(bind: &Bind, owners: &Owners) -> String {
    let mut text = bind.address.to_string();
    // Writing to a String cannot fail.
    if let Some(zone) = &bind.zone {
        let _ = write!(text, "%{}", zone.escaped());
    }
    if let Some(device) = &bind.device {
        let _ = write!(text, " on {}", device.escaped());
    }
    let _ = write!(text, " ({}, {})", bind.scope, describe_owners(owners));
    text
}

fn describe_owners(owners: &Owners) -> String {
    let join = |names: &BTreeSet<HostText<'static>>| {
        names.iter().map(|name| name.escaped().into_owned()).collect::<Vec<_>>().join("+")
    };
    match (owners.names.is_empty(), owners.services.is_empty()) {
        (true, _) if owners.nameless => "owner without a name".to_owned(),
        (true, _) if owners.hidden => "owner not visible".to_owned(),
        (true, _) => "no process".to_owned(),
        (false, true) => join(&owners.names),
        (false, false) => format!("{} of {}", join(&owners.names), join(&owners.services)),
    }
}
