//! Plugin values in the hands of many at once.

use std::sync::Arc;

use botstore::ErrorKind;
use botstore::model::{Expect, KvVersion};
use botstore::store::BotStore;
use serde_json::{Value, json};

use super::kv::{NOW, all, entry, get, key, put, set, value};
use crate::case::{Case, cases};
use crate::database::Database;
use crate::given::{at, kind_of, together};

pub(super) const CASES: &[Case] = cases![
    sixteen_counting_on_one_key_lose_no_step,
    of_sixteen_that_put_where_there_is_none_one_wins,
    of_sixteen_that_put_where_one_expired_one_wins,
    of_sixteen_that_replace_one_version_one_wins,
    of_two_deletions_of_one_version_at_once_one_finds_it,
    versions_given_at_once_are_all_different,
    the_value_that_stays_has_the_greatest_version;
    persistent:
    a_version_is_not_used_again_after_reopening,
    two_stores_counting_on_one_key_lose_no_step,
];

/// Adds one to the number at `counter`, again and again until nobody was quicker.
async fn count_up(store: Arc<dyn BotStore>, steps: usize) {
    for _ in 0..steps {
        loop {
            let (number, expect) = match get(store.as_ref(), &key("counter"), NOW).await {
                Some(entry) => (entry.value.to_value().as_i64().unwrap(), Expect::Version(entry.version)),
                None => (0, Expect::Absent),
            };
            match put(store.as_ref(), &key("counter"), json!(number + 1), expect).await {
                Ok(_) => break,
                Err(error) => assert_eq!(*error.kind(), ErrorKind::Conflict),
            }
        }
    }
}

async fn number(store: &dyn BotStore) -> Value {
    get(store, &key("counter"), NOW).await.unwrap().value.to_value()
}

async fn sixteen_counting_on_one_key_lose_no_step(db: Database) {
    together((0..16).map(|_| count_up(Arc::clone(db.store()), 5))).await;
    assert_eq!(number(db.store().as_ref()).await, json!(80));
}

async fn two_stores_counting_on_one_key_lose_no_step(db: Database) {
    let stores = [Arc::clone(db.store()), db.open_another().await];
    together(stores.iter().cycle().take(8).map(|store| count_up(Arc::clone(store), 5))).await;
    for store in stores {
        assert_eq!(number(store.as_ref()).await, json!(40));
    }
}

/// Puts sixteen values at once, all with the same expectation, at `seconds`: one is written, and stays.
async fn one_wins(db: &Database, expect: Expect, seconds: i64) {
    let puts = (0..16).map(|index| {
        let store = Arc::clone(db.store());
        async move {
            let version = store.kv_put(&key("score"), &value(&json!(index)), None, expect, at(seconds)).await;
            (index, version)
        }
    });
    let (won, lost): (Vec<_>, Vec<_>) = together(puts).await.into_iter().partition(|(_, put)| put.is_ok());
    assert_eq!((won.len(), lost.len()), (1, 15));
    assert!(lost.into_iter().all(|(_, put)| kind_of(put) == ErrorKind::Conflict));
    let there = get(db.store().as_ref(), &key("score"), seconds).await.unwrap();
    for (index, version) in won {
        assert_eq!(there, entry(&key("score"), json!(index), version.unwrap(), None));
    }
}

async fn of_sixteen_that_put_where_there_is_none_one_wins(db: Database) {
    for _ in 0..3 {
        one_wins(&db, Expect::Absent, NOW).await;
        assert!(db.store().kv_delete(&key("score"), None, at(NOW)).await.unwrap());
    }
}

async fn of_sixteen_that_put_where_one_expired_one_wins(db: Database) {
    let until = Some(at(NOW + 1));
    db.store().kv_put(&key("score"), &value(&json!("old")), until, Expect::Any, at(NOW)).await.unwrap();
    one_wins(&db, Expect::Absent, NOW + 1).await;
}

async fn of_sixteen_that_replace_one_version_one_wins(db: Database) {
    let mut version = set(db.store().as_ref(), &key("score"), json!("old")).await;
    for _ in 0..3 {
        one_wins(&db, Expect::Version(version), NOW).await;
        version = get(db.store().as_ref(), &key("score"), NOW).await.unwrap().version;
    }
}

async fn of_two_deletions_of_one_version_at_once_one_finds_it(db: Database) {
    for _ in 0..5 {
        let version = set(db.store().as_ref(), &key("score"), json!(1)).await;
        let delete = |_| {
            let store = Arc::clone(db.store());
            async move { store.kv_delete(&key("score"), Some(version), at(NOW)).await }
        };
        let (found, late): (Vec<_>, Vec<_>) =
            together((0..2).map(delete)).await.into_iter().partition(Result::is_ok);
        assert_eq!(found.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [true]);
        assert_eq!(late.into_iter().map(kind_of).collect::<Vec<_>>(), [ErrorKind::Conflict]);
    }
}

async fn versions_given_at_once_are_all_different(db: Database) {
    let puts = (0..64).map(|index: usize| {
        let store = Arc::clone(db.store());
        // Half of them on keys of their own, half on four keys that they share.
        let name =
            if index.is_multiple_of(2) { format!("own {index}") } else { format!("shared {}", index % 8) };
        async move { set(store.as_ref(), &key(&name), json!(index)).await }
    });
    let mut versions = together(puts).await;
    versions.sort_unstable();
    assert!(versions.is_sorted_by(|a, b| a < b), "{versions:?}");
    let next = set(db.store().as_ref(), &key("next"), json!(0)).await;
    assert!(next > versions[63], "{next:?} is not greater than {:?}", versions[63]);
}

async fn the_value_that_stays_has_the_greatest_version(db: Database) {
    for _ in 0..40 {
        let puts = (0..16).map(|_| {
            let store = Arc::clone(db.store());
            async move { set(store.as_ref(), &key("score"), json!(1)).await }
        });
        let greatest: Option<KvVersion> = together(puts).await.into_iter().max();
        let there = get(db.store().as_ref(), &key("score"), NOW).await.map(|entry| entry.version);
        assert_eq!(there, greatest);
    }
}

async fn a_version_is_not_used_again_after_reopening(mut db: Database) {
    let mut versions = Vec::new();
    for _ in 0..3 {
        versions.push(set(db.store().as_ref(), &key("score"), json!(1)).await);
        assert!(db.store().kv_delete(&key("score"), None, at(NOW)).await.unwrap());
        db.reopen().await;
    }
    assert!(versions.is_sorted_by(|a, b| a < b), "{versions:?}");
    assert_eq!(all(db.store().as_ref(), "quiz", NOW).await, []);
}
