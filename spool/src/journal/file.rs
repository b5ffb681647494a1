//! The journal's file: whose it is, its settings, its tables.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use botstore_core::model::{DatabaseId, SpoolHealth, Timestamp};
use botstore_core::{Result, StoreError};
use rusqlite::{Connection, OpenFlags};

use super::queue;
use crate::fault::Fault;
use crate::lock::{Lock, private};
use crate::step::{Step, reached};

/// What a journal's file says it is, SQLite's `application_id`: `bsSP` in ASCII.
const APPLICATION: i32 = 0x6273_5350;
/// The form of its tables.
const FORM: i32 = 1;

const TABLES: &str = "
    CREATE TABLE batch (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        source TEXT NOT NULL,
        after INTEGER,
        last INTEGER NOT NULL,
        arrived INTEGER NOT NULL,
        events INTEGER NOT NULL,
        body TEXT NOT NULL
    ) STRICT;
    CREATE TABLE rejected (
        number INTEGER PRIMARY KEY,
        source TEXT NOT NULL,
        after INTEGER,
        last INTEGER NOT NULL,
        arrived INTEGER NOT NULL,
        events INTEGER NOT NULL,
        body TEXT NOT NULL,
        reason TEXT NOT NULL
    ) STRICT;
    CREATE TABLE gap (source TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
    CREATE TABLE journal (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        database_id TEXT,
        dropped INTEGER NOT NULL,
        away_since INTEGER,
        error TEXT
    ) STRICT;
    INSERT INTO journal (id, dropped) VALUES (1, 0);";

/// Opens the journal to write, and makes it if it is not there.
pub(super) fn open(path: &Path) -> Result<Connection, Fault> {
    let file = private().create(true).append(true).open(path)?;
    // One that was made by another hand may be open to others.
    file.set_permissions(Permissions::from_mode(0o600))?;
    drop(file);
    reached(Step::Locked);
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let (application, form) = (pragma(&connection, "application_id")?, pragma(&connection, "user_version")?);
    if application == 0 && form == 0 && tables(&connection)? == 0 {
        make(&connection)?;
    } else {
        check(application, form)?;
    }
    set(&connection)?;
    Ok(connection)
}

fn make(connection: &Connection) -> Result<(), Fault> {
    // A file that grew in an outage gives its room back afterwards. It can only be set before there are tables.
    connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL")?;
    set(connection)?;
    let made = format!(
        "BEGIN IMMEDIATE; {TABLES} PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {FORM}; COMMIT"
    );
    Ok(connection.execute_batch(&made)?)
}

fn set(connection: &Connection) -> Result<(), Fault> {
    let pragmas =
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 1048576;";
    Ok(connection.execute_batch(pragmas)?)
}

fn check(application: i32, form: i32) -> Result<(), Fault> {
    match (application, form) {
        (APPLICATION, FORM) => Ok(()),
        (APPLICATION, form) => {
            Err(Fault::Damaged(format!("is of form {form}, and this program knows {FORM}: use a newer one")))
        }
        _ => Err(Fault::Damaged("is no journal of ours but another database".to_owned())),
    }
}

fn pragma(connection: &Connection, name: &str) -> Result<i32, Fault> {
    Ok(connection.pragma_query_value(None, name, |row| row.get(0))?)
}

fn tables(connection: &Connection) -> Result<i64, Fault> {
    Ok(connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?)
}

/// Removes the journal. What another process that looks into it made SQLite leave behind goes first: it would count as
/// a part of the next journal here.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    for suffix in ["-wal", "-shm", ""] {
        let mut file = path.as_os_str().to_owned();
        file.push(suffix);
        match fs::remove_file(file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// A journal as another process sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Look {
    /// What waits.
    pub spool: SpoolHealth,
    /// Since when its database is away, and the error then, as far as its owner noted it.
    pub away: Option<(Timestamp, String)>,
    /// Whether a process has it open.
    pub in_use: bool,
    /// The database that it belongs to; none if it was never reached.
    pub database: Option<DatabaseId>,
}

/// Looks into the journal at `path`, changing nothing; none if there is no such file.
///
/// # Errors
///
/// - [`Corrupt`](botstore_core::ErrorKind::Corrupt): it is damaged, or another program's.
/// - [`Unavailable`](botstore_core::ErrorKind::Unavailable): it cannot be read.
pub fn look(path: &Path) -> Result<Option<Look>, StoreError> {
    looked(path).map_err(|fault| fault.into_error("health", path))
}

fn looked(path: &Path) -> Result<Option<Look>, Fault> {
    if !path.try_exists()? {
        return Ok(None);
    }
    let in_use = Lock::is_taken(path)?;
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let (application, form) = (pragma(&connection, "application_id")?, pragma(&connection, "user_version")?);
    if application == 0 && form == 0 && tables(&connection)? == 0 {
        return Ok(Some(Look { spool: SpoolHealth::default(), away: None, in_use, database: None }));
    }
    check(application, form)?;
    let mut spool = queue::waiting(&connection)?.health();
    let away = queue::noted(&connection)?;
    spool.error = away.as_ref().map(|(_, error)| error.clone());
    let database = queue::database(&connection)?.and_then(|id| DatabaseId::new(id).ok());
    Ok(Some(Look { spool, away, in_use, database }))
}
