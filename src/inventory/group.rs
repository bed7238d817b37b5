//! Groups: how they contain each other, and what their members inherit.
//!
//! A group's value wins over those of the groups it is a child of, at any distance. Two groups of
//! which neither is inside the other may not give one host different values: that is a defect, not
//! a question of the alphabet. `all` comes last. Tags and services are joined over all levels.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::inventory::attribute::{Attributes, Value};
use crate::inventory::host::Variable;
use crate::inventory::pattern::Pattern;
use crate::inventory::report::{At, Report};
use crate::inventory::table::{Key, code};
use crate::model::id::Label;
use crate::yaml::defect::quoted;
use crate::yaml::suggest::did_you_mean;

/// Most groups inside each other.
const DEPTH_MAX: usize = 16;

/// What one level says, over all files.
#[derive(Debug, Default)]
pub(super) struct Level {
    pub(super) values: BTreeMap<Key, (Value, At)>,
    pub(super) tags: BTreeMap<Label, At>,
    pub(super) services: BTreeMap<Label, At>,
    pub(super) variables: BTreeMap<Box<str>, (Variable, At)>,
}

/// One group, over all files.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) name: Label,
    /// Where it is first defined.
    pub(super) at: At,
    pub(super) level: Level,
    /// Hosts it lists.
    pub(super) hosts: Vec<(Pattern, At)>,
    /// Groups it lists.
    pub(super) children: Vec<(String, At)>,
}

/// All groups, in the order of their names, and `all`.
#[derive(Debug, Default)]
pub(super) struct Groups {
    pub(super) list: Vec<Group>,
    pub(super) all: Level,
    /// For each group, the groups it is inside of, at any distance.
    pub(super) ancestors: Vec<BTreeSet<u32>>,
}

/// Where an inherited value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Origin {
    pub(super) at: At,
    /// `None`: `all`.
    pub(super) group: Option<u32>,
}

/// An inherited value.
#[derive(Debug)]
pub(super) struct Inherited<V> {
    pub(super) value: V,
    pub(super) origin: Origin,
    /// Another value of equal standing.
    pub(super) rival: Option<(V, Origin)>,
}

/// All that the members of one set of groups inherit.
#[derive(Debug)]
pub(super) struct Layer {
    /// The groups and their ancestors, by name.
    pub(super) groups: Arc<[Label]>,
    pub(super) values: BTreeMap<Key, Inherited<Value>>,
    pub(super) variables: BTreeMap<Box<str>, Inherited<Variable>>,
    pub(super) tags: Vec<(Label, Origin)>,
    pub(super) services: Vec<(Label, Origin)>,
}

impl Level {
    /// Adds what one file says. The same key in two files is a defect that names both.
    pub(super) fn add(
        &mut self,
        attributes: Attributes,
        file: u32,
        owner: &str,
        report: &mut Report<'_>,
    ) {
        let mut twice = |key: &str, first: At, again: At| {
            let message = format!("`{key}` of {owner} is set in {} too", report.line(first));
            let help = "keep one of the two, or use two groups".to_owned();
            report.there(code::TWICE, again, message, Some(help));
        };
        for placed in attributes.values {
            let at = At { file, place: placed.place };
            match self.values.get(&placed.key) {
                Some((_, first)) => twice(placed.key.as_str(), *first, at),
                None => _ = self.values.insert(placed.key, (placed.value, at)),
            }
        }
        for placed in attributes.variables {
            let at = At { file, place: placed.place };
            match self.variables.get(&placed.key) {
                Some((_, first)) => twice(&placed.key, *first, at),
                None => _ = self.variables.insert(placed.key, (placed.value, at)),
            }
        }
        for (from, to) in
            [(attributes.tags, &mut self.tags), (attributes.services, &mut self.services)]
        {
            for placed in from {
                to.entry(placed.key).or_insert(At { file, place: placed.place });
            }
        }
    }
}

impl Groups {
    /// Sorts the groups, connects them, and reports unknown children, cycles and absurd depth.
    pub(super) fn connect(mut list: Vec<Group>, all: Level, report: &mut Report<'_>) -> Self {
        list.sort_by(|left, right| left.name.cmp(&right.name));
        let index: HashMap<&str, usize> =
            list.iter().enumerate().map(|(index, group)| (group.name.as_str(), index)).collect();
        let mut parents: Vec<Vec<(usize, At)>> = list.iter().map(|_| Vec::new()).collect();
        for (parent, group) in list.iter().enumerate() {
            for (child, at) in &group.children {
                match index.get(child.as_str()) {
                    Some(&child) => {
                        parents.get_mut(child).into_iter().for_each(|p| p.push((parent, *at)));
                    }
                    None => unknown_child(child, *at, &list, report),
                }
            }
        }
        let ancestors = ancestors(&parents, &list, report);
        Self { list, all, ancestors }
    }

    pub(super) fn get(&self, group: u32) -> Option<&Group> {
        self.list.get(group as usize)
    }

    /// What the members of these groups (ascending) inherit.
    pub(super) fn layer(&self, direct: &[u32]) -> Layer {
        let mut closure: BTreeSet<u32> = direct.iter().copied().collect();
        for &group in direct {
            closure.extend(self.ancestors.get(group as usize).into_iter().flatten());
        }
        let members: Vec<(u32, &Group)> =
            closure.iter().filter_map(|&index| Some((index, self.get(index)?))).collect();
        let mut values: BTreeMap<Key, Vec<(&Value, Origin)>> = BTreeMap::new();
        let mut variables: BTreeMap<&str, Vec<(&Variable, Origin)>> = BTreeMap::new();
        let mut tags = BTreeMap::new();
        let mut services = BTreeMap::new();
        let levels = members
            .iter()
            .map(|(index, group)| (Some(*index), &group.level))
            .chain([(None, &self.all)]);
        for (group, level) in levels {
            let from = |at: At| Origin { at, group };
            for (key, (value, at)) in &level.values {
                values.entry(*key).or_default().push((value, from(*at)));
            }
            for (name, (value, at)) in &level.variables {
                variables.entry(name).or_default().push((value, from(*at)));
            }
            for (label, at) in &level.tags {
                tags.entry(label.clone()).or_insert(from(*at));
            }
            for (label, at) in &level.services {
                services.entry(label.clone()).or_insert(from(*at));
            }
        }
        let values = values.into_iter().filter_map(|(key, all)| Some((key, self.nearest(&all)?)));
        let variables = variables
            .into_iter()
            .filter_map(|(name, all)| Some((name.into(), self.nearest(&all)?)));
        Layer {
            groups: members.iter().map(|(_, group)| group.name.clone()).collect(),
            values: values.collect(),
            variables: variables.collect(),
            tags: tags.into_iter().collect(),
            services: services.into_iter().collect(),
        }
    }

    /// The value that wins: none of the others is from a group inside its group.
    fn nearest<V: Clone + PartialEq>(&self, candidates: &[(&V, Origin)]) -> Option<Inherited<V>> {
        let outdone = |mine: Origin| {
            candidates.iter().any(|(_, other)| match (mine.group, other.group) {
                (None, Some(_)) => true,
                (Some(mine), Some(other)) => {
                    self.ancestors.get(other as usize).is_some_and(|above| above.contains(&mine))
                }
                (_, None) => false,
            })
        };
        let mut left = candidates.iter().filter(|(_, origin)| !outdone(*origin));
        let (value, origin) = left.next()?;
        let rival = left
            .find(|(other, _)| other != value)
            .map(|(other, origin)| ((*other).clone(), *origin));
        Some(Inherited { value: (*value).clone(), origin: *origin, rival })
    }
}

fn unknown_child(child: &str, at: At, groups: &[Group], report: &mut Report<'_>) {
    let (message, help) = if child == crate::inventory::ALL {
        ("`all` cannot be a child".to_owned(), Some("every host is in `all` already".to_owned()))
    } else {
        let help = did_you_mean(child, groups.iter().map(|group| group.name.as_str()))
            .or_else(|| Some("define it under `groups:`".to_owned()));
        (format!("there is no group {}", quoted(child)), help)
    };
    report.there(code::UNKNOWN_REFERENCE, at, message, help);
}

/// For each group the groups above it, parents first (Kahn's algorithm: no recursion, so depth
/// costs nothing). Groups of a cycle get none.
fn ancestors(
    parents: &[Vec<(usize, At)>],
    groups: &[Group],
    report: &mut Report<'_>,
) -> Vec<BTreeSet<u32>> {
    let mut children: Vec<Vec<usize>> = parents.iter().map(|_| Vec::new()).collect();
    let mut missing: Vec<usize> = parents.iter().map(Vec::len).collect();
    for (child, above) in parents.iter().enumerate() {
        for (parent, _) in above {
            children.get_mut(*parent).into_iter().for_each(|list| list.push(child));
        }
    }
    let mut ready: Vec<usize> =
        missing.iter().enumerate().filter(|(_, n)| **n == 0).map(|(index, _)| index).collect();
    let mut result: Vec<BTreeSet<u32>> = parents.iter().map(|_| BTreeSet::new()).collect();
    let mut level: Vec<usize> = parents.iter().map(|_| 0).collect();
    while let Some(parent) = ready.pop() {
        let depth = level.get(parent).copied().unwrap_or(0) + 1;
        let mut above = result.get(parent).cloned().unwrap_or_default();
        above.extend(u32::try_from(parent));
        if depth > DEPTH_MAX {
            too_deep(parent, groups, report);
            return Vec::new();
        }
        for &child in children.get(parent).into_iter().flatten() {
            let (Some(set), Some(open), Some(deep)) =
                (result.get_mut(child), missing.get_mut(child), level.get_mut(child))
            else {
                continue;
            };
            set.extend(&above);
            *deep = (*deep).max(depth);
            *open -= 1;
            if *open == 0 {
                ready.push(child);
            }
        }
    }
    cycles(parents, &missing, groups, report);
    result
}

fn too_deep(group: usize, groups: &[Group], report: &mut Report<'_>) {
    if let Some(group) = groups.get(group) {
        let message = format!("group {} is more than {DEPTH_MAX} levels deep", group.name);
        let help = "use tags or more groups per host instead of nesting".to_owned();
        report.there(code::CYCLE, group.at, message, Some(help));
    }
}

/// Reports every cycle among the groups whose parents were never all ready.
fn cycles(
    parents: &[Vec<(usize, At)>],
    missing: &[usize],
    groups: &[Group],
    report: &mut Report<'_>,
) {
    let in_cycle = |group: usize| missing.get(group).is_some_and(|open| *open > 0);
    let mut seen: BTreeSet<usize> = BTreeSet::new();
    for start in (0..parents.len()).filter(|group| in_cycle(*group)) {
        let mut walk: Vec<(usize, At)> = Vec::new();
        let mut at = start;
        while seen.insert(at) {
            // A parent that is in the rest too exists, or this group would have been ready.
            let up = parents.get(at).and_then(|all| all.iter().find(|(p, _)| in_cycle(*p)));
            let Some((parent, place)) = up else { break };
            walk.push((at, *place));
            at = *parent;
        }
        let Some(from) = walk.iter().position(|(group, _)| *group == at) else { continue };
        let name = |group: usize| groups.get(group).map_or("?", |group| group.name.as_str());
        let mut names: Vec<&str> = walk.iter().skip(from).map(|(group, _)| name(*group)).collect();
        names.push(name(at));
        names.reverse();
        if let Some((_, place)) = walk.get(from) {
            let message = format!("groups contain each other: {}", names.join(" > "));
            let help = "take one out of the other's `children`".to_owned();
            report.there(code::CYCLE, *place, message, Some(help));
        }
    }
}
