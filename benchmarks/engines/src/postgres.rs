//! PostgreSQL through bare tokio-postgres: one statement for each write, prepared once a connection.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use botstore_bench_harness::{Contestant, POSTGRES_OPTIONS};
use tokio::sync::Semaphore;
use tokio_postgres::{Client, Config, Error, NoTls, Row, Statement};

use crate::durability;
use crate::rows::{Chatter, Claimed, Line, Stats};

/// The most connections, as many as the other contestants' pools have.
const CONNECTIONS: usize = 20;

const CHAT: &str = "
    WITH line AS (INSERT INTO recent_chat (timestamp, username, message) VALUES ($1, $2, $3))
    INSERT INTO user_stats AS u (username, first_seen, last_seen, total_chat_lines) VALUES ($2, $1, $1, 1)
    ON CONFLICT (username) DO UPDATE SET
        first_seen = LEAST(u.first_seen, $1),
        last_seen = GREATEST(u.last_seen, $1),
        total_chat_lines = u.total_chat_lines + 1,
        session_last_seen = CASE WHEN u.current_session_start IS NOT NULL
            THEN GREATEST(u.session_last_seen, $1) END";

const JOIN: &str = "
    INSERT INTO user_stats AS u (username, first_seen, last_seen, current_session_start, session_last_seen)
    VALUES ($2, $1, $1, $1, $1)
    ON CONFLICT (username) DO UPDATE SET
        first_seen = LEAST(u.first_seen, $1),
        last_seen = GREATEST(u.last_seen, $1),
        total_time_connected = u.total_time_connected
            + COALESCE(GREATEST(u.session_last_seen - u.current_session_start, 0), 0),
        current_session_start = $1,
        session_last_seen = $1";

const LEAVE: &str = "
    UPDATE user_stats SET
        first_seen = LEAST(first_seen, $1),
        last_seen = GREATEST(last_seen, $1),
        total_time_connected = total_time_connected + GREATEST($1 - current_session_start, 0),
        current_session_start = NULL,
        session_last_seen = NULL
    WHERE username = $2 AND current_session_start IS NOT NULL";

const COUNT: &str = "
    WITH sample AS (INSERT INTO user_count_history (timestamp, chat_users, connected_users) VALUES ($1, $2, $3))
    UPDATE channel_stats SET
        max_users = GREATEST(max_users, $2),
        max_users_timestamp = CASE WHEN $2 > max_users THEN $1 ELSE max_users_timestamp END,
        max_connected = GREATEST(max_connected, $3),
        max_connected_timestamp = CASE WHEN $3 > max_connected THEN $1 ELSE max_connected_timestamp END,
        last_updated = GREATEST(last_updated, $1)
    WHERE id = 1";

// The texts of TOP, RECENT and STATS are those of botstore's adapter (TOP_CHATTERS, RECENT_CHAT, USER_STATS), so that
// the difference is what the adapter costs.

const TOP: &str = "
    SELECT username, total_chat_lines FROM user_stats WHERE chat_rank > 0
    ORDER BY chat_rank DESC, total_chat_lines DESC, username LIMIT $1";

const RECENT: &str = "
    SELECT id, timestamp, username, message FROM (
        SELECT id, timestamp, username, message FROM recent_chat ORDER BY timestamp DESC, id DESC LIMIT $1
    ) AS newest
    ORDER BY timestamp, id";

const STATS: &str = "
    SELECT username, first_seen, last_seen, total_chat_lines, total_time_connected, current_session_start,
        session_last_seen
    FROM user_stats WHERE username = $1";

const ENQUEUE: &str = "INSERT INTO outbound_messages (timestamp, message, due_at) VALUES ($1, $2, $1)";

const CLAIM: &str = "
    UPDATE outbound_messages SET lease_until = $1 + 300, lease_token = lease_token + 1
    WHERE id = (
        SELECT id FROM outbound_messages WHERE due_at <= $1 AND (lease_until IS NULL OR lease_until <= $1)
        ORDER BY due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
    )
    RETURNING id, lease_token, message";

const SENT: &str = "
    UPDATE outbound_messages SET state = 'sent', sent = TRUE, sent_timestamp = $1, due_at = NULL, lease_until = NULL
    WHERE id = $2 AND lease_token = $3";

/// A connection and what is prepared on it.
struct Session {
    client: Client,
    chat: Statement,
    join: Statement,
    leave: Statement,
    count: Statement,
    top: Statement,
    recent: Statement,
    stats: Statement,
    enqueue: Statement,
    claim: Statement,
    sent: Statement,
}

impl Session {
    async fn open(config: &Config) -> Result<Self, Error> {
        let client = connect(config).await?;
        Ok(Self {
            chat: client.prepare(CHAT).await?,
            join: client.prepare(JOIN).await?,
            leave: client.prepare(LEAVE).await?,
            count: client.prepare(COUNT).await?,
            top: client.prepare(TOP).await?,
            recent: client.prepare(RECENT).await?,
            stats: client.prepare(STATS).await?,
            enqueue: client.prepare(ENQUEUE).await?,
            claim: client.prepare(CLAIM).await?,
            sent: client.prepare(SENT).await?,
            client,
        })
    }
}

/// A connection, served by a task of its own.
pub(crate) async fn connect(config: &Config) -> Result<Client, Error> {
    let (client, connection) = config.clone().options(POSTGRES_OPTIONS).connect(NoTls).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            eprintln!("a connection broke: {error}");
        }
    });
    Ok(client)
}

/// A connection for each operation under way: one that is free, else a new one. Nothing more is between the operation
/// and the driver.
pub(crate) struct BarePostgres {
    config: Config,
    permits: Semaphore,
    free: Mutex<Vec<Session>>,
}

impl BarePostgres {
    pub(crate) fn open(url: &str) -> anyhow::Result<Self> {
        Ok(Self { config: url.parse()?, permits: Semaphore::new(CONNECTIONS), free: Mutex::default() })
    }

    /// Runs an operation on a connection, which stays if the operation succeeds.
    async fn with<T>(&self, operation: impl AsyncFnOnce(&Session) -> Result<T, Error>) -> anyhow::Result<T> {
        let _permit = self.permits.acquire().await?;
        let free = self.free().pop();
        let session = match free {
            Some(session) => session,
            None => Session::open(&self.config).await?,
        };
        let answer = operation(&session).await?;
        self.free().push(session);
        Ok(answer)
    }

    fn free(&self) -> MutexGuard<'_, Vec<Session>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Contestant for BarePostgres {
    async fn chat(&self, at: i64, user: &str, message: &str) -> anyhow::Result<()> {
        self.with(async |s| s.client.execute(&s.chat, &[&at, &user, &message]).await).await?;
        Ok(())
    }

    async fn join(&self, at: i64, user: &str) -> anyhow::Result<()> {
        self.with(async |s| s.client.execute(&s.join, &[&at, &user]).await).await?;
        Ok(())
    }

    async fn leave(&self, at: i64, user: &str) -> anyhow::Result<()> {
        self.with(async |s| s.client.execute(&s.leave, &[&at, &user]).await).await?;
        Ok(())
    }

    async fn count(&self, at: i64, chat: i64, connected: i64) -> anyhow::Result<()> {
        self.with(async |s| s.client.execute(&s.count, &[&at, &chat, &connected]).await).await?;
        Ok(())
    }

    async fn top(&self, limit: i64) -> anyhow::Result<usize> {
        let rows = self.with(async |s| s.client.query(&s.top, &[&limit]).await).await?;
        let chatters: Vec<Chatter> =
            rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<_, Error>>()?;
        Ok(chatters.len())
    }

    async fn recent(&self, limit: i64) -> anyhow::Result<usize> {
        let rows = self.with(async |s| s.client.query(&s.recent, &[&limit]).await).await?;
        let line = |row: &Row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?));
        let lines: Vec<Line> = rows.iter().map(line).collect::<Result<_, Error>>()?;
        Ok(lines.len())
    }

    async fn stats(&self, user: &str) -> anyhow::Result<bool> {
        let row = self.with(async |s| s.client.query_opt(&s.stats, &[&user]).await).await?;
        let stats: Option<Stats> = row.as_ref().map(stats).transpose()?;
        Ok(stats.is_some())
    }

    async fn queue(&self, at: i64, text: &str) -> anyhow::Result<()> {
        self.with(async |s| {
            s.client.execute(&s.enqueue, &[&at, &text]).await?;
            if let Some(row) = s.client.query_opt(&s.claim, &[&at]).await? {
                let (id, token, _message): Claimed = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
                s.client.execute(&s.sent, &[&at, &id, &token]).await?;
            }
            Ok(())
        })
        .await
    }

    async fn durability(&self) -> anyhow::Result<String> {
        self.with(async |s| durability::of_postgres(&s.client).await).await
    }
}

fn stats(row: &Row) -> Result<Stats, Error> {
    Ok((
        row.try_get(0)?,
        row.try_get(1)?,
        row.try_get(2)?,
        row.try_get(3)?,
        row.try_get(4)?,
        row.try_get(5)?,
        row.try_get(6)?,
    ))
}
