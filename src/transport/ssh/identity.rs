//! Keys that prove who we are: read, decrypted and cached once per run.
//!
//! In: an identity as the inventory names it. Out: a key that can sign, or why there is none.
//! Decrypting an OpenSSH key costs 200 ms of bcrypt, so it is done once per key, not per host, and
//! a passphrase is asked for once, even if the answer was wrong.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::ssh_key::{HashAlg, PrivateKey, PublicKey};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::OnceCell;

use crate::inventory::host::{Identity, PassphraseSource};
use crate::secret::surroundings::Surroundings;
use crate::secret::{self, SecretError};

/// Warning for RSA keys that are used here rather than in ssh-agent.
pub const RSA_WARNING: &str = "this RSA key is used inside fleetstat, whose RSA code can leak \
    timing (RUSTSEC-2023-0071, no fix yet): load the key into ssh-agent and name it by \
    `agent: FINGERPRINT`, or use an ed25519 key";

/// Asks a person for a passphrase. The argument is the question.
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
pub(super) enum Signer {
    /// In our memory.
    File(Arc<PrivateKey>),
    /// In ssh-agent.
    Agent {
        /// The agent's socket.
        socket: PathBuf,
        /// Which key.
        key: PublicKey,
    },
}

/// An identity that is ready to be used.
pub struct Unlocked {
    pub(super) signer: Signer,
    /// `SHA256:...` of the public key.
    pub fingerprint: String,
    /// For the record: type, fingerprint and place, e.g. `ssh-ed25519 SHA256:... (agent)`.
    pub label: String,
    /// Something the operator should know, once per run.
    pub warning: Option<&'static str>,
}

/// The identities of a run.
pub(super) struct Keyring {
    surroundings: Surroundings,
    ask: Ask,
    cells: Mutex<HashMap<Identity, Arc<Cell>>>,
}

type Cell = OnceCell<Result<Arc<Unlocked>, IdentityError>>;

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyring").finish_non_exhaustive()
    }
}

impl Keyring {
    pub(super) fn new(surroundings: Surroundings, ask: Ask) -> Self {
        Self { surroundings, ask, cells: Mutex::default() }
    }

    /// The key of an identity. The first caller does the work, the others wait for it.
    pub(super) async fn unlock(&self, identity: &Identity) -> Result<Arc<Unlocked>, IdentityError> {
        let cell = {
            let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
            match cells.get(identity) {
                Some(cell) => Arc::clone(cell),
                None => Arc::clone(cells.entry(identity.clone()).or_default()),
            }
        };
        cell.get_or_init(|| self.load(identity)).await.clone()
    }

    async fn load(&self, identity: &Identity) -> Result<Arc<Unlocked>, IdentityError> {
        match identity {
            Identity::Agent { fingerprint } => {
                let socket = self.surroundings.agent_socket.as_deref();
                from_agent(socket, fingerprint.as_deref()).await.map(Arc::new)
            }
            Identity::File { path, passphrase } => {
                let path = self.expand(path)?;
                let source = passphrase.clone();
                let (surroundings, ask) = (self.surroundings.clone(), Arc::clone(&self.ask));
                let shown = path.clone();
                let work = move || from_file(&path, source.as_ref(), &surroundings, &ask);
                // bcrypt and the terminal both block.
                match tokio::task::spawn_blocking(work).await {
                    Ok(result) => result.map(Arc::new),
                    Err(error) => {
                        let reason = error.to_string();
                        Err(IdentityError::NotAKey { path: shown, reason })
                    }
                }
            }
        }
    }

    /// `~/` is the operator's home.
    fn expand(&self, path: &Path) -> Result<PathBuf, IdentityError> {
        match (path.strip_prefix("~"), &self.surroundings.home) {
            (Err(_), _) => Ok(path.to_owned()),
            (Ok(rest), Some(home)) => Ok(home.join(rest)),
            (Ok(_), None) => Err(IdentityError::NoHome { path: path.to_owned() }),
        }
    }
}

fn from_file(
    path: &Path,
    passphrase: Option<&PassphraseSource>,
    surroundings: &Surroundings,
    ask: &Ask,
) -> Result<Unlocked, IdentityError> {
    let content = secret::private_file(path)?;
    let not_a_key = |reason: String| IdentityError::NotAKey { path: path.to_owned(), reason };
    let text = std::str::from_utf8(&content).map_err(|error| not_a_key(error.to_string()))?;
    let key = match decode(text, None) {
        Ok(key) => key,
        Err(Undecoded::Encrypted) => {
            let passphrase = match passphrase {
                None => return Err(IdentityError::Encrypted { path: path.to_owned() }),
                Some(PassphraseSource::File(file)) => secret::passphrase_file(file)?,
                Some(PassphraseSource::Credential(name)) => {
                    secret::credential(surroundings.credentials.as_deref(), name)?
                }
                Some(PassphraseSource::Prompt) => {
                    ask(&format!("Passphrase for {}: ", path.display()))?
                }
            };
            decode(text, Some(&passphrase))
                .map_err(|_| IdentityError::WrongPassphrase { path: path.to_owned() })?
        }
        Err(Undecoded::Broken(reason)) => return Err(not_a_key(reason)),
    };
    let fingerprint = key.public_key().fingerprint(HashAlg::Sha256).to_string();
    let algorithm = key.algorithm();
    let label = format!("{} {fingerprint} (file)", algorithm.as_str());
    let warning = algorithm.is_rsa().then_some(RSA_WARNING);
    Ok(Unlocked { signer: Signer::File(Arc::new(key)), fingerprint, label, warning })
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
        let key = PrivateKey::from_openssh(text).map_err(|error| broken(&error))?;
        return match (key.is_encrypted(), passphrase) {
            (false, _) => Ok(key),
            (true, None) => Err(Undecoded::Encrypted),
            (true, Some(passphrase)) => {
                key.decrypt(passphrase.expose_secret()).map_err(|error| broken(&error))
            }
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

async fn from_agent(
    socket: Option<&Path>,
    fingerprint: Option<&str>,
) -> Result<Unlocked, IdentityError> {
    let socket = socket.ok_or(IdentityError::NoAgent)?;
    let silent = |error: russh::keys::Error| IdentityError::AgentSilent {
        socket: socket.to_owned(),
        reason: error.to_string(),
    };
    let mut agent = AgentClient::connect_uds(socket).await.map_err(silent)?;
    let held = agent.request_identities().await.map_err(silent)?;
    let keys: Vec<PublicKey> = held
        .into_iter()
        .filter_map(|identity| match identity {
            AgentIdentity::PublicKey { key, .. } => Some(key),
            AgentIdentity::Certificate { .. } => None,
        })
        .collect();
    let key = choose(keys, fingerprint)?;
    let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
    let label = format!("{} {fingerprint} (agent)", key.algorithm().as_str());
    let signer = Signer::Agent { socket: socket.to_owned(), key };
    Ok(Unlocked { signer, fingerprint, label, warning: None })
}

/// The key named, or the only one: offering several would look like guessing and can lock an
/// account out.
fn choose(keys: Vec<PublicKey>, wanted: Option<&str>) -> Result<PublicKey, IdentityError> {
    let not_there = |wanted: &str| IdentityError::NotInAgent { wanted: wanted.to_owned() };
    match wanted {
        Some(wanted) => keys
            .into_iter()
            .find(|key| key.fingerprint(HashAlg::Sha256).to_string() == wanted)
            .ok_or_else(|| not_there(wanted)),
        None => match <[PublicKey; 1]>::try_from(keys) {
            Ok([key]) => Ok(key),
            Err(keys) => Err(not_there(&format!(
                "exactly one key (but {}): name one by its fingerprint",
                keys.len()
            ))),
        },
    }
}

/// Shows the label, and nothing of the key.
impl std::fmt::Debug for Unlocked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Unlocked").field(&self.label).finish()
    }
}
