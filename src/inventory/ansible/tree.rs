//! Inventories in YAML form: groups at the top, each with `hosts`, `vars` and `children`.
//! Follows Ansible's yaml inventory plugin.

use std::collections::HashSet;

use crate::inventory::ansible::note::Notes;
use crate::inventory::ansible::world::{Variable, World};
use crate::inventory::ansible::{range, scalar};
use crate::inventory::report::At;
use crate::inventory::table::code;
use crate::yaml::defect::{Defects, quoted};
use crate::yaml::node::{Entry, Node, Place, Value};
use crate::yaml::reader::Foreign;

/// Most groups inside each other.
const DEPTH_MAX: usize = 64;

struct Reader<'a> {
    world: &'a mut World,
    notes: &'a mut Notes,
    defects: &'a mut Defects,
    sealed: &'a HashSet<Place>,
    file: u32,
}

/// Reads one file into the world. Faults are reported for the entered file.
pub(super) fn read(
    foreign: &Foreign,
    file: u32,
    (world, notes): (&mut World, &mut Notes),
    defects: &mut Defects,
) {
    let Some(root) = &foreign.root else { return };
    let mut reader = Reader { world, notes, defects, sealed: &foreign.sealed, file };
    if let Some(entry) = root.entries().iter().find(|entry| &*entry.key == "plugin") {
        let message = format!(
            "this configures the inventory plugin {}, which only Ansible can run",
            entry.value.described()
        );
        let help = "run `ansible-inventory -i FILE --list > fleet.json` and give fleet.json";
        return reader.refuse(code::ANSIBLE, entry.place, message, help);
    }
    for entry in root.entries() {
        reader.group(entry, None, 0);
    }
}

impl Reader<'_> {
    fn refuse(&mut self, code: &'static str, place: Place, message: String, help: &str) {
        self.defects.report(code, place, message, Some(help.to_owned()));
    }

    fn at(&self, place: Place) -> At {
        At { file: self.file, place }
    }

    /// Ansible warns of these and goes on.
    fn skipped(&mut self, place: Place, message: String) {
        self.notes.say(self.at(place), "skipped", || message);
    }

    fn group(&mut self, entry: &Entry, parent: Option<u32>, depth: usize) {
        let name = &*entry.key;
        if depth > DEPTH_MAX {
            let message = format!("group {} is more than {DEPTH_MAX} levels deep", quoted(name));
            return self.refuse(code::CYCLE, entry.place, message, "flatten the groups");
        }
        if name.is_empty() {
            let message = "a group has an empty name".to_owned();
            return self.refuse(code::BAD_NAME, entry.place, message, "name the group");
        }
        let usable = entry.value.is_null() || matches!(entry.value.value, Value::Mapping(_));
        if !usable {
            let found = entry.value.described();
            self.skipped(entry.place, format!("{} is {found}, not a group: skipped", quoted(name)));
            if parent.is_none() {
                return;
            }
        }
        let number = self.world.add_group(name, self.at(entry.place));
        if let Some(parent) = parent
            && self.world.add_child(parent, number).is_err()
        {
            let above = self.world.group(parent).map_or("?", |group| &*group.name);
            let message = format!("groups contain each other: {above} > {name}");
            return self.refuse(
                code::CYCLE,
                entry.place,
                message,
                "take one out of the other's `children`",
            );
        }
        for section in entry.value.entries() {
            self.section(name, number, section, depth);
        }
    }

    fn section(&mut self, name: &str, group: u32, section: &Entry, depth: usize) {
        let key = &*section.key;
        let node = &section.value;
        let known = matches!(key, "hosts" | "vars" | "children");
        match &node.value {
            Value::Scalar(_) if node.is_null() => {}
            // One word stands for a mapping with that key.
            Value::Scalar(_) if known && node.text().is_some() => {
                let text = node.text().unwrap_or_default();
                let nothing = Node {
                    value: Value::Scalar(crate::yaml::node::Scalar {
                        text: "".into(),
                        plain: true,
                    }),
                    place: node.place,
                };
                let only = Entry { key: text.into(), place: node.place, value: nothing };
                self.member(key, group, &only, depth);
            }
            Value::Mapping(entries) if known => {
                for entry in entries {
                    self.member(key, group, entry, depth);
                }
            }
            _ if known => {
                let message = format!(
                    "`{key}` of group {} is {}, expected a mapping",
                    quoted(name),
                    node.described()
                );
                let help = "write each name as a key: `NAME:`";
                self.refuse(code::WRONG_TYPE, node.place, message, help);
            }
            _ => {
                let message =
                    format!("unknown key {} of group {}: skipped", quoted(key), quoted(name));
                self.skipped(section.place, message);
            }
        }
    }

    fn member(&mut self, section: &str, group: u32, entry: &Entry, depth: usize) {
        match section {
            "vars" => {
                let variable = self.variable(entry);
                if self.world.set_on_group(group, variable).is_err() {
                    let message = "`ansible_group_priority` is no whole number".to_owned();
                    self.refuse(code::BAD_VALUE, entry.place, message, "write a number such as 10");
                }
            }
            "children" => self.group(entry, Some(group), depth + 1),
            _ => self.hosts(group, entry),
        }
    }

    fn variable(&self, entry: &Entry) -> Variable {
        Variable {
            name: entry.key.clone(),
            value: scalar::json(&entry.value, self.sealed),
            at: self.at(entry.place),
        }
    }

    fn hosts(&mut self, group: u32, entry: &Entry) {
        let (names, port) = match range::expand(&entry.key) {
            Ok(expanded) => expanded,
            Err(reason) => {
                let message = format!("host {}: {reason}", quoted(&entry.key));
                return self.refuse(
                    code::RANGE,
                    entry.place,
                    message,
                    "write a range such as `web[01:20]`",
                );
            }
        };
        let falsy = match &entry.value.value {
            Value::Mapping(_) => false,
            Value::Sequence(items) => items.is_empty(),
            Value::Scalar(scalar) => {
                matches!(
                    scalar::resolved(scalar),
                    super::world::Json::Null | super::world::Json::Bool(false)
                ) || scalar.text.is_empty()
            }
        };
        if !falsy && !matches!(entry.value.value, Value::Mapping(_)) {
            let message = format!(
                "host {} is {}, expected its variables",
                quoted(&entry.key),
                entry.value.described()
            );
            return self.refuse(
                code::WRONG_TYPE,
                entry.place,
                message,
                "write `name: value` below it",
            );
        }
        if !self.world.has_room(names.len()) {
            let message = "the inventory has more hosts than can be".to_owned();
            let help = "split it into several inventories";
            return self.refuse(code::HOSTS, entry.place, message, help);
        }
        let at = self.at(entry.place);
        let variables: Vec<Variable> =
            entry.value.entries().iter().map(|entry| self.variable(entry)).collect();
        for name in names {
            let host = self.world.add_host(&name, group, port, at);
            for variable in &variables {
                self.world.set_on_host(host, variable.clone());
            }
        }
    }
}
