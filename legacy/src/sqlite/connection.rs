//! A connection that reads, and leaves the file as it is, byte for byte, with nothing beside it.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::Duration;

use botstore_core::{ErrorKind, Result, StoreError};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::RECOVER;
use super::file::OldFile;
use crate::OPERATION;

/// How long a statement waits for another process that keeps the database locked.
const PATIENCE: Duration = Duration::from_secs(5);

/// A file, and a connection to it in a transaction that reads.
pub(super) fn open(path: &Path) -> Result<(OldFile, Connection)> {
    let file = OldFile::open(path)?;
    let name = file.name();
    let connection = connect(path, file.has_log()).map_err(|error| meaning(&name, error))?;
    let encoding: String = begin(&connection).map_err(|error| meaning(&name, error))?;
    if encoding != "UTF-8" {
        let text = format!("its text is encoded in {encoding}, which the Python bot never does");
        return file.refuse(ErrorKind::Schema, &text);
    }
    Ok((file, connection))
}

/// A file that is written with a log and has none is open nowhere else.
fn connect(path: &Path, is_alone: bool) -> rusqlite::Result<Connection> {
    let access = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    // An absolute path has no meaning of its own to SQLite.
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    if !is_alone {
        return Connection::open_with_flags(path, access);
    }
    // Otherwise SQLite would make a log, and leave it behind.
    let path = percent_encode(path.as_os_str().as_bytes(), NON_ALPHANUMERIC);
    Connection::open_with_flags(
        format!("file:{path}?mode=ro&immutable=1"),
        access | OpenFlags::SQLITE_OPEN_URI,
    )
}

/// Begins to read, and says how text is encoded. The file may be anybody's, so nothing in it is trusted.
fn begin(connection: &Connection) -> rusqlite::Result<String> {
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.execute_batch("BEGIN")?;
    // The transaction begins with the first read.
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    connection.query_row("PRAGMA encoding", [], |row| row.get(0))
}

/// What an error of SQLite's means to a caller.
pub(super) fn meaning(name: &str, error: rusqlite::Error) -> StoreError {
    let (kind, text) = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt) => (ErrorKind::Corrupt, "the file is damaged"),
        Some(ErrorCode::NotADatabase) => (ErrorKind::Corrupt, "the file is no SQLite database"),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            (ErrorKind::Unavailable, "another process keeps it locked: stop the bot")
        }
        Some(ErrorCode::ReadOnly) => (
            ErrorKind::Unavailable,
            "a crash left a transaction half done, which its journal, the file -journal beside it, undoes. Have SQLite \
             do that: sqlite3 FILE .tables",
        ),
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            (ErrorKind::Unavailable, "the file cannot be opened; check its rights")
        }
        Some(ErrorCode::SystemIoFailure) => (ErrorKind::Unavailable, "the disk failed to read; check it"),
        Some(ErrorCode::DiskFull) => (
            ErrorKind::Unavailable,
            "there is no room for SQLite's temporary files; make some, or name another place: SQLITE_TMPDIR",
        ),
        // What the statements name was looked for before, so it is the file's own.
        Some(ErrorCode::Unknown) => (ErrorKind::Schema, "SQLite cannot read a table of it"),
        _ => (ErrorKind::Internal, "SQLite failed"),
    };
    let detail = match (&kind, error) {
        (ErrorKind::Schema, rusqlite::Error::SqlInputError { msg, .. })
        | (ErrorKind::Schema | ErrorKind::Internal, rusqlite::Error::SqliteFailure(_, Some(msg))) => {
            format!("{name}: {text}: {msg}")
        }
        (ErrorKind::Internal, error) => format!("{name}: {text}: {error}"),
        (ErrorKind::Corrupt, _) => format!("{name}: {text}. {RECOVER}"),
        _ => format!("{name}: {text}"),
    };
    StoreError::new(kind, OPERATION, detail)
}

/// What SQLite's own check says of single rows: those are looked at one by one.
const OF_ROWS: [&str; 5] = [
    "NULL value in ",
    "CHECK constraint failed in ",
    "non-unique entry in index ",
    "TEXT value in ",
    "NUMERIC value in ",
];

/// Looks whether pages and indexes are whole: rows that are not reached would be missed in silence.
pub(super) fn verify(connection: &Connection, name: &str) -> Result<()> {
    let problem = problem(connection).map_err(|error| meaning(name, error))?;
    let Some(problem) = problem else { return Ok(()) };
    let detail =
        format!("{name}: the file is damaged: {}. {RECOVER}", problem.lines().last().unwrap_or_default());
    Err(StoreError::new(ErrorKind::Corrupt, OPERATION, detail))
}

fn problem(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let mut check = connection.prepare("PRAGMA integrity_check(1000000)")?;
    let mut said = check.query([])?;
    while let Some(row) = said.next()? {
        let line: String = row.get(0)?;
        if line != "ok" && !OF_ROWS.iter().any(|of_row| line.starts_with(of_row)) {
            return Ok(Some(line));
        }
    }
    Ok(None)
}
