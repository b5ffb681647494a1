//! Files and disks that may not be written.

use std::path::Path;

use botstore_conformance::disk::{Disk, run};
use botstore_conformance::load::Load;

use crate::given::{
    PATIENCE, aside, assert_unavailable, assert_whole, beside, config, open, record, try_open,
};

crate::tests![
    Disk::why_none_in_a_file;
    files_that_become_read_only_are_read_and_written_again_when_they_may_be,
    a_store_on_a_read_only_disk_does_not_open,
];

/// Makes the database and its log what even root cannot write, or can again.
fn set(path: &Path, immutable: &str) {
    for suffix in ["", "-wal"] {
        run("chattr", [immutable.as_ref(), beside(path, suffix).as_os_str()]).unwrap();
    }
}

async fn files_that_become_read_only_are_read_and_written_again_when_they_may_be() {
    let disk = aside(|| Disk::in_a_file(32)).await;
    let path = disk.path().join("bot.db");
    let store = open(&path).await;
    let load = Load::begin(&store, 4);
    for _ in 0..3 {
        load.progress(5, PATIENCE).await;
        set(&path, "+i");
        assert_unavailable(record(&store, "refused").await, true, "the file cannot be written");
        assert!(store.chat_count().await.unwrap().get() > 0);
        set(&path, "-i");
    }
    load.progress(5, PATIENCE).await;
    let account = load.end().await;
    println!("{account}");
    account.check(store.as_ref()).await;
    store.close().await.unwrap();
    assert_whole(&path);
}

async fn a_store_on_a_read_only_disk_does_not_open() {
    let disk = aside(|| Disk::in_a_file(32)).await;
    let path = disk.path().join("bot.db");
    let store = open(&path).await;
    record(&store, "before").await.unwrap();
    store.close().await.unwrap();
    let remount = |how: &str| run("mount", ["-o".as_ref(), how.as_ref(), disk.path().as_os_str()]).unwrap();
    remount("remount,ro");
    for config in [config(&path, ""), config(&path, "").without_migration()] {
        assert_unavailable(try_open(&config).await, true, "bot.db");
    }
    remount("remount,rw");
    let store = open(&path).await;
    record(&store, "after").await.unwrap();
    assert_eq!(store.chat_count().await.unwrap().get(), 2);
    store.close().await.unwrap();
}
