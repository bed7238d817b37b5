//! Finding what was imported.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Row;
use serde_json::{Value, json};

use crate::model::attribute::{AttributeKey, AttributeStatement, AttributeVersion};
use crate::model::change::{ChangeVersion, ItemName};
use crate::model::import::Import;
use crate::model::time::Utc;
use crate::store::Error;
use crate::store::imports::{ChangeQuery, Versions};
use crate::store::sqlite::conversion::{self, column, damaged};
use crate::store::sqlite::imports::change;
use crate::store::sqlite::statements::Statements;

/// The columns of a version, before a condition.
macro_rules! changes {
    ($rest:literal) => {
        concat!(
            "SELECT c.id, c.body, i.at AS imported, i.operator, i.file, r.at AS replaced
            FROM change_request c JOIN import i ON i.id = c.import
            LEFT JOIN import r ON r.id = c.replaced ",
            $rest
        )
    };
}

/// Change requests, sorted.
pub(super) fn changes(
    sql: &mut Statements<'_>,
    query: &ChangeQuery,
) -> Result<Vec<ChangeVersion>, Error> {
    const BY_NUMBER: &str = changes!("WHERE c.number = ?1");
    const BY_ITEM: &str = changes!(
        "JOIN change_item x ON x.change_request = c.id
        WHERE x.item = (SELECT id FROM item WHERE name = ?1)"
    );
    const BY_WINDOW: &str = changes!("WHERE c.ends >= ?1 AND c.begins <= ?2");
    const ALL: &str = changes!("");
    let mut found = BTreeMap::new();
    let mut take = |row: &Row<'_>| {
        let version = version(row)?;
        if wanted(query, &version) {
            let start = version.request.window().map(|window| window.start);
            let key = (start, version.request.number.clone(), version.imported);
            found.insert(key, version);
        }
        Ok(())
    };
    match (&query.number, &query.items) {
        (Some(number), _) => sql.each(BY_NUMBER, [number.as_str()], take)?,
        (None, Some(items)) => {
            for item in items {
                sql.each(BY_ITEM, [item.as_str()], &mut take)?;
            }
        }
        (None, None) if query.from.is_some() || query.to.is_some() => {
            let from = query.from.map_or(i64::MIN, Utc::micros);
            let to = query.to.map_or(i64::MAX, Utc::micros);
            sql.each(BY_WINDOW, [from, to], take)?;
        }
        (None, None) => sql.each(ALL, [], take)?,
    }
    Ok(found.into_values().collect())
}

fn version(row: &Row<'_>) -> Result<ChangeVersion, Error> {
    Ok(ChangeVersion {
        request: change(&column::<String>(row, "body")?)?,
        imported: conversion::time(row, "imported")?,
        by: column(row, "operator")?,
        file: column(row, "file")?,
        replaced: conversion::optional_time(row, "replaced")?,
    })
}

fn wanted(query: &ChangeQuery, version: &ChangeVersion) -> bool {
    let window = version.request.window();
    let near = match (query.from, query.to) {
        (None, None) => true,
        (from, to) => window.is_some_and(|window| {
            from.is_none_or(|from| window.end >= from) && to.is_none_or(|to| window.start <= to)
        }),
    };
    near && is_version(query.versions, version.imported, version.replaced)
}

fn is_version(versions: Versions, imported: Utc, replaced: Option<Utc>) -> bool {
    match versions {
        Versions::Present => replaced.is_none(),
        Versions::KnownAt(at) => imported <= at && replaced.is_none_or(|replaced| replaced > at),
        Versions::All => true,
    }
}

macro_rules! attributes {
    ($rest:literal) => {
        concat!(
            "SELECT n.name AS item, a.key, a.value, i.at AS imported, i.operator, i.file,
            r.at AS replaced FROM attribute a JOIN item n ON n.id = a.item
            JOIN import i ON i.id = a.import LEFT JOIN import r ON r.id = a.replaced ",
            $rest,
            " ORDER BY n.name, a.key, i.at"
        )
    };
}

/// Attributes, sorted.
pub(super) fn attributes(
    sql: &mut Statements<'_>,
    items: Option<&[ItemName]>,
    versions: Versions,
) -> Result<Vec<AttributeVersion>, Error> {
    const ALL: &str = attributes!("");
    const BY_ITEM: &str = attributes!("WHERE n.name = ?1");
    let mut found = Vec::new();
    let mut take = |row: &Row<'_>| {
        let replaced = conversion::optional_time(row, "replaced")?;
        let version = AttributeVersion {
            said: AttributeStatement {
                item: item(row, "item")?,
                key: conversion::parsed(row, "key", |text| AttributeKey::new(text).ok())?,
                value: column(row, "value")?,
            },
            imported: conversion::time(row, "imported")?,
            by: column(row, "operator")?,
            file: column(row, "file")?,
        };
        if is_version(versions, version.imported, replaced) {
            found.push(version);
        }
        Ok(())
    };
    let Some(items) = items else {
        sql.each(ALL, [], take)?;
        return Ok(found);
    };
    let items: BTreeSet<&ItemName> = items.iter().collect();
    for item in items {
        sql.each(BY_ITEM, [item.as_str()], &mut take)?;
    }
    Ok(found)
}

fn item(row: &Row<'_>, name: &'static str) -> Result<ItemName, Error> {
    conversion::parsed(row, name, |text| ItemName::new(text).ok())
}

/// Names that imports used.
pub(super) fn items(
    sql: &mut Statements<'_>,
    keys: Option<&[ItemName]>,
) -> Result<Vec<ItemName>, Error> {
    const ALL: &str = "SELECT name FROM item";
    const BY_NAME: &str = "SELECT name FROM item WHERE name = ?1";
    const BY_SHORT: &str = "SELECT name FROM item WHERE short = ?1";
    let mut found = BTreeSet::new();
    match keys {
        None => found.extend(sql.all(ALL, [], |row| item(row, "name"))?),
        Some(keys) => {
            for key in keys {
                for query in [BY_NAME, BY_SHORT] {
                    found.extend(sql.all(query, [key.as_str()], |row| item(row, "name"))?);
                }
            }
        }
    }
    Ok(found.into_iter().collect())
}

/// All imports, by time.
pub(super) fn imports(sql: &mut Statements<'_>) -> Result<Vec<Import>, Error> {
    sql.all("SELECT * FROM import ORDER BY at", [], import)
}

fn import(row: &Row<'_>) -> Result<Import, Error> {
    let options: String = column(row, "options")?;
    let sha256 = conversion::digest(row, "sha256")?;
    Ok(Import {
        options: serde_json::from_str(&options).map_err(|_| damaged("options", &options))?,
        at: conversion::time(row, "at")?,
        by: column(row, "operator")?,
        file: column(row, "file")?,
        sha256: sha256.ok_or_else(|| damaged("sha256", "NULL"))?,
        bytes: column::<i64>(row, "bytes")?.cast_unsigned(),
    })
}

/// Prints all imports.
pub(super) fn export_imports(
    sql: &mut Statements<'_>,
    print: &mut dyn FnMut(Value),
) -> Result<(), Error> {
    imports(sql)?.into_iter().for_each(|import| print(json!(import)));
    Ok(())
}

/// Prints all versions of all change requests.
pub(super) fn export_changes(
    sql: &mut Statements<'_>,
    print: &mut dyn FnMut(Value),
) -> Result<(), Error> {
    const ALL: &str = changes!("ORDER BY c.number, i.at");
    sql.each(ALL, [], |row| {
        let ChangeVersion { request, imported, by, file, replaced } = version(row)?;
        print(json!({
            "request": request, "imported": imported, "by": by, "file": file,
            "replaced": replaced,
        }));
        Ok(())
    })
}

/// Prints all versions of all attributes.
pub(super) fn export_attributes(
    sql: &mut Statements<'_>,
    print: &mut dyn FnMut(Value),
) -> Result<(), Error> {
    const ALL: &str = attributes!("");
    sql.each(ALL, [], |row| {
        print(json!({
            "item": item(row, "item")?,
            "key": column::<String>(row, "key")?,
            "value": column::<Option<String>>(row, "value")?,
            "imported": conversion::time(row, "imported")?,
            "by": column::<String>(row, "operator")?,
            "file": column::<String>(row, "file")?,
            "replaced": conversion::optional_time(row, "replaced")?,
        }));
        Ok(())
    })
}
