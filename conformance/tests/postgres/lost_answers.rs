//! What a bot is told when an answer gets lost on its way, and when nobody answers at all.

use std::sync::Arc;
use std::time::{Duration, Instant};

use botstore::ErrorKind;
use botstore::model::{Batch, Position, Source};
use botstore::store::BotStore;
use botstore_conformance::load::{line, lines};
use botstore_conformance::proxy::{Fault, Network, Proxy};
use botstore_conformance::secrets;
use botstore_conformance::server::PostgresDatabase;

use crate::given::{batch, database, open};

crate::tests![
    a_batch_with_a_cursor_is_recorded_once_whatever_is_lost,
    a_batch_without_a_cursor_whose_answer_is_lost_is_indeterminate_and_there_once,
    a_batch_without_a_cursor_that_did_not_arrive_whole_is_indeterminate_and_not_there,
    a_read_whose_answer_is_lost_is_asked_again,
    a_server_that_falls_silent_ends_a_write_at_the_deadline_as_indeterminate,
    a_store_works_on_once_the_network_is_back,
    that_the_database_is_away_is_said_at_the_first_attempt,
    a_slow_network_changes_nothing_but_the_time,
];

/// A store that reaches its database through a proxy.
struct Given {
    store: Arc<dyn BotStore>,
    proxy: Proxy,
    database: PostgresDatabase,
}

impl Given {
    async fn new(parameters: &str) -> Self {
        let database = database();
        let port = database.server().port().unwrap();
        let proxy = Proxy::start(port).await.unwrap();
        let store = open(&format!("{}&{parameters}", proxy.url(database.url(), port))).await;
        Self { store, proxy, database }
    }

    /// How often each line is there, as somebody sees it who does not come through the proxy.
    async fn stored(&self, text: &str) -> u64 {
        let store = open(self.database.url()).await;
        let times = lines(store.as_ref()).await.get(text).copied().unwrap_or(0);
        store.close().await.unwrap();
        times
    }
}

/// The `n`-th batch of one line, counted from 1.
fn with_cursor(n: i64) -> Batch {
    let position = |position| Position::new(position).unwrap();
    let events = vec![(position(n), line(&n.to_string()))];
    Batch::with_cursor(Source::new("log").unwrap(), position(n - 1), events).unwrap()
}

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

async fn a_batch_without_a_cursor_whose_answer_is_lost_is_indeterminate_and_there_once() {
    let given = Given::new("").await;
    for n in 0..5 {
        let text = format!("done {n}");
        given.proxy.plan(Fault::AnswerLost, 1);
        let error = given.store.record(&batch(&text)).await.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Indeterminate, "{error}");
        assert_eq!(given.stored(&text).await, 1);
    }
    assert_eq!(given.proxy.faults(), 5);
}

async fn a_batch_without_a_cursor_that_did_not_arrive_whole_is_indeterminate_and_not_there() {
    let given = Given::new("").await;
    for n in 0..5 {
        let text = format!("cut {n}");
        given.proxy.plan(Fault::CutInTheMiddle, 1);
        let error = given.store.record(&batch(&text)).await.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Indeterminate, "{error}");
        assert_eq!(given.stored(&text).await, 0);
    }
    assert_eq!(given.proxy.faults(), 5);
}

async fn a_read_whose_answer_is_lost_is_asked_again() {
    let given = Given::new("").await;
    given.store.record(&batch("hello")).await.unwrap();
    for fault in [Fault::AnswerLost, Fault::CutInTheMiddle] {
        given.proxy.plan(fault, 1);
        assert_eq!(given.store.chat_count().await.unwrap().get(), 1);
    }
    assert_eq!(given.proxy.faults(), 2);
}

async fn a_server_that_falls_silent_ends_a_write_at_the_deadline_as_indeterminate() {
    let given = Given::new("statement_timeout=1s").await;
    given.store.record(&batch("before")).await.unwrap();
    given.proxy.set(Network::Silent);
    let begun = Instant::now();
    let error = given.store.record(&batch("silent")).await.unwrap_err();
    let waited = begun.elapsed();
    assert_eq!(*error.kind(), ErrorKind::Indeterminate, "{error}");
    assert!((Duration::from_secs(1)..Duration::from_secs(20)).contains(&waited), "{waited:?}");
    given.proxy.set(Network::Passing);
    given.store.record(&batch("after")).await.unwrap();
}

async fn a_store_works_on_once_the_network_is_back() {
    let given = Given::new("").await;
    given.store.record(&batch("before")).await.unwrap();
    given.proxy.set(Network::Refusing);
    let during = given.store.chat_count();
    let back = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        given.proxy.set(Network::Passing);
    };
    let (count, ()) = tokio::join!(during, back);
    assert_eq!(count.unwrap().get(), 1);
}

async fn that_the_database_is_away_is_said_at_the_first_attempt() {
    let given = Given::new("").await;
    let port = format!(":{}", given.proxy.port());
    let (away, back) = (["the database is away", &port], "the database is back");
    let is_said = secrets::await_line(&away);
    given.proxy.set(Network::Refusing);
    let store = Arc::clone(&given.store);
    let call = tokio::spawn(async move { store.chat_count().await });
    let begun = Instant::now();
    while !is_said() {
        assert!(!call.is_finished() && begun.elapsed() < Duration::from_secs(15), "nobody says it meanwhile");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(!call.is_finished(), "it is still being tried");
    let is_back = secrets::await_line(&[back]);
    given.proxy.set(Network::Passing);
    assert_eq!(call.await.unwrap().unwrap().get(), 0);
    assert!(is_back());
}

async fn a_slow_network_changes_nothing_but_the_time() {
    let given = Given::new("").await;
    given.proxy.set(Network::Slow(Duration::from_millis(20)));
    given.store.record(&batch("slow")).await.unwrap();
    assert_eq!(given.stored("slow").await, 1);
}
