//! What Ansible's files say, before anything is decided: hosts, groups, and the variables each
//! line sets. Follows Ansible's own bookkeeping (`ansible.inventory.data`), order included.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use smallvec::SmallVec;

use crate::inventory::report::At;

/// Any value a variable can have.
pub(super) type Json = serde_json::Value;

/// Key of an object that stands for a sealed value: what `ansible-inventory` prints for one.
pub(super) const VAULT: &str = "__ansible_vault";

/// A variable with the line that sets it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Variable {
    pub(super) name: Arc<str>,
    pub(super) value: Json,
    pub(super) at: At,
}

/// Variables of one level, each name once, in the order in which they were first set.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Variables(pub(super) Vec<Variable>);

#[derive(Debug)]
pub(super) struct Host {
    pub(super) name: Arc<str>,
    /// Where it was first named.
    pub(super) at: At,
    /// Groups that list it, in the order of listing.
    pub(super) groups: SmallVec<[u32; 2]>,
    pub(super) variables: Variables,
}

#[derive(Debug)]
pub(super) struct Group {
    pub(super) name: Arc<str>,
    pub(super) at: At,
    /// `ansible_group_priority`.
    pub(super) priority: i64,
    /// Longest way from `all`.
    pub(super) depth: u32,
    pub(super) hosts: Vec<u32>,
    pub(super) children: Vec<u32>,
    pub(super) parents: Vec<u32>,
    pub(super) variables: Variables,
}

/// Number of the group `all`.
pub(super) const ALL_GROUP: u32 = 0;
/// Number of the group `ungrouped`.
pub(super) const UNGROUPED: u32 = 1;

/// All hosts and groups of all sources.
#[derive(Debug)]
pub(super) struct World {
    pub(super) hosts: Vec<Host>,
    pub(super) groups: Vec<Group>,
    host_numbers: HashMap<Arc<str>, u32>,
    group_numbers: HashMap<Arc<str>, u32>,
}

impl Variables {
    /// Sets a variable; a later value takes the place of an earlier one.
    pub(super) fn set(&mut self, variable: Variable) {
        match self.0.iter_mut().find(|known| known.name == variable.name) {
            Some(known) => *known = variable,
            None => self.0.push(variable),
        }
    }
}

impl Default for World {
    fn default() -> Self {
        let mut world = Self {
            hosts: Vec::new(),
            groups: Vec::new(),
            host_numbers: HashMap::new(),
            group_numbers: HashMap::new(),
        };
        let at = At { file: 0, place: crate::yaml::node::Place::default() };
        world.add_group("all", at);
        world.add_group("ungrouped", at);
        world
    }
}

impl World {
    /// The number of a group, made when there is none.
    pub(super) fn add_group(&mut self, name: &str, at: At) -> u32 {
        if let Some(number) = self.group_numbers.get(name) {
            return *number;
        }
        let number = u32::try_from(self.groups.len()).unwrap_or(u32::MAX);
        let name: Arc<str> = name.into();
        self.group_numbers.insert(name.clone(), number);
        self.groups.push(Group {
            name,
            at,
            priority: 1,
            depth: 0,
            hosts: Vec::new(),
            children: Vec::new(),
            parents: Vec::new(),
            variables: Variables::default(),
        });
        number
    }

    pub(super) fn group_number(&self, name: &str) -> Option<u32> {
        self.group_numbers.get(name).copied()
    }

    pub(super) fn group(&self, number: u32) -> Option<&Group> {
        self.groups.get(number as usize)
    }

    pub(super) fn host_number(&self, name: &str) -> Option<u32> {
        self.host_numbers.get(name).copied()
    }

    /// Whether more hosts can be added. Ranges of many lines must not fill the memory.
    pub(super) fn has_room(&self, more: usize) -> bool {
        self.hosts.len().saturating_add(more) <= crate::inventory::build::HOSTS_MAX
    }

    /// The number of a host, made when there is none and then with the port; and listed in the
    /// group.
    pub(super) fn add_host(&mut self, name: &str, group: u32, port: Option<u32>, at: At) -> u32 {
        let number = if let Some(number) = self.host_numbers.get(name) {
            *number
        } else {
            let number = u32::try_from(self.hosts.len()).unwrap_or(u32::MAX);
            let name: Arc<str> = name.into();
            self.host_numbers.insert(name.clone(), number);
            let mut variables = Variables::default();
            // Python's 0 is false: `host:0` sets no port.
            if let Some(port) = port.filter(|port| *port != 0) {
                let name = "ansible_port".into();
                variables.set(Variable { name, value: port.into(), at });
            }
            self.hosts.push(Host { name, at, groups: SmallVec::new(), variables });
            number
        };
        self.join(number, group);
        number
    }

    fn join(&mut self, host: u32, group: u32) {
        let Some(entry) = self.hosts.get_mut(host as usize) else { return };
        if entry.groups.contains(&group) {
            return;
        }
        entry.groups.push(group);
        self.groups.get_mut(group as usize).into_iter().for_each(|group| group.hosts.push(host));
    }

    pub(super) fn set_on_host(&mut self, host: u32, variable: Variable) {
        if let Some(host) = self.hosts.get_mut(host as usize) {
            host.variables.set(variable);
        }
    }

    /// Sets a variable of a group. `Err`: `ansible_group_priority` is no number.
    pub(super) fn set_on_group(&mut self, group: u32, variable: Variable) -> Result<(), ()> {
        let Some(group) = self.groups.get_mut(group as usize) else { return Ok(()) };
        if &*variable.name != "ansible_group_priority" {
            group.variables.set(variable);
            return Ok(());
        }
        group.priority = match &variable.value {
            Json::Number(number) => number.as_i64().ok_or(())?,
            Json::String(text) => text.trim().parse().map_err(|_| ())?,
            Json::Bool(flag) => i64::from(*flag),
            Json::Null | Json::Array(_) | Json::Object(_) => return Err(()),
        };
        Ok(())
    }

    /// Makes one group the child of another. `Err`: the child is the parent, or above it.
    pub(super) fn add_child(&mut self, parent: u32, child: u32) -> Result<(), ()> {
        if parent == child || self.above(&[parent]).contains(&child) {
            return Err(());
        }
        if self.group(parent).is_none_or(|group| group.children.contains(&child)) {
            return Ok(());
        }
        self.groups.get_mut(parent as usize).into_iter().for_each(|g| g.children.push(child));
        self.groups.get_mut(child as usize).into_iter().for_each(|g| g.parents.push(parent));
        Ok(())
    }

    /// All groups above these, at any distance, themselves left out unless one is above another.
    pub(super) fn above(&self, groups: &[u32]) -> BTreeSet<u32> {
        let mut found = BTreeSet::new();
        let mut open: Vec<u32> = groups.to_vec();
        while let Some(group) = open.pop() {
            let parents = self.group(group).map(|group| group.parents.as_slice());
            for parent in parents.unwrap_or_default() {
                if found.insert(*parent) {
                    open.push(*parent);
                }
            }
        }
        found
    }

    /// After the last source: every group is below `all`, every host without a group in
    /// `ungrouped`, and depths are known. `Err`: a group that `all` is inside of.
    pub(super) fn reconcile(&mut self) -> Result<(), Arc<str>> {
        let count = u32::try_from(self.groups.len()).unwrap_or(u32::MAX);
        if let Some(above) = self.above(&[ALL_GROUP]).first().and_then(|group| self.group(*group)) {
            return Err(above.name.clone());
        }
        for group in 1..count {
            if self.group(group).is_some_and(|group| group.parents.is_empty()) {
                // Cannot fail: nothing is above `all`.
                let _joined = self.add_child(ALL_GROUP, group);
            }
        }
        for number in 0..u32::try_from(self.hosts.len()).unwrap_or(u32::MAX) {
            let Some(host) = self.hosts.get_mut(number as usize) else { continue };
            let loose = host.groups.iter().all(|group| *group <= UNGROUPED);
            if loose {
                self.join(number, UNGROUPED);
            } else {
                host.groups.retain(|group| *group != UNGROUPED);
            }
        }
        let listed: Vec<u32> = self
            .groups
            .get(UNGROUPED as usize)
            .map(|group| group.hosts.clone())
            .unwrap_or_default();
        let still = |host: &u32| {
            self.hosts.get(*host as usize).is_some_and(|host| host.groups.contains(&UNGROUPED))
        };
        let kept: Vec<u32> = listed.into_iter().filter(still).collect();
        if let Some(group) = self.groups.get_mut(UNGROUPED as usize) {
            group.hosts = kept;
        }
        self.measure_depth();
        Ok(())
    }

    /// Longest way from `all`, groups taken once all their parents are done.
    fn measure_depth(&mut self) {
        let mut missing: Vec<usize> = self.groups.iter().map(|group| group.parents.len()).collect();
        let mut ready = vec![ALL_GROUP];
        while let Some(number) = ready.pop() {
            let Some(group) = self.group(number) else { continue };
            let (depth, children) = (group.depth, group.children.clone());
            for child in children {
                if let Some(below) = self.groups.get_mut(child as usize) {
                    below.depth = below.depth.max(depth + 1);
                }
                let Some(open) = missing.get_mut(child as usize) else { continue };
                *open = open.saturating_sub(1);
                if *open == 0 {
                    ready.push(child);
                }
            }
        }
    }
}
