use std::collections::BTreeMap;

use async_trait::async_trait;
use botstore_core::fold::UserDelta;
use botstore_core::model::{
    CloseSessions, Count, Limit, Rename, Timestamp, TopChatter, UserRows, UserStats, UserTotals, Username,
};
use botstore_core::{Result, Users};
use rusqlite::{Connection, params};

use crate::SqliteStore;
use crate::error::Fault;
use crate::row::{change, count_of, row, rows, the_row};

const TABLE: &str = "user_stats";

#[async_trait]
impl Users for SqliteStore {
    async fn user_stats(&self, username: &Username) -> Result<Option<UserStats>> {
        let username = username.clone();
        self.read("user_stats", move |connection| user_stats(connection, &username)).await
    }

    async fn top_chatters(&self, limit: Limit) -> Result<Vec<TopChatter>> {
        self.read("top_chatters", move |connection| top_chatters(connection, limit)).await
    }

    async fn user_totals(&self) -> Result<UserTotals> {
        self.read("user_totals", user_totals).await
    }

    async fn close_sessions(&self, how: CloseSessions) -> Result<Count> {
        self.write("close_sessions", move |connection| close_sessions(connection, how)).await
    }

    async fn delete_user(&self, username: &Username) -> Result<UserRows> {
        let username = username.clone();
        self.write("delete_user", move |connection| delete_user(connection, &username)).await
    }

    async fn rename_user(&self, rename: &Rename) -> Result<UserRows> {
        let rename = rename.clone();
        self.write("rename_user", move |connection| rename_user(connection, &rename)).await
    }
}

const USER: &str = "SELECT first_seen, last_seen, total_chat_lines, total_time_connected, current_session_start, \
    session_last_seen FROM user_stats WHERE username = ?1";

fn user_stats(connection: &Connection, username: &Username) -> Result<Option<UserStats>, Fault> {
    row(connection, TABLE, USER, [username.as_str()], |row| {
        Ok(UserStats {
            username: username.clone(),
            first_seen: row.get(0)?,
            last_seen: row.get(1)?,
            total_chat_lines: row.get(2)?,
            total_time_connected: row.get(3)?,
            current_session_start: row.get(4)?,
            session_last_seen: row.get(5)?,
        })
    })
}

/// What a delta makes of a row is decided in the core, so the row is read first: in one transaction, by one thread, that
/// is safe. Only for users who spoke, the most frequent case, one statement says it all.
pub(crate) fn change_users(
    connection: &Connection,
    deltas: &BTreeMap<&Username, UserDelta>,
) -> Result<(), Fault> {
    for (username, delta) in deltas {
        if let (Some((first, last)), None) = (delta.seen, delta.sessions) {
            let values =
                params![username.as_str(), first.seconds(), last.seconds(), delta.lines, Count::MAX.get()];
            change(connection, SPEAKER, values)?;
        } else if let Some(user) = delta.apply(username, user_stats(connection, username)?) {
            put_user(connection, &user)?;
        }
    }
    Ok(())
}

/// `?4` lines, the first at `?2` and the last at `?3`, of somebody of whom nothing else is known. `max` of a null is
/// null: without a session, its last sign stays one.
const SPEAKER: &str = "INSERT INTO user_stats AS u (username, first_seen, last_seen, total_chat_lines) \
    VALUES (?1, ?2, ?3, ?4) ON CONFLICT (username) DO UPDATE SET \
    first_seen = min(u.first_seen, excluded.first_seen), last_seen = max(u.last_seen, excluded.last_seen), \
    total_chat_lines = min(u.total_chat_lines + excluded.total_chat_lines, ?5), \
    session_last_seen = max(u.session_last_seen, excluded.last_seen)";

const PUT_USER: &str = "INSERT INTO user_stats (username, first_seen, last_seen, total_chat_lines, \
    total_time_connected, current_session_start, session_last_seen) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
    ON CONFLICT (username) DO UPDATE SET first_seen = excluded.first_seen, last_seen = excluded.last_seen, \
    total_chat_lines = excluded.total_chat_lines, total_time_connected = excluded.total_time_connected, \
    current_session_start = excluded.current_session_start, session_last_seen = excluded.session_last_seen";

fn put_user(connection: &Connection, user: &UserStats) -> Result<(), Fault> {
    let values = params![
        user.username.as_str(),
        user.first_seen.seconds(),
        user.last_seen.seconds(),
        user.total_chat_lines.get(),
        user.total_time_connected.get(),
        user.current_session_start.map(Timestamp::seconds),
        user.session_last_seen.map(Timestamp::seconds),
    ];
    change(connection, PUT_USER, values).map(drop)
}

const TOP_CHATTERS: &str = "SELECT username, total_chat_lines FROM user_stats WHERE total_chat_lines > 0 \
    ORDER BY total_chat_lines DESC, username LIMIT ?1";

fn top_chatters(connection: &Connection, limit: Limit) -> Result<Vec<TopChatter>, Fault> {
    rows(connection, TABLE, TOP_CHATTERS, [limit.get()], |row| {
        Ok(TopChatter { username: row.get(0)?, total_chat_lines: row.get(1)? })
    })
}

/// `sum` fails beyond 64 bits; `total` is a double, which is exact up to the limit and beyond it only needs to be more.
const USER_TOTALS: &str = "SELECT count(*), CAST(min(total(total_chat_lines), ?1) AS INTEGER) AS total_chat_lines, \
    CAST(min(total(total_time_connected), ?1) AS INTEGER) AS total_time_connected, count(current_session_start) \
    FROM user_stats";

fn user_totals(connection: &Connection) -> Result<UserTotals, Fault> {
    the_row(connection, TABLE, USER_TOTALS, [Count::MAX.get()], |row| {
        Ok(UserTotals {
            users: row.get(0)?,
            chat_lines: row.get(1)?,
            connected_seconds: row.get(2)?,
            open_sessions: row.get(3)?,
        })
    })
}

const CLOSE_AT_LAST_SIGN: &str = "UPDATE user_stats SET \
    total_time_connected = min(total_time_connected + max(session_last_seen - current_session_start, 0), ?1), \
    current_session_start = NULL, session_last_seen = NULL WHERE current_session_start IS NOT NULL";

const CLOSE_AT: &str = "UPDATE user_stats SET \
    total_time_connected = min(total_time_connected + max(?2 - current_session_start, 0), ?1), \
    first_seen = min(first_seen, ?2), last_seen = max(last_seen, ?2), \
    current_session_start = NULL, session_last_seen = NULL WHERE current_session_start IS NOT NULL";

fn close_sessions(connection: &Connection, how: CloseSessions) -> Result<Count, Fault> {
    let greatest = Count::MAX.get();
    let closed = match how {
        CloseSessions::LastSign => change(connection, CLOSE_AT_LAST_SIGN, [greatest]),
        CloseSessions::At(at) => change(connection, CLOSE_AT, [greatest, at.seconds()]),
    }?;
    count_of(closed)
}

const FORGET_USER: &str = "DELETE FROM user_stats WHERE username = ?1";
const FORGET_CHAT: &str = "DELETE FROM recent_chat WHERE username = ?1";
const FORGET_ACTIONS: &str = "DELETE FROM user_actions WHERE username = ?1";

fn delete_user(connection: &Connection, username: &Username) -> Result<UserRows, Fault> {
    let forget = |sql| change(connection, sql, [username.as_str()]);
    Ok(UserRows {
        user: forget(FORGET_USER)? > 0,
        chat: count_of(forget(FORGET_CHAT)?)?,
        actions: count_of(forget(FORGET_ACTIONS)?)?,
    })
}

/// `?3` is the greatest total. Of two moments of which one is missing, `min` and `max` would make none. The earlier of two
/// open sessions counts for itself if it was over when the later began.
const RENAME_USER: &str = "INSERT INTO user_stats (username, first_seen, last_seen, total_chat_lines, \
        total_time_connected, current_session_start, session_last_seen) \
    SELECT ?2, first_seen, last_seen, total_chat_lines, total_time_connected, current_session_start, session_last_seen \
    FROM user_stats WHERE username = ?1 \
    ON CONFLICT (username) DO UPDATE SET \
        first_seen = min(first_seen, excluded.first_seen), \
        last_seen = max(last_seen, excluded.last_seen), \
        total_chat_lines = min(?3, total_chat_lines + excluded.total_chat_lines), \
        total_time_connected = min(?3, total_time_connected + excluded.total_time_connected + CASE \
            WHEN current_session_start > excluded.session_last_seen \
                THEN max(excluded.session_last_seen - excluded.current_session_start, 0) \
            WHEN excluded.current_session_start > session_last_seen \
                THEN max(session_last_seen - current_session_start, 0) \
            ELSE 0 END), \
        current_session_start = CASE \
            WHEN current_session_start > excluded.session_last_seen THEN current_session_start \
            WHEN excluded.current_session_start > session_last_seen THEN excluded.current_session_start \
            ELSE coalesce(min(current_session_start, excluded.current_session_start), \
                current_session_start, excluded.current_session_start) END, \
        session_last_seen = coalesce(max(session_last_seen, excluded.session_last_seen), \
            session_last_seen, excluded.session_last_seen)";
const RENAME_CHAT: &str = "UPDATE recent_chat SET username = ?2 WHERE username = ?1";
const RENAME_ACTIONS: &str = "UPDATE user_actions SET username = ?2 WHERE username = ?1";

fn rename_user(connection: &Connection, rename: &Rename) -> Result<UserRows, Fault> {
    let names = [rename.from().as_str(), rename.to().as_str()];
    let user = change(connection, RENAME_USER, params![names[0], names[1], Count::MAX.get()])? > 0;
    change(connection, FORGET_USER, [names[0]])?;
    let renamed = UserRows {
        user,
        chat: count_of(change(connection, RENAME_CHAT, names)?)?,
        actions: count_of(change(connection, RENAME_ACTIONS, names)?)?,
    };
    if renamed == UserRows::default() { Err(Fault::not_found("user")) } else { Ok(renamed) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_indexed, assert_total, migrated};

    #[test]
    fn statements_use_their_indexes() {
        assert_indexed(&[SPEAKER, USER, PUT_USER, TOP_CHATTERS, CLOSE_AT_LAST_SIGN, CLOSE_AT]);
        assert_indexed(&[FORGET_USER, FORGET_ACTIONS, RENAME_USER, RENAME_ACTIONS]);
        // Who said a line is not indexed: it would cost every line, and hardly anybody ever asks to be forgotten.
        assert_total(&[USER_TOTALS, FORGET_CHAT, RENAME_CHAT]);
    }

    #[test]
    fn sums_stop_at_the_greatest_count_and_are_exact_below() {
        let connection = migrated();
        let put = |name: String, seconds: i64| {
            let user = UserStats {
                username: Username::new(name).unwrap(),
                first_seen: Timestamp::MIN,
                last_seen: Timestamp::MIN,
                total_chat_lines: Count::MAX,
                total_time_connected: Count::new("seconds", seconds).unwrap(),
                current_session_start: None,
                session_last_seen: None,
            };
            put_user(&connection, &user).unwrap();
        };
        put("greatest".into(), Count::MAX.get() - 1_100);
        // So many that 64 bits do not hold the sum of their lines.
        (0..1_099).for_each(|number| put(format!("user{number}"), 1));
        let totals = user_totals(&connection).unwrap();
        assert_eq!(totals.chat_lines, Count::MAX);
        assert_eq!(totals.connected_seconds.get(), Count::MAX.get() - 1);
    }

    #[test]
    fn closing_sessions_stops_at_the_greatest_count() {
        let moment = |seconds| Timestamp::new(seconds).unwrap();
        for how in [CloseSessions::LastSign, CloseSessions::At(moment(20))] {
            let connection = migrated();
            let username = Username::new("ada").unwrap();
            let user = UserStats {
                username: username.clone(),
                first_seen: moment(10),
                last_seen: moment(20),
                total_chat_lines: Count::ZERO,
                total_time_connected: Count::new("seconds", Count::MAX.get() - 3).unwrap(),
                current_session_start: Some(moment(10)),
                session_last_seen: Some(moment(20)),
            };
            put_user(&connection, &user).unwrap();
            assert_eq!(close_sessions(&connection, how).unwrap().get(), 1);
            let closed = user_stats(&connection, &username).unwrap().unwrap();
            assert_eq!(closed.total_time_connected, Count::MAX, "{how:?}");
        }
    }
}
