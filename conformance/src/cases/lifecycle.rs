//! What a store says of itself, and its end.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use botstore::model::{
    ActionFilter, Backend, Batch, Claim, CloseSessions, Expect, KvPrefix, Lease, Limit, NewToken, PoolHealth,
    Retention, RowKey, Seconds, Settlement, TokenSecret, TokenSelector,
};
use botstore::store::BotStore;
use botstore::url::DatabaseUrl;
use botstore::{ErrorKind, Result};
use serde_json::json;

use super::{kv, outbound};
use crate::case::{Case, cases};
use crate::database::Database;
use crate::given::{at, chat, joined, kind_of, name, record, source, together};

/// How the store's connections are.
async fn pool_of(store: &dyn BotStore) -> PoolHealth {
    store.health().await.unwrap().database.unwrap().pool
}

pub(super) const CASES: &[Case] = cases![
    a_store_says_which_database_it_has,
    a_store_says_how_it_is,
    health_counts_nobody_who_waits_when_nobody_does,
    after_closing_every_method_says_closed,
    closing_again_does_nothing,
    a_clone_of_a_closed_store_is_closed,
    closing_at_once_from_many_sides_is_closing,
    a_call_that_is_given_up_leaves_the_store_working,
];

async fn a_store_says_which_database_it_has(db: Database) {
    let expected = match db.config().url {
        DatabaseUrl::Sqlite(_) => Backend::Sqlite,
        DatabaseUrl::Postgres(_) => Backend::Postgres,
    };
    assert_eq!(db.store().backend(), expected);
    db.store().close().await.unwrap();
    assert_eq!(db.store().backend(), expected);
}

async fn a_store_says_how_it_is(db: Database) {
    let store = db.store();
    record(store.as_ref(), [joined(1, "ada")]).await;
    let health = store.health().await.unwrap();
    assert_eq!(health.backend, store.backend());
    let health = health.database.unwrap();
    assert_eq!(health.schema_version, 5);
    assert!(health.engine_version.contains(|c: char| c.is_ascii_digit()), "{}", health.engine_version);
    assert!(health.latency > Duration::ZERO && health.latency < Duration::from_secs(60), "{health:?}");
    let pool = health.pool;
    assert!((1..=pool.max).contains(&pool.open) && pool.idle <= pool.open, "{pool:?}");
}

async fn health_counts_nobody_who_waits_when_nobody_does(db: Database) {
    let askers = (0..16).map(|_| {
        let store = Arc::clone(db.store());
        async move { pool_of(store.as_ref()).await }
    });
    for pool in together(askers).await {
        assert!(pool.open <= pool.max && pool.idle <= pool.open, "{pool:?}");
    }
    assert_eq!(pool_of(db.store().as_ref()).await.waiting, 0);
}

/// Which operation an error names, and its kind.
fn refused<T: Debug>(result: Result<T>) -> (&'static str, ErrorKind) {
    let error = result.unwrap_err();
    (error.operation(), error.kind().clone())
}

/// What each method that writes answers, by name.
async fn every_write(store: &dyn BotStore, lease: &Lease) -> Vec<(&'static str, (&'static str, ErrorKind))> {
    let batch = |who| Batch::new(vec![joined(1, who)]).unwrap();
    let claim = Claim::new(at(1), Seconds::from_minutes(1)).unwrap();
    let secret = TokenSecret::generate().unwrap();
    let (key, id) = (kv::key("key"), lease.message.id);
    let selector = TokenSelector::Prefix(secret.prefix());
    vec![
        ("record", refused(store.record(&batch("ada")).await)),
        // A batch that would change nothing is no exception.
        ("record", refused(store.record(&batch("server")).await)),
        ("close_sessions", refused(store.close_sessions(CloseSessions::LastSign).await)),
        ("enqueue", refused(store.enqueue(&outbound::message("hello"), at(1)).await)),
        ("claim_messages", refused(store.claim_messages(claim, Limit::MAX).await)),
        ("settle_message", refused(store.settle_message(lease, &Settlement::Sent, at(1)).await)),
        ("requeue_message", refused(store.requeue_message(id, at(1)).await)),
        ("discard_message", refused(store.discard_message(id).await)),
        ("create_token", refused(store.create_token(&NewToken::of(&secret), at(1)).await)),
        ("check_token", refused(store.check_token(&secret.hash(), at(1)).await)),
        ("revoke_token", refused(store.revoke_token(&selector, at(1)).await)),
        ("kv_put", refused(store.kv_put(&key, &kv::value(&json!(1)), None, Expect::Any, at(1)).await)),
        ("kv_delete", refused(store.kv_delete(&key, None, at(1)).await)),
        ("maintain", refused(store.maintain(&Retention::default(), at(1)).await)),
    ]
}

/// What each method that reads answers, by name.
async fn every_read(store: &dyn BotStore) -> Vec<(&'static str, (&'static str, ErrorKind))> {
    let (filter, prefix) = (ActionFilter::default(), KvPrefix::new("").unwrap());
    let (key, quiz) = (kv::key("key"), kv::plugin("quiz"));
    vec![
        ("position", refused(store.position(&source("log")).await)),
        ("user_stats", refused(store.user_stats(&name("ada")).await)),
        ("top_chatters", refused(store.top_chatters(Limit::MAX).await)),
        ("user_totals", refused(store.user_totals().await)),
        ("recent_chat", refused(store.recent_chat(Limit::MAX).await)),
        ("chat_after", refused(store.chat_after(RowKey::START, Limit::MAX).await)),
        ("chat_count", refused(store.chat_count().await)),
        ("channel_stats", refused(store.channel_stats().await)),
        ("count_samples_after", refused(store.count_samples_after(RowKey::START, Limit::MAX).await)),
        ("count_sample_count", refused(store.count_sample_count().await)),
        ("due_messages", refused(store.due_messages(at(1), Limit::MAX).await)),
        ("outbound_messages", refused(store.outbound_messages(None, None, Limit::MAX).await)),
        ("current_status", refused(store.current_status().await)),
        ("tokens", refused(store.tokens(None, Limit::MAX).await)),
        ("user_actions", refused(store.user_actions(&filter, RowKey::END, Limit::MAX).await)),
        ("kv_get", refused(store.kv_get(&key, at(1)).await)),
        ("kv_list", refused(store.kv_list(&quiz, &prefix, None, at(1), Limit::MAX).await)),
        ("health", refused(store.health().await)),
    ]
}

async fn after_closing_every_method_says_closed(db: Database) {
    let store = db.store().as_ref();
    outbound::enqueue(store, "hello", 3, 1).await;
    let lease = outbound::claim_one(store, 1).await;
    store.close().await.unwrap();
    let answers = [every_write(store, &lease).await, every_read(store).await].concat();
    let expected: Vec<_> = answers.iter().map(|&(method, _)| (method, (method, ErrorKind::Closed))).collect();
    assert_eq!(answers, expected);
}

async fn closing_again_does_nothing(db: Database) {
    for _ in 0..3 {
        db.store().close().await.unwrap();
    }
    assert_eq!(kind_of(db.store().chat_count().await), ErrorKind::Closed);
}

async fn a_clone_of_a_closed_store_is_closed(db: Database) {
    let clone = Arc::clone(db.store());
    record(clone.as_ref(), [chat(1, "ada", "hello")]).await;
    db.store().close().await.unwrap();
    assert_eq!(kind_of(clone.recent_chat(Limit::MAX).await), ErrorKind::Closed);
    clone.close().await.unwrap();
}

async fn closing_at_once_from_many_sides_is_closing(db: Database) {
    let closers = (0..8).map(|_| {
        let store = Arc::clone(db.store());
        async move {
            store.close().await.unwrap();
            kind_of(store.chat_count().await)
        }
    });
    assert_eq!(together(closers).await, vec![ErrorKind::Closed; 8]);
}

async fn a_call_that_is_given_up_leaves_the_store_working(db: Database) {
    let batch = Batch::new((0..100).map(|index| chat(index, "ada", "given up")).collect()).unwrap();
    for polls in 0..30 {
        let call = tokio::spawn({
            let (store, batch) = (Arc::clone(db.store()), batch.clone());
            async move { store.record(&batch).await }
        });
        for _ in 0..polls {
            tokio::task::yield_now().await;
        }
        call.abort();
        record(db.store().as_ref(), [chat(1_000, "bob", "")]).await;
        // Each batch is there whole, or not at all.
        assert_eq!(db.store().chat_count().await.unwrap().get() % 100, 0);
    }
    let bob = db.store().user_stats(&name("bob")).await.unwrap().unwrap();
    assert_eq!(bob.total_chat_lines.get(), 30);
}
