use std::time::Duration;

use botstore_core::model::Recorded;
use botstore_core::{ErrorKind, Ingest as _, Lifecycle as _};
use tokio::time::{Instant, sleep};

use crate::Spool;
use crate::testing::{Database, Log, Store, loose, settings, until};

#[tokio::test(start_paused = true)]
async fn a_database_that_is_silent_at_the_start_is_away_after_two_seconds_and_asked_once() {
    let ((_directory, settings), database) = (settings(), Database::new().await);
    database.hangs();
    let begun = Instant::now();
    let store = Store::open(&database, &settings).await;
    assert!((2..3).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    assert_eq!(store.record(&loose(&["1"])).await.unwrap(), Recorded::spooled(1, 0));
    let away = store.health().await.unwrap().database.unwrap_err();
    assert_eq!(away.error, "open: unavailable: the database did not answer within 2s");
    sleep(Duration::from_secs(600)).await;
    assert_eq!(database.asked(), 1, "bringing its schema up to date is not begun anew");
    database.speaks();
    store.drained().await;
    assert_eq!(database.words().await, ["1"]);
    store.close().await.unwrap();
    assert!(!settings.path.exists());
}

#[tokio::test(start_paused = true)]
async fn an_error_that_comes_after_the_start_is_logged_and_shown() {
    let ((_directory, settings), database) = (settings(), Database::new().await);
    database.hangs();
    database.fails(ErrorKind::Internal);
    let (log, store) = (Log::begin(), Store::open(&database, &settings).await);
    database.speaks();
    let failure = async || store.health().await.unwrap().spool.unwrap().error.unwrap_or_default();
    until(async || failure().await.contains("cut")).await;
    let away = store.health().await.unwrap().database.unwrap_err();
    assert!(away.error.contains("cut"), "{}", away.error);
    let told = log.lines().join("\n");
    assert!(told.contains("the database does not work") && told.contains("cut"), "{told}");
    assert_eq!(store.record(&loose(&["1"])).await.unwrap(), Recorded::spooled(1, 0));
    database.is_back();
    store.drained().await;
    assert_eq!(database.words().await, ["1"]);
}

#[tokio::test(start_paused = true)]
async fn a_store_can_be_closed_while_the_first_answer_is_waited_for() {
    let ((_directory, settings), database) = (settings(), Database::new().await);
    database.hangs();
    let store = Store::open(&database, &settings).await;
    store.record(&loose(&["1"])).await.unwrap();
    let begun = Instant::now();
    store.close().await.unwrap();
    assert!(begun.elapsed() < settings.close_within + Spool::PATIENCE, "{:?}", begun.elapsed());
    database.speaks();
    let store = Store::open(&database, &settings).await;
    store.drained().await;
    assert_eq!(database.words().await, ["1"]);
}
