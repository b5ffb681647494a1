//! Maintenance of much, while others write, and what it leaves of identities.

use std::sync::Arc;
use std::task::Poll;

use botstore::model::{
    Batch, Count, Expect, KvVersion, MaintenanceReport, Retention, RowId, Seconds, Settlement,
};
use botstore::store::BotStore;
use serde_json::json;

use super::kv::{key, value};
use super::maintenance::{count, forever, lines, maintain};
use super::{kv, outbound};
use crate::case::{Case, cases};
use crate::database::Database;
use crate::given::{at, chat, counts, record, together};

pub(super) const CASES: &[Case] = cases![
    more_lines_and_samples_than_one_batch_go,
    more_messages_and_values_than_one_batch_go,
    a_little_goes_at_a_time_and_writes_get_in_between,
    maintenance_beside_writes_loses_none,
    two_runs_at_once_remove_everything_once,
    a_run_that_is_given_up_is_finished_by_the_next,
    an_identity_is_not_used_again_after_all_lines_are_gone,
    an_identity_is_not_used_again_after_a_message_is_discarded;
    persistent:
    no_identity_is_used_again_after_reopening,
];

const NOW: i64 = 100_000_000;

/// Nothing is kept but what is of the moment itself.
fn nothing_kept() -> Retention {
    let none = Seconds::new(0).unwrap();
    Retention { counts: none, sent_messages: none, revoked_tokens: none, chat: none }
}

async fn more_lines_and_samples_than_one_batch_go(db: Database) {
    let store = db.store().as_ref();
    for _ in 0..5 {
        record(store, (0..500).map(|age| chat(NOW - age, "ada", "hello")).collect::<Vec<_>>()).await;
        record(store, (0..500).map(|age| counts(NOW - age, 1, 2)).collect::<Vec<_>>()).await;
    }
    let removed = maintain(store, nothing_kept(), NOW).await;
    let expected =
        MaintenanceReport { counts: count(2_495), chat: count(2_495), ..MaintenanceReport::default() };
    assert_eq!(removed, expected);
    assert_eq!(lines(store).await.len(), 5);
    assert_eq!(store.chat_count().await.unwrap(), count(5));
    assert_eq!(store.count_sample_count().await.unwrap(), count(5));
}

async fn more_messages_and_values_than_one_batch_go(db: Database) {
    let writers = (0..50).map(|writer| {
        let store = Arc::clone(db.store());
        async move {
            for index in 0..50 {
                let name = key(&format!("{writer} {index}"));
                store.kv_put(&name, &value(&json!(1)), Some(at(1)), Expect::Absent, at(0)).await.unwrap();
                store.enqueue(&outbound::message("hello"), at(0)).await.unwrap();
            }
        }
    });
    together(writers).await;
    let leases = outbound::claim(db.store().as_ref(), 0, 10_000).await;
    assert_eq!(leases.len(), 2_500);
    let senders = (0..50).map(|sender| {
        let (store, leases) = (Arc::clone(db.store()), leases[sender * 50..][..50].to_vec());
        async move {
            for lease in leases {
                store.settle_message(&lease, &Settlement::Sent, at(1)).await.unwrap();
            }
        }
    });
    together(senders).await;
    let removed = maintain(db.store().as_ref(), nothing_kept(), NOW).await;
    let expected = MaintenanceReport {
        sent_messages: count(2_500),
        expired_values: count(2_500),
        ..MaintenanceReport::default()
    };
    assert_eq!(removed, expected);
    assert_eq!(outbound::all(db.store().as_ref()).await, []);
}

async fn a_little_goes_at_a_time_and_writes_get_in_between(db: Database) {
    let store = db.store().as_ref();
    for _ in 0..5 {
        record(store, vec![chat(1, "ada", "old"); 1_000]).await;
        record(store, vec![counts(1, 1, 2); 1_000]).await;
    }
    let (retention, mut said, mut steps) = (nothing_kept(), 0, vec![[5_000, 5_000]]);
    let mut run = store.maintain(&retention, at(NOW));
    let removed = loop {
        // Until it is polled again, nothing of the run goes on but the batch that it has begun.
        if let Poll::Ready(removed) = futures::poll!(&mut run) {
            break removed.unwrap();
        }
        said += 1;
        record(store, [chat(NOW, "ada", &said.to_string())]).await;
        let (lines, samples) = (store.chat_count().await.unwrap(), store.count_sample_count().await.unwrap());
        steps.push([lines.get() - said, samples.get()]);
    };
    let expected =
        MaintenanceReport { counts: count(5_000), chat: count(5_000), ..MaintenanceReport::default() };
    assert_eq!(removed, expected);
    for table in [0, 1] {
        let between = steps.iter().any(|step| (1..5_000).contains(&step[table]));
        assert!(between, "all at once: {steps:?}");
    }
    let kept: Vec<_> = lines(store).await.iter().map(|line| line.message.as_str().to_owned()).collect();
    assert_eq!(kept, (1..=said).map(|number| number.to_string()).collect::<Vec<_>>());
    assert_eq!(store.count_sample_count().await.unwrap(), Count::ZERO);
}

async fn maintenance_beside_writes_loses_none(db: Database) {
    for _ in 0..2 {
        let old = (0..1_000).map(|_| chat(1, "ada", "old")).collect::<Vec<_>>();
        record(db.store().as_ref(), old).await;
    }
    let writers = (0..4).map(|writer| {
        let store = Arc::clone(db.store());
        async move {
            for index in 0..25 {
                let line = chat(NOW, "ada", &format!("{writer} {index}"));
                store.record(&Batch::new(vec![line]).unwrap()).await.unwrap();
            }
        }
    });
    let maintaining = tokio::spawn({
        let store = Arc::clone(db.store());
        async move {
            let mut removed = 0;
            for _ in 0..5 {
                removed += maintain(store.as_ref(), nothing_kept(), NOW).await.chat.get();
            }
            removed
        }
    });
    together(writers).await;
    assert_eq!(maintaining.await.unwrap(), 2_000);
    let mut kept: Vec<_> =
        lines(db.store().as_ref()).await.iter().map(|line| line.message.as_str().to_owned()).collect();
    let mut expected: Vec<_> =
        (0..4).flat_map(|writer| (0..25).map(move |index| format!("{writer} {index}"))).collect();
    kept.sort();
    expected.sort();
    assert_eq!(kept, expected);
}

async fn two_runs_at_once_remove_everything_once(db: Database) {
    for _ in 0..2 {
        record(db.store().as_ref(), (0..1_000).map(|_| chat(1, "ada", "old")).collect::<Vec<_>>()).await;
    }
    let runs = (0..2).map(|_| {
        let store = Arc::clone(db.store());
        async move { maintain(store.as_ref(), nothing_kept(), NOW).await.chat.get() }
    });
    assert_eq!(together(runs).await.into_iter().sum::<i64>(), 2_000);
    assert_eq!(lines(db.store().as_ref()).await, []);
}

async fn a_run_that_is_given_up_is_finished_by_the_next(db: Database) {
    for _ in 0..3 {
        record(db.store().as_ref(), (0..1_000).map(|_| chat(1, "ada", "old")).collect::<Vec<_>>()).await;
    }
    record(db.store().as_ref(), [chat(NOW, "ada", "new")]).await;
    for polls in 1..=3 {
        let run = tokio::spawn({
            let store = Arc::clone(db.store());
            async move { store.maintain(&nothing_kept(), at(NOW)).await }
        });
        for _ in 0..polls {
            tokio::task::yield_now().await;
        }
        run.abort();
    }
    maintain(db.store().as_ref(), nothing_kept(), NOW).await;
    assert_eq!(db.store().chat_count().await.unwrap(), count(1));
    assert_eq!(lines(db.store().as_ref()).await[0].at, at(NOW));
}

/// Records a line of the moment 1, has maintenance remove it, and gives its identity.
async fn passing_line(store: &dyn BotStore) -> RowId {
    record(store, [chat(1, "ada", "hello")]).await;
    let id = lines(store).await[0].id;
    maintain(store, nothing_kept(), NOW).await;
    assert_eq!(lines(store).await, []);
    id
}

/// Queues a message, has it fail, discards it, and gives its identity.
async fn passing_message(store: &dyn BotStore) -> RowId {
    let lease = outbound::settled(store, 3, &outbound::permanent("banned"), 10).await;
    store.discard_message(lease.message.id).await.unwrap();
    assert_eq!(outbound::all(store).await, []);
    lease.message.id
}

/// Puts a value that has ended, has maintenance remove it, and gives its version.
async fn passing_value(store: &dyn BotStore) -> KvVersion {
    let put = store.kv_put(&key("passing"), &value(&json!(1)), Some(at(1)), Expect::Absent, at(0)).await;
    maintain(store, forever(), NOW).await;
    assert_eq!(kv::all(store, "quiz", 0).await, []);
    put.unwrap()
}

async fn an_identity_is_not_used_again_after_all_lines_are_gone(db: Database) {
    let store = db.store().as_ref();
    let ids = [passing_line(store).await, passing_line(store).await, passing_line(store).await];
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
}

async fn an_identity_is_not_used_again_after_a_message_is_discarded(db: Database) {
    let store = db.store().as_ref();
    let ids = [passing_message(store).await, passing_message(store).await, passing_message(store).await];
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
}

async fn no_identity_is_used_again_after_reopening(mut db: Database) {
    let (mut rows, mut messages, mut versions) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..3 {
        rows.push(passing_line(db.store().as_ref()).await);
        messages.push(passing_message(db.store().as_ref()).await);
        versions.push(passing_value(db.store().as_ref()).await);
        db.reopen().await;
    }
    assert!(rows.is_sorted_by(|a, b| a < b), "{rows:?}");
    assert!(messages.is_sorted_by(|a, b| a < b), "{messages:?}");
    assert!(versions.is_sorted_by(|a, b| a < b), "{versions:?}");
}
