//! Prints a table as JSON Schema (draft 2020-12), for editors and for other programs.
//!
//! The schema is as strict as the form of a file can be; what needs the whole inventory (unknown
//! groups, colliding names) only fleetstat itself can check.

use serde_json::{Map, Value, json};

use crate::yaml::shape::{Record, Shape};

/// The schema of a whole file.
#[must_use]
pub fn json_schema(record: &Record) -> Value {
    let mut schema = of_record(record);
    schema.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.insert("title".into(), json!(format!("fleetstat {}", record.name)));
    Value::Object(schema)
}

fn of_record(record: &Record) -> Map<String, Value> {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for field in record.fields {
        let mut schema = of_shape(&field.shape);
        schema.insert("description".into(), json!(field.doc));
        properties.insert(field.name.into(), Value::Object(schema));
        if field.required {
            required.push(json!(field.name));
        }
    }
    let mut schema = object(&[("type", json!("object")), ("description", json!(record.doc))]);
    schema.insert("properties".into(), Value::Object(properties));
    schema.insert("additionalProperties".into(), json!(false));
    if !required.is_empty() {
        schema.insert("required".into(), Value::Array(required));
    }
    schema
}

fn of_shape(shape: &Shape) -> Map<String, Value> {
    match shape {
        Shape::Flag => object(&[("type", json!("boolean"))]),
        Shape::Integer { min: i64::MIN, max: i64::MAX } => object(&[("type", json!("integer"))]),
        Shape::Integer { min, max } => {
            object(&[("type", json!("integer")), ("minimum", json!(min)), ("maximum", json!(max))])
        }
        Shape::Word(words) => object(&[("enum", json!(words))]),
        Shape::Text(format) => {
            let mut schema = object(&[("type", json!("string"))]);
            if let Some(pattern) = format.pattern {
                schema.insert("pattern".into(), json!(pattern));
            }
            schema.insert("examples".into(), json!([format.example]));
            schema
        }
        Shape::Verbatim(format) => object(&[
            ("type", json!(["string", "number", "boolean"])),
            ("examples", json!([format.example])),
        ]),
        Shape::List { of, least } => object(&[
            ("type", json!("array")),
            ("items", Value::Object(of_shape(of))),
            ("minItems", json!(least)),
        ]),
        Shape::Map { keys, of } => {
            let mut schema = object(&[
                ("type", json!("object")),
                ("additionalProperties", Value::Object(of_shape(of))),
            ]);
            if let Some(pattern) = keys.pattern {
                schema.insert("propertyNames".into(), json!({ "pattern": pattern }));
            }
            schema
        }
        Shape::Record(record) => of_record(record),
        Shape::OrNothing(shape) => {
            any_of(vec![of_shape(shape), object(&[("type", json!("null"))])])
        }
        Shape::OneOf(shapes) => any_of(shapes.iter().map(of_shape).collect()),
    }
}

fn any_of(schemas: Vec<Map<String, Value>>) -> Map<String, Value> {
    let schemas: Vec<Value> = schemas.into_iter().map(Value::Object).collect();
    object(&[("anyOf", Value::Array(schemas))])
}

fn object(members: &[(&str, Value)]) -> Map<String, Value> {
    members.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
}
