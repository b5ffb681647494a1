//! From open to closed.

use std::time::Instant;

use async_trait::async_trait;
use botstore_core::model::{Backend, DatabaseHealth, DatabaseId, Health};
use botstore_core::{Lifecycle, Result};

use crate::client::Intent;
use crate::open::PostgresStore;
use crate::row::Columns;
#[cfg(test)]
use crate::testing::Access;

const HEALTH: &str = "
    SELECT database_id, current_setting('server_version') AS engine_version,
        (SELECT max(version) FROM refinery_schema_history) AS schema_version
    FROM database_identity";

#[async_trait]
impl Lifecycle for PostgresStore {
    fn backend(&self) -> Backend {
        Backend::Postgres
    }

    async fn health(&self) -> Result<Health> {
        let asked = Instant::now();
        let row = self.row("health", Intent::Read, HEALTH, &[]).await?;
        let latency = asked.elapsed();
        let mut pool = self.connections.pool.health();
        pool.waiting += self.group.waiting();
        let database = DatabaseHealth {
            id: row.value("database_id", |id: &str| DatabaseId::new(id))?,
            engine_version: row.raw("engine_version")?,
            schema_version: row.raw("schema_version")?,
            latency,
            pool,
        };
        Ok(Health::new(Backend::Postgres, database))
    }

    async fn close(&self) -> Result<()> {
        self.closing.send_replace(true);
        // An error means that the gate is closed: somebody else has closed the store.
        if let Ok(_all) = self.gate.acquire_many(Self::MAX_CALLS).await {
            self.gate.close();
            self.keeper.stop();
            self.connections.pool.close();
            // The process may be about to end, and nobody would stop them then.
            self.connections.endings.wait().await;
        }
        Ok(())
    }
}

/// How the statements find their rows.
#[cfg(test)]
pub(crate) const PLANS: &[(&str, Access)] = &[(HEALTH, Access::Index)];
