//! SQLite as such: one connection, a transaction for each write, prepared statements, and no thread or task in between.
//!
//! One caller never waits but for the disk, and so has the engine's own limit. Several take turns at the connection.

use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use botstore_bench_harness::{Contestant, sqlite_file};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Params, Row, params};
use tokio::sync::Mutex;

use crate::durability;
use crate::rows::{Chatter, Claimed, Line, Stats};

const KEEP_LINE: &str = "INSERT INTO recent_chat (timestamp, username, message) VALUES (?1, ?2, ?3)";

const COUNT_LINE: &str = "INSERT INTO user_stats (username, first_seen, last_seen, total_chat_lines) \
    VALUES (?2, ?1, ?1, 1) ON CONFLICT (username) DO UPDATE SET first_seen = min(first_seen, ?1), \
    last_seen = max(last_seen, ?1), total_chat_lines = total_chat_lines + 1, \
    session_last_seen = max(session_last_seen, ?1)";

const JOIN: &str = "INSERT INTO user_stats (username, first_seen, last_seen, current_session_start, \
    session_last_seen) VALUES (?2, ?1, ?1, ?1, ?1) ON CONFLICT (username) DO UPDATE SET \
    first_seen = min(first_seen, ?1), last_seen = max(last_seen, ?1), total_time_connected = \
    total_time_connected + coalesce(max(session_last_seen - current_session_start, 0), 0), \
    current_session_start = ?1, session_last_seen = ?1";

const LEAVE: &str = "UPDATE user_stats SET first_seen = min(first_seen, ?1), last_seen = max(last_seen, ?1), \
    total_time_connected = total_time_connected + max(?1 - current_session_start, 0), \
    current_session_start = NULL, session_last_seen = NULL \
    WHERE username = ?2 AND current_session_start IS NOT NULL";

const KEEP_SAMPLE: &str =
    "INSERT INTO user_count_history (timestamp, chat_users, connected_users) VALUES (?1, ?2, ?3)";

/// Every right side sees the row as it was. A count of nobody is no peak.
const RAISE_PEAKS: &str = "UPDATE channel_stats SET \
    max_users = max(max_users, ?2), \
    max_users_timestamp = iif(?2 > max_users, ?1, max_users_timestamp), \
    max_connected = max(max_connected, ?3), \
    max_connected_timestamp = iif(?3 > max_connected, ?1, max_connected_timestamp), \
    last_updated = max(coalesce(last_updated, ?1), ?1) WHERE id = 1";

const TOP: &str = "SELECT username, total_chat_lines FROM user_stats WHERE total_chat_lines > 0 \
    ORDER BY total_chat_lines DESC, username LIMIT ?1";

const RECENT: &str =
    "SELECT id, timestamp, username, message FROM recent_chat ORDER BY timestamp DESC, id DESC LIMIT ?1";

const STATS: &str = "SELECT username, first_seen, last_seen, total_chat_lines, total_time_connected, \
    current_session_start, session_last_seen FROM user_stats WHERE username = ?1";

const ENQUEUE: &str = "INSERT INTO outbound_messages (timestamp, message, due_at) VALUES (?1, ?2, ?1)";

const CLAIM: &str = "UPDATE outbound_messages SET lease_until = ?1 + 300, lease_token = lease_token + 1 WHERE id = ( \
    SELECT id FROM outbound_messages WHERE due_at <= ?1 AND (lease_until IS NULL OR lease_until <= ?1) \
    ORDER BY due_at, id LIMIT 1) RETURNING id, lease_token, message";

const SENT: &str = "UPDATE outbound_messages SET state = 'sent', sent = 1, sent_timestamp = ?1, due_at = NULL, \
    lease_until = NULL WHERE id = ?2 AND lease_token = ?3";

pub(crate) struct RawSqlite {
    connection: Mutex<Connection>,
}

impl RawSqlite {
    pub(crate) fn open(url: &str) -> anyhow::Result<Self> {
        let path = sqlite_file(url).context("rusqlite works on sqlite:////ABSOLUTE/PATH")?;
        // One user at a time, which Rust sees to; and no new file, which would have no tables.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        // Durability and memory as botstore has them.
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "cache_size", -16 << 10)?;
        connection.set_prepared_statement_cache_capacity(32);
        Ok(Self { connection: Mutex::new(connection) })
    }
}

/// Two statements, each with its parameters, in one transaction.
fn write_two(
    connection: &Connection,
    first: (&str, impl Params),
    second: (&str, impl Params),
) -> anyhow::Result<()> {
    write(connection, "BEGIN IMMEDIATE", [])?;
    let written = write(connection, first.0, first.1)
        .and_then(|()| write(connection, second.0, second.1))
        .and_then(|()| write(connection, "COMMIT", []));
    if written.is_err() && !connection.is_autocommit() {
        write(connection, "ROLLBACK", [])?;
    }
    written
}

/// One statement, which is a transaction of its own unless one is open.
fn write(connection: &Connection, sql: &str, params: impl Params) -> anyhow::Result<()> {
    connection.prepare_cached(sql)?.execute(params)?;
    Ok(())
}

/// The rows of a statement that has a limit.
fn rows<T>(
    connection: &Connection,
    sql: &str,
    limit: i64,
    read: fn(&Row<'_>) -> rusqlite::Result<T>,
) -> anyhow::Result<Vec<T>> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([limit], read)?.collect::<Result<_, _>>()?;
    Ok(rows)
}

#[async_trait]
impl Contestant for RawSqlite {
    async fn chat(&self, at: i64, user: &str, message: &str) -> anyhow::Result<()> {
        write_two(
            &*self.connection.lock().await,
            (COUNT_LINE, params![at, user]),
            (KEEP_LINE, params![at, user, message]),
        )
    }

    async fn join(&self, at: i64, user: &str) -> anyhow::Result<()> {
        write(&*self.connection.lock().await, JOIN, params![at, user])
    }

    async fn leave(&self, at: i64, user: &str) -> anyhow::Result<()> {
        write(&*self.connection.lock().await, LEAVE, params![at, user])
    }

    async fn count(&self, at: i64, chat: i64, connected: i64) -> anyhow::Result<()> {
        write_two(
            &*self.connection.lock().await,
            (KEEP_SAMPLE, [at, chat, connected]),
            (RAISE_PEAKS, [at, chat, connected]),
        )
    }

    async fn top(&self, limit: i64) -> anyhow::Result<usize> {
        let chatters: Vec<Chatter> = rows(&*self.connection.lock().await, TOP, limit, |row| row.try_into())?;
        Ok(chatters.len())
    }

    async fn recent(&self, limit: i64) -> anyhow::Result<usize> {
        let mut lines: Vec<Line> = rows(&*self.connection.lock().await, RECENT, limit, |row| row.try_into())?;
        lines.reverse();
        Ok(lines.len())
    }

    async fn stats(&self, user: &str) -> anyhow::Result<bool> {
        let connection = self.connection.lock().await;
        let mut statement = connection.prepare_cached(STATS)?;
        let stats: Option<Stats> = statement.query_row([user], |row| row.try_into()).optional()?;
        Ok(stats.is_some())
    }

    async fn queue(&self, at: i64, text: &str) -> anyhow::Result<()> {
        write(&*self.connection.lock().await, ENQUEUE, params![at, text])?;
        let claimed: Option<Claimed> = self
            .connection
            .lock()
            .await
            .prepare_cached(CLAIM)?
            .query_row([at], |row| row.try_into())
            .optional()?;
        if let Some((id, token, _message)) = claimed {
            write(&*self.connection.lock().await, SENT, [at, id, token])?;
        }
        Ok(())
    }

    async fn durability(&self) -> anyhow::Result<String> {
        Ok(durability::of_sqlite(&*self.connection.lock().await)?)
    }
}
