//! What goes on behind the calls: asking a database that is away whether it is back, and writing what waits into it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use botstore_core::layers::RetryPolicy;
use botstore_core::model::{Backend, Batch, Health, Position, Timestamp};
use botstore_core::store::BotStore;
use botstore_core::{ErrorKind, Result, StoreError};
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};

use crate::breaker::Breaker;
use crate::journal::Portion;
use crate::step::{Step, reached};
use crate::thread::{Clock, Journalist};

/// How long a database may take to say that it is back.
const PROBE: Duration = Duration::from_secs(10);

/// What calls and the keeper share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) journal: Journalist,
    pub(crate) breaker: Breaker,
    /// The way to the database that no breaker is in.
    store: Arc<dyn BotStore>,
    clock: Wall,
    /// There is something to do.
    work: Notify,
    /// Whether the database answers and nothing waits.
    settled: watch::Sender<bool>,
    /// Why what waits could not be written, the last time.
    failed: Mutex<Option<String>>,
    /// Whether the database is to be asked if it is there.
    doubted: AtomicBool,
    /// Whether the database was ever reached.
    reached: AtomicBool,
    /// Whether it was said that what is recorded waits in the journal.
    said: AtomicBool,
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
            breaker: Breaker::default(),
            store,
            clock: Wall(clock),
            work: Notify::new(),
            settled,
            failed: Mutex::default(),
            doubted: AtomicBool::new(false),
            reached: AtomicBool::new(false),
            said: AtomicBool::new(false),
        }
    }

    pub(crate) fn backend(&self) -> Backend {
        self.store.backend()
    }

    /// A call found the database away.
    pub(crate) fn away(&self, error: &StoreError) {
        self.breaker.open(error, (self.clock.0)());
        self.wake();
    }

    /// A call has no answer for long: the database may be away, or slow.
    pub(crate) fn doubt(&self) {
        self.doubted.store(true, Ordering::Relaxed);
        self.work.notify_one();
    }

    /// Something waits, or the database is away.
    pub(crate) fn wake(&self) {
        self.settled.send_replace(false);
        self.work.notify_one();
    }

    /// Something is about to wait in the journal.
    pub(crate) fn say(&self) {
        if !self.said.swap(true, Ordering::Relaxed) {
            let journal = self.journal.path().display();
            tracing::warn!(%journal, "what is recorded waits in the journal, until the database is back");
        }
    }

    /// There is nothing more to do.
    pub(crate) fn settle(&self) {
        self.settled.send_replace(true);
    }

    /// Waits until the database answers and nothing waits for it.
    pub(crate) async fn settled(&self) {
        // It fails only if the sender is gone, which is here.
        let _ = self.settled.subscribe().wait_for(|&settled| settled).await;
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
    pub(crate) async fn attempt(&self) -> Result<()> {
        let outcome = self.attempted().await;
        let error = outcome.as_ref().err().map(ToString::to_string);
        let before = {
            let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *failed, error.clone())
        };
        if before.is_some() != error.is_some() {
            self.note(error).await;
        }
        outcome
    }

    async fn attempted(&self) -> Result<()> {
        self.doubted.store(false, Ordering::Relaxed);
        self.reach().await?;
        self.drain().await.inspect_err(|error| {
            if is_away(error) {
                self.away(error);
            }
        })
    }

    /// Asks the database whether it is there, and whether it is the one that the journal belongs to.
    pub(crate) async fn reach(&self) -> Result<()> {
        let health = self.ask().await.inspect_err(|error| self.breaker.open(error, (self.clock.0)()))?;
        self.breaker.close();
        self.reached.store(true, Ordering::Relaxed);
        match health.database {
            Ok(database) => self.journal.with("health", move |journal| journal.bind(&database.id)).await?,
            Err(away) => Err(StoreError::new(ErrorKind::Unavailable, "health", away.error)),
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
    async fn note(&self, error: Option<String>) {
        let since = self.breaker.is_away().map_or_else(|| (self.clock.0)(), |away| away.since);
        let noted = self
            .journal
            .with("spool", move |journal| journal.note(error.as_deref().map(|error| (since, error))));
        if let Ok(Err(error)) | Err(error) = noted.await {
            tracing::debug!(%error, "the journal cannot be written");
        }
    }

    /// Writes what waits into the database, until nothing does.
    async fn drain(&self) -> Result<()> {
        let mut written = 0;
        loop {
            let next = self.journal.with("spool", |journal| journal.next()).await??;
            match next {
                Some(portion) => written += self.write(portion).await?,
                None if self.journal.settle().await? => break,
                None => {}
            }
        }
        if written > 0 {
            let journal = self.journal.path().display();
            tracing::info!(events = written, %journal, "what waited for the database is in it");
        }
        self.said.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Writes the oldest events into the database, and takes them out of the journal; says how many it were.
    async fn write(&self, portion: Portion) -> Result<usize> {
        let count = portion.events.len();
        let recorded = match self.batch(&portion).await? {
            Some(batch) => self.store.record(&batch).await.map(drop),
            None => Ok(()),
        };
        reached(Step::Recorded);
        match recorded {
            Ok(()) => {
                self.journal.with("spool", move |journal| journal.remove(&portion)).await??;
                Ok(count)
            }
            // Nobody can make up for what is missing, and what follows should not wait for ever.
            Err(error) if *error.kind() == ErrorKind::Conflict => {
                let (source, events) = (portion.source.as_str(), portion.events.len());
                tracing::warn!(source, events, %error, "the database does not take events, they are kept aside");
                let reason = error.to_string();
                self.journal.with("spool", move |journal| journal.reject(&portion, &reason)).await??;
                Ok(0)
            }
            Err(error) => Err(error),
        }
    }

    /// What is left to write of a portion; none if all of it is in the database.
    async fn batch(&self, portion: &Portion) -> Result<Option<Batch>> {
        let (after, first) = match portion.after {
            Some(after) => (after, 0),
            None => {
                let stands = self.store.position(&portion.source).await?.unwrap_or(Position::START);
                (stands, portion.events.partition_point(|(place, _)| *place <= stands))
            }
        };
        let events = portion.events[first..].to_vec();
        if events.is_empty() {
            return Ok(None);
        }
        Ok(Some(Batch::with_cursor(portion.source.clone(), after, events)?))
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
