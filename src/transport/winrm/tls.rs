//! Whom TLS trusts: the roots of this platform, read once in a run. There is no way to trust a
//! certificate that they do not vouch for.

use std::sync::Arc;

use tokio::sync::OnceCell;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::model::fault::{Fault, FaultKind};

/// What is trusted in a run. Nothing is read until the first host needs it.
#[derive(Default)]
pub(super) struct Trust(OnceCell<Result<Arc<ClientConfig>, Fault>>);

impl Trust {
    /// The configuration of every connection.
    ///
    /// # Errors
    /// The same fault for every host when there are no roots.
    pub(super) async fn config(&self) -> Result<Arc<ClientConfig>, Fault> {
        let read = || async {
            // Reads files.
            let work = tokio::task::spawn_blocking(read).await;
            work.unwrap_or_else(|error| Err(Fault::new(FaultKind::Internal, error.to_string())))
        };
        self.0.get_or_init(read).await.clone()
    }
}

fn read() -> Result<Arc<ClientConfig>, Fault> {
    let ours = |detail: String| Fault::new(FaultKind::Internal, detail);
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (taken, refused) = roots.add_parsable_certificates(found.certs);
    tracing::debug!(taken, refused, "trusted roots of the platform");
    if taken == 0 {
        let why = found.errors.first().map_or_else(String::new, |error| format!(" ({error})"));
        let remedy = "install ca-certificates, or name a PEM file with $SSL_CERT_FILE";
        return Err(ours(format!(
            "this controller trusts no certificate authority{why}; {remedy}"
        )));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| ours(format!("TLS: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
