//! The audit log.

use botstore::model::{ActionDetails, ActionFilter, ActionKind, Limit, RowKey, UserAction};
use botstore::store::BotStore;

use super::maintenance::refresh_statistics;
use crate::case::{Case, cases};
use crate::database::Database;
use crate::given::{AWKWARD, action, at, chat, joined, left, limit, name, record};

pub(super) const CASES: &[Case] = cases![
    an_action_is_kept_as_it_was_recorded,
    actions_come_newest_first_and_the_last_recorded_first_of_one_moment,
    actions_of_one_batch_and_one_moment_keep_the_batchs_order,
    actions_create_no_user,
    only_actions_are_in_the_audit_log,
    actions_of_the_server_are_kept_too,
    no_details_and_empty_details_are_told_apart,
    details_come_back_byte_for_byte,
    a_user_is_found_by_the_exact_name,
    a_kind_is_found_by_its_exact_text,
    from_is_inclusive_and_until_exclusive,
    an_entry_must_meet_every_condition_of_a_filter,
    a_span_without_a_moment_is_empty,
    a_page_follows_its_key_within_a_moment,
    pages_cover_all_entries_once,
    pages_cover_all_entries_that_a_filter_lets_through_once,
];

async fn list(store: &dyn BotStore, filter: &ActionFilter) -> Vec<UserAction> {
    store.user_actions(filter, RowKey::END, Limit::MAX).await.unwrap()
}

async fn all(store: &dyn BotStore) -> Vec<UserAction> {
    list(store, &ActionFilter::default()).await
}

/// The details of the entries that a filter finds, in order.
async fn found(store: &dyn BotStore, filter: &ActionFilter) -> Vec<String> {
    let details = |entry: UserAction| entry.details.unwrap().as_str().to_owned();
    list(store, filter).await.into_iter().map(details).collect()
}

fn kind(kind: &str) -> ActionKind {
    ActionKind::new(kind).unwrap()
}

async fn an_action_is_kept_as_it_was_recorded(db: Database) {
    let store = db.store().as_ref();
    record(store, [action(1_000, "ada", "kick", Some("bob"))]).await;
    let kept = all(store).await;
    let expected = UserAction {
        id: kept[0].id,
        at: at(1_000),
        username: name("ada"),
        action: kind("kick"),
        details: Some(ActionDetails::new("bob").unwrap()),
    };
    assert_eq!(kept, [expected]);
}

async fn actions_come_newest_first_and_the_last_recorded_first_of_one_moment(db: Database) {
    let store = db.store().as_ref();
    for (seconds, details) in [(20, "a"), (10, "b"), (30, "c"), (20, "d"), (10, "e"), (20, "f")] {
        record(store, [action(seconds, "ada", "kick", Some(details))]).await;
    }
    assert_eq!(found(store, &ActionFilter::default()).await, ["c", "f", "d", "a", "e", "b"]);
    let kept = all(store).await;
    assert!(kept.is_sorted_by(|a, b| a.key() > b.key()));
    let first = store.user_actions(&ActionFilter::default(), RowKey::END, limit(2)).await.unwrap();
    assert_eq!(first, kept[..2]);
}

async fn actions_of_one_batch_and_one_moment_keep_the_batchs_order(db: Database) {
    let store = db.store().as_ref();
    let details: Vec<String> = (0..50).map(|index| format!("{}", (index * 37) % 50)).collect();
    let events: Vec<_> = details.iter().map(|details| action(5, "ada", "kick", Some(details))).collect();
    record(store, events).await;
    let mut newest_first = found(store, &ActionFilter::default()).await;
    newest_first.reverse();
    assert_eq!(newest_first, details);
}

async fn actions_create_no_user(db: Database) {
    let store = db.store().as_ref();
    record(store, [action(5, "ada", "kick", None)]).await;
    assert_eq!(store.user_stats(&name("ada")).await.unwrap(), None);
}

async fn only_actions_are_in_the_audit_log(db: Database) {
    let store = db.store().as_ref();
    record(store, [joined(1, "ada"), chat(2, "ada", "kick"), left(3, "ada")]).await;
    assert_eq!(all(store).await, []);
}

async fn actions_of_the_server_are_kept_too(db: Database) {
    let store = db.store().as_ref();
    record(store, [action(5, "Server", "restart", Some("a")), action(6, "server", "restart", Some("b"))])
        .await;
    assert_eq!(found(store, &ActionFilter::default()).await, ["b", "a"]);
}

async fn no_details_and_empty_details_are_told_apart(db: Database) {
    let store = db.store().as_ref();
    record(store, [action(1, "ada", "kick", None), action(2, "ada", "kick", Some(""))]).await;
    let details: Vec<_> = all(store).await.into_iter().map(|entry| entry.details).collect();
    assert_eq!(details, [Some(ActionDetails::new("").unwrap()), None]);
}

async fn details_come_back_byte_for_byte(db: Database) {
    let store = db.store().as_ref();
    let long = "\u{1F600}".repeat(10_000);
    let texts: Vec<&str> = AWKWARD.into_iter().chain([long.as_str(), "one\ntwo\r\n\u{1}"]).collect();
    let events: Vec<_> = texts.iter().rev().map(|text| action(5, "ada", "kick", Some(text))).collect();
    record(store, events).await;
    assert_eq!(found(store, &ActionFilter::default()).await, texts);
}

async fn a_user_is_found_by_the_exact_name(db: Database) {
    let store = db.store().as_ref();
    let names =
        ["ada", "Ada", "ADA", "ad", "adaa", "%", "_da", "a%", "a'", "\u{E9}", "e\u{301}", "\u{1F600}"];
    let events: Vec<_> = names.iter().map(|who| action(5, who, "kick", Some(who))).collect();
    record(store, events).await;
    for who in names {
        let filter = ActionFilter { username: Some(name(who)), ..ActionFilter::default() };
        assert_eq!(found(store, &filter).await, [who]);
    }
    let nobody = ActionFilter { username: Some(name("aDa")), ..ActionFilter::default() };
    assert_eq!(list(store, &nobody).await, []);
}

async fn a_kind_is_found_by_its_exact_text(db: Database) {
    let store = db.store().as_ref();
    let kinds = ["kick", "Kick", "kic", "kick!", "%", "k%", "kic_", "k'k", "k\\k", "\u{1F600}"];
    let events: Vec<_> = kinds.iter().map(|kind| action(5, "ada", kind, Some(kind))).collect();
    record(store, events).await;
    for text in kinds {
        let filter = ActionFilter { action: Some(kind(text)), ..ActionFilter::default() };
        assert_eq!(found(store, &filter).await, [text]);
    }
    let none = ActionFilter { action: Some(kind("KICK")), ..ActionFilter::default() };
    assert_eq!(list(store, &none).await, []);
}

async fn from_is_inclusive_and_until_exclusive(db: Database) {
    let store = db.store().as_ref();
    let events: Vec<_> = ["9", "10", "11", "19", "20", "21"]
        .map(|seconds| action(seconds.parse().unwrap(), "ada", "kick", Some(seconds)))
        .into();
    record(store, events).await;
    for (from, until, expected) in [
        (Some(10), None, vec!["21", "20", "19", "11", "10"]),
        (Some(11), None, vec!["21", "20", "19", "11"]),
        (None, Some(20), vec!["19", "11", "10", "9"]),
        (None, Some(21), vec!["20", "19", "11", "10", "9"]),
        (Some(10), Some(20), vec!["19", "11", "10"]),
        (Some(20), Some(21), vec!["20"]),
        (None, None, vec!["21", "20", "19", "11", "10", "9"]),
    ] {
        let filter = ActionFilter { from: from.map(at), until: until.map(at), ..ActionFilter::default() };
        assert_eq!(found(store, &filter).await, expected, "{from:?} to {until:?}");
    }
}

async fn an_entry_must_meet_every_condition_of_a_filter(db: Database) {
    let store = db.store().as_ref();
    let mut events = Vec::new();
    for who in ["ada", "bob"] {
        for kind in ["kick", "ban"] {
            for seconds in [10, 20, 30] {
                events.push(action(seconds, who, kind, Some(&format!("{who} {kind} {seconds}"))));
            }
        }
    }
    record(store, events).await;
    // Each of the sixteen combinations of conditions.
    for bits in 0..16 {
        let set = |bit: i32| bits & (1 << bit) != 0;
        let filter = ActionFilter {
            username: set(0).then(|| name("ada")),
            action: set(1).then(|| kind("ban")),
            from: set(2).then(|| at(20)),
            until: set(3).then(|| at(30)),
        };
        let mut expected = Vec::new();
        for seconds in [30, 20, 10] {
            for who in ["bob", "ada"] {
                for kind in ["ban", "kick"] {
                    let passes = (!set(0) || who == "ada")
                        && (!set(1) || kind == "ban")
                        && (!set(2) || seconds >= 20)
                        && (!set(3) || seconds < 30);
                    if passes {
                        expected.push(format!("{who} {kind} {seconds}"));
                    }
                }
            }
        }
        assert_eq!(found(store, &filter).await, expected, "{filter:?}");
    }
}

async fn a_span_without_a_moment_is_empty(db: Database) {
    let store = db.store().as_ref();
    record(store, [action(10, "ada", "kick", None)]).await;
    for (from, until) in [(10, 10), (11, 10), (20, 0)] {
        let filter = ActionFilter { from: Some(at(from)), until: Some(at(until)), ..ActionFilter::default() };
        assert_eq!(list(store, &filter).await, []);
    }
}

async fn a_page_follows_its_key_within_a_moment(db: Database) {
    let store = db.store().as_ref();
    let events: Vec<_> = (0..4).map(|index| action(10, "ada", "kick", Some(&index.to_string()))).collect();
    record(store, events).await;
    record(store, [action(9, "ada", "kick", Some("old")), action(11, "ada", "kick", Some("new"))]).await;
    let whole = all(store).await;
    for (index, entry) in whole.iter().enumerate() {
        let rest = store.user_actions(&ActionFilter::default(), entry.key(), Limit::MAX).await.unwrap();
        assert_eq!(rest, whole[index + 1..]);
    }
    // What is of the moment itself comes before that key, what is later does not.
    let rest = store.user_actions(&ActionFilter::default(), RowKey::since(at(10)), Limit::MAX).await.unwrap();
    assert_eq!(rest, whole[1..]);
    let none = store.user_actions(&ActionFilter::default(), RowKey::START, Limit::MAX).await.unwrap();
    assert_eq!(none, []);
}

/// Three hundred entries with many ties, recorded out of order.
async fn fill(store: &dyn BotStore) {
    let events: Vec<_> = (0..300)
        .map(|index| {
            let who = ["ada", "bob", "cy"][index % 3];
            let kind = ["kick", "ban"][index / 3 % 2];
            action((index as i64 * 7919) % 23, who, kind, Some(&index.to_string()))
        })
        .collect();
    record(store, events).await;
}

async fn paged(store: &dyn BotStore, filter: &ActionFilter) -> Vec<UserAction> {
    let (mut listed, mut before) = (Vec::new(), RowKey::END);
    loop {
        let page = store.user_actions(filter, before, limit(7)).await.unwrap();
        assert!(page.len() <= 7);
        let Some(last) = page.last() else { return listed };
        before = last.key();
        listed.extend(page);
        assert!(listed.len() <= 300);
    }
}

async fn pages_cover_all_entries_once(db: Database) {
    let store = db.store().as_ref();
    fill(store).await;
    refresh_statistics(store).await;
    let whole = all(store).await;
    assert_eq!(whole.len(), 300);
    assert!(whole.is_sorted_by(|a, b| a.key() > b.key()));
    assert_eq!(paged(store, &ActionFilter::default()).await, whole);
}

async fn pages_cover_all_entries_that_a_filter_lets_through_once(db: Database) {
    let store = db.store().as_ref();
    fill(store).await;
    let filter = ActionFilter {
        username: Some(name("bob")),
        action: Some(kind("ban")),
        from: Some(at(3)),
        until: Some(at(17)),
    };
    let expected: Vec<_> = all(store)
        .await
        .into_iter()
        .filter(|entry| entry.username == name("bob") && entry.action == kind("ban"))
        .filter(|entry| (at(3)..at(17)).contains(&entry.at))
        .collect();
    assert!(expected.len() > 20);
    assert_eq!(paged(store, &filter).await, expected);
}
