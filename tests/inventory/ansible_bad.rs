//! Every fault an inventory of Ansible's can have, with its message.

use std::path::PathBuf;

use fleetstat::inventory::load_as;

use super::ansible::write;
use super::printed;

/// What is wrong with these files.
fn faults(files: &[(&str, &str)], sources: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), files);
    let paths: Vec<PathBuf> = sources.iter().map(|source| folder.path().join(source)).collect();
    match load_as(&paths, Some("op")) {
        Ok(inventory) => format!("no fault, {} hosts", inventory.hosts.len()),
        Err(defects) => printed(&defects).replace(&format!("{}/", folder.path().display()), ""),
    }
}

#[test]
fn each_bad_line_of_an_ini_file_is_named() {
    let hosts = "[web\nx y\nh a='b\nok.example.org\nbad:\nn[1:\nn[01:100]\n[web:odd]\npassed over\n[a b]\npassed over\n[web:vars]\nno value\nansible_group_priority=high\n[p:children]\nnobody\nok.example.org\nx y\n[q:vars]\na=1\n[r:children]\ns\n[s:children]\nr\n";
    assert_eq!(
        faults(&[("hosts", hosts)], &["hosts"]),
        "error[FS-INV-013]: hosts:1:1: host `[web`: the bracket `[` is not closed
  help: write a range such as `web[01:20]`
error[FS-INV-030]: hosts:2:1: `y` is no `name=value`
  help: write one host a line, and its variables as `name=value` behind it
error[FS-INV-030]: hosts:3:1: the host line cannot be read: a quote is not closed
  help: close the quote
error[FS-INV-030]: hosts:5:1: host `bad:` ends in `:`
  help: write `NAME` or `NAME:PORT`; a YAML file is called `*.yml` or `*.yaml`
error[FS-INV-013]: hosts:6:1: host `n[1:`: the bracket `[` is not closed
  help: write a range such as `web[01:20]`
error[FS-INV-013]: hosts:7:1: host `n[01:100]`: the ends of a padded range have the same number of digits
  help: write a range such as `web[01:20]`
error[FS-INV-030]: hosts:8:1: the section of `web` is of the unknown kind `odd`
  help: the kinds are `:vars`, `:children` and `:hosts`
error[FS-INV-030]: hosts:10:1: the section `[a b]` cannot be read
  help: write `[NAME]`, `[NAME:vars]` or `[NAME:children]`, without spaces
error[FS-INV-009]: hosts:12:1: there is no group `web` for these variables
  help: declare the group with `[NAME]`
error[FS-INV-030]: hosts:13:1: `no value` is no `name=value`
  help: write `name=value`
error[FS-INV-005]: hosts:14:1: `ansible_group_priority` is no whole number
  help: write a number such as 10
error[FS-INV-009]: hosts:16:1: there is no group `nobody`
  help: declare the group with `[NAME]`
error[FS-INV-009]: hosts:17:1: `ok.example.org` is a host, not a group
  help: list hosts in a section `[NAME]`
error[FS-INV-030]: hosts:18:1: `x y` is no group name
  help: a `:children` section lists groups, one a line, without variables
error[FS-INV-009]: hosts:19:1: there is no group `q` for these variables
  help: declare the group with `[NAME]`
error[FS-INV-010]: hosts:24:1: groups contain each other: s > r
  help: take one out of the other's section"
    );
}

#[test]
fn each_bad_key_of_a_yaml_file_is_named() {
    let hosts = "web:\n  hosts: [a]\n  vars: 5\n  children:\n    low:\n      hosts:\n        h: text\n        n[2:1:0]:\n      children:\n        web:\n  vars: {ansible_group_priority: x}\n";
    let expected =
        "error[FS-INV-004]: h.yml:2:10: `hosts` of group `web` is a list, expected a mapping
  help: write each name as a key: `NAME:`
error[FS-INV-004]: h.yml:7:9: host `h` is the text `text`, expected its variables
  help: write `name: value` below it
error[FS-INV-013]: h.yml:8:9: host `n[2:1:0]`: the step of a range is from 1 up
  help: write a range such as `web[01:20]`
error[FS-INV-010]: h.yml:10:9: groups contain each other: low > web
  help: take one out of the other's `children`
error[FS-INV-005]: h.yml:11:10: `ansible_group_priority` is no whole number
  help: write a number such as 10";
    assert_eq!(faults(&[("h.yml", hosts)], &["h.yml"]), expected);
    let mixed = "web: {hosts: {a: }}\nhosts: {b: }\n";
    let expected = "error[FS-INV-032]: m.yml:1:1: `web` is a key of Ansible's, and `hosts` in line 2 one of fleetstat's
  help: put them into two files and give both with `-i`";
    assert_eq!(faults(&[("m.yml", mixed)], &["m.yml"]), expected);
    let plugin = "plugin: amazon.aws.aws_ec2\n";
    let expected = "error[FS-INV-030]: aws.yml:1:1: this configures the inventory plugin the text `amazon.aws.aws_ec2`, which only Ansible can run
  help: run `ansible-inventory -i FILE --list > fleet.json` and give fleet.json";
    assert_eq!(faults(&[("aws.yml", plugin)], &["aws.yml"]), expected);
}

#[test]
fn bad_vars_files_are_named_and_sealed_ones_are_said() {
    let files = [
        ("inv/hosts", "[web]\nh\n"),
        ("inv/group_vars/web.yml", "a: [1\n"),
        ("inv/group_vars/all.yml", "- no\n- mapping\n"),
        ("inv/host_vars/h.yml", "a: !python/object x\n"),
    ];
    let told = faults(&files, &["inv"]);
    let expected = "error[FS-INV-004]: inv/group_vars/all.yml:1:1: the vars file holds a list, expected a mapping
  help: write `name: value`
error[FS-YAML-004]: inv/group_vars/web.yml:2:1: not valid YAML: ";
    assert!(told.starts_with(expected), "{told}");
    assert!(told.contains("error[FS-YAML-014]: inv/host_vars/h.yml:1:4: tags such as"), "{told}");
    let sealed =
        [("inv/hosts", "h.lab\n"), ("inv/group_vars/all", "$ANSIBLE_VAULT;1.1;AES256\n6231\n")];
    assert_eq!(faults(&sealed, &["inv"]), "no fault, 1 hosts");
}

#[test]
fn bad_programs_are_named() {
    let cases = [
        (
            "#!/bin/sh\necho no token >&2; exit 3\n",
            "the program ended with exit status: 3, saying `no token`",
        ),
        ("#!/bin/sh\necho nothing\n", "the list is no JSON: expected ident at line 1 column 2"),
        ("#!/bin/sh\necho '[1]'\n", "the list is a list, expected a JSON object"),
        ("#!/bin/sh\nprintf '\\377'\n", "what the program prints for `--list` is not UTF-8"),
        ("#!/bin/sh\necho '{\"_meta\": {}}'\n", "`_meta` has no `hostvars` object"),
        (
            "#!/bin/sh\necho '{\"web\": {\"hosts\": \"a\"}}'\n",
            "`hosts` of group `web` is a text, expected a list",
        ),
        (
            "#!/bin/sh\necho '{\"web\": {\"children\": [\"web\"]}}'\n",
            "groups contain each other: web > web",
        ),
        (
            "#!/nonexistent/python\n",
            "the program cannot be started: No such file or directory (os error 2)",
        ),
        (
            "#!/bin/sh\n[ $1 = --list ] && echo '{\"g\": [\"a\"]}' || echo 5\n",
            "what `--host a` prints is no JSON object",
        ),
    ];
    for (script, expected) in cases {
        let told = faults(&[("inv.sh", script)], &["inv.sh"]);
        assert!(told.contains(expected), "{script}: {told}");
        assert!(told.starts_with("error[FS-INV-03"), "{told}");
    }
    let many = "#!/bin/sh\nprintf '{\"g\": [\"h\"'; for i in $(seq 300); do printf ',\"h%s\"' $i; done; echo ']}'\n";
    let told = faults(&[("inv.sh", many)], &["inv.sh"]);
    assert!(told.contains("301 hosts are too many to ask it for each: 200 at most"), "{told}");
}

#[test]
fn ranges_cannot_fill_the_memory() {
    let lines: Vec<String> = (0..7).map(|line| format!("h{line}-[1:190000]")).collect();
    let told = faults(&[("hosts", &lines.join("\n"))], &["hosts"]);
    let expected = "error[FS-INV-016]: hosts:6:1: the inventory has more hosts than can be";
    assert!(told.starts_with(expected), "{told}");
    let told = faults(&[("hosts", "h[1:9][1:99999]\n")], &["hosts"]);
    assert!(told.contains("the range stands for more than 200000 names"), "{told}");
}

#[test]
fn other_files_are_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let told = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        printed(&load_as(&[path], None).unwrap_err())
            .replace(&format!("{}/", folder.path().display()), "")
    };
    let expected = "error[FS-INV-031]: x.py: the file begins with `#!` and may not be run\n  help: run `chmod +x x.py`";
    assert_eq!(told("x.py", b"#!/usr/bin/python3\n"), expected);
    assert!(
        told("x.toml", b"[web]\n").starts_with("error[FS-INV-030]: x.toml: inventories in TOML")
    );
    assert_eq!(
        told("hosts", b"# \xff in a comment is fine\nweb\xff\n"),
        "error[FS-YAML-001]: hosts:2: a byte is not UTF-8\n  help: save the file as UTF-8"
    );
    let expected = "error[FS-INV-010]: all: groups contain each other: web > all\n  help: every group is inside `all` already: take `all` out";
    assert_eq!(told("all", b"[web:children]\nall\n[web]\nx\n"), expected);
    // Nobody is known to log in, and nobody is guessed.
    let expected = "error[FS-INV-012]: nobody:1:1: host `x` has no account to log in with";
    assert!(told("nobody", b"x\n").starts_with(expected));
}

proptest::proptest! {
    /// Whatever stands in a file, the answer is hosts or faults, and no fault shows a raw character.
    #[test]
    fn any_text_is_hosts_or_faults(
        lines in proptest::collection::vec(
            "\\[?[a-z0-9_:.\\[\\]{}'\"#= ,!&*|>%@\\\\\\x1b-]{0,40}\\]?", 0..20),
        name in proptest::sample::select(vec!["hosts", "h.yml", "h.json", "h.ini"]),
    ) {
        let text = lines.join("\n");
        match fleetstat::inventory::from_texts(&[(name, &text)]) {
            Ok(inventory) => proptest::prop_assert!(!inventory.hosts.is_empty()),
            Err(defects) => {
                let raw = printed(&defects).contains('\x1b');
                proptest::prop_assert!(!raw);
            }
        }
    }
}
