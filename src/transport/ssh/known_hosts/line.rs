//! One line of a `known_hosts` file: from bytes to a marker, names and a key, or a reason why not.
//!
//! The grammar is that of `sshd(8)`, section "`SSH_KNOWN_HOSTS` FILE FORMAT", and what OpenSSH's
//! reader accepts beyond it: leading blanks, tabs, several blanks, a carriage return at the end.

use base64ct::{Base64, Encoding as _};
use russh::keys::ssh_key::PublicKey;

/// What a line says of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marker {
    /// The key of the hosts named.
    Key,
    /// A key that the hosts named must never be believed with.
    Revoked,
    /// The key of an authority that signs host certificates.
    CertAuthority,
}

/// The hosts of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// Comma-separated patterns, as they stand.
    Patterns(Box<[u8]>),
    /// One name, hashed: `|1|salt|hash`.
    Hashed {
        /// Key of the HMAC-SHA1.
        salt: [u8; 20],
        /// HMAC-SHA1 of the lower-case name.
        hash: [u8; 20],
    },
}

/// A line that names a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) marker: Marker,
    pub(super) names: Names,
    /// The key in the encoding of RFC 4253, section 6.6: what is compared.
    pub(super) key: Box<[u8]>,
}

/// Key types that OpenSSH reads. The key of a type that russh cannot use is still a key that the
/// host has: it makes another one a changed key.
const KEY_TYPES: &[&str] = &[
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
    "ssh-dss",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

/// Reads one line without its newline. `Ok(None)` is a blank line or a comment.
///
/// # Errors
/// The reason, a fragment, when the line is neither.
pub(super) fn parse(line: &[u8]) -> Result<Option<Line>, String> {
    let line = line.strip_suffix(b"\r").unwrap_or(line).trim_ascii();
    if line.is_empty() || line.starts_with(b"#") {
        return Ok(None);
    }
    let (marker, rest) = marker(line)?;
    let (names, rest) = word(rest);
    let (kind, rest) = word(rest);
    let (encoded, _comment) = word(rest);
    if names.starts_with(b"@") {
        return Err("has more than one marker".to_owned());
    }
    if encoded.is_empty() || kind.starts_with(b"#") {
        return Err("has no key: expected `names type base64`".to_owned());
    }
    let key = key(kind, encoded)?;
    Ok(Some(Line { marker, names: read_names(names)?, key }))
}

fn marker(line: &[u8]) -> Result<(Marker, &[u8]), String> {
    if !line.starts_with(b"@") {
        return Ok((Marker::Key, line));
    }
    let (name, rest) = word(line);
    match name {
        b"@revoked" => Ok((Marker::Revoked, rest)),
        b"@cert-authority" => Ok((Marker::CertAuthority, rest)),
        _ => {
            let name = crate::model::text::escape(name);
            Err(format!("has the unknown marker `{name}`: expected @revoked or @cert-authority"))
        }
    }
}

/// The next word and what follows it, without the blanks between.
fn word(text: &[u8]) -> (&[u8], &[u8]) {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let end = text.iter().position(blank).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    (word, rest.trim_ascii_start())
}

fn read_names(names: &[u8]) -> Result<Names, String> {
    let Some(hashed) = names.strip_prefix(b"|") else {
        return Ok(Names::Patterns(names.into()));
    };
    let fault = || "has a hashed name that is not `|1|salt|hash`".to_owned();
    let hashed = hashed.strip_prefix(b"1|").ok_or_else(fault)?;
    let bar = hashed.iter().position(|&byte| byte == b'|').ok_or_else(fault)?;
    let (salt, hash) = hashed.split_at(bar);
    let twenty = |text: &[u8]| {
        let text = std::str::from_utf8(text).ok()?;
        <[u8; 20]>::try_from(Base64::decode_vec(text).ok()?).ok()
    };
    let salt = twenty(salt).ok_or_else(fault)?;
    let hash = twenty(hash.get(1..).unwrap_or_default()).ok_or_else(fault)?;
    Ok(Names::Hashed { salt, hash })
}

fn key(kind: &[u8], encoded: &[u8]) -> Result<Box<[u8]>, String> {
    let shown = || crate::model::text::escape(kind.get(..64).unwrap_or(kind));
    let kind_text = std::str::from_utf8(kind).unwrap_or_default();
    if kind_text.contains("-cert-") {
        return Err(format!("holds a certificate (`{}`), not a key", shown()));
    }
    if !KEY_TYPES.contains(&kind_text) {
        return Err(format!("has the unknown key type `{}`", shown()));
    }
    let bytes = std::str::from_utf8(encoded)
        .ok()
        .and_then(|text| Base64::decode_vec(text).ok())
        .ok_or_else(|| "has a key that is not base64".to_owned())?;
    if key_type(&bytes) != Some(kind) {
        return Err(format!("says `{}`, but its key is of another type", shown()));
    }
    // ssh-dss is read by nobody here; all others must be whole.
    if kind_text != "ssh-dss" && PublicKey::from_bytes(&bytes).is_err() {
        return Err("has a key that is cut or damaged".to_owned());
    }
    Ok(bytes.into())
}

/// The type named inside an encoded key, e.g. `ssh-ed25519`. `None`: not an encoded key.
pub(super) fn key_type(key: &[u8]) -> Option<&[u8]> {
    let (length, rest) = key.split_first_chunk::<4>()?;
    rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";

    #[test]
    fn blanks_tabs_comments_and_carriage_returns_are_read_as_openssh_reads_them() {
        let plain = parse(format!("web ssh-ed25519 {KEY}").as_bytes()).unwrap().unwrap();
        for line in [
            format!("web\tssh-ed25519\t{KEY}\tcomment here"),
            format!("  \t web   ssh-ed25519   {KEY}  "),
            format!("web ssh-ed25519 {KEY}\r"),
            format!("web ssh-ed25519 {KEY} comment\r"),
        ] {
            assert_eq!(parse(line.as_bytes()).unwrap().unwrap(), plain, "{line:?}");
        }
        for blank in ["", "   \t", "# comment", "  # comment", "\r"] {
            assert_eq!(parse(blank.as_bytes()), Ok(None), "{blank:?}");
        }
    }

    #[test]
    fn each_fault_has_its_reason() {
        let cut = KEY.get(..40).unwrap();
        for (line, reason) in [
            (format!("@revokd web ssh-ed25519 {KEY}"), "unknown marker `@revokd`"),
            (format!("@revoked @revoked web ssh-ed25519 {KEY}"), "more than one marker"),
            ("web".to_owned(), "no key"),
            ("web ssh-ed25519".to_owned(), "no key"),
            ("web # ssh-ed25519".to_owned(), "no key"),
            (format!("web ssh-rsa {KEY}"), "another type"),
            (format!("web ssh-foo {KEY}"), "unknown key type `ssh-foo`"),
            (format!("web ssh-ed25519 {KEY}!"), "not base64"),
            (format!("web ssh-ed25519 {cut}"), "cut or damaged"),
            (format!("|1|abc ssh-ed25519 {KEY}"), "hashed name"),
            (format!("|2|abc|def ssh-ed25519 {KEY}"), "hashed name"),
            ("web 1024 35 1234567".to_owned(), "unknown key type `1024`"),
        ] {
            let error = parse(line.as_bytes()).unwrap_err();
            assert!(error.contains(reason), "{line}: {error}");
        }
    }
}
