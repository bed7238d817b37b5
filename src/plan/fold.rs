//! Hosts that are alike but for a number, as one line: `web-[01-40]` at `10.0.1.[1-40]`.

use std::cmp::Ordering;

/// Fewest hosts that are written as a range: two are as short side by side.
const RANGE_MIN: usize = 3;

/// A host as a plan shows it.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub(super) name: String,
    pub(super) address: String,
    /// The line without them: what stands between its addresses, which alike hosts have the same.
    pub(super) rest: Vec<String>,
}

/// Text in parts: digits, and what stands between them.
fn parts(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let digits = first.is_ascii_digit();
        let end = rest.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        parts.push(part);
        rest = after;
    }
    parts
}

/// Names in the order of their numbers: `web-2` before `web-10`.
pub(super) fn natural(one: &str, other: &str) -> Ordering {
    let key = |text: &str| -> Vec<(Option<u64>, String)> {
        parts(text).into_iter().map(|part| (part.parse().ok(), part.to_owned())).collect()
    };
    key(one).cmp(&key(other))
}

/// How a text follows another.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// It is the same.
    Same,
    /// The part of this number is the next number, and nothing else differs.
    Next(usize),
}

/// How a text follows another. `None`: not by one number.
fn step(one: &str, next: &str) -> Option<Step> {
    if one == next {
        return Some(Step::Same);
    }
    let (before, after) = (parts(one), parts(next));
    if before.len() != after.len() {
        return None;
    }
    let mut differ = before.iter().zip(&after).enumerate().filter(|(_, (a, b))| a != b);
    let (at, (a, b)) = differ.next()?;
    let follows = a.parse::<u64>().ok()?.checked_add(1)? == b.parse::<u64>().ok()?;
    // `09` and `10` are padded alike, `9` and `10` not at all.
    let alike = a.len() == b.len() || !(a.starts_with('0') || b.starts_with('0'));
    (differ.next().is_none() && follows && alike).then_some(Step::Next(at))
}

/// A text with the range of the part that counts up.
fn range(first: &str, last: &str, step: Step) -> String {
    let Step::Next(at) = step else { return first.to_owned() };
    let last = parts(last).get(at).copied().unwrap_or_default().to_owned();
    let mut text = String::new();
    for (number, part) in parts(first).into_iter().enumerate() {
        if number == at {
            text.extend(["[", part, "-", &last, "]"]);
        } else {
            text.push_str(part);
        }
    }
    text
}

/// The lines of hosts, ranges where they are alike.
pub(super) fn lines(hosts: &[Shown]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = hosts;
    while let Some(first) = rest.first() {
        let mut steps = None;
        let mut length = 1;
        for pair in rest.windows(2) {
            let [one, next] = pair else { break };
            let both = step(&one.name, &next.name).zip(step(&one.address, &next.address));
            let same = both.is_some_and(|both| steps.is_none_or(|steps| steps == both));
            if !same || one.rest != next.rest {
                break;
            }
            steps = both;
            length += 1;
        }
        let (run, others) = rest.split_at(length);
        match (run.last(), steps) {
            (Some(last), Some((name, address))) if length >= RANGE_MIN => {
                let name = range(&first.name, &last.name, name);
                let address = range(&first.address, &last.address, address);
                let line = first.rest.join(&address);
                lines.push(format!("{name}: {line} ({length} hosts)"));
            }
            _ => lines.extend(
                run.iter().map(|one| format!("{}: {}", one.name, one.rest.join(&one.address))),
            ),
        }
        rest = others;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(name: &str, address: &str) -> Shown {
        let rest = vec!["ssh a@".to_owned(), ":22".to_owned()];
        Shown { name: name.to_owned(), address: address.to_owned(), rest }
    }

    #[test]
    fn hosts_that_differ_in_one_number_are_one_line() {
        let hosts = [
            shown("web-08", "10.0.1.8"),
            shown("web-09", "10.0.1.9"),
            shown("web-10", "10.0.1.10"),
            shown("web-11", "10.0.2.1"),
            shown("web-12", "10.0.2.2"),
            shown("x", "y"),
        ];
        assert_eq!(
            lines(&hosts),
            [
                "web-[08-10]: ssh a@10.0.1.[8-10]:22 (3 hosts)",
                "web-11: ssh a@10.0.2.1:22",
                "web-12: ssh a@10.0.2.2:22",
                "x: ssh a@y:22",
            ]
        );
        let named = ["h9", "h10", "h11"].map(|name| shown(name, name));
        assert_eq!(lines(&named), ["h[9-11]: ssh a@h[9-11]:22 (3 hosts)"]);
        let gaps = ["h1", "h3", "h5"].map(|name| shown(name, name));
        assert_eq!(lines(&gaps).len(), 3);
        let padded = ["h9", "h010", "h011"].map(|name| shown(name, "a"));
        assert_eq!(lines(&padded).len(), 3);
    }

    #[test]
    fn numbers_are_sorted_as_numbers() {
        let mut names = ["w10", "w9", "w1-2", "v", "w1"];
        names.sort_by(|one, other| natural(one, other));
        assert_eq!(names, ["v", "w1", "w1-2", "w9", "w10"]);
    }
}
