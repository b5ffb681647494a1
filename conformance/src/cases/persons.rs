//! Forgetting a user, and another name for one.

use botstore::ErrorKind;
use botstore::model::{Count, Rename, UserRows, UserStats};
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
    of_two_open_sessions_one_stays,
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

async fn of_two_open_sessions_one_stays(db: Database) {
    let store = db.store().as_ref();
    record(store, [joined(10, "ada"), chat(90, "ada", "x"), joined(20, "bob"), chat(50, "bob", "y")]).await;
    rename(store, "ada", "bob").await;
    let bob = user(store, "bob").await;
    assert_eq!((bob.current_session_start, bob.session_last_seen), (Some(at(10)), Some(at(90))));
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
