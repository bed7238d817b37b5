//! Writing a page of columns: rows come in one after the other, bytes go out. Must not know what a
//! number means.

use std::collections::hash_map::Entry;
use std::net::IpAddr;

use crate::model::text::HostText;
use crate::store::blob::column::{VERSION, length, zigzag};
use crate::store::blob::encode::{Streams, push_number};
use crate::store::blob::page::Page;
use crate::store::hash::Map;

/// A page being written.
#[derive(Default)]
pub(super) struct Writer<'a> {
    texts: Map<&'a [u8], u64>,
    text_order: Vec<&'a [u8]>,
    addresses: Map<IpAddr, u64>,
    v4: Vec<[u8; 4]>,
    v6: Vec<[u8; 16]>,
    columns: Vec<Vec<u64>>,
    at: usize,
    tables: Streams,
}

impl<'a> Writer<'a> {
    /// Writes one table: `put` is called once per row and writes its cells, always as many.
    pub(super) fn table<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        mut put: impl FnMut(&mut Self, T),
    ) {
        let mut rows = 0;
        for item in items {
            self.at = 0;
            put(self, item);
            rows += 1;
        }
        let width = if rows == 0 { 0 } else { self.at };
        self.tables.number(length(rows));
        self.tables.number(length(width));
        for column in self.columns.iter_mut().take(width) {
            self.tables.column(column, rows);
            column.clear();
        }
    }

    /// A number.
    pub(super) fn number(&mut self, value: u64) {
        self.sparse(Some(value));
    }

    /// A cell that may be left out; the reader must know from another cell whether it is there.
    pub(super) fn sparse(&mut self, value: Option<u64>) {
        while self.columns.len() <= self.at {
            self.columns.push(Vec::new());
        }
        if let Some(column) = self.columns.get_mut(self.at) {
            column.extend(value);
        }
        self.at += 1;
    }

    /// A signed number.
    pub(super) fn signed(&mut self, value: i64) {
        self.number(zigzag(value));
    }

    /// A number or nothing. Two columns: nothing, zero or more; the number if it is more.
    pub(super) fn optional(&mut self, value: Option<u64>) {
        self.number(kind_of(value));
        self.more(value);
    }

    /// The second of the two columns of [`Writer::optional`], for a value whose [`kind_of`] is
    /// written elsewhere.
    pub(super) fn more(&mut self, value: Option<u64>) {
        self.sparse(value.filter(|value| *value != 0));
    }

    /// A number of 32 bits or nothing. One column.
    pub(super) fn optional_small(&mut self, value: Option<u32>) {
        self.number(value.map_or(0, |value| u64::from(value) + 1));
    }

    /// Yes, no or nothing.
    pub(super) fn optional_flag(&mut self, value: Option<bool>) {
        self.optional_small(value.map(u32::from));
    }

    /// A text: 0 for one that is new, else its place in the dictionary plus one.
    pub(super) fn text(&mut self, value: &'a [u8]) {
        let code = self.text_code(value);
        self.number(code);
    }

    /// A text or nothing.
    pub(super) fn optional_text(&mut self, value: Option<&'a HostText<'static>>) {
        let code = value.map_or(0, |text| self.text_code(text.bytes()) + 1);
        self.number(code);
    }

    /// An address: 0 or 1 for a new one of IPv4 or IPv6; else its place among those of its family,
    /// doubled, plus one for IPv6, plus two.
    pub(super) fn address(&mut self, value: IpAddr) {
        let code = self.address_code(value);
        self.number(code);
    }

    /// An address or nothing.
    pub(super) fn optional_address(&mut self, value: Option<IpAddr>) {
        let code = value.map_or(0, |address| self.address_code(address) + 1);
        self.number(code);
    }

    fn text_code(&mut self, value: &'a [u8]) -> u64 {
        let next = length(self.text_order.len());
        match self.texts.entry(value) {
            Entry::Occupied(known) => known.get() + 1,
            Entry::Vacant(place) => {
                place.insert(next);
                self.text_order.push(value);
                0
            }
        }
    }

    fn address_code(&mut self, value: IpAddr) -> u64 {
        let place = match self.addresses.entry(value) {
            Entry::Occupied(known) => return known.get() + 2,
            Entry::Vacant(place) => place,
        };
        match value {
            IpAddr::V4(address) => {
                place.insert(length(self.v4.len()) << 1);
                self.v4.push(address.octets());
                0
            }
            IpAddr::V6(address) => {
                place.insert(length(self.v6.len()) << 1 | 1);
                self.v6.push(address.octets());
                1
            }
        }
    }

    /// The finished page.
    pub(super) fn finish(self, part: u8) -> Page {
        let mut head = Streams::default();
        head.number(length(self.text_order.len()));
        for text in &self.text_order {
            head.number(length(text.len()));
        }
        for text in &self.text_order {
            head.quiet.extend_from_slice(text);
        }
        head.octets(&self.v4);
        head.octets(&self.v6);
        let noise = head.noise.len() + self.tables.noise.len();
        let mut bytes = vec![VERSION, part];
        push_number(&mut bytes, length(noise));
        for part in [head.quiet, self.tables.quiet, head.noise, self.tables.noise] {
            bytes.extend_from_slice(&part);
        }
        Page { bytes, noise }
    }
}

/// 0 for nothing, 1 for zero, 2 for more.
pub(super) fn kind_of(value: Option<u64>) -> u64 {
    match value {
        None => 0,
        Some(0) => 1,
        Some(_) => 2,
    }
}
