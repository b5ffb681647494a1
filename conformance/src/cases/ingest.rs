//! Batches, cursors and positions.

use botstore::ErrorKind;
use botstore::model::{
    ActionDetails, ActionKind, Batch, BotName, ChannelEvent, Recorded, RowKey, StatusPatch, UserCounts,
};
use botstore::store::{BotStore, Events as _};

use crate::case::{Case, cases};
use crate::database::Database;
use crate::given::{
    action, at, chat, counts, joined, kind_of, left, limit, name, numbered, position, record, source, status,
    text, user,
};
use crate::snapshot::Snapshot;

pub(super) const CASES: &[Case] = cases![
    every_kind_of_event_is_written,
    one_event_at_a_time_is_written,
    a_batch_with_a_cursor_is_written_once,
    a_batch_without_a_cursor_is_written_each_time,
    a_batch_that_overlaps_goes_on_in_the_middle,
    a_batch_goes_on_wherever_its_source_stands,
    a_batch_behind_its_source_is_skipped,
    a_gap_is_a_conflict_and_writes_nothing,
    an_unknown_source_past_its_start_is_a_conflict_and_writes_nothing,
    after_a_conflict_the_missing_batch_fits,
    an_unseen_source_has_no_position,
    a_position_is_the_place_of_the_last_event_written,
    sources_are_independent,
    sources_are_compared_byte_by_byte,
    positions_reach_the_greatest_number,
    a_batch_holds_a_thousand_events,
    a_batch_holds_a_thousand_new_users,
    events_of_one_batch_come_in_any_order;
    persistent:
    a_batch_with_a_cursor_is_written_once_across_reopening,
    a_position_survives_reopening,
];

/// One event of each kind, and a whole session. It leaves no session open.
pub(super) fn of_every_kind(seconds: i64) -> Vec<ChannelEvent> {
    let patch =
        StatusPatch { bot_name: Some(Some(BotName::new("Rosey").unwrap())), ..StatusPatch::default() };
    vec![
        joined(seconds, "ada"),
        chat(seconds + 1, "ada", "hello"),
        counts(seconds + 2, 3, 5),
        action(seconds + 3, "ada", "kick", Some("bob")),
        status(seconds + 4, patch),
        left(seconds + 5, "ada"),
    ]
}

fn recorded(applied: usize, skipped: usize) -> Recorded {
    Recorded::new(applied, skipped)
}

async fn position_of(store: &dyn BotStore, from: &str) -> Option<i64> {
    store.position(&source(from)).await.unwrap().map(botstore::model::Position::get)
}

/// So many lines of `ada`, each a second after the one before.
fn lines(from: i64, count: i64) -> Vec<ChannelEvent> {
    (from..from + count).map(|seconds| chat(seconds, "ada", &format!("line {seconds}"))).collect()
}

async fn every_kind_of_event_is_written(db: Database) {
    let store = db.store();
    assert_eq!(record(&**store, of_every_kind(100)).await, recorded(6, 0));
    let seen = Snapshot::of(&**store, &["ada"]).await;
    let ada = seen.users[0].as_ref().unwrap();
    assert_eq!((ada.first_seen, ada.last_seen), (at(100), at(105)));
    assert_eq!((ada.total_chat_lines.get(), ada.total_time_connected.get()), (1, 5));
    assert_eq!(seen.chat.len(), 1);
    assert_eq!((seen.chat[0].at, &seen.chat[0].username), (at(101), &name("ada")));
    assert_eq!(seen.chat[0].message, text("hello"));
    assert_eq!(seen.samples.len(), 1);
    assert_eq!((seen.samples[0].at, seen.samples[0].counts), (at(102), UserCounts::new(3, 5).unwrap()));
    assert_eq!(seen.channel.peak_chat.unwrap().count.get(), 3);
    assert_eq!(seen.actions.len(), 1);
    assert_eq!((seen.actions[0].at, seen.actions[0].action.as_str()), (at(103), "kick"));
    assert_eq!(seen.status.bot_name, Some(BotName::new("Rosey").unwrap()));
    assert_eq!(seen.status.last_updated, Some(at(104)));
}

async fn one_event_at_a_time_is_written(db: Database) {
    let store = db.store();
    let ada = name("ada");
    store.user_joined(at(100), &ada).await.unwrap();
    store.chat(at(101), &ada, &text("hello")).await.unwrap();
    store.user_count(at(102), UserCounts::new(3, 5).unwrap()).await.unwrap();
    let (kick, bob) = (ActionKind::new("kick").unwrap(), ActionDetails::new("bob").unwrap());
    store.action(at(103), &ada, &kick, Some(&bob)).await.unwrap();
    let patch =
        StatusPatch { bot_name: Some(Some(BotName::new("Rosey").unwrap())), ..StatusPatch::default() };
    store.status_changed(at(104), patch).await.unwrap();
    store.user_left(at(105), &ada).await.unwrap();
    let one_by_one = Snapshot::of(&**store, &["ada"]).await;
    record(&**store, of_every_kind(1_000)).await;
    let with_a_batch = Snapshot::of(&**store, &["ada"]).await;
    assert_eq!(one_by_one.chat[0], with_a_batch.chat[0]);
    assert_eq!(one_by_one.users[0].as_ref().unwrap().total_time_connected.get(), 5);
    assert_eq!((one_by_one.samples.len(), one_by_one.actions.len()), (1, 1));
    assert_eq!((with_a_batch.samples.len(), with_a_batch.actions.len()), (2, 2));
    assert_eq!(one_by_one.status.last_updated, Some(at(104)));
}

async fn a_batch_with_a_cursor_is_written_once(db: Database) {
    let store = db.store();
    let batch = numbered("log", 0, of_every_kind(100));
    assert_eq!(store.record(&batch).await.unwrap(), recorded(6, 0));
    let once = Snapshot::of(&**store, &["ada"]).await;
    for _ in 0..3 {
        assert_eq!(store.record(&batch).await.unwrap(), recorded(0, 6));
    }
    assert_eq!(Snapshot::of(&**store, &["ada"]).await, once);
    assert_eq!(position_of(&**store, "log").await, Some(6));
}

async fn a_batch_with_a_cursor_is_written_once_across_reopening(mut db: Database) {
    let batch = numbered("log", 0, of_every_kind(100));
    db.store().record(&batch).await.unwrap();
    let once = Snapshot::of(&**db.store(), &["ada"]).await;
    db.reopen().await;
    assert_eq!(db.store().record(&batch).await.unwrap(), recorded(0, 6));
    assert_eq!(Snapshot::of(&**db.store(), &["ada"]).await, once);
}

async fn a_position_survives_reopening(mut db: Database) {
    db.store().record(&numbered("log", 0, lines(1, 7))).await.unwrap();
    db.reopen().await;
    assert_eq!(position_of(&**db.store(), "log").await, Some(7));
    assert_eq!(db.store().record(&numbered("log", 7, lines(8, 2))).await.unwrap(), recorded(2, 0));
}

async fn a_batch_without_a_cursor_is_written_each_time(db: Database) {
    let store = db.store();
    let batch = Batch::new(of_every_kind(100)).unwrap();
    for _ in 0..3 {
        assert_eq!(store.record(&batch).await.unwrap(), recorded(6, 0));
    }
    let seen = Snapshot::of(&**store, &["ada"]).await;
    let ada = seen.users[0].as_ref().unwrap();
    assert_eq!((ada.total_chat_lines.get(), ada.total_time_connected.get()), (3, 15));
    assert_eq!((seen.chat.len(), seen.samples.len(), seen.actions.len()), (3, 3, 3));
}

async fn a_batch_that_overlaps_goes_on_in_the_middle(db: Database) {
    let store = db.store();
    // The source stands in the middle of a session: its leave must find the session that the first batch opened.
    let events = of_every_kind(100);
    store.record(&numbered("log", 0, events[..2].to_vec())).await.unwrap();
    assert_eq!(store.record(&numbered("log", 0, events.clone())).await.unwrap(), recorded(4, 2));
    let seen = Snapshot::of(&**store, &["ada"]).await;
    let ada = seen.users[0].as_ref().unwrap();
    assert_eq!((ada.total_chat_lines.get(), ada.total_time_connected.get()), (1, 5));
    assert_eq!((seen.chat.len(), seen.samples.len(), seen.actions.len()), (1, 1, 1));
    assert_eq!(position_of(&**store, "log").await, Some(6));
}

async fn a_batch_goes_on_wherever_its_source_stands(db: Database) {
    let store = db.store();
    // Places 10, 20, 30, 40 after 5, with the source at each place around them.
    for (stands_at, applied) in [(5, 4), (9, 4), (10, 3), (11, 3), (20, 2), (29, 2), (30, 1), (39, 1)] {
        let (from, who) = (format!("log {stands_at}"), format!("user {stands_at}"));
        let first = vec![(position(stands_at), counts(1, 0, 0))];
        store.record(&Batch::with_cursor(source(&from), position(0), first).unwrap()).await.unwrap();
        let events = [10, 20, 30, 40].map(|place| (position(place), chat(place, &who, "hi")));
        let batch = Batch::with_cursor(source(&from), position(5), events.to_vec()).unwrap();
        assert_eq!(store.record(&batch).await.unwrap(), recorded(applied, 4 - applied), "{stands_at}");
        let who = user(&**store, &who).await;
        assert_eq!(who.total_chat_lines.get(), applied as i64, "{stands_at}");
        assert_eq!(who.first_seen, at(10 * (5 - applied as i64)), "the events seen are the first ones");
        assert_eq!(position_of(&**store, &from).await, Some(40));
    }
}

async fn a_batch_behind_its_source_is_skipped(db: Database) {
    let store = db.store();
    store.record(&numbered("log", 0, lines(1, 9))).await.unwrap();
    let before = Snapshot::of(&**store, &["ada"]).await;
    assert_eq!(store.record(&numbered("log", 0, lines(1, 3))).await.unwrap(), recorded(0, 3));
    assert_eq!(store.record(&numbered("log", 6, lines(7, 3))).await.unwrap(), recorded(0, 3));
    assert_eq!(Snapshot::of(&**store, &["ada"]).await, before);
    assert_eq!(position_of(&**store, "log").await, Some(9), "it never goes back");
}

async fn a_gap_is_a_conflict_and_writes_nothing(db: Database) {
    let store = db.store();
    store.record(&numbered("log", 0, of_every_kind(100))).await.unwrap();
    let before = Snapshot::of(&**store, &["ada", "bob"]).await;
    let mut late = of_every_kind(200);
    late.push(joined(300, "bob"));
    assert_eq!(kind_of(store.record(&numbered("log", 7, late.clone())).await), ErrorKind::Conflict);
    assert_eq!(kind_of(store.record(&numbered("log", i64::MAX - 9, late)).await), ErrorKind::Conflict);
    assert_eq!(Snapshot::of(&**store, &["ada", "bob"]).await, before);
    assert_eq!(position_of(&**store, "log").await, Some(6));
}

async fn an_unknown_source_past_its_start_is_a_conflict_and_writes_nothing(db: Database) {
    let store = db.store();
    let before = Snapshot::of(&**store, &["ada"]).await;
    assert_eq!(kind_of(store.record(&numbered("log", 1, of_every_kind(100))).await), ErrorKind::Conflict);
    assert_eq!(Snapshot::of(&**store, &["ada"]).await, before);
    assert_eq!(position_of(&**store, "log").await, None);
}

async fn after_a_conflict_the_missing_batch_fits(db: Database) {
    let store = db.store();
    let (first, second) = (numbered("log", 0, lines(1, 3)), numbered("log", 3, lines(4, 3)));
    assert_eq!(kind_of(store.record(&second).await), ErrorKind::Conflict);
    assert_eq!(store.record(&first).await.unwrap(), recorded(3, 0));
    assert_eq!(store.record(&second).await.unwrap(), recorded(3, 0));
    assert_eq!(user(&**store, "ada").await.total_chat_lines.get(), 6);
}

async fn an_unseen_source_has_no_position(db: Database) {
    assert_eq!(position_of(&**db.store(), "log").await, None);
    record(&**db.store(), lines(1, 1)).await;
    assert_eq!(position_of(&**db.store(), "log").await, None, "a batch without a cursor moves none");
}

async fn a_position_is_the_place_of_the_last_event_written(db: Database) {
    let store = db.store();
    let events = vec![(position(4), joined(1, "ada")), (position(90), left(2, "ada"))];
    let batch = Batch::with_cursor(source("log"), position(0), events).unwrap();
    assert_eq!(store.record(&batch).await.unwrap(), recorded(2, 0));
    assert_eq!(position_of(&**store, "log").await, Some(90));
}

async fn sources_are_independent(db: Database) {
    let store = db.store();
    store.record(&numbered("one", 0, lines(1, 5))).await.unwrap();
    assert_eq!(store.record(&numbered("two", 0, lines(1, 2))).await.unwrap(), recorded(2, 0));
    assert_eq!(kind_of(store.record(&numbered("two", 5, lines(6, 1))).await), ErrorKind::Conflict);
    assert_eq!(store.record(&numbered("one", 5, lines(6, 1))).await.unwrap(), recorded(1, 0));
    assert_eq!(position_of(&**store, "one").await, Some(6));
    assert_eq!(position_of(&**store, "two").await, Some(2));
}

async fn sources_are_compared_byte_by_byte(db: Database) {
    let store = db.store();
    let long = "\u{1F600}".repeat(255);
    let names = [
        "%",
        "_",
        "'",
        "\\",
        "log",
        "Log",
        "log ",
        "lo%",
        "lo_",
        "\u{e9}",
        "e\u{301}",
        "\u{1F600}",
        "\u{202e}log",
        long.as_str(),
    ];
    for (index, from) in (1..).zip(names) {
        let batch = numbered(from, 0, lines(1, index));
        assert_eq!(store.record(&batch).await.unwrap(), recorded(index as usize, 0), "{from:?}");
    }
    for (index, from) in (1..).zip(names) {
        assert_eq!(position_of(&**store, from).await, Some(index), "{from:?}");
    }
}

async fn positions_reach_the_greatest_number(db: Database) {
    let store = db.store();
    let batch = |after, place| {
        let events = vec![(position(place), chat(1, "ada", "hi"))];
        Batch::with_cursor(source("log"), position(after), events).unwrap()
    };
    assert_eq!(store.record(&batch(0, i64::MAX - 1)).await.unwrap(), recorded(1, 0));
    assert_eq!(store.record(&batch(i64::MAX - 1, i64::MAX)).await.unwrap(), recorded(1, 0));
    assert_eq!(store.record(&batch(i64::MAX - 1, i64::MAX)).await.unwrap(), recorded(0, 1));
    assert_eq!(position_of(&**store, "log").await, Some(i64::MAX));
}

async fn a_batch_holds_a_thousand_events(db: Database) {
    let store = db.store();
    assert_eq!(record(&**store, lines(1, 1_000)).await, recorded(1_000, 0));
    let kept = store.chat_after(RowKey::START, limit(10_000)).await.unwrap();
    assert_eq!(kept.len(), 1_000);
    assert!((1..).zip(&kept).all(|(seconds, line)| line.message.as_str() == format!("line {seconds}")));
    let mixed: Vec<_> = (0..166).flat_map(|round| of_every_kind(10_000 + 10 * round)).collect();
    assert_eq!(store.record(&numbered("log", 0, mixed)).await.unwrap(), recorded(996, 0));
    let ada = user(&**store, "ada").await;
    assert_eq!((ada.total_chat_lines.get(), ada.total_time_connected.get()), (1_166, 5 * 166));
}

async fn a_batch_holds_a_thousand_new_users(db: Database) {
    let store = db.store();
    let names: Vec<_> = (0..1_000).map(|number| format!("user {number}")).collect();
    record(&**store, names.iter().map(|who| joined(50, who)).collect::<Vec<_>>()).await;
    // Known now, and left in the opposite order.
    record(&**store, names.iter().rev().map(|who| left(57, who)).collect::<Vec<_>>()).await;
    let totals = store.user_totals().await.unwrap();
    assert_eq!((totals.users.get(), totals.open_sessions.get()), (1_000, 0));
    assert_eq!(totals.connected_seconds.get(), 7_000);
}

async fn events_of_one_batch_come_in_any_order(db: Database) {
    let store = db.store();
    record(
        &**store,
        [chat(30, "ada", "c"), chat(10, "ada", "a"), counts(9, 1, 2), counts(4, 1, 2), chat(20, "ada", "b")],
    )
    .await;
    let ada = user(&**store, "ada").await;
    assert_eq!((ada.first_seen, ada.last_seen), (at(10), at(30)));
    let kept = store.recent_chat(limit(10)).await.unwrap();
    assert_eq!(kept.iter().map(|line| line.message.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(store.channel_stats().await.unwrap().peak_chat.unwrap().at, at(4));
}
