//! The header of a table of routes: which columns rows have.

use crate::probe::bsd::network::words;

/// Columns of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    /// The address of the interface stands behind the gateway.
    pub(super) source: bool,
    /// Columns of numbers between flags and interface.
    pub(super) numbers: Vec<Column>,
    /// Columns follow the interface that may hold anything.
    pub(super) label: bool,
    /// Most columns of numbers behind the interface: expiry and what macOS measures.
    pub(super) behind: usize,
    /// Addresses of IPv6 are cut to 18 characters: names were asked for.
    pub(super) narrow: bool,
}

/// A column of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Mtu,
    Priority,
    Other,
}

impl Columns {
    /// Reads a header. `None`: it is none.
    pub(super) fn read(line: &[u8]) -> Option<Self> {
        let names: Vec<&[u8]> = words(line).collect();
        let (source, rest) = match names.as_slice() {
            [b"Destination", b"Gateway", b"RT_IFA", b"Flags", rest @ ..] => (true, rest),
            [b"Destination", b"Gateway", b"Flags", rest @ ..] => (false, rest),
            _ => return None,
        };
        let device = |name: &&[u8]| matches!(*name, b"Netif" | b"Interface" | b"Iface");
        let at = rest.iter().position(device)?;
        let (numbers, behind) = rest.split_at(at);
        let numbers = numbers.iter().map(|name| match *name {
            b"Mtu" => Column::Mtu,
            b"Prio" => Column::Priority,
            _ => Column::Other,
        });
        let gateway = memchr::memmem::find(line, b"Gateway")?;
        Some(Self {
            source,
            numbers: numbers.collect(),
            label: behind.contains(&b"Label".as_slice()),
            behind: behind.len().saturating_sub(1),
            narrow: gateway <= 19,
        })
    }
}
