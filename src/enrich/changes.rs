//! Change requests from an export: rows to statements, all faults at once.
//!
//! Several rows of one number are one change: an export with a row for each affected host is as
//! good as one with a list. A field for which the file has no column is not stated.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::rc::Rc;

use jiff::tz::TimeZone;

use crate::enrich::moment::{self, Side};
use crate::enrich::record::{Cell, Columns, Fault, Record, Records, plain, too_long};
use crate::enrich::{csv, json};
use crate::model::change::{ChangeField, ChangeNumber, ChangeRequest, ChangeStatement, Fields};
use crate::model::change::{ItemName, Period};
use crate::model::import::{ImportFormat, ImportOptions};
use crate::model::time::Utc;

/// What was read from a file.
#[derive(Debug)]
pub struct Read<T> {
    /// Statements, in the order of the file.
    pub statements: Vec<T>,
    /// What is wrong, by line.
    pub faults: Vec<Fault>,
    /// Titles of columns that stand for nothing, sorted, escaped.
    pub unused: Vec<String>,
    /// Rows in the file.
    pub rows: usize,
}

/// Titles that are understood without `--columns`, the best first: `ServiceNow`'s names and labels,
/// then what people call them.
const TITLES: &[(ChangeField, &[&str])] = &[
    (
        ChangeField::Number,
        &["number", "change_number", "change_id", "change", "task", "ticket", "key", "id"],
    ),
    (ChangeField::Title, &["short_description", "title", "summary", "subject", "description"]),
    (ChangeField::Type, &["type", "change_type", "kind", "category"]),
    (ChangeField::State, &["state", "status"]),
    (ChangeField::RequestedBy, &["requested_by", "requester", "opened_by", "reporter"]),
    (ChangeField::AssignedTo, &["assigned_to", "assignee", "implementer"]),
    (
        ChangeField::PlannedStart,
        &["start_date", "planned_start_date", "planned_start", "scheduled_start", "start", "begin"],
    ),
    (
        ChangeField::PlannedEnd,
        &["end_date", "planned_end_date", "planned_end", "scheduled_end", "end", "finish"],
    ),
    (ChangeField::ActualStart, &["work_start", "actual_start_date", "actual_start"]),
    (ChangeField::ActualEnd, &["work_end", "actual_end_date", "actual_end"]),
    (
        ChangeField::Host,
        &[
            "cmdb_ci",
            "configuration_item",
            "host",
            "hosts",
            "hostname",
            "hostnames",
            "ci",
            "cis",
            "server",
            "servers",
            "fqdn",
            "address",
            "ip_address",
        ],
    ),
    (
        ChangeField::Affected,
        &["ci_item", "affected_cis", "affected_ci", "affected", "affected_hosts"],
    ),
    (ChangeField::Updated, &["sys_updated_on", "updated", "updated_at", "last_modified"]),
];

/// `ServiceNow`'s numbers of a change's states. Source: its table `change_request`, field `state`.
const STATES: [(&str, &str); 8] = [
    ("-5", "new"),
    ("-4", "assess"),
    ("-3", "authorize"),
    ("-2", "scheduled"),
    ("-1", "implement"),
    ("0", "review"),
    ("3", "closed"),
    ("4", "canceled"),
];

/// What the file looks like: brackets are JSON, the rest CSV; `ServiceNow` by names that only it
/// uses.
#[must_use]
pub fn recognize(text: &str) -> ImportFormat {
    let head: String = text.chars().take(16 << 10).collect();
    let servicenow = ["sys_id", "sys_updated_on", "short_description", "cmdb_ci", "ci_item"];
    if servicenow.iter().any(|name| head.contains(name)) {
        return ImportFormat::Servicenow;
    }
    if is_json(text) { ImportFormat::Json } else { ImportFormat::Csv }
}

fn is_json(text: &str) -> bool {
    text.trim_start().starts_with(['[', '{'])
}

/// Hands out the rows of a file of this format.
pub(crate) fn records(text: &str, format: ImportFormat, records: &mut Records<'_>) {
    let json = match format {
        ImportFormat::Csv => false,
        ImportFormat::Json => true,
        ImportFormat::Servicenow => is_json(text),
    };
    if json { json::read(text, records) } else { csv::read(text, records) }
}

/// Reads the change requests of a file.
///
/// # Errors
/// When an option names no time zone or no field; what is wrong with the file is in the result.
pub fn read(text: &str, options: &ImportOptions) -> Result<Read<ChangeStatement>, String> {
    let zone = time_zone(&options.timezone)?;
    let mut asked = Vec::new();
    for (field, title) in &options.columns {
        // What a file may call a field, an operator may too.
        let named = |(_, titles): &&(ChangeField, &[&str])| titles.contains(&field.as_str());
        let known = TITLES.iter().find(named).map(|(known, _)| *known);
        let known = ChangeField::parse(field).or(known).ok_or_else(|| {
            format!("`{field}` is no field: expected {}", ChangeField::WORDS.join(", "))
        })?;
        asked.push((known, title.clone()));
    }
    let mut reader = Reader {
        columns: Columns::new(TITLES, asked),
        zone,
        servicenow: options.format == ImportFormat::Servicenow,
        read: Read { statements: Vec::new(), faults: vec![], unused: vec![], rows: 0 },
        numbered: false,
        without: Vec::new(),
        lines: Vec::new(),
        places: HashMap::new(),
    };
    let mut take = |row: Record| reader.row(&row);
    let mut found = Records::new(&mut take);
    records(text, options.format, &mut found);
    let (rows, faults) = (found.count, found.faults);
    reader.read.rows = rows;
    reader.read.faults.extend(faults);
    Ok(reader.end())
}

/// The time zone of a name.
///
/// # Errors
/// When the system's database has none of that name.
pub fn time_zone(name: &str) -> Result<TimeZone, String> {
    if name.eq_ignore_ascii_case("UTC") {
        return Ok(TimeZone::UTC);
    }
    TimeZone::get(name).map_err(|_| {
        let name = crate::model::text::escape(name.as_bytes());
        format!("no time zone `{name}`: expected an IANA name such as Europe/Berlin")
    })
}

struct Reader {
    columns: Columns<ChangeField>,
    zone: TimeZone,
    servicenow: bool,
    read: Read<ChangeStatement>,
    /// A row had a cell for the number.
    numbered: bool,
    /// Lines of rows that had none.
    without: Vec<u64>,
    /// Line of each statement's first row.
    lines: Vec<u64>,
    places: HashMap<ChangeNumber, usize>,
}

/// The cell of each field, with its title.
type Chosen<'r> = [Option<(usize, &'r Rc<str>, &'r Cell)>; ChangeField::ALL.len()];

impl Reader {
    fn row(&mut self, row: &Record) {
        let mut chosen: Chosen<'_> = [None; ChangeField::ALL.len()];
        for (title, cell) in &row.cells {
            let Some((field, rank)) = self.columns.find(title) else { continue };
            let Some(place) = chosen.get_mut(field as usize) else { continue };
            if place.is_none_or(|(best, ..)| rank < best) {
                *place = Some((rank, title, cell));
            }
        }
        if chosen.first().is_none_or(Option::is_none) {
            self.without.push(row.line);
            return;
        }
        self.numbered = true;
        let mut faults = Vec::new();
        let statement = self.statement(&chosen, &mut faults);
        let fault = |message| Fault::new(row.line, message);
        if let (Some(statement), true) = (statement, faults.is_empty()) {
            self.add(row.line, statement);
        }
        self.read.faults.extend(faults.into_iter().map(fault));
    }

    fn statement(&self, chosen: &Chosen<'_>, faults: &mut Vec<String>) -> Option<ChangeStatement> {
        let number = chosen.first().copied().flatten().map(|(_, _, cell)| cell.line());
        let number = match ChangeNumber::new(number.as_deref().unwrap_or_default()) {
            Ok(number) => number,
            Err(error) => {
                faults.push(error.to_string());
                return None;
            }
        };
        let mut statement =
            ChangeStatement { request: ChangeRequest::new(number), says: Fields::default() };
        for (field, cell) in ChangeField::ALL.iter().zip(chosen) {
            let Some((_, title, cell)) = cell else { continue };
            statement.says.add(*field);
            if let Some(message) = too_long(title, cell) {
                faults.push(message);
            } else if let Err(message) = self.take(*field, cell, &mut statement.request) {
                faults.push(format!("{}: {message}", crate::model::text::escape(title.as_bytes())));
            }
        }
        let ChangeStatement { request, says } = &statement;
        let stated = |start, end| says.has(start) && says.has(end);
        if stated(ChangeField::PlannedStart, ChangeField::PlannedEnd) {
            faults.extend(disorder("planned", request.planned));
        }
        if stated(ChangeField::ActualStart, ChangeField::ActualEnd) {
            faults.extend(disorder("actual", request.actual));
        }
        Some(statement)
    }

    fn take(
        &self,
        field: ChangeField,
        cell: &Cell,
        into: &mut ChangeRequest,
    ) -> Result<(), String> {
        match field {
            ChangeField::Number => {}
            ChangeField::Title => into.title = cell.filled(),
            ChangeField::Type => into.kind = cell.filled(),
            ChangeField::State => into.state = self.state(cell),
            ChangeField::RequestedBy => into.requested_by = cell.filled(),
            ChangeField::AssignedTo => into.assigned_to = cell.filled(),
            ChangeField::PlannedStart => into.planned.start = self.time(cell, Side::Start)?,
            ChangeField::PlannedEnd => into.planned.end = self.time(cell, Side::End)?,
            ChangeField::ActualStart => into.actual.start = self.time(cell, Side::Start)?,
            ChangeField::ActualEnd => into.actual.end = self.time(cell, Side::End)?,
            ChangeField::Host => into.items = items(cell)?,
            ChangeField::Affected => into.affected = items(cell)?,
            ChangeField::Updated => into.updated = self.time(cell, Side::Start)?,
        }
        Ok(())
    }

    fn state(&self, cell: &Cell) -> Option<String> {
        let state = cell.filled()?.to_lowercase();
        let numbered = STATES.iter().find(|(number, _)| *number == state && self.servicenow);
        Some(numbered.map_or(state, |(_, word)| (*word).to_owned()))
    }

    /// A value beside a display form is what the database holds, and that is UTC.
    fn time(&self, cell: &Cell, side: Side) -> Result<Option<Utc>, String> {
        let (text, zone) = match cell {
            Cell::Pair { value, .. } => (value.clone(), &TimeZone::UTC),
            Cell::Text(_) | Cell::List(_) => (cell.line(), &self.zone),
        };
        if text.trim().is_empty() {
            return Ok(None);
        }
        moment::parse(&text, zone, side).map(Some)
    }

    fn add(&mut self, line: u64, statement: ChangeStatement) {
        match self.places.entry(statement.request.number.clone()) {
            Entry::Vacant(place) => {
                place.insert(self.read.statements.len());
                self.read.statements.push(statement);
                self.lines.push(line);
            }
            Entry::Occupied(place) => {
                let first = self.lines.get(*place.get()).copied().unwrap_or_default();
                let Some(known) = self.read.statements.get_mut(*place.get()) else { return };
                for word in join(known, &statement) {
                    let number = &statement.request.number;
                    let message = format!("{number} has another {word} than in line {first}");
                    self.read.faults.push(Fault::new(line, message));
                }
            }
        }
    }

    /// One fault for a file without the column, rather than one a row.
    fn without_number(&self) -> Vec<Fault> {
        let fault = |line: &u64| {
            let message = "no column with the change's number: name it, e.g. `--columns number=ID`";
            Fault::new(*line, message)
        };
        let shown = if self.numbered { self.without.len() } else { 1 };
        self.without.iter().take(shown).map(fault).collect()
    }

    fn end(mut self) -> Read<ChangeStatement> {
        let missing = if self.read.rows > 0 { self.columns.missing() } else { Vec::new() };
        for title in missing {
            let title = crate::model::text::escape(title.as_bytes());
            let message = format!("no column `{title}`, which `--columns` names");
            self.read.faults.push(Fault::new(1, message));
        }
        self.read.faults.extend(self.without_number());
        self.read.faults.sort();
        self.read.unused = self.columns.unused();
        let own = |title: &String| {
            let title = plain(title);
            self.servicenow && (title.starts_with("sys_") || title.starts_with("u_"))
        };
        self.read.unused.retain(|title| !own(title));
        self.read
    }
}

fn items(cell: &Cell) -> Result<Vec<ItemName>, String> {
    let names = cell.texts().into_iter().map(ItemName::new);
    let mut names: Vec<_> = names.collect::<Result<_, _>>().map_err(|error| error.to_string())?;
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

fn disorder(word: &str, period: Period) -> Option<String> {
    match (period.start, period.end) {
        (None, Some(_)) => Some(format!("{word} end without a start")),
        (Some(start), Some(end)) if end < start => {
            Some(format!("{word} end {end} is before the start {start}"))
        }
        _ => None,
    }
}

/// Joins another row of the same change. Lists are joined, an empty cell says nothing; returns the
/// fields that contradict.
fn join(known: &mut ChangeStatement, row: &ChangeStatement) -> Vec<&'static str> {
    let mut contradictions = Vec::new();
    for field in ChangeField::ALL.iter().filter(|field| row.says.has(**field)) {
        known.says.add(*field);
        let into = &mut known.request;
        let lists = match field {
            ChangeField::Host => Some((&mut into.items, &row.request.items)),
            ChangeField::Affected => Some((&mut into.affected, &row.request.affected)),
            _ => None,
        };
        if let Some((list, more)) = lists {
            list.extend(more.iter().cloned());
            list.sort_unstable();
            list.dedup();
            continue;
        }
        let empty = ChangeRequest::new(into.number.clone());
        let with = |from: &ChangeRequest| {
            let mut only = empty.clone();
            only.take(*field, from);
            only
        };
        let (before, now) = (with(into), with(&row.request));
        if before == empty {
            into.take(*field, &row.request);
        } else if now != empty && now != before {
            contradictions.push(field.as_str());
        }
    }
    contradictions
}
