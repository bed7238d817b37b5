//! A host as the inventory knows it, with the account that reads it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::model::host::Asset;
use crate::model::id::Label;

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
}
