//! Rows as a table for people: the kind's chosen columns.
//!
//! Comes in: rows. Goes out: aligned lines. The first rows decide the widths and the rest streams,
//! so a million rows need no more memory than a thousand.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::net::IpAddr;

use crate::report::envelope::Recorded;
use crate::report::field::{Cell, Field, Kind};
use crate::report::grid::{Frame, Head, Widths};
use crate::report::value::{Type, Value};

/// Rows held back to find the widths.
const ROWS_HELD: usize = 1_000;

/// What stands where nothing was reported.
const NOTHING: &str = "-";

/// A table under construction.
pub struct Table<K: Kind> {
    cells: Vec<Found<K>>,
    heads: Vec<Head>,
    held: Vec<Vec<String>>,
    widths: Option<Widths>,
    frame: Frame,
}

/// A column with its fields.
enum Found<K: Kind> {
    Field(&'static Field<K>),
    Sample(&'static Field<K>),
    Endpoint([&'static Field<K>; 3]),
    Items { list: &'static Field<K>, members: Vec<usize>, otherwise: Option<&'static Field<K>> },
}

fn field<K: Kind>(path: &str) -> Option<&'static Field<K>> {
    K::FIELDS.iter().find(|field| field.path == path)
}

fn find<K: Kind>(cell: Cell) -> Option<Found<K>> {
    match cell {
        Cell::Path(path) => field(path).map(Found::Field),
        Cell::Sample(path) => field(path).map(Found::Sample),
        Cell::Endpoint(path) => {
            let part = |name: &str| field(&format!("{path}.{name}"));
            Some(Found::Endpoint([part("address")?, part("zone")?, part("port")?]))
        }
        Cell::Items { path, members, otherwise } => {
            let list = field(path)?;
            let Type::Objects(known) = list.of else { return None };
            let index = |name: &&str| known.iter().position(|member| member.name == *name);
            let members = members.iter().map(index).collect::<Option<_>>()?;
            Some(Found::Items { list, members, otherwise: otherwise.and_then(field) })
        }
    }
}

impl<K: Kind> Found<K> {
    fn head(&self, title: &'static str) -> Head {
        match self {
            Self::Field(field) if field.of.is_number() => Head::number(title),
            Self::Field(Field { of: Type::Time, .. }) => Head::whole(title),
            _ => Head::text(title),
        }
    }

    fn text(&self, row: Recorded<'_, K::Body<'_>>) -> String {
        match self {
            Self::Field(field) => text(&(field.get)(row)),
            Self::Sample(field) => sample(&(field.get)(row)),
            Self::Endpoint([address, zone, port]) => match (address.get)(row) {
                Value::Address(address) => endpoint(address, &(zone.get)(row), &(port.get)(row)),
                _ => NOTHING.to_owned(),
            },
            Self::Items { list, members, otherwise } => {
                let items = items(&(list.get)(row), list.of, members);
                match otherwise {
                    Some(field) if items == NOTHING => format!("({})", text(&(field.get)(row))),
                    _ => items,
                }
            }
        }
    }
}

/// A value for people. Times are shortened to seconds.
#[must_use]
pub fn text(value: &Value<'_>) -> String {
    match value {
        Value::Null => NOTHING.to_owned(),
        Value::Bool(value) => (if *value { "yes" } else { "no" }).to_owned(),
        Value::U64(number) => number.to_string(),
        Value::I64(number) => number.to_string(),
        Value::Thousandths(number) => crate::report::json::decimal(*number),
        Value::Hex(number) => format!("{number:x}"),
        Value::Word(word) => (*word).to_owned(),
        Value::Text(text) => text.clone().into_owned(),
        Value::Address(address) => address.to_string(),
        Value::Time(time) => seconds(*time),
        Value::List(values) | Value::Objects(values) if values.is_empty() => NOTHING.to_owned(),
        Value::List(values) | Value::Objects(values) => {
            values.iter().map(text).collect::<Vec<_>>().join(",")
        }
    }
}

/// Texts of a list in a table; the other formats have all.
const SAMPLE: usize = 5;

/// The first few texts of a list, and how many more there are.
fn sample(value: &Value<'_>) -> String {
    let Value::List(values) = value else { return text(value) };
    let shown: Vec<_> = values.iter().take(SAMPLE).map(text).collect();
    match (shown.is_empty(), values.len().saturating_sub(SAMPLE)) {
        (true, _) => NOTHING.to_owned(),
        (false, 0) => shown.join(", "),
        (false, rest) => format!("{} and {rest} more", shown.join(", ")),
    }
}

/// RFC 3339 to the second, cut, not rounded.
#[must_use]
pub fn seconds(time: crate::model::time::Utc) -> String {
    let whole = time.to_string();
    whole.split_once('.').map_or(whole.clone(), |(seconds, _)| format!("{seconds}Z"))
}

/// `10.0.0.1:22`, `[::]:22`, `[fe80::1%eth0]:22`; `*` for a port that is not given.
fn endpoint(address: IpAddr, zone: &Value<'_>, port: &Value<'_>) -> String {
    let mut out = address.to_string();
    if let Value::Text(zone) = zone {
        // Writing to a String cannot fail.
        let _ = write!(out, "%{zone}");
    }
    if address.is_ipv6() {
        out = format!("[{out}]");
    }
    match port {
        Value::U64(port) => format!("{out}:{port}"),
        _ => format!("{out}:*"),
    }
}

/// Most items in a cell. JSON has all of them.
const ITEMS_MAX: usize = 4;

/// The first few, each once, and how many more there are: a process may hold a socket thousands of
/// times, and hand it to thousands.
pub(super) fn few(texts: impl IntoIterator<Item = String>) -> String {
    let mut seen = HashSet::new();
    let mut shown: Vec<String> = Vec::new();
    for text in texts {
        if seen.insert(text.clone()) && shown.len() < ITEMS_MAX {
            shown.push(text);
        }
    }
    match (shown.is_empty(), seen.len().saturating_sub(ITEMS_MAX)) {
        (true, _) => NOTHING.to_owned(),
        (false, 0) => shown.join(","),
        (false, rest) => format!("{} and {rest} more", shown.join(",")),
    }
}

/// The chosen members of each object, joined by `/`.
fn items(value: &Value<'_>, of: Type, members: &[usize]) -> String {
    let (Value::Objects(values), Type::Objects(known)) = (value, of) else {
        return NOTHING.to_owned();
    };
    let object = |object: &[Value<'_>]| {
        let present = members.iter().filter_map(|member| object.get(*member));
        let present = present.filter(|value| **value != Value::Null);
        present.map(text).collect::<Vec<_>>().join("/")
    };
    few(values.chunks(known.len().max(1)).map(object))
}

impl<K: Kind> Table<K> {
    /// A table of the kind's columns. A column whose fields do not exist is left out; a test holds
    /// that there is none.
    #[must_use]
    pub fn new(frame: Frame) -> Self {
        let found = K::COLUMNS.iter().filter_map(|column| {
            let found = find::<K>(column.cell)?;
            Some((found.head(column.title), found))
        });
        let (heads, cells) = found.unzip();
        Self { cells, heads, held: Vec::new(), widths: None, frame }
    }

    /// Number of columns.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.cells.len()
    }

    /// Adds a row; lines go to `out` once the widths are known.
    pub fn push(&mut self, row: Recorded<'_, K::Body<'_>>, out: &mut Vec<u8>) {
        let line: Vec<_> = self.cells.iter().map(|cell| cell.text(row)).collect();
        if let Some(widths) = &self.widths {
            widths.push_row(&line, out);
            return;
        }
        self.held.push(line);
        if self.held.len() >= ROWS_HELD {
            self.release(out);
        }
    }

    /// Writes what is held back, the titles first.
    pub fn release(&mut self, out: &mut Vec<u8>) {
        if self.widths.is_none() {
            let held = std::mem::take(&mut self.held);
            let widths = Widths::of(&self.heads, &held, self.frame);
            widths.push_titles(out);
            for line in &held {
                widths.push_row(line, out);
            }
            self.widths = Some(widths);
        }
    }
}
