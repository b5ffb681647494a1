//! Databases as the Python bot made them, with a few rows of everything.

use std::path::Path;

use rusqlite::Connection;

/// Tokens, in the order of the rows: active, revoked, active.
pub(super) const TOKENS: [&str; 3] = [
    "kDfEoUvS2b1cVq0Xw7mPz3yRtGhJkLnBaSdFgHjKlQw",
    "Zx9CvBnM8aSdFgHjKlQwErTyUiOp1234567890abcde",
    "pLoKmIjNuHbYgVtFcRdXeSzWaQ0987654321zyxwvut",
];

/// The tables of the sqlite3 layer.
const V05: &str = "
CREATE TABLE user_stats (
    username TEXT PRIMARY KEY, first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL,
    total_chat_lines INTEGER DEFAULT 0, total_time_connected INTEGER DEFAULT 0, current_session_start INTEGER
);
CREATE TABLE user_actions (
    id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp INTEGER NOT NULL, username TEXT NOT NULL,
    action_type TEXT NOT NULL, details TEXT
);
CREATE TABLE channel_stats (
    id INTEGER PRIMARY KEY CHECK (id = 1), max_users INTEGER DEFAULT 0, max_users_timestamp INTEGER,
    max_connected INTEGER DEFAULT 0, max_connected_timestamp INTEGER, last_updated INTEGER
);
CREATE TABLE user_count_history (
    id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp INTEGER NOT NULL, chat_users INTEGER NOT NULL,
    connected_users INTEGER NOT NULL
);
CREATE TABLE recent_chat (
    id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp INTEGER NOT NULL, username TEXT NOT NULL, message TEXT NOT NULL
);
CREATE TABLE current_status (
    id INTEGER PRIMARY KEY CHECK (id = 1), bot_name TEXT, bot_rank REAL, bot_afk INTEGER DEFAULT 0,
    channel_name TEXT, current_chat_users INTEGER DEFAULT 0, current_connected_users INTEGER DEFAULT 0,
    playlist_items INTEGER DEFAULT 0, current_media_title TEXT, current_media_duration INTEGER,
    bot_start_time INTEGER, bot_connected INTEGER DEFAULT 0, last_updated INTEGER
);
CREATE TABLE outbound_messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp INTEGER NOT NULL, message TEXT NOT NULL, sent INTEGER DEFAULT 0,
    sent_timestamp INTEGER, retry_count INTEGER DEFAULT 0, last_error TEXT
);
CREATE TABLE api_tokens (
    token TEXT PRIMARY KEY, description TEXT, created_at INTEGER NOT NULL, last_used INTEGER,
    revoked INTEGER DEFAULT 0
);
CREATE INDEX idx_user_count_timestamp ON user_count_history (timestamp);
CREATE INDEX idx_recent_chat_timestamp ON recent_chat (timestamp DESC);
CREATE INDEX idx_outbound_sent ON outbound_messages (sent, timestamp);
CREATE INDEX idx_api_tokens_revoked ON api_tokens (revoked, token);";

/// The tables of the SQLAlchemy layer; `ID` and `FLAG` stand for what the two databases call those types.
const V06: &str = "
CREATE TABLE user_stats (
    username VARCHAR(50) NOT NULL PRIMARY KEY, first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL,
    total_chat_lines INTEGER DEFAULT '0' NOT NULL CONSTRAINT check_positive_lines CHECK (total_chat_lines >= 0),
    total_time_connected INTEGER DEFAULT '0' NOT NULL CONSTRAINT check_positive_time CHECK (total_time_connected >= 0),
    current_session_start INTEGER
);
CREATE TABLE user_actions (
    id ID, timestamp INTEGER NOT NULL, username VARCHAR(50) NOT NULL, action_type VARCHAR(50) NOT NULL, details TEXT
);
CREATE TABLE channel_stats (
    id ID CHECK (id = 1), max_users INTEGER DEFAULT '0' NOT NULL, max_users_timestamp INTEGER,
    max_connected INTEGER, max_connected_timestamp INTEGER, last_updated INTEGER NOT NULL
);
CREATE TABLE user_count_history (
    id ID, timestamp INTEGER NOT NULL, chat_users INTEGER NOT NULL, connected_users INTEGER NOT NULL,
    CONSTRAINT check_connected_ge_chat CHECK (connected_users >= chat_users)
);
CREATE TABLE recent_chat (
    id ID, timestamp INTEGER NOT NULL, username VARCHAR(50) NOT NULL, message TEXT NOT NULL
);
CREATE TABLE current_status (
    id ID CHECK (id = 1), last_updated INTEGER NOT NULL, status VARCHAR(50) DEFAULT 'offline' NOT NULL,
    bot_name VARCHAR(50), bot_rank INTEGER, bot_afk BOOLEAN, channel_name VARCHAR(100),
    current_users INTEGER DEFAULT '0' NOT NULL, connected_users INTEGER DEFAULT '0' NOT NULL,
    current_chat_users INTEGER, current_connected_users INTEGER, playlist_items INTEGER, current_media_title TEXT,
    current_media_duration INTEGER, bot_start_time INTEGER, bot_connected BOOLEAN
);
CREATE TABLE outbound_messages (
    id ID, timestamp INTEGER NOT NULL, sent_timestamp INTEGER, message TEXT NOT NULL, sent BOOLEAN DEFAULT FLAG NOT NULL,
    retry_count INTEGER DEFAULT '0' NOT NULL, error_message TEXT
);
CREATE TABLE api_tokens (
    id ID, token VARCHAR(255) NOT NULL, name VARCHAR(100), description TEXT, permissions TEXT,
    created_at INTEGER NOT NULL, last_used INTEGER, is_active BOOLEAN DEFAULT TRUE NOT NULL
);
CREATE UNIQUE INDEX ix_api_tokens_token ON api_tokens (token);
CREATE INDEX idx_last_seen ON user_stats (last_seen);";

/// Rows that both layouts hold alike.
const COMMON: &str = "
INSERT INTO user_stats VALUES ('ada', 1000, 5000, 3, 100, NULL);
INSERT INTO user_stats VALUES ('bob', 1000, 1600, 2, 50, 1000);
INSERT INTO user_stats VALUES ('Bob', 2000, 2500, 0, 0, 2600);
INSERT INTO user_actions VALUES (7, 1500, 'ada', 'pm_command', 'cmd=stats');
INSERT INTO user_actions VALUES (9, 1501, 'bob', 'kick', NULL);
INSERT INTO channel_stats VALUES (1, 4, 1600, 5, 1700, 1800);
INSERT INTO user_count_history VALUES (1, 1000, 0, 0);
INSERT INTO user_count_history VALUES (2, 1300, 4, 5);
INSERT INTO recent_chat VALUES (41, 1000, 'ada', 'hello');
INSERT INTO recent_chat VALUES (42, 1001, 'bob', 'héllo ☕');";

/// Messages in every state: sent, never tried, to be tried again, dead, refused, sent at the second attempt.
fn messages(columns: &str, yes: &str, no: &str) -> String {
    let rows = [
        (1, yes, "1001", 0, "NULL"),
        (2, no, "NULL", 0, "NULL"),
        (3, no, "NULL", 2, "'muted'"),
        (4, no, "NULL", 3, "'muted'"),
        (5, yes, "1000", 1, "'permission denied'"),
        (6, yes, "1120", 1, "'muted'"),
    ];
    let row = |(id, sent, sent_at, tries, error)| {
        format!(
            "INSERT INTO outbound_messages (id, timestamp, message, sent, sent_timestamp, retry_count, {columns}) \
             VALUES ({id}, 1000, 'message {id}', {sent}, {sent_at}, {tries}, {error});\n"
        )
    };
    rows.map(row).concat()
}

/// A file of the sqlite3 layer.
pub(super) fn v05(path: &Path) -> Connection {
    let [first, second, third] = TOKENS;
    let connection = Connection::open(path).unwrap();
    let rows = format!(
        "{COMMON}{}
        INSERT INTO current_status VALUES (1, 'Rosey', 2.5, 0, 'film', 4, 5, 17, 'Plan 9', 4740, 900, 1, 1900);
        INSERT INTO api_tokens VALUES ('{first}', 'web', 1000, 1900, 0);
        INSERT INTO api_tokens VALUES ('{second}', '', 1000, 1500, 1);
        INSERT INTO api_tokens VALUES ('{third}', NULL, 1100, NULL, 0);
        UPDATE sqlite_sequence SET seq = 99 WHERE name = 'user_actions';",
        messages("last_error", "1", "0")
    );
    connection.execute_batch(V05).unwrap();
    connection.execute_batch(&rows).unwrap();
    connection
}

/// Statements that make a database of the SQLAlchemy layer; on PostgreSQL with its own types.
pub(super) fn v06(is_postgres: bool) -> String {
    let [first, second, third] = TOKENS;
    let (id, flag) =
        if is_postgres { ("SERIAL PRIMARY KEY", "false") } else { ("INTEGER NOT NULL PRIMARY KEY", "'0'") };
    let tables = V06.replace(" ID", &format!(" {id}")).replace("FLAG", flag);
    format!(
        "{tables}{COMMON}{}
        INSERT INTO current_status VALUES
            (1, 1900, 'online', 'Rosey', 3, false, 'film', 0, 0, 4, 5, 17, 'Plan 9', 4740, 900, true);
        INSERT INTO api_tokens VALUES (3, '{first}', NULL, 'web', 'read', 1000, 1900, true);
        INSERT INTO api_tokens VALUES (5, '{second}', 'mod', '', NULL, 1000, NULL, false);
        INSERT INTO api_tokens VALUES (6, '{third}', NULL, NULL, NULL, 1100, NULL, true);",
        messages("error_message", "true", "false")
    )
}
