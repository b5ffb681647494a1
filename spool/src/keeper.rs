//! What goes on behind the calls: asking a database that is away whether it is back, and writing what waits into it.

mod drain;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use botstore_core::layers::{Access, Call, RetryPolicy};
use botstore_core::model::{Backend, Health, Timestamp};
use botstore_core::store::BotStore;
use botstore_core::{ErrorKind, Result, StoreError};
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};

use crate::breaker::Breaker;
use crate::journal::Journal;
use crate::thread::{Clock, Journalist};

/// How long a database may take to say that it is back.
const PROBE: Duration = Duration::from_secs(10);

/// How long a batch waits while the keeper writes the last of what waits.
const MOMENT: Duration = Duration::from_millis(250);

/// What calls and the keeper share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) journal: Journalist,
    /// Open while the database is away.
    pub(crate) breaker: Breaker,
    /// Open while it does not take what waits, be it away or not.
    writes: Breaker,
    /// The way to the database that no breaker is in.
    store: Arc<dyn BotStore>,
    clock: Wall,
    /// There is something to do.
    work: Notify,
    /// Whether the database answers and nothing waits.
    settled: watch::Sender<bool>,
    /// Whether the keeper writes the last of what waits.
    ending: watch::Sender<bool>,
    /// Why what waits could not be written, the last time.
    failed: Mutex<Option<String>>,
    /// Whether somebody waited for the database in vain.
    doubted: AtomicBool,
    /// Whether the database was ever reached.
    reached: AtomicBool,
    /// Whether it was said that what is recorded waits in the journal.
    said: AtomicBool,
    /// Whether it was said that the database, which is there, does not work; and the same of the journal.
    complained: [AtomicBool; 2],
}

/// Why what waits could not be written: which of the two did not do what it should.
#[derive(Debug)]
pub(crate) enum Failure {
    Database(StoreError),
    Journal(StoreError),
}

impl Failure {
    pub(crate) fn error(&self) -> &StoreError {
        let (Self::Database(error) | Self::Journal(error)) = self;
        error
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        let (Failure::Database(error) | Failure::Journal(error)) = failure;
        error
    }
}

struct Wall(Clock);

impl std::fmt::Debug for Wall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wall")
    }
}

impl Shared {
    pub(crate) fn new(journal: Journalist, store: Arc<dyn BotStore>, clock: Clock) -> Self {
        let settled = watch::Sender::new(!journal.waits());
        Self {
            journal,
            breaker: Breaker::new("the database is away"),
            writes: Breaker::new("the database takes nothing"),
            store,
            clock: Wall(clock),
            work: Notify::new(),
            settled,
            ending: watch::Sender::new(false),
            failed: Mutex::default(),
            doubted: AtomicBool::new(false),
            reached: AtomicBool::new(false),
            said: AtomicBool::new(false),
            complained: Default::default(),
        }
    }

    pub(crate) fn backend(&self) -> Backend {
        self.store.backend()
    }

    /// The error of a call for which the database need not be asked.
    pub(crate) fn refusal(&self, call: Call) -> Option<StoreError> {
        let operation = call.operation.name();
        let writes = matches!(call.access, Access::Write | Access::IdempotentWrite);
        let refusal = || self.writes.refusal(operation).filter(|_| writes);
        self.breaker.refusal(operation).or_else(refusal)
    }

    /// A call found the database away.
    pub(crate) fn away(&self, error: &StoreError) {
        self.breaker.open(error, (self.clock.0)());
        self.wake();
    }

    /// A call waited for the database in vain: perhaps it is away.
    pub(crate) fn doubt(&self) {
        self.doubted.store(true, Ordering::Relaxed);
        self.wake();
    }

    /// Something waits, or the database is away.
    pub(crate) fn wake(&self) {
        // Nobody is to wait for a store that is closed.
        self.settled.send_modify(|settled| *settled = self.breaker.has_ended());
        self.work.notify_one();
    }

    /// Something is about to wait in the journal.
    pub(crate) fn say(&self) {
        if !self.said.swap(true, Ordering::Relaxed) {
            let journal = self.journal.path().display();
            tracing::warn!(%journal, "what is recorded waits in the journal, until the database is back");
        }
    }

    /// There is nothing more to do, unless something came up.
    fn settle(&self) {
        // What comes up is seen here, or [`wake`](Self::wake) takes this back.
        self.settled.send_modify(|settled| *settled = !self.has_work());
    }

    /// Nothing is going to be done any more: lets go of whoever waits.
    pub(crate) fn end(&self) {
        self.breaker.end();
        self.writes.end();
        self.ending.send_replace(false);
        self.settled.send_replace(true);
    }

    /// Waits until the database answers and nothing waits for it.
    pub(crate) async fn settled(&self) {
        // It fails only if the sender is gone, which is here.
        let _ = self.settled.subscribe().wait_for(|&settled| settled).await;
    }

    /// Waits a moment if the last of what waits is being written. If somebody always records something, the journal would
    /// never be empty else.
    pub(crate) async fn give_way(&self) {
        let mut ending = self.ending.subscribe();
        // If it takes longer, or failed, the journal has room.
        let _ = timeout(MOMENT, ending.wait_for(|&ending| !ending)).await;
    }

    /// Why what waits could not be written, the last time.
    pub(crate) fn failure(&self) -> Option<String> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether there is anything to do.
    fn has_work(&self) -> bool {
        self.breaker.is_away().is_some() || self.journal.waits() || self.doubted.load(Ordering::Relaxed)
    }

    /// Asks the database whether it is there, and writes what waits into it.
    pub(crate) async fn attempt(&self) -> Result<(), Failure> {
        let outcome = self.attempted().await;
        self.complain(outcome.as_ref().err());
        let error = outcome.as_ref().err().map(|failure| failure.error().to_string());
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&error);
        self.note(error).await;
        outcome
    }

    async fn attempted(&self) -> Result<(), Failure> {
        self.reach().await?;
        let drained = self.drain().await;
        self.ending.send_replace(false);
        self.answered(&drained);
        drained
    }

    /// A database may say that it is well, and yet take nothing.
    fn answered<T>(&self, outcome: &Result<T, Failure>) {
        match outcome {
            Ok(_) => self.writes.close(),
            Err(Failure::Database(error)) => self.writes.open(error, (self.clock.0)()),
            Err(Failure::Journal(_)) => {}
        }
    }

    /// Says once that the database does not work though it is not away, of which others tell; or that the journal does not.
    fn complain(&self, failure: Option<&Failure>) {
        let [of_database, of_journal] = &self.complained;
        match failure {
            None => self.complained.iter().for_each(|complained| complained.store(false, Ordering::Relaxed)),
            Some(Failure::Database(error)) => {
                if !is_away(error) && !of_database.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%error, "the database does not work");
                }
            }
            Some(Failure::Journal(error)) => {
                if !of_journal.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%error, "what waits in the journal stays there");
                }
            }
        }
    }

    /// Does something with the journal, to write what waits in it.
    async fn with_journal<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Journal) -> Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        self.journal.with("spool", work).await.flatten().map_err(Failure::Journal)
    }

    /// Asks the database whether it is there, and whether it is the one that the journal belongs to.
    pub(crate) async fn reach(&self) -> Result<(), Failure> {
        self.doubted.store(false, Ordering::Relaxed);
        let asked = self.ask().await.inspect_err(|error| self.breaker.open(error, (self.clock.0)()));
        let health = asked.map_err(Failure::Database)?;
        self.breaker.close();
        self.reached.store(true, Ordering::Relaxed);
        match health.database {
            Ok(database) => self.with_journal(move |journal| journal.bind(&database.id)).await,
            Err(away) => {
                let error = StoreError::new(ErrorKind::Unavailable, "health", away.error);
                Err(Failure::Database(error))
            }
        }
    }

    async fn ask(&self) -> Result<Health> {
        let health = self.store.health();
        // The first time the schema may have to be brought up to date, which takes as long as it takes.
        if !self.reached.load(Ordering::Relaxed) {
            return health.await;
        }
        timeout(PROBE, health).await.unwrap_or_else(|_| {
            let told = format!("the database did not answer within {PROBE:?}");
            Err(StoreError::new(ErrorKind::Unavailable, "health", told))
        })
    }

    /// Notes in the journal, for other processes, since when the database is away, and why. A journal that cannot be
    /// written tells whoever records something.
    pub(crate) async fn note(&self, error: Option<String>) {
        let since = self.breaker.is_away().map_or_else(|| (self.clock.0)(), |away| away.since);
        let noted =
            self.with_journal(move |journal| journal.note(error.as_deref().map(|error| (since, error))));
        if let Err(failure) = noted.await {
            tracing::debug!(error = %failure.error(), "the journal cannot be written");
        }
    }
}

/// Sees to it that a database that is away is asked again, and that what waits is written, until it is aborted.
pub(crate) async fn keep(shared: Arc<Shared>, policy: RetryPolicy) {
    loop {
        shared.work.notified().await;
        let mut attempts = 0;
        while shared.has_work() && shared.attempt().await.is_err() {
            attempts += 1;
            sleep(policy.wait_after(attempts)).await;
        }
        shared.settle();
        // Somebody may have found the database away, or recorded something, in between.
        if shared.has_work() {
            shared.wake();
        }
    }
}

/// Whether an error means that the database is away, and may be back by itself.
pub(crate) fn is_away(error: &StoreError) -> bool {
    *error.kind() == ErrorKind::Unavailable && !error.is_lasting()
}

/// What time it is.
pub(crate) fn now() -> Timestamp {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let seconds = now.ok().and_then(|now| i64::try_from(now.as_secs()).ok());
    seconds.and_then(|seconds| Timestamp::new(seconds).ok()).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests;
