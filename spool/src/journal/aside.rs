//! Events that are kept aside: the database does not take them, or they cannot be read. They take as much room as those
//! that wait may; then the oldest are given up.

use botstore_core::Result;
use botstore_core::model::{Position, Source};
use rusqlite::Connection;

use super::room::has_doubled;
use super::waiting::Taken;
use super::{Journal, Portion, queue};
use crate::fault::Fault;

impl Journal {
    /// Keeps what [`next`](Self::next) gave aside: the database does not take it, for this reason.
    pub(crate) fn reject(&mut self, portion: &Portion, reason: &str) -> Result<()> {
        let before = self.waiting.rejected;
        self.take_portion(portion, Some(reason))?;
        if has_doubled(before, self.waiting.rejected) {
            let (journal, rejected, source) =
                (self.settings.path.display(), self.waiting.rejected, portion.source.as_str());
            tracing::warn!(%journal, rejected, source, reason, "the database does not take events, they are kept aside");
        }
        Ok(())
    }

    /// Keeps the oldest batch aside, which cannot be read.
    pub(super) fn reject_damaged(&mut self, number: i64) -> Result<()> {
        let before = self.waiting.damaged;
        let taken = self.take_out(None, number, Some(queue::UNREADABLE));
        taken.map_err(|fault| self.error(fault))?;
        self.waiting.damaged += 1;
        if has_doubled(before, self.waiting.damaged) {
            let journal = self.settings.path.display();
            tracing::warn!(%journal, number, "the journal is damaged: a batch cannot be read, it is kept aside");
        }
        Ok(())
    }

    /// The sources of what the file keeps aside, of those that somebody can read again.
    pub(crate) fn aside(&self) -> Result<Vec<Source>> {
        if self.waiting.rejected == 0 {
            return Ok(Vec::new());
        }
        sources(&self.connection).map_err(|fault| self.error(fault))
    }

    /// Lets go of what is kept aside of a source that was read again: the database has it up to here. What the source
    /// passed without being read again stays.
    pub(crate) fn forget_aside(&mut self, source: &Source, upto: Position) -> Result<()> {
        let forgotten = self.writing(|journal| {
            let (events, bytes) = forget(&journal.connection, source, upto)?;
            journal.waiting.rejected = journal.waiting.rejected.saturating_sub(events);
            journal.waiting.rejected_bytes = journal.waiting.rejected_bytes.saturating_sub(bytes);
            Ok(events)
        });
        let events = forgotten.map_err(|fault| self.error(fault))?;
        if events > 0 {
            let (journal, source) = (self.settings.path.display(), source.as_str());
            tracing::info!(%journal, events, source, "what was kept aside is in the database, and let go");
        }
        Ok(())
    }

    /// Keeps the oldest batches aside, up to a number.
    pub(super) fn keep_aside(&mut self, upto: i64, reason: &str) -> Result<Vec<Taken>, Fault> {
        let taken = reject(&self.connection, upto, reason)?;
        self.waiting.keep_aside(&taken);
        self.limit_aside()?;
        Ok(taken)
    }

    /// Sees to it that not too much is kept aside.
    pub(super) fn limit_aside(&mut self) -> Result<(), Fault> {
        let before = self.waiting.dropped;
        while self.waiting.rejected_bytes > self.settings.max_bytes {
            let Some((events, bytes)) = give_up(&self.connection)? else { break };
            self.waiting.rejected = self.waiting.rejected.saturating_sub(events);
            self.waiting.rejected_bytes = self.waiting.rejected_bytes.saturating_sub(bytes);
            self.waiting.dropped += events;
        }
        if has_doubled(before, self.waiting.dropped) {
            let (journal, dropped) = (self.settings.path.display(), self.waiting.dropped);
            tracing::warn!(%journal, dropped, "too much is kept aside in the journal: the oldest events are given up");
        }
        Ok(())
    }
}

/// What is damaged is kept as it is, as text, which is all that the table takes.
const REJECT: &str = "
    INSERT INTO rejected (number, source, after, last, arrived, events, body, reason)
    SELECT number, source, after, last, arrived, events, CAST(body AS TEXT), ?2 FROM batch WHERE number <= ?1";

pub(super) fn reject(connection: &Connection, upto: i64, reason: &str) -> Result<Vec<Taken>, Fault> {
    connection.prepare_cached(REJECT)?.execute((upto, reason))?;
    queue::remove(connection, upto)
}

/// The sources of what is kept aside, without those that nobody can read again, and what cannot be read.
fn sources(connection: &Connection) -> Result<Vec<Source>, Fault> {
    let mut statement = connection.prepare_cached("SELECT DISTINCT source FROM rejected")?;
    let mut rows = statement.query([])?;
    let mut sources = Vec::new();
    while let Some(row) = rows.next()? {
        let source = row.get::<_, String>(0).ok().and_then(|name| Source::new(name).ok());
        sources.extend(source.filter(|source| !source.is_private()));
    }
    Ok(sources)
}

/// A source that passed what it lacks, or is about to, may stand beyond what it never had.
const FORGET: &str = "
    DELETE FROM rejected WHERE source = ?1 AND after IS NOT NULL AND last <= ?2
        AND NOT EXISTS (SELECT 1 FROM batch WHERE source = ?1 AND after IS NULL)
    RETURNING events, length(CAST(body AS BLOB))";

/// Lets go of what is kept aside of a source up to a place; says how many events and bytes it were.
fn forget(connection: &Connection, source: &Source, upto: Position) -> Result<(u64, u64), Fault> {
    let mut statement = connection.prepare_cached(FORGET)?;
    let mut rows = statement.query((source.as_str(), upto.get()))?;
    let (mut events, mut bytes) = (0, 0);
    while let Some(row) = rows.next()? {
        events += row.get::<_, u64>(0)?;
        bytes += row.get::<_, u64>(1)?;
    }
    Ok((events, bytes))
}

/// The number of the batch that was kept aside last; 0: none is.
pub(super) fn last(connection: &Connection) -> Result<i64, Fault> {
    Ok(connection.query_row("SELECT coalesce(max(number), 0) FROM rejected", [], |row| row.get(0))?)
}

/// How many events are kept aside of the batches after this number.
pub(super) fn since(connection: &Connection, number: i64) -> Result<u64, Fault> {
    let since = "SELECT coalesce(sum(events), 0) FROM rejected WHERE number > ?1";
    Ok(connection.query_row(since, [number], |row| row.get(0))?)
}

const GIVE_UP: &str = "
    DELETE FROM rejected WHERE number = (SELECT min(number) FROM rejected)
    RETURNING events, length(CAST(body AS BLOB))";

/// Gives the oldest up; says how many events and bytes it were, none if there is nothing.
fn give_up(connection: &Connection) -> Result<Option<(u64, u64)>, Fault> {
    let mut statement = connection.prepare_cached(GIVE_UP)?;
    let mut rows = statement.query([])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let given_up: (u64, u64) = (row.get(0)?, row.get(1)?);
    drop(rows);
    queue::count_dropped(connection, given_up.0)?;
    Ok(Some(given_up))
}

#[cfg(test)]
mod tests;
