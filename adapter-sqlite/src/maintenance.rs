use async_trait::async_trait;
use botstore_core::model::{Count, MaintenanceReport, Retention, Seconds, Timestamp};
use botstore_core::{Maintenance, Result};
use rusqlite::Connection;

use crate::SqliteStore;
use crate::error::Fault;
use crate::row::{change, count_of, the_row};

/// Rows that are removed in one go. Whoever waits to write gets in between.
const ROWS: i64 = 100;

/// Pages that are given back in one go. Each is filled with another one, for which that one's neighbours are changed.
const PAGES: i64 = 8;

const OPERATION: &str = "maintain";

/// The planner is given no statistics. Every statement finds its rows by the same index with them and without, which the
/// tests see to, and gathering them reads whole indexes while nobody else can write.
#[async_trait]
impl Maintenance for SqliteStore {
    async fn maintain(&self, retention: &Retention, now: Timestamp) -> Result<MaintenanceReport> {
        let before = |span: Seconds| now.minus(span);
        let report = MaintenanceReport {
            counts: self.remove(OLD_COUNTS, before(retention.counts)).await?,
            sent_messages: self.remove(OLD_SENT_MESSAGES, before(retention.sent_messages)).await?,
            revoked_tokens: self.remove(OLD_REVOKED_TOKENS, before(retention.revoked_tokens)).await?,
            chat: self.remove(OLD_CHAT, before(retention.chat)).await?,
            expired_values: self.remove(EXPIRED_VALUES, now).await?,
            expired_tokens: self.remove(OLD_EXPIRED_TOKENS, before(retention.revoked_tokens)).await?,
        };
        self.give_space_back().await?;
        self.write_alone(OPERATION, |connection| run(connection, CHECKPOINT)).await?;
        Ok(report)
    }
}

const OLD_COUNTS: &str = "DELETE FROM user_count_history WHERE id IN \
    (SELECT id FROM user_count_history WHERE timestamp < ?1 LIMIT ?2)";

const OLD_SENT_MESSAGES: &str = "DELETE FROM outbound_messages WHERE id IN \
    (SELECT id FROM outbound_messages WHERE sent_timestamp < ?1 LIMIT ?2)";

const OLD_REVOKED_TOKENS: &str = "DELETE FROM api_tokens WHERE id IN \
    (SELECT id FROM api_tokens WHERE revoked_at < ?1 LIMIT ?2)";

const OLD_EXPIRED_TOKENS: &str = "DELETE FROM api_tokens WHERE id IN \
    (SELECT id FROM api_tokens WHERE expires_at < ?1 LIMIT ?2)";

const OLD_CHAT: &str = "DELETE FROM recent_chat WHERE id IN \
    (SELECT id FROM recent_chat WHERE timestamp < ?1 LIMIT ?2)";

const EXPIRED_VALUES: &str = "DELETE FROM plugin_values WHERE rowid IN \
    (SELECT rowid FROM plugin_values WHERE expires_at <= ?1 LIMIT ?2)";

impl SqliteStore {
    /// Runs a statement that removes what is older than `?1`, at most `?2` rows at once.
    async fn remove(&self, sql: &'static str, before: Timestamp) -> Result<Count> {
        let mut total = 0;
        loop {
            let remove = move |connection: &Connection| {
                let removed = change(connection, sql, [before.seconds(), ROWS])?;
                Ok((removed, count_of(total + removed)?))
            };
            let (removed, count) = self.write(OPERATION, remove).await?;
            if removed < ROWS.unsigned_abs() {
                return Ok(count);
            }
            total += removed;
        }
    }

    /// Takes free pages off the file until there is none, or, in a database made without that ability, no fewer.
    async fn give_space_back(&self) -> Result<()> {
        let mut left = i64::MAX;
        loop {
            let free = self.write(OPERATION, shrink).await?;
            if free == 0 || free >= left {
                return Ok(());
            }
            left = free;
        }
    }
}

const FREE_PAGES: &str = "PRAGMA freelist_count";

/// Takes some free pages off the file, and returns how many are left.
fn shrink(connection: &Connection) -> Result<i64, Fault> {
    run(connection, &format!("PRAGMA incremental_vacuum({PAGES})"))?;
    the_row(connection, "the database", FREE_PAGES, [], |row| row.get(0))
}

/// Moves what the log holds into the database, as far as no reader is in the way.
const CHECKPOINT: &str = "PRAGMA wal_checkpoint(PASSIVE)";

/// Runs a statement to its end: it works row by row, and the rows themselves are of no interest.
fn run(connection: &Connection, sql: &str) -> Result<(), Fault> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::assert_indexed;

    #[test]
    fn statements_use_their_indexes() {
        assert_indexed(&[
            OLD_COUNTS,
            OLD_SENT_MESSAGES,
            OLD_REVOKED_TOKENS,
            OLD_EXPIRED_TOKENS,
            OLD_CHAT,
            EXPIRED_VALUES,
        ]);
    }
}
