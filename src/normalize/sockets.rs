//! Sets one socket in the context of its host: owner, scope, direction.

use std::collections::HashMap;
use std::net::IpAddr;

use smallvec::SmallVec;

use crate::model::record::Sourced;
use crate::model::socket::{Attribution, Direction, Family, Scope, Socket, State, Transport};

/// Whose owners the command could show.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Visibility {
    /// Those of every process.
    All,
    /// At most those of the account's own processes.
    Own,
    /// Those of every process, but at another time than the list of sockets.
    Later,
    /// None: it was not asked, or cannot tell.
    NotAsked,
}

/// Decides why a socket has no owner. True when one may exist that could not be seen.
///
/// A missing owner means "kernel" only when the account could see all owners, or when no file holds
/// the socket any more. Otherwise it proves nothing, also for the account's own user id: a process
/// that changed its identity hides its files even from its own user.
pub(super) fn attribute(socket: &mut Socket<'_>, visibility: Visibility) -> bool {
    match socket.attribution {
        Attribution::Owned if !socket.owners.is_empty() => return false,
        // Whatever stands in the owner's column of such a row, nobody can hold it.
        _ if socket.owners.is_empty() && is_orphan(socket) => {
            socket.attribution = Attribution::Kernel;
            return false;
        }
        // The tool named an owner that could not be read, so it is not the kernel's; or it says itself
        // that no process owns the socket.
        Attribution::Ambiguous | Attribution::Kernel => return false,
        // Its process is known, and who that is was not told.
        Attribution::Denied if !socket.owners.is_empty() => return true,
        _ => {}
    }
    socket.attribution = match visibility {
        Visibility::All => Attribution::Kernel,
        // No file holds it, so nobody can have closed it meanwhile.
        Visibility::Later if socket.inode == Some(0) => Attribution::Kernel,
        Visibility::Later => Attribution::Ambiguous,
        Visibility::Own => Attribution::Denied,
        Visibility::NotAsked => Attribution::Unsupported,
    };
    matches!(socket.attribution, Attribution::Denied | Attribution::Unsupported)
}

/// True in states where the kernel alone keeps the socket: `time_wait` always, the others when no
/// file holds it.
fn is_orphan(socket: &Socket<'_>) -> bool {
    match socket.state {
        State::TimeWait => true,
        State::SynReceived
        | State::FinWait1
        | State::FinWait2
        | State::Closing
        | State::LastAck => socket.inode == Some(0),
        State::Listen
        | State::Established
        | State::SynSent
        | State::CloseWait
        | State::Closed
        | State::Bound
        | State::Idle
        | State::DeleteTcb
        | State::Unconnected
        | State::Unknown => false,
    }
}

/// Where a port is waited on: the address, and whether a `::` may take IPv4 too.
type Places = SmallVec<[(IpAddr, bool); 2]>;

/// What is known of the host as a whole.
pub(super) struct Context<'a> {
    /// By protocol and port: where the host waits, and whether on both families.
    waiting: HashMap<(Transport, u16), Places>,
    /// Its addresses, sorted, without loopback.
    addresses: &'a [IpAddr],
    /// Every list of listeners was read whole, so what is not in it is not there.
    all_read: bool,
}

impl<'a> Context<'a> {
    pub(super) fn new<'s>(
        sockets: impl Iterator<Item = &'s Sourced<Socket<'static>>>,
        addresses: &'a [IpAddr],
        all_read: bool,
    ) -> Self {
        let mut waiting: HashMap<_, Places> = HashMap::new();
        for Sourced { record: socket, .. } in sockets {
            if let (true, Some(port)) = (waits(socket), socket.local.port) {
                let both = socket.dual_stack != Some(false);
                let place = (socket.local.address, both);
                let places = waiting.entry((socket.transport, port)).or_default();
                if !places.contains(&place) {
                    places.push(place);
                }
            }
        }
        Self { waiting, addresses, all_read }
    }

    /// Scope of the local end, and direction.
    pub(super) fn place(&self, socket: &Socket<'_>) -> (Scope, Direction) {
        (scope(socket), self.direction(socket))
    }

    fn direction(&self, socket: &Socket<'_>) -> Direction {
        if waits(socket) {
            return if socket.local.port.is_some() {
                Direction::Listener
            } else {
                Direction::Unconnected
            };
        }
        let Some(remote) = &socket.remote else { return Direction::Unconnected };
        if self.is_own(remote.address, socket.local.address) {
            return Direction::Local;
        }
        match socket.state {
            State::SynReceived => return Direction::Inbound,
            State::SynSent => return Direction::Outbound,
            _ => {}
        }
        if self.waits_on(socket) {
            Direction::Inbound
        } else if self.all_read && socket.local.port.is_some() {
            Direction::Outbound
        } else {
            Direction::Unknown
        }
    }

    fn is_own(&self, remote: IpAddr, local: IpAddr) -> bool {
        remote.is_loopback() || remote == local || self.addresses.binary_search(&remote).is_ok()
    }

    fn waits_on(&self, socket: &Socket<'_>) -> bool {
        let address = socket.local.address;
        let Some(port) = socket.local.port else { return false };
        let places = self.waiting.get(&(socket.transport, port));
        places.into_iter().flatten().any(|&(place, both)| {
            place == address
                || place.is_unspecified()
                    && (place.is_ipv4() == address.is_ipv4() || place.is_ipv6() && both)
        })
    }
}

/// Sets scope, direction and attribution as far as one socket tells them by itself, without its
/// host: a socket in state `listen` is a listener, of any other the direction is unknown; what the
/// kernel alone keeps has no owner, whoever asked.
pub fn alone(socket: &mut Socket<'_>) {
    let listens = socket.state == State::Listen;
    socket.bind_scope = scope(socket);
    socket.direction = if listens { Direction::Listener } else { Direction::Unknown };
    if socket.owners.is_empty() && is_orphan(socket) {
        socket.attribution = Attribution::Kernel;
    }
}

/// True for a socket that waits for peers, or could.
fn waits(socket: &Socket<'_>) -> bool {
    match socket.state {
        State::Listen => true,
        State::Unconnected => socket.remote.is_none(),
        _ => false,
    }
}

fn scope(socket: &Socket<'_>) -> Scope {
    let address = socket.local.address;
    let link_local = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    if address.is_unspecified() {
        let dual = socket.family == Family::Ipv6 && socket.dual_stack == Some(true);
        if dual { Scope::WildcardDual } else { Scope::Wildcard }
    } else if address.is_loopback() {
        Scope::Loopback
    } else if link_local {
        Scope::LinkLocal
    } else if address.is_multicast() {
        Scope::Multicast
    } else {
        Scope::Specific
    }
}
