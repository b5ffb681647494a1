//! Lines of chat: which are kept, and in what order they are read.

use botstore::model::{ChatMessage, Limit, Retention, RowId, RowKey, Seconds, Timestamp};
use botstore::store::BotStore;

use crate::case::{Case, cases};
use crate::database::Database;
use crate::given::{at, chat, joined, limit, name, record, text};

pub(super) const CASES: &[Case] = cases![
    before_the_first_line_there_is_none,
    a_line_is_kept_as_it_was_said,
    empty_lines_are_not_kept,
    lines_of_server_are_not_kept,
    white_space_is_kept,
    an_unseen_speakers_line_is_kept,
    the_same_line_is_kept_each_time,
    the_newest_lines_come_oldest_first,
    lines_come_in_the_order_of_their_times,
    lines_of_one_moment_come_in_the_order_of_their_batch,
    lines_of_one_moment_come_in_the_order_of_their_batches,
    the_limit_cuts_lines_of_one_moment_by_identity,
    lines_of_one_moment_keep_their_order_where_space_is_used_again,
    lines_since_a_moment_leave_it_out,
    lines_follow_a_key_whether_or_not_its_row_exists,
    pages_cover_all_lines_once,
    pages_cover_lines_of_one_moment_once,
    a_page_goes_on_after_lines_that_came_meanwhile,
    identities_are_never_equal,
    lists_reach_ten_thousand_lines,
    lines_are_counted;
    persistent:
    lines_survive_reopening,
];

fn messages(lines: &[ChatMessage]) -> Vec<&str> {
    lines.iter().map(|line| line.message.as_str()).collect()
}

async fn recent(store: &dyn BotStore, rows: i64) -> Vec<ChatMessage> {
    store.recent_chat(limit(rows)).await.unwrap()
}

async fn all(store: &dyn BotStore) -> Vec<ChatMessage> {
    store.chat_after(RowKey::START, Limit::MAX).await.unwrap()
}

/// All lines, read in pages of so many.
async fn in_pages(store: &dyn BotStore, rows: i64) -> Vec<ChatMessage> {
    let mut lines: Vec<ChatMessage> = Vec::new();
    loop {
        let after = lines.last().map_or(RowKey::START, ChatMessage::key);
        let page = store.chat_after(after, limit(rows)).await.unwrap();
        assert!(page.len() <= rows as usize);
        if page.is_empty() {
            return lines;
        }
        lines.extend(page);
    }
}

async fn before_the_first_line_there_is_none(db: Database) {
    record(&**db.store(), [joined(1, "ada")]).await;
    assert_eq!(recent(&**db.store(), 10).await, []);
    assert_eq!(all(&**db.store()).await, []);
    assert_eq!(db.store().chat_count().await.unwrap().get(), 0);
}

async fn a_line_is_kept_as_it_was_said(db: Database) {
    record(&**db.store(), [chat(1_700_000_000, "Ada", " Hello, \"bob\"! ")]).await;
    let lines = recent(&**db.store(), 10).await;
    let expected = ChatMessage {
        id: lines[0].id,
        at: at(1_700_000_000),
        username: name("Ada"),
        message: text(" Hello, \"bob\"! "),
    };
    assert_eq!(lines, [expected]);
    assert_eq!(all(&**db.store()).await, lines);
}

async fn empty_lines_are_not_kept(db: Database) {
    record(&**db.store(), [chat(1, "ada", ""), chat(2, "ada", "hi"), chat(3, "bob", "")]).await;
    record(&**db.store(), [chat(4, "ada", "")]).await;
    assert_eq!(messages(&all(&**db.store()).await), ["hi"]);
    assert_eq!(db.store().chat_count().await.unwrap().get(), 1);
}

async fn lines_of_server_are_not_kept(db: Database) {
    record(&**db.store(), [chat(1, "server", "a"), chat(2, "SERVER", "b"), chat(3, "ada", "c")]).await;
    record(&**db.store(), [chat(4, "Server", "d")]).await;
    assert_eq!(messages(&all(&**db.store()).await), ["c"]);
}

async fn white_space_is_kept(db: Database) {
    let lines = [" ", "\n", "\t", "\r\n", "\u{a0}", "\u{200b}", "\u{feff}"];
    record(&**db.store(), lines.map(|line| chat(1, "ada", line))).await;
    assert_eq!(messages(&all(&**db.store()).await), lines);
}

async fn an_unseen_speakers_line_is_kept(db: Database) {
    record(&**db.store(), [chat(1, "ghost", "boo")]).await;
    let lines = recent(&**db.store(), 1).await;
    assert_eq!((&lines[0].username, messages(&lines)), (&name("ghost"), vec!["boo"]));
}

async fn the_same_line_is_kept_each_time(db: Database) {
    record(&**db.store(), [chat(1, "ada", "hi"), chat(1, "ada", "hi")]).await;
    record(&**db.store(), [chat(1, "ada", "hi")]).await;
    assert_eq!(messages(&all(&**db.store()).await), ["hi", "hi", "hi"]);
}

async fn the_newest_lines_come_oldest_first(db: Database) {
    let store = &**db.store();
    for (seconds, line) in [(1, "a"), (2, "b"), (3, "c"), (4, "d"), (5, "e")] {
        record(store, [chat(seconds, "ada", line)]).await;
    }
    assert_eq!(messages(&recent(store, 1).await), ["e"]);
    assert_eq!(messages(&recent(store, 3).await), ["c", "d", "e"]);
    assert_eq!(messages(&recent(store, 5).await), ["a", "b", "c", "d", "e"]);
    assert_eq!(messages(&recent(store, 10_000).await), ["a", "b", "c", "d", "e"]);
}

async fn lines_come_in_the_order_of_their_times(db: Database) {
    let store = &**db.store();
    record(store, [chat(40, "ada", "d"), chat(10, "ada", "a")]).await;
    record(store, [chat(50, "ada", "e"), chat(20, "ada", "b")]).await;
    record(store, [chat(30, "ada", "c")]).await;
    assert_eq!(messages(&all(store).await), ["a", "b", "c", "d", "e"]);
    assert_eq!(
        messages(&recent(store, 2).await),
        ["d", "e"],
        "the newest by their time, not by their arrival"
    );
}

async fn lines_of_one_moment_come_in_the_order_of_their_batch(db: Database) {
    let store = &**db.store();
    // Names and texts in no order of their own.
    let lines: Vec<_> = (0..100).map(|number| format!("{} {number}", number * 37 % 100)).collect();
    let events = lines.iter().map(|line| chat(7, line, line)).collect::<Vec<_>>();
    record(store, events).await;
    let kept = all(store).await;
    assert_eq!(messages(&kept), lines);
    assert!(kept.is_sorted_by(|a, b| a.id < b.id));
    assert_eq!(messages(&recent(store, 10).await), lines[90..]);
}

async fn lines_of_one_moment_come_in_the_order_of_their_batches(db: Database) {
    let store = &**db.store();
    for line in ["c", "a", "d", "b"] {
        record(store, [chat(7, "ada", line), chat(7, "bob", line)]).await;
    }
    assert_eq!(messages(&all(store).await), ["c", "c", "a", "a", "d", "d", "b", "b"]);
}

async fn the_limit_cuts_lines_of_one_moment_by_identity(db: Database) {
    let store = &**db.store();
    record(store, ["a", "b", "c", "d"].map(|line| chat(7, "ada", line))).await;
    assert_eq!(messages(&recent(store, 3).await), ["b", "c", "d"]);
    let page = store.chat_after(RowKey::START, limit(3)).await.unwrap();
    assert_eq!(messages(&page), ["a", "b", "c"]);
}

async fn lines_of_one_moment_keep_their_order_where_space_is_used_again(db: Database) {
    let store = &**db.store();
    let lines =
        |range: std::ops::Range<usize>| range.map(|number| format!("line {number}")).collect::<Vec<_>>();
    let at_once = |range| lines(range).iter().map(|line| chat(1_000, "ada", line)).collect::<Vec<_>>();
    record(store, (0..30).map(|second| chat(second, "ada", "old")).collect::<Vec<_>>()).await;
    record(store, at_once(0..10)).await;
    let retention = Retention { chat: Seconds::new(500).unwrap(), ..Retention::default() };
    assert_eq!(store.maintain(&retention, at(1_000)).await.unwrap().chat.get(), 30);
    // These may now be stored before the ones that they follow.
    record(store, at_once(10..20)).await;
    assert_eq!(messages(&recent(store, 5).await), lines(15..20));
    assert_eq!(messages(&recent(store, 15).await), lines(5..20));
    assert_eq!(messages(&in_pages(store, 3).await), lines(0..20));
}

async fn lines_since_a_moment_leave_it_out(db: Database) {
    let store = &**db.store();
    for (seconds, line) in [(9, "a"), (10, "b"), (10, "c"), (11, "d"), (12, "e")] {
        record(store, [chat(seconds, "ada", line)]).await;
    }
    for (since, expected) in [
        (0, &["a", "b", "c", "d", "e"][..]),
        (9, &["b", "c", "d", "e"]),
        (10, &["d", "e"]),
        (11, &["e"]),
        (12, &[]),
        (Timestamp::MAX.seconds(), &[]),
    ] {
        let lines = store.chat_after(RowKey::since(at(since)), Limit::MAX).await.unwrap();
        assert_eq!(messages(&lines), expected, "since {since}");
    }
}

async fn lines_follow_a_key_whether_or_not_its_row_exists(db: Database) {
    let store = &**db.store();
    record(store, [chat(0, "ada", "a"), chat(5, "ada", "b"), chat(Timestamp::MAX.seconds(), "ada", "c")])
        .await;
    let lines = all(store).await;
    for (after, expected) in [
        (RowKey::START, &["a", "b", "c"][..]),
        (lines[0].key(), &["b", "c"]),
        (RowKey { at: at(0), id: RowId::new(i64::MAX) }, &["b", "c"]),
        (RowKey { at: at(5), id: RowId::new(i64::MIN) }, &["b", "c"]),
        (lines[1].key(), &["c"]),
        (lines[2].key(), &[]),
        (RowKey::END, &[]),
    ] {
        let lines = store.chat_after(after, Limit::MAX).await.unwrap();
        assert_eq!(messages(&lines), expected, "after {after:?}");
    }
}

async fn pages_cover_all_lines_once(db: Database) {
    let store = &**db.store();
    let times: Vec<i64> = (0..60).map(|number| number * 7 % 20).collect();
    for times in times.chunks(9) {
        record(store, times.iter().map(|&at| chat(at, "ada", "hi")).collect::<Vec<_>>()).await;
    }
    let lines = all(store).await;
    assert_eq!(lines.len(), 60);
    assert!(lines.is_sorted_by(|a, b| a.key() < b.key()));
    for rows in [1, 2, 7, 59, 60, 61] {
        assert_eq!(in_pages(store, rows).await, lines, "pages of {rows}");
    }
}

async fn pages_cover_lines_of_one_moment_once(db: Database) {
    let store = &**db.store();
    let lines: Vec<_> = (0..25).map(|number| format!("line {number}")).collect();
    record(store, lines.iter().map(|line| chat(7, "ada", line)).collect::<Vec<_>>()).await;
    for rows in [1, 3, 5, 25] {
        assert_eq!(messages(&in_pages(store, rows).await), lines, "pages of {rows}");
    }
}

async fn a_page_goes_on_after_lines_that_came_meanwhile(db: Database) {
    let store = &**db.store();
    record(store, [chat(10, "ada", "a"), chat(20, "ada", "b"), chat(30, "ada", "d")]).await;
    let page = store.chat_after(RowKey::START, limit(2)).await.unwrap();
    record(store, [chat(5, "ada", "too old"), chat(20, "ada", "c"), chat(40, "ada", "e")]).await;
    let next = store.chat_after(page[1].key(), limit(10)).await.unwrap();
    assert_eq!(messages(&next), ["c", "d", "e"]);
}

async fn identities_are_never_equal(db: Database) {
    let store = &**db.store();
    for round in (0..10).rev() {
        record(store, (0..10).map(|_| chat(round, "ada", "hi")).collect::<Vec<_>>()).await;
    }
    let mut identities: Vec<_> = all(store).await.iter().map(|line| line.id).collect();
    identities.sort_unstable();
    identities.dedup();
    assert_eq!(identities.len(), 100);
}

async fn lists_reach_ten_thousand_lines(db: Database) {
    let store = &**db.store();
    for batch in 0..11 {
        record(store, (0..1_000).map(|line| chat(batch * 1_000 + line, "ada", "hi")).collect::<Vec<_>>())
            .await;
    }
    let oldest = all(store).await;
    assert_eq!((oldest.len(), oldest[9_999].at), (10_000, at(9_999)));
    let newest = recent(store, 10_000).await;
    assert_eq!((newest[0].at, newest[9_999].at), (at(1_000), at(10_999)));
    assert_eq!(store.chat_count().await.unwrap().get(), 11_000);
}

async fn lines_are_counted(db: Database) {
    for count in 1..=5 {
        record(&**db.store(), [chat(9, "ada", "hi"), chat(9, "ada", ""), chat(9, "server", "hi")]).await;
        assert_eq!(db.store().chat_count().await.unwrap().get(), count);
    }
}

async fn lines_survive_reopening(mut db: Database) {
    record(&**db.store(), [chat(2, "ada", "b"), chat(1, "bob", "a\n\u{1F600}"), chat(2, "cyd", "c")]).await;
    let lines = all(&**db.store()).await;
    db.reopen().await;
    assert_eq!(all(&**db.store()).await, lines);
    record(&**db.store(), [chat(2, "ada", "d")]).await;
    assert_eq!(messages(&all(&**db.store()).await), ["a\n\u{1F600}", "b", "c", "d"]);
}
