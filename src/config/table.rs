//! The keys of a file of settings: one list for the reader, the JSON Schema and the reference page.

use crate::yaml::check::Codes;
use crate::yaml::shape::{Field, Format, Record, Shape};

/// Stable codes of defects of a file of settings.
pub mod code {
    /// The file cannot be read, or others can write to it.
    pub const UNREADABLE: &str = "FS-CFG-011";
    /// A required key is missing.
    pub const MISSING_KEY: &str = "FS-CFG-012";
    /// A key that no such file has.
    pub const UNKNOWN_KEY: &str = "FS-CFG-013";
    /// A value of another type.
    pub const WRONG_TYPE: &str = "FS-CFG-014";
    /// A value that cannot be.
    pub const BAD_VALUE: &str = "FS-CFG-015";
}

/// Every code with one line on it, for the error reference.
pub const CODES: &[(&str, &str)] = &[
    (code::UNREADABLE, "a file of settings cannot be read, or others than its owner can change it"),
    (code::MISSING_KEY, "a required key is missing"),
    (code::UNKNOWN_KEY, "a key that no file of settings has"),
    (code::WRONG_TYPE, "a value of another type than expected"),
    (code::BAD_VALUE, "a value that is not allowed"),
];

pub(super) const CHECK: Codes = Codes {
    unknown_key: code::UNKNOWN_KEY,
    missing_key: code::MISSING_KEY,
    wrong_type: code::WRONG_TYPE,
    bad_value: code::BAD_VALUE,
};

const PATH: Format = Format {
    expects: "a path",
    pattern: Some("^[^\\u0000-\\u001f]+$"),
    example: "/etc/fleetstat/inventory.yaml",
};
const LINE: Format = Format {
    expects: "text in one line",
    pattern: Some("^[^\\u0000-\\u001f\\u007f-\\u009f]{1,256}$"),
    example: "network operations",
};
const PATHS: Shape =
    Shape::OneOf(&[Shape::Text(&PATH), Shape::List { of: &Shape::Text(&PATH), least: 1 }]);

const fn optional(name: &'static str, shape: Shape, doc: &'static str) -> Field {
    Field { name, doc, shape, required: false }
}

/// A whole file.
pub const SETTINGS: Record = Record {
    name: "settings",
    doc: "Settings of the controller. A relative path is relative to the file's folder; ~/ is your home.",
    fields: &[
        optional("data", Shape::Text(&PATH), "Folder of store and evidence."),
        optional("inventory", PATHS, "Inventory file or folder, or a list of them."),
        optional("known_hosts", PATHS, "Host keys to trust; `enroll` writes to the first file."),
        optional(
            "revoked_host_keys",
            PATHS,
            "Host keys and certificates never to trust, as public keys one a line or as a KRL.",
        ),
        optional(
            "operator",
            Shape::Text(&LINE),
            "Who answers for runs. The playbook and --operator win over it. Default: the login name.",
        ),
    ],
    hints: &[
        ("inventories", "the key is called `inventory` and may hold a list"),
        ("limits", "limits belong to a playbook"),
        ("deadlines", "deadlines belong to a playbook"),
        ("accounts", "accounts belong to an inventory"),
        ("password", "secrets never stand in a file of settings"),
    ],
};
