//! The one row of the bot's status.

use std::sync::Arc;

use botstore::model::{
    BotName, ChannelName, Count, CurrentStatus, MediaTitle, Rank, StatusPatch, StatusText, Timestamp,
};
use botstore::store::BotStore;
use futures::future::join_all;

use crate::case::{Case, cases};
use crate::database::Database;
use crate::given::{at, counts, joined, record, status};

pub(super) const CASES: &[Case] = cases![
    before_the_first_change_the_bot_is_offline,
    every_field_is_kept,
    a_patch_of_one_field_changes_no_other,
    null_clears_each_field_that_may_be_unknown,
    a_patch_of_nothing_only_notes_its_moment,
    patches_of_a_batch_apply_in_its_order,
    a_later_record_counts_though_its_moment_is_earlier,
    last_updated_only_goes_up,
    last_updated_is_a_batchs_latest_moment,
    ranks_are_exact,
    counts_and_times_reach_their_limits,
    flags_are_true_false_or_unknown,
    patches_at_once_of_different_fields_all_count,
    other_events_leave_the_status;
    persistent:
    the_status_survives_reopening,
];

fn count(count: i64) -> Count {
    Count::new("count", count).unwrap()
}

async fn current(store: &dyn BotStore) -> CurrentStatus {
    store.current_status().await.unwrap()
}

/// A patch that sets every field, each to a value that tells it from the others.
fn full(more: i64) -> StatusPatch {
    StatusPatch {
        status: Some(StatusText::new(format!("online {more}")).unwrap()),
        bot_name: Some(Some(BotName::new(format!("Rosey {more}")).unwrap())),
        bot_rank: Some(Some(Rank::new(1.5 + more as f64).unwrap())),
        bot_afk: Some(Some(more % 2 == 0)),
        channel_name: Some(Some(ChannelName::new(format!("channel {more}")).unwrap())),
        current_users: Some(count(more + 1)),
        connected_users: Some(count(more + 2)),
        current_chat_users: Some(Some(count(more + 3))),
        current_connected_users: Some(Some(count(more + 4))),
        playlist_items: Some(Some(count(more + 5))),
        current_media_title: Some(Some(MediaTitle::new(format!("title {more}")).unwrap())),
        current_media_duration: Some(Some(count(more + 6))),
        bot_start_time: Some(Some(at(more + 7))),
        bot_connected: Some(Some(more % 2 != 0)),
    }
}

/// A patch for each field, with its value in the full patch.
fn one_by_one(more: i64) -> [(&'static str, StatusPatch); 14] {
    let full = full(more);
    macro_rules! patches {
        ($($field:ident),*) => {
            [$((stringify!($field), StatusPatch { $field: full.$field, ..StatusPatch::default() })),*]
        };
    }
    patches!(
        status,
        bot_name,
        bot_rank,
        bot_afk,
        channel_name,
        current_users,
        connected_users,
        current_chat_users,
        current_connected_users,
        playlist_items,
        current_media_title,
        current_media_duration,
        bot_start_time,
        bot_connected
    )
}

async fn before_the_first_change_the_bot_is_offline(db: Database) {
    let status = current(&**db.store()).await;
    assert_eq!(status, CurrentStatus::default());
    assert_eq!(status.status.as_str(), "offline");
}

async fn every_field_is_kept(db: Database) {
    record(&**db.store(), [status(100, full(10))]).await;
    let expected = CurrentStatus {
        last_updated: Some(at(100)),
        status: StatusText::new("online 10").unwrap(),
        bot_name: Some(BotName::new("Rosey 10").unwrap()),
        bot_rank: Some(Rank::new(11.5).unwrap()),
        bot_afk: Some(true),
        channel_name: Some(ChannelName::new("channel 10").unwrap()),
        current_users: count(11),
        connected_users: count(12),
        current_chat_users: Some(count(13)),
        current_connected_users: Some(count(14)),
        playlist_items: Some(count(15)),
        current_media_title: Some(MediaTitle::new("title 10").unwrap()),
        current_media_duration: Some(count(16)),
        bot_start_time: Some(at(17)),
        bot_connected: Some(false),
    };
    assert_eq!(current(&**db.store()).await, expected);
}

async fn a_patch_of_one_field_changes_no_other(db: Database) {
    let store = &**db.store();
    record(store, [status(100, full(10))]).await;
    let mut expected = current(store).await;
    for (moment, (field, patch)) in (101..).zip(one_by_one(21)) {
        patch.apply(at(moment), &mut expected);
        record(store, [status(moment, patch)]).await;
        assert_eq!(current(store).await, expected, "{field}");
    }
    let mut all = CurrentStatus::default();
    full(21).apply(at(114), &mut all);
    assert_eq!(expected, all, "every field was changed once");
}

async fn null_clears_each_field_that_may_be_unknown(db: Database) {
    let store = &**db.store();
    macro_rules! clears {
        ($($field:ident),*) => {
            [$(StatusPatch { $field: Some(None), ..StatusPatch::default() }),*]
        };
    }
    let patches = clears!(
        bot_name,
        bot_rank,
        bot_afk,
        channel_name,
        current_chat_users,
        current_connected_users,
        playlist_items,
        current_media_title,
        current_media_duration,
        bot_start_time,
        bot_connected
    );
    record(store, [status(100, full(10))]).await;
    let mut expected = current(store).await;
    for patch in patches {
        patch.apply(at(100), &mut expected);
        record(store, [status(100, patch)]).await;
        assert_eq!(current(store).await, expected);
    }
    let cleared = CurrentStatus {
        last_updated: Some(at(100)),
        status: StatusText::new("online 10").unwrap(),
        current_users: count(11),
        connected_users: count(12),
        ..CurrentStatus::default()
    };
    assert_eq!(expected, cleared);
}

async fn a_patch_of_nothing_only_notes_its_moment(db: Database) {
    record(&**db.store(), [status(100, full(10))]).await;
    let before = current(&**db.store()).await;
    record(&**db.store(), [status(120, StatusPatch::default())]).await;
    assert_eq!(current(&**db.store()).await, CurrentStatus { last_updated: Some(at(120)), ..before });
}

async fn patches_of_a_batch_apply_in_its_order(db: Database) {
    let named = |name: &str| StatusPatch {
        bot_name: Some(Some(BotName::new(name).unwrap())),
        ..StatusPatch::default()
    };
    let nameless = StatusPatch { bot_name: Some(None), ..StatusPatch::default() };
    let away = StatusPatch { bot_afk: Some(Some(true)), ..StatusPatch::default() };
    let store = &**db.store();
    record(store, [status(1, named("a")), status(2, away), status(3, named("b"))]).await;
    let seen = current(store).await;
    assert_eq!((seen.bot_name, seen.bot_afk), (Some(BotName::new("b").unwrap()), Some(true)));
    record(store, [status(4, nameless.clone()), status(5, named("c"))]).await;
    assert_eq!(current(store).await.bot_name, Some(BotName::new("c").unwrap()));
    record(store, [status(6, named("d")), status(7, nameless)]).await;
    assert_eq!(current(store).await.bot_name, None);
}

async fn a_later_record_counts_though_its_moment_is_earlier(db: Database) {
    record(&**db.store(), [status(100, full(10))]).await;
    record(&**db.store(), [status(50, full(20))]).await;
    let mut expected = CurrentStatus::default();
    full(20).apply(at(100), &mut expected);
    assert_eq!(current(&**db.store()).await, expected);
}

async fn last_updated_only_goes_up(db: Database) {
    for (moment, expected) in
        [(50, 50), (40, 50), (51, 51), (0, 51), (Timestamp::MAX.seconds(), 253_402_300_799)]
    {
        record(&**db.store(), [status(moment, full(1))]).await;
        assert_eq!(current(&**db.store()).await.last_updated, Some(at(expected)));
    }
}

async fn last_updated_is_a_batchs_latest_moment(db: Database) {
    record(&**db.store(), [status(90, full(1)), status(60, full(2))]).await;
    assert_eq!(current(&**db.store()).await.last_updated, Some(at(90)));
}

async fn ranks_are_exact(db: Database) {
    let ranks = [
        0.0,
        0.1,
        1.5,
        2.0,
        -1.0,
        1e308,
        -1e308,
        f64::MAX,
        f64::MIN,
        5e-324,
        f64::EPSILON,
        1.0 / 3.0,
        1e15 + 0.3,
    ];
    for rank in ranks {
        let patch = StatusPatch { bot_rank: Some(Some(Rank::new(rank).unwrap())), ..StatusPatch::default() };
        record(&**db.store(), [status(1, patch)]).await;
        let kept = current(&**db.store()).await.bot_rank.unwrap().get();
        assert_eq!(kept.to_bits(), rank.to_bits(), "{rank}");
    }
    let patch = StatusPatch { bot_rank: Some(Some(Rank::new(-0.0).unwrap())), ..StatusPatch::default() };
    record(&**db.store(), [status(1, patch)]).await;
    assert!(current(&**db.store()).await.bot_rank.unwrap().get().is_sign_positive(), "there is one zero");
}

async fn counts_and_times_reach_their_limits(db: Database) {
    let store = &**db.store();
    for (number, moment) in [(Count::ZERO, Timestamp::MIN), (Count::MAX, Timestamp::MAX)] {
        let patch = StatusPatch {
            current_users: Some(number),
            connected_users: Some(number),
            current_chat_users: Some(Some(number)),
            current_connected_users: Some(Some(number)),
            playlist_items: Some(Some(number)),
            current_media_duration: Some(Some(number)),
            bot_start_time: Some(Some(moment)),
            ..StatusPatch::default()
        };
        let mut expected = current(store).await;
        patch.apply(moment, &mut expected);
        record(store, [status(moment.seconds(), patch)]).await;
        assert_eq!(current(store).await, expected);
    }
}

async fn flags_are_true_false_or_unknown(db: Database) {
    for (afk, connected) in [(Some(true), Some(false)), (Some(false), None), (None, Some(true)), (None, None)]
    {
        let patch =
            StatusPatch { bot_afk: Some(afk), bot_connected: Some(connected), ..StatusPatch::default() };
        record(&**db.store(), [status(1, patch)]).await;
        let seen = current(&**db.store()).await;
        assert_eq!((seen.bot_afk, seen.bot_connected), (afk, connected));
    }
}

async fn patches_at_once_of_different_fields_all_count(db: Database) {
    for round in 1..=5 {
        let tasks = one_by_one(round * 100).map(|(_, patch)| {
            let store = Arc::clone(db.store());
            tokio::spawn(async move { record(&*store, [status(round, patch)]).await })
        });
        for task in join_all(tasks).await {
            task.unwrap();
        }
        let mut expected = CurrentStatus::default();
        full(round * 100).apply(at(round), &mut expected);
        assert_eq!(current(&**db.store()).await, expected);
    }
}

async fn other_events_leave_the_status(db: Database) {
    record(&**db.store(), [counts(5, 3, 4), joined(6, "ada")]).await;
    assert_eq!(current(&**db.store()).await, CurrentStatus::default());
}

async fn the_status_survives_reopening(mut db: Database) {
    record(&**db.store(), [status(100, full(10))]).await;
    let before = current(&**db.store()).await;
    db.reopen().await;
    assert_eq!(current(&**db.store()).await, before);
}
