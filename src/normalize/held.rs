//! Joins lists of what processes hold (sockstat, fstat, lsof) to the sockets that another command
//! listed.
//!
//! Both name a socket by its ends, and nothing else is common to them. The commands ran one after
//! the other: what only the owners' side shows is kept as a socket of its own, and what nobody was
//! found to hold is not said to be the kernel's. Several sockets with the same ends (a port shared
//! by `SO_REUSEPORT`) cannot be told apart, so each gets every owner, and says that this is not sure;
//! so does one that only owners show, when several processes hold it.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::record::Sourced;
use crate::model::socket::{Attribution, Owner, Socket, Transport};
use crate::normalize::section::ReadSection;
use crate::normalize::sockets::Visibility;

type End = (IpAddr, Option<u16>);

/// What both sides know of a socket.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Ends(Transport, End, Option<End>);

impl Ends {
    fn of(socket: &Socket<'_>) -> Self {
        let local = (socket.local.address, socket.local.port);
        let remote = socket.remote.as_ref().map(|end| (end.address, end.port));
        Self(socket.transport, local, remote)
    }

    /// The same with the other family's wildcard: some lists call a socket for both families IPv4,
    /// others IPv6. `None` for one that is bound to an address.
    fn of_the_other_family(self) -> Option<Self> {
        let Self(transport, (address, port), remote) = self;
        let other = match address {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            _ => return None,
        };
        Some(Self(transport, (other, port), remote))
    }
}

/// Sockets as their owners hold them.
#[derive(Debug, Default)]
pub(super) struct Held {
    sockets: Vec<Sourced<Socket<'static>>>,
    /// Whether owners of everyone could be seen, and whether the list is whole. `None`: nobody
    /// looked.
    seen: Option<(bool, bool)>,
}

impl Held {
    /// Takes the lists out of the sections. `sees_all`: what the account may see without sudo.
    pub(super) fn collect(
        sections: &mut [ReadSection],
        replaced: &HashSet<u16>,
        sees_all: Option<bool>,
    ) -> Self {
        let mut held = Self::default();
        for section in sections.iter_mut().filter(|s| !replaced.contains(&s.section.number)) {
            if !section.lists_holders() {
                continue;
            }
            let everyone = section.every_account_sees_all()
                || section.through_sudo()
                || sees_all == Some(true);
            let whole = section.is_whole();
            let Some(rows) = &mut section.rows else { continue };
            if whole || !rows.sockets.is_empty() {
                held.seen = Some((everyone, whole));
            }
            held.sockets.append(&mut rows.sockets);
        }
        held
    }

    /// Whose owners the lists could show.
    pub(super) fn visibility(&self) -> Visibility {
        match self.seen {
            None => Visibility::NotAsked,
            Some((true, _)) => Visibility::Later,
            Some((false, _)) => Visibility::Own,
        }
    }

    /// True when a list breaks off, so that an owner may be missing from it.
    pub(super) fn is_cut(&self) -> bool {
        self.seen.is_some_and(|(_, whole)| !whole)
    }

    /// Gives the sockets their owners. Returns those that only their owners show.
    pub(super) fn join(
        self,
        mut sockets: Vec<&mut Sourced<Socket<'static>>>,
    ) -> Vec<Sourced<Socket<'static>>> {
        let mut alone: Vec<Sourced<Socket<'static>>> = Vec::new();
        if self.sockets.is_empty() {
            return alone;
        }
        let mut places: HashMap<Ends, Vec<usize>> = HashMap::new();
        for (at, socket) in sockets.iter().enumerate() {
            if socket.record.namespace.is_none() {
                places.entry(Ends::of(&socket.record)).or_default().push(at);
            }
        }
        let mut places_alone: HashMap<Ends, usize> = HashMap::new();
        for held in self.sockets {
            let ends = Ends::of(&held.record);
            if let Some(found) = places.get(&ends) {
                for at in found {
                    sockets.get_mut(*at).into_iter().for_each(|s| add(s, &held, found.len() > 1));
                }
                continue;
            }
            // Perhaps the same socket, perhaps another process's of the other family: never sure.
            let other = ends.of_the_other_family().and_then(|other| places.get(&other));
            let serves_both = |at: &&usize| {
                sockets.get(**at).is_some_and(|socket| socket.record.dual_stack != Some(false))
            };
            let found: Vec<usize> =
                other.into_iter().flatten().filter(serves_both).copied().collect();
            if !found.is_empty() {
                for at in found {
                    sockets.get_mut(at).into_iter().for_each(|socket| add(socket, &held, true));
                }
                continue;
            }
            if let Some(first) = places_alone.get(&ends).and_then(|at| alone.get_mut(*at)) {
                // One socket in two hands, or two sockets that share a port: nothing else tells.
                let same = first.record.inode.is_some() && first.record.inode == held.record.inode;
                let unsure =
                    !same && held.record.owners.iter().any(|owner| is_another(owner, first));
                add(first, &held, unsure);
            } else {
                places_alone.insert(ends, alone.len());
                alone.push(held);
            }
        }
        alone
    }
}

/// True for an owner that is another process than those that `socket` has.
fn is_another(owner: &Owner<'_>, socket: &Sourced<Socket<'_>>) -> bool {
    socket.record.owners.iter().all(|known| known.pid != owner.pid)
}

/// Adds the owners of `held`. `unsure`: it may be another socket with the same ends.
fn add(socket: &mut Sourced<Socket<'static>>, held: &Sourced<Socket<'static>>, unsure: bool) {
    let record = &mut socket.record;
    for owner in &held.record.owners {
        if !record.owners.contains(owner) {
            record.owners.push(owner.clone());
        }
    }
    if !record.owners.is_empty() && record.attribution != Attribution::Ambiguous {
        let attribution = held.record.attribution;
        record.attribution = if unsure { Attribution::Ambiguous } else { attribution };
    }
    record.flags.name_has_control |= held.record.flags.name_has_control;
    record.uid = record.uid.or(held.record.uid);
    socket.sources.extend(held.sources.iter().copied());
    socket.sources.sort_unstable();
    socket.sources.dedup();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::Source;
    use crate::model::socket::{Endpoint, State};
    use crate::model::text::HostText;

    fn socket(section: u16, local: &str, pids: &[u32]) -> Sourced<Socket<'static>> {
        let local: std::net::SocketAddr = local.parse().unwrap();
        let local = Endpoint { address: local.ip(), port: Some(local.port()), zone: None };
        let mut socket = Socket::new(Transport::Tcp, local, None, State::Listen);
        for pid in pids {
            let name = HostText::new(b"sshd");
            socket.owners.push(Owner { pid: *pid, fd: Some(3), tid: None, name });
            socket.attribution = Attribution::Owned;
        }
        Sourced::one(socket, Source { section, start: 0, end: 1 })
    }

    fn joined(
        sockets: Vec<Sourced<Socket<'static>>>,
        held: Vec<Sourced<Socket<'static>>>,
    ) -> Vec<(String, Vec<u32>, Attribution)> {
        let mut sockets = sockets;
        let held = Held { sockets: held, seen: Some((true, true)) };
        let alone = held.join(sockets.iter_mut().collect());
        sockets.extend(alone);
        let shown = |socket: &Sourced<Socket<'static>>| {
            let pids = socket.record.owners.iter().map(|owner| owner.pid).collect();
            (socket.record.local.address.to_string(), pids, socket.record.attribution)
        };
        sockets.iter().map(shown).collect()
    }

    #[test]
    fn owners_come_to_the_socket_with_the_same_ends_and_others_stay_alone() {
        let found = joined(
            vec![socket(1, "0.0.0.0:22", &[]), socket(1, "127.0.0.1:25", &[])],
            vec![
                socket(2, "0.0.0.0:22", &[7]),
                socket(2, "0.0.0.0:22", &[9]),
                socket(2, "10.0.0.1:80", &[5]),
            ],
        );
        assert_eq!(
            found,
            [
                ("0.0.0.0".to_owned(), vec![7, 9], Attribution::Owned),
                ("127.0.0.1".to_owned(), vec![], Attribution::Unsupported),
                ("10.0.0.1".to_owned(), vec![5], Attribution::Owned),
            ]
        );
    }

    #[test]
    fn a_wildcard_of_the_other_family_is_the_same_socket_only_where_no_better_is_there() {
        let found = joined(vec![socket(1, "[::]:22", &[])], vec![socket(2, "0.0.0.0:22", &[7])]);
        assert_eq!(found, [("::".to_owned(), vec![7], Attribution::Ambiguous)]);
        let mut alone = socket(1, "[::]:22", &[]);
        alone.record.dual_stack = Some(false);
        let found = joined(vec![alone], vec![socket(2, "0.0.0.0:22", &[7])]);
        assert_eq!(found[0], ("::".to_owned(), vec![], Attribution::Unsupported));
        assert_eq!(found[1], ("0.0.0.0".to_owned(), vec![7], Attribution::Owned));
        let both = vec![socket(1, "[::]:22", &[]), socket(1, "0.0.0.0:22", &[])];
        let found = joined(both, vec![socket(2, "0.0.0.0:22", &[7])]);
        assert_eq!(found[0].1, Vec::<u32>::new());
        assert_eq!(found[1].1, [7]);
    }

    #[test]
    fn two_owners_of_the_same_ends_that_no_list_shows_are_never_sure() {
        let two = vec![socket(2, "0.0.0.0:22", &[7]), socket(2, "0.0.0.0:22", &[9])];
        let found = joined(vec![], two);
        assert_eq!(found, [("0.0.0.0".to_owned(), vec![7, 9], Attribution::Ambiguous)]);
        let one = vec![socket(2, "0.0.0.0:22", &[7]), socket(3, "0.0.0.0:22", &[7])];
        let found = joined(vec![], one);
        assert_eq!(found, [("0.0.0.0".to_owned(), vec![7], Attribution::Owned)]);
    }

    #[test]
    fn sockets_that_cannot_be_told_apart_say_so() {
        let two = vec![socket(1, "0.0.0.0:22", &[]), socket(1, "0.0.0.0:22", &[])];
        let found = joined(two, vec![socket(2, "0.0.0.0:22", &[7]), socket(2, "0.0.0.0:22", &[9])]);
        for (_, pids, attribution) in found {
            assert_eq!((pids, attribution), (vec![7, 9], Attribution::Ambiguous));
        }
    }
}
