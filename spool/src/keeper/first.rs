//! The first answer of a database, which may have to bring its schema up to date before: that takes as long as it takes, and
//! is not begun anew because somebody does not wait for it any longer.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use botstore_core::Result;
use botstore_core::model::Health;
use botstore_core::store::BotStore;
use tokio::sync::Mutex;

type Answer = Pin<Box<dyn Future<Output = Result<Health>> + Send>>;

/// A question that goes on while nobody waits for its answer, as far as it got.
#[derive(Default)]
pub(super) struct First(Mutex<Option<Answer>>);

impl First {
    /// Asks, or goes on waiting for the answer to what was asked before.
    pub(super) async fn answer(&self, store: &Arc<dyn BotStore>) -> Result<Health> {
        let mut asked = self.0.lock().await;
        let answer = asked.get_or_insert_with(|| {
            let store = Arc::clone(store);
            Box::pin(async move { store.health().await })
        });
        let answer = answer.await;
        *asked = None;
        answer
    }

    /// Does not wait any longer: nothing of the store is in use by this any more.
    pub(super) async fn end(&self) {
        *self.0.lock().await = None;
    }
}

impl fmt::Debug for First {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("First")
    }
}

#[cfg(test)]
mod tests;
