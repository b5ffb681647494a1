//! What outlives a store: everything that was acknowledged.

use std::sync::Arc;

use botstore::ErrorKind;
use botstore::model::{
    Batch, CloseSessions, Count, KvEntry, OutboundMessage, Position, StatusPatch, TokenInfo, TokenSelector,
};
use botstore::store::BotStore;
use serde_json::json;
use tokio::sync::Notify;

use super::{kv, outbound, tokens};
use crate::case::{Case, cases};
use crate::database::Database;
use crate::given::{
    action, at, chat, counts, joined, kind_of, left, name, numbered, record, source, status, together,
};
use crate::snapshot::Snapshot;

pub(super) const CASES: &[Case] = cases![
    ; persistent:
    reopening_keeps_everything_of_every_area,
    opening_and_closing_leave_sessions_open,
    closing_waits_for_what_is_under_way,
    what_was_acknowledged_is_there_though_nobody_closed_the_store,
    two_stores_see_each_others_writes,
    closing_one_store_leaves_another_open,
];

/// Everything that is in a store.
#[derive(Debug, PartialEq)]
struct Everything {
    events: Snapshot,
    position: Option<Position>,
    messages: Vec<OutboundMessage>,
    tokens: Vec<TokenInfo>,
    values: Vec<KvEntry>,
}

impl Everything {
    async fn of(store: &dyn BotStore) -> Self {
        Self {
            events: Snapshot::of(store, &["ada", "bob"]).await,
            position: store.position(&source("log")).await.unwrap(),
            messages: outbound::all(store).await,
            tokens: tokens::all(store).await,
            values: kv::all(store, "quiz", kv::NOW).await,
        }
    }
}

/// Writes something in every area.
async fn fill(store: &dyn BotStore) {
    let patch = StatusPatch { bot_afk: Some(Some(true)), ..StatusPatch::default() };
    let mut events = vec![joined(10, "ada"), chat(20, "ada", "hello"), left(30, "ada"), joined(40, "bob")];
    events.extend([counts(50, 7, 9), action(60, "ada", "kick", Some("bob")), status(70, patch)]);
    store.record(&numbered("log", 0, events)).await.unwrap();
    outbound::one_of_each(store, 10).await;
    tokens::create(store, "abcdefgh-one", 1).await;
    tokens::create(store, "ijklmnop-two", 1).await;
    tokens::check(store, "abcdefgh-one", 5).await.unwrap();
    let selector = TokenSelector::parse("ijklmnop").unwrap();
    store.revoke_token(&selector, at(9)).await.unwrap();
    kv::set(store, &kv::key("score"), json!({"ada": [1, 2]})).await;
}

async fn reopening_keeps_everything_of_every_area(mut db: Database) {
    fill(db.store().as_ref()).await;
    let before = Everything::of(db.store().as_ref()).await;
    for _ in 0..2 {
        db.reopen().await;
        assert_eq!(Everything::of(db.store().as_ref()).await, before);
    }
}

async fn opening_and_closing_leave_sessions_open(mut db: Database) {
    record(db.store().as_ref(), [joined(10, "ada"), chat(25, "ada", "hello")]).await;
    db.reopen().await;
    let ada = db.store().user_stats(&name("ada")).await.unwrap().unwrap();
    assert_eq!((ada.current_session_start, ada.session_last_seen), (Some(at(10)), Some(at(25))));
    // The session's last sign of life is known even now.
    let closed = db.store().close_sessions(CloseSessions::LastSign).await.unwrap();
    assert_eq!(closed, Count::new("sessions", 1).unwrap());
    let ada = db.store().user_stats(&name("ada")).await.unwrap().unwrap();
    assert_eq!(ada.total_time_connected, Count::new("seconds", 15).unwrap());
}

async fn closing_waits_for_what_is_under_way(mut db: Database) {
    let under_way = Arc::new(Notify::new());
    let writers = (0..8).map(|writer| {
        let (store, under_way) = (Arc::clone(db.store()), Arc::clone(&under_way));
        async move {
            let mut acknowledged = 0;
            loop {
                let line = chat(10, "ada", &format!("{writer} {acknowledged}"));
                match store.record(&Batch::new(vec![line]).unwrap()).await {
                    Ok(_) => acknowledged += 1,
                    Err(error) => {
                        assert_eq!(*error.kind(), ErrorKind::Closed);
                        return acknowledged;
                    }
                }
                under_way.notify_one();
            }
        }
    });
    let close = async {
        under_way.notified().await;
        db.store().close().await.unwrap();
    };
    let (acknowledged, ()) = tokio::join!(together(writers), close);
    db.reopen().await;
    let kept = db.store().chat_count().await.unwrap();
    assert_eq!(kept, Count::new("lines", acknowledged.into_iter().sum()).unwrap());
}

async fn what_was_acknowledged_is_there_though_nobody_closed_the_store(db: Database) {
    fill(db.store().as_ref()).await;
    let before = Everything::of(db.store().as_ref()).await;
    let other = db.open_another().await;
    drop(db.open_another().await);
    assert_eq!(Everything::of(other.as_ref()).await, before);
}

async fn two_stores_see_each_others_writes(db: Database) {
    let (one, other) = (db.store(), db.open_another().await);
    for round in 1..=5 {
        record(one.as_ref(), [chat(round, "ada", "one")]).await;
        assert_eq!(other.chat_count().await.unwrap().get(), round * 2 - 1);
        record(other.as_ref(), [chat(round, "bob", "other")]).await;
        assert_eq!(one.chat_count().await.unwrap().get(), round * 2);
    }
    assert_eq!(Everything::of(one.as_ref()).await, Everything::of(other.as_ref()).await);
}

async fn closing_one_store_leaves_another_open(db: Database) {
    let other = db.open_another().await;
    db.store().close().await.unwrap();
    record(other.as_ref(), [chat(1, "ada", "hello")]).await;
    assert_eq!(other.chat_count().await.unwrap().get(), 1);
    assert_eq!(kind_of(db.store().chat_count().await), ErrorKind::Closed);
}
