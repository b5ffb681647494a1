//! Forgetting a user, and another name for one.

use botstore::ErrorKind;
use botstore::model::{Count, Rename, Timestamp, UserRows, UserStats};
use botstore::store::BotStore;

use crate::case::{Case, cases};
use crate::database::Database;
use crate::given::{action, at, chat, counts, joined, kind_of, left, name, record, user};
use crate::snapshot::Snapshot;

pub(super) const CASES: &[Case] = cases![
    a_deleted_user_leaves_no_trace_and_others_stay,
    a_user_nobody_knows_is_deleted_without_harm,
    a_deleted_user_who_comes_back_begins_anew,
    a_renamed_user_keeps_everything,
    lines_and_entries_of_a_name_without_counts_are_renamed,
    two_users_become_one,
    two_open_sessions_that_overlap_become_one,
    of_two_open_sessions_that_do_not_overlap_the_earlier_ends_at_its_last_sign,
    of_two_open_sessions_the_earlier_adds_no_more_than_the_greatest_count,
    a_session_open_under_either_name_stays_open,
    sums_of_two_users_stop_at_the_greatest_count,
    who_is_unknown_cannot_be_renamed,
    a_name_is_new_and_a_persons,
];

fn rows(user: bool, chat: i64, actions: i64) -> UserRows {
    let count = |rows| Count::new("rows", rows).unwrap();
    UserRows { user, chat: count(chat), actions: count(actions) }
}

async fn rename(store: &dyn BotStore, from: &str, to: &str) -> UserRows {
    store.rename_user(&Rename::new(name(from), name(to)).unwrap()).await.unwrap()
}

/// Ada and Bob, who spoke and acted.
async fn two(store: &dyn BotStore) {
    let mut events = vec![joined(10, "ada"), chat(20, "ada", "one"), chat(21, "ada", ""), left(30, "ada")];
    events.extend([joined(5, "bob"), chat(40, "bob", "two"), left(50, "bob"), counts(60, 2, 3)]);
    events.extend([action(70, "ada", "kick", Some("bob")), action(71, "bob", "ban", Some("ada"))]);
    record(store, events).await;
}

async fn a_deleted_user_leaves_no_trace_and_others_stay(db: Database) {
    let store = db.store().as_ref();
    two(store).await;
    let before = Snapshot::of(store, &["bob"]).await;
    assert_eq!(store.delete_user(&name("ada")).await.unwrap(), rows(true, 1, 1));
    let after = Snapshot::of(store, &["ada", "bob"]).await;
    assert_eq!((&after.users[0], &after.users[1]), (&None, &before.users[0]));
    assert!(after.chat.iter().all(|line| line.username == name("bob")));
    assert_eq!((after.chat.len(), after.actions.len()), (1, 1));
    assert_eq!((after.channel, after.samples), (before.channel, before.samples));
}

async fn a_user_nobody_knows_is_deleted_without_harm(db: Database) {
    let store = db.store().as_ref();
    two(store).await;
    let before = Snapshot::of(store, &["ada", "bob"]).await;
    for unknown in ["Ada", "ad%", "%"] {
        assert_eq!(store.delete_user(&name(unknown)).await.unwrap(), UserRows::default(), "{unknown}");
    }
    assert_eq!(Snapshot::of(store, &["ada", "bob"]).await, before);
}

async fn a_deleted_user_who_comes_back_begins_anew(db: Database) {
    let store = db.store().as_ref();
    two(store).await;
    store.delete_user(&name("ada")).await.unwrap();
    record(store, [chat(100, "ada", "again")]).await;
    let ada = user(store, "ada").await;
    assert_eq!((ada.first_seen, ada.total_chat_lines.get()), (at(100), 1));
}

async fn a_renamed_user_keeps_everything(db: Database) {
    let store = db.store().as_ref();
    two(store).await;
    let before = user(store, "ada").await;
    assert_eq!(rename(store, "ada", "Ada").await, rows(true, 1, 1));
    assert_eq!(user(store, "Ada").await, UserStats { username: name("Ada"), ..before });
    let after = Snapshot::of(store, &["ada"]).await;
    assert_eq!(after.users, [None]);
    assert_eq!(after.chat[0].username, name("Ada"));
    assert!(after.actions.iter().any(|action| action.username == name("Ada")));
}

async fn lines_and_entries_of_a_name_without_counts_are_renamed(db: Database) {
    use botstore::transfer::{Field, Page, Row, Table};
    let store = db.store().as_ref();
    let text = |text: &str| Field::Text(text.into());
    let line =
        Row::new(Table::RecentChat, vec![Field::Int(1), Field::Int(2), text("ada"), text("hi")]).unwrap();
    store.import_rows(&Page::new(Table::RecentChat, vec![line]).unwrap()).await.unwrap();
    record(store, [action(70, "bob", "kick", None)]).await;
    assert_eq!(rename(store, "ada", "Ada").await, rows(false, 1, 0));
    assert_eq!(rename(store, "bob", "Bob").await, rows(false, 0, 1));
    let after = Snapshot::of(store, &["Ada", "Bob"]).await;
    assert_eq!(after.users, [None, None]);
    assert_eq!((&after.chat[0].username, &after.actions[0].username), (&name("Ada"), &name("Bob")));
}

async fn two_users_become_one(db: Database) {
    let store = db.store().as_ref();
    two(store).await;
    assert_eq!(rename(store, "ada", "bob").await, rows(true, 1, 1));
    let expected = UserStats {
        username: name("bob"),
        first_seen: at(5),
        last_seen: at(50),
        total_chat_lines: Count::new("lines", 3).unwrap(),
        total_time_connected: Count::new("seconds", 20 + 45).unwrap(),
        current_session_start: None,
        session_last_seen: None,
    };
    assert_eq!(user(store, "bob").await, expected);
    let after = Snapshot::of(store, &["ada"]).await;
    assert_eq!((after.users, after.totals.users.get(), after.chat.len()), (vec![None], 1, 2));
}

/// Renames one whose session is open from one moment to another, into one of the same; gives what is counted, the start of
/// the session that stays, and its last sign.
async fn sessions(store: &dyn BotStore, [from, to]: [(&str, i64, i64); 2]) -> (i64, [Option<i64>; 2]) {
    for (who, start, last) in [from, to] {
        record(store, [joined(start, who), chat(last, who, "x")]).await;
    }
    rename(store, from.0, to.0).await;
    let kept = user(store, to.0).await;
    let session = [kept.current_session_start, kept.session_last_seen].map(|at| at.map(Timestamp::seconds));
    (kept.total_time_connected.get(), session)
}

async fn two_open_sessions_that_overlap_become_one(db: Database) {
    let store = db.store().as_ref();
    let whole = (0, [Some(10), Some(90)]);
    assert_eq!(sessions(store, [("a", 10, 90), ("b", 20, 50)]).await, whole);
    assert_eq!(sessions(store, [("c", 20, 90), ("d", 10, 50)]).await, whole);
    assert_eq!(sessions(store, [("e", 50, 90), ("f", 10, 50)]).await, whole, "they touch");
    assert_eq!(sessions(store, [("g", 10, 50), ("h", 50, 90)]).await, whole, "they touch");
}

async fn of_two_open_sessions_that_do_not_overlap_the_earlier_ends_at_its_last_sign(db: Database) {
    let store = db.store().as_ref();
    let later = (40, [Some(60), Some(90)]);
    assert_eq!(sessions(store, [("a", 10, 50), ("b", 60, 90)]).await, later);
    assert_eq!(sessions(store, [("c", 60, 90), ("d", 10, 50)]).await, later);
}

async fn of_two_open_sessions_the_earlier_adds_no_more_than_the_greatest_count(db: Database) {
    use botstore::transfer::{Field, Page, Row, Table};
    let store = db.store().as_ref();
    let row = |who: &str, seconds: i64, start: i64| {
        let numbers = [0, 0, 0, seconds, start, start + 40].map(Field::Int);
        Row::new(Table::UserStats, [vec![Field::Text(who.into())], numbers.to_vec()].concat()).unwrap()
    };
    let page = vec![row("ada", Count::MAX.get() - 10, 10), row("bob", 1, 60)];
    store.import_rows(&Page::new(Table::UserStats, page).unwrap()).await.unwrap();
    rename(store, "ada", "bob").await;
    let bob = user(store, "bob").await;
    assert_eq!((bob.total_time_connected, bob.current_session_start), (Count::MAX, Some(at(60))));
}

async fn a_session_open_under_either_name_stays_open(db: Database) {
    let store = db.store().as_ref();
    record(store, [joined(10, "a"), chat(1, "b", "x"), chat(1, "c", "x"), joined(20, "d")]).await;
    for (from, to, start) in [("a", "b", 10), ("c", "d", 20)] {
        rename(store, from, to).await;
        let kept = user(store, to).await;
        assert_eq!((kept.current_session_start, kept.session_last_seen), (Some(at(start)), Some(at(start))));
    }
}

async fn sums_of_two_users_stop_at_the_greatest_count(db: Database) {
    use botstore::transfer::{Field, Page, Row, Table};
    let store = db.store().as_ref();
    let row = |who: &str| {
        let numbers = [1, 2, Count::MAX.get(), Count::MAX.get()].map(Field::Int);
        let fields = [Field::Text(who.into())].into_iter().chain(numbers).chain([Field::Null, Field::Null]);
        Row::new(Table::UserStats, fields.collect()).unwrap()
    };
    store.import_rows(&Page::new(Table::UserStats, vec![row("ada"), row("bob")]).unwrap()).await.unwrap();
    rename(store, "ada", "bob").await;
    let bob = user(store, "bob").await;
    assert_eq!((bob.total_chat_lines, bob.total_time_connected), (Count::MAX, Count::MAX));
}

async fn who_is_unknown_cannot_be_renamed(db: Database) {
    let store = db.store().as_ref();
    two(store).await;
    let before = Snapshot::of(store, &["ada", "bob"]).await;
    let renamed = store.rename_user(&Rename::new(name("zoe"), name("ada")).unwrap()).await;
    assert_eq!(kind_of(renamed), ErrorKind::NotFound);
    assert_eq!(Snapshot::of(store, &["ada", "bob"]).await, before);
}

async fn a_name_is_new_and_a_persons(_: Database) {
    for (from, to) in [("ada", "ada"), ("ada", "Server"), ("SERVER", "ada")] {
        assert_eq!(Rename::new(name(from), name(to)).unwrap_err().field, "username", "{from} {to}");
    }
}
