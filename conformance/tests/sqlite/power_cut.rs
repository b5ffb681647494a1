//! A machine that loses its power at any moment. Who records there is a process of its own: none outlives its disk.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use botstore::Config;
use botstore::settings::SpoolSettings;
use botstore::url::{DatabaseUrl, SqliteUrl};
use botstore_conformance::disk::Disk;
use botstore_conformance::recorder::{Recorder, Said};
use botstore_conformance::secrets;

use crate::child::Role;
use crate::given::{aside, assert_whole, open};

crate::tests![
    Disk::why_none_in_a_file;
    what_was_acknowledged_survives_a_power_cut_once,
    what_was_spooled_survives_a_power_cut_once,
    without_full_synchronisation_a_power_cut_may_take_the_latest_and_leaves_the_rest_whole,
];

/// Lets a process record in a database of its own until the power is cut, at a moment between the first acknowledgement
/// and 200 ms later; returns what it said. The disk is mounted again.
async fn cut_while_recording(disk: &Arc<Disk>, path: &Path, synchronous: &str) -> Said {
    let url = format!("sqlite:///{}?synchronous={synchronous}", path.display());
    cut_while(Role::Record, disk, &url).await
}

/// The same in a role that records.
async fn cut_while(role: Role, disk: &Arc<Disk>, subject: &str) -> Said {
    let (disk, mut command) = (Arc::clone(disk), role.command(subject));
    aside(move || {
        let switch = disk.switch()?;
        let mut recorder = Recorder::start(&mut command)?;
        thread::sleep(Duration::from_micros(fastrand::u64(..200_000)));
        recorder.disbelieve()?;
        switch.cut()?;
        let said = recorder.kill()?;
        disk.remount()?;
        Ok(said)
    })
    .await
}

async fn what_was_acknowledged_survives_a_power_cut_once() {
    let disk = Arc::new(aside(|| Disk::in_a_file(64)).await);
    for round in 0..20 {
        let path = disk.path().join(format!("{round}.db"));
        let said = cut_while_recording(&disk, &path, "full").await;
        println!("{said}");
        let store = open(&path).await;
        said.check(store.as_ref()).await;
        store.close().await.unwrap();
        assert_whole(&path);
        std::fs::remove_file(path).unwrap();
    }
}

async fn what_was_spooled_survives_a_power_cut_once() {
    let disk = Arc::new(aside(|| Disk::in_a_file(64)).await);
    for round in 0..10 {
        let journal = disk.path().join(format!("{round}.spool"));
        let said = cut_while(Role::Spool, &disk, &journal.display().to_string()).await;
        println!("{said}");
        // It never reached its database, which nobody could: here it goes into another one, as its owner may decide.
        let file = rusqlite::Connection::open(&journal).unwrap();
        file.execute("UPDATE journal SET database_name = NULL", []).unwrap();
        drop(file);
        let mut config =
            Config::new(DatabaseUrl::Sqlite(SqliteUrl::file(disk.path().join(format!("{round}.db")))));
        config.spool = Some(SpoolSettings::at(&journal));
        let store = secrets::open(&config).await.unwrap();
        while store.health().await.unwrap().spool.unwrap().events > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        said.check(store.as_ref()).await;
        store.close().await.unwrap();
        assert!(!journal.exists(), "nothing waits in it");
    }
}

/// Which also shows that a cut takes what was not synced.
async fn without_full_synchronisation_a_power_cut_may_take_the_latest_and_leaves_the_rest_whole() {
    let disk = Arc::new(aside(|| Disk::in_a_file(64)).await);
    let mut lost = 0;
    for round in 0..5 {
        let path = disk.path().join(format!("{round}.db"));
        let said = cut_while_recording(&disk, &path, "normal").await;
        let store = open(&path).await;
        lost += said.lost(store.as_ref()).await;
        store.close().await.unwrap();
        assert_whole(&path);
    }
    assert!(lost > 0);
}
