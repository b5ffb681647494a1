//! Copying a store, and comparing two.

use std::sync::Arc;

use async_trait::async_trait;
use botstore::model::{
    Batch, Claim, Count, MessageText, NewMessage, NewToken, RowKey, Seconds, Settlement, StatusPatch,
    StatusText, TokenSecret, UniqueKey,
};
use botstore::store::BotStore;
use botstore::transfer::{
    self, Comparison, Difference, Field, Identities, Key, KeyPart, Page, Row, Side, Table, TransferError,
    Work,
};
use botstore::{Config, ErrorKind, Export, Result, StoreError};
use serde_json::json;

use super::kv::{key, set};
use crate::case::{Case, cases};
use crate::database::Database;
use crate::given::{
    AWKWARD, action, at, chat, counts, joined, kind_of, left, limit, numbered, record, status, text,
};
use crate::snapshot::Snapshot;

pub(super) const CASES: &[Case] = cases![
    a_store_survives_being_copied_out_and_back,
    a_new_store_is_copied,
    rows_of_many_pages_come_in_the_order_of_their_keys,
    a_page_of_the_longest_lines_ends_by_bytes_and_nothing_is_left_out,
    a_copy_that_was_stopped_goes_on_where_it_stopped,
    a_store_with_rows_of_its_own_is_not_copied_into,
    numbers_go_on_where_those_of_the_copied_store_ended,
    numbers_never_go_back,
    a_page_may_be_written_again,
    a_page_is_written_whole_or_not_at_all,
    rows_that_differ_are_named;
    persistent:
    what_no_store_would_have_written_is_named,
];

const NAMES: [&str; 3] = ["ada", "bob", "\u{1F600}"];

/// A store of another backend, or the same, with nothing in it.
async fn other() -> Box<dyn BotStore> {
    let url = "sqlite:///:memory:".parse().unwrap();
    botstore::open(&Config::new(url)).await.unwrap()
}

async fn copy(from: &dyn BotStore, into: &dyn BotStore) -> transfer::Copied {
    transfer::copy(from, into, |_| ()).await.unwrap()
}

async fn compare(from: &dyn BotStore, into: &dyn BotStore) -> Vec<Comparison> {
    transfer::compare(from, into, 10, |_| ()).await.unwrap()
}

async fn assert_same(from: &dyn BotStore, into: &dyn BotStore) {
    for compared in compare(from, into).await {
        assert!(compared.is_same(), "{compared:?}");
        assert_eq!((compared.differences.len(), compared.more), (0, 0), "{compared:?}");
    }
}

/// Something in every table; the secret of an active token.
async fn fill(store: &dyn BotStore) -> TokenSecret {
    let patch = StatusPatch { status: Some(StatusText::new("online").unwrap()), ..StatusPatch::default() };
    let mut events = vec![joined(10, "ada"), joined(11, "bob"), left(20, "bob"), counts(12, 2, 5)];
    events.extend(AWKWARD.map(|message| chat(30, "\u{1F600}", message)));
    events.extend([
        action(31, "ada", "kick", Some("bob")),
        action(32, "ada", "ban", None),
        status(33, patch),
    ]);
    store.record(&numbered("log", 0, events)).await.unwrap();
    let message = |words: &str| NewMessage::new(text(words)).unwrap();
    store.enqueue(&message("first").with_unique_key(UniqueKey::new("k").unwrap()), at(40)).await.unwrap();
    store.enqueue(&message("second"), at(41)).await.unwrap();
    let claim = Claim::new(at(50), Seconds::from_minutes(1)).unwrap();
    let leases = store.claim_messages(claim, limit(1)).await.unwrap();
    store.settle_message(&leases[0], &Settlement::Sent, at(51)).await.unwrap();
    let (active, revoked) = (TokenSecret::generate().unwrap(), TokenSecret::generate().unwrap());
    for secret in [&active, &revoked] {
        store.create_token(&NewToken::of(secret), at(60)).await.unwrap();
    }
    let selector = botstore::model::TokenSelector::parse(revoked.reveal()).unwrap();
    store.revoke_token(&selector, at(61)).await.unwrap();
    set(store, &key("b"), json!({"x": [1.5, null, "\u{1F600}"]})).await;
    set(store, &key("a"), json!(null)).await;
    active
}

async fn empty(store: &dyn BotStore) {
    for table in Table::ALL {
        while store.remove_rows(table).await.unwrap() {}
    }
}

async fn a_store_survives_being_copied_out_and_back(db: Database) {
    let (store, other) = (&**db.store(), other().await);
    let secret = fill(store).await;
    let before = Snapshot::of(store, &NAMES).await;
    assert_eq!(copy(store, &*other).await.found, 0);
    assert_same(store, &*other).await;
    empty(store).await;
    assert_eq!(Snapshot::of(store, &NAMES).await.users, [None, None, None]);
    let copied = copy(&*other, store).await;
    assert_same(store, &*other).await;
    assert_eq!(copied.written, rows(store).await);
    assert_eq!(Snapshot::of(store, &NAMES).await, before);
    assert!(store.check_token(&secret.hash(), at(70)).await.unwrap().is_some());
    assert_eq!(store.outbound_messages(None, None, limit(10)).await.unwrap().len(), 2);
    // The source's position came along: the same batch is skipped, and the next is applied.
    let again = store.record(&numbered("log", 0, vec![joined(10, "ada")])).await.unwrap();
    assert_eq!((again.applied, again.skipped), (0, 1));
}

/// How many rows a store has.
async fn rows(store: &dyn BotStore) -> u64 {
    let mut rows = 0;
    for table in Table::ALL {
        rows += store.row_count(table).await.unwrap().get().unsigned_abs();
    }
    rows
}

async fn a_new_store_is_copied(db: Database) {
    let other = other().await;
    let copied = copy(&**db.store(), &*other).await;
    // The rows that are always there are the same in both, and nobody copied them.
    assert_eq!((copied.found, copied.written), (0, 0));
    assert_same(&**db.store(), &*other).await;
}

async fn rows_of_many_pages_come_in_the_order_of_their_keys(db: Database) {
    let store = db.store();
    let names: Vec<String> = (0..Table::UserStats.page() + 3).map(|user| format!("{user}")).collect();
    for names in names.chunks(Batch::MAX_EVENTS) {
        record(&**store, names.iter().map(|name| joined(10, name)).collect::<Vec<_>>()).await;
    }
    let mut expected: Vec<_> = names.iter().map(|name| vec![KeyPart::Text(name.clone())]).collect();
    expected.sort();
    let mut keys: Vec<Key> = Vec::new();
    loop {
        let page = store.export_rows(Table::UserStats, keys.last()).await.unwrap();
        assert!(page.rows().len() as i64 <= Table::UserStats.page());
        if page.rows().is_empty() {
            break;
        }
        keys.extend(page.rows().iter().map(Row::key));
    }
    assert_eq!(keys.iter().map(|key| key.parts().to_vec()).collect::<Vec<_>>(), expected);
    assert_eq!(store.row_count(Table::UserStats).await.unwrap().get(), expected.len() as i64);
}

async fn a_page_of_the_longest_lines_ends_by_bytes_and_nothing_is_left_out(db: Database) {
    let store = db.store();
    let longest = "\u{1D11E}".repeat(MessageText::MAX_CHARS);
    for _ in 0..6 {
        record(&**store, (0..20).map(|line| chat(line, "ada", &longest)).collect::<Vec<_>>()).await;
    }
    let (mut pages, mut ids, mut after) = (Vec::new(), Vec::new(), None);
    loop {
        let page = store.export_rows(Table::RecentChat, after.as_ref()).await.unwrap();
        pages.push(page.rows().len());
        let Some(last) = page.rows().last() else { break };
        after = Some(last.key());
        ids.extend(page.rows().iter().map(|row| row.key().to_string()));
    }
    // The 53rd line of 40,003 bytes, its name included, brings a page to 2 MiB.
    assert_eq!(pages, [53, 53, 14, 0]);
    assert_eq!(ids, (1..=120).map(|id| id.to_string()).collect::<Vec<_>>());
    let other = other().await;
    copy(&**store, &*other).await;
    assert_same(&**store, &*other).await;
}

/// A store that fails once it has given so many rows of chat.
struct Failing(Arc<dyn BotStore>);

#[async_trait]
impl Export for Failing {
    async fn export_rows(&self, table: Table, after: Option<&Key>) -> Result<Page> {
        if table == Table::RecentChat && after.is_some() {
            return Err(StoreError::new(ErrorKind::Unavailable, "export_rows", "gone"));
        }
        self.0.export_rows(table, after).await
    }

    async fn row_count(&self, table: Table) -> Result<Count> {
        self.0.row_count(table).await
    }

    async fn identities(&self) -> Result<Identities> {
        self.0.identities().await
    }

    async fn check_rights(&self, work: Work) -> Result<()> {
        self.0.check_rights(work).await
    }
}

async fn a_copy_that_was_stopped_goes_on_where_it_stopped(db: Database) {
    let (store, other) = (db.store(), other().await);
    let page = Table::RecentChat.page();
    for first in (0..2 * page).step_by(Batch::MAX_EVENTS) {
        let lines =
            (first..(first + Batch::MAX_EVENTS as i64).min(2 * page)).map(|line| chat(line, "ada", "hi"));
        record(&**store, lines.collect::<Vec<_>>()).await;
    }
    let stopped = transfer::copy(&Failing(Arc::clone(store)), &*other, |_| ()).await;
    assert!(matches!(stopped, Err(TransferError::Store { side: Side::From, .. })), "{stopped:?}");
    let beginning = rows(&*other).await;
    assert_eq!(other.row_count(Table::RecentChat).await.unwrap().get(), page);
    let copied = copy(&**store, &*other).await;
    // The two rows that are always there were not copied.
    assert_eq!((copied.found, copied.written), (beginning - 2, rows(&**store).await - beginning));
    assert_same(&**store, &*other).await;
}

async fn a_store_with_rows_of_its_own_is_not_copied_into(db: Database) {
    let (store, other) = (&**db.store(), other().await);
    fill(&*other).await;
    record(store, [joined(10, "ada"), joined(11, "Zoe")]).await;
    let before = Snapshot::of(store, &["ada", "Zoe"]).await;
    let refused = transfer::copy(&*other, store, |_| ()).await.unwrap_err();
    let TransferError::Occupied { table: Table::UserStats, key } = &refused else { panic!("{refused}") };
    assert_eq!(key.to_string(), "Zoe", "byte by byte, it comes first");
    assert_eq!(Snapshot::of(store, &["ada", "Zoe"]).await, before);
    assert_eq!(store.row_count(Table::ApiTokens).await.unwrap(), Count::ZERO);
}

async fn numbers_go_on_where_those_of_the_copied_store_ended(db: Database) {
    let (store, other) = (&**db.store(), other().await);
    fill(&*other).await;
    copy(&*other, store).await;
    assert_eq!(store.identities().await.unwrap(), other.identities().await.unwrap());
    let message = NewMessage::new(text("third")).unwrap();
    let (here, there) =
        (store.enqueue(&message, at(80)).await.unwrap(), other.enqueue(&message, at(80)).await.unwrap());
    assert_eq!(here.id, there.id);
    let (here, there) = (set(store, &key("c"), json!(1)).await, set(&*other, &key("c"), json!(1)).await);
    assert_eq!(here, there);
    record(store, [chat(90, "ada", "last"), counts(91, 1, 1), action(92, "ada", "kick", None)]).await;
    let lines = store.chat_after(RowKey::since(at(80)), limit(10)).await.unwrap();
    assert_eq!(lines.len(), 1);
}

async fn numbers_never_go_back(db: Database) {
    let store = db.store();
    fill(&**store).await;
    let before = store.identities().await.unwrap();
    store.raise_identities(&Identities::default()).await.unwrap();
    assert_eq!(store.identities().await.unwrap(), before);
    let higher = Identities { recent_chat: before.recent_chat + 5, ..before };
    store.raise_identities(&higher).await.unwrap();
    assert_eq!(store.identities().await.unwrap(), higher);
    record(&**store, [chat(90, "ada", "last")]).await;
    let line = store.recent_chat(limit(1)).await.unwrap().remove(0);
    assert_eq!(line.id.get(), higher.recent_chat + 1);
}

fn position_row(source: &str, position: i64) -> Row {
    let fields = vec![Field::Text(source.to_owned()), Field::Int(position)];
    Row::new(Table::SourcePositions, fields).unwrap()
}

async fn a_page_may_be_written_again(db: Database) {
    let page = |one, other| {
        Page::new(Table::SourcePositions, vec![position_row("a", one), position_row("b", other)]).unwrap()
    };
    db.store().import_rows(&page(1, 2)).await.unwrap();
    db.store().import_rows(&page(3, 4)).await.unwrap();
    let kept = db.store().export_rows(Table::SourcePositions, None).await.unwrap();
    assert_eq!(kept.rows(), page(1, 2).rows(), "what is there is left alone");
}

fn value_row(key: &str, version: i64) -> Row {
    let text = |text: &str| Field::Text(text.to_owned());
    let fields = vec![text("quiz"), text(key), text("1"), Field::Int(version), Field::Null];
    Row::new(Table::PluginValues, fields).unwrap()
}

async fn a_page_is_written_whole_or_not_at_all(db: Database) {
    let page = Page::new(Table::PluginValues, vec![value_row("a", 7), value_row("b", 7)]).unwrap();
    assert_eq!(kind_of(db.store().import_rows(&page).await), ErrorKind::Conflict);
    assert_eq!(db.store().row_count(Table::PluginValues).await.unwrap(), Count::ZERO);
}

async fn rows_that_differ_are_named(db: Database) {
    let (store, other) = (&**db.store(), other().await);
    fill(store).await;
    copy(store, &*other).await;
    record(&*other, [chat(100, "ada", ""), joined(101, "zed")]).await;
    set(store, &key("only here"), json!(1)).await;
    let differing: Vec<_> =
        compare(store, &*other).await.into_iter().filter(|compared| !compared.is_same()).collect();
    let named: Vec<_> = differing
        .iter()
        .flat_map(|compared| compared.differences.iter().map(|difference| (compared.table, told(difference))))
        .collect();
    assert_eq!(
        named,
        [
            (Table::UserStats, "ada: last_seen, total_chat_lines, session_last_seen".to_owned()),
            (Table::UserStats, "only the second store: zed".to_owned()),
            (Table::PluginValues, "only the first store: quiz / only here".to_owned()),
        ]
    );
    let few = transfer::compare(store, &*other, 1, |_| ()).await.unwrap();
    assert_eq!((few[0].differences.len(), few[0].more), (1, 1));
}

fn told(difference: &Difference) -> String {
    match difference {
        Difference::Only(side, key) => format!("only {side}: {key}"),
        Difference::Columns(key, columns) => format!("{key}: {}", columns.join(", ")),
    }
}

async fn what_no_store_would_have_written_is_named(db: Database) {
    record(&**db.store(), [joined(10, "ada")]).await;
    let damage = "UPDATE user_stats SET first_seen = -5 WHERE username = 'ada'";
    db.raw().sql(damage).await;
    let error = db.store().export_rows(Table::UserStats, None).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("user_stats.first_seen of the row ada is before 1970"), "{error}");
}
