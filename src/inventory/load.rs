//! Files and texts to an [`Inventory`].

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::inventory::report::{Remark, Report};
use crate::inventory::table::{CHECK, INVENTORY, code};
use crate::inventory::{Inventory, build, validate};
use crate::yaml::check::check;
use crate::yaml::defect::{Defect, Defects};
use crate::yaml::node::{Node, Place, Value};
use crate::yaml::reader::{Limits, read};

/// Reads files as one inventory. A folder stands for its `*.yaml` and `*.yml` files by name, not
/// for those of folders inside it.
///
/// # Errors
/// All faults of all files, in the order of files and lines.
pub fn load(paths: &[PathBuf]) -> Result<Inventory, Vec<Defect>> {
    let mut defects = Defects::new("inventory");
    let mut files = Vec::new();
    for path in paths {
        match expand(path) {
            Ok(found) => {
                for file in found {
                    add_once(file, &mut files);
                }
            }
            Err(error) => unreadable(path, &error, &mut defects),
        }
    }
    if files.is_empty() && defects.is_empty() {
        let help = "give a file or folder with `-i`".to_owned();
        let message = "there is no inventory file";
        defects.report(code::UNREADABLE, Place::default(), message, Some(help));
    }
    let complete = defects.is_empty();
    let mut reading = Reading { files: Vec::new(), trees: Vec::new(), defects, complete };
    for path in files {
        match bytes(&path) {
            Ok(bytes) => reading.add(&path.to_string_lossy(), &bytes),
            Err(error) => {
                reading.complete = false;
                unreadable(&path, &error, &mut reading.defects);
            }
        }
    }
    reading.finish()
}

/// Reads texts, each with the name its faults shall carry, as one inventory.
///
/// # Errors
/// All faults of all texts, in the order of texts and lines.
pub fn from_texts(texts: &[(&str, &str)]) -> Result<Inventory, Vec<Defect>> {
    let first = texts.first().map_or("inventory", |(name, _)| name);
    let defects = Defects::new(first);
    let mut reading = Reading { files: Vec::new(), trees: Vec::new(), defects, complete: true };
    for (name, text) in texts {
        reading.add(name, text.as_bytes());
    }
    reading.finish()
}

/// A file named twice, or by its folder too, is read once.
fn add_once(file: PathBuf, files: &mut Vec<PathBuf>) {
    // A file that cannot be resolved is reported when it is opened; until then its path counts.
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    if !files.iter().any(|known| real(known) == real(&file)) {
        files.push(file);
    }
}

fn expand(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let file = entry?.path();
        let yaml = file.extension().is_some_and(|end| end == "yaml" || end == "yml");
        if yaml && file.is_file() {
            files.push(file);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(io::Error::other("the folder holds no *.yaml file"));
    }
    Ok(files)
}

/// The file's bytes, one more than the cap at most: the reader refuses what is over it.
fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(Limits::LARGE.bytes as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn unreadable(path: &Path, error: &io::Error, defects: &mut Defects) {
    defects.enter(&path.to_string_lossy().into());
    let message = format!("cannot be read: {error}");
    let help = match error.kind() {
        io::ErrorKind::NotFound => Some("check the path".to_owned()),
        io::ErrorKind::PermissionDenied => Some("give yourself the right to read it".to_owned()),
        _ => None,
    };
    defects.report(code::UNREADABLE, Place::default(), message, help);
}

struct Reading {
    files: Vec<Arc<str>>,
    trees: Vec<build::Tree>,
    defects: Defects,
    /// False when a file could not be read.
    complete: bool,
}

/// Whether every key at the top is one of the table's and holds what the table says.
fn sections_known(tree: &Node) -> bool {
    tree.entries().iter().all(|entry| {
        let empty = entry.value.is_null() && &*entry.key == crate::inventory::ALL;
        INVENTORY.keys().any(|key| key == &*entry.key)
            && (empty || matches!(entry.value.value, Value::Mapping(_)))
    })
}

impl Reading {
    fn add(&mut self, name: &str, bytes: &[u8]) {
        let file: Arc<str> = name.into();
        let number = u32::try_from(self.files.len()).unwrap_or(u32::MAX);
        self.files.push(file.clone());
        self.defects.enter(&file);
        if let Some(tree) = read(bytes, Limits::LARGE, &mut self.defects) {
            check(&tree, &INVENTORY, &CHECK, &mut self.defects);
            self.trees.push((number, tree));
        } else {
            self.complete = false;
        }
    }

    fn finish(mut self) -> Result<Inventory, Vec<Defect>> {
        // While a file or a section is missing, what seems unknown may stand in it.
        let whole = self.complete && self.trees.iter().all(|(_, tree)| sections_known(tree));
        let mut report =
            Report { files: &self.files, defects: &mut self.defects, no_timezones: false };
        let built = build::build(&self.trees, whole, &mut report);
        validate::collisions(&built.hosts, &built.origins, &mut report);
        if built.hosts.is_empty() && report.defects.is_empty() {
            report.enter(0);
            let help = "add `hosts:` with at least one name".to_owned();
            let message = "the inventory has no hosts".to_owned();
            report.at(code::HOSTS, Place::default(), message, Some(help));
        }
        let groups = validate::group_sizes(&built);
        let mut remarks = validate::remarks(&built, &groups, &self.files);
        if report.no_timezones {
            let message = "this machine has no time zone database: names were checked by form only";
            remarks.push(Remark { origin: "timezone".into(), message: message.into() });
        }
        if !self.defects.is_empty() {
            return Err(self.defects.into_list());
        }
        let digest = validate::digest(&built.hosts);
        let build::Built { hosts, accounts, origins } = built;
        Ok(Inventory { hosts, groups, accounts, files: self.files, digest, remarks, origins })
    }
}
