use std::time::Instant;

use async_trait::async_trait;
use botstore_core::model::{Backend, Health};
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
        let (engine, schema) = self.read("health", versions).await?;
        Ok(Health::new(self.backend(), engine, schema, asked.elapsed(), self.pool()))
    }

    async fn close(&self) -> Result<()> {
        self.end().await;
        Ok(())
    }
}

const VERSIONS: &str = "SELECT sqlite_version(), max(version) AS version FROM refinery_schema_history";

fn versions(connection: &Connection) -> Result<(String, i32), Fault> {
    the_row(connection, "refinery_schema_history", VERSIONS, [], |row| {
        let version = i32::try_from(row.get::<i64>(1)?).map_err(|_| row.corrupt(1, "is no version"))?;
        Ok((row.get(0)?, version))
    })
}
