//! Files and texts to an [`Inventory`].

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::inventory::ansible::{self, Gathered, Mapped, Sort};
use crate::inventory::host::Host;
use crate::inventory::report::{Remark, Report};
use crate::inventory::table::{CHECK, INVENTORY, code};
use crate::inventory::{Inventory, build, limit, validate};
use crate::yaml::check::check;
use crate::yaml::defect::{Defect, Defects};
use crate::yaml::node::{Node, Place, Value};
use crate::yaml::reader::{Limits, read};

/// Reads files as one inventory. A folder stands for its `*.yaml` and `*.yml` files by name, not
/// for those of folders inside it; a folder of Ansible's for what Ansible reads of it. A host that
/// names no user has no account: see [`load_as`].
///
/// # Errors
/// All faults of all files, in the order of files and lines.
pub fn load(paths: &[PathBuf]) -> Result<Inventory, Vec<Defect>> {
    load_as(paths, None)
}

/// As [`load`]; hosts of Ansible's files that name no user are logged in to as `operator`, as ssh
/// would do.
///
/// # Errors
/// All faults of all files, in the order of files and lines.
pub fn load_as(paths: &[PathBuf], operator: Option<&str>) -> Result<Inventory, Vec<Defect>> {
    read_all(paths).finish(operator)
}

/// What `ansible-inventory --list` prints for these files: groups with hosts and children, and
/// below `_meta.hostvars` the variables in force, templates not expanded and secrets sealed as they
/// are. Files of fleetstat's own count for nothing.
///
/// # Errors
/// All faults of all files, in the order of files and lines.
pub fn ansible_listing(paths: &[PathBuf]) -> Result<serde_json::Value, Vec<Defect>> {
    let mut reading = read_all(paths);
    let listing = reading.gathered.listing(&mut reading.defects);
    if reading.defects.is_empty() { Ok(listing) } else { Err(reading.defects.into_list()) }
}

fn read_all(paths: &[PathBuf]) -> Reading {
    let mut reading = Reading::new("inventory");
    let mut known: HashSet<PathBuf> = HashSet::new();
    for path in paths {
        match ansible::expand(path) {
            Ok(files) => reading.add_files(path, files, &mut known),
            Err(error) => {
                reading.complete = false;
                unreadable(path, &error, &mut reading.defects);
            }
        }
    }
    if reading.files.is_empty() && reading.defects.is_empty() {
        let help = "give a file or folder with `-i`".to_owned();
        let message = "there is no inventory file";
        reading.defects.report(code::UNREADABLE, Place::default(), message, Some(help));
    }
    reading
}

/// Reads texts, each with the name its faults shall carry, as one inventory.
///
/// # Errors
/// All faults of all texts, in the order of texts and lines.
pub fn from_texts(texts: &[(&str, &str)]) -> Result<Inventory, Vec<Defect>> {
    let first = texts.first().map_or("inventory", |(name, _)| name);
    let mut reading = Reading::new(first);
    for (name, text) in texts {
        reading.add(Path::new(name), text.as_bytes());
    }
    reading.finish(None)
}

/// The file's bytes, one more than the cap at most: the reader refuses what is over it.
pub(super) fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(Limits::LARGE.bytes as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

pub(super) fn unreadable(path: &Path, error: &io::Error, defects: &mut Defects) {
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
    /// What Ansible's files say.
    gathered: Gathered,
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
    fn new(first: &str) -> Self {
        Self {
            files: Vec::new(),
            trees: Vec::new(),
            defects: Defects::new(first),
            complete: true,
            gathered: Gathered::default(),
        }
    }

    /// Adds the files of one path. A file named twice, or by its folder too, is read once.
    fn add_files(&mut self, path: &Path, files: Vec<PathBuf>, known: &mut HashSet<PathBuf>) {
        let mut ansible = false;
        for file in files {
            // A file that cannot be resolved is reported when it is opened; until then its path
            // counts.
            if !known.insert(file.canonicalize().unwrap_or_else(|_| file.clone())) {
                continue;
            }
            match bytes(&file) {
                Ok(bytes) => ansible |= self.add(&file, &bytes) != Sort::Native,
                Err(error) => {
                    self.complete = false;
                    unreadable(&file, &error, &mut self.defects);
                }
            }
        }
        if ansible {
            self.gathered.add_folder(path, &mut self.defects);
        }
    }

    fn add(&mut self, path: &Path, bytes: &[u8]) -> Sort {
        let file: Arc<str> = path.to_string_lossy().into();
        let number = u32::try_from(self.files.len()).unwrap_or(u32::MAX);
        self.files.push(file.clone());
        self.defects.enter(&file);
        match self.gathered.read(path, bytes, number, &mut self.defects) {
            Sort::Native => {}
            Sort::Ansible => return Sort::Ansible,
            Sort::Failed => {
                self.complete = false;
                return Sort::Failed;
            }
        }
        if let Some(tree) = read(bytes, Limits::LARGE, &mut self.defects) {
            if ansible::refuse_mixed(&tree, &mut self.defects) {
                self.complete = false;
            } else {
                check(&tree, &INVENTORY, &CHECK, &mut self.defects);
                self.trees.push((number, tree));
            }
        } else {
            self.complete = false;
        }
        Sort::Native
    }

    fn finish(mut self, operator: Option<&str>) -> Result<Inventory, Vec<Defect>> {
        // While a file or a section is missing, what seems unknown may stand in it.
        let whole = self.complete && self.trees.iter().all(|(_, tree)| sections_known(tree));
        let Mapped { mut foreign, mut unmapped, remarks: summary } =
            self.gathered.finish(&mut self.files, operator, &mut self.defects);
        foreign.own = self.trees.iter().map(|(file, _)| *file).collect();
        self.trees.append(&mut foreign.trees);
        let of_account = std::mem::take(&mut foreign.of_account);
        let mut report = Report {
            files: &self.files,
            defects: &mut self.defects,
            no_timezones: false,
            warnings: Vec::new(),
        };
        let built = build::build(&self.trees, foreign, whole, &mut report);
        validate::collisions(&built.hosts, &built.origins, &mut report);
        if built.hosts.is_empty() && report.defects.is_empty() {
            report.enter(0);
            let (message, help) = no_hosts(&unmapped);
            report.at(code::HOSTS, Place::default(), message, Some(help));
        }
        let groups = validate::group_sizes(&built);
        let mut remarks = validate::remarks(&built, &groups, &self.files);
        unmapped.extend(validate::strangers(&built, &groups, &self.files));
        remarks.extend(summary);
        remarks.extend(used(of_account, &built.hosts));
        let mut warnings = std::mem::take(&mut report.warnings);
        warnings.extend(limit::unused(&built.limits, &built.hosts, &self.files));
        if report.no_timezones {
            let message = "this machine has no time zone database: names were checked by form only";
            remarks.push(Remark { origin: "timezone".into(), message: message.into() });
        }
        if !self.defects.is_empty() {
            return Err(self.defects.into_list());
        }
        let digest = validate::digest(&built.hosts);
        let build::Built { hosts, accounts, limits, origins } = built;
        let limits = limits.into_iter().map(|(edge, (limit, _))| (edge, limit)).collect();
        let files = self.files;
        Ok(Inventory {
            hosts,
            groups,
            accounts,
            files,
            digest,
            remarks,
            warnings,
            unmapped,
            limits,
            origins,
        })
    }
}

/// Why there are no hosts: the first reasons for which they were left out, where there are any.
fn no_hosts(unmapped: &[Remark]) -> (String, String) {
    const SHOWN: usize = 5;
    if unmapped.is_empty() {
        let help = "add `hosts:` with at least one name".to_owned();
        return ("the inventory has no hosts".to_owned(), help);
    }
    let shown: Vec<String> = unmapped
        .iter()
        .take(SHOWN)
        .map(|remark| format!("{}: {}", remark.origin, remark.message))
        .collect();
    let more = unmapped.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    let message = format!("no host is left of the inventory: {}{more}", shown.join("; "));
    (message, "mend one of them, or name another inventory".to_owned())
}

/// What is said of accounts that are used.
fn used(said: Vec<(String, Remark)>, hosts: &[Host]) -> Vec<Remark> {
    let mut accounts: HashSet<&str> =
        hosts.iter().filter_map(|host| Some(host.account.as_ref()?.name.as_str())).collect();
    let jumps = hosts.iter().flat_map(|host| host.road.iter());
    accounts.extend(jumps.map(|jump| jump.account.name.as_str()));
    let said = said.into_iter().filter(|(account, _)| accounts.contains(account.as_str()));
    said.map(|(_, remark)| remark).collect()
}
