//! The files of an open journal, and whether they still stand where others look for them.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::standing::{Found, Standing};

/// The journal's own file, and those that SQLite keeps beside it.
#[derive(Debug)]
pub(super) struct Files {
    journal: Standing,
    beside: [Standing; 2],
}

/// Where an open journal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Where it should be.
    Whole,
    /// It, or a part of it, was removed, or has another name.
    Gone,
    /// Another file stands in its place.
    Replaced,
}

impl Files {
    /// Those of `journal`, which is open at `path` and was written.
    pub(super) fn of(path: &Path, journal: Standing) -> io::Result<Self> {
        let [log, index, _] = names(path);
        Ok(Self { journal, beside: [Standing::at(&log)?, Standing::at(&index)?] })
    }

    pub(super) fn state(&self) -> io::Result<State> {
        let [log, index] = &self.beside;
        let found = [self.journal.look()?, log.look()?, index.look()?];
        Ok(if found.contains(&Found::Another) {
            State::Replaced
        } else if found.contains(&Found::Nothing) {
            State::Gone
        } else {
            State::Whole
        })
    }

    /// Whether the journal's own file stands, though one beside it may be missing.
    pub(super) fn has_journal(&self) -> io::Result<bool> {
        self.journal.is_there()
    }

    /// Removes them, once the journal is closed. What another process that looks into it made SQLite leave behind goes first:
    /// it would count as a part of the next journal here.
    pub(super) fn remove(&self, path: &Path) -> io::Result<()> {
        if !self.journal.is_there()? {
            return self.remove_beside();
        }
        names(path).into_iter().try_for_each(|file| unless_missing(fs::remove_file(file)))
    }

    /// Removes those beside the journal that still stand: SQLite would take them for those of a file that comes there next.
    pub(super) fn remove_beside(&self) -> io::Result<()> {
        self.beside.iter().try_for_each(Standing::remove)
    }
}

/// The names of a journal's files, what SQLite keeps beside it first.
pub(super) fn names(path: &Path) -> [PathBuf; 3] {
    ["-wal", "-shm", ""].map(|suffix| with(path, suffix))
}

/// A file's name with something behind it.
pub(super) fn with(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

pub(super) fn unless_missing(done: io::Result<()>) -> io::Result<()> {
    done.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

/// Has the names in the directory of `path` survive a power cut.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}
