//! What is counted of users.

use async_trait::async_trait;
use botstore_core::model::{
    CloseSessions, Count, Limit, Rename, Timestamp, TopChatter, UserRows, UserStats, UserTotals, Username,
};
use botstore_core::{Result, StoreError, Users};
use tokio_postgres::Row;

use crate::client::{Intent, Params};
use crate::max_total;
use crate::open::PostgresStore;
use crate::row::Columns;
#[cfg(test)]
use crate::testing::Access;

const USER_STATS: &str = "
    SELECT username, first_seen, last_seen, total_chat_lines, total_time_connected, current_session_start,
        session_last_seen
    FROM user_stats WHERE username = $1";

/// In the order of their ranks, which are the roots of the lines and indexed, users are nearly in order: only those of
/// one rank are sorted, rank by rank until there are enough.
const TOP_CHATTERS: &str = "
    SELECT username, total_chat_lines FROM user_stats WHERE chat_rank > 0
    ORDER BY chat_rank DESC, total_chat_lines DESC, username LIMIT $1";

const USER_TOTALS: &str = concat!(
    "SELECT count(*) AS users,
        LEAST(COALESCE(sum(total_chat_lines), 0), ",
    max_total!(),
    ")::bigint AS chat_lines,
        LEAST(COALESCE(sum(total_time_connected), 0), ",
    max_total!(),
    ")::bigint AS connected_seconds,
        count(current_session_start) AS open_sessions
    FROM user_stats"
);

/// $1 is the moment at which every session ends; null for each session's own last sign of life.
const CLOSE_SESSIONS: &str = concat!(
    "WITH open AS MATERIALIZED (
        SELECT username FROM user_stats WHERE current_session_start IS NOT NULL ORDER BY username FOR UPDATE
    ), closed AS (
        UPDATE user_stats u SET
            total_time_connected = LEAST(",
    max_total!(),
    ", u.total_time_connected
                + GREATEST(0, COALESCE($1::bigint, u.session_last_seen) - u.current_session_start)),
            first_seen = LEAST(u.first_seen, $1),
            last_seen = GREATEST(u.last_seen, $1),
            current_session_start = NULL,
            session_last_seen = NULL
        FROM open WHERE u.username = open.username
        RETURNING 1
    )
    SELECT count(*) AS sessions FROM closed"
);

const DELETE_USER: &str = "
    WITH gone AS (DELETE FROM user_stats WHERE username = $1 RETURNING 1),
        chat AS (DELETE FROM recent_chat WHERE username = $1 RETURNING 1),
        actions AS (DELETE FROM user_actions WHERE username = $1 RETURNING 1)
    SELECT EXISTS (SELECT FROM gone) AS known, (SELECT count(*) FROM chat) AS chat,
        (SELECT count(*) FROM actions) AS actions";

/// Both users are locked in the order in which everybody locks them. LEAST and GREATEST leave out what is null. The earlier
/// of two open sessions counts for itself if it was over when the later began.
const RENAME_USER: &str = concat!(
    "WITH locked AS MATERIALIZED (
        SELECT username FROM user_stats WHERE username IN ($1, $2) ORDER BY username FOR UPDATE
    ), gone AS (
        DELETE FROM user_stats WHERE username = $1 AND (SELECT count(*) FROM locked) > 0 RETURNING *
    ), kept AS (
        INSERT INTO user_stats AS u (username, first_seen, last_seen, total_chat_lines, total_time_connected,
            current_session_start, session_last_seen)
        SELECT $2, first_seen, last_seen, total_chat_lines, total_time_connected, current_session_start,
            session_last_seen
        FROM gone
        ON CONFLICT (username) DO UPDATE SET
            first_seen = LEAST(u.first_seen, excluded.first_seen),
            last_seen = GREATEST(u.last_seen, excluded.last_seen),
            total_chat_lines = LEAST(",
    max_total!(),
    ", u.total_chat_lines + excluded.total_chat_lines),
            total_time_connected = LEAST(",
    max_total!(),
    ", u.total_time_connected + excluded.total_time_connected + CASE
                WHEN u.current_session_start > excluded.session_last_seen
                    THEN GREATEST(excluded.session_last_seen - excluded.current_session_start, 0)
                WHEN excluded.current_session_start > u.session_last_seen
                    THEN GREATEST(u.session_last_seen - u.current_session_start, 0)
                ELSE 0 END),
            current_session_start = CASE
                WHEN u.current_session_start > excluded.session_last_seen THEN u.current_session_start
                WHEN excluded.current_session_start > u.session_last_seen THEN excluded.current_session_start
                ELSE LEAST(u.current_session_start, excluded.current_session_start) END,
            session_last_seen = GREATEST(u.session_last_seen, excluded.session_last_seen)
    ), chat AS (
        UPDATE recent_chat SET username = $2 WHERE username = $1 RETURNING 1
    ), actions AS (
        UPDATE user_actions SET username = $2 WHERE username = $1 RETURNING 1
    )
    SELECT EXISTS (SELECT FROM gone) AS known, (SELECT count(*) FROM chat) AS chat,
        (SELECT count(*) FROM actions) AS actions"
);

#[async_trait]
impl Users for PostgresStore {
    async fn user_stats(&self, username: &Username) -> Result<Option<UserStats>> {
        let row = self.row_if_any("user_stats", Intent::Read, USER_STATS, &[&username.as_str()]).await?;
        row.map(|row| {
            Ok(UserStats {
                username: row.value("username", |name: &str| Username::new(name))?,
                first_seen: row.moment("first_seen")?,
                last_seen: row.moment("last_seen")?,
                total_chat_lines: row.count("total_chat_lines")?,
                total_time_connected: row.count("total_time_connected")?,
                current_session_start: row.moment_if_any("current_session_start")?,
                session_last_seen: row.moment_if_any("session_last_seen")?,
            })
        })
        .transpose()
    }

    async fn top_chatters(&self, limit: Limit) -> Result<Vec<TopChatter>> {
        let rows = self.rows("top_chatters", Intent::Read, TOP_CHATTERS, &[&limit.get()]).await?;
        rows.iter()
            .map(|row| {
                Ok(TopChatter {
                    username: row.value("username", |name: &str| Username::new(name))?,
                    total_chat_lines: row.count("total_chat_lines")?,
                })
            })
            .collect()
    }

    async fn user_totals(&self) -> Result<UserTotals> {
        let row = self.row("user_totals", Intent::Read, USER_TOTALS, &[]).await?;
        Ok(UserTotals {
            users: row.count("users")?,
            chat_lines: row.count("chat_lines")?,
            connected_seconds: row.count("connected_seconds")?,
            open_sessions: row.count("open_sessions")?,
        })
    }

    async fn close_sessions(&self, how: CloseSessions) -> Result<Count> {
        let at = match how {
            CloseSessions::LastSign => None,
            CloseSessions::At(at) => Some(Timestamp::seconds(at)),
        };
        self.row("close_sessions", Intent::Write, CLOSE_SESSIONS, &[&at]).await?.count("sessions")
    }

    async fn delete_user(&self, username: &Username) -> Result<UserRows> {
        const OPERATION: &str = "delete_user";
        user_rows(&self.row(OPERATION, Intent::Write, DELETE_USER, &[&username.as_str()]).await?)
    }

    async fn rename_user(&self, rename: &Rename) -> Result<UserRows> {
        const OPERATION: &str = "rename_user";
        let params: Params<'_> = &[&rename.from().as_str(), &rename.to().as_str()];
        let renamed = user_rows(&self.row(OPERATION, Intent::Write, RENAME_USER, params).await?)?;
        if renamed == UserRows::default() {
            return Err(StoreError::not_found(OPERATION, "user"));
        }
        Ok(renamed)
    }
}

fn user_rows(row: &Row) -> Result<UserRows> {
    Ok(UserRows { user: row.raw("known")?, chat: row.count("chat")?, actions: row.count("actions")? })
}

/// How the statements find their rows.
#[cfg(test)]
pub(crate) const PLANS: &[(&str, Access)] = &[
    (USER_STATS, Access::Index),
    (TOP_CHATTERS, Access::Sorted),
    // Once at the bot's start and shutdown: an index for it would cost every line of chat.
    (CLOSE_SESSIONS, Access::Total),
    (USER_TOTALS, Access::Total),
    // Who said a line is not indexed: it would cost every line, and hardly anybody ever asks to be forgotten.
    (DELETE_USER, Access::Total),
    (RENAME_USER, Access::Total),
];
