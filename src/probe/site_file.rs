//! A file of site probes: from YAML to checked probes, or all faults of the file at once.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::snapshot::View;
use crate::probe::parameter::ParameterType;
use crate::probe::site::{ParameterSource, Placed, SiteProbe, SiteProbeSource, check};
use crate::yaml::check::{Codes, check as check_shape};
use crate::yaml::defect::{Defect, Defects, quoted};
use crate::yaml::node::Node;
use crate::yaml::reader::{Limits, read as read_yaml};
use crate::yaml::shape::{Field, Format, Record, Shape};

const CHECK: Codes = Codes {
    unknown_key: "FS-SITE-002",
    missing_key: "FS-SITE-003",
    wrong_type: "FS-SITE-004",
    bad_value: "FS-SITE-005",
};

/// Code of what the validator of commands refuses.
const REFUSED: &str = "FS-SITE-001";

/// Code of two probes with one id.
const TWICE: &str = "FS-SITE-006";

/// Every code with one line on it, for the error reference.
pub const CODES: &[(&str, &str)] = &[
    (REFUSED, "a command, a parameter or another part of a site probe is refused"),
    (CHECK.missing_key, "a required key is missing"),
    (CHECK.unknown_key, "a key that no site probe has"),
    (CHECK.wrong_type, "a value of another type than expected"),
    (CHECK.bad_value, "a value that is out of range or not allowed"),
    (TWICE, "two site probes have one id"),
];

const ID: Format = Format {
    expects: "site/NAME in lower case, digits and -",
    pattern: Some("^site/[a-z0-9-]+$"),
    example: "site/redis-listeners",
};
const WORD: Format = Format {
    expects: "one word of the command; {name} stands for a parameter",
    pattern: None,
    example: "/usr/bin/ss",
};
const READER: Format = Format {
    expects: "a reader of the command standard, or text",
    pattern: None,
    example: "linux/ss",
};
const FROM: Format = Format {
    expects: "vars.NAME, address or port",
    pattern: Some("^(vars\\.[A-Za-z0-9_]+|address|port)$"),
    example: "vars.redis_port",
};
const NAME: Format = Format {
    expects: "a name in lower case, digits and _",
    pattern: Some("^[a-z][a-z0-9_]*$"),
    example: "port",
};

const fn field(name: &'static str, required: bool, shape: Shape, doc: &'static str) -> Field {
    Field { name, doc, shape, required }
}

const TYPES: &[&str] = &["ip", "cidr", "port", "interface", "hostname", "enum", "number"];

const PARAMETER: Record = Record {
    name: "parameter",
    doc: "A typed value, filled in from what the inventory knows of a host.",
    fields: &[
        field("type", true, Shape::Word(TYPES), "Its type. There is no type for free text."),
        field("from", true, Shape::Text(&FROM), "Where the value comes from."),
        field(
            "values",
            false,
            Shape::List { of: &Shape::Verbatim(&WORD), least: 1 },
            "Of `enum`: the words it may be.",
        ),
        field("min", false, Shape::Integer { min: 0, max: i64::MAX }, "Of `number`: least."),
        field("max", false, Shape::Integer { min: 0, max: i64::MAX }, "Of `number`: greatest."),
    ],
    hints: &[],
};

const PROBE: Record = Record {
    name: "probe",
    doc: "One question that a site adds.",
    fields: &[
        field("id", true, Shape::Text(&ID), "Its name."),
        field("platform", true, Shape::Word(&["linux"]), "Operating system family."),
        field(
            "views",
            false,
            Shape::List { of: &Shape::Word(View::WORDS), least: 0 },
            "Views that are not whole without it. Default: none.",
        ),
        field(
            "argv",
            true,
            Shape::List { of: &Shape::Verbatim(&WORD), least: 1 },
            "The argument vector, the program first.",
        ),
        field(
            "parameters",
            false,
            Shape::Map { keys: &NAME, of: &Shape::Record(&PARAMETER) },
            "Parameters of the words, by name.",
        ),
        field("reader", false, Shape::Text(&READER), "How the answer is read. Default: text."),
        field("needs", false, Shape::Word(&["none", "sudo"]), "Privilege. Default: none."),
    ],
    hints: &[
        ("command", "the key is called `argv` and is a list of words, never a line for a shell"),
        ("cmd", "the key is called `argv` and is a list of words, never a line for a shell"),
        ("shell", "there is no shell: `argv` is a list of words"),
    ],
};

/// A whole file.
pub const SITE_PROBES: Record = Record {
    name: "file of site probes",
    doc: "Questions that a site adds to the command standard.",
    fields: &[field(
        "probes",
        true,
        Shape::List { of: &Shape::Record(&PROBE), least: 1 },
        "The probes.",
    )],
    hints: &[],
};

/// Reads a file of site probes. `file` names it in messages.
///
/// # Errors
/// All faults of the file, in the order of its lines. Nothing of a file with a fault is used.
pub fn read(file: &str, bytes: &[u8]) -> Result<Vec<SiteProbe>, Vec<Defect>> {
    let mut defects = Defects::new(file);
    let mut probes: Vec<SiteProbe> = Vec::new();
    if let Some(tree) = read_yaml(bytes, Limits::SMALL, &mut defects) {
        check_shape(&tree, &SITE_PROBES, &CHECK, &mut defects);
        let mut ids = BTreeSet::new();
        for node in tree.get("probes").map(Node::items).unwrap_or_default() {
            let id = node.get("id").and_then(|id| Some((id.place, id.verbatim()?)));
            if let Some((place, id)) = id.filter(|(_, id)| !ids.insert(*id)) {
                let message = format!("probe {} is here twice", quoted(id));
                defects.report(TWICE, place, message, Some("keep one".to_owned()));
            }
            match source(node).map(|source| check(&source)) {
                Some(Ok(probe)) => probes.push(probe),
                Some(Err(faults)) => {
                    for fault in faults {
                        // One fault of a value is enough.
                        if !defects.reported_at(fault.place) {
                            defects.report(REFUSED, fault.place, fault.message, None);
                        }
                    }
                }
                None => {}
            }
        }
    }
    if defects.is_empty() { Ok(probes) } else { Err(defects.into_list()) }
}

/// What the file says of one probe; where id or platform is missing, which is reported, a right one
/// stands in, so that the faults of the command are shown as well. `None`: too much is missing.
fn source(node: &Node) -> Option<SiteProbeSource> {
    let texts = |key: &str| {
        let items = node.get(key).map(Node::items).unwrap_or_default();
        items.iter().map(placed).collect::<Option<Vec<_>>>()
    };
    let or = |key: &str, default: &str| match node.get(key) {
        Some(value) => placed(value),
        None => Some(Placed { value: default.to_owned(), place: node.place }),
    };
    let mut parameters = BTreeMap::new();
    for entry in node.get("parameters").map(Node::entries).unwrap_or_default() {
        let (name, value) = (&*entry.key, &entry.value);
        let value = Placed { value: parameter(value)?, place: value.place };
        parameters.insert(name.to_owned(), value);
    }
    Some(SiteProbeSource {
        id: or("id", "site/unnamed")?,
        platform: or("platform", "linux")?,
        views: texts("views")?,
        argv: node.get("argv")?.items().iter().map(placed).collect::<Option<Vec<_>>>()?,
        parameters,
        reader: or("reader", "text")?,
        needs: or("needs", "none")?,
    })
}

fn placed(node: &Node) -> Option<Placed<String>> {
    Some(Placed { value: node.verbatim()?.to_owned(), place: node.place })
}

fn parameter(node: &Node) -> Option<ParameterSource> {
    let bound = |key, default| match node.get(key) {
        Some(value) => value.integer(),
        None => Some(default),
    };
    let kind = match node.get("type")?.text()? {
        "ip" => ParameterType::Ip,
        "cidr" => ParameterType::Cidr,
        "port" => ParameterType::Port,
        "interface" => ParameterType::Interface,
        "hostname" => ParameterType::Hostname,
        "enum" => {
            let items = node.get("values")?.items();
            ParameterType::Enum(
                items.iter().map(|i| i.verbatim().map(str::to_owned)).collect::<Option<_>>()?,
            )
        }
        "number" => ParameterType::Number {
            min: u64::try_from(bound("min", 0)?).ok()?,
            max: u64::try_from(bound("max", i64::MAX)?).ok()?,
        },
        _ => return None,
    };
    Some(ParameterSource { kind, from: placed(node.get("from")?)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<String> {
        let defects = read("site.yaml", text.as_bytes()).unwrap_err();
        let shown = |defect: &Defect| {
            let (code, line, column) = (defect.code, defect.line, defect.column);
            format!("{code} {line}:{column} {}", defect.message)
        };
        defects.iter().map(shown).collect()
    }

    const GOOD: &str = "\
probes:
  - id: site/port
    platform: linux
    views: [listeners]
    argv: [/usr/bin/ss, -4, -n, -l, sport, \":{port}\"]
    parameters: {port: {type: port, from: vars.p}}
    reader: linux/ss
  - id: site/load
    platform: linux
    argv: [/bin/cat, /proc/loadavg]
";

    #[test]
    fn a_good_file_gives_its_probes_in_order() {
        let probes = read("site.yaml", GOOD.as_bytes()).unwrap();
        let told: Vec<_> = probes.iter().map(|p| (p.id.as_str(), p.words().join(" "))).collect();
        assert_eq!(
            told,
            [
                ("site/port", "/usr/bin/ss -4 -n -l sport :{port}".to_owned()),
                ("site/load", "/bin/cat /proc/loadavg".to_owned())
            ]
        );
        assert!(probes[1].views.is_empty(), "an answer that no view depends on");
    }

    #[test]
    fn words_are_taken_as_they_are_written() {
        // YAML would read -4 as a number; a word keeps its letters.
        let text = "probes:\n  - {id: site/x, platform: linux, argv: [/usr/bin/ss, -4, -0]}\n";
        let probes = read("site.yaml", text.as_bytes()).unwrap();
        assert_eq!(probes[0].words(), ["/usr/bin/ss", "-4", "-0"]);
    }

    #[test]
    fn every_fault_stands_at_its_line_and_column() {
        let text = "\
probes:
  - id: site/port
    platform: linux
    argv: [/usr/bin/ss, \"a;b\"]
  - id: site/port
    platform: linux
    argv: [/usr/bin/ss, sport, \":{p}\"]
    parameters: {p: {type: port, from: vars.a-b}}
  - platform: windows
    argv: [/bin/cat, /etc/shadow]
    shell: cat
";
        let found = faults(text);
        let begins = [
            "FS-SITE-001 4:25 word 2 `a;b` has `;` at character 2",
            "FS-SITE-006 5:9 probe `site/port` is here twice",
            "FS-SITE-001 8:40 `from: vars.a-b` is not vars.NAME, address or port",
            "FS-SITE-003 9:5 `probes` of the file of site probes has no `id`",
            "FS-SITE-005 9:15 `platform` of the file of site probes is `windows`",
            "FS-SITE-001 10:22 word 2 `/etc/shadow`",
            "FS-SITE-002 11:5 unknown key `shell`",
        ];
        assert_eq!(found.len(), begins.len(), "{found:#?}");
        for (found, begin) in found.iter().zip(begins) {
            assert!(found.starts_with(begin), "{begin}: {found}");
        }
    }

    #[test]
    fn a_type_is_known_or_refused_and_its_bounds_are_whole_numbers() {
        let with = |of: &str| {
            GOOD.replace("{type: port, from: vars.p}", &format!("{{{of}, from: vars.p}}"))
        };
        for good in
            ["type: number, min: 1, max: 9", "type: port", "type: enum, values: [\"22\", \"80\"]"]
        {
            assert!(read("site.yaml", with(good).as_bytes()).is_ok(), "{good}");
        }
        for (bad, code) in [
            ("type: text", "FS-SITE-005"),
            ("type: number, min: -1", "FS-SITE-005"),
            ("type: number, min: few", "FS-SITE-004"),
            ("type: enum, values: []", "FS-SITE-005"),
            ("kind: port", "FS-SITE-003"),
        ] {
            let found = faults(&with(bad));
            assert!(found.iter().any(|fault| fault.starts_with(code)), "{bad}: {found:?}");
        }
    }
}
