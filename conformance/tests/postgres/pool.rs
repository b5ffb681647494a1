//! The pool of connections under more callers than it has connections.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use botstore::model::{Timestamp, Username};
use botstore::{ErrorKind, Events as _};
use futures::future::join_all;

use crate::given::{ada, config, connections, database, open};

crate::tests![
    two_hundred_callers_share_twenty_connections_and_none_starves,
    whoever_waits_too_long_is_told_so_with_the_figures,
    a_wrong_port_is_refused_at_once_with_host_and_port,
];

/// Whoever reads a user waits while this transaction is open.
const LOCK: &str = "BEGIN; LOCK TABLE user_stats IN ACCESS EXCLUSIVE MODE";

async fn two_hundred_callers_share_twenty_connections_and_none_starves() {
    let database = database();
    let store = open(&format!("{}?pool_size=5&max_overflow=15", database.url())).await;
    let over = Instant::now() + Duration::from_secs(3);
    let most = Arc::new(AtomicUsize::new(0));
    let callers = (0..200).map(|n| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let mut calls = 0_u64;
            while Instant::now() < over {
                let name = Username::new(format!("user{n}")).unwrap();
                if calls.is_multiple_of(4) {
                    store.user_joined(Timestamp::new(1).unwrap(), &name).await.unwrap();
                } else {
                    assert!(store.user_stats(&name).await.unwrap().is_some());
                }
                calls += 1;
            }
            calls
        })
    });
    let callers: Vec<_> = callers.collect();
    while Instant::now() < over {
        most.fetch_max(connections(&database, "true").await, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let calls: Vec<u64> = join_all(callers).await.into_iter().map(Result::unwrap).collect();
    let (least, all) = (calls.iter().min().unwrap(), calls.iter().sum::<u64>());
    println!("{all} calls, {least} at least by each, on {most:?} connections");
    assert!(least * 200 * 3 >= all, "the slowest caller has made {least} calls of {all}");
    let most = most.load(Ordering::Relaxed);
    assert!((6..=20).contains(&most), "{most} connections");
    store.close().await.unwrap();
}

async fn whoever_waits_too_long_is_told_so_with_the_figures() {
    let database = database();
    let store = open(&format!("{}?pool_size=2&max_overflow=3&pool_timeout=400ms", database.url())).await;
    let other = database.connect().await.unwrap();
    other.batch_execute(LOCK).await.unwrap();
    let blocked = (0..5).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.user_stats(&ada()).await })
    });
    let blocked: Vec<_> = blocked.collect();
    while connections(&database, "wait_event_type = 'Lock'").await < 5 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let begun = Instant::now();
    let error = store.health().await.unwrap_err();
    let waited = begun.elapsed();
    assert_eq!(*error.kind(), ErrorKind::PoolExhausted, "{error}");
    assert!((Duration::from_millis(400)..Duration::from_secs(10)).contains(&waited), "{waited:?}");
    let text = error.to_string();
    assert!(text.contains("5 connections") && text.contains("400ms"), "{text}");
    other.batch_execute("COMMIT").await.unwrap();
    for answer in join_all(blocked).await {
        assert_eq!(answer.unwrap().unwrap(), None);
    }
    assert!(store.health().await.is_ok());
    store.close().await.unwrap();
}

async fn a_wrong_port_is_refused_at_once_with_host_and_port() {
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let url = format!("postgresql://rosey:secret@127.0.0.1:{port}/rosey");
    let begun = Instant::now();
    let error = botstore::open(&config(&url)).await.unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(*error.kind(), ErrorKind::Unavailable);
    let text = error.to_string();
    assert!(
        text.contains(&format!("127.0.0.1:{port}")) && text.to_lowercase().contains("connection refused"),
        "{text}"
    );
}
