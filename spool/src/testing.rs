//! What the crate's tests share.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use botstore_core::layers::{Answer, Call, Layer, Layered, Outage, Stack};
use botstore_core::model::{
    Backend, Batch, ChannelEvent, DatabaseHealth, DatabaseId, Health, MessageText, Position, RowKey, Source,
    Timestamp, Username,
};
use botstore_core::settings::SpoolSettings;
use botstore_core::store::BotStore;
use botstore_core::url::SqliteUrl;
use botstore_core::{ErrorKind, Lifecycle as _, Result, StoreError};
use botstore_sqlite::SqliteStore;
use tempfile::TempDir;
use tokio::time::sleep;
use tracing::level_filters::LevelFilter;

use crate::Spool;
use crate::keeper::Shared;
use crate::thread::Clock;

/// Moments are what tests say they are.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::new(seconds).unwrap()
}

pub(crate) fn place(place: i64) -> Position {
    Position::new(place).unwrap()
}

pub(crate) fn source(name: &str) -> Source {
    Source::new(name).unwrap()
}

/// A line of chat.
pub(crate) fn said(message: impl Into<String>) -> ChannelEvent {
    let message = MessageText::new(message.into()).unwrap();
    ChannelEvent::Chat { at: at(1), username: Username::new("ada").unwrap(), message }
}

/// What was said, of lines of chat.
pub(crate) fn words<'a>(events: impl IntoIterator<Item = &'a ChannelEvent>) -> Vec<&'a str> {
    let word = |event: &'a ChannelEvent| match event {
        ChannelEvent::Chat { message, .. } => message.as_str(),
        other => panic!("{other:?}"),
    };
    events.into_iter().map(word).collect()
}

/// A batch without a cursor.
pub(crate) fn loose(words: &[&str]) -> Batch {
    Batch::new(words.iter().map(|word| said(*word)).collect()).unwrap()
}

/// A batch of the places after `after` up to `last` of a source, where `a3` is said at the third place of `a`.
pub(crate) fn placed(name: &str, after: i64, last: i64) -> Batch {
    let events = (after + 1..=last).map(|at| (place(at), said(format!("{name}{at}")))).collect();
    Batch::with_cursor(source(name), place(after), events).unwrap()
}

pub(crate) fn kind<T>(outcome: Result<T>) -> Option<ErrorKind> {
    outcome.err().map(|error| error.kind().clone())
}

/// Settings of a journal in a directory of its own.
pub(crate) fn settings() -> (TempDir, SpoolSettings) {
    let directory = TempDir::new().unwrap();
    let settings = SpoolSettings::at(directory.path().join("bot.spool"));
    (directory, settings)
}

/// A store with a spool as it stands in a program: whoever is behind it tells of outages.
pub(crate) struct Store {
    layered: Layered<Stack<Spool, Arc<Outage>>>,
    pub(crate) shared: Arc<Shared>,
}

impl Store {
    pub(crate) async fn open(database: &Arc<Database>, settings: &SpoolSettings) -> Self {
        Self::open_by(Arc::new(|| at(1_000)), database, settings).await
    }

    pub(crate) async fn open_by(clock: Clock, database: &Arc<Database>, settings: &SpoolSettings) -> Self {
        let (inner, outage) = (database.store(), Arc::new(Outage::new(Backend::Sqlite)));
        let behind = Layered::new(Arc::clone(&inner), Arc::clone(&outage));
        let spool = Spool::open_by(clock, settings.clone(), Arc::new(behind)).await.unwrap();
        let shared = Arc::clone(&spool.shared);
        Self { layered: Layered::new(inner, Stack(spool, outage)), shared }
    }

    /// Waits until all that waited is written, and calls go straight to the database.
    pub(crate) async fn drained(&self) {
        let is_drained = async || {
            let works = self.shared.breaker.is_away().is_none() && self.shared.failure().is_none();
            works && !self.shared.journal.waits()
        };
        until(is_drained).await;
    }
}

impl Deref for Store {
    type Target = Layered<Stack<Spool, Arc<Outage>>>;

    fn deref(&self) -> &Self::Target {
        &self.layered
    }
}

/// Waits, not for ever.
pub(crate) async fn until(mut done: impl AsyncFnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !done().await {
        assert!(begun.elapsed() < Duration::from_secs(20), "it does not come to that");
        sleep(Duration::from_millis(5)).await;
    }
}

/// A database that fails as it is told, around one in memory. It is not closed with its store, and so outlives it.
#[derive(Debug)]
pub(crate) struct Database {
    /// What every call ends with.
    all: Mutex<Option<StoreError>>,
    /// What the next records end with, after they were done if it is `Indeterminate`.
    records: Mutex<VecDeque<StoreError>>,
    /// What every record ends with.
    every_record: Mutex<Option<StoreError>>,
    /// What it says of itself, at once: paused time goes on while threads work.
    health: DatabaseHealth,
    id: Mutex<Option<DatabaseId>>,
    hangs: AtomicBool,
    /// Whether records take as long as this is so.
    slow: AtomicBool,
    closed: AtomicBool,
    asked: AtomicU64,
    pub(crate) inner: Arc<SqliteStore>,
}

impl Database {
    pub(crate) async fn new() -> Arc<Self> {
        let inner = SqliteStore::open(&SqliteUrl::memory(), true).await.unwrap();
        let health = inner.health().await.unwrap().database.unwrap();
        Arc::new(Self {
            all: Mutex::default(),
            records: Mutex::default(),
            every_record: Mutex::default(),
            health,
            id: Mutex::default(),
            hangs: AtomicBool::new(false),
            slow: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            asked: AtomicU64::new(0),
            inner: Arc::new(inner),
        })
    }

    pub(crate) fn store(self: &Arc<Self>) -> Arc<dyn BotStore> {
        self.closed.store(false, Ordering::Relaxed);
        Arc::new(Layered::new(Arc::clone(&self.inner), Arc::clone(self)))
    }

    /// From now on every call fails.
    pub(crate) fn fails(&self, kind: ErrorKind) {
        *self.all.lock().unwrap() = Some(StoreError::new(kind, "test", "cut"));
    }

    /// From now on every record fails.
    pub(crate) fn takes_nothing(&self, error: StoreError) {
        *self.every_record.lock().unwrap() = Some(error);
    }

    /// The next record fails.
    pub(crate) fn fails_once(&self, kind: ErrorKind) {
        self.records.lock().unwrap().push_back(StoreError::new(kind, "record", "cut"));
    }

    /// From now on every call fails for as long as nobody does something.
    pub(crate) fn fails_for_long(&self) {
        *self.all.lock().unwrap() = Some(StoreError::new(ErrorKind::Unavailable, "test", "cut").lasting());
    }

    /// From now on nothing is answered.
    pub(crate) fn hangs(&self) {
        self.hangs.store(true, Ordering::Relaxed);
    }

    /// From now on it answers, also what it was asked before.
    pub(crate) fn speaks(&self) {
        self.hangs.store(false, Ordering::Relaxed);
    }

    /// From now on every record waits, until the database is back.
    pub(crate) fn is_slow(&self) {
        self.slow.store(true, Ordering::Relaxed);
    }

    /// From now on it answers again, and takes what it took before.
    pub(crate) fn is_asked_only(&self) {
        *self.all.lock().unwrap() = None;
    }

    pub(crate) fn is_back(&self) {
        self.is_asked_only();
        *self.every_record.lock().unwrap() = None;
        self.slow.store(false, Ordering::Relaxed);
    }

    pub(crate) fn id(&self) -> DatabaseId {
        self.health.id.clone()
    }

    pub(crate) fn is_itself(&self) {
        *self.id.lock().unwrap() = None;
    }

    pub(crate) fn is_another(&self, id: &str) {
        *self.id.lock().unwrap() = Some(DatabaseId::new(id).unwrap());
    }

    /// How many calls came here.
    pub(crate) fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    /// The lines of chat that it holds, in order.
    pub(crate) async fn words(&self) -> Vec<String> {
        use botstore_core::Chat as _;
        let lines = self.inner.chat_after(RowKey::START, botstore_core::model::Limit::MAX).await.unwrap();
        lines.into_iter().map(|line| line.message.as_str().to_owned()).collect()
    }

    async fn check(&self, operation: &'static str) -> Result<()> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        while self.hangs.load(Ordering::Relaxed) {
            sleep(Duration::from_millis(1)).await;
        }
        if self.closed.load(Ordering::Relaxed) {
            return Err(StoreError::closed(operation));
        }
        self.all.lock().unwrap().clone().map_or(Ok(()), |error| Err(error.in_operation(operation)))
    }
}

impl Layer for Database {
    async fn around<T, F>(&self, call: Call, attempt: impl Fn() -> F + Send + Sync) -> Result<T>
    where
        T: Answer,
        F: Future<Output = Result<T>> + Send,
    {
        let operation = call.operation.name();
        self.check(operation).await?;
        if operation == "record" {
            while self.slow.load(Ordering::Relaxed) {
                sleep(Duration::from_millis(1)).await;
            }
            let next = self.records.lock().unwrap().pop_front();
            if let Some(error) = next.or_else(|| self.every_record.lock().unwrap().clone()) {
                if *error.kind() == ErrorKind::Indeterminate {
                    attempt().await?;
                }
                return Err(error);
            }
        }
        attempt().await
    }

    async fn health<F>(&self, call: Call, _: impl Fn() -> F + Send + Sync) -> Result<Health>
    where
        F: Future<Output = Result<Health>> + Send,
    {
        self.check(call.operation.name()).await?;
        let id = self.id.lock().unwrap().clone().unwrap_or(self.health.id.clone());
        Ok(Health::new(Backend::Sqlite, DatabaseHealth { id, ..self.health.clone() }))
    }

    async fn close<F>(&self, _: impl FnOnce() -> F + Send) -> Result<()>
    where
        F: Future<Output = Result<()>> + Send,
    {
        self.closed.store(true, Ordering::Relaxed);
        Ok(())
    }
}

thread_local! {
    static WRITTEN: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The lines that this thread logs from its beginning on.
///
/// One subscriber serves all tests: of one that is a thread's own, others that log first would decide what it sees.
pub(crate) struct Log;

struct Writer;

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        WRITTEN.with_borrow_mut(|written| written.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    pub(crate) fn begin() -> Self {
        static SUBSCRIBER: Once = Once::new();
        SUBSCRIBER.call_once(|| {
            tracing_subscriber::fmt()
                .with_max_level(LevelFilter::INFO)
                .with_writer(|| Writer)
                .with_ansi(false)
                .without_time()
                .init();
        });
        WRITTEN.take();
        Self
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        let text = WRITTEN.with_borrow(|written| String::from_utf8(written.clone()).unwrap());
        text.lines().map(|line| line.trim().to_owned()).collect()
    }
}
