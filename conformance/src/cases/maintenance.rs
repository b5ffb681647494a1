//! Maintenance: what goes, what stays, and what is said of it.

use botstore::model::{
    ChatMessage, Count, CountSample, Expect, Limit, MaintenanceReport, NewToken, OutboundState, Retention,
    RowKey, Seconds, Settlement, StatusPatch, Timestamp, TokenSelector,
};
use botstore::store::BotStore;
use serde_json::json;

use super::kv::{key, value};
use super::{kv, outbound, tokens};
use crate::case::{Case, cases};
use crate::database::Database;
use crate::given::{action, at, chat, counts, joined, left, record, status};
use crate::snapshot::Snapshot;

pub(super) const CASES: &[Case] = cases![
    an_empty_store_has_nothing_to_remove,
    chat_older_than_its_retention_goes,
    counts_older_than_their_retention_go,
    a_sent_message_goes_by_the_moment_it_was_sent,
    what_is_not_sent_is_never_removed,
    a_revoked_token_goes_by_the_moment_of_its_revocation,
    an_active_token_is_never_removed,
    a_plugin_value_goes_at_its_end,
    with_no_retention_only_the_moment_itself_stays,
    what_lies_in_the_future_stays,
    a_retention_that_reaches_before_1970_keeps_all,
    each_retention_is_its_own,
    the_default_retention_is_the_originals,
    what_has_no_retention_is_untouched,
    a_second_run_removes_nothing,
    expired_tokens_go_like_revoked_ones,
];

/// The moment of most runs below.
const NOW: i64 = 100_000_000;

/// Ages around a retention of `span` seconds: only the last two are older.
fn ages(span: i64) -> [i64; 5] {
    [0, span - 1, span, span + 1, span + 2]
}

fn seconds(span: i64) -> Seconds {
    Seconds::new(span).unwrap()
}

/// A retention under which nothing is ever too old.
pub(super) fn forever() -> Retention {
    let ever = Seconds::new(Timestamp::MAX.seconds()).unwrap();
    Retention { counts: ever, sent_messages: ever, revoked_tokens: ever, chat: ever }
}

pub(super) fn count(rows: i64) -> Count {
    Count::new("rows", rows).unwrap()
}

pub(super) async fn maintain(store: &dyn BotStore, retention: Retention, now: i64) -> MaintenanceReport {
    store.maintain(&retention, at(now)).await.unwrap()
}

/// Lets the database know what it holds, so that it plans a list as it would in a store of some age: perhaps by
/// another way than through an index, which is in order by itself.
pub(super) async fn refresh_statistics(store: &dyn BotStore) {
    assert_eq!(maintain(store, forever(), 0).await, MaintenanceReport::default());
}

pub(super) async fn lines(store: &dyn BotStore) -> Vec<ChatMessage> {
    store.chat_after(RowKey::START, Limit::MAX).await.unwrap()
}

async fn samples(store: &dyn BotStore) -> Vec<CountSample> {
    store.count_samples_after(RowKey::START, Limit::MAX).await.unwrap()
}

/// Queues a message at `queued` and sends it at `sent`.
async fn send(store: &dyn BotStore, queued: i64, sent: i64) {
    outbound::enqueue(store, "hello", 3, queued).await;
    let lease = outbound::claim_one(store, queued).await;
    store.settle_message(&lease, &Settlement::Sent, at(sent)).await.unwrap();
}

async fn an_empty_store_has_nothing_to_remove(db: Database) {
    let store = db.store().as_ref();
    assert_eq!(maintain(store, Retention::default(), NOW).await, MaintenanceReport::default());
}

async fn chat_older_than_its_retention_goes(db: Database) {
    let store = db.store().as_ref();
    record(store, ages(3_600).map(|age| chat(NOW - age, "ada", "hello"))).await;
    let before = lines(store).await;
    let retention = Retention { chat: seconds(3_600), ..forever() };
    let removed = maintain(store, retention, NOW).await;
    assert_eq!(removed, MaintenanceReport { chat: count(2), ..MaintenanceReport::default() });
    assert_eq!(lines(store).await, before[2..]);
}

async fn counts_older_than_their_retention_go(db: Database) {
    let store = db.store().as_ref();
    record(store, ages(3_600).map(|age| counts(NOW - age, 1, 2))).await;
    let before = samples(store).await;
    let retention = Retention { counts: seconds(3_600), ..forever() };
    let removed = maintain(store, retention, NOW).await;
    assert_eq!(removed, MaintenanceReport { counts: count(2), ..MaintenanceReport::default() });
    assert_eq!(samples(store).await, before[2..]);
}

async fn a_sent_message_goes_by_the_moment_it_was_sent(db: Database) {
    let store = db.store().as_ref();
    for age in ages(3_600) {
        // All were queued long before.
        send(store, NOW - 50_000, NOW - age).await;
    }
    let before = outbound::all(store).await;
    let retention = Retention { sent_messages: seconds(3_600), ..forever() };
    let removed = maintain(store, retention, NOW).await;
    assert_eq!(removed, MaintenanceReport { sent_messages: count(2), ..MaintenanceReport::default() });
    assert_eq!(outbound::all(store).await, before[..3]);
}

async fn what_is_not_sent_is_never_removed(db: Database) {
    let store = db.store().as_ref();
    let states = outbound::one_of_each(store, 10).await;
    let sent = states.iter().find(|(state, _)| *state == "sent").unwrap().1;
    let mut expected = outbound::all(store).await;
    expected.retain(|message| message.id != sent);
    let retention = Retention { sent_messages: seconds(0), ..forever() };
    let removed = maintain(store, retention, NOW).await;
    assert_eq!(removed, MaintenanceReport { sent_messages: count(1), ..MaintenanceReport::default() });
    assert_eq!(outbound::all(store).await, expected);
    assert!(expected.iter().any(|message| message.state == OutboundState::Dead));
}

async fn a_revoked_token_goes_by_the_moment_of_its_revocation(db: Database) {
    let store = db.store().as_ref();
    for (index, age) in ages(3_600).into_iter().enumerate() {
        let token = format!("{index}-abcdefgh");
        // All were made and used long before, or used later than they were revoked.
        tokens::create(store, &token, NOW - 50_000).await;
        tokens::check(store, &token, NOW - 40_000 * (age % 2)).await.unwrap();
        let selector = TokenSelector::parse(&token).unwrap();
        store.revoke_token(&selector, at(NOW - age)).await.unwrap();
    }
    let before = tokens::all(store).await;
    let retention = Retention { revoked_tokens: seconds(3_600), ..forever() };
    let removed = maintain(store, retention, NOW).await;
    assert_eq!(removed, MaintenanceReport { revoked_tokens: count(2), ..MaintenanceReport::default() });
    assert_eq!(tokens::all(store).await, before[..3]);
}

async fn an_active_token_is_never_removed(db: Database) {
    let store = db.store().as_ref();
    let unused = tokens::create(store, "abcdefgh-one", 0).await;
    tokens::create(store, "abcdefgh-two", 0).await;
    let used = tokens::check(store, "abcdefgh-two", 1).await.unwrap();
    let retention = Retention { revoked_tokens: seconds(0), ..forever() };
    assert_eq!(maintain(store, retention, NOW).await, MaintenanceReport::default());
    assert_eq!(tokens::all(store).await, [unused, used]);
}

async fn a_plugin_value_goes_at_its_end(db: Database) {
    let store = db.store().as_ref();
    for end in [NOW - 1, NOW, NOW + 1] {
        let name = key(&end.to_string());
        store.kv_put(&name, &value(&json!(1)), Some(at(end)), Expect::Any, at(0)).await.unwrap();
    }
    kv::set(store, &key("stays"), json!(1)).await;
    let removed = maintain(store, forever(), NOW).await;
    assert_eq!(removed, MaintenanceReport { expired_values: count(2), ..MaintenanceReport::default() });
    // Seen from a moment at which none had ended.
    let left: Vec<_> = kv::all(store, "quiz", 0).await.into_iter().map(|entry| entry.key).collect();
    assert_eq!(left, [key(&(NOW + 1).to_string()).key, key("stays").key]);
}

async fn with_no_retention_only_the_moment_itself_stays(db: Database) {
    let store = db.store().as_ref();
    record(store, [chat(NOW - 1, "ada", "old"), chat(NOW, "ada", "new")]).await;
    record(store, [counts(NOW - 1, 1, 1), counts(NOW, 1, 1)]).await;
    send(store, 0, NOW - 1).await;
    send(store, 0, NOW).await;
    let none = seconds(0);
    let retention = Retention { counts: none, sent_messages: none, revoked_tokens: none, chat: none };
    let expected = MaintenanceReport {
        counts: count(1),
        sent_messages: count(1),
        chat: count(1),
        ..MaintenanceReport::default()
    };
    assert_eq!(maintain(store, retention, NOW).await, expected);
    assert_eq!(lines(store).await[0].at, at(NOW));
    assert_eq!(samples(store).await[0].at, at(NOW));
    assert_eq!(outbound::all(store).await[0].sent_at, Some(at(NOW)));
}

async fn what_lies_in_the_future_stays(db: Database) {
    let store = db.store().as_ref();
    record(store, [chat(NOW + 1, "ada", "hello"), counts(NOW + 1, 1, 1)]).await;
    send(store, NOW + 1, Timestamp::MAX.seconds()).await;
    let none = seconds(0);
    let retention = Retention { counts: none, sent_messages: none, revoked_tokens: none, chat: none };
    assert_eq!(maintain(store, retention, NOW).await, MaintenanceReport::default());
    assert_eq!((lines(store).await.len(), samples(store).await.len()), (1, 1));
}

async fn a_retention_that_reaches_before_1970_keeps_all(db: Database) {
    let store = db.store().as_ref();
    record(store, [chat(0, "ada", "hello"), counts(0, 1, 1)]).await;
    send(store, 0, 0).await;
    for now in [0, 100, 86_400] {
        assert_eq!(maintain(store, Retention::default(), now).await, MaintenanceReport::default());
    }
    assert_eq!((lines(store).await.len(), samples(store).await.len()), (1, 1));
    assert_eq!(outbound::all(store).await.len(), 1);
}

/// One row of each kind with a retention, each of the age `age`.
async fn one_of_each_kind(store: &dyn BotStore, age: i64) {
    record(store, [chat(NOW - age, "ada", "hello"), counts(NOW - age, 1, 1)]).await;
    send(store, 0, NOW - age).await;
    let token = format!("{age:08}-token");
    tokens::create(store, &token, 0).await;
    let selector = TokenSelector::parse(&token).unwrap();
    store.revoke_token(&selector, at(NOW - age)).await.unwrap();
}

async fn each_retention_is_its_own(db: Database) {
    let store = db.store().as_ref();
    one_of_each_kind(store, 11).await;
    let nothing = MaintenanceReport::default();
    let short = seconds(10);
    for (retention, expected) in [
        (Retention { counts: short, ..forever() }, MaintenanceReport { counts: count(1), ..nothing }),
        (
            Retention { sent_messages: short, ..forever() },
            MaintenanceReport { sent_messages: count(1), ..nothing },
        ),
        (
            Retention { revoked_tokens: short, ..forever() },
            MaintenanceReport { revoked_tokens: count(1), ..nothing },
        ),
        (Retention { chat: short, ..forever() }, MaintenanceReport { chat: count(1), ..nothing }),
    ] {
        assert_eq!(maintain(store, retention, NOW).await, expected);
    }
}

async fn the_default_retention_is_the_originals(db: Database) {
    let store = db.store().as_ref();
    let (hour, day) = (3_600, 86_400);
    record(store, [150 * hour, 150 * hour + 1].map(|age| chat(NOW - age, "ada", "hello"))).await;
    record(store, [30 * day, 30 * day + 1].map(|age| counts(NOW - age, 1, 1))).await;
    send(store, 0, NOW - 7 * day).await;
    send(store, 0, NOW - 7 * day - 1).await;
    for (token, age) in [("abcdefgh-one", 90 * day), ("abcdefgh-two", 90 * day + 1)] {
        tokens::create(store, token, 0).await;
        let selector = TokenSelector::parse(token).unwrap();
        store.revoke_token(&selector, at(NOW - age)).await.unwrap();
    }
    let one = count(1);
    let expected = MaintenanceReport {
        counts: one,
        sent_messages: one,
        revoked_tokens: one,
        chat: one,
        expired_values: Count::ZERO,
        expired_tokens: Count::ZERO,
    };
    assert_eq!(maintain(store, Retention::default(), NOW).await, expected);
}

async fn what_has_no_retention_is_untouched(db: Database) {
    let store = db.store().as_ref();
    let patch = StatusPatch { bot_afk: Some(Some(true)), ..StatusPatch::default() };
    let mut events = vec![joined(10, "ada"), chat(20, "ada", "hello"), left(30, "ada"), joined(40, "bob")];
    events.extend([counts(50, 7, 9), action(60, "ada", "kick", Some("bob")), status(70, patch)]);
    record(store, events).await;
    let seen = async || {
        let Snapshot { users, top, totals, channel, actions, status, .. } =
            Snapshot::of(store, &["ada", "bob"]).await;
        (users, top, totals, channel, actions, status)
    };
    let before = seen().await;
    let removed = maintain(store, Retention::default(), NOW).await;
    let expected = MaintenanceReport { counts: count(1), chat: count(1), ..MaintenanceReport::default() };
    assert_eq!(removed, expected);
    assert_eq!(seen().await, before);
}

async fn a_second_run_removes_nothing(db: Database) {
    let store = db.store().as_ref();
    one_of_each_kind(store, 86_400 * 365).await;
    one_of_each_kind(store, 0).await;
    let one = count(1);
    let expected = MaintenanceReport {
        counts: one,
        sent_messages: one,
        revoked_tokens: one,
        chat: one,
        expired_values: Count::ZERO,
        expired_tokens: Count::ZERO,
    };
    assert_eq!(maintain(store, Retention::default(), NOW).await, expected);
    assert_eq!(maintain(store, Retention::default(), NOW).await, MaintenanceReport::default());
}

async fn expired_tokens_go_like_revoked_ones(db: Database) {
    let store = db.store().as_ref();
    let age = 90 * 86_400;
    for (token, expiry) in [("abcdefgh-one", NOW - age), ("abcdefgh-two", NOW - age - 1)] {
        let new = NewToken { expires_at: Some(at(expiry)), ..NewToken::of(&tokens::secret(token)) };
        store.create_token(&new, at(0)).await.unwrap();
    }
    tokens::create(store, "without-an-end", 0).await;
    let expected = MaintenanceReport { expired_tokens: count(1), ..MaintenanceReport::default() };
    assert_eq!(maintain(store, Retention::default(), NOW).await, expected);
    let kept: Vec<_> = tokens::all(store).await.iter().map(|token| token.expires_at).collect();
    assert_eq!(kept, [Some(at(NOW - age)), None]);
}
