//! The database goes away, and comes back.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;
use tracing::{info, warn};

use super::{Access, Answer, Call, Layer};
use crate::error::{ErrorKind, Result, StoreError};
use crate::model::Backend;

/// Says once when the database goes away, with the error, and once when it is back, after how long and how many failed
/// attempts: one line each, whatever the number of calls.
///
/// One attempt that fails may have had bad luck: a server that is there ends a connection, too. The database is away if
/// one that began after it fails as well, with none answered in between.
///
/// A database that refuses for long what it is asked, because its disk is full for instance, is not away. It is back when
/// it answers as much as it was asked when it was not there: one that is locked may be read, and one that takes nothing
/// may say that it is well, and neither is to be said to go and come at every call.
///
/// It belongs within [`Retry`](super::Retry), because a call that is retried until it succeeds has seen an outage too.
#[derive(Debug)]
pub struct Outage {
    backend: Backend,
    /// How often the database went from one state to the next, which tells its [`State`]. Only an attempt that began since
    /// then makes it go on: an answer from before the outage does not end it, nor do failures that came together begin it.
    edges: AtomicU64,
    failures: Mutex<Failures>,
}

/// How the database is, as far as is known. From `Here` it goes to `Doubtful`, and from there to `Away` or back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Here,
    Doubtful,
    Away,
}

/// The attempts that failed since the database was here.
#[derive(Debug)]
struct Failures {
    since: Instant,
    count: u64,
    /// The weight of the weightiest call that failed.
    weight: u8,
}

impl Outage {
    /// Watches over a database of `backend`.
    #[must_use]
    pub fn new(backend: Backend) -> Self {
        let failures = Mutex::new(Failures { since: Instant::now(), count: 0, weight: 0 });
        Self { backend, edges: AtomicU64::new(0), failures }
    }

    /// An attempt that began after so many edges could not reach the database.
    fn failed(&self, edges: u64, weight: u8, error: &StoreError) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.edges.load(Ordering::Relaxed);
        match State::after(now) {
            State::Here if now == edges => {
                *failures = Failures { since: Instant::now(), count: 1, weight };
                self.edges.store(now + 1, Ordering::Release);
                return;
            }
            State::Here => return,
            State::Doubtful if now == edges => {
                self.edges.store(now + 1, Ordering::Release);
                warn!(backend = self.backend.as_str(), %error, "the database is away");
            }
            State::Doubtful | State::Away => {}
        }
        failures.count += 1;
        failures.weight = failures.weight.max(weight);
    }

    /// An attempt that began after so many edges, while the database was not here, was answered.
    fn answered(&self, edges: u64, weight: u8) {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if self.edges.load(Ordering::Relaxed) != edges || weight < failures.weight {
            return;
        }
        let (after, failed) = (failures.since.elapsed(), failures.count);
        let state = State::after(edges);
        self.edges.store(edges + state.edges_to_here(), Ordering::Release);
        drop(failures);
        if state == State::Away {
            info!(backend = self.backend.as_str(), ?after, failed, "the database is back");
        }
    }
}

impl State {
    fn after(edges: u64) -> Self {
        match edges % 3 {
            0 => Self::Here,
            1 => Self::Doubtful,
            _ => Self::Away,
        }
    }

    fn edges_to_here(self) -> u64 {
        match self {
            Self::Here => 0,
            Self::Doubtful => 2,
            Self::Away => 1,
        }
    }
}

impl Layer for Outage {
    async fn around<T, F>(&self, call: Call, attempt: impl Fn() -> F + Send + Sync) -> Result<T>
    where
        T: Answer,
        F: Future<Output = Result<T>> + Send,
    {
        let (edges, weight) = (self.edges.load(Ordering::Acquire), weight(call.access));
        let result = attempt().await;
        match &result {
            // What waiting does not help, such as a wrong password, is no outage: somebody was there to refuse.
            Err(error) if *error.kind() == ErrorKind::Unavailable && !error.is_lasting() => {
                self.failed(edges, weight, error);
            }
            // The database looked, and said no.
            Err(error) if !matches!(error.kind(), ErrorKind::Conflict | ErrorKind::NotFound) => {}
            _ if State::after(edges) != State::Here => self.answered(edges, weight),
            _ => {}
        }
        result
    }
}

/// How much a call asks of a database.
fn weight(access: Access) -> u8 {
    match access {
        Access::Probe => 0,
        Access::Read => 1,
        Access::Write | Access::IdempotentWrite => 2,
    }
}

#[cfg(test)]
mod tests;
