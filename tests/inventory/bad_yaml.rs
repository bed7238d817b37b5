//! Files that are no YAML, or YAML that wants to hurt.

use fleetstat::yaml::defect::Defects;
use fleetstat::yaml::reader::{Limits, read};
use proptest::prelude::*;

use super::{faults, printed};

fn yaml_faults(bytes: &[u8]) -> String {
    let mut defects = Defects::new("f.yaml");
    let tree = read(bytes, Limits::SMALL, &mut defects);
    assert!(tree.is_some() || !defects.is_empty());
    printed(&defects.into_list())
}

#[test]
fn every_fault_of_the_form_is_told_with_its_place() {
    let cases: &[(&[u8], &str)] = &[
        (
            b"",
            "error[FS-YAML-005]: f.yaml: the file is empty\n  help: an inventory needs `hosts:`, a playbook `name:` and `views:`",
        ),
        (
            b"# only\n",
            "error[FS-YAML-005]: f.yaml: the file is empty\n  help: an inventory needs `hosts:`, a playbook `name:` and `views:`",
        ),
        (
            b"a: 1\nb: \xff\n",
            "error[FS-YAML-001]: f.yaml:2:4: a byte is not UTF-8\n  help: save the file as UTF-8",
        ),
        (
            b"\xff\xfea\0",
            "error[FS-YAML-001]: f.yaml:1:1: the file is UTF-16\n  help: save the file as UTF-8",
        ),
        (
            b"a: \x1b[31m\n",
            "error[FS-YAML-003]: f.yaml:1:4: the character `\\x1b` must not stand in a file that people review\n  help: remove it; in quotes it can be written as an escape such as \"\\t\"",
        ),
        (
            "a: x # \u{202e}\n".as_bytes(),
            "error[FS-YAML-003]: f.yaml:1:8: the character `\\xe2\\x80\\xae` must not stand in a file that people review\n  help: remove it; in quotes it can be written as an escape such as \"\\t\"",
        ),
        (
            b"a: 1\n---\nb: 2\n",
            "error[FS-YAML-006]: f.yaml:2:1: a second document begins here\n  help: put each document into a file of its own",
        ),
        (
            b"a: 1\na: 2\na: 3\n",
            "error[FS-YAML-011]: f.yaml:2:1: the key `a` is here again\n  help: it stands in line 1 already: keep one\nerror[FS-YAML-011]: f.yaml:3:1: the key `a` is here again\n  help: it stands in line 1 already: keep one",
        ),
        (
            b"a: !!str 1\n",
            "error[FS-YAML-014]: f.yaml:1:4: tags such as `!!str` are not used\n  help: leave the tag out; quotes make a value text",
        ),
        (
            b"a: &x {b: 1}\nc: {<<: *x}\n",
            "error[FS-YAML-013]: f.yaml:2:5: the merge key `<<` is not used\n  help: YAML 1.2 has no merge keys; put shared values into a group",
        ),
        (
            b"[a]: 1\n",
            "error[FS-YAML-012]: f.yaml:1:1: a key must be one word\n  help: put a key that begins with `[` or `{` in quotes",
        ),
        (
            b"a: &x [*x]\n",
            "error[FS-YAML-010]: f.yaml:1:8: the alias stands inside the value it refers to\n  help: write the value out",
        ),
    ];
    for (bytes, expected) in cases {
        assert_eq!(yaml_faults(bytes), *expected, "{}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn broken_syntax_is_told_with_its_line() {
    for (text, place, help) in [
        ("a: b: c\n", ":1:", "put text that holds `: ` in quotes"),
        ("a:\n\tb: 1\n", ":2:", "indent with spaces, not with tabs"),
        ("a: [1, 2\nb: 3\n", ":", ""),
        ("a: \"x\n", ":", ""),
        ("a: *nowhere\n", ":1:", ""),
        ("web[01-20]: {x: 1}\n- y\n", ":2:", ""),
    ] {
        let told = yaml_faults(text.as_bytes());
        assert!(told.starts_with("error[FS-YAML-004]: f.yaml:"), "{text}: {told}");
        assert!(told.contains(&format!("f.yaml{place}")) && told.contains(help), "{text}: {told}");
    }
}

#[test]
fn line_ends_and_a_byte_order_mark_make_no_difference() {
    let unix = "hosts:\n  a: {transport: local}\n  b: {rol: x}\n";
    let windows = unix.replace('\n', "\r\n");
    let expected = faults(unix);
    assert!(expected.contains("lab.yaml:3:7: unknown key `rol`"), "{expected}");
    assert_eq!(faults(&windows), expected);
    assert_eq!(faults(&format!("\u{feff}{unix}")), expected);
}

#[test]
fn an_alias_bomb_is_refused_before_it_takes_memory() {
    let mut bomb = String::from("a: &a [x, x, x, x, x, x, x, x, x]\n");
    for (name, inner) in "bcdefghij".chars().zip("abcdefghi".chars()) {
        let list = vec![format!("*{inner}"); 9].join(", ");
        bomb = format!("{bomb}{name}: &{name} [{list}]\n");
    }
    assert_eq!(
        yaml_faults(bomb.as_bytes()),
        "error[FS-YAML-009]: f.yaml:4:4: aliases expand to more than 10000 values or 32 levels\n  \
         help: use a group instead of aliases; a file that grows like this is refused"
    );
}

#[test]
fn absurd_depth_and_size_are_refused() {
    let deep = "[".repeat(200);
    let expected = "error[FS-YAML-007]: f.yaml:1:33: more than 32 levels inside each other\n  \
                    help: no file of fleetstat needs more than six";
    assert_eq!(yaml_faults(deep.as_bytes()), expected);
    let block: Vec<String> = (0..200).map(|n| format!("{}a:\n", " ".repeat(n))).collect();
    assert!(
        yaml_faults(block.concat().as_bytes()).starts_with("error[FS-YAML-007]: f.yaml:33:33:")
    );
    let nested: Vec<String> = (0..40).map(|n| format!("k{n}: &a{} [*a{n}]\n", n + 1)).collect();
    let told = yaml_faults(format!("k: &a0 x\n{}", nested.concat()).as_bytes());
    assert!(told.contains("more than 10000 values or 32 levels"), "{told}");
    let many = "- a\n".repeat(100_001);
    assert!(yaml_faults(many.as_bytes()).contains("holds more than 100000 values"));
    let large = vec![b'#'; (1 << 20) + 1];
    assert!(yaml_faults(&large).contains("has more than 1048576 bytes"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        yaml_faults(&bytes);
    }

    #[test]
    fn no_damage_to_a_good_file_makes_any_reader_panic(
        which in 0_usize..2,
        cuts in proptest::collection::vec((any::<prop::sample::Index>(), 0_usize..12, r#"[\-:?\[\]{},&*!|>%@"'#~a0\n \t.$=<]{0,4}"#), 1..6)
    ) {
        let files = ["inventories/example-fleet.yaml", "playbooks/nightly-snapshot.yaml"];
        let mut text = std::fs::read_to_string(files[which]).unwrap();
        for (at, length, instead) in cuts {
            let start = at.index(text.len());
            let end = (start + length).min(text.len());
            if text.is_char_boundary(start) && text.is_char_boundary(end) {
                text.replace_range(start..end, &instead);
            }
        }
        faults(&text);
        let _read = fleetstat::plan::playbook::Playbook::read("p.yaml", &text);
    }

    #[test]
    fn no_text_made_of_yaml_marks_makes_any_reader_panic(
        text in r#"([\-:?\[\]{},&*!|>%@"'#~ab\n \t]|hosts:|all:|groups:|: |- |\n  ){0,60}"#
    ) {
        yaml_faults(text.as_bytes());
        faults(&text);
        let _read = fleetstat::plan::playbook::Playbook::read("p.yaml", &text);
    }
}
