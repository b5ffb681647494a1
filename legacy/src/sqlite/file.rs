//! Opening the file, so that it stays as it is, byte for byte, and nothing appears beside it.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

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

/// What is said of a damaged file. `.dump` works everywhere; `.recover` finds more, and is missing in Debian's program.
pub(crate) const RECOVER: &str = "Nothing was written. SQLite's own program saves what can be read into a file that can be \
                                  imported: sqlite3 FILE .dump | sed '$s/^ROLLBACK.*/COMMIT;/' | sqlite3 NEW_FILE. Where \
                                  it can .recover, this saves more: sqlite3 FILE .recover | sqlite3 NEW_FILE";

/// A file, as it was when it was opened.
pub(super) struct OldFile {
    path: PathBuf,
    state: State,
}

/// What changes when somebody writes to a file, or puts another one in its place.
#[derive(PartialEq, Eq)]
struct State {
    length: u64,
    modified: Option<SystemTime>,
    header: Vec<u8>,
}

impl OldFile {
    fn find(path: &Path) -> Result<Self> {
        Ok(Self { path: path.to_owned(), state: state(path)? })
    }

    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn refuse<T>(&self, kind: ErrorKind, text: &str) -> Result<T> {
        Err(StoreError::new(kind, OPERATION, format!("{}: {text}", self.name())))
    }

    fn has_log(&self) -> bool {
        self.state.header.get(WRITE_VERSION) == Some(&2)
    }

    /// Whoever writes to a file with a log is not kept from it, and is seen by what changed.
    pub(super) fn verify_unchanged(&self) -> Result<()> {
        if log_beside(&self.path).is_some() || state(&self.path)? != self.state {
            let text = "somebody opened it for writing, or wrote to it, while it was read: stop the bot";
            return self.refuse(ErrorKind::Unavailable, text);
        }
        Ok(())
    }

    /// Refuses a file with a log, which only SQLite can take into it. It does so even if the file says that it has none.
    fn refuse_log(&self) -> Result<()> {
        let text = match log_beside(&self.path) {
            None => return Ok(()),
            Some(0) if !self.has_log() => {
                "the file -wal beside it is empty, and no log of its: with the bot stopped, remove it"
            }
            // To read it, SQLite would write to the file that is shared by its readers.
            Some(_) => {
                "its log, the file -wal beside it, is there: a bot has it open, or did not close it. Stop the bot, and \
                 have SQLite write the log into the file: sqlite3 FILE 'PRAGMA wal_checkpoint(TRUNCATE)'"
            }
        };
        self.refuse(ErrorKind::Unavailable, text)
    }

    fn refuse_damaged(&self) -> Result<()> {
        let State { length, header, .. } = &self.state;
        if *length == 0 {
            return self.refuse(ErrorKind::Corrupt, "the file is empty");
        }
        if header.len() < HEADER || !header.starts_with(MAGIC) {
            return self.refuse(ErrorKind::Corrupt, "the file is no SQLite database");
        }
        if is_cut_off(*length, header) {
            let text = format!("the file is damaged: it ends before its last page does. {RECOVER}");
            return self.refuse(ErrorKind::Corrupt, &text);
        }
        Ok(())
    }
}

/// How long the log of a file is, if there is one.
fn log_beside(path: &Path) -> Option<u64> {
    fs::symlink_metadata(beside(path, "-wal")).ok().map(|log| log.len())
}

fn state(path: &Path) -> Result<State> {
    let unavailable = |text: String| {
        StoreError::new(ErrorKind::Unavailable, OPERATION, format!("{}: {text}", path.display()))
    };
    let of_system = |error: io::Error| unavailable(format!("the file cannot be read: {error}"));
    let found = fs::metadata(path).map_err(of_system)?;
    if found.is_dir() {
        return Err(unavailable("this is a directory; name a file in it".to_owned()));
    }
    if !found.is_file() {
        return Err(unavailable("this is no regular file".to_owned()));
    }
    let mut header = Vec::new();
    File::open(path).and_then(|file| file.take(HEADER as u64).read_to_end(&mut header)).map_err(of_system)?;
    Ok(State { length: found.len(), modified: found.modified().ok(), header })
}

/// A connection in a transaction that reads.
pub(super) fn open(path: &Path) -> Result<(OldFile, Connection)> {
    let file = OldFile::find(path)?;
    file.refuse_damaged()?;
    file.refuse_log()?;
    let name = file.name();
    let connection = connect(path, file.has_log()).map_err(|error| meaning(&name, error))?;
    let encoding: String = begin(&connection).map_err(|error| meaning(&name, error))?;
    if encoding != "UTF-8" {
        let text = format!("its text is encoded in {encoding}, which the Python bot never does");
        return file.refuse(ErrorKind::Schema, &text);
    }
    Ok((file, connection))
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
