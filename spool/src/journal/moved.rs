//! A journal whose file was removed, renamed or replaced while it is open. SQLite goes on with a file that has no name any
//! more; what is in it can be read as long as it is open.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use botstore_core::ErrorKind;

use super::files::{self, Files, State};
use super::{Journal, file, owner};
use crate::fault::Fault;
use crate::lock::private;
use crate::standing::Standing;

impl Journal {
    /// Sees to it that the journal stands where the next owner will look for it.
    ///
    /// # Errors
    ///
    /// `Unavailable`: another file stands in its place, or it cannot be made anew.
    pub(super) fn stand(&mut self) -> Result<(), Fault> {
        match self.files.state()? {
            State::Whole => Ok(()),
            State::Gone => self.restore(),
            State::Replaced => {
                let why = "was replaced while it was in use: put it back, or take away what stands there now";
                Err(Fault::Refused(ErrorKind::Unavailable, why.to_owned()))
            }
        }
    }

    /// Makes a journal that is gone anew, with all that is in the open one.
    pub(super) fn restore(&mut self) -> Result<(), Fault> {
        self.owned()?;
        if !self.lock.holds()? {
            self.lock = owner::locked(&self.settings).map_err(owner::later)?;
        }
        let path = self.settings.path.clone();
        let copy = self.copy(".copy")?;
        if self.files.has_journal()? {
            // Only what stands beside it is missing, and will be put back with it.
            self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
            self.files.remove_beside()?;
            fs::rename(&copy, &path)?;
        } else {
            self.files.remove_beside()?;
            // Unlike renaming, this replaces nothing.
            fs::hard_link(&copy, &path)?;
            fs::remove_file(&copy)?;
        }
        files::sync_directory(&path)?;
        let made = Standing::at(&path)?;
        let opened = file::open(&path).and_then(|(connection, standing)| {
            // SQLite makes what stands beside a journal when it is first written.
            connection.execute("UPDATE journal SET id = id", [])?;
            Ok((connection, Files::of(&path, standing)?))
        });
        match opened {
            // Once the former connection is closed, what had no name any more is gone; nothing that has one is.
            Ok((connection, files)) => (self.connection, self.files) = (connection, files),
            Err(fault) => {
                // So that it is gone still, and tried again.
                let _ = made.remove();
                return Err(fault);
            }
        }
        let (journal, events) = (path.display(), self.waiting.events);
        tracing::warn!(%journal, events, "the journal was removed while it was in use: it is made anew, with all that waits");
        Ok(())
    }

    /// Leaves what is in a journal that was replaced beside what stands in its place.
    pub(super) fn set_aside(&mut self) -> Result<(), Fault> {
        let aside = self.copy(&format!(".{}", self.own.0.as_str().replace(':', "-")))?;
        files::sync_directory(&aside)?;
        self.files.remove_beside()?;
        let (journal, aside) = (self.settings.path.display(), aside.display());
        let events = self.waiting.events;
        tracing::warn!(%journal, events, %aside, "the journal was replaced while it was in use: what waits is set aside");
        Ok(())
    }

    /// Copies the open journal, and has the copy survive a power cut.
    fn copy(&self, suffix: &str) -> Result<PathBuf, Fault> {
        let copy = files::with(&self.settings.path, suffix);
        files::unless_missing(fs::remove_file(&copy))?;
        match self.copied(&copy) {
            Ok(()) => Ok(copy),
            Err(fault) => {
                // The fault is what matters.
                let _ = fs::remove_file(&copy);
                Err(fault)
            }
        }
    }

    fn copied(&self, copy: &Path) -> Result<(), Fault> {
        // SQLite takes an empty file, and leaves its rights as they are.
        drop(private().create_new(true).write(true).open(copy)?);
        let Some(name) = copy.to_str() else {
            let why =
                "was removed while it was in use, and has a name that is no text: it cannot be made anew";
            return Err(Fault::Refused(ErrorKind::Unavailable, why.to_owned()));
        };
        self.connection.execute("VACUUM INTO ?1", [name])?;
        Ok(File::open(copy)?.sync_all()?)
    }
}

#[cfg(test)]
mod tests;
