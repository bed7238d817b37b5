//! Profile, limits and deadlines of a playbook as text, each with the line that sets it.

use std::time::Duration;

use crate::model::deadline::Deadlines;
use crate::model::edge::EdgeLimit;
use crate::plan::playbook::{Limits, Playbook};
use crate::yaml::defect::{Defect, Defects};
use crate::yaml::node::Node;
use crate::yaml::quantity::duration_text;
use crate::yaml::reader::{Limits as FileLimits, read};

/// One limit in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// `profile`, `limits.width`, `deadlines.command`.
    pub key: String,
    /// The value, in the words of a playbook.
    pub value: String,
    /// Line of the playbook, from 1. `None`: the default.
    pub line: Option<u32>,
}

/// The profile, the limits and the deadlines in force for a playbook, in the order of the reference.
///
/// # Errors
/// All faults of the file.
pub fn limits(file: &str, text: &str) -> Result<Vec<Limit>, Vec<Defect>> {
    let playbook = Playbook::read(file, text)?;
    let mut defects = Defects::new(file);
    let tree = read(text.as_bytes(), FileLimits::SMALL, &mut defects);
    let line = |section: &str, key: &str| {
        let start = tree.as_ref()?;
        let section = section.split('.').try_fold(start, |node: &Node, word| node.get(word));
        section?.get(key).map(|node: &Node| node.place.line)
    };
    let profile = tree.as_ref().and_then(|tree| tree.get("profile"));
    let mut all = vec![Limit {
        key: "profile".to_owned(),
        value: playbook.profile.to_string(),
        line: profile.map(|node| node.place.line),
    }];
    let mut add = |section: &str, key: &str, value: String| {
        all.push(Limit { key: format!("{section}.{key}"), value, line: line(section, key) });
    };
    let Limits { width, starts_per_second, output_bytes, each } = playbook.limits;
    add("limits", "width", width.to_string());
    add("limits", "starts_per_second", starts_per_second.to_string());
    add("limits", "output_bytes", size_text(output_bytes));
    for (kind, limit) in each {
        add("limits.each", kind.as_str(), edge_text(limit));
    }
    for (key, duration) in named(&playbook.deadlines) {
        add("deadlines", key, duration_text(duration));
    }
    Ok(all)
}

const fn named(deadlines: &Deadlines) -> [(&'static str, Duration); 9] {
    [
        ("connect", deadlines.connect),
        ("banner", deadlines.banner),
        ("key_exchange", deadlines.key_exchange),
        ("authenticate", deadlines.authenticate),
        ("channel", deadlines.channel),
        ("first_byte", deadlines.first_byte),
        ("idle", deadlines.idle),
        ("command", deadlines.command),
        ("host", deadlines.host),
    ]
}

/// `32 at once, 10 starts per second`.
fn edge_text(limit: EdgeLimit) -> String {
    let width = limit.width.map(|width| format!("{width} at once"));
    let rate = limit.starts_per_second.map(|rate| format!("{rate} starts per second"));
    width.into_iter().chain(rate).collect::<Vec<_>>().join(", ")
}

/// A size in the largest unit that divides it.
fn size_text(bytes: u64) -> String {
    let units = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    let fits = units.iter().find(|(_, unit)| bytes >= *unit && bytes.is_multiple_of(*unit));
    fits.map_or_else(|| format!("{bytes}B"), |(name, unit)| format!("{}{name}", bytes / unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_has_its_line_or_none() {
        let text = "name: x\npurpose: routine\nviews: [host]\nlimits:\n  width: 8\n  output_bytes: 64KiB\ndeadlines: {host: 4m}\n";
        let found = limits("x.yaml", text).unwrap();
        let of = |key: &str| found.iter().find(|limit| limit.key == key).cloned().unwrap();
        let expected = |key: &str, value: &str, line| Limit {
            key: key.to_owned(),
            value: value.to_owned(),
            line,
        };
        assert_eq!(found.len(), 14);
        let jump = expected("limits.each.jump", "32 at once", None);
        assert_eq!(of("limits.each.jump"), jump);
        assert_eq!(of("profile"), expected("profile", "default", None));
        assert_eq!(of("limits.width"), expected("limits.width", "8", Some(5)));
        assert_eq!(of("limits.output_bytes"), expected("limits.output_bytes", "64KiB", Some(6)));
        assert_eq!(of("deadlines.host"), expected("deadlines.host", "4m", Some(7)));
        assert_eq!(of("deadlines.idle"), expected("deadlines.idle", "30s", None));
    }

    #[test]
    fn a_faulty_playbook_has_no_limits() {
        assert!(limits("x.yaml", "name: x\n").is_err());
    }
}
