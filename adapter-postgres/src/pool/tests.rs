use std::sync::Arc;
use std::time::Duration;

use botstore_conformance::proxy::Proxy;
use botstore_core::clock::ManualClock;
use botstore_core::{Chat, ErrorKind, Lifecycle};
use futures::future::join_all;
use tokio::runtime;
use tokio::time::timeout;
use tokio_postgres::Client;

use crate::client::Intent;
use crate::open::PostgresStore;
use crate::testing::{Database, open, postgres_url};

/// The pool is tended as often.
const HALF_A_MINUTE: Duration = Duration::from_secs(30);

/// A store that keeps two connections and may have six, and its clock. The test tends the pool itself.
async fn with_clock(database: &Database, parameters: &str) -> (PostgresStore, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::default());
    let parameters = format!("pool_size=2&max_overflow=4{parameters}");
    let store = database.open(&parameters, clock.clone()).await.unwrap();
    store.keeper.stop();
    (store, clock)
}

/// The servers' processes of the store's connections that are open, as many as are wanted at once.
async fn processes(store: &PostgresStore, wanted: usize) -> Vec<i32> {
    let lent = join_all((0..wanted).map(|_| store.connections.get("test"))).await;
    let mut processes = Vec::new();
    for client in lent.iter().map(|client| client.as_ref().unwrap()) {
        let rows = client.query_typed("SELECT pg_backend_pid()", &[]).await.unwrap();
        processes.push(rows[0].get(0));
    }
    processes.sort_unstable();
    processes
}

fn open_and_idle(store: &PostgresStore) -> (usize, usize) {
    let health = store.connections.pool.health();
    (health.open, health.idle)
}

#[test]
fn after_an_idle_hour_the_overflow_is_gone_and_the_minimum_is_warm() {
    let Some(database) = Database::migrated() else { return };
    database.run(async |_| {
        let (store, clock) = with_clock(&database, "").await;
        let pool = &store.connections.pool;
        let busy = processes(&store, 6).await;
        assert_eq!(open_and_idle(&store), (6, 6));
        clock.advance(Duration::from_secs(59));
        pool.tend().await.unwrap();
        assert_eq!(open_and_idle(&store), (6, 6), "it may be needed again at once");
        clock.advance(Duration::from_secs(1));
        pool.tend().await.unwrap();
        assert_eq!(open_and_idle(&store), (2, 2));
        clock.advance(Duration::from_secs(3600));
        pool.tend().await.unwrap();
        assert_eq!(open_and_idle(&store), (2, 2));
        // They are there before anybody asks, and are others: an hour is the age at which they are replaced.
        let warm = processes(&store, 2).await;
        assert_eq!(open_and_idle(&store), (2, 2));
        assert!(warm.iter().all(|process| !busy.contains(process)), "{warm:?} {busy:?}");
    });
}

#[test]
fn the_minimum_is_opened_though_nobody_asks_for_it() {
    let Some(database) = Database::migrated() else { return };
    database.run(async |_| {
        let store = database.store_with("pool_size=3").await;
        while open_and_idle(&store) != (3, 3) {
            tokio::task::yield_now().await;
        }
        store.close().await.unwrap();
        assert_eq!(open_and_idle(&store), (0, 0));
    });
}

#[test]
fn there_are_never_more_connections_than_allowed() {
    let Some(database) = Database::migrated() else { return };
    database.run(async |_| {
        for _ in 0..10 {
            // The pool is filled while everybody wants a connection.
            let store = database.store_with("pool_size=4&max_overflow=0").await;
            let all = join_all((0..40).map(|_| store.chat_count()));
            let most = async {
                let mut most = 0;
                for _ in 0..100 {
                    most = most.max(store.connections.pool.lending.manager().living());
                    tokio::task::yield_now().await;
                }
                most
            };
            let (counts, most) = tokio::join!(all, most);
            assert!(counts.into_iter().all(|count| count.is_ok()));
            assert!(most <= 4, "{most}");
        }
    });
}

#[test]
fn a_connection_is_replaced_at_its_age_and_not_before() {
    let Some(database) = Database::migrated() else { return };
    database.run(async |_| {
        let (store, clock) = with_clock(&database, "&pool_recycle=100s").await;
        let first = processes(&store, 1).await;
        clock.advance(Duration::from_millis(99_999));
        assert_eq!(processes(&store, 1).await, first);
        clock.advance(Duration::from_millis(1));
        assert_ne!(processes(&store, 1).await, first);
    });
}

#[test]
fn what_broke_while_it_was_idle_is_not_lent() {
    let Some(database) = Database::migrated() else { return };
    database.run(async |client| {
        let (store, clock) = with_clock(&database, "").await;
        let first = processes(&store, 2).await;
        end(client, &first).await;
        // Whether or not the news has come yet: it is tried out after so long.
        clock.advance(Duration::from_secs(30));
        assert!(processes(&store, 2).await.iter().all(|process| !first.contains(process)));
        assert_eq!(store.chat_count().await.unwrap().get(), 0);
    });
}

/// Ends the servers' processes, from another connection.
async fn end(client: &Client, processes: &[i32]) {
    let end = "SELECT pg_terminate_backend(pid, 5000) FROM unnest($1::int[]) AS pid";
    client.query(end, &[&processes]).await.unwrap();
}

#[test]
fn what_is_known_to_be_broken_is_not_lent_even_at_once() {
    let Some(database) = Database::migrated() else { return };
    database.run(async |client| {
        let (store, _clock) = with_clock(&database, "").await;
        let lent = store.connections.get("test").await.unwrap();
        let process: i32 = lent.query_typed("SELECT pg_backend_pid()", &[]).await.unwrap()[0].get(0);
        end(client, &[process]).await;
        while !lent.is_closed() {
            tokio::task::yield_now().await;
        }
        drop(lent);
        assert!(!processes(&store, 1).await.contains(&process));
    });
}

#[test]
fn the_minimum_is_opened_again_after_it_broke_though_nobody_asks_for_it() {
    let Some(database) = Database::migrated() else { return };
    database.run(async |client| {
        let (store, _clock) = with_clock(&database, "").await;
        let _keeper = store.connections.pool.keep(Duration::from_millis(1));
        let first = processes(&store, 2).await;
        end(client, &first).await;
        let others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
            AND pid <> pg_backend_pid() AND pid <> ALL($1)";
        while client.query(others, &[&first]).await.unwrap()[0].get::<_, i64>(0) < 2 {}
        while open_and_idle(&store) != (2, 2) {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn after_a_standby_answered_none_of_the_idle_connections_is_kept() {
    let Some(database) = Database::migrated() else { return };
    database.run(async |_| {
        let (store, _clock) = with_clock(&database, "").await;
        // One of them was never lent.
        store.connections.pool.tend().await.unwrap();
        assert_eq!(open_and_idle(&store), (2, 2));
        let standby = "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'read_only_sql_transaction'; END $$";
        let error = store.connections.send("test", Intent::Write, standby, &[]).await.unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Unavailable);
        assert_eq!(open_and_idle(&store), (0, 0));
    });
}

#[test]
fn a_connection_on_which_nobody_answers_any_more_is_replaced_before_it_is_lent() {
    let Some(database) = Database::migrated() else { return };
    database.run(async |_| {
        let port = postgres_url(database.url()).hosts[0].port;
        let proxy = Proxy::start(port).await.unwrap();
        let url = format!("{}&pool_size=1&max_overflow=0", proxy.url(database.url(), port));
        let clock = Arc::new(ManualClock::default());
        let store = open(&url, clock.clone()).await.unwrap();
        let first = processes(&store, 1).await;
        assert_eq!(processes(&store, 1).await, first);
        proxy.forget();
        clock.advance(Duration::from_secs(30));
        let second = timeout(Duration::from_secs(20), processes(&store, 1)).await.unwrap();
        assert_ne!(second, first);
    });
}

#[test]
fn the_pool_is_tended_by_itself() {
    let Some(database) = Database::migrated() else { return };
    let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let clock = Arc::new(ManualClock::default());
        let store = database.open("pool_size=2&max_overflow=4", clock.clone()).await.unwrap();
        let pool = &store.connections.pool;
        let reserve = || pool.lending.manager().reserve().len();
        until(|| pool.lending.manager().living() == 2).await;
        processes(&store, 6).await;
        assert_eq!(open_and_idle(&store), (6, 6));

        clock.advance(Duration::from_secs(60));
        pass(HALF_A_MINUTE).await;
        until(|| open_and_idle(&store) == (2, 2)).await;
        // Those that are too old are replaced, before anybody asks.
        clock.advance(Duration::from_secs(3600));
        pass(HALF_A_MINUTE).await;
        until(|| open_and_idle(&store) == (2, 2) && reserve() == 2).await;
    });
}

/// The keeper's time passes at once; only then does it go on as usual, so that no server is thought to be late.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// Waits until something is so, but not for ever.
async fn until(is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(Duration::from_secs(20), waiting).await.expect("it never was so");
}

#[test]
fn who_waits_in_vain_learns_how_it_stands() {
    let Some(database) = Database::migrated() else { return };
    database.run(async |_| {
        let store = database.store_with("pool_size=1&max_overflow=1&pool_timeout=20ms").await;
        let _lent = (store.connections.get("test").await.unwrap(), store.connections.get("test").await.unwrap());
        let error = store.chat_count().await.unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::PoolExhausted);
        let figures = "none of 2 connections became free within 20ms: 2 are in use, and 0 more callers wait; raise \
            pool_size (1) or max_overflow (1)";
        assert!(error.to_string().ends_with(figures), "{error}");
    });
}

#[tokio::test]
async fn a_wrong_port_is_refused_at_once_by_host_and_port() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("postgresql://ada:secret@127.0.0.1:{port}/db?pool_timeout=1h");
    let error = open(&url, Arc::new(ManualClock::default())).await.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Unavailable);
    assert_eq!(
        error.to_string(),
        format!(
            "open: unavailable: cannot connect to postgresql://ada@127.0.0.1:{port}/db: Connection refused (os error \
             111); is a server running there?"
        )
    );
}
