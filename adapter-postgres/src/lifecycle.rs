//! From open to closed.

use std::time::Instant;

use async_trait::async_trait;
use botstore_core::model::{Backend, DatabaseHealth, DatabaseId, Health};
use botstore_core::{ErrorKind, Lifecycle, Result, StoreError};

use crate::client::{Connections, Intent};
use crate::open::PostgresStore;
use crate::row::Columns;
#[cfg(test)]
use crate::testing::Access;

const HEALTH: &str = "
    SELECT database_id, current_setting('server_version') AS engine_version,
        (SELECT max(version) FROM refinery_schema_history) AS schema_version,
        pg_is_in_recovery() AS standby, current_setting('transaction_read_only')::boolean AS read_only,
        current_setting('jit') AS jit,
        (extract(epoch FROM current_setting('statement_timeout')::interval) * 1000)::bigint AS statement_timeout
    FROM database_identity";

#[async_trait]
impl Lifecycle for PostgresStore {
    fn backend(&self) -> Backend {
        Backend::Postgres
    }

    async fn health(&self) -> Result<Health> {
        let _call = self.enter("health").await?;
        let mut database = health(&self.connections).await?;
        database.pool.waiting += self.group.waiting();
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

/// How the database of these connections is.
pub(crate) async fn health(connections: &Connections) -> Result<DatabaseHealth> {
    let asked = Instant::now();
    let row = connections.send("health", Intent::Read, HEALTH, &[]).await?.pop();
    let latency = asked.elapsed();
    let row = row.ok_or_else(|| {
        let text = "the row of database_identity is gone; `rosey doctor` says what makes it again";
        StoreError::new(ErrorKind::Corrupt, "health", text)
    })?;
    Ok(DatabaseHealth {
        id: row.value("database_id", |id: &str| DatabaseId::new(id))?,
        engine_version: row.raw("engine_version")?,
        schema_version: row.raw("schema_version")?,
        latency,
        pool: connections.pool.health(),
        read_only: read_only(row.raw("standby")?, row.raw("read_only")?),
        differences: connections.session.differences(row.raw("jit")?, row.raw("statement_timeout")?),
    })
}

/// Why a server takes no writes.
fn read_only(standby: bool, read_only: bool) -> Option<String> {
    let why = match (standby, read_only) {
        (true, _) => "the server is a standby",
        (false, true) => "default_transaction_read_only is on",
        (false, false) => return None,
    };
    Some(why.to_owned())
}

/// How the statements find their rows.
#[cfg(test)]
pub(crate) const PLANS: &[(&str, Access)] = &[(HEALTH, Access::Index)];
