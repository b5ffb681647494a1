//! How a store is.

use std::fmt;
use std::time::Duration;

use super::Timestamp;
use super::text::text_type;

/// Which database holds the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Backend {
    /// SQLite, in a file or in memory.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

impl Backend {
    /// `sqlite` or `postgresql`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgresql",
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

text_type! {
    /// Which database it is, wherever it stands: random, made with its schema, kept by its backups and its standbys.
    DatabaseId, "database_id", 1..=64, NoControls
}

/// How a store is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// Which kind of database.
    pub backend: Backend,
    /// What the database says of itself; or, of a store with a spool, since when it is away.
    pub database: std::result::Result<DatabaseHealth, Away>,
    /// What waits until the database is back; none for a store without a spool.
    pub spool: Option<SpoolHealth>,
}

impl Health {
    /// A report of a database that answered, made by an adapter.
    #[must_use]
    pub fn new(backend: Backend, database: DatabaseHealth) -> Self {
        Self { backend, database: Ok(database), spool: None }
    }

    /// A report of a database that is away, made by a layer.
    #[must_use]
    pub fn away(backend: Backend, away: Away) -> Self {
        Self { backend, database: Err(away), spool: None }
    }
}

/// What a database says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseHealth {
    /// Which one it is.
    pub id: DatabaseId,
    /// The database engine's version, as it states it.
    pub engine_version: String,
    /// The number of the newest migration that the database has.
    pub schema_version: i32,
    /// How long the question took, there and back.
    pub latency: Duration,
    /// The connections.
    pub pool: PoolHealth,
    /// Why it takes no writes, as far as it says so: it is a standby, for instance. None if it takes them.
    pub read_only: Option<String>,
    /// Settings of the connections that are not as they were asked for, each in a few words such as `jit is on, not off`.
    pub differences: Vec<String>,
}

/// A database that cannot be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Away {
    /// Since when, by the system's clock.
    pub since: Timestamp,
    /// The last error.
    pub error: String,
}

/// What a spool holds: events that were acknowledged and are not in the database yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SpoolHealth {
    /// Events that wait.
    pub events: u64,
    /// How many bytes they take.
    pub bytes: u64,
    /// When the oldest of them arrived, by the system's clock; none if none waits.
    pub oldest: Option<Timestamp>,
    /// Events that were given up to make room, since the journal was made, kept aside or not.
    pub dropped: u64,
    /// Events that are kept aside: the database did not take them, because some of their source are missing; or they could
    /// not be read.
    pub rejected: u64,
    /// Why the last attempt to write them into the database failed, since the last that did not.
    pub error: Option<String>,
}

/// The state of a pool of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolHealth {
    /// The most connections that may be open.
    pub max: usize,
    /// Connections that are open.
    pub open: usize,
    /// Open connections that nobody uses.
    pub idle: usize,
    /// Callers who wait for one.
    pub waiting: usize,
}
