//! Between columns of SQLite and the model's types. A value that does not fit is damage: the store
//! wrote it itself.

use std::net::{IpAddr, Ipv6Addr};

use rusqlite::Row;
use rusqlite::types::FromSql;

use crate::model::digest::Sha256;
use crate::model::fault::Fault;
use crate::model::id::{HostName, Pass, RunId};
use crate::model::time::Utc;
use crate::store::Error;
use crate::store::sqlite::engine;

/// A column's value.
pub(super) fn column<T: FromSql>(row: &Row<'_>, name: &str) -> Result<T, Error> {
    row.get(name).map_err(engine("read a column"))
}

/// A column that holds a text which `parse` must understand.
pub(super) fn parsed<T>(
    row: &Row<'_>,
    name: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, Error> {
    let text: String = column(row, name)?;
    parse(&text).ok_or_else(|| damaged(name, &text))
}

/// An error that names the column and shows the value.
pub(super) fn damaged(column: &str, value: impl std::fmt::Display) -> Error {
    let value = crate::model::text::escape(value.to_string().as_bytes());
    let reason = format!("`{value}` is not a value that fleetstat writes there");
    Error::Damaged { what: format!("column `{column}`"), reason }
}

/// A host's name.
pub(super) fn host(row: &Row<'_>, name: &'static str) -> Result<HostName, Error> {
    parsed(row, name, |text| HostName::new(text).ok())
}

/// A run's id.
pub(super) fn run(row: &Row<'_>, name: &'static str) -> Result<RunId, Error> {
    parsed(row, name, |text| RunId::parse(text).ok())
}

/// A time.
pub(super) fn time(row: &Row<'_>, name: &'static str) -> Result<Utc, Error> {
    optional_time(row, name)?.ok_or_else(|| damaged(name, "NULL"))
}

/// A time or NULL.
pub(super) fn optional_time(row: &Row<'_>, name: &'static str) -> Result<Option<Utc>, Error> {
    let micros: Option<i64> = column(row, name)?;
    let read = |micros| Utc::from_micros(micros).ok_or_else(|| damaged(name, micros));
    micros.map(read).transpose()
}

/// Pass and attempt from the columns of these names.
pub(super) fn pass(row: &Row<'_>) -> Result<Pass, Error> {
    Ok(Pass { pass: column(row, "pass")?, attempt: column(row, "attempt")? })
}

/// A digest or NULL.
pub(super) fn digest(row: &Row<'_>, name: &'static str) -> Result<Option<Sha256>, Error> {
    let bytes: Option<Vec<u8>> = column(row, name)?;
    let read = |bytes: Vec<u8>| {
        let array = <[u8; 32]>::try_from(bytes.as_slice());
        array.map(Sha256).map_err(|_| damaged(name, "a digest of another length"))
    };
    bytes.map(read).transpose()
}

/// An address or NULL.
pub(super) fn address(row: &Row<'_>, name: &'static str) -> Result<Option<IpAddr>, Error> {
    let bytes: Option<Vec<u8>> = column(row, name)?;
    let read = |bytes: Vec<u8>| {
        let octets = <[u8; 16]>::try_from(bytes.as_slice());
        let octets = octets.map_err(|_| damaged(name, "an address of another length"))?;
        Ok(Ipv6Addr::from_octets(octets).to_canonical())
    };
    bytes.map(read).transpose()
}

/// The 16 bytes of an address, IPv4 as v4-mapped IPv6.
pub(super) fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

/// Faults from JSON or NULL.
pub(super) fn faults(row: &Row<'_>, name: &'static str) -> Result<Vec<Fault>, Error> {
    let text: Option<String> = column(row, name)?;
    let read = |text: String| serde_json::from_str(&text).map_err(|_| damaged(name, &text));
    Ok(text.map(read).transpose()?.unwrap_or_default())
}

/// Faults as JSON; `None` when there are none.
pub(super) fn faults_json(faults: &[Fault]) -> Option<String> {
    // Words and strings only: writing them to memory cannot fail.
    (!faults.is_empty()).then(|| serde_json::to_string(faults).unwrap_or_default())
}
