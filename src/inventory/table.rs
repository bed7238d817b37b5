//! The keys of an inventory file: one list for the reader, the JSON Schema and the reference page.

use crate::inventory::account_table::ACCOUNT_RECORD;
use crate::inventory::host::LegacyAlgorithm;
use crate::inventory::login::Mechanism;
use crate::model::host::{Criticality, Exposure, Platform, TransportKind, words};
use crate::yaml::check::Codes;
use crate::yaml::shape::{Field, Format, Record, Shape};

/// Stable codes of inventory defects.
pub mod code {
    /// A file or folder cannot be read.
    pub const UNREADABLE: &str = "FS-INV-001";
    /// A required key is missing.
    pub const MISSING_KEY: &str = "FS-INV-002";
    /// A key no inventory has.
    pub const UNKNOWN_KEY: &str = "FS-INV-003";
    /// A value of another type.
    pub const WRONG_TYPE: &str = "FS-INV-004";
    /// A value of the right type that cannot be.
    pub const BAD_VALUE: &str = "FS-INV-005";
    /// A name that cannot be a host's, group's or account's.
    pub const BAD_NAME: &str = "FS-INV-006";
    /// The same host, group attribute or account twice.
    pub const TWICE: &str = "FS-INV-007";
    /// Two hosts whose files or names collide.
    pub const COLLISION: &str = "FS-INV-008";
    /// A group, host or account that is not defined.
    pub const UNKNOWN_REFERENCE: &str = "FS-INV-009";
    /// Groups that contain each other, or too deeply.
    pub const CYCLE: &str = "FS-INV-010";
    /// Two groups give a host different values.
    pub const CONFLICT: &str = "FS-INV-011";
    /// A host without an account.
    pub const NO_ACCOUNT: &str = "FS-INV-012";
    /// A range that cannot be expanded, or not in step.
    pub const RANGE: &str = "FS-INV-013";
    /// An address that names no host.
    pub const ADDRESS: &str = "FS-INV-014";
    /// An account whose identities are not named clearly.
    pub const IDENTITY: &str = "FS-INV-015";
    /// No host at all, or too many.
    pub const HOSTS: &str = "FS-INV-016";
    /// Old algorithms where they are not allowed.
    pub const POLICY: &str = "FS-INV-020";
    /// A line of an Ansible inventory that cannot be read.
    pub const ANSIBLE: &str = "FS-INV-030";
    /// An inventory program that fails.
    pub const PROGRAM: &str = "FS-INV-031";
    /// One file with keys of fleetstat's and of Ansible's.
    pub const MIXED: &str = "FS-INV-032";
}

/// Every code with one line on it, for the error reference.
pub const CODES: &[(&str, &str)] = &[
    (code::UNREADABLE, "an inventory file or folder cannot be read"),
    (code::MISSING_KEY, "a required key is missing"),
    (code::UNKNOWN_KEY, "a key that no inventory has"),
    (code::WRONG_TYPE, "a value of another type than expected"),
    (code::BAD_VALUE, "a value that is out of range or not allowed"),
    (code::BAD_NAME, "a name that cannot be a host's, group's, account's or variable's"),
    (code::TWICE, "a host, an account or a group's value is defined twice"),
    (code::COLLISION, "two hosts would write the same evidence file, or differ only in case"),
    (code::UNKNOWN_REFERENCE, "a group, host, jump host or account that is not defined"),
    (code::CYCLE, "groups or jump hosts that lead back to themselves, or are nested too deeply"),
    (code::CONFLICT, "two groups give a host different values and neither is inside the other"),
    (code::NO_ACCOUNT, "a host that is reached by ssh or winrm has no account"),
    (code::RANGE, "a range that cannot be expanded, or whose address has another length"),
    (code::ADDRESS, "an address that does not name one host"),
    (code::IDENTITY, "an account whose keys, certificates or passwords are not named clearly"),
    (code::HOSTS, "the inventory has no hosts, or too many"),
    (
        code::POLICY,
        "old algorithms for every host, or where a segment demands post-quantum ones; `tls: false` beside a \
      login or a key of trust (`auth: basic`, `auth: certificate`, `tls_pin`, `tls_ca`) that is nothing \
      without TLS",
    ),
    (code::ANSIBLE, "an Ansible inventory, or a line of one, that cannot be read"),
    (code::PROGRAM, "an inventory program fails, takes too long, or prints what cannot be used"),
    (code::MIXED, "one file has keys of fleetstat's inventories and of Ansible's"),
];

words! {
    /// Keys with one value, of which the nearest level wins.
    Key {
        /// Where to connect.
        Address = "address",
        /// TCP port.
        Port = "port",
        /// Operating system family.
        Platform = "platform",
        /// Road.
        Transport = "transport",
        /// Role.
        Role = "role",
        /// Environment.
        Environment = "environment",
        /// Segment.
        Segment = "segment",
        /// Site.
        Site = "site",
        /// Business weight.
        Criticality = "criticality",
        /// Reachability.
        Exposure = "exposure",
        /// Owner.
        Owner = "owner",
        /// Time zone.
        Timezone = "timezone",
        /// Account.
        Account = "account",
        /// Care.
        Fragile = "fragile",
        /// Name in `known_hosts`.
        HostKeyAlias = "host_key_alias",
        /// Jump host.
        Jump = "jump",
        /// Old algorithms.
        Legacy = "legacy",
        /// HTTPS.
        Tls = "tls",
        /// Name in the certificate.
        TlsName = "tls_name",
        /// The way to log in.
        Auth = "auth",
        /// Service principal.
        Spn = "spn",
        /// Trusted authorities.
        TlsCa = "tls_ca",
        /// The only certificate.
        TlsPin = "tls_pin",
    }
}

pub(super) const CHECK: Codes = Codes {
    unknown_key: code::UNKNOWN_KEY,
    missing_key: code::MISSING_KEY,
    wrong_type: code::WRONG_TYPE,
    bad_value: code::BAD_VALUE,
};

/// The pattern [`crate::model::id::Label`] checks.
const LABEL_PATTERN: &str = "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$";

const fn label(example: &'static str) -> Format {
    Format { expects: "a label", pattern: Some(LABEL_PATTERN), example }
}

const ROLE: Format = label("db");
const ENVIRONMENT: Format = label("prod");
pub(super) const SEGMENT: Format = label("dmz");
pub(super) const SITE: Format = label("fra-1");
const TAG: Format = label("lab");
const SERVICE: Format = label("https");
const GROUP: Format = label("web");
const ACCOUNT: Format = label("nightly");
const OWNER: Format = Format {
    expects: "a person or team in one line",
    pattern: Some("^[^\\u0000-\\u001f\\u007f-\\u009f]{1,128}$"),
    example: "Team Linux",
};
const TIMEZONE: Format = Format {
    expects: "an IANA time zone",
    pattern: Some("^[A-Za-z0-9_+/-]{1,64}$"),
    example: "Europe/Berlin",
};
const HOST_SET: Format = Format {
    expects: "a host name or node set",
    pattern: Some("^[A-Za-z0-9\\[][A-Za-z0-9._:,\\[\\]-]*$"),
    example: "web[01-20]",
};
const ADDRESS: Format = Format {
    expects: "an IP address or DNS name, ranges as in the host's name",
    pattern: Some("^[A-Za-z0-9:\\[][A-Za-z0-9.:%_,\\[\\]-]*$"),
    example: "10.0.1.[1-20]",
};
const HOST_KEY_ALIAS: Format = Format {
    expects: "a name in known_hosts",
    pattern: Some("^[A-Za-z0-9._:-]{1,255}$"),
    example: "db-cluster",
};
const TLS_NAME: Format = Format {
    expects: "a DNS name or IP address",
    pattern: Some("^[A-Za-z0-9:][A-Za-z0-9.:_-]*$"),
    example: "win-1.example.net",
};
const SPN: Format = Format {
    expects: "a service principal",
    pattern: Some("^[A-Za-z]{1,32}/[A-Za-z0-9][A-Za-z0-9.:_-]{0,254}$"),
    example: "WSMAN/win-1.example.net",
};
const CA_FILE: Format = Format {
    expects: "a path",
    pattern: Some("^[^\\u0000-\\u001f]+$"),
    example: "/etc/fleetstat/windows-ca.pem",
};
const PIN: Format = Format {
    expects: "a certificate's fingerprint",
    pattern: Some("^[Ss][Hh][Aa]256:[A-Za-z0-9+/=:]{43,95}$"),
    example: "SHA256:uNiVztksCsDhcc0u9e8BrrQXVUpMZIDTMczCvj3tD2s",
};
const REALM: Format = Format {
    expects: "a Kerberos realm",
    pattern: Some("^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$"),
    example: "CORP.EXAMPLE",
};
const KDC: Format = Format {
    expects: "an IP address or DNS name, with a port where it is not 88",
    pattern: Some("^[A-Za-z0-9:\\[][A-Za-z0-9.:%_\\[\\]-]*$"),
    example: "dc1.corp.example",
};
const VARIABLE_NAME: Format = Format {
    expects: "a variable name",
    pattern: Some("^[a-z][a-z0-9_]{0,62}$"),
    example: "listen_port",
};
const ANY_TEXT: Format = Format { expects: "text", pattern: None, example: "value" };
pub(super) const JUMP_NAME: Format = Format {
    expects: "the name of a jump host, or none",
    pattern: Some("^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$"),
    example: "bastion-1",
};
const REASON: Format = Format {
    expects: "a reason in one line",
    pattern: Some("^[^\\u0000-\\u001f\\u007f-\\u009f]{1,256}$"),
    example: "vendor ends support in May, ticket NET-812",
};
const DAY: Format = Format {
    expects: "a day",
    pattern: Some("^[0-9]{4}-[0-9]{2}-[0-9]{2}$"),
    example: "2027-03-31",
};

/// Old algorithms for one host or group.
const LEGACY: Record = Record {
    name: "legacy",
    doc: "Old algorithms that this host or group may use until a day, beside the safe ones.",
    fields: &[
        required(
            "algorithms",
            Shape::List { of: &Shape::Word(LegacyAlgorithm::WORDS), least: 1 },
            "Names as OpenSSH writes them. Offered after every safe one.",
        ),
        required("reason", Shape::Text(&REASON), "Why, and who agreed."),
        required(
            "expires",
            Shape::Text(&DAY),
            "Last day, UTC. After it the host is refused until the key is renewed or removed.",
        ),
    ],
    hints: &[("until", "the key is called `expires`"), ("why", "the key is called `reason`")],
};

const fn legacy() -> Field {
    optional(
        "legacy",
        Shape::Record(&LEGACY),
        "Old algorithms for servers that have no other, with a reason and an end.",
    )
}

const VARIABLES: Shape = Shape::Map {
    keys: &VARIABLE_NAME,
    of: &Shape::OneOf(&[
        Shape::Flag,
        WHOLE_NUMBER,
        Shape::Text(&ANY_TEXT),
        Shape::List {
            of: &Shape::OneOf(&[Shape::Flag, WHOLE_NUMBER, Shape::Text(&ANY_TEXT)]),
            least: 0,
        },
    ]),
};
const WHOLE_NUMBER: Shape = Shape::Integer { min: i64::MIN, max: i64::MAX };

pub(super) const fn optional(name: &'static str, shape: Shape, doc: &'static str) -> Field {
    Field { name, doc, shape, required: false }
}

pub(super) const fn required(name: &'static str, shape: Shape, doc: &'static str) -> Field {
    Field { name, doc, shape, required: true }
}

/// Attributes that `all`, a group and a host can have: `$first` come before them.
macro_rules! with_attributes {
    ($($first:expr),* $(,)?) => { &[
        $($first,)*
        optional("port", Shape::Integer { min: 1, max: 65_535 }, "TCP port of the SSH server or WinRM service. Default: 22; with winrm 5986, or 5985 without TLS."),
        optional("platform", Shape::Word(Platform::WORDS), "Operating system family; decides which commands are sent. Default: linux; windows with winrm."),
        optional("transport", Shape::Word(TransportKind::WORDS), "Road to the host: ssh, winrm for Windows, or local for this very machine. Default: ssh."),
        optional("role", Shape::Text(&ROLE), "What the host is for; part of its evidence files' names."),
        optional("environment", Shape::Text(&ENVIRONMENT), "Production, test, laboratory."),
        optional("segment", Shape::Text(&SEGMENT), "Network segment."),
        optional("site", Shape::Text(&SITE), "Location."),
        optional("criticality", Shape::Word(Criticality::WORDS), "How much the business depends on the host."),
        optional("exposure", Shape::Word(Exposure::WORDS), "From where the host can be reached."),
        optional("owner", Shape::Text(&OWNER), "Person or team that answers for the host."),
        optional("tags", Shape::List { of: &Shape::Text(&TAG), least: 0 }, "Free labels. Those of the host, its groups and all are joined."),
        optional("timezone", Shape::Text(&TIMEZONE), "IANA time zone, for business hours. Default: UTC."),
        optional("account", Shape::Text(&ACCOUNT), "Name of the account under accounts. Required for ssh and winrm."),
        optional("services", Shape::List { of: &Shape::Text(&SERVICE), least: 0 }, "Services the host is expected to offer. Joined like tags."),
        optional("jump", Shape::Text(&JUMP_NAME), "Jump host: a name under jumps or hosts. Its own `jump` goes before it, three in all at most; none: direct."),
        optional("tls", Shape::Flag, "With winrm: HTTPS with a verified certificate. false: HTTP, with every message sealed. Default: true."),
        optional("auth", Shape::Word(Mechanism::WORDS), "With winrm: how the account logs in; basic and certificate over verified HTTPS only. Nothing else is tried. Default: ntlm."),
        optional("spn", Shape::Text(&SPN), "With kerberos: the service principal of the host. Default: HTTP/ and tls_name or the address."),
        optional("tls_ca", Shape::Text(&CA_FILE), "With winrm: PEM file of the authorities that are trusted instead of the platform's."),
        optional("tls_pin", Shape::Text(&PIN), "With winrm: SHA-256 of the only certificate that is taken, as base64 or hexadecimal digits. Without tls_ca its authority, names and dates are not looked at."),
        optional("fragile", Shape::Flag, "One command at a time, at the lowest priority. Default: false."),
        optional("vars", VARIABLES, "Variables for site probes: whole numbers, flags, text, lists of them. Each is overridden as a whole."),
    ] };
}

const ATTRIBUTE_HINTS: &[(&str, &str)] = &[
    ("hostname", "the name is the key under `hosts`; where to connect is `address`"),
    ("ansible_host", "the key is called `address`"),
    ("ansible_port", "the key is called `port`"),
    ("ansible_user", "name an account with `account`, and its `user` under `accounts`"),
    ("ip", "the key is called `address`"),
    ("fqdn", "the key is called `address`"),
    ("name", "the name is the key under `hosts`"),
    ("env", "the key is called `environment`"),
    ("os", "the key is called `platform`"),
    ("tag", "the key is called `tags` and holds a list"),
    ("tz", "the key is called `timezone`"),
    ("user", "name an account with `account`, and its `user` under `accounts`"),
    ("identity", "the key belongs to an account under `accounts`"),
    ("groups", "list the host under `hosts` of the group"),
    ("group", "list the host under `hosts` of the group"),
    ("variables", "the key is called `vars`"),
    ("password", "secrets never stand in an inventory; use a key or the agent"),
    ("proxyjump", "the key is called `jump`"),
    ("proxy_jump", "the key is called `jump`"),
    ("jumps", "jump hosts are defined at the top level; a host names one with `jump`"),
];

/// One jump host.
const JUMP_RECORD: Record = Record {
    name: "jump",
    doc: "A jump host that is not collected itself. Its name is none of the hosts'.",
    fields: &[
        optional(
            "address",
            Shape::Text(&ADDRESS),
            "IP address or DNS name, as seen from the jump host before it. Default: the name.",
        ),
        optional("port", Shape::Integer { min: 1, max: 65_535 }, "TCP port. Default: 22."),
        required("account", Shape::Text(&ACCOUNT), "Name of the account under accounts."),
        optional(
            "host_key_alias",
            Shape::Text(&HOST_KEY_ALIAS),
            "Name to look up in known_hosts instead of the address.",
        ),
        optional("jump", Shape::Text(&JUMP_NAME), "Jump host that goes before it."),
        legacy(),
    ],
    hints: ATTRIBUTE_HINTS,
};

/// One segment.
const SEGMENT_RECORD: Record = Record {
    name: "segment",
    doc: "What a network segment demands of the connections into it.",
    fields: &[optional(
        "require_pq",
        Shape::Flag,
        "Refuse a host, before any login, unless its key exchange and those of its jump hosts are post-quantum. Default: false.",
    )],
    hints: &[("require-pq", "the key is called `require_pq`")],
};

/// One realm.
const REALM_RECORD: Record = Record {
    name: "realm",
    doc: "Where the tickets of a Kerberos realm come from.",
    fields: &[required(
        "kdc",
        Shape::List { of: &Shape::Text(&KDC), least: 1 },
        "Its KDCs (domain controllers), tried in this order when one cannot be reached.",
    )],
    hints: &[("kdcs", "the key is called `kdc` and holds a list")],
};

/// One host.
pub(super) const HOST: Record = Record {
    name: "host",
    doc: "A host; its key is its name, or a node set for many alike.",
    fields: with_attributes![
        optional(
            "address",
            Shape::Text(&ADDRESS),
            "IP address or DNS name. Ranges expand in step with those of the name. Default: the name."
        ),
        optional(
            "host_key_alias",
            Shape::Text(&HOST_KEY_ALIAS),
            "Name to look up in known_hosts instead of the address."
        ),
        optional(
            "tls_name",
            Shape::Text(&TLS_NAME),
            "With winrm: name that the host's certificate must carry. Default: the address."
        ),
        legacy(),
    ],
    hints: ATTRIBUTE_HINTS,
};

/// One group.
pub(super) const GROUP_RECORD: Record = Record {
    name: "group",
    doc: "A group of hosts, with what they share. A group's values win over those of its parents.",
    fields: with_attributes![
        optional(
            "hosts",
            Shape::List { of: &Shape::Text(&HOST_SET), least: 0 },
            "Names or node sets of hosts defined under hosts."
        ),
        optional(
            "children",
            Shape::List { of: &Shape::Text(&GROUP), least: 0 },
            "Groups whose hosts belong to this one too."
        ),
        legacy(),
    ],
    hints: ATTRIBUTE_HINTS,
};

/// `legacy` is known, so that it is refused with the right reason.
const ALL_HINTS: &[(&str, &str)] = &[(
    "legacy",
    "old algorithms are never allowed for every host: name the group or host that needs them",
)];

/// What every host has.
pub(super) const ALL_RECORD: Record = Record {
    name: "all",
    doc: "Values for every host; groups and hosts win over them.",
    fields: with_attributes![],
    hints: ALL_HINTS,
};

/// A whole file. Several files are read as one.
pub const INVENTORY: Record = Record {
    name: "inventory",
    doc: "Hosts, their groups and the accounts that read them.",
    fields: &[
        optional(
            "accounts",
            Shape::Map { keys: &ACCOUNT, of: &Shape::Record(&ACCOUNT_RECORD) },
            "Accounts by name.",
        ),
        optional("all", Shape::OrNothing(&Shape::Record(&ALL_RECORD)), "Values for every host."),
        optional(
            "groups",
            Shape::Map { keys: &GROUP, of: &Shape::OrNothing(&Shape::Record(&GROUP_RECORD)) },
            "Groups by name.",
        ),
        optional(
            "hosts",
            Shape::Map { keys: &HOST_SET, of: &Shape::OrNothing(&Shape::Record(&HOST)) },
            "Hosts by name or node set.",
        ),
        optional(
            "jumps",
            Shape::Map { keys: &JUMP_NAME, of: &Shape::Record(&JUMP_RECORD) },
            "Jump hosts by name.",
        ),
        optional(
            "segments",
            Shape::Map { keys: &SEGMENT, of: &Shape::Record(&SEGMENT_RECORD) },
            "What segments demand, by name.",
        ),
        optional(
            "limits",
            Shape::Record(&crate::inventory::limit::LIMITS),
            "How much at once over one edge.",
        ),
        optional(
            "realms",
            Shape::Map { keys: &REALM, of: &Shape::Record(&REALM_RECORD) },
            "Kerberos realms by name. One that is not here is asked at its own name, port 88.",
        ),
    ],
    hints: &[
        ("host", "the key is called `hosts`"),
        ("children", "the key is called `groups`; `children` stands inside a group"),
        ("vars", "put `vars:` under `all:`"),
    ],
};
