//! The field lists of a verification: the verdict, and each finding.

use crate::model::digest::Sha256;
use crate::model::id::{HostName, RunId};
use crate::report::answer::answer;
use crate::report::field::{Column, Field, Kind};
use crate::report::value::{Type, Value};

/// The verdict on a folder that agrees with its own manifest, where the store has no digest of it.
pub const UNANCHORED: &str = "unanchored";

/// What a run's folder proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedRow {
    /// The run. `None`: the manifest cannot be read.
    pub run: Option<RunId>,
    /// The folder.
    pub folder: String,
    /// `intact`, `incomplete`, `changed` or [`UNANCHORED`].
    pub verdict: &'static str,
    /// Evidence files read.
    pub files: u64,
    /// Bytes of evidence read.
    pub bytes: u64,
    /// Digest of the manifest. `None`: it is missing.
    pub manifest: Option<Sha256>,
    /// Whether it was compared with the digest that the store keeps.
    pub anchored: bool,
    /// Number of findings.
    pub findings: u64,
}

/// One thing that is not as the run left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingRow {
    /// The host. `None`: the manifest, or an unknown file.
    pub host: Option<HostName>,
    /// File name, escaped.
    pub file: String,
    /// What is wrong, as a word.
    pub finding: &'static str,
    /// More about it.
    pub detail: String,
}

/// The kind `verified`.
#[derive(Clone, Copy, Debug)]
pub struct Verified;

impl Kind for Verified {
    type Body<'x> = VerifiedRow;

    const NAME: &'static str = "verified";

    const DOC: &'static str = "What the folder of a run proves.";

    const FIELDS: &'static [Field<Self>] = answer![
        Field::reported("run_id", Type::Text, "The run. `null`: no manifest.", |row| {
            row.record.run.as_ref().map(RunId::as_str).into()
        }),
        Field::always("folder", Type::Text, "The folder.", |row| (&row.record.folder).into()),
        Field::always(
            "verdict",
            Type::Word(|| vec!["intact", "incomplete", "changed", UNANCHORED]),
            "`incomplete`: the run did not end, and nothing shows that anybody changed it. \
             `unanchored`: the folder matches its own manifest, which nobody vouches for.",
            |row| Value::Word(row.record.verdict),
        ),
        Field::always("files", Type::Integer, "Evidence files read.", |row| {
            row.record.files.into()
        }),
        Field::always("bytes", Type::Integer, "Bytes of evidence read.", |row| {
            row.record.bytes.into()
        }),
        Field::reported("manifest_sha256", Type::Text, "Digest of the manifest.", |row| {
            row.record.manifest.map(|digest| digest.to_string()).into()
        }),
        Field::always(
            "anchored",
            Type::Bool,
            "Whether the manifest was compared with the digest that the store keeps.",
            |row| row.record.anchored.into(),
        ),
        Field::always("findings", Type::Integer, "Number of findings.", |row| {
            row.record.findings.into()
        }),
    ];

    const COLUMNS: &'static [Column] = &[
        Column::of("VERDICT", "verdict"),
        Column::of("FILES", "files"),
        Column::of("BYTES", "bytes"),
        Column::of("FINDINGS", "findings"),
        Column::of("FOLDER", "folder"),
    ];
}

/// The kind `evidence_finding`.
#[derive(Clone, Copy, Debug)]
pub struct Findings;

impl Kind for Findings {
    type Body<'x> = FindingRow;

    const NAME: &'static str = "evidence_finding";

    const DOC: &'static str = "One file of a run's folder that is not as the run left it.";

    const FIELDS: &'static [Field<Self>] = answer![
        Field::reported("host_id", Type::Text, "The host whose evidence it concerns.", |row| {
            row.record.host.as_ref().map(HostName::as_str).into()
        }),
        Field::always("file", Type::Text, "File name.", |row| (&row.record.file).into()),
        Field::always("finding", Type::Text, "What is wrong, as a word.", |row| {
            Value::Word(row.record.finding)
        }),
        Field::always("detail", Type::Text, "More about it.", |row| (&row.record.detail).into()),
    ];

    const COLUMNS: &'static [Column] = &[
        Column::of("HOST", "host_id"),
        Column::of("FILE", "file"),
        Column::of("FINDING", "finding"),
        Column::of("DETAIL", "detail"),
    ];
}
