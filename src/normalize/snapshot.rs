//! Puts the sections together.

use std::collections::HashSet;
use std::sync::Arc;

use crate::model::capture::{FallbackOf, Header};
use crate::model::fault::FaultKind;
use crate::model::host::Platform;
use crate::model::parsed::{Issue, Span};
use crate::model::record::{Records, SectionIssue, Sourced};
use crate::model::snapshot::{EvidenceFile, Outcome, SectionResult, SectionStatus, Snapshot, View};
use crate::model::socket::{Namespace, Socket};
use crate::normalize::devices::Devices;
use crate::normalize::disputes::Disputes;
use crate::normalize::held::Held;
use crate::normalize::namespaces::Namespaces;
use crate::normalize::owners::Owners;
use crate::normalize::section::{ReadSection, Unseen};
use crate::normalize::sockets::{Context, Visibility};
use crate::normalize::{
    beside, byte_order, host, links, merge, neighbours, processes, routes, sockets,
};
use crate::probe::fallback::Condition;

/// Makes the snapshot of one evidence file.
///
/// `sections` in the order of the file; `planned` are the views the plan asked this host for. The
/// result depends on nothing else, so evidence read again gives the same snapshot.
#[must_use]
pub fn snapshot(
    header: Header,
    evidence: EvidenceFile,
    mut sections: Vec<ReadSection>,
    planned: &[View],
) -> Snapshot {
    for section in &mut sections {
        if !section.is_whole()
            && let Some(rows) = &mut section.rows
        {
            rows.drop_cut_rows();
        }
    }
    let mut records = Records::default();
    let replaced: HashSet<u16> = sections
        .iter()
        .filter_map(|section| section.section.fallback_of.as_ref())
        .filter(|fallback| !is_kept(&sections, fallback))
        .map(|fallback| fallback.section)
        .collect();
    let windows = header.asset.platform == Platform::Windows;
    let aliases = links::collect(&mut sections, windows, &mut records);
    host::collect(&header, &mut sections, &mut records);
    let sees_all = records.host.as_ref().and_then(|host| host.record.account.sees_all_owners);
    let machine = records.host.as_ref().and_then(|host| host.record.architecture.clone());
    byte_order::correct(machine.as_ref(), &mut sections, &mut records);
    let mut disputes = Disputes::default();
    let owners = Owners::collect(&mut sections, &replaced, sees_all, &mut disputes);
    let held = Held::collect(&mut sections, &replaced, sees_all);
    let spaces = Namespaces::collect(&mut sections, &replaced, &owners, &mut records.issues);
    let joined =
        Joined { replaced: &replaced, owners: &owners, spaces: &spaces, sees_all, windows };
    let hidden = joined.sockets(&mut sections, held, &mut records);
    let devices = windows.then(|| Devices::of(&records, aliases));
    for section in &mut sections {
        let remark = section.remark().filter(|_| !replaced.contains(&section.section.number));
        let section = (section.section.number, &mut section.rows);
        records.issues.extend(remark.map(|issue| SectionIssue { section: section.0, issue }));
        let (_, Some(rows)) = section else { continue };
        if let Some(devices) = &devices {
            devices.name(&mut rows.routes, &mut rows.neighbours);
            routes::join(&mut records.routes, std::mem::take(&mut rows.routes), devices);
        }
        records.routes.append(&mut rows.routes);
        records.rules.append(&mut rows.rules);
        neighbours::join(&mut records.neighbours, std::mem::take(&mut rows.neighbours));
        records.counters.append(&mut rows.counters);
        records.issues.append(&mut rows.issues);
    }
    records.processes = processes::of(&records.sockets, &owners, &mut disputes);
    records.issues.extend(disputes.into_issues());
    let mut results: Vec<SectionResult> = sections
        .iter()
        .map(|section| {
            let number = section.section.number;
            let unseen = Unseen { owners: hidden.contains(&number), namespaces: !spaces.whole };
            section.result(replaced.contains(&number), unseen)
        })
        .collect();
    let rich: Vec<bool> = sections.iter().map(ReadSection::is_rich).collect();
    beside::settle(&mut results, &rich);
    let outcome = outcome(&header, &results, planned);
    Snapshot { header, evidence, outcome, sections: results, records }
}

/// True when what a section says is kept beside what its fallback says: its output was over the cap, and
/// what came before the cut was understood.
fn is_kept(sections: &[ReadSection], fallback: &FallbackOf) -> bool {
    let of = |section: &&ReadSection| section.section.number == fallback.section;
    let says =
        |section: &ReadSection| section.rows.as_ref().is_some_and(|rows| rows.coverage().rows > 0);
    fallback.condition == Condition::OutputCut.as_str()
        && sections.iter().find(of).is_some_and(says)
}

/// What sockets are set in context with.
struct Joined<'a> {
    replaced: &'a HashSet<u16>,
    owners: &'a Owners,
    spaces: &'a Namespaces,
    sees_all: Option<bool>,
    windows: bool,
}

impl Joined<'_> {
    /// Sets every socket in context. Returns the sections in which an owner could not be seen.
    fn sockets(
        &self,
        sections: &mut [ReadSection],
        held: Held,
        records: &mut Records,
    ) -> HashSet<u16> {
        let mut lists = Vec::new();
        // Namespaces of which a list of listeners was not read whole.
        let mut unread = HashSet::new();
        let listed = sections.iter().any(|section| {
            let lists = section.views.contains(&View::Listeners) && section.is_rich();
            lists && section.result(false, Unseen::default()).status == SectionStatus::Complete
        });
        for section in sections {
            let space = self.spaces.of(section.section.number).cloned();
            // The rich profile lists all of them, or is beside what does.
            if !listed && !section.is_rich() {
                self.note_unread(section, space.as_ref(), &mut unread);
            }
            let list = self.list(section, &held);
            let Some(rows) = &mut section.rows else { continue };
            let mut list = List { sockets: std::mem::take(&mut rows.sockets), ..list };
            for socket in &mut list.sockets {
                socket.record.namespace.clone_from(&space);
                self.owners.join(socket);
            }
            lists.push(list);
        }
        let mut alone = held.join(lists.iter_mut().flat_map(|list| &mut list.sockets).collect());
        for socket in &mut alone {
            self.owners.name(&mut socket.record);
        }
        let mut hidden = HashSet::new();
        let mut unknown_account = false;
        for list in &mut lists {
            for socket in &mut list.sockets {
                self.owners.name(&mut socket.record);
                if sockets::attribute(&mut socket.record, list.visibility) {
                    hidden.insert(list.section);
                    unknown_account |= list.visibility == Visibility::Own && !list.known;
                } else if list.unsure && socket.record.owners.is_empty() {
                    hidden.insert(list.section);
                }
            }
        }
        if unknown_account {
            let message = "the account's rights on the host are not known: a socket without a \
                           visible owner is recorded as denied, not as the kernel's";
            let issue = Issue::note(Span::default(), message, b"");
            records.issues.push(SectionIssue { section: 0, issue });
        }
        let found = lists.into_iter().map(|list| list.sockets).chain([alone]).collect();
        records.sockets = merge::sockets(found, self.windows);
        place(records, &unread);
        hidden
    }

    /// Remembers that a list of listeners was not read whole.
    fn note_unread(
        &self,
        section: &ReadSection,
        space: Option<&Arc<Namespace>>,
        unread: &mut HashSet<Option<Arc<Namespace>>>,
    ) {
        let lists = section.views.contains(&View::Listeners);
        if lists && !self.replaced.contains(&section.section.number) {
            let status = section.result(false, Unseen::default()).status;
            if status != SectionStatus::Complete {
                unread.insert(space.cloned());
            }
        }
    }

    /// What a section's sockets are set in context with: its own command's owners, or those of the
    /// owner map, or of a list of what processes hold.
    fn list(&self, section: &ReadSection, held: &Held) -> List {
        let through_sudo = section.through_sudo();
        let sees_all = through_sudo || self.sees_all == Some(true);
        let by_ends = held.visibility();
        let (visibility, cut) = match section.asks_owners() {
            true if sees_all || section.every_account_sees_all() => (Visibility::All, false),
            true => (Visibility::Own, false),
            false if by_ends == Visibility::NotAsked => {
                (self.owners.visibility(), self.owners.is_cut())
            }
            false => (by_ends, held.is_cut()),
        };
        List {
            section: section.section.number,
            sockets: Vec::new(),
            visibility,
            unsure: visibility == Visibility::Later && cut,
            known: through_sudo || self.sees_all.is_some(),
        }
    }
}

/// The sockets of one section, and how far their owners could be seen.
struct List {
    section: u16,
    sockets: Vec<Sourced<Socket<'static>>>,
    visibility: Visibility,
    /// An owner may be missing, because what lists owners breaks off.
    unsure: bool,
    /// The account's rights on the host are known.
    known: bool,
}

/// Sets scope and direction of every socket, each in its own namespace: ports that a container
/// waits on say nothing of the host's, and only the host's addresses are known.
fn place(records: &mut Records, unread: &HashSet<Option<Arc<Namespace>>>) {
    let addresses = records.host.as_ref().map(|host| host.record.addresses.as_slice());
    let addresses = addresses.unwrap_or_default();
    let mut spaces: Vec<Option<Arc<Namespace>>> = vec![None];
    for socket in &records.sockets {
        if socket.record.namespace.is_some() && !spaces.contains(&socket.record.namespace) {
            spaces.push(socket.record.namespace.clone());
        }
    }
    for space in spaces {
        let own = if space.is_none() { addresses } else { &[] };
        let inside = |socket: &&Sourced<Socket<'static>>| socket.record.namespace == space;
        let sockets = records.sockets.iter().filter(inside);
        let context = Context::new(sockets, own, !unread.contains(&space));
        for socket in &mut records.sockets {
            if socket.record.namespace == space {
                let (scope, direction) = context.place(&socket.record);
                socket.record.bind_scope = scope;
                socket.record.direction = direction;
            }
        }
    }
}

/// How much of the plan was answered. A view that no section serves is missing, not empty.
fn outcome(header: &Header, sections: &[SectionResult], planned: &[View]) -> Outcome {
    if sections.is_empty() && header.faults.iter().any(|f| f.kind == FaultKind::Skipped) {
        return Outcome::Skipped;
    }
    let serves = |view: &View| {
        sections
            .iter()
            .filter(|s| s.views.contains(view) && s.status != SectionStatus::Replaced)
            .map(|s| s.status)
            .max()
    };
    // A site's question counts even where it serves no view.
    let site = |s: &&SectionResult| s.probe.as_str().starts_with("site/");
    let asked = sections.iter().filter(site).filter(|s| s.status != SectionStatus::Replaced);
    let site_whole = asked.clone().all(|s| s.status == SectionStatus::Complete);
    let whole =
        site_whole && planned.iter().all(|view| serves(view) == Some(SectionStatus::Complete));
    // What was not asked for was the rich profile's: see `dispatch`.
    let sound = header.faults.iter().all(|fault| fault.kind == FaultKind::Skipped);
    if whole && sound && !sections.is_empty() {
        return Outcome::Complete;
    }
    let usable = |s: &SectionResult| {
        matches!(s.status, SectionStatus::Complete | SectionStatus::Partial)
            && (site(&s) || s.views.iter().any(|view| planned.contains(view)))
    };
    if sections.iter().any(usable) { Outcome::Partial } else { Outcome::Failed }
}
