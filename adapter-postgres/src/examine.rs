//! Looking how a database is.

mod bloat;
mod clock;
mod columns;
mod indexes;
mod integrity;
mod objects;
mod rights;
mod rows;
mod sequences;
mod singles;
mod upkeep;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use botstore_core::clock::SystemClock;
use botstore_core::model::{Aspect, DatabaseHealth, Depth, Finding};
use botstore_core::settings::PostgresSettings;
use botstore_core::url::PostgresUrl;
use botstore_core::{Examine, Result};
use botstore_migrations::postgres as migrations;

use crate::client::{Connections, Intent, Params};
use crate::lifecycle;
use crate::rights::{HISTORY, Hidden};
use crate::row::Columns as _;

/// The operation, as errors name it.
const OPERATION: &str = "examine";

/// Looks how a database on a server is.
pub struct PostgresExaminer {
    connections: Connections,
    /// What the role does not see.
    hidden: Option<Hidden>,
}

impl PostgresExaminer {
    /// Connects to the database at `url`. Its schema may be any.
    ///
    /// # Errors
    ///
    /// As [`PostgresStore::open`](crate::PostgresStore::open), but no version is refused.
    pub async fn open(url: &PostgresUrl, settings: &PostgresSettings) -> Result<Self> {
        let connections = Connections::new(url, settings, Arc::new(SystemClock))?;
        let (_, hidden) = connections.look(OPERATION).await?;
        Ok(Self { connections, hidden })
    }

    async fn rows(&self, sql: &str, params: Params<'_>) -> Result<Vec<tokio_postgres::Row>> {
        self.connections.send(OPERATION, Intent::Read, sql, params).await
    }

    /// Whether there is a schema of ours, in whatever version.
    async fn has_schema(&self) -> Result<bool> {
        let there = "SELECT to_regclass($1) IS NOT NULL AS there";
        let rows = self.rows(there, &[&HISTORY]).await?;
        rows.first().map_or(Ok(false), |row| row.raw("there"))
    }

    /// Whether the schema is the one that this program knows.
    async fn is_current(&self) -> Result<bool> {
        let client = self.connections.get(OPERATION).await?;
        let status = migrations::status(&client).await;
        Ok(status.map_err(|error| self.connections.migration_error(OPERATION, error))?.is_current())
    }
}

#[async_trait]
impl Examine for PostgresExaminer {
    async fn health(&self) -> Result<DatabaseHealth> {
        let client = self.connections.get("health").await?;
        let checked = migrations::check(&client).await;
        checked.map_err(|error| self.connections.migration_error("health", error))?;
        drop(client);
        lifecycle::health(&self.connections).await
    }

    async fn examine(&self, aspect: Aspect, depth: Depth) -> Result<Option<Finding>> {
        match aspect {
            Aspect::Permissions | Aspect::Bloat | Aspect::Upkeep if !self.has_schema().await? => Ok(None),
            Aspect::Permissions => rights::rights(self).await.map(Some),
            Aspect::Objects | Aspect::Sequences | Aspect::Rows if self.hidden.is_some() => {
                let found = "cannot be looked at: row-level security may hide rows";
                Ok(Some(Finding::failed(aspect.as_str(), found, "see to the permissions first")))
            }
            Aspect::Objects if self.is_current().await? => objects::objects(self).await.map(Some),
            Aspect::Sequences if self.is_current().await? => sequences::sequences(self).await.map(Some),
            Aspect::Integrity => integrity::integrity(self, depth).await.map(Some),
            Aspect::Rows if depth == Depth::Deep && self.is_current().await? => {
                rows::rows(self).await.map(Some)
            }
            Aspect::Bloat => bloat::bloat(self).await.map(Some),
            Aspect::Upkeep => upkeep::upkeep(self).await.map(Some),
            Aspect::Wraparound => upkeep::wraparound(self).await.map(Some),
            Aspect::Size => upkeep::size(self).await.map(Some),
            Aspect::Clock => clock::clock(self).await.map(Some),
            _ => Ok(None),
        }
    }
}

impl fmt::Debug for PostgresExaminer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresExaminer({})", self.connections.shown)
    }
}
