//! Ansible's inventories, as they are: INI, YAML, programs that print `--list`, and the `group_vars`
//! and `host_vars` folders beside them.
//!
//! Files come in and are read into a [`world::World`] as Ansible reads them; [`resolve`] finds the
//! value that is in force by Ansible's order of precedence; [`map`] makes of each host what the rest
//! of the inventory understands. What cannot be mapped is said with its line. Nothing here reaches a
//! host or reads a secret. Rules and reasons: docs/decisions/0014-ansible-inventories.md.

mod expose;
mod folder;
mod groups;
mod ini;
mod kind;
mod listing;
mod literal;
mod door;
mod login;
mod map;
mod note;
pub(super) mod option;
mod range;
mod resolve;
mod scalar;
mod source;
mod text;
mod tree;
mod way;
mod winrm;
mod words;
mod world;

use std::sync::Arc;

use crate::inventory::ansible::folder::Folders;
use crate::inventory::ansible::map::Mapper;
use crate::inventory::ansible::note::Notes;
use crate::inventory::ansible::resolve::Resolver;
use crate::inventory::ansible::world::World;
use crate::inventory::foreign::Foreign;
use crate::inventory::report::{At, Remark};
use crate::inventory::table::code;
use crate::yaml::defect::Defects;
use crate::yaml::node::Place;
use crate::yaml::reader::Limits;

pub(super) use source::{Sort, expand, refuse_mixed};

/// Whether a setting of ssh, in small letters, has no meaning here, or one that fleetstat has anyway.
pub(super) fn passed_over(setting: &str) -> bool {
    way::PASSED_OVER.contains(&setting)
}

/// What a file may cost: as a file of fleetstat's own, but for aliases, which shops use for shared
/// variables of many hosts.
const LIMITS: Limits = Limits { copies: 2_000_000, depth: 64, ..Limits::LARGE };

/// What was read so far.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    world: World,
    notes: Notes,
    folders: Folders,
    /// Numbers of the files that were read, the vars files left out.
    sources: Vec<u32>,
}

/// What comes of it.
#[derive(Debug, Default)]
pub(super) struct Mapped {
    pub(super) foreign: Foreign,
    /// What concerns reaching the hosts.
    pub(super) unmapped: Vec<Remark>,
    /// What is worth knowing.
    pub(super) remarks: Vec<Remark>,
}

impl Gathered {
    /// Joins what all sources say. False: groups contain each other, which is reported.
    fn join(&mut self, first_file: u32, defects: &mut Defects) -> bool {
        self.folders.number_from(first_file);
        if let Err(group) = self.world.reconcile() {
            let message = format!("groups contain each other: {group} > all");
            let help = "every group is inside `all` already: take `all` out".to_owned();
            defects.report(code::CYCLE, Place::default(), message, Some(help));
            return false;
        }
        true
    }

    /// What `ansible-inventory --list` would print.
    pub(super) fn listing(mut self, defects: &mut Defects) -> serde_json::Value {
        if !self.join(0, defects) {
            return serde_json::Value::Null;
        }
        let mut resolver = Resolver::new(&self.world, &mut self.folders);
        listing::print(&self.world, &mut resolver, defects)
    }

    /// Makes hosts. `operator`: who runs this, for hosts that name no user.
    pub(super) fn finish(
        mut self,
        files: &mut Vec<Arc<str>>,
        operator: Option<&str>,
        defects: &mut Defects,
    ) -> Mapped {
        let Some(first) = self.sources.first().copied() else { return Mapped::default() };
        let next = u32::try_from(files.len()).unwrap_or(u32::MAX);
        if !self.join(next, defects) {
            return Mapped::default();
        }
        let mut mapper = Mapper::new(&self.world, operator);
        let mut resolver = Resolver::new(&self.world, &mut self.folders);
        for (number, host) in self.world.hosts.iter().enumerate() {
            let found = resolver.host(u32::try_from(number).unwrap_or(u32::MAX), defects);
            mapper.host(host, &found);
        }
        files.append(&mut self.folders.files);
        let (foreign, notes, left_out) = mapper.finish(files);
        let mut unmapped = self.notes.into_remarks(files);
        unmapped.extend(self.folders.notes.into_remarks(files));
        unmapped.extend(notes.into_remarks(files));
        let origin =
            crate::inventory::report::line(files, At { file: first, place: Place::default() });
        let remarks = left_out.summary().map(|message| Remark { origin, message });
        Mapped { foreign, unmapped, remarks: remarks.into_iter().collect() }
    }
}
