//! Whom TLS trusts: the roots of this platform, the authorities of a file, or one certificate. Each is
//! read once in a run, when the first host needs it. The signature of the handshake is verified
//! always: who shows a certificate must hold its key.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest as _, Sha256};
use tokio::sync::OnceCell;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::crypto::{
    CryptoProvider, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, RootCertStore,
    SignatureScheme,
};

use crate::inventory::login::Pin;
use crate::model::fault::{Fault, FaultKind};

/// Most bytes of a file of authorities: four times what Debian's `ca-certificates.crt` has.
const AUTHORITIES_BYTES_MAX: u64 = 1 << 20;

/// Whom a host's certificate must please.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Anchor {
    /// PEM file of authorities. `None`: the platform's, unless there is a pin.
    pub(super) authorities: Option<PathBuf>,
    /// The only certificate that is taken.
    pub(super) pin: Option<Pin>,
}

impl std::fmt::Display for Anchor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match (&self.authorities, &self.pin) {
            (None, None) => "platform roots",
            (Some(_), None) => "tls_ca",
            (None, Some(_)) => "tls_pin",
            (Some(_), Some(_)) => "tls_ca and tls_pin",
        })
    }
}

type Cell = OnceCell<Result<Arc<ClientConfig>, Fault>>;

/// What is trusted in a run. Nothing is read until the first host needs it.
#[derive(Default)]
pub(super) struct Trust(Mutex<HashMap<Anchor, Arc<Cell>>>);

impl Trust {
    /// The configuration of connections that trust `anchor`.
    ///
    /// # Errors
    /// The same fault for every host when what is to be trusted cannot be read.
    pub(super) async fn config(&self, anchor: &Anchor) -> Result<Arc<ClientConfig>, Fault> {
        let cell = {
            let mut cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(cells.entry(anchor.clone()).or_default())
        };
        let read = || async {
            let anchor = anchor.clone();
            // Reads files.
            let work = tokio::task::spawn_blocking(move || read(&anchor)).await;
            work.unwrap_or_else(|error| Err(ours(error.to_string())))
        };
        cell.get_or_init(read).await.clone()
    }
}

fn ours(detail: String) -> Fault {
    Fault::new(FaultKind::Internal, detail)
}

/// What the operator named, or should name, on this controller.
fn unusable(detail: String) -> Fault {
    Fault::new(FaultKind::Config, detail)
}

fn read(anchor: &Anchor) -> Result<Arc<ClientConfig>, Fault> {
    let provider = Arc::new(default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| ours(format!("TLS: {error}")))?;
    let roots = match (&anchor.authorities, anchor.pin) {
        (Some(path), _) => Some(authorities(path)?),
        (None, None) => Some(platform()?),
        (None, Some(_)) => None,
    };
    let chain = roots.map(|roots| chain(roots, &provider)).transpose()?;
    let verifier = Arc::new(Verifier { pin: anchor.pin, chain, provider });
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    Ok(Arc::new(builder.with_no_client_auth()))
}

fn platform() -> Result<RootCertStore, Fault> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (taken, refused) = roots.add_parsable_certificates(found.certs);
    tracing::debug!(taken, refused, "trusted roots of the platform");
    if taken == 0 {
        let why = found.errors.first().map_or_else(String::new, |error| format!(" ({error})"));
        let remedy = "install ca-certificates, or name a PEM file with $SSL_CERT_FILE or `tls_ca`";
        return Err(unusable(format!(
            "this controller trusts no certificate authority{why}; {remedy}"
        )));
    }
    Ok(roots)
}

/// The authorities of a file. One that cannot be read is a fault: the operator named it.
fn authorities(path: &Path) -> Result<RootCertStore, Fault> {
    let shown = path.display();
    let bad = |reason: &str| {
        let remedy = "`tls_ca` names a file of certificates in PEM";
        unusable(format!("{shown} holds no certificate authority ({reason}); {remedy}"))
    };
    let unreadable = |error: std::io::Error| {
        unusable(format!("`tls_ca`: {shown} cannot be read: {error}; check the path and its owner"))
    };
    let mut text = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(AUTHORITIES_BYTES_MAX + 1).read_to_end(&mut text).map_err(unreadable)?;
    if text.len() as u64 > AUTHORITIES_BYTES_MAX {
        return Err(bad("it is larger than 1 MiB"));
    }
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|error| bad(&error.to_string()))?;
        roots.add(certificate).map_err(|error| bad(&error.to_string()))?;
    }
    if roots.is_empty() { Err(bad("nothing between BEGIN and END CERTIFICATE")) } else { Ok(roots) }
}

fn chain(
    roots: RootCertStore,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, Fault> {
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(|error| ours(format!("TLS: {error}")))
}

/// Takes what the authorities vouch for, and says which certificate it refused. With a pin it takes one
/// certificate; without authorities nothing else is asked of that: it may be self-signed, carry another
/// name, and have ended.
#[derive(Debug)]
struct Verifier {
    pin: Option<Pin>,
    chain: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

/// The host showed another certificate than the pinned one.
#[derive(Debug, thiserror::Error)]
#[error(
    "the host shows certificate {shown}, and `tls_pin` is {pin}; find out why it changed before \
     anything else, and write the new one only when the host's owner confirms it"
)]
struct Another {
    shown: Pin,
    pin: Pin,
}

/// The authorities do not vouch for a certificate.
#[derive(Debug)]
struct Refused {
    shown: Pin,
    error: Error,
}

/// Most bytes of the library's sentence: it lists the names that the host put into its certificate.
const REASON_BYTES_MAX: usize = 300;

impl std::error::Error for Refused {}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { shown, error } = self;
        let mut reason = crate::model::text::escape(error.to_string().as_bytes());
        if reason.len() > REASON_BYTES_MAX {
            reason.truncate(reason.floor_char_boundary(REASON_BYTES_MAX));
            reason.push('…');
        }
        let remedy = match error {
            Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            ) => "add `tls_name` to the host, with a name that its certificate carries",
            Error::InvalidCertificate(
                CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. },
            ) => "renew the host's certificate, and check the clock of this controller",
            Error::InvalidCertificate(
                CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. },
            ) => "give the host a certificate for server authentication",
            _ => {
                "compare it with the host's owner, then name its authority with `tls_ca`, or it alone \
                 with `tls_pin`"
            }
        };
        write!(f, "{reason}; the host shows certificate {shown}: {remedy}")
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let shown = fingerprint(end_entity);
        if let Some(pin) = self.pin.filter(|pin| *pin != shown) {
            let another = OtherError(Arc::new(Another { shown, pin }));
            return Err(Error::InvalidCertificate(CertificateError::Other(another)));
        }
        match &self.chain {
            None => Ok(ServerCertVerified::assertion()),
            Some(chain) => chain
                .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
                .map_err(|error| {
                    let refused = OtherError(Arc::new(Refused { shown, error }));
                    Error::InvalidCertificate(CertificateError::Other(refused))
                }),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The fingerprint of a certificate in DER.
pub(super) fn fingerprint(certificate: &[u8]) -> Pin {
    Pin(Sha256::digest(certificate).into())
}
