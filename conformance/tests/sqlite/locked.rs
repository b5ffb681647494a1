//! Another process has the database.

use std::time::{Duration, Instant};

use botstore_conformance::SqliteFile;
use botstore_conformance::load::Load;

use crate::child::Holder;
use crate::given::{PATIENCE, aside, assert_unavailable, config, open, record, try_open};

crate::tests![
    || None;
    who_writes_waits_for_the_busy_timeout_and_reads_go_on,
    a_lock_that_is_let_go_in_time_is_not_noticed,
    a_database_that_another_process_has_for_itself_opens_once_that_ends,
    locks_that_come_and_go_lose_nothing_acknowledged,
];

const SAYS: &str = "another process keeps the database locked";

/// As SQLite's shell and other programs lock a database to write.
const EXCLUSIVE: &str = "BEGIN EXCLUSIVE";

async fn who_writes_waits_for_the_busy_timeout_and_reads_go_on() {
    let file = SqliteFile::new().unwrap();
    let store = try_open(&config(&file.path(), "busy_timeout=300ms")).await.unwrap();
    record(&store, "before").await.unwrap();
    let path = file.path();
    let holder = aside(move || Holder::start(&path, EXCLUSIVE)).await;

    let begun = Instant::now();
    assert_unavailable(record(&store, "refused").await, false, SAYS);
    let waited = begun.elapsed();
    assert!((Duration::from_millis(300)..Duration::from_secs(10)).contains(&waited), "{waited:?}");
    assert_eq!(store.chat_count().await.unwrap().get(), 1);
    assert_unavailable(try_open(&config(&file.path(), "busy_timeout=300ms")).await, false, SAYS);

    drop(holder);
    record(&store, "after").await.unwrap();
    assert_eq!(store.chat_count().await.unwrap().get(), 2);
}

async fn a_lock_that_is_let_go_in_time_is_not_noticed() {
    let file = SqliteFile::new().unwrap();
    let store = open(&file.path()).await;
    let path = file.path();
    let holder = aside(move || Holder::start(&path, EXCLUSIVE)).await;
    let letting_go = tokio::task::spawn_blocking(move || {
        std::thread::sleep(Duration::from_millis(50));
        drop(holder);
    });
    record(&store, "waits").await.unwrap();
    letting_go.await.unwrap();
}

async fn a_database_that_another_process_has_for_itself_opens_once_that_ends() {
    let file = SqliteFile::new().unwrap();
    open(&file.path()).await.close().await.unwrap();
    let path = file.path();
    let how = "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE";
    let holder = aside(move || Holder::start(&path, how)).await;
    let config = config(&file.path(), "busy_timeout=100ms");
    assert_unavailable(try_open(&config).await, false, SAYS);
    drop(holder);
    record(&try_open(&config).await.unwrap(), "after").await.unwrap();
}

async fn locks_that_come_and_go_lose_nothing_acknowledged() {
    let file = SqliteFile::new().unwrap();
    let store = try_open(&config(&file.path(), "busy_timeout=20ms")).await.unwrap();
    let load = Load::begin(&store, 4);
    for _ in 0..5 {
        load.progress(2, PATIENCE).await;
        let path = file.path();
        // It asks until it has it, among all those who write.
        let how = "PRAGMA busy_timeout = 60000; BEGIN EXCLUSIVE";
        let holder = aside(move || Holder::start(&path, how)).await;
        assert_unavailable(record(&store, "refused").await, false, SAYS);
        drop(holder);
    }
    load.progress(2, PATIENCE).await;
    let account = load.end().await;
    println!("{account}");
    account.check(store.as_ref()).await;
}
