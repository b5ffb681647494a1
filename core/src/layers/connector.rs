//! The way to a store that may not be there yet.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::OnceCell;

use crate::error::{Result, StoreError};
use crate::model::Backend;
use crate::store::BotStore;

/// What layers stand around: a store that is open, or one that is opened when it is first wanted, and again at each
/// further call until that succeeds.
///
/// Its clones lead to the same store.
#[derive(Clone)]
pub struct Connector(Arc<Inner>);

struct Inner {
    backend: Backend,
    store: OnceCell<Arc<dyn BotStore>>,
    /// None if the store was there from the start.
    connect: Option<Box<Connect>>,
    closed: AtomicBool,
}

/// Opens a store.
type Connect = dyn Fn() -> Pin<Box<dyn Future<Output = Result<Arc<dyn BotStore>>> + Send>> + Send + Sync;

impl Connector {
    /// The way to a store of `backend`, which `connect` opens. Of callers who want it at once, one opens it.
    pub fn new<F>(backend: Backend, connect: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Arc<dyn BotStore>>> + Send + 'static,
    {
        let connect: Box<Connect> = Box::new(move || Box::pin(connect()));
        Self::with(backend, OnceCell::new(), Some(connect))
    }

    fn with(backend: Backend, store: OnceCell<Arc<dyn BotStore>>, connect: Option<Box<Connect>>) -> Self {
        Self(Arc::new(Inner { backend, store, connect, closed: AtomicBool::new(false) }))
    }

    /// The store, opened if it is not yet.
    ///
    /// # Errors
    ///
    /// Those of opening, and [`Closed`](crate::ErrorKind::Closed) of `operation`, if it was closed before it was opened.
    pub async fn store(&self, operation: &'static str) -> Result<&dyn BotStore> {
        if let Some(store) = self.0.store.get() {
            return Ok(&**store);
        }
        let store = self.0.store.get_or_try_init(|| async {
            match &self.0.connect {
                Some(connect) if !self.0.closed.load(Ordering::Acquire) => connect().await,
                _ => Err(StoreError::closed(operation)),
            }
        });
        store.await.map(|store| &**store)
    }

    pub(super) fn backend(&self) -> Backend {
        self.0.backend
    }

    pub(super) async fn close(&self) -> Result<()> {
        self.0.closed.store(true, Ordering::Release);
        // Opening cannot begin any more; if it is under way, this waits for its end.
        match self.0.store.get_or_try_init(|| async { Err(StoreError::closed("close")) }).await {
            Ok(store) => store.close().await,
            Err(_) => Ok(()),
        }
    }
}

impl From<Arc<dyn BotStore>> for Connector {
    fn from(store: Arc<dyn BotStore>) -> Self {
        Self::with(store.backend(), OnceCell::from(store), None)
    }
}

impl<S: BotStore + 'static> From<Arc<S>> for Connector {
    fn from(store: Arc<S>) -> Self {
        let store: Arc<dyn BotStore> = store;
        store.into()
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("store", &self.0.store.get()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
