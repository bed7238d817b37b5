//! What an inventory program prints for `--list`, and what `ansible-inventory --list` prints: JSON
//! with a key for each group, and `_meta.hostvars` for the hosts.
//!
//! Source: Ansible's developer guide, "Developing dynamic inventory", and its script plugin.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Map, json};

use crate::inventory::ansible::resolve::Resolver;
use crate::inventory::ansible::world::{Json, UNGROUPED, Variable, World};
use crate::inventory::report::At;
use crate::inventory::table::code;
use crate::yaml::defect::{Defects, quoted};

/// Key of an object that stands for a text without templates.
const UNSAFE: &str = "__ansible_unsafe";

/// What came of the text.
pub(super) struct Listed {
    /// Hosts by number, in the order of listing.
    pub(super) hosts: Vec<u32>,
    /// False when the program has to be asked for each host.
    pub(super) complete: bool,
}

/// Reads the printed text into the world. `None`: it cannot be used, and a defect says why.
pub(super) fn read(text: &str, at: At, world: &mut World, defects: &mut Defects) -> Option<Listed> {
    let mut refuse = |message: String| {
        let help = "see what `PROGRAM --list` prints: groups as a JSON object, with `_meta`";
        defects.report(code::ANSIBLE, at.place, message, Some(help.to_owned()));
    };
    let top: Map<String, Json> = match serde_json::from_str(text).map(unmarked) {
        Ok(Json::Object(top)) => top,
        Ok(other) => {
            refuse(format!("the list is {}, expected a JSON object", kind(&other)));
            return None;
        }
        Err(error) => {
            refuse(format!("the list is no JSON: {}", quoted(&error.to_string()).replace('`', "")));
            return None;
        }
    };
    let mut reader = Reader { world, at, hosts: Vec::new(), seen: HashSet::new() };
    let mut meta = None;
    for (name, value) in &top {
        if name == "_meta" {
            let Some(hostvars) = value.get("hostvars").and_then(Json::as_object) else {
                refuse("`_meta` has no `hostvars` object".to_owned());
                return None;
            };
            meta = Some(hostvars);
        } else if let Err(message) = reader.group(name, value) {
            refuse(message);
            return None;
        }
    }
    let Reader { hosts, .. } = reader;
    for (host, hostvars) in hosts.iter().zip(meta.into_iter().cycle()) {
        let name = world.hosts.get(*host as usize).map(|host| host.name.clone());
        let variables = name.as_deref().and_then(|name| hostvars.get(name));
        if let Some(variables) = variables
            && !set_all(world, *host, variables, at)
        {
            let name = quoted(name.as_deref().unwrap_or_default());
            refuse(format!(
                "the variables of host {name} are {}, expected an object",
                kind(variables)
            ));
            return None;
        }
    }
    Some(Listed { hosts, complete: meta.is_some() })
}

/// Sets what a program prints for one host. False: it is no object.
pub(super) fn set_all(world: &mut World, host: u32, variables: &Json, at: At) -> bool {
    let Json::Object(variables) = variables else { return false };
    for (name, value) in variables {
        let name: Arc<str> = name.as_str().into();
        world.set_on_host(host, Variable { name, value: value.clone(), at });
    }
    true
}

struct Reader<'a> {
    world: &'a mut World,
    at: At,
    hosts: Vec<u32>,
    seen: HashSet<u32>,
}

impl Reader<'_> {
    fn group(&mut self, name: &str, value: &Json) -> Result<(), String> {
        if name.is_empty() {
            return Err("a group has an empty name".to_owned());
        }
        let group = self.world.add_group(name, self.at);
        let shown = quoted(name);
        let Json::Object(sections) = value else {
            // The old form: the group is its list of hosts.
            return self.hosts(group, &shown, value);
        };
        let known = ["hosts", "vars", "children"].iter().any(|key| sections.contains_key(*key));
        if !known {
            // An old form too: a host, with its variables.
            self.hosts(group, &shown, &json!([name]))?;
            return self.variables(group, &shown, value);
        }
        if let Some(hosts) = sections.get("hosts") {
            self.hosts(group, &shown, hosts)?;
        }
        if let Some(variables) = sections.get("vars") {
            self.variables(group, &shown, variables)?;
        }
        let children = match sections.get("children") {
            None => return Ok(()),
            Some(Json::Array(children)) => children,
            Some(other) => {
                return Err(format!(
                    "`children` of group {shown} is {}, expected a list",
                    kind(other)
                ));
            }
        };
        for child in children {
            let child = child
                .as_str()
                .filter(|child| !child.is_empty())
                .ok_or_else(|| format!("a child of group {shown} is no name"))?;
            let number = self.world.add_group(child, self.at);
            let joined = self.world.add_child(group, number);
            joined.map_err(|()| format!("groups contain each other: {name} > {child}"))?;
        }
        Ok(())
    }

    fn hosts(&mut self, group: u32, shown: &str, hosts: &Json) -> Result<(), String> {
        let Json::Array(hosts) = hosts else {
            return Err(format!("`hosts` of group {shown} is {}, expected a list", kind(hosts)));
        };
        for host in hosts {
            let name = host.as_str().filter(|name| !name.is_empty());
            let name = name.ok_or_else(|| format!("a host of group {shown} is no name"))?;
            let number = self.world.add_host(name, group, None, self.at);
            if self.seen.insert(number) {
                self.hosts.push(number);
            }
        }
        Ok(())
    }

    fn variables(&mut self, group: u32, shown: &str, variables: &Json) -> Result<(), String> {
        let Json::Object(variables) = variables else {
            return Err(format!(
                "`vars` of group {shown} is {}, expected an object",
                kind(variables)
            ));
        };
        for (name, value) in variables {
            let variable =
                Variable { name: name.as_str().into(), value: value.clone(), at: self.at };
            let set = self.world.set_on_group(group, variable);
            set.map_err(|()| "`ansible_group_priority` is no whole number".to_owned())?;
        }
        Ok(())
    }
}

/// Takes away Ansible's mark on texts that are no templates.
fn unmarked(value: Json) -> Json {
    match value {
        Json::Object(mut map) if map.len() == 1 && map.contains_key(UNSAFE) => {
            map.remove(UNSAFE).unwrap_or(Json::Null)
        }
        Json::Object(map) => {
            Json::Object(map.into_iter().map(|(key, value)| (key, unmarked(value))).collect())
        }
        Json::Array(items) => Json::Array(items.into_iter().map(unmarked).collect()),
        other => other,
    }
}

fn kind(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "a flag",
        Json::Number(_) => "a number",
        Json::String(_) => "a text",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}

/// Variables that Ansible keeps to itself.
const INTERNAL: &[&str] = &[
    "ansible_async_path",
    "ansible_collection_name",
    "ansible_config_file",
    "ansible_dependent_role_names",
    "ansible_diff_mode",
    "ansible_facts",
    "ansible_forks",
    "ansible_inventory_sources",
    "ansible_limit",
    "ansible_play_batch",
    "ansible_play_hosts",
    "ansible_play_hosts_all",
    "ansible_play_role_names",
    "ansible_playbook_python",
    "ansible_role_name",
    "ansible_role_names",
    "ansible_run_tags",
    "ansible_skip_tags",
    "ansible_verbosity",
    "ansible_version",
    "inventory_dir",
    "inventory_file",
    "inventory_hostname",
    "inventory_hostname_short",
    "groups",
    "group_names",
    "hostvars",
    "playbook_dir",
    "play_hosts",
    "role_name",
    "role_names",
    "role_path",
    "role_uuid",
];

/// What `ansible-inventory --list` prints: every group with hosts or children, and the variables of
/// each host as they are in force, templates not expanded.
pub(super) fn print(world: &World, resolver: &mut Resolver<'_>, defects: &mut Defects) -> Json {
    let mut top = Map::new();
    for (number, group) in world.groups.iter().enumerate() {
        let mut printed = Map::new();
        let hosts = group.hosts.iter().filter_map(|host| world.hosts.get(*host as usize));
        let hosts: Vec<&str> = hosts.map(|host| &*host.name).collect();
        if number > 0 && !hosts.is_empty() {
            printed.insert("hosts".to_owned(), json!(hosts));
        }
        let children = group.children.iter().filter_map(|child| world.group(*child));
        let children: Vec<&str> = children.map(|child| &*child.name).collect();
        if !children.is_empty() {
            printed.insert("children".to_owned(), json!(children));
        }
        if !printed.is_empty() || number == UNGROUPED as usize && !hosts.is_empty() {
            top.insert(group.name.to_string(), Json::Object(printed));
        }
    }
    let mut hostvars = Map::new();
    for (number, host) in world.hosts.iter().enumerate() {
        let found = resolver.host(u32::try_from(number).unwrap_or(u32::MAX), defects);
        let variables: Map<String, Json> = found
            .all()
            .filter(|variable| !INTERNAL.contains(&&*variable.name))
            .map(|variable| (variable.name.to_string(), variable.value.clone()))
            .collect();
        if !variables.is_empty() {
            hostvars.insert(host.name.to_string(), Json::Object(variables));
        }
    }
    top.insert("_meta".to_owned(), json!({"hostvars": hostvars, "profile": "inventory_legacy"}));
    Json::Object(top)
}
