//! What can go wrong, and the one place that says what an SQLite code means to a caller.

use std::error::Error as StdError;
use std::io;

use botstore_core::{ErrorKind, StoreError};
use botstore_migrations::MigrationError;
use rusqlite::{ErrorCode, ffi};

pub(crate) const NOT_WRITABLE: &str =
    "the file cannot be written; check the rights of the file and of its directory";

/// A failure whose operation and database are not known yet.
#[derive(Debug)]
pub(crate) enum Fault {
    /// SQLite failed before anything was committed.
    Sqlite(rusqlite::Error),
    /// SQLite failed while it committed.
    Commit(rusqlite::Error),
    /// The schema is none to work with, or could not be made so.
    Migration(MigrationError),
    /// The operating system failed: what was tried, and how it failed.
    System(&'static str, io::Error),
    /// The store itself says no.
    Refused(ErrorKind, String),
}

impl Fault {
    /// [`ErrorKind::Conflict`]: the stored state is another than the caller expects.
    pub(crate) fn conflict(text: impl Into<String>) -> Self {
        Self::Refused(ErrorKind::Conflict, text.into())
    }

    /// [`ErrorKind::NotFound`] of `what`.
    pub(crate) fn not_found(what: &str) -> Self {
        Self::Refused(ErrorKind::NotFound, format!("no such {what}"))
    }

    /// [`ErrorKind::Corrupt`]: `column` (with its table) breaks its type's rules.
    pub(crate) fn corrupt(column: &str, reason: &str) -> Self {
        Self::Refused(ErrorKind::Corrupt, format!("the stored {column} {reason}"))
    }

    /// [`ErrorKind::Internal`]: work on another thread ended without a result.
    pub(crate) fn abandoned() -> Self {
        Self::Refused(ErrorKind::Internal, "the work was abandoned: a panic, or the program is ending".into())
    }

    /// The error of `operation` on `database`.
    pub(crate) fn into_error(self, operation: &'static str, database: &str) -> StoreError {
        let said = |kind, text: &str| StoreError::new(kind, operation, format!("{database}: {text}"));
        let meant = |(kind, text), lasting: bool| {
            let said = said(kind, text);
            if lasting { said.lasting() } else { said }
        };
        match self {
            Self::Refused(kind @ (ErrorKind::NotFound | ErrorKind::Conflict), text) => {
                StoreError::new(kind, operation, text)
            }
            Self::Refused(kind, text) => said(kind, &text),
            Self::System(tried, error) => {
                let kind = match error.kind() {
                    io::ErrorKind::TimedOut => ErrorKind::Timeout,
                    _ => ErrorKind::Unavailable,
                };
                let text = format!("{tried}: {error}");
                meant((kind, text.as_str()), is_lasting_of(&error)).with_source(error)
            }
            Self::Sqlite(error) => meant(meaning(&error), is_lasting(&error)).with_source(error),
            Self::Commit(error) => {
                let meaning = match error.sqlite_error_code() {
                    // The transaction may be in the log all the same, to be found after a restart.
                    Some(ErrorCode::SystemIoFailure) if !is_write(&error) => {
                        (ErrorKind::Indeterminate, "the disk failed during the commit; check it")
                    }
                    _ => meaning(&error),
                };
                meant(meaning, is_lasting(&error)).with_source(error)
            }
            Self::Migration(MigrationError::Refused(advice)) => said(ErrorKind::Schema, &advice),
            Self::Migration(error) => {
                let beneath = sqlite_beneath(&error);
                let unknown = (ErrorKind::Internal, "the schema could not be read or migrated");
                meant(beneath.map_or(unknown, meaning), beneath.is_some_and(is_lasting)).with_source(error)
            }
        }
    }
}

/// The kind of an SQLite error, and what to say and advise.
fn meaning(error: &rusqlite::Error) -> (ErrorKind, &'static str) {
    use ErrorKind::{Corrupt, Internal, Schema, Unavailable};
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed) => {
            (Unavailable, "another process keeps the database locked; try again, or stop that process")
        }
        _ if is_full(error) => (Unavailable, "the disk is full; make room"),
        Some(ErrorCode::SystemIoFailure) if is_write(error) => {
            (Unavailable, "the file cannot be written; check whether it may be changed, and the disk")
        }
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            (Unavailable, "the file cannot be opened; check the path and its rights")
        }
        Some(ErrorCode::ReadOnly) => (Unavailable, NOT_WRITABLE),
        Some(ErrorCode::SystemIoFailure) => (Unavailable, "the disk failed to read or write; check it"),
        Some(ErrorCode::OutOfMemory) => (Unavailable, "there is no memory left"),
        Some(ErrorCode::NotADatabase) => (Corrupt, "the file is no SQLite database; name another one"),
        // SQLite says so, too, if the system cannot read a file.
        Some(ErrorCode::DatabaseCorrupt) => {
            (Corrupt, "the database is damaged, or its disk; restore a backup")
        }
        _ if lacks_schema(error) => (Schema, "the schema is not this program's; run `rosey migrate`"),
        _ => (Internal, "SQLite refused a statement"),
    }
}

/// Whether a statement names what is not there. SQLite has one code for all that is wrong with a statement; its words are
/// English everywhere.
fn lacks_schema(error: &rusqlite::Error) -> bool {
    let text = match error {
        rusqlite::Error::SqliteFailure(failure, Some(text)) if failure.extended_code == ffi::SQLITE_ERROR => {
            text
        }
        rusqlite::Error::SqlInputError { msg, .. } => msg,
        _ => return false,
    };
    let missing = ["no such table: ", "no such index: ", "no such column: "];
    missing.iter().any(|missing| text.starts_with(missing)) || text.contains(" has no column named ")
}

/// Whether an operator has to do what the advice says before another try makes sense.
fn is_lasting(error: &rusqlite::Error) -> bool {
    use ErrorCode::{CannotOpen, PermissionDenied, ReadOnly};
    matches!(error.sqlite_error_code(), Some(CannotOpen | PermissionDenied | ReadOnly))
        || is_full(error)
        || is_write(error)
}

/// Whether there is no room. What processes share of the log is made larger first of all, which has a code of its own.
fn is_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
        || error.sqlite_error().is_some_and(|error| error.extended_code == ffi::SQLITE_IOERR_SHMSIZE)
}

/// The same of an error of the operating system.
fn is_lasting_of(error: &io::Error) -> bool {
    use io::ErrorKind::{NotFound, PermissionDenied, ReadOnlyFilesystem, StorageFull};
    matches!(error.kind(), NotFound | PermissionDenied | ReadOnlyFilesystem | StorageFull)
}

/// Whether the operating system refused to write. A transaction whose last page was not written whole never counts.
fn is_write(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|error| error.extended_code == ffi::SQLITE_IOERR_WRITE)
}

/// Whether somebody else was in the way, so that trying again may succeed.
pub(crate) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// SQLite's own error beneath that of the migrations' runner.
fn sqlite_beneath(error: &MigrationError) -> Option<&rusqlite::Error> {
    let mut beneath = error.source();
    while let Some(error) = beneath {
        if let Some(sqlite) = error.downcast_ref() {
            return Some(sqlite);
        }
        beneath = error.source();
    }
    None
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<MigrationError> for Fault {
    fn from(error: MigrationError) -> Self {
        Self::Migration(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(code: i32) -> rusqlite::Error {
        rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)
    }

    #[test]
    fn a_code_means_what_a_caller_can_do() {
        for (number, kind) in [
            (ffi::SQLITE_BUSY_SNAPSHOT, ErrorKind::Unavailable),
            (ffi::SQLITE_LOCKED, ErrorKind::Unavailable),
            (ffi::SQLITE_FULL, ErrorKind::Unavailable),
            (ffi::SQLITE_CANTOPEN, ErrorKind::Unavailable),
            (ffi::SQLITE_READONLY, ErrorKind::Unavailable),
            (ffi::SQLITE_IOERR_WRITE, ErrorKind::Unavailable),
            (ffi::SQLITE_CORRUPT_INDEX, ErrorKind::Corrupt),
            (ffi::SQLITE_NOTADB, ErrorKind::Corrupt),
            (ffi::SQLITE_CONSTRAINT_CHECK, ErrorKind::Internal),
        ] {
            let error = Fault::from(code(number)).into_error("record", "bot.db");
            assert_eq!(error.kind(), &kind, "{error}");
            assert!(error.to_string().contains("bot.db"));
        }
    }

    #[test]
    fn a_schema_that_lacks_what_a_statement_names_is_told_from_other_faults() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE notes (note TEXT); CREATE TABLE lines (id INTEGER)").unwrap();
        connection
            .execute_batch(
                "CREATE TRIGGER later AFTER INSERT ON lines BEGIN INSERT INTO gone VALUES (1); END",
            )
            .unwrap();
        for (sql, kind) in [
            ("SELECT 1 FROM absent", ErrorKind::Schema),
            ("SELECT absent FROM notes", ErrorKind::Schema),
            ("INSERT INTO notes (absent) VALUES (1)", ErrorKind::Schema),
            ("SELECT 1 FROM notes INDEXED BY absent", ErrorKind::Schema),
            ("DROP INDEX absent", ErrorKind::Schema),
            ("INSERT INTO lines VALUES (1)", ErrorKind::Schema),
            ("SELECT 'no such table", ErrorKind::Internal),
            ("INSERT INTO notes VALUES (raise(1))", ErrorKind::Internal),
        ] {
            let error = connection.execute_batch(sql).unwrap_err();
            let error = Fault::from(error).into_error("record", "bot.db");
            assert_eq!(error.kind(), &kind, "{sql}: {error}");
        }
    }

    #[test]
    fn waiting_helps_against_other_processes_and_not_against_the_operating_system() {
        let is_lasting = |number| Fault::from(code(number)).into_error("record", "bot.db").is_lasting();
        let waiting_helps =
            [ffi::SQLITE_BUSY, ffi::SQLITE_LOCKED, ffi::SQLITE_PROTOCOL, ffi::SQLITE_IOERR_READ];
        assert_eq!(waiting_helps.map(is_lasting), [false; 4]);
        let waiting_does_not = [
            ffi::SQLITE_FULL,
            ffi::SQLITE_IOERR_SHMSIZE,
            ffi::SQLITE_CANTOPEN,
            ffi::SQLITE_READONLY_DBMOVED,
            ffi::SQLITE_IOERR_WRITE,
        ];
        assert_eq!(waiting_does_not.map(is_lasting), [true; 5]);
    }

    #[test]
    fn the_fate_of_a_commit_that_the_disk_failed_is_unknown() {
        let error = Fault::Commit(code(ffi::SQLITE_IOERR_FSYNC)).into_error("record", "bot.db");
        assert_eq!(error.kind(), &ErrorKind::Indeterminate);
        for surely_not in [ffi::SQLITE_FULL, ffi::SQLITE_IOERR_WRITE] {
            let error = Fault::Commit(code(surely_not)).into_error("record", "bot.db");
            assert_eq!(error.kind(), &ErrorKind::Unavailable);
        }
    }

    #[test]
    fn an_error_within_a_migration_is_found() {
        let beneath = MigrationError::Failed(Box::new(code(ffi::SQLITE_NOTADB)));
        let error = Fault::from(beneath).into_error("open", "bot.db");
        assert_eq!(error.kind(), &ErrorKind::Corrupt);
    }
}
