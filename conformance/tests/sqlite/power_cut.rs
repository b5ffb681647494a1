//! A machine that loses its power at any moment. Who records there is a process of its own: none outlives its disk.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use botstore_conformance::disk::Disk;
use botstore_conformance::recorder::{Recorder, Said};

use crate::child::Role;
use crate::given::{aside, assert_whole, open};

crate::tests![
    Disk::why_none_in_a_file;
    what_was_acknowledged_survives_a_power_cut_once,
    without_full_synchronisation_a_power_cut_may_take_the_latest_and_leaves_the_rest_whole,
];

/// Lets a process record in a database of its own until the power is cut, at a moment between the first acknowledgement
/// and 200 ms later; returns what it said. The disk is mounted again.
async fn cut_while_recording(disk: &Arc<Disk>, path: &Path, synchronous: &str) -> Said {
    let url = format!("sqlite:///{}?synchronous={synchronous}", path.display());
    let disk = Arc::clone(disk);
    aside(move || {
        let switch = disk.switch()?;
        let mut recorder = Recorder::start(&mut Role::Record.command(&url))?;
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
