//! Inventories in INI form: sections, host lines, `[group:vars]`, `[group:children]`.
//!
//! Follows Ansible's ini inventory plugin, its oddities included: variables of a host line are
//! words of `shlex`, those of a `:vars` section everything behind the `=`; both are Python literals
//! where they can be. Ansible stops at the first fault; here all of them are reported.

use std::collections::BTreeMap;

use crate::inventory::ansible::world::{Variable, World};
use crate::inventory::ansible::{literal, range, words};
use crate::inventory::report::At;
use crate::inventory::table::code;
use crate::yaml::defect::{Defects, quoted};
use crate::yaml::node::Place;

/// What the lines of a section are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Section {
    Hosts,
    Children,
    Vars,
    /// Its head was refused: its lines are passed over.
    Refused,
}

/// A group that is named before it is declared.
struct Awaited {
    at: At,
    section: Section,
    parents: Vec<u32>,
}

struct Reader<'a> {
    world: &'a mut World,
    defects: &'a mut Defects,
    file: u32,
    group: u32,
    section: Section,
    awaited: BTreeMap<String, Awaited>,
}

/// Reads one file into the world. Faults are reported for the entered file.
pub(super) fn read(text: &str, file: u32, world: &mut World, defects: &mut Defects) {
    let group = super::world::UNGROUPED;
    let section = Section::Hosts;
    let mut reader = Reader { world, defects, file, group, section, awaited: BTreeMap::new() };
    for (number, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        let column = line.chars().take_while(|c| c.is_whitespace()).count() + 1;
        let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        reader.line(trimmed, Place { line: small(number + 1), column: small(column) });
    }
    reader.end();
}

impl Reader<'_> {
    fn refuse(&mut self, code: &'static str, place: Place, message: String, help: &str) {
        self.defects.report(code, place, message, Some(help.to_owned()));
    }

    fn line(&mut self, line: &str, place: Place) {
        if let Some((name, kind)) = head(line) {
            self.head(name, kind, place);
        } else if line.starts_with('[') && line.ends_with(']') {
            self.section = Section::Refused;
            let message = format!("the section {} cannot be read", quoted(line));
            let help = "write `[NAME]`, `[NAME:vars]` or `[NAME:children]`, without spaces";
            self.refuse(code::ANSIBLE, place, message, help);
        } else {
            match self.section {
                Section::Hosts => self.hosts(line, place),
                Section::Vars => self.variable(line, place),
                Section::Children => self.child(line, place),
                Section::Refused => {}
            }
        }
    }

    fn head(&mut self, name: &str, kind: Option<&str>, place: Place) {
        let at = At { file: self.file, place };
        self.section = match kind {
            None | Some("hosts") => Section::Hosts,
            Some("children") => Section::Children,
            Some("vars") => Section::Vars,
            Some(other) => {
                self.section = Section::Refused;
                let message = format!(
                    "the section of {} is of the unknown kind {}",
                    quoted(name),
                    quoted(other)
                );
                let help = "the kinds are `:vars`, `:children` and `:hosts`";
                return self.refuse(code::ANSIBLE, place, message, help);
            }
        };
        let known = self.world.group_number(name).is_some();
        self.group = self.world.add_group(name, at);
        if self.section == Section::Vars {
            if !known && !self.awaited.contains_key(name) {
                let awaited = Awaited { at, section: Section::Vars, parents: Vec::new() };
                self.awaited.insert(name.to_owned(), awaited);
            }
            return;
        }
        if let Some(awaited) = self.awaited.remove(name) {
            for parent in awaited.parents {
                self.connect(parent, self.group, awaited.at);
            }
        }
    }

    fn connect(&mut self, parent: u32, child: u32, at: At) {
        if self.world.add_child(parent, child).is_err() {
            let name = |group| self.world.group(group).map_or("?", |group| &*group.name);
            let message = format!("groups contain each other: {} > {}", name(parent), name(child));
            self.refuse(code::CYCLE, at.place, message, "take one out of the other's section");
        }
    }

    fn hosts(&mut self, line: &str, place: Place) {
        let words = match words::split(line) {
            Ok(words) => words,
            Err(reason) => {
                let message = format!("the host line cannot be read: {reason}");
                return self.refuse(code::ANSIBLE, place, message, "close the quote");
            }
        };
        let Some((pattern, rest)) = words.split_first() else { return };
        let expanded = if pattern == "---" {
            Err("is the mark of a YAML file".to_owned())
        } else {
            range::expand(pattern)
        };
        let (names, port) = match expanded {
            Ok((_, None)) if pattern.ends_with(':') => {
                let message = format!("host {} ends in `:`", quoted(pattern));
                let help = "write `NAME` or `NAME:PORT`; a YAML file is called `*.yml` or `*.yaml`";
                return self.refuse(code::ANSIBLE, place, message, help);
            }
            Ok(expanded) => expanded,
            Err(reason) => {
                let message = format!("host {}: {reason}", quoted(pattern));
                return self.refuse(
                    code::RANGE,
                    place,
                    message,
                    "write a range such as `web[01:20]`",
                );
            }
        };
        if !self.world.has_room(names.len()) {
            let message = "the inventory has more hosts than can be".to_owned();
            return self.refuse(code::HOSTS, place, message, "split it into several inventories");
        }
        let at = At { file: self.file, place };
        let mut variables = Vec::with_capacity(rest.len());
        for word in rest {
            let Some((name, value)) = word.split_once('=') else {
                let message = format!("{} is no `name=value`", quoted(word));
                let help = "write one host a line, and its variables as `name=value` behind it";
                self.refuse(code::ANSIBLE, place, message, help);
                continue;
            };
            let value = literal::value(value);
            variables.push(Variable { name: name.into(), value, at });
        }
        for name in names {
            let host = self.world.add_host(&name, self.group, port, at);
            for variable in &variables {
                self.world.set_on_host(host, variable.clone());
            }
        }
    }

    fn variable(&mut self, line: &str, place: Place) {
        let Some((name, value)) = line.split_once('=') else {
            let message = format!("{} is no `name=value`", quoted(line));
            return self.refuse(code::ANSIBLE, place, message, "write `name=value`");
        };
        let at = At { file: self.file, place };
        let value = literal::value(value.trim());
        let variable = Variable { name: name.trim().into(), value, at };
        if self.world.set_on_group(self.group, variable).is_err() {
            let message = "`ansible_group_priority` is no whole number".to_owned();
            self.refuse(code::BAD_VALUE, place, message, "write a number such as 10");
        }
    }

    fn child(&mut self, line: &str, place: Place) {
        let Some(name) = group_name(line) else {
            let message = format!("{} is no group name", quoted(line));
            let help = "a `:children` section lists groups, one a line, without variables";
            return self.refuse(code::ANSIBLE, place, message, help);
        };
        let at = At { file: self.file, place };
        let parent = self.group;
        if let Some(awaited) = self.awaited.get_mut(name) {
            awaited.parents.push(parent);
        } else if let Some(child) = self.world.group_number(name) {
            self.connect(parent, child, at);
        } else {
            let awaited = Awaited { at, section: Section::Children, parents: vec![parent] };
            self.awaited.insert(name.to_owned(), awaited);
        }
    }

    /// What was named and never declared.
    fn end(&mut self) {
        for (name, awaited) in std::mem::take(&mut self.awaited) {
            let name = quoted(&name);
            let (message, help) = if awaited.section == Section::Vars {
                (
                    format!("there is no group {name} for these variables"),
                    "declare the group with `[NAME]`",
                )
            } else if self.world.host_number(name.trim_matches('`')).is_some() {
                (format!("{name} is a host, not a group"), "list hosts in a section `[NAME]`")
            } else {
                (format!("there is no group {name}"), "declare the group with `[NAME]`")
            };
            self.refuse(code::UNKNOWN_REFERENCE, awaited.at.place, message, help);
        }
    }
}

/// `[name]` or `[name:kind]`, perhaps with a comment behind it.
fn head(line: &str) -> Option<(&str, Option<&str>)> {
    let (inside, behind) = line.strip_prefix('[')?.split_once(']')?;
    let behind = behind.trim_start();
    if !(behind.is_empty() || behind.starts_with('#')) {
        return None;
    }
    let (name, kind) = match inside.split_once(':') {
        Some((name, kind)) => (name, Some(kind)),
        None => (inside, None),
    };
    let word =
        |text: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_');
    let right = !name.is_empty() && !name.contains(char::is_whitespace) && kind.is_none_or(word);
    right.then_some((name, kind))
}

/// The longest word behind which only a comment follows.
fn group_name(line: &str) -> Option<&str> {
    let end = line.find(|c: char| c == ':' || c == ']' || c.is_whitespace()).unwrap_or(line.len());
    let ends = line.char_indices().map(|(at, c)| at + c.len_utf8()).filter(|at| *at <= end);
    let names = ends.collect::<Vec<usize>>().into_iter().rev().map(|at| line.split_at(at));
    names
        .map(|(name, rest)| (name, rest.trim_start()))
        .find(|(_, rest)| rest.is_empty() || rest.starts_with('#'))
        .map(|(name, _)| name)
}
