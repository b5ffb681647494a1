//! From what PostgreSQL, its driver and the pool say to what a caller can act on: the one place for it.

mod connecting;

use std::error::Error as StdError;
use std::io;

use botstore_core::{ErrorKind, StoreError};
use deadpool::managed::PoolError;
use tokio_postgres::error::{DbError, Severity, SqlState};

use crate::connect::{CHECK_INTERVAL, ConnectError};
use connecting::of_connecting;

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
    let (kind, advice) = meaning(error, broken);
    let said = ServerError::of(error);
    let store_error = StoreError::new(kind, operation, format!("{shown}: {said}{advice}")).with_source(said);
    if is_lasting(error) { store_error.lasting() } else { store_error }
}

/// Whether waiting does not help: somebody has to change the URL, or the server.
fn is_lasting(error: &DbError) -> bool {
    let code = error.code();
    let misled = [
        SqlState::INVALID_CATALOG_NAME,
        SqlState::UNDEFINED_OBJECT,
        SqlState::INVALID_SQL_STATEMENT_NAME,
        SqlState::DUPLICATE_PSTATEMENT,
    ];
    misled.contains(code)
        || code.code().starts_with("28")
        || is_unusable_option(error)
        || of_pooler(error).is_some()
}

/// What a pooler refuses to begin. It has one code for that and for a server that is away.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pooler {
    /// A setting that the session is to begin with.
    Parameter,
    Database,
    User,
}

fn of_pooler(error: &DbError) -> Option<Pooler> {
    let says = |text| error.message().contains(text);
    match *error.code() {
        SqlState::PROTOCOL_VIOLATION if says("unsupported startup parameter") => Some(Pooler::Parameter),
        SqlState::PROTOCOL_VIOLATION if says("no such database") => Some(Pooler::Database),
        SqlState::PROTOCOL_VIOLATION
            if says("no such user") || says("authentication failed") || says("auth failed") =>
        {
            Some(Pooler::User)
        }
        _ => None,
    }
}

/// Whether a session cannot begin because of its options.
fn is_unusable_option(error: &DbError) -> bool {
    let codes = [
        SqlState::SYNTAX_ERROR,
        SqlState::INVALID_PARAMETER_VALUE,
        SqlState::CANT_CHANGE_RUNTIME_PARAM,
        SqlState::UNDEFINED_OBJECT,
    ];
    ends_session(error) && codes.contains(error.code())
}

fn is_io(error: &(dyn StdError + 'static)) -> bool {
    causes(error).any(|error| error.is::<io::Error>())
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

/// What the server's error means to a caller, and what to do about it.
fn meaning(error: &DbError, broken: ErrorKind) -> (ErrorKind, &'static str) {
    const POOLER: &str =
        "; a pooler such as PgBouncer hands sessions around: add statement_cache=off to the URL";
    match *error.code() {
        // Without the answer to a commit nobody knows whether it was one, whatever ended the session. A server that
        // panics over the log of its writes may find the commit in it when it is up again.
        _ if broken == ErrorKind::Indeterminate && ends_session(error) && !refuses_session(error.code()) => {
            (broken, "")
        }
        _ if of_pooler(error) == Some(Pooler::Parameter) => (ErrorKind::Unavailable, POOLER),
        _ if of_pooler(error) == Some(Pooler::Database) => (
            ErrorKind::Unavailable,
            "; add it to [databases] of PgBouncer's configuration, or name another in the URL",
        ),
        _ if of_pooler(error) == Some(Pooler::User) => (
            ErrorKind::Unavailable,
            "; check the user and the password in the URL, and what the pooler's auth_file has of them",
        ),
        _ if is_unusable_option(error) && error.message().contains(CHECK_INTERVAL) => (
            ErrorKind::Unavailable,
            "; this server cannot watch its clients: add options=-c%20client_connection_check_interval%3D0 to the URL",
        ),
        _ if is_unusable_option(error) => (ErrorKind::Unavailable, "; check the options in the URL"),
        SqlState::INVALID_SQL_STATEMENT_NAME | SqlState::DUPLICATE_PSTATEMENT => {
            (ErrorKind::Unavailable, POOLER)
        }
        SqlState::CANNOT_CONNECT_NOW => (ErrorKind::Unavailable, ""),
        SqlState::TOO_MANY_CONNECTIONS => (ErrorKind::Unavailable, limit_advice(error)),
        SqlState::QUERY_CANCELED | SqlState::LOCK_NOT_AVAILABLE => (ErrorKind::Timeout, ""),
        SqlState::READ_ONLY_SQL_TRANSACTION => (
            ErrorKind::Unavailable,
            "; this server is a read-only standby: name the primary, too, and target_session_attrs=read-write",
        ),
        SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => (ErrorKind::Unavailable, ""),
        SqlState::UNIQUE_VIOLATION => (ErrorKind::Conflict, ""),
        // The message is in the server's language; the functions' names are in none.
        SqlState::INSUFFICIENT_PRIVILEGE
            if matches!(error.routine(), Some("ExecWithCheckOptions" | "check_enable_rls")) =>
        {
            (
                ErrorKind::Schema,
                "; no GRANT helps: as a superuser ALTER ROLE ... BYPASSRLS, or as the table's owner ALTER TABLE ... DISABLE \
                 ROW LEVEL SECURITY",
            )
        }
        SqlState::INSUFFICIENT_PRIVILEGE => (ErrorKind::Schema, "; grant the role what it lacks"),
        SqlState::INVALID_AUTHORIZATION_SPECIFICATION => (
            ErrorKind::Unavailable,
            "; check the user in the URL, and the server's pg_hba.conf, which may ask for encryption or a certificate",
        ),
        SqlState::INVALID_CATALOG_NAME => (ErrorKind::Unavailable, "; create it, or name another in the URL"),
        SqlState::DATA_CORRUPTED | SqlState::INDEX_CORRUPTED => (ErrorKind::Corrupt, ""),
        SqlState::INVALID_SCHEMA_NAME => {
            (ErrorKind::Schema, "; create the schema, or take it out of the search_path")
        }
        SqlState::UNDEFINED_TABLE | SqlState::UNDEFINED_COLUMN => {
            (ErrorKind::Schema, "; the schema is not this program's, run `rosey migrate`")
        }
        SqlState::DEPENDENT_OBJECTS_STILL_EXIST => {
            (ErrorKind::Schema, "; remove what depends on it, such as a view, first")
        }
        SqlState::UNDEFINED_OBJECT => (ErrorKind::Unavailable, "; check the options in the URL"),
        ref code if ends_connection(code) => (broken, ""),
        ref code => match &code.code()[..2] {
            "28" => (ErrorKind::Unavailable, "; check the user and the password in the URL"),
            "53" => (ErrorKind::Unavailable, ""),
            _ if ends_session(error) => (broken, ""),
            _ => (ErrorKind::Internal, ""),
        },
    }
}

/// What to do about a limit on connections. The message says in the server's language whose limit it is; the function's
/// name is in none.
fn limit_advice(error: &DbError) -> &'static str {
    match error.routine() {
        Some("InitializeSessionUserId") => {
            "; lower pool_size and max_overflow, or raise the role's limit: ALTER ROLE ... CONNECTION LIMIT ..."
        }
        Some("CheckMyDatabase") => {
            "; lower pool_size and max_overflow, or raise the database's limit: ALTER DATABASE ... CONNECTION LIMIT ..."
        }
        _ => "; lower pool_size and max_overflow, or raise the server's max_connections",
    }
}

/// Whether with this code the server, or a pooler before it, says that the connection ends: shut down, crashed, or of a
/// broken protocol.
fn ends_connection(code: &SqlState) -> bool {
    let code = code.code();
    code.starts_with("08") || (code.starts_with("57P") && *code != *SqlState::CANNOT_CONNECT_NOW.code())
}

/// Whether the server ends the session with this error, whatever it is about: FATAL, or PANIC, which ends them all.
fn ends_session(error: &DbError) -> bool {
    match error.parsed_severity() {
        Some(severity) => matches!(severity, Severity::Fatal | Severity::Panic),
        // A pooler may leave out what a server always says.
        None => matches!(error.severity(), "FATAL" | "PANIC"),
    }
}

/// Whether this is only said before a session begins, be it by a pooler that found no session for a statement: nothing
/// was executed.
fn refuses_session(code: &SqlState) -> bool {
    let early =
        [SqlState::CANNOT_CONNECT_NOW, SqlState::TOO_MANY_CONNECTIONS, SqlState::INVALID_CATALOG_NAME];
    early.contains(code) || code.code().starts_with("28")
}

/// What becomes of connections after an error of one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aftermath {
    /// It works on.
    Keep,
    /// It is of no more use.
    Close,
    /// It leads to a server that takes no writes, and so do the others.
    CloseAll,
}

impl Aftermath {
    pub(crate) fn of(error: &tokio_postgres::Error) -> Self {
        let Some(server) = error.as_db_error() else { return Self::Close };
        match *server.code() {
            SqlState::READ_ONLY_SQL_TRANSACTION => Self::CloseAll,
            SqlState::INVALID_SQL_STATEMENT_NAME | SqlState::DUPLICATE_PSTATEMENT => Self::Close,
            ref code if ends_connection(code) => Self::Close,
            _ if ends_session(server) => Self::Close,
            _ => Self::Keep,
        }
    }
}

/// An error of the pool: no connection was got, so nothing happened. `shortage` says how it stands with the pool.
pub(crate) fn of_pool(
    operation: &'static str,
    shown: &str,
    shortage: String,
    error: PoolError<ConnectError>,
) -> StoreError {
    match error {
        PoolError::Timeout(_) => {
            StoreError::new(ErrorKind::PoolExhausted, operation, format!("{shown}: {shortage}"))
        }
        PoolError::Closed => StoreError::closed(operation),
        PoolError::Backend(error) => of_connecting(operation, shown, error),
        error => StoreError::new(ErrorKind::Internal, operation, format!("{shown}: {error}")),
    }
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
        let broke =
            error.downcast_ref::<tokio_postgres::Error>().is_some_and(tokio_postgres::Error::is_closed);
        if broke || error.is::<io::Error>() {
            return StoreError::new(ErrorKind::Unavailable, operation, format!("{shown}: {error}"));
        }
    }
    StoreError::new(ErrorKind::Internal, operation, format!("{shown}: the migration failed: {error}"))
}

/// Whether the same statement, sent again, may succeed: what it clashed with is over, and it did not happen.
pub(crate) fn is_clash(error: &tokio_postgres::Error) -> bool {
    let Some(server) = error.as_db_error() else { return false };
    let clashed =
        matches!(*server.code(), SqlState::T_R_DEADLOCK_DETECTED | SqlState::T_R_SERIALIZATION_FAILURE);
    clashed && !ends_session(server)
}

/// Whether a prepared statement is of no more use, because a migration changed what it returns or because somebody
/// removed it. It did not happen.
pub(crate) fn is_stale(error: &tokio_postgres::Error) -> bool {
    let Some(server) = error.as_db_error() else { return false };
    match *server.code() {
        SqlState::INVALID_SQL_STATEMENT_NAME => true,
        // The message is in the server's language; the function's name is in none.
        SqlState::FEATURE_NOT_SUPPORTED => server.routine() == Some("RevalidateCachedQuery"),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
