//! Taking in what an import says: new versions beside the old ones.

use crate::model::attribute::AttributeStatement;
use crate::model::change::{ChangeRequest, ChangeStatement, ItemName};
use crate::model::import::{Import, Imported};
use crate::store::Error;
use crate::store::hash::Map;
use crate::store::sqlite::Writing;
use crate::store::sqlite::conversion::damaged;
use crate::store::sqlite::statements::Statements;

/// What a statement does to what is known.
enum Effect<T> {
    Nothing,
    Stale,
    /// The number of the version that it replaces, if there is one, and the new version.
    Version(Option<i64>, T),
}

impl<T> Effect<T> {
    const fn count(&self, imported: &mut Imported) {
        match self {
            Self::Nothing => imported.unchanged += 1,
            Self::Stale => imported.stale += 1,
            Self::Version(Some(_), _) => imported.replaced += 1,
            Self::Version(None, _) => imported.added += 1,
        }
    }
}

/// What an import of change requests would do.
pub(super) fn weigh_changes(
    sql: &mut Statements<'_>,
    statements: &[ChangeStatement],
) -> Result<Imported, Error> {
    let mut imported = Imported::default();
    for statement in statements {
        effect(sql, statement)?.count(&mut imported);
    }
    Ok(imported)
}

fn effect(
    sql: &mut Statements<'_>,
    statement: &ChangeStatement,
) -> Result<Effect<ChangeRequest>, Error> {
    const FIND: &str = "SELECT id, body FROM change_request WHERE number = ?1 AND replaced IS NULL";
    let number = statement.request.number.as_str();
    let known =
        sql.first(FIND, [number], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))?;
    let Some((id, body)) = known else {
        return Ok(Effect::Version(None, statement.over(None)));
    };
    let known = change(&body)?;
    if statement.is_stale(&known) {
        return Ok(Effect::Stale);
    }
    let after = statement.over(Some(&known));
    Ok(if after == known { Effect::Nothing } else { Effect::Version(Some(id), after) })
}

/// A change request from its stored form.
pub(super) fn change(body: &str) -> Result<ChangeRequest, Error> {
    serde_json::from_str(body).map_err(|_| damaged("body", body))
}

/// Takes change requests in.
pub(super) fn import_changes(
    writing: &mut Writing<'_>,
    import: &Import,
    statements: &[ChangeStatement],
) -> Result<Imported, Error> {
    const REPLACE: &str = "UPDATE change_request SET replaced = ?2 WHERE id = ?1";
    const ADD: &str = "INSERT INTO change_request (number, import, begins, ends, body)
        VALUES (?1, ?2, ?3, ?4, ?5)";
    const TOUCH: &str = "INSERT INTO change_item (item, change_request) VALUES (?1, ?2)";
    let mut imported = Imported::default();
    let sql = &mut writing.sql;
    let mut note = Note { import: add_import(sql, import)?, items: Map::default() };
    for statement in statements {
        let effect = effect(sql, statement)?;
        effect.count(&mut imported);
        let Effect::Version(old, request) = effect else { continue };
        if let Some(old) = old {
            sql.execute(REPLACE, (old, note.import))?;
        }
        let window = request.window();
        let begins = window.map(|window| window.start.micros());
        let ends = window.map(|window| window.end.micros());
        let body = body(&request)?;
        let id = sql.insert(ADD, (request.number.as_str(), note.import, begins, ends, body))?;
        for item in request.touched() {
            let item = note.item(sql, item)?;
            sql.execute(TOUCH, (item, id))?;
        }
    }
    Ok(imported)
}

fn body(value: &impl serde::Serialize) -> Result<String, Error> {
    serde_json::to_string(value)
        .map_err(|error| Error::Engine { doing: "write JSON", source: Box::new(error) })
}

/// What an import of attributes would do.
pub(super) fn weigh_attributes(
    sql: &mut Statements<'_>,
    statements: &[AttributeStatement],
) -> Result<Imported, Error> {
    const ITEM: &str = "SELECT id FROM item WHERE name = ?1";
    let mut imported = Imported::default();
    for said in statements {
        let item = sql.first(ITEM, [said.item.as_str()], |row| row.get(0))?;
        attribute_effect(sql, item, said)?.count(&mut imported);
    }
    Ok(imported)
}

/// The version it replaces is named by its import.
fn attribute_effect(
    sql: &mut Statements<'_>,
    item: Option<i64>,
    said: &AttributeStatement,
) -> Result<Effect<()>, Error> {
    const FIND: &str = "SELECT import, value FROM attribute
        WHERE item = ?1 AND key = ?2 AND replaced IS NULL";
    let known = match item {
        None => None,
        Some(item) => sql.first(FIND, (item, said.key.as_str()), |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Option<String>>(1)?))
        })?,
    };
    Ok(match known {
        // No value where none was known is no news.
        None if said.value.is_none() => Effect::Nothing,
        None => Effect::Version(None, ()),
        Some((_, value)) if value == said.value => Effect::Nothing,
        Some((import, _)) => Effect::Version(Some(import), ()),
    })
}

/// Takes attributes in.
pub(super) fn import_attributes(
    writing: &mut Writing<'_>,
    import: &Import,
    statements: &[AttributeStatement],
) -> Result<Imported, Error> {
    const REPLACE: &str = "UPDATE attribute SET replaced = ?4
        WHERE item = ?1 AND key = ?2 AND import = ?3";
    const ADD: &str = "INSERT INTO attribute (item, key, import, value) VALUES (?1, ?2, ?3, ?4)";
    let mut imported = Imported::default();
    let sql = &mut writing.sql;
    let mut note = Note { import: add_import(sql, import)?, items: Map::default() };
    for said in statements {
        let item = note.known_item(sql, &said.item)?;
        let effect = attribute_effect(sql, item, said)?;
        effect.count(&mut imported);
        let Effect::Version(old, ()) = effect else { continue };
        let (key, import) = (said.key.as_str(), note.import);
        let item = note.item(sql, &said.item)?;
        if let Some(old) = old {
            sql.execute(REPLACE, (item, key, old, import))?;
        }
        sql.execute(ADD, (item, key, import, &said.value))?;
    }
    Ok(imported)
}

/// Notes the import; gives its number.
fn add_import(sql: &mut Statements<'_>, import: &Import) -> Result<i64, Error> {
    const ADD: &str = "INSERT INTO import (kind, at, operator, file, bytes, sha256, options)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let Import { options, at, by, file, sha256, bytes } = import;
    let (kind, bytes) = (options.kind.as_str(), bytes.cast_signed());
    sql.insert(ADD, (kind, at.micros(), by, file, bytes, sha256.0, body(options)?))
}

/// The number of the import, and those of names.
struct Note {
    import: i64,
    items: Map<ItemName, i64>,
}

impl Note {
    fn known_item(
        &mut self,
        sql: &mut Statements<'_>,
        item: &ItemName,
    ) -> Result<Option<i64>, Error> {
        const FIND: &str = "SELECT id FROM item WHERE name = ?1";
        if let Some(id) = self.items.get(item) {
            return Ok(Some(*id));
        }
        let id: Option<i64> = sql.first(FIND, [item.as_str()], |row| row.get(0))?;
        if let Some(id) = id {
            self.items.insert(item.clone(), id);
        }
        Ok(id)
    }

    fn item(&mut self, sql: &mut Statements<'_>, item: &ItemName) -> Result<i64, Error> {
        const ADD: &str = "INSERT INTO item (name, short) VALUES (?1, ?2)";
        if let Some(id) = self.known_item(sql, item)? {
            return Ok(id);
        }
        let id = sql.insert(ADD, (item.as_str(), item.short()))?;
        self.items.insert(item.clone(), id);
        Ok(id)
    }
}
