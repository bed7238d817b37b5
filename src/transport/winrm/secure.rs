//! The TLS channel of one connection: who is at the other end, and what was agreed on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::{ResolvesClientCert, Resumption};
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, ProtocolVersion, SignatureScheme};

use crate::model::fault::{Fault, FaultKind};
use crate::transport::winrm::binding;
use crate::transport::winrm::tls::{Anchor, fingerprint};

/// How a host is verified, and who we are to it.
#[derive(Clone)]
pub(super) struct Tls {
    pub(super) config: Arc<ClientConfig>,
    /// Whom the configuration trusts, for the record.
    pub(super) anchor: Anchor,
    /// What we show where the host asks for it. `None`: nothing.
    pub(super) identity: Option<Arc<CertifiedKey>>,
    /// The login that follows is bound to the channel.
    pub(super) binds: bool,
}

/// What was agreed on.
#[derive(Clone, Debug)]
pub(super) struct Channel {
    /// What a login is bound to (RFC 5929). `None` where the login proves itself by TLS.
    pub(super) bound: Option<Vec<u8>>,
    /// `SHA256:...` of the host's certificate.
    pub(super) fingerprint: String,
    /// By what it is trusted.
    pub(super) trust: String,
    /// Version and key exchange, e.g. `TLS 1.3, X25519`.
    pub(super) kex: String,
    /// Cipher suite.
    pub(super) cipher: String,
}

/// A certificate for one connection, which knows whether it was asked for.
#[derive(Debug)]
struct Shown {
    identity: Arc<CertifiedKey>,
    asked: AtomicBool,
}

impl ResolvesClientCert for Shown {
    fn resolve(&self, _: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::Relaxed);
        self.identity.key.choose_scheme(schemes).map(|_| Arc::clone(&self.identity))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// TLS to a name.
pub(super) async fn secure(
    tcp: TcpStream,
    name: &str,
    tls: &Tls,
    limit: Duration,
) -> Result<(TlsStream<TcpStream>, Channel), Fault> {
    let server = ServerName::try_from(name.to_owned())
        .map_err(|_| Fault::new(FaultKind::Internal, "the host's name fits no certificate"))?;
    let shown = tls.identity.as_ref().map(|identity| {
        Arc::new(Shown { identity: Arc::clone(identity), asked: AtomicBool::new(false) })
    });
    let config = match &shown {
        None => Arc::clone(&tls.config),
        Some(shown) => {
            let mut config = ClientConfig::clone(&tls.config);
            config.client_auth_cert_resolver = Arc::clone(shown) as Arc<dyn ResolvesClientCert>;
            // A session that is taken up again asks for no certificate.
            config.resumption = Resumption::disabled();
            Arc::new(config)
        }
    };
    let Ok(result) = timeout(limit, TlsConnector::from(config).connect(server, tcp)).await else {
        let detail = format!("TLS did not begin in {} s", limit.as_secs_f64());
        return Err(Fault::new(FaultKind::BannerTimeout, detail));
    };
    let stream = result.map_err(|error| binding::tls_fault(&error))?;
    if shown.as_ref().is_some_and(|shown| !shown.asked.load(Ordering::Relaxed)) {
        let detail = "the host asked for no client certificate when TLS began, and asking later is not \
                      supported: add `clientcertnegotiation=enable` to its listener with `netsh http \
                      update sslcert`";
        return Err(Fault::new(FaultKind::Policy, detail));
    }
    let channel = channel(stream.get_ref().1, tls)?;
    Ok((stream, channel))
}

fn channel(connection: &ClientConnection, tls: &Tls) -> Result<Channel, Fault> {
    let certificate = connection.peer_certificates().and_then(<[_]>::first).ok_or_else(|| {
        Fault::new(FaultKind::TlsUntrusted, "TLS: the host showed no certificate")
    })?;
    let version = match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
        _ => "TLS 1.2",
    };
    let group = connection.negotiated_key_exchange_group();
    let group = group.map_or_else(String::new, |group| format!(", {:?}", group.name()));
    let suite = connection.negotiated_cipher_suite();
    Ok(Channel {
        bound: if tls.binds { Some(binding::end_point(certificate)?) } else { None },
        fingerprint: fingerprint(certificate).to_string(),
        trust: tls.anchor.to_string(),
        kex: format!("{version}{group}"),
        cipher: suite.map_or_else(String::new, |suite| format!("{:?}", suite.suite())),
    })
}
