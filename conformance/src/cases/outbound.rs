//! The queue: what goes in, what is due, what is listed and discarded.

use botstore::ErrorKind;
use botstore::model::{
    Claim, Enqueued, FailureText, Lease, Limit, MaxAttempts, NewMessage, OutboundMessage, OutboundState,
    RowId, Seconds, Settlement, UniqueKey,
};
use botstore::store::BotStore;

use super::maintenance::refresh_statistics;
use crate::case::{Case, cases};
use crate::database::Database;
use crate::given::{AWKWARD, at, kind_of, limit, text};

pub(super) const CASES: &[Case] = cases![
    a_message_is_kept_as_it_was_queued,
    a_text_comes_back_byte_for_byte,
    every_message_gets_a_greater_identity,
    the_same_text_is_queued_twice_without_a_key,
    a_unique_key_is_queued_once_whatever_the_text,
    a_unique_key_is_queued_once_whatever_the_state,
    unique_keys_are_compared_byte_by_byte,
    a_unique_key_is_free_again_once_its_message_is_discarded,
    a_message_is_due_from_its_moment_on,
    due_messages_come_in_order_of_their_moment_then_of_identity,
    a_limit_takes_the_messages_that_are_due_longest,
    looking_at_due_messages_takes_none,
    messages_are_listed_by_state,
    messages_are_listed_in_pages_by_identity,
    messages_are_listed_by_identity_whatever_happened_to_them,
    dead_and_failed_messages_are_discarded,
    what_is_not_dead_or_failed_is_not_discarded,
];

pub(super) fn message(content: &str) -> NewMessage {
    NewMessage::new(text(content)).unwrap()
}

pub(super) fn keyed(content: &str, key: &str) -> NewMessage {
    message(content).with_unique_key(UniqueKey::new(key).unwrap())
}

/// Queues a message with `attempts` attempts at `seconds`.
pub(super) async fn enqueue(store: &dyn BotStore, content: &str, attempts: i64, seconds: i64) -> RowId {
    let new = message(content).with_max_attempts(MaxAttempts::new(attempts).unwrap());
    store.enqueue(&new, at(seconds)).await.unwrap().id
}

/// All messages, by identity.
pub(super) async fn all(store: &dyn BotStore) -> Vec<OutboundMessage> {
    store.outbound_messages(None, None, Limit::MAX).await.unwrap()
}

pub(super) async fn row(store: &dyn BotStore, id: RowId) -> OutboundMessage {
    all(store).await.into_iter().find(|row| row.id == id).unwrap()
}

pub(super) async fn due(store: &dyn BotStore, seconds: i64) -> Vec<RowId> {
    let due = store.due_messages(at(seconds), Limit::MAX).await.unwrap();
    due.into_iter().map(|message| message.id).collect()
}

/// Claims at `seconds` under a lease of a minute.
pub(super) async fn claim(store: &dyn BotStore, seconds: i64, rows: i64) -> Vec<Lease> {
    let claim = Claim::new(at(seconds), Seconds::from_minutes(1)).unwrap();
    store.claim_messages(claim, limit(rows)).await.unwrap()
}

pub(super) async fn claim_one(store: &dyn BotStore, seconds: i64) -> Lease {
    claim(store, seconds, 1).await.pop().unwrap()
}

pub(super) fn transient(error: &str) -> Settlement {
    Settlement::Transient(FailureText::new(error).unwrap())
}

pub(super) fn permanent(error: &str) -> Settlement {
    Settlement::Permanent(FailureText::new(error).unwrap())
}

/// Queues, claims and settles a message at `seconds`.
pub(super) async fn settled(
    store: &dyn BotStore,
    attempts: i64,
    settlement: &Settlement,
    seconds: i64,
) -> Lease {
    let id = enqueue(store, "settled", attempts, seconds).await;
    let lease = claim(store, seconds, 10_000).await.into_iter().find(|lease| lease.message.id == id).unwrap();
    store.settle_message(&lease, settlement, at(seconds)).await.unwrap();
    lease
}

/// One message in each state, and one under lease, all at `seconds`.
pub(super) async fn one_of_each(store: &dyn BotStore, seconds: i64) -> [(&'static str, RowId); 6] {
    let retrying = settled(store, 3, &transient("busy"), seconds).await.message.id;
    let sent = settled(store, 3, &Settlement::Sent, seconds).await.message.id;
    let failed = settled(store, 3, &permanent("banned"), seconds).await.message.id;
    let dead = settled(store, 1, &transient("busy"), seconds).await.message.id;
    let leased = enqueue(store, "leased", 3, seconds).await;
    claim_one(store, seconds).await;
    let queued = enqueue(store, "queued", 3, seconds).await;
    [
        ("retrying", retrying),
        ("sent", sent),
        ("failed", failed),
        ("dead", dead),
        ("leased", leased),
        ("queued", queued),
    ]
}

async fn a_message_is_kept_as_it_was_queued(db: Database) {
    let store = db.store().as_ref();
    let new = keyed("hello", "greeting").with_max_attempts(MaxAttempts::new(7).unwrap());
    let Enqueued { id, created } = store.enqueue(&new, at(1_000)).await.unwrap();
    assert!(created);
    let expected = OutboundMessage {
        id,
        at: at(1_000),
        message: text("hello"),
        unique_key: Some(UniqueKey::new("greeting").unwrap()),
        state: OutboundState::Queued,
        retry_count: 0,
        max_attempts: MaxAttempts::new(7).unwrap(),
        due_at: Some(at(1_000)),
        lease_until: None,
        sent_at: None,
        error: None,
    };
    let due = store.due_messages(at(1_000), Limit::MAX).await.unwrap();
    assert_eq!((all(store).await, due), (vec![expected.clone()], vec![expected]));
}

async fn a_text_comes_back_byte_for_byte(db: Database) {
    let store = db.store().as_ref();
    let long = "\u{1F600}".repeat(10_000);
    let lines = "one\ntwo\r\n\tthree\u{1}\u{7F}\u{85}";
    let texts: Vec<&str> = AWKWARD.into_iter().chain([long.as_str(), lines]).collect();
    for content in &texts {
        store.enqueue(&message(content), at(1)).await.unwrap();
    }
    let kept = all(store).await;
    assert_eq!(kept.iter().map(|row| row.message.as_str()).collect::<Vec<_>>(), texts);
    let leased = claim(store, 1, 100).await;
    assert_eq!(leased.iter().map(|lease| lease.message.message.as_str()).collect::<Vec<_>>(), texts);
}

async fn every_message_gets_a_greater_identity(db: Database) {
    let store = db.store().as_ref();
    let mut ids = Vec::new();
    // Neither the moment nor the text decides.
    for (content, seconds) in [("b", 30), ("a", 10), ("c", 20), ("a", 10)] {
        ids.push(enqueue(store, content, 3, seconds).await);
    }
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
    assert_eq!(all(store).await.iter().map(|row| row.id).collect::<Vec<_>>(), ids);
}

async fn the_same_text_is_queued_twice_without_a_key(db: Database) {
    let store = db.store().as_ref();
    let first = store.enqueue(&message("again"), at(5)).await.unwrap();
    let second = store.enqueue(&message("again"), at(5)).await.unwrap();
    assert_eq!((first.created, second.created), (true, true));
    assert_eq!(due(store, 5).await, [first.id, second.id]);
}

async fn a_unique_key_is_queued_once_whatever_the_text(db: Database) {
    let store = db.store().as_ref();
    let first = store.enqueue(&keyed("one", "key"), at(10)).await.unwrap();
    let before = all(store).await;
    let other = keyed("two", "key").with_max_attempts(MaxAttempts::new(9).unwrap());
    let second = store.enqueue(&other, at(5)).await.unwrap();
    assert_eq!(second, Enqueued { id: first.id, created: false });
    assert_eq!(all(store).await, before);
}

async fn a_unique_key_is_queued_once_whatever_the_state(db: Database) {
    let store = db.store().as_ref();
    for (key, attempts, settlement) in [
        ("leased", 3, None),
        ("sent", 3, Some(Settlement::Sent)),
        ("retrying", 3, Some(transient("busy"))),
        ("failed", 3, Some(permanent("banned"))),
        ("dead", 1, Some(transient("busy"))),
    ] {
        let new = keyed("hello", key).with_max_attempts(MaxAttempts::new(attempts).unwrap());
        let first = store.enqueue(&new, at(10)).await.unwrap();
        let lease = claim_one(store, 10).await;
        if let Some(settlement) = settlement {
            store.settle_message(&lease, &settlement, at(10)).await.unwrap();
        }
        let before = all(store).await;
        let again = store.enqueue(&new, at(20)).await.unwrap();
        assert_eq!(again, Enqueued { id: first.id, created: false }, "{key}");
        assert_eq!(all(store).await, before, "{key}");
    }
}

async fn unique_keys_are_compared_byte_by_byte(db: Database) {
    let store = db.store().as_ref();
    let longest = "\u{1F600}".repeat(255);
    let similar = ["key", "Key", "key ", "k%", "k_y", "ke", longest.as_str(), &longest[4..]];
    let keys: Vec<&str> = AWKWARD.into_iter().chain(similar).collect();
    let mut ids = Vec::new();
    for key in &keys {
        let enqueued = store.enqueue(&keyed("hello", key), at(1)).await.unwrap();
        assert!(enqueued.created, "{key}");
        ids.push(enqueued.id);
    }
    for (key, &id) in keys.iter().zip(&ids) {
        let again = store.enqueue(&keyed("hello", key), at(1)).await.unwrap();
        assert_eq!(again, Enqueued { id, created: false }, "{key}");
    }
    let kept: Vec<_> = all(store).await.into_iter().filter_map(|row| row.unique_key).collect();
    assert_eq!(kept.iter().map(UniqueKey::as_str).collect::<Vec<_>>(), keys);
}

async fn a_unique_key_is_free_again_once_its_message_is_discarded(db: Database) {
    let store = db.store().as_ref();
    let first = store.enqueue(&keyed("one", "key"), at(1)).await.unwrap();
    let lease = claim_one(store, 1).await;
    store.settle_message(&lease, &permanent("banned"), at(1)).await.unwrap();
    store.discard_message(first.id).await.unwrap();
    let second = store.enqueue(&keyed("two", "key"), at(2)).await.unwrap();
    assert!(second.created);
    assert!(second.id > first.id, "{:?} is not greater than {:?}", second.id, first.id);
}

async fn a_message_is_due_from_its_moment_on(db: Database) {
    let store = db.store().as_ref();
    let id = enqueue(store, "hello", 3, 500).await;
    assert_eq!(due(store, 499).await, []);
    assert_eq!(claim(store, 499, 10).await, []);
    assert_eq!(due(store, 500).await, [id]);
    assert_eq!(due(store, 501).await, [id]);
}

async fn due_messages_come_in_order_of_their_moment_then_of_identity(db: Database) {
    let store = db.store().as_ref();
    let mut ids = Vec::new();
    for seconds in [200, 100, 200, 100, 300, 100] {
        ids.push(enqueue(store, "hello", 3, seconds).await);
    }
    let expected: Vec<_> = [1, 3, 5, 0, 2, 4].into_iter().map(|index: usize| ids[index]).collect();
    assert_eq!(due(store, 300).await, expected);
    assert_eq!(due(store, 299).await, expected[..5]);
}

async fn a_limit_takes_the_messages_that_are_due_longest(db: Database) {
    let store = db.store().as_ref();
    let late = enqueue(store, "late", 3, 30).await;
    let early = enqueue(store, "early", 3, 10).await;
    let middle = enqueue(store, "middle", 3, 20).await;
    let first = |rows| async move {
        let due = store.due_messages(at(99), limit(rows)).await.unwrap();
        due.into_iter().map(|message| message.id).collect::<Vec<_>>()
    };
    assert_eq!(first(1).await, [early]);
    assert_eq!(first(2).await, [early, middle]);
    assert_eq!(first(3).await, [early, middle, late]);
    assert_eq!(first(10_000).await, [early, middle, late]);
}

async fn looking_at_due_messages_takes_none(db: Database) {
    let store = db.store().as_ref();
    enqueue(store, "one", 3, 10).await;
    enqueue(store, "two", 3, 10).await;
    let before = all(store).await;
    assert_eq!(store.due_messages(at(10), Limit::MAX).await.unwrap(), before);
    assert_eq!(store.due_messages(at(10), Limit::MAX).await.unwrap(), before);
    assert_eq!(all(store).await, before);
    assert_eq!(claim(store, 10, 10).await.len(), 2);
}

async fn messages_are_listed_by_state(db: Database) {
    let store = db.store().as_ref();
    let [retrying, sent, failed, dead, leased, queued] = one_of_each(store, 10).await.map(|(_, id)| id);
    for (state, expected) in [
        (Some(OutboundState::Queued), vec![leased, queued]),
        (Some(OutboundState::Retrying), vec![retrying]),
        (Some(OutboundState::Sent), vec![sent]),
        (Some(OutboundState::Failed), vec![failed]),
        (Some(OutboundState::Dead), vec![dead]),
        (None, vec![retrying, sent, failed, dead, leased, queued]),
    ] {
        let listed = store.outbound_messages(state, None, Limit::MAX).await.unwrap();
        assert_eq!(listed.iter().map(|row| row.id).collect::<Vec<_>>(), expected, "{state:?}");
        assert!(listed.iter().all(|row| state.is_none_or(|state| row.state == state)), "{state:?}");
    }
}

async fn messages_are_listed_in_pages_by_identity(db: Database) {
    let store = db.store().as_ref();
    let mut ids = Vec::new();
    for index in 0..7 {
        ids.push(enqueue(store, "hello", 3, 100 - index).await);
    }
    let sent = claim_one(store, 94).await;
    store.settle_message(&sent, &Settlement::Sent, at(94)).await.unwrap();
    for state in [None, Some(OutboundState::Queued)] {
        let (mut listed, mut after) = (Vec::new(), None);
        loop {
            let page = store.outbound_messages(state, after, limit(3)).await.unwrap();
            assert!(page.len() <= 3);
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            listed.extend(page.iter().map(|row| row.id));
            assert!(listed.len() <= 7, "{listed:?}");
        }
        let expected = if state.is_none() { &ids[..] } else { &ids[..6] };
        assert_eq!(listed, expected, "{state:?}");
    }
}

async fn messages_are_listed_by_identity_whatever_happened_to_them(db: Database) {
    let store = db.store().as_ref();
    let mut ids = Vec::new();
    for index in 0..100 {
        ids.push(enqueue(store, "hello", 3, 1_000 - index).await);
    }
    // What was sent first was queued last.
    for lease in claim(store, 1_000, 100).await {
        store.settle_message(&lease, &Settlement::Sent, at(1_000)).await.unwrap();
    }
    refresh_statistics(store).await;
    for state in [None, Some(OutboundState::Sent)] {
        let listed = store.outbound_messages(state, None, Limit::MAX).await.unwrap();
        assert_eq!(listed.iter().map(|row| row.id).collect::<Vec<_>>(), ids, "{state:?}");
    }
}

async fn dead_and_failed_messages_are_discarded(db: Database) {
    let store = db.store().as_ref();
    let ids = one_of_each(store, 10).await;
    for (state, id) in ids {
        if ["dead", "failed"].contains(&state) {
            store.discard_message(id).await.unwrap();
            assert_eq!(kind_of(store.discard_message(id).await), ErrorKind::NotFound);
        }
    }
    let left: Vec<_> = ids.into_iter().filter(|(state, _)| !["dead", "failed"].contains(state)).collect();
    assert_eq!(
        all(store).await.iter().map(|row| row.id).collect::<Vec<_>>(),
        left.iter().map(|&(_, id)| id).collect::<Vec<_>>()
    );
}

async fn what_is_not_dead_or_failed_is_not_discarded(db: Database) {
    let store = db.store().as_ref();
    let ids = one_of_each(store, 10).await;
    let before = all(store).await;
    for (state, id) in ids {
        if !["dead", "failed"].contains(&state) {
            assert_eq!(kind_of(store.discard_message(id).await), ErrorKind::Conflict, "{state}");
        }
    }
    for id in [RowId::new(i64::MAX), RowId::new(0), RowId::new(i64::MIN)] {
        assert_eq!(kind_of(store.discard_message(id).await), ErrorKind::NotFound);
    }
    assert_eq!(all(store).await, before);
}
