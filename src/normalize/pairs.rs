//! Finds what two answers tell of one thing, where each may list several things that look alike: each
//! row of one is paired with one of the other at most.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hash;

/// Rows that are not paired yet, by what they can be known by. One may be known by several keys.
pub(super) struct Pairs<K> {
    open: HashMap<K, VecDeque<usize>>,
    taken: HashSet<usize>,
}

impl<K: Hash + Eq> Pairs<K> {
    /// No rows.
    pub(super) fn new() -> Self {
        Self { open: HashMap::new(), taken: HashSet::new() }
    }

    /// Adds a row under a key.
    pub(super) fn add(&mut self, key: K, at: usize) {
        self.open.entry(key).or_default().push_back(at);
    }

    /// The first row under this key that was not taken: it is taken now. In all calls together each
    /// row is looked at once for each of its keys.
    pub(super) fn take(&mut self, key: &K) -> Option<usize> {
        let open = self.open.get_mut(key)?;
        while let Some(at) = open.pop_front() {
            if self.taken.insert(at) {
                return Some(at);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_is_taken_once_under_whatever_key() {
        let mut pairs = Pairs::new();
        for (key, at) in [("a", 0), ("any", 0), ("a", 1), ("any", 1)] {
            pairs.add(key, at);
        }
        assert_eq!(
            ["a", "any", "any", "a", "b"].map(|key| pairs.take(&key)),
            [Some(0), Some(1), None, None, None]
        );
    }
}
