//! Copying a database into a new file while others write to it.
//!
//! The copy is written under another name, synced, checked, and only then gets its own: whatever happens, what stands
//! under that name is whole. The other name's file is locked while it is written. One that is not is what a process left
//! that was killed, and is removed by the next that makes a copy in its directory, under whatever name.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use botstore_core::files::is_part_of;
use botstore_core::model::DatabaseId;
use botstore_core::url::SqliteUrl;
use botstore_core::{ErrorKind, InvalidInput, Result};
use botstore_migrations::sqlite as migrations;
use rusqlite::{Connection, OpenFlags};
use tempfile::NamedTempFile;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::error::Fault;
use crate::lifecycle::identity;
use crate::open::{Place, blocking};
use crate::stop::Stop;

const OPERATION: &str = "backup";

/// What the name of an unfinished copy has between the copy's own and something random.
const UNFINISHED: &str = ".botstore-unfinished-";

/// How often progress is told.
const TICK: Duration = Duration::from_millis(100);

/// A copy that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Backup {
    /// Its size in bytes.
    pub bytes: u64,
    /// The version of its schema; 0 if it has none of ours.
    pub schema_version: i32,
    /// The database's identity, which the copy shares; none if the schema is older than identities.
    pub id: Option<DatabaseId>,
}

/// How far a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that are written.
    pub done: u64,
    /// Bytes that it takes at the most: free pages are left out.
    pub total: u64,
}

/// Where a copy goes.
struct Target {
    directory: PathBuf,
    name: OsString,
}

/// Copies the database at `url` into the file `into`, which is made, for its owner's eyes only. With `replace`, one that is
/// there goes.
///
/// # Errors
///
/// - [`InvalidInput`](ErrorKind::InvalidInput) of `database_url`: the database is in memory.
/// - [`Conflict`](ErrorKind::Conflict): the file is there and is not to be replaced, or is the database, or has a log.
/// - [`Unavailable`](ErrorKind::Unavailable): something cannot be read or written.
/// - [`Schema`](ErrorKind::Schema): there is no database.
/// - [`Corrupt`](ErrorKind::Corrupt): the database is damaged, or the copy.
pub async fn backup(
    url: &SqliteUrl,
    into: &Path,
    replace: bool,
    mut progress: impl FnMut(Progress) + Send,
) -> Result<Backup> {
    let place = Arc::new(Place::of(url));
    if place.path.is_none() {
        return Err(
            InvalidInput::new("database_url", "is a database in memory, of which there is no copy").into()
        );
    }
    let into = std::path::absolute(into).unwrap_or_else(|_| into.to_owned());
    let (tell, told) = watch::channel(None);
    let (stop, _waiter) = Stop::new();
    let mut copying = std::pin::pin!(blocking(OPERATION, &place, move |place| {
        copy(place, &into, replace, &stop, &tell)
    }));
    loop {
        tokio::select! {
            copied = &mut copying => return copied,
            () = sleep(TICK) => {
                let growing: Option<(PathBuf, u64)> = told.borrow().clone();
                if let Some((file, total)) = growing {
                    let done = fs::metadata(file).map_or(0, |file| file.len()).min(total);
                    progress(Progress { done, total });
                }
            }
        }
    }
}

/// Copies. It tells which file grows, and how large it will be.
fn copy(
    place: &Place,
    into: &Path,
    replace: bool,
    stop: &Stop,
    tell: &watch::Sender<Option<(PathBuf, u64)>>,
) -> Result<Backup, Fault> {
    let target = Target::of(into)?;
    let database = place.path.as_deref().unwrap_or(into);
    target.refuse(database, into, replace)?;
    place.refuse_nothing()?;
    let mut source = place.look()?;
    target.remove_stale().map_err(unwritable)?;
    let unfinished = target.unfinished().map_err(unwritable)?;
    let size = |name| source.pragma_query_value(None, name, |row| row.get::<_, u64>(0));
    tell.send_replace(Some((unfinished.path().to_owned(), size("page_count")? * size("page_size")?)));
    let copied = stop.over(&mut source, |source| vacuum(source, unfinished.path()));
    // SQLite has it while it writes a copy, and leaves it if it cannot go on.
    let _ = fs::remove_file(with(unfinished.path(), "-journal"));
    copied?;
    let backup = check(unfinished.path(), stop)?;
    unfinished.as_file().sync_all().map_err(unwritable)?;
    if stop.is_asked() {
        return Err(Fault::abandoned());
    }
    finish(unfinished, into, replace)?;
    File::open(&target.directory).and_then(|directory| directory.sync_all()).map_err(unwritable)?;
    Ok(backup)
}

/// Its file must be empty, or not there.
const VACUUM: &str = "VACUUM INTO ?1";

fn vacuum(source: &Connection, into: &Path) -> Result<(), Fault> {
    let Some(name) = into.to_str() else {
        return Err(Fault::Refused(ErrorKind::Unavailable, "the backup's path is no text in UTF-8".into()));
    };
    source.execute(VACUUM, [name]).map(drop).map_err(|error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DiskFull) => Fault::Refused(
            ErrorKind::Unavailable,
            "the disk of the backup is full; make room, or name a file on another disk".into(),
        ),
        _ => error.into(),
    })
}

/// Reads the copy back.
fn check(copy: &Path, stop: &Stop) -> Result<Backup, Fault> {
    let mut connection = Connection::open_with_flags(copy, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    stop.over(&mut connection, |connection| {
        let checked: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if checked != "ok" {
            let text = format!("the copy is damaged, and was thrown away: {checked}");
            return Err(Fault::Refused(ErrorKind::Corrupt, text));
        }
        let status = migrations::status(connection)?;
        let id = if status.version < IDENTITIES_SINCE { None } else { Some(identity(connection)?.0) };
        let [pages, size] = ["page_count", "page_size"]
            .map(|name| connection.pragma_query_value(None, name, |row| row.get::<_, u64>(0)));
        Ok(Backup { bytes: pages? * size?, schema_version: status.version, id })
    })
}

/// The version of the schema that gave databases an identity.
const IDENTITIES_SINCE: i32 = 4;

/// Gives the copy its name. Where something stands under that by now, it stays, unless it is to be replaced.
fn finish(unfinished: NamedTempFile, into: &Path, replace: bool) -> Result<(), Fault> {
    let kept = if replace { unfinished.persist(into) } else { unfinished.persist_noclobber(into) };
    match kept {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Err(there()),
        Err(error) => Err(unwritable(error.error)),
    }
}

impl Target {
    fn of(into: &Path) -> Result<Self, Fault> {
        let (Some(directory), Some(name)) = (into.parent(), into.file_name()) else {
            return Err(Fault::Refused(ErrorKind::Unavailable, "the backup needs the name of a file".into()));
        };
        Ok(Self { directory: directory.to_owned(), name: name.to_owned() })
    }

    /// Refuses to write over what must stay. A log beside the file is another database's: SQLite would take it for the copy's.
    fn refuse(&self, database: &Path, into: &Path, replace: bool) -> Result<(), Fault> {
        if is_part_of(database, into) {
            return Err(Fault::conflict("this is the database itself, or belongs to it"));
        }
        if !replace && fs::symlink_metadata(into).is_ok() {
            return Err(there());
        }
        // A device or a pipe would become a file.
        if fs::metadata(into).is_ok_and(|found| !found.is_file()) {
            return Err(Fault::conflict("what is there is no file"));
        }
        let beside = ["-wal", "-journal"].map(|suffix| with(into, suffix));
        match beside.iter().find(|log| log.exists()) {
            Some(log) => Err(Fault::conflict(format!(
                "{} is there, and would be taken for the backup's: a program has that database open, or died",
                log.display()
            ))),
            None => Ok(()),
        }
    }

    /// Removes unfinished copies of which nobody has the lock.
    fn remove_stale(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            let is_file = entry.file_type()?.is_file();
            if is_file && is_unfinished(&entry.file_name()) {
                let path = entry.path();
                let stale = File::open(&path).is_ok_and(|file| file.try_lock().is_ok());
                if stale {
                    let _ = fs::remove_file(with(&path, "-journal"));
                    fs::remove_file(&path)?;
                    tracing::warn!(file = ?path, "removed what a backup left that was killed");
                }
            }
        }
        Ok(())
    }

    /// An empty file with the lock of a copy that is being written.
    fn unfinished(&self) -> io::Result<NamedTempFile> {
        let mut prefix = self.name.clone();
        prefix.push(UNFINISHED);
        loop {
            let file = tempfile::Builder::new().prefix(&prefix).tempfile_in(&self.directory)?;
            match file.as_file().try_lock() {
                // Somebody may have taken it for stale before it was locked.
                Ok(()) if file.path().exists() => return Ok(file),
                Ok(()) | Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }
}

/// Whether this is the name of an unfinished copy itself, and not of what SQLite has beside one.
fn is_unfinished(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    let random = name.rsplit_once(UNFINISHED).map(|(_, random)| random);
    random.is_some_and(|random| !random.is_empty() && random.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

fn with(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn there() -> Fault {
    Fault::conflict("there is such a file already")
}

fn unwritable(error: io::Error) -> Fault {
    Fault::System("the backup cannot be written", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unfinished_copies_are_taken_for_such() {
        for (name, expected) in [
            ("backup.db.botstore-unfinished-a1B2c3", true),
            ("2026-11-23.db.botstore-unfinished-a1B2c3", true),
            ("backup.db.botstore-unfinished-a1B2c3-journal", false),
            ("backup.db.botstore-unfinished-", false),
            ("backup.db.unfinished-a1B2c3", false),
            ("backup.db", false),
            ("backup.db.botstore-unfinished-a1B2c3.db", false),
        ] {
            assert_eq!(is_unfinished(OsStr::new(name)), expected, "{name}");
        }
    }

    #[test]
    fn what_is_locked_is_not_stale() {
        let directory = tempfile::tempdir().unwrap();
        let target = Target::of(&directory.path().join("backup.db")).unwrap();
        let (at_work, killed) = (target.unfinished().unwrap(), target.unfinished().unwrap());
        let killed = killed.into_temp_path();
        target.remove_stale().unwrap();
        assert_eq!((at_work.path().exists(), killed.exists()), (true, false));
    }
}
