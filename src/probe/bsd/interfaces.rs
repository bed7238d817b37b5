//! Interfaces as `netstat -i` of macOS and the BSDs lists them.
//!
//! ```text
//! Name       Mtu   Network       Address            Ipkts Ierrs     Ibytes    Opkts Oerrs     Obytes  Coll Drop
//! lo0        16384 <Link#1>                        174982     0   25774844   174982     0   25774844     0   0
//! lo0        16384 127           192.0.2.1         174982     -   25774844   174982     -   25774844     -   -
//! en1*       1500  <Link#4>    00:00:5e:00:53:01  5921903     0 2530556736 14314573     0 1822823497     0   0
//! em0        -     2001:db8::/64 2001:db8::5            1     -        104        2     -        128     -   -
//! ```
//! Columns: name, with a star where the interface is not up; MTU; network and address, or `<Link#INDEX>`
//! and the link-layer address; counters, by the names in the header. Source: netstat(1), `netstat/if.c`
//! of each system.
//!
//! Decisions:
//! - Counters are those of the row of the link. What stands in the row of an address is on FreeBSD that
//!   address's share, elsewhere the same again.
//! - `Drop` is packets dropped when sending, `Idrop` when receiving. `Ifail` and `Ofail` of OpenBSD add up
//!   errors and drops, so they tell neither. A row with one counter fewer than the header lacks the last
//!   (macOS leaves out `Drop`).
//! - An interface without a link-layer address leaves the column blank, or has its own name there.
//! - Names, networks and addresses are cut to their columns by most versions. A name of five characters in
//!   a column of five, or one that fills a wider column and does not end in a number, may be cut: an issue,
//!   not a row. So is an address or network that is as long as what they are cut to, unless it can go on
//!   no further. Where the command avoids that (FreeBSD `-W`, OpenBSD and NetBSD `-v`, newer macOS `-l`)
//!   nothing is in doubt.
//! - An address needs a prefix, which the network tells: by its length, or by its class where macOS
//!   leaves the length out.
//! - Names of hosts and networks are no facts: such a row is an issue. Multicast groups (`-a`), which stand
//!   below their address, are not in the schema and count as headers.

use crate::model::link::{Interface, InterfaceAddress};
use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::socket::Family;
use crate::model::text::HostText;
use crate::probe::address::hardware_address;
use crate::probe::bsd::network::{address, is_link_address, network, number, owned, words};
use crate::probe::lines::{LineParser, Lines};

const CUT_NAME: &str = "the interface's name fills its column and may be cut: run netstat with -l \
                        (macOS), -W (FreeBSD) or -v (NetBSD)";
const CUT_ADDRESS: &str = "a network or an address fills its column and may be cut: run netstat \
                           with -l (macOS), -W (FreeBSD) or -v";
const NAMES: &str =
    "expected a network with its prefix and an address in numbers: run netstat with -n";
const ROW: &str = "expected a row of netstat -i";
const COUNT: &str = "expected as many counters as the header names";

/// Characters of the narrowest columns of addresses, and of an IPv6 network.
const ADDRESS: usize = 17;
const NETWORK: [usize; 2] = [11, 13];

/// A reader of the list. `whole`: the command was told not to cut names and addresses.
#[must_use]
pub(in crate::probe) fn reader(whole: bool) -> Box<dyn Reader> {
    Box::new(Lines::new(Interfaces { whole, columns: None }))
}

struct Interfaces {
    whole: bool,
    columns: Option<Columns>,
}

struct Columns {
    /// The layout is that of a command which cuts, whatever it was asked.
    fixed: bool,
    /// The MTU stands at the left of its column.
    left: bool,
    name: usize,
    network: usize,
    address: usize,
    counters: Vec<Counter>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Counter {
    RxPackets,
    RxErrors,
    RxDropped,
    RxBytes,
    TxPackets,
    TxErrors,
    TxDropped,
    TxBytes,
    Collisions,
    Other,
}

impl Counter {
    fn of(name: &[u8]) -> Self {
        match name {
            b"Ipkts" => Self::RxPackets,
            b"Ierrs" => Self::RxErrors,
            b"Idrop" | b"Idrops" | b"Iqdrops" => Self::RxDropped,
            b"Ibytes" => Self::RxBytes,
            b"Opkts" => Self::TxPackets,
            b"Oerrs" => Self::TxErrors,
            b"Drop" | b"Drops" | b"Odrop" | b"Odrops" | b"Oqdrops" => Self::TxDropped,
            b"Obytes" => Self::TxBytes,
            b"Coll" | b"Colls" => Self::Collisions,
            _ => Self::Other,
        }
    }
}

impl LineParser for Interfaces {
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        if line.trim_ascii().is_empty() {
            return;
        }
        if let Some(columns) = header(line) {
            self.columns = Some(columns);
            return sink.header(span);
        }
        if is_group(line) {
            return sink.header(span);
        }
        let Some(columns) = &self.columns else {
            let expected = "expected the header of netstat -i before its rows";
            return sink.issue(Issue::unparsed(span, expected, line));
        };
        match interface(line, columns, self.whole && !columns.fixed) {
            Ok(interface) => sink.row(span, Row::Interface(interface)),
            Err(expected) => {
                // A name that was cut shows that the command cuts, whatever it was asked.
                self.whole &= expected != CUT_NAME;
                sink.issue(Issue::unparsed(span, expected, line));
            }
        }
    }

    fn end(&mut self, _: &mut dyn Sink) {}
}

/// Reads the header; its layout tells the widths of the columns.
fn header(line: &[u8]) -> Option<Columns> {
    let place = |word: &[u8]| memchr::memmem::find(line, word);
    let (mtu, network_at, address_at) = (place(b"Mtu")?, place(b"Network")?, place(b"Address")?);
    if !line.starts_with(b"Name") {
        return None;
    }
    let counters = line.get(address_at + b"Address".len()..)?;
    // FreeBSD sets the MTU to the right of its five characters.
    let left = line.get(mtu + 3..mtu + 5)?.iter().all(|&byte| byte == b' ');
    let name = if left { mtu } else { mtu.checked_sub(2)? }.checked_sub(1)?;
    let network = address_at.checked_sub(network_at + 1)?;
    Some(Columns {
        // With `-W` FreeBSD sets two blanks behind a column that is as wide as it must be.
        fixed: !left && (name, network) == (5, 13),
        left,
        name,
        network,
        address: ADDRESS.max(first_counter(line, address_at)?.saturating_sub(address_at + 9)),
        counters: words(counters).map(Counter::of).collect(),
    })
}

/// Where the column of the first counter ends.
fn first_counter(line: &[u8], address: usize) -> Option<usize> {
    let behind = line.get(address + b"Address".len()..)?;
    let word = words(behind).next()?;
    let at = memchr::memmem::find(behind, word)?;
    Some(address + b"Address".len() + at + word.len())
}

/// A multicast group below an address: nothing but an address, far to the right.
fn is_group(line: &[u8]) -> bool {
    let indent = line.iter().take_while(|&&byte| byte == b' ').count();
    let first = words(line).next().unwrap_or_default();
    indent >= 20 && (address(first).is_some() || is_link_address(first))
}

fn interface(line: &[u8], columns: &Columns, whole: bool) -> Result<Interface, &'static str> {
    let mut words = words(line);
    let written = words.next().ok_or(ROW)?;
    let name = name(written, columns, whole)?;
    let mut interface = Interface::named(owned(name));
    if name.len() < written.len() {
        interface.oper_state = Some(HostText::new(b"down"));
    }
    interface.mtu = match words.next().ok_or(ROW)? {
        b"-" => None,
        word => Some(number(word).ok_or(ROW)?),
    };
    let network = words.next().ok_or(ROW)?;
    let rest: Vec<&[u8]> = words.collect();
    if let Some(link) = network.strip_prefix(b"<Link") {
        interface.index = link.strip_prefix(b"#").and_then(|rest| number(rest.strip_suffix(b">")?));
        let counters = match rest.split_first() {
            Some((first, rest)) if value(first).is_none() => {
                interface.mac = hardware_address(first);
                rest
            }
            _ => rest.as_slice(),
        };
        count(&mut interface, counters, columns)?;
        return Ok(interface);
    }
    let (first, counters) = rest.split_first().ok_or(ROW)?;
    count(&mut Interface::named(HostText::default()), counters, columns)?;
    if network == b"none" {
        return Ok(interface);
    }
    interface.addresses.push(interface_address(network, first, columns, whole)?);
    Ok(interface)
}

/// The name without its star.
fn name<'a>(written: &'a [u8], columns: &Columns, whole: bool) -> Result<&'a [u8], &'static str> {
    if let Some(name) = written.strip_suffix(b"*") {
        return Ok(name);
    }
    let full = written.len() == columns.name;
    let numbered = written.last().is_some_and(u8::is_ascii_digit);
    let cut = match (whole, columns.name) {
        // Names of NetBSD end in a number; on FreeBSD they may be given, and fill their column.
        (true, 5) => full && !numbered && columns.left,
        (true, _) => false,
        (false, 0..=5) => full,
        (false, _) => full && !numbered,
    };
    if cut { Err(CUT_NAME) } else { Ok(written) }
}

/// A number, or nothing for `-`. The outer `None`: neither.
#[expect(clippy::option_option, reason = "no counter at all is another thing than one left out")]
fn value(word: &[u8]) -> Option<Option<u64>> {
    match word {
        b"-" => Some(None),
        // Counts of drops are signed on some systems.
        [b'-', digits @ ..] => number::<u64>(digits).map(|_| None),
        _ => number(word).map(Some),
    }
}

fn count(
    interface: &mut Interface,
    words: &[&[u8]],
    columns: &Columns,
) -> Result<(), &'static str> {
    let all = columns.counters.len();
    let last_is_drop = columns.counters.last() == Some(&Counter::TxDropped);
    if words.len() != all && !(words.len() + 1 == all && last_is_drop) {
        return Err(COUNT);
    }
    for (counter, word) in columns.counters.iter().zip(words) {
        let value = value(word).ok_or(COUNT)?;
        let Interface { rx, tx, collisions, .. } = interface;
        let slot = match counter {
            Counter::RxPackets => &mut rx.packets,
            Counter::RxErrors => &mut rx.errors,
            Counter::RxDropped => &mut rx.dropped,
            Counter::RxBytes => &mut rx.bytes,
            Counter::TxPackets => &mut tx.packets,
            Counter::TxErrors => &mut tx.errors,
            Counter::TxDropped => &mut tx.dropped,
            Counter::TxBytes => &mut tx.bytes,
            Counter::Collisions => collisions,
            Counter::Other => continue,
        };
        *slot = value;
    }
    Ok(())
}

fn interface_address(
    written: &[u8],
    address_word: &[u8],
    columns: &Columns,
    whole: bool,
) -> Result<InterfaceAddress, &'static str> {
    let v6 = memchr::memchr(b':', address_word).is_some();
    let family = if v6 { Family::Ipv6 } else { Family::Ipv4 };
    let narrow = !whole && columns.address < 39;
    let full_network =
        if v6 { NETWORK.contains(&written.len()) } else { written.len() >= columns.network };
    let cut =
        narrow && ((full_network && !is_ended(written)) || (v6 && address_word.len() == ADDRESS));
    let found = network(written, family, false).zip(address(address_word));
    match found {
        _ if cut => Err(CUT_ADDRESS),
        Some((network, address)) if address.is_ipv4() != v6 => {
            Ok(InterfaceAddress { address, prefix: Some(network.prefix), scope: None, peer: None })
        }
        _ => Err(NAMES),
    }
}

/// True for a network whose prefix length can have no further digit.
fn is_ended(network: &[u8]) -> bool {
    let length = memchr::memrchr(b'/', network).and_then(|at| network.get(at + 1..));
    length.and_then(number::<u16>).is_some_and(|length| length > 12)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::link::LinkCounters;
    use crate::probe::testing::{Seen, read, rows};

    fn counters([packets, errors, bytes, dropped]: [Option<u64>; 4]) -> LinkCounters {
        LinkCounters { bytes, packets, errors, dropped, overruns: None, multicast: None }
    }

    fn text(text: &str) -> HostText<'static> {
        owned(text.as_bytes())
    }

    fn part(name: &str, mtu: Option<u64>) -> Interface {
        Interface { mtu, ..Interface::named(text(name)) }
    }

    fn with_address(name: &str, mtu: Option<u64>, address: &str, prefix: u8) -> Row<'static> {
        let address = InterfaceAddress {
            address: address.parse().unwrap(),
            prefix: Some(prefix),
            scope: None,
            peer: None,
        };
        Row::Interface(Interface { addresses: vec![address], ..part(name, mtu) })
    }

    fn messages(seen: &Seen) -> Vec<&str> {
        seen.issues.iter().map(|issue| issue.message.as_str()).collect()
    }

    const MACOS: &str = "Name       Mtu   Network       Address            Ipkts Ierrs     Ibytes    Opkts Oerrs     Obytes  Coll Drop\n";

    #[test]
    fn links_have_counters_with_and_without_an_address_and_a_last_column() {
        let rows_of = "lo0        16384 <Link#1>                            10     0        100       20     0        200     0\n\
            gif0*      1280  <Link#2>                             0     0          0        0     0          0     0   0\n\
            en0        1500  <Link#4>    00:00:5e:00:53:01        1     2          3        4     5          6     7   8\n\
            fw0        4078  <Link#7>    00:00:5e:ff:fe:00:53:02        0     0          0        0     0       1038     0   0\n";
        let seen = read(reader(false), format!("{MACOS}{rows_of}").as_bytes());
        assert_eq!(messages(&seen), Vec::<&str>::new());
        let link = |name, mtu, index| Interface { index: Some(index), ..part(name, Some(mtu)) };
        let some = |values: [u64; 4]| counters(values.map(Some));
        let no_drop =
            |[one, two, three]: [u64; 3]| counters([Some(one), Some(two), Some(three), None]);
        let expected = [
            Interface {
                rx: no_drop([10, 0, 100]),
                tx: no_drop([20, 0, 200]),
                collisions: Some(0),
                ..link("lo0", 16384, 1)
            },
            Interface {
                oper_state: Some(text("down")),
                rx: no_drop([0; 3]),
                tx: some([0; 4]),
                collisions: Some(0),
                ..link("gif0", 1280, 2)
            },
            Interface {
                mac: Some(text("00:00:5e:00:53:01")),
                rx: no_drop([1, 2, 3]),
                tx: some([4, 5, 6, 8]),
                collisions: Some(7),
                ..link("en0", 1500, 4)
            },
            Interface {
                mac: Some(text("00:00:5e:ff:fe:00:53:02")),
                rx: no_drop([0; 3]),
                tx: some([0, 0, 1038, 0]),
                collisions: Some(0),
                ..link("fw0", 4078, 7)
            },
        ];
        assert_eq!(rows(&seen), expected.map(Row::Interface));
    }

    #[test]
    fn rows_of_addresses_give_the_address_and_no_counters() {
        let rows_of = "lo0        16384 127           127.0.0.1               10     -        100       20     -        200     -   -\n\
            lo0        16384 ::1/128     ::1                     10     -        100       20     -        200     -   -\n\
            en1        1500  192.0.2.64/26 192.0.2.70              10     -        100       20     -        200     -   -\n\
            en1        1500  192.168.7     192.168.7.2             10     -        100       20     -        200     -   -\n\
            en1        1500  fe80::/64   fe80:4::7               10     -        100       20     -        200     -   -\n";
        let seen = read(reader(false), format!("{MACOS}{rows_of}").as_bytes());
        assert_eq!(messages(&seen), Vec::<&str>::new());
        assert_eq!(
            rows(&seen),
            [
                with_address("lo0", Some(16384), "127.0.0.1", 8),
                with_address("lo0", Some(16384), "::1", 128),
                with_address("en1", Some(1500), "192.0.2.70", 26),
                with_address("en1", Some(1500), "192.168.7.2", 24),
                with_address("en1", Some(1500), "fe80::7", 64),
            ]
        );
    }

    #[test]
    fn what_may_be_cut_and_what_is_a_name_is_an_issue() {
        let tail = "       10     -        100       20     -        200     -   -\n";
        for (row, expected) in [
            ("en1        1500  fe80::aede: fe80:8::aede:48ff", CUT_ADDRESS),
            ("en1        1500  2001:db8::/ 2001:db8::5      ", CUT_ADDRESS),
            ("en1        1500  fe80::1%lo0 fe80:1::1        ", CUT_ADDRESS),
            ("en1        1500  2001:db8::1/1 2001:db8::1    ", CUT_ADDRESS),
            ("en1        1500  192.168.100.0 192.168.100.2  ", CUT_ADDRESS),
            ("en1        1500  web-net       web-1          ", NAMES),
            ("en1        1500  192.0.2/24    web-1          ", NAMES),
            ("bridgeeth0 1500  192.0.2/24    192.0.2.1      ", ""),
            ("bridgeethe 1500  192.0.2/24    192.0.2.1      ", CUT_NAME),
        ] {
            let seen = read(reader(false), format!("{MACOS}{row}{tail}").as_bytes());
            let expected: Vec<&str> =
                [expected].into_iter().filter(|text| !text.is_empty()).collect();
            assert_eq!(messages(&seen), expected, "{row}");
        }
    }

    #[test]
    fn a_name_in_a_column_of_five_may_be_cut_unless_the_command_says_otherwise() {
        let text = b"Name  Mtu   Network       Address               Ibytes     Obytes\n\
            vioif 1500  <Link>        00:00:5e:00:53:01 3716508243 2240547599\n\
            utun8 1500  <Link#88>                              286      27175\n\
            gif0* 1500  <Link#89>                              286      27175\n\
            lo0   33624 fe80::/64     fe80::1             41764800   41764800\n";
        let seen = read(reader(false), text);
        assert_eq!((seen.rows.len(), messages(&seen)), (2, vec![CUT_NAME; 2]));
        // A name without a number was cut, so the command did cut.
        let seen = read(reader(true), text);
        assert_eq!((seen.rows.len(), messages(&seen)), (2, vec![CUT_NAME; 2]));
        let whole = String::from_utf8_lossy(text).replace("vioif ", "vioif0 ");
        assert_eq!(read(reader(true), whole.as_bytes()).rows.len(), 4);
    }

    #[test]
    fn freebsd_lays_columns_out_by_what_stands_in_them() {
        let text = b"Name     Mtu Network                  Address                      Ipkts Ierrs Idrop     Ibytes    Opkts Oerrs     Obytes  Coll  Drop\n\
            vtnet0  1500 <Link#1>                 00:00:5e:00:53:01             3734     1     2   15901987     1740     3     175778     4     5\n\
            vtnet0     - fe80::%vtnet0/64         fe80::200:5eff:fe00:5301%vtnet0       1     -     -        104        2     -        128     -     -\n\
            lo0    16384 <Link#2>                 lo0                              0     0     0          0        0     0          0     0     0\n\
            \x20                          224.0.0.1\n";
        let seen = read(reader(true), text);
        assert_eq!(messages(&seen), Vec::<&str>::new());
        assert_eq!((seen.rows.len(), seen.headers.len()), (3, 2));
        let link = Interface {
            index: Some(1),
            mac: Some(owned(b"00:00:5e:00:53:01")),
            rx: counters([Some(3734), Some(1), Some(15_901_987), Some(2)]),
            tx: counters([Some(1740), Some(3), Some(175_778), Some(5)]),
            collisions: Some(4),
            ..part("vtnet0", Some(1500))
        };
        assert_eq!(rows(&seen).first(), Some(&Row::Interface(link)));
        assert_eq!(
            rows(&seen).get(1),
            Some(&with_address("vtnet0", None, "fe80::200:5eff:fe00:5301", 64))
        );
    }

    #[test]
    fn freebsd_without_the_option_cuts() {
        let text = b"Name    Mtu Network       Address              Ipkts Ierrs Idrop    Opkts Oerrs  Coll\n\
            em0    1500 <Link#1>      00:00:5e:00:53:01   189449     0     0   211310     0     0\n\
            em0       - fe80::%em0/64 fe80::20c:29ff:fe        0     -     -        4     -     -\n\
            em0       - 192.168.71.0/ 192.168.71.163       92481     -     -   172946     -     -\n";
        let seen = read(reader(true), text);
        assert_eq!((seen.rows.len(), messages(&seen)), (1, vec![CUT_ADDRESS; 2]));
    }

    #[test]
    fn rows_without_a_header_and_with_other_counts_are_issues() {
        let seen = read(reader(false), b"lo0 16384 <Link#1> 1 2 3\n");
        assert_eq!((seen.rows.len(), seen.issues.len()), (0, 1));
        let seen = read(reader(false), format!("{MACOS}lo0 16384 <Link#1> 1 2 3\n").as_bytes());
        assert_eq!(messages(&seen), [COUNT]);
    }
}
