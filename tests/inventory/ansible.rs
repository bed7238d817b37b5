//! Ansible's inventories give the hosts, groups and variables that `ansible-inventory --list` gives.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use fleetstat::inventory::ansible_listing;
use serde_json::Value;

use super::ansible_examples::EXAMPLES;
use super::printed;

/// Where `tests/run.sh` puts Ansible.
const TOOLS: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools/ansible/bin/ansible-inventory");

/// Ansible itself, from `tests/run.sh` or from the search path.
#[expect(clippy::disallowed_methods, reason = "Ansible is what the loader is compared with")]
fn ansible_inventory() -> Command {
    let program = if Path::new(TOOLS).exists() { TOOLS } else { "ansible-inventory" };
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("ANSIBLE_INVENTORY_UNPARSED_FAILED", "true")
        .env("ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED", "true")
        .env("LC_ALL", "C.UTF-8");
    command
}

/// Writes files; what begins with `#!` may be run.
pub(crate) fn write(folder: &Path, files: &[(impl AsRef<str>, impl AsRef<str>)]) {
    for (name, text) in files {
        let path = folder.join(name.as_ref());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text.as_ref()).unwrap();
        if text.as_ref().starts_with("#!") {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
}

/// What Ansible says, or its complaint.
fn theirs(folder: &Path, sources: &[impl AsRef<str>]) -> Result<Value, String> {
    let mut command = ansible_inventory();
    // No configuration of this machine may count.
    let none = folder.join(".none.cfg");
    std::fs::write(&none, "").unwrap();
    command.arg("--list").env("HOME", folder).env("ANSIBLE_CONFIG", none).current_dir(folder);
    for source in sources {
        command.args(["-i", source.as_ref()]);
    }
    let output = command.output().expect("ansible-inventory: run tests/run.sh, which installs it");
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(ordered(serde_json::from_slice(&output.stdout).unwrap()))
}

/// What we say, or the faults.
fn ours(folder: &Path, sources: &[impl AsRef<str>]) -> Result<Value, String> {
    let paths: Vec<PathBuf> = sources.iter().map(|source| folder.join(source.as_ref())).collect();
    ansible_listing(&paths).map(ordered).map_err(|defects| printed(&defects))
}

/// Takes away the mark on texts that are no templates: it says whom Ansible trusts, not what the
/// value is.
fn unmarked(value: &mut Value) {
    if let Some(text) = value.get_mut("__ansible_unsafe").map(Value::take) {
        *value = text;
    }
    match value {
        Value::Array(items) => items.iter_mut().for_each(unmarked),
        Value::Object(map) => map.values_mut().for_each(unmarked),
        _ => {}
    }
}

/// Members of groups sorted: JSON objects of a program have no order.
fn ordered(mut listing: Value) -> Value {
    unmarked(&mut listing);
    for (_, group) in listing.as_object_mut().unwrap() {
        for key in ["hosts", "children"] {
            if let Some(list) = group.get_mut(key).and_then(Value::as_array_mut) {
                list.sort_by_key(ToString::to_string);
            }
        }
    }
    listing
}

/// Compares many inventories, two at a time: Ansible takes most of a second for each.
fn same<T: Sync>(
    cases: &[T],
    name: impl Fn(&T) -> String + Sync,
    compare: impl Fn(&T) -> (Result<Value, String>, Result<Value, String>) + Sync,
) {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let differ = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(case) =
                    cases.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
                {
                    let (ours, theirs) = compare(case);
                    if ours != theirs {
                        let show = |value: &Result<Value, String>| match value {
                            Ok(value) => serde_json::to_string_pretty(value).unwrap(),
                            Err(error) => error.clone(),
                        };
                        differ.lock().unwrap().push(format!(
                            "{}\n--- ours\n{}\n--- theirs\n{}",
                            name(case),
                            show(&ours),
                            show(&theirs)
                        ));
                    }
                }
            });
        }
    });
    let differ = differ.into_inner().unwrap();
    assert!(differ.is_empty(), "{} differ\n{}", differ.len(), differ.join("\n\n"));
}

#[test]
fn the_documented_examples_give_what_ansible_gives() {
    assert!(EXAMPLES.len() >= 25);
    same(
        EXAMPLES,
        |example| example.name.to_owned(),
        |example| {
            let folder = tempfile::tempdir().unwrap();
            write(folder.path(), example.files);
            let theirs = theirs(folder.path(), example.sources);
            assert!(theirs.is_ok(), "{}: {theirs:?}", example.name);
            (ours(folder.path(), example.sources), theirs)
        },
    );
}

/// A small generator of numbers, so that a seed names a case for good.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.roll(of.len())]
    }
}

const VALUES: &[&str] = &[
    "1",
    "-7",
    "1.5",
    "yes",
    "True",
    "text",
    "'q'",
    "[1, 'a']",
    "{'k': [1]}",
    "0640",
    "1_0",
    "a b",
];

/// `count` variables of six, each with a value that only this place has, or an odd one.
fn variables(dice: &mut Dice, place: &str) -> Vec<(String, String)> {
    (0..dice.roll(4))
        .map(|_| {
            let odd = dice.roll(3) == 0;
            let value = if odd { dice.pick(VALUES).to_owned() } else { format!("{place}_v") };
            (format!("v{}", dice.roll(6)), value)
        })
        .collect()
}

type Variables = Vec<(String, String)>;

/// One group as it was drawn.
struct Drawn {
    name: String,
    variables: Variables,
    hosts: Vec<(String, Variables)>,
    children: Vec<String>,
}

impl Drawn {
    fn as_ini(&self) -> String {
        let line = |(host, variables): &(String, Variables)| {
            let words = variables.iter().map(|(key, value)| format!(" {key}=\"{value}\""));
            format!("{host}{}\n", words.collect::<String>())
        };
        let hosts: String = self.hosts.iter().map(line).collect();
        let variables = self.variables.iter().map(|(key, value)| format!("{key}={value}\n"));
        let variables: String = variables.collect();
        let (name, children) = (&self.name, self.children.join("\n"));
        format!("[{name}]\n{hosts}[{name}:vars]\n{variables}[{name}:children]\n{children}\n")
    }

    fn as_yaml(&self) -> String {
        let below = |indent: &str, variables: &Variables| {
            let lines = unique(variables).map(|(key, value)| format!("{indent}{key}: {value}\n"));
            lines.collect::<String>()
        };
        let host = |(host, variables): &(String, Variables)| {
            format!("    {host}:\n{}", below("      ", variables))
        };
        let hosts: String = unique(&self.hosts).map(host).collect();
        let child = |child: &String| format!("    {child}:\n");
        let children: String = self.children.iter().map(child).collect();
        let variables = below("    ", &self.variables);
        format!("{}:\n  vars:\n{variables}  hosts:\n{hosts}  children:\n{children}", self.name)
    }
}

/// The last of each key: a mapping has a key once.
fn unique<T>(all: &[(String, T)]) -> impl Iterator<Item = &(String, T)> {
    let last = |at: usize, key: &String| all.iter().skip(at + 1).all(|(other, _)| other != key);
    all.iter().enumerate().filter(move |(at, (key, _))| last(*at, key)).map(|(_, one)| one)
}

fn group_name(group: usize) -> String {
    format!("{}{group}", ["g", "a", "z", "m-x."][group % 4])
}

fn drawn(dice: &mut Dice, source: usize, group: usize, groups: usize) -> Drawn {
    let mut own = variables(dice, &format!("s{source}g{group}"));
    if dice.roll(4) == 0 {
        own.push(("ansible_group_priority".to_owned(), dice.roll(20).to_string()));
    }
    let ported = dice.roll(5) == 0;
    let hosts = (0..dice.roll(4)).map(|_| {
        let host = dice.roll(6);
        let port = if ported { format!(":{}", 2200 + host) } else { String::new() };
        (format!("h{host}{port}"), variables(dice, &format!("s{source}h{host}")))
    });
    let hosts = hosts.collect();
    // Only later groups are children: no cycle can come up.
    let children = (group + 1..groups).filter(|_| dice.roll(4) == 0).map(group_name).collect();
    Drawn { name: group_name(group), variables: own, hosts, children }
}

/// Files of `group_vars` and `host_vars`.
fn drawn_folders(dice: &mut Dice, source: usize) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for kind in ["group_vars", "host_vars"] {
        for _ in 0..dice.roll(4) {
            let number = dice.roll(7);
            let of = match (kind, number) {
                ("host_vars", number) => format!("h{number}"),
                (_, 6) => "all".to_owned(),
                (_, number) => group_name(number),
            };
            let own = variables(dice, &format!("s{source}{kind}{number}"));
            let lines = own.iter().enumerate().map(|(at, (_, value))| format!("v{at}: {value}\n"));
            let text: String = lines.collect();
            let ending = dice.pick(&["", ".yml", ".yaml", ".json", "/x.yml"]);
            files.push((format!("s{source}/{kind}/{of}{ending}"), format!("---\n{text}")));
        }
    }
    files
}

/// Writes the group tree of one seed as INI or YAML, with vars folders: files and sources.
fn generated(seed: u64) -> (Vec<(String, String)>, Vec<String>) {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0xf1ee_7574);
    let groups = 2 + dice.roll(7);
    let mut files = Vec::new();
    let mut sources = Vec::new();
    for source in 0..=dice.roll(2) {
        let ini = dice.roll(2) == 0;
        let all: Vec<Drawn> =
            (0..groups).map(|group| drawn(&mut dice, source, group, groups)).collect();
        let text = |group: &Drawn| if ini { group.as_ini() } else { group.as_yaml() };
        let file = format!("s{source}/{}", if ini { "hosts" } else { "hosts.yml" });
        files.extend(drawn_folders(&mut dice, source));
        files.push((file.clone(), all.iter().map(text).collect()));
        sources.push(if dice.roll(2) == 0 { file } else { format!("s{source}") });
    }
    // A name is a file or a folder, not both.
    let folders = files.iter().filter_map(|(path, _)| path.strip_suffix("/x.yml"));
    let folders: Vec<String> = folders.map(str::to_owned).collect();
    files.retain(|(path, _)| !folders.contains(path));
    (files, sources)
}

#[test]
#[expect(clippy::disallowed_methods, reason = "how many cases to run is the caller's choice")]
fn generated_inventories_give_what_ansible_gives() {
    // `FLEETSTAT_SEEDS=500` runs more of them.
    let count = std::env::var("FLEETSTAT_SEEDS")
        .ok()
        .and_then(|count| count.parse().ok())
        .unwrap_or(24_u64);
    let seeds: Vec<u64> = (1..=count).collect();
    same(
        &seeds,
        |seed| format!("seed {seed}: {:#?}", generated(*seed)),
        |seed| {
            let (files, sources) = generated(*seed);
            let folder = tempfile::tempdir().unwrap();
            write(folder.path(), &files);
            let theirs = theirs(folder.path(), &sources);
            assert!(theirs.is_ok(), "{seed}: {theirs:?} {files:#?}");
            (ours(folder.path(), &sources), theirs)
        },
    );
}
