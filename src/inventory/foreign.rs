//! What files of another program say of hosts, in the form the building takes: everything in
//! fleetstat's own files wins over it, value by value.

use std::collections::HashMap;
use std::sync::Arc;

use crate::inventory::attribute::{self, Attributes, Context, Placed, Value};
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
    /// Numbers of fleetstat's own files, whose trees stand before them once they are put together.
    pub(super) own: Vec<u32>,
    pub(super) items: Vec<Item>,
    pub(super) hosts: Vec<ForeignHost>,
    /// Said when a host uses the account of this name.
    pub(super) of_account: Vec<(String, Remark)>,
}

/// What a host takes where fleetstat's files say nothing.
#[derive(Clone, Copy)]
pub(super) struct Base<'a> {
    /// The items, read; in their order.
    read: &'a [Attributes],
    host: &'a ForeignHost,
}

impl<'a> Base<'a> {
    fn attributes(self) -> impl Iterator<Item = &'a Attributes> {
        self.host.items.iter().filter_map(move |item| self.read.get(*item as usize))
    }

    pub(super) fn get(self, key: Key) -> Option<&'a Value> {
        self.attributes().find_map(|attributes| attributes.get(key)).map(|placed| &placed.value)
    }

    pub(super) fn tags(self) -> impl Iterator<Item = &'a Label> {
        self.attributes().flat_map(|attributes| &attributes.tags).map(|placed| &placed.key)
    }

    pub(super) fn services(self) -> impl Iterator<Item = &'a Label> {
        self.attributes().flat_map(|attributes| &attributes.services).map(|placed| &placed.key)
    }

    pub(super) fn variables(self) -> impl Iterator<Item = &'a Sourced> {
        self.host.variables()
    }
}

impl ForeignHost {
    /// Variables, those of the host before those it shares.
    pub(super) fn variables(&self) -> impl Iterator<Item = &Sourced> {
        self.own.iter().chain(self.shared.iter())
    }
}

impl Foreign {
    /// Reads every item once, with the readers of fleetstat's own files.
    pub(super) fn read(&self, context: &Context<'_>, report: &mut Report<'_>) -> Vec<Attributes> {
        self.items.iter().map(|item| read(item, context, report)).collect()
    }

    /// What one host takes.
    pub(super) fn base<'a>(read: &'a [Attributes], host: &'a ForeignHost) -> Base<'a> {
        Base { read, host }
    }

    pub(super) fn host(&self, name: &str) -> Option<&ForeignHost> {
        self.hosts.iter().find(|host| *host.entry.key == *name)
    }

    /// Where a host takes the value of a key from. For tags and services: from where one of this
    /// name comes.
    pub(super) fn source(
        &self,
        host: &ForeignHost,
        key: &str,
        label: Option<&Label>,
    ) -> Option<&Source> {
        let items = host.items.iter().filter_map(|item| self.items.get(*item as usize));
        let holds = |item: &&Item| {
            let named = |label: &Label| {
                item.value.items().iter().any(|item| item.text() == Some(label.as_str()))
            };
            item.key == key && label.is_none_or(named)
        };
        items.into_iter().find(holds).map(|item| &item.source)
    }
}

fn read(item: &Item, context: &Context<'_>, report: &mut Report<'_>) -> Attributes {
    // Each host has its own address, checked when it was mapped: no need to go the long way.
    if item.key == "address"
        && let Some(text) = item.value.text()
    {
        let place = item.source.at.place;
        let value = Placed { key: Key::Address, value: Value::Text(text.into()), place };
        return Attributes { values: vec![value], ..Attributes::default() };
    }
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
