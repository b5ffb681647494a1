//! What all libraries ask of an engine alike.

use std::time::Duration;

/// The most connections to PostgreSQL, as many as the other contestants' pools have.
pub(crate) const POSTGRES_CONNECTIONS: u32 = 20;

/// How long an SQLite connection waits for another one's lock.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a claimed message is its claimer's, in seconds.
pub(crate) const LEASE: i64 = 300;

/// What a write that an SQLite connection answered survives, in one column `durability`.
pub(crate) const SQLITE_DURABILITY: &str = "SELECT upper(journal_mode) || ', synchronous=' || \
    CASE synchronous WHEN 0 THEN 'OFF' WHEN 1 THEN 'NORMAL' WHEN 2 THEN 'FULL' ELSE 'EXTRA' END AS durability \
    FROM pragma_journal_mode, pragma_synchronous";

/// What a write that PostgreSQL answered survives, in one column `durability`.
pub(crate) const POSTGRES_DURABILITY: &str = "SELECT 'fsync=' || current_setting('fsync') || \
    ', synchronous_commit=' || current_setting('synchronous_commit') AS durability";
