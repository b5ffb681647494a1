//! What is counted of users.

use async_trait::async_trait;
use botstore_core::model::{
    CloseSessions, Count, Limit, Timestamp, TopChatter, UserStats, UserTotals, Username,
};
use botstore_core::{Result, Users};

use crate::client::Intent;
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
}

/// How the statements find their rows.
#[cfg(test)]
pub(crate) const PLANS: &[(&str, Access)] = &[
    (USER_STATS, Access::Index),
    (TOP_CHATTERS, Access::Sorted),
    // Once at the bot's start and shutdown: an index for it would cost every line of chat.
    (CLOSE_SESSIONS, Access::Total),
    (USER_TOTALS, Access::Total),
];
