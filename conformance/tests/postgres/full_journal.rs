//! A journal on a disk without room, while the database is away.

use std::sync::Arc;
use std::time::Duration;

use botstore::ErrorKind;
use botstore::settings::SpoolSettings;
use botstore::store::BotStore;
use botstore_conformance::disk::Disk;
use botstore_conformance::load::lines;
use botstore_conformance::proxy::{Network, Proxy};
use botstore_conformance::secrets;

use crate::given::{batch, config, database, open};

crate::tests![what_was_acknowledged_arrives_and_room_lets_recording_go_on];

/// Records lines until one is refused; says how many were acknowledged.
async fn until_refused(store: &Arc<dyn BotStore>, round: usize) -> usize {
    for n in 0.. {
        let text = format!("{round} {n} {}", "x".repeat(300));
        let Err(error) = store.record(&batch(&text)).await else { continue };
        assert_eq!((error.kind(), error.is_lasting()), (&ErrorKind::Unavailable, true), "{error}");
        let told = error.to_string();
        assert!(told.contains("/journal: ") && told.contains("full"), "{told}");
        assert!(!told.contains("xxx"), "{told}");
        return n;
    }
    unreachable!("the disk has an end");
}

async fn what_was_acknowledged_arrives_and_room_lets_recording_go_on() {
    let database = database();
    let port = database.server().port().unwrap();
    let proxy = Proxy::start(port).await.unwrap();
    let disk = tokio::task::spawn_blocking(|| Disk::in_memory(4)).await.unwrap().unwrap();
    let mut config = config(&proxy.url(database.url(), port));
    config.spool = Some(SpoolSettings::at(disk.path().join("journal")));
    let store = secrets::searched(secrets::open(&config).await.unwrap());
    store.record(&batch("before")).await.unwrap();
    proxy.set(Network::Refusing);
    while store.health().await.unwrap().database.is_ok() {
        let _ = store.chat_count().await;
    }
    let mut acknowledged = 1;
    for round in 0..3 {
        let ballast = disk.fill("ballast", 200 << 10).unwrap();
        acknowledged += until_refused(&store, round).await;
        ballast.remove().unwrap();
        // The same store goes on.
        store.record(&batch(&format!("between {round}"))).await.unwrap();
        acknowledged += 1;
    }
    // What is in the database by now can be taken out of the journal once there is room.
    let ballast = disk.fill("ballast", 0).unwrap();
    acknowledged += until_refused(&store, 3).await;
    proxy.set(Network::Passing);
    while store.chat_count().await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    ballast.remove().unwrap();
    let begun = tokio::time::Instant::now();
    while store.health().await.unwrap().spool.unwrap().events > 0 {
        assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", store.health().await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    store.close().await.unwrap();
    let direct = open(database.url()).await;
    let stored = lines(direct.as_ref()).await;
    assert_eq!((stored.len(), stored.values().max()), (acknowledged, Some(&1)));
    println!("{acknowledged} lines were acknowledged, and are there");
    direct.close().await.unwrap();
}
