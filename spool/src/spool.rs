//! The layer.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use botstore_core::layers::{Access, Answer, Call, Layer, RetryPolicy};
use botstore_core::model::{Batch, Health, Position, Recorded, Source};
use botstore_core::settings::SpoolSettings;
use botstore_core::store::BotStore;
use botstore_core::{ErrorKind, Result, StoreError};
use tokio::select;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::keeper::{self, Shared, is_away};
use crate::step::{Step, reached};
use crate::thread::{Clock, Journalist};

/// Keeps recording while the database is away: see the [crate](crate).
#[derive(Debug)]
pub struct Spool {
    pub(crate) shared: Arc<Shared>,
    keeper: Mutex<Option<JoinHandle<()>>>,
    close_within: Duration,
}

impl Spool {
    /// How long a call behind a spool should be tried again: long enough for a connection that broke, and no longer,
    /// for what is recorded is safe in the journal, and everybody else would rather know.
    pub const PATIENCE: Duration = Duration::from_secs(2);

    /// Opens the journal, or makes it, for the database that `store` leads to. What waits in the journal is written as
    /// soon as the database answers; if it does not answer now, that is no error.
    ///
    /// # Errors
    ///
    /// - [`Conflict`](ErrorKind::Conflict): another process has the journal, or what waits in it belongs to another
    ///   database.
    /// - [`Corrupt`](ErrorKind::Corrupt): the journal is damaged, or no journal.
    /// - [`Unavailable`](ErrorKind::Unavailable): the journal cannot be opened. Or the database cannot, and waiting does
    ///   not help; and all other errors of opening it.
    pub async fn open(settings: SpoolSettings, store: Arc<dyn BotStore>) -> Result<Self> {
        Self::open_by(Arc::new(keeper::now), settings, store).await
    }

    pub(crate) async fn open_by(
        clock: Clock,
        settings: SpoolSettings,
        store: Arc<dyn BotStore>,
    ) -> Result<Self> {
        let close_within = settings.close_within;
        let journal = Journalist::start(settings, Arc::clone(&clock)).await?;
        let shared = Arc::new(Shared::new(journal, store, clock));
        match shared.begin(Self::PATIENCE).await {
            Err(failure) if !failure.error().is_retryable() || failure.error().is_lasting() => {
                // That there is no store matters more than how the journal's end went.
                let _ = shared.journal.close().await;
                return Err(failure.into());
            }
            // A process before may have noted that it was away, and not that it is back.
            Ok(_) => shared.note(None).await,
            Err(_) => {}
        }
        shared.wake();
        let keeper = tokio::spawn(keeper::keep(Arc::clone(&shared), policy()));
        Ok(Self { shared, keeper: Mutex::new(Some(keeper)), close_within })
    }

    fn keeper(&self) -> Option<JoinHandle<()>> {
        self.keeper.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Waits for an answer. If there is none for long, the database is asked whether it is there; once it is known to be
    /// away, nobody waits for what may be sent again.
    async fn answered<T>(&self, call: Call, attempt: impl Future<Output = Result<T>>) -> Result<T> {
        let mut attempt = pin!(attempt);
        if let Ok(answer) = timeout(SILENCE, &mut attempt).await {
            return answer;
        }
        self.shared.doubt();
        let kind = match call.access {
            Access::Read => ErrorKind::Unavailable,
            Access::IdempotentWrite => ErrorKind::Indeterminate,
            Access::Probe | Access::Write => return attempt.await,
        };
        select! {
            answer = &mut attempt => answer,
            error = self.shared.breaker.given_up(kind, call.operation.name()) => Err(error),
        }
    }

    /// Takes a batch into the journal. `because` of this it did not go straight into the database.
    async fn keep(&self, batch: &Batch, because: Option<StoreError>) -> Result<Recorded> {
        self.shared.say();
        let kept = self.shared.journal.append(batch).await;
        self.shared.wake();
        kept.map_err(|error| match because {
            Some(because) => error.with_remark(format!("it was wanted because of: {because}")),
            None => error,
        })
    }
}

/// How long, at the least, a database that is there may take at the end to say what became of that which is kept aside.
const LET_GO: Duration = Duration::from_secs(1);

/// How long a call may have no answer until the database is asked whether it is there at all.
const SILENCE: Duration = Duration::from_secs(5);

/// How often a database that is away is asked.
fn policy() -> RetryPolicy {
    let mut policy = RetryPolicy::default();
    policy.first_wait = Duration::from_millis(100);
    policy.longest_wait = Duration::from_secs(4);
    policy
}

impl Layer for Spool {
    async fn around<T, F>(&self, call: Call, attempt: impl Fn() -> F + Send + Sync) -> Result<T>
    where
        T: Answer,
        F: Future<Output = Result<T>> + Send,
    {
        let operation = call.operation.name();
        if let Some(refusal) = self.shared.refusal(call) {
            return Err(refusal);
        }
        // Sessions that events in the journal open or close would be closed at the wrong moment.
        if operation == "close_sessions" && timeout(Self::PATIENCE, self.shared.settled()).await.is_err() {
            let told = "events wait in the journal, which come first";
            return Err(StoreError::new(ErrorKind::Unavailable, operation, told));
        }
        self.answered(call, attempt()).await.inspect_err(|error| match (error.kind(), call.access) {
            (_, Access::Probe) => {}
            (_, Access::Read) if is_away(error) => self.shared.away(error),
            // A database that takes nothing now may be read all the same.
            (ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::Indeterminate, _) => {
                self.shared.doubt()
            }
            _ => {}
        })
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
        if self.shared.journal.waits() {
            self.shared.give_way().await;
        }
        if self.shared.journal.waits() {
            return self.keep(batch, None).await;
        }
        match self.around(call, attempt).await {
            Err(error) if may_be_kept(&error, batch) => self.keep(batch, Some(error)).await,
            answer => answer,
        }
    }

    async fn position<F>(
        &self,
        call: Call,
        source: &Source,
        attempt: impl Fn() -> F + Send + Sync,
    ) -> Result<Option<Position>>
    where
        F: Future<Output = Result<Option<Position>>> + Send,
    {
        if !self.shared.journal.waits() {
            return self.around(call, attempt).await;
        }
        // In this order: what leaves the journal in between is in the database by then.
        let wanted = source.clone();
        let here = self.shared.journal.with("position", move |journal| journal.position(&wanted)).await?;
        match (self.around(call, attempt).await, here) {
            (Ok(there), here) => Ok(there.max(here)),
            // What waits follows whatever the database has of this source.
            (Err(error), Some(here)) if error.is_retryable() => Ok(Some(here)),
            (Err(error), _) => Err(error),
        }
    }

    async fn health<F>(&self, _: Call, attempt: impl Fn() -> F + Send + Sync) -> Result<Health>
    where
        F: Future<Output = Result<Health>> + Send,
    {
        let mut spool = self.shared.journal.with("health", |journal| journal.health()).await?;
        spool.error = self.shared.failure();
        let backend = self.shared.backend();
        let mut health = match self.shared.breaker.is_away() {
            Some(away) => Health::away(backend, away),
            None => match attempt().await {
                Ok(health) => health,
                Err(error) if is_away(&error) || *error.kind() == ErrorKind::Timeout => {
                    self.shared.away(&error);
                    // The keeper may have closed it again.
                    let Some(away) = self.shared.breaker.is_away() else { return Err(error) };
                    Health::away(backend, away)
                }
                Err(error) => return Err(error),
            },
        };
        health.spool = Some(spool);
        Ok(health)
    }

    async fn close<F>(&self, close: impl FnOnce() -> F + Send) -> Result<()>
    where
        F: Future<Output = Result<()>> + Send,
    {
        if let Some(keeper) = self.keeper() {
            keeper.abort();
            // It ends as cancelled.
            let _ = keeper.await;
        }
        if self.shared.journal.waits() {
            // What cannot be written now is written by the next that opens the journal.
            let _ = timeout(self.close_within, self.shared.attempt()).await;
        }
        if !self.shared.journal.waits() && self.shared.breaker.is_away().is_none() {
            let _ = timeout(self.close_within.max(LET_GO), self.shared.forget_aside()).await;
        }
        self.shared.forgo().await;
        let closed = close().await;
        // Whoever calls now is to hear that the store is closed.
        self.shared.end();
        reached(Step::Disconnected);
        match self.shared.journal.close().await {
            Ok(0) => {}
            Ok(events) => {
                let journal = self.shared.journal.path().display();
                tracing::warn!(events, %journal, "events wait in the journal, for whoever opens it next");
            }
            // Closing again does nothing.
            Err(error) if *error.kind() == ErrorKind::Closed => {}
            Err(error) => return closed.and(Err(error)),
        }
        closed
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        if let Some(keeper) = self.keeper() {
            keeper.abort();
        }
    }
}

/// Whether a batch may go into the journal after this: it surely was not written, or is written once in any case.
fn may_be_kept(error: &StoreError, batch: &Batch) -> bool {
    error.is_retryable() || (*error.kind() == ErrorKind::Indeterminate && batch.cursor().is_some())
}

#[cfg(test)]
mod tests;
