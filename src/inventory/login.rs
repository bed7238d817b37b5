//! How a Windows host is logged in to, and whom TLS trusts there.
//!
//! In: the words of an inventory. Out: checked values. Nothing is opened here.

use std::path::PathBuf;

use base64ct::{Base64Unpadded, Encoding as _};

use crate::model::host::words;

/// The port of a KDC. Source: RFC 4120, section 7.2.3.
const KDC_PORT: u16 = 88;

words! {
    /// The way an account logs in over WinRM. There is one for a host, and never another in its
    /// place.
    Mechanism {
        /// `NTLMv2`: sealed over HTTP, bound to the certificate over HTTPS.
        Ntlm = "ntlm",
        /// Kerberos 5 with AES: sealed over HTTP, bound to the certificate over HTTPS.
        Kerberos = "kerberos",
        /// The password itself, over verified HTTPS only.
        Basic = "basic",
        /// A client certificate, over verified HTTPS only.
        Certificate = "certificate",
    }
}

/// What differs from the defaults over WinRM.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Login {
    /// `None`: NTLM.
    pub mechanism: Option<Mechanism>,
    /// Service principal of Kerberos. `None`: `HTTP/` and the host's name.
    pub spn: Option<String>,
    /// PEM file of the authorities that are trusted instead of the platform's.
    pub tls_ca: Option<PathBuf>,
    /// The only certificate that is taken.
    pub tls_pin: Option<Pin>,
    /// Where the account's realm gives tickets, in the order in which they are tried. Empty unless
    /// Kerberos logs in.
    pub kdcs: Vec<Kdc>,
}

/// SHA-256 of a certificate in DER.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pin(pub [u8; 32]);

impl Pin {
    /// Reads what `openssl x509 -noout -fingerprint -sha256` prints, or `SHA256:` and 43 characters of base64 (44 with its padding), or 64 hexadecimal digits,
    /// with or without colons. `None`: any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // `openssl x509 -fingerprint` prints `sha256 Fingerprint=AA:BB:...`.
        let of_openssl = |(name, digest)| (name == "sha256 fingerprint").then_some(digest);
        let lower = text.to_ascii_lowercase();
        let named =
            |(name, digest): (&str, _)| name.eq_ignore_ascii_case("sha256").then_some(digest);
        let digest = lower.split_once('=').and_then(of_openssl);
        let digest = digest.or_else(|| text.split_once(':').and_then(named))?;
        let mut bytes = [0; 32];
        let digits: String = digest.chars().filter(|c| *c != ':').collect();
        if digits.len() == 64 {
            for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks(2)) {
                let pair = std::str::from_utf8(pair).ok()?;
                if !pair.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                    return None;
                }
                *byte = u8::from_str_radix(pair, 16).ok()?;
            }
            return Some(Self(bytes));
        }
        let read = Base64Unpadded::decode(digest.trim_end_matches('='), &mut bytes).ok()?;
        (read.len() == 32).then_some(Self(bytes))
    }
}

impl std::fmt::Display for Pin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SHA256:{}", Base64Unpadded::encode_string(&self.0))
    }
}

impl serde::Serialize for Pin {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Where a realm gives tickets.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize)]
pub struct Kdc {
    /// IP address or DNS name.
    pub address: String,
    /// TCP port.
    pub port: u16,
}

impl Kdc {
    /// Reads `dc1.corp.example`, `10.0.0.5:88`, `2001:db8::5` or `[2001:db8::5]:88`.
    ///
    /// # Errors
    /// Why the text names no KDC.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (address, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((address, "")) => (address, None),
            Some((address, rest)) => (address, Some(rest.strip_prefix(':').unwrap_or("?"))),
            None if text.matches(':').count() == 1 => {
                let (address, port) = text.split_once(':').unwrap_or((text, ""));
                (address, Some(port))
            }
            None => (text, None),
        };
        let port = match port {
            None => KDC_PORT,
            Some(port) => port
                .parse()
                .ok()
                .filter(|port| *port > 0)
                .ok_or_else(|| "has no port after the colon".to_owned())?,
        };
        super::address::check(address).map_err(|refused| refused.reason)?;
        Ok(Self { address: address.to_owned(), port })
    }

    /// The domain controllers of a realm that names none: in Active Directory, the DNS name of the
    /// domain has their addresses.
    pub(super) fn of_realm(realm: &str) -> Self {
        Self { address: realm.to_ascii_lowercase(), port: KDC_PORT }
    }
}

impl std::fmt::Display for Kdc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { address, port } = self;
        if address.contains(':') {
            write!(f, "[{address}]:{port}")
        } else {
            write!(f, "{address}:{port}")
        }
    }
}

/// Name and realm of a user that is written `REALM\user` or `user@REALM`; the realm in upper case, as
/// Kerberos compares it. `None`: there is no realm.
#[must_use]
pub fn principal(user: &str) -> Option<(&str, String)> {
    let (realm, name) = user
        .split_once('\\')
        .or_else(|| user.rsplit_once('@').map(|(name, realm)| (realm, name)))?;
    let whole = !realm.is_empty() && !name.is_empty() && !name.contains(['\\', '@']);
    whole.then(|| (name, realm.to_ascii_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_read_as_openssl_and_as_openssh_write_it() {
        let pin = Pin(*b"0123456789abcdef0123456789ABCDEF");
        let pairs: Vec<String> = pin.0.iter().map(|byte| format!("{byte:02x}")).collect();
        let hex = pairs.concat().to_ascii_uppercase();
        let base64 = pin.to_string();
        for text in [
            format!("SHA256:{hex}"),
            format!("sha256:{}", pairs.join(":")),
            format!("sha256 Fingerprint={}", pairs.join(":").to_ascii_uppercase()),
            format!("SHA256 Fingerprint={}", pairs.join(":").to_ascii_uppercase()),
            format!("{base64}="),
            base64.clone(),
        ] {
            assert_eq!(Pin::parse(&text), Some(pin), "{text}");
        }
        for text in [
            "",
            "SHA256:",
            "SHA1:00",
            &base64[7..],
            &base64[..49],
            "SHA256:+é",
            "sha256 Fingerprint=00",
        ] {
            assert_eq!(Pin::parse(text), None, "{text}");
        }
        assert_eq!(Pin::parse(&format!("SHA256:{}", "é".repeat(32))), None);
    }

    #[test]
    fn a_kdc_is_a_name_or_an_address_with_or_without_a_port() {
        let kdc = |address: &str, port| Kdc { address: address.to_owned(), port };
        for (text, expected) in [
            ("dc1.corp.example", kdc("dc1.corp.example", 88)),
            ("10.0.0.5:89", kdc("10.0.0.5", 89)),
            ("2001:db8::5", kdc("2001:db8::5", 88)),
            ("[2001:db8::5]:89", kdc("2001:db8::5", 89)),
        ] {
            assert_eq!(Kdc::parse(text), Ok(expected), "{text}");
        }
        for text in ["", "dc1:", "dc1:0", "dc1:70000", "[::", "[2001:db8::5]89", "a b", "tcp://dc1"]
        {
            assert!(Kdc::parse(text).is_err(), "{text}");
        }
        assert_eq!(kdc("2001:db8::5", 88).to_string(), "[2001:db8::5]:88");
    }

    #[test]
    fn a_principal_has_a_name_and_a_realm() {
        let expected = Some(("svc", "CORP.EXAMPLE".to_owned()));
        assert_eq!(principal("corp.example\\svc"), expected);
        assert_eq!(principal("svc@corp.example"), expected);
        for user in ["svc", "\\svc", "corp\\", "svc@", "@corp", "a\\b@c", "a\\b\\c"] {
            assert_eq!(principal(user), None, "{user}");
        }
    }
}
