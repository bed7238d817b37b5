//! Attributes of hosts from an export: one row a host, one column an attribute.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::rc::Rc;

use crate::enrich::changes::{Read, records};
use crate::enrich::record::{Cell, Fault, Record, Records, plain, too_long};
use crate::model::attribute::{AttributeKey, AttributeStatement};
use crate::model::change::ItemName;
use crate::model::import::{ImportFormat, ImportOptions};
use crate::model::text::escape;

/// Most attributes of a host in one file: what a person still reads on a page.
const KEYS_MAX: usize = 64;

/// Titles of the column that names the host, the best first.
const HOST_TITLES: [&str; 14] = [
    "host",
    "hostname",
    "host_name",
    "fqdn",
    "name",
    "ci",
    "ci_name",
    "cmdb_ci",
    "configuration_item",
    "server",
    "server_name",
    "asset",
    "asset_name",
    "ip_address",
];

/// Reads the attributes of a file.
///
/// # Errors
/// When an option names a time zone that is none or a key that is none; what is wrong with the file
/// is in the result.
pub fn read(text: &str, options: &ImportOptions) -> Result<Read<AttributeStatement>, String> {
    crate::enrich::changes::time_zone(&options.timezone)?;
    let mut asked = HashMap::new();
    for (field, title) in &options.columns {
        let key = AttributeKey::new(field).map_err(|error| error.to_string())?;
        asked.insert(plain(title), key);
    }
    let mut reader = Reader {
        asked,
        servicenow: options.format == ImportFormat::Servicenow,
        titles: HashMap::new(),
        known: HashMap::new(),
        named: false,
        without: Vec::new(),
        read: Read { statements: Vec::new(), faults: vec![], unused: vec![], rows: 0 },
    };
    let mut take = |row: Record| reader.row(&row);
    let mut found = Records::new(&mut take);
    records(text, options.format, &mut found);
    let (rows, faults) = (found.count, found.faults);
    reader.read.rows = rows;
    reader.read.faults.extend(faults);
    // One fault for a file without the column, rather than one a row.
    let shown = if reader.named { reader.without.len() } else { 1 };
    let message = "no column that names the host: name it, e.g. `--columns host=NAME`";
    let without = reader.without.iter().take(shown).map(|line| Fault::new(*line, message));
    reader.read.faults.extend(without);
    reader.read.faults.sort();
    Ok(reader.read)
}

struct Reader {
    /// Keys by plain title, from `--columns`. The key `host` is the host.
    asked: HashMap<String, AttributeKey>,
    servicenow: bool,
    /// What each title stands for.
    titles: HashMap<Rc<str>, Result<AttributeKey, String>>,
    /// Line and value of what was said.
    known: HashMap<(ItemName, AttributeKey), (u64, Option<String>)>,
    /// A row named a host.
    named: bool,
    /// Lines of rows that have no cell for it.
    without: Vec<u64>,
    read: Read<AttributeStatement>,
}

impl Reader {
    /// Place of the cell that names the host.
    fn host(&self, row: &Record) -> Option<usize> {
        let is_asked = |(title, _): &(Rc<str>, Cell)| {
            self.asked.get(&plain(title)).is_some_and(|key| key.as_str() == "host")
        };
        if let Some(place) = row.cells.iter().position(is_asked) {
            return Some(place);
        }
        HOST_TITLES
            .iter()
            .find_map(|wanted| row.cells.iter().position(|(title, _)| plain(title) == *wanted))
    }

    fn row(&mut self, row: &Record) {
        let mut faults = Vec::new();
        let mut said = Vec::new();
        let place = self.host(row);
        let Some((_, cell)) = place.and_then(|place| row.cells.get(place)) else {
            self.without.push(row.line);
            return;
        };
        self.named = true;
        match ItemName::new(&cell.line()) {
            Ok(item) => self.attributes(row, place, &item, (&mut said, &mut faults)),
            Err(error) => faults.push(format!("the host's {error}")),
        }
        if said.len() > KEYS_MAX {
            let count = said.len();
            faults.push(format!("{count} attributes, at most {KEYS_MAX}: leave columns out"));
        }
        if faults.is_empty() {
            for said in said {
                self.add(row.line, said);
            }
        }
        self.read.faults.extend(faults.into_iter().map(|message| Fault::new(row.line, message)));
    }

    fn attributes(
        &mut self,
        row: &Record,
        host: Option<usize>,
        item: &ItemName,
        (said, faults): (&mut Vec<AttributeStatement>, &mut Vec<String>),
    ) {
        for (at, (title, cell)) in row.cells.iter().enumerate() {
            if Some(at) == host || title.is_empty() || self.is_own(title) {
                continue;
            }
            let key = match self.key(title) {
                Ok(key) => key,
                Err(message) => {
                    faults.push(message);
                    continue;
                }
            };
            match too_long(title, cell) {
                Some(message) => faults.push(message),
                None => {
                    said.push(AttributeStatement { item: item.clone(), key, value: cell.filled() });
                }
            }
        }
    }

    /// `ServiceNow`'s bookkeeping is no attribute of a host.
    fn is_own(&self, title: &str) -> bool {
        self.servicenow && title.starts_with("sys_")
    }

    fn key(&mut self, title: &Rc<str>) -> Result<AttributeKey, String> {
        if let Some(known) = self.titles.get(title) {
            return known.clone();
        }
        let key = match self.asked.get(&plain(title)) {
            Some(key) => Ok(key.clone()),
            None => AttributeKey::new(title).map_err(|error| error.to_string()),
        };
        self.titles.insert(Rc::clone(title), key.clone());
        key
    }

    fn add(&mut self, line: u64, said: AttributeStatement) {
        match self.known.entry((said.item.clone(), said.key.clone())) {
            Entry::Vacant(place) => {
                place.insert((line, said.value.clone()));
                self.read.statements.push(said);
            }
            Entry::Occupied(place) if place.get().1 == said.value => {}
            Entry::Occupied(place) => {
                let (item, key, first) = (&said.item, &said.key, place.get().0);
                let message = format!("{item} has another {key} than in line {first}");
                self.read.faults.push(Fault::new(line, escape(message.as_bytes())));
            }
        }
    }
}
