//! Host patterns: `web[01:50].example.org:2222`. Not fleetstat's own node sets: other brackets,
//! letters, steps, and a port.
//!
//! Source: Ansible's user guide, "Adding ranges of hosts", and `ansible.parsing.utils.addresses`.

use std::net::Ipv6Addr;

use crate::inventory::pattern::NAMES_MAX;

/// Ansible's letters, in the order in which a range runs through them.
const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// The names a pattern stands for, and the port at its end.
pub(super) fn expand(pattern: &str) -> Result<(Vec<String>, Option<u32>), String> {
    // Most patterns are one plain name.
    if !pattern.contains([':', '[']) {
        return Ok((vec![pattern.to_owned()], None));
    }
    let (name, port) = with_port(pattern).unwrap_or((pattern, None));
    if !name.contains('[') {
        return Ok((vec![name.to_owned()], port));
    }
    let mut names = Vec::new();
    ranges("", name, &mut names)?;
    Ok((names, port))
}

/// Name and port. `None`: not a name, an address or a range of them, so that it is taken whole.
fn with_port(pattern: &str) -> Option<(&str, Option<u32>)> {
    let mut name = pattern;
    let mut port = None;
    let bracketed = name.strip_prefix('[').and_then(|rest| rest.rsplit_once("]:"));
    if let Some((inner, digits)) = bracketed
        && is_number(digits)
        && !inner.is_empty()
    {
        (name, port) = (inner, Some(digits.parse().ok()?));
    }
    if let Some((host, digits)) = name.rsplit_once(':')
        && is_number(digits)
        && !outside_brackets(host)?.contains(':')
    {
        (name, port) = (host, Some(digits.parse().ok()?));
    }
    let plain = outside_brackets(name)?;
    let address = without_ranges(name).is_some_and(|name| name.parse::<Ipv6Addr>().is_ok());
    (address || is_host_name(&plain) && ranges_are_plain(name)).then_some((name, port))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The text with `0` for each bracket. `None`: brackets are not in pairs.
fn outside_brackets(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((head, tail)) = rest.split_once('[') {
        if head.contains(']') {
            return None;
        }
        plain.push_str(head);
        plain.push('0');
        rest = tail.split_once(']')?.1;
    }
    if rest.contains(']') {
        return None;
    }
    plain.push_str(rest);
    Some(plain)
}

fn without_ranges(text: &str) -> Option<String> {
    if text.contains(':') { outside_brackets(text) } else { None }
}

/// `[a:f]`, `[01:50]`, each with an optional step: the forms Ansible knows beside a port.
fn ranges_are_plain(name: &str) -> bool {
    name.split('[').skip(1).all(|part| {
        let range = part.split(']').next().unwrap_or_default();
        let mut ends = range.split(':');
        let (Some(first), Some(last)) = (ends.next(), ends.next()) else { return false };
        let letter = |text: &str| text.len() == 1 && text.bytes().all(|b| b.is_ascii_alphabetic());
        let step = ends.next().is_none_or(is_number) && ends.next().is_none();
        step && (is_number(first) && is_number(last) || letter(first) && letter(last))
    })
}

/// Labels of letters, digits, `_` and `-` that end in neither `_` nor `-`, with dots between.
fn is_host_name(name: &str) -> bool {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    name.split('.').all(|label| {
        label.starts_with(word)
            && label.chars().all(|c| word(c) || c == '-')
            && !label.ends_with(['_', '-'])
    })
}

/// Writes out the first range, and those behind it for each of its values.
fn ranges(before: &str, rest: &str, names: &mut Vec<String>) -> Result<(), String> {
    let Some((head, tail)) = rest.split_once('[') else {
        if names.len() >= NAMES_MAX {
            return Err(format!("the range stands for more than {NAMES_MAX} names"));
        }
        names.push(format!("{before}{rest}"));
        return Ok(());
    };
    let (range, tail) = tail.split_once(']').ok_or("the bracket `[` is not closed")?;
    let mut bounds = range.split(':');
    let (first, last) = (bounds.next().unwrap_or_default(), bounds.next());
    let step = bounds.next().unwrap_or("1");
    let (Some(last), None) = (last, bounds.next()) else {
        return Err("a range is `[first:last]` or `[first:last:step]`".to_owned());
    };
    if last.is_empty() {
        return Err("the range has no end".to_owned());
    }
    let step: usize =
        step.parse().ok().filter(|step| *step > 0).ok_or("the step of a range is from 1 up")?;
    let first = if first.is_empty() { "0" } else { first };
    for value in values(first, last, step)? {
        ranges(&format!("{before}{head}{value}"), tail, names)?;
    }
    Ok(())
}

fn values(first: &str, last: &str, step: usize) -> Result<Vec<String>, String> {
    let padded = first.len() > 1 && first.starts_with('0');
    if padded && first.len() != last.len() {
        return Err("the ends of a padded range have the same number of digits".to_owned());
    }
    if let (Some(low), Some(high)) = (LETTERS.find(first), LETTERS.find(last)) {
        if low > high {
            return Err("the range runs backwards".to_owned());
        }
        let letters = LETTERS.get(low..=high).unwrap_or_default();
        return Ok(letters.chars().step_by(step).map(String::from).collect());
    }
    let number = |text: &str| text.parse::<u64>().ok().filter(|_| is_number(text));
    let (Some(low), Some(high)) = (number(first), number(last)) else {
        return Err("the ends of a range are two numbers or two letters".to_owned());
    };
    let width = if padded { first.len() } else { 0 };
    // One more than is allowed, so that the caller sees that there are too many.
    let all = (low..=high).step_by(step).take(NAMES_MAX + 1);
    Ok(all.map(|number| format!("{number:0width$}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_expand_as_ansible_expands_them() {
        let cases: &[(&str, &[&str], Option<u32>)] = &[
            ("web", &["web"], None),
            ("web:2222", &["web"], Some(2222)),
            (
                "www[01:03].example.org",
                &["www01.example.org", "www02.example.org", "www03.example.org"],
                None,
            ),
            ("db-[a:c]", &["db-a", "db-b", "db-c"], None),
            ("n[0:4:2]:22", &["n0", "n2", "n4"], Some(22)),
            ("n[:1]", &["n0", "n1"], None),
            ("r[1:2]n[a:b]", &["r1na", "r1nb", "r2na", "r2nb"], None),
            ("2001:db8::5", &["2001:db8::5"], None),
            ("[2001:db8::5]:22", &["2001:db8::5"], Some(22)),
            ("10.0.0.[1:2]", &["10.0.0.1", "10.0.0.2"], None),
            ("n[5:1]", &[], None),
            ("fe80::1%eth0", &["fe80::1%eth0"], None),
            ("odd_:22", &["odd_:22"], None),
        ];
        for (pattern, names, port) in cases {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(expand(pattern), Ok((names, *port)), "{pattern}");
        }
        for bad in
            ["n[1:", "n[1]", "n[1:2:3:4]", "n[1:]", "n[1:3:0]", "n[01:100]", "n[c:a]", "n[x1:y2]"]
        {
            assert!(expand(bad).is_err(), "{bad}");
        }
        assert!(expand("n[1:99999999]").unwrap_err().contains("more than"));
    }
}
