//! Who is known, under which name, and what is counted of them.

use botstore::model::{Count, Timestamp, UserStats, UserTotals};
use botstore::store::BotStore;

use crate::case::{Case, cases};
use crate::database::Database;
use crate::given::{at, chat, counts, joined, left, limit, name, record, user};
use crate::snapshot::Snapshot;

pub(super) const CASES: &[Case] = cases![
    who_was_never_seen_is_unknown,
    a_first_line_makes_a_user,
    a_first_join_makes_a_user,
    a_strangers_leave_changes_nothing,
    a_strangers_leave_changes_nothing_before_a_join_of_the_same_batch,
    server_is_nobody_in_any_case,
    who_is_almost_called_server_is_somebody,
    empty_lines_count,
    lines_add_up_over_batches,
    first_seen_only_goes_down,
    last_seen_only_goes_up,
    a_leave_without_a_session_is_no_sign_of_life,
    lives_reach_from_1970_to_9999,
    names_are_compared_byte_by_byte,
    a_pattern_is_a_name_like_any_other,
    names_of_fifty_characters_of_four_bytes_are_kept,
    top_chatters_have_most_lines_first,
    equal_top_chatters_come_in_byte_order,
    top_chatters_without_a_line_are_left_out,
    the_limit_cuts_equal_top_chatters_in_byte_order,
    totals_of_nobody_are_zero,
    totals_are_the_sums_over_all_users;
    persistent:
    users_survive_reopening,
];

/// A user with no session, seen from `first` to `last`.
fn seen(who: &str, first: i64, last: i64, lines: i64) -> UserStats {
    UserStats {
        username: name(who),
        first_seen: at(first),
        last_seen: at(last),
        total_chat_lines: Count::new("lines", lines).unwrap(),
        total_time_connected: Count::ZERO,
        current_session_start: None,
        session_last_seen: None,
    }
}

async fn top(store: &dyn BotStore, rows: i64) -> Vec<(String, i64)> {
    let top = store.top_chatters(limit(rows)).await.unwrap();
    top.into_iter().map(|row| (row.username.to_string(), row.total_chat_lines.get())).collect()
}

async fn who_was_never_seen_is_unknown(db: Database) {
    record(&**db.store(), [joined(1, "ada"), counts(2, 1, 1)]).await;
    assert_eq!(db.store().user_stats(&name("bob")).await.unwrap(), None);
}

async fn a_first_line_makes_a_user(db: Database) {
    record(&**db.store(), [chat(7, "ada", "hi")]).await;
    assert_eq!(user(&**db.store(), "ada").await, seen("ada", 7, 7, 1));
}

async fn a_first_join_makes_a_user(db: Database) {
    record(&**db.store(), [joined(7, "ada")]).await;
    let session = UserStats {
        current_session_start: Some(at(7)),
        session_last_seen: Some(at(7)),
        ..seen("ada", 7, 7, 0)
    };
    assert_eq!(user(&**db.store(), "ada").await, session);
}

async fn a_strangers_leave_changes_nothing(db: Database) {
    let store = db.store();
    record(&**store, [left(7, "ada")]).await;
    record(&**store, [left(8, "ada"), left(9, "ada"), joined(9, "bob")]).await;
    assert_eq!(store.user_stats(&name("ada")).await.unwrap(), None);
    assert_eq!(store.user_totals().await.unwrap().users.get(), 1);
}

async fn a_strangers_leave_changes_nothing_before_a_join_of_the_same_batch(db: Database) {
    record(&**db.store(), [left(3, "ada"), joined(7, "ada"), chat(8, "ada", "hi")]).await;
    let ada = user(&**db.store(), "ada").await;
    assert_eq!((ada.first_seen, ada.last_seen), (at(7), at(8)));
    assert_eq!(ada.current_session_start, Some(at(7)));
    assert_eq!(ada.total_time_connected, Count::ZERO);
}

async fn server_is_nobody_in_any_case(db: Database) {
    let store = db.store();
    let before = Snapshot::of(&**store, &["server", "Server", "SERVER", "sErVeR"]).await;
    for who in ["server", "Server", "SERVER", "sErVeR"] {
        record(&**store, [joined(1, who), chat(2, who, "hi"), left(3, who)]).await;
        record(&**store, [joined(4, who)]).await;
    }
    let after = Snapshot::of(&**store, &["server", "Server", "SERVER", "sErVeR"]).await;
    assert_eq!(after, before);
}

async fn who_is_almost_called_server_is_somebody(db: Database) {
    let store = db.store();
    // The long s and a space are no ASCII case of the name.
    for who in ["servers", "serve", "\u{17f}erver", "server ", "[server]"] {
        record(&**store, [chat(2, who, "hi")]).await;
        assert_eq!(user(&**store, who).await, seen(who, 2, 2, 1));
    }
    assert_eq!(store.chat_count().await.unwrap().get(), 5);
}

async fn empty_lines_count(db: Database) {
    record(&**db.store(), [chat(1, "ada", ""), chat(2, "ada", "hi"), chat(3, "ada", "")]).await;
    assert_eq!(user(&**db.store(), "ada").await, seen("ada", 1, 3, 3));
    record(&**db.store(), [chat(4, "bob", "")]).await;
    assert_eq!(user(&**db.store(), "bob").await, seen("bob", 4, 4, 1));
}

async fn lines_add_up_over_batches(db: Database) {
    for round in 1..=5 {
        let lines: Vec<_> = (0..round).map(|_| chat(round, "ada", "hi")).collect();
        record(&**db.store(), lines).await;
    }
    assert_eq!(user(&**db.store(), "ada").await, seen("ada", 1, 5, 15));
}

async fn first_seen_only_goes_down(db: Database) {
    for (moment, first) in [(50, 50), (70, 50), (49, 49), (50, 49), (0, 0), (60, 0)] {
        record(&**db.store(), [chat(moment, "ada", "hi")]).await;
        assert_eq!(user(&**db.store(), "ada").await.first_seen, at(first));
    }
    record(&**db.store(), [joined(50, "bob"), joined(60, "bob")]).await;
    record(&**db.store(), [joined(40, "bob")]).await;
    assert_eq!(user(&**db.store(), "bob").await.first_seen, at(40), "joins count, too");
}

async fn last_seen_only_goes_up(db: Database) {
    for (moment, last) in [(50, 50), (40, 50), (51, 51), (50, 51), (90, 90), (0, 90)] {
        record(&**db.store(), [chat(moment, "ada", "hi")]).await;
        assert_eq!(user(&**db.store(), "ada").await.last_seen, at(last));
    }
    record(&**db.store(), [joined(50, "bob"), joined(40, "bob")]).await;
    assert_eq!(user(&**db.store(), "bob").await.last_seen, at(50), "joins count, too");
}

async fn a_leave_without_a_session_is_no_sign_of_life(db: Database) {
    record(&**db.store(), [chat(50, "ada", "hi")]).await;
    record(&**db.store(), [left(10, "ada")]).await;
    record(&**db.store(), [left(90, "ada"), chat(51, "ada", "hi"), left(91, "ada")]).await;
    assert_eq!(user(&**db.store(), "ada").await, seen("ada", 50, 51, 2));
}

async fn lives_reach_from_1970_to_9999(db: Database) {
    let last = Timestamp::MAX.seconds();
    record(&**db.store(), [chat(last, "ada", "hi")]).await;
    record(&**db.store(), [chat(0, "ada", "hi")]).await;
    assert_eq!(user(&**db.store(), "ada").await, seen("ada", 0, last, 2));
}

async fn names_are_compared_byte_by_byte(db: Database) {
    let store = db.store();
    let names = [
        "ada",
        "Ada",
        "ADA",
        "ada ",
        " ada",
        "a da",
        "\u{e9}",
        "e\u{301}",
        "\u{c9}",
        "\u{df}",
        "ss",
        "\u{131}",
        "i",
        "\u{202e}ada",
        "\u{5d0}\u{5d3}",
        "ada\u{200b}",
        "\u{1F600}",
        "\u{1F600}\u{fe0f}",
        "1",
        "01",
        "1.0",
        "\u{ff21}",
        "A",
        "null",
        "NULL",
        "\u{fffd}",
    ];
    for (lines, who) in (1..).zip(names) {
        record(&**store, (1..=lines).map(|second| chat(second, who, "hi")).collect::<Vec<_>>()).await;
    }
    for (lines, who) in (1..).zip(names) {
        assert_eq!(user(&**store, who).await, seen(who, 1, lines, lines), "{who:?}");
    }
    assert_eq!(store.user_totals().await.unwrap().users.get(), names.len() as i64);
}

async fn a_pattern_is_a_name_like_any_other(db: Database) {
    let store = db.store();
    record(&**store, [chat(1, "ada", "hi"), chat(1, "a_a", "hi")]).await;
    for pattern in ["%", "_", "a%", "a_", "___", "*", "?", ".*", "a'a", "'", "\"", "\\", "\\%", "$1", "{ada}"]
    {
        assert_eq!(store.user_stats(&name(pattern)).await.unwrap(), None, "{pattern:?}");
        record(&**store, [joined(5, pattern), left(9, pattern)]).await;
        let row = user(&**store, pattern).await;
        assert_eq!((row.username, row.total_time_connected.get()), (name(pattern), 4));
    }
    assert_eq!(user(&**store, "ada").await, seen("ada", 1, 1, 1));
    assert_eq!(user(&**store, "a_a").await, seen("a_a", 1, 1, 1));
}

async fn names_of_fifty_characters_of_four_bytes_are_kept(db: Database) {
    let long = "\u{1F600}".repeat(50);
    let almost = "\u{1F600}".repeat(49);
    record(&**db.store(), [chat(1, &long, "hi"), chat(2, &almost, "hi")]).await;
    assert_eq!(user(&**db.store(), &long).await, seen(&long, 1, 1, 1));
    assert_eq!(user(&**db.store(), &almost).await, seen(&almost, 2, 2, 1));
}

async fn top_chatters_have_most_lines_first(db: Database) {
    let store = db.store();
    assert_eq!(top(&**store, 10).await, []);
    for (who, lines) in [("ada", 2), ("bob", 11), ("cyd", 9), ("dee", 1)] {
        record(&**store, (0..lines).map(|second| chat(second, who, "hi")).collect::<Vec<_>>()).await;
    }
    let expected =
        [("bob", 11), ("cyd", 9), ("ada", 2), ("dee", 1)].map(|(who, lines)| (who.to_owned(), lines));
    assert_eq!(top(&**store, 10).await, expected);
    assert_eq!(top(&**store, 4).await, expected);
    assert_eq!(top(&**store, 3).await, expected[..3]);
    assert_eq!(top(&**store, 1).await, expected[..1]);
}

/// Names in the order of their bytes, in which a language or UTF-16 would not put them.
const IN_BYTE_ORDER: [&str; 14] =
    [" a", "%", "-a", "10", "9", "Ab", "Z", "_", "a", "ab", "e\u{301}", "\u{e9}", "\u{ff5e}", "\u{1F600}"];

/// Everybody says a line, each in a batch of their own, so that the rows are stored in another order.
async fn speak_in_another_order(store: &dyn BotStore) {
    for number in 0..IN_BYTE_ORDER.len() {
        record(store, [chat(1, IN_BYTE_ORDER[(number * 5 + 3) % IN_BYTE_ORDER.len()], "hi")]).await;
    }
}

async fn equal_top_chatters_come_in_byte_order(db: Database) {
    let store = db.store();
    speak_in_another_order(&**store).await;
    assert_eq!(top(&**store, 10_000).await, IN_BYTE_ORDER.map(|who| (who.to_owned(), 1)));
}

async fn top_chatters_without_a_line_are_left_out(db: Database) {
    record(&**db.store(), [joined(1, "ada"), chat(1, "bob", "hi"), joined(2, "cyd"), left(3, "cyd")]).await;
    assert_eq!(top(&**db.store(), 10).await, [("bob".to_owned(), 1)]);
}

async fn the_limit_cuts_equal_top_chatters_in_byte_order(db: Database) {
    let store = db.store();
    speak_in_another_order(&**store).await;
    record(&**store, [chat(2, "Z", "more")]).await;
    for rows in 2..=IN_BYTE_ORDER.len() {
        let mut expected = vec![("Z".to_owned(), 2)];
        let others = IN_BYTE_ORDER.iter().filter(|&&who| who != "Z");
        expected.extend(others.take(rows - 1).map(|&who| (who.to_owned(), 1)));
        assert_eq!(top(&**store, rows as i64).await, expected);
    }
}

async fn totals_of_nobody_are_zero(db: Database) {
    assert_eq!(db.store().user_totals().await.unwrap(), UserTotals::default());
    record(&**db.store(), [chat(1, "server", "hi"), left(2, "ada"), counts(3, 4, 5)]).await;
    assert_eq!(db.store().user_totals().await.unwrap(), UserTotals::default());
}

async fn totals_are_the_sums_over_all_users(db: Database) {
    let store = db.store();
    record(&**store, [joined(0, "ada"), chat(1, "ada", ""), left(5, "ada"), joined(9, "ada")]).await;
    record(&**store, [chat(3, "bob", "hi"), chat(4, "bob", "hi"), joined(10, "cyd"), left(17, "cyd")]).await;
    record(&**store, [joined(20, "dee")]).await;
    let totals = store.user_totals().await.unwrap();
    assert_eq!(totals.users.get(), 4);
    assert_eq!(totals.chat_lines.get(), 3);
    assert_eq!(totals.connected_seconds.get(), 5 + 7);
    assert_eq!(totals.open_sessions.get(), 2);
}

async fn users_survive_reopening(mut db: Database) {
    record(&**db.store(), [joined(1, "ada"), chat(2, "ada", "hi"), chat(3, "\u{1F600}", "hi")]).await;
    let before = Snapshot::of(&**db.store(), &["ada", "\u{1F600}"]).await;
    db.reopen().await;
    assert_eq!(Snapshot::of(&**db.store(), &["ada", "\u{1F600}"]).await, before);
}
