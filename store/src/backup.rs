//! Copying an SQLite database while others write to it.

use std::path::Path;

use botstore_core::config::Config;
use botstore_core::url::DatabaseUrl;
use botstore_core::{InvalidInput, Result, StoreError};
use botstore_sqlite::{Backup, Progress};

/// Copies the SQLite database that `config` names into a new file, whole and of one moment, while others write to it.
/// `progress` hears now and then how far that is. A call that is dropped leaves nothing behind.
///
/// # Errors
///
/// - [`InvalidInput`](crate::ErrorKind::InvalidInput) of `database_url`: it is a server's database, which `pg_dump` copies,
///   or one in memory.
/// - [`Conflict`](crate::ErrorKind::Conflict): the file is there already, and is not to be replaced; or it must not be, because
///   it is the database itself or belongs to it or its journal, or has a log beside it.
/// - [`Unavailable`](crate::ErrorKind::Unavailable): the database cannot be read or the file not written: no right, no room.
/// - [`Corrupt`](crate::ErrorKind::Corrupt): the database is damaged, or the copy.
pub async fn backup(
    config: &Config,
    into: &Path,
    replace: bool,
    progress: impl FnMut(Progress) + Send,
) -> Result<Backup> {
    if config.has_file(into) {
        return Err(StoreError::conflict("backup", "this is the database itself, or belongs to it"));
    }
    match &config.url {
        DatabaseUrl::Sqlite(url) => botstore_sqlite::backup(url, into, replace, progress).await,
        DatabaseUrl::Postgres(_) => {
            Err(InvalidInput::new("database_url", "is of PostgreSQL, whose databases pg_dump copies").into())
        }
    }
}
