//! Names by their numbers, remembered for the length of a question: many facts share few of them,
//! and a join per fact costs more than the fact.

use std::collections::hash_map::Entry;
use std::net::IpAddr;

use rusqlite::Row;

use crate::model::id::Label;
use crate::model::text::HostText;
use crate::store::Error;
use crate::store::hash::Map;
use crate::store::sqlite::conversion::{self, damaged, parsed};
use crate::store::sqlite::statements::Statements;

type Text = HostText<'static>;

/// Names met so far.
#[derive(Default)]
pub(super) struct Lookup {
    roles: Map<i64, Label>,
    addresses: Map<i64, IpAddr>,
    processes: Map<i64, Text>,
    services: Map<i64, Text>,
}

fn find<T: Clone>(
    known: &mut Map<i64, T>,
    sql: &mut Statements<'_>,
    query: (&'static str, i64),
    read: impl FnMut(&Row<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let (query, id) = query;
    let place = match known.entry(id) {
        Entry::Occupied(known) => return Ok(known.get().clone()),
        Entry::Vacant(place) => place,
    };
    let found = sql.all(query, [id], read)?.pop();
    Ok(place.insert(found.ok_or_else(|| damaged("id", id))?).clone())
}

impl Lookup {
    /// A role.
    pub(super) fn role(
        &mut self,
        sql: &mut Statements<'_>,
        id: Option<i64>,
    ) -> Result<Option<Label>, Error> {
        const FIND: &str = "SELECT name FROM role WHERE id = ?1";
        let read = |row: &Row<'_>| parsed(row, "name", |text| Label::new("role", text).ok());
        id.map(|id| find(&mut self.roles, sql, (FIND, id), read)).transpose()
    }

    /// An address.
    pub(super) fn address(&mut self, sql: &mut Statements<'_>, id: i64) -> Result<IpAddr, Error> {
        const FIND: &str = "SELECT address FROM endpoint WHERE id = ?1";
        find(&mut self.addresses, sql, (FIND, id), |row| {
            conversion::address(row, "address")?.ok_or_else(|| damaged("address", "NULL"))
        })
    }

    /// A process name.
    pub(super) fn process(
        &mut self,
        sql: &mut Statements<'_>,
        id: Option<i64>,
    ) -> Result<Option<Text>, Error> {
        const FIND: &str = "SELECT name FROM process WHERE id = ?1";
        let read = |row: &Row<'_>| parsed(row, "name", HostText::from_escaped);
        id.map(|id| find(&mut self.processes, sql, (FIND, id), read)).transpose()
    }

    /// A service.
    pub(super) fn service(
        &mut self,
        sql: &mut Statements<'_>,
        id: Option<i64>,
    ) -> Result<Option<Text>, Error> {
        const FIND: &str = "SELECT name FROM service WHERE id = ?1";
        let read = |row: &Row<'_>| parsed(row, "name", HostText::from_escaped);
        id.map(|id| find(&mut self.services, sql, (FIND, id), read)).transpose()
    }
}
