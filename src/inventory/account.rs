//! Accounts: from their records to [`Account`].
//!
//! In: the entry of one account, checked against its table. Out: the account, or defects with
//! their places. Knows nothing of files, agents and secrets: nothing is opened here.

use std::path::PathBuf;

use crate::inventory::attribute::LABEL_HELP;
use crate::inventory::host::{Account, Escalation, IDENTITIES_MAX, Identity, SecretSource};
use crate::inventory::report::Report;
use crate::inventory::table::code;
use crate::model::id::Label;
use crate::yaml::defect::quoted;
use crate::yaml::node::{Entry, Node, Place};

/// Reads one account. `None`: it was refused, and at least one defect says why.
pub(super) fn read(entry: &Entry, report: &mut Report<'_>) -> Option<Account> {
    let before = report.defects.count();
    let name = match Label::new("account name", &entry.key) {
        Ok(name) => Some(name),
        Err(error) => {
            report.at(code::BAD_NAME, entry.place, error.to_string(), Some(LABEL_HELP.into()));
            None
        }
    };
    let user = user(entry, report);
    let identities = Owner { account: quoted(&entry.key), report: &mut *report }.identities(entry);
    let escalation = match entry.value.get("escalation").and_then(Node::text) {
        Some("sudo") => Escalation::Sudo,
        _ => Escalation::None,
    };
    if report.defects.count() > before {
        return None;
    }
    Some(Account { name: name?, user: user?, identities: identities?, escalation })
}

fn user(entry: &Entry, report: &mut Report<'_>) -> Option<String> {
    let node = entry.value.get("user")?;
    let user = node.text()?;
    let right = user.len() <= 64
        && user.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && user.chars().all(|c| c.is_ascii_alphanumeric() || "._@$\\-".contains(c));
    if right {
        return Some(user.to_owned());
    }
    let message = format!("`user` of account {} is {}", quoted(&entry.key), quoted(user));
    let help = "a login name has at most 64 letters, digits, `.`, `_` or `-`".to_owned();
    report.at(code::BAD_VALUE, node.place, message, Some(help));
    None
}

/// Keys of which one names an identity.
const WAYS: &[&str] = &["identity", "agent", "agent_certificate", "password", "tls_certificate"];

/// Keys that belong to one of [`WAYS`].
const PARTS: &[&str] = &["passphrase", "certificate"];

/// Keys that name a source of a secret.
const SOURCES: &[&str] = &["file", "credential", "command"];

/// The account whose identities are read, quoted for messages.
struct Owner<'a, 'b> {
    account: String,
    report: &'a mut Report<'b>,
}

impl Owner<'_, '_> {
    fn refuse<T>(&mut self, place: Place, message: String, help: &str) -> Option<T> {
        self.report.at(code::IDENTITY, place, message, Some(help.to_owned()));
        None
    }

    /// The short form or the list, never both.
    fn identities(&mut self, entry: &Entry) -> Option<Vec<Identity>> {
        let account = &entry.value;
        let Some(list) = account.get("identities") else {
            return self.identity(account, entry.place).map(|identity| vec![identity]);
        };
        let short = WAYS.iter().chain(PARTS).find_map(|key| Some((key, account.get(key)?)));
        if let Some((key, node)) = short {
            let message = format!("account {} has both `identities` and `{key}`", self.account);
            return self.refuse(node.place, message, "move it into the list, in its order");
        }
        let items = list.items();
        if items.len() > IDENTITIES_MAX {
            let (account, count) = (&self.account, items.len());
            let message = format!("account {account} has {count} identities, at most 4");
            let help =
                "a server ends the connection after six failures: name those that are needed";
            return self.refuse(list.place, message, help);
        }
        let mut identities: Vec<Identity> = Vec::new();
        for item in items {
            // One that is refused hides no fault of those that follow.
            let Some(identity) = self.identity(item, item.place) else { continue };
            if identities.contains(&identity) {
                let message = format!("account {} has an identity twice", self.account);
                let help = "keep one: a credential is offered to a host once";
                return self.refuse(item.place, message, help);
            }
            identities.push(identity);
        }
        // An empty list is reported by the table's check.
        (!identities.is_empty()).then_some(identities)
    }

    /// One identity of a mapping that may have other keys too.
    fn identity(&mut self, node: &Node, place: Place) -> Option<Identity> {
        let mut named = WAYS.iter().filter_map(|key| Some((*key, node.get(key)?)));
        let account = &self.account;
        let (key, value) = match (named.next(), named.next()) {
            (Some(only), None) => only,
            (Some((one, _)), Some((other, value))) => {
                let message = format!("account {account} has both `{one}` and `{other}`");
                let help = "keep one, or put them into the list `identities` in the order in \
                            which they are to be offered";
                return self.refuse(value.place, message, help);
            }
            (None, _) => {
                let message = format!("account {account} names no key");
                let help =
                    "add `identity: ~/.ssh/KEY` for a key file, or `agent: true` for ssh-agent";
                return self.refuse(place, message, help);
            }
        };
        self.no_stray(key, node)?;
        let certificate = match node.get("certificate") {
            None => None,
            Some(path) => Some(self.certificate(path)?),
        };
        match key {
            "identity" => {
                let passphrase = match node.get("passphrase") {
                    None => None,
                    Some(source) => Some(self.secret("passphrase", source)?),
                };
                Some(Identity::File { path: self.key_file(value)?, passphrase, certificate })
            }
            "agent" => self.agent_key(value, certificate),
            "agent_certificate" => {
                let fingerprint = self.fingerprint("agent_certificate", value)?;
                Some(Identity::AgentCertificate { fingerprint })
            }
            "tls_certificate" => self.tls_certificate(value),
            _ => self.secret("password", value).map(Identity::Password),
        }
    }

    /// Parts that do not belong to the way that is named.
    fn no_stray(&mut self, way: &str, node: &Node) -> Option<()> {
        let account = &self.account;
        if let (Some(stray), true) = (node.get("passphrase"), way != "identity") {
            let message = format!("account {account} has a passphrase but no key file");
            let help = if way == "password" {
                "a password needs none: remove it"
            } else if way == "tls_certificate" {
                "write it inside `tls_certificate`"
            } else {
                "the agent asks for its own: remove it"
            };
            return self.refuse(stray.place, message, help);
        }
        if let (Some(stray), true) =
            (node.get("certificate"), !["identity", "agent"].contains(&way))
        {
            let message = format!("account {account} has a `certificate` file beside `{way}`");
            let help = "it belongs to a key: name it with `identity` or `agent`";
            return self.refuse(stray.place, message, help);
        }
        Some(())
    }

    fn agent_key(&mut self, node: &Node, certificate: Option<PathBuf>) -> Option<Identity> {
        match node.flag() {
            Some(true) => Some(Identity::Agent { fingerprint: None, certificate }),
            Some(false) => {
                let message =
                    format!("account {} has `agent: false` and no other key", self.account);
                self.refuse(node.place, message, "add `identity: ~/.ssh/KEY` instead")
            }
            None => {
                let fingerprint = Some(self.fingerprint("agent", node)?);
                Some(Identity::Agent { fingerprint, certificate })
            }
        }
    }

    fn fingerprint(&mut self, key: &str, node: &Node) -> Option<String> {
        let fingerprint = node.text()?;
        let right = fingerprint.strip_prefix("SHA256:").is_some_and(|digest| {
            digest.len() == 43
                && digest.chars().all(|c| c.is_ascii_alphanumeric() || c == '+' || c == '/')
        });
        if right {
            return Some(fingerprint.to_owned());
        }
        let message = format!("`{key}` of account {} is {}", self.account, quoted(fingerprint));
        let help = "copy the fingerprint that `ssh-add -l` prints: SHA256: and 43 characters";
        self.refuse(node.place, message, help)
    }

    fn key_file(&mut self, node: &Node) -> Option<PathBuf> {
        let path = node.text()?;
        let reason = if path.is_empty() || path.chars().any(char::is_control) {
            ("is no path", "write a path such as `~/.ssh/fleetstat_ed25519`".to_owned())
        } else if path.contains("PRIVATE KEY") {
            ("holds a key", "secrets never stand in an inventory: name the key's file".to_owned())
        } else if path.ends_with("-cert.pub") {
            ("is a certificate", "name it with `certificate`, and its key here".to_owned())
        } else if let Some(private) = path.strip_suffix(".pub") {
            ("is the public half", format!("name the private key: `{private}`"))
        } else {
            return Some(PathBuf::from(path));
        };
        let message = format!("`identity` of account {} {}", self.account, reason.0);
        self.refuse(node.place, message, &reason.1)
    }

    fn certificate(&mut self, node: &Node) -> Option<PathBuf> {
        let path = node.text()?;
        let reason = if path.is_empty() || path.chars().any(char::is_control) {
            "is no path"
        } else if path.contains("-cert-v01@openssh.com ") {
            "holds a certificate"
        } else {
            return Some(PathBuf::from(path));
        };
        let message = format!("`certificate` of account {} {reason}", self.account);
        self.refuse(node.place, message, "write a path such as `~/.ssh/fleetstat_ed25519-cert.pub`")
    }

    /// A certificate for TLS. What is missing was reported by the table's check.
    fn tls_certificate(&mut self, node: &Node) -> Option<Identity> {
        let mut file = |key: &str| {
            let node = node.get(key)?;
            let text = node.text()?;
            if is_path(text) && !text.contains("-----BEGIN") {
                return Some(PathBuf::from(text));
            }
            let message = format!("`{key}` of account {} is no path", self.account);
            self.refuse(
                node.place,
                message,
                "name the PEM file; secrets never stand in an inventory",
            )
        };
        let (certificate, key) = (file("certificate"), file("key"));
        let passphrase = match node.get("passphrase") {
            None => None,
            Some(source) => Some(self.secret("passphrase", source)?),
        };
        Some(Identity::TlsCertificate { certificate: certificate?, key: key?, passphrase })
    }

    fn secret(&mut self, key: &str, node: &Node) -> Option<SecretSource> {
        match node.text() {
            Some("prompt") => return Some(SecretSource::Prompt),
            // Perhaps the secret itself: reported by the table's check, and never shown.
            Some(_) => return None,
            None => {}
        }
        let file = node.get("file").and_then(Node::text).filter(|path| is_path(path));
        let credential = node.get("credential").and_then(Node::text).filter(|name| is_name(name));
        let command = node.get("command");
        match (file, credential, command, node.entries().len()) {
            (Some(path), None, None, 1) => Some(SecretSource::File(PathBuf::from(path))),
            (None, Some(name), None, 1) => Some(SecretSource::Credential(name.to_owned())),
            (None, None, Some(command), 1) => self.command(key, command),
            // A key that no source has is reported by the table's check.
            _ if node.entries().iter().any(|entry| !SOURCES.contains(&&*entry.key)) => None,
            _ => {
                let message = format!("`{key}` of account {} names no source", self.account);
                let help = "write one of `prompt`, `{file: PATH}`, `{credential: NAME}` and \
                            `{command: [PATH, WORD, ...]}`";
                self.refuse(node.place, message, help)
            }
        }
    }

    fn command(&mut self, key: &str, node: &Node) -> Option<SecretSource> {
        let words: Option<Vec<String>> =
            node.items().iter().map(|word| word.text().map(str::to_owned)).collect();
        // An empty list, and a word that is no text, are reported by the table's check.
        let words = words.filter(|words| !words.is_empty())?;
        let program = words.first().map_or("", String::as_str);
        let reason = if !(program.starts_with('/') || program.starts_with("~/")) {
            "does not begin with the absolute path of a program"
        } else if words.iter().any(|word| word.contains('\0')) {
            "has a word with a zero byte"
        } else {
            return Some(SecretSource::Command(words));
        };
        let message = format!("the command for `{key}` of account {} {reason}", self.account);
        let help = "write it like `[/usr/bin/pass, show, fleetstat]`: no shell, no search in PATH";
        self.refuse(node.place, message, help)
    }
}

fn is_path(path: &str) -> bool {
    !path.is_empty() && !path.chars().any(char::is_control)
}

/// A plain file name that does not leave the folder of the credentials.
fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.len() <= 128
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}
