//! The data: what row number i of each table is, in SQL that both databases understand.
//!
//! The data is the same each time and on both. Users are called user0, user1 and so on; moments are spread evenly over [`SPAN`] seconds up to [`END`].

use botstore::model::TokenSecret;

/// The moment at which everything is looked at, in Unix seconds.
pub(crate) const END: i64 = 1_700_000_000;

/// How long before [`END`] the oldest row was made, in seconds.
pub(crate) const SPAN: i64 = 10_000_000;

/// Among so many plugins the values are dealt out.
pub(crate) const PLUGINS: i64 = 20;

/// How many rows each table gets.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Sizes {
    /// Users; 50 of them are there now.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(i64).range(100..))]
    pub(crate) users: i64,
    /// Lines of chat.
    #[arg(long, default_value_t = 10_000_000, value_parser = clap::value_parser!(i64).range(1..))]
    pub(crate) lines: i64,
    /// Samples of the history of counts.
    #[arg(long, default_value_t = 5_000_000, value_parser = clap::value_parser!(i64).range(1..))]
    pub(crate) samples: i64,
    /// Messages of the queue, nearly all of them sent.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(i64).range(1..))]
    pub(crate) messages: i64,
    /// Messages that are due, the last of the queue.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(0..))]
    pub(crate) due: i64,
    /// Entries of the audit log.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(i64).range(1..))]
    pub(crate) actions: i64,
    /// Tokens, half of them revoked.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(i64).range(1..))]
    pub(crate) tokens: i64,
    /// Values of plugins, one in ten past its end.
    #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(i64).range(1..))]
    pub(crate) values: i64,
}

/// How a table is filled.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) rows: i64,
    /// An INSERT of one row for each `i` of `numbers`, which are from 1 on.
    pub(crate) insert: &'static str,
}

/// The parameters of every INSERT, after the first and the last number of the portion.
pub(crate) fn parameters(table: &Table, sizes: &Sizes) -> [i64; 5] {
    [table.rows, sizes.users, sizes.due, END - SPAN, SPAN]
}

/// All tables but the tokens'. In the statements $3 is the table's rows, $4 the users, $5 the due messages, $6 the first
/// moment and $7 the span.
pub(crate) fn tables(sizes: &Sizes) -> [Table; 6] {
    let table = |name, rows, insert| Table { name, rows, insert };
    [
        table("user_stats", sizes.users, USERS),
        table("recent_chat", sizes.lines, LINES),
        table("user_count_history", sizes.samples, SAMPLES),
        table("outbound_messages", sizes.messages, MESSAGES),
        table("user_actions", sizes.actions, ACTIONS),
        table("plugin_values", sizes.values, VALUES),
    ]
}

/// Few users say most: the second has said half as many lines as the first, the third a third, and so on.
const USERS: &str = "
    INSERT INTO user_stats (username, first_seen, last_seen, total_chat_lines, total_time_connected,
        current_session_start, session_last_seen)
    SELECT 'user' || (i - 1), $6 + i % 1000, $6 + $7 - i % 1000, $4 * 7 / 10 / i, i * 104729 % 1000003,
        CASE WHEN i <= 50 THEN $6 + $7 - i % 1000 END, CASE WHEN i <= 50 THEN $6 + $7 - i % 1000 END
    FROM numbers";

const LINES: &str = "
    INSERT INTO recent_chat (timestamp, username, message)
    SELECT $6 + i * $7 / $3, 'user' || (i * 7919 % $4),
        substr('It was a bright cold day in April, and the clocks were striking thirteen, all of them.', 1, CAST(20 + i % 61 AS INTEGER))
    FROM numbers";

const SAMPLES: &str = "
    INSERT INTO user_count_history (timestamp, chat_users, connected_users)
    SELECT $6 + i * $7 / $3, i * 7919 % 50, 50 + i * 104729 % 50 FROM numbers";

/// Of a thousand messages two have failed for good, one waits to be tried again, and the rest is sent.
const MESSAGES: &str = "
    INSERT INTO outbound_messages (timestamp, message, unique_key, state, sent, sent_timestamp, retry_count, due_at)
    SELECT at, 'message ' || i, CASE WHEN i % 2 = 0 THEN 'key ' || i END, state, state = 'sent',
        CASE WHEN state = 'sent' THEN at + 1 END,
        CASE state WHEN 'retrying' THEN 1 WHEN 'failed' THEN 1 WHEN 'dead' THEN 3 ELSE 0 END,
        CASE state WHEN 'queued' THEN at WHEN 'retrying' THEN $6 + $7 + 1000000 END
    FROM (
        SELECT i, $6 + i * $7 / $3 - 10 AS at,
            CASE WHEN i > $3 - $5 THEN 'queued' WHEN i % 1000 = 1 THEN 'retrying' WHEN i % 1000 = 2 THEN 'failed'
                WHEN i % 1000 = 3 THEN 'dead' ELSE 'sent' END AS state
        FROM numbers
    ) AS message";

/// A quarter is of one user, and another quarter of one kind, but none is of both.
const ACTIONS: &str = "
    INSERT INTO user_actions (timestamp, username, action_type, details)
    SELECT $6 + i * $7 / $3, CASE i % 4 WHEN 0 THEN 'user0' ELSE 'user' || (1 + i * 7919 % ($4 - 1)) END,
        CASE i % 4 WHEN 1 THEN 'ban' WHEN 2 THEN 'kick' ELSE 'command' END, 'details ' || i
    FROM numbers";

const VALUES: &str = "
    INSERT INTO plugin_values (plugin, key, value, version, expires_at)
    SELECT 'plugin' || (i % 20), 'key' || (1000000 + i), '{\"number\":' || i || '}', i,
        CASE i % 10 WHEN 0 THEN $6 + $7 - i % 1000 WHEN 1 THEN $6 + $7 + 1000000 END
    FROM numbers";

/// The moment of the revocation of token `number`; none if it is active.
pub(crate) fn revoked_at(number: i64, sizes: &Sizes) -> Option<i64> {
    (number % 2 == 0).then(|| END - SPAN + number * SPAN / sizes.tokens)
}

/// Token `number`.
pub(crate) fn token(number: i64) -> anyhow::Result<TokenSecret> {
    // Its first characters are the token's prefix, and are to be its own.
    Ok(TokenSecret::new(&format!("{number:08}-token"))?)
}
