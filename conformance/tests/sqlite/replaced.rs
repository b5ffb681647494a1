//! Files that are removed or replaced under a store that has much to do.

use std::fs;
use std::time::Duration;

use botstore::model::Batch;
use botstore_conformance::load::{Load, line, lines};
use botstore_conformance::{SqliteFile, secrets};

use crate::given::{PATIENCE, assert_unavailable, assert_whole, backup, beside, config, open, record};

crate::tests![
    || None;
    behind_retries_nobody_notices_that_a_backup_took_the_place_of_the_file,
    logs_that_are_removed_lose_nothing_acknowledged,
    a_file_that_is_moved_away_and_back_loses_nothing_acknowledged,
];

async fn behind_retries_nobody_notices_that_a_backup_took_the_place_of_the_file() {
    let file = SqliteFile::new().unwrap();
    let mut config = config(&file.path(), "");
    config.retry.deadline = PATIENCE;
    let store = secrets::open(&config).await.unwrap();
    let record = async |text| store.record(&Batch::new(vec![line(text)]).unwrap()).await.unwrap();
    record("before").await;
    let backup = backup(&file.path());
    record("since").await;
    fs::rename(&backup, file.path()).unwrap();
    record("after").await;
    let stored = lines(store.as_ref()).await;
    assert_eq!(stored.len(), 2, "{stored:?}");
    assert_eq!((stored["before"], stored["after"]), (1, 1));
    store.close().await.unwrap();
    assert_whole(&file.path());
}

async fn logs_that_are_removed_lose_nothing_acknowledged() {
    let file = SqliteFile::new().unwrap();
    let store = open(&file.path()).await;
    let load = Load::begin(&store, 8);
    for round in 0..30 {
        load.progress(1, PATIENCE).await;
        let suffixes = [&["-wal"][..], &["-shm"], &["-wal", "-shm"]][round % 3];
        for suffix in suffixes {
            // It may just be gone, to be made anew.
            let _ = fs::remove_file(beside(&file.path(), suffix));
        }
    }
    load.progress(5, PATIENCE).await;
    let account = load.end().await;
    println!("{account}");
    account.check(store.as_ref()).await;
    store.close().await.unwrap();
    assert_whole(&file.path());
}

async fn a_file_that_is_moved_away_and_back_loses_nothing_acknowledged() {
    let file = SqliteFile::new().unwrap();
    let away = file.path().with_file_name("away.db");
    let store = open(&file.path()).await;
    let load = Load::begin(&store, 8);
    for _ in 0..10 {
        load.progress(2, PATIENCE).await;
        fs::rename(file.path(), &away).unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert_unavailable(record(&store, "refused").await, true, "the file is not there");
        fs::rename(&away, file.path()).unwrap();
    }
    load.progress(5, PATIENCE).await;
    let account = load.end().await;
    println!("{account}");
    account.check(store.as_ref()).await;
    store.close().await.unwrap();
    assert_whole(&file.path());
}
