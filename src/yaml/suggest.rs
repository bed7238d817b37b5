//! Did you mean: the nearest of a list of words.

/// The candidate nearest to `word`, without regard to case. `None` when none is near: at most one
/// edit for every three characters, and one at least. Of equally near ones the least wins, so that
/// the order of the candidates makes no difference.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = word.chars().take(64).map(|c| c.to_ascii_lowercase()).collect();
    let limit = (word.len() / 3).max(1);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        if candidate.len().abs_diff(word.len()) > limit {
            continue;
        }
        let letters: Vec<char> = candidate.chars().map(|c| c.to_ascii_lowercase()).collect();
        let distance = distance(&word, &letters);
        if distance <= limit && best.is_none_or(|best| (distance, candidate) < best) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// The nearest candidate as a help line.
#[must_use]
pub fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    nearest(word, candidates).map(|candidate| format!("did you mean `{candidate}`?"))
}

/// Edits (insert, delete, replace, swap of neighbours) from one word to the other: optimal string
/// alignment, three rows.
fn distance(left: &[char], right: &[char]) -> usize {
    let mut earlier: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=right.len()).collect();
    let mut letter_before = None;
    for (row, &a) in left.iter().enumerate() {
        let mut current = Vec::with_capacity(previous.len());
        current.push(row + 1);
        let mut right_before = None;
        for (column, &b) in right.iter().enumerate() {
            let at = |line: &[usize], index: usize| line.get(index).copied().unwrap_or(usize::MAX);
            let mut least = at(&previous, column)
                .saturating_add(usize::from(a != b))
                .min(at(&previous, column + 1).saturating_add(1))
                .min(at(&current, column).saturating_add(1));
            if letter_before == Some(b) && right_before == Some(a) && column > 0 {
                least = least.min(at(&earlier, column - 1).saturating_add(1));
            }
            current.push(least);
            right_before = Some(b);
        }
        earlier = std::mem::replace(&mut previous, current);
        letter_before = Some(a);
    }
    previous.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_found_and_far_ones_are_not() {
        let keys = ["role", "port", "platform", "environment", "tags"];
        assert_eq!(nearest("rol", keys), Some("role"));
        assert_eq!(nearest("prot", keys), Some("port"));
        assert_eq!(nearest("Platfrom", keys), Some("platform"));
        assert_eq!(nearest("enviroment", keys), Some("environment"));
        assert_eq!(nearest("xyz", keys), None);
        assert_eq!(nearest("", keys), None);
    }

    #[test]
    fn distance_counts_swaps_once() {
        let between = |a: &str, b: &str| {
            distance(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>())
        };
        assert_eq!(between("", "abc"), 3);
        assert_eq!(between("abc", ""), 3);
        assert_eq!(between("ab", "ba"), 1);
        assert_eq!(between("kitten", "sitting"), 3);
    }
}
