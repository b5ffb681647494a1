//! The settings of a connection.

use std::path::Path;
use std::time::{Duration, Instant};

use botstore_core::ErrorKind;
use botstore_core::url::Synchronous;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::error::{Fault, is_busy};
use crate::files::beside;

/// How often what ignores the busy timeout is tried again within it.
const RETRY: Duration = Duration::from_millis(10);

/// More than the crate has statements: none is ever prepared twice by one connection.
const STATEMENTS: usize = 128;

/// To this size the write-ahead log is cut back after it grew, in bytes.
const JOURNAL_SIZE_LIMIT: i64 = 64 << 20;

/// The pages that the writing connection keeps in memory, in KiB; a negative number is how SQLite tells KiB from pages.
const WRITER_CACHE: i64 = -16 << 10;

/// The same for each reading connection.
const READER_CACHE: i64 = -4 << 10;

/// A connection that changes nothing on its own, to find out whose database this is.
///
/// Closing the last connection writes what the log holds into the database, and that would be a change: so it is
/// forbidden if there is a log. If there is none, SQLite takes away the empty one that it makes for a reader.
pub(crate) fn look(path: &Path, busy_timeout: Duration) -> Result<Connection, Fault> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE, busy_timeout)?;
    let has_log = beside(path, "-wal").exists();
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, has_log)?;
    Ok(connection)
}

/// The connection that writes to a file.
pub(crate) fn writer(
    path: &Path,
    synchronous: Synchronous,
    busy_timeout: Duration,
) -> Result<Connection, Fault> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE, busy_timeout)?;
    // This takes effect in an empty database only, and no more once that has its log.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    write_ahead(&connection, busy_timeout)?;
    connection.pragma_update(
        None,
        "synchronous",
        match synchronous {
            Synchronous::Full => "FULL",
            Synchronous::Normal => "NORMAL",
        },
    )?;
    connection.pragma_update(None, "journal_size_limit", JOURNAL_SIZE_LIMIT)?;
    settle(&connection, WRITER_CACHE)?;
    Ok(connection)
}

/// The connection to a database in memory.
pub(crate) fn memory() -> Result<Connection, Fault> {
    let connection = Connection::open_in_memory()?;
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    settle(&connection, WRITER_CACHE)?;
    Ok(connection)
}

/// A connection that reads a file whose writing connection is open.
pub(crate) fn reader(path: &Path, busy_timeout: Duration) -> Result<Connection, Fault> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY, busy_timeout)?;
    connection.pragma_update(None, "query_only", true)?;
    settle(&connection, READER_CACHE)?;
    Ok(connection)
}

/// A connection whose statements wait for other processes, so long at most.
fn open(path: &Path, access: OpenFlags, busy_timeout: Duration) -> Result<Connection, Fault> {
    // Each connection is used by one thread at a time, which Rust sees to.
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(busy_timeout)?;
    Ok(connection)
}

fn settle(connection: &Connection, cache: i64) -> Result<(), Fault> {
    connection.pragma_update(None, "cache_size", cache)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(())
}

/// Makes a database keep a write-ahead log. SQLite answers BUSY at once if another process reads the database in this
/// moment, whatever the busy timeout.
fn write_ahead(connection: &Connection, busy_timeout: Duration) -> Result<(), Fault> {
    let deadline = Instant::now() + busy_timeout;
    let mode: String = loop {
        match connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)) {
            Err(error) if is_busy(&error) && Instant::now() < deadline => std::thread::sleep(RETRY),
            mode => break mode?,
        }
    };
    if mode == "wal" {
        return Ok(());
    }
    Err(Fault::Refused(
        ErrorKind::Unavailable,
        "the file system lacks the shared memory that SQLite's write-ahead log needs; use a local disk"
            .into(),
    ))
}
