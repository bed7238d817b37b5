//! JSON Schemas of records and answers, made from the field lists.
//!
//! Comes in: nothing but the lists. Goes out: one schema that any row of any kind satisfies; a row's
//! `kind` decides which part applies.

use serde_json::{Map, Value, json};

use crate::report::answer::{Listeners, Outcomes, Peers, Runs};
use crate::report::attribute::Attributes;
use crate::report::change::Changes;
use crate::report::change_request::ChangeRequests;
use crate::report::changed::ChangedHosts;
use crate::report::counter::Counters;
use crate::report::fact::Facts;
use crate::report::field::{Field, Kind};
use crate::report::host::Hosts;
use crate::report::import::Imports;
use crate::report::inventory::{Assets, Commands, Origins};
use crate::report::issue::Issues;
use crate::report::link::Interfaces;
use crate::report::prevalence::Prevalences;
use crate::report::privilege::{AccountFindings, HardenSteps};
use crate::report::process::Processes;
use crate::report::rate::LinkRates;
use crate::report::rebuilt::RebuiltStores;
use crate::report::replayed::{Differences, ReplayedFiles};
use crate::report::route::{Neighbours, Routes, Rules};
use crate::report::routed::RoutedRows;
use crate::report::socket::Sockets;
use crate::report::standard::Probes;
use crate::report::state::{HostStateRows, StateTotals};
use crate::report::topic::Topics;
use crate::report::unseen::UnseenHosts;
use crate::report::value::{Member, Type};
use crate::report::verified::{Findings, Verified};

/// The schema of a record in JSON or NDJSON.
#[must_use]
pub fn records() -> Value {
    whole(
        "A record of fleetstat",
        &[
            kind::<Sockets>(),
            kind::<Interfaces>(),
            kind::<Routes>(),
            kind::<Rules>(),
            kind::<Neighbours>(),
            kind::<Counters>(),
            kind::<Processes>(),
            kind::<Hosts>(),
            kind::<Issues>(),
            kind::<Facts>(),
        ],
    )
}

/// The schema of a row of an answer in JSON or NDJSON.
#[must_use]
pub fn answers() -> Value {
    whole(
        "A row of an answer of fleetstat",
        &[
            kind::<Runs>(),
            kind::<Outcomes>(),
            kind::<Listeners>(),
            kind::<Peers>(),
            kind::<Changes>(),
            kind::<ChangedHosts>(),
            kind::<Prevalences>(),
            kind::<HostStateRows>(),
            kind::<StateTotals>(),
            kind::<LinkRates>(),
            kind::<RoutedRows>(),
            kind::<UnseenHosts>(),
            kind::<ReplayedFiles>(),
            kind::<Differences>(),
            kind::<Verified>(),
            kind::<Findings>(),
            kind::<RebuiltStores>(),
            kind::<Probes>(),
            kind::<Assets>(),
            kind::<Origins>(),
            kind::<Commands>(),
            kind::<ChangeRequests>(),
            kind::<Attributes>(),
            kind::<Imports>(),
            kind::<Topics>(),
            kind::<HardenSteps>(),
            kind::<AccountFindings>(),
        ],
    )
}

fn whole(title: &str, kinds: &[Value]) -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "anyOf": kinds,
    })
}

/// The schema of one kind of row.
#[must_use]
pub fn kind<K: Kind>() -> Value {
    let mut root = Map::new();
    for field in K::FIELDS {
        let mut schema = of_field(field);
        if field.path == "kind" {
            schema = json!({ "enum": [K::NAME], "description": field.doc });
        }
        insert(&mut root, field.path, schema);
    }
    let mut schema = object(root);
    if let Value::Object(members) = &mut schema {
        members.insert("title".into(), K::NAME.into());
        members.insert("description".into(), K::DOC.into());
    }
    schema
}

fn of_field<K: Kind>(field: &Field<K>) -> Value {
    described(of_type(field.of), field.nullable, field.doc)
}

fn described(mut schema: Value, nullable: bool, doc: &str) -> Value {
    if let Value::Object(members) = &mut schema {
        members.insert("description".into(), doc.into());
        if nullable {
            if let Some(word) = members.get("type").cloned() {
                members.insert("type".into(), json!([word, "null"]));
            }
            if let Some(Value::Array(words)) = members.get_mut("enum") {
                words.push(Value::Null);
            }
        }
    }
    schema
}

fn of_type(of: Type) -> Value {
    match of {
        Type::Bool => json!({ "type": "boolean" }),
        Type::Integer => json!({ "type": "integer" }),
        Type::Decimal => json!({ "type": "number" }),
        Type::Text | Type::Hex | Type::Address | Type::Time => json!({ "type": "string" }),
        Type::Word(words) => json!({ "enum": words() }),
        Type::Texts | Type::Addresses => {
            json!({ "type": "array", "items": { "type": "string" } })
        }
        Type::Objects(members) => {
            let mut inner = Map::new();
            for Member { name, of, nullable, doc } in members {
                inner.insert((*name).to_owned(), described(of_type(*of), *nullable, doc));
            }
            json!({ "type": "array", "items": object(inner) })
        }
    }
}

/// Puts a field where its dots say. Until [`object`] closes them, levels are plain maps.
fn insert(level: &mut Map<String, Value>, path: &str, schema: Value) {
    match path.split_once('.') {
        None => drop(level.insert(path.to_owned(), schema)),
        Some((head, rest)) => {
            let inner = level.entry(head).or_insert_with(|| json!({ LEVEL: {} }));
            if let Some(Value::Object(inner)) = inner.get_mut(LEVEL) {
                insert(inner, rest, schema);
            }
        }
    }
}

/// Marks a level of the object that is not closed yet; no field has such a name.
const LEVEL: &str = "..";

fn object(level: Map<String, Value>) -> Value {
    let required: Vec<_> = level.keys().cloned().collect();
    let close = |(name, mut value): (String, Value)| {
        let inner = value.get_mut(LEVEL).map(Value::take);
        match inner {
            Some(Value::Object(inner)) => (name, object(inner)),
            _ => (name, value),
        }
    };
    let properties: Map<String, Value> = level.into_iter().map(close).collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}
