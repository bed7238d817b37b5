//! The key by which a socket is found again in another snapshot.

use crate::model::digest::{Hasher, Sha256};
use crate::model::id::HostName;
use crate::model::socket::{Direction, Endpoint, Socket};
use crate::model::text::HostText;
use crate::normalize::processes::unit;

/// The key of a socket of this host, after normalization.
///
/// A connection is known by transport, family, both ends and bound device. A socket that waits has
/// no remote end but the identity of its owner: the systemd service, else the names of the
/// processes, sorted; never the process id or a scope, which change with each start. An owner that was not visible gives a
/// key of its own. Every part is hashed with its length, so parts cannot run into each other.
#[must_use]
pub fn record_key(host: &HostName, socket: &Socket<'_>) -> Sha256 {
    let mut key = Key(Hasher::default());
    key.part(host.as_str().as_bytes());
    // The network namespace by its name; empty for the host's own.
    key.part(socket.namespace.as_ref().map(|space| space.name.bytes()).unwrap_or_default());
    key.part(socket.transport.as_str().as_bytes());
    key.part(socket.family.as_str().as_bytes());
    key.end(Some(&socket.local));
    key.part(&socket.raw_protocol.map(|number| vec![number]).unwrap_or_default());
    let waits = matches!(socket.direction, Direction::Listener | Direction::Unconnected);
    key.end(socket.remote.as_ref().filter(|_| !waits));
    key.part(socket.bind_device.as_ref().map(HostText::bytes).unwrap_or_default());
    if waits {
        key.owner(socket);
    }
    key.0.finish()
}

struct Key(Hasher);

impl Key {
    fn part(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    fn end(&mut self, end: Option<&Endpoint<'_>>) {
        let address = end.map(|end| end.address.to_string()).unwrap_or_default();
        let port = end.and_then(|end| end.port).map(|port| port.to_string());
        let zone = end.and_then(|end| end.zone.as_ref());
        self.part(address.as_bytes());
        self.part(port.unwrap_or_default().as_bytes());
        self.part(zone.map(HostText::bytes).unwrap_or_default());
    }

    fn owner(&mut self, socket: &Socket<'_>) {
        let service = socket.cgroup.as_ref().and_then(unit);
        if let Some(service) = service.filter(|unit| unit.ends_with(b".service")) {
            return self.part(&service);
        }
        let mut names: Vec<&[u8]> = socket.owners.iter().map(|o| o.name.bytes()).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            self.part(name);
        }
    }
}
