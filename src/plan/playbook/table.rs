//! The keys of a playbook: one list for the reader, the JSON Schema and the reference page.

use crate::model::snapshot::View;
use crate::plan::playbook::Purpose;
use crate::probe::Profile;
use crate::yaml::check::Codes;
use crate::yaml::shape::{Field, Format, Record, Shape};

/// Stable codes of playbook defects.
pub mod code {
    /// A required key is missing.
    pub const MISSING_KEY: &str = "FS-PLAY-002";
    /// A key no playbook has.
    pub const UNKNOWN_KEY: &str = "FS-PLAY-003";
    /// A value of another type.
    pub const WRONG_TYPE: &str = "FS-PLAY-004";
    /// A value that cannot be.
    pub const BAD_VALUE: &str = "FS-PLAY-005";
    /// A selector that cannot be read.
    pub const SELECTOR: &str = "FS-PLAY-006";
    /// Deadlines that contradict each other.
    pub const DEADLINES: &str = "FS-PLAY-007";
}

/// Every code with one line on it, for the error reference.
pub const CODES: &[(&str, &str)] = &[
    (code::MISSING_KEY, "a required key is missing"),
    (code::UNKNOWN_KEY, "a key that no playbook has"),
    (code::WRONG_TYPE, "a value of another type than expected"),
    (code::BAD_VALUE, "a value that is out of range or not allowed"),
    (code::SELECTOR, "`select` cannot be read"),
    (code::DEADLINES, "a deadline contradicts another"),
];

pub(super) const CHECK: Codes = Codes {
    unknown_key: code::UNKNOWN_KEY,
    missing_key: code::MISSING_KEY,
    wrong_type: code::WRONG_TYPE,
    bad_value: code::BAD_VALUE,
};

const WIDTH_MAX: u32 = 4_096;
const STARTS_PER_SECOND_MAX: u32 = 10_000;
/// Below this a header and a few sockets would already be cut.
pub(super) const OUTPUT_BYTES_MIN: u64 = 64 << 10;

const NAME: Format = Format {
    expects: "a label",
    pattern: Some("^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"),
    example: "nightly-snapshot",
};
const LINE: Format = Format {
    expects: "text in one line",
    pattern: Some("^[^\\u0000-\\u001f\\u007f-\\u009f]{1,256}$"),
    example: "CHG-2026-0815",
};
const SELECTOR: Format =
    Format { expects: "a selector", pattern: None, example: "role=db & env=prod & !tag=lab" };
const SIZE: Format =
    Format { expects: "a size", pattern: Some("^[0-9]+(B|KiB|MiB|GiB)$"), example: "64MiB" };
const DURATION: Format =
    Format { expects: "a duration", pattern: Some("^[0-9]+(ms|s|m|h)$"), example: "60s" };
const FILE: Format = Format {
    expects: "a path",
    pattern: Some("^[^\\u0000-\\u001f]+$"),
    example: "../probes/site.yaml",
};

const fn field(name: &'static str, required: bool, shape: Shape, doc: &'static str) -> Field {
    Field { name, doc, shape, required }
}

/// Limits of one edge.
const EDGE: Record = Record {
    name: "edge limits",
    doc: "How much at once over each edge of a kind.",
    fields: &[
        field(
            "width",
            false,
            Shape::Integer { min: 1, max: WIDTH_MAX as i64 },
            "Hosts visited at the same time over it.",
        ),
        field(
            "starts_per_second",
            false,
            Shape::Integer { min: 1, max: STARTS_PER_SECOND_MAX as i64 },
            "Visits over it started in one second.",
        ),
    ],
    hints: &[],
};

const EACH: Record = Record {
    name: "each",
    doc: "Limits for each edge of a kind. Those of the inventory for one edge hold too: the stricter wins.",
    fields: &[
        field("segment", false, Shape::Record(&EDGE), "Each network segment."),
        field("site", false, Shape::Record(&EDGE), "Each site."),
        field("jump", false, Shape::Record(&EDGE), "Each jump host. Default: 32 hosts at once."),
        field(
            "subnet",
            false,
            Shape::Record(&EDGE),
            "Each /24 of IPv4 and /64 of IPv6, for hosts that are known by an address.",
        ),
        field(
            "realm",
            false,
            Shape::Record(&EDGE),
            "Each domain that logins are checked by, or password account where there is none.",
        ),
    ],
    hints: &[("subnets", "the key is called `subnet`"), ("account", "the key is called `realm`")],
};

const WAVES: Record = Record {
    name: "waves",
    doc: "A few hosts first: canaries of each role and system, then shares of all, then the rest.",
    fields: &[
        field(
            "canary",
            false,
            Shape::Integer { min: 0, max: 100 },
            "Hosts of each role and system in the first wave. Default: 1.",
        ),
        field(
            "shares",
            false,
            Shape::List { of: &Shape::Integer { min: 1, max: 100 }, least: 0 },
            "Size of each wave after it, in percent of all hosts. Default: [5, 25].",
        ),
        field(
            "max_fail_percentage",
            false,
            Shape::Integer { min: 0, max: 100 },
            "No further wave starts when more of one failed. Default: 20.",
        ),
    ],
    hints: &[
        ("serial", "the key is called `shares`, in percent"),
        ("max_fail", "the key is called `max_fail_percentage`"),
    ],
};

const LIMITS: Record = Record {
    name: "limits",
    doc: "How much a run may do at once.",
    fields: &[
        field(
            "width",
            false,
            Shape::Integer { min: 1, max: WIDTH_MAX as i64 },
            "Hosts visited at the same time. Default: 64.",
        ),
        field(
            "starts_per_second",
            false,
            Shape::Integer { min: 1, max: STARTS_PER_SECOND_MAX as i64 },
            "Visits started in one second. Default: 50.",
        ),
        field(
            "output_bytes",
            false,
            Shape::Text(&SIZE),
            "Output kept for each command: 64KiB to 256MiB. Default: 256MiB.",
        ),
        field(
            "each",
            false,
            Shape::Record(&EACH),
            "Limits of segments, sites, jump hosts, subnets and realms.",
        ),
    ],
    hints: &[
        ("forks", "the key is called `width`"),
        ("parallel", "the key is called `width`"),
        ("rate", "the key is called `starts_per_second`"),
    ],
};

macro_rules! deadline {
    ($name:literal, $doc:literal) => {
        field($name, false, Shape::Text(&DURATION), $doc)
    };
}

const DEADLINES: Record = Record {
    name: "deadlines",
    doc: "How long each phase of a visit may take.",
    fields: &[
        deadline!("connect", "TCP handshake: 100ms to 2m. Default: 5s."),
        deadline!("banner", "First line of the server: 100ms to 2m. Default: 5s."),
        deadline!("key_exchange", "Key exchange: 100ms to 2m. Default: 10s."),
        deadline!("authenticate", "Authentication: 100ms to 2m. Default: 15s."),
        deadline!("channel", "Opening a channel: 100ms to 2m. Default: 5s."),
        deadline!("first_byte", "First byte of a command's output: 1s to 30m. Default: 30s."),
        deadline!("idle", "Silence inside a command's output: 1s to 30m. Default: 30s."),
        deadline!("command", "A whole command: 10s to 1h. Default: 60s."),
        deadline!("host", "A whole host: 10s to 4h. Default: 3m."),
    ],
    hints: &[("timeout", "name the phase: `command` for one command, `host` for all of a host")],
};

/// A whole file.
pub const PLAYBOOK: Record = Record {
    name: "playbook",
    doc: "The purpose of a run, whom it asks, what, and within which limits.",
    fields: &[
        field("name", true, Shape::Text(&NAME), "Its name, as runs list it."),
        field("purpose", true, Shape::Word(Purpose::WORDS), "Why: goes into every evidence file."),
        field("description", false, Shape::Text(&LINE), "What for, one line."),
        field("select", false, Shape::Text(&SELECTOR), "Which hosts. Default: all."),
        field(
            "views",
            true,
            Shape::List { of: &Shape::Word(View::WORDS), least: 0 },
            "What to ask.",
        ),
        field(
            "profile",
            false,
            Shape::Word(Profile::WORDS),
            "How much to ask for each view. `rich`: on Windows, what PowerShell tells is asked beside what \
             programs of the system print; the account needs rights to read WMI. Default: default.",
        ),
        field(
            "containers",
            false,
            Shape::Flag,
            "Whether to look into other network namespaces, such as containers'. Default: true.",
        ),
        field("limits", false, Shape::Record(&LIMITS), "How much at once."),
        field(
            "waves",
            false,
            Shape::Record(&WAVES),
            "A few hosts first, the rest only when those were well. Default: all may start at once.",
        ),
        field("deadlines", false, Shape::Record(&DEADLINES), "How long."),
        field("operator", false, Shape::Text(&LINE), "Who answers for the run."),
        field("change", false, Shape::Text(&LINE), "Change or ticket reference."),
        field(
            "site_probes",
            false,
            Shape::List { of: &Shape::Text(&FILE), least: 0 },
            "Files of site probes, relative to the playbook's folder.",
        ),
    ],
    hints: &[
        ("hosts", "the key is called `select` and holds a selector such as `role=db`"),
        ("selector", "the key is called `select`"),
        ("tasks", "a playbook names `views`, never commands"),
        ("commands", "a playbook names `views`, never commands"),
        ("ticket", "the key is called `change`"),
        ("probes", "the key is called `site_probes`"),
        ("profiles", "the key is called `profile`"),
        ("timeout", "the key is called `deadlines`"),
    ],
};
