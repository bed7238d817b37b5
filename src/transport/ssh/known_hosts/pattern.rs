//! Which names a line is about: OpenSSH's pattern lists and hashed names.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

/// Longest pattern that OpenSSH compares; a list with a longer one matches nothing. Unit: bytes.
/// Source: `match_pattern_list`, whose buffer holds 1,024.
const PATTERN_BYTES_MAX: usize = 1022;

/// True when `name` (lower case) is in the comma-separated list: some pattern matches it, and no
/// negated pattern does. Patterns are matched without regard to case.
/// Source: `match_pattern_list` of OpenSSH; `ssh_config(5)`, "PATTERNS".
pub(super) fn list_matches(list: &[u8], name: &[u8]) -> bool {
    let mut found = false;
    for pattern in list.split(|&byte| byte == b',') {
        let bare = pattern.strip_prefix(b"!").unwrap_or(pattern);
        if bare.len() > PATTERN_BYTES_MAX {
            return false;
        }
        match pattern.strip_prefix(b"!") {
            Some(negated) if glob(negated, name) => return false,
            Some(_) => {}
            None => found |= glob(pattern, name),
        }
    }
    found
}

/// True when the list holds none of `*`, `?` and `!`, and nothing too long: equality decides.
pub(super) fn is_plain(list: &[u8]) -> bool {
    let is_short = list.len() <= PATTERN_BYTES_MAX;
    is_short && !list.iter().any(|byte| matches!(byte, b'*' | b'?' | b'!'))
}

/// `*` is any run of bytes, `?` is one byte. Linear in `pattern * name` at worst: on a mismatch
/// only the last `*` takes one byte more.
fn glob(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut seen) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(&byte) = name.get(seen) {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(&wanted) if wanted == b'?' || wanted.to_ascii_lowercase() == byte => {
                at += 1;
                seen += 1;
            }
            _ => match star {
                Some((star_at, taken)) => {
                    star = Some((star_at, taken + 1));
                    at = star_at + 1;
                    seen = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(at..).is_some_and(|rest| rest.iter().all(|&byte| byte == b'*'))
}

/// True when `|1|salt|hash` is the hash of `name` (lower case).
pub(super) fn hash_matches(salt: &[u8; 20], hash: &[u8; 20], name: &[u8]) -> bool {
    // A key of any length is allowed for HMAC, so this cannot fail.
    Hmac::<Sha1>::new_from_slice(salt).is_ok_and(|mut mac| {
        mac.update(name);
        mac.verify_slice(hash).is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_match_as_openssh_says() {
        for (list, name, expected) in [
            ("web-1", "web-1", true),
            ("WEB-1", "web-1", true),
            ("web-1", "web-10", false),
            ("a,web-1,b", "web-1", true),
            ("*.test", "node1.test", true),
            ("*.test", "test", false),
            ("node?.test", "node1.test", true),
            ("node?.test", "node.test", false),
            ("*.test,!node1.test", "node1.test", false),
            ("!node1.test,*.test,node1.test", "node1.test", false),
            ("!node1.test,*.test", "node2.test", true),
            ("!node1.test", "node2.test", false),
            ("[web]:22*", "[web]:2222", true),
            ("**a**b**", "xxaxxbxx", true),
            ("*", "", true),
            ("", "web", false),
            ("a*b*c", "abbbbbc", true),
            ("a*b*c", "abbbbbd", false),
        ] {
            assert_eq!(list_matches(list.as_bytes(), name.as_bytes()), expected, "{list} {name}");
        }
    }

    #[test]
    fn a_hostile_pattern_takes_no_exponential_time() {
        let pattern = b"*a".repeat(500);
        let name = vec![b'a'; 499];
        assert!(!list_matches(&pattern, &name));
    }
}
