//! From what PostgreSQL, its driver and the pool say to what a caller can act on: the one place for it.

use std::error::Error as StdError;

use botstore_core::{ErrorKind, StoreError};
use deadpool_postgres::{PoolError, Status, TimeoutType};
use tokio_postgres::error::{DbError, SqlState};

/// What the server said, without the detail and the context, in which stored values may stand.
#[derive(Debug, thiserror::Error)]
#[error("{message} (SQLSTATE {code})")]
struct ServerError {
    code: String,
    message: String,
}

impl ServerError {
    fn of(error: &DbError) -> Self {
        Self { code: error.code().code().to_owned(), message: error.message().to_owned() }
    }
}

/// An error of a statement that changes nothing, or of one that was not sent yet: it surely did not happen. `shown` is
/// the database, as people are shown it.
pub(crate) fn of_read(operation: &'static str, shown: &str, error: tokio_postgres::Error) -> StoreError {
    of_statement(operation, shown, error, ErrorKind::Unavailable)
}

/// An error of a statement that was sent and changes something: if the connection broke, nobody knows.
pub(crate) fn of_write(operation: &'static str, shown: &str, error: tokio_postgres::Error) -> StoreError {
    of_statement(operation, shown, error, ErrorKind::Indeterminate)
}

/// `broken` is the kind for a connection that broke while the statement was under way.
fn of_statement(
    operation: &'static str,
    shown: &str,
    error: tokio_postgres::Error,
    broken: ErrorKind,
) -> StoreError {
    if let Some(server) = error.as_db_error() {
        return of_server(operation, shown, server, broken);
    }
    if error.is_closed() || is_io(&error) {
        let when = if broken == ErrorKind::Indeterminate { " before the answer came" } else { "" };
        let detail = format!("{shown}: the connection broke{when}");
        return StoreError::new(broken, operation, detail).with_source(error);
    }
    StoreError::new(ErrorKind::Internal, operation, format!("{shown}: the driver failed")).with_source(error)
}

fn of_server(operation: &'static str, shown: &str, error: &DbError, broken: ErrorKind) -> StoreError {
    let (kind, advice) = of_code(error.code(), broken);
    let said = ServerError::of(error);
    StoreError::new(kind, operation, format!("{shown}: {said}{advice}")).with_source(said)
}

fn is_io(error: &(dyn StdError + 'static)) -> bool {
    causes(error).any(|error| error.is::<std::io::Error>())
}

/// An error and what lies beneath it.
fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}

fn of_code(code: &SqlState, broken: ErrorKind) -> (ErrorKind, &'static str) {
    match *code {
        SqlState::ADMIN_SHUTDOWN | SqlState::CRASH_SHUTDOWN => (broken, ""),
        SqlState::CANNOT_CONNECT_NOW => (ErrorKind::Unavailable, ""),
        SqlState::QUERY_CANCELED => (ErrorKind::Timeout, ""),
        SqlState::LOCK_NOT_AVAILABLE => (ErrorKind::Timeout, ""),
        SqlState::READ_ONLY_SQL_TRANSACTION => {
            (ErrorKind::Unavailable, "; this server is a read-only standby, name the primary")
        }
        SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => (ErrorKind::Unavailable, ""),
        SqlState::UNIQUE_VIOLATION => (ErrorKind::Conflict, ""),
        SqlState::INSUFFICIENT_PRIVILEGE => (ErrorKind::Schema, "; grant the role what it lacks"),
        SqlState::INVALID_CATALOG_NAME => (ErrorKind::Unavailable, "; create it, or name another in the URL"),
        SqlState::DATA_CORRUPTED | SqlState::INDEX_CORRUPTED => (ErrorKind::Corrupt, ""),
        SqlState::UNDEFINED_TABLE | SqlState::UNDEFINED_COLUMN | SqlState::INVALID_SCHEMA_NAME => {
            (ErrorKind::Schema, "; the schema is not this program's, run `rosey migrate`")
        }
        SqlState::UNDEFINED_OBJECT => (ErrorKind::Unavailable, "; check the options in the URL"),
        _ => match &code.code()[..2] {
            "08" => (broken, ""),
            "28" => (ErrorKind::Unavailable, "; check the user and the password in the URL"),
            "53" => (ErrorKind::Unavailable, ""),
            _ => (ErrorKind::Internal, ""),
        },
    }
}

/// An error of the pool: no connection was got, so nothing happened.
pub(crate) fn of_pool(operation: &'static str, shown: &str, status: Status, error: PoolError) -> StoreError {
    match error {
        PoolError::Timeout(TimeoutType::Wait) => {
            let detail = format!(
                "none of {} connections became free in time; {} callers wait",
                status.max_size, status.waiting
            );
            StoreError::new(ErrorKind::PoolExhausted, operation, detail)
        }
        PoolError::Timeout(_) => {
            StoreError::new(ErrorKind::Unavailable, operation, format!("{shown} did not answer in time"))
        }
        PoolError::Closed => StoreError::closed(operation),
        PoolError::Backend(error) => of_connecting(operation, shown, error),
        error => StoreError::new(ErrorKind::Internal, operation, "the pool failed").with_source(error),
    }
}

fn of_connecting(operation: &'static str, shown: &str, error: tokio_postgres::Error) -> StoreError {
    if let Some(server) = error.as_db_error() {
        return of_server(operation, shown, server, ErrorKind::Unavailable);
    }
    let cause = causes(&error).last().map(ToString::to_string).unwrap_or_default();
    StoreError::new(ErrorKind::Unavailable, operation, format!("cannot connect to {shown}: {cause}"))
        .with_source(error)
}

/// An error of a migration, which was rolled back.
pub(crate) fn of_migration(
    operation: &'static str,
    shown: &str,
    error: &(dyn StdError + Send + Sync + 'static),
) -> StoreError {
    for error in causes(error) {
        if let Some(server) = error.downcast_ref::<DbError>() {
            return of_server(operation, shown, server, ErrorKind::Unavailable);
        }
        if error.is::<std::io::Error>() {
            return StoreError::new(ErrorKind::Unavailable, operation, format!("{shown}: {error}"));
        }
    }
    StoreError::new(ErrorKind::Internal, operation, format!("{shown}: the migration failed: {error}"))
}

/// Whether the same statement, sent again, may succeed: what it clashed with is over, and it did not happen.
pub(crate) fn is_clash(error: &tokio_postgres::Error) -> bool {
    matches!(error.code(), Some(&(SqlState::T_R_DEADLOCK_DETECTED | SqlState::T_R_SERIALIZATION_FAILURE)))
}
