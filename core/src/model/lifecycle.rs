//! How a store is.

use std::fmt;
use std::time::Duration;

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

/// What a store says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// Which database.
    pub backend: Backend,
    /// The database engine's version, as it states it.
    pub engine_version: String,
    /// The number of the newest migration that the database has.
    pub schema_version: i32,
    /// How long the question took, there and back.
    pub latency: Duration,
    /// The connections.
    pub pool: PoolHealth,
}

impl Health {
    /// A report, made by an adapter.
    #[must_use]
    pub fn new(
        backend: Backend,
        engine_version: String,
        schema_version: i32,
        latency: Duration,
        pool: PoolHealth,
    ) -> Self {
        Self { backend, engine_version, schema_version, latency, pool }
    }
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
