//! The field lists of `harden` and `check`: what an account is given, and what is found of one.

use crate::model::host::Platform;
use crate::model::id::ProbeId;
use crate::model::privilege::{AccountFinding, Grant, HardenStep, StepKind, Verdict};
use crate::report::answer::answer;
use crate::report::field::{Column, Field, Kind};
use crate::report::value::{Type, Value, words_of};

/// The kind `harden_step`.
#[derive(Clone, Copy, Debug)]
pub struct HardenSteps;

/// The kind `account_finding`.
#[derive(Clone, Copy, Debug)]
pub struct AccountFindings;

impl Kind for HardenSteps {
    type Body<'x> = HardenStep;

    const NAME: &'static str = "harden_step";

    const DOC: &'static str = "One step that gives an account what it needs, one command that it is for, or one trace that \
         collecting leaves.";

    const FIELDS: &'static [Field<Self>] = answer![
        Field::always("platform", words_of!(Platform), "Operating system family.", |row| {
            Value::Word(row.record.platform.as_str())
        }),
        Field::always("step", words_of!(StepKind), "What it is.", |row| {
            Value::Word(row.record.kind.as_str())
        }),
        Field::always(
            "grants",
            Type::Texts,
            "Grants that the step gives, or that the command needs.",
            |row| Value::list(row.record.grants.iter().map(|grant| grant.as_str())),
        ),
        Field::reported("probe", Type::Text, "The probe that it is for. `null`: all.", |row| {
            row.record.probe.as_ref().map(ProbeId::as_str).into()
        }),
        Field::always("text", Type::Text, "The line, command, script or log.", |row| {
            (&row.record.text).into()
        }),
        Field::always("paths", Type::Texts, "Where the command's program may be.", |row| {
            Value::list(row.record.paths.iter().map(String::as_str))
        }),
        Field::always("purpose", Type::Text, "What it is for.", |row| {
            (&row.record.purpose).into()
        }),
    ];

    const COLUMNS: &'static [Column] = &[
        Column::of("STEP", "step"),
        Column::of("PROBE", "probe"),
        Column::of("GRANTS", "grants"),
        Column::of("TEXT", "text"),
    ];
}

impl Kind for AccountFindings {
    type Body<'x> = AccountFinding;

    const NAME: &'static str = "account_finding";

    const DOC: &'static str = "One thing found of an account on a host: what it lacks, or has too much of. A host of which \
         nothing is to be said has one row that says so.";

    const FIELDS: &'static [Field<Self>] = answer![
        Field::always("host_id", Type::Text, "The host.", |row| row.record.host.as_str().into()),
        Field::always("platform", words_of!(Platform), "Operating system family.", |row| {
            Value::Word(row.record.platform.as_str())
        }),
        Field::reported(
            "account",
            Type::Text,
            "The account as the host names it; as the inventory does, where the host said nothing.",
            |row| row.record.account.as_ref().into(),
        ),
        Field::always(
            "verdict",
            words_of!(Verdict),
            "`lacks` and `too_much` are to be mended; `reduced` only tells what is left out.",
            |row| Value::Word(row.record.verdict.as_str()),
        ),
        Field::always("what", Type::Text, "What was found.", |row| (&row.record.what).into()),
        Field::always("probes", Type::Texts, "Probes that would tell less.", |row| {
            Value::list(row.record.probes.iter().map(ProbeId::as_str))
        }),
        Field::reported(
            "grant",
            words_of!(Grant),
            "The section of `fleetstat harden` that gives it. `null`: none does.",
            |row| row.record.grant.map_or(Value::Null, |grant| Value::Word(grant.as_str())),
        ),
        Field::reported("remedy", Type::Text, "What to do.", |row| {
            row.record.remedy.as_ref().into()
        }),
    ];

    const COLUMNS: &'static [Column] = &[
        Column::of("HOST", "host_id"),
        Column::of("ACCOUNT", "account"),
        Column::of("VERDICT", "verdict"),
        Column::of("WHAT", "what"),
        Column::sample("PROBES", "probes"),
        Column::of("GRANT", "grant"),
        Column::of("REMEDY", "remedy"),
    ];
}
