//! `netstat` of net-tools, 1.60 to 2.10, and the grammar it shares with busybox.
//!
//! In: standard output of `netstat -n` with any of `-a -t -u -w -l -e -o -p -W`, in chunks cut
//! anywhere. Out: one socket per row. Knows nothing of who ran the command or for what.
//!
//! ```text
//! Active Internet connections (servers and established)
//! Proto Recv-Q Send-Q Local Address   Foreign Address  State       User  Inode   PID/Program name  Timer
//! tcp        0      0 0.0.0.0:22      0.0.0.0:*        LISTEN      0     421784  204/sshd          off (0.00/0/0)
//! tcp6       1      0 127.0.0.1:8080  127.0.0.1:43344  CLOSE_WAIT  33    422298  310/my server     on (0.16/1/0)
//! udp        0      0 0.0.0.0:68      0.0.0.0:*                    0     421784  -                 off (0.00/0/0)
//! raw6       0      0 :::58           :::*             7           0     422297  204/sshd          off (0.00/0/0)
//! ```
//!
//! Columns: protocol; bytes not yet read (listeners: connections waiting) and not yet acknowledged;
//! local and remote end; state, blank for UDP without a peer; user id and inode (with `-e -e`);
//! process id and `argv[0]` without its path (with `-p`); timer with seconds left,
//! retransmissions and unanswered probes (with `-o`). Source: netstat(8), net-tools `netstat.c`.
//!
//! Decisions, each because the text alone does not say:
//! - The last colon is the port's. A bare IPv4 address under `tcp6` is a v4-mapped one.
//! - Without `-W` address and port together are cut to 22 characters, the port being kept: a field
//!   of exactly 23 may be a cut address that looks whole. Where it cannot be read it is an issue;
//!   where it can, the socket is flagged `truncated` and an issue says so. An IPv4 end is at most
//!   21 long and is never cut.
//! - `:::p` is any IPv6 address, perhaps any IPv4 one too: `dual_stack` stays `None`.
//! - The state of a raw socket is a number that busybox prints wrong; whether there is a peer tells
//!   the same.
//! - The process name comes from `argv[0]`, which the process chooses, and pid and name share 19
//!   characters, so attribution is at most `ambiguous`. Only one owner of several is named.
//! - With `-o` every row ends in a timer, so a row without one was parted by a newline in a name:
//!   it takes the following lines until it is whole, unless a line is a row by itself. Without `-o` the
//!   padding behind a name shows the same: a row that ends without it takes a line that is nothing by
//!   itself and fits into the column of programs.
//! - A program that is not `pid/name`, or with a process id no host has, costs the owner, not the row:
//!   attribution is `ambiguous` and a note says so.
//! - Captures made without `LC_ALL=C` hold translated words: states and timers are read by a table,
//!   titles and headers told from rows (`words.rs`), and under a header in another language the
//!   columns of each row are told by the row. A state of no known language is `unknown`.
//! - Tables without sockets (`-r`, `-i`, `-g`, `-s`) are issues that say what they are.
//! - Sections of other families (unix, IPX, AX.25, Bluetooth) are known and carry no internet
//!   socket: they count as headers. So do the remarks about missing rights, where a capture mixed
//!   them in.
//! - `[UNKN]`, `[NONE SET]` and host or service names are no addresses: such a row is an issue.

mod endpoint;
mod row;
mod rows;
mod tail;
mod words;

use crate::model::parsed::Reader;

pub(super) use row::Dialect;

/// Whether the command was told not to cut addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// Not known: a field of more than 23 characters shows that it was.
    Auto,
    /// It was: `-W`.
    Wide,
    /// It was not.
    Narrow,
}

/// A reader of the output of net-tools.
#[must_use]
pub fn reader(width: Width) -> Box<dyn Reader> {
    rows::reader(Dialect::NetTools, width)
}

/// A reader of the same grammar as another program prints it.
pub(super) fn dialect_reader(dialect: Dialect, width: Width) -> Box<dyn Reader> {
    rows::reader(dialect, width)
}
