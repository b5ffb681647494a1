//! Keeping the database small and quick.

use std::time::Duration;

use async_trait::async_trait;
use botstore_core::model::{Count, MaintenanceReport, Retention, Timestamp};
use botstore_core::{ErrorKind, Maintenance, Result, StoreError};
use tokio::time::timeout;

use crate::client::Intent;
use crate::error;
use crate::open::{GRACE, PostgresStore};
use crate::pool::Object;
use crate::row::Columns;
#[cfg(test)]
use crate::testing::Access;

/// Rows that one statement removes: few enough that nobody waits for its locks.
const BATCH: i64 = 1_000;

/// A statement that removes at most $2 rows of `$table` for which `$is_old` holds of $1, those of the least `$age` first,
/// and none whose `$age` is less than $3.
///
/// Each batch begins where the one before ended: what that removed stays in the index until a vacuum, and to pass over
/// it again and again would take longer with every batch. Whether a row is old is asked once more of the row itself: it
/// may have been changed between being found and being locked.
macro_rules! remove {
    ($table:literal, $age:literal, $is_old:literal) => {
        concat!(
            "WITH removed AS (DELETE FROM ",
            $table,
            " WHERE ctid = ANY (ARRAY(SELECT ctid FROM ",
            $table,
            " WHERE ",
            $is_old,
            " AND ",
            $age,
            " >= $3 ORDER BY ",
            $age,
            " LIMIT $2)) AND ",
            $is_old,
            " RETURNING ",
            $age,
            " AS age) SELECT count(*) AS removed, max(age) AS reached FROM removed"
        )
    };
}

const REMOVE_COUNTS: &str = remove!("user_count_history", "timestamp", "timestamp < $1");

const REMOVE_SENT: &str = remove!("outbound_messages", "sent_timestamp", "sent_timestamp < $1");

const REMOVE_REVOKED: &str = remove!("api_tokens", "revoked_at", "revoked_at < $1");

const REMOVE_EXPIRED_TOKENS: &str = remove!("api_tokens", "expires_at", "expires_at < $1");

const REMOVE_CHAT: &str = remove!("recent_chat", "timestamp", "timestamp < $1");

/// A value is gone from its moment on, so that moment itself is over.
const REMOVE_EXPIRED: &str = remove!("plugin_values", "expires_at", "expires_at <= $1");

const OPERATION: &str = "maintain";

/// How long a vacuum may take: far longer than one of a bot's database does, but not for ever if the network is silent.
const VACUUM_TIMEOUT: Duration = Duration::from_secs(3600);

/// The tempo of the server's own vacuum, in milliseconds: it leaves the disk to others.
const VACUUM_COST_DELAY: u32 = 2;

/// Vacuums on one processor. It takes no lock for which readers or writers would wait, but for a moment in which it gives
/// the end of a table back.
const VACUUM: &str = "
    VACUUM (ANALYZE, PARALLEL 0) user_stats, user_actions, channel_stats, user_count_history, recent_chat,
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
            expired_tokens: self.remove(REMOVE_EXPIRED_TOKENS, now.minus(retention.revoked_tokens)).await?,
        };
        self.vacuum().await?;
        Ok(report)
    }
}

impl PostgresStore {
    /// Runs a statement that removes what is older than `before`, until there is no more of it.
    async fn remove(&self, sql: &str, before: Timestamp) -> Result<Count> {
        let (mut removed, mut reached) = (0, Timestamp::MIN.seconds());
        loop {
            let row = self.row(OPERATION, Intent::Write, sql, &[&before.seconds(), &BATCH, &reached]).await?;
            let Some(next) = row.raw("reached")? else { return Ok(Count::new("removed", removed)?) };
            removed += row.raw::<i64>("removed")?;
            reached = next;
        }
    }

    /// Runs on a connection of its own, which ends with it: a vacuum may take longer than other statements may. Behind a
    /// pooler, settings would stay behind in a session that others get: there it runs with those of the role. Closing the
    /// store ends it: the next one makes up for it.
    async fn vacuum(&self) -> Result<()> {
        let _call = self.enter(OPERATION).await?;
        let mut closing = self.closing.subscribe();
        let lent = self.connections.lend(OPERATION).await?;
        let done = tokio::select! {
            done = timeout(VACUUM_TIMEOUT + GRACE, self.vacuum_on(lent.client())) => done,
            _ = closing.wait_for(|&closing| closing) => return Ok(()),
        };
        let Ok(done) = done else {
            let detail =
                format!("{}: the vacuum took longer than {VACUUM_TIMEOUT:?}", self.connections.shown);
            return Err(StoreError::new(ErrorKind::Timeout, OPERATION, detail));
        };
        lent.close();
        done.map_err(|error| error::of_read(OPERATION, &self.connections.shown, error))
    }

    async fn vacuum_on(&self, client: &Object) -> std::result::Result<(), tokio_postgres::Error> {
        let settings = format!(
            "SET statement_timeout = {}; SET vacuum_cost_delay = {VACUUM_COST_DELAY}",
            VACUUM_TIMEOUT.as_millis()
        );
        let settings = self.connections.own_sessions.then_some(settings.as_str());
        for statement in settings.into_iter().chain([VACUUM]) {
            self.connections.log(OPERATION, statement);
            client.batch_execute(statement).await?;
        }
        Ok(())
    }
}

/// How the statements find their rows.
#[cfg(test)]
pub(crate) const PLANS: &[(&str, Access)] = &[
    (REMOVE_COUNTS, Access::Index),
    (REMOVE_SENT, Access::Index),
    (REMOVE_REVOKED, Access::Index),
    (REMOVE_EXPIRED_TOKENS, Access::Index),
    (REMOVE_CHAT, Access::Index),
    (REMOVE_EXPIRED, Access::Index),
];

#[cfg(test)]
mod tests {
    use botstore_core::Lifecycle;

    use super::*;
    use crate::testing::Database;

    /// Waits until maintenance waits for a lock, but not for ever.
    const IS_STUCK: &str = "
        DO $$ BEGIN
            FOR attempt IN 1..1000 LOOP
                EXIT WHEN EXISTS (SELECT FROM pg_stat_activity
                    WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%removed%');
                PERFORM pg_sleep(0.01), pg_stat_clear_snapshot();
            END LOOP;
        END $$";

    /// The vacuum, which waits for a lock, or works.
    const VACUUMS: &str = "
        SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%VACUUM (%'
            AND state = 'active' AND pid <> pg_backend_pid()";

    #[test]
    fn closing_ends_a_vacuum_and_not_the_report() {
        let Some(database) = Database::migrated() else { return };
        database.run(async |client| {
            let store = database.store().await;
            client
                .batch_execute("BEGIN; LOCK TABLE user_stats IN SHARE UPDATE EXCLUSIVE MODE")
                .await
                .unwrap();
            let vacuums = async || {
                client.batch_execute("SELECT pg_stat_clear_snapshot()").await.unwrap();
                client.query_typed(VACUUMS, &[]).await.unwrap().len()
            };
            let (retention, now) = (Retention::default(), Timestamp::new(20).unwrap());
            let (report, closed) = tokio::join!(store.maintain(&retention, now), async {
                while vacuums().await == 0 {
                    tokio::task::yield_now().await;
                }
                let closed = timeout(Duration::from_secs(20), store.close()).await;
                let left = vacuums().await;
                client.batch_execute("ROLLBACK").await.unwrap();
                (closed, left)
            });
            let (closed, left) = closed;
            closed.expect("closing waits for a vacuum that does not end").unwrap();
            assert_eq!(left, 0, "nor does it go on");
            assert_eq!(report.unwrap().expired_values.get(), 0);
        });
    }

    #[test]
    fn a_value_that_is_renewed_while_maintenance_waits_for_it_stays() {
        let Some(database) = Database::migrated() else { return };
        database.run(async |client| {
            let store = database.store().await;
            let put = "INSERT INTO plugin_values (plugin, key, value, version, expires_at)
                VALUES ('quiz', 'renewed', '1', 1, 10), ('quiz', 'over', '1', 2, 10)";
            client.batch_execute(put).await.unwrap();
            let renew = "BEGIN; UPDATE plugin_values SET expires_at = 1000 WHERE key = 'renewed'";
            client.batch_execute(renew).await.unwrap();
            let (retention, now) = (Retention::default(), Timestamp::new(20).unwrap());
            let (report, ()) = tokio::join!(store.maintain(&retention, now), async {
                client.batch_execute(IS_STUCK).await.unwrap();
                client.batch_execute("COMMIT").await.unwrap();
            });
            assert_eq!(report.unwrap().expired_values.get(), 1);
            let left = client.query_typed("SELECT key FROM plugin_values", &[]).await.unwrap();
            assert_eq!(left.iter().map(|row| row.get(0)).collect::<Vec<&str>>(), ["renewed"]);
        });
    }
}
