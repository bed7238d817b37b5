//! From a path to the world: which files a folder stands for, what each file is, and its reading.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::inventory::ansible::kind::{self, Form, Kind};
use crate::inventory::ansible::{Gathered, LIMITS, ini, listing, tree};
use crate::inventory::program::{self, Bounds};
use crate::inventory::report::At;
use crate::inventory::table::code;
use crate::yaml::defect::{Defects, quoted};
use crate::yaml::node::{Node, Place};
use crate::yaml::reader::{self, Foreign, read_foreign};

/// Time for an inventory program: one that asks a cloud needs half a minute at most.
const PROGRAM_DEADLINE: Duration = Duration::from_mins(1);
/// Most hosts a program is asked for one by one. Each is a start of the program.
const ASKED_MAX: usize = 200;
/// Most folders inside each other.
const DEPTH_MAX: usize = 16;
/// Endings of files that Ansible passes over in a folder.
const IGNORED: &[&str] = &[
    ".pyc", ".pyo", ".swp", ".bak", "~", ".rpm", ".md", ".txt", ".rst", ".orig", ".cfg", ".retry",
];

/// Whose file it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::inventory) enum Sort {
    /// fleetstat's own: not read yet.
    Native,
    /// Ansible's, read.
    Ansible,
    /// Ansible's, and not whole.
    Failed,
}

/// The files a path stands for. A folder of Ansible's stands for all its files by name, those of
/// folders inside it included; another one for its `*.yaml` and `*.yml` files.
pub(in crate::inventory) fn expand(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    if is_ansible(path)? {
        below(path, DEPTH_MAX, &mut files)?;
    }
    if files.is_empty() {
        files = yaml_files(path)?;
    }
    if files.is_empty() {
        return Err(io::Error::other("the folder holds no *.yaml file"));
    }
    Ok(files)
}

fn entries(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(path)? {
        entries.push(entry?.path());
    }
    entries.sort();
    Ok(entries)
}

fn yaml_files(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = entries(path)?;
    files.retain(|file| {
        file.extension().is_some_and(|end| end == "yaml" || end == "yml") && file.is_file()
    });
    Ok(files)
}

/// Whether a folder is read as Ansible reads one: it holds what only Ansible has, or no YAML file
/// of fleetstat's. So a script beside fleetstat's own files is never run.
fn is_ansible(path: &Path) -> io::Result<bool> {
    let sign = |file: &PathBuf| {
        let name = file.file_name().unwrap_or_default();
        let folder = (name == "group_vars" || name == "host_vars") && file.is_dir();
        let list = name == "hosts" || name == "inventory";
        folder || (list || file.extension().is_some_and(|end| end == "ini")) && file.is_file()
    };
    if entries(path)?.iter().any(sign) {
        return Ok(true);
    }
    for file in yaml_files(path)? {
        if kind::has_native_line(&String::from_utf8_lossy(&crate::inventory::load::bytes(&file)?)) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn below(path: &Path, depth: usize, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for file in entries(path)? {
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        let passed = name.starts_with('.')
            || matches!(&*name, "group_vars" | "host_vars" | "vars_plugins")
            || IGNORED.iter().any(|ending| name.ends_with(ending));
        if passed {
            continue;
        }
        if !file.is_dir() {
            files.push(file);
        } else if depth > 0 {
            below(&file, depth - 1, files)?;
        }
    }
    Ok(())
}

/// Whether a program's file may be run by somebody.
fn executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Refuses a tree with keys of both programs. True: it was refused.
pub(in crate::inventory) fn refuse_mixed(root: &Node, defects: &mut Defects) -> bool {
    let Form::Mixed(native, ansible) = kind::of_tree(root) else { return false };
    let message = format!(
        "{} is a key of Ansible's, and {} in line {} one of fleetstat's",
        quoted(&ansible.key),
        quoted(&native.key),
        native.place.line
    );
    let help = "put them into two files and give both with `-i`".to_owned();
    defects.report(code::MIXED, ansible.place, message, Some(help));
    true
}

impl Gathered {
    /// Adds the vars folders beside a source.
    pub(in crate::inventory) fn add_folder(&mut self, path: &Path, defects: &mut Defects) {
        let folder = if path.is_dir() { Some(path) } else { path.parent() };
        if let Some(folder) = folder {
            self.folders.add(folder, defects);
        }
    }

    /// Reads a file if it is Ansible's. Faults are reported for the entered file.
    pub(in crate::inventory) fn read(
        &mut self,
        path: &Path,
        bytes: &[u8],
        file: u32,
        defects: &mut Defects,
    ) -> Sort {
        let before = defects.count();
        match kind::of_file(path, bytes, executable(path)) {
            Kind::Yaml => match self.yaml(bytes, file, defects) {
                Sort::Native => return Sort::Native,
                Sort::Ansible | Sort::Failed => {}
            },
            Kind::Ini => {
                if let Some(text) = ini_text(bytes, defects) {
                    ini::read(&text, file, &mut self.world, defects);
                }
            }
            Kind::Program => self.program(path, file, defects),
            Kind::NotExecutable => {
                let message = "the file begins with `#!` and may not be run".to_owned();
                let help = format!("run `chmod +x {}`", path.display());
                defects.report(code::PROGRAM, Place::default(), message, Some(help));
            }
            Kind::Toml => {
                let message = "inventories in TOML are not read".to_owned();
                let help =
                    "run `ansible-inventory -i FILE --list > fleet.json` and give fleet.json";
                defects.report(code::ANSIBLE, Place::default(), message, Some(help.to_owned()));
            }
        }
        self.sources.push(file);
        if defects.count() > before { Sort::Failed } else { Sort::Ansible }
    }

    fn yaml(&mut self, bytes: &[u8], file: u32, defects: &mut Defects) -> Sort {
        let text = String::from_utf8_lossy(bytes);
        if text.trim_start().starts_with('{') && text.contains("\"_meta\"") {
            let at = At { file, place: Place::default() };
            let _listed = listing::read(&text, at, &mut self.world, defects);
            return Sort::Ansible;
        }
        if kind::has_native_line(&text) {
            return Sort::Native;
        }
        let mut own = Defects::new("");
        let read = read_foreign(bytes, LIMITS, &mut own);
        let Some(foreign @ Foreign { root: Some(_), .. }) = &read else {
            // The reader of fleetstat's own files says what is wrong.
            return Sort::Native;
        };
        let Some(root) = &foreign.root else { return Sort::Native };
        match kind::of_tree(root) {
            Form::Native => return Sort::Native,
            Form::Mixed(..) => _ = refuse_mixed(root, defects),
            Form::Ansible => {
                for defect in own.into_list() {
                    let place = Place { line: defect.line, column: defect.column };
                    defects.report(defect.code, place, defect.message, defect.help);
                }
                tree::read(foreign, file, (&mut self.world, &mut self.notes), defects);
            }
        }
        Sort::Ansible
    }

    /// Runs an inventory program. Source: Ansible's developer guide, "Inventory script conventions".
    fn program(&mut self, path: &Path, file: u32, defects: &mut Defects) {
        let at = At { file, place: Place::default() };
        let Some(text) = asked(path, &["--list"], defects) else { return };
        let Some(listed) = listing::read(&text, at, &mut self.world, defects) else { return };
        if listed.complete {
            return;
        }
        let mut refuse = |message: String| {
            let help = "let the program print `_meta` with `hostvars`: one call is then enough";
            defects.report(code::PROGRAM, at.place, message, Some(help.to_owned()));
        };
        if listed.hosts.len() > ASKED_MAX {
            return refuse(format!(
                "the program prints no `_meta`, and {} hosts are too many to ask it for each: {ASKED_MAX} at most",
                listed.hosts.len()
            ));
        }
        for host in listed.hosts {
            let Some(name) = self.world.hosts.get(host as usize).map(|host| host.name.clone())
            else {
                continue;
            };
            let Some(text) = asked(path, &["--host", &name], defects) else { return };
            if text.trim().is_empty() {
                continue;
            }
            let printed = serde_json::from_str(&text);
            let set = printed
                .is_ok_and(|variables| listing::set_all(&mut self.world, host, &variables, at));
            if !set {
                let message = format!("what `--host {name}` prints is no JSON object");
                let help = "see what the program prints for this host".to_owned();
                return defects.report(code::PROGRAM, at.place, message, Some(help));
            }
        }
    }
}

/// What a program prints. `None`: it cannot be used, and a defect says why.
fn asked(path: &Path, words: &[&str], defects: &mut Defects) -> Option<String> {
    let bounds = Bounds { deadline: PROGRAM_DEADLINE, output: reader::Limits::LARGE.bytes as u64 };
    // Without a folder in it the name would be looked up in PATH.
    let full = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let shown = words.join(" ");
    let mut refuse = |message: String| {
        let help = format!("run `{} {shown}` yourself", path.display());
        defects.report(code::PROGRAM, Place::default(), message, Some(help));
    };
    match program::run(&full, words, bounds) {
        Ok(printed) => {
            let text = String::from_utf8(printed.output).ok();
            if text.is_none() {
                refuse(format!("what the program prints for `{shown}` is not UTF-8"));
            }
            text
        }
        Err(failure) => {
            refuse(format!("the program {failure}"));
            None
        }
    }
}

/// The text of an INI file. Comment lines need not be UTF-8, as in Ansible.
fn ini_text(bytes: &[u8], defects: &mut Defects) -> Option<String> {
    if bytes.len() > LIMITS.bytes {
        let message = format!("the file has more than {} bytes", LIMITS.bytes);
        let help = "split it: several files are read as one".to_owned();
        defects.report(reader::code::TOO_LARGE, Place::default(), message, Some(help));
        return None;
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Some(text.to_owned());
    }
    for (line, number) in bytes.split(|byte| *byte == b'\n').zip(1_u32..) {
        if !line.starts_with(b"#") && !line.starts_with(b";") && std::str::from_utf8(line).is_err()
        {
            let place = Place { line: number, column: 0 };
            let help = "save the file as UTF-8".to_owned();
            defects.report(reader::code::ENCODING, place, "a byte is not UTF-8", Some(help));
            return None;
        }
    }
    Some(String::from_utf8_lossy(bytes).into_owned())
}
