//! `group_vars` and `host_vars` beside an inventory.
//!
//! `NAME` as a folder or file, else `NAME.yml`, `NAME.yaml` or `NAME.json`; the files of a folder by
//! name, hidden ones and those with other endings left out. Source: Ansible's `find_vars_files`.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use crate::inventory::ansible::note::Notes;
use crate::inventory::ansible::world::Variable;
use crate::inventory::ansible::{LIMITS, scalar};
use crate::inventory::load::{bytes, unreadable};
use crate::inventory::report::At;
use crate::inventory::table::code;
use crate::yaml::defect::Defects;
use crate::yaml::node::{Node, Place, Value};
use crate::yaml::reader::read_foreign;

/// Endings of vars files, in the order in which they are tried.
const ENDINGS: [&str; 4] = ["", ".yml", ".yaml", ".json"];
/// Most folders inside each other below one name.
const DEPTH_MAX: usize = 16;

/// The vars folders of one source, with the names in them.
#[derive(Debug)]
struct Folder {
    path: PathBuf,
    groups: BTreeSet<String>,
    hosts: BTreeSet<String>,
}

/// The vars folders of all sources, in the order of the sources.
#[derive(Debug, Default)]
pub(super) struct Folders {
    list: Vec<Folder>,
    groups: HashMap<(usize, Arc<str>), Vec<Rc<Variable>>>,
    /// Files that were read, numbered from `first`.
    pub(super) files: Vec<Arc<str>>,
    first: u32,
    pub(super) notes: Notes,
}

impl Folders {
    /// Looks into a source's folder. A folder that is a source twice counts at its later place too,
    /// as it does in Ansible; reading it again changes nothing.
    pub(super) fn add(&mut self, path: &Path, defects: &mut Defects) {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let mut names = |kind: &str| match names(&path.join(kind)) {
            Ok(names) => names,
            Err(error) => {
                unreadable(&path.join(kind), &error, defects);
                BTreeSet::new()
            }
        };
        let (groups, hosts) = (names("group_vars"), names("host_vars"));
        self.list.push(Folder { path: path.to_owned(), groups, hosts });
    }

    /// The number that the next file gets; to be set before the first is read.
    pub(super) const fn number_from(&mut self, first: u32) {
        self.first = first;
    }

    pub(super) const fn count(&self) -> usize {
        self.list.len()
    }

    /// What one source's `group_vars` say of a group.
    pub(super) fn group(
        &mut self,
        source: usize,
        name: &str,
        defects: &mut Defects,
    ) -> Vec<Rc<Variable>> {
        let key = (source, Arc::from(name));
        if let Some(known) = self.groups.get(&key) {
            return known.clone();
        }
        let found = self.list.get(source).and_then(|folder| {
            find(&folder.groups, name).map(|found| folder.path.join("group_vars").join(found))
        });
        let variables = found.map(|path| self.read(&path, defects)).unwrap_or_default();
        self.groups.insert(key, variables.clone());
        variables
    }

    /// What all sources' `host_vars` say of a host, the strongest last.
    pub(super) fn host(&mut self, name: &str, defects: &mut Defects) -> Vec<Rc<Variable>> {
        let paths: Vec<PathBuf> = self
            .list
            .iter()
            .filter_map(|folder| {
                find(&folder.hosts, name).map(|found| folder.path.join("host_vars").join(found))
            })
            .collect();
        let mut all: Vec<Rc<Variable>> = Vec::new();
        for path in paths {
            for variable in self.read(&path, defects) {
                all.retain(|known| known.name != variable.name);
                all.push(variable);
            }
        }
        all
    }

    /// The variables of a file, or of all files of a folder.
    fn read(&mut self, path: &Path, defects: &mut Defects) -> Vec<Rc<Variable>> {
        let mut files = Vec::new();
        let listed = if path.is_dir() {
            below(path, DEPTH_MAX, &mut files)
        } else {
            files.push(path.to_owned());
            Ok(())
        };
        if let Err(error) = listed {
            unreadable(path, &error, defects);
        }
        let mut all: Vec<Rc<Variable>> = Vec::new();
        for file in files {
            for variable in self.file(&file, defects) {
                all.retain(|known| known.name != variable.name);
                all.push(Rc::new(variable));
            }
        }
        all
    }

    fn file(&mut self, path: &Path, defects: &mut Defects) -> Vec<Variable> {
        let name: Arc<str> = path.to_string_lossy().into();
        let number = self.first.saturating_add(u32::try_from(self.files.len()).unwrap_or(u32::MAX));
        self.files.push(name.clone());
        let bytes = match bytes(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                unreadable(path, &error, defects);
                return Vec::new();
            }
        };
        let whole = At { file: number, place: Place::default() };
        if bytes.starts_with(b"$ANSIBLE_VAULT") {
            let message =
                || "the file is sealed by ansible-vault: its variables are not known".to_owned();
            self.notes.say(whole, "vault", message);
            return Vec::new();
        }
        // A list of its own: the common one looks through all files' names for each that enters.
        let mut own = Defects::new(&name);
        let foreign = read_foreign(&bytes, LIMITS, &mut own);
        let root = foreign.as_ref().and_then(|foreign| foreign.root.as_ref());
        if let Some(root) =
            root.filter(|root| !root.is_null() && !matches!(root.value, Value::Mapping(_)))
        {
            let message = format!("the vars file holds {}, expected a mapping", root.described());
            own.report(
                code::WRONG_TYPE,
                root.place,
                message,
                Some("write `name: value`".to_owned()),
            );
        }
        if !own.is_empty() {
            defects.enter(&name);
            for defect in own.into_list() {
                let place = Place { line: defect.line, column: defect.column };
                defects.report(defect.code, place, defect.message, defect.help);
            }
        }
        let Some(foreign) = &foreign else { return Vec::new() };
        let entries = root.map(Node::entries).unwrap_or_default();
        let variable = |entry: &crate::yaml::node::Entry| Variable {
            name: entry.key.clone(),
            value: scalar::json(&entry.value, &foreign.sealed),
            at: At { file: number, place: entry.place },
        };
        entries.iter().map(variable).collect()
    }
}

/// Names in a folder; none when it is not there or no folder.
fn names(path: &Path) -> std::io::Result<BTreeSet<String>> {
    if !path.is_dir() {
        return Ok(BTreeSet::new());
    }
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(path)? {
        names.insert(entry?.file_name().to_string_lossy().into_owned());
    }
    Ok(names)
}

fn find(names: &BTreeSet<String>, name: &str) -> Option<String> {
    if names.is_empty() {
        return None;
    }
    let candidates = ENDINGS.iter().map(|ending| format!("{name}{ending}"));
    candidates.into_iter().find(|candidate| names.contains(candidate))
}

/// All vars files below a folder, by name.
fn below(path: &Path, depth: usize, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for name in names(path)? {
        if name.starts_with('.') || name.ends_with('~') {
            continue;
        }
        let full = path.join(&name);
        let ending = full.extension().map(|ending| format!(".{}", ending.to_string_lossy()));
        let ending = ending.unwrap_or_default();
        if full.is_dir() {
            if ending.is_empty() && depth > 0 {
                below(&full, depth - 1, files)?;
            }
        } else if ENDINGS.contains(&&*ending) && full.is_file() {
            files.push(full);
        }
    }
    Ok(())
}
