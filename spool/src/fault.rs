//! What can go wrong with a journal, as an error of the store.

use std::io;
use std::path::Path;

use botstore_core::{ErrorKind, StoreError};
use rusqlite::{ErrorCode, ffi};

/// Why a journal did not do what it should.
#[derive(Debug)]
pub(crate) enum Fault {
    /// SQLite said so.
    Sqlite(rusqlite::Error),
    /// SQLite said so of a commit.
    Commit(rusqlite::Error),
    /// The operating system said so.
    System(io::Error),
    /// The operating system said so of opening it.
    Unopened(io::Error),
    /// It was written, but where nobody will find it.
    Unsure(Box<Self>),
    /// It is damaged: in what way, in words that can follow its name.
    Damaged(String),
    /// It does what it should in refusing this.
    Refused(ErrorKind, String),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

impl Fault {
    /// Whether the disk did not take what was written, for want of room perhaps.
    pub(crate) fn is_of_disk(&self) -> bool {
        let (Self::Sqlite(error) | Self::Commit(error)) = self else { return false };
        matches!(error.sqlite_error_code(), Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure))
    }

    /// The error of `operation` that a caller gets.
    pub(crate) fn into_error(self, operation: &'static str, journal: &Path) -> StoreError {
        let name = journal.display();
        let told = |kind, text: String| StoreError::new(kind, operation, text);
        match self {
            Self::Sqlite(error) => {
                let (kind, advice) = meaning(&error, ErrorKind::Unavailable);
                told(kind, format!("the journal {name}: {error}{advice}")).with_source(error).lasting()
            }
            // Its batches may be there when the journal is opened again.
            Self::Commit(error) => {
                let unsure = error.sqlite_error_code() != Some(ErrorCode::DiskFull);
                let unless = if unsure { ErrorKind::Indeterminate } else { ErrorKind::Unavailable };
                let (kind, advice) = meaning(&error, unless);
                told(kind, format!("the journal {name}: {error}{advice}")).with_source(error).lasting()
            }
            Self::System(error) => told(ErrorKind::Unavailable, format!("the journal {name}: {error}"))
                .with_source(error)
                .lasting(),
            Self::Unopened(error) => {
                let why = refusal(&error);
                let text = format!(
                    "the journal {name} cannot be opened: {why}, or name another file by ROSEY_SPOOL; with \
                     ROSEY_SPOOL=off nothing is kept while the database is away ({error})"
                );
                told(ErrorKind::Unavailable, text).with_source(error).lasting()
            }
            Self::Unsure(fault) => {
                let error = fault.into_error(operation, journal);
                let unsure = "what was recorded just now may be lost, or written all the same";
                told(ErrorKind::Indeterminate, format!("{unsure}: {error}")).with_source(error).lasting()
            }
            Self::Damaged(what) => {
                told(ErrorKind::Corrupt, format!("the journal {name} {what}{ADVICE}")).lasting()
            }
            Self::Refused(kind, why) => told(kind, format!("the journal {name} {why}")).lasting(),
        }
    }
}

/// Why the system refuses to open a journal, and what helps.
fn refusal(error: &io::Error) -> &'static str {
    use io::ErrorKind::{
        IsADirectory, NotFound, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull,
    };
    match error.kind() {
        StorageFull | QuotaExceeded => "the disk is full; make room",
        PermissionDenied => "permission is denied; give this user the right to write there",
        ReadOnlyFilesystem => "its file system is read-only; make it writable",
        NotFound => "its directory does not exist; make it",
        IsADirectory => "it is a directory; name a file in it",
        _ => "the system refuses; see why",
    }
}

/// What helps against damage.
const ADVICE: &str = "; move it away to go on without what is in it";

/// The kind of an SQLite error, and advice.
fn meaning(error: &rusqlite::Error, unless: ErrorKind) -> (ErrorKind, &'static str) {
    use rusqlite::Error::{FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, Utf8Error};

    let is_unreadable = matches!(
        error,
        FromSqlConversionFailure(..) | IntegralValueOutOfRange(..) | InvalidColumnType(..) | Utf8Error(..)
    );
    match error.sqlite_error().map(|error| error.extended_code & 0xff) {
        None if is_unreadable => (ErrorKind::Corrupt, ADVICE),
        Some(ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB) => (ErrorKind::Corrupt, ADVICE),
        _ => (unless, ""),
    }
}
