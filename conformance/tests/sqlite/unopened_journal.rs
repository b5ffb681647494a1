//! A journal that cannot be opened: recording without it would lose events, so nothing is, and the error says what to do.

use std::path::Path;

use botstore::Config;
use botstore::settings::SpoolSettings;
use botstore_conformance::disk::{Disk, run};

use crate::given::{aside, assert_unavailable, record, try_open};

crate::tests![
    Disk::why_none_in_memory;
    where_there_is_no_room,
    on_a_disk_that_may_not_be_written,
];

/// A database that is away, behind a port that refuses, and a journal at `path`.
fn away(path: &Path) -> Config {
    let mut config = Config::new("postgresql://rosey@127.0.0.1:1/rosey".parse().unwrap());
    let mut spool = SpoolSettings::at(path);
    spool.close_within = std::time::Duration::ZERO;
    config.spool = Some(spool);
    config
}

/// Opens the store and records a line, which goes into the journal.
async fn records(path: &Path) {
    let store = try_open(&away(path)).await.unwrap();
    record(&store, "waits").await.unwrap();
    store.close().await.unwrap();
}

/// What an error says of a cause, and what to do.
fn advice(path: &Path, cause: &str) -> String {
    let path = path.display();
    format!(
        "the journal {path} cannot be opened: {cause}, or name another file by ROSEY_SPOOL; with ROSEY_SPOOL=off"
    )
}

async fn where_there_is_no_room() {
    let disk = aside(|| Disk::in_memory(2)).await;
    let path = disk.path().join("bot.spool");
    let full = advice(&path, "the disk is full; make room");
    for room in [0, 0, 8 << 10] {
        // At first there is no journal; then one in which something waits.
        let ballast = disk.fill("ballast", room).unwrap();
        assert_unavailable(try_open(&away(&path)).await.map(drop), true, &full);
        ballast.remove().unwrap();
        records(&path).await;
    }
    let spool = botstore::spool::look(&path).unwrap().unwrap().spool;
    assert_eq!(spool.events, 3, "nothing was lost");
}

async fn on_a_disk_that_may_not_be_written() {
    let disk = aside(|| Disk::in_memory(2)).await;
    let path = disk.path().join("bot.spool");
    let read_only = advice(&path, "its file system is read-only; make it writable");
    let remount = |how: &str| run("mount", ["-o".as_ref(), how.as_ref(), disk.path().as_os_str()]).unwrap();
    for _ in 0..2 {
        remount("remount,ro");
        assert_unavailable(try_open(&away(&path)).await.map(drop), true, &read_only);
        remount("remount,rw");
        records(&path).await;
    }
}
