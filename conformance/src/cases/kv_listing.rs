//! Lists of plugin values.

use botstore::model::{KvEntry, KvName, KvPrefix, Limit};
use botstore::store::BotStore;
use serde_json::json;

use super::kv::{NOW, all, key, key_of, plugin, set};
use super::maintenance::refresh_statistics;
use crate::case::{Case, cases};
use crate::database::Database;
use crate::given::{at, limit};

pub(super) const CASES: &[Case] = cases![
    keys_are_listed_in_byte_order,
    many_keys_are_listed_in_byte_order,
    a_list_has_whole_entries,
    a_list_has_the_keys_with_its_prefix,
    every_character_of_a_prefix_is_itself,
    a_prefix_may_end_where_the_code_points_have_a_gap,
    the_empty_prefix_is_every_keys,
    a_list_follows_the_key_that_is_named,
    a_list_begins_no_earlier_than_its_prefix,
    pages_cover_all_keys_once,
    a_list_is_of_one_plugin,
];

async fn fill(store: &dyn BotStore, keys: &[&str]) {
    for (index, name) in keys.iter().enumerate() {
        set(store, &key(name), json!(index)).await;
    }
}

async fn page(store: &dyn BotStore, prefix: &str, after: Option<&str>, rows: i64) -> Vec<KvEntry> {
    let prefix = KvPrefix::new(prefix).unwrap();
    let after = after.map(|after| KvName::new(after).unwrap());
    store.kv_list(&plugin("quiz"), &prefix, after.as_ref(), at(NOW), limit(rows)).await.unwrap()
}

fn keys(entries: &[KvEntry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.key.as_str()).collect()
}

async fn keys_are_listed_in_byte_order(db: Database) {
    let store = db.store().as_ref();
    // A locale would have "a" before "Z", and would pass over the hyphen and the space.
    let ordered = [
        " ",
        "!",
        "%",
        "'",
        "-a",
        "10",
        "9",
        "A",
        "Z",
        "Za",
        "\\",
        "_",
        "a",
        "a b",
        "a-b",
        "ab",
        "b",
        "e\u{301}",
        "z",
        "\u{E9}",
        "\u{5D0}",
        "\u{D7FF}",
        "\u{E000}",
        "\u{FFFD}",
        "\u{10000}",
        "\u{1F600}",
        "\u{10FFFF}",
    ];
    let mut shuffled = ordered;
    shuffled.reverse();
    shuffled.rotate_left(7);
    fill(store, &shuffled).await;
    assert_eq!(keys(&page(store, "", None, 10_000).await), ordered);
}

async fn many_keys_are_listed_in_byte_order(db: Database) {
    let store = db.store().as_ref();
    let mut names: Vec<String> = (0..200).map(|index| format!("{:03}", (index * 77) % 200)).collect();
    fill(store, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    refresh_statistics(store).await;
    names.sort_unstable();
    assert_eq!(keys(&page(store, "", None, 10_000).await), names);
}

async fn a_list_has_whole_entries(db: Database) {
    let store = db.store().as_ref();
    let a = set(store, &key("a"), json!({"x": [1, null]})).await;
    let b = set(store, &key("b"), json!("\u{1F600}")).await;
    let expected = [
        super::kv::entry(&key("a"), json!({"x": [1, null]}), a, None),
        super::kv::entry(&key("b"), json!("\u{1F600}"), b, None),
    ];
    assert_eq!(page(store, "", None, 10).await, expected);
}

async fn a_list_has_the_keys_with_its_prefix(db: Database) {
    let store = db.store().as_ref();
    fill(store, &["user", "user:", "user:ada", "user:bob", "user;", "users", "use", "User:ada", "a user:x"])
        .await;
    for (prefix, expected) in [
        ("user:", vec!["user:", "user:ada", "user:bob"]),
        ("user", vec!["user", "user:", "user:ada", "user:bob", "user;", "users"]),
        ("user:ada", vec!["user:ada"]),
        ("user:adam", vec![]),
        ("U", vec!["User:ada"]),
        ("z", vec![]),
    ] {
        assert_eq!(keys(&page(store, prefix, None, 10_000).await), expected, "{prefix}");
    }
}

async fn every_character_of_a_prefix_is_itself(db: Database) {
    let store = db.store().as_ref();
    fill(
        store,
        &["a", "ab", "a%", "a%b", "a_", "a_b", "a'", "a'b", "a\\", "a\\%", "a*", "a?b", "a\u{1F600}b"],
    )
    .await;
    for (prefix, expected) in [
        ("%", vec![]),
        ("_", vec![]),
        ("*", vec![]),
        ("a%", vec!["a%", "a%b"]),
        ("a_", vec!["a_", "a_b"]),
        ("a'", vec!["a'", "a'b"]),
        ("a\\", vec!["a\\", "a\\%"]),
        ("a\\%", vec!["a\\%"]),
        ("a*", vec!["a*"]),
        ("a?", vec!["a?b"]),
        ("a\u{1F600}", vec!["a\u{1F600}b"]),
    ] {
        assert_eq!(keys(&page(store, prefix, None, 10_000).await), expected, "{prefix}");
    }
}

async fn a_prefix_may_end_where_the_code_points_have_a_gap(db: Database) {
    let store = db.store().as_ref();
    let names = [
        "\u{D7FE}x",
        "\u{D7FF}",
        "\u{D7FF}\u{10FFFF}",
        "\u{E000}",
        "\u{E000}x",
        "\u{10FFFE}",
        "\u{10FFFF}",
        "\u{10FFFF}\u{10FFFF}",
    ];
    fill(store, &names).await;
    for (prefix, expected) in [
        ("\u{D7FF}", &names[1..3]),
        ("\u{E000}", &names[3..5]),
        ("\u{10FFFE}", &names[5..6]),
        ("\u{10FFFF}", &names[6..]),
        ("\u{10FFFF}\u{10FFFF}", &names[7..]),
        ("\u{10FFFF}\u{10FFFF}\u{10FFFF}", &[]),
    ] {
        assert_eq!(keys(&page(store, prefix, None, 10_000).await), expected, "{prefix:?}");
    }
}

async fn the_empty_prefix_is_every_keys(db: Database) {
    let store = db.store().as_ref();
    fill(store, &["\u{10FFFF}", " ", "a"]).await;
    assert_eq!(keys(&page(store, "", None, 10_000).await), [" ", "a", "\u{10FFFF}"]);
}

async fn a_list_follows_the_key_that_is_named(db: Database) {
    let store = db.store().as_ref();
    fill(store, &["a", "b", "ba", "c"]).await;
    for (after, expected) in [
        ("a", vec!["b", "ba", "c"]),
        ("b", vec!["ba", "c"]),
        ("c", vec![]),
        // A key that is not there is a place all the same.
        ("aa", vec!["b", "ba", "c"]),
        ("B", vec!["a", "b", "ba", "c"]),
        ("\u{10FFFF}", vec![]),
    ] {
        assert_eq!(keys(&page(store, "", Some(after), 10_000).await), expected, "{after}");
    }
}

async fn a_list_begins_no_earlier_than_its_prefix(db: Database) {
    let store = db.store().as_ref();
    fill(store, &["a", "b", "b1", "b2", "c"]).await;
    for (after, expected) in [
        ("a", vec!["b", "b1", "b2"]),
        ("b", vec!["b1", "b2"]),
        ("b1", vec!["b2"]),
        ("b2", vec![]),
        ("c", vec![]),
    ] {
        assert_eq!(keys(&page(store, "b", Some(after), 10_000).await), expected, "{after}");
    }
}

async fn pages_cover_all_keys_once(db: Database) {
    let store = db.store().as_ref();
    let names: Vec<String> = (0..50).map(|index| format!("k{:02}", (index * 37) % 50)).collect();
    fill(store, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    fill(store, &["j", "l"]).await;
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let page = page(store, "k", after.as_deref(), 7).await;
        assert!(page.len() <= 7);
        let Some(last) = page.last() else { break };
        after = Some(last.key.as_str().to_owned());
        listed.extend(page);
        assert!(listed.len() <= 50, "{listed:?}");
    }
    let whole = all(store, "quiz", NOW).await;
    assert_eq!(listed, whole[1..51]);
}

async fn a_list_is_of_one_plugin(db: Database) {
    let store = db.store().as_ref();
    for name in ["a", "quiz", "quiz2"] {
        set(store, &key_of(name, "key"), json!(name)).await;
    }
    let listed = store
        .kv_list(&plugin("quiz"), &KvPrefix::new("k").unwrap(), None, at(NOW), Limit::MAX)
        .await
        .unwrap();
    assert_eq!(listed.iter().map(|entry| entry.value.as_json()).collect::<Vec<_>>(), ["\"quiz\""]);
}
