//! `ss` of iproute2, every version from RHEL 6 (2.6.32) to 7.x.
//!
//! In: standard output of `ss -n` with any of `-a -t -u -w -e -o -p -i -m -H -O -T -Z`, in chunks
//! cut anywhere. Out: one socket per row. Knows nothing of who ran the command or for what.
//!
//! ```text
//! Netid State  Recv-Q Send-Q Local Address:Port  Peer Address:Port Process
//! udp   UNCONN 0      0         0.0.0.0%eth0:68       0.0.0.0:*    users:(("dhclient",pid=48,fd=6)) ino:55 sk:9 <->
//! tcp   LISTEN 0      128                  *:22             *:*    users:(("sshd",pid=7,fd=3)) ino:61 sk:a v6only:0 <->
//! tcp   ESTAB  0      52            10.0.0.1:22      10.0.0.9:5022 timer:(on,204ms,0) uid:33 ino:72 sk:b <->
//! ```
//!
//! Columns: protocol, state, bytes not yet read, bytes not yet acknowledged (listeners: backlog in
//! use and its limit), local and remote end, then fields in any mixture. Widths follow the
//! terminal, so only words count, never places. The protocol or state column is missing when the
//! command asked for one only; the header says so.
//!
//! Decisions, each because the text alone does not say:
//! - `*` is `0.0.0.0` before iproute2 4.14 and a dual-stack `::` after. With a family given to
//!   [`reader`] nothing is left open. Without, `v6only:` or the spelling of earlier rows decides,
//!   and the first `*` that nothing decides is read as IPv4 with a note.
//! - `dual_stack` is set only on a `::` that waits for peers. A `*` proves it for TCP, and `[::]` the
//!   contrary once the output is known to be of 4.14 or later; for UDP only
//!   together with `v6only:0`, because where the kernel lacks `udp_diag` `ss` falls back to `/proc`
//!   and prints `*` for every `::`. Raw sockets have no dual stack.
//! - `%dev` is the zone of a link-local address and the bound device of any other.
//! - A process chooses its own name, and before iproute2 7.0 it is printed as it is. Owners are
//!   therefore read by the end of each entry, which no 15 bytes can imitate; see `owners.rs`. A
//!   newline in a name breaks the row in two: an unfinished row takes the following lines until it
//!   is whole, unless a line is a row by itself.
//! - An owner that cannot be read costs the owner, not the row: what stands before the owners is the
//!   kernel's. The row says `ambiguous`, and a note says why. Where the list has no end the row is
//!   flagged `truncated`, and what would follow the list stays `None`.
//! - A row longer than 64 KiB, which its owners make it, is read as far as they fit, without the last of those:
//!   what follows an owner proves it. It is flagged `truncated`, and what would follow the list stays `None`.
//! - An SCTP association stands below the row of its socket as `` `- ESTAB``, without a protocol.
//! - Where the state is not printed (a command for one state), it is `unknown` without a word, and
//!   the queues of a socket without a peer stay `None`: they may be a listener's.
//! - unix, netlink, packet, vsock, tipc and xdp rows are known and count as headers: they carry no
//!   internet socket. So do the TAB-led lines of `-i` and `-m`, and the remarks about cgroup2 where a
//!   capture holds standard error too. The name of a unix socket may hold newlines and imitate rows: a
//!   row without inode and peer at its end is an issue, and so is what could be a part of the name;
//!   see `unix.rs`. The command standard asks for no unix sockets.
//! - RHEL 6 prints UDP as `tcp UNCONN`; a TCP socket in that state and the old spelling is UDP.
//! - The user id of a `TIME-WAIT` row is not reported, nor user 0 of a socket that no file holds (inode
//!   0): the kernel no longer has it.
//! - Before iproute2 4.0 rows that come from /proc have `uid=`, `ino=` and `sk=` for `uid:`, `ino:`, `sk:`.

mod endpoint;
mod fields;
mod owners;
mod row;
mod rows;
mod unix;
mod words;

use crate::model::parsed::Reader;
use crate::model::socket::Family;

/// A reader of `ss` output. `family` is the one the command asked for (`-4`, `-6`); `None` when it
/// asked for both.
#[must_use]
pub fn reader(family: Option<Family>) -> Box<dyn Reader> {
    rows::reader(family)
}
