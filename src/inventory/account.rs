//! Accounts: from their records to [`Account`].

use std::path::PathBuf;

use crate::inventory::attribute::LABEL_HELP;
use crate::inventory::host::{Account, Escalation, Identity, PassphraseSource};
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
    let identity = identity(entry, report);
    let escalation = match entry.value.get("escalation").and_then(Node::text) {
        Some("sudo") => Escalation::Sudo,
        _ => Escalation::None,
    };
    if report.defects.count() > before {
        return None;
    }
    Some(Account { name: name?, user: user?, identity: identity?, escalation })
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

fn identity(entry: &Entry, report: &mut Report<'_>) -> Option<Identity> {
    let account = quoted(&entry.key);
    let mut refuse = |place: Place, message: String, help: &str| {
        report.at(code::IDENTITY, place, message, Some(help.to_owned()));
        None
    };
    let passphrase = entry.value.get("passphrase");
    match (entry.value.get("identity"), entry.value.get("agent")) {
        (None, None) => refuse(
            entry.place,
            format!("account {account} names no key"),
            "add `identity: ~/.ssh/KEY` for a key file, or `agent: true` for ssh-agent",
        ),
        (Some(_), Some(agent)) => refuse(
            agent.place,
            format!("account {account} has both `identity` and `agent`"),
            "keep one: a second key would count as a failed attempt on the host",
        ),
        (None, Some(agent)) => {
            if let Some(passphrase) = passphrase {
                let message = format!("account {account} has a passphrase but no key file");
                return refuse(passphrase.place, message, "the agent asks for its own: remove it");
            }
            agent_key(agent, &account, report)
        }
        (Some(path), None) => {
            let passphrase = match passphrase {
                None => None,
                Some(node) => Some(passphrase_source(node, &account, report)?),
            };
            Some(Identity::File { path: key_file(path, &account, report)?, passphrase })
        }
    }
}

fn agent_key(node: &Node, account: &str, report: &mut Report<'_>) -> Option<Identity> {
    if node.flag() == Some(true) {
        return Some(Identity::Agent { fingerprint: None });
    }
    if node.flag() == Some(false) {
        let message = format!("account {account} has `agent: false` and no other key");
        let help = "add `identity: ~/.ssh/KEY` instead".to_owned();
        report.at(code::IDENTITY, node.place, message, Some(help));
        return None;
    }
    let fingerprint = node.text()?;
    let right = fingerprint.strip_prefix("SHA256:").is_some_and(|digest| {
        digest.len() == 43
            && digest.chars().all(|c| c.is_ascii_alphanumeric() || c == '+' || c == '/')
    });
    if right {
        return Some(Identity::Agent { fingerprint: Some(fingerprint.to_owned()) });
    }
    let message = format!("`agent` of account {account} is {}", quoted(fingerprint));
    let help = "copy the fingerprint that `ssh-add -l` prints: SHA256: and 43 characters";
    report.at(code::IDENTITY, node.place, message, Some(help.to_owned()));
    None
}

fn key_file(node: &Node, account: &str, report: &mut Report<'_>) -> Option<PathBuf> {
    let path = node.text()?;
    let reason = if path.is_empty() || path.chars().any(char::is_control) {
        ("is no path", "write a path such as `~/.ssh/fleetstat_ed25519`".to_owned())
    } else if path.contains("PRIVATE KEY") {
        ("holds a key", "secrets never stand in an inventory: name the key's file".to_owned())
    } else if let Some(private) = path.strip_suffix(".pub") {
        ("is the public half", format!("name the private key: `{private}`"))
    } else {
        return Some(PathBuf::from(path));
    };
    let message = format!("`identity` of account {account} {}", reason.0);
    report.at(code::IDENTITY, node.place, message, Some(reason.1));
    None
}

fn passphrase_source(
    node: &Node,
    account: &str,
    report: &mut Report<'_>,
) -> Option<PassphraseSource> {
    match node.text() {
        Some("prompt") => return Some(PassphraseSource::Prompt),
        // Perhaps the passphrase itself: reported by the table's check, and never shown.
        Some(_) => return None,
        None => {}
    }
    let file = node.get("file").and_then(Node::text).filter(|path| !path.is_empty());
    let credential = node.get("credential").and_then(Node::text).filter(|name| {
        name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.len() <= 128
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    });
    match (file, credential, node.entries().len()) {
        (Some(path), None, 1) => Some(PassphraseSource::File(PathBuf::from(path))),
        (None, Some(name), 1) => Some(PassphraseSource::Credential(name.to_owned())),
        _ => {
            let message = format!("`passphrase` of account {account} names no source");
            let help = "write `prompt`, `{file: PATH}` or `{credential: NAME}`".to_owned();
            report.at(code::IDENTITY, node.place, message, Some(help));
            None
        }
    }
}
