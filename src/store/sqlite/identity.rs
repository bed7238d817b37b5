//! Under which names a ticket can mean a host: its own, and the address of its latest snapshot.

use std::collections::BTreeSet;

use rusqlite::Row;

use crate::model::change::ItemName;
use crate::model::host::TransportKind;
use crate::model::import::Identity;
use crate::model::snapshot::Snapshot;
use crate::store::Error;
use crate::store::sqlite::Writing;
use crate::store::sqlite::conversion::{self, column};
use crate::store::sqlite::statements::Statements;

/// Notes the address under which the host was visited, unless a later snapshot has noted another.
pub(super) fn note_address(writing: &mut Writing<'_>, snapshot: &Snapshot) -> Result<(), Error> {
    const SET: &str = "UPDATE host SET address = ?2 WHERE id = ?1 AND address IS NOT ?2
        AND NOT EXISTS (SELECT 1 FROM snapshot WHERE host = ?1 AND started > ?3)";
    let asset = &snapshot.header.asset;
    let host = writing.names.host(&mut writing.sql, &asset.name)?;
    // Every machine is `localhost` to itself: that names nobody.
    let address = (asset.transport != TransportKind::Local)
        .then(|| ItemName::new(&asset.address).ok())
        .flatten();
    let address = address.as_ref().map(ItemName::as_str);
    writing.sql.execute(SET, (host, address, snapshot.header.started.micros()))?;
    Ok(())
}

const ALL: &str = "SELECT name, address FROM host";
const BY_NAME: &str = "SELECT name, address FROM host WHERE lower(name) = ?1";
const BY_SHORT: &str = "SELECT name, address FROM host
    WHERE lower(substr(name, 1, instr(name || '.', '.') - 1)) = ?1";
const BY_ADDRESS: &str = "SELECT name, address FROM host WHERE address = ?1";

/// Hosts that can be meant by these names; all of them for `None`.
pub(super) fn identities(
    sql: &mut Statements<'_>,
    keys: Option<&[ItemName]>,
) -> Result<Vec<Identity>, Error> {
    let mut found = BTreeSet::new();
    let Some(keys) = keys else {
        found.extend(sql.all(ALL, [], identity)?);
        return Ok(found.into_iter().collect());
    };
    for key in keys {
        for query in [BY_NAME, BY_SHORT, BY_ADDRESS] {
            found.extend(sql.all(query, [key.as_str()], identity)?);
        }
    }
    Ok(found.into_iter().collect())
}

fn identity(row: &Row<'_>) -> Result<Identity, Error> {
    let address: Option<String> = column(row, "address")?;
    let aliases = address.as_deref().map(ItemName::new).transpose();
    let aliases = aliases.map_err(|error| conversion::damaged("address", error))?;
    Ok(Identity { host: conversion::host(row, "name")?, aliases: aliases.into_iter().collect() })
}
