//! Sessions: what joins, leaves and lines make of them, whatever the order of their times and the split into batches.

use botstore::model::{ChannelEvent, CloseSessions, Count, Timestamp, UserStats};

use crate::case::{Case, cases};
use crate::database::Database;
use crate::given::{at, chat, joined, left, name, record, user};
use crate::snapshot::Snapshot;

pub(super) const CASES: &[Case] = cases![
    a_leave_adds_the_seconds_since_the_join,
    sessions_add_up,
    a_line_does_not_open_a_session,
    a_line_is_the_sessions_latest_sign_of_life,
    an_older_line_does_not_move_the_sign_back,
    a_join_closes_the_open_session_at_its_own_last_sign,
    a_join_closes_a_silent_session_without_seconds,
    a_line_before_the_join_is_no_sign_of_its_session,
    an_older_join_replaces_the_session,
    a_leave_before_its_join_adds_nothing,
    a_leave_at_the_moment_of_its_join_adds_nothing,
    a_join_after_a_leave_of_the_same_moment_stays_open,
    a_second_leave_changes_nothing,
    a_leave_that_closes_a_session_is_a_sign_of_life,
    a_session_may_last_until_9999,
    sessions_of_several_users_do_not_touch,
    seconds_stay_at_their_greatest_value,
    closing_with_the_last_sign_adds_up_to_it,
    closing_at_a_moment_is_like_everybodys_leave,
    closing_at_a_moment_before_a_join_adds_nothing,
    closing_without_open_sessions_changes_nothing,
    closing_closes_hundreds_of_sessions;
    persistent:
    opening_and_closing_a_store_leaves_sessions_open,
];

/// What is expected of `ada`.
struct Expected {
    seen: (i64, i64),
    lines: i64,
    seconds: i64,
    /// The session's start and last sign of life.
    session: Option<(i64, i64)>,
}

impl Expected {
    fn row(&self, who: &str) -> UserStats {
        UserStats {
            username: name(who),
            first_seen: at(self.seen.0),
            last_seen: at(self.seen.1),
            total_chat_lines: Count::new("lines", self.lines).unwrap(),
            total_time_connected: Count::new("seconds", self.seconds).unwrap(),
            current_session_start: self.session.map(|(start, _)| at(start)),
            session_last_seen: self.session.map(|(_, sign)| at(sign)),
        }
    }
}

/// That the events end as expected in one batch, one by one, and in every split into two batches: each on a user of
/// its own.
async fn assert_ends(db: &Database, events: impl Fn(&str) -> Vec<ChannelEvent>, expected: Expected) {
    let store = &**db.store();
    let count = events("anybody").len();
    for cut in 0..=count {
        let who = format!("user {cut}");
        let events = events(&who);
        if cut == count {
            for event in events {
                record(store, [event]).await;
            }
        } else {
            for part in [&events[..cut], &events[cut..]] {
                if !part.is_empty() {
                    record(store, part).await;
                }
            }
        }
        assert_eq!(user(store, &who).await, expected.row(&who), "cut at {cut}");
    }
}

async fn a_leave_adds_the_seconds_since_the_join(db: Database) {
    let events = |who: &str| vec![joined(100, who), left(160, who)];
    assert_ends(&db, events, Expected { seen: (100, 160), lines: 0, seconds: 60, session: None }).await;
}

async fn sessions_add_up(db: Database) {
    let events = |who: &str| {
        vec![
            joined(100, who),
            left(160, who),
            joined(200, who),
            chat(210, who, "hi"),
            left(205, who),
            joined(300, who),
        ]
    };
    let expected = Expected { seen: (100, 300), lines: 1, seconds: 65, session: Some((300, 300)) };
    assert_ends(&db, events, expected).await;
}

async fn a_line_does_not_open_a_session(db: Database) {
    let events = |who: &str| vec![chat(5, who, "hi"), chat(9, who, "hi")];
    assert_ends(&db, events, Expected { seen: (5, 9), lines: 2, seconds: 0, session: None }).await;
}

async fn a_line_is_the_sessions_latest_sign_of_life(db: Database) {
    let events = |who: &str| vec![joined(100, who), chat(130, who, "hi"), chat(150, who, "")];
    let expected = Expected { seen: (100, 150), lines: 2, seconds: 0, session: Some((100, 150)) };
    assert_ends(&db, events, expected).await;
}

async fn an_older_line_does_not_move_the_sign_back(db: Database) {
    let events =
        |who: &str| vec![joined(100, who), chat(150, who, "hi"), chat(120, who, "hi"), chat(90, who, "hi")];
    let expected = Expected { seen: (90, 150), lines: 3, seconds: 0, session: Some((100, 150)) };
    assert_ends(&db, events, expected).await;
}

async fn a_join_closes_the_open_session_at_its_own_last_sign(db: Database) {
    let events =
        |who: &str| vec![joined(100, who), chat(140, who, "hi"), chat(120, who, "hi"), joined(500, who)];
    let expected = Expected { seen: (100, 500), lines: 2, seconds: 40, session: Some((500, 500)) };
    assert_ends(&db, events, expected).await;
}

async fn a_join_closes_a_silent_session_without_seconds(db: Database) {
    let events = |who: &str| vec![joined(100, who), joined(500, who), joined(900, who)];
    let expected = Expected { seen: (100, 900), lines: 0, seconds: 0, session: Some((900, 900)) };
    assert_ends(&db, events, expected).await;
}

async fn a_line_before_the_join_is_no_sign_of_its_session(db: Database) {
    // The user's latest moment, 900, is not the session's: the session ends with its own last sign, 130.
    let events =
        |who: &str| vec![chat(900, who, "hi"), joined(100, who), chat(130, who, "hi"), joined(200, who)];
    let expected = Expected { seen: (100, 900), lines: 2, seconds: 30, session: Some((200, 200)) };
    assert_ends(&db, events, expected).await;
}

async fn an_older_join_replaces_the_session(db: Database) {
    let events = |who: &str| vec![joined(100, who), chat(110, who, "hi"), joined(50, who), left(80, who)];
    assert_ends(&db, events, Expected { seen: (50, 110), lines: 1, seconds: 10 + 30, session: None }).await;
}

async fn a_leave_before_its_join_adds_nothing(db: Database) {
    let events = |who: &str| vec![joined(100, who), left(40, who)];
    assert_ends(&db, events, Expected { seen: (40, 100), lines: 0, seconds: 0, session: None }).await;
}

async fn a_leave_at_the_moment_of_its_join_adds_nothing(db: Database) {
    let events = |who: &str| vec![joined(100, who), left(100, who)];
    assert_ends(&db, events, Expected { seen: (100, 100), lines: 0, seconds: 0, session: None }).await;
}

async fn a_join_after_a_leave_of_the_same_moment_stays_open(db: Database) {
    let events = |who: &str| vec![joined(90, who), left(100, who), joined(100, who)];
    let expected = Expected { seen: (90, 100), lines: 0, seconds: 10, session: Some((100, 100)) };
    assert_ends(&db, events, expected).await;
}

async fn a_second_leave_changes_nothing(db: Database) {
    let events = |who: &str| vec![joined(100, who), left(110, who), left(190, who), left(5, who)];
    assert_ends(&db, events, Expected { seen: (100, 110), lines: 0, seconds: 10, session: None }).await;
}

async fn a_leave_that_closes_a_session_is_a_sign_of_life(db: Database) {
    let events = |who: &str| vec![joined(100, who), left(400, who), chat(200, who, "hi")];
    assert_ends(&db, events, Expected { seen: (100, 400), lines: 1, seconds: 300, session: None }).await;
}

async fn a_session_may_last_until_9999(db: Database) {
    let last = Timestamp::MAX.seconds();
    let events = |who: &str| vec![joined(0, who), left(last, who)];
    assert_ends(&db, events, Expected { seen: (0, last), lines: 0, seconds: last, session: None }).await;
}

async fn sessions_of_several_users_do_not_touch(db: Database) {
    let store = &**db.store();
    record(store, [joined(1, "ada"), joined(2, "bob"), chat(5, "bob", "hi"), left(9, "ada")]).await;
    record(store, [joined(10, "bob"), joined(11, "cyd"), left(12, "cyd")]).await;
    assert_eq!(user(store, "ada").await.total_time_connected.get(), 8);
    assert_eq!(user(store, "bob").await.total_time_connected.get(), 3);
    assert_eq!(user(store, "bob").await.current_session_start, Some(at(10)));
    assert_eq!(user(store, "cyd").await.total_time_connected.get(), 1);
}

async fn seconds_stay_at_their_greatest_value(db: Database) {
    let store = &**db.store();
    let last = Timestamp::MAX.seconds();
    // 500 sessions from 1970 to 9999: 2^53 seconds are reached with the 72nd batch.
    let ada: Vec<_> = (0..500).flat_map(|_| [joined(0, "ada"), left(last, "ada")]).collect();
    for batch in 1..=73 {
        record(store, ada.as_slice()).await;
        let expected = (batch * 500 * last).min(Count::MAX.get());
        assert_eq!(user(store, "ada").await.total_time_connected.get(), expected, "{batch}");
    }
    record(store, [joined(0, "ada"), joined(0, "bob")]).await;
    assert_eq!(store.close_sessions(CloseSessions::At(Timestamp::MAX)).await.unwrap().get(), 2);
    assert_eq!(user(store, "ada").await.total_time_connected, Count::MAX);
    let totals = store.user_totals().await.unwrap();
    assert_eq!(totals.connected_seconds, Count::MAX, "the sum over all users, too");
}

async fn closing_with_the_last_sign_adds_up_to_it(db: Database) {
    let store = &**db.store();
    record(store, [joined(100, "ada"), chat(130, "ada", "hi"), joined(200, "bob"), chat(900, "cyd", "hi")])
        .await;
    record(store, [chat(800, "dee", "hi"), joined(300, "dee"), chat(304, "dee", "hi")]).await;
    assert_eq!(store.close_sessions(CloseSessions::LastSign).await.unwrap().get(), 3);
    let expected = |seen, lines, seconds| Expected { seen, lines, seconds, session: None };
    assert_eq!(user(store, "ada").await, expected((100, 130), 1, 30).row("ada"));
    assert_eq!(user(store, "bob").await, expected((200, 200), 0, 0).row("bob"));
    assert_eq!(user(store, "cyd").await, expected((900, 900), 1, 0).row("cyd"));
    assert_eq!(user(store, "dee").await, expected((300, 800), 2, 4).row("dee"));
    record(store, [left(950, "ada")]).await;
    assert_eq!(
        user(store, "ada").await,
        expected((100, 130), 1, 30).row("ada"),
        "no session is left to close"
    );
}

async fn closing_at_a_moment_is_like_everybodys_leave(db: Database) {
    let store = &**db.store();
    record(store, [joined(100, "ada"), chat(130, "ada", "hi"), joined(200, "bob"), chat(9, "cyd", "hi")])
        .await;
    assert_eq!(store.close_sessions(CloseSessions::At(at(250))).await.unwrap().get(), 2);
    let expected = |seen, lines, seconds| Expected { seen, lines, seconds, session: None };
    assert_eq!(user(store, "ada").await, expected((100, 250), 1, 150).row("ada"));
    assert_eq!(user(store, "bob").await, expected((200, 250), 0, 50).row("bob"));
    assert_eq!(user(store, "cyd").await, expected((9, 9), 1, 0).row("cyd"));
}

async fn closing_at_a_moment_before_a_join_adds_nothing(db: Database) {
    let store = &**db.store();
    record(store, [joined(100, "ada"), joined(40, "bob")]).await;
    assert_eq!(store.close_sessions(CloseSessions::At(at(50))).await.unwrap().get(), 2);
    let expected = |seen, seconds| Expected { seen, lines: 0, seconds, session: None };
    assert_eq!(user(store, "ada").await, expected((50, 100), 0).row("ada"));
    assert_eq!(user(store, "bob").await, expected((40, 50), 10).row("bob"));
}

async fn closing_without_open_sessions_changes_nothing(db: Database) {
    let store = &**db.store();
    assert_eq!(store.close_sessions(CloseSessions::LastSign).await.unwrap(), Count::ZERO);
    record(store, [joined(100, "ada"), left(130, "ada"), chat(140, "bob", "hi")]).await;
    let before = Snapshot::of(store, &["ada", "bob"]).await;
    assert_eq!(store.close_sessions(CloseSessions::LastSign).await.unwrap(), Count::ZERO);
    assert_eq!(store.close_sessions(CloseSessions::At(at(999))).await.unwrap(), Count::ZERO);
    assert_eq!(Snapshot::of(store, &["ada", "bob"]).await, before);
}

async fn closing_closes_hundreds_of_sessions(db: Database) {
    let store = &**db.store();
    record(store, (0..700).map(|number| joined(number, &format!("user {number}"))).collect::<Vec<_>>()).await;
    assert_eq!(store.close_sessions(CloseSessions::At(at(700))).await.unwrap().get(), 700);
    let totals = store.user_totals().await.unwrap();
    assert_eq!((totals.open_sessions.get(), totals.connected_seconds.get()), (0, (1..=700).sum()));
    assert_eq!(store.close_sessions(CloseSessions::At(at(701))).await.unwrap(), Count::ZERO);
}

async fn opening_and_closing_a_store_leaves_sessions_open(mut db: Database) {
    record(&**db.store(), [joined(100, "ada"), chat(130, "ada", "hi")]).await;
    db.reopen().await;
    let open = Expected { seen: (100, 130), lines: 1, seconds: 0, session: Some((100, 130)) };
    assert_eq!(user(&**db.store(), "ada").await, open.row("ada"));
    record(&**db.store(), [left(160, "ada")]).await;
    let closed = Expected { seen: (100, 160), lines: 1, seconds: 60, session: None };
    assert_eq!(user(&**db.store(), "ada").await, closed.row("ada"));
}
