//! Stores with a spool, whose journal is in a directory of its own.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use botstore::layers::{Answer, Call, Layer, Layered, Observe, Retry, Stack};
use botstore::model::{Batch, Recorded, SpoolHealth};
use botstore::settings::SpoolSettings;
use botstore::spool::Spool;
use botstore::store::BotStore;
use botstore::{ErrorKind, Result, StoreError};
use futures::future::BoxFuture;
use tempfile::TempDir;

use crate::secrets;
use crate::unreliable::policy;

/// A store as a bot that records opens it: retries, a spool around them, and what watches each call.
///
/// Its journal is never used, for its database is never away.
pub fn idle(store: Box<dyn BotStore>) -> BoxFuture<'static, Arc<dyn BotStore>> {
    Box::pin(async {
        let store = secrets::searched(store);
        let (spool, directory) = spool(&store).await;
        let attempts = Stack(spool, Stack(Retry::new(policy()), directory));
        let store: Arc<dyn BotStore> =
            Arc::new(Layered::new(store.clone(), Stack(observe(&store), attempts)));
        store
    })
}

/// The same, but the database refuses every third batch that has no cursor, which so goes by way of the journal. The
/// caller waits until it has arrived. Nobody should notice.
pub fn busy(store: Box<dyn BotStore>) -> BoxFuture<'static, Arc<dyn BotStore>> {
    Box::pin(async {
        let store = secrets::searched(store);
        let (spool, directory) = spool(&store).await;
        let layers = Stack(spool, Stack(Refusing::default(), directory));
        let spooled: Arc<dyn BotStore> = Arc::new(Layered::new(store.clone(), layers));
        // While the breaker is open, others are refused what does not go into the journal.
        let around = Stack(Retry::new(policy()), Arriving(Arc::clone(&spooled)));
        let store: Arc<dyn BotStore> = Arc::new(Layered::new(spooled, Stack(observe(&store), around)));
        store
    })
}

fn observe(store: &Arc<dyn BotStore>) -> Observe {
    Observe::new(store.backend(), None)
}

/// A spool for the database that `store` leads to, and the directory of its journal.
async fn spool(store: &Arc<dyn BotStore>) -> (Spool, Directory) {
    let directory = tempfile::Builder::new().prefix("botstore-").tempdir().unwrap();
    let settings = SpoolSettings::at(directory.path().join("journal"));
    (Spool::open(settings, Arc::clone(store)).await.unwrap(), Directory { _directory: directory })
}

/// Does nothing, and keeps a directory as long as its store.
#[derive(Debug)]
struct Directory {
    _directory: TempDir,
}

impl Layer for Directory {
    async fn around<T, F>(&self, _: Call, attempt: impl Fn() -> F + Send + Sync) -> Result<T>
    where
        T: Answer,
        F: Future<Output = Result<T>> + Send,
    {
        attempt().await
    }
}

/// Refuses every third batch that has no cursor. What comes out of a journal has one.
#[derive(Debug, Default)]
struct Refusing {
    batches: AtomicU64,
}

impl Layer for Refusing {
    async fn around<T, F>(&self, _: Call, attempt: impl Fn() -> F + Send + Sync) -> Result<T>
    where
        T: Answer,
        F: Future<Output = Result<T>> + Send,
    {
        attempt().await
    }

    async fn record<F>(
        &self,
        call: Call,
        batch: &Batch,
        attempt: impl Fn() -> F + Send + Sync,
    ) -> Result<Recorded>
    where
        F: Future<Output = Result<Recorded>> + Send,
    {
        if batch.cursor().is_none() && self.batches.fetch_add(1, Ordering::Relaxed).is_multiple_of(3) {
            return Err(StoreError::new(ErrorKind::Unavailable, call.operation.name(), "on purpose"));
        }
        attempt().await
    }
}

/// Waits until what was recorded is in the database.
#[derive(Debug)]
struct Arriving(Arc<dyn BotStore>);

impl Arriving {
    /// What waits; none once the store is closed.
    async fn spool(&self) -> Option<SpoolHealth> {
        self.0.health().await.ok()?.spool
    }
}

impl Layer for Arriving {
    async fn around<T, F>(&self, _: Call, attempt: impl Fn() -> F + Send + Sync) -> Result<T>
    where
        T: Answer,
        F: Future<Output = Result<T>> + Send,
    {
        attempt().await
    }

    async fn record<F>(&self, _: Call, _: &Batch, attempt: impl Fn() -> F + Send + Sync) -> Result<Recorded>
    where
        F: Future<Output = Result<Recorded>> + Send,
    {
        let mut recorded = attempt().await?;
        if recorded.spooled == 0 {
            return Ok(recorded);
        }
        // A store that is closed meanwhile has written it.
        while let Some(SpoolHealth { events: 1.., .. }) = self.spool().await {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        recorded.applied += std::mem::take(&mut recorded.spooled);
        Ok(recorded)
    }
}
