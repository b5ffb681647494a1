//! Opening the file, so that it stays as it is, byte for byte, and nothing appears beside it.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use botstore_core::{ErrorKind, Result, StoreError};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::OPERATION;

/// How long a statement waits for another process that keeps the database locked.
const PATIENCE: Duration = Duration::from_secs(5);

/// How an SQLite database begins.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// The length of its header, in bytes.
const HEADER: usize = 100;

/// Where that says how large a page is, how it is written (2 is with a write-ahead log), how often it was changed, how
/// many pages there are, and at which change these were counted.
const PAGE_SIZE: usize = 16;
const WRITE_VERSION: usize = 18;
const CHANGES: usize = 24;
const PAGES: usize = 28;
const COUNTED_AT: usize = 92;

/// What is said of a damaged file.
pub(crate) const RECOVER: &str = "Nothing was written. SQLite's own program saves what can be saved into a file that can \
                                  be imported: sqlite3 FILE .recover | sqlite3 NEW_FILE";

/// A connection in a transaction that reads.
pub(super) fn open(path: &Path) -> Result<Connection> {
    let name = path.display().to_string();
    let refuse = |kind, text: &str| Err(StoreError::new(kind, OPERATION, format!("{name}: {text}")));
    let of_system = |error: io::Error| {
        let kind = ErrorKind::Unavailable;
        StoreError::new(kind, OPERATION, format!("{name}: the file cannot be read: {error}"))
            .with_source(error)
    };
    let found = fs::metadata(path).map_err(of_system)?;
    if found.is_dir() {
        return refuse(ErrorKind::Unavailable, "this is a directory; name a file in it");
    }
    if !found.is_file() {
        return refuse(ErrorKind::Unavailable, "this is no regular file");
    }
    if found.len() == 0 {
        return refuse(ErrorKind::Corrupt, "the file is empty");
    }
    let mut header = Vec::new();
    File::open(path).and_then(|file| file.take(HEADER as u64).read_to_end(&mut header)).map_err(of_system)?;
    if header.len() < HEADER || !header.starts_with(MAGIC) {
        return refuse(ErrorKind::Corrupt, "the file is no SQLite database");
    }
    if is_cut_off(found.len(), &header) {
        return refuse(
            ErrorKind::Corrupt,
            &format!("the file is damaged: it ends before its last page does. {RECOVER}"),
        );
    }
    let has_log = header[WRITE_VERSION] == 2;
    if has_log && fs::metadata(beside(path, "-wal")).is_ok_and(|log| log.len() > 0) {
        // To read it, SQLite would write to the file that is shared by its readers.
        let text = "a part of it is still in its log, the file -wal beside it. Stop the bot, and have SQLite write the \
                    log into the file: sqlite3 FILE 'PRAGMA wal_checkpoint(TRUNCATE)'";
        return refuse(ErrorKind::Unavailable, text);
    }
    let connection = connect(path, has_log).map_err(|error| meaning(&name, error))?;
    let encoding: String = begin(&connection).map_err(|error| meaning(&name, error))?;
    if encoding != "UTF-8" {
        return refuse(
            ErrorKind::Schema,
            &format!("its text is encoded in {encoding}, which the Python bot never does"),
        );
    }
    Ok(connection)
}

/// Whether a file of this length lacks its end. SQLite would take a part of a page that is missing for zeros.
fn is_cut_off(length: u64, header: &[u8]) -> bool {
    let number = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let page = match u16::from_be_bytes([header[PAGE_SIZE], header[PAGE_SIZE + 1]]) {
        // The greatest size does not fit into its place.
        0 | 1 => 65_536,
        size => size.into(),
    };
    // The number of pages counts if it was written with the last change.
    let pages = if number(CHANGES) == number(COUNTED_AT) { number(PAGES) } else { 0 };
    !length.is_multiple_of(page) || length / page < pages.into()
}

/// With a log that is empty nobody else can have the file open, or it would not be.
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

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// What an error of SQLite's means to a caller.
pub(super) fn meaning(name: &str, error: rusqlite::Error) -> StoreError {
    let (kind, text) = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt) => (ErrorKind::Corrupt, "the file is damaged. Nothing was written"),
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
        _ => (ErrorKind::Internal, "SQLite refused a statement"),
    };
    let detail = match error.sqlite_error() {
        Some(_) if kind != ErrorKind::Internal => format!("{name}: {text}"),
        _ => format!("{name}: {text}: {error}"),
    };
    StoreError::new(kind, OPERATION, detail).with_source(error)
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
