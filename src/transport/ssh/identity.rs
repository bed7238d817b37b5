//! What proves who we are: read, decrypted and kept for the run.
//!
//! In: an identity as the inventory names it. Out: a key, certificate or password that is ready to
//! be used, or why there is none. Decrypting an OpenSSH key costs 200 ms of bcrypt, so it is done
//! once per key, not per host, and a secret is asked for once, even if the answer was wrong.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use russh::keys::ssh_key::{self, Algorithm, Certificate, HashAlg, PrivateKey, PublicKey};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use tokio::sync::OnceCell;
use tokio_rustls::rustls::sign::CertifiedKey;

use super::agent;
use super::certificate::{self, Certified};
use super::short_scalar;
use crate::inventory::host::{Account, Identity, SecretSource};
use crate::inventory::login::Pin;
use crate::model::time::Utc;
use crate::secret::command::{COMMAND_TIME, line_of_command};
use crate::secret::surroundings::Surroundings;
use crate::secret::{self, SecretError};
use crate::transport::client_certificate;
use crate::transport::clock::Clock;

/// Warning for RSA keys that are used here rather than in ssh-agent.
pub const RSA_WARNING: &str = "this RSA key is used inside fleetstat, whose RSA code can leak \
    timing (RUSTSEC-2023-0071, no fix yet): load the key into ssh-agent and name it by \
    `agent: FINGERPRINT`, or use an ed25519 key";

/// Asks a person for a passphrase or password. The argument is the question.
pub type Ask = Arc<dyn Fn(&str) -> Result<SecretString, SecretError> + Send + Sync>;

/// Why an identity cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The key file or its passphrase cannot be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The path begins with `~/` and there is no home.
    #[error("`{path}` needs a home folder and $HOME is not set; write the whole path")]
    NoHome {
        /// The path.
        path: PathBuf,
    },
    /// The file holds no private key that can be read.
    #[error(
        "`{path}` holds no private key that can be read ({reason}); \
         make one with `ssh-keygen -t ed25519`"
    )]
    NotAKey {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// The key is encrypted and the inventory names no passphrase.
    #[error("`{path}` is encrypted; add `passphrase` to the account, or load it into ssh-agent")]
    Encrypted {
        /// The file.
        path: PathBuf,
    },
    /// The passphrase does not open the key.
    #[error(
        "the passphrase of `{path}` is wrong; it was tried once and is not tried again in this run"
    )]
    WrongPassphrase {
        /// The file.
        path: PathBuf,
    },
    /// The file is encrypted in a way that is not read.
    #[error(
        "`{path}` is encrypted in an old form of PEM that is not read; \
         write it anew with `ssh-keygen -p -f {path}`"
    )]
    OldEncryption {
        /// The file.
        path: PathBuf,
    },
    /// The file names a key that sits in a FIDO device.
    #[error(
        "`{path}` is the handle of a FIDO key, which only ssh-agent can use; \
         run `ssh-add {path}` and name it by `agent: FINGERPRINT`"
    )]
    SecurityKey {
        /// The file.
        path: PathBuf,
    },
    /// The file holds no certificate that can be read.
    #[error(
        "`{path}` holds no OpenSSH certificate that can be read ({reason}); \
         make one with `ssh-keygen -s CA -I ID -n USER KEY.pub`"
    )]
    NotACertificate {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// The certificate cannot log anybody in.
    #[error("the certificate ({certificate}) {reason}")]
    UnusableCertificate {
        /// Where it is, and its id, escaped.
        certificate: String,
        /// The reason, with the remedy.
        reason: String,
    },
    /// A file of a client certificate cannot be used for TLS.
    #[error("`{path}` cannot be used for TLS ({reason})")]
    NotForTls {
        /// The file.
        path: PathBuf,
        /// The reason, with the remedy.
        reason: String,
    },
    /// `$SSH_AUTH_SOCK` is not set.
    #[error(
        "ssh-agent is not running: $SSH_AUTH_SOCK is not set; run `eval $(ssh-agent)` and `ssh-add`"
    )]
    NoAgent,
    /// The agent does not answer.
    #[error("ssh-agent at `{socket}` does not answer ({reason}); check $SSH_AUTH_SOCK")]
    AgentSilent {
        /// The socket.
        socket: PathBuf,
        /// The reason.
        reason: String,
    },
    /// The agent does not hold the key.
    #[error("ssh-agent does not hold {wanted}; `ssh-add -l` shows what it holds")]
    NotInAgent {
        /// The fingerprint, or what else was wanted.
        wanted: String,
    },
}

/// A key that can sign. Has no text form.
#[derive(Clone)]
pub(super) enum Signer {
    /// In our memory.
    File(Arc<PrivateKey>),
    /// In ssh-agent.
    Agent {
        /// The agent's socket.
        socket: PathBuf,
        /// Which key.
        key: PublicKey,
        /// The agent holds the certificate that is offered, too.
        certified: bool,
    },
}

/// What is shown to a server.
pub(super) enum Proof {
    /// A key, or its certificate.
    Key(Signer, Option<Box<Certified>>),
    /// A password.
    Password(SecretString),
    /// A client certificate. No server of SSH is shown one.
    Tls(Arc<CertifiedKey>),
}

/// An identity that is ready to be used.
pub struct Unlocked {
    pub(super) proof: Proof,
    /// Tells credentials apart within a run; holds nothing secret.
    pub(in crate::transport) credential: String,
    /// For the record: type, fingerprint and place, e.g. `ssh-ed25519 SHA256:... (agent)`.
    pub label: String,
    warning: Option<&'static str>,
}

impl Unlocked {
    /// The password of an account.
    pub(in crate::transport) fn of_password(account: &str, secret: SecretString) -> Self {
        Self {
            proof: Proof::Password(secret),
            credential: format!("password of {account}"),
            label: "password".to_owned(),
            warning: None,
        }
    }

    fn of_certificate(certified: Arc<CertifiedKey>) -> Self {
        let digest = certified.cert.first().map(|leaf| Pin(Sha256::digest(leaf).into()));
        let fingerprint = digest.map_or_else(String::new, |digest| digest.to_string());
        let label = format!("client certificate {fingerprint}");
        Self { proof: Proof::Tls(certified), credential: fingerprint, label, warning: None }
    }

    /// What the operator should know, once per run, when `user` logs in with it. One line each,
    /// lower case, escaped.
    #[must_use]
    pub fn warnings(&self, user: &str) -> Vec<String> {
        let mut warnings: Vec<String> = self.warning.map(str::to_owned).into_iter().collect();
        if let Proof::Key(_, Some(certified)) = &self.proof {
            warnings.extend(certified.warnings.iter().cloned());
            warnings.extend(certified.warning_for(user));
        }
        warnings
    }

    /// When it ends by itself: the end of a certificate. `None`: not by itself.
    #[must_use]
    pub fn valid_until(&self) -> Option<Utc> {
        match &self.proof {
            Proof::Key(_, Some(certified)) => certified.until,
            Proof::Key(_, None) | Proof::Password(_) | Proof::Tls(_) => None,
        }
    }

    /// The password, if it is one.
    pub(in crate::transport) const fn password(&self) -> Option<&SecretString> {
        match &self.proof {
            Proof::Password(secret) => Some(secret),
            Proof::Key(..) | Proof::Tls(_) => None,
        }
    }

    /// The client certificate, if it is one.
    pub(in crate::transport) const fn client_certificate(&self) -> Option<&Arc<CertifiedKey>> {
        match &self.proof {
            Proof::Tls(certified) => Some(certified),
            Proof::Key(..) | Proof::Password(_) => None,
        }
    }

    pub(in crate::transport) const fn is_password(&self) -> bool {
        matches!(self.proof, Proof::Password(_))
    }
}

/// The identities of a run.
pub(in crate::transport) struct Keyring {
    surroundings: Surroundings,
    ask: Ask,
    clock: Clock,
    cells: Mutex<HashMap<Name, Arc<Cell>>>,
}

/// An identity; for a password also whose it is: two accounts can each have one of their own from
/// the terminal.
type Name = (Option<String>, Identity);

type Cell = OnceCell<Result<Arc<Unlocked>, IdentityError>>;

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyring").finish_non_exhaustive()
    }
}

impl Keyring {
    pub(super) fn new(surroundings: Surroundings, ask: Ask, clock: Clock) -> Self {
        Self { surroundings, ask, clock, cells: Mutex::default() }
    }

    /// All identities of an account that SSH can use, in their order. One that is not usable spoils the account:
    /// what is offered to a host never depends on what happens to be missing here.
    pub(in crate::transport) async fn unlock(
        &self,
        account: &Account,
    ) -> Result<Vec<Arc<Unlocked>>, IdentityError> {
        let mut unlocked = Vec::with_capacity(account.identities.len());
        let usable = |identity: &&Identity| !matches!(identity, Identity::TlsCertificate { .. });
        for identity in account.identities.iter().filter(usable) {
            unlocked.push(self.one(account, identity).await?);
        }
        Ok(unlocked)
    }

    /// The client certificates of an account, which WinRM uses and SSH does not.
    pub(super) async fn certificates(
        &self,
        account: &Account,
    ) -> Result<Vec<Arc<Unlocked>>, IdentityError> {
        let mut unlocked = Vec::new();
        let usable = |identity: &&Identity| matches!(identity, Identity::TlsCertificate { .. });
        for identity in account.identities.iter().filter(usable) {
            unlocked.push(self.one(account, identity).await?);
        }
        Ok(unlocked)
    }

    /// One identity of an account. The first caller does the work, the others wait for it.
    pub(in crate::transport) async fn one(
        &self,
        account: &Account,
        identity: &Identity,
    ) -> Result<Arc<Unlocked>, IdentityError> {
        let whose = matches!(identity, Identity::Password(_)).then(|| account.name.to_string());
        let cell = {
            let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(cells.entry((whose, identity.clone())).or_default())
        };
        cell.get_or_init(|| async { self.load(account, identity).await.map(Arc::new) })
            .await
            .clone()
    }

    async fn load(
        &self,
        account: &Account,
        identity: &Identity,
    ) -> Result<Unlocked, IdentityError> {
        let now = self.clock.utc();
        match identity {
            Identity::Agent { fingerprint, certificate } => {
                let read = certificate.as_deref().map(|path| self.certificate(path)).transpose()?;
                let socket = self.surroundings.agent_socket.as_deref();
                let (socket, held) = agent::held(socket).await?;
                let key = agent::choose_key(held, fingerprint.as_deref())?;
                let signer = Signer::Agent { socket, key: key.clone(), certified: false };
                key_ready(signer, &key, read, ("agent", now))
            }
            Identity::AgentCertificate { fingerprint } => {
                let (socket, held) = agent::held(self.surroundings.agent_socket.as_deref()).await?;
                let certificate = agent::choose_certificate(held, fingerprint)?;
                let key = PublicKey::from(certificate.public_key().clone());
                let signer = Signer::Agent { socket, key: key.clone(), certified: true };
                let issued = (certificate, "in ssh-agent".to_owned());
                key_ready(signer, &key, Some(issued), ("agent", now))
            }
            Identity::File { path, passphrase, certificate } => {
                let read = certificate.as_deref().map(|path| self.certificate(path)).transpose()?;
                let (path, source) = (self.expand(path)?, passphrase.clone());
                let fetch = self.fetch(format!("Passphrase for {}: ", path.display()), source);
                let shown = path.clone();
                // bcrypt and the terminal both block.
                let work = tokio::task::spawn_blocking(move || private_key(&path, fetch));
                let key = work.await.unwrap_or_else(|error| {
                    Err(IdentityError::NotAKey { path: shown, reason: error.to_string() })
                })?;
                let public = key.public_key().clone();
                key_ready(Signer::File(Arc::new(key)), &public, read, ("file", now))
            }
            Identity::TlsCertificate { certificate, key, passphrase } => {
                let (certificate, key) = (self.expand(certificate)?, self.expand(key)?);
                let question = format!("Passphrase for {}: ", key.display());
                let (fetch, shown) = (self.fetch(question, passphrase.clone()), key.clone());
                let work = tokio::task::spawn_blocking(move || {
                    client_certificate::read(&certificate, &key, fetch)
                });
                let certified = work.await.unwrap_or_else(|error| {
                    Err(IdentityError::NotForTls { path: shown, reason: error.to_string() })
                })?;
                Ok(Unlocked::of_certificate(certified))
            }
            Identity::Password(source) => {
                let (name, user) = (&account.name, &account.user);
                let question = format!("Password of account {name} (login name {user}): ");
                let fetch = self.fetch(question, Some(source.clone()));
                let work =
                    tokio::task::spawn_blocking(move || fetch.map(|fetch| fetch()).transpose());
                let secret = work.await.unwrap_or_else(|error| {
                    Err(SecretError::NoTerminal { reason: error.to_string() })
                })?;
                let secret = secret.ok_or(SecretError::Empty)?;
                Ok(Unlocked::of_password(name.as_str(), secret))
            }
        }
    }

    /// What gets the secret of a source, not yet done: it may block.
    fn fetch(&self, question: String, source: Option<SecretSource>) -> Option<Fetch> {
        let source = source?;
        let (surroundings, ask) = (self.surroundings.clone(), Arc::clone(&self.ask));
        Some(Box::new(move || match &source {
            SecretSource::File(file) => {
                let whole = surroundings.expand(file);
                secret::line_of_file(whole.as_deref().unwrap_or(file))
            }
            SecretSource::Credential(name) => {
                secret::credential(surroundings.credentials.as_deref(), name)
            }
            SecretSource::Command(words) => line_of_command(words, &surroundings, COMMAND_TIME),
            SecretSource::Prompt => ask(&question),
        }))
    }

    fn certificate(&self, path: &Path) -> Result<Issued, IdentityError> {
        let path = self.expand(path)?;
        Ok((certificate::read(&path)?, path.display().to_string()))
    }

    /// `~/` is the operator's home.
    pub(in crate::transport) fn expand(&self, path: &Path) -> Result<PathBuf, IdentityError> {
        let whole = self.surroundings.expand(path);
        whole.ok_or_else(|| IdentityError::NoHome { path: path.to_owned() })
    }
}

/// A certificate, and where it is for messages.
type Issued = (Certificate, String);

/// Gets a secret; may block.
type Fetch = Box<dyn FnOnce() -> Result<SecretString, SecretError> + Send>;

/// A key with its certificate, if it has one, and the text for the record. `place` says where the
/// key is.
fn key_ready(
    signer: Signer,
    key: &PublicKey,
    certificate: Option<Issued>,
    (place, now): (&str, Utc),
) -> Result<Unlocked, IdentityError> {
    let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
    let kind = key.algorithm();
    let certified = match certificate {
        None => None,
        Some(issued) => Some(certificate::check(issued, key.key_data(), now)?),
    };
    let (label, credential) = match &certified {
        None => (format!("{} {fingerprint} ({place})", kind.as_str()), fingerprint),
        Some(certified) => {
            let kind = kind.to_certificate_type();
            let kind = kind.trim_end_matches("@openssh.com");
            let label = format!("{kind} {fingerprint} ({place}, {})", certified.label);
            (label, format!("{fingerprint} {}", certified.label))
        }
    };
    let here = matches!(signer, Signer::File(_));
    let warning = (here && kind.is_rsa()).then_some(RSA_WARNING);
    let proof = Proof::Key(signer, certified.map(Box::new));
    Ok(Unlocked { proof, credential, label, warning })
}

fn private_key(path: &Path, passphrase: Option<Fetch>) -> Result<PrivateKey, IdentityError> {
    let content = secret::private_file(path)?;
    let not_a_key = |reason: String| IdentityError::NotAKey { path: path.to_owned(), reason };
    let text = std::str::from_utf8(&content).map_err(|error| not_a_key(error.to_string()))?;
    if has_old_encryption(text) {
        return Err(IdentityError::OldEncryption { path: path.to_owned() });
    }
    let key = match decode(text, None) {
        Ok(key) => key,
        Err(Undecoded::Encrypted) => {
            let fetch =
                passphrase.ok_or_else(|| IdentityError::Encrypted { path: path.to_owned() })?;
            decode(text, Some(&fetch()?))
                .map_err(|_| IdentityError::WrongPassphrase { path: path.to_owned() })?
        }
        Err(Undecoded::Broken(reason)) => return Err(not_a_key(reason)),
    };
    if matches!(key.algorithm(), Algorithm::SkEd25519 | Algorithm::SkEcdsaSha2NistP256) {
        return Err(IdentityError::SecurityKey { path: path.to_owned() });
    }
    Ok(key)
}

/// Encrypted PEM of OpenSSL's own (RFC 1421) is read for RSA with AES-128, as `ssh-keygen -m PEM`
/// writes it. Anything else would look like a wrong passphrase.
fn has_old_encryption(text: &str) -> bool {
    let known =
        text.contains("-----BEGIN RSA PRIVATE KEY-----") && text.contains("DEK-Info: AES-128-CBC,");
    text.contains("Proc-Type: 4,ENCRYPTED") && !known
}

enum Undecoded {
    Encrypted,
    Broken(String),
}

/// OpenSSH's own format without russh's help, which copies the text into memory that is not
/// wiped; PEM and PKCS #8 with it.
fn decode(text: &str, passphrase: Option<&SecretString>) -> Result<PrivateKey, Undecoded> {
    let broken = |reason: &dyn std::fmt::Display| Undecoded::Broken(reason.to_string());
    if text.contains("-----BEGIN OPENSSH PRIVATE KEY-----") {
        let refused = |error: ssh_key::Error| {
            let short = short_scalar::may_be(&error).then(|| short_scalar::read(text, passphrase));
            short.flatten().ok_or_else(|| broken(&error))
        };
        let key = match PrivateKey::from_openssh(text) {
            Ok(key) => key,
            Err(error) => return refused(error),
        };
        return match (key.is_encrypted(), passphrase) {
            (false, _) => Ok(key),
            (true, None) => Err(Undecoded::Encrypted),
            (true, Some(passphrase)) => key.decrypt(passphrase.expose_secret()).or_else(refused),
        };
    }
    let passphrase = passphrase.map(SecretString::expose_secret);
    russh::keys::decode_secret_key(text, passphrase).map_err(|error| match error {
        russh::keys::Error::KeyIsEncrypted => Undecoded::Encrypted,
        // An encrypted PKCS #8 key without a passphrase is reported as a fault of its encoding.
        _ if passphrase.is_none() && text.contains("ENCRYPTED") => Undecoded::Encrypted,
        error => broken(&error),
    })
}

/// Shows the label, and nothing of the key.
impl std::fmt::Debug for Unlocked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Unlocked").field(&self.label).finish()
    }
}
