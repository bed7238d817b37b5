//! The field list of probes: the command standard, one command a row.

use crate::report::answer::answer;
use crate::report::field::{Column, Field, Kind};
use crate::report::value::{Type, Value};

/// A probe as it is told, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProbeRow {
    /// Its id.
    pub id: String,
    /// Operating system family.
    pub platform: String,
    /// The argument vector.
    pub command: Vec<String>,
    /// Other paths of the program.
    pub other_paths: Vec<String>,
    /// Views it answers, and those it gives context to.
    pub views: [Vec<String>; 2],
    /// When it is asked.
    pub usage: String,
    /// Whose rights it needs.
    pub privilege: String,
    /// Deadlines in seconds: of the first byte, of the whole command. `None`: those of the run.
    pub deadlines: Option<[u64; 2]>,
    /// Exit statuses that are an answer.
    pub usable_exits: Vec<String>,
    /// What the account is given for it.
    pub grants: Vec<String>,
    /// Conditions of the fallback.
    pub fallback_on: Vec<String>,
    /// Probes that stand in.
    pub fallback: Vec<String>,
    /// What it leaves out.
    pub cannot_say: Vec<String>,
    /// How it was verified. `None`: a site's probe, which the site answers for.
    pub verified: Option<String>,
    /// The manual page.
    pub manual: Option<String>,
    /// What it reads.
    pub reads: Option<String>,
    /// Digest of what it asks and how it is read.
    pub digest: Option<String>,
}

/// The kind `probe`.
#[derive(Clone, Copy, Debug)]
pub struct Probes;

impl Kind for Probes {
    type Body<'x> = ProbeRow;

    const NAME: &'static str = "probe";

    const DOC: &'static str = "One command of the command standard, or of a site.";

    const FIELDS: &'static [Field<Self>] = answer![
        Field::always("id", Type::Text, "Its id.", |row| (&row.record.id).into()),
        Field::always("platform", Type::Text, "Operating system family.", |row| {
            (&row.record.platform).into()
        }),
        Field::always("command", Type::Texts, "The argument vector.", |row| {
            Value::list(&row.record.command)
        }),
        Field::always("other_paths", Type::Texts, "Other paths of the program.", |row| {
            Value::list(&row.record.other_paths)
        }),
        Field::always("views", Type::Texts, "Views that it answers.", |row| {
            Value::list(&row.record.views[0])
        }),
        Field::always("context_for", Type::Texts, "Views that it gives context to.", |row| {
            Value::list(&row.record.views[1])
        }),
        Field::always(
            "usage",
            Type::Text,
            "`planned`, `fallback`, `find_tools` after an exit 127, `rich`, or `site`.",
            |row| (&row.record.usage).into(),
        ),
        Field::always("privilege", Type::Text, "Whose rights it needs.", |row| {
            (&row.record.privilege).into()
        }),
        Field::reported(
            "first_byte_seconds",
            Type::Integer,
            "Deadline of the first byte. `null`: that of the run.",
            |row| row.record.deadlines.map(|[first, _]| first).into(),
        ),
        Field::reported(
            "total_seconds",
            Type::Integer,
            "Deadline of the whole command. `null`: that of the run.",
            |row| row.record.deadlines.map(|[_, total]| total).into(),
        ),
        Field::always("grants", Type::Texts, "What the account needs: see `harden`.", |row| {
            Value::list(&row.record.grants)
        }),
        Field::always("usable_exits", Type::Texts, "Exit statuses that are an answer.", |row| {
            Value::list(&row.record.usable_exits)
        }),
        Field::always("fallback_on", Type::Texts, "What makes others stand in.", |row| {
            Value::list(&row.record.fallback_on)
        }),
        Field::always("fallback", Type::Texts, "The probes that stand in.", |row| {
            Value::list(&row.record.fallback)
        }),
        Field::always("cannot_say", Type::Texts, "What the tool leaves out.", |row| {
            Value::list(&row.record.cannot_say)
        }),
        Field::reported(
            "verified",
            Type::Text,
            "`live`, `recorded` or `grammar`. `null`: a site's probe.",
            |row| row.record.verified.as_ref().into(),
        ),
        Field::reported("manual", Type::Text, "The manual page.", |row| {
            row.record.manual.as_ref().into()
        }),
        Field::reported("reads", Type::Text, "What it reads.", |row| {
            row.record.reads.as_ref().into()
        }),
        Field::reported("digest", Type::Text, "Digest of what it asks.", |row| {
            row.record.digest.as_ref().into()
        }),
    ];

    const COLUMNS: &'static [Column] = &[
        Column::of("PROBE", "id"),
        Column::of("USAGE", "usage"),
        Column::of("VERIFIED", "verified"),
        Column::of("READS", "reads"),
    ];
}
