//! Keeping the database small and quick.

use async_trait::async_trait;
use botstore_core::model::{Count, MaintenanceReport, Retention, Timestamp};
use botstore_core::{Maintenance, Result};
use deadpool_postgres::Object;

use crate::client::Intent;
use crate::error;
use crate::open::PostgresStore;

/// Rows that one statement removes: few enough that nobody waits for its locks.
const BATCH: i64 = 1_000;

/// A statement that removes at most $2 rows of `$table` for which `$is_old` holds of $1, the oldest first.
macro_rules! remove {
    ($table:literal, $is_old:literal, $age:literal) => {
        concat!(
            "WITH removed AS (DELETE FROM ",
            $table,
            " WHERE ctid = ANY (ARRAY(SELECT ctid FROM ",
            $table,
            " WHERE ",
            $is_old,
            " ORDER BY ",
            $age,
            " LIMIT $2)) RETURNING 1) SELECT count(*) AS removed FROM removed"
        )
    };
}

const REMOVE_COUNTS: &str = remove!("user_count_history", "timestamp < $1", "timestamp, id");

const REMOVE_SENT: &str = remove!("outbound_messages", "sent_timestamp < $1", "sent_timestamp");

const REMOVE_REVOKED: &str = remove!("api_tokens", "revoked_at < $1", "revoked_at");

const REMOVE_CHAT: &str = remove!("recent_chat", "timestamp < $1", "timestamp, id");

/// A value is gone from its moment on, so that moment itself is over.
const REMOVE_EXPIRED: &str = remove!("plugin_values", "expires_at <= $1", "expires_at");

/// Takes no lock that readers or writers would wait for.
const VACUUM: &str =
    "VACUUM (ANALYZE) user_stats, user_actions, channel_stats, user_count_history, recent_chat,
    current_status, outbound_messages, api_tokens, source_positions, plugin_values";

#[async_trait]
impl Maintenance for PostgresStore {
    async fn maintain(&self, retention: &Retention, now: Timestamp) -> Result<MaintenanceReport> {
        let report = MaintenanceReport {
            counts: self.remove(REMOVE_COUNTS, now.minus(retention.counts)).await?,
            sent_messages: self.remove(REMOVE_SENT, now.minus(retention.sent_messages)).await?,
            revoked_tokens: self.remove(REMOVE_REVOKED, now.minus(retention.revoked_tokens)).await?,
            chat: self.remove(REMOVE_CHAT, now.minus(retention.chat)).await?,
            expired_values: self.remove(REMOVE_EXPIRED, now).await?,
        };
        self.vacuum().await?;
        Ok(report)
    }
}

impl PostgresStore {
    async fn remove(&self, sql: &str, before: Timestamp) -> Result<Count> {
        let mut removed = 0;
        loop {
            let row = self.row("maintain", Intent::Write, sql, &[&before.seconds(), &BATCH]).await?;
            let batch: i64 = row.get("removed");
            removed += batch;
            if batch < BATCH {
                return Ok(Count::new("removed", removed)?);
            }
        }
    }

    /// Runs on a connection of its own, which ends with it: a vacuum may take longer than other statements may.
    async fn vacuum(&self) -> Result<()> {
        const OPERATION: &str = "maintain";
        let _call = self.enter(OPERATION).await?;
        let client = Object::take(self.connections.get(OPERATION).await?);
        for statement in ["SET statement_timeout = 0", VACUUM] {
            client
                .batch_execute(statement)
                .await
                .map_err(|error| error::of_read(OPERATION, &self.connections.shown, error))?;
        }
        Ok(())
    }
}
