use botstore_core::Lifecycle as _;
use botstore_core::model::{Recorded, Source};
use botstore_core::settings::WhenFull;
use botstore_core::{Chat as _, Ingest as _};
use futures::future::join_all;
use tokio::time::{Instant, advance};

use super::*;
use crate::look;
use crate::testing::{Database, Log, Store, kind, loose, placed, settings, until};

#[tokio::test]
async fn what_the_database_does_not_take_is_kept_aside_and_what_follows_goes_on() {
    let ((_directory, settings), database) = (settings(), Database::new().await);
    let store = Store::open(&database, &settings).await;
    database.fails(ErrorKind::Unavailable);
    let batches = [placed("a", 5, 6), loose(&["1"]), placed("a", 6, 7), placed("b", 0, 1)];
    for batch in &batches {
        assert_eq!(store.record(batch).await.unwrap().spooled, 1);
    }
    database.is_back();
    store.drained().await;
    let spool = store.health().await.unwrap().spool.unwrap();
    assert_eq!((spool.rejected, spool.error), (2, None));
    assert_eq!(crate::look(&settings.path).unwrap().unwrap().damaged, 0);
    assert_eq!(database.words().await, ["1", "b1"]);
    assert_eq!(kind(store.record(&placed("a", 7, 8)).await), Some(ErrorKind::Conflict));
    store.close().await.unwrap();
    assert!(settings.path.exists(), "with what was kept aside");
}

#[tokio::test]
async fn what_was_kept_aside_goes_away_once_its_source_was_read_again_and_so_does_the_journal() {
    let ((_directory, settings), database) = (settings(), Database::new().await);
    let aside = || look(&settings.path).unwrap().unwrap().spool.rejected;
    let store = Store::open(&database, &settings).await;
    database.fails(ErrorKind::Unavailable);
    for batch in [placed("a", 5, 6), loose(&["1"]), placed("a", 6, 7), placed("b", 3, 4)] {
        store.record(&batch).await.unwrap();
    }
    database.is_back();
    store.drained().await;
    assert_eq!(aside(), 3);
    store.record(&placed("a", 0, 6)).await.unwrap();
    store.close().await.unwrap();
    assert_eq!(aside(), 2, "one that the database does not have yet, and one of another source");

    // Somebody else records the rest, and this is found out when the journal is opened next.
    for batch in [placed("a", 6, 8), placed("b", 0, 4)] {
        database.inner.record(&batch).await.unwrap();
    }
    let store = Store::open(&database, &settings).await;
    until(async || aside() == 0).await;
    store.close().await.unwrap();
    assert!(!settings.path.exists());
    assert_eq!(database.words().await.len(), 1 + 8 + 4);
}

#[tokio::test]
async fn what_nobody_can_send_again_is_written_though_events_before_it_are_missing() {
    let ((_directory, settings), database) = (settings(), Database::new().await);
    let private = Source::private("test").unwrap();
    let named =
        |name: &str, after, last| placed(if name == "p" { private.as_str() } else { name }, after, last);
    let store = Store::open(&database, &settings).await;
    store.record(&named("p", 0, 2)).await.unwrap();
    database.fails(ErrorKind::Unavailable);
    for batch in [named("p", 2, 4), named("a", 5, 6), named("p", 4, 5), named("b", 0, 1)] {
        store.record(&batch).await.unwrap();
    }
    // A backup from before takes its place.
    let backup = Database::new().await;
    backup.inner.record(&named("p", 0, 1)).await.unwrap();
    backup.is_another(database.id().as_str());
    drop(store);
    let store = Store::open(&backup, &settings).await;
    store.drained().await;
    let [first, third, fourth, fifth] = [1, 3, 4, 5].map(|at| format!("{}{at}", private.as_str()));
    assert_eq!(backup.words().await, [first, third, fourth, fifth, "b1".to_owned()]);
    let spool = store.health().await.unwrap().spool.unwrap();
    assert_eq!((spool.rejected, spool.error), (1, None), "what can be read again is kept aside");
    assert_eq!(store.position(&private).await.unwrap(), Some(crate::testing::place(5)));
}

#[tokio::test]
async fn what_somebody_took_out_of_the_journal_is_not_waited_for() {
    let ((_directory, settings), database) = (settings(), Database::new().await);
    let store = Store::open(&database, &settings).await;
    database.fails(ErrorKind::Unavailable);
    store.record(&loose(&["1", "2"])).await.unwrap();
    let file = rusqlite::Connection::open(&settings.path).unwrap();
    file.execute("DELETE FROM batch", []).unwrap();
    database.is_back();
    store.drained().await;
    assert_eq!(store.record(&loose(&["3"])).await.unwrap(), Recorded::new(1, 0));
    assert_eq!(database.words().await, ["3"]);
}

#[tokio::test]
async fn a_damaged_journal_is_told_of_and_keeps_nothing_else_from_the_database() {
    let ((_directory, settings), database) = (settings(), Database::new().await);
    let store = Store::open(&database, &settings).await;
    database.fails(ErrorKind::Unavailable);
    for word in ["1", "2", "3"] {
        store.record(&loose(&[word])).await.unwrap();
    }
    let file = rusqlite::Connection::open(&settings.path).unwrap();
    file.execute("UPDATE batch SET body = 'x' WHERE number = 2", []).unwrap();
    database.is_back();
    store.drained().await;
    assert_eq!(database.words().await, ["1", "3"]);
    let spool = store.health().await.unwrap().spool.unwrap();
    assert_eq!((spool.events, spool.rejected, spool.error), (0, 1, None));
    assert_eq!(crate::look(&settings.path).unwrap().unwrap().damaged, 1);
}

#[tokio::test]
async fn a_journal_that_does_not_work_is_not_laid_at_the_databases_door() {
    let ((_directory, settings), database) = (settings(), Database::new().await);
    let store = Store::open(&database, &settings).await;
    let log = Log::begin();
    database.fails(ErrorKind::Unavailable);
    store.record(&loose(&["1"])).await.unwrap();
    std::fs::remove_file(settings.path.with_extension("spool.lock")).unwrap();
    let other = crate::journal::Journal::open(settings.clone()).unwrap();
    database.is_back();
    let failure = async || store.health().await.unwrap().spool.unwrap().error.unwrap_or_default();
    until(async || failure().await.contains("is in use by another process")).await;
    let told = log.lines().join("\n");
    assert!(told.contains("what waits in the journal stays there"), "{told}");
    assert!(!told.contains("the database does not work"), "{told}");
    assert_eq!(kind(store.record(&loose(&["2"])).await), Some(ErrorKind::Unavailable));
    drop(other);
    store.drained().await;
    assert_eq!(database.words().await, ["1"], "the next owner has what waited");
}

#[tokio::test]
async fn a_journal_that_cannot_be_read_keeps_nobody_else_from_writing() {
    let ((_directory, settings), database) = (settings(), Database::new().await);
    let store = Store::open(&database, &settings).await;
    database.fails(ErrorKind::Unavailable);
    store.record(&loose(&["1"])).await.unwrap();
    let file = rusqlite::Connection::open(&settings.path).unwrap();
    file.execute("ALTER TABLE batch RENAME TO hidden", []).unwrap();
    database.is_back();
    let failure = async || store.health().await.unwrap().spool.unwrap().error.unwrap_or_default();
    until(async || failure().await.contains("no such table")).await;
    assert!(store.shared.writes.is_away().is_none());
    file.execute("ALTER TABLE hidden RENAME TO batch", []).unwrap();
    store.drained().await;
    assert_eq!(database.words().await, ["1"]);
}

#[tokio::test]
async fn a_journal_that_is_removed_in_an_outage_loses_nothing() {
    let ((_directory, settings), database) = (settings(), Database::new().await);
    let store = Store::open(&database, &settings).await;
    database.fails(ErrorKind::Unavailable);
    for word in ["1", "2", "3"] {
        store.record(&loose(&[word])).await.unwrap();
        std::fs::remove_file(&settings.path).unwrap();
    }
    store.close().await.unwrap();
    database.is_back();
    let store = Store::open(&database, &settings).await;
    store.drained().await;
    assert_eq!(database.words().await, ["1", "2", "3"]);
}

#[tokio::test]
async fn what_was_written_without_an_answer_is_not_written_twice() {
    let ((_directory, settings), database) = (settings(), Database::new().await);
    let store = Store::open(&database, &settings).await;
    database.fails(ErrorKind::Unavailable);
    store.record(&loose(&["1", "2"])).await.unwrap();
    store.record(&placed("a", 0, 2)).await.unwrap();
    for _ in 0..3 {
        database.fails_once(ErrorKind::Indeterminate);
    }
    database.is_back();
    store.drained().await;
    assert_eq!(database.words().await, ["1", "2", "a1", "a2"]);
}

#[tokio::test]
async fn what_was_dropped_in_the_middle_of_a_source_keeps_nothing_from_the_database() {
    let ((_directory, mut settings), database) = (settings(), Database::new().await);
    settings.when_full = WhenFull::DropOldest;
    settings.max_bytes = 400;
    let store = Store::open(&database, &settings).await;
    store.record(&placed("a", 0, 2)).await.unwrap();
    database.fails(ErrorKind::Unavailable);
    for i in 2..20 {
        assert_eq!(store.record(&placed("a", i, i + 1)).await.unwrap().spooled, 1);
    }
    database.is_back();
    store.drained().await;
    let spool = store.health().await.unwrap().spool.unwrap();
    let words = database.words().await;
    assert_eq!(words.len() as u64, 20 - spool.dropped);
    assert!(spool.dropped > 5 && words.len() > 3, "{words:?}");
    assert_eq!((words[1].as_str(), words.last().unwrap().as_str()), ("a2", "a20"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_gets_empty_though_somebody_always_records() {
    let ((_directory, settings), database) = (settings(), Database::new().await);
    let store = Arc::new(Store::open(&database, &settings).await);
    database.fails(ErrorKind::Unavailable);
    let (stop, stopped) = watch::channel(false);
    let callers: Vec<_> = (0..16)
        .map(|_| {
            let (store, stopped) = (Arc::clone(&store), stopped.clone());
            tokio::spawn(async move {
                let (mut spooled, mut applied) = (0, 0);
                while !*stopped.borrow() {
                    let recorded = store.record(&loose(&["x"])).await.unwrap();
                    (spooled, applied) = (spooled + recorded.spooled, applied + recorded.applied);
                }
                (spooled, applied)
            })
        })
        .collect();
    sleep(Duration::from_millis(300)).await;
    database.is_back();
    store.drained().await;
    sleep(Duration::from_millis(300)).await;
    stop.send_replace(true);
    let (mut spooled, mut applied) = (0, 0);
    for caller in callers {
        let done = caller.await.unwrap();
        (spooled, applied) = (spooled + done.0, applied + done.1);
    }
    assert!(spooled > 0 && applied > 0, "spooled {spooled}, then directly {applied}");
    store.drained().await;
    assert_eq!(store.chat_count().await.unwrap().get() as u64, spooled + applied);
}

/// Two callers read and 14 record, every five seconds of an hour. The database is as `outage` makes it meanwhile.
async fn an_hour(outage: impl Fn(&Database)) -> Vec<String> {
    // Else time would go on by itself whenever everybody waits for the journal's thread.
    let (held, hold) = std::sync::mpsc::channel::<()>();
    let holder = tokio::task::spawn_blocking(move || hold.recv().is_err());
    let ((_directory, settings), database) = (settings(), Database::new().await);
    let store = Store::open(&database, &settings).await;
    let (log, batch) = (Log::begin(), loose(&["x"]));
    outage(&database);
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(3600) {
        let records = join_all((0..14).map(|_| store.record(&batch)));
        let (records, _) = tokio::join!(records, join_all([store.chat_count(), store.chat_count()]));
        for recorded in records {
            assert_eq!(recorded.unwrap(), Recorded::spooled(1, 0));
        }
        advance(Duration::from_secs(5)).await;
    }
    assert_eq!(store.health().await.unwrap().spool.unwrap().events, 720 * 14);
    drop(held);
    assert!(holder.await.unwrap());
    log.lines()
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_an_hour_is_told_in_a_few_lines() {
    let lines = an_hour(|database| database.fails(ErrorKind::Unavailable)).await;
    let told: Vec<_> = lines.iter().map(|line| line.split_once(": ").unwrap().1).collect();
    // It takes two attempts to know that it is away.
    assert!(told[0].starts_with("what is recorded waits in the journal"), "{told:#?}");
    assert!(told[1].starts_with("the database is away"), "{told:#?}");
    assert_eq!(told.len(), 2, "{told:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_database_that_is_well_and_takes_nothing_for_an_hour_is_told_in_a_few_lines() {
    let busy = || StoreError::new(ErrorKind::Unavailable, "record", "locked");
    for error in [busy(), busy().lasting(), StoreError::new(ErrorKind::Timeout, "record", "slow")] {
        let lines = an_hour(|database| database.takes_nothing(error.clone())).await;
        assert!(!lines.is_empty() && lines.len() < 20, "{error}: {lines:#?}");
    }
}

#[tokio::test]
async fn a_database_that_is_well_and_takes_nothing_can_be_read_all_the_while() {
    let ((_directory, settings), database) = (settings(), Database::new().await);
    let store = Store::open(&database, &settings).await;
    database.takes_nothing(StoreError::new(ErrorKind::Unavailable, "record", "locked"));
    assert_eq!(store.record(&loose(&["1"])).await.unwrap(), Recorded::spooled(1, 0));
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(500) {
        assert_eq!(store.chat_count().await.unwrap().get(), 0);
        tokio::task::yield_now().await;
    }
    database.is_back();
    store.drained().await;
    assert_eq!(store.chat_count().await.unwrap().get(), 1);
}

#[tokio::test]
async fn what_could_not_be_written_gives_way_like_any_other() {
    let ((_directory, mut settings), database) = (settings(), Database::new().await);
    (settings.when_full, settings.max_bytes) = (WhenFull::DropOldest, 120);
    let store = Store::open(&database, &settings).await;
    database.takes_nothing(StoreError::new(ErrorKind::Unavailable, "record", "disk full").lasting());
    store.record(&placed("a", 0, 2)).await.unwrap();
    let failure = async || store.health().await.unwrap().spool.unwrap().error.unwrap_or_default();
    until(async || failure().await.contains("disk full")).await;
    database.fails(ErrorKind::Unavailable);
    until(async || failure().await.contains("cut")).await;
    for i in 2..6 {
        assert_eq!(store.record(&placed("a", i, i + 1)).await.unwrap(), Recorded::spooled(1, 0));
    }
    database.is_back();
    store.drained().await;
    assert_eq!(database.words().await.last().unwrap(), "a6");
}
