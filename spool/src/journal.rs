//! The journal: batches on disk, in the order in which they came.

mod body;
mod file;
mod queue;

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use botstore_core::model::{
    Batch, ChannelEvent, DatabaseId, Position, Recorded, Resume, Source, SpoolHealth, Timestamp,
};
use botstore_core::settings::{SpoolSettings, WhenFull};
use botstore_core::{ErrorKind, Result, StoreError};
use rusqlite::Connection;

use crate::fault::Fault;
use crate::lock::Lock;
use crate::step::{Step, reached};

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
    /// Up to this number, batches were read to be written into the database, and are not dropped any more.
    lent: i64,
}

/// What waits, as the file has it.
#[derive(Debug, Default)]
struct Waiting {
    events: u64,
    bytes: u64,
    oldest: Option<Timestamp>,
    /// The place of each source's last event, of those that have any here.
    sources: HashMap<Source, Position>,
    dropped: u64,
    rejected: u64,
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

/// A batch that the journal keeps no more.
#[derive(Debug)]
struct Taken {
    source: Source,
    last: Position,
    events: u64,
    bytes: u64,
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
    /// The number of the last batch among them.
    pub(crate) upto: i64,
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
        let connection = file::open(&settings.path)?;
        reached(Step::Made);
        let waiting = queue::waiting(&connection)?;
        Ok(Self { connection, lock, settings, own: (own_source()?, 0), waiting, lent: 0 })
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
        let known = batch.cursor().and_then(|cursor| self.waiting.sources.get(cursor.source())).copied();
        let seen = match known.map(|known| batch.resume(Some(known))) {
            None => 0,
            Some(Resume::Done) => return Ok(Recorded::spooled(0, count)),
            Some(Resume::From(seen)) => seen,
            Some(Resume::Gap) => {
                return Err(Fault::Refused(ErrorKind::Conflict, format!("says: {}", batch.gap(known))));
            }
        };
        let body = body::write(batch, self.own.1 + 1);
        self.make_room(body.len() as u64, now)?;
        let (source, after, last) = match batch.cursor() {
            Some(cursor) => {
                // Events that were dropped are missing between it and where its source will stand.
                let gap = queue::forget_gap(&self.connection, cursor.source())?;
                (cursor.source().clone(), (!gap).then(|| cursor.after()), cursor.last())
            }
            None => {
                self.own.1 += count as i64;
                (self.own.0.clone(), None, position(self.own.1)?)
            }
        };
        let row = Row { source, after, last, events: count as u64, body };
        queue::insert(&self.connection, &row, now)?;
        self.waiting.add(row, now);
        Ok(Recorded::spooled(count - seen, seen))
    }

    /// Sees to it that so many bytes more may wait.
    fn make_room(&mut self, bytes: u64, now: Timestamp) -> Result<(), Fault> {
        while let Some(what) = self.excess(bytes, now) {
            let refused = self.settings.when_full == WhenFull::Refuse || bytes > self.settings.max_bytes;
            let dropped = if refused { None } else { queue::drop_oldest(&self.connection, self.lent)? };
            let Some(dropped) = dropped else {
                let why = format!("is full: {what} (ROSEY_SPOOL_FULL says what gives way)");
                return Err(Fault::Refused(ErrorKind::Unavailable, why));
            };
            let before = self.waiting.dropped;
            self.waiting.dropped += dropped.events;
            self.waiting.take(&dropped, queue::oldest(&self.connection)?);
            warn_of_dropped(&self.settings.path, before, self.waiting.dropped);
        }
        Ok(())
    }

    /// In what way the journal would be too full.
    fn excess(&self, bytes: u64, now: Timestamp) -> Option<String> {
        let SpoolSettings { max_bytes, max_age, .. } = self.settings;
        if self.waiting.bytes + bytes > max_bytes {
            return Some(format!("{} bytes of events wait, and {max_bytes} may", self.waiting.bytes));
        }
        let age = Duration::from_secs(now.seconds_since(self.waiting.oldest?).unsigned_abs());
        let max_age = max_age.filter(|max_age| age > *max_age)?;
        Some(format!("its oldest event waits for {age:?}, and may for {max_age:?}"))
    }

    /// The oldest events, as many as can be written at once; none if nothing waits.
    pub(crate) fn next(&mut self) -> Result<Option<Portion>> {
        let portion = queue::next(&self.connection).map_err(|fault| self.error(fault))?;
        if let Some(portion) = &portion {
            self.lent = portion.upto;
            reached(Step::Read);
        }
        Ok(portion)
    }

    /// Removes what [`next`](Self::next) gave: it is in the database.
    pub(crate) fn remove(&mut self, portion: &Portion) -> Result<()> {
        self.taken_out(|connection| queue::remove(connection, portion.upto))
    }

    /// Keeps what [`next`](Self::next) gave aside: the database does not take it, for this reason.
    pub(crate) fn reject(&mut self, portion: &Portion, reason: &str) -> Result<()> {
        let rejected = portion.events.len() as u64;
        self.taken_out(|connection| queue::reject(connection, portion.upto, reason))?;
        self.waiting.rejected += rejected;
        Ok(())
    }

    fn taken_out(&mut self, take: impl FnOnce(&Connection) -> Result<Vec<Taken>, Fault>) -> Result<()> {
        let done = self.transaction(|journal| {
            let taken = take(&journal.connection)?;
            let oldest = queue::oldest(&journal.connection)?;
            taken.iter().for_each(|taken| journal.waiting.take(taken, oldest));
            Ok(())
        });
        done.map_err(|fault| self.error(fault))?;
        self.lent = 0;
        reached(Step::Removed);
        Ok(())
    }

    /// Whether nothing waits. Then what was dropped of any source is not known any more: the database says again where
    /// each of them stands.
    pub(crate) fn settle(&mut self) -> Result<bool> {
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
            if let Ok(waiting) = queue::waiting(&self.connection) {
                self.waiting = waiting;
            }
        }
        done
    }

    fn error(&self, fault: Fault) -> StoreError {
        fault.into_error("spool", &self.settings.path)
    }
}

impl Waiting {
    fn add(&mut self, row: Row, now: Timestamp) {
        self.events += row.events;
        self.bytes += row.body.len() as u64;
        self.oldest.get_or_insert(now);
        self.sources.insert(row.source, row.last);
    }

    /// A batch is gone, and the oldest that is left arrived then.
    fn take(&mut self, taken: &Taken, oldest: Option<Timestamp>) {
        self.events -= taken.events;
        self.bytes -= taken.bytes;
        self.oldest = oldest;
        if self.sources.get(&taken.source) == Some(&taken.last) {
            self.sources.remove(&taken.source);
        }
    }

    fn health(&self) -> SpoolHealth {
        let mut health = SpoolHealth::default();
        health.events = self.events;
        health.bytes = self.bytes;
        health.oldest = self.oldest;
        health.dropped = self.dropped;
        health.rejected = self.rejected;
        health
    }
}

/// One line each time that the number of dropped events has doubled.
fn warn_of_dropped(journal: &std::path::Path, before: u64, dropped: u64) {
    if before.checked_ilog2() != dropped.checked_ilog2() {
        tracing::warn!(journal = %journal.display(), dropped, "the journal is full: its oldest events are given up");
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
