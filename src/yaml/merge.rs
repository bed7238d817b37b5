//! Mappings as YAML 1.1 programs mean them: merge keys carried out, the last of equal keys kept.
//!
//! Only files of other programs are read like this. Source: <https://yaml.org/type/merge.html>.

use std::collections::HashMap;
use std::sync::Arc;

use crate::yaml::node::{Entry, Value};

/// The entries after merging: what the mapping itself says wins over what it merges, and of several
/// merged mappings the first one wins.
pub(super) fn carried_out(entries: Vec<Entry>) -> Vec<Entry> {
    let mut merged: Vec<Entry> = Vec::new();
    let mut own: Vec<Entry> = Vec::with_capacity(entries.len());
    for entry in entries {
        if &*entry.key != "<<" {
            own.push(entry);
            continue;
        }
        let sources = match entry.value.value {
            Value::Sequence(items) => items,
            Value::Mapping(_) | Value::Scalar(_) => vec![entry.value],
        };
        // Pushed from the last to the first: the last of equal keys is kept below.
        for source in sources.into_iter().rev() {
            if let Value::Mapping(entries) = source.value {
                merged.extend(entries);
            }
        }
    }
    merged.append(&mut own);
    last_of_equal(merged)
}

/// Each key once, where it first stood, with its last value.
fn last_of_equal(entries: Vec<Entry>) -> Vec<Entry> {
    let mut kept: Vec<Entry> = Vec::with_capacity(entries.len());
    let mut seen: HashMap<Arc<str>, usize> = HashMap::new();
    for entry in entries {
        // A record has a dozen keys: comparing them all is quicker than hashing.
        let known = if kept.len() <= 16 {
            kept.iter().position(|known| known.key == entry.key)
        } else {
            if seen.is_empty() {
                seen.extend(kept.iter().enumerate().map(|(at, entry)| (entry.key.clone(), at)));
            }
            seen.get(&entry.key).copied()
        };
        if let Some(slot) = known.and_then(|at| kept.get_mut(at)) {
            *slot = entry;
            continue;
        }
        if !seen.is_empty() {
            seen.insert(entry.key.clone(), kept.len());
        }
        kept.push(entry);
    }
    kept.shrink_to_fit();
    kept
}

#[cfg(test)]
mod tests {
    use crate::yaml::defect::Defects;
    use crate::yaml::reader::{Limits, read_foreign};

    #[test]
    fn merge_keys_give_way_to_the_mapping_and_the_last_of_equal_keys_counts() {
        let text = "a: &a {x: 1, y: 1}\nb: &b {x: 2, z: 2}\nc:\n  <<: [*a, *b]\n  y: 3\n  y: 4\n";
        let mut defects = Defects::new("t");
        let foreign = read_foreign(text.as_bytes(), Limits::SMALL, &mut defects).unwrap();
        let root = foreign.root.unwrap();
        let values: Vec<(&str, i64)> = root
            .get("c")
            .unwrap()
            .entries()
            .iter()
            .map(|entry| (&*entry.key, entry.value.integer().unwrap()))
            .collect();
        assert!(defects.is_empty());
        assert_eq!(values, [("x", 1), ("z", 2), ("y", 4)]);
    }
}
