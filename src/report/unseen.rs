//! What an answer did not see: its field list, and how it stands beside the answer in each format.
//!
//! Comes in: rows of an answer, and what it did not see. Goes out: both. JSON and NDJSON hold rows of
//! both kinds, the answer first; a table is followed by a list for people; CSV has one kind of
//! columns, so there the caller says it elsewhere.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::model::seen::{Unseen, UnseenReason};
use crate::model::snapshot::View;
use crate::report::answer::answer;
use crate::report::field::{Column, Field, Kind};
use crate::report::rows::{Format, Layout, write_answers};
use crate::report::table::seconds;
use crate::report::text::shown;
use crate::report::value::{Type, Value, words_of};

/// The kind `unseen`.
#[derive(Clone, Copy, Debug)]
pub struct UnseenHosts;

impl Kind for UnseenHosts {
    type Body<'x> = Unseen;

    const NAME: &'static str = "unseen";

    const DOC: &'static str = "What an answer did not see of one host, or saw only as it was \
                               earlier. Stands after the rows of the answer.";

    const FIELDS: &'static [Field<Self>] = answer![
        Field::always("host_id", Type::Text, "The inventory's name of the host.", |row| {
            row.record.host.as_str().into()
        }),
        Field::always("view", words_of!(View), "The view that is missing or old.", |row| {
            Value::Word(row.record.view.as_str())
        }),
        Field::always("reason", words_of!(UnseenReason), "Why.", |row| {
            Value::Word(row.record.reason.as_str())
        }),
        Field::reported(
            "last_whole",
            Type::Time,
            "The last whole answer at or before the time asked for. `null`: there is none.",
            |row| row.record.last_whole.into(),
        ),
        Field::reported(
            "last_tried",
            Type::Time,
            "The last visit, whatever came of it. `null`: there is none.",
            |row| row.record.last_tried.into(),
        ),
        Field::always("detail", Type::Text, "More about it. Empty: nothing.", |row| {
            (&row.record.detail).into()
        }),
    ];

    const COLUMNS: &'static [Column] = &[
        Column::of("HOST", "host_id"),
        Column::of("VIEW", "view"),
        Column::of("REASON", "reason"),
        Column::of("LAST-WHOLE", "last_whole"),
        Column::of("LAST-TRIED", "last_tried"),
        Column::of("DETAIL", "detail"),
    ];
}

/// Host names in one line of the list for people.
const NAMES: usize = 5;

/// What a reason means for who reads the answer.
#[must_use]
pub const fn meaning(reason: UnseenReason) -> &'static str {
    match reason {
        UnseenReason::NoSnapshot => "no snapshot at or before the time: nothing is known",
        UnseenReason::NeverWhole => "never answered whole: absence proves nothing",
        UnseenReason::Stale => "the last whole answer is older than `--stale`",
        UnseenReason::LaterFailed => {
            "the latest visit did not answer whole: shown as it was before that"
        }
        UnseenReason::NoEarlier => "no whole answer at or before the earlier time to compare with",
        UnseenReason::NoLater => "no whole answer after the earlier time: changes are not known",
        UnseenReason::OwnersHidden => {
            "owners are not visible on both sides: who holds a listener was not compared"
        }
    }
}

/// One line for people per reason and view: how many hosts, why, and some names with the time of
/// their last whole answer.
#[must_use]
pub fn lines(unseen: &[Unseen]) -> Vec<String> {
    let mut groups: BTreeMap<(UnseenReason, View), Vec<&Unseen>> = BTreeMap::new();
    for one in unseen {
        groups.entry((one.reason, one.view)).or_default().push(one);
    }
    let line = |((reason, view), all): ((UnseenReason, View), Vec<&Unseen>)| {
        let hosts = if all.len() == 1 { "1 host".into() } else { format!("{} hosts", all.len()) };
        let named: Vec<_> = all.iter().take(NAMES).map(|one| named(one)).collect();
        let more = all.len().saturating_sub(named.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{hosts}, {view}: {}: {}{more}", meaning(reason), named.join(", "))
    };
    groups.into_iter().map(line).collect()
}

fn named(one: &Unseen) -> String {
    let host = &one.host;
    match one.last_whole {
        Some(last) => format!("{host} ({})", seconds(last)),
        None => host.to_string(),
    }
}

/// Writes an answer and what it did not see.
///
/// # Errors
/// When the writer fails.
pub fn write<K: Kind>(
    mut out: impl Write,
    layout: Layout,
    kind: K,
    rows: &[K::Body<'_>],
    unseen: &[Unseen],
) -> io::Result<()> {
    match layout.format {
        Format::Csv => write_answers(&mut out, layout, kind, rows).map(drop),
        Format::Json | Format::Ndjson => {
            two_kinds(&mut out, layout, (kind, rows), (UnseenHosts, unseen))
        }
        Format::Table => {
            write_answers(&mut out, layout, kind, rows)?;
            list(&mut out, unseen)
        }
    }
}

/// Writes rows of two kinds: in JSON as one array.
///
/// # Errors
/// When the writer fails.
pub fn two_kinds<K: Kind, L: Kind>(
    mut out: impl Write,
    layout: Layout,
    (first, firsts): (K, &[K::Body<'_>]),
    (second, seconds): (L, &[L::Body<'_>]),
) -> io::Result<()> {
    if layout.format != Format::Json || seconds.is_empty() {
        write_answers(&mut out, layout, first, firsts)?;
        if layout.format == Format::Json {
            return Ok(());
        }
        return write_answers(&mut out, layout, second, seconds).map(drop);
    }
    let mut array = Vec::new();
    write_answers(&mut array, layout, first, firsts)?;
    // The closing bracket gives way to the rows of the other kind; an empty array has none.
    let body = array.strip_suffix(b"\n]\n");
    out.write_all(body.unwrap_or_default())?;
    out.write_all(if body.is_some() { b",\n" } else { b"[\n" })?;
    array.clear();
    write_answers(&mut array, layout, second, seconds)?;
    out.write_all(array.strip_prefix(b"[\n").unwrap_or(&array))
}

fn list(out: &mut impl Write, unseen: &[Unseen]) -> io::Result<()> {
    let lines = lines(unseen);
    if !lines.is_empty() {
        writeln!(out, "\nNot seen")?;
    }
    lines.iter().try_for_each(|line| writeln!(out, "  {}", shown(line)))
}
