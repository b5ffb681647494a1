//! Many writers and readers at once.

use std::sync::Arc;

use botstore::model::{Batch, ChannelEvent, Limit, Position, Recorded, RowKey};
use botstore::store::BotStore;
use futures::future::join_all;

use super::ingest::of_every_kind;
use crate::case::{Case, cases};
use crate::database::Database;
use crate::given::{chat, counts, joined, numbered, record, source, user};
use crate::snapshot::Snapshot;

pub(super) const CASES: &[Case] = cases![
    eight_callers_with_one_batch_write_it_once,
    overlapping_batches_at_once_write_each_event_once,
    two_readers_of_one_source_write_each_event_once,
    sources_at_once_do_not_disturb_each_other,
    two_hundred_callers_at_once_lose_nothing,
    a_caller_that_gives_up_leaves_all_or_nothing,
    a_read_sees_every_write_acknowledged_before_it,
    no_reader_sees_half_a_batch,
    a_refused_batch_takes_no_other_with_it;
    persistent:
    two_stores_with_one_batch_write_it_once,
    what_one_store_wrote_another_reads,
];

/// Records each batch in a task of its own, all at once.
async fn all_at_once(store: &Arc<dyn BotStore>, batches: impl IntoIterator<Item = Batch>) -> Vec<Recorded> {
    let tasks = batches.into_iter().map(|batch| {
        let store = Arc::clone(store);
        tokio::spawn(async move { store.record(&batch).await.unwrap() })
    });
    join_all(tasks).await.into_iter().map(Result::unwrap).collect()
}

/// Line `number` is the same in every batch that has it.
fn line(number: i64) -> ChannelEvent {
    chat(number, "ada", &format!("line {number}"))
}

fn lines(from: i64, to: i64) -> Vec<ChannelEvent> {
    (from..=to).map(line).collect()
}

/// That each of the lines 1 to `last` is kept once, and counted once.
async fn assert_lines_to(store: &dyn BotStore, last: i64) {
    let kept = store.chat_after(RowKey::START, Limit::MAX).await.unwrap();
    let times: Vec<i64> = kept.iter().map(|line| line.at.seconds()).collect();
    assert_eq!(times, (1..=last).collect::<Vec<_>>());
    assert_eq!(user(store, "ada").await.total_chat_lines.get(), last);
}

async fn eight_callers_with_one_batch_write_it_once(db: Database) {
    let store = db.store();
    for round in 0..5 {
        let batch = numbered("log", round * 6, of_every_kind(100));
        let mut answers = all_at_once(store, vec![batch; 8]).await;
        answers.sort_by_key(|recorded| recorded.applied);
        assert!(answers[..7].iter().all(|&answer| answer == Recorded::new(0, 6)), "{answers:?}");
        assert_eq!(answers[7], Recorded::new(6, 0));
    }
    let seen = Snapshot::of(&**store, &["ada"]).await;
    assert_eq!((seen.chat.len(), seen.samples.len(), seen.actions.len()), (5, 5, 5));
    assert_eq!(seen.totals.connected_seconds.get(), 25);
}

async fn overlapping_batches_at_once_write_each_event_once(db: Database) {
    let store = db.store();
    // Each begins at the start of the source and reaches further than the one before.
    let answers = all_at_once(store, (1..=12).map(|last| numbered("log", 0, lines(1, last * 5)))).await;
    assert_eq!(answers.iter().map(|recorded| recorded.applied).sum::<u64>(), 60);
    assert!((1..).zip(&answers).all(|(last, answer)| answer.applied + answer.skipped == last * 5));
    assert_lines_to(&**store, 60).await;
}

async fn two_readers_of_one_source_write_each_event_once(db: Database) {
    let store = db.store();
    // Two replays of one file, with batches of different sizes.
    let replays = [7, 11].map(|size| {
        let store = Arc::clone(store);
        tokio::spawn(async move {
            for from in (1..=231).step_by(size) {
                let to = (from + size as i64 - 1).min(231);
                store.record(&numbered("log", from - 1, lines(from, to))).await.unwrap();
            }
        })
    });
    for replay in replays {
        replay.await.unwrap();
    }
    assert_lines_to(&**store, 231).await;
}

async fn sources_at_once_do_not_disturb_each_other(db: Database) {
    let store = db.store();
    let readers = (0..8).map(|reader| {
        let store = Arc::clone(store);
        tokio::spawn(async move {
            let from = format!("log {reader}");
            for after in 0..10 {
                let events = vec![chat(after, "ada", "hi"), counts(after, reader, 8)];
                let batch = numbered(&from, after * 2, events);
                assert_eq!(store.record(&batch).await.unwrap(), Recorded::new(2, 0));
            }
        })
    });
    for reader in join_all(readers).await {
        reader.unwrap();
    }
    for reader in 0..8 {
        let stands_at = store.position(&source(&format!("log {reader}"))).await.unwrap();
        assert_eq!(stands_at.map(Position::get), Some(20));
    }
    assert_eq!(user(&**store, "ada").await.total_chat_lines.get(), 80);
    assert_eq!(store.count_sample_count().await.unwrap().get(), 80);
}

async fn two_hundred_callers_at_once_lose_nothing(db: Database) {
    let store = db.store();
    let batches = (1..=200).map(|number| Batch::new(vec![line(number)]).unwrap());
    let answers = all_at_once(store, batches).await;
    assert!(answers.iter().all(|&answer| answer == Recorded::new(1, 0)));
    assert_lines_to(&**store, 200).await;
}

async fn a_caller_that_gives_up_leaves_all_or_nothing(db: Database) {
    let store = db.store();
    let callers: Vec<_> = (0..30)
        .map(|caller| {
            let store = Arc::clone(store);
            let batch =
                Batch::new((1..=20).map(|second| chat(second, &format!("user {caller}"), "hi")).collect());
            tokio::spawn(async move { store.record(&batch.unwrap()).await.unwrap() })
        })
        .collect();
    for (index, caller) in callers.iter().enumerate() {
        if index % 3 == 0 {
            tokio::task::yield_now().await;
            caller.abort();
        }
    }
    let mut acknowledged = 0;
    for caller in callers {
        acknowledged += i64::from(caller.await.is_ok());
    }
    // What was given up may still be under way; it ends before the store is asked again, or after, but whole.
    let kept = store.chat_count().await.unwrap().get();
    assert!(kept % 20 == 0 && kept >= acknowledged * 20, "{acknowledged} acknowledged, {kept} lines");
    for row in store.top_chatters(Limit::MAX).await.unwrap() {
        assert_eq!(row.total_chat_lines.get(), 20, "{}", row.username);
    }
    assert_eq!(record(&**store, lines(1, 3)).await, Recorded::new(3, 0), "the store goes on");
}

async fn a_read_sees_every_write_acknowledged_before_it(db: Database) {
    let callers = (0..4).map(|caller| {
        let store = Arc::clone(db.store());
        tokio::spawn(async move {
            let who = format!("user {caller}");
            for lines in 1..=25 {
                record(&*store, [chat(lines, &who, "hi")]).await;
                assert_eq!(user(&*store, &who).await.total_chat_lines.get(), lines);
            }
        })
    });
    for caller in join_all(callers).await {
        caller.unwrap();
    }
}

async fn no_reader_sees_half_a_batch(db: Database) {
    let writer = Arc::clone(db.store());
    let writing = tokio::spawn(async move {
        for round in 0..30 {
            record(&*writer, lines(round * 10 + 1, round * 10 + 10)).await;
        }
    });
    loop {
        let done = writing.is_finished();
        let lines = db.store().chat_count().await.unwrap().get();
        assert_eq!(lines % 10, 0);
        let counted = db.store().user_totals().await.unwrap().chat_lines.get();
        assert!(counted % 10 == 0 && counted >= lines, "{lines} kept, {counted} counted");
        if done {
            break assert_eq!(lines, 300);
        }
    }
    writing.await.unwrap();
}

async fn a_refused_batch_takes_no_other_with_it(db: Database) {
    let store = db.store();
    // Waiting writes may share a transaction: each still has an answer of its own.
    let callers = (1..=40).map(|number| {
        let store = Arc::clone(store);
        tokio::spawn(async move {
            if number % 2 == 0 {
                store.record(&numbered("never begun", 5, vec![joined(1, "bob")])).await.unwrap_err();
            } else {
                let batch = Batch::new(vec![chat(number, "ada", "hi")]).unwrap();
                assert_eq!(store.record(&batch).await.unwrap(), Recorded::new(1, 0));
            }
        })
    });
    for caller in join_all(callers).await {
        caller.unwrap();
    }
    assert_eq!(user(&**store, "ada").await.total_chat_lines.get(), 20);
    assert_eq!(store.user_totals().await.unwrap().users.get(), 1);
}

async fn two_stores_with_one_batch_write_it_once(db: Database) {
    let other = db.open_another().await;
    for round in 0..10 {
        let batch = numbered("log", round * 6, of_every_kind(100));
        let (one, two) = tokio::join!(db.store().record(&batch), other.record(&batch));
        let (one, two) = (one.unwrap(), two.unwrap());
        assert_eq!((one.applied + two.applied, one.skipped + two.skipped), (6, 6));
    }
    let seen = Snapshot::of(&*other, &["ada"]).await;
    assert_eq!((seen.chat.len(), seen.samples.len(), seen.actions.len()), (10, 10, 10));
    other.close().await.unwrap();
}

async fn what_one_store_wrote_another_reads(db: Database) {
    let other = db.open_another().await;
    for round in 1..=10 {
        record(&**db.store(), [line(2 * round - 1)]).await;
        assert_lines_to(&*other, 2 * round - 1).await;
        record(&*other, [line(2 * round)]).await;
        assert_lines_to(&**db.store(), 2 * round).await;
    }
    other.close().await.unwrap();
}
