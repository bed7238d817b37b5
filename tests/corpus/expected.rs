//! What the expectation beside a sample says, as records that can be compared.
//!
//! In: the JSON of the source of a sample. Its shape tells whose it is: jc's schemas by their keys,
//! the ground truth of `/proc` by its list of owners. Out: records in the words of
//! [`crate::fields`], made without any code of fleetstat's readers.

use serde_json::Value;

use crate::compare::Expectation;
use crate::fields::Fields;
use crate::tables::Sample;
use crate::{expect_links, expect_sockets};

/// The records of an expectation. `None`: nothing reads its shape.
pub(crate) fn records(sample: &Sample, json: &Value) -> Option<Expectation> {
    let one = [json.clone()];
    let records = json.as_array().map_or(one.as_slice(), Vec::as_slice);
    let has = |key: &str| records.iter().any(|record| record.get(key).is_some());
    if has("owners") {
        return Some(expect_sockets::ground_truth(sample, records));
    }
    if has("netid") || has("sock_mem_loc") || (has("local_address") && has("foreign_address")) {
        return Some(expect_sockets::of_jc(sample, records));
    }
    if has("counter") || has("type") && records.iter().all(|record| record.get("type").is_some()) {
        return Some(expect_links::counters(records));
    }
    if has("PRETTY_NAME") || has("kernel_name") {
        return Some(expect_links::facts(records));
    }
    if has("destination") || has("dest_net") || has("Destination") || has("ip") {
        return Some(expect_links::routes(records));
    }
    if has("hwaddress") || has("HW_address") {
        return Some(expect_links::neighbours(records));
    }
    if has("ipkts") || has("mac_addr") || has("scope") || has("rx_ok") {
        return Some(expect_links::interfaces(sample, records));
    }
    None
}

/// A value as a word: text as it is, numbers in figures. `None` for null and empty text.
pub(crate) fn word(record: &Value, key: &str) -> Option<String> {
    match record.get(key)? {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Copies a field under another name.
pub(crate) fn copy(fields: &mut Fields, name: &'static str, record: &Value, key: &str) {
    if let Some(value) = word(record, key) {
        fields.insert(name, value);
    }
}
