//! What the journal's file is still to be told, because there was no room on its disk.
//!
//! To take something out of a file takes room, in SQLite's log. A journal that has filled its own disk has to get empty all the
//! same: what its file is not told is kept in memory, until there is room, or until nothing waits and the file can be made
//! anew. If the process dies before, what was passed over is sent again, and the database knows by its place that it has it.

use botstore_core::model::DatabaseId;
use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::files::State;
use super::owner::Begun;
use super::room::Lent;
use super::waiting::{Taken, Waiting};
use super::{Journal, aside, owner, queue};
use crate::fault::Fault;

/// What the file is not told yet.
#[derive(Debug, Default)]
pub(super) struct Owed {
    /// Batches up to this number do not wait any more.
    pub(super) upto: i64,
    /// Those among them that are to be kept aside, in their order.
    aside: Vec<Aside>,
    /// Whether what was dropped of any source is not known any more.
    gaps: bool,
    /// The database that the journal belongs to, if the file does not say so.
    pub(super) database: Option<DatabaseId>,
}

/// Batches after one number, up to another, and why they are kept aside.
#[derive(Debug)]
struct Aside {
    after: i64,
    upto: i64,
    reason: String,
    events: u64,
    bytes: u64,
}

/// What a journal that has no file now says in its next one.
#[derive(Debug)]
pub(super) struct Unmade {
    database: Option<String>,
    dropped: u64,
    told: u64,
    /// Of the last batch that the former file had.
    number: i64,
}

impl Owed {
    fn is_nothing(&self) -> bool {
        self.upto == 0 && !self.gaps && self.database.is_none()
    }
}

impl Journal {
    /// Does something whole or not at all, and before that all that is owed.
    pub(super) fn writing<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let done = self.transaction(|journal| {
            if !journal.owed.is_nothing() {
                journal.pay()?;
            }
            work(journal)
        })?;
        self.owed = Owed::default();
        Ok(done)
    }

    fn pay(&mut self) -> Result<(), Fault> {
        let Owed { upto, aside, gaps, database } = &self.owed;
        for Aside { after, upto, reason, .. } in aside {
            queue::remove(&self.connection, *after)?;
            aside::reject(&self.connection, *upto, reason)?;
        }
        queue::remove(&self.connection, *upto)?;
        if *gaps {
            queue::forget_gaps(&self.connection)?;
        }
        if let Some(database) = database {
            queue::bind(&self.connection, database.as_str())?;
        }
        self.waiting = queue::waiting(&self.connection, 0)?;
        self.limit_aside()
    }

    /// What waits, as the file has it but for what it was not told.
    pub(super) fn read_waiting(&self) -> Result<Waiting, Fault> {
        let mut waiting = queue::waiting(&self.connection, self.owed.upto)?;
        for Aside { events, bytes, .. } in &self.owed.aside {
            waiting.rejected += events;
            waiting.rejected_bytes += bytes;
        }
        Ok(waiting)
    }

    /// Takes the oldest batches out, up to a number, and keeps them aside if there is a reason. They do not wait any more,
    /// even if the disk has no room for that. Of a journal that was opened again since they were `lent`, it takes nothing.
    pub(super) fn take_out(
        &mut self,
        lent: Option<Lent>,
        upto: i64,
        reason: Option<&str>,
    ) -> Result<(), Fault> {
        let is_other = |journal: &Self| lent.is_some_and(|lent| journal.lent != lent);
        // What is owed is a lot, and nobody waits for room: it is done all at once.
        if self.owed.upto == 0 {
            let done = self.transaction(|journal| {
                if is_other(journal) {
                    return Ok(());
                }
                let taken = match reason {
                    None => queue::remove(&journal.connection, upto)?,
                    Some(reason) => journal.keep_aside(upto, reason)?,
                };
                journal.forget(&taken)
            });
            match done {
                Err(fault) if fault.is_of_disk() => {
                    let (journal, error) =
                        (self.settings.path.display(), fault.into_error("spool", &self.settings.path));
                    tracing::warn!(%journal, %error, "the journal's disk has no room: what is written stays in it for now");
                }
                done => return done,
            }
        }
        self.transaction(|journal| if is_other(journal) { Ok(()) } else { journal.pass_over(upto, reason) })
    }

    fn pass_over(&mut self, upto: i64, reason: Option<&str>) -> Result<(), Fault> {
        let after = self.owed.upto;
        let taken = queue::between(&self.connection, after, upto)?;
        let oldest = queue::oldest(&self.connection, upto)?;
        taken.iter().for_each(|taken| self.waiting.take(taken, oldest));
        if let Some(reason) = reason {
            self.waiting.keep_aside(&taken);
            let sum = |of: fn(&Taken) -> u64| taken.iter().map(of).sum();
            let (events, bytes) = (sum(|taken| taken.events), sum(|taken| taken.bytes));
            self.owed.aside.push(Aside { after, upto, reason: reason.to_owned(), events, bytes });
        }
        self.owed.upto = upto;
        Ok(())
    }

    /// Notes that nothing waits, in a file that cannot be told. If nothing is in it that is wanted, it is made anew, which
    /// gives its room back.
    pub(super) fn settle_without_room(&mut self) -> Result<(), Fault> {
        self.owed.gaps = true;
        if !self.can_be_made_anew()? {
            return Ok(());
        }
        let database = match self.owed.database.take() {
            Some(database) => Some(database.as_str().to_owned()),
            None => queue::database(&self.connection)?,
        };
        let (number, told) = (queue::last_number(&self.connection)?, queue::told(&self.connection)?);
        // There is nothing to be written back into the file.
        self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        self.files.remove(&self.settings.path)?;
        // The room is given back once the former connection is closed.
        self.connection = Connection::open_in_memory()?;
        self.unmade = Some(Unmade { database, dropped: self.waiting.dropped, told, number });
        self.owed = Owed::default();
        self.waiting = Waiting::default();
        if let Err(fault) = self.make_anew() {
            let error = fault.into_error("spool", &self.settings.path);
            tracing::warn!(%error, "the journal is empty, and is made anew when it is needed");
        }
        Ok(())
    }

    pub(super) fn can_be_made_anew(&self) -> Result<bool, Fault> {
        Ok(self.owed.upto > 0 && self.waiting.rejected == 0 && self.files.state()? == State::Whole)
    }

    /// Sees to it that there is a file, if it was removed because nothing was in it.
    pub(super) fn make_anew(&mut self) -> Result<(), Fault> {
        let Some(Unmade { database, dropped, told, number }) = &self.unmade else { return Ok(()) };
        if !self.lock.holds()? {
            self.lock = owner::locked(&self.settings).map_err(owner::later)?;
        }
        let Begun { connection, files, own, mut waiting, doubted } = owner::begun(&self.settings)?;
        if waiting.events == 0 {
            if let Some(database) = database {
                queue::bind(&connection, database)?;
            }
            queue::set_told(&connection, *told)?;
            queue::count_dropped(&connection, *dropped)?;
            queue::number_from(&connection, *number)?;
            waiting.dropped += dropped;
        }
        (self.connection, self.files, self.own, self.waiting) = (connection, files, (own, 0), waiting);
        (self.unmade, self.lent, self.stale, self.doubted) = (None, Lent::default(), false, doubted);
        Ok(())
    }
}
