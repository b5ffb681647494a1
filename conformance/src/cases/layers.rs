//! Retries over a store that fails on purpose.

use std::sync::Arc;

use botstore::layers::{Layered, Retry};
use botstore::model::{
    Batch, Claim, CloseSessions, Enqueued, Expect, Limit, NewToken, OutboundState, Retention, Revocation,
    Seconds, Settlement, TokenSelector,
};
use botstore::store::BotStore;
use botstore::{ErrorKind, Result};
use serde_json::json;

use super::{kv, outbound, tokens};
use crate::case::{Case, cases};
use crate::database::Database;
use crate::given::{at, chat, kind_of, numbered, position, source, together, user};
use crate::unreliable::{self, Count, Faults, Unreliable};

pub(super) const CASES: &[Case] = cases![
    batches_with_a_cursor_are_written_once_however_many_answers_are_lost,
    sources_read_at_once_are_each_written_once,
    a_write_that_may_have_happened_is_not_sent_again,
    a_write_that_changes_nothing_the_second_time_is_sent_again,
];

/// The case's store, failing, behind retries.
fn failing(db: &Database, faults: Faults) -> (Arc<dyn BotStore>, Arc<Count>) {
    let unreliable = Unreliable::new(11, faults);
    let count = unreliable.count();
    let unreliable = Layered::new(Arc::clone(db.store()), unreliable);
    (Arc::new(Layered::new(Arc::new(unreliable), Retry::new(unreliable::policy()))), count)
}

const OFTEN: Faults = Faults { refused: 0.2, lost: 0.4, delayed: 0.1 };

/// Reads a source of 50 batches with 4 lines each.
async fn read_source(store: &dyn BotStore, name: &str) {
    for batch in 0..50 {
        let lines = (0..4).map(|line| chat(batch * 4 + line, name, "hello")).collect();
        store.record(&numbered(name, batch * 4, lines)).await.unwrap();
    }
}

async fn batches_with_a_cursor_are_written_once_however_many_answers_are_lost(db: Database) {
    let (store, count) = failing(&db, OFTEN);
    read_source(store.as_ref(), "ada").await;
    assert!(count.lost() >= 10 && count.refused() >= 5, "{count:?}");
    assert_eq!(db.store().chat_count().await.unwrap().get(), 200);
    assert_eq!(user(db.store().as_ref(), "ada").await.total_chat_lines.get(), 200);
    assert_eq!(db.store().position(&source("ada")).await.unwrap(), Some(position(200)));
}

async fn sources_read_at_once_are_each_written_once(db: Database) {
    let (store, count) = failing(&db, OFTEN);
    let names = ["ada", "bob", "cyd", "dan"];
    together(names.map(|name| {
        let store = Arc::clone(&store);
        async move { read_source(store.as_ref(), name).await }
    }))
    .await;
    assert!(count.lost() >= 40, "{count:?}");
    for name in names {
        assert_eq!(user(db.store().as_ref(), name).await.total_chat_lines.get(), 200);
        assert_eq!(db.store().position(&source(name)).await.unwrap(), Some(position(200)));
    }
}

async fn a_write_that_may_have_happened_is_not_sent_again(db: Database) {
    let direct = db.store().as_ref();
    let (store, count) = failing(&db, Faults { lost: 1.0, ..Faults::default() });
    let (dead, failed) = {
        let rows = outbound::one_of_each(direct, 1).await;
        let id = |state| rows.iter().find(|(name, _)| *name == state).unwrap().1;
        (id("dead"), id("failed"))
    };
    let (key, secret) = (kv::key("key"), tokens::secret("abcdefgh-once"));
    let claim = Claim::new(at(1_000_000), Seconds::from_minutes(1)).unwrap();
    let prefix = TokenSelector::Prefix(secret.prefix());
    let (value, retention) = (kv::value(&json!(1)), Retention::default());
    let batch = Batch::new(vec![chat(1, "ada", "hello")]).unwrap();
    let before = outbound::all(direct).await.len();

    let lost = |result: Result<()>, calls: u64| {
        assert_eq!((kind_of(result), count.lost()), (ErrorKind::Indeterminate, calls));
    };
    lost(store.record(&batch).await.map(drop), 1);
    lost(store.enqueue(&outbound::message("hello"), at(1)).await.map(drop), 2);
    lost(store.claim_messages(claim, Limit::MAX).await.map(drop), 3);
    lost(store.requeue_message(dead, at(1)).await, 4);
    lost(store.discard_message(failed).await, 5);
    lost(store.create_token(&NewToken::of(&secret), at(1)).await.map(drop), 6);
    lost(store.revoke_token(&prefix, at(1)).await.map(drop), 7);
    lost(store.kv_put(&key, &value, None, Expect::Absent, at(1)).await.map(drop), 8);
    lost(store.kv_delete(&key, None, at(1)).await.map(drop), 9);
    lost(store.close_sessions(CloseSessions::LastSign).await.map(drop), 10);
    lost(store.maintain(&retention, at(1)).await.map(drop), 11);

    assert_eq!(direct.chat_count().await.unwrap().get(), 1);
    // One was queued, one discarded.
    assert_eq!(outbound::all(direct).await.len(), before);
}

async fn a_write_that_changes_nothing_the_second_time_is_sent_again(db: Database) {
    let (store, count) = failing(&db, OFTEN);
    let store = store.as_ref();
    let secret = tokens::secret("abcdefgh-often");
    tokens::create(db.store().as_ref(), "abcdefgh-often", 1).await;
    for n in 0..50 {
        let message = outbound::keyed("hello", &n.to_string());
        let Enqueued { id, .. } = store.enqueue(&message, at(n)).await.unwrap();
        // Straight from the database: a claim whose answer is lost is lost.
        let lease = outbound::claim_one(db.store().as_ref(), n).await;
        assert_eq!(lease.message.id, id);
        let settled = store.settle_message(&lease, &Settlement::Sent, at(n)).await;
        assert_eq!(settled.unwrap(), OutboundState::Sent);
        let token = store.check_token(&secret.hash(), at(n)).await.unwrap().unwrap();
        assert_eq!(token.last_used, Some(at(n)));
    }
    assert!(count.lost() >= 40, "{count:?}");
    assert_eq!(outbound::all(db.store().as_ref()).await.len(), 50);
    let revoked = store.revoke_token(&TokenSelector::Whole(secret.hash()), at(60)).await.unwrap();
    assert!(matches!(revoked, Revocation::Revoked | Revocation::AlreadyRevoked));
    assert!(tokens::check(db.store().as_ref(), "abcdefgh-often", 61).await.is_none());
}
