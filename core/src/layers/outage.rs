//! The database goes away, and comes back.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;
use tracing::{info, warn};

use super::{Answer, Call, Layer};
use crate::error::{ErrorKind, Result, StoreError};
use crate::model::Backend;

/// Says once when the database goes away, with the error, and once when it is back, after how long and how many failed
/// attempts: one line each, whatever the number of calls.
///
/// It belongs within [`Retry`](super::Retry), because a call that is retried until it succeeds has seen an outage too.
#[derive(Debug)]
pub struct Outage {
    backend: Backend,
    /// Odd while the database is away. Each edge adds one, and only an attempt that began since the last edge makes the
    /// next: an answer from before the outage does not end it, and a failure during it does not begin another.
    edges: AtomicU64,
    away: Mutex<Away>,
}

#[derive(Debug)]
struct Away {
    since: Instant,
    failed: u64,
}

impl Outage {
    /// Watches over a database of `backend`.
    #[must_use]
    pub fn new(backend: Backend) -> Self {
        let away = Mutex::new(Away { since: Instant::now(), failed: 0 });
        Self { backend, edges: AtomicU64::new(0), away }
    }

    /// An attempt that began after so many edges could not reach the database.
    fn failed(&self, edges: u64, error: &StoreError) {
        let mut away = self.away.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.edges.load(Ordering::Relaxed);
        if is_away(now) {
            away.failed += 1;
        } else if now == edges {
            *away = Away { since: Instant::now(), failed: 1 };
            self.edges.store(now + 1, Ordering::Release);
            drop(away);
            warn!(backend = self.backend.as_str(), %error, "the database is away");
        }
    }

    /// An attempt that began after so many edges, while the database was away, was answered.
    fn answered(&self, edges: u64) {
        let away = self.away.lock().unwrap_or_else(PoisonError::into_inner);
        if self.edges.load(Ordering::Relaxed) != edges {
            return;
        }
        let (after, failed) = (away.since.elapsed(), away.failed);
        self.edges.store(edges + 1, Ordering::Release);
        drop(away);
        info!(backend = self.backend.as_str(), ?after, failed, "the database is back");
    }
}

impl Layer for Outage {
    async fn around<T, F>(&self, _: Call, attempt: impl Fn() -> F + Send + Sync) -> Result<T>
    where
        T: Answer,
        F: Future<Output = Result<T>> + Send,
    {
        let edges = self.edges.load(Ordering::Acquire);
        let result = attempt().await;
        match &result {
            // What waiting does not help, such as a wrong password, is no outage: somebody was there to refuse.
            Err(error) if *error.kind() == ErrorKind::Unavailable && !error.is_lasting() => {
                self.failed(edges, error);
            }
            // The database looked, and said no.
            Err(error) if !matches!(error.kind(), ErrorKind::Conflict | ErrorKind::NotFound) => {}
            _ if is_away(edges) => self.answered(edges),
            _ => {}
        }
        result
    }
}

fn is_away(edges: u64) -> bool {
    edges % 2 == 1
}

#[cfg(test)]
mod tests;
