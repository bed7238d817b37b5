//! What each gap takes from a record: the table of `Probe::cannot_say`, applied.
//!
//! `forget` removes from a whole record what a tool does not say, so that what is left must be
//! equal to what its reader gives, field for field.

use fleetstat::model::socket::{Attribution, Socket, Transport};
use fleetstat::model::text::HostText;
use fleetstat::probe::gap::Gap;

/// A whole record, and the first argument of each of its owners, in their order.
#[derive(Clone)]
pub(crate) struct Whole {
    pub(crate) socket: Socket<'static>,
    pub(crate) argv0: Vec<Vec<u8>>,
}

/// True when the tool lists the socket at all.
pub(crate) fn lists(gaps: &[Gap], socket: &Socket<'_>) -> bool {
    gaps.iter().all(|gap| match gap {
        Gap::UnownedSockets => !socket.owners.is_empty(),
        Gap::UnpairedNames => {
            socket.owners.iter().any(|owner| paired(owner.name.bytes()).is_some())
        }
        Gap::RawSockets => socket.transport != Transport::Raw,
        _ => true,
    })
}

/// Takes out what the tool does not say.
pub(crate) fn forget(gaps: &[Gap], whole: &Whole) -> Socket<'static> {
    let mut socket = whole.socket.clone();
    for gap in gaps {
        forget_one(*gap, &mut socket, &whole.argv0);
    }
    socket.flags.name_has_control = socket.owners.iter().any(|owner| owner.name.has_control());
    socket
}

fn forget_one(gap: Gap, socket: &mut Socket<'static>, argv0: &[Vec<u8>]) {
    match gap {
        Gap::Owners => {
            socket.owners.clear();
            socket.attribution = Attribution::Unsupported;
        }
        // The first that is found is the one with the lowest process id.
        Gap::OtherOwners => socket.owners.truncate(1),
        Gap::OwnerDescriptor => socket.owners.iter_mut().for_each(|owner| owner.fd = None),
        Gap::OwnerComm => {
            for (owner, argv0) in socket.owners.iter_mut().zip(argv0) {
                owner.name = HostText::owned(program(owner.pid, argv0));
                socket.attribution = Attribution::Ambiguous;
            }
        }
        Gap::OwnerNameEnd => {
            rename(socket, |name| name.iter().copied().take_while(|&byte| byte != b')').collect());
        }
        Gap::UnpairedNames => {
            socket.owners.retain(|owner| paired(owner.name.bytes()).is_some());
            rename(socket, |name| paired(name).unwrap_or_default());
        }
        Gap::OwnerNameControls => rename(socket, carets),
        Gap::RawDetails if socket.transport == Transport::Raw => {
            (socket.inode, socket.uid) = (None, None);
        }
        Gap::BindDevice => socket.bind_device = None,
        Gap::Zone => socket.local.zone = None,
        Gap::DualStack => socket.dual_stack = None,
        Gap::BacklogLimit => socket.backlog_max = None,
        Gap::Timer => socket.timer = None,
        Gap::Drops => socket.drops = None,
        Gap::Inode => socket.inode = None,
        Gap::Cookie => socket.cookie = None,
        Gap::SocketUser => socket.uid = None,
        Gap::ControlGroup => socket.cgroup = None,
        // `lists` and the test take these out as whole rows; the rest is not about sockets.
        _ => {}
    }
}

fn rename(socket: &mut Socket<'static>, change: impl Fn(&[u8]) -> Vec<u8>) {
    for owner in &mut socket.owners {
        owner.name = HostText::owned(change(owner.name.bytes()));
    }
}

/// `argv[0]` without the path before its first blank, cut with `pid/` before it to 19 characters; the padding behind it
/// cannot be told from blanks at its end.
fn program(pid: u32, argv0: &[u8]) -> Vec<u8> {
    let path = argv0.split(|&byte| byte == b' ').next().unwrap_or_default();
    let last = path.iter().rposition(|&byte| byte == b'/').map_or(argv0, |at| &argv0[at + 1..]);
    let room = 19 - pid.to_string().len() - 1;
    let mut name = last[..last.len().min(room)].to_vec();
    while name.last() == Some(&b' ') {
        name.pop();
    }
    name
}

/// The name up to the parenthesis that closes the one which `/proc/PID/stat` opens before it.
/// `None`: there is no such.
fn paired(name: &[u8]) -> Option<Vec<u8>> {
    let mut open = 1;
    for (at, byte) in name.iter().chain(b")").enumerate() {
        match byte {
            b'(' => open += 1,
            b')' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some(name[..at].to_vec());
        }
    }
    None
}

/// Controls without a letter of their own, as `^` and the letter 64 above.
fn carets(name: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for &byte in name {
        match byte {
            b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => out.push(byte),
            0..0x20 => out.extend([b'^', byte + 0x40]),
            _ => out.push(byte),
        }
    }
    out
}

/// True when the tool may have cut an end of the socket: it needs more than 22 characters.
pub(crate) fn is_long(socket: &Socket<'_>) -> bool {
    let long = |address: std::net::IpAddr, port: Option<u16>| {
        let port = port.map_or(1, |port| port.to_string().len());
        address.is_ipv6() && address.to_string().len() + port > 22
    };
    let remote = socket.remote.as_ref();
    long(socket.local.address, socket.local.port)
        || remote.is_some_and(|remote| long(remote.address, remote.port))
}
