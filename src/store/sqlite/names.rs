//! Interning: each name, address and shape is stored once and referred to by its number.
//!
//! Numbers are remembered between transactions. A transaction that is undone makes them void, so
//! its owner throws the memory away.

use std::net::IpAddr;

use rusqlite::{ToSql, named_params};

use crate::model::id::{HostName, RunId};
use crate::model::socket::{Direction, Scope, Transport};
use crate::model::text::HostText;
use crate::store::Error;
use crate::store::fact::Shape;
use crate::store::hash::Map;
use crate::store::sqlite::conversion::octets;
use crate::store::sqlite::statements::Statements;

/// Most entries remembered per kind, a few tens of MiB in all; then memory starts anew.
const REMEMBERED_MAX: usize = 1 << 18;

/// The numbers given out so far.
#[derive(Default)]
pub(super) struct Names {
    hosts: Map<HostName, i64>,
    runs: Map<RunId, i64>,
    run_ids: Map<i64, RunId>,
    roles: Map<String, i64>,
    sources: Map<String, i64>,
    processes: Map<HostText<'static>, i64>,
    services: Map<HostText<'static>, i64>,
    endpoints: Map<IpAddr, i64>,
    shapes: Map<ShapeKey, i64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct ShapeKey {
    kind: Direction,
    transport: Transport,
    address: Option<i64>,
    scope: Scope,
    port: u16,
    process: Option<i64>,
    uid: Option<u32>,
    namespace: Option<i64>,
}

/// A table that holds one kind of names: how to find one, how to add one.
struct Table {
    find: &'static str,
    add: &'static str,
}

const HOST: Table = Table {
    find: "SELECT id FROM host WHERE name = ?1",
    add: "INSERT INTO host (name) VALUES (?1)",
};
const ROLE: Table = Table {
    find: "SELECT id FROM role WHERE name = ?1",
    add: "INSERT INTO role (name) VALUES (?1)",
};
const SOURCE: Table = Table {
    find: "SELECT id FROM source WHERE name = ?1",
    add: "INSERT INTO source (name) VALUES (?1)",
};
const PROCESS: Table = Table {
    find: "SELECT id FROM process WHERE name = ?1",
    add: "INSERT INTO process (name) VALUES (?1)",
};
const SERVICE: Table = Table {
    find: "SELECT id FROM service WHERE name = ?1",
    add: "INSERT INTO service (name) VALUES (?1)",
};
const ENDPOINT: Table = Table {
    find: "SELECT id FROM endpoint WHERE address = ?1",
    add: "INSERT INTO endpoint (address) VALUES (?1)",
};

fn find(sql: &mut Statements<'_>, table: &Table, name: impl ToSql) -> Result<Option<i64>, Error> {
    sql.first(table.find, [name], |row| row.get(0))
}

fn number(sql: &mut Statements<'_>, table: &Table, name: impl ToSql) -> Result<i64, Error> {
    match sql.first(table.find, [&name], |row| row.get(0))? {
        Some(id) => Ok(id),
        None => sql.insert(table.add, [&name]),
    }
}

fn remember<K: std::hash::Hash + Eq>(memory: &mut Map<K, i64>, name: K, id: i64) -> i64 {
    if memory.len() >= REMEMBERED_MAX {
        memory.clear();
    }
    memory.insert(name, id);
    id
}

impl Names {
    /// The number of a run. Runs are begun, never made up here.
    pub(super) fn run(&mut self, sql: &mut Statements<'_>, run: &RunId) -> Result<i64, Error> {
        if let Some(id) = self.runs.get(run) {
            return Ok(*id);
        }
        let found =
            sql.first("SELECT id FROM run WHERE name = ?1", [run.as_str()], |r| r.get(0))?;
        let id = found.ok_or_else(|| Error::UnknownRun { run: run.clone() })?;
        self.run_ids.insert(id, run.clone());
        Ok(remember(&mut self.runs, run.clone(), id))
    }

    /// The run with this number.
    pub(super) fn run_id(&mut self, sql: &mut Statements<'_>, id: i64) -> Result<RunId, Error> {
        if let Some(run) = self.run_ids.get(&id) {
            return Ok(run.clone());
        }
        let name: Option<String> =
            sql.first("SELECT name FROM run WHERE id = ?1", [id], |row| row.get(0))?;
        let name = name.unwrap_or_default();
        let run = RunId::parse(&name)
            .map_err(|_| crate::store::sqlite::conversion::damaged("run.name", &name))?;
        self.run_ids.insert(id, run.clone());
        Ok(run)
    }

    /// The number of a host, if it is known.
    pub(super) fn known_host(
        &mut self,
        sql: &mut Statements<'_>,
        host: &HostName,
    ) -> Result<Option<i64>, Error> {
        if let Some(id) = self.hosts.get(host) {
            return Ok(Some(*id));
        }
        find(sql, &HOST, host.as_str())
    }

    /// The number of a host.
    pub(super) fn host(&mut self, sql: &mut Statements<'_>, host: &HostName) -> Result<i64, Error> {
        if let Some(id) = self.hosts.get(host) {
            return Ok(*id);
        }
        let id = number(sql, &HOST, host.as_str())?;
        Ok(remember(&mut self.hosts, host.clone(), id))
    }

    /// The number of a role.
    pub(super) fn role(&mut self, sql: &mut Statements<'_>, role: &str) -> Result<i64, Error> {
        if let Some(id) = self.roles.get(role) {
            return Ok(*id);
        }
        let id = number(sql, &ROLE, role)?;
        Ok(remember(&mut self.roles, role.to_owned(), id))
    }

    /// The number of a source of confirmation: a probe, or a view as `view:NAME`.
    pub(super) fn source(&mut self, sql: &mut Statements<'_>, name: &str) -> Result<i64, Error> {
        if let Some(id) = self.sources.get(name) {
            return Ok(*id);
        }
        let id = number(sql, &SOURCE, name)?;
        Ok(remember(&mut self.sources, name.to_owned(), id))
    }

    /// The number of a process name.
    pub(super) fn process(
        &mut self,
        sql: &mut Statements<'_>,
        name: &HostText<'static>,
    ) -> Result<i64, Error> {
        if let Some(id) = self.processes.get(name) {
            return Ok(*id);
        }
        let id = number(sql, &PROCESS, name.escaped())?;
        Ok(remember(&mut self.processes, name.clone(), id))
    }

    /// The number of a service.
    pub(super) fn service(
        &mut self,
        sql: &mut Statements<'_>,
        name: &HostText<'static>,
    ) -> Result<i64, Error> {
        if let Some(id) = self.services.get(name) {
            return Ok(*id);
        }
        let id = number(sql, &SERVICE, name.escaped())?;
        Ok(remember(&mut self.services, name.clone(), id))
    }

    /// The number of an address.
    pub(super) fn endpoint(
        &mut self,
        sql: &mut Statements<'_>,
        address: IpAddr,
    ) -> Result<i64, Error> {
        if let Some(id) = self.endpoints.get(&address) {
            return Ok(*id);
        }
        let id = number(sql, &ENDPOINT, octets(address))?;
        Ok(remember(&mut self.endpoints, address, id))
    }

    /// The number of a shape.
    pub(super) fn shape(
        &mut self,
        sql: &mut Statements<'_>,
        shape: &Shape<'_>,
    ) -> Result<i64, Error> {
        let Shape { kind, transport, scope, port, uid, .. } = *shape;
        let address = shape.address.map(|address| self.endpoint(sql, address)).transpose()?;
        let process = shape.process.map(|name| self.process(sql, name)).transpose()?;
        let namespace = shape.namespace.map(|name| self.service(sql, name)).transpose()?;
        let key = ShapeKey { kind, transport, address, scope, port, process, uid, namespace };
        if let Some(id) = self.shapes.get(&key) {
            return Ok(*id);
        }
        let params = named_params! {
            ":kind": kind.as_str(), ":transport": transport.as_str(), ":address": address,
            ":scope": scope.as_str(), ":port": port, ":process": process, ":uid": uid,
            ":namespace": namespace,
        };
        let id = match sql.first(FIND_SHAPE, params, |row| row.get(0))? {
            Some(id) => id,
            None => sql.insert(ADD_SHAPE, params)?,
        };
        Ok(remember(&mut self.shapes, key, id))
    }
}

const FIND_SHAPE: &str = "SELECT id FROM shape WHERE port = :port AND kind = :kind
    AND transport = :transport AND scope = :scope AND coalesce(address, 0) = coalesce(:address, 0)
    AND coalesce(process, 0) = coalesce(:process, 0) AND coalesce(uid, -1) = coalesce(:uid, -1)
    AND coalesce(namespace, 0) = coalesce(:namespace, 0)";

const ADD_SHAPE: &str = "INSERT INTO shape
    (kind, transport, address, scope, port, process, uid, namespace)
    VALUES (:kind, :transport, :address, :scope, :port, :process, :uid, :namespace)";
