//! The journal: batches on disk, in the order in which they came.

mod body;
mod file;
mod queue;
mod room;
mod waiting;

use std::io;
use std::path::PathBuf;

use botstore_core::model::{
    Batch, ChannelEvent, DatabaseId, Position, Recorded, Resume, Source, SpoolHealth, Timestamp,
};
use botstore_core::settings::SpoolSettings;
use botstore_core::{ErrorKind, Result, StoreError};
use rusqlite::Connection;

use crate::fault::Fault;
use crate::lock::Lock;
use crate::step::{Step, reached};
use room::{Lent, has_doubled};
use waiting::{Taken, Waiting};

pub use file::{Look, look};

/// Batches that wait for their database, in a file that nobody else writes.
///
/// What [`append`](Self::append) has taken survives a power cut. A batch with a cursor keeps it; one without belongs to
/// the journal's own source, which has a new name each time the journal is opened: a copy of it that comes back from a
/// backup cannot give new events the places of old ones.
#[derive(Debug)]
pub(crate) struct Journal {
    connection: Connection,
    lock: Lock,
    settings: SpoolSettings,
    /// The journal's own source, and the place of the last event in it.
    own: (Source, i64),
    waiting: Waiting,
    /// Whether `waiting` may be another than the file says.
    stale: bool,
    lent: Lent,
}

/// A batch as the journal keeps it.
#[derive(Debug)]
struct Row {
    source: Source,
    after: Option<Position>,
    last: Position,
    events: u64,
    body: String,
}

/// The oldest events, of one source, that can be written at once.
#[derive(Debug)]
pub(crate) struct Portion {
    /// Where they come from.
    pub(crate) source: Source,
    /// Where the source must stand; none: wherever it stands, because the journal says which events there are.
    pub(crate) after: Option<Position>,
    /// The events.
    pub(crate) events: Vec<(Position, ChannelEvent)>,
    lent: Lent,
}

impl Journal {
    /// Opens the journal, and makes it if there is none.
    ///
    /// # Errors
    ///
    /// - [`Conflict`](ErrorKind::Conflict): somebody has it open.
    /// - [`Corrupt`](ErrorKind::Corrupt): it is damaged, or another program's.
    /// - [`Unavailable`](ErrorKind::Unavailable): it cannot be opened.
    pub(crate) fn open(settings: SpoolSettings) -> Result<Self> {
        let path = settings.path.clone();
        Self::opened(settings).map_err(|fault| fault.into_error("open", &path))
    }

    fn opened(settings: SpoolSettings) -> Result<Self, Fault> {
        let Some(lock) = Lock::take(&settings.path)? else {
            let why = "is in use by another process: two that record need a journal each (ROSEY_SPOOL)";
            return Err(Fault::Refused(ErrorKind::Conflict, why.to_owned()));
        };
        let found = file::open(&settings.path).and_then(|connection| {
            reached(Step::Made);
            Ok((queue::waiting(&connection)?, connection, own_source()?))
        });
        match found {
            Ok((waiting, connection, own)) => {
                let lent = Lent::default();
                Ok(Self { connection, lock, settings, own: (own, 0), waiting, stale: false, lent })
            }
            Err(fault) => {
                // The fault is what matters.
                let _ = lock.remove();
                Err(fault)
            }
        }
    }

    /// Takes batches, on the disk once this returns. Each has its own answer; one that is refused harms no other.
    pub(crate) fn append(&mut self, batches: &[&Batch], now: Timestamp) -> Vec<Result<Recorded>> {
        match self.appended(batches, now) {
            Ok(answers) => answers
                .into_iter()
                .map(|answer| answer.map_err(|fault| fault.into_error("record", &self.settings.path)))
                .collect(),
            Err(fault) => {
                let error = fault.into_error("record", &self.settings.path);
                vec![Err(error); batches.len()]
            }
        }
    }

    fn appended(
        &mut self,
        batches: &[&Batch],
        now: Timestamp,
    ) -> Result<Vec<Result<Recorded, Fault>>, Fault> {
        self.transaction(|journal| {
            let mut answers = Vec::with_capacity(batches.len());
            for batch in batches {
                answers.push(match journal.insert(batch, now) {
                    Err(Fault::Sqlite(error)) => return Err(error.into()),
                    answer => answer,
                });
            }
            reached(Step::Inserted);
            Ok(answers)
        })
        .inspect(|_| reached(Step::Appended))
    }

    fn insert(&mut self, batch: &Batch, now: Timestamp) -> Result<Recorded, Fault> {
        let count = batch.events().len();
        let known = batch.cursor().and_then(|cursor| self.position(cursor.source()));
        let seen = match known.map(|known| batch.resume(Some(known))) {
            None => 0,
            Some(Resume::Done) => return Ok(Recorded::spooled(0, count)),
            Some(Resume::From(seen)) => seen,
            Some(Resume::Gap) => {
                return Err(Fault::Refused(ErrorKind::Conflict, format!("says: {}", batch.gap(known))));
            }
        };
        let body = body::write(batch, seen, self.own.1 + 1);
        self.make_room(body.len() as u64, now)?;
        let (source, after, last) = match batch.cursor() {
            Some(cursor) => {
                // Events that were dropped are missing between it and where its source will stand.
                let gap = queue::forget_gap(&self.connection, cursor.source())?;
                let after = known.unwrap_or(cursor.after());
                (cursor.source().clone(), (!gap).then_some(after), cursor.last())
            }
            None => {
                self.own.1 += count as i64;
                (self.own.0.clone(), None, position(self.own.1)?)
            }
        };
        let row = Row { source, after, last, events: (count - seen) as u64, body };
        queue::insert(&self.connection, &row, now)?;
        self.waiting.add(row, now);
        Ok(Recorded::spooled(count - seen, seen))
    }

    /// The oldest events, as many as can be written at once; none if nothing waits.
    pub(crate) fn next(&mut self) -> Result<Option<Portion>> {
        let portion = queue::next(&self.connection).map_err(|fault| self.error(fault))?;
        if let Some(portion) = &portion {
            self.lent = portion.lent;
            reached(Step::Read);
        }
        Ok(portion)
    }

    /// What [`next`](Self::next) gave is not in the database, and may be dropped again.
    pub(crate) fn give_back(&mut self) {
        self.lent = Lent::default();
    }

    /// Removes what [`next`](Self::next) gave: it is in the database.
    pub(crate) fn remove(&mut self, portion: &Portion) -> Result<()> {
        self.taken_out(|connection| queue::remove(connection, portion.lent.upto))
    }

    /// Keeps what [`next`](Self::next) gave aside: the database does not take it, for this reason.
    pub(crate) fn reject(&mut self, portion: &Portion, reason: &str) -> Result<()> {
        self.taken_out(|connection| queue::reject(connection, portion.lent.upto, reason))?;
        let before = self.waiting.rejected;
        self.waiting.rejected += portion.events.len() as u64;
        if has_doubled(before, self.waiting.rejected) {
            let (journal, rejected, source) =
                (self.settings.path.display(), self.waiting.rejected, portion.source.as_str());
            tracing::warn!(%journal, rejected, source, reason, "the database does not take events, they are kept aside");
        }
        Ok(())
    }

    fn taken_out(&mut self, take: impl FnOnce(&Connection) -> Result<Vec<Taken>, Fault>) -> Result<()> {
        let done = self.transaction(|journal| {
            let taken = take(&journal.connection)?;
            let oldest = queue::oldest(&journal.connection, 0)?;
            taken.iter().for_each(|taken| journal.waiting.take(taken, oldest));
            Ok(())
        });
        done.map_err(|fault| self.error(fault))?;
        self.give_back();
        reached(Step::Removed);
        Ok(())
    }

    /// Whether nothing waits. Then what was dropped of any source is not known any more: the database says again where
    /// each of them stands.
    pub(crate) fn settle(&mut self) -> Result<bool> {
        self.refresh().map_err(|fault| self.error(fault))?;
        if self.waiting.events > 0 {
            return Ok(false);
        }
        queue::settle(&self.connection).map_err(|fault| self.error(fault))?;
        reached(Step::Settled);
        Ok(true)
    }

    /// Where a source stands here; none if nothing of it waits.
    pub(crate) fn position(&self, source: &Source) -> Option<Position> {
        self.waiting.sources.get(source).copied()
    }

    /// Binds the journal to a database, if nothing that waits is bound to another.
    ///
    /// # Errors
    ///
    /// [`Conflict`](ErrorKind::Conflict): what waits belongs to another database.
    pub(crate) fn bind(&mut self, database: &DatabaseId) -> Result<()> {
        let bound = queue::database(&self.connection).map_err(|fault| self.error(fault))?;
        if bound.as_deref() == Some(database.as_str()) {
            return Ok(());
        }
        if let (Some(_), events @ 1..) = (bound, self.waiting.events) {
            let why = format!(
                "holds {events} events of another database: open it with the URL of that one first, or name another \
                 journal (ROSEY_SPOOL)"
            );
            return Err(self.error(Fault::Refused(ErrorKind::Conflict, why)));
        }
        queue::bind(&self.connection, database.as_str()).map_err(|fault| self.error(fault))
    }

    /// Notes for other processes since when the database is away, and why; none: it is not.
    pub(crate) fn note(&self, away: Option<(Timestamp, &str)>) -> Result<()> {
        queue::note(&self.connection, away).map_err(|fault| self.error(fault))
    }

    /// What waits.
    pub(crate) fn health(&self) -> SpoolHealth {
        self.waiting.health()
    }

    /// Closes the journal, and removes its file if nothing is in it. Says how many events wait.
    pub(crate) fn close(self) -> Result<u64> {
        let path: PathBuf = self.settings.path.clone();
        let Waiting { events, rejected, .. } = self.waiting;
        let error = |fault: Fault| fault.into_error("close", &path);
        self.connection.close().map_err(|(_, sqlite)| error(sqlite.into()))?;
        reached(Step::Closed);
        if events == 0 && rejected == 0 {
            file::remove(&path).and_then(|()| self.lock.remove()).map_err(|system| error(system.into()))?;
        }
        Ok(events)
    }

    /// Does something whole or not at all. If it is not done, what is known of the file is read again.
    fn transaction<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        self.refresh()?;
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        let done = work(self).and_then(|done| match self.connection.execute_batch("COMMIT") {
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

    /// Reads again what waits, if it may be another than is known.
    fn refresh(&mut self) -> Result<(), Fault> {
        if self.stale {
            self.waiting = queue::waiting(&self.connection)?;
            self.stale = false;
        }
        Ok(())
    }

    fn error(&self, fault: Fault) -> StoreError {
        fault.into_error("spool", &self.settings.path)
    }
}

/// A name that no journal had before.
fn own_source() -> Result<Source, Fault> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| Fault::System(io::Error::other(error.to_string())))?;
    let digits: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    Source::new(format!("spool:{digits}")).map_err(|invalid| Fault::Damaged(invalid.to_string()))
}

fn position(place: i64) -> Result<Position, Fault> {
    Position::new(place).map_err(|invalid| Fault::Damaged(invalid.to_string()))
}

#[cfg(test)]
mod tests;
