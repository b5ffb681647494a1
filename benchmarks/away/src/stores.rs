//! The stores that are measured.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use botstore::settings::SpoolSettings;
use botstore::{BotStore, Config};
use tempfile::TempDir;

/// A database that is away: nobody listens at this port, so connections are refused at once.
const AWAY: &str = "postgresql://rosey@127.0.0.1:1/rosey";

/// More than any run writes, in bytes.
const ROOM: u64 = 1 << 40;

/// A directory for a database and a journal, which goes when this is dropped.
pub(crate) struct Ground(TempDir);

impl Ground {
    pub(crate) fn new(place: &Path) -> anyhow::Result<Self> {
        Ok(Self(tempfile::Builder::new().prefix("botstore-away-").tempdir_in(std::path::absolute(place)?)?))
    }

    /// An SQLite store in a file, empty if it is the first.
    pub(crate) async fn sqlite(&self) -> anyhow::Result<Arc<dyn BotStore>> {
        let file = self.0.path().join("lines.db");
        let url = format!("sqlite:///{}", file.to_str().context("--directory is no UTF-8")?);
        Ok(botstore::open(&Config::new(url.parse()?)).await?.into())
    }

    /// A store with a journal, whose database is away and known to be so.
    pub(crate) async fn away(&self) -> anyhow::Result<Arc<dyn BotStore>> {
        let mut spool = SpoolSettings::at(self.0.path().join("journal"));
        spool.max_bytes = ROOM;
        spool.close_within = Duration::ZERO;
        let mut config = Config::new(AWAY.parse()?);
        config.spool = Some(spool);
        Ok(botstore::open(&config).await?.into())
    }

    /// The version of SQLite, as it says itself.
    pub(crate) async fn sqlite_version(&self) -> anyhow::Result<String> {
        let store = self.sqlite().await?;
        let health = store.health().await?.database.map_err(|away| anyhow::anyhow!(away.error))?;
        store.close().await?;
        Ok(health.engine_version)
    }
}
