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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::parsed::Row;
    use crate::model::socket::{Attribution, Owner, Socket, State};
    use crate::model::text::HostText;
    use crate::probe::testing::{Seen, read};

    const UDP: &str = "UDP: IPv4\n   Local Address        Remote Address      User    Pid      Command       State\n\
        -------------------- -------------------- -------- ------ -------------- ----------\n";
    const TCP: &str = "TCP: IPv4\n   Local Address        Remote Address      User    Pid      Command     Swind  Send-Q Rwind  Recv-Q    State\n\
        -------------------- -------------------- -------- ------ -------------- ------ ------ ------ ------ -----------\n";

    fn tcp(local: &str, user: &str, pid: &str, command: &str) -> String {
        let (remote, state) = ("      *.*", "LISTEN");
        format!(
            "{local:<20} {remote:<20} {user:<8} {pid:>6} {command:<14} {:>6} {:>6} {:>6} {:>6} {state}\n",
            0, 0, 128_000, 0
        )
    }

    fn udp(local: &str, user: &str, pid: &str, command: &str) -> String {
        format!("{local:<20} {:<20} {user:<8} {pid:>6} {command:<14} Idle\n", "")
    }

    fn sockets(seen: &Seen) -> Vec<&Socket<'static>> {
        let socket = |(_, row): &'_ (_, Row<'static>)| matches!(row, Row::Socket(_));
        let rows = seen.rows.iter().filter(|row| socket(row));
        rows.filter_map(|(_, row)| if let Row::Socket(socket) = row { Some(socket) } else { None })
            .collect()
    }

    /// `PORT STATE PID:NAME ...`.
    fn short(seen: &Seen) -> Vec<String> {
        let owner = |owner: &Owner<'_>| format!(" {}:{}", owner.pid, owner.name.escaped());
        let one = |socket: &&Socket<'_>| {
            let owners: String = socket.owners.iter().map(owner).collect();
            format!("{} {:?}{owners}", socket.local.port.unwrap_or(0), socket.state)
        };
        sockets(seen).iter().map(one).collect()
    }

    fn messages(seen: &Seen) -> Vec<&str> {
        seen.issues.iter().map(|issue| issue.message.as_str()).collect()
    }

    #[test]
    fn names_with_newlines_make_no_rows_and_hide_none() {
        for name in [
            "a\nb",
            "\n\n\n",
            "0 0 0 0 IDLE\n",
            "a\nTCP: IPv4\nb",
            "a\n*.1",
            "x\r\ny",
            "\n*.1 *.1 r 1 a",
        ] {
            let text = format!(
                "{TCP}{}{}{}",
                tcp("      *.1", "root", "10", "one"),
                tcp("      *.2", "nobody", "11", name),
                tcp("      *.3", "root", "12", "three")
            );
            let seen = read(reader(Dialect::Illumos, Part::All), text.as_bytes());
            let named = HostText::new(name.as_bytes());
            let expected = [
                "1 Listen 10:one".to_owned(),
                format!("2 Listen 11:{}", named.escaped()),
                "3 Listen 12:three".to_owned(),
            ];
            assert_eq!(short(&seen), expected, "{name:?}");
            assert!(sockets(&seen)[1].flags.name_has_control, "{name:?}");
            assert_eq!(messages(&seen), Vec::<&str>::new(), "{name:?}");
        }
        for name in ["x Idle\n", "Idle\n*.1 a 1", "\nUDP: IPv6\n", "a\n*.1 Idle"] {
            let text = format!(
                "{UDP}{}{}",
                udp("      *.2", "nobody", "11", name),
                udp("      *.3", "root", "12", "three")
            );
            let seen = read(reader(Dialect::Illumos, Part::All), text.as_bytes());
            let ports: Vec<_> = sockets(&seen).iter().map(|socket| socket.local.port).collect();
            assert!(!ports.contains(&Some(1)), "{name:?}: {ports:?}");
            assert!(ports.contains(&Some(3)), "{name:?}: {ports:?}");
            assert!(ports.contains(&Some(2)) || !seen.issues.is_empty(), "{name:?}: {ports:?}");
        }
    }

    #[test]
    fn owners_are_added_to_one_socket_only_where_the_rows_are_of_one() {
        let text = format!(
            "{TCP}{}{}{}{}{}{}",
            tcp("      *.443", "root", "10", "httpd"),
            tcp("      *.443", "root", "11", "httpd"),
            // The same owner again: another socket, or another descriptor. Two records lose nothing.
            tcp("      *.443", "root", "10", "httpd"),
            tcp("      *.80", "root", "10", "httpd"),
            tcp("      *.*", "root", "10", "httpd"),
            tcp("      *.*", "root", "11", "httpd"),
        );
        let seen = read(reader(Dialect::Illumos, Part::All), text.as_bytes());
        let expected = [
            "443 Listen 10:httpd 11:httpd",
            "443 Listen 10:httpd",
            "80 Listen 10:httpd",
            "0 Listen 10:httpd",
            "0 Listen 11:httpd",
        ];
        assert_eq!(short(&seen), expected);
        let lines: Vec<_> = seen.rows.iter().map(|(span, _)| span.line).collect();
        assert_eq!(lines.first().zip(lines.last()), Some((&4, &9)));
        let seen = read(reader(Dialect::Solaris, Part::All), text.as_bytes());
        assert_eq!(short(&seen).len(), 6, "Solaris names one owner of a socket");
    }

    #[test]
    fn columns_that_were_moved_are_issues_and_never_glued() {
        let text =
            format!("{TCP}*.1 *.* root 10 a 0 0 1 0 LISTEN\n*.2 *.* root 11 b 0 0 1 0 LISTEN\n");
        let seen = read(reader(Dialect::Illumos, Part::All), text.as_bytes());
        assert_eq!((seen.rows.len(), seen.issues.len()), (0, 2), "{seen:?}");
    }

    #[test]
    fn a_cut_command_is_flagged_and_process_0_is_the_kernel() {
        let text = format!(
            "{TCP}{}{}{}",
            tcp("      *.1", "root", "10", "fourteen_chars"),
            tcp("      *.2", "root", "0", "sched"),
            tcp("      *.3", "", "", ""),
        );
        let seen = read(reader(Dialect::Illumos, Part::All), text.as_bytes());
        let found: Vec<_> = sockets(&seen)
            .iter()
            .map(|socket| (socket.flags.truncated, socket.attribution, socket.owners.len()))
            .collect();
        let expected = [
            (true, Attribution::Owned, 1),
            (false, Attribution::Kernel, 0),
            (false, Attribution::Unsupported, 0),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn queues_are_columns_four_and_six_and_verbose_gives_the_same() {
        let plain = b"TCP: IPv4\n192.0.2.1.22  198.51.100.1.50000 49640 16 49640 36 ESTABLISHED\n";
        let verbose = b"TCP: IPv4\nLocal/Remote Address Swind  Snext     Suna   Rwind  Rnext     Rack    Rto   Mss     State\n\
            192.0.2.1.22        \n198.51.100.1.50000   49640 00000010 ffffffff 49640 0000002b 00000007   675  1460 ESTABLISHED\n";
        for text in [plain.as_slice(), verbose] {
            let seen = read(reader(Dialect::Solaris, Part::All), text);
            let found = sockets(&seen);
            assert_eq!(found.len(), 1, "{seen:?}");
            assert_eq!(
                (found[0].send_queue_bytes, found[0].recv_queue_bytes),
                (Some(16), Some(36))
            );
            assert_eq!(found[0].state, State::Established);
        }
    }

    #[test]
    fn sctp_is_given_once_by_family() {
        let text = b"SCTP:\n192.0.2.1.3868 198.51.100.7.3868 1 0 1 0  32/32  ESTABLISHED\n\
            \t<Remote: 198.51.100.8, (198.51.100.9)>\n\
            2001:db8::1.3868 2001:db8:1::7.3868 1 0 1 0  32/32  COOKIE_WAIT\n\
                  *.3868 :: 0 0 1 0  32/32  LISTEN\n";
        let count = |part| {
            let seen = read(reader(Dialect::Solaris, part), text);
            (seen.rows.len(), seen.headers.len(), seen.issues.len())
        };
        assert_eq!(count(Part::All), (3, 2, 0));
        assert_eq!(count(Part::Ipv4), (1, 4, 0));
        assert_eq!(count(Part::Ipv6), (2, 3, 0));
    }

    #[test]
    fn a_wrapped_row_is_joined_and_what_is_cut_or_unknown_is_said() {
        let text = b"TCP: IPv6\n2001:db8:1111:2222:3333:4444:5555:6666.22\n\
            \x20  2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff.50000 0 0 49640 0 BOUND net0\n\
            192.0.2.1.22 *.* 0 0 1 0 LISTEN\n::1.22 *.* 0 0 1 0 LIST";
        let seen = read(reader(Dialect::Solaris, Part::All), text);
        let found = sockets(&seen);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].bind_device, Some(HostText::new(b"net0")));
        assert_eq!((found[0].state, found[0].local.zone.clone()), (State::Bound, None));
        assert_eq!(found[1].state_raw, Some(HostText::new(b"LIST")));
        assert_eq!(messages(&seen).len(), 1);
        assert!(seen.unterminated);
        for text in [
            "*.22 *.* 0 0 1 0 LISTEN\n",
            "TCP: IPv4\nhost.ssh *.* 0 0 1 0 LISTEN\n",
            "TCP: IPv4\n*.22\n",
        ] {
            let seen = read(reader(Dialect::Solaris, Part::All), text.as_bytes());
            assert_eq!((seen.rows.len(), seen.issues.len()), (0, 1), "{text}");
        }
    }

    #[test]
    fn a_table_without_its_title_is_told_by_its_header() {
        let headless = |text: &str| text.split_once('\n').unwrap().1.to_owned();
        let rows4 = format!(
            "{}{}{}{}",
            headless(UDP),
            udp("      *.514", "root", "501", "syslogd"),
            headless(TCP),
            tcp("      *.22", "root", "10", "sshd")
        );
        let seen = read(reader(Dialect::Illumos, Part::All), rows4.as_bytes());
        assert_eq!(short(&seen), ["514 Unconnected 501:syslogd", "22 Listen 10:sshd"]);
        assert_eq!(messages(&seen), Vec::<&str>::new());
        let rows6 = "   Local Address                     Remote Address                 Swind Send-Q Rwind Recv-Q   State      If\n\
            --------------------------------- --------------------------------- ----- ------ ----- ------ ----------- -----\n\
            \x20     *.22                              *.*                             0      0 128000      0 LISTEN\n";
        let seen = read(reader(Dialect::Solaris, Part::All), rows6.as_bytes());
        assert_eq!(sockets(&seen)[0].local.address.to_string(), "::");
        // SCTP and sockets of no network have titles of their own, which nothing replaces.
        let rows =
            read(reader(Dialect::Solaris, Part::All), b"      *.22 *.* 0 0 128000 0 LISTEN\n");
        assert_eq!((rows.rows.len(), rows.issues.len()), (0, 1));
    }

    #[test]
    fn unix_sockets_are_known_to_the_end() {
        let text = b"Active UNIX domain sockets\nAddress Type Vnode Conn Local Addr Remote Addr\n\
            ffff stream-ord 0 0 /tmp/a\nTCP: IPv4\n*.22 *.* 0 0 1 0 LISTEN\n";
        let seen = read(reader(Dialect::Solaris, Part::All), text);
        assert_eq!((seen.rows.len(), seen.headers.len(), seen.issues.len()), (0, 5, 0));
    }
}
