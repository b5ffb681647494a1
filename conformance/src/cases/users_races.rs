//! Many writers of the same users at once.

use std::sync::Arc;

use botstore::model::{ChannelEvent, CloseSessions, Limit};
use botstore::store::BotStore;
use futures::future::join_all;

use crate::case::{Case, cases};
use crate::database::Database;
use crate::given::{at, chat, joined, left, record, user};

pub(super) const CASES: &[Case] = cases![
    fifty_joins_of_a_new_name_at_once_make_one_user,
    fifty_first_lines_of_a_new_name_at_once_all_count,
    writers_of_new_users_in_clashing_orders_lose_nothing,
    lines_and_joins_of_the_same_new_users_in_clashing_orders_lose_nothing,
    sixteen_writers_of_the_same_users_in_clashing_orders_lose_nothing,
    sixteen_writers_of_the_same_sessions_credit_each_once,
    closing_sessions_meets_writers_without_a_deadlock;
    persistent:
    two_stores_write_the_same_new_users,
];

/// Runs a task for each number, all at once.
async fn all_at_once<F: Future<Output = ()> + Send + 'static>(
    store: &Arc<dyn BotStore>,
    count: usize,
    task: impl Fn(usize, Arc<dyn BotStore>) -> F,
) {
    let tasks: Vec<_> = (0..count).map(|number| tokio::spawn(task(number, Arc::clone(store)))).collect();
    for task in join_all(tasks).await {
        task.unwrap();
    }
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("user {number}")).collect()
}

/// The events in an order of the writer's own: forwards, backwards, or from somewhere in the middle.
fn shuffled(mut events: Vec<ChannelEvent>, writer: usize) -> Vec<ChannelEvent> {
    let middle = writer * 7 % events.len();
    events.rotate_left(middle);
    if writer % 2 == 1 {
        events.reverse();
    }
    events
}

async fn fifty_joins_of_a_new_name_at_once_make_one_user(db: Database) {
    all_at_once(db.store(), 50, |_, store| async move {
        record(&*store, [joined(100, "ada")]).await;
    })
    .await;
    let totals = db.store().user_totals().await.unwrap();
    assert_eq!((totals.users.get(), totals.open_sessions.get()), (1, 1));
    let ada = user(&**db.store(), "ada").await;
    assert_eq!((ada.first_seen, ada.current_session_start), (at(100), Some(at(100))));
    assert_eq!(ada.total_time_connected.get(), 0);
}

async fn fifty_first_lines_of_a_new_name_at_once_all_count(db: Database) {
    all_at_once(db.store(), 50, |number, store| async move {
        record(&*store, [chat(number as i64, "ada", "hi")]).await;
    })
    .await;
    let ada = user(&**db.store(), "ada").await;
    assert_eq!(ada.total_chat_lines.get(), 50);
    assert_eq!((ada.first_seen, ada.last_seen), (at(0), at(49)));
}

async fn writers_of_new_users_in_clashing_orders_lose_nothing(db: Database) {
    for round in 0..5 {
        all_at_once(db.store(), 16, |writer, store| async move {
            let names: Vec<_> = names(40).iter().map(|who| format!("{who} of {round}")).collect();
            let events = names.iter().flat_map(|who| [chat(1, who, "hi"), joined(2, who)]).collect();
            record(&*store, shuffled(events, writer)).await;
        })
        .await;
    }
    let top = db.store().top_chatters(Limit::MAX).await.unwrap();
    assert_eq!(top.len(), 5 * 40);
    assert!(top.iter().all(|row| row.total_chat_lines.get() == 16));
    assert_eq!(db.store().user_totals().await.unwrap().open_sessions.get(), 5 * 40);
}

async fn lines_and_joins_of_the_same_new_users_in_clashing_orders_lose_nothing(db: Database) {
    // Some of the users are known to some of the writers, and the writers do different things to them.
    all_at_once(db.store(), 16, |writer, store| async move {
        for round in 0..5 {
            let names: Vec<_> =
                (round * 10..round * 10 + 30).map(|number| format!("user {number}")).collect();
            let events = names.iter().map(|who| match writer % 3 {
                0 => joined(2, who),
                _ => chat(1, who, "hi"),
            });
            record(&*store, shuffled(events.collect(), writer + round)).await;
        }
    })
    .await;
    // Of the 70 users the first ten and the last ten are in one round, their neighbours in two, the others in three.
    let top = db.store().top_chatters(Limit::MAX).await.unwrap();
    assert_eq!(top.len(), 70);
    for row in top {
        let number: i64 = row.username.as_str()["user ".len()..].parse().unwrap();
        let rounds = [1, 2, 3, 3, 3, 2, 1][number as usize / 10];
        assert_eq!(row.total_chat_lines.get(), 10 * rounds, "{}", row.username);
    }
    assert_eq!(db.store().user_totals().await.unwrap().open_sessions.get(), 70);
}

async fn sixteen_writers_of_the_same_users_in_clashing_orders_lose_nothing(db: Database) {
    all_at_once(db.store(), 16, |writer, store| async move {
        for round in 0..10 {
            let events = names(50).iter().map(|who| chat(round, who, "hi")).collect();
            record(&*store, shuffled(events, writer + round as usize)).await;
        }
    })
    .await;
    let top = db.store().top_chatters(Limit::MAX).await.unwrap();
    assert_eq!(top.len(), 50);
    assert!(top.iter().all(|row| row.total_chat_lines.get() == 160), "{top:?}");
    assert_eq!(db.store().chat_count().await.unwrap().get(), 16 * 10 * 50);
}

async fn sixteen_writers_of_the_same_sessions_credit_each_once(db: Database) {
    all_at_once(db.store(), 16, |writer, store| async move {
        for round in 0..8 {
            // Whole sessions: whatever the writers' order, each adds its three seconds.
            let mut names = names(30);
            names.rotate_left((writer * 11 + round) % 30);
            let events: Vec<_> = names.iter().flat_map(|who| [joined(10, who), left(13, who)]).collect();
            record(&*store, events).await;
        }
    })
    .await;
    for who in names(30) {
        assert_eq!(user(&**db.store(), &who).await.total_time_connected.get(), 16 * 8 * 3, "{who}");
    }
    assert_eq!(db.store().user_totals().await.unwrap().open_sessions.get(), 0);
}

async fn closing_sessions_meets_writers_without_a_deadlock(db: Database) {
    // Each join opens a session that is one second old when it is closed, by whomever and however often.
    all_at_once(db.store(), 12, |writer, store| async move {
        for round in 0..8 {
            if writer % 4 == 0 {
                store.close_sessions(CloseSessions::At(at(11))).await.unwrap();
            } else {
                let events = names(40).iter().map(|who| joined(10, who)).collect();
                record(&*store, shuffled(events, writer + round)).await;
            }
        }
    })
    .await;
    db.store().close_sessions(CloseSessions::At(at(11))).await.unwrap();
    let totals = db.store().user_totals().await.unwrap();
    assert_eq!((totals.users.get(), totals.open_sessions.get()), (40, 0));
    // At least the last closing credits everybody; at most each closing does.
    let seconds = totals.connected_seconds.get();
    assert!((40..=40 * (3 * 8 + 1)).contains(&seconds), "{seconds}");
}

async fn two_stores_write_the_same_new_users(db: Database) {
    let other = db.open_another().await;
    for round in 0..10 {
        let events: Vec<_> = (0..20).map(|number| chat(1, &format!("{round} {number}"), "hi")).collect();
        let backwards: Vec<_> = events.iter().rev().cloned().collect();
        tokio::join!(record(&**db.store(), events), record(&*other, backwards));
    }
    let top = other.top_chatters(Limit::MAX).await.unwrap();
    assert_eq!(top.len(), 200);
    assert!(top.iter().all(|row| row.total_chat_lines.get() == 2));
    other.close().await.unwrap();
}
