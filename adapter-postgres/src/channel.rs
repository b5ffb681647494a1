//! How many users were there.

use async_trait::async_trait;
use botstore_core::model::{ChannelStats, Count, CountSample, Limit, Peak, RowKey, UserCounts};
use botstore_core::{Channel, Result};
use tokio_postgres::Row;

use crate::client::Intent;
use crate::open::PostgresStore;
use crate::row::{Columns, corrupt};
#[cfg(test)]
use crate::testing::Access;

const CHANNEL_STATS: &str = "
    SELECT max_users, max_users_timestamp, max_connected, max_connected_timestamp, last_updated
    FROM channel_stats WHERE id = 1";

const COUNT_SAMPLES_AFTER: &str = "
    SELECT id, timestamp, chat_users, connected_users FROM user_count_history
    WHERE (timestamp, id) > ($1, $2) ORDER BY timestamp, id LIMIT $3";

const COUNT_SAMPLE_COUNT: &str = "SELECT count(*) AS samples FROM user_count_history";

#[async_trait]
impl Channel for PostgresStore {
    async fn channel_stats(&self) -> Result<ChannelStats> {
        let row = self.row("channel_stats", Intent::Read, CHANNEL_STATS, &[]).await?;
        Ok(ChannelStats {
            peak_chat: peak(&row, "max_users", "max_users_timestamp")?,
            peak_connected: peak(&row, "max_connected", "max_connected_timestamp")?,
            last_updated: row.moment_if_any("last_updated")?,
        })
    }

    async fn count_samples_after(&self, after: RowKey, limit: Limit) -> Result<Vec<CountSample>> {
        let key = (after.at.seconds(), after.id.get());
        let rows = self
            .rows("count_samples_after", Intent::Read, COUNT_SAMPLES_AFTER, &[&key.0, &key.1, &limit.get()])
            .await?;
        rows.iter().map(sample).collect()
    }

    async fn count_sample_count(&self) -> Result<Count> {
        self.row("count_sample_count", Intent::Read, COUNT_SAMPLE_COUNT, &[]).await?.count("samples")
    }
}

fn peak(row: &Row, count: &str, at: &str) -> Result<Option<Peak>> {
    let (count, at) = (row.count(count)?, row.moment_if_any(at)?);
    Ok(at.and_then(|at| Peak::of(count, at)))
}

fn sample(row: &Row) -> Result<CountSample> {
    let counts = UserCounts::new(row.raw("chat_users")?, row.raw("connected_users")?)
        .map_err(|invalid| corrupt("connected_users", &invalid.reason))?;
    Ok(CountSample { id: row.id("id")?, at: row.moment("timestamp")?, counts })
}

/// How the statements find their rows.
#[cfg(test)]
pub(crate) const PLANS: &[(&str, Access)] = &[
    (CHANNEL_STATS, Access::Index),
    (COUNT_SAMPLES_AFTER, Access::Index),
    (COUNT_SAMPLE_COUNT, Access::Total),
];
