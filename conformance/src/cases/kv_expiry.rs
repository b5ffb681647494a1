//! Plugin values whose time is over.

use botstore::ErrorKind;
use botstore::model::{Expect, KvKey, KvVersion, Retention, Timestamp};
use botstore::store::BotStore;
use serde_json::json;

use super::kv::{NOW, all, entry, get, key, put, set, value};
use crate::case::{Case, cases};
use crate::database::Database;
use crate::given::{at, kind_of};

pub(super) const CASES: &[Case] = cases![
    a_value_is_there_before_its_end_and_gone_at_it,
    a_value_put_at_its_end_is_never_there,
    a_value_at_the_calendars_end_has_an_end_too,
    an_expired_value_counts_as_absent,
    an_expired_value_has_no_version,
    an_expired_value_is_not_deleted,
    an_expired_value_is_replaced_whatever_is_expected_of_it,
    a_live_value_with_an_end_is_there_for_every_expectation,
    a_new_end_takes_the_earlier_ones_place,
    an_expired_value_is_in_no_list,
    a_version_is_not_used_again_after_an_expiry,
];

/// The end of the values below.
const END: i64 = NOW + 60;

/// Puts the number 1, which ends at `end`, whatever is there.
async fn set_until(store: &dyn BotStore, to: &KvKey, end: Timestamp) -> KvVersion {
    store.kv_put(to, &value(&json!(1)), Some(end), Expect::Any, at(NOW)).await.unwrap()
}

async fn set_until_end(store: &dyn BotStore, to: &KvKey) -> KvVersion {
    set_until(store, to, at(END)).await
}

async fn a_value_is_there_before_its_end_and_gone_at_it(db: Database) {
    let store = db.store().as_ref();
    let version = set_until_end(store, &key("score")).await;
    let there = entry(&key("score"), json!(1), version, Some(at(END)));
    assert_eq!(get(store, &key("score"), NOW).await, Some(there.clone()));
    assert_eq!(get(store, &key("score"), END - 1).await, Some(there));
    assert_eq!(get(store, &key("score"), END).await, None);
    assert_eq!(get(store, &key("score"), END + 1).await, None);
}

async fn a_value_put_at_its_end_is_never_there(db: Database) {
    let store = db.store().as_ref();
    for end in [NOW, NOW - 1] {
        set_until(store, &key("score"), at(end)).await;
        assert_eq!(get(store, &key("score"), NOW).await, None);
    }
}

async fn a_value_at_the_calendars_end_has_an_end_too(db: Database) {
    let store = db.store().as_ref();
    let version = set_until(store, &key("score"), Timestamp::MAX).await;
    let there = entry(&key("score"), json!(1), version, Some(Timestamp::MAX));
    assert_eq!(get(store, &key("score"), Timestamp::MAX.seconds() - 1).await, Some(there));
    assert_eq!(get(store, &key("score"), Timestamp::MAX.seconds()).await, None);
}

async fn an_expired_value_counts_as_absent(db: Database) {
    let store = db.store().as_ref();
    let first = set_until_end(store, &key("score")).await;
    let next = |seconds| async move {
        store.kv_put(&key("score"), &value(&json!(2)), None, Expect::Absent, at(seconds)).await
    };
    assert_eq!(kind_of(next(END - 1).await), ErrorKind::Conflict);
    let second = next(END).await.unwrap();
    assert!(second > first);
    assert_eq!(get(store, &key("score"), END).await, Some(entry(&key("score"), json!(2), second, None)));
}

async fn an_expired_value_has_no_version(db: Database) {
    let store = db.store().as_ref();
    let version = set_until_end(store, &key("score")).await;
    let put = |seconds| async move {
        store.kv_put(&key("score"), &value(&json!(2)), None, Expect::Version(version), at(seconds)).await
    };
    assert_eq!(kind_of(put(END).await), ErrorKind::Conflict);
    assert_eq!(get(store, &key("score"), END).await, None);
    set_until_end(store, &key("other")).await;
    // A second before, it is there.
    let version = set_until_end(store, &key("score")).await;
    let answer =
        store.kv_put(&key("score"), &value(&json!(3)), None, Expect::Version(version), at(END - 1)).await;
    assert_eq!(
        get(store, &key("score"), END).await,
        Some(entry(&key("score"), json!(3), answer.unwrap(), None))
    );
}

async fn an_expired_value_is_not_deleted(db: Database) {
    let store = db.store().as_ref();
    let version = set_until_end(store, &key("score")).await;
    let answer = store.kv_delete(&key("score"), Some(version), at(END)).await;
    assert_eq!(kind_of(answer), ErrorKind::Conflict);
    assert!(!store.kv_delete(&key("score"), None, at(END)).await.unwrap());
    for version in [None, Some(())] {
        let there = set_until_end(store, &key("score")).await;
        let deleted = store.kv_delete(&key("score"), version.map(|()| there), at(END - 1)).await;
        assert!(deleted.unwrap());
        assert_eq!(get(store, &key("score"), NOW).await, None);
    }
}

async fn an_expired_value_is_replaced_whatever_is_expected_of_it(db: Database) {
    let store = db.store().as_ref();
    let first = set_until_end(store, &key("score")).await;
    let second = store
        .kv_put(&key("score"), &value(&json!(2)), Some(at(END + 60)), Expect::Any, at(END))
        .await
        .unwrap();
    assert!(second > first);
    let there = entry(&key("score"), json!(2), second, Some(at(END + 60)));
    assert_eq!(get(store, &key("score"), END).await, Some(there));
    assert_eq!(get(store, &key("score"), END + 60).await, None);
}

async fn a_live_value_with_an_end_is_there_for_every_expectation(db: Database) {
    let store = db.store().as_ref();
    let version = set_until_end(store, &key("score")).await;
    let answer = put(store, &key("score"), json!(2), Expect::Absent).await;
    assert_eq!(kind_of(answer), ErrorKind::Conflict);
    let second = put(store, &key("score"), json!(2), Expect::Version(version)).await.unwrap();
    assert_eq!(get(store, &key("score"), END).await, Some(entry(&key("score"), json!(2), second, None)));
}

async fn a_new_end_takes_the_earlier_ones_place(db: Database) {
    let store = db.store().as_ref();
    set_until_end(store, &key("score")).await;
    for end in [END + 100, END - 30] {
        let version = set_until(store, &key("score"), at(end)).await;
        let there = entry(&key("score"), json!(1), version, Some(at(end)));
        assert_eq!(get(store, &key("score"), end - 1).await, Some(there));
        assert_eq!(get(store, &key("score"), end).await, None);
    }
}

async fn an_expired_value_is_in_no_list(db: Database) {
    let store = db.store().as_ref();
    let ending = set_until_end(store, &key("a")).await;
    let staying = set(store, &key("b"), json!(2)).await;
    let [a, b] =
        [entry(&key("a"), json!(1), ending, Some(at(END))), entry(&key("b"), json!(2), staying, None)];
    assert_eq!(all(store, "quiz", END - 1).await, [a, b.clone()]);
    assert_eq!(all(store, "quiz", END).await, [b]);
}

async fn a_version_is_not_used_again_after_an_expiry(db: Database) {
    let store = db.store().as_ref();
    let first = set_until_end(store, &key("score")).await;
    store.maintain(&Retention::default(), at(END)).await.unwrap();
    let second = put(store, &key("score"), json!(2), Expect::Absent).await.unwrap();
    assert!(second > first, "{second:?} is not greater than {first:?}");
    let answer = put(store, &key("score"), json!(3), Expect::Version(first)).await;
    assert_eq!(kind_of(answer), ErrorKind::Conflict);
}
