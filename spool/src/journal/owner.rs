//! Whose the journal is: opening it, each transaction, closing it.

use std::io;

use botstore_core::files::resolve;
use botstore_core::model::Source;
use botstore_core::settings::SpoolSettings;
use botstore_core::{ErrorKind, Result};
use rusqlite::Connection;

use super::belonging::Doubt;
use super::files::{Files, State};
use super::owed::Owed;
use super::room::Lent;
use super::waiting::Waiting;
use super::{Journal, belonging, file, queue, unopened};
use crate::fault::Fault;
use crate::lock::Lock;
use crate::step::{Step, reached};

impl Journal {
    /// Opens the journal, and makes it if there is none.
    ///
    /// # Errors
    ///
    /// - [`Conflict`](ErrorKind::Conflict): somebody has it open, or what waits in it belongs to another database.
    /// - [`Corrupt`](ErrorKind::Corrupt): it is damaged, or another program's.
    /// - [`Unavailable`](ErrorKind::Unavailable): it cannot be opened.
    pub(crate) fn open(settings: SpoolSettings) -> Result<Self> {
        let path = settings.path.clone();
        Self::opened(settings).map_err(|fault| unopened::explained(fault, &path).into_error("open", &path))
    }

    pub(super) fn opened(mut settings: SpoolSettings) -> Result<Self, Fault> {
        settings.path = resolve(&settings.path)?;
        file::refuse_no_file(&settings.path)?;
        let lock = locked(&settings)?;
        match begun(&settings) {
            Ok(Begun { connection, files, own, waiting, doubted }) => Ok(Self {
                connection,
                files,
                lock,
                settings,
                own: (own, 0),
                waiting,
                stale: false,
                overtaken: false,
                doubted,
                lent: Lent::default(),
                owed: Owed::default(),
                unmade: None,
            }),
            Err(fault) => {
                // The fault is what matters.
                let _ = lock.remove();
                Err(fault)
            }
        }
    }

    /// Does something whole or not at all, as the journal's owner. If it is not done, what is known of the file is read
    /// again.
    pub(super) fn transaction<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.ready()?;
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        let worked = self.owned().and_then(|()| work(self));
        let done = worked.and_then(|done| match self.connection.execute_batch("COMMIT") {
            Ok(()) => Ok(done),
            Err(error) => Err(Fault::Commit(error)),
        });
        if done.is_err() {
            if !self.connection.is_autocommit() {
                // Should this fail too, the next BEGIN will say so.
                let _ = self.connection.execute_batch("ROLLBACK");
            }
            self.stale = true;
            // Should this fail, it is tried again before anything is done.
            let _ = self.refresh();
        }
        done
    }

    /// Whether the journal is still this owner's; from then on it is another's. What is in it is his, too.
    pub(super) fn owned(&mut self) -> Result<(), Fault> {
        if queue::owner(&self.connection)?.as_deref() == Some(self.own.0.as_str()) {
            return Ok(());
        }
        self.overtaken = true;
        self.waiting = Waiting::default();
        self.lent = Lent::default();
        self.owed = Owed::default();
        let why = "was taken over by another process: two that record need a journal each (ROSEY_SPOOL)";
        Err(Fault::Refused(ErrorKind::Unavailable, why.to_owned()))
    }

    /// Sees to it that the journal can be used. One that was overtaken is opened again, as soon as nobody has it.
    pub(super) fn ready(&mut self) -> Result<(), Fault> {
        if self.overtaken {
            *self = Self::opened(self.settings.clone()).map_err(later)?;
            let journal = self.settings.path.display();
            tracing::warn!(%journal, "whoever had taken the journal over left it, and it is in use here again");
        }
        self.make_anew()?;
        self.refresh()
    }

    /// Reads again what waits, if it may be another than is known.
    fn refresh(&mut self) -> Result<(), Fault> {
        if self.stale && !self.overtaken {
            self.waiting = self.read_waiting()?;
            self.stale = false;
        }
        Ok(())
    }

    /// Closes the journal, and removes its file if nothing is in it. Says how many events wait in it.
    pub(crate) fn close(self) -> Result<u64> {
        let path = self.settings.path.clone();
        self.closed().map_err(|fault| fault.into_error("close", &path))
    }

    fn closed(mut self) -> Result<u64, Fault> {
        if self.unmade.is_some() {
            self.lock.remove()?;
            return Ok(0);
        }
        if !self.overtaken {
            // If it cannot be asked, it is not known to be another's.
            let _ = self.owned();
        }
        if self.overtaken {
            let journal = self.settings.path.display();
            tracing::warn!(%journal, "another process took the journal over, and what waited in it");
            self.lock.remove()?;
            return Ok(0);
        }
        if self.owed.upto > 0 {
            // If there still is no room, whoever opens it next finds what is written, too.
            let _ = self.writing(|_| Ok(()));
        }
        let Waiting { mut events, rejected, .. } = self.waiting;
        let is_empty = events == 0 && rejected == 0;
        match self.files.state()? {
            State::Gone if !is_empty => self.restore()?,
            State::Replaced if !is_empty => {
                self.set_aside()?;
                events = 0;
            }
            State::Whole | State::Gone | State::Replaced => {}
        }
        if !is_empty {
            let told = self.waiting.dropped;
            // Should this fail, the next one tells it again.
            let _ = self.writing(|journal| queue::set_told(&journal.connection, told));
        }
        let Self { connection, files, lock, settings, .. } = self;
        connection.close().map_err(|(_, error)| error)?;
        reached(Step::Closed);
        if is_empty {
            files.remove(&settings.path)?;
            lock.remove()?;
        }
        Ok(events)
    }
}

/// The lock of a journal.
pub(super) fn locked(settings: &SpoolSettings) -> Result<Lock, Fault> {
    Lock::take(&settings.path)?.ok_or_else(|| {
        let why = "is in use by another process: two that record need a journal each (ROSEY_SPOOL)";
        Fault::Refused(ErrorKind::Conflict, why.to_owned())
    })
}

/// What is a conflict to whoever opens the journal can pass for whoever had it open: a conflict would tell him that events
/// are missing.
pub(super) fn later(fault: Fault) -> Fault {
    match fault {
        Fault::Refused(ErrorKind::Conflict, why) => Fault::Refused(ErrorKind::Unavailable, why),
        other => other,
    }
}

/// A journal's file that is open, and its owner's.
pub(super) struct Begun {
    pub(super) connection: Connection,
    pub(super) files: Files,
    pub(super) own: Source,
    pub(super) waiting: Waiting,
    pub(super) doubted: Option<Doubt>,
}

/// Opens the file, and makes it this owner's.
pub(super) fn begun(settings: &SpoolSettings) -> Result<Begun, Fault> {
    let (connection, standing) = file::open(&settings.path)?;
    reached(Step::Made);
    // A name that no journal had before, and so one that no other owner of this one has.
    let own = Source::private("spool").map_err(|error| Fault::System(io::Error::other(error.to_string())))?;
    queue::own(&connection, own.as_str())?;
    reached(Step::Owned);
    let waiting = queue::waiting(&connection, 0)?;
    let doubted = belonging::name(&connection, waiting.events, settings.database.as_deref())?;
    Ok(Begun { files: Files::of(&settings.path, standing)?, connection, own, waiting, doubted })
}

#[cfg(test)]
mod tests;
