//! A layer that fails on purpose, as networks and servers do by accident.

use std::future::{Future, ready};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use botstore::layers::{Access, Answer, Call, Layer, Layered, Retry, RetryPolicy};
use botstore::store::BotStore;
use botstore::{ErrorKind, Result, StoreError};
use fastrand::Rng;
use futures::future::BoxFuture;

use crate::secrets;

/// How likely each fault is, from 0 to 1.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    /// The call is refused before it happens: `Unavailable`.
    pub refused: f64,
    /// It happens, but its answer is lost: `Indeterminate` if it writes, `Unavailable` if it reads.
    pub lost: f64,
    /// It happens up to 2 ms later.
    pub delayed: f64,
}

/// Fails calls, by a fixed seed. `health` is left alone: it is never tried again.
#[derive(Debug)]
pub struct Unreliable {
    faults: Faults,
    random: Mutex<Rng>,
    count: Arc<Count>,
}

/// How many calls failed.
#[derive(Debug, Default)]
pub struct Count {
    refused: AtomicU64,
    lost: AtomicU64,
}

impl Count {
    /// Calls that were refused.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Calls that happened and whose answer was lost.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

impl Unreliable {
    /// Fails calls as likely as `faults` says.
    #[must_use]
    pub fn new(seed: u64, faults: Faults) -> Self {
        Self { faults, random: Mutex::new(Rng::with_seed(seed)), count: Arc::default() }
    }

    /// How many calls have failed so far, and from now on.
    #[must_use]
    pub fn count(&self) -> Arc<Count> {
        Arc::clone(&self.count)
    }

    /// Whether the call is refused, whether its answer is lost, and how late it is.
    fn draw(&self) -> (bool, bool, Option<Duration>) {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = random.f64() < self.faults.refused;
        let lost = random.f64() < self.faults.lost;
        let delayed = random.f64() < self.faults.delayed;
        (refused, lost, delayed.then(|| Duration::from_micros(random.u64(..2_000))))
    }
}

impl Layer for Unreliable {
    async fn around<T, F>(&self, call: Call, attempt: impl Fn() -> F + Send + Sync) -> Result<T>
    where
        T: Answer,
        F: Future<Output = Result<T>> + Send,
    {
        if call.access == Access::Probe {
            return attempt().await;
        }
        let (refused, lost, delay) = self.draw();
        if let Some(delay) = delay {
            tokio::time::sleep(delay).await;
        }
        let failed = |kind| StoreError::new(kind, call.operation.name(), "on purpose");
        if refused {
            self.count.refused.fetch_add(1, Ordering::Relaxed);
            return Err(failed(ErrorKind::Unavailable));
        }
        let answer = attempt().await?;
        if lost {
            self.count.lost.fetch_add(1, Ordering::Relaxed);
            let reads = call.access == Access::Read;
            return Err(failed(if reads { ErrorKind::Unavailable } else { ErrorKind::Indeterminate }));
        }
        Ok(answer)
    }
}

/// How calls are tried again in cases: as in earnest, but the waits are short.
#[must_use]
pub fn policy() -> RetryPolicy {
    let mut policy = RetryPolicy::default();
    policy.first_wait = Duration::from_millis(1);
    policy.longest_wait = Duration::from_millis(8);
    policy
}

/// A store on which every fifth call is refused and many are late, behind retries: nobody should notice.
///
/// No answers are lost, for it is no fault that the one to the second attempt is another: skipped in place of applied.
pub fn retried(store: Box<dyn BotStore>) -> BoxFuture<'static, Arc<dyn BotStore>> {
    let faults = Faults { refused: 0.2, lost: 0.0, delayed: 0.2 };
    let unreliable = Layered::new(secrets::searched(store), Unreliable::new(7, faults));
    let retried: Arc<dyn BotStore> = Arc::new(Layered::new(Arc::new(unreliable), Retry::new(policy())));
    Box::pin(ready(retried))
}
