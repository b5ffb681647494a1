-- The eight tables of the Python bot's database layer, with its names and columns as of v0.6, and the columns that
-- sessions, the queue's leases and the tokens' hashes need besides. Seconds are Unix seconds.

CREATE TABLE user_stats (
    username TEXT NOT NULL PRIMARY KEY,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    total_chat_lines INTEGER NOT NULL DEFAULT 0 CHECK (total_chat_lines >= 0),
    total_time_connected INTEGER NOT NULL DEFAULT 0 CHECK (total_time_connected >= 0),
    current_session_start INTEGER,
    session_last_seen INTEGER,
    CHECK ((current_session_start IS NULL) = (session_last_seen IS NULL))
) STRICT, WITHOUT ROWID;

-- Top chatters, in their order.
CREATE INDEX user_stats_by_lines ON user_stats (total_chat_lines DESC, username) WHERE total_chat_lines > 0;

CREATE TABLE user_actions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    timestamp INTEGER NOT NULL,
    username TEXT NOT NULL,
    action_type TEXT NOT NULL,
    details TEXT
) STRICT;

CREATE INDEX user_actions_by_time ON user_actions (timestamp);
CREATE INDEX user_actions_by_user ON user_actions (username, timestamp);
CREATE INDEX user_actions_by_type ON user_actions (action_type, timestamp);

CREATE TABLE channel_stats (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    max_users INTEGER NOT NULL DEFAULT 0 CHECK (max_users >= 0),
    max_users_timestamp INTEGER,
    max_connected INTEGER NOT NULL DEFAULT 0 CHECK (max_connected >= 0),
    max_connected_timestamp INTEGER,
    last_updated INTEGER,
    CHECK ((max_users = 0) = (max_users_timestamp IS NULL)),
    CHECK ((max_connected = 0) = (max_connected_timestamp IS NULL))
) STRICT;

INSERT INTO channel_stats (id) VALUES (1);

CREATE TABLE user_count_history (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    timestamp INTEGER NOT NULL,
    chat_users INTEGER NOT NULL CHECK (chat_users >= 0),
    connected_users INTEGER NOT NULL,
    CHECK (connected_users >= chat_users)
) STRICT;

CREATE INDEX user_count_history_by_time ON user_count_history (timestamp);

CREATE TABLE recent_chat (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    timestamp INTEGER NOT NULL,
    username TEXT NOT NULL,
    message TEXT NOT NULL
) STRICT;

CREATE INDEX recent_chat_by_time ON recent_chat (timestamp);

CREATE TABLE current_status (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    last_updated INTEGER,
    status TEXT NOT NULL DEFAULT 'offline',
    bot_name TEXT,
    bot_rank REAL,
    bot_afk INTEGER CHECK (bot_afk IN (0, 1)),
    channel_name TEXT,
    current_users INTEGER NOT NULL DEFAULT 0 CHECK (current_users >= 0),
    connected_users INTEGER NOT NULL DEFAULT 0 CHECK (connected_users >= 0),
    current_chat_users INTEGER,
    current_connected_users INTEGER,
    playlist_items INTEGER,
    current_media_title TEXT,
    current_media_duration INTEGER,
    bot_start_time INTEGER,
    bot_connected INTEGER CHECK (bot_connected IN (0, 1))
) STRICT;

INSERT INTO current_status (id) VALUES (1);

CREATE TABLE outbound_messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    timestamp INTEGER NOT NULL,
    sent_timestamp INTEGER,
    message TEXT NOT NULL,
    sent INTEGER NOT NULL DEFAULT 0 CHECK (sent IN (0, 1)),
    retry_count INTEGER NOT NULL DEFAULT 0 CHECK (retry_count >= 0),
    error_message TEXT,
    unique_key TEXT UNIQUE,
    state TEXT NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'retrying', 'sent', 'failed', 'dead')),
    max_attempts INTEGER NOT NULL DEFAULT 3,
    due_at INTEGER,
    lease_until INTEGER,
    lease_token INTEGER NOT NULL DEFAULT 0,
    CHECK (sent = (state = 'sent')),
    CHECK (sent = (sent_timestamp IS NOT NULL)),
    CHECK ((due_at IS NOT NULL) = (state IN ('queued', 'retrying')))
) STRICT;

-- What waits to be sent, in the order in which it is.
CREATE INDEX outbound_messages_due ON outbound_messages (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX outbound_messages_by_state ON outbound_messages (state);
CREATE INDEX outbound_messages_by_sent ON outbound_messages (sent_timestamp) WHERE sent_timestamp IS NOT NULL;

CREATE TABLE api_tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    token_hash BLOB NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    token_prefix TEXT NOT NULL,
    name TEXT,
    description TEXT,
    permissions TEXT,
    created_at INTEGER NOT NULL,
    last_used INTEGER,
    is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
    revoked_at INTEGER,
    CHECK (is_active = (revoked_at IS NULL))
) STRICT;

CREATE INDEX api_tokens_by_prefix ON api_tokens (token_prefix);
CREATE INDEX api_tokens_by_revocation ON api_tokens (revoked_at) WHERE revoked_at IS NOT NULL;
