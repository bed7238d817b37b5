//! Which of several values a host has: Ansible's order of precedence.
//!
//! From weak to strong: `all` in inventory files; groups in inventory files; `group_vars/all`;
//! `group_vars/*`; the host in inventory files; `host_vars/*`. Groups come by depth, then
//! `ansible_group_priority`, then name. Of several sources, the vars folders of a later one win.
//! Source: Ansible's user guide, "How variables are merged", and `ansible.vars.manager`.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use crate::inventory::ansible::folder::Folders;
use crate::inventory::ansible::world::{ALL_GROUP, Variable, World};
use crate::yaml::defect::Defects;

/// Where a value was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Level {
    All,
    /// A group, by number.
    Group(u32),
    Host,
}

/// What the members of one set of groups have in common.
#[derive(Debug)]
pub(super) struct Layer {
    /// Its number: layers are made in the order of the hosts.
    pub(super) number: usize,
    pub(super) variables: BTreeMap<std::sync::Arc<str>, (Rc<Variable>, Level)>,
}

/// The variables of one host.
#[derive(Debug)]
pub(super) struct Found<'w> {
    pub(super) layer: Rc<Layer>,
    inline: &'w [Variable],
    folder: Vec<Rc<Variable>>,
}

/// Answers for each host; what members of the same groups share is worked out once.
pub(super) struct Resolver<'w> {
    world: &'w World,
    folders: &'w mut Folders,
    layers: HashMap<Vec<u32>, Rc<Layer>>,
}

impl<'w> Resolver<'w> {
    pub(super) fn new(world: &'w World, folders: &'w mut Folders) -> Self {
        Self { world, folders, layers: HashMap::new() }
    }

    /// The variables of a host. Faults of vars files go to the defects, once.
    pub(super) fn host(&mut self, host: u32, defects: &mut Defects) -> Found<'w> {
        let Some(host) = self.world.hosts.get(host as usize) else {
            let layer = Rc::new(Layer { number: 0, variables: BTreeMap::new() });
            return Found { layer, inline: &[], folder: Vec::new() };
        };
        let mut direct = host.groups.to_vec();
        direct.sort_unstable();
        let layer = match self.layers.get(&direct) {
            Some(layer) => layer.clone(),
            None => self.layer(direct, defects),
        };
        let folder = self.folders.host(&host.name, defects);
        Found { layer, inline: &host.variables.0, folder }
    }

    fn layer(&mut self, direct: Vec<u32>, defects: &mut Defects) -> Rc<Layer> {
        let mut groups = self.world.above(&direct);
        groups.extend(direct.iter().copied());
        groups.remove(&ALL_GROUP);
        let mut groups: Vec<u32> = groups.into_iter().collect();
        groups.sort_by_key(|number| {
            self.world.group(*number).map(|group| (group.depth, group.priority, group.name.clone()))
        });
        let mut variables = BTreeMap::new();
        let mut add = |level: Level, all: &mut dyn Iterator<Item = Rc<Variable>>| {
            for variable in all {
                variables.insert(variable.name.clone(), (variable, level));
            }
        };
        let inline = |number: u32| {
            let group = self.world.group(number);
            group.into_iter().flat_map(|group| group.variables.0.iter().cloned().map(Rc::new))
        };
        add(Level::All, &mut inline(ALL_GROUP));
        for number in &groups {
            add(Level::Group(*number), &mut inline(*number));
        }
        for source in 0..self.folders.count() {
            add(Level::All, &mut self.folders.group(source, "all", defects).into_iter());
        }
        for source in 0..self.folders.count() {
            for number in &groups {
                let Some(group) = self.world.group(*number) else { continue };
                let found = self.folders.group(source, &group.name, defects);
                add(Level::Group(*number), &mut found.into_iter());
            }
        }
        let layer = Rc::new(Layer { number: self.layers.len(), variables });
        self.layers.insert(direct, layer.clone());
        layer
    }
}

impl Found<'_> {
    /// The variable of this name that is in force.
    pub(super) fn get(&self, name: &str) -> Option<(&Variable, Level)> {
        if let Some(variable) = self.own().find(|variable| &*variable.name == name) {
            return Some((variable, Level::Host));
        }
        self.layer.variables.get(name).map(|(variable, level)| (&**variable, *level))
    }

    /// What is set on the host itself, the strongest first.
    pub(super) fn own(&self) -> impl Iterator<Item = &Variable> {
        let folder = self.folder.iter().rev().map(|variable| &**variable);
        folder.chain(self.inline.iter())
    }

    /// Every variable in force, once.
    pub(super) fn all(&self) -> impl Iterator<Item = &Variable> {
        let mut all: BTreeMap<&str, &Variable> = BTreeMap::new();
        for (name, (variable, _)) in &self.layer.variables {
            all.insert(name, variable);
        }
        for variable in self.inline {
            all.insert(&variable.name, variable);
        }
        for variable in &self.folder {
            all.insert(&variable.name, variable);
        }
        all.into_values()
    }
}
