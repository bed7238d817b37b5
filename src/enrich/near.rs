//! The surroundings of a host at a time: the changes whose window was near, and its attributes.

use std::collections::HashMap;

use crate::enrich::names::{Directory, Fit, Found};
use crate::model::attribute::{Attribute, AttributeKey, AttributeVersion, Surroundings};
use crate::model::change::{ChangeNote, ChangeVersion};
use crate::model::id::HostName;
use crate::model::time::Utc;

/// Most changes that one capture carries. A host with more in a day is a name for something else.
pub const CHANGES_MAX: usize = 32;

/// Most attributes that one capture carries.
pub const ATTRIBUTES_MAX: usize = 64;

/// Longest title and value in a capture. Unit: characters. The store has them whole.
const TEXT_MAX: usize = 200;

/// The attributes of one host, by key, each with how well its name fits.
type OfHost<'v> = HashMap<&'v AttributeKey, (Fit, &'v AttributeVersion)>;

/// Changes and attributes by host.
#[derive(Debug, Default)]
pub struct Near {
    changes: HashMap<HostName, Vec<ChangeNote>>,
    attributes: HashMap<HostName, Vec<Attribute>>,
}

impl Near {
    /// Finds the hosts of all these changes and attributes. Changes that are void or have no window
    /// explain nothing and are left out. Of several values for one attribute the one that was
    /// imported last counts, then the one whose name fits best.
    #[must_use]
    pub fn new(
        directory: &Directory,
        changes: &[ChangeVersion],
        attributes: &[AttributeVersion],
    ) -> Self {
        let mut near = Self::default();
        for version in changes.iter().filter(|version| !version.request.is_void()) {
            near.add(directory, version);
        }
        for notes in near.changes.values_mut() {
            notes.sort_by(|a, b| (a.window.start, &a.number).cmp(&(b.window.start, &b.number)));
        }
        let mut hosts: HashMap<HostName, OfHost<'_>> = HashMap::new();
        for version in attributes {
            let Found::Host(host, fit) = directory.find(&version.said.item) else { continue };
            let known = hosts.entry(host).or_default();
            let better = |(best, other): &(Fit, &AttributeVersion)| {
                (version.imported, *best) > (other.imported, fit)
            };
            if known.get(&version.said.key).is_none_or(better) {
                known.insert(&version.said.key, (fit, version));
            }
        }
        near.attributes = hosts.into_iter().map(|(host, known)| (host, present(&known))).collect();
        near
    }

    fn add(&mut self, directory: &Directory, version: &ChangeVersion) {
        let Some(window) = version.request.window() else { return };
        for item in version.request.touched() {
            let Found::Host(host, _) = directory.find(item) else { continue };
            let notes = self.changes.entry(host).or_default();
            let number = &version.request.number;
            // One host under two names is one host.
            if notes.last().is_some_and(|last| last.number == *number) {
                continue;
            }
            notes.push(ChangeNote {
                number: number.clone(),
                title: version.request.title.as_deref().map(cut),
                kind: version.request.kind.as_deref().map(cut),
                state: version.request.state.as_deref().map(cut),
                window,
                item: item.clone(),
                imported: version.imported,
            });
        }
    }

    /// Changes of a host whose window has an instant in common with this time, by start.
    pub fn changes(
        &self,
        host: &HostName,
        from: Utc,
        to: Utc,
    ) -> impl Iterator<Item = &ChangeNote> {
        let notes = self.changes.get(host).map(Vec::as_slice).unwrap_or_default();
        notes.iter().filter(move |note| note.window.touches(from, to))
    }

    /// Attributes of a host, by key.
    #[must_use]
    pub fn attributes(&self, host: &HostName) -> &[Attribute] {
        self.attributes.get(host).map(Vec::as_slice).unwrap_or_default()
    }

    /// What a capture carries: changes between `from` and `to`, and the attributes. When there are
    /// too many changes, those that ended last stay.
    #[must_use]
    pub fn surroundings(&self, host: &HostName, from: Utc, to: Utc) -> Surroundings {
        let mut changes: Vec<ChangeNote> = self.changes(host, from, to).cloned().collect();
        let changes_left_out = changes.len().saturating_sub(CHANGES_MAX);
        if changes_left_out > 0 {
            changes.sort_by_key(|note| std::cmp::Reverse(note.window.end));
            changes.truncate(CHANGES_MAX);
            changes.sort_by(|a, b| (a.window.start, &a.number).cmp(&(b.window.start, &b.number)));
        }
        let attributes = self.attributes(host);
        let kept = attributes.iter().take(ATTRIBUTES_MAX).map(|attribute| Attribute {
            key: attribute.key.clone(),
            value: cut(&attribute.value),
        });
        Surroundings {
            changes,
            changes_left_out: changes_left_out as u64,
            attributes: kept.collect(),
            attributes_left_out: attributes.len().saturating_sub(ATTRIBUTES_MAX) as u64,
        }
    }
}

/// What has a value, by key.
fn present(known: &OfHost<'_>) -> Vec<Attribute> {
    let mut list: Vec<Attribute> = known
        .values()
        .filter_map(|(_, version)| {
            let value = version.said.value.clone()?;
            Some(Attribute { key: version.said.key.clone(), value })
        })
        .collect();
    list.sort_unstable();
    list
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(TEXT_MAX) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::attribute::AttributeStatement;
    use crate::model::change::{ChangeNumber, ChangeRequest, ItemName};
    use crate::model::import::Identity;

    fn at(minute: u32) -> Utc {
        let start = Utc::parse("2026-11-24T00:00:00Z").unwrap();
        start.plus(std::time::Duration::from_secs(u64::from(minute) * 60))
    }

    fn item(name: &str) -> ItemName {
        ItemName::new(name).unwrap()
    }

    fn host() -> HostName {
        HostName::new("web1").unwrap()
    }

    fn directory() -> Directory {
        let identity = Identity { host: host(), aliases: vec![item("192.0.2.1")] };
        Directory::new([&identity], [&item("web1.example")])
    }

    fn change(number: u32, minutes: (u32, u32), items: &[&str]) -> ChangeVersion {
        let number = ChangeNumber::new(&format!("CHG{number:03}")).unwrap();
        let mut request = ChangeRequest::new(number);
        request.planned.start = Some(at(minutes.0));
        request.planned.end = Some(at(minutes.1));
        request.items = items.iter().map(|name| item(name)).collect();
        let (by, file) = (String::new(), String::new());
        ChangeVersion { request, imported: at(0), by, file, replaced: None }
    }

    fn attribute(name: &str, value: Option<&str>, imported: u32) -> AttributeVersion {
        let key = AttributeKey::new("owner").unwrap();
        let said = AttributeStatement { item: item(name), key, value: value.map(str::to_owned) };
        AttributeVersion { said, imported: at(imported), by: String::new(), file: String::new() }
    }

    #[test]
    fn only_changes_that_were_near_and_not_void_count_and_each_once() {
        let mut canceled = change(4, (10, 20), &["web1"]);
        canceled.request.state = Some("canceled".into());
        let changes = [
            change(3, (15, 25), &["web1", "192.0.2.1", "web1.example"]),
            change(1, (1, 9), &["web1"]),
            change(2, (2, 10), &["192.0.2.1"]),
            canceled,
            change(5, (10, 20), &["web2"]),
        ];
        let near = Near::new(&directory(), &changes, &[]);
        let around = near.surroundings(&host(), at(10), at(15));
        let found: Vec<_> =
            around.changes.iter().map(|note| (note.number.as_str(), note.item.as_str())).collect();
        assert_eq!(found, [("CHG002", "192.0.2.1"), ("CHG003", "192.0.2.1")]);
        assert_eq!(around.changes_left_out, 0);
    }

    #[test]
    fn a_capture_carries_a_bounded_number_and_says_how_many_more_there_were() {
        let changes: Vec<_> = (0..40).map(|n| change(n, (0, 100 + n), &["web1"])).collect();
        let mut long = attribute("web1", None, 1);
        long.said.value = Some("ü".repeat(4_000));
        let near = Near::new(&directory(), &changes, &[long]);
        let around = near.surroundings(&host(), at(0), at(1));
        assert_eq!((around.changes.len(), around.changes_left_out), (CHANGES_MAX, 8));
        assert_eq!(around.changes[0].number.as_str(), "CHG008", "those that ended last stay");
        assert_eq!(around.attributes[0].value.chars().count(), TEXT_MAX + 1);
    }

    #[test]
    fn of_several_names_for_one_host_the_last_import_counts_then_the_best_name() {
        let owner = |versions: &[AttributeVersion]| {
            let near = Near::new(&directory(), &[], versions);
            near.attributes(&host()).first().map(|attribute| attribute.value.clone())
        };
        let name = attribute("web1", Some("name"), 1);
        let alias = attribute("192.0.2.1", Some("alias"), 1);
        let later = attribute("web1.example", Some("later"), 2);
        assert_eq!(owner(&[alias.clone(), name.clone()]).as_deref(), Some("name"));
        assert_eq!(owner(&[name.clone(), alias.clone()]).as_deref(), Some("name"));
        assert_eq!(owner(&[later.clone(), name.clone()]).as_deref(), Some("later"));
        let gone = attribute("web1.example", None, 3);
        assert_eq!(owner(&[name, later, gone]), None);
    }
}
