//! What a bot notices when its server crashes, and when another takes its place.

use std::sync::Arc;
use std::time::{Duration, Instant};

use botstore::ErrorKind;
use botstore_conformance::cluster::Cluster;
use botstore_conformance::load::{Load, lines};
use botstore_conformance::server::PostgresServer;

use crate::given::{batch, open};

crate::tests![
    a_standby_takes_over_and_nothing_acknowledged_is_lost,
    a_commit_that_waits_for_a_lost_standby_ends_at_the_deadline_as_indeterminate,
    ten_crashes_in_a_row_lose_nothing_acknowledged,
    connections_that_are_terminated_all_the_time_lose_nothing_acknowledged,
];

const CALLERS: usize = 16;

/// Far more than a recovery takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs what blocks where that does not stop the callers.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> anyhow::Result<T> + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap().unwrap()
}

async fn a_standby_takes_over_and_nothing_acknowledged_is_lost() {
    let cluster = Arc::new(aside(Cluster::start).await);
    let store = open(&cluster.url()).await;
    let load = Load::begin(&store, CALLERS);
    load.progress(50, PATIENCE).await;

    let begun = Instant::now();
    let both = Arc::clone(&cluster);
    aside(move || both.kill_primary().and_then(|()| both.promote_standby())).await;
    let promoted = begun.elapsed();
    load.progress(1, PATIENCE).await;
    let recovered = begun.elapsed();
    load.progress(50, PATIENCE).await;

    let account = load.end().await;
    println!("standby promoted after {promoted:.2?}, every caller served after {recovered:.2?}; {account}");
    account.check(store.as_ref()).await;
    store.close().await.unwrap();
}

async fn a_commit_that_waits_for_a_lost_standby_ends_at_the_deadline_as_indeterminate() {
    let cluster = Arc::new(aside(Cluster::start).await);
    // The client's deadline is a little later than the server's.
    let store = open(&format!("{}&statement_timeout=1s", cluster.url())).await;
    store.record(&batch("before")).await.unwrap();

    let both = Arc::clone(&cluster);
    aside(move || both.stop_standby()).await;
    let begun = Instant::now();
    let error = store.record(&batch("waits")).await.unwrap_err();
    let waited = begun.elapsed();
    assert_eq!(*error.kind(), ErrorKind::Indeterminate, "{error}");
    assert!((Duration::from_secs(1)..Duration::from_secs(20)).contains(&waited), "{waited:?}");

    // The server does not wait on either, though there is still no standby.
    let begun = Instant::now();
    while cluster.waiting_commits().await.unwrap() > 0 {
        assert!(begun.elapsed() < PATIENCE, "a commit waits on the server for which no caller waits");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    let both = Arc::clone(&cluster);
    aside(move || both.start_standby()).await;
    store.record(&batch("after")).await.unwrap();
    let stored = lines(store.as_ref()).await;
    assert_eq!(stored.get("waits"), Some(&1), "the commit was local, and is visible once the standby has it");
    assert_eq!((stored["before"], stored["after"], stored.len()), (1, 1, 3));
    store.close().await.unwrap();
}

async fn ten_crashes_in_a_row_lose_nothing_acknowledged() {
    let server = aside(|| PostgresServer::start_own("")).await;
    let database = server.create_migrated().unwrap();
    let store = open(database.url()).await;
    let load = Load::begin(&store, CALLERS);
    let mut recoveries = Vec::new();
    for _ in 0..10 {
        load.progress(5, PATIENCE).await;
        let server = server.clone();
        aside(move || server.restart_immediately()).await;
        recoveries.push(load.progress(1, PATIENCE).await);
    }
    let account = load.end().await;
    println!("every caller served {recoveries:.2?} after the restarts; {account}");
    account.check(store.as_ref()).await;
    store.close().await.unwrap();
}

async fn connections_that_are_terminated_all_the_time_lose_nothing_acknowledged() {
    const TERMINATE: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let server = aside(|| PostgresServer::start_own("")).await;
    let database = server.create_migrated().unwrap();
    let store = open(database.url()).await;
    let load = Load::begin(&store, CALLERS);
    let mut terminated = 0;
    for _ in 0..50 {
        load.progress(1, PATIENCE).await;
        let count = database.sql(TERMINATE).await.unwrap();
        terminated += count[0].parse::<u64>().unwrap();
    }
    load.progress(5, PATIENCE).await;
    let account = load.end().await;
    println!("{terminated} connections terminated; {account}");
    assert!(terminated >= 50);
    account.check(store.as_ref()).await;
    store.close().await.unwrap();
}
