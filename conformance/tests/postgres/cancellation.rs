//! Callers who give up in the middle of a call.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use botstore::Events as _;
use botstore::model::{
    Claim, Expect, KvKey, KvName, KvValue, Limit, MessageText, NewMessage, Plugin, Seconds, Timestamp,
};
use botstore::store::BotStore;
use botstore_conformance::load::Load;
use botstore_conformance::server::{Flavour, PostgresDatabase};
use fastrand::Rng;
use futures::future::join_all;
use futures::stream::{self, StreamExt as _};
use serde_json::json;
use tokio::time::timeout;

use crate::given::{ada, connections, database, open};

crate::tests![
    calls_given_up_anywhere_leave_no_transaction_open_and_lose_no_connection,
    the_server_stops_what_was_given_up,
    the_server_stops_what_was_given_up_over_tls,
    the_server_stops_what_was_given_up_through_a_pooler,
    a_closed_store_leaves_nothing_running_on_the_server,
];

/// Calls that are given up, if they have not ended by then.
const CALLS: u64 = 10_000;

/// What the store has.
const SETTINGS: &str = "pool_size=5&max_overflow=10";
const CONNECTIONS: usize = 15;

/// Whoever reads a user waits while this transaction is open.
const LOCK: &str = "BEGIN; LOCK TABLE user_stats IN ACCESS EXCLUSIVE MODE";

/// The server does not find out by itself that nobody is there any more, nor does it tire of waiting.
const UNWATCHED: &str = "&statement_timeout=off&options=-c%20client_connection_check_interval%3D0";

/// Nothing takes as long, unless it never ends.
const PATIENCE: Duration = Duration::from_secs(60);

/// Lets a future go on to its `awaits`-th await, and drops it there; whether it had ended before.
async fn give_up_at(awaits: u64, future: impl Future) -> bool {
    let (mut future, mut left) = (pin!(future), awaits);
    poll_fn(|context| {
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(_) => Poll::Ready(true),
            Poll::Pending if left == 0 => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Makes a call of some kind; what comes of it does not matter.
async fn call(store: &dyn BotStore, n: u64) {
    let now = Timestamp::new(1_000).unwrap();
    match n % 6 {
        0 => _ = store.user_joined(now, &ada()).await,
        1 => _ = store.user_stats(&ada()).await,
        2 => {
            let key = KvKey { plugin: Plugin::new("quiz").unwrap(), key: KvName::new("score").unwrap() };
            _ = store.kv_put(&key, &KvValue::new(&json!(n)).unwrap(), None, Expect::Any, now).await;
        }
        3 => {
            let message = NewMessage::new(MessageText::new("given up").unwrap()).unwrap();
            _ = store.enqueue(&message, now).await;
        }
        4 => {
            let claim = Claim::new(now, Seconds::new(60).unwrap()).unwrap();
            _ = store.claim_messages(claim, Limit::new(1).unwrap()).await;
        }
        _ => _ = store.recent_chat(Limit::new(5).unwrap()).await,
    }
}

/// Gives up calls that wait for a lock: the server never works for more of them than the pool may have, and in the end
/// for none.
async fn give_up_on_a_lock(database: &PostgresDatabase, parameters: &str) {
    const MOST: usize = 5;
    let separator = if database.url().contains('?') { '&' } else { '?' };
    let store = open(&format!("{}{separator}pool_size=2&max_overflow=3{parameters}", database.url())).await;
    let other = database.connect().await.unwrap();
    other.batch_execute(LOCK).await.unwrap();
    let (ada, mut most) = (ada(), 0);
    for _ in 0..20 {
        let calls = join_all((0..3).map(|_| timeout(Duration::from_millis(30), store.user_stats(&ada))));
        let (answers, count) = tokio::join!(calls, connections(database, "state = 'active'"));
        assert!(answers.iter().all(Result::is_err), "nobody has the lock before it is given back");
        most = most.max(count);
    }
    // The lock is not given back yet.
    wait_for(database, "state = 'active'", 0).await;
    println!("{most} connections at most were at work for calls most of which were given up");
    assert!((1..=MOST).contains(&most), "{most}");
    other.batch_execute("COMMIT").await.unwrap();
    assert_eq!(store.user_stats(&ada).await.unwrap(), None);
    store.close().await.unwrap();
}

async fn the_server_stops_what_was_given_up() {
    give_up_on_a_lock(&database(), UNWATCHED).await;
}

async fn the_server_stops_what_was_given_up_over_tls() {
    give_up_on_a_lock(&Flavour::Tls.start().unwrap().create_migrated().unwrap(), UNWATCHED).await;
}

async fn the_server_stops_what_was_given_up_through_a_pooler() {
    give_up_on_a_lock(&Flavour::PgBouncer.start().unwrap().create_migrated().unwrap(), "").await;
}

async fn a_closed_store_leaves_nothing_running_on_the_server() {
    let database = database();
    let store = open(database.url()).await;
    let other = database.connect().await.unwrap();
    other.batch_execute(LOCK).await.unwrap();
    timeout(Duration::from_millis(30), store.user_stats(&ada())).await.unwrap_err();
    store.close().await.unwrap();
    assert_eq!(connections(&database, "state = 'active'").await, 0);
}

/// Waits until there are so many connections of which this is true.
async fn wait_for(database: &PostgresDatabase, what: &str, expected: usize) {
    let begun = Instant::now();
    loop {
        let count = connections(database, what).await;
        if count == expected {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{count} connections for which {what}, and not {expected}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn calls_given_up_anywhere_leave_no_transaction_open_and_lose_no_connection() {
    let database = database();
    let store = open(&format!("{}?{SETTINGS}", database.url())).await;
    let load = Load::begin(&store, 4);

    let mut random = Rng::with_seed(10_000);
    let given_up = stream::iter(0..CALLS).map(|n| {
        let (store, awaits) = (Arc::clone(&store), random.u64(1..=8));
        tokio::spawn(async move { !give_up_at(awaits, call(store.as_ref(), n)).await })
    });
    let given_up =
        given_up.buffer_unordered(32).map(Result::unwrap).filter(|&given_up| async move { given_up });
    let given_up = given_up.count().await;

    load.progress(1, PATIENCE).await;
    let account = load.end().await;
    println!("{given_up} of {CALLS} calls were given up; {account}");
    assert!(given_up as u64 > CALLS / 3, "{given_up}");
    account.check(store.as_ref()).await;

    wait_for(&database, "state <> 'idle'", 0).await;
    every_connection_works(&store, &database).await;
    store.close().await.unwrap();
}

/// As many calls as there are connections get one each, at the same time.
async fn every_connection_works(store: &Arc<dyn BotStore>, database: &PostgresDatabase) {
    let other = database.connect().await.unwrap();
    other.batch_execute("BEGIN; LOCK TABLE user_stats IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let calls = (0..CONNECTIONS).map(|_| {
        let store = Arc::clone(store);
        tokio::spawn(async move { store.user_stats(&ada()).await })
    });
    let calls: Vec<_> = calls.collect();
    wait_for(database, "wait_event_type = 'Lock'", CONNECTIONS).await;
    other.batch_execute("COMMIT").await.unwrap();
    for answer in join_all(calls).await {
        assert!(answer.unwrap().unwrap().is_some());
    }
}
