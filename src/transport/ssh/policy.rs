//! Which algorithms are offered: the profile `modern`, and the limits of a connection.
//!
//! In: key types a host is known with, what its inventory allows and demands, deadlines. Out: a
//! configuration for russh. Old algorithms come only from a host's `legacy` and stand after every
//! safe one, so a server that has a safe one uses it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use russh::client::{Config, GexParams};
use russh::keys::ssh_key::{Algorithm, EcdsaCurve, HashAlg};
use russh::{Preferred, SshId, cipher, compression, kex, mac};

use crate::inventory::host::LegacyAlgorithm;
use crate::model::deadline::Deadlines;
use crate::model::fault::{Fault, FaultKind};

/// Key exchanges, most preferred first. [`EXTENSIONS`] follow, which are no algorithms: `ext-info-c` asks
/// for the server's signature algorithms (RFC 8308), and `kex-strict-c-v00@openssh.com` is the
/// answer to the Terrapin attack (CVE-2023-48795), which russh drops from any list of one's own.
const KEY_EXCHANGES: &[kex::Name] = &[
    kex::MLKEM768X25519_SHA256,
    kex::CURVE25519,
    kex::CURVE25519_PRE_RFC_8731,
    kex::ECDH_SHA2_NISTP256,
    kex::ECDH_SHA2_NISTP384,
    kex::ECDH_SHA2_NISTP521,
    kex::DH_GEX_SHA256,
    kex::DH_G16_SHA512,
    kex::DH_G18_SHA512,
    kex::DH_G14_SHA256,
];

/// The only post-quantum one that is built in.
const POST_QUANTUM: &[kex::Name] = &[kex::MLKEM768X25519_SHA256];

const EXTENSIONS: &[kex::Name] =
    &[kex::EXTENSION_SUPPORT_AS_CLIENT, kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT];

/// Host key algorithms, most preferred first: no SHA-1.
const HOST_KEYS: &[Algorithm] = &[
    Algorithm::Ed25519,
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 },
    Algorithm::Rsa { hash: Some(HashAlg::Sha512) },
    Algorithm::Rsa { hash: Some(HashAlg::Sha256) },
];

const CIPHERS: &[cipher::Name] = &[
    cipher::AES_256_GCM,
    cipher::AES_128_GCM,
    cipher::CHACHA20_POLY1305,
    cipher::AES_256_CTR,
    cipher::AES_192_CTR,
    cipher::AES_128_CTR,
];

const MACS: &[mac::Name] =
    &[mac::HMAC_SHA512_ETM, mac::HMAC_SHA256_ETM, mac::HMAC_SHA512, mac::HMAC_SHA256];

/// Time between two keepalives, after login.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// Keepalives without an answer after which a connection is given up.
const KEEPALIVES_MAX: usize = 3;

/// Shortest time of silence after which a connection is closed: longer than the keepalives need,
/// which would otherwise be hidden. A timeout is mandatory: without one, a server that stops in
/// the key exchange holds its socket for ever (measured).
const INACTIVITY_MIN: Duration = Duration::from_secs(75);

/// Messages that wait for the reader of a channel. At most 32 KiB each; russh's default is 100.
const CHANNEL_MESSAGES: usize = 32;

/// The name in the identification line.
const CLIENT_ID: &str = concat!("SSH-2.0-fleetstat_", env!("CARGO_PKG_VERSION"));

/// Configurations made so far: one per order of host key algorithms and inactivity limit.
#[derive(Debug, Default)]
pub(super) struct Policies(Mutex<HashMap<Terms, Arc<Config>>>);

/// What the inventory allows and demands beyond the profile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Demands {
    /// Old algorithms that are allowed.
    pub(super) legacy: Vec<LegacyAlgorithm>,
    /// Only a post-quantum key exchange will do.
    pub(super) post_quantum: bool,
    /// A host certificate could be judged, so it is asked for.
    pub(super) certificates: bool,
}

/// Order of host key algorithms, what is allowed and demanded, and inactivity limit.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Terms {
    order: Vec<usize>,
    demands: Demands,
    inactivity: Duration,
}

impl Policies {
    /// The configuration for a host that is known with these key types. Like OpenSSH, it asks for
    /// those first: a server with several keys then shows one that can be compared. Before them
    /// it asks for a host certificate, if one could be judged.
    pub(super) fn config(
        &self,
        known: &[&[u8]],
        demands: &Demands,
        deadlines: &Deadlines,
    ) -> Result<Arc<Config>, Fault> {
        let (order, inactivity) = (order(known), inactivity(deadlines));
        let key = Terms { order, demands: demands.clone(), inactivity };
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = made.get(&key) {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(build(&key)?);
        made.insert(key, Arc::clone(&config));
        Ok(config)
    }
}

/// Positions in [`HOST_KEYS`], those of known types first.
fn order(known: &[&[u8]]) -> Vec<usize> {
    let is_known = |index: &usize| {
        HOST_KEYS.get(*index).is_some_and(|algorithm| known.contains(&key_type(algorithm)))
    };
    let (first, rest): (Vec<_>, Vec<_>) = (0..HOST_KEYS.len()).partition(is_known);
    first.into_iter().chain(rest).collect()
}

/// The type of the keys that an algorithm signs with, as it stands in `known_hosts`.
fn key_type(algorithm: &Algorithm) -> &[u8] {
    match algorithm {
        Algorithm::Rsa { .. } => b"ssh-rsa",
        other => other.as_str().as_bytes(),
    }
}

fn inactivity(deadlines: &Deadlines) -> Duration {
    let login = deadlines.banner + deadlines.key_exchange + deadlines.authenticate;
    INACTIVITY_MIN.max(login + Duration::from_secs(5))
}

/// A list with the allowed old ones behind it.
fn extended<T: Clone>(list: &[T], terms: &Terms, old: fn(LegacyAlgorithm) -> Option<T>) -> Vec<T> {
    let old = terms.demands.legacy.iter().filter_map(|&word| old(word));
    list.iter().cloned().chain(old).collect()
}

const fn old_kex(word: LegacyAlgorithm) -> Option<kex::Name> {
    match word {
        LegacyAlgorithm::DhGroup14Sha1 => Some(kex::DH_G14_SHA1),
        LegacyAlgorithm::DhGroupExchangeSha1 => Some(kex::DH_GEX_SHA1),
        LegacyAlgorithm::DhGroup1Sha1 => Some(kex::DH_G1_SHA1),
        _ => None,
    }
}

const fn old_cipher(word: LegacyAlgorithm) -> Option<cipher::Name> {
    match word {
        LegacyAlgorithm::Aes256Cbc => Some(cipher::AES_256_CBC),
        LegacyAlgorithm::Aes192Cbc => Some(cipher::AES_192_CBC),
        LegacyAlgorithm::Aes128Cbc => Some(cipher::AES_128_CBC),
        _ => None,
    }
}

const fn old_mac(word: LegacyAlgorithm) -> Option<mac::Name> {
    match word {
        LegacyAlgorithm::HmacSha1Etm => Some(mac::HMAC_SHA1_ETM),
        LegacyAlgorithm::HmacSha1 => Some(mac::HMAC_SHA1),
        _ => None,
    }
}

const fn old_host_key(word: LegacyAlgorithm) -> Option<Algorithm> {
    match word {
        LegacyAlgorithm::SshRsa => Some(Algorithm::Rsa { hash: None }),
        _ => None,
    }
}

fn build(terms: &Terms) -> Result<Config, Fault> {
    let keys: Vec<Algorithm> =
        terms.order.iter().filter_map(|&index| HOST_KEYS.get(index).cloned()).collect();
    let certified: &'static [Algorithm] = if terms.demands.certificates { HOST_KEYS } else { &[] };
    let exchanges = if terms.demands.post_quantum {
        POST_QUANTUM.to_vec()
    } else {
        extended(KEY_EXCHANGES, terms, old_kex)
    };
    let exchanges = exchanges.into_iter().chain(EXTENSIONS.iter().copied()).collect();
    // 2048 to 8192 bits, 3072 preferred: asking for 8192 costs a second of CPU (measured).
    let gex = GexParams::new(2048, 3072, 8192)
        .map_err(|error| Fault::new(FaultKind::Internal, error.to_string()))?;
    Ok(Config {
        client_id: SshId::Standard(Cow::Borrowed(CLIENT_ID)),
        preferred: Preferred {
            kex: Cow::Owned(exchanges),
            key: Cow::Owned(extended(&keys, terms, old_host_key)),
            host_key_certificates: Cow::Borrowed(certified),
            cipher: Cow::Owned(extended(CIPHERS, terms, old_cipher)),
            mac: Cow::Owned(extended(MACS, terms, old_mac)),
            compression: Cow::Borrowed(&[compression::NONE]),
        },
        inactivity_timeout: Some(terms.inactivity),
        keepalive_interval: Some(KEEPALIVE),
        keepalive_max: KEEPALIVES_MAX,
        channel_buffer_size: CHANNEL_MESSAGES,
        gex,
        nodelay: true,
        ..Config::default()
    })
}

/// True for a cipher and MAC that the Terrapin attack breaks unless the key exchange is strict.
/// Source: CVE-2023-48795.
pub(super) fn needs_strict_kex(cipher: &str, mac: &str) -> bool {
    cipher.starts_with("chacha20-") || (cipher.contains("-cbc") && mac.contains("-etm@"))
}

/// True for a cipher that brings its own authentication.
pub(super) fn is_aead(cipher: &str) -> bool {
    cipher.starts_with("chacha20-") || cipher.contains("-gcm")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_rsa_key_is_asked_for_first() {
        let policies = Policies::default();
        let config =
            policies.config(&[b"ssh-rsa"], &Demands::default(), &Deadlines::default()).unwrap();
        let names: Vec<&str> = config.preferred.key.iter().map(Algorithm::as_str).collect();
        assert_eq!(names.first(), Some(&"rsa-sha2-512"));
        assert_eq!(names.get(1), Some(&"rsa-sha2-256"));
        assert_eq!(names.len(), HOST_KEYS.len());
        assert!(!names.contains(&"ssh-rsa"));
    }

    #[test]
    fn silence_is_bounded_and_outlasts_the_keepalives() {
        let deadlines = Deadlines { authenticate: Duration::from_mins(2), ..Deadlines::default() };
        let policies = Policies::default();
        let limit = |deadlines: Deadlines| {
            policies.config(&[], &Demands::default(), &deadlines).unwrap().inactivity_timeout
        };
        assert_eq!(limit(Deadlines::default()), Some(Duration::from_secs(75)));
        assert_eq!(limit(deadlines), Some(Duration::from_secs(140)));
    }

    #[test]
    fn what_terrapin_breaks_needs_strict_kex() {
        assert!(needs_strict_kex("chacha20-poly1305@openssh.com", "none"));
        assert!(needs_strict_kex("aes128-cbc", "hmac-sha2-256-etm@openssh.com"));
        assert!(!needs_strict_kex("aes128-cbc", "hmac-sha2-256"));
        assert!(!needs_strict_kex("aes256-gcm@openssh.com", "hmac-sha2-256-etm@openssh.com"));
    }
}
