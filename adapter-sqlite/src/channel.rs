use async_trait::async_trait;
use botstore_core::fold::Samples;
use botstore_core::model::{ChannelStats, Count, CountSample, Limit, Peak, RowKey, Timestamp, UserCounts};
use botstore_core::{Channel, Result};
use rusqlite::{Connection, params};

use crate::SqliteStore;
use crate::error::Fault;
use crate::row::{Row, change, rows, the_row};

const STATS: &str = "channel_stats";
const HISTORY: &str = "user_count_history";

#[async_trait]
impl Channel for SqliteStore {
    async fn channel_stats(&self) -> Result<ChannelStats> {
        self.read("channel_stats", channel_stats).await
    }

    async fn count_samples_after(&self, after: RowKey, limit: Limit) -> Result<Vec<CountSample>> {
        self.read("count_samples_after", move |connection| samples_after(connection, after, limit)).await
    }

    async fn count_sample_count(&self) -> Result<Count> {
        self.read("count_sample_count", sample_count).await
    }
}

const KEEP_SAMPLE: &str =
    "INSERT INTO user_count_history (timestamp, chat_users, connected_users) VALUES (?1, ?2, ?3)";

pub(crate) fn keep_samples(connection: &Connection, samples: &Samples) -> Result<(), Fault> {
    let mut statement = connection.prepare_cached(KEEP_SAMPLE)?;
    for (at, counts) in &samples.samples {
        statement.execute([at.seconds(), counts.chat().get(), counts.connected().get()])?;
    }
    let stored = channel_stats(connection)?;
    let raised = ChannelStats {
        peak_chat: greater(stored.peak_chat, samples.peak_chat),
        peak_connected: greater(stored.peak_connected, samples.peak_connected),
        last_updated: stored.last_updated.max(Some(samples.last)),
    };
    put_channel_stats(connection, &raised)
}

fn greater(one: Option<Peak>, other: Option<Peak>) -> Option<Peak> {
    one.into_iter().chain(other).reduce(Peak::max)
}

const CHANNEL_STATS: &str = "SELECT max_users, max_users_timestamp, max_connected, max_connected_timestamp, \
    last_updated FROM channel_stats WHERE id = 1";

fn channel_stats(connection: &Connection) -> Result<ChannelStats, Fault> {
    the_row(connection, STATS, CHANNEL_STATS, [], |row| {
        Ok(ChannelStats {
            peak_chat: peak(row, 0)?,
            peak_connected: peak(row, 2)?,
            last_updated: row.get(4)?,
        })
    })
}

/// The peak in the column at `index` and the next one, which has no moment while nobody was seen.
fn peak(row: &Row<'_>, index: usize) -> Result<Option<Peak>, Fault> {
    let at: Option<Timestamp> = row.get(index + 1)?;
    at.map(|at| Ok(Peak { count: row.get(index)?, at })).transpose()
}

const PUT_CHANNEL_STATS: &str = "UPDATE channel_stats SET max_users = ?1, max_users_timestamp = ?2, \
    max_connected = ?3, max_connected_timestamp = ?4, last_updated = ?5 WHERE id = 1";

fn put_channel_stats(connection: &Connection, stats: &ChannelStats) -> Result<(), Fault> {
    let count = |peak: Option<Peak>| peak.map_or(Count::ZERO, |peak| peak.count).get();
    let moment = |peak: Option<Peak>| peak.map(|peak| peak.at.seconds());
    let values = params![
        count(stats.peak_chat),
        moment(stats.peak_chat),
        count(stats.peak_connected),
        moment(stats.peak_connected),
        stats.last_updated.map(Timestamp::seconds),
    ];
    change(connection, PUT_CHANNEL_STATS, values).map(drop)
}

const SAMPLES_AFTER: &str = "SELECT id, timestamp, chat_users, connected_users FROM user_count_history \
    WHERE (timestamp, id) > (?1, ?2) ORDER BY timestamp, id LIMIT ?3";

fn samples_after(connection: &Connection, after: RowKey, limit: Limit) -> Result<Vec<CountSample>, Fault> {
    let values = [after.at.seconds(), after.id.get(), limit.get()];
    rows(connection, HISTORY, SAMPLES_AFTER, values, |row| {
        let counts = UserCounts::new(row.get(2)?, row.get(3)?)
            .map_err(|invalid| row.corrupt(if invalid.field == "chat" { 2 } else { 3 }, &invalid.reason))?;
        Ok(CountSample { id: row.get(0)?, at: row.get(1)?, counts })
    })
}

const SAMPLE_COUNT: &str = "SELECT count(*) FROM user_count_history";

fn sample_count(connection: &Connection) -> Result<Count, Fault> {
    the_row(connection, HISTORY, SAMPLE_COUNT, [], |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_indexed, assert_total};

    #[test]
    fn statements_use_their_indexes() {
        assert_indexed(&[KEEP_SAMPLE, CHANNEL_STATS, PUT_CHANNEL_STATS, SAMPLES_AFTER]);
        assert_total(&[SAMPLE_COUNT]);
    }
}
