//! Conversation partners of two snapshots: new and gone.
//!
//! Comes in: two snapshots and how whole they are. Goes out: changes. A partner is known by its
//! address, the protocol, who opened the conversation and the port that names the service; the
//! ephemeral port changes with every connection and is never looked at. Conversations of a host
//! with itself are left out.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::analyse::diff::{ChangeKind, Diff, Incomparable, Subject, Wholeness, one_sided};
use crate::model::snapshot::{Snapshot, View};
use crate::model::socket::{Direction, Socket, Transport};

type Peer = (Direction, Transport, Option<u16>, IpAddr);

/// Compares the partners. Who opened a conversation is known only where all listeners are, so a
/// side without them is not judged: an inbound conversation would look like an outbound one to a
/// random port.
pub(crate) fn compare(
    from: &Snapshot,
    to: &Snapshot,
    whole: Wholeness,
    listeners_known: bool,
    diff: &mut Diff,
) {
    if !listeners_known {
        let reason = "without all listeners it cannot be told who opened a conversation".to_owned();
        diff.incomparable.push(Incomparable { view: View::Sessions, reason });
        return;
    }
    let sides = (&peers(from), &peers(to));
    let kinds = (View::Sessions, ChangeKind::PeerNew, ChangeKind::PeerGone);
    one_sided(sides, whole, kinds, subject, diff);
}

fn subject(&(direction, transport, service_port, address): &Peer) -> Subject {
    Subject::Peer { direction, transport, service_port, address }
}

fn peers(snapshot: &Snapshot) -> BTreeMap<Peer, String> {
    let mut counts: BTreeMap<Peer, u64> = BTreeMap::new();
    for socket in &snapshot.records.sockets {
        if let Some(peer) = peer(&socket.record) {
            *counts.entry(peer).or_default() += 1;
        }
    }
    let text = |count| if count == 1 { "1 socket".into() } else { format!("{count} sockets") };
    counts.into_iter().map(|(peer, count)| (peer, text(count))).collect()
}

fn peer(socket: &Socket<'static>) -> Option<Peer> {
    let remote = socket.remote.as_ref()?;
    let service_port = match socket.direction {
        Direction::Inbound => socket.local.port,
        Direction::Outbound => remote.port,
        Direction::Listener | Direction::Local | Direction::Unconnected | Direction::Unknown => {
            return None;
        }
    };
    Some((socket.direction, socket.transport, service_port, remote.address))
}
