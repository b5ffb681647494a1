//! The connections that read.

use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use botstore_core::model::PoolHealth;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::connection;
use crate::error::Fault;

/// A few read-only connections, each lent to one caller at a time.
pub(crate) struct Readers {
    idle: Arc<Idle>,
    permits: Arc<Semaphore>,
    size: usize,
    waiting: AtomicUsize,
}

impl Readers {
    /// Opens the connections to the database at `path`: as many as the machine runs at once, but two to four.
    pub(crate) fn open(path: &Path) -> Result<Self, Fault> {
        let size = std::thread::available_parallelism().map_or(2, NonZero::get).clamp(2, 4);
        let idle: Vec<_> = (0..size).map(|_| connection::reader(path)).collect::<Result<_, _>>()?;
        Ok(Self {
            idle: Arc::new(Idle(Mutex::new(idle))),
            permits: Arc::new(Semaphore::new(size)),
            size,
            waiting: AtomicUsize::new(0),
        })
    }

    /// Runs `work` on a connection, on a thread that may block; `None` if the connections were closed.
    ///
    /// The connection comes back from that thread, so a caller that is dropped meanwhile takes none away.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Option<Result<T, Fault>> {
        let permit = {
            let _waiting = Waiting::new(&self.waiting);
            Arc::clone(&self.permits).acquire_owned().await.ok()?
        };
        let idle = Arc::clone(&self.idle);
        let reading = tokio::task::spawn_blocking(move || {
            let connection = idle.lock().pop()?;
            let outcome = catch_unwind(AssertUnwindSafe(|| work(&connection)));
            idle.lock().push(connection);
            drop(permit);
            Some(outcome.unwrap_or_else(|_| Err(Fault::abandoned())))
        });
        reading.await.unwrap_or_else(|_| Some(Err(Fault::abandoned())))
    }

    pub(crate) fn health(&self) -> PoolHealth {
        PoolHealth {
            max: self.size,
            open: self.size,
            idle: self.idle.lock().len(),
            waiting: self.waiting.load(Ordering::Relaxed),
        }
    }

    /// Waits until nobody reads, then closes the connections. Closing again does nothing.
    pub(crate) async fn close(&self) {
        let all = u32::try_from(self.size).unwrap_or(u32::MAX);
        if let Ok(_all) = self.permits.acquire_many(all).await {
            self.permits.close();
            self.idle.lock().clear();
        }
    }
}

/// The connections that nobody uses: at least as many as there are permits.
struct Idle(Mutex<Vec<Connection>>);

impl Idle {
    fn lock(&self) -> MutexGuard<'_, Vec<Connection>> {
        // Nothing that could panic is done under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts its caller among those who wait, until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
