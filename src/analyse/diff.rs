//! What changed between two snapshots.
//!
//! Comes in: two snapshots, the older first. Goes out: changes, and the views that could not be
//! compared. The rule that decides everything here: **absence proves nothing unless the answer was
//! whole.** A thing is new only if the older answer was whole, and gone only if the newer one was.
//! A cut list of listeners never reports listeners as gone.

use std::net::IpAddr;

use crate::analyse::{host, listeners, network, peers};
use crate::model::host::words;
use crate::model::snapshot::{Limitation, SectionStatus, Snapshot, View};
use crate::model::socket::{Direction, Transport};
use crate::model::text::HostText;

words! {
    /// What kind of change it is.
    ChangeKind {
        /// A listener that was not there.
        ListenerNew = "listener_new",
        /// A listener that is no longer there.
        ListenerGone = "listener_gone",
        /// A port that more can reach than before.
        ListenerWidened = "listener_widened",
        /// A port that fewer can reach than before.
        ListenerNarrowed = "listener_narrowed",
        /// The same listener, held by another program or service.
        ListenerOwner = "listener_owner",
        /// A partner that was not there.
        PeerNew = "peer_new",
        /// A partner that is no longer there.
        PeerGone = "peer_gone",
        /// An interface that was not there.
        InterfaceNew = "interface_new",
        /// An interface that is no longer there.
        InterfaceGone = "interface_gone",
        /// Another operational state, for instance from `up` to `down`.
        InterfaceState = "interface_state",
        /// Other addresses.
        InterfaceAddresses = "interface_addresses",
        /// Another MTU.
        InterfaceMtu = "interface_mtu",
        /// Another link-layer address.
        InterfaceMac = "interface_mac",
        /// A route that was not there.
        RouteNew = "route_new",
        /// A route that is no longer there.
        RouteGone = "route_gone",
        /// The same destination by another way.
        RouteChanged = "route_changed",
        /// A policy rule that was not there.
        RuleNew = "rule_new",
        /// A policy rule that is no longer there.
        RuleGone = "rule_gone",
        /// Another boot id: the host was started again in between.
        Rebooted = "rebooted",
        /// Another value of a fact about the host.
        Fact = "fact",
    }
}

/// What changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A listening port. The address is in it when the change is about one address.
    Listener {
        /// Transport protocol.
        transport: Transport,
        /// Port. `None` for protocols without ports.
        port: Option<u16>,
        /// Address. `None`: the change is about the port on all its addresses.
        address: Option<IpAddr>,
        /// Name of its network namespace. `None`: the host's own.
        namespace: Option<HostText<'static>>,
    },
    /// A conversation partner.
    Peer {
        /// Who opened it.
        direction: Direction,
        /// Transport protocol.
        transport: Transport,
        /// Port that names the service. `None` for protocols without ports.
        service_port: Option<u16>,
        /// The partner.
        address: IpAddr,
    },
    /// An interface, by name.
    Interface(HostText<'static>),
    /// A route.
    Route {
        /// Table.
        table: HostText<'static>,
        /// Destination.
        destination: IpAddr,
        /// Prefix length in bits.
        prefix: u8,
    },
    /// A policy rule.
    Rule {
        /// Lower is asked first.
        priority: u64,
        /// What it matches and does.
        text: HostText<'static>,
    },
    /// A fact about the host, by the path of its field in the host record; a kernel limit by its
    /// own name.
    Fact(HostText<'static>),
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Change {
    /// The view it belongs to.
    pub view: View,
    /// What changed.
    pub subject: Subject,
    /// How.
    pub kind: ChangeKind,
    /// How it was, text from the host escaped. `None`: it was not there.
    pub before: Option<String>,
    /// How it is, text from the host escaped. `None`: it is not there.
    pub after: Option<String>,
}

/// A view, or a part of one, that could not be compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incomparable {
    /// The view.
    pub view: View,
    /// Why: one fragment, no text from the host.
    pub reason: String,
}

/// What changed, and what could not be told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    /// Changes, sorted by view, then subject, then kind.
    pub changes: Vec<Change>,
    /// What could not be compared, sorted by view. Changes of such a view can still be there: what
    /// a partial answer shows is right, only what it does not show proves nothing.
    pub incomparable: Vec<Incomparable>,
}

/// Whether each side's answer was whole, so that what it does not show was not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wholeness {
    /// The older snapshot: needed to call a thing new.
    pub from: bool,
    /// The newer snapshot: needed to call a thing gone.
    pub to: bool,
}

impl Wholeness {
    /// Both sides: needed to call a set of things changed.
    #[must_use]
    pub const fn both(self) -> bool {
        self.from && self.to
    }
}

/// Compares two snapshots, the older first. They are usually of one host; two hosts of one role
/// can be compared as well.
#[must_use]
pub fn diff(from: &Snapshot, to: &Snapshot) -> Diff {
    let mut diff = Diff::default();
    let listeners = wholeness(View::Listeners, from, to, &mut diff);
    listeners::compare(from, to, listeners, &mut diff);
    if let Some(sessions) = wholeness(View::Sessions, from, to, &mut diff) {
        let asked = |snapshot: &Snapshot| snapshot.view_status(View::Listeners).is_some();
        // A command that lists sessions lists listeners too, whether or not they were asked for.
        let known = if asked(from) || asked(to) { listeners } else { Some(sessions) };
        let known = known.is_some_and(Wholeness::both);
        peers::compare(from, to, sessions, known, &mut diff);
    }
    if let Some(whole) = wholeness(View::Interfaces, from, to, &mut diff) {
        network::compare_interfaces(from, to, whole, &mut diff);
    }
    if let Some(whole) = wholeness(View::Routes, from, to, &mut diff) {
        network::compare_routes(from, to, whole, &mut diff);
        network::compare_rules(from, to, whole, &mut diff);
    }
    if wholeness(View::Host, from, to, &mut diff).is_some() {
        host::compare(from, to, &mut diff);
    }
    diff.changes.sort();
    diff.incomparable.sort();
    diff.incomparable.dedup();
    diff
}

/// Says how far a view can be compared and notes what stands in the way. `None`: at least one side
/// has nothing of it; that neither was asked is no gap.
fn wholeness(view: View, from: &Snapshot, to: &Snapshot, diff: &mut Diff) -> Option<Wholeness> {
    let mut usable = true;
    let mut side = |snapshot: &Snapshot, which: &str| match gap(snapshot, view) {
        None => true,
        Some(Gap { reason, nothing }) => {
            usable &= !nothing;
            let reason = format!("{which} snapshot: {reason}");
            diff.incomparable.push(Incomparable { view, reason });
            false
        }
    };
    if from.view_status(view).is_none() && to.view_status(view).is_none() {
        return None;
    }
    let whole = Wholeness { from: side(from, "older"), to: side(to, "newer") };
    usable.then_some(whole)
}

struct Gap {
    reason: String,
    /// Nothing of the view can be used.
    nothing: bool,
}

/// What keeps a snapshot's view from being whole. `None`: it is whole.
fn gap(snapshot: &Snapshot, view: View) -> Option<Gap> {
    let Some(status) = snapshot.view_status(view) else {
        return Some(Gap { reason: "not collected".into(), nothing: true });
    };
    let serving = || {
        let sections = snapshot.sections.iter();
        sections.filter(|s| s.views.contains(&view) && s.status != SectionStatus::Replaced)
    };
    let probes = |wanted: SectionStatus| {
        let named = serving().filter(|section| section.status == wanted);
        named.map(|section| section.probe.as_str()).collect::<Vec<_>>().join(", ")
    };
    match status {
        SectionStatus::Failed => {
            let nothing = serving().all(|section| section.status == SectionStatus::Failed);
            let reason = format!("{} gave nothing usable", probes(SectionStatus::Failed));
            Some(Gap { reason, nothing })
        }
        SectionStatus::Partial => {
            let reason = format!("the answer of {} is partial", probes(SectionStatus::Partial));
            Some(Gap { reason, nothing: false })
        }
        SectionStatus::Complete | SectionStatus::Replaced => {
            let limits = serving().flat_map(|section| &section.limitations);
            let hiding = limits.copied().find(|limitation| hides_rows(*limitation))?;
            Some(Gap { reason: format!("limited ({hiding})"), nothing: false })
        }
    }
}

/// True for a limitation that can hide whole rows of the view.
const fn hides_rows(limitation: Limitation) -> bool {
    match limitation {
        Limitation::Truncated
        | Limitation::NoV6
        | Limitation::NoUdp
        | Limitation::LocaleSuspect
        | Limitation::Unparsed
        | Limitation::ToolGap => true,
        // Owners are judged socket by socket, and the namespace is the same on both sides.
        Limitation::NoOwner | Limitation::HostNetnsOnly => false,
    }
}

/// Reports what stands on one side only.
pub(crate) fn one_sided<T, S>(
    sides: (&std::collections::BTreeMap<T, String>, &std::collections::BTreeMap<T, String>),
    whole: Wholeness,
    kinds: (View, ChangeKind, ChangeKind),
    subject: S,
    diff: &mut Diff,
) where
    T: Ord,
    S: Fn(&T) -> Subject,
{
    let (from, to) = sides;
    let (view, new, gone) = kinds;
    let mut add = |key: &T, kind, before: Option<&String>, after: Option<&String>| {
        let (before, after) = (before.cloned(), after.cloned());
        diff.changes.push(Change { view, subject: subject(key), kind, before, after });
    };
    if whole.from {
        for (key, text) in to.iter().filter(|(key, _)| !from.contains_key(key)) {
            add(key, new, None, Some(text));
        }
    }
    if whole.to {
        for (key, text) in from.iter().filter(|(key, _)| !to.contains_key(key)) {
            add(key, gone, Some(text), None);
        }
    }
}
