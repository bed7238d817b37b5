//! Sockets in columns. What stays as long as a socket lives is apart from what changes with every
//! look at it (`queue`), so that listeners that stay cost nothing.
//!
//! Two dictionaries carry the repetition: a *profile* is what a socket is (protocol, state, local
//! address, direction ...), a *holder* is who holds it (user, control group, processes). A host
//! with thousands of sockets has a few dozen of each.

use std::hash::Hash;
use std::net::IpAddr;

use smallvec::SmallVec;

use crate::model::socket::{
    Attribution, Direction, Endpoint, Family, Owner, Scope, Socket, SocketFlags, State, Transport,
};
use crate::model::text::HostText;
use crate::store::blob::codes::Code;
use crate::store::blob::column::{Malformed, length};
use crate::store::blob::reader::{Reader, Row, next_of};
use crate::store::blob::writer::{Writer, kind_of};
use crate::store::hash::Map;

type Text = HostText<'static>;

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Profile<'a> {
    words: (Transport, Family, State, Direction, Scope, Attribution),
    flags: SocketFlags,
    raw_protocol: Option<u8>,
    dual_stack: Option<bool>,
    local: IpAddr,
    local_zone: Option<&'a Text>,
    has_remote: bool,
    remote_zone: Option<&'a Text>,
    /// The remote port is the lower one and stands first.
    far_first: bool,
    /// Kinds of inode, cookie and longest backlog.
    kinds: [u64; 3],
    bind_device: Option<&'a Text>,
    state_raw: Option<&'a Text>,
}

impl<'a> Profile<'a> {
    fn of(socket: &'a Socket<'static>) -> Self {
        let Socket { transport, family, state, direction, bind_scope, attribution, .. } = *socket;
        Self {
            words: (transport, family, state, direction, bind_scope, attribution),
            flags: socket.flags,
            raw_protocol: socket.raw_protocol,
            dual_stack: socket.dual_stack,
            local: socket.local.address,
            local_zone: socket.local.zone.as_ref(),
            has_remote: socket.remote.is_some(),
            remote_zone: socket.remote.as_ref().and_then(|remote| remote.zone.as_ref()),
            far_first: far_port(socket) < socket.local.port,
            kinds: [socket.inode, socket.cookie, socket.backlog_max].map(kind_of),
            bind_device: socket.bind_device.as_ref(),
            state_raw: socket.state_raw.as_ref(),
        }
    }

    fn put(&self, row: &mut Writer<'a>) {
        let (transport, family, state, direction, scope, attribution) = self.words;
        row.number(transport.code());
        row.number(family.code());
        row.number(state.code());
        row.number(direction.code());
        row.number(scope.code());
        row.number(attribution.code());
        row.number(flag_bits(self.flags));
        row.optional_small(self.raw_protocol.map(u32::from));
        row.optional_flag(self.dual_stack);
        row.address(self.local);
        row.optional_text(self.local_zone);
        row.number(u64::from(self.has_remote));
        row.optional_text(self.remote_zone);
        row.number(u64::from(self.far_first));
        self.kinds.into_iter().for_each(|kind| row.number(kind));
        row.optional_text(self.bind_device);
        row.optional_text(self.state_raw);
    }
}

fn far_port(socket: &Socket<'_>) -> Option<u16> {
    socket.remote.as_ref().and_then(|remote| remote.port)
}

fn flag_bits(flags: SocketFlags) -> u64 {
    let SocketFlags { v4_mapped, truncated, name_has_control, duplicate } = flags;
    u64::from(v4_mapped)
        | u64::from(truncated) << 1
        | u64::from(name_has_control) << 2
        | u64::from(duplicate) << 3
}

fn flags_of(bits: u64) -> Result<SocketFlags, Malformed> {
    if bits > 0b1111 {
        return Err(Malformed("a socket has flags that are not known"));
    }
    let bit = |place: u32| bits >> place & 1 == 1;
    Ok(SocketFlags {
        v4_mapped: bit(0),
        truncated: bit(1),
        name_has_control: bit(2),
        duplicate: bit(3),
    })
}

#[derive(PartialEq, Eq, Hash)]
struct Holder<'a> {
    uid: Option<u32>,
    cgroup: Option<&'a Text>,
    owners: SmallVec<[(u32, Option<u32>, &'a Text); 1]>,
}

impl<'a> Holder<'a> {
    fn of(socket: &'a Socket<'static>) -> Self {
        let owners = socket.owners.iter().map(|owner| (owner.pid, owner.tid, &owner.name));
        Self { uid: socket.uid, cgroup: socket.cgroup.as_ref(), owners: owners.collect() }
    }
}

/// Distinct values in the order of their first appearance.
pub(super) struct Distinct<T> {
    places: Map<T, u64>,
}

impl<T: Eq + Hash> Distinct<T> {
    /// None yet.
    pub(super) fn new() -> Self {
        Self { places: Map::default() }
    }

    /// The place of a value, from 0.
    pub(super) fn place(&mut self, value: T) -> u64 {
        let next = length(self.places.len());
        *self.places.entry(value).or_insert(next)
    }

    /// The values by place.
    pub(super) fn in_order(self) -> Vec<T> {
        let mut pairs: Vec<_> = self.places.into_iter().collect();
        pairs.sort_unstable_by_key(|(_, place)| *place);
        pairs.into_iter().map(|(value, _)| value).collect()
    }
}

/// Writes what stays: profiles, holders, their processes, the sockets, their file descriptors.
pub(super) fn put<'a>(page: &mut Writer<'a>, sockets: &[&'a Socket<'static>]) {
    let (mut profiles, mut holders) = (Distinct::new(), Distinct::new());
    let places: Vec<(u64, u64)> = sockets
        .iter()
        .map(|socket| (profiles.place(Profile::of(socket)), holders.place(Holder::of(socket))))
        .collect();
    let holders = holders.in_order();
    page.table(profiles.in_order(), |row, profile| profile.put(row));
    page.table(&holders, |row, holder| {
        row.optional_small(holder.uid);
        row.optional_text(holder.cgroup);
        row.number(length(holder.owners.len()));
    });
    page.table(holders.iter().flat_map(|holder| &holder.owners), |row, (pid, tid, name)| {
        row.number(u64::from(*pid));
        row.optional_small(*tid);
        row.text(name.bytes());
    });
    page.table(sockets.iter().zip(places), |row, (socket, (profile, holder))| {
        let (near, far) = (socket.local.port, far_port(socket));
        row.number(profile);
        row.number(holder);
        // The lower port mostly names the service, the higher one is mostly ephemeral: few values
        // in one column, noise in the other.
        row.optional_small(near.min(far).map(u32::from));
        row.optional_small(near.max(far).map(u32::from));
        row.optional_address(socket.remote.as_ref().map(|remote| remote.address));
        row.more(socket.inode);
        row.more(socket.cookie);
        row.more(socket.backlog_max);
    });
    page.table(sockets.iter().flat_map(|socket| &socket.owners), |row, owner| {
        row.optional_small(owner.fd);
    });
}

/// What sockets of a profile have in common, and how the rest is written.
struct ProfileRead {
    socket: Socket<'static>,
    far_first: bool,
    kinds: [u64; 3],
}

fn get_profile(row: &mut Row<'_, '_>) -> Result<ProfileRead, Malformed> {
    let transport = Transport::of(row.number()?)?;
    let family = Family::of(row.number()?)?;
    let state = State::of(row.number()?)?;
    let direction = Direction::of(row.number()?)?;
    let bind_scope = Scope::of(row.number()?)?;
    let attribution = Attribution::of(row.number()?)?;
    let flags = flags_of(row.number()?)?;
    let raw_protocol = row.optional_small()?;
    let raw_protocol = raw_protocol.map(u8::try_from).transpose();
    let raw_protocol = raw_protocol.map_err(|_| Malformed("a raw protocol is too large"))?;
    let dual_stack = row.optional_flag()?;
    let local = Endpoint { address: row.address()?, port: None, zone: row.optional_text()? };
    let has_remote = row.number()? != 0;
    let zone = row.optional_text()?;
    let far_first = row.number()? != 0;
    let kinds = [row.number()?, row.number()?, row.number()?];
    let remote = has_remote.then_some(Endpoint { address: local.address, port: None, zone });
    let mut socket = Socket::new(transport, local, remote, state);
    socket.family = family;
    socket.direction = direction;
    socket.bind_scope = bind_scope;
    socket.attribution = attribution;
    socket.flags = flags;
    socket.raw_protocol = raw_protocol;
    socket.dual_stack = dual_stack;
    socket.bind_device = row.optional_text()?;
    socket.state_raw = row.optional_text()?;
    Ok(ProfileRead { socket, far_first, kinds })
}

struct HolderRead {
    uid: Option<u32>,
    cgroup: Option<Text>,
    owners: Vec<Owner<'static>>,
}

fn get_holders(page: &mut Reader<'_>) -> Result<Vec<HolderRead>, Malformed> {
    let heads =
        page.table(|row| Ok((row.optional_small()?, row.optional_text()?, row.number()?)))?;
    let owners = page.table(|row| {
        Ok(Owner { pid: row.narrow()?, fd: None, tid: row.optional_small()?, name: row.text()? })
    })?;
    let mut owners = owners.into_iter();
    heads
        .into_iter()
        .map(|(uid, cgroup, count)| {
            Ok(HolderRead { uid, cgroup, owners: next_of(&mut owners, count)? })
        })
        .collect()
}

/// Reads what [`put`] wrote.
pub(super) fn get(page: &mut Reader<'_>) -> Result<Vec<Socket<'static>>, Malformed> {
    let profiles = page.table(get_profile)?;
    let holders = get_holders(page)?;
    let mut sockets = page.table(|row| {
        let profile = usize::try_from(row.number()?).ok().and_then(|index| profiles.get(index));
        let profile = profile.ok_or(Malformed("a profile is missing"))?;
        let mut socket = profile.socket.clone();
        let holder = usize::try_from(row.number()?).ok().and_then(|index| holders.get(index));
        let holder = holder.ok_or(Malformed("a holder is missing"))?;
        socket.uid = holder.uid;
        socket.cgroup.clone_from(&holder.cgroup);
        socket.owners = holder.owners.iter().cloned().collect();
        let (low, high) = (get_port(row)?, get_port(row)?);
        let (near, far) = if profile.far_first { (high, low) } else { (low, high) };
        socket.local.port = near;
        let address = row.optional_address()?;
        if let (Some(remote), Some(address)) = (socket.remote.as_mut(), address) {
            remote.address = address;
            remote.port = far;
        }
        let [inode, cookie, backlog_max] = profile.kinds;
        socket.inode = row.more(inode)?;
        socket.cookie = row.more(cookie)?;
        socket.backlog_max = row.more(backlog_max)?;
        Ok(socket)
    })?;
    let mut descriptors = page.small_optionals()?.into_iter();
    for owner in sockets.iter_mut().flat_map(|socket| &mut socket.owners) {
        owner.fd = descriptors.next().ok_or(Malformed("a file descriptor is missing"))?;
    }
    Ok(sockets)
}

fn get_port(row: &mut Row<'_, '_>) -> Result<Option<u16>, Malformed> {
    let port = row.optional_small()?.map(u16::try_from).transpose();
    port.map_err(|_| Malformed("a port is too large"))
}
