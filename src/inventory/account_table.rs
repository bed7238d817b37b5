//! The keys of an account and of what opens it: a part of the table of an inventory's keys.

use crate::inventory::table::{optional, required};
use crate::yaml::shape::{Format, Record, Shape};

const USER: Format = Format {
    expects: "a login name",
    pattern: Some("^[A-Za-z0-9_][A-Za-z0-9._@$\\\\-]{0,63}$"),
    example: "fleetstat",
};
const KEY_FILE: Format = Format {
    expects: "a path",
    pattern: Some("^[^\\u0000-\\u001f]+$"),
    example: "~/.ssh/fleetstat_ed25519",
};

const SECRET_FILE: Format = Format {
    expects: "a path",
    pattern: Some("^[^\\u0000-\\u001f]+$"),
    example: "~/.config/fleetstat/passphrase",
};
const CERTIFICATE_FILE: Format = Format {
    expects: "a path",
    pattern: Some("^[^\\u0000-\\u001f]+$"),
    example: "~/.ssh/fleetstat_ed25519-cert.pub",
};
const COMMAND_WORD: Format = Format {
    expects: "a word of a command",
    pattern: Some("^[^\\u0000]*$"),
    example: "/usr/local/bin/fleetstat-secret",
};
const FINGERPRINT: Format = Format {
    expects: "a key fingerprint",
    pattern: Some("^SHA256:[A-Za-z0-9+/]{43}$"),
    example: "SHA256:uNiVztksCsDhcc0u9e8BrrQXVUpMZIDTMczCvj3tD2s",
};
const CREDENTIAL: Format = Format {
    expects: "the name of a systemd credential",
    pattern: Some("^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"),
    example: "fleetstat-key",
};

const SECRET: Record = Record {
    name: "secret",
    doc: "Where a passphrase or password comes from; exactly one of the keys.",
    fields: &[
        optional(
            "file",
            Shape::Text(&SECRET_FILE),
            "A file of mode 0600 that belongs to you; one line.",
        ),
        optional("credential", Shape::Text(&CREDENTIAL), "A systemd credential (LoadCredential=)."),
        optional(
            "command",
            Shape::List { of: &Shape::Text(&COMMAND_WORD), least: 1 },
            "A program by its absolute path, and its arguments, started without a shell; it prints the secret in one line within 10 s.",
        ),
    ],
    hints: &[
        (
            "password",
            "secrets never stand in an inventory; name a `file`, `credential` or `command`",
        ),
        (
            "env",
            "other processes can read the environment, and children inherit it: name a `file`, `credential` or `command`",
        ),
        ("prompt", "write `prompt` alone, without braces"),
    ],
};

const SECRET_SOURCE: Shape = Shape::OneOf(&[Shape::Word(&["prompt"]), Shape::Record(&SECRET)]);

const PEM_FILE: Format = Format {
    expects: "a path",
    pattern: Some("^[^\\u0000-\\u001f]+$"),
    example: "/etc/fleetstat/reader.pem",
};

/// A certificate for TLS.
const TLS_CERTIFICATE: Record = Record {
    name: "tls_certificate",
    doc: "A client certificate for hosts that are reached by winrm with `auth: certificate`.",
    fields: &[
        required(
            "certificate",
            Shape::Text(&PEM_FILE),
            "PEM file of the certificate, followed by those that lead to its authority.",
        ),
        required("key", Shape::Text(&PEM_FILE), "PEM file of the private key."),
        optional(
            "passphrase",
            SECRET_SOURCE,
            "For an encrypted key (PKCS #8): prompt, a file, a credential or a command.",
        ),
    ],
    hints: &[("file", "the keys are called `certificate` and `key`")],
};

/// Keys that name an identity: alike in the short form and in the list; `$first` come before
/// them, `$last` after them.
macro_rules! with_identity {
    ([$($first:expr),* $(,)?], [$($last:expr),* $(,)?]) => { &[
        $($first,)*
        optional("identity", Shape::Text(&KEY_FILE), "Private key file; ~/ is your home."),
        optional("passphrase", SECRET_SOURCE, "For an encrypted key file: prompt, a file, a credential or a command."),
        optional("certificate", Shape::Text(&CERTIFICATE_FILE), "OpenSSH user certificate for the key of identity or agent."),
        optional("agent", Shape::OneOf(&[Shape::Flag, Shape::Text(&FINGERPRINT)]), "A key of ssh-agent: its fingerprint, or true when the agent holds only one."),
        optional("agent_certificate", Shape::Text(&FINGERPRINT), "A user certificate that ssh-agent holds: the fingerprint of its key."),
        optional("password", SECRET_SOURCE, "For password and keyboard-interactive logins: prompt, a file, a credential or a command."),
        optional("tls_certificate", Shape::Record(&TLS_CERTIFICATE), "A client certificate, for hosts that are reached by winrm."),
        $($last,)*
    ] };
}

/// One entry of an account's list of identities.
pub(super) const IDENTITY_RECORD: Record = Record {
    name: "identity",
    doc: "One way to prove who we are: identity, agent, agent_certificate, password or tls_certificate.",
    fields: with_identity!([], []),
    hints: &[
        ("key", "the key file is called `identity`"),
        ("user", "`user` belongs to the account"),
    ],
};

/// One account.
pub(super) const ACCOUNT_RECORD: Record = Record {
    name: "account",
    doc: "A login on hosts, with what opens it: one identity, agent, agent_certificate, password or tls_certificate, or a list of identities.",
    fields: with_identity!(
        [required("user", Shape::Text(&USER), "Login name on the host.")],
        [
            optional(
                "identities",
                Shape::List { of: &Shape::Record(&IDENTITY_RECORD), least: 1 },
                "Several, at most 4, offered in this order; instead of the keys above.",
            ),
            optional(
                "escalation",
                Shape::Word(&["none", "sudo"]),
                "sudo: `sudo -n` for the commands that the command standard marks. Default: none.",
            ),
        ]
    ),
    hints: &[
        ("key", "the key file is called `identity`"),
        ("private_key", "secrets never stand in an inventory; name the key file with `identity`"),
        ("name", "the name is the key under `accounts`; the login name is `user`"),
        ("sudo", "write `escalation: sudo`"),
        ("become", "write `escalation: sudo`"),
    ],
};
