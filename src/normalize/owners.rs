//! Joins sockets to the processes that hold them, where the list of sockets does not tell.
//!
//! In: the descriptors and the statements about processes of all sections. Out: owners of a socket
//! by its inode, each with its places in the evidence. The commands ran one after the other, so a
//! socket can have gone, come or changed hands between them: one that nobody was found to hold is
//! not said to be the kernel's, and a holder whose name did not come is not given one.

use std::collections::{HashMap, HashSet};

use smallvec::SmallVec;

use crate::model::process::{Dispute, ProcessFact, is_fuller_name};
use crate::model::record::{Source, Sourced};
use crate::model::socket::{Attribution, Owner, Socket};
use crate::model::text::HostText;
use crate::model::time::Utc;
use crate::normalize::disputes::Disputes;
use crate::normalize::section::ReadSection;
use crate::normalize::sockets::Visibility;

type Text = HostText<'static>;

/// What was said of one process.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Its name.
    pub(super) name: Option<Text>,
    /// Its parent.
    pub(super) parent: Option<u32>,
    /// Its effective user id.
    pub(super) uid: Option<u32>,
    /// Its control group in the hierarchy that names services best.
    cgroup: Option<(u8, Text)>,
    /// Name of its user.
    pub(super) user: Option<Text>,
    /// The account of a service that it runs.
    pub(super) account: Option<Text>,
    /// Path of its binary.
    pub(super) executable: Option<Text>,
    /// Its command line.
    pub(super) command_line: Option<Text>,
    /// When it started.
    pub(super) started: Option<Utc>,
    /// Services that the OS says it runs, sorted, without repetition.
    services: Vec<Text>,
    /// Where it was said.
    pub(super) sources: SmallVec<[Source; 4]>,
}

impl Told {
    /// Takes a statement. The first of a kind wins. Returns what an earlier one says otherwise.
    fn take(&mut self, fact: ProcessFact, source: Source) -> Option<Dispute> {
        let mut dispute = None;
        let mut named = |of, kept: &mut Option<Text>, name: Text| match kept {
            // Two spellings of one name; the one that says its characters is kept.
            Some(kept) if is_recoded(kept, &name) => prefer(kept, name),
            Some(kept) => dispute = Dispute::of_names(of, kept, &name),
            None => *kept = Some(name),
        };
        match fact {
            // One tool cuts it, another does not, and either may have been asked first.
            ProcessFact::Name(name) => match &mut self.name {
                Some(known) if is_recoded(known, &name) => prefer(known, name),
                Some(known) if !is_fuller_name(&name, known) => {
                    dispute = Dispute::of_names("name", known, &name);
                }
                _ => self.name = Some(name),
            },
            ProcessFact::Parent(pid) => drop(self.parent.get_or_insert(pid)),
            ProcessFact::Uid(uid) => {
                dispute = Dispute::of_ids(*self.uid.get_or_insert(uid), uid);
            }
            ProcessFact::Cgroup(rank, path) => {
                if self.cgroup.as_ref().is_some_and(|(known, _)| *known >= rank) {
                    return None;
                }
                self.cgroup = Some((rank, path));
            }
            ProcessFact::Account(name) => drop(self.account.get_or_insert(name)),
            ProcessFact::User(name) => named("user", &mut self.user, name),
            ProcessFact::Executable(path) => drop(self.executable.get_or_insert(path)),
            ProcessFact::CommandLine(line) => drop(self.command_line.get_or_insert(line)),
            ProcessFact::Started(time) => drop(self.started.get_or_insert(time)),
            ProcessFact::Service(name) => match self.services.binary_search(&name) {
                Ok(_) => {}
                Err(at) => self.services.insert(at, name),
            },
        }
        self.sources.push(source);
        dispute
    }

    /// The services that the OS says it runs, with commas between them.
    pub(super) fn service(&self) -> Option<Text> {
        let names: Vec<&[u8]> = self.services.iter().map(HostText::bytes).collect();
        (!names.is_empty()).then(|| HostText::owned(names.join(&b',')))
    }

    /// Path of its control group.
    pub(super) fn cgroup(&self) -> Option<&Text> {
        self.cgroup.as_ref().map(|(_, path)| path)
    }
}

/// True for one name in two encodings: of Windows, a program prints the code page of its console, and
/// `PowerShell` UTF-8. What stands before the first byte beyond ASCII is the same.
fn is_recoded(one: &Text, other: &Text) -> bool {
    let is_utf8 = |text: &Text| std::str::from_utf8(text.bytes()).is_ok();
    let plain = |text: &Text| {
        let end = text.bytes().iter().position(|byte| !byte.is_ascii());
        end.map(|end| text.bytes().get(..end).unwrap_or_default().to_ascii_lowercase())
    };
    is_utf8(one) != is_utf8(other) && plain(one).is_some() && plain(one) == plain(other)
}

fn prefer(kept: &mut Text, other: Text) {
    if std::str::from_utf8(kept.bytes()).is_err() {
        *kept = other;
    }
}

/// One descriptor: process, descriptor, place.
type Held = (u32, u32, Source);

/// Who holds what.
#[derive(Debug, Default)]
pub(super) struct Owners {
    by_inode: HashMap<u64, SmallVec<[Held; 1]>>,
    told: HashMap<u32, Told>,
    /// Whose descriptors could be seen. `None`: nobody looked.
    seen: Option<Seen>,
    /// Names of processes were asked for, and none came.
    names_denied: bool,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    everyone: bool,
    whole: bool,
}

impl Owners {
    /// Takes the descriptors and statements out of the sections. `sees_all`: what the account may
    /// see without sudo.
    pub(super) fn collect(
        sections: &mut [ReadSection],
        replaced: &HashSet<u16>,
        sees_all: Option<bool>,
        disputes: &mut Disputes,
    ) -> Self {
        let mut owners = Self::default();
        let (mut asked, mut told) = (false, false);
        for section in sections.iter_mut().filter(|s| !replaced.contains(&s.section.number)) {
            let sees_all = section.through_sudo() || sees_all == Some(true);
            let whole = section.is_whole();
            let looked = whole && section.section.probe.as_str() == crate::probe::linux::OWNER_MAP;
            let names = section.names_processes();
            asked |= names;
            let Some(rows) = &mut section.rows else { continue };
            told |= names && !rows.process_facts.is_empty();
            for (pid, fact, source) in rows.process_facts.drain(..) {
                let dispute = owners.told.entry(pid).or_default().take(fact, source);
                disputes.add(pid, dispute, source);
            }
            if rows.holders.is_empty() {
                // An account without rights may see no descriptor at all. One that sees all would
                // see at least its own server's: then find(1) has not done what it was asked.
                if looked && !sees_all {
                    owners.seen.get_or_insert(Seen { everyone: false, whole });
                }
                continue;
            }
            let unreadable = rows.holders.iter().any(|(holder, _)| holder.inode.is_none());
            owners.seen = Some(Seen { everyone: sees_all && !unreadable, whole });
            for (holder, source) in rows.holders.drain(..) {
                let Some(inode) = holder.inode else { continue };
                owners.by_inode.entry(inode).or_default().push((holder.pid, holder.fd, source));
            }
        }
        owners.names_denied = asked && !told;
        owners
    }

    /// Whose owners the map could show.
    pub(super) fn visibility(&self) -> Visibility {
        match self.seen {
            None => Visibility::NotAsked,
            Some(Seen { everyone: true, .. }) => Visibility::Later,
            Some(Seen { everyone: false, .. }) => Visibility::Own,
        }
    }

    /// True when the map breaks off, so that an owner may be missing from it.
    pub(super) fn is_cut(&self) -> bool {
        self.seen.is_some_and(|seen| !seen.whole)
    }

    /// What was said of a process.
    pub(super) fn told(&self, pid: u32) -> Option<&Told> {
        self.told.get(&pid)
    }

    /// Gives a socket without owners those that hold its inode, in the order of their ids.
    pub(super) fn join(&self, socket: &mut Sourced<Socket<'static>>) {
        let inode = socket.record.inode.filter(|inode| *inode != 0);
        let held = inode.and_then(|inode| self.by_inode.get(&inode));
        let Some(held) = held.filter(|_| socket.record.owners.is_empty()) else { return };
        let mut held: SmallVec<[Held; 1]> = held.clone();
        held.sort_unstable_by_key(|(pid, fd, _)| (*pid, *fd));
        socket.record.attribution = Attribution::Owned;
        for (pid, fd, source) in held {
            let told = self.told.get(&pid);
            let name = told.and_then(|told| told.name.clone());
            if name.is_none() {
                socket.record.attribution = Attribution::Ambiguous;
            }
            let name = name.unwrap_or_else(|| HostText::owned(Vec::new()));
            socket.record.flags.name_has_control |= name.bytes().iter().any(u8::is_ascii_control);
            socket.record.owners.push(Owner { pid, fd: Some(fd), tid: None, name });
            socket.sources.push(source);
            socket.sources.extend(told.and_then(|told| told.sources.first().copied()));
        }
        socket.sources.sort_unstable();
        socket.sources.dedup();
        self.place_group(&mut socket.record);
    }

    /// Names owners of which the list of sockets gives the process id only. One whose name nothing
    /// tells leaves the socket's owner in doubt; where no name was told at all, the account may not ask.
    pub(super) fn name(&self, socket: &mut Socket<'static>) {
        for owner in socket.owners.iter_mut().filter(|owner| owner.name.bytes().is_empty()) {
            match self.told.get(&owner.pid).and_then(|told| told.name.clone()) {
                Some(name) => owner.name = name,
                None if socket.attribution == Attribution::Owned => {
                    socket.attribution = if self.names_denied {
                        Attribution::Denied
                    } else {
                        Attribution::Ambiguous
                    };
                }
                None => {}
            }
            let control = owner.name.bytes().iter().any(u8::is_ascii_control);
            socket.flags.name_has_control |= control;
        }
    }

    /// The control group of a socket that one process holds is that process's.
    fn place_group(&self, socket: &mut Socket<'static>) {
        let [owner] = socket.owners.as_slice() else { return };
        if socket.cgroup.is_none() {
            socket.cgroup = self.told.get(&owner.pid).and_then(Told::cgroup).cloned();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_name_wins_over_one_that_was_cut_in_any_order() {
        let name = |text: &'static str| ProcessFact::Name(text.into());
        for (names, expected) in [
            (["longserver", "longserver-2"], "longserver-2"),
            (["longserver-2", "longserver"], "longserver-2"),
            (["other", "longserver"], "other"),
        ] {
            let mut told = Told::default();
            for text in names {
                told.take(name(text), Source { section: 1, start: 0, end: 1 });
            }
            assert_eq!(told.name, Some(expected.into()), "{names:?}");
        }
    }
}
