//! The runner for SQLite.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, TransactionBehavior};

use crate::found::{Applied, Found};
use crate::scripts::{SQLITE, Step};
use crate::{
    Goal, HISTORY_TABLE, Migrated, MigrationError, SchemaStatus, applied, committed, failed, grouped, undone,
};

/// The right to prepare a database file: held by one process at a time, let go when dropped or when its process dies.
///
/// It is a file beside the database, which stays: to remove it while others wait for it would give them two.
#[derive(Debug)]
pub struct MigrationLock {
    _file: File,
}

impl MigrationLock {
    /// How often a busy lock is tried again.
    const RETRY: Duration = Duration::from_millis(10);

    /// Waits for the lock of the database at `path`, at most for `patience`.
    ///
    /// # Errors
    ///
    /// What the operating system says; [`io::ErrorKind::TimedOut`] if another process has it all the time.
    pub fn acquire(path: &Path, patience: Duration) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(lock_path(path))?;
        let deadline = Instant::now() + patience;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => std::thread::sleep(Self::RETRY),
                Err(TryLockError::WouldBlock) => {
                    return Err(io::Error::new(
                        io::ErrorKind::TimedOut,
                        "another process is migrating the database",
                    ));
                }
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

/// Brings the database to the newest schema. Hold its [`MigrationLock`].
///
/// # Errors
///
/// As [`migrate_to`].
pub fn migrate(connection: &mut Connection) -> Result<Migrated, MigrationError> {
    migrate_to(connection, Goal::newest())
}

/// Brings the database to this version, in one transaction. Hold its [`MigrationLock`].
///
/// # Errors
///
/// [`MigrationError::Refused`] for a database that this program must not touch; else what SQLite says.
pub fn migrate_to(connection: &mut Connection, goal: Goal) -> Result<Migrated, MigrationError> {
    let found = look(connection)?;
    found.refuse_strangers(SQLITE)?;
    match goal {
        _ if found.has_reached(goal) => Ok(found.unchanged()),
        Goal::Up(to) => {
            let run = grouped(SQLITE.runner(), to).run(connection).map_err(failed)?;
            Ok(committed(applied(&run)))
        }
        Goal::Down(to) => {
            let to = to.max(0);
            let steps = SQLITE.down(found.version(), to);
            undo(connection, &steps, to).map_err(failed)?;
            Ok(committed(undone(steps, to)))
        }
    }
}

fn undo(connection: &mut Connection, steps: &[Step], to: i32) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for step in steps {
        transaction.execute_batch(&step.sql)?;
        let forget = format!("DELETE FROM {HISTORY_TABLE} WHERE version = ?1");
        transaction.execute(&forget, [step.version])?;
    }
    if to == 0 {
        transaction.execute_batch(&format!("DROP TABLE {HISTORY_TABLE}"))?;
    }
    transaction.commit()
}

/// Changes nothing, and says the schema's version, which is the newest.
///
/// # Errors
///
/// [`MigrationError::Refused`] for a database whose schema is another; else what SQLite says.
pub fn check(connection: &Connection) -> Result<i32, MigrationError> {
    look(connection)?.refuse_others(SQLITE)
}

/// Refuses a database that another program made, before anything in it is changed.
///
/// # Errors
///
/// [`MigrationError::Refused`] for such a database; else what SQLite says.
pub fn refuse_strangers(connection: &Connection) -> Result<(), MigrationError> {
    look(connection)?.refuse_strangers(SQLITE)
}

/// Changes nothing, and says how the schema stands to this program.
///
/// # Errors
///
/// What SQLite says.
pub fn status(connection: &Connection) -> Result<SchemaStatus, MigrationError> {
    Ok(look(connection)?.status(SQLITE))
}

fn look(connection: &Connection) -> Result<Found, MigrationError> {
    let read = || -> rusqlite::Result<Found> {
        // Tables and history are seen at one moment, while others migrate.
        let moment = connection.unchecked_transaction()?;
        let mut found = Found::default();
        let mut tables =
            moment.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")?;
        found.tables = tables.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        if found.has_history() {
            let mut history = moment
                .prepare(&format!("SELECT version, name, applied_on, checksum FROM {HISTORY_TABLE}"))?;
            let applied = |row: &rusqlite::Row<'_>| {
                let (version, name) = (row.get(0)?, row.get(1)?);
                Ok(Applied { version, name, applied_on: row.get(2)?, checksum: row.get(3)? })
            };
            found.history = history.query_map([], applied)?.collect::<Result<_, _>>()?;
        }
        Ok(found)
    };
    read().map_err(failed)
}
