//! Opening a database: whose it is, who may read its file, its settings, its schema.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use botstore_core::url::{SqliteUrl, Synchronous};
use botstore_core::{ErrorKind, Result};
use botstore_migrations::sqlite::{self as migrations, MigrationLock};
use botstore_migrations::{Goal, Migrated, MigrationError, SchemaStatus};
use rusqlite::Connection;

use crate::connection;
use crate::error::{Fault, NOT_WRITABLE};
use crate::files::{Files, Standing};

/// How long opening waits while other processes migrate the same database.
const MIGRATION_PATIENCE: Duration = Duration::from_secs(30);

/// The size of the smallest SQLite database, a single page of the smallest size, in bytes.
const LEAST_SIZE: u64 = 512;

const NO_DIRECTORY: &str = "its directory does not exist; make it first, or mend the path";

const CANNOT_LOOK: &str = "the file cannot be looked at; check the rights of its directory";

/// Brings the database at `url` to this version. The file is made if there is none, but not to go down in it.
///
/// # Errors
///
/// Those of [`SqliteStore::open`](crate::SqliteStore::open).
pub async fn migrate_to(url: &SqliteUrl, goal: Goal) -> Result<Migrated> {
    let place = Arc::new(Place::of(url));
    blocking("migrate", &place, move |place| place.migrate(goal)).await
}

/// Says how the schema of the database at `url` stands to this program, and changes nothing. A file that is not there has
/// no schema, and is not made.
///
/// # Errors
///
/// [`ErrorKind::Unavailable`], [`ErrorKind::Corrupt`]: the file cannot be read, or is no database.
pub async fn schema(url: &SqliteUrl) -> Result<SchemaStatus> {
    let place = Arc::new(Place::of(url));
    blocking("schema", &place, |place| Ok(migrations::status(&place.look()?)?)).await
}

/// Runs `work` where it may block.
pub(crate) async fn blocking<T: Send + 'static>(
    operation: &'static str,
    place: &Arc<Place>,
    work: impl FnOnce(&Place) -> Result<T, Fault> + Send + 'static,
) -> Result<T> {
    let worker = Arc::clone(place);
    tokio::task::spawn_blocking(move || work(&worker))
        .await
        .unwrap_or_else(|_| Err(Fault::abandoned()))
        .map_err(|fault| fault.into_error(operation, &place.name()))
}

/// Where a database is, how durable it is to be, and how long other processes are waited for.
pub(crate) struct Place {
    pub(crate) path: Option<PathBuf>,
    synchronous: Synchronous,
    pub(crate) busy_timeout: Duration,
}

/// A database that is open, its schema the newest.
pub(crate) struct Prepared {
    /// The one that writes.
    pub(crate) connection: Connection,
    /// None in memory.
    pub(crate) files: Option<Files>,
    migrated: Migrated,
}

impl Place {
    pub(crate) fn of(url: &SqliteUrl) -> Self {
        // An absolute path keeps its meaning when the program changes its directory, and has none that is special to
        // SQLite. It cannot be had of an empty path alone, and opening that one says what is wrong.
        let path = url.path.as_ref().map(|path| std::path::absolute(path).unwrap_or_else(|_| path.clone()));
        Self { path, synchronous: url.synchronous, busy_timeout: url.busy_timeout }
    }

    pub(crate) fn name(&self) -> String {
        self.path.as_ref().map_or_else(|| ":memory:".to_owned(), |path| path.display().to_string())
    }

    /// The database; with `migrate` it is made if it is not there.
    pub(crate) fn prepare(&self, migrate: bool) -> Result<Prepared, Fault> {
        let Some(path) = &self.path else {
            let (connection, migrated) = settle_schema(connection::memory()?, newest(migrate))?;
            return Ok(Prepared { connection, files: None, migrated });
        };
        if migrate {
            create(path)?;
        } else {
            self.refuse_nothing()?;
        }
        self.prepare_file(path, newest(migrate))
    }

    fn migrate(&self, goal: Goal) -> Result<Migrated, Fault> {
        let path = match (&self.path, goal) {
            (Some(path), Goal::Up(_)) => create(path).map(|()| path)?,
            (Some(path), Goal::Down(_)) if !is_empty(path)? => path,
            _ => return Ok(settle_schema(connection::memory()?, Some(goal))?.1),
        };
        Ok(self.prepare_file(path, Some(goal))?.migrated)
    }

    /// A connection to look how the database is; what is not there is empty.
    pub(crate) fn look(&self) -> Result<Connection, Fault> {
        match &self.path {
            Some(path) if !is_empty(path)? => {
                refuse_unwritable(path)?;
                connection::look(path, self.busy_timeout)
            }
            _ => connection::memory(),
        }
    }

    /// Whether there is nothing to look at: no file, or an empty one.
    pub(crate) fn is_nothing(&self) -> bool {
        self.path.as_ref().is_some_and(|path| is_empty(path).unwrap_or(false))
    }

    /// Refuses a file that is not there, or empty.
    pub(crate) fn refuse_nothing(&self) -> Result<(), Fault> {
        match &self.path {
            Some(path) if is_empty(path)? => Err(nothing(path)),
            _ => Ok(()),
        }
    }

    /// The database that took the place of the one that was there. Nothing is made: somebody may just be about to put a
    /// backup there.
    pub(crate) fn prepare_again(&self, migrate: bool) -> Result<Prepared, Fault> {
        match &self.path {
            Some(path) if is_empty(path)? => {
                let text = "the file is gone or empty; put it back, or a backup in its place";
                Err(Fault::Refused(ErrorKind::Unavailable, text.into()))
            }
            Some(path) => self.prepare_file(path, newest(migrate)),
            None => self.prepare(migrate),
        }
    }

    fn prepare_file(&self, path: &Path, goal: Option<Goal>) -> Result<Prepared, Fault> {
        refuse_unwritable(path)?;
        if !is_empty(path)? {
            // Before anything in the file is changed, even a setting.
            let judge = if goal.is_some() { migrations::refuse_strangers } else { refuse_other_versions };
            judge(&connection::look(path, self.busy_timeout)?)?;
        }
        let _lock = if goal.is_some() { Some(lock(path)?) } else { None };
        let standing = Standing::at(path).map_err(|error| Fault::System(CANNOT_LOOK, error))?;
        let connection = connection::writer(path, self.synchronous, self.busy_timeout)?;
        let (connection, migrated) = settle_schema(connection, goal)?;
        Ok(Prepared { connection, files: Some(Files::of(standing)?), migrated })
    }
}

fn nothing(path: &Path) -> Fault {
    match path.parent().map(fs::metadata) {
        Some(Err(error)) if error.kind() == io::ErrorKind::NotFound => Fault::System(NO_DIRECTORY, error),
        _ => Fault::Refused(ErrorKind::Schema, "there is no database yet. Run `rosey migrate`".into()),
    }
}

/// Refuses a file that this process may not write, before SQLite makes a log beside it: whoever owns the file could not
/// write that log, and so not work with the database any more.
#[cfg(unix)]
fn refuse_unwritable(path: &Path) -> Result<(), Fault> {
    use rustix::fs::{Access, AtFlags, CWD, accessat};

    // To open the file would answer, too; but closing it lets go of all locks that the process has on it.
    match accessat(CWD, path, Access::WRITE_OK, AtFlags::EACCESS).map_err(io::Error::from) {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
            ) =>
        {
            Err(Fault::System(NOT_WRITABLE, error))
        }
        // What else is wrong, opening it tells.
        _ => Ok(()),
    }
}

/// Elsewhere files have the rights that their directory gives them.
#[cfg(not(unix))]
fn refuse_unwritable(_: &Path) -> Result<(), Fault> {
    Ok(())
}

/// Brings the schema to the goal; without one it must be the newest.
fn settle_schema(
    mut connection: Connection,
    goal: Option<Goal>,
) -> Result<(Connection, Migrated), MigrationError> {
    let migrated = match goal {
        Some(goal) => migrations::migrate_to(&mut connection, goal)?,
        None => {
            Migrated { version: migrations::check(&connection)?, applied: Vec::new(), undone: Vec::new() }
        }
    };
    Ok((connection, migrated))
}

/// The goal of a store that may migrate.
fn newest(migrate: bool) -> Option<Goal> {
    migrate.then(Goal::newest)
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
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Fault::System(NO_DIRECTORY, error)),
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
        Err(error) => Err(Fault::System(CANNOT_LOOK, error)),
    }
}

/// The right to prepare the database at `path`, or to take its log away.
pub(crate) fn lock(path: &Path) -> Result<MigrationLock, Fault> {
    MigrationLock::acquire(path, MIGRATION_PATIENCE).map_err(|error| {
        Fault::System("the lock for migrations, a file beside the database, cannot be had", error)
    })
}

#[cfg(test)]
mod tests;
