//! Where records come from: the first source of each record beside it, further ones in a table.
//!
//! Lines follow each other, so a source is written as its distance to the one before in the same
//! section and its length: the first is mostly 0.

use smallvec::SmallVec;

use crate::model::record::{Source, Sourced};
use crate::store::blob::column::{Malformed, length};
use crate::store::blob::reader::{Reader, next_of};
use crate::store::blob::writer::Writer;
use crate::store::hash::Map;

/// The sources of one record.
pub(super) type Sources = SmallVec<[Source; 1]>;

/// Where the last source of each section ended.
#[derive(Default)]
struct Ends(Map<u16, u64>);

impl Ends {
    fn of(&mut self, section: u16) -> &mut u64 {
        self.0.entry(section).or_insert(0)
    }
}

/// Writes the sources of a list of records.
pub(super) fn put<'s>(page: &mut Writer<'_>, lists: impl Iterator<Item = &'s Sources> + Clone) {
    page.table(lists.clone(), |row, sources| row.number(length(sources.len())));
    let mut ends = Ends::default();
    page.table(lists.flatten(), |row, source| {
        let before = ends.of(source.section);
        row.number(u64::from(source.section));
        row.signed(source.start.wrapping_sub(*before).cast_signed());
        row.number(source.end.wrapping_sub(source.start));
        *before = source.end;
    });
}

/// Reads what [`put`] wrote.
pub(super) fn get(page: &mut Reader<'_>) -> Result<Vec<Sources>, Malformed> {
    let counts = page.numbers()?;
    let mut ends = Ends::default();
    let sources = page.table(|row| {
        let section = row.narrow()?;
        let before = ends.of(section);
        let start = before.wrapping_add(row.signed()?.cast_unsigned());
        *before = start.wrapping_add(row.number()?);
        Ok(Source { section, start, end: *before })
    })?;
    let mut sources = sources.into_iter();
    counts
        .into_iter()
        .map(|count| Ok(next_of(&mut sources, count)?.into_iter().collect()))
        .collect()
}

/// The sources of each record of a list.
pub(super) fn of<T>(records: &[Sourced<T>]) -> impl Iterator<Item = &Sources> + Clone {
    records.iter().map(|sourced| &sourced.sources)
}

/// Joins records with their sources.
pub(super) fn join<T>(
    records: Vec<T>,
    sources: &mut impl Iterator<Item = Sources>,
) -> Result<Vec<Sourced<T>>, Malformed> {
    records
        .into_iter()
        .map(|record| {
            let sources = sources.next().ok_or(Malformed("a source is missing"))?;
            Ok(Sourced { record, sources })
        })
        .collect()
}
