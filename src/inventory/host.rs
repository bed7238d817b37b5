//! A host as the inventory knows it, with the account that reads it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::civil::Date;

use crate::inventory::login::{Login, Mechanism};
use crate::model::host::{Asset, words};
use crate::model::id::{HostName, Label};
use crate::model::time::Utc;

/// Where a passphrase or a password comes from. The secret itself is never in the inventory.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretSource {
    /// A file of mode 0600 or stricter that belongs to the operator; one line.
    File(PathBuf),
    /// A systemd credential by name, read below `$CREDENTIALS_DIRECTORY`.
    Credential(String),
    /// A program of the controller with its arguments, started without a shell; it prints one
    /// line. The first word is an absolute path, or begins with `~/`.
    Command(Vec<String>),
    /// Asked on the terminal, once per run.
    Prompt,
}

/// Most identities of one account. OpenSSH ends a connection after six failures (`MaxAuthTries` of
/// sshd) and logs from the third on; four leave room for the second method of a login
/// with two factors.
pub const IDENTITIES_MAX: usize = 4;

/// What proves who we are: named, never guessed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// A private key file.
    File {
        /// Path; `~/` is the operator's home.
        path: PathBuf,
        /// `None`: the file is not encrypted.
        passphrase: Option<SecretSource>,
        /// File of an OpenSSH user certificate for this key, which is offered in its place.
        certificate: Option<PathBuf>,
    },
    /// A key that ssh-agent holds.
    Agent {
        /// `SHA256:...` of the key to offer. `None` is accepted only while the agent holds exactly
        /// one key.
        fingerprint: Option<String>,
        /// File of an OpenSSH user certificate for this key, which is offered in its place.
        certificate: Option<PathBuf>,
    },
    /// A user certificate that ssh-agent holds together with its key.
    AgentCertificate {
        /// `SHA256:...` of the certified key.
        fingerprint: String,
    },
    /// A password, for the methods `password` and `keyboard-interactive`.
    Password(SecretSource),
    /// A certificate for TLS, which hosts that are reached by WinRM may ask for. SSH has no use for it.
    TlsCertificate {
        /// PEM file with the certificate, and those that lead to its authority.
        certificate: PathBuf,
        /// PEM file of the private key.
        key: PathBuf,
        /// `None`: the key is not encrypted.
        passphrase: Option<SecretSource>,
    },
}

/// How the account reaches what an ordinary account may not see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Escalation {
    /// Not at all: owners of others' sockets stay unknown.
    #[default]
    None,
    /// `sudo -n` for the commands that the command standard marks, and for no other.
    Sudo,
}

/// An account on hosts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize)]
pub struct Account {
    /// Its name in the inventory's `accounts`.
    pub name: Label,
    /// Login name on the host.
    pub user: String,
    /// What opens it, in the order in which it is offered: 1 to [`IDENTITIES_MAX`], no two alike.
    pub identities: Vec<Identity>,
    /// Escalation.
    pub escalation: Escalation,
}

/// A value of an inventory variable. Typed, because templates take no strings.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Variable {
    /// A YAML integer.
    Number(i64),
    /// A YAML boolean.
    Bool(bool),
    /// A YAML string.
    Text(String),
    /// A YAML sequence of the above.
    List(Vec<Variable>),
}

words! {
    /// An algorithm that is not offered unless a host is allowed it by name. Each was dropped by
    /// OpenSSH from its defaults. `3des-cbc` and `ssh-dss` are not built in.
    LegacyAlgorithm {
        /// Host keys that sign with SHA-1. Source: RFC 8332, section 5.
        SshRsa = "ssh-rsa",
        /// Key exchange with SHA-1 in a group of 2048 bits. Source: RFC 9142, section 3.
        DhGroup14Sha1 = "diffie-hellman-group14-sha1",
        /// Key exchange with SHA-1 in a group of the server's choice, 2048 bits at least.
        DhGroupExchangeSha1 = "diffie-hellman-group-exchange-sha1",
        /// Key exchange with SHA-1 in a group of 1024 bits: broken by precomputation (Logjam).
        DhGroup1Sha1 = "diffie-hellman-group1-sha1",
        /// CBC mode, 256 bits. Source: CVE-2008-5161.
        Aes256Cbc = "aes256-cbc",
        /// CBC mode, 192 bits.
        Aes192Cbc = "aes192-cbc",
        /// CBC mode, 128 bits.
        Aes128Cbc = "aes128-cbc",
        /// SHA-1, encrypt then MAC.
        HmacSha1Etm = "hmac-sha1-etm@openssh.com",
        /// SHA-1.
        HmacSha1 = "hmac-sha1",
    }
}

/// Old algorithms that one host or group is allowed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize)]
pub struct Legacy {
    /// Sorted, least bad first, without repetition; at least one.
    pub algorithms: Vec<LegacyAlgorithm>,
    /// Why, in one line.
    pub reason: String,
    /// The last day, UTC, on which they are offered.
    pub expires: Date,
}

impl std::fmt::Display for Legacy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words: Vec<&str> = self.algorithms.iter().map(|word| word.as_str()).collect();
        write!(f, "{} until {} ({})", words.join(", "), self.expires, self.reason)
    }
}

impl Legacy {
    /// Days that are left: 0 on the last day, negative after it.
    #[must_use]
    pub fn days_left(&self, now: Utc) -> i64 {
        let day = |date: Date| {
            i64::from(
                date.since(Date::new(1970, 1, 1).unwrap_or(date)).map_or(0, |span| span.get_days()),
            )
        };
        day(self.expires) - now.micros().div_euclid(86_400_000_000)
    }
}

/// A jump host: a connection that leads to others.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize)]
pub struct Jump {
    /// Its name under `jumps` or `hosts`.
    pub name: HostName,
    /// Where it is, as seen from the jump host before it.
    pub address: String,
    /// TCP port.
    pub port: u16,
    /// The account that opens it.
    #[serde(serialize_with = "shared")]
    pub account: Arc<Account>,
    /// Name to look up in `known_hosts` instead of the address.
    pub host_key_alias: Option<String>,
    /// Old algorithms it is allowed.
    #[serde(serialize_with = "shared_option")]
    pub legacy: Option<Arc<Legacy>>,
}

impl Jump {
    /// The jump host as a host that is reached by the road before it.
    #[must_use]
    pub fn as_host(&self, road: Road, require_pq: bool) -> Host {
        let asset = Asset::new(self.name.clone(), self.address.clone(), self.port);
        Host {
            account: Some(Arc::clone(&self.account)),
            host_key_alias: self.host_key_alias.clone(),
            road,
            legacy: self.legacy.clone(),
            require_pq,
            ..Host::of(asset)
        }
    }
}

fn shared<T: serde::Serialize, S: serde::Serializer>(
    value: &Arc<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    value.as_ref().serialize(serializer)
}

#[expect(clippy::ref_option, reason = "the form that serde calls")]
fn shared_option<T: serde::Serialize, S: serde::Serializer>(
    value: &Option<Arc<T>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serde::Serialize::serialize(&value.as_deref(), serializer)
}

/// Jump hosts to go through, outermost first; empty: the host is reached directly.
pub type Road = Arc<[Arc<Jump>]>;

/// A checked host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// What is known of it.
    pub asset: Asset,
    /// The account. `None` only for the `local` transport.
    pub account: Option<Arc<Account>>,
    /// Name to look up in `known_hosts` instead of the address.
    pub host_key_alias: Option<String>,
    /// One command at a time, at the lowest priority.
    pub fragile: bool,
    /// Groups it belongs to, directly or through children, sorted; `all` left out.
    pub groups: Arc<[Label]>,
    /// Variables, host over group over all.
    pub variables: BTreeMap<String, Variable>,
    /// Jump hosts to go through. At most three.
    pub road: Road,
    /// Old algorithms it is allowed.
    pub legacy: Option<Arc<Legacy>>,
    /// Over WinRM: HTTPS, rather than HTTP with sealed bodies. Without meaning on other roads.
    pub tls: bool,
    /// Name that its TLS certificate must carry instead of the address.
    pub tls_name: Option<String>,
    /// What else differs from the defaults over WinRM. `None`: nothing.
    pub login: Option<Box<Login>>,
    /// Its segment demands a post-quantum key exchange, of it and of all its jump hosts.
    pub require_pq: bool,
}

impl Host {
    /// A host of which only the asset is known: without an account, reached directly.
    #[must_use]
    pub fn of(asset: Asset) -> Self {
        Self {
            asset,
            account: None,
            host_key_alias: None,
            fragile: false,
            groups: Arc::from([]),
            variables: BTreeMap::new(),
            road: Arc::default(),
            legacy: None,
            tls: true,
            tls_name: None,
            login: None,
            require_pq: false,
        }
    }

    /// The way the account logs in over WinRM.
    #[must_use]
    pub fn mechanism(&self) -> Mechanism {
        self.login.as_ref().and_then(|login| login.mechanism).unwrap_or(Mechanism::Ntlm)
    }

    /// The name that the host goes by in certificates and service principals.
    #[must_use]
    pub fn service_name(&self) -> &str {
        self.tls_name.as_deref().unwrap_or(&self.asset.address)
    }

    /// The road for people: `bastion-1 > bastion-2`. `None`: direct.
    #[must_use]
    pub fn via(&self) -> Option<String> {
        let names: Vec<&str> = self.road.iter().map(|jump| jump.name.as_str()).collect();
        if names.is_empty() { None } else { Some(names.join(" > ")) }
    }
}
