//! Events that are kept aside: the database does not take them, or they cannot be read. They take as much room as those
//! that wait may; then the oldest are given up.

use botstore_core::Result;
use rusqlite::Connection;

use super::room::has_doubled;
use super::waiting::Taken;
use super::{Journal, Portion, queue};
use crate::fault::Fault;

impl Journal {
    /// Keeps what [`next`](Self::next) gave aside: the database does not take it, for this reason.
    pub(crate) fn reject(&mut self, portion: &Portion, reason: &str) -> Result<()> {
        let before = self.waiting.rejected;
        self.taken_out(portion.lent, |journal| {
            let taken = reject(&journal.connection, portion.lent.upto, reason)?;
            journal.keep_aside(&taken)?;
            Ok(taken)
        })?;
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
        let done = self.transaction(|journal| {
            let taken = reject(&journal.connection, number, queue::UNREADABLE)?;
            journal.keep_aside(&taken)?;
            journal.forget(&taken)
        });
        done.map_err(|fault| self.error(fault))?;
        self.waiting.damaged += 1;
        if has_doubled(before, self.waiting.damaged) {
            let journal = self.settings.path.display();
            tracing::warn!(%journal, number, "the journal is damaged: a batch cannot be read, it is kept aside");
        }
        Ok(())
    }

    /// Counts what was put aside, and sees to it that it is not too much.
    fn keep_aside(&mut self, taken: &[Taken]) -> Result<(), Fault> {
        let before = self.waiting.dropped;
        for taken in taken {
            self.waiting.rejected += taken.events;
            self.waiting.rejected_bytes += taken.bytes;
        }
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

fn reject(connection: &Connection, upto: i64, reason: &str) -> Result<Vec<Taken>, Fault> {
    connection.prepare_cached(REJECT)?.execute((upto, reason))?;
    queue::remove(connection, upto)
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
