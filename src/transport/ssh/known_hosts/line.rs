//! One line of a `known_hosts` file: from bytes to a marker, names and a key, or a reason why not.
//!
//! The grammar is that of `sshd(8)`, section "`SSH_KNOWN_HOSTS` FILE FORMAT", and what OpenSSH's
//! reader accepts beyond it: leading blanks, tabs, several blanks, a carriage return at the end,
//! names of signature algorithms for the type of an RSA key, a certificate in the place of a key.

use base64ct::{Base64, Encoding as _};
use russh::keys::ssh_key::{Certificate, PublicKey};

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
    /// The line holds a certificate, and `key` is the key in it. As OpenSSH reads it, such a line
    /// revokes the key or names an authority, but is no host's plain key.
    pub(super) certificate: bool,
}

/// Key types that OpenSSH reads, as a line writes them and as the encoded key does. The key of a
/// type that russh cannot use is still a key that the host has: it makes another one a changed
/// key. Source: `peek_type_nid` of OpenSSH 9.2, which takes names of signature algorithms too.
const KEY_TYPES: &[(&str, &str)] = &[
    ("ssh-ed25519", "ssh-ed25519"),
    ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256"),
    ("ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384"),
    ("ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521"),
    ("ssh-rsa", "ssh-rsa"),
    ("rsa-sha2-256", "ssh-rsa"),
    ("rsa-sha2-512", "ssh-rsa"),
    ("ssh-dss", "ssh-dss"),
    ("sk-ssh-ed25519@openssh.com", "sk-ssh-ed25519@openssh.com"),
    ("sk-ecdsa-sha2-nistp256@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"),
    ("webauthn-sk-ecdsa-sha2-nistp256@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"),
];

/// The same for certificates.
const CERTIFICATE_TYPES: &[(&str, &str)] = &[
    ("ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519-cert-v01@openssh.com"),
    ("ecdsa-sha2-nistp256-cert-v01@openssh.com", "ecdsa-sha2-nistp256-cert-v01@openssh.com"),
    ("ecdsa-sha2-nistp384-cert-v01@openssh.com", "ecdsa-sha2-nistp384-cert-v01@openssh.com"),
    ("ecdsa-sha2-nistp521-cert-v01@openssh.com", "ecdsa-sha2-nistp521-cert-v01@openssh.com"),
    ("ssh-rsa-cert-v01@openssh.com", "ssh-rsa-cert-v01@openssh.com"),
    ("rsa-sha2-256-cert-v01@openssh.com", "ssh-rsa-cert-v01@openssh.com"),
    ("rsa-sha2-512-cert-v01@openssh.com", "ssh-rsa-cert-v01@openssh.com"),
    ("sk-ssh-ed25519-cert-v01@openssh.com", "sk-ssh-ed25519-cert-v01@openssh.com"),
    ("sk-ecdsa-sha2-nistp256-cert-v01@openssh.com", "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com"),
];

/// Shortest RSA key that OpenSSH reads. Unit: bits. Source: `SSH_RSA_MINIMUM_MODULUS_SIZE`.
pub(super) const RSA_BITS_MIN: usize = 1024;

/// Reads one line without its newline. `Ok(None)` is a blank line or a comment.
///
/// # Errors
/// The reason, a fragment, when the line is neither.
pub(super) fn parse(line: &[u8]) -> Result<Option<Line>, String> {
    // OpenSSH's lines are C strings.
    let line = line.split(|&byte| byte == 0).next().unwrap_or(line);
    let line = skip_blanks(line);
    // A line that ends in a carriage return alone is blank to people; OpenSSH takes it for a
    // name without a key, which comes to the same.
    if line.is_empty() || line.starts_with(b"#") || line == b"\r" {
        return Ok(None);
    }
    let (marker, rest) = marker(line)?;
    let (names, rest) = word(rest);
    let (kind, rest) = word(rest);
    let (encoded, _comment) = word(rest);
    if encoded.is_empty() || kind.starts_with(b"#") {
        return Err("has no key: expected `names type base64`".to_owned());
    }
    let (key, certificate) = key(kind, encoded)?;
    Ok(Some(Line { marker, names: read_names(names)?, key, certificate }))
}

/// Reads a line of a public key file: a key, and a comment. `Ok(None)` is a blank line or a comment.
///
/// # Errors
/// The reason, a fragment, when the line is neither.
pub(super) fn parse_key(line: &[u8]) -> Result<Option<Box<[u8]>>, String> {
    let line = skip_blanks(line);
    if line.trim_ascii().is_empty() || line.starts_with(b"#") {
        return Ok(None);
    }
    let (kind, rest) = word(line);
    let (encoded, _comment) = word(rest);
    if encoded.is_empty() {
        return Err("has no key: expected `type base64`".to_owned());
    }
    key(kind, encoded).map(|(key, _)| Some(key))
}

/// The marker and what follows it. OpenSSH ends a marker at the first blank of the line, and at a
/// TAB only in a line without any blank: other lines with a TAB there it drops in silence. A
/// revocation is not dropped here; an authority is, for OpenSSH would not trust it.
fn marker(line: &[u8]) -> Result<(Marker, &[u8]), String> {
    if !line.starts_with(b"@") {
        return Ok((Marker::Key, line));
    }
    let (name, rest) = word(line);
    let tab = line.get(name.len()) == Some(&b'\t') && line.contains(&b' ');
    if skip_blanks(rest).starts_with(b"@") {
        return Err("has more than one marker".to_owned());
    }
    match name {
        b"@revoked" => Ok((Marker::Revoked, rest)),
        b"@cert-authority" if tab => Err("has a TAB after `@cert-authority`, which OpenSSH does \
             not read: put a blank there"
            .to_owned()),
        b"@cert-authority" => Ok((Marker::CertAuthority, rest)),
        _ => {
            let name = crate::model::text::escape(name);
            Err(format!("has the unknown marker `{name}`: expected @revoked or @cert-authority"))
        }
    }
}

/// The text without the blanks and tabs at its start.
fn skip_blanks(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|byte| !matches!(byte, b' ' | b'\t'));
    start.and_then(|start| text.get(start..)).unwrap_or_default()
}

/// The next word and what follows it, without the blanks between.
fn word(text: &[u8]) -> (&[u8], &[u8]) {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let end = text.iter().position(blank).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    (word, skip_blanks(rest))
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

/// The key of a line, and whether it came in a certificate.
fn key(kind: &[u8], encoded: &[u8]) -> Result<(Box<[u8]>, bool), String> {
    let shown = || crate::model::text::escape(kind.get(..64).unwrap_or(kind));
    let find = |types: &[(&str, &'static str)]| {
        types.iter().find(|(written, _)| written.as_bytes() == kind).map(|(_, inner)| *inner)
    };
    let (inner, certificate) = match (find(KEY_TYPES), find(CERTIFICATE_TYPES)) {
        (Some(inner), _) => (inner, false),
        (None, Some(inner)) => (inner, true),
        (None, None) => return Err(format!("has the unknown key type `{}`", shown())),
    };
    // OpenSSH's decoder skips white space, such as the carriage return at the end of a line.
    let encoded: Vec<u8> =
        encoded.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\x0b' | b'\x0c')).collect();
    let bytes = std::str::from_utf8(&encoded)
        .ok()
        .and_then(|text| Base64::decode_vec(text).ok())
        .ok_or_else(|| "has a key that is not base64".to_owned())?;
    if key_type(&bytes) != Some(inner.as_bytes()) {
        return Err(format!("says `{}`, but its key is of another type", shown()));
    }
    let damaged = || "has a key that is cut or damaged".to_owned();
    if certificate {
        return Ok((certified(&bytes).ok_or_else(damaged)?, true));
    }
    // ssh-dss is read by nobody here; all others must be whole.
    if inner != "ssh-dss" && PublicKey::from_bytes(&bytes).is_err() {
        return Err(damaged());
    }
    if rsa_bits(&bytes).is_some_and(|bits| bits < RSA_BITS_MIN) {
        return Err(format!("has an RSA key of fewer than {RSA_BITS_MIN} bits"));
    }
    Ok((bytes.into(), false))
}

/// The key inside a certificate whose own signature is right.
fn certified(bytes: &[u8]) -> Option<Box<[u8]>> {
    let certificate = certificate(bytes)?;
    certificate.verify_signature().ok()?;
    let key = PublicKey::new(certificate.public_key().clone(), "").to_bytes().ok()?;
    Some(key.into())
}

/// Reads a certificate. An authority cannot be a certificate itself, so none nests in another.
fn certificate(bytes: &[u8]) -> Option<Certificate> {
    let mark = b"-cert-v01@";
    let marks = bytes.windows(mark.len()).filter(|window| window == mark).count();
    (marks == 1).then(|| Certificate::from_bytes(bytes).ok()).flatten()
}

/// The type named inside an encoded key, e.g. `ssh-ed25519`. `None`: not an encoded key.
pub(super) fn key_type(key: &[u8]) -> Option<&[u8]> {
    string(key).map(|(kind, _)| kind)
}

/// Bits of the modulus of an encoded RSA key. `None`: it is of another type.
pub(super) fn rsa_bits(key: &[u8]) -> Option<usize> {
    let (kind, rest) = string(key)?;
    if kind != b"ssh-rsa" {
        return None;
    }
    let (_exponent, rest) = string(rest)?;
    let (modulus, _) = string(rest)?;
    let zeros = modulus.iter().take_while(|&&byte| byte == 0).count();
    let first = modulus.get(zeros)?;
    let bits = (modulus.len() - zeros) * 8;
    Some(bits - usize::try_from(first.leading_zeros()).ok()?)
}

/// A string of RFC 4251, section 5, and what follows it.
pub(super) fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
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
