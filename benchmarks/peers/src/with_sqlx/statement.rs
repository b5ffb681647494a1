//! The statements. The two dialects differ in the names of two functions and in how a row is locked.

/// Defines every statement, given the functions that choose among their arguments, and what ends a subquery that takes
/// a row which nobody else is at.
macro_rules! statements {
    (least = $least:literal, greatest = $greatest:literal, lock = $lock:literal) => {
        const COUNT_LINE: &str = concat!(
            "INSERT INTO user_stats AS u (username, first_seen, last_seen, total_chat_lines) VALUES ($1, $2, $2, 1)
            ON CONFLICT (username) DO UPDATE SET
                first_seen = ", $least, "(u.first_seen, excluded.first_seen),
                last_seen = ", $greatest, "(u.last_seen, excluded.last_seen),
                total_chat_lines = u.total_chat_lines + 1,
                session_last_seen = CASE WHEN u.current_session_start IS NOT NULL
                    THEN ", $greatest, "(u.session_last_seen, excluded.last_seen) END"
        );

        const KEEP_LINE: &str = "INSERT INTO recent_chat (timestamp, username, message) VALUES ($1, $2, $3)";

        const JOIN: &str = concat!(
            "INSERT INTO user_stats AS u (username, first_seen, last_seen, current_session_start, session_last_seen)
            VALUES ($1, $2, $2, $2, $2)
            ON CONFLICT (username) DO UPDATE SET
                first_seen = ", $least, "(u.first_seen, excluded.first_seen),
                last_seen = ", $greatest, "(u.last_seen, excluded.last_seen),
                total_time_connected = u.total_time_connected
                    + COALESCE(u.session_last_seen - u.current_session_start, 0),
                current_session_start = excluded.current_session_start,
                session_last_seen = excluded.session_last_seen"
        );

        const LEAVE: &str = concat!(
            "UPDATE user_stats SET
                last_seen = ", $greatest, "(last_seen, $2),
                total_time_connected = total_time_connected + ", $greatest, "($2 - current_session_start, 0),
                current_session_start = NULL,
                session_last_seen = NULL
            WHERE username = $1 AND current_session_start IS NOT NULL"
        );

        const KEEP_COUNT: &str =
            "INSERT INTO user_count_history (timestamp, chat_users, connected_users) VALUES ($1, $2, $3)";

        const RAISE_PEAKS: &str = concat!(
            "UPDATE channel_stats SET
                max_users = ", $greatest, "(max_users, $2),
                max_users_timestamp = CASE WHEN $2 > max_users THEN $1 ELSE max_users_timestamp END,
                max_connected = ", $greatest, "(max_connected, $3),
                max_connected_timestamp = CASE WHEN $3 > max_connected THEN $1 ELSE max_connected_timestamp END,
                last_updated = ", $greatest, "(COALESCE(last_updated, $1), $1)
            WHERE id = 1"
        );

        const TOP: &str = "SELECT username, total_chat_lines FROM user_stats WHERE total_chat_lines > 0
            ORDER BY total_chat_lines DESC, username LIMIT $1";

        const RECENT: &str = "SELECT id, timestamp, username, message FROM recent_chat
            ORDER BY timestamp DESC, id DESC LIMIT $1";

        const STATS: &str = "SELECT username, first_seen, last_seen, total_chat_lines, total_time_connected,
                current_session_start, session_last_seen
            FROM user_stats WHERE username = $1";

        const ENQUEUE: &str = "INSERT INTO outbound_messages (timestamp, message, due_at) VALUES ($1, $2, $1)";

        const CLAIM: &str = concat!(
            "UPDATE outbound_messages SET lease_until = $2, lease_token = lease_token + 1
            WHERE id = (
                SELECT id FROM outbound_messages WHERE due_at <= $1 AND (lease_until IS NULL OR lease_until <= $1)
                ORDER BY due_at, id LIMIT 1", $lock, "
            )
            RETURNING id, lease_token, message"
        );

        const SENT: &str = "UPDATE outbound_messages
            SET state = 'sent', sent = TRUE, sent_timestamp = $1, due_at = NULL, lease_until = NULL
            WHERE id = $2 AND lease_token = $3";
    };
}

pub(super) use statements;
