//! A store with a spool, in front of a database that goes away and comes back.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use botstore_core::layers::{Answer, Call, Layer, Layered};
use botstore_core::settings::SpoolSettings;
use botstore_core::url::{SqliteUrl, Synchronous};
use botstore_core::{ErrorKind, Result, StoreError};
use botstore_spool::Spool;
use botstore_sqlite::SqliteStore;

/// Where everything is that outlives a process.
pub(crate) struct Place(PathBuf);

impl Place {
    pub(crate) fn new(directory: &Path) -> Self {
        Self(directory.to_owned())
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.0
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.0.join("bot.db")
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.0.join("bot.spool")
    }

    /// What was acknowledged, and begun.
    pub(crate) fn diary(&self) -> PathBuf {
        self.0.join("diary")
    }
}

/// How the database is.
#[derive(Debug, Default)]
pub(crate) struct Weather(AtomicU8);

const FAIR: u8 = 0;
const AWAY: u8 = 1;
const SWALLOWS: u8 = 2;

impl Weather {
    pub(crate) fn is_fair(&self) {
        self.0.store(FAIR, Ordering::Relaxed);
    }

    /// Nobody reaches it.
    pub(crate) fn is_away(&self) {
        self.0.store(AWAY, Ordering::Relaxed);
    }

    /// It does what it is told, and nobody hears of it.
    pub(crate) fn swallows(&self) {
        self.0.store(SWALLOWS, Ordering::Relaxed);
    }
}

impl Layer for Weather {
    async fn around<T, F>(&self, call: Call, attempt: impl Fn() -> F + Send + Sync) -> Result<T>
    where
        T: Answer,
        F: Future<Output = Result<T>> + Send,
    {
        let operation = call.operation.name();
        match self.0.load(Ordering::Relaxed) {
            AWAY => Err(StoreError::new(ErrorKind::Unavailable, operation, "cut")),
            SWALLOWS if operation == "record" => {
                attempt().await?;
                Err(StoreError::new(ErrorKind::Indeterminate, operation, "cut"))
            }
            _ => attempt().await,
        }
    }
}

pub(crate) async fn open(place: &Place, weather: &Arc<Weather>) -> Result<Layered<Spool>> {
    let mut url = SqliteUrl::file(place.database());
    // Processes die here, not machines.
    url.synchronous = Synchronous::Normal;
    let inner: Arc<dyn botstore_core::BotStore> =
        Arc::new(Layered::new(Arc::new(SqliteStore::open(&url, true).await?), Arc::clone(weather)));
    let spool = Spool::open(SpoolSettings::at(place.journal()), Arc::clone(&inner)).await?;
    Ok(Layered::new(inner, spool))
}
