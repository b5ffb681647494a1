//! Opening a database: whose it is, who may read its file, its settings, its schema.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use botstore_core::model::{Batch, PoolHealth};
use botstore_core::url::{SqliteUrl, Synchronous};
use botstore_core::{ErrorKind, Result, StoreError};
use botstore_migrations::sqlite::{self as migrations, MigrationLock};
use botstore_migrations::{Migrated, MigrationError};
use rusqlite::Connection;

use crate::connection;
use crate::error::Fault;
use crate::readers::Readers;
use crate::writer::Writer;

/// How long opening waits while other processes migrate the same database.
const MIGRATION_PATIENCE: Duration = Duration::from_secs(30);

/// The size of the smallest SQLite database, a single page of the smallest size, in bytes.
const LEAST_SIZE: u64 = 512;

/// A store in an SQLite database: a file, or memory.
///
/// It has threads of its own: one that writes and, unless it is in memory, a few that read. Opening it needs a Tokio
/// runtime.
pub struct SqliteStore {
    database: Arc<str>,
    /// None in memory: a second connection would have another database.
    readers: Option<Readers>,
    writer: Writer,
}

impl SqliteStore {
    /// Opens the database at `url`. With `migrate` a missing file is made, for its owner's eyes only, and the schema
    /// brought up to date; else a schema that is not is refused.
    ///
    /// # Errors
    ///
    /// - [`Schema`](ErrorKind::Schema): another program's database, or a schema that is too new, or too old to be used
    ///   without `migrate`. Nothing was changed.
    /// - [`Corrupt`](ErrorKind::Corrupt): no SQLite database, or a damaged one.
    /// - [`Timeout`](ErrorKind::Timeout): another process migrates the database all the time.
    /// - [`Unavailable`](ErrorKind::Unavailable): the file cannot be opened, read, written or locked.
    pub async fn open(url: &SqliteUrl, migrate: bool) -> Result<Self> {
        blocking("open", url, move |place| {
            let (connection, _) = place.prepare(migrate)?;
            let database: Arc<str> = place.name().into();
            let start = |path| Readers::start(path, place.busy_timeout);
            let (readers, ended) = place.path.as_deref().map(start).transpose()?.unzip();
            let writer = Writer::start(connection, Arc::clone(&database), ended)
                .map_err(|error| Fault::System("no thread can be started", error))?;
            Ok(Self { database, readers, writer })
        })
        .await
    }

    /// Runs `work`, which writes, in a transaction.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T> {
        self.writer.run(operation, work).await
    }

    /// Writes a batch without a cursor, merged with those of others.
    pub(crate) async fn record_together(&self, batch: Batch) -> Result<()> {
        self.writer.record(batch).await
    }

    /// Runs `work`, which writes, outside any transaction.
    pub(crate) async fn write_alone<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T> {
        self.writer.run_alone(operation, work).await
    }

    /// Runs `work`, which reads by a single statement.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T> {
        match &self.readers {
            None => self.writer.run(operation, work).await,
            Some(readers) => match readers.read(work).await {
                None => Err(StoreError::closed(operation)),
                Some(outcome) => outcome.map_err(|fault| fault.into_error(operation, &self.database)),
            },
        }
    }

    pub(crate) fn pool(&self) -> PoolHealth {
        match &self.readers {
            None => PoolHealth { max: 1, open: 1, idle: 1, waiting: self.writer.waiting() },
            Some(readers) => readers.health(),
        }
    }

    pub(crate) async fn end(&self) {
        if let Some(readers) = &self.readers {
            readers.close().await;
        }
        self.writer.close().await;
    }
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").field("database", &self.database).finish_non_exhaustive()
    }
}

/// Brings the database at `url` to the newest schema, making the file if there is none.
///
/// # Errors
///
/// Those of [`SqliteStore::open`].
pub async fn migrate(url: &SqliteUrl) -> Result<Migrated> {
    blocking("migrate", url, |place| {
        let (_, migrated) = place.prepare(true)?;
        Ok(migrated)
    })
    .await
}

/// Runs `work` where it may block.
async fn blocking<T: Send + 'static>(
    operation: &'static str,
    url: &SqliteUrl,
    work: impl FnOnce(&Place) -> Result<T, Fault> + Send + 'static,
) -> Result<T> {
    let place = Place::of(url);
    let name = place.name();
    tokio::task::spawn_blocking(move || work(&place))
        .await
        .unwrap_or_else(|_| Err(Fault::abandoned()))
        .map_err(|fault| fault.into_error(operation, &name))
}

/// Where a database is, how durable it is to be, and how long other processes are waited for.
struct Place {
    path: Option<PathBuf>,
    synchronous: Synchronous,
    busy_timeout: Duration,
}

impl Place {
    fn of(url: &SqliteUrl) -> Self {
        // An absolute path keeps its meaning when the program changes its directory, and has none that is special to
        // SQLite. It cannot be had of an empty path alone, and opening that one says what is wrong.
        let path = url.path.as_ref().map(|path| std::path::absolute(path).unwrap_or_else(|_| path.clone()));
        Self { path, synchronous: url.synchronous, busy_timeout: url.busy_timeout }
    }

    fn name(&self) -> String {
        self.path.as_ref().map_or_else(|| ":memory:".to_owned(), |path| path.display().to_string())
    }

    /// The writing connection to the database, its schema the newest.
    fn prepare(&self, migrate: bool) -> Result<(Connection, Migrated), Fault> {
        let Some(path) = &self.path else {
            let connection = connection::memory()?;
            return settle_schema(connection, migrate);
        };
        if migrate {
            create(path)?;
        }
        if is_empty(path)? {
            if !migrate {
                let text = "there is no database yet. Run `rosey migrate`";
                return Err(Fault::Refused(ErrorKind::Schema, text.into()));
            }
        } else {
            // Before anything in the file is changed, even a setting.
            let judge = if migrate { migrations::refuse_strangers } else { refuse_other_versions };
            judge(&connection::look(path, self.busy_timeout)?)?;
        }
        let _lock = if migrate { Some(lock(path)?) } else { None };
        settle_schema(connection::writer(path, self.synchronous, self.busy_timeout)?, migrate)
    }
}

fn settle_schema(mut connection: Connection, migrate: bool) -> Result<(Connection, Migrated), Fault> {
    let migrated = if migrate {
        migrations::migrate(&mut connection)?
    } else {
        Migrated { version: migrations::check(&connection)?, applied: Vec::new() }
    };
    Ok((connection, migrated))
}

fn refuse_other_versions(connection: &Connection) -> Result<(), MigrationError> {
    migrations::check(connection).map(drop)
}

/// Makes the file if there is none, so that nobody but its owner can read it. SQLite gives its log the same rights.
fn create(path: &Path) -> Result<(), Fault> {
    // Closing a file lets go of all locks that the process has on it. While a file may be made here, and closed again,
    // no other store of this process gets to the point of opening and locking it.
    static CREATING: Mutex<()> = Mutex::new(());
    let _creating = CREATING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(Fault::System("its directory does not exist; make it first", error))
        }
        Err(error) => Err(Fault::System("the file cannot be made; check the rights of its directory", error)),
    }
}

/// Whether the file holds nothing yet, or is not there.
fn is_empty(path: &Path) -> Result<bool, Fault> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => {
            let text = "this is a directory; name a file in it";
            Err(Fault::Refused(ErrorKind::Unavailable, text.into()))
        }
        // SQLite would take a file of one byte for an empty one.
        Ok(found) if (1..LEAST_SIZE).contains(&found.len()) => {
            let text = "the file is no SQLite database; name another one";
            Err(Fault::Refused(ErrorKind::Corrupt, text.into()))
        }
        Ok(found) => Ok(found.len() == 0),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => {
            Err(Fault::System("the file cannot be looked at; check the rights of its directory", error))
        }
    }
}

fn lock(path: &Path) -> Result<MigrationLock, Fault> {
    MigrationLock::acquire(path, MIGRATION_PATIENCE).map_err(|error| {
        Fault::System("the lock for migrations, a file beside the database, cannot be had", error)
    })
}

#[cfg(test)]
mod tests;
