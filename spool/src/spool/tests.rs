use std::sync::atomic::{AtomicI64, Ordering};

use botstore_core::layers::{Connector, Layered};
use botstore_core::model::{CloseSessions, Limit};
use botstore_core::{Chat as _, Ingest as _, Lifecycle as _, Users as _};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::*;
use crate::look;
use crate::testing::{Database, Store, at, kind, loose, place, placed, settings, source, until};

async fn away() -> (TempDir, SpoolSettings, Arc<Database>, Store) {
    let ((directory, settings), database) = (settings(), Database::new().await);
    let store = Store::open(&database, &settings).await;
    database.fails(ErrorKind::Unavailable);
    (directory, settings, database, store)
}

fn in_journal(settings: &SpoolSettings) -> u64 {
    look(&settings.path).unwrap().unwrap().spool.events
}

#[tokio::test]
async fn with_the_database_there_nothing_touches_the_journal() {
    let ((_directory, settings), database) = (settings(), Database::new().await);
    let store = Store::open(&database, &settings).await;
    let before = std::fs::read(&settings.path).unwrap();
    assert_eq!(store.record(&loose(&["1"])).await.unwrap(), Recorded::new(1, 0));
    assert_eq!(store.record(&placed("a", 0, 2)).await.unwrap(), Recorded::new(2, 0));
    assert_eq!(store.position(&source("a")).await.unwrap(), Some(place(2)));
    assert_eq!(database.words().await, ["1", "a1", "a2"]);
    let health = store.health().await.unwrap();
    assert_eq!((health.database.is_ok(), health.spool.unwrap().events), (true, 0));
    store.close().await.unwrap();
    assert_eq!(before.len(), 4096, "all else is in the log beside it");
    assert!(!settings.path.exists());
}

#[tokio::test]
async fn what_surely_was_not_written_is_kept() {
    for kind in [ErrorKind::Unavailable, ErrorKind::Timeout, ErrorKind::PoolExhausted] {
        let ((_directory, settings), database) = (settings(), Database::new().await);
        let store = Store::open(&database, &settings).await;
        database.fails_once(kind);
        assert_eq!(store.record(&loose(&["1"])).await.unwrap(), Recorded::spooled(1, 0));
        store.drained().await;
        assert_eq!(database.words().await, ["1"]);
    }
}

#[tokio::test]
async fn what_may_have_been_written_is_kept_only_with_a_cursor() {
    let ((_directory, settings), database) = (settings(), Database::new().await);
    let store = Store::open(&database, &settings).await;
    database.fails_once(ErrorKind::Indeterminate);
    assert_eq!(store.record(&placed("a", 0, 2)).await.unwrap(), Recorded::spooled(2, 0));
    store.drained().await;
    database.fails_once(ErrorKind::Indeterminate);
    assert_eq!(kind(store.record(&loose(&["1"])).await), Some(ErrorKind::Indeterminate));
    assert_eq!(store.health().await.unwrap().spool.unwrap().events, 0);
    assert_eq!(database.words().await, ["a1", "a2", "1"], "each of them once");
}

#[tokio::test]
async fn what_another_attempt_would_not_change_is_returned() {
    let ((_directory, settings), database) = (settings(), Database::new().await);
    let store = Store::open(&database, &settings).await;
    for expected in [ErrorKind::Conflict, ErrorKind::Internal, ErrorKind::Corrupt, ErrorKind::Closed] {
        database.fails_once(expected.clone());
        assert_eq!(kind(store.record(&placed("a", 0, 1)).await), Some(expected));
    }
    assert_eq!(in_journal(&settings), 0);
}

#[tokio::test]
async fn what_is_new_queues_behind_what_waits() {
    let (_directory, settings, database, store) = away().await;
    for batch in [loose(&["1"]), placed("a", 0, 1), loose(&["2"])] {
        store.record(&batch).await.unwrap();
    }
    assert_eq!(in_journal(&settings), 3);
    database.is_back();
    let answer = store.record(&placed("a", 1, 2)).await.unwrap();
    assert_eq!(answer.applied + answer.spooled, 1);
    store.drained().await;
    assert_eq!(store.record(&loose(&["3"])).await.unwrap(), Recorded::new(1, 0));
    assert_eq!(database.words().await, ["1", "a1", "2", "a2", "3"]);
}

#[tokio::test]
async fn a_position_is_the_later_one_and_unknown_while_away() {
    let (_directory, _settings, database, store) = away().await;
    database.inner.record(&placed("b", 0, 7)).await.unwrap();
    assert_eq!(kind(store.position(&source("a")).await), Some(ErrorKind::Unavailable));
    store.record(&placed("a", 0, 3)).await.unwrap();
    assert_eq!(store.position(&source("a")).await.unwrap(), Some(place(3)));
    assert_eq!(kind(store.position(&source("b")).await), Some(ErrorKind::Unavailable));
    // It answers, and does not take what waits.
    database.takes_nothing(StoreError::new(ErrorKind::Internal, "record", "broke"));
    database.is_asked_only();
    until_closed(&store).await;
    assert_eq!(store.position(&source("a")).await.unwrap(), Some(place(3)));
    assert_eq!(store.position(&source("b")).await.unwrap(), Some(place(7)));
    database.inner.record(&placed("a", 0, 5)).await.unwrap();
    assert_eq!(store.position(&source("a")).await.unwrap(), Some(place(5)));
    assert_eq!(store.position(&source("c")).await.unwrap(), None);
}

/// Waits until calls go through to the database.
async fn until_closed(store: &Store) {
    until(async || store.chat_count().await.is_ok()).await;
}

#[tokio::test]
async fn while_it_is_away_everything_else_is_refused_and_nobody_but_the_keeper_asks() {
    let (_directory, _settings, database, store) = away().await;
    assert_eq!(kind(store.chat_count().await), Some(ErrorKind::Unavailable));
    // Until the keeper has asked and waits.
    sleep(Duration::from_millis(1)).await;
    let (asked, begun) = (database.asked(), Instant::now());
    for _ in 0..1_000 {
        let error = store.recent_chat(Limit::MAX).await.unwrap_err();
        assert_eq!((error.kind(), error.operation()), (&ErrorKind::Unavailable, "recent_chat"));
        assert!(error.to_string().contains("the database is away") && error.to_string().contains("cut"));
        assert_eq!(kind(store.close_sessions(CloseSessions::LastSign).await), Some(ErrorKind::Unavailable));
    }
    assert!(begun.elapsed() < Duration::from_secs(2));
    assert!(database.asked() - asked <= 10, "the keeper's share of 2,000");
    database.is_back();
    until_closed(&store).await;
}

#[tokio::test]
async fn a_read_that_takes_too_long_makes_the_keeper_ask() {
    let ((_directory, settings), database) = (settings(), Database::new().await);
    let store = Store::open(&database, &settings).await;
    database.fails(ErrorKind::Timeout);
    assert_eq!(kind(store.chat_count().await), Some(ErrorKind::Timeout));
    until(async || kind(store.chat_count().await) == Some(ErrorKind::Unavailable)).await;
}

#[tokio::test]
async fn a_full_disk_keeps_nobody_from_reading() {
    let ((_directory, settings), database) = (settings(), Database::new().await);
    let store = Store::open(&database, &settings).await;
    database.takes_nothing(StoreError::new(ErrorKind::Unavailable, "record", "disk full").lasting());
    assert_eq!(store.record(&loose(&["1"])).await.unwrap(), Recorded::spooled(1, 0));
    for _ in 0..50 {
        store.chat_count().await.unwrap();
        sleep(Duration::from_millis(2)).await;
    }
    let health = store.health().await.unwrap();
    assert!(health.database.is_ok());
    assert_eq!(health.spool.unwrap().error.as_deref(), Some("record: unavailable: disk full"));
    database.is_back();
    store.drained().await;
    assert_eq!(database.words().await, ["1"]);
    assert_eq!(store.health().await.unwrap().spool.unwrap().error, None);
}

#[tokio::test]
async fn a_database_that_takes_nothing_may_be_read_and_is_asked_to_write_by_the_keeper_alone() {
    let ((_directory, settings), database) = (settings(), Database::new().await);
    let store = Store::open(&database, &settings).await;
    database.takes_nothing(StoreError::new(ErrorKind::Unavailable, "record", "locked"));
    store.record(&loose(&["1"])).await.unwrap();
    until(async || store.close_sessions(CloseSessions::LastSign).await.is_err()).await;
    let error = store.close_sessions(CloseSessions::LastSign).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "close_sessions: unavailable: the database takes nothing: record: unavailable: locked"
    );
    assert_eq!(store.chat_count().await.unwrap().get(), 0);
    assert!(store.health().await.unwrap().database.is_ok());
    database.is_back();
    store.drained().await;
    store.close_sessions(CloseSessions::LastSign).await.unwrap();
}

#[tokio::test]
async fn sessions_are_closed_after_what_waits() {
    let (_directory, _settings, database, store) = away().await;
    store.record(&loose(&["1"])).await.unwrap();
    database.is_slow();
    database.is_asked_only();
    until_closed(&store).await;
    let (begun, sessions) = (Instant::now(), CloseSessions::LastSign);
    let error = store.close_sessions(sessions).await.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Unavailable);
    assert!(error.to_string().contains("events wait in the journal"), "{error}");
    assert!(begun.elapsed() >= Spool::PATIENCE);
    let (closed, ()) = tokio::join!(store.close_sessions(sessions), async { database.is_back() });
    if closed.is_err() {
        // The keeper may wait for longer than that between two attempts.
        store.drained().await;
        store.close_sessions(sessions).await.unwrap();
    }
    assert_eq!(database.words().await, ["1"]);
}

#[tokio::test]
async fn health_tells_since_when_and_what_waits() {
    let ((_directory, settings), database) = (settings(), Database::new().await);
    let now = Arc::new(AtomicI64::new(50));
    let clock = Arc::clone(&now);
    let clock = Arc::new(move || at(clock.load(Ordering::Relaxed)));
    let store = Store::open_by(clock, &database, &settings).await;
    database.fails(ErrorKind::Unavailable);
    store.record(&placed("a", 0, 2)).await.unwrap();
    now.store(90, Ordering::Relaxed);
    store.record(&placed("a", 2, 3)).await.unwrap();
    let health = store.health().await.unwrap();
    let away = health.database.unwrap_err();
    assert_eq!(away.since, at(50));
    assert!(away.error.contains("cut"), "{}", away.error);
    let spool = health.spool.unwrap();
    assert_eq!((spool.events, spool.oldest, spool.dropped, spool.rejected), (3, Some(at(50)), 0, 0));
    database.is_back();
    store.drained().await;
    let spool = store.health().await.unwrap().spool.unwrap();
    assert_eq!((spool.events, spool.bytes, spool.oldest, spool.error), (0, 0, None, None));
}

#[tokio::test]
async fn a_health_that_finds_it_away_tells_everybody() {
    let (_directory, _settings, _database, store) = away().await;
    assert!(store.health().await.unwrap().database.is_err());
    let error = store.chat_count().await.unwrap_err();
    assert!(error.to_string().contains("the database is away"), "{error}");
}

#[tokio::test]
async fn a_store_that_is_dropped_leaves_what_waits_to_the_next() {
    let (_directory, settings, database, store) = away().await;
    store.record(&loose(&["1"])).await.unwrap();
    drop(store);
    database.is_back();
    let store = Store::open(&database, &settings).await;
    store.drained().await;
    assert_eq!(database.words().await, ["1"]);
}

#[tokio::test]
async fn closing_writes_what_waits() {
    let (_directory, settings, database, store) = away().await;
    store.record(&loose(&["1"])).await.unwrap();
    database.is_back();
    store.close().await.unwrap();
    assert_eq!(database.words().await, ["1"]);
    assert!(!settings.path.exists() && !settings.path.with_extension("spool.lock").exists());
    store.close().await.unwrap();
}

#[tokio::test]
async fn closing_leaves_what_cannot_be_written_and_then_all_is_closed() {
    let (_directory, mut settings, database, store) = away().await;
    store.record(&placed("a", 0, 1)).await.unwrap();
    assert_eq!(kind(store.chat_count().await), Some(ErrorKind::Unavailable));
    store.close().await.unwrap();
    store.close().await.unwrap();
    let closed = Some(ErrorKind::Closed);
    assert_eq!(kind(store.record(&loose(&["2"])).await), closed);
    assert_eq!(kind(store.position(&source("a")).await), closed);
    assert_eq!(kind(store.health().await), closed);
    assert_eq!(kind(store.chat_count().await), closed);
    assert_eq!(kind(store.close_sessions(CloseSessions::LastSign).await), closed);
    let left = look(&settings.path).unwrap().unwrap();
    assert_eq!((left.spool.events, left.in_use), (1, false));

    // A database that does not answer at all is not waited for beyond the deadline.
    settings.close_within = Duration::from_millis(50);
    let store = Store::open(&database, &settings).await;
    database.hangs();
    let begun = Instant::now();
    store.close().await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(in_journal(&settings), 1);
}

#[tokio::test]
async fn a_store_that_cannot_be_opened_now_is_opened_later() {
    let ((_directory, settings), database) = (settings(), Database::new().await);
    database.fails(ErrorKind::Unavailable);
    let connecting = Arc::clone(&database);
    let connector = Connector::new(botstore_core::model::Backend::Sqlite, move || {
        let database = Arc::clone(&connecting);
        async move {
            let store = database.store();
            store.health().await?;
            Ok(store)
        }
    });
    let behind = Arc::new(Layered::new(connector.clone(), Arc::new(Nothing)));
    let spool = Spool::open(settings.clone(), behind).await.unwrap();
    let shared = Arc::clone(&spool.shared);
    let store = Layered::new(connector, spool);
    assert_eq!(store.record(&loose(&["1"])).await.unwrap(), Recorded::spooled(1, 0));
    database.is_back();
    until(async || !shared.journal.waits()).await;
    assert_eq!(store.record(&loose(&["2"])).await.unwrap(), Recorded::new(1, 0));
    assert_eq!(database.words().await, ["1", "2"]);
    store.close().await.unwrap();
}

/// A layer that does nothing.
#[derive(Debug)]
struct Nothing;

impl Layer for Nothing {
    async fn around<T, F>(&self, _: Call, attempt: impl Fn() -> F + Send + Sync) -> Result<T>
    where
        T: Answer,
        F: Future<Output = Result<T>> + Send,
    {
        attempt().await
    }
}

#[tokio::test]
async fn a_database_that_waiting_does_not_bring_is_told_at_once() {
    let ((_directory, settings), database) = (settings(), Database::new().await);
    for expected in
        [ErrorKind::Schema, ErrorKind::Corrupt, ErrorKind::InvalidInput { field: "x", reason: String::new() }]
    {
        database.fails(expected.clone());
        assert_eq!(kind(Spool::open(settings.clone(), database.store()).await), Some(expected));
        assert!(!settings.path.exists());
    }
    database.fails_for_long();
    assert_eq!(kind(Spool::open(settings.clone(), database.store()).await), Some(ErrorKind::Unavailable));
    for expected in [ErrorKind::Unavailable, ErrorKind::Timeout, ErrorKind::PoolExhausted] {
        database.fails(expected);
        drop(Spool::open(settings.clone(), database.store()).await.unwrap());
    }
}

#[tokio::test]
async fn nothing_goes_into_another_database() {
    let (_directory, settings, database, store) = away().await;
    store.record(&loose(&["1"])).await.unwrap();
    store.close().await.unwrap();
    let other = Database::new().await;
    let error = Spool::open(settings.clone(), other.store()).await.map(drop).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Conflict);
    assert!(error.to_string().contains("holds 1 event of another database"), "{error}");

    // One that takes the place of the right one later.
    let store = Store::open(&database, &settings).await;
    database.is_another("11111111111111111111111111111111");
    database.is_back();
    sleep(Duration::from_millis(300)).await;
    assert_eq!(store.record(&loose(&["2"])).await.unwrap(), Recorded::spooled(1, 0));
    assert_eq!(database.words().await, Vec::<String>::new());
    assert!(store.health().await.unwrap().spool.unwrap().error.unwrap().contains("another database"));
    database.is_itself();
    store.drained().await;
    assert_eq!(database.words().await, ["1", "2"]);
}
