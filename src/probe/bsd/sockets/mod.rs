//! Sockets as netstat(1) of macOS, FreeBSD, OpenBSD and NetBSD lists them.
//!
//! In: standard output of `netstat -a -n` with any of `-A -b -f -L -l -P -R -T -v -W -x`, in chunks cut
//! anywhere. Out: one socket per row. Knows nothing of who ran the command or for what.
//!
//! ```text
//! Active Internet connections (including servers)
//! Proto Recv-Q Send-Q Local Address          Foreign Address        (state)
//! tcp4       0     36 192.0.2.1.22           198.51.100.7.51000     ESTABLISHED
//! tcp46      0      0 *.80                   *.*                    LISTEN
//! udp6       0      0 fe80::1%em0.123        *.*
//! ```
//!
//! Columns: protocol with the family's number (FreeBSD, macOS: `4`, `6`, `46` for a socket that serves
//! both; OpenBSD, NetBSD: nothing or `6`); bytes not yet read and not yet acknowledged; local and remote
//! end with the port behind the last point; state, for TCP only. `-A` puts addresses of the kernel in
//! front, `-T` and `-x` other columns, `-L` the queue of each listener in place of the rest.
//! macOS has gone through four forms of what follows the state:
//!
//! ```text
//! A  (nothing)   or, with -b,   rxbytes txbytes
//! B  rhiwat shiwat pid epid
//! C  rhiwat shiwat pid epid state options [gencnt flags flags1 usscnt rtncnt fltrs]
//! D  rxbytes txbytes rhiwat shiwat process:pid state options gencnt flags flags1 usecnt rtncnt fltrs
//! ```
//! Source: netstat(1) and `netstat/inet.c`, `inet6.c`, `unix.c` of each system.
//!
//! Decisions, each because the text alone does not say:
//! - The columns are those of the header; without one, the form of the row tells.
//! - `pid` and `process:pid` are the process that used the socket last (`so_last_pid`), which is the one
//!   that holds it but for sockets that were passed on. `epid`, on whose behalf, holds nothing and is
//!   left out. Pid 0 is the kernel itself, and bit 0 of the second `state` (`SS_NOFDREF`) says that no
//!   descriptor refers to the socket: both are `kernel`. Forms B and C give no name.
//! - The name of a process may hold blanks, colons and newlines. Form D is read from its end, and a row
//!   is a row only with every one of its hexadecimal columns: no name is long enough to hold them. A row
//!   that a newline parted takes the lines that follow until it is whole; what would make the name longer
//!   than [`tail::NAME_MAX`] is no part of it. So a name can forge no row, and the worst it can do is an
//!   issue.
//! - Addresses of IPv6 are cut to 16 characters (with `-A` on NetBSD to 12), the port being kept, unless
//!   `-l` (macOS), `-W` (FreeBSD) or `-v` (OpenBSD, NetBSD) was given: an address of exactly that length
//!   is flagged `truncated`, and an issue says so; what is no address is an issue. With `-A` both ends are
//!   cut to 18 characters, port included: an end that fills its column with a port of fewer than five
//!   digits is an issue, never a port.
//! - A listener has no queues: its columns count bytes and are 0. `-L` tells its backlog.
//! - A socket that serves both families is printed by `-f inet` and by `-f inet6`. Where two commands ask
//!   for one family each, that of IPv4 leaves it to the other.
//! - `icm4`, `icm6` and `igm4` are raw sockets of protocol 1, 58 and 2. Those of `divert` carry no internet
//!   socket's ends and count as headers.
//! - Sections of other kinds (UNIX, multipath, kernel event and control) count as headers. A path in a UNIX
//!   section may hold newlines, so a socket that seems to stand there is an issue.
//! - Names of hosts and services are no facts: such a row is an issue.

mod header;
mod lines;
mod protocol;
mod row;
mod tail;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod round_trip;

use crate::model::parsed::Reader;
use crate::model::socket::Family;

/// How the command was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::probe) struct Setup {
    /// The family that was asked for. `None`: both, or not known.
    pub(in crate::probe) family: Option<Family>,
    /// It was told not to cut addresses.
    pub(in crate::probe) wide: bool,
    /// The system numbers families (`tcp4`, `tcp6`, `tcp46`), so that `tcp6` serves IPv6 alone.
    pub(in crate::probe) numbered: bool,
}

impl Setup {
    /// Text alone.
    pub(in crate::probe) const AUTO: Self = Self { family: None, wide: false, numbered: false };

    /// One family, with addresses in full.
    pub(in crate::probe) const fn wide(family: Family) -> Self {
        Self { family: Some(family), wide: true, numbered: false }
    }

    /// The same on a system that numbers families.
    pub(in crate::probe) const fn numbered(mut self) -> Self {
        self.numbered = true;
        self
    }
}

/// A reader of the list.
#[must_use]
pub(in crate::probe) fn reader(setup: Setup) -> Box<dyn Reader> {
    lines::reader(setup)
}
