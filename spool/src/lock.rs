//! One owner a journal.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use crate::standing::Standing;

/// How often, and how long apart, a lock that somebody has is tried: who only asks for it has it for a moment too, and
/// an owner that was dropped lets go a moment later.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(10);

/// A journal is its owner's from the moment this is held to the moment it is dropped, or its process dies.
///
/// The lock is on a file of its own: whoever closes a file that SQLite has open drops SQLite's locks with it. Whoever
/// removes that file can have a lock of his own, so it is the journal itself that says whose it is: see
/// [`Journal`](crate::journal::Journal).
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
    standing: Standing,
}

impl Lock {
    /// Takes the lock of the journal at `journal`, which is its one name; none if somebody has it.
    pub(crate) fn take(journal: &Path) -> io::Result<Option<Self>> {
        let path = path_of(journal);
        for _ in 0..TRIES {
            let file = private().create(true).write(true).truncate(false).open(&path)?;
            let standing = Standing::of(&path, &file.metadata()?);
            match file.try_lock() {
                // Its last owner may have removed the file in between; then the lock is on a file that nobody else sees.
                Ok(()) if standing.is_there()? => return Ok(Some(Self { file, standing })),
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => sleep(PAUSE),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Whether somebody has the lock of the journal at `journal`.
    pub(crate) fn is_taken(journal: &Path) -> io::Result<bool> {
        match File::open(path_of(journal)) {
            Ok(file) => Ok(matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether somebody else who wants the journal finds it locked.
    pub(crate) fn holds(&self) -> io::Result<bool> {
        self.standing.is_there()
    }

    /// Removes the lock's file, unless somebody else's stands there, then lets go.
    pub(crate) fn remove(self) -> io::Result<()> {
        self.standing.remove()?;
        self.file.unlock()
    }
}

pub(crate) fn path_of(journal: &Path) -> PathBuf {
    let mut path = journal.as_os_str().to_owned();
    path.push(".lock");
    path.into()
}

/// Makes files for their owner's eyes only.
pub(crate) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}
