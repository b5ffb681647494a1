//! The journal: batches on disk, in the order in which they came.

mod aside;
mod belonging;
mod body;
mod file;
mod files;
mod look;
mod moved;
mod owed;
mod owner;
mod place;
mod queue;
mod room;
mod unopened;
mod waiting;

use botstore_core::model::{Batch, ChannelEvent, Position, Recorded, Resume, Source, SpoolHealth, Timestamp};
use botstore_core::settings::SpoolSettings;
use botstore_core::{ErrorKind, Result, StoreError};
use rusqlite::Connection;

use crate::fault::Fault;
use crate::lock::Lock;
use crate::step::{Step, reached};
use belonging::Doubt;
use files::Files;
use owed::{Owed, Unmade};
use queue::Next;
use room::Lent;
use waiting::{Taken, Waiting};

pub use look::{Look, kept_aside_since, look};
pub use place::check_place;

/// Batches that wait for their database, in a file that nobody else writes.
///
/// It says itself whose it is: whoever opens it writes his own name into it, and each transaction finds out whether that
/// still stands there. So nobody who was overtaken writes into it, whatever became of its lock.
///
/// What [`append`](Self::append) has taken survives a power cut. A batch with a cursor keeps it; one without belongs to
/// the journal's own source, which has a new name each time the journal is opened: a copy of it that comes back from a
/// backup cannot give new events the places of old ones.
#[derive(Debug)]
pub(crate) struct Journal {
    connection: Connection,
    files: Files,
    lock: Lock,
    /// With the one name of the journal's file.
    settings: SpoolSettings,
    /// The journal's own source, which is also its owner's name, and the place of the last event in it.
    own: (Source, i64),
    waiting: Waiting,
    /// Whether `waiting` may be another than the file says.
    stale: bool,
    /// Whether the journal is another owner's.
    overtaken: bool,
    /// Whether what waits may be for another database.
    doubted: Option<Doubt>,
    lent: Lent,
    /// What the file does not say of all this.
    owed: Owed,
    /// Whether the file was removed, and there is none now.
    unmade: Option<Unmade>,
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
        self.ready()?;
        self.stand()?;
        self.refuse_doubted()?;
        if self.waiting.events == 0 && self.can_be_made_anew()? {
            // What comes between the last of what waited and its end finds room, too.
            self.settle_without_room()?;
            self.make_anew()?;
        }
        let answers = self.writing(|journal| {
            let mut answers = Vec::with_capacity(batches.len());
            for batch in batches {
                answers.push(match journal.insert(batch, now) {
                    Err(Fault::Sqlite(error)) => return Err(error.into()),
                    answer => answer,
                });
            }
            reached(Step::Inserted);
            Ok(answers)
        })?;
        reached(Step::Appended);
        // What is written is written; but where nobody finds it, unless this went well.
        self.stand().map_err(|fault| Fault::Unsure(Box::new(fault)))?;
        Ok(answers)
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
        loop {
            let next = self.transaction(|journal| queue::next(&journal.connection, journal.owed.upto));
            match next.map_err(|fault| self.error(fault))? {
                Next::Portion(portion) => {
                    self.lent = portion.lent;
                    reached(Step::Read);
                    return Ok(Some(portion));
                }
                Next::Damaged(number) => self.reject_damaged(number)?,
                Next::Nothing => return Ok(None),
            }
        }
    }

    /// What [`next`](Self::next) gave is not in the database, and may be dropped again.
    pub(crate) fn give_back(&mut self) {
        self.lent = Lent::default();
    }

    /// Removes what [`next`](Self::next) gave: it is in the database.
    pub(crate) fn remove(&mut self, portion: &Portion) -> Result<()> {
        self.take_portion(portion, None)
    }

    /// Takes out what [`next`](Self::next) gave, and keeps it aside if there is a reason.
    fn take_portion(&mut self, portion: &Portion, reason: Option<&str>) -> Result<()> {
        let taken = self.take_out(Some(portion.lent), portion.lent.upto, reason);
        taken.map_err(|fault| self.error(fault))?;
        self.give_back();
        reached(Step::Removed);
        Ok(())
    }

    /// These batches do not wait any more.
    fn forget(&mut self, taken: &[Taken]) -> Result<(), Fault> {
        let oldest = queue::oldest(&self.connection, self.owed.upto)?;
        taken.iter().for_each(|taken| self.waiting.take(taken, oldest));
        Ok(())
    }

    /// Whether nothing waits, as the file says. Then what was dropped of any source is not known any more: the database
    /// says again where each of them stands.
    pub(crate) fn settle(&mut self) -> Result<bool> {
        let settled = self.settled().map_err(|fault| self.error(fault))?;
        if settled {
            reached(Step::Settled);
        }
        Ok(settled)
    }

    fn settled(&mut self) -> Result<bool, Fault> {
        if !self.transaction(|journal| queue::is_empty(&journal.connection, journal.owed.upto))? {
            return Ok(false);
        }
        if !self.can_be_made_anew()? {
            let told = self.writing(|journal| {
                queue::forget_gaps(&journal.connection)?;
                journal.waiting = queue::waiting(&journal.connection, 0)?;
                Ok(())
            });
            match told.and_then(|()| queue::give_room_back(&self.connection)) {
                Err(fault) if fault.is_of_disk() => {}
                told => return told.map(|()| true),
            }
        }
        self.settle_without_room()?;
        Ok(true)
    }

    /// Where a source stands here; none if nothing of it waits, or perhaps for another database.
    pub(crate) fn position(&self, source: &Source) -> Option<Position> {
        self.waiting.sources.get(source).copied().filter(|_| self.doubted.is_none())
    }

    /// Notes for other processes since when the database is away, and why; none: it is not.
    pub(crate) fn note(&mut self, away: Option<(Timestamp, &str)>) -> Result<()> {
        let noted = self.transaction(|journal| queue::note(&journal.connection, away));
        noted.map_err(|fault| self.error(fault))
    }

    /// What waits.
    pub(crate) fn health(&self) -> SpoolHealth {
        self.waiting.health()
    }

    fn error(&self, fault: Fault) -> StoreError {
        fault.into_error("spool", &self.settings.path)
    }
}

fn position(place: i64) -> Result<Position, Fault> {
    Position::new(place).map_err(|invalid| Fault::Damaged(invalid.to_string()))
}

#[cfg(test)]
mod tests;
