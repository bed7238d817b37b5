//! Ansible's groups as fleetstat's: the names, the hosts that stay, the children.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::inventory::ansible::login::{Logins, mapping, scalar};
use crate::inventory::ansible::note::Notes;
use crate::inventory::ansible::world::{UNGROUPED, World};
use crate::inventory::build::Tree;
use crate::model::id::Label;
use crate::yaml::defect::quoted;
use crate::yaml::node::{Entry, Node, Place, Value};

/// The name as a label. Spaces and other characters become `_`.
fn label(name: &str) -> String {
    let right = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let mut label: String = name.chars().map(right).take(63).collect();
    if !label.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        label.insert(0, 'g');
        label.truncate(63);
    }
    label
}

/// Trees with accounts, jumps and groups, one for each file that names some.
pub(super) fn trees(
    world: &World,
    kept: &HashSet<&str>,
    logins: Logins,
    notes: &mut Notes,
) -> Vec<Tree> {
    let mut files: BTreeMap<u32, Vec<(&str, Vec<Entry>)>> = BTreeMap::new();
    for (key, entries) in [("accounts", logins.account_entries), ("jumps", logins.jump_entries)] {
        for (file, entries) in entries {
            files.entry(file).or_default().push((key, entries));
        }
    }
    for (file, entries) in groups(world, kept, notes) {
        files.entry(file).or_default().push(("groups", entries));
    }
    let place = Place::default();
    let section = |(key, entries): (&'static str, Vec<Entry>)| {
        (key, Node { value: Value::Mapping(entries), place })
    };
    files
        .into_iter()
        .map(|(file, sections)| (file, mapping(sections.into_iter().map(section).collect(), place)))
        .collect()
}

fn groups(world: &World, kept: &HashSet<&str>, notes: &mut Notes) -> BTreeMap<u32, Vec<Entry>> {
    let labels = labels(world, notes);
    let mut files: BTreeMap<u32, Vec<Entry>> = BTreeMap::new();
    for (number, group) in world.groups.iter().enumerate().skip(1) {
        let Some(label) = labels.get(&number) else { continue };
        let place = group.at.place;
        let list = |names: Vec<Node>| Node { value: Value::Sequence(names), place };
        let hosts = group.hosts.iter().filter_map(|host| world.hosts.get(*host as usize));
        let hosts = hosts.filter(|host| kept.contains(&*host.name));
        let hosts: Vec<Node> = hosts.map(|host| scalar(&host.name, false, place)).collect();
        if number == UNGROUPED as usize && hosts.is_empty() {
            continue;
        }
        let children = group.children.iter().filter_map(|child| labels.get(&(*child as usize)));
        let children: Vec<Node> = children.map(|child| scalar(child, false, place)).collect();
        let value = mapping(vec![("hosts", list(hosts)), ("children", list(children))], place);
        let entry = Entry { key: label.as_str().into(), place, value };
        files.entry(group.at.file).or_default().push(entry);
    }
    files
}

/// The label of each group that has one.
fn labels(world: &World, notes: &mut Notes) -> HashMap<usize, String> {
    let mut labels = HashMap::new();
    let mut taken: HashSet<String> = HashSet::from([crate::inventory::ALL.to_owned()]);
    // Names that need no change come first, so that no other takes theirs.
    let plain = |name: &str| Label::new("group name", name).is_ok();
    let (right, odd): (Vec<usize>, Vec<usize>) = (1..world.groups.len())
        .partition(|number| world.groups.get(*number).is_some_and(|group| plain(&group.name)));
    for number in right.into_iter().chain(odd) {
        let Some(group) = world.groups.get(number) else { continue };
        let name = label(&group.name);
        if !taken.insert(name.clone()) {
            notes.say(group.at, "group left out", || {
                format!("group {} cannot be selected: `{name}` is taken", quoted(&group.name))
            });
            continue;
        }
        if name != *group.name {
            notes.say(group.at, "group renamed", || {
                format!("group {} is called `{name}` here", quoted(&group.name))
            });
        }
        labels.insert(number, name);
    }
    labels
}
