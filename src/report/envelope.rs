//! What every record carries besides its own facts: which run and host it belongs to, and where in
//! the evidence it stands.
//!
//! Comes in: a snapshot's header, or only the name of a text for `fleetstat parse`. Goes out: the
//! first fields of every record kind.

use crate::model::capture::Header;
use crate::model::id::{HostName, ProbeId};
use crate::model::record::{Source, Sourced};
use crate::model::snapshot::Snapshot;
use crate::report::value::{Member, Type, Value};

/// What the records of one snapshot have in common.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    /// The evidence file's header. `None`: the text was read alone and belongs to no run.
    pub header: Option<&'a Header>,
    /// The host that a text alone was said to be from.
    pub host: Option<&'a HostName>,
    /// Name of the evidence file, or of the text.
    pub file: &'a str,
    /// The probe of each section, by section number, sorted.
    pub probes: Vec<(u16, &'a ProbeId)>,
}

impl<'a> Context<'a> {
    /// The context of a snapshot's records.
    #[must_use]
    pub fn of(snapshot: &'a Snapshot) -> Self {
        let mut probes: Vec<_> =
            snapshot.sections.iter().map(|section| (section.number, &section.probe)).collect();
        probes.sort_unstable();
        Self { header: Some(&snapshot.header), host: None, file: &snapshot.evidence.name, probes }
    }

    /// The context of records read from a text alone: section 1 is the whole text.
    #[must_use]
    pub fn of_text(file: &'a str, probe: &'a ProbeId, host: Option<&'a HostName>) -> Self {
        Self { header: None, host, file, probes: vec![(1, probe)] }
    }

    fn probe(&self, section: u16) -> Option<&'a ProbeId> {
        let at = self.probes.binary_search_by_key(&section, |(number, _)| *number).ok()?;
        self.probes.get(at).map(|(_, probe)| *probe)
    }

    /// Inventory name of the host.
    #[must_use]
    pub fn host(&self) -> Option<&'a HostName> {
        self.header.map(|header| &header.asset.name).or(self.host)
    }
}

/// The context of an answer, which is in no evidence file.
static NOWHERE: Context<'static> =
    Context { header: None, host: None, file: "", probes: Vec::new() };

/// A row on its way out: a record or an answer, borrowed, with what surrounds it.
#[derive(Debug)]
pub struct Recorded<'a, T> {
    /// What it shares with the snapshot's other records. Nothing for an answer.
    pub context: &'a Context<'a>,
    /// The record or the answer.
    pub record: &'a T,
    /// Where it stands in the evidence. Empty for an answer.
    pub sources: &'a [Source],
}

// By hand: a derived `Copy` would ask for `T: Copy`, and only references are copied.
impl<T> Clone for Recorded<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Recorded<'_, T> {}

impl<'a, T> Recorded<'a, T> {
    /// A record of a snapshot.
    #[must_use]
    pub fn new(context: &'a Context<'a>, sourced: &'a Sourced<T>) -> Self {
        Self { context, record: &sourced.record, sources: &sourced.sources }
    }

    /// An answer.
    #[must_use]
    pub const fn answer(answer: &'a T) -> Self {
        Self { context: &NOWHERE, record: answer, sources: &[] }
    }
}

/// The members of `source`.
pub const SOURCE: &[Member] = &[
    Member::always("file", Type::Text, "Evidence file, or the text that was read."),
    Member::always("section", Type::Integer, "Section in the file, from 1."),
    Member::always("start", Type::Integer, "First byte in the section's standard output, from 0."),
    Member::always("end", Type::Integer, "Byte after the last."),
];

/// The probes that the sources were asked by, each once, in the order of the sources.
#[must_use]
pub fn probes<'r>(context: &'r Context<'_>, sources: &[Source]) -> Value<'r> {
    let mut probes: Vec<Value<'r>> = Vec::with_capacity(sources.len());
    for source in sources {
        if let Some(probe) = context.probe(source.section) {
            let probe = Value::from(probe.as_str());
            if !probes.contains(&probe) {
                probes.push(probe);
            }
        }
    }
    Value::List(probes)
}

/// The sources as objects.
#[must_use]
pub fn sources<'r>(context: &'r Context<'_>, sources: &[Source]) -> Value<'r> {
    Value::objects(sources.iter().map(|source| {
        let file = Value::from(context.file);
        [file, source.section.into(), source.start.into(), source.end.into()]
    }))
}

/// The envelope's fields, then the kind's own: one list.
macro_rules! with_envelope {
    ($($field:expr),* $(,)?) => {
        &[
            $crate::report::field::Field::always("schema", $crate::report::value::Type::Text, "Name and version of this schema.", |_| {
                $crate::report::value::Value::Word($crate::model::record::SCHEMA)
            }),
            $crate::report::field::Field::always("kind", $crate::report::value::Type::Text, "What the record is about.", |_| $crate::report::value::Value::Word(Self::NAME)),
            $crate::report::field::Field::reported(
                "run_id",
                $crate::report::value::Type::Text,
                "The run. Sorts by start. `null`: a text that was read alone.",
                |row| row.context.header.map(|header| header.run.as_str()).into(),
            ),
            $crate::report::field::Field::reported(
                "host_id",
                $crate::report::value::Type::Text,
                "The inventory's name of the host; what the host calls itself is `hostname`.",
                |row| row.context.host().map(|host| host.as_str()).into(),
            ),
            $crate::report::field::Field::reported("pass", $crate::report::value::Type::Integer, "Planned repetition in the run, from 1.", |row| {
                row.context.header.map(|header| header.pass.pass).into()
            }),
            $crate::report::field::Field::reported("attempt", $crate::report::value::Type::Integer, "Retry of the pass, from 1.", |row| {
                row.context.header.map(|header| header.pass.attempt).into()
            }),
            $crate::report::field::Field::reported(
                "collected_at",
                $crate::report::value::Type::Time,
                "When the first command was sent to the host, by the controller's clock.",
                |row| row.context.header.map(|header| header.started).into(),
            ),
            $crate::report::field::Field::always(
                "probes",
                $crate::report::value::Type::Texts,
                "The probes whose answers the record was read from.",
                |row| $crate::report::envelope::probes(row.context, row.sources),
            ),
            $crate::report::field::Field::always(
                "source",
                $crate::report::value::Type::Objects($crate::report::envelope::SOURCE),
                "Where in the evidence the record stands. Several when it was put together from \
                 several commands.",
                |row| $crate::report::envelope::sources(row.context, row.sources),
            ),
            $($field),*
        ]
    };
}
pub(crate) use with_envelope;
