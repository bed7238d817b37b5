//! What files of another program say of hosts, in the form the building takes: everything in
//! fleetstat's own files wins over it, value by value.

use std::collections::HashMap;
use std::sync::Arc;

use crate::inventory::attribute::{self, Attributes, Context, Value};
use crate::inventory::build::Tree;
use crate::inventory::host::Variable;
use crate::inventory::report::{At, Remark, Report};
use crate::inventory::table::{CHECK, HOST, Key};
use crate::model::id::Label;
use crate::yaml::check::check;
use crate::yaml::node::{Entry, Node, Place, Value as Yaml};

/// Where a value of another program's files was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) at: At,
    pub(super) level: Level,
}

/// On what it was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Host,
    Group(Arc<str>),
    All,
}

/// One attribute as a file would write it.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// A key of the host table.
    pub(super) key: &'static str,
    pub(super) value: Node,
    pub(super) source: Source,
}

/// A variable with its source.
pub(super) type Sourced = (Box<str>, Variable, Source);

/// One host.
#[derive(Debug)]
pub(super) struct ForeignHost {
    pub(super) file: u32,
    /// Its name, with nothing behind it.
    pub(super) entry: Entry,
    /// Numbers of its items.
    pub(super) items: Vec<u32>,
    pub(super) own: Vec<Sourced>,
    /// What it shares with hosts of the same groups.
    pub(super) shared: Arc<[Sourced]>,
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Foreign {
    /// Accounts, jumps and groups, by file.
    pub(super) trees: Vec<Tree>,
    pub(super) items: Vec<Item>,
    pub(super) hosts: Vec<ForeignHost>,
    /// Said when a host uses the account of this name.
    pub(super) of_account: Vec<(String, Remark)>,
}

/// What a host takes where fleetstat's files say nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Base {
    pub(super) values: Vec<(Key, Value, Source)>,
    pub(super) tags: Vec<(Label, Source)>,
    pub(super) services: Vec<(Label, Source)>,
    pub(super) own: Vec<Sourced>,
    pub(super) shared: Arc<[Sourced]>,
}

impl Base {
    pub(super) fn get(&self, key: Key) -> Option<&(Key, Value, Source)> {
        self.values.iter().find(|(known, ..)| *known == key)
    }

    /// Variables, those of the host before those it shares.
    pub(super) fn variables(&self) -> impl Iterator<Item = &Sourced> {
        self.own.iter().chain(self.shared.iter())
    }
}

/// The items, read once each by the readers of fleetstat's own files.
pub(super) struct Items<'a> {
    foreign: &'a Foreign,
    read: Vec<Option<Attributes>>,
}

impl<'a> Items<'a> {
    pub(super) fn new(foreign: &'a Foreign) -> Self {
        let read = foreign.items.iter().map(|_| None).collect();
        Self { foreign, read }
    }

    /// What one host takes.
    pub(super) fn base(
        &mut self,
        host: &ForeignHost,
        context: &Context<'_>,
        report: &mut Report<'_>,
    ) -> Base {
        let mut base =
            Base { own: host.own.clone(), shared: host.shared.clone(), ..Base::default() };
        for number in &host.items {
            let Some(item) = self.foreign.items.get(*number as usize) else { continue };
            let Some(slot) = self.read.get_mut(*number as usize) else { continue };
            let attributes = slot.get_or_insert_with(|| read(item, context, report));
            let source = &item.source;
            for placed in &attributes.values {
                base.values.push((placed.key, placed.value.clone(), source.clone()));
            }
            for (from, to) in
                [(&attributes.tags, &mut base.tags), (&attributes.services, &mut base.services)]
            {
                to.extend(from.iter().map(|placed| (placed.key.clone(), source.clone())));
            }
        }
        base
    }
}

fn read(item: &Item, context: &Context<'_>, report: &mut Report<'_>) -> Attributes {
    let entry =
        Entry { key: item.key.into(), place: item.source.at.place, value: item.value.clone() };
    let record = Node { value: Yaml::Mapping(vec![entry]), place: item.source.at.place };
    report.enter(item.source.at.file);
    if HOST.keys().any(|key| key == item.key) {
        check(&record, &HOST, &CHECK, report.defects);
    }
    attribute::read(&record, &|| "the host".to_owned(), context, report)
}

/// Hosts by name.
pub(super) fn by_name(foreign: &Foreign) -> HashMap<&str, &ForeignHost> {
    foreign.hosts.iter().map(|host| (&*host.entry.key, host)).collect()
}

/// An entry with nothing behind it.
pub(super) fn bare(key: Arc<str>, place: Place) -> Entry {
    let scalar = crate::yaml::node::Scalar { text: "".into(), plain: true };
    Entry { key, place, value: Node { value: Yaml::Scalar(scalar), place } }
}
