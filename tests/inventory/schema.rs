//! The printed schemas hold exactly the keys of the tables.

use std::collections::BTreeSet;

use fleetstat::yaml::shape::{Record, Shape};
use serde_json::Value;

/// Compares one record with its schema, and every record inside it.
fn same(record: &Record, schema: &Value) {
    let properties = schema["properties"].as_object().unwrap();
    let keys: BTreeSet<&str> = properties.keys().map(String::as_str).collect();
    assert_eq!(keys, record.keys().collect(), "{}", record.name);
    assert_eq!(schema["additionalProperties"], Value::Bool(false), "{}", record.name);
    let required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let required: BTreeSet<&str> = required.iter().filter_map(Value::as_str).collect();
    let fields = record.fields.iter().filter(|field| field.required);
    assert_eq!(required, fields.map(|field| field.name).collect(), "{}", record.name);
    for field in record.fields {
        assert!(!field.doc.is_empty() && field.doc.ends_with('.'), "{}", field.name);
        assert_eq!(properties[field.name]["description"], field.doc);
        inside(&field.shape, &properties[field.name]);
    }
}

fn inside(shape: &Shape, schema: &Value) {
    match shape {
        Shape::Record(record) => same(record, schema),
        Shape::Map { of, .. } => inside(of, &schema["additionalProperties"]),
        Shape::List { of, .. } => inside(of, &schema["items"]),
        Shape::OrNothing(shape) => inside(shape, &schema["anyOf"][0]),
        Shape::OneOf(shapes) => {
            for (shape, schema) in shapes.iter().zip(schema["anyOf"].as_array().unwrap()) {
                inside(shape, schema);
            }
        }
        Shape::Word(words) => assert_eq!(schema["enum"], serde_json::json!(words)),
        Shape::Flag | Shape::Integer { .. } | Shape::Text(_) | Shape::Verbatim(_) => {}
    }
}

#[test]
fn schemas_and_tables_have_the_same_keys() {
    same(&fleetstat::inventory::table::INVENTORY, &fleetstat::inventory::json_schema());
    same(&fleetstat::plan::playbook::table::PLAYBOOK, &fleetstat::plan::playbook::json_schema());
}

#[test]
fn codes_are_listed_once() {
    let lists = [
        fleetstat::yaml::CODES,
        fleetstat::inventory::table::CODES,
        fleetstat::plan::playbook::table::CODES,
    ];
    let all: Vec<&str> = lists.iter().flat_map(|list| list.iter().map(|(code, _)| *code)).collect();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
}
