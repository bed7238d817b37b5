//! `netstat -a -n` of Solaris 8 to 11.4 and of illumos, with any of `-u -v -f -P`.
//!
//! In: standard output, in chunks cut anywhere. Out: sockets, and with `-u` the users of their
//! processes. Knows nothing of who ran the command or for what.
//!
//! ```text
//! UDP: IPv4
//!    Local Address        Remote Address      User    Pid      Command       State
//! -------------------- -------------------- -------- ------ -------------- ----------
//!       *.514                               root        501 syslogd        Idle
//! 192.0.2.10.40000     198.51.100.53.53     named       620 named          Connected
//!
//! TCP: IPv6
//!    Local Address                     Remote Address                 Swind Send-Q Rwind Recv-Q   State      If
//! --------------------------------- --------------------------------- ----- ------ ----- ------ ----------- -----
//!       *.22                              *.*                             0      0 128000      0 LISTEN
//! ```
//!
//! Sections `UDP`, `TCP`, each for IPv4 and IPv6, `SCTP:` and `Active UNIX domain sockets`; the last
//! is known, carries no internet socket, and nothing stands behind it. Columns are at least as wide
//! as their dashes; a longer value moves the rest of its row to the right. Source: netstat(1M) of
//! Solaris 10, netstat(8) of Solaris 11.4 and illumos, illumos `netstat.c`, `tcp_stats.c`.
//!
//! Decisions:
//! - Ends are read from the left, state and numbers from the right: what is between them is owner.
//!   A remote end is blank for UDP without a peer.
//! - `Send-Q` is the bytes sent and not acknowledged, less one; `Recv-Q` those received and not yet
//!   acknowledged, whether read or not. Both are kept as printed; `-v` is computed alike. A listener
//!   has 0 there, which says nothing of its backlog: nothing is kept.
//! - A socket bound to `::` that takes IPv4 too is listed in both tables, and nothing tells that two
//!   rows are one socket: they stay two, `dual_stack` stays `None`.
//! - `If` is the interface that the socket is bound to; of a link-local end it is the zone.
//! - `-u` of illumos prints a row for each owner: rows that follow one another and differ only in
//!   the owner are one socket, if it has a port. A second row with the same owner is another socket.
//!   Solaris 11.4 prints one owner, the process that made the socket or controls it now.
//! - `Command` is the name of the binary as it was started, cut to its column; exactly as long as
//!   the column, it may be cut. It may hold blanks and newlines: where the state and the numbers of a
//!   row stand further left than the column of the command ends, they are part of a name that a
//!   newline had parted, and the next lines are taken until the row is whole.
//! - `-u -v` prints arguments behind the state, as the process likes: rows are issues.
//! - SCTP has one section whatever `-f` says: with [`Part::Ipv4`] and [`Part::Ipv6`] each row is
//!   given once. Further addresses of an association (`-v`) have no place in a record: headers.
//! - `RxOverflows` (11.4) are the datagrams dropped because the receive buffer was full.

mod row;
mod rows;
mod section;
mod tail;

use crate::model::parsed::Reader;

/// Whose output it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Oracle Solaris: with `-u` one owner of a socket.
    Solaris,
    /// illumos: with `-u` a row for each owner.
    Illumos,
}

/// Which SCTP sockets are given: the section is the same whatever family was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All.
    All,
    /// Those of IPv4.
    Ipv4,
    /// Those of IPv6.
    Ipv6,
}

/// A reader of the output.
#[must_use]
pub fn reader(dialect: Dialect, part: Part) -> Box<dyn Reader> {
    rows::reader(dialect, part)
}
