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
//! - Names, networks and addresses are cut to their columns by most versions. A name that fills its column
//!   and does not end in a number was cut: an issue, not a row. One that ends in a number and fills a column
//!   of five may be whole, and is if that number is a 0 alone: it is kept with a note, but for a second
//!   interface of that name, which shows that both are cut, and its addresses. An issue is an address or network that is as long as what they are cut to, unless it can go on
//!   no further. Where the command avoids that (FreeBSD `-W`, OpenBSD and NetBSD `-v`, newer macOS `-l`)
//!   nothing is in doubt.
//! - An address needs a prefix, which the network tells: by its length, or by its class where macOS
//!   leaves the length out.
//! - Names of hosts and networks are no facts: such a row is an issue. Multicast groups (`-a`), which stand
//!   below their address, are not in the schema and count as headers.

use std::collections::HashMap;

use crate::model::link::{Interface, InterfaceAddress};
use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::socket::Family;
use crate::model::text::HostText;
use crate::probe::address::hardware_address;
use crate::probe::bsd::network::{address, is_link_address, network, number, owned, words};
use crate::probe::lines::{LineParser, Lines};

const CUT_NAME: &str = "the interface's name fills its column and may be cut: run netstat with -l \
                        (macOS), -W (FreeBSD) or -v (NetBSD)";
const CUT_NUMBER: &str = "the number at the end of the interface's name fills its column and may be cut: \
                          run netstat with -l (macOS), -W (FreeBSD) or -v (NetBSD)";
const SAME_NAME: &str = "two interfaces have this name, which may be cut: run netstat with -l (macOS), \
                         -W (FreeBSD) or -v (NetBSD)";
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
    Box::new(Lines::new(Interfaces { whole, columns: None, doubted: HashMap::new() }))
}

struct Interfaces {
    whole: bool,
    columns: Option<Columns>,
    /// Names whose number may be cut, with the index of the interface that had it first. `None`: a
    /// second one has it too.
    doubted: HashMap<HostText<'static>, Option<u32>>,
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
        let whole = self.whole && !columns.fixed;
        let doubt = !whole && columns.name <= 5 && ends_in_doubt(line, columns.name, columns.left);
        match interface(line, columns, whole) {
            Ok(interface) if doubt && !self.is_first(&interface) => {
                sink.issue(Issue::unparsed(span, SAME_NAME, line));
            }
            Ok(interface) => {
                sink.row(span, Row::Interface(interface));
                if doubt {
                    sink.issue(Issue::note(span, CUT_NUMBER, line));
                }
            }
            Err(expected) => {
                // A name that was cut shows that the command cuts, whatever it was asked.
                self.whole &= expected != CUT_NAME;
                sink.issue(Issue::unparsed(span, expected, line));
            }
        }
    }

    fn end(&mut self, _: &mut dyn Sink) {}
}

impl Interfaces {
    /// False for an interface with the name of another one, and for what stands below it.
    fn is_first(&mut self, interface: &Interface) -> bool {
        let first = self.doubted.entry(interface.name.clone()).or_insert(interface.index);
        if interface.index.is_some() && *first != interface.index {
            *first = None;
        }
        first.is_some()
    }
}

/// True for a row whose name fills its column and ends in a number that may have had more digits.
fn ends_in_doubt(line: &[u8], column: usize, left: bool) -> bool {
    let name = words(line).next().unwrap_or_default();
    // Units are counted without leading zeros; only FreeBSD lets names be given.
    let alone = left && matches!(name, [.., before, b'0'] if !before.is_ascii_digit());
    name.len() == column && name.last().is_some_and(u8::is_ascii_digit) && !alone
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
mod tests;
