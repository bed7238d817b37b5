//! Change requests: what a ticket system says was to be done, to what, and when.
//!
//! fleetstat reads them from exports and never writes to a ticket system. All text in them was
//! typed by people somewhere else: it is shown escaped, like text from a host.

use std::fmt;
use std::net::IpAddr;

use crate::model::host::words;
use crate::model::id::NameError;
use crate::model::text::escape;
use crate::model::time::Utc;

/// Longest number of a change. `ServiceNow`'s have 10 characters, Jira's keys rarely 20.
const NUMBER_BYTES_MAX: usize = 64;

/// Longest name of a thing that a change touches: a DNS name has 253 characters (RFC 1035).
const ITEM_BYTES_MAX: usize = 255;

/// The number of a change: `CHG0030001`. Upper case; 1 to 64 printable ASCII characters, no blank.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct ChangeNumber(String);

impl ChangeNumber {
    /// Checks a number and writes it in upper case, so that it is one number however it is typed.
    ///
    /// # Errors
    /// When it breaks the rule above.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let refuse = |reason: &str| NameError {
            kind: "change number",
            text: escape(text.as_bytes()),
            reason: reason.to_owned(),
        };
        match text.len() {
            0 => Err(refuse("is empty")),
            1..=NUMBER_BYTES_MAX if text.bytes().all(|byte| byte.is_ascii_graphic()) => {
                Ok(Self(text.to_ascii_uppercase()))
            }
            1..=NUMBER_BYTES_MAX => Err(refuse("has a blank or a character that is not ASCII")),
            _ => Err(refuse("is longer than 64 characters")),
        }
    }

    /// The number.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a ticket or an asset list calls a thing: a host name, an address, or something that is no
/// host at all. Lower case without the root's dot; an address in the form of RFC 5952.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct ItemName(String);

impl ItemName {
    /// Checks a name and gives it its one form.
    ///
    /// # Errors
    /// When it is empty, longer than 255 bytes, or holds a control character.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let refuse = |reason: &str| NameError {
            kind: "name",
            text: escape(text.as_bytes()),
            reason: reason.to_owned(),
        };
        let plain = text.trim().trim_end_matches('.');
        if plain.is_empty() {
            return Err(refuse("is empty"));
        }
        if plain.len() > ITEM_BYTES_MAX {
            return Err(refuse("is longer than 255 bytes"));
        }
        if plain.chars().any(char::is_control) {
            return Err(refuse("has a control character"));
        }
        Ok(Self(match plain.parse::<IpAddr>() {
            Ok(address) => address.to_canonical().to_string(),
            Err(_) => plain.to_lowercase(),
        }))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the first dot. The whole name of an address, or of a name without dots.
    #[must_use]
    pub fn short(&self) -> &str {
        if self.0.parse::<IpAddr>().is_ok() {
            return &self.0;
        }
        self.0.split_once('.').map_or(&self.0, |(short, _)| short)
    }
}

macro_rules! as_text {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&escape(self.0.as_bytes()))
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(d)?;
                Self::new(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}
as_text!(ChangeNumber);
as_text!(ItemName);

words! {
    /// A field of a change request, by the word that `--columns` takes.
    ChangeField {
        /// Number.
        Number = "number",
        /// Title.
        Title = "title",
        /// Type.
        Type = "type",
        /// State.
        State = "state",
        /// Who wants it.
        RequestedBy = "requested_by",
        /// Who does it.
        AssignedTo = "assigned_to",
        /// Planned start.
        PlannedStart = "planned_start",
        /// Planned end.
        PlannedEnd = "planned_end",
        /// Actual start.
        ActualStart = "actual_start",
        /// Actual end.
        ActualEnd = "actual_end",
        /// The things it is about.
        Host = "host",
        /// Further things that it touches.
        Affected = "affected",
        /// When the ticket system last changed it.
        Updated = "updated",
    }
}

/// A set of fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fields(u16);

impl Fields {
    /// Adds one.
    pub const fn add(&mut self, field: ChangeField) {
        self.0 |= 1 << field as u16;
    }

    /// True when it is in the set.
    #[must_use]
    pub const fn has(self, field: ChangeField) -> bool {
        self.0 & (1 << field as u16) != 0
    }
}

/// A start and an end, as far as they are stated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Period {
    /// Start.
    pub start: Option<Utc>,
    /// End.
    pub end: Option<Utc>,
}

/// Time in which a change may have been at work. `end` is not before `start`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Start.
    pub start: Utc,
    /// End.
    pub end: Utc,
}

impl Window {
    /// True when the window and the time between the two points, both included, have an instant in
    /// common.
    #[must_use]
    pub fn touches(self, from: Utc, to: Utc) -> bool {
        self.start <= to && self.end >= from
    }
}

/// A change request, as a ticket system told it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeRequest {
    /// Its number: the identity.
    pub number: ChangeNumber,
    /// One line.
    pub title: Option<String>,
    /// For instance `normal`, `standard`, `emergency`.
    pub kind: Option<String>,
    /// For instance `scheduled`, `implement`, `closed`, `canceled`. Lower case.
    pub state: Option<String>,
    /// Who wants it.
    pub requested_by: Option<String>,
    /// Who does it.
    pub assigned_to: Option<String>,
    /// When it was to be done.
    pub planned: Period,
    /// When it was done, as the ticket says.
    pub actual: Period,
    /// What it is about, sorted.
    pub items: Vec<ItemName>,
    /// What else it touches, from a list of affected things; sorted.
    pub affected: Vec<ItemName>,
    /// When the ticket system last changed it. `None`: the export does not say.
    pub updated: Option<Utc>,
}

impl ChangeRequest {
    /// A change of which nothing is known but its number.
    #[must_use]
    pub const fn new(number: ChangeNumber) -> Self {
        const NEVER: Period = Period { start: None, end: None };
        Self {
            number,
            title: None,
            kind: None,
            state: None,
            requested_by: None,
            assigned_to: None,
            planned: NEVER,
            actual: NEVER,
            items: Vec::new(),
            affected: Vec::new(),
            updated: None,
        }
    }

    /// When the change may have been at work: from the actual start, else the planned one, to the
    /// actual end, else the planned one. Without an end it is the start alone: an open end would
    /// explain everything that ever happens. `None` without a start.
    #[must_use]
    pub fn window(&self) -> Option<Window> {
        let start = self.actual.start.or(self.planned.start)?;
        let end = self.actual.end.or(self.planned.end).unwrap_or(start);
        Some(Window { start, end: end.max(start) })
    }

    /// True when the ticket says that the change is not to be done: it explains nothing.
    #[must_use]
    pub fn is_void(&self) -> bool {
        let state = self.state.as_deref().unwrap_or_default();
        matches!(state, "canceled" | "cancelled" | "rejected" | "withdrawn")
    }

    /// All that it touches, each once, sorted.
    #[must_use]
    pub fn touched(&self) -> Vec<&ItemName> {
        let mut all: Vec<&ItemName> = self.items.iter().chain(&self.affected).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Takes one field over.
    pub fn take(&mut self, field: ChangeField, from: &Self) {
        match field {
            ChangeField::Number => self.number.clone_from(&from.number),
            ChangeField::Title => self.title.clone_from(&from.title),
            ChangeField::Type => self.kind.clone_from(&from.kind),
            ChangeField::State => self.state.clone_from(&from.state),
            ChangeField::RequestedBy => self.requested_by.clone_from(&from.requested_by),
            ChangeField::AssignedTo => self.assigned_to.clone_from(&from.assigned_to),
            ChangeField::PlannedStart => self.planned.start = from.planned.start,
            ChangeField::PlannedEnd => self.planned.end = from.planned.end,
            ChangeField::ActualStart => self.actual.start = from.actual.start,
            ChangeField::ActualEnd => self.actual.end = from.actual.end,
            ChangeField::Host => self.items.clone_from(&from.items),
            ChangeField::Affected => self.affected.clone_from(&from.affected),
            ChangeField::Updated => self.updated = from.updated,
        }
    }
}

/// What one file says of one change: the fields that it has. The others stay as they are known, so
/// that a list of affected things does not wipe out what an earlier file said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeStatement {
    /// The fields' values.
    pub request: ChangeRequest,
    /// The fields that the file has, also where they are empty.
    pub says: Fields,
}

impl ChangeStatement {
    /// The change after this statement.
    #[must_use]
    pub fn over(&self, known: Option<&ChangeRequest>) -> ChangeRequest {
        let mut after =
            known.map_or_else(|| ChangeRequest::new(self.request.number.clone()), Clone::clone);
        for field in ChangeField::ALL.iter().filter(|field| self.says.has(**field)) {
            after.take(*field, &self.request);
        }
        after
    }

    /// True when the ticket system had changed the known version later than this one.
    #[must_use]
    pub fn is_stale(&self, known: &ChangeRequest) -> bool {
        self.request.updated.zip(known.updated).is_some_and(|(this, known)| this < known)
    }
}

/// A change as one import left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeVersion {
    /// The change.
    pub request: ChangeRequest,
    /// When it was imported: from then on fleetstat knew it so.
    pub imported: Utc,
    /// Who imported it.
    pub by: String,
    /// Name of the file it came from.
    pub file: String,
    /// When another version replaced it. `None`: it is the present one.
    pub replaced: Option<Utc>,
}

/// A change that was near a capture, as it stands in the evidence.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeNote {
    /// Its number.
    pub number: ChangeNumber,
    /// Its title, at most 200 characters of it.
    pub title: Option<String>,
    /// Its type.
    pub kind: Option<String>,
    /// Its state when it was imported.
    pub state: Option<String>,
    /// When it may have been at work.
    pub window: Window,
    /// What it calls the host.
    pub item: ItemName,
    /// When it was imported.
    pub imported: Utc,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: u8) -> Utc {
        Utc::parse(&format!("2026-11-24T{hour:02}:00:00Z")).unwrap()
    }

    #[test]
    fn names_have_one_form() {
        let name = |text| ItemName::new(text).unwrap();
        assert_eq!(name(" WEB1.Example.ORG. ").as_str(), "web1.example.org");
        assert_eq!(name("WEB1.Example.ORG").short(), "web1");
        assert_eq!(name("::ffff:192.0.2.7").as_str(), "192.0.2.7");
        assert_eq!(name("192.0.2.7").short(), "192.0.2.7");
        assert_eq!(ItemName::new(".").unwrap_err().to_string(), "name `.` is empty");
        assert_eq!(ChangeNumber::new("chg0030001").unwrap().as_str(), "CHG0030001");
        let refused = ChangeNumber::new("CHG 1").unwrap_err().to_string();
        assert_eq!(refused, "change number `CHG 1` has a blank or a character that is not ASCII");
    }

    #[test]
    fn the_actual_time_wins_and_an_open_end_is_no_window() {
        let mut change = ChangeRequest::new(ChangeNumber::new("CHG1").unwrap());
        assert_eq!(change.window(), None);
        change.planned.start = Some(at(1));
        assert_eq!(change.window(), Some(Window { start: at(1), end: at(1) }));
        change.planned.end = Some(at(3));
        change.actual.start = Some(at(2));
        assert_eq!(change.window(), Some(Window { start: at(2), end: at(3) }));
        change.actual.end = Some(at(5));
        let window = change.window().unwrap();
        assert_eq!(window, Window { start: at(2), end: at(5) });
        assert!(window.touches(at(5), at(6)) && window.touches(at(0), at(2)));
        assert!(!window.touches(at(6), at(7)));
    }

    #[test]
    fn a_statement_leaves_alone_what_its_file_has_no_column_for() {
        let mut known = ChangeRequest::new(ChangeNumber::new("CHG1").unwrap());
        known.title = Some("Patch".into());
        known.state = Some("scheduled".into());
        let mut request = ChangeRequest::new(known.number.clone());
        request.affected = vec![ItemName::new("web1").unwrap()];
        let mut says = Fields::default();
        says.add(ChangeField::Affected);
        says.add(ChangeField::State);
        let after = ChangeStatement { request: request.clone(), says }.over(Some(&known));
        known.affected = request.affected;
        known.state = None;
        assert_eq!(after, known);
    }
}
