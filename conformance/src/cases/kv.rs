//! Plugin values: put, got, deleted, if what is there is as expected.

use botstore::model::{
    Expect, KvEntry, KvKey, KvName, KvPrefix, KvValue, KvVersion, Limit, Plugin, Timestamp,
};
use botstore::store::BotStore;
use botstore::{ErrorKind, Result};
use serde_json::{Value, json};

use crate::case::{Case, cases};
use crate::database::Database;
use crate::given::{AWKWARD, at, kind_of};

pub(super) const CASES: &[Case] = cases![
    a_value_is_got_as_it_was_put,
    what_was_never_put_is_not_there,
    a_later_value_takes_an_earlier_ones_place,
    a_deleted_value_is_gone,
    a_value_is_put_whatever_is_there,
    a_value_is_put_where_there_is_none,
    a_value_is_put_in_place_of_a_version,
    a_value_is_deleted_by_its_version,
    plugins_are_rooms_of_their_own,
    keys_are_compared_byte_by_byte,
    every_write_has_a_greater_version_than_all_before_it,
    a_refused_write_leaves_the_version_as_it_was,
    a_version_is_not_used_again_after_a_deletion,
];

pub(super) const NOW: i64 = 1_000;

pub(super) fn plugin(name: &str) -> Plugin {
    Plugin::new(name).unwrap()
}

pub(super) fn key_of(name: &str, key: &str) -> KvKey {
    KvKey { plugin: plugin(name), key: KvName::new(key).unwrap() }
}

/// A key of the plugin that most cases use.
pub(super) fn key(key: &str) -> KvKey {
    key_of("quiz", key)
}

pub(super) fn value(value: &Value) -> KvValue {
    KvValue::new(value).unwrap()
}

/// Puts a value that stays.
pub(super) async fn put(store: &dyn BotStore, to: &KvKey, what: Value, expect: Expect) -> Result<KvVersion> {
    store.kv_put(to, &value(&what), None, expect, at(NOW)).await
}

/// Puts a value that stays, whatever is there.
pub(super) async fn set(store: &dyn BotStore, to: &KvKey, what: Value) -> KvVersion {
    put(store, to, what, Expect::Any).await.unwrap()
}

pub(super) async fn get(store: &dyn BotStore, from: &KvKey, seconds: i64) -> Option<KvEntry> {
    store.kv_get(from, at(seconds)).await.unwrap()
}

/// The entry that must be there.
pub(super) fn entry(of: &KvKey, what: Value, version: KvVersion, expires_at: Option<Timestamp>) -> KvEntry {
    KvEntry { key: of.key.clone(), value: value(&what), version, expires_at }
}

/// All entries of a plugin.
pub(super) async fn all(store: &dyn BotStore, name: &str, seconds: i64) -> Vec<KvEntry> {
    let any = KvPrefix::new("").unwrap();
    store.kv_list(&plugin(name), &any, None, at(seconds), Limit::MAX).await.unwrap()
}

async fn a_value_is_got_as_it_was_put(db: Database) {
    let store = db.store().as_ref();
    let score = key("score");
    let version = store
        .kv_put(&score, &value(&json!({"ada": 3})), Some(at(NOW + 60)), Expect::Any, at(NOW))
        .await
        .unwrap();
    let expected = entry(&score, json!({"ada": 3}), version, Some(at(NOW + 60)));
    assert_eq!(get(store, &score, NOW).await, Some(expected.clone()));
    assert_eq!(all(store, "quiz", NOW).await, [expected]);
}

async fn what_was_never_put_is_not_there(db: Database) {
    let store = db.store().as_ref();
    assert_eq!(get(store, &key("score"), NOW).await, None);
    assert!(!store.kv_delete(&key("score"), None, at(NOW)).await.unwrap());
    assert_eq!(all(store, "quiz", NOW).await, []);
}

async fn a_later_value_takes_an_earlier_ones_place(db: Database) {
    let store = db.store().as_ref();
    let score = key("score");
    let until = Some(at(NOW + 60));
    store.kv_put(&score, &value(&json!(1)), until, Expect::Any, at(NOW)).await.unwrap();
    // Without an end it stays, though the value before it had one.
    let version = set(store, &score, json!(2)).await;
    assert_eq!(get(store, &score, NOW).await, Some(entry(&score, json!(2), version, None)));
    assert_eq!(get(store, &score, NOW + 60).await, Some(entry(&score, json!(2), version, None)));
    assert_eq!(all(store, "quiz", NOW).await.len(), 1);
}

async fn a_deleted_value_is_gone(db: Database) {
    let store = db.store().as_ref();
    set(store, &key("score"), json!(1)).await;
    let other = set(store, &key("other"), json!(2)).await;
    assert!(store.kv_delete(&key("score"), None, at(NOW)).await.unwrap());
    assert_eq!(get(store, &key("score"), NOW).await, None);
    assert!(!store.kv_delete(&key("score"), None, at(NOW)).await.unwrap());
    assert_eq!(all(store, "quiz", NOW).await, [entry(&key("other"), json!(2), other, None)]);
}

async fn a_value_is_put_whatever_is_there(db: Database) {
    let store = db.store().as_ref();
    let score = key("score");
    let first = put(store, &score, json!(1), Expect::Any).await.unwrap();
    let second = put(store, &score, json!(2), Expect::Any).await.unwrap();
    assert!(second > first);
    assert_eq!(get(store, &score, NOW).await, Some(entry(&score, json!(2), second, None)));
}

async fn a_value_is_put_where_there_is_none(db: Database) {
    let store = db.store().as_ref();
    let score = key("score");
    let version = put(store, &score, json!(1), Expect::Absent).await.unwrap();
    let there = Some(entry(&score, json!(1), version, None));
    // Not even the same value.
    for what in [json!(1), json!(2)] {
        assert_eq!(kind_of(put(store, &score, what, Expect::Absent).await), ErrorKind::Conflict);
        assert_eq!(get(store, &score, NOW).await, there);
    }
    store.kv_delete(&score, None, at(NOW)).await.unwrap();
    let again = put(store, &score, json!(3), Expect::Absent).await.unwrap();
    assert_eq!(get(store, &score, NOW).await, Some(entry(&score, json!(3), again, None)));
}

async fn a_value_is_put_in_place_of_a_version(db: Database) {
    let store = db.store().as_ref();
    let score = key("score");
    let first = set(store, &score, json!(1)).await;
    let elsewhere = set(store, &key("other"), json!(1)).await;
    let second = put(store, &score, json!(2), Expect::Version(first)).await.unwrap();
    let there = Some(entry(&score, json!(2), second, None));
    assert_eq!(get(store, &score, NOW).await, there);
    let wrong = [first, elsewhere, KvVersion::new(second.get() + 1), KvVersion::new(0), KvVersion::new(-1)];
    for version in wrong {
        let answer = put(store, &score, json!(3), Expect::Version(version)).await;
        assert_eq!(kind_of(answer), ErrorKind::Conflict, "{version:?}");
        assert_eq!(get(store, &score, NOW).await, there);
    }
    // Where there is nothing, there is no version either, whatever it was.
    store.kv_delete(&score, None, at(NOW)).await.unwrap();
    for version in [second, first, KvVersion::new(0)] {
        let answer = put(store, &score, json!(3), Expect::Version(version)).await;
        assert_eq!(kind_of(answer), ErrorKind::Conflict, "{version:?}");
        assert_eq!(get(store, &score, NOW).await, None);
    }
}

async fn a_value_is_deleted_by_its_version(db: Database) {
    let store = db.store().as_ref();
    let score = key("score");
    let first = set(store, &score, json!(1)).await;
    let second = set(store, &score, json!(2)).await;
    let there = Some(entry(&score, json!(2), second, None));
    for version in [first, KvVersion::new(second.get() + 1), KvVersion::new(0)] {
        let answer = store.kv_delete(&score, Some(version), at(NOW)).await;
        assert_eq!(kind_of(answer), ErrorKind::Conflict, "{version:?}");
        assert_eq!(get(store, &score, NOW).await, there);
    }
    assert!(store.kv_delete(&score, Some(second), at(NOW)).await.unwrap());
    assert_eq!(get(store, &score, NOW).await, None);
    let answer = store.kv_delete(&score, Some(second), at(NOW)).await;
    assert_eq!(kind_of(answer), ErrorKind::Conflict);
}

async fn plugins_are_rooms_of_their_own(db: Database) {
    let store = db.store().as_ref();
    let names = ["quiz", "Quiz", "qui", "quizz", "quiz ", "%", "qui_"];
    let mut versions = Vec::new();
    for name in names {
        // Absent in this room, whatever the others have.
        versions.push(put(store, &key_of(name, "score"), json!(name), Expect::Absent).await.unwrap());
    }
    for (name, &version) in names.into_iter().zip(&versions) {
        let expected = entry(&key("score"), json!(name), version, None);
        assert_eq!(all(store, name, NOW).await, [expected]);
    }
    assert!(store.kv_delete(&key_of("quiz", "score"), None, at(NOW)).await.unwrap());
    assert_eq!(all(store, "quiz", NOW).await, []);
    for name in &names[1..] {
        assert_eq!(all(store, name, NOW).await.len(), 1, "{name}");
    }
}

async fn keys_are_compared_byte_by_byte(db: Database) {
    let store = db.store().as_ref();
    let longest = "\u{1F600}".repeat(255);
    let similar = ["key", "Key", "key ", "k%", "k_y", "ke", longest.as_str(), &longest[4..]];
    let names: Vec<&str> = AWKWARD.into_iter().chain(similar).collect();
    let mut versions = Vec::new();
    for name in &names {
        versions.push(put(store, &key(name), json!(name), Expect::Absent).await.unwrap());
    }
    for (name, version) in names.iter().zip(versions) {
        let expected = entry(&key(name), json!(name), version, None);
        assert_eq!(get(store, &key(name), NOW).await, Some(expected), "{name}");
        assert!(store.kv_delete(&key(name), Some(version), at(NOW)).await.unwrap(), "{name}");
    }
    assert_eq!(all(store, "quiz", NOW).await, []);
}

async fn every_write_has_a_greater_version_than_all_before_it(db: Database) {
    let store = db.store().as_ref();
    let mut versions = Vec::new();
    for name in ["b", "a", "b", "c", "a", "a"] {
        versions.push(set(store, &key(name), json!(0)).await);
        versions.push(set(store, &key_of("another plugin", name), json!(0)).await);
    }
    // The same value again is a write too.
    assert!(versions.is_sorted_by(|a, b| a < b), "{versions:?}");
}

async fn a_refused_write_leaves_the_version_as_it_was(db: Database) {
    let store = db.store().as_ref();
    let score = key("score");
    let version = set(store, &score, json!(1)).await;
    assert_eq!(kind_of(put(store, &score, json!(2), Expect::Absent).await), ErrorKind::Conflict);
    let other = Expect::Version(KvVersion::new(version.get() - 1));
    assert_eq!(kind_of(put(store, &score, json!(2), other).await), ErrorKind::Conflict);
    assert!(put(store, &score, json!(2), Expect::Version(version)).await.unwrap() > version);
}

async fn a_version_is_not_used_again_after_a_deletion(db: Database) {
    let store = db.store().as_ref();
    let score = key("score");
    let mut versions = Vec::new();
    for _ in 0..3 {
        versions.push(put(store, &score, json!(1), Expect::Absent).await.unwrap());
        assert!(store.kv_delete(&score, None, at(NOW)).await.unwrap());
    }
    assert!(versions.is_sorted_by(|a, b| a < b), "{versions:?}");
    let live = put(store, &score, json!(1), Expect::Absent).await.unwrap();
    for version in versions {
        let answer = put(store, &score, json!(2), Expect::Version(version)).await;
        assert_eq!(kind_of(answer), ErrorKind::Conflict);
    }
    assert_eq!(get(store, &score, NOW).await, Some(entry(&score, json!(1), live, None)));
}
