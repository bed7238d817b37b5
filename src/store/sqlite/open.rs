//! Opening the file: is it ours, is it of a schema we know, is it safe where it lies.
//!
//! Migrations are SQL files, applied in order, each in a transaction with the new version number.
//! They are so few and so plain that a migration crate (and its second copy of SQLite's bindings)
//! would be more than it saves.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::store::sqlite::engine;
use crate::store::{Error, Mode};

/// `FLST`, in the header of every store (`PRAGMA application_id`).
const APPLICATION: i64 = 0x464c_5354;

/// Schema changes, oldest first. The number of the last is the schema's version.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/V1__initial.sql"),
    include_str!("migrations/V2__namespaces.sql"),
    include_str!("migrations/V3__imports.sql"),
];

/// How long a transaction waits for another process.
const BUSY: Duration = Duration::from_secs(30);

/// Rights of a new store: the operator's account, and its group for reading.
const FILE_MODE: u32 = 0o640;

/// Opens the file.
pub(super) fn open(path: &Path, mode: Mode) -> Result<Connection, Error> {
    let exists = path.try_exists().map_err(io(path, "look for"))?;
    if mode == Mode::Read && !exists {
        return Err(Error::Missing { path: path.to_owned() });
    }
    refuse_network(path)?;
    if mode == Mode::Write && !exists {
        create(path)?;
    }
    let access = match mode {
        Mode::Write => OpenFlags::SQLITE_OPEN_READ_WRITE,
        Mode::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
    };
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(foreign_or_engine(path))?;
    configure(&connection, mode).map_err(foreign_or_engine(path))?;
    check(&connection, path, mode)?;
    if mode == Mode::Write {
        write_ahead(&connection).map_err(foreign_or_engine(path))?;
        migrate(&connection, path)?;
    }
    Ok(connection)
}

fn io(path: &Path, action: &'static str) -> impl Fn(std::io::Error) -> Error {
    move |source| Error::Io { path: path.to_owned(), action, source }
}

fn create(path: &Path) -> Result<(), Error> {
    let created = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path);
    match created {
        // Another process was faster: then it is there.
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        other => other.map(|_| ()).map_err(io(path, "create")),
    }
}

fn foreign_or_engine(path: &Path) -> impl Fn(rusqlite::Error) -> Error {
    move |error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => {
            Error::Foreign { path: path.to_owned(), reason: "it is no SQLite database".into() }
        }
        _ => engine("open its file")(error),
    }
}

fn configure(connection: &Connection, mode: Mode) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    // KiB. A writer keeps all the pages of facts that a batch touches, or it would write them twice;
    // a reader keeps the inner nodes of the indexes.
    let cache = match mode {
        Mode::Write => -131_072,
        Mode::Read => -65_536,
    };
    connection.pragma_update(None, "cache_size", cache)?;
    if mode == Mode::Read {
        connection.pragma_update(None, "query_only", true)?;
    }
    Ok(())
}

/// Only after the file was recognized: this changes it.
fn write_ahead(connection: &Connection) -> rusqlite::Result<()> {
    // A moment of 200 sockets takes 3 KiB: a page of 4 KiB would be left a quarter empty.
    connection.pragma_update(None, "page_size", 16_384)?;
    // 64 MiB of log between checkpoints: index pages that many hosts touch are written once.
    connection.pragma_update(None, "wal_autocheckpoint", 4_096)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

/// Is it ours, and not from the future?
fn check(connection: &Connection, path: &Path, mode: Mode) -> Result<(), Error> {
    let failed = foreign_or_engine(path);
    let foreign = |reason: &str| Error::Foreign { path: path.to_owned(), reason: reason.into() };
    let application = pragma(connection, "application_id").map_err(&failed)?;
    let found = pragma(connection, "user_version").map_err(&failed)?;
    let known = version();
    if application != APPLICATION {
        let count = "SELECT count(*) FROM sqlite_schema";
        let tables: i64 = connection.query_row(count, [], |row| row.get(0)).map_err(&failed)?;
        return match (mode, tables) {
            (Mode::Write, 0) => Ok(()),
            (Mode::Read, 0) => Err(foreign("it is empty")),
            _ => Err(foreign("it is a SQLite database of another program")),
        };
    }
    if found > known {
        return Err(Error::Newer { path: path.to_owned(), found, known });
    }
    if found < known && mode == Mode::Read {
        return Err(Error::Older { path: path.to_owned(), found, known });
    }
    Ok(())
}

fn version() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

fn migrate(connection: &Connection, path: &Path) -> Result<(), Error> {
    let failed = foreign_or_engine(path);
    if pragma(connection, "user_version").map_err(&failed)? == version() {
        return Ok(());
    }
    connection.execute_batch("BEGIN EXCLUSIVE").map_err(&failed)?;
    // Read again inside the transaction: another process may have migrated meanwhile. A failure
    // leaves the transaction to be rolled back when the connection closes.
    let found = pragma(connection, "user_version").map_err(&failed)?;
    let done = usize::try_from(found).unwrap_or(usize::MAX);
    for migration in MIGRATIONS.iter().skip(done) {
        connection.execute_batch(migration).map_err(&failed)?;
    }
    connection.pragma_update(None, "application_id", APPLICATION).map_err(&failed)?;
    connection.pragma_update(None, "user_version", version()).map_err(&failed)?;
    connection.execute_batch("COMMIT").map_err(&failed)
}

/// Refuses filesystems on which byte-range locks or shared memory do not hold between machines.
/// FUSE is refused as a whole: sshfs, s3fs and glusterfs all come through it.
#[cfg(target_os = "linux")]
fn refuse_network(path: &Path) -> Result<(), Error> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let status = rustix::fs::statfs(folder)
        .map_err(|errno| io(folder, "look at the filesystem of")(errno.into()))?;
    match network_filesystem(u64::try_from(status.f_type).unwrap_or(0)) {
        Some(kind) => Err(Error::NetworkFilesystem { path: folder.to_owned(), kind }),
        None => Ok(()),
    }
}

#[cfg(not(target_os = "linux"))]
fn refuse_network(_path: &Path) -> Result<(), Error> {
    Ok(())
}

/// Name of a network filesystem, by its magic number. Source: statfs(2), linux/magic.h.
#[cfg(target_os = "linux")]
const fn network_filesystem(magic: u64) -> Option<&'static str> {
    match magic & 0xffff_ffff {
        0x6969 => Some("NFS"),
        0x517b => Some("SMB"),
        0xff53_4d42 => Some("CIFS"),
        0xfe53_4d42 => Some("SMB2"),
        0x0102_1997 => Some("9P"),
        0x5346_414f => Some("AFS"),
        0x00c3_6400 => Some("Ceph"),
        0x6573_5546 => Some("FUSE"),
        0x0bd0_0bd0 => Some("Lustre"),
        0x4750_4653 => Some("GPFS"),
        0x7461_636f => Some("OCFS2"),
        _ => None,
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn network_filesystems_are_known_by_their_numbers() {
        assert_eq!(network_filesystem(0x6969), Some("NFS"));
        assert_eq!(network_filesystem(0xffff_ffff_ff53_4d42), Some("CIFS"));
        assert_eq!(network_filesystem(0xef53), None, "ext4");
        assert_eq!(network_filesystem(0x0102_1994), None, "tmpfs");
    }
}
