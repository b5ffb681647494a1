use std::time::Instant;

use async_trait::async_trait;
use botstore_core::model::{Backend, DatabaseHealth, DatabaseId, Health};
use botstore_core::{Lifecycle, Result};
use rusqlite::Connection;

use crate::SqliteStore;
use crate::error::Fault;
use crate::row::the_row;

#[async_trait]
impl Lifecycle for SqliteStore {
    fn backend(&self) -> Backend {
        Backend::Sqlite
    }

    async fn health(&self) -> Result<Health> {
        let asked = Instant::now();
        let (id, engine_version, schema_version) = self.read("health", identity).await?;
        let latency = asked.elapsed();
        let database = DatabaseHealth {
            id,
            engine_version,
            schema_version,
            latency,
            pool: self.pool(),
            read_only: None,
            differences: Vec::new(),
        };
        Ok(Health::new(self.backend(), database))
    }

    async fn close(&self) -> Result<()> {
        self.end().await;
        Ok(())
    }
}

const IDENTITY: &str = "
    SELECT database_id, sqlite_version(), (SELECT max(version) FROM refinery_schema_history) AS version
    FROM database_identity";

pub(crate) fn identity(connection: &Connection) -> Result<(DatabaseId, String, i32), Fault> {
    the_row(connection, "database_identity", IDENTITY, [], |row| {
        let version = i32::try_from(row.get::<i64>(2)?).map_err(|_| row.corrupt(2, "is no version"))?;
        Ok((row.get(0)?, row.get(1)?, version))
    })
}
