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
