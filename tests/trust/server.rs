//! Servers that show keys and certificates, and let nobody in: a key exchange is all that is
//! looked at. Real ones of OpenSSH would do the same at five times the cost.

use std::sync::Arc;
use std::time::Duration;

use russh::keys::PrivateKey;
use russh::keys::ssh_key::{Certificate, PublicKey};
use russh::server::{self, Auth};

use crate::files::certify;
use crate::lab::Lab;

/// A server on all addresses of this machine. Its tasks end with the test's runtime.
pub(crate) struct Target {
    pub(crate) what: &'static str,
    pub(crate) port: u16,
    /// Its key, encoded, if it has a certificate for it.
    pub(crate) certified: Option<Vec<u8>>,
}

/// Names and addresses that a good certificate lists.
const ALL: &str = "web1.test,web2.test,127.0.0.1,127.0.0.2,::1";

/// A certificate: what it is, key, authority, arguments of ssh-keygen. `-h` is for a host.
type Certified = (&'static str, &'static str, &'static str, &'static [&'static str]);

const CERTIFIED: &[Certified] = &[
    ("good", "ed25519", "ca", &["-h", "-n", ALL, "-z", "7"]),
    ("good-ecdsa", "ecdsa", "ca2", &["-h", "-n", ALL]),
    ("good-rsa", "rsa", "rsa-ca", &["-h", "-n", ALL, "-O", "extension:what@ever"]),
    ("one-name", "ed25519", "ca", &["-h", "-n", "web1.test"]),
    ("one-address", "ed25519", "rsa-ca", &["-h", "-n", "127.0.0.1,web3.test"]),
    ("with-port", "ed25519", "ca", &["-h", "-n", "[127.0.0.1]:2222,WEB1.test"]),
    ("wildcards", "ed25519", "ca", &["-h", "-n", "*,*.test,127.0.0.?"]),
    ("no-name", "ed25519", "ca", &["-h"]),
    ("user", "ed25519", "ca", &["-n", ALL]),
    ("expired", "ed25519", "ca", &["-h", "-n", ALL, "-V", "20200101:20210101"]),
    ("future", "ed25519", "ca", &["-h", "-n", ALL, "-V", "20970101:20980101"]),
    ("critical", "ed25519", "ca", &["-h", "-n", ALL, "-O", "critical:what@ever=1"]),
    ("sha-1", "ed25519", "rsa-ca", &["-h", "-n", ALL, "-t", "ssh-rsa"]),
];

/// One server of each kind; `Pool::new` has made the keys.
pub(crate) async fn start_all(lab: &Lab) -> Vec<Target> {
    let mut targets = Vec::new();
    for (what, keys) in [("plain", &["ed25519"][..]), ("rsa", &["rsa"]), ("two", &["ecdsa", "rsa"])]
    {
        targets.push(start(lab, what, keys, None).await);
    }
    for (what, key, ca, arguments) in CERTIFIED {
        let name = format!("shown-{what}");
        certify(lab, &name, key, ca, arguments);
        let certificate = Certificate::from_openssh(&lab.public(&format!("{name}-cert"))).unwrap();
        targets.push(start(lab, what, &[key], Some(certificate)).await);
    }
    targets
}

async fn start(
    lab: &Lab,
    what: &'static str,
    keys: &[&str],
    certificate: Option<Certificate>,
) -> Target {
    let key = |name: &&str| {
        let text = std::fs::read_to_string(lab.path(name)).unwrap();
        PrivateKey::from_openssh(text).unwrap()
    };
    let encoded = |certificate: &Certificate| {
        PublicKey::new(certificate.public_key().clone(), "").to_bytes().unwrap()
    };
    let certified = certificate.as_ref().map(encoded);
    let config = Arc::new(server::Config {
        keys: keys.iter().map(key).collect(),
        certificates: certificate.into_iter().collect(),
        auth_rejection_time: Duration::ZERO,
        nodelay: true,
        ..server::Config::default()
    });
    let listener = tokio::net::TcpListener::bind("[::]:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let config = Arc::clone(&config);
            tokio::spawn(async move {
                if let Ok(running) = server::run_stream(config, stream, Nobody).await {
                    // How a client leaves is of no interest.
                    let _ = running.await;
                }
            });
        }
    });
    Target { what, port, certified }
}

/// Lets nobody in.
struct Nobody;

impl server::Handler for Nobody {
    type Error = russh::Error;

    async fn auth_none(&mut self, _: &str) -> Result<Auth, russh::Error> {
        Ok(Auth::reject())
    }
}
