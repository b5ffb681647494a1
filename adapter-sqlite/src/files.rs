//! Whether what stands at a database's path is still what is open.
//!
//! A process goes on working with files that were removed or replaced, and what it writes there nobody finds again.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use botstore_core::ErrorKind;
use rusqlite::Connection;

use crate::error::Fault;
use crate::open::lock;

/// The files of an open database.
#[derive(Debug)]
pub(crate) struct Files {
    /// At the path that was named.
    database: Standing,
    /// The same where a link led to, which is where the others are.
    home: Standing,
    /// The write-ahead log, and what processes share to find their way in it.
    beside: [Standing; 2],
    replaced: AtomicBool,
}

/// Which file stands, or stood, at a path.
#[derive(Debug)]
pub(crate) struct Standing {
    path: PathBuf,
    id: (u64, u64),
}

impl Standing {
    /// What stands at `path`, or where a link there leads to.
    pub(crate) fn at(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), id: id(&fs::metadata(path)?) })
    }

    /// Whether it does still; an error if nothing does.
    fn check(&self) -> io::Result<bool> {
        Ok(id(&fs::metadata(&self.path)?) == self.id)
    }

    fn still_stands(&self) -> bool {
        self.check().unwrap_or(false)
    }

    /// Removes it if it still stands.
    fn remove(&self) -> io::Result<()> {
        if self.still_stands() { fs::remove_file(&self.path) } else { Ok(()) }
    }

    /// Gives it a name that nobody looks for, if it still stands.
    fn set_aside(&self) -> io::Result<()> {
        if !self.still_stands() {
            return Ok(());
        }
        let mut aside = self.path.clone().into_os_string();
        aside.push(format!(".{}", self.id.1));
        fs::rename(&self.path, &aside)?;
        tracing::warn!(log = ?aside, "set aside: it could not be written into the file that stood here before");
        Ok(())
    }
}

/// No two files that exist have the same. One that is open exists, even if it has no name any more.
#[cfg(unix)]
fn id(file: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt as _;

    (file.dev(), file.ino())
}

/// Nobody can replace or remove a file that SQLite has open.
#[cfg(not(unix))]
fn id(_: &Metadata) -> (u64, u64) {
    (0, 0)
}

/// Where the database at `path` is: SQLite follows links.
fn home(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// The path of a file that SQLite keeps beside the database at `path`.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = home(path).into_os_string();
    name.push(suffix);
    name.into()
}

impl Files {
    /// Those of `database`, which stood at its path before it was opened, and whose log is open now.
    pub(crate) fn of(database: Standing) -> Result<Self, Fault> {
        let beside = |suffix| {
            Standing::at(&beside(&database.path, suffix))
                .map_err(|error| Fault::System("the log cannot be looked at", error))
        };
        let beside = [beside("-wal")?, beside("-shm")?];
        let home = Standing { path: home(&database.path), id: database.id };
        Ok(Self { database, home, beside, replaced: AtomicBool::new(false) })
    }

    /// Whether all of them still stand where they did.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        self.check_database()?;
        if self.beside.iter().all(Standing::still_stands) {
            return Ok(());
        }
        Err(self.note_replaced())
    }

    /// Whether the database itself does, which is enough to read.
    pub(crate) fn check_database(&self) -> Result<(), Fault> {
        match self.database.check() {
            Ok(true) if !self.are_replaced() => Ok(()),
            Ok(_) => Err(self.note_replaced()),
            Err(error) => Err(Fault::System("the file is not there any more; put it back", error)),
        }
    }

    fn note_replaced(&self) -> Fault {
        self.replaced.store(true, Ordering::Relaxed);
        Self::replaced()
    }

    /// Whether what stands there now has to be opened.
    pub(crate) fn are_replaced(&self) -> bool {
        self.replaced.load(Ordering::Relaxed)
    }

    /// What callers are told whose work was not begun because the file was replaced.
    pub(crate) fn replaced() -> Fault {
        let text = "the file or its log was replaced; what stands there now is opened, so try again";
        Fault::Refused(ErrorKind::Unavailable, text.into())
    }

    /// Takes leave of files that were replaced: what is in the log goes into the database to which it belongs, wherever
    /// that is now. Then the log is taken away, because SQLite would take it for that of the new file.
    pub(crate) fn retire(&self, connection: &Connection) -> Result<(), Fault> {
        let _lock = lock(&self.database.path)?;
        let [log, shared] = &self.beside;
        if self.home.still_stands() && log.still_stands() {
            // They are still together: a link was changed, or only what is shared was removed.
            return Ok(());
        }
        let written = connection.query_row(WRITE_BACK, [], |row| Ok(row.get::<_, i64>(0)? == 0));
        let taken_away = if let Ok(true) = written { log.remove() } else { log.set_aside() };
        taken_away
            .and_then(|()| shared.remove())
            .map_err(|error| Fault::System("the log of the file that stood here cannot be taken away", error))
    }
}

/// Moves the whole log into the database. The first column says whether somebody was in the way.
const WRITE_BACK: &str = "PRAGMA wal_checkpoint(FULL)";
