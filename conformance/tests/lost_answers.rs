//! What a bot is told when an answer gets lost on its way, and when nobody answers at all.

#![allow(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use botstore::model::{Batch, Position, Source};
use botstore::store::BotStore;
use botstore::{Config, ErrorKind};
use botstore_conformance::load::{line, lines};
use botstore_conformance::proxy::{Fault, Network, Proxy};
use botstore_conformance::server::{PostgresDatabase, PostgresServer};

/// A store that reaches its database through a proxy.
struct Given {
    store: Arc<dyn BotStore>,
    proxy: Proxy,
    database: PostgresDatabase,
}

impl Given {
    async fn new(parameters: &str) -> Self {
        static SERVER: std::sync::OnceLock<PostgresServer> = std::sync::OnceLock::new();
        let server = SERVER.get_or_init(|| PostgresServer::start_own("").unwrap());
        let database = server.create_migrated().unwrap();
        let port = server.port().unwrap();
        let proxy = Proxy::start(port).await.unwrap();
        let url = format!("{}&{parameters}", proxy.url(database.url(), port));
        let store = botstore::open(&Config::new(url.parse().unwrap())).await.unwrap().into();
        Self { store, proxy, database }
    }

    /// How often each line is there, as somebody sees it who does not come through the proxy.
    async fn stored(&self, text: &str) -> u64 {
        let store = botstore::open(&Config::new(self.database.url().parse().unwrap())).await.unwrap();
        let times = lines(store.as_ref()).await.get(text).copied().unwrap_or(0);
        store.close().await.unwrap();
        times
    }
}

fn plain(text: &str) -> Batch {
    Batch::new(vec![line(text)]).unwrap()
}

/// The `n`-th batch of one line, counted from 1.
fn with_cursor(n: i64) -> Batch {
    let position = |position| Position::new(position).unwrap();
    let events = vec![(position(n), line(&n.to_string()))];
    Batch::with_cursor(Source::new("log").unwrap(), position(n - 1), events).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_with_a_cursor_is_recorded_once_whatever_is_lost() {
    let given = Given::new("").await;
    let mut n = 0;
    for fault in [Fault::AnswerLost, Fault::CutInTheMiddle] {
        // The statement that records, the one that asks how far it came, and the next that records.
        for statement in 1..=3 {
            n += 1;
            given.proxy.plan(fault, statement);
            given.store.record(&with_cursor(n)).await.unwrap();
            assert_eq!(given.stored(&n.to_string()).await, 1, "{fault:?}, statement {statement}");
        }
    }
    assert!(given.proxy.faults() >= 2, "{}", given.proxy.faults());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_without_a_cursor_whose_answer_is_lost_is_indeterminate_and_there_once() {
    let given = Given::new("").await;
    for n in 0..5 {
        let text = format!("done {n}");
        given.proxy.plan(Fault::AnswerLost, 1);
        let error = given.store.record(&plain(&text)).await.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Indeterminate, "{error}");
        assert_eq!(given.stored(&text).await, 1);
    }
    assert_eq!(given.proxy.faults(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_without_a_cursor_that_did_not_arrive_whole_is_indeterminate_and_not_there() {
    let given = Given::new("").await;
    for n in 0..5 {
        let text = format!("cut {n}");
        given.proxy.plan(Fault::CutInTheMiddle, 1);
        let error = given.store.record(&plain(&text)).await.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Indeterminate, "{error}");
        assert_eq!(given.stored(&text).await, 0);
    }
    assert_eq!(given.proxy.faults(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_whose_answer_is_lost_is_asked_again() {
    let given = Given::new("").await;
    given.store.record(&plain("hello")).await.unwrap();
    for fault in [Fault::AnswerLost, Fault::CutInTheMiddle] {
        given.proxy.plan(fault, 1);
        assert_eq!(given.store.chat_count().await.unwrap().get(), 1);
    }
    assert_eq!(given.proxy.faults(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_falls_silent_ends_a_write_at_the_deadline_as_indeterminate() {
    let given = Given::new("statement_timeout=1s").await;
    given.store.record(&plain("before")).await.unwrap();
    given.proxy.set(Network::Silent);
    let begun = Instant::now();
    let error = given.store.record(&plain("silent")).await.unwrap_err();
    let waited = begun.elapsed();
    assert_eq!(*error.kind(), ErrorKind::Indeterminate, "{error}");
    assert!((Duration::from_secs(1)..Duration::from_secs(20)).contains(&waited), "{waited:?}");
    given.proxy.set(Network::Passing);
    given.store.record(&plain("after")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_works_on_once_the_network_is_back() {
    let given = Given::new("").await;
    given.store.record(&plain("before")).await.unwrap();
    given.proxy.set(Network::Refusing);
    let during = given.store.chat_count();
    let back = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        given.proxy.set(Network::Passing);
    };
    let (count, ()) = tokio::join!(during, back);
    assert_eq!(count.unwrap().get(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_network_changes_nothing_but_the_time() {
    let given = Given::new("").await;
    given.proxy.set(Network::Slow(Duration::from_millis(20)));
    given.store.record(&plain("slow")).await.unwrap();
    assert_eq!(given.stored("slow").await, 1);
}
