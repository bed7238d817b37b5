//! The printed JSON Schemas accept what the loaders accept, and refuse what they refuse.
//!
//! Checked by a validator of the few words that the schemas use; patterns are matched by Python,
//! whose syntax is that of ECMA 262 for what stands in them.

use std::io::Write as _;
use std::process::{Command, Stdio};

use fleetstat::yaml::defect::Defects;
use fleetstat::yaml::node::{Core, Node, Value as Yaml};
use fleetstat::yaml::reader::{Limits, read};
use serde_json::{Map, Value, json};

use crate::support::{Place, package};

/// Says `ok`, or the path of the first value that does not fit. Standard input: schema and value.
const VALIDATOR: &str = r#"
import json, re, sys
KNOWN = {"$schema", "title", "description", "examples", "type", "properties", "required",
         "additionalProperties", "propertyNames", "items", "minItems", "enum", "pattern",
         "minimum", "maximum", "anyOf"}
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
def is_a(value, word):
    if word in ("integer", "number"):
        return isinstance(value, (int, float) if word == "number" else int) \
            and not isinstance(value, bool)
    return isinstance(value, TYPES[word])
def fault(schema, value, at):
    unknown = set(schema) - KNOWN
    if unknown:
        return f"{at}: the schema has {unknown}"
    words = schema.get("type", [])
    words = [words] if isinstance(words, str) else words
    if words and not any(is_a(value, word) for word in words):
        return f"{at}: type"
    if "enum" in schema and value not in schema["enum"]:
        return f"{at}: enum"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        return f"{at}: pattern"
    if "minimum" in schema and value < schema["minimum"]:
        return f"{at}: minimum"
    if "maximum" in schema and value > schema["maximum"]:
        return f"{at}: maximum"
    if "anyOf" in schema:
        faults = [fault(one, value, at) for one in schema["anyOf"]]
        if all(faults):
            return faults[0]
    if isinstance(value, list):
        if len(value) < schema.get("minItems", 0):
            return f"{at}: minItems"
        for number, item in enumerate(value):
            found = fault(schema.get("items", {}), item, f"{at}/{number}")
            if found:
                return found
    if isinstance(value, dict):
        for key in schema.get("required", []):
            if key not in value:
                return f"{at}: required {key}"
        for key, item in value.items():
            found = fault(schema.get("propertyNames", {}), key, f"{at}/{key} (name)")
            if found:
                return found
            more = schema.get("additionalProperties", {})
            inner = schema.get("properties", {}).get(key, more)
            if inner is False:
                return f"{at}/{key}: unknown"
            found = fault(inner, item, f"{at}/{key}")
            if found:
                return found
    return None
schema, value = json.load(sys.stdin)
print(fault(schema, value, "") or "ok")
"#;

/// YAML as JSON, by the core schema, as an editor reads it.
fn as_json(node: &Node) -> Value {
    match &node.value {
        Yaml::Scalar(scalar) => match scalar.core() {
            Core::Null => Value::Null,
            Core::Flag(flag) => json!(flag),
            Core::Integer(number) => json!(number),
            Core::Float(text) => json!(text.parse::<f64>().unwrap()),
            Core::Text(text) => json!(text),
        },
        Yaml::Sequence(items) => items.iter().map(as_json).collect(),
        Yaml::Mapping(entries) => {
            let entry = |entry: &fleetstat::yaml::node::Entry| {
                (entry.key.to_string(), as_json(&entry.value))
            };
            Value::Object(entries.iter().map(entry).collect::<Map<_, _>>())
        }
    }
}

/// What the schema says of a text.
fn judged(place: &Place, schema: &str, text: &str) -> String {
    let schema: Value = serde_json::from_str(&place.run(["schema", schema]).clean()).unwrap();
    let mut defects = Defects::new("text.yaml");
    let tree = read(text.as_bytes(), Limits::SMALL, &mut defects).unwrap();
    let mut command = Command::new("python3");
    command.args(["-c", VALIDATOR]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("python3");
    let both = json!([schema, as_json(&tree)]).to_string();
    child.stdin.take().unwrap().write_all(both.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// What the loader says of it: its exit code.
fn loaded(place: &Place, schema: &str, text: &str) -> i32 {
    let file = place.write("text.yaml", text);
    let words = match schema {
        "inventory" => vec!["hosts", "-i", &file],
        "playbook" => vec!["plan", &file, "-i", "inventories/localhost.yaml"],
        "config" => vec!["--config", &file, "config", "explain"],
        _ => vec!["probes", "--site", &file],
    };
    place.run(words).code
}

#[test]
fn the_schemas_accept_the_shipped_files() {
    let place = Place::new();
    for (schema, file) in [
        ("inventory", "inventories/localhost.yaml"),
        ("inventory", "inventories/example-fleet.yaml"),
        ("playbook", "playbooks/nightly-snapshot.yaml"),
        ("site-probes", "playbooks/site-probes.example.yaml"),
        ("config", "examples/config.yaml"),
    ] {
        let text = std::fs::read_to_string(package(file)).unwrap();
        assert_eq!(judged(&place, schema, &text), "ok", "{file}");
        assert_eq!(loaded(&place, schema, &text), 0, "{file}");
    }
}

#[test]
fn the_schemas_refuse_what_the_loaders_refuse() {
    let place = Place::new();
    for (schema, text, at) in [
        ("inventory", "hosts:\n  a: {transport: locall}\n", "/hosts/a/transport: enum"),
        ("inventory", "hosts:\n  a: {transport: local, rol: x}\n", "/hosts/a/rol: unknown"),
        ("inventory", "hosts:\n  a: {transport: local, port: 0}\n", "/hosts/a/port: minimum"),
        ("inventory", "hosts:\n  a: {transport: local, port: ssh}\n", "/hosts/a/port: type"),
        ("inventory", "hosts: [a]\n", "/hosts: type"),
        ("playbook", "name: n\npurpose: routine\nviews: [nothing]\n", "/views/0: enum"),
        ("playbook", "name: a b\npurpose: routine\nviews: [host]\n", "/name: pattern"),
        ("playbook", "purpose: routine\nviews: [host]\n", ": required name"),
        ("playbook", "name: n\npurpose: x\nviews: [host]\n", "/purpose: enum"),
        (
            "playbook",
            "name: n\npurpose: routine\nviews: [host]\nlimits: {width: 5000}\n",
            "/limits/width: maximum",
        ),
        (
            "playbook",
            "name: n\npurpose: routine\nviews: [host]\ndeadlines: {host: 3 min}\n",
            "/deadlines/host: pattern",
        ),
        ("config", "datta: x\n", "/datta: unknown"),
        ("config", "inventory: []\n", "/inventory: type"),
        ("config", "operator: ''\n", "/operator: pattern"),
        ("site-probes", "probes: []\n", "/probes: minItems"),
        (
            "site-probes",
            "probes:\n  - {id: x, platform: linux, argv: [/bin/cat, /proc/uptime]}\n",
            "/probes/0/id: pattern",
        ),
        (
            "site-probes",
            "probes:\n  - {id: site/x, platform: linux, command: cat}\n",
            "/probes/0: required argv",
        ),
    ] {
        let said = judged(&place, schema, text);
        assert!(said.starts_with(at), "{schema} {text}: {said}");
        let exit = if schema == "config" { 31 } else { 30 };
        assert_eq!(loaded(&place, schema, text), exit, "{schema} {text}");
    }
}
