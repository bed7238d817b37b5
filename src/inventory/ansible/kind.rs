//! What a file is: fleetstat's own YAML, one of Ansible's forms, or a program. Decided by the file
//! alone, by the rules of docs/decisions/0014-ansible-inventories.md.

use std::path::Path;

use crate::inventory::table::ALL_RECORD;
use crate::yaml::node::{Entry, Node, Value};

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// YAML or JSON of either program: the tree decides.
    Yaml,
    Ini,
    Toml,
    /// To be run with `--list`.
    Program,
    /// Begins like a program, and may not be run.
    NotExecutable,
}

/// What a tree is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form<'n> {
    /// fleetstat's own.
    Native,
    Ansible,
    /// Keys of both programs: the first of each.
    Mixed(&'n Entry, &'n Entry),
}

/// Top-level keys that only a file of fleetstat has.
const NATIVE: [&str; 5] = ["accounts", "groups", "hosts", "jumps", "segments"];
/// What a group of Ansible's consists of.
const SECTIONS: [&str; 3] = ["hosts", "children", "vars"];

/// By name, beginning and the right to run it.
pub(super) fn of_file(path: &Path, text: &[u8], executable: bool) -> Kind {
    let script = text.starts_with(b"#!");
    match path.extension().and_then(|ending| ending.to_str()) {
        _ if executable && (script || text.starts_with(b"\x7fELF")) => Kind::Program,
        Some("yaml" | "yml" | "json") => Kind::Yaml,
        _ if script => Kind::NotExecutable,
        Some("toml") => Kind::Toml,
        Some("ini") => Kind::Ini,
        _ if looks_like_yaml(&String::from_utf8_lossy(text.get(..4_096).unwrap_or(text))) => {
            Kind::Yaml
        }
        _ => Kind::Ini,
    }
}

/// Whether the first line that is no comment can be YAML's: no line of an INI inventory begins with
/// a brace, or with a word and a colon at its end.
fn looks_like_yaml(text: &str) -> bool {
    let line =
        text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with(['#', ';']));
    let Some(line) = line else { return false };
    if line.starts_with("---") || line.starts_with('{') || line.starts_with("%YAML") {
        return true;
    }
    line.split(char::is_whitespace)
        .next()
        .is_some_and(|word| word.ends_with(':') && !word.starts_with('['))
}

/// Whether a key that only fleetstat has stands at the beginning of a line. Quicker than reading the
/// whole file twice; the tree is looked at afterwards all the same.
pub(super) fn has_native_line(text: &str) -> bool {
    text.lines().any(|line| {
        let key = line.split(':').next().unwrap_or_default();
        key.len() < line.len() && NATIVE.contains(&key.trim_matches(['"', '\'']))
    })
}

/// By its keys.
pub(super) fn of_tree(root: &Node) -> Form<'_> {
    let native = root.entries().iter().find(|entry| is_native(entry));
    let ansible = root.entries().iter().find(|entry| is_ansible(entry));
    match (native, ansible) {
        (Some(native), Some(ansible)) => Form::Mixed(native, ansible),
        (None, Some(_)) => Form::Ansible,
        (_, None) => Form::Native,
    }
}

fn is_native(entry: &Entry) -> bool {
    let attribute = |inner: &Entry| {
        !SECTIONS.contains(&&*inner.key) && ALL_RECORD.keys().any(|key| key == &*inner.key)
    };
    NATIVE.contains(&&*entry.key) || is_all(entry) && entry.value.entries().iter().any(attribute)
}

fn is_all(entry: &Entry) -> bool {
    &*entry.key == crate::inventory::ALL
}

fn is_ansible(entry: &Entry) -> bool {
    if NATIVE.contains(&&*entry.key) {
        return false;
    }
    if matches!(&*entry.key, "plugin" | "_meta") {
        return true;
    }
    let inner = entry.value.entries();
    if is_all(entry) {
        // `all` with nothing but `vars` means the same to both, but for Ansible's own variables.
        let settings = |entry: &Entry| entry.key.starts_with("ansible_");
        return inner.iter().any(|inner| match &*inner.key {
            "hosts" | "children" => true,
            "vars" => inner.value.entries().iter().any(settings),
            _ => false,
        });
    }
    matches!(entry.value.value, Value::Mapping(_))
        && inner.iter().any(|inner| SECTIONS.contains(&&*inner.key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::defect::Defects;
    use crate::yaml::reader::{Limits, read_foreign};

    fn form(text: &str) -> &'static str {
        let mut defects = Defects::new("t");
        let root =
            read_foreign(text.as_bytes(), Limits::SMALL, &mut defects).unwrap().root.unwrap();
        match of_tree(&root) {
            Form::Native => "native",
            Form::Ansible => "ansible",
            Form::Mixed(..) => "mixed",
        }
    }

    #[test]
    fn trees_are_told_apart_by_their_keys() {
        let cases = [
            ("hosts: {a: }", "native"),
            ("all: {account: x}\nhosts: {a: }", "native"),
            ("all: {vars: {x: 1}}", "native"),
            ("all: {vars: {ansible_user: x}}", "ansible"),
            ("all: {hosts: {a: }}", "ansible"),
            ("all: {children: {web: }}", "ansible"),
            ("web: {hosts: {a: }}", "ansible"),
            ("web: {hosts: [a]}", "ansible"),
            ("ungrouped: {hosts: {a: }}\nhosts: {b: }", "mixed"),
            ("all: {account: x, hosts: {a: }}", "mixed"),
            ("groups: {web: {hosts: [a], children: [b]}}", "native"),
            ("hostz: {a: {address: x}}", "native"),
            ("plugin: aws_ec2", "ansible"),
        ];
        for (text, expected) in cases {
            assert_eq!(form(text), expected, "{text}");
        }
    }

    #[test]
    fn files_are_told_apart_by_name_and_beginning() {
        let cases: [(&str, &[u8], bool, Kind); 10] = [
            ("hosts", b"# x\nweb1 a=b\n", false, Kind::Ini),
            ("hosts", b"web1:2222\n", false, Kind::Ini),
            ("hosts", b"[web]\n", false, Kind::Ini),
            ("hosts", b"---\nall:\n", false, Kind::Yaml),
            ("hosts", b"all:\n  hosts:\n", false, Kind::Yaml),
            ("x.yml", b"web1", true, Kind::Yaml),
            ("x.ini", b"", true, Kind::Ini),
            ("x.py", b"#!/usr/bin/python3\n", true, Kind::Program),
            ("x.py", b"#!/usr/bin/python3\n", false, Kind::NotExecutable),
            ("x.toml", b"", false, Kind::Toml),
        ];
        for (name, text, executable, kind) in cases {
            assert_eq!(of_file(Path::new(name), text, executable), kind, "{name}");
        }
    }
}
