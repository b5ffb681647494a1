//! Which file stands at a path: a process goes on with a file that was removed or replaced, and nobody finds there what it
//! writes.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// A file that stood at a path.
#[derive(Debug)]
pub(crate) struct Standing {
    path: PathBuf,
    /// No two files that exist have the same; one that is open exists, even without a name.
    id: (u64, u64),
}

/// What stands at a path now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    Same,
    Another,
    Nothing,
}

impl Standing {
    /// What stands at `path`.
    pub(crate) fn at(path: &Path) -> io::Result<Self> {
        Ok(Self::of(path, &fs::metadata(path)?))
    }

    /// A file that was opened by `path`.
    pub(crate) fn of(path: &Path, file: &Metadata) -> Self {
        Self { path: path.to_owned(), id: id(file) }
    }

    /// What stands there now.
    pub(crate) fn look(&self) -> io::Result<Found> {
        match fs::metadata(&self.path) {
            Ok(there) if id(&there) == self.id => Ok(Found::Same),
            Ok(_) => Ok(Found::Another),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Found::Nothing),
            Err(error) => Err(error),
        }
    }

    /// Whether it stands there still.
    pub(crate) fn is_there(&self) -> io::Result<bool> {
        Ok(self.look()? == Found::Same)
    }

    /// Removes it, and nothing else that stands there.
    pub(crate) fn remove(&self) -> io::Result<()> {
        if self.is_there()? { fs::remove_file(&self.path) } else { Ok(()) }
    }
}

fn id(file: &Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}
