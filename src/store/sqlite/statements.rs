//! Prepared statements, kept for the length of one transaction or question.

use std::collections::hash_map::Entry;

use rusqlite::{Connection, Params, Row, Statement};

use crate::store::Error;
use crate::store::hash::Map;
use crate::store::sqlite::engine;

/// Statements of one connection, by their text.
pub(super) struct Statements<'c> {
    connection: &'c Connection,
    prepared: Map<&'static str, Statement<'c>>,
}

impl<'c> Statements<'c> {
    /// None yet.
    pub(super) fn new(connection: &'c Connection) -> Self {
        Self { connection, prepared: Map::default() }
    }

    fn get(&mut self, sql: &'static str) -> Result<&mut Statement<'c>, rusqlite::Error> {
        match self.prepared.entry(sql) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(place) => Ok(place.insert(self.connection.prepare(sql)?)),
        }
    }

    /// Changes rows; gives how many.
    pub(super) fn execute(
        &mut self,
        sql: &'static str,
        params: impl Params,
    ) -> Result<usize, Error> {
        let run = |this: &mut Self| this.get(sql)?.execute(params);
        run(self).map_err(engine("write rows"))
    }

    /// Adds a row; gives its id.
    pub(super) fn insert(&mut self, sql: &'static str, params: impl Params) -> Result<i64, Error> {
        self.execute(sql, params)?;
        Ok(self.connection.last_insert_rowid())
    }

    /// The first row of an answer. `None`: there is none.
    pub(super) fn first<T>(
        &mut self,
        sql: &'static str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, Error> {
        let run = |this: &mut Self| {
            let mut rows = this.get(sql)?.query(params)?;
            rows.next()?.map(read).transpose()
        };
        run(self).map_err(engine("read rows"))
    }

    /// Calls `each` for every row of an answer.
    pub(super) fn each(
        &mut self,
        sql: &'static str,
        params: impl Params,
        mut each: impl FnMut(&Row<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let failed = engine("read rows");
        let statement = self.get(sql).map_err(&failed)?;
        let mut rows = statement.query(params).map_err(&failed)?;
        while let Some(row) = rows.next().map_err(&failed)? {
            each(row)?;
        }
        Ok(())
    }

    /// Calls `each` for rows of an answer until it says `false`.
    pub(super) fn until(
        &mut self,
        sql: &'static str,
        params: impl Params,
        mut each: impl FnMut(&Row<'_>) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        let failed = engine("read rows");
        let statement = self.get(sql).map_err(&failed)?;
        let mut rows = statement.query(params).map_err(&failed)?;
        while let Some(row) = rows.next().map_err(&failed)? {
            if !each(row)? {
                break;
            }
        }
        Ok(())
    }

    /// All rows of an answer.
    pub(super) fn all<T>(
        &mut self,
        sql: &'static str,
        params: impl Params,
        mut read: impl FnMut(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let mut out = Vec::new();
        self.each(sql, params, |row| {
            out.push(read(row)?);
            Ok(())
        })?;
        Ok(out)
    }
}
