//! A journal that has filled its own disk.

use std::path::Path;
use std::sync::Arc;

use botstore::settings::SpoolSettings;
use botstore::store::BotStore;
use botstore::{Result, StoreError};
use botstore_conformance::SqliteFile;
use botstore_conformance::disk::Disk;
use botstore_conformance::load::lines;
use rusqlite::Connection;
use tokio::time::{Duration, Instant, sleep};

use crate::given::{PATIENCE, aside, assert_unavailable, config, open, record, try_open};

crate::tests![
    Disk::why_none_in_memory;
    what_waits_arrives_and_recording_goes_on_though_nobody_makes_room,
];

/// Takes the database away, as another program does that keeps it locked.
fn locked(path: &Path) -> Connection {
    let other = Connection::open(path).unwrap();
    other.execute_batch("PRAGMA busy_timeout = 10000; BEGIN IMMEDIATE").unwrap();
    other
}

/// Records lines until one is refused; says how many were acknowledged, and the error.
async fn until_refused(store: &Arc<dyn BotStore>, round: usize) -> (usize, StoreError) {
    for n in 0.. {
        let recorded: Result<()> = record(store, &format!("{round} {n} {}", "x".repeat(300))).await;
        if let Err(error) = recorded {
            return (n, error);
        }
    }
    unreachable!("the disk has an end");
}

async fn what_waits_arrives_and_recording_goes_on_though_nobody_makes_room() {
    let (file, disk) = (SqliteFile::new().unwrap(), aside(|| Disk::in_memory(1)).await);
    let path = file.path();
    let journal = disk.path().join("bot.spool");
    let mut config = config(&path, "busy_timeout=20ms");
    config.spool = Some(SpoolSettings::at(&journal));
    let store = try_open(&config).await.unwrap();
    let mut acknowledged = 0;
    for round in 0..3 {
        let other = locked(&path);
        let (count, error) = until_refused(&store, round).await;
        assert!(count > 50, "{count}: {error}");
        assert_unavailable::<()>(Err(error), true, "full");
        drop(other);
        let begun = Instant::now();
        while store.health().await.unwrap().spool.unwrap().events > 0 {
            assert!(begun.elapsed() < PATIENCE, "{:?}", store.health().await);
            sleep(Duration::from_millis(20)).await;
        }
        record(&store, &format!("between {round}")).await.unwrap();
        acknowledged += count + 1;
    }
    store.close().await.unwrap();
    assert!(!journal.exists(), "everything was written");
    let direct = open(&path).await;
    let stored = lines(direct.as_ref()).await;
    assert_eq!((stored.len(), stored.values().max()), (acknowledged, Some(&1)));
    direct.close().await.unwrap();
}
