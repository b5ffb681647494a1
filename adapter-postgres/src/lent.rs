//! A connection that is lent for one statement, and the end of a statement whose answer nobody waits for any more.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::pool::{Object, Pool};

/// How long a statement that nobody waits for may go on before the server is asked to stop it. Most are done by then.
const GRACE: Duration = Duration::from_millis(20);
/// When the server is asked again: a request that comes before its statement stops nothing.
const AGAIN: Duration = Duration::from_secs(1);
/// How long all that may take.
const LIMIT: Duration = Duration::from_secs(5);
/// Whoever had no answer for so long may have nobody on the other side.
const SILENCE: Duration = Duration::from_secs(5);

/// A connection that goes back to the pool only after an answer. Without one, because it took too long or because nobody
/// waits for it any more, its statement may still be under way: the server is asked to stop it, and then the connection
/// is closed. It counts as lent until then, so that the server never works for more than the pool may have. After a long
/// silence the idle ones go with it, for they may have become as dead.
pub(crate) struct Lent {
    client: Option<Object>,
    since: Instant,
    pool: Pool,
    runtime: Handle,
    endings: Endings,
}

/// Statements that are being stopped.
#[derive(Debug, Clone)]
pub(crate) struct Endings(Arc<Semaphore>);

impl Lent {
    pub(crate) fn new(client: Object, pool: &Pool, endings: &Endings) -> Self {
        Self {
            client: Some(client),
            since: Instant::now(),
            pool: pool.clone(),
            runtime: Handle::current(),
            endings: endings.clone(),
        }
    }

    #[expect(clippy::expect_used, reason = "it is taken only by the functions that end this value")]
    pub(crate) fn client(&self) -> &Object {
        self.client.as_ref().expect("a connection until the end")
    }

    /// Gives the connection back to the pool.
    pub(crate) fn give_back(mut self) {
        self.client.take();
    }

    /// Closes the connection, on which nothing is under way.
    pub(crate) fn close(mut self) {
        drop(Doomed(self.client.take()));
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            if self.since.elapsed() >= SILENCE {
                self.pool.forget_idle();
            }
            let (doomed, ending) = (Doomed(Some(client)), self.endings.begin());
            self.runtime.spawn(async move {
                doomed.stop().await;
                drop((doomed, ending));
            });
        }
    }
}

impl Endings {
    /// More than there are connections.
    const MOST: u32 = 1 << 20;

    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(Self::MOST as usize)))
    }

    fn begin(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0).try_acquire_owned().ok()
    }

    /// Waits for those that are under way.
    pub(crate) async fn wait(&self) {
        let _all = self.0.acquire_many(Self::MOST).await;
    }
}

/// A connection that does not go back to the pool.
struct Doomed(Option<Object>);

impl Doomed {
    /// Has the server stop what it does for this connection, and waits until it has. The connection stays open
    /// meanwhile: a pooler finds the server by it.
    async fn stop(&self) {
        let Some(client) = &self.0 else { return };
        let stopped = async {
            // Answered only after what was sent before.
            let mut idle = pin!(client.batch_execute(""));
            if timeout(GRACE, &mut idle).await.is_ok() {
                return;
            }
            loop {
                let (_, stopped) = tokio::join!(client.cancel(), timeout(AGAIN, &mut idle));
                if stopped.is_ok() {
                    return;
                }
            }
        };
        if timeout(LIMIT, stopped).await.is_err() {
            tracing::debug!("a statement for which nobody waits was not stopped within {LIMIT:?}");
        }
    }
}

impl Drop for Doomed {
    fn drop(&mut self) {
        if let Some(client) = self.0.take() {
            drop(Object::take(client));
        }
    }
}
