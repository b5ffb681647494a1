//! A disk without room.

use botstore::Events as _;
use botstore::model::{Timestamp, UserCounts};
use botstore_conformance::disk::Disk;
use botstore_conformance::load::Load;

use crate::given::{PATIENCE, aside, assert_unavailable, assert_whole, config, open, record, try_open};

crate::tests![
    Disk::why_none_in_memory;
    what_was_acknowledged_is_there_and_room_lets_it_go_on,
    a_store_that_ended_on_a_full_disk_has_all_when_there_is_room,
    nothing_is_made_where_there_is_no_room,
];

const SAYS: &str = "the disk is full";

async fn what_was_acknowledged_is_there_and_room_lets_it_go_on() {
    let disk = aside(|| Disk::in_memory(4)).await;
    let path = disk.path().join("bot.db");
    let store = open(&path).await;
    let load = Load::begin(&store, 4);
    for _ in 0..3 {
        let ballast = disk.fill("ballast", 200 << 10).unwrap();
        let refused = loop {
            let counts = UserCounts::new(1, 2).unwrap();
            if let Err(error) = store.user_count(Timestamp::MIN, counts).await {
                break error;
            }
        };
        assert_unavailable::<()>(Err(refused), true, SAYS);
        assert!(store.chat_count().await.unwrap().get() > 0);
        ballast.remove().unwrap();
        load.progress(5, PATIENCE).await;
    }
    let account = load.end().await;
    println!("{account}");
    account.check(store.as_ref()).await;
    store.close().await.unwrap();
    assert_whole(&path);
}

async fn a_store_that_ended_on_a_full_disk_has_all_when_there_is_room() {
    let disk = aside(|| Disk::in_memory(4)).await;
    let path = disk.path().join("bot.db");
    let store = open(&path).await;
    let ballast = disk.fill("ballast", 100 << 10).unwrap();
    let mut recorded = 0;
    while record(&store, "fills").await.is_ok() {
        recorded += 1;
    }
    store.close().await.unwrap();
    let rest = disk.fill("rest", 0).unwrap();
    assert_unavailable(try_open(&config(&path, "")).await, true, SAYS);
    ballast.remove().unwrap();
    rest.remove().unwrap();
    let store = open(&path).await;
    record(&store, "after").await.unwrap();
    assert_eq!(store.chat_count().await.unwrap().get(), recorded + 1);
    store.close().await.unwrap();
    assert_whole(&path);
}

async fn nothing_is_made_where_there_is_no_room() {
    let disk = aside(|| Disk::in_memory(1)).await;
    let path = disk.path().join("bot.db");
    let ballast = disk.fill("ballast", 8 << 10).unwrap();
    assert_unavailable(try_open(&config(&path, "")).await, true, SAYS);
    ballast.remove().unwrap();
    record(&open(&path).await, "after").await.unwrap();
    assert_whole(&path);
}
